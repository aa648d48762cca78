"""Steps of the main program and of processes, run as the Python function that they say."""
