"""Hostile scenario files by the thousand: whatever a text holds, it is answered in words, and nothing else happens.

    strategies ──▶ text ──▶ oracle.examine ──▶ nothing, or a Finding

`PYTHONPATH=tests python -m fuzz --seconds 600` searches with coverage as its guide; a short form is part of the tests.
"""
