"""The events of a log that stay in its lines: the same as those of a list, wherever the lines are."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from report_logs import Event, event, numbered, stalled_consumers
from run_scenario import EventLog
from run_scenario import event as meant
from run_scenario.errors import MachineryError
from run_scenario.events import lines

ODD = [
    event("process.output", "A", 0.1, text="half a pair \ud800, \u2028 and \r", stream="stdout"),
    event("queue.put", "A", 0.2, queue="q", item_id=10**30, item={"a": [1.5, None, True]}, waited=0.0),
    event("queue.put", "A", 0.3, queue="q", item_id=2, item="x" * 3_000, waited=0.0),
    event("process.output", "B", 0.4, text="é", stream="stderr"),
]


@pytest.fixture(params=["in memory", "in its file"])
def _held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have logs held either way, in blocks of a few lines, of which two at a time are decoded."""
    monkeypatch.setattr(lines, "_BLOCK", 1_000)
    monkeypatch.setattr(lines, "_KEPT", 2)
    if request.param == "in its file":
        monkeypatch.setattr(lines, "IN_MEMORY", 0)


def long_run() -> list[Event]:
    """Return a run of some hundred events, of odd ones as well."""
    return numbered([*stalled_consumers(), *ODD, *(event("queue.seen", "A", 1.0, i=i) for i in range(300))])


def written(path: Path, *runs: list[Event]) -> Path:
    """Write a log in which the lines of several runs take turns."""
    shuffled = [each for run in runs for each in run]
    random.Random(1).shuffle(shuffled)
    order = {id(each): place for run in runs for place, each in enumerate(run)}
    waiting = {run[0]["run"]: iter(sorted(run, key=lambda each: order[id(each)])) for run in runs}
    path.write_text("".join(f"{json.dumps(next(waiting[each['run']]))}\n" for each in shuffled))
    return path


@pytest.mark.usefixtures("_held")
@pytest.mark.parametrize("others", [0, 2])
def test_a_log_that_is_read_is_as_one_of_a_list(tmp_path: Path, others: int) -> None:
    """Whatever is asked for, the answer is the same, also where other runs are in between."""
    events = long_run()
    other_runs = [[{**each, "run": f"other {number}"} for each in events[:-50]] for number in range(others)]
    read, held = EventLog.read(written(tmp_path / "log.jsonl", events, *other_runs), "3f2a"), EventLog(events)
    assert held == read
    assert read == held
    assert events == list(read)
    assert list(reversed(events)) == list(reversed(read))
    assert repr(held) == repr(read)
    assert [held[i] for i in (0, 7, -1, -300)] == [read[i] for i in (0, 7, -1, -300)]
    for part in (slice(3), slice(-5, None), slice(None, None, -7), slice(10, 400, 3), slice(9, 2)):
        assert held[part] == read[part]
        assert held[part][::-2] == read[part][::-2]
        assert held[part].of("queue.put") == read[part].of("queue.put")
    for wanted in (len(held), -len(held) - 1):
        with pytest.raises(IndexError):
            read[wanted]
    assert held.processes == read.processes
    assert held.output() == read.output()
    assert held.output("B", "stderr") == read.output("B", "stderr")
    for name in (None, "queue.put", "process.exited", "queue.seen", "lock.acquired"):
        assert held.of(name) == read.of(name)
        assert held.of(name, "A")[1:3] == read.of(name, "A")[1:3]
        assert held.of(name).of(process="A") == read.of(name).of(process="A")
    assert held.one("scenario.started") == read.one("scenario.started")
    with pytest.raises(LookupError, match="but 300"):
        read.one("queue.seen")
    assert str(held.exists("queue.put", item={"is": {"a": [1.5, None, True]}})) == str(
        read.exists("queue.put", item={"is": {"a": [1.5, None, True]}})
    )
    assert str(held.count(meant("queue.put"), is_=7)) == str(read.count(meant("queue.put"), is_=7))
    assert held.records() == read.records()
    assert events[5] in read
    assert 5 == read.index(events[5])
    assert held != read[:-1]


@pytest.mark.usefixtures("_held")
def test_a_log_can_be_copied(tmp_path: Path) -> None:
    """A copy has the events of its run, also when it has been asked something, and when its file is gone."""
    events = long_run()
    path = written(tmp_path / "log.jsonl", events, [{**each, "run": "other"} for each in events])
    log = EventLog.read(path, "3f2a")
    assert log.of("queue.put", "A")
    path.unlink()
    for each in (log, log[5:50:3], log.of("queue.put")):
        assert each == pickle.loads(pickle.dumps(each)) == copy.deepcopy(each) == EventLog(each)


@pytest.mark.usefixtures("_held")
def test_what_is_left_out_and_what_is_refused(tmp_path: Path) -> None:
    """A torn last line is left out, and a blank one; any other that is no event is an error, which names it."""
    path, whole = tmp_path / "log.jsonl", [json.dumps(each) for each in long_run()]
    for tail in ("", '{"event": "proc', "\n", "nonsense\n"):
        path.write_text("\n".join(whole) + "\n" + tail)
        assert len(whole) == len(EventLog.read(path))
    path.write_text("\r\n".join(whole))
    assert len(whole) == len(EventLog.read(path))
    for middle in ("", "{}", f"{whole[0]} {whole[1]}", '{"event":'):
        path.write_text("\n".join([*whole[:9], middle, *whole[9:]]))
        with pytest.raises(ValueError, match=r"log\.jsonl:10: this line is no event"):
            EventLog.read(path)
    path.write_text("")
    assert 0 == len(EventLog.read(path))
    assert not EventLog.read(path)


def test_a_log_comes_through_a_pipe(tmp_path: Path) -> None:
    """It is read as far as it goes, and held."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    text = "".join(f"{json.dumps(each)}\n" for each in long_run())
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(path.write_text, text)
        assert long_run() == list(EventLog.read(path))
        writing.result()


def test_a_file_may_grow_but_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays in its file is looked up there; events that are other ones by now are never shown."""
    monkeypatch.setattr(lines, "IN_MEMORY", 0)
    path = written(tmp_path / "log.jsonl", long_run())
    log, text = EventLog.read(path), path.read_text()
    with path.open("a") as file:
        file.write(text)
    assert long_run() == list(log)
    for changed in (text.replace("queue.put", "queue.get"), text[:-1], ""):
        path.write_text(text)
        log = EventLog.read(path)
        path.write_text(changed)
        with pytest.raises(MachineryError, match=r"log\.jsonl has been changed since it was read"):
            list(log)


def test_a_file_is_closed_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log, its parts and what was found in it share one open file; it is closed at once when they are gone."""
    monkeypatch.setattr(lines, "IN_MEMORY", 0)
    path = written(tmp_path / "log.jsonl", long_run())
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc here that shows which files are open")
    gc.disable()  # closed by nobody's collector
    try:
        before = len(os.listdir("/proc/self/fd"))
        log = EventLog.read(path)
        parts: list[Any] = [log[3:], log.of("queue.put"), log[::-1].of("queue.put")]
        assert all(map(list, parts))
        assert before + 1 == len(os.listdir("/proc/self/fd"))
        del log, parts
        assert before == len(os.listdir("/proc/self/fd"))
    finally:
        gc.enable()


def test_only_blocks_with_the_name_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To find the few events of a rare name, what has none of them is not looked at."""
    monkeypatch.setattr(lines, "_BLOCK", 1_000)
    events = numbered([*(event("queue.seen", "A", 1.0, i=i) for i in range(500)), event("scenario.finished", "A", 2.0)])
    log = EventLog.read(written(tmp_path / "log.jsonl", events))
    decoded: list[int] = []
    decode = lines._decode_lines
    monkeypatch.setattr(lines, "_decode_lines", lambda data: decoded.append(len(data)) or decode(data))
    assert 1 == len(log._where(lambda each: each["event"] == "scenario.finished", frozenset(["scenario.finished"])))
    assert 1 == len(decoded)


def test_a_short_log_is_decoded_once(tmp_path: Path) -> None:
    """Its events are the same objects each time, as those of a list are."""
    log = EventLog.read(written(tmp_path / "log.jsonl", long_run()))
    assert all(one is other for one, other in zip(log, log, strict=True))
    assert log[5] is log[3:][2]
