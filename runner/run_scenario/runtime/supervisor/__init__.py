"""The process that watches a run: deadline, exits, deadlocks, and the sweep at the end."""
