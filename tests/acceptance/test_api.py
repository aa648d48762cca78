"""The Python API: load, run, Run and EventLog, on real runs."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import search_path

import run_scenario
from run_scenario import EventLog, InvalidScenario, UsageError, event, explore, load, record, record_block, run
from run_scenario.events import lines
from run_scenario.scenario.expectations import PATTERNS

PAIR = """
    version: 1
    queues: {q: {items: [1, 2], poison_pills: 1}}
    processes:
      - {name: W, target: consume, from: q, kwargs: {task_done: false, work: square}}
    expect:
      - conserved: q
"""
SLEEPER = {"name": "W", "target": "sleep", "kwargs": {"seconds": 0}}


@pytest.fixture(scope="module")
def log() -> EventLog:
    """Return the log of a run."""
    return run(PAIR).log


def test_public_names() -> None:
    """Every public name is there, and nothing else is taken for one."""
    assert all(hasattr(run_scenario, name) for name in run_scenario.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        run_scenario.nonsense  # noqa: B018


def test_a_bundled_scenario() -> None:
    """It is run by its name."""
    result = run("names", start_method="fork")
    assert result.passed
    assert result
    assert ("passed", 0, []) == (result.outcome, result.status, result.reasons)
    assert result.verdicts
    assert ["MainProcess", "Worker 1"] == result.log.processes[:2]


def test_many_schedules(tmp_path: Path) -> None:
    """A text, with a seed: nothing is found, and what that means is there; nothing is kept."""
    explored = explore(PAIR, schedules=6, seed=3, jobs=2)
    assert explored
    assert ("not_found", 6, 3, None, None) == (
        explored.verdict,
        explored.schedules,
        explored.seed,
        explored.run,
        explored.path,
    )
    assert 0 < (explored.most_chance_of_fault or 0) < 1
    assert str(explored).startswith("scenario: nothing found in 6 schedules")
    assert "nothing found" in repr(explored)


@pytest.mark.parametrize(
    ("source", "how", "message"),
    [
        ("shared-memory-block", {}, "is raw memory"),
        ("names", {"strategies": ["luck"]}, "there is no strategy 'luck'"),
        ("names", {"timeout": 0}, "timeout is a number of seconds"),
        ("names", {"keep": __file__}, "is no schedule"),
        ("names", {"allow": "a.b"}, "top-level packages"),
        ("version: 1\nprocesses: [{target: 'json:loads'}]\n", {}, 'write allow=\\["json"\\]'),
    ],
)
def test_what_is_not_explored(source: str, how: dict[str, Any], message: str) -> None:
    """It is an exception that says why."""
    with pytest.raises(UsageError, match=message):
        explore(source, **how)


def test_a_text_and_a_dictionary(tmp_path: Path) -> None:
    """YAML text need not begin at the margin; a dictionary says the same without a version; the log can be kept."""
    kept = tmp_path / "kept.jsonl"
    assert kept == run(PAIR, log=kept).path
    assert EventLog.read(kept).exists("queue.get", "W")
    result = run({"processes": [SLEEPER], "expect": [{"absent": event("process.finished", "W")}]})
    assert not result.passed
    assert "failed" == result.outcome
    assert "the expectation in line 1 failed" in repr(result)


def test_a_function_is_a_target() -> None:
    """Whoever hands over a function allows it; one that nobody can import is refused in words."""
    import actors

    result = run({"processes": [{"target": actors.tell_cpus}]})
    assert result.passed, result
    with pytest.raises(TypeError, match="must be at the top of a module"):
        run({"processes": [{"target": lambda: None}]})


def test_code_that_is_not_allowed() -> None:
    """It is said once for a package, with the way out that there is in Python."""
    names = ("actors:tell_cpus", "actors:nothing", "actors:tell_cpus")
    refused = run({"processes": [{"target": name} for name in names]})
    assert ("refused", 2) == (refused.outcome, refused.status)
    (reason,) = refused.reasons
    assert "the package 'actors', which you have not allowed; if you trust it, write allow=[\"actors\"]" in reason
    assert "--allow" not in f"{refused} {refused.stderr}"


def test_arguments_that_cannot_be() -> None:
    """They are named as they are called in Python."""
    for arguments, what in (
        ({"start_method": "forc"}, "start_method is one of 'fork', 'spawn', 'forkserver', not 'forc'"),
        ({"timeout": 0}, "timeout is a number of seconds above 0 and up to 86400, not 0"),
        ({"allow": ["my.package"]}, "allow has the names of top-level packages, .*'my.package'"),
    ):
        with pytest.raises(UsageError, match=what) as raised:
            run("daemon", **arguments)
        assert "--" not in str(raised.value)


def test_a_deadlock_that_is_expected() -> None:
    """It has passed where the scenario expects it by name, with status 0; the outcome still says how the run ended."""
    circle = run("circle")
    assert (True, 0, "stalled") == (circle.passed, circle.status, circle.outcome)
    text = "version: 1\nqueues: {q: {}}\nprocesses: [{target: consume, from: q, kwargs: {task_done: false}}]"
    for expect in ("", "expect: [{absent: {event: scenario.stalled}}]"):
        result = run(f"{text}\n{expect}\n")
        assert (False, 3, "stalled") == (result.passed, result.status, result.outcome)


def test_load() -> None:
    """What is wrong is raised with every problem and its place."""
    assert "names" == load("names").name
    with pytest.raises(InvalidScenario) as caught:
        load("version: 1\nprocesss: []\n", file="mine.yaml")
    assert "mine.yaml:2:1: unknown key 'processs' at the top level" in str(caught.value)
    with pytest.raises(UsageError, match="there is no file 'nowhere' here"):
        load("nowhere")
    with pytest.raises(InvalidScenario):
        run({"processes": [{"target": "sleeep"}]})


def test_what_is_loaded_is_run(tmp_path: Path) -> None:
    """Wherever it was loaded from: a text, a dictionary, a file."""
    (tmp_path / "mine.yaml").write_text("version: 1\nprocesses: [{name: W, target: sleep, args: [0]}]\n")
    for source in (PAIR, {"processes": [SLEEPER]}, tmp_path / "mine.yaml"):
        assert run(load(source)).log.exists("process.finished", "W")


def test_looking_for_events(log: EventLog) -> None:
    """Events are found by name, process and fields; a log is a sequence."""
    gets = log.of("queue.get", "W")
    assert [1, 2, None] == [e["item"] for e in gets]
    assert gets == log.of("queue.get", process="W", queue="q")
    assert [2] == [e["item"] for e in log.of("queue.get", item={"at_least": 2})]
    assert "scenario.started" == log[0]["event"]
    assert 3 == len(log[:3])
    assert "W" == log.one("process.finished", "W")["process"]
    with pytest.raises(LookupError, match=r"there is not one queue\.get, but 3:\n  \d+: .* W queue\.get"):
        log.one("queue.get")
    assert "<3 events: queue.get, queue.get, queue.get>" == repr(gets)


def test_patterns(log: EventLog) -> None:
    """Each pattern is a question to the log that answers with true or false, and why."""
    put, got = event("queue.put"), event("queue.get")
    assert log.exists("queue.get", "W", item=2)
    assert log.absent("process.failed")
    assert log.count(got, is_=3, because="two and a pill")
    assert log.order(put, got)
    assert log.precedes(put, got, same="item_id")
    assert log.leads_to(put, got, same="item_id", within=30)
    assert log.happens_before(put, got, same="item_id")
    assert not log.happens_before(got, put)
    assert log.overlap("W", "MainProcess")
    assert log.conserved("q")
    assert log.fifo("q")
    assert log.exitcodes({"W": 0, "MainProcess": [0]})
    assert log.distribution(got, of={"W": 3}, workers=1)
    assert log.duration(at_most=30)
    assert log.duration("W", at_most=30)
    assert log.mutual_exclusion({"from": got, "to": event("process.output")})
    assert log.no_orphans()
    assert log.not_({"exists": event("process.failed")})
    assert log.all_of({"exists": put}, {"exists": got})
    assert log.any_of({"absent": put}, {"absent": event("process.failed")})
    assert log.fifo("q", after=event("process.started", "W"))
    assert log.conserved("q", because="nothing may be lost")
    assert set(PATTERNS) - {"not"} <= set(dir(log))


def test_an_answer_explains_itself(log: EventLog) -> None:
    """Shown, a failed answer says what was looked for and shows the nearest events."""
    answer = log.exists("process.finished", "X")
    assert not answer
    assert "there is no process.finished with process 'X'; the nearest is process.finished (event " in answer.reason
    assert repr(answer).startswith("<failed: there is no process.finished")
    assert "MainProcess process.finished" in str(answer)
    answer = log.check(absent=event("queue.get"), because="it matters")
    assert "<failed (it matters): " in repr(answer)
    assert str(answer).startswith("not as expected: absent: {event: queue.get}\n    it matters\n    there is queue.get")


def test_events_may_be_written_as_in_yaml(log: EventLog) -> None:
    """A mapping and a list stand for what they stand for in a file."""
    assert log.exists({"event": "queue.get", "queue": "q"})
    assert log.exists({"event": "queue.get"}, queue="q")
    assert not log.absent({"event": "queue.get", "queue": "q"})
    assert event({"event": "queue.get"}, "W") == event("queue.get", "W")
    assert event({"one_of": ["queue.get", "queue.put"]}) == {"event": {"one_of": ["queue.get", "queue.put"]}}
    order = [{"event": "queue.put"}, {"event": "queue.get"}]
    assert log.order(order)
    assert log.order(*order)
    assert not log.order([{"event": "process.exited", "process": "W"}, {"event": "process.started", "process": "W"}])


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"exists": {}, "absent": {}},
        {"exist": {}},
        {"exists": {"a": {"b": 1}}},
        {"exists": "queue.get"},
        {"exists": {"event": "queue.get"}, "within": 3},
        {"count": {"event": "queue.get"}},
    ],
)
def test_what_is_no_expectation(log: EventLog, written: dict[str, object]) -> None:
    """It is a ValueError that says what there is."""
    with pytest.raises(ValueError, match=r"one pattern|there is no 'b'|is a mapping of fields|takes no|needs a number"):
        log.check(**written)


def test_who_never_took_part(log: EventLog) -> None:
    """What is said about a name of which the log has no event proves nothing, whichever way round."""
    for check in (
        log.absent("process.failed", "Wroker"),
        log.fifo("typo"),
        log.conserved("typo"),
        log.mutual_exclusion("gate"),
        log.concurrency("seats", at_most=2),
        log.count(event("queue.get", queue="typo"), is_=0),
        log.absent("value.written", value="typo"),
        log.absent("manager.called", object="typo"),
        log.not_({"exists": event("queue.get", "Wroker")}),
    ):
        assert "inconclusive" == check.verdict.result, check
    assert "'Z' never took part: there is no event of it" == log.absent("process.failed", "Z").reason
    assert log.absent("process.failed", "W")


def test_what_can_never_match(log: EventLog) -> None:
    """A slip of the pen is told, lest `absent` hold because of it; what this very log has is known."""
    with pytest.raises(ValueError, match=r"there is no event 'queue\.gett'; did you mean 'queue\.get'\?"):
        log.absent("queue.gett")
    with pytest.raises(ValueError, match=r"there is no field 'quee' in queue\.get; did you mean 'queue'\?"):
        log.of("queue.get", quee="q")
    with pytest.raises(ValueError, match=r"there is no event .process\.stated."):
        log.exists("queue.get").verdict and log.fifo("q", after=event("process.stated"))
    with pytest.raises(ValueError, match=r"comes after all has been judged: look for it with log\.of\("):
        log.absent("expectation.failed")
    assert log.of("expectation.passed")
    other = EventLog([{"event": "queue.seen", "seq": 1, "t": 0.0, "process": "W", "who": "me"}])
    assert other.exists("queue.seen", who="me").evidence


def test_replicas(log: EventLog) -> None:
    """Their name stands for each of them, as it does in a scenario."""
    replicas = EventLog({**e, "process": "W-1" if e["process"] == "W" else e["process"]} for e in log)
    assert replicas.of("queue.get", "W") == replicas.of("queue.get", "W-1")
    assert replicas.exitcodes({"W": 0})
    assert not replicas.absent("queue.get", "W")


def test_records(log: EventLog) -> None:
    """All have the same keys, as a data frame wants; what is in a mapping has a column of its own."""
    records = log.records()
    assert len(log) == len(records)
    assert 1 == len({tuple(record) for record in records})
    assert 3 == records[-1]["counts.got"]
    assert None is records[0]["counts.got"]
    items = [1, "a", None, [1, 2]]
    mixed = EventLog({"event": "queue.put", "item": item, "many": [{"a": 1}], "few": [1, 2.5]} for item in items)
    assert ["1", "a", None, "[1, 2]"] == [record["item"] for record in mixed.records()]
    assert ['[{"a": 1}]', [1, 2.5]] == [mixed.records()[0][column] for column in ("many", "few")]


def test_reading_a_log(tmp_path: Path, log: EventLog) -> None:
    """Of several runs, the last is read, or the one that is named; a torn tail is left out, other nonsense is not."""
    other = [{**e, "run": "other"} for e in log]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f"{json.dumps(e)}\n" for e in [*log, *other]) + '{"event": "proc')
    assert EventLog(other) == EventLog.read(path)
    assert log == EventLog.read(path, run=log[0]["run"])
    path.write_text("nonsense\n{}\n")
    with pytest.raises(ValueError, match=r"log\.jsonl:1: this line is no event"):
        EventLog.read(path)


def test_a_long_log_stays_in_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run, of a recorded script and of a block, the events are the same as those of a short log."""
    monkeypatch.setattr(lines, "IN_MEMORY", 0)
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{"an earlier run": "was cut off')
    result = run(PAIR, log=kept)
    assert result.passed
    assert [json.loads(line) for line in kept.read_text().splitlines()] == list(result.log)
    assert result.log == pickle.loads(pickle.dumps(result.log))
    script = tmp_path / "script.py"
    script.write_text("import multiprocessing as mp\nmp.Queue().put(1)\n")
    recorded = record(script, log=kept)
    assert list(recorded.log) == list(map(json.loads, kept.read_text().splitlines()))[len(result.log) :]
    assert record(script).log.one("queue.put")["item"] == 1
    with record_block() as block:
        multiprocessing.Queue().put(1)
    assert 1 == block.log.one("queue.put")["item"]
    assert "MainProcess" in block.log.processes


CALLER = """
from run_scenario import run
run({"processes": [{"name": "W", "target": "sleep", "kwargs": {"seconds": 60}}]}, log="log.jsonl")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whoever_calls_it_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C in whoever called run() ends the run and what it has started; so does its death, whatever it dies of."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": search_path(), "RUN_SCENARIO_MARK": str(tmp_path)}
    environment["TMPDIR"] = str(temporary)
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", CALLER], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as caller:
        log = tmp_path / "log.jsonl"
        while not (log.is_file() and "Starting W" in log.read_text()):
            assert caller.poll() is None
        caller.send_signal(number)
        assert (number == signal.SIGINT) == ("KeyboardInterrupt" in caller.communicate(timeout=60)[1])
    mark = f"RUN_SCENARIO_MARK={tmp_path}".encode()
    if number == signal.SIGINT:
        assert '"scenario.interrupted"' in log.read_text()
        assert [] == _marked(mark)
    while _marked(mark):  # a caller that is dead cannot wait for the run's end; its deadline is a minute away
        assert time.monotonic() - began < 50
    assert [] == os.listdir(temporary)


def _marked(mark: bytes) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*") if mark in _environment(path)]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
