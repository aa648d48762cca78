"""The end of a recorded script: its own modules are taken down as the interpreter takes down all modules at its end.

Its process has forked off the command, and ends by os._exit(): what it has inherited may not be taken down. Order and
steps are those of `Py_FinalizeEx`, as far as the script can see them.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import weakref
from collections.abc import Collection
from types import ModuleType

_MAIN = ("__main__", "__mp_main__")
_LIBRARIES = frozenset({"site-packages", "dist-packages"})
"""Folders of what is installed: to take that apart in a program that goes on may end in a crash."""


def take_down(inherited: Collection[str]) -> None:
    """Let go of the modules that are the script's own, and so of what they hold; `inherited` are names of others'.

    Where other threads of the script go on, nothing is done: the interpreter would stop them, and here they would find
    their globals gone.
    """
    if threading.active_count() > 1:
        return
    _flush_streams()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    gc.collect()
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        sys.__dict__.pop(name, None)
    own = [name for name, module in sys.modules.items() if name in _MAIN or _is_own(name, module, inherited)]
    left = [weakref.ref(sys.modules[name]) for name in own]
    for name in own:
        sys.modules[name] = None  # type: ignore[assignment]  # as the interpreter has it: it is not imported again
    gc.collect()
    for each in reversed(left):
        module = each()
        if module is not None:
            _clear(module)
    _flush_streams()
    sys.stdout = sys.stderr = None  # where these are gone, the last circles go as well
    gc.collect()


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _is_own(name: str, module: ModuleType | None, inherited: Collection[str]) -> bool:
    """Tell whether a module is neither one of Python's, nor ours, nor an installed one."""
    top, file = name.partition(".")[0], getattr(module, "__file__", None)
    if name in inherited or top in sys.stdlib_module_names or top == "run_scenario" or not isinstance(file, str):
        return False
    return file.endswith(".py") and _LIBRARIES.isdisjoint(file.split(os.sep))


def _clear(module: ModuleType) -> None:
    """Take away what a module holds that something still holds: names with one underscore first."""
    names = vars(module)
    for name in [name for name in names if name.startswith("_") and not name.startswith("__")]:
        names[name] = None
    for name in [name for name in names if name != "__builtins__"]:
        names[name] = None
