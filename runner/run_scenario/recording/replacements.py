"""What is replaced in other modules so that own code is recorded, and how all of it is put back.

A recorded process keeps the replacements until it ends. Where only a block of a program is recorded, they are put back
at its end, the last one first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

_NOTHING = object()
_ways_back: list[Callable[[], object]] = []


def replace(owner: Any, name: str, value: Any) -> None:
    """Give a module or a class another attribute, until `put_back` is called."""
    # Not by getattr(): it would find what a base class has, and what a static method stands for.
    before = vars(owner).get(name, _NOTHING)
    setattr(owner, name, value)
    _ways_back.append(partial(_restore, owner, name, before, value))


def when_put_back(call: Callable[[], object]) -> None:
    """Have something called, too, when all is put back."""
    _ways_back.append(call)


def put_back() -> None:
    """Put back what has been replaced."""
    while _ways_back:
        _ways_back.pop()()


def _restore(owner: Any, name: str, before: Any, value: Any) -> None:
    if vars(owner).get(name) is not value:
        return  # somebody else has replaced it since, and is to keep that
    if before is _NOTHING:
        delattr(owner, name)
    else:
        setattr(owner, name, before)
