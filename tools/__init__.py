"""Commands of those who develop run-scenario: `python -m tools.NAME`. Nothing of it is in the wheel."""
