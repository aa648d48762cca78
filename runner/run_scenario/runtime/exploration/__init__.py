"""Exploration: a scheduler decides, again and again, in which order the real processes of a run move."""
