"""What the acceptance tests share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from browser import Page, found
from bundled_runs import BundledRuns
from recorded import abandon_recordings
from support import METHODS, Result, looked_at, run

from report_logs import Event
from run_scenario.report.html import render

_SKIPPED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note of a test that it has found out that it cannot be made here."""
    report = yield
    if call.when == "call":
        item.stash[_SKIPPED] = report.skipped
    return report


@pytest.fixture(autouse=True)
def fault_is_shown(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of a test with the mark `fault`: one of its runs has told the event and had the exit status that the mark names.

    The rest of what docs/reference/faults.md promises is checked of every run: its end in time, that nothing and nobody
    is left, and that each line of its log is in order.
    """
    results = looked_at()
    results.clear()
    yield
    for mark in () if request.node.stash.get(_SKIPPED, False) else request.node.iter_markers("fault"):
        event, status = mark.kwargs.get("event"), mark.kwargs.get("status")
        statuses = status if isinstance(status, tuple) else (status,)
        shown = [result.status in statuses and (event is None or bool(result.log.all(event))) for result in results]
        assert any(shown), f"{mark.args[0]}: no run with {event} and status {status}: {results}"


@pytest.fixture(autouse=True)
def no_recording_goes_on() -> Iterator[None]:
    """Whatever a test has recorded is over when the test is, also if it has failed."""
    yield
    abandon_recordings()


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Return each start method in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def bundled_runs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> BundledRuns:
    """Return the runs of the bundled scenarios, those that other workers of this session have made among them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "bundled-runs"
    folder.mkdir(exist_ok=True)
    return BundledRuns(folder)


@pytest.fixture
def play(tmp_path: Path, method: str):
    """Return a function that runs a scenario's text under the start method of this test."""

    def play(text: str, *arguments: str, allow: str = "actors") -> Result:
        return run(tmp_path, text, "--start-method", method, *arguments, allow=allow)

    return play


@pytest.fixture
def control_group() -> Iterator[Path]:
    """A control group (cgroups(7)) of its own, in which processes and threads can be limited by `pids.max`."""
    name = f"run-scenario-test-{os.getpid()}"
    for folder in (Path("/sys/fs/cgroup/pids", name), Path("/sys/fs/cgroup", name)):
        with contextlib.suppress(OSError):
            folder.mkdir()
            try:
                (folder / "pids.max").write_text("max")
                yield folder
                return
            finally:
                folder.rmdir()
    pytest.skip("control groups cannot be made here")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return one browser for all tests of this module."""
    found()
    page = Page(tmp_path_factory.mktemp("profile"))
    yield page
    page.close()


@pytest.fixture
def write(tmp_path: Path):
    """Return a function that writes the report of a log, and returns its path."""

    def write(events: list[Event], text: str | None = None) -> Path:
        path = tmp_path / "report.html"
        path.write_text("".join(render(iter(events), text)), encoding="utf-8")
        return path

    return write
