"""The exceptions that a step may name without a module: Python's own, and those of the modules about processes."""

from __future__ import annotations

import builtins

MODULES = {
    "AuthenticationError": "multiprocessing",
    "BrokenBarrierError": "threading",
    "BrokenExecutor": "concurrent.futures",
    "BrokenProcessPool": "concurrent.futures.process",
    "BufferTooShort": "multiprocessing",
    "CancelledError": "concurrent.futures",
    "Empty": "queue",
    "Full": "queue",
    "MaybeEncodingError": "multiprocessing.pool",
    "PicklingError": "pickle",
    "ProcessError": "multiprocessing",
    "RemoteError": "multiprocessing.managers",
    "UnpicklingError": "pickle",
}
"""Exceptions that are no built-ins -> the module that a script imports them from."""


def names() -> list[str]:
    """Return the names of all these exceptions."""
    own = [name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)]
    return [*own, *MODULES]
