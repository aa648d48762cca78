"""What all tests share: compiled modules for the thousand commands that they start, and signals as in a terminal.

At the end it is said how many kinds of fault were gone through.

Where PYTHONDONTWRITEBYTECODE is set, each of those would compile the package anew: two fifths of what it costs.
"""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from effort import THOROUGH, left_out

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled"))

# Unbuffered, print() writes a line in two parts, between which another process may write.
os.environ.pop("PYTHONUNBUFFERED", None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background like this, and every process would inherit it: Ctrl-C could not
    # be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Let tests fork, which they do beside threads of pytest-xdist: from 3.15 on Python's warning of that is raised."""
    config.addinivalue_line("filterwarnings", "ignore:.*is multi-threaded, use of (fork|forkpty):DeprecationWarning")
    # That of pytest's own process, in which few tests use it, is started again where one has ended it.
    config.addinivalue_line("filterwarnings", "ignore:resource_tracker. process died unexpectedly:UserWarning")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless there is time or somebody has asked for a test by its name."""
    if not THOROUGH and not any("::" in argument for argument in config.args):
        spare = left_out(items)
        config.hook.pytest_deselected(items=[item for item in items if item in spare])
        items[:] = [item for item in items if item not in spare]


def pytest_collection_finish() -> None:
    """Have Python not look for garbage among the tests themselves, again and again: it takes a sixth of a second."""
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which rows of docs/reference/faults.md a test shows, for the summary of whoever collects the reports."""
    item.user_properties += [("fault", mark.args[0]) for mark in item.iter_markers("fault")]


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close what earlier tests have left open in objects that refer to each other: descriptors are not endless."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many kinds of fault were survived or diagnosed, by how many tests."""
    passed = terminalreporter.stats.get("passed", [])
    rows = [value for report in passed for name, value in report.user_properties if name == "fault"]
    if rows:
        terminalreporter.write_line(
            f"{len(set(rows))} kinds of fault (docs/reference/faults.md) gone through by {len(rows)} tests"
        )
