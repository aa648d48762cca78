"""What is no target, though it can be called."""

from __future__ import annotations

import functools
import os
import subprocess
from typing import Any


def _outer() -> Any:
    def nested() -> None:
        print("nested")

    return nested


nested = _outer()
partial = functools.partial(print, "partial")
unnamed = lambda: print("lambda")  # noqa: E731
builtin = print
alias = os.system
borrowed = subprocess.run


class Sayer:
    """An ordinary class, which is no process."""

    def say(self) -> None:
        """Say it."""
        print("said")


bound = Sayer().say
number = 3
