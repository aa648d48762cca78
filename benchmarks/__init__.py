"""Ratios of run-scenario against the hand-written script, measured pairwise in one run: `python -m benchmarks`."""
