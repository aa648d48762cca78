"""Schedules of runs, and what exploring them has shown, as values: nothing is run here."""

STRATEGIES = ("walk", "random", "order", "priorities", "rare", "dfs")
"""How the schedules of an exploration are chosen."""
TURNS = ("walk", "dfs", "walk", "order", "walk", "random", "walk", "rare", "walk", "priorities")
"""The strategies in the order in which they take turns: `walk` finds most faults first, and no one finds all."""
