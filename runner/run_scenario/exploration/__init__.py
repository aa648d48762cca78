"""Schedules of runs, and what exploring them has shown, as values: nothing is run here."""
