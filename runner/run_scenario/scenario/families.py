"""The name that stands for several things together: for replicas, and for what a script has made under one name.

tasks     stands for tasks (script.py:12), tasks #2 (script.py:12), tasks (other.py:3)
Worker    stands for Worker-1, Worker-2; and for all processes called Worker, which a log has as Worker, Worker #2
"""

from __future__ import annotations

import re

_OF_SCRIPT = re.compile(r"(.+?)(?: #[0-9]+)? \([^()]+:[0-9]+\)")
"""A resource that a script has made: its variable, the file, and the line."""
_REPLICA = re.compile(r"(.+)-[0-9]+")
_NAMESAKE = re.compile(r"(.+) #[0-9]+")


def family_of(name: str) -> str:
    """Return the name for something and its likes together; empty if it has none but its own."""
    for form in (_OF_SCRIPT, _NAMESAKE, _REPLICA):
        if found := form.fullmatch(name):
            return found[1]
    return ""


def is_of_code(name: str) -> bool:
    """Return whether it is a name for what own code makes: its variable, the file, and the line."""
    return _OF_SCRIPT.fullmatch(name) is not None


def is_namesake(name: str) -> bool:
    """Return whether something has been given a number only because another has the same name."""
    return _NAMESAKE.fullmatch(name) is not None
