"""The log of a run on a terminal."""
