"""The coverage of a run, where coverage.py measures the program that starts it.

coverage.py is imported only where it measures already. In the processes of a run it works as in any others that
multiprocessing starts. What is left is the main program, which imports all modules first, and in which threads and
plain calls run: it is a fork of which multiprocessing knows nothing, and it ends by os._exit(), without the function by
which a script's data is saved.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any

_OPTIONS = ("branch", "concurrency", "context", "cover_pylib", "data_file", "include", "omit", "parallel", "source")
"""Of the section `run`: what options of a command can set, and the configuration file alone does not tell."""
_USUAL = ("already-imported", "module-not-imported", "no-data-collected")
"""Warnings that say of most main programs only that the targets run in other processes."""

_measuring: list[Any] = []


def settings() -> str:
    """Return how this process is measured, as `begin` takes it; empty if it is not.

    It is empty, too, if there is to be one file of data: another process would overwrite it.
    """
    current = _current()
    if current is None or not current.get_option("run:parallel"):
        return ""
    options = {name: current.get_option(f"run:{name}") for name in _OPTIONS}
    options["data_file"] = os.path.abspath(options["data_file"])
    return json.dumps({"config_file": current.config.config_file, "options": options})


def settings_for_processes() -> str:
    """Return the same, but empty if processes that multiprocessing starts are not measured."""
    found = settings()
    return found if found and "multiprocessing" in json.loads(found)["options"]["concurrency"] else ""


def begin(given: str) -> None:
    """Measure this process, a fork, from its beginning: as `given` says, or as the one that it was forked from."""
    found = given or settings()
    if not found:
        return
    while (inherited := _current()) is not None:  # what it has seen so far, the other process saves
        inherited.stop()
    chosen = json.loads(found)
    measuring = importlib.import_module("coverage").Coverage(config_file=chosen["config_file"] or False)
    for name, value in chosen["options"].items():
        measuring.set_option(f"run:{name}", value)
    measuring.set_option("run:disable_warnings", [*measuring.get_option("run:disable_warnings"), *_USUAL])
    measuring.start()
    _measuring.append(measuring)


def save() -> None:
    """Save what was measured since `begin`; why that cannot be done is printed, as by a script that ends."""
    while _measuring:
        measuring = _measuring.pop()
        try:
            measuring.stop()
            measuring.save()
        except Exception:
            traceback.print_exc()


def _current() -> Any:
    coverage: Any = sys.modules.get("coverage")
    return coverage.Coverage.current() if hasattr(coverage, "Coverage") else None
