"""What tests of segments share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from run_scenario.recording.drain import Drain

fork = multiprocessing.get_context("fork")


def rest(drain: Drain) -> list[list[Any]]:
    """Return all records that are left, without their times."""
    records: list[list[Any]] = []
    while released := drain.rest():
        assert [t for t, _, _ in released] == sorted(t for t, _, _ in released)
        records += [record[1:] for _, _, record in released]
    return records


def in_child(function: Callable[..., None], *args: Any) -> int | None:
    """Run a function in a forked process and return its exit code."""
    process = fork.Process(target=function, args=args)
    process.start()
    process.join(60)
    return process.exitcode
