"""A scenario as a plain multiprocessing script."""
