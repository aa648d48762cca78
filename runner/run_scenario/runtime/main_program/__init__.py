"""The main program of a run: the script that the scenario stands for."""
