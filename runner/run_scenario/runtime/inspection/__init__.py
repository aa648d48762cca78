"""Looks from outside at a program that was not started by run-scenario: reads /proc, and neither stops nor traces it.

`looking` looks twice and puts all together; `waits` reads what one thread sleeps in; `stacks` asks another tool for
Python's stacks.
"""
