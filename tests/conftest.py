"""What all tests share: compiled modules for the thousand commands that they start, and signals as in a terminal.

At the end it is said how many kinds of fault were gone through.

Where PYTHONDONTWRITEBYTECODE is set, each of those would compile the package anew: two fifths of what it costs.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background like this, and every process would inherit it: Ctrl-C could not
    # be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which rows of docs/faults.md a test shows, for the summary of whoever collects the reports."""
    item.user_properties += [("fault", mark.args[0]) for mark in item.iter_markers("fault")]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many kinds of fault were survived or diagnosed, by how many tests."""
    passed = terminalreporter.stats.get("passed", [])
    rows = [value for report in passed for name, value in report.user_properties if name == "fault"]
    if rows:
        terminalreporter.write_line(
            f"{len(set(rows))} kinds of fault (docs/faults.md) gone through by {len(rows)} tests"
        )
