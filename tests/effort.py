"""How much is tried: a part in the suite, all of it with THOROUGH=1 pytest; and how much something costs."""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

THOROUGH = bool(os.environ.get("THOROUGH"))
WARM = bool(os.environ.get("WARM")) and not THOROUGH
"""Whether commands are copies of a process that has imported run-scenario (see `commands.py`)."""
_METHODS = ("fork", "spawn", "forkserver")
_METHOD = re.compile(rf"(?<=[\[-])({'|'.join(_METHODS)})(?=[\]-])")
"""Where the name of a test has its start method."""


_EVERY = 3
"""Of so many cases of one test that runs processes, one is in the quick suite."""

_LOOP = 1_000_000
_QUICK = 0.04
"""Seconds that so many turns of a loop take on a quick machine."""


def is_cheap(call: Callable[[], object], budget: float) -> bool:
    """Return whether a call costs less processor time than so many seconds of a quick machine.

    How slow this one is just now, as neighbours on the same processor make it, is measured around the call by a loop.
    There are five tries at the most.
    """
    return any(_processor_time(call, _slowness()) < budget for _ in range(5))


def _processor_time(call: Callable[[], object], slowness: float) -> float:
    began = time.process_time()
    call()
    return (time.process_time() - began) / max(slowness, _slowness())


def _slowness() -> float:
    began, total = time.process_time(), 0
    for number in range(_LOOP):
        total += number
    return max(1.0, (time.process_time() - began) / _QUICK)


def examples(thorough: int) -> settings:
    """Return settings for a property that is tried on so many examples where there is time, else on a quarter."""
    return settings(max_examples=thorough if THOROUGH else max(20, thorough // 4), deadline=None)


def rounds(thorough: int) -> int:
    """Return how often something is tried whose moment is left to chance."""
    return thorough if THOROUGH else max(5, thorough // 20)


def often(thorough: int, else_: int = 1) -> int:
    """Return how often something long is to be done: once, or so often, unless there is time."""
    return thorough if THOROUGH else else_


def in_part(cases: Iterable[Any], every: int = 4) -> list[Any]:
    """Return cases of a parameter; all but the first and each fourth after it (or so) are a campaign."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=[pytest.mark.campaign] if n % every else [])
        for n, case in enumerate(cases)
    ]


def left_out(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return the tests that are left out unless there is time.

    Those are campaigns; all start methods of a case but one, which take turns from case to case, so that the tests of a
    module still go through all of them; and of what runs processes, two of three cases of the same test.
    """
    items = list(items)
    spare = {item for item in items if item.get_closest_marker("campaign")}
    modules: defaultdict[Path, defaultdict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if any(isinstance(value, str) and value in _METHODS for value in parameters.values()):
            modules[item.path][_METHOD.sub("", item.nodeid)].append(item)
    for cases in modules.values():
        for number, alike in enumerate(cases.values()):
            spare.update(set(alike) - {alike[number % len(alike)]})
    functions: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.path.parent.name == "acceptance" and item not in spare:
            functions[item.nodeid.partition("[")[0]].append(item)
    for kept in functions.values():
        spare.update(case for number, case in enumerate(kept) if number % _EVERY)
    return spare
