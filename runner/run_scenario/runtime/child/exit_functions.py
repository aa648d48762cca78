"""Which functions registered with atexit will not be called, because a forked process ends without that."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any

from run_scenario.runtime import cpython

_MOST_NAMES = 16
_NOT_MISSED = sys.stdlib_module_names | {"coverage", "run_scenario"}
"""Packages whose functions nobody misses: logging and the like; coverage.py saves its data before."""
_registered: list[tuple[Any, str]] = []
"""Function and name of each that was registered in this process by other code than the standard library's."""


def watch() -> None:
    """Note from now on what is registered, in a process that will end without calling it."""
    if cpython.calls_exit_functions() or hasattr(atexit.register, "noted"):
        return
    register, unregister = atexit.register, atexit.unregister

    def noting(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        if cpython.package_of_caller() not in _NOT_MISSED:
            _registered.append((function, getattr(function, "__qualname__", type(function).__name__)[:200]))
        return register(function, *args, **kwargs)

    def forgetting(function: Callable[..., Any]) -> None:
        _registered[:] = [each for each in _registered if each[0] != function]
        unregister(function)

    noting.noted = True  # type: ignore[attr-defined]
    atexit.register, atexit.unregister = noting, forgetting  # type: ignore[assignment]
    _registered.clear()


def missed() -> list[str]:
    """Return the names of those that will not be called."""
    return [name for _, name in _registered[:_MOST_NAMES]]
