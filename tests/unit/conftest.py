"""A folder for segments, who writes there and who reads; targets that run, and queues for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_targets import DEADLINE, Running, fork, put_all

from run_scenario.recording.drain import Drain
from run_scenario.recording.recorder import Recorder
from run_scenario.recording.segment_reader import SegmentReader


@pytest.fixture(autouse=True)
def no_descriptors_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the files of all recorders and readers of segments that a test has made: descriptors are not endless."""
    recorders: list[Recorder] = []
    readers: list[SegmentReader] = []
    for kind, made in ((Recorder, recorders), (SegmentReader, readers)):

        def note(self: Any, *args: Any, begin: Any = kind.__init__, made: Any = made, **kwargs: Any) -> None:
            begin(self, *args, **kwargs)
            made.append(self)

        monkeypatch.setattr(kind, "__init__", note)
    yield
    for recorder in recorders:
        recorder._folder = ""
        recorder._detach()
    for reader in readers:
        reader.close()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Return a folder for segments."""
    (tmp_path / "segments").mkdir()
    return str(tmp_path / "segments")


@pytest.fixture
def recorder(folder: str) -> Recorder:
    """Return a recorder with a segment in that folder."""
    recorder = Recorder()
    recorder.attach(folder, "Ann", 2)
    return recorder


@pytest.fixture
def drain(folder: str) -> Iterator[Drain]:
    """Return a drain of that folder."""
    drain = Drain(folder)
    yield drain
    drain.close()


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """Start a target; whatever still runs at the end of the test is killed."""
    started: list[Running] = []

    def start(function: Callable[..., Any], **kwargs: Any) -> Running:
        started.append(Running(function, **kwargs))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture
def queue() -> Iterator[Callable[..., Any]]:
    """Make a queue with some items in it, all of them already in its pipe."""
    made: list[Any] = []

    def make(kind: str = "Queue", items: tuple[Any, ...] = ()) -> Any:
        made.append(getattr(fork, kind)())
        # Another process puts them: here, the queue's thread would still be running when the target is forked.
        putter = fork.Process(target=put_all, args=(made[-1], items))
        putter.start()
        putter.join(DEADLINE)
        assert putter.exitcode == 0
        return made[-1]

    yield make
    for one in made:
        one.close()
