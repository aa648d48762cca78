"""Programs in which all seem to wait for each other, and which go on: no deadlock may be claimed of any."""
