"""The runs of the bundled scenarios: each is made once in a session, whichever test or worker of it asks first."""

from __future__ import annotations

import contextlib
import fcntl
import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import Result, run

ABREAST = 4
"""Runs at a time: they spend most of their time asleep."""

NameAndMethod = tuple[str, str]


class BundledRuns:
    """What came of each bundled scenario under each start method, kept in a folder that all workers share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[NameAndMethod, Result] = {}

    def get(self, name: str, method: str) -> Result:
        """Return the run of a scenario; make it if nobody has yet, and wait if somebody is about to."""
        if (name, method) not in self._known:
            self._known[name, method] = self._kept(name, method)
        return self._known[name, method]

    def _kept(self, name: str, method: str) -> Result:
        kept = self._folder / f"{name}-{method}"
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if kept.exists():
                result: Result = pickle.loads(kept.read_bytes())
            else:
                result = run(self._folder, name, "--start-method", method, allow="")
                kept.write_bytes(pickle.dumps(result))
        return result

    @contextlib.contextmanager
    def ahead(self, wanted: Iterable[NameAndMethod]) -> Iterator[None]:
        """Make runs before they are asked for, a few at a time, for as long as this lasts."""
        pool = ThreadPoolExecutor(ABREAST)
        for name, method in wanted:
            pool.submit(self.get, name, method)
        try:
            yield
        finally:
            pool.shutdown(cancel_futures=True)


def selected(request: pytest.FixtureRequest) -> list[NameAndMethod]:
    """Return which scenarios the tests of a module ask for by their parameters, of those tests that are to run."""
    chosen = []
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec"):
            parameters = item.callspec.params
            if "name" in parameters and "method" in parameters:
                chosen.append((parameters["name"], parameters["method"]))
    return chosen
