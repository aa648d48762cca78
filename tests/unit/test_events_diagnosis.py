"""A diagnosis as data: who waits, who could have moved it, the cycle, and the facts with their events' numbers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from made import Q, make_scenario, spec
from stalls import happened, ledger, stall, waiting

from run_scenario import bundled
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.reports import read_reports, read_stack
from run_scenario.events.types import QueueGet, QueuePut
from run_scenario.recording import codes
from run_scenario.recording.process_report import ProcessReport
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.platform.sleeping_threads import outside_call
from run_scenario.runtime.supervisor.deadlock_detector import DeadlockDetector
from run_scenario.scenario.model import PipeSpec, QueueSpec, ResourceBinding, Step, SyncSpec


def test_a_process_that_does_not_record_is_reported(tmp_path: Path) -> None:
    """Of another program, or a process that is just beginning, the report knows what the system says."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        while outside_call(process.pid, process.pid) != "sleep":
            assert process.poll() is None
        report = DeadlockDetector(str(tmp_path), "", Capabilities()).reports([process.pid], {})[0]
        process.kill()
    asleep = codes.W_OUTSIDE, codes.OUTSIDE.index("sleep"), process.pid, 0, 0
    assert (process.pid, [asleep], "") == (report.pid, report.waits, report.stack)
    assert [process.pid] == [*dict(report.threads)]


def test_a_stack_is_read() -> None:
    """Of what the threads of a process wrote, those of one are kept, without those below the target."""
    text = (
        'Thread 11 (most recent call first):\n  File "/lib/threading.py", line 1 in run\n\n'
        'Thread 1 (most recent call first):\n  File "/lib/connection.py", line 5 in _recv\n'
        '  File "/home/me/work.py", line 7 in mine\n  File "/lib/multiprocessing/process.py", line 108 in run\n'
        '  File "/lib/below.py", line 1 in below\n'
    )
    frames = [str(frame) for frame in read_stack(text, 1)]
    assert ["/lib/connection.py:5 in _recv", "/home/me/work.py:7 in mine"] == frames
    assert () == read_stack("", 1) == read_stack("garbage\n  File x", 1) == read_stack(text, 2)
    assert 20 == len(read_stack("Thread 1 (most recent call first):\n" + '  File "a", line 1 in f\n' * 100, 1))


def test_the_innermost_wait_counts() -> None:
    """A wait in the middle of another is what the thread is in; the others are around it."""
    waits = [(codes.W_ANSWER, 0, 7, 200, 0), (codes.W_EVENT, 0, 7, 100, 0), (codes.W_FEED, 1, 8, 300, 0)]
    [found] = read_reports([ProcessReport(7, "S", waits)], lambda pid: f"P{pid}", lambda pid: {})
    assert (codes.W_ANSWER, 200, ((codes.W_EVENT, 0),)) == (found.kind, found.since, found.around)


def put(n: int, process: str = "P") -> dict[str, Any]:
    """Return a put."""
    return {"event": "queue.put", "process": process, "queue": "q", "item_id": n}


def test_facts_are_the_first_and_the_last() -> None:
    """However many events there are, of each kind only two are kept; what was noted before is passed over."""
    book = FactBook()
    events = happened(*(put(n) for n in range(1, 1001)))
    book.note(events[:600])
    book.note(events)
    assert (1, 1000, 1000) == (
        book.first(QueuePut, "q").seq,  # type: ignore[union-attr]
        book.last(QueuePut, "q").seq,  # type: ignore[union-attr]
        book.count(QueuePut, "q"),
    )
    assert 1 == len(list(book.each(QueuePut)))
    assert (None, 0) == (book.last_get("q"), book.count(QueueGet, "q", "P"))


def test_the_deciding_facts_have_their_numbers() -> None:
    """Who looked before anything was put is in the data, with the numbers of both events, in the log's order."""
    joined = QueueSpec(name="q", type="JoinableQueue")
    takers = [spec(name, bindings=(ResourceBinding("inbox", "q", "from"),)) for name in "CD"]
    looks = [{"event": "queue.empty", "process": name, "queue": "q", "empty": True, "call": "empty"} for name in "CD"]
    ends = [{"event": "process.exited", "process": name, "exitcode": 0, "cause": "returned"} for name in "CD"]
    stalled = stall(
        make_scenario(*takers, queues=[joined]),
        [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)],
        ledgers=[ledger(joined, 2)],
        ended=["C", "D"],
        events=happened(*looks, *ends, put(1, "MainProcess"), put(2, "MainProcess")),
    )
    found = stalled.diagnosis
    assert "unfinished_join" == found.kind
    assert [("MainProcess", "join_queue", "q", "JoinableQueue")] == [
        (w.process, w.operation, w.resource, w.resource_type) for w in found.waits
    ]
    assert [("C", "task_done", "ended", "returned"), ("D", "task_done", "ended", "returned")] == [
        (m.process, m.action, m.standing, m.cause) for m in found.could_have_moved
    ]
    assert [
        (1, "C", "found_empty_before_first_put"),
        (2, "D", "found_empty_before_first_put"),
        (3, "C", "ended"),
        (4, "D", "ended"),
        (5, "MainProcess", "first_put"),
        (6, "MainProcess", "last_put"),
    ] == [(fact.seq, fact.process, fact.role) for fact in found.facts]
    assert (2, 0, 2, 2) == tuple(found.resources[0].counts[name] for name in ("put", "got", "left", "unfinished"))


def test_a_cycle_is_data() -> None:
    """Each link says what is waited for, what the next would do, and whether that comes only later."""
    steps = (Step("start", "P"), Step("join", "P"), Step("get", "q"))
    box = QueueSpec(name="q", maxsize=1)
    producer = spec("P", bindings=(ResourceBinding("outbox", "q", "to"),))
    scenario = make_scenario(producer, queues=[box]).replace(main=steps)
    who = [waiting("MainProcess", codes.W_JOIN_PROCESS, 0), waiting("P", codes.W_PUT, 0)]
    found = stall(scenario, who, ledgers=[ledger(box, 1)]).diagnosis
    assert [("P", "put", "q", "take", "MainProcess", True), ("MainProcess", "join", None, "end", "P", False)] == [
        (link.process, link.operation, link.resource, link.action, link.next, link.later) for link in found.cycle
    ]
    assert ("cycle", ["P", "MainProcess"]) == (found.kind, [w.process for w in found.waits])


def test_what_only_might_be_done_makes_no_cycle() -> None:
    """Who has an event may never set it: that two wait for each other would say more than is known."""
    uses = (ResourceBinding("event", "go", "uses"), ResourceBinding("inbox", "q", "from"))
    scenario = make_scenario(
        spec("A", bindings=(*uses[:1], ResourceBinding("outbox", "q", "to"))), spec("B", bindings=uses), queues=[Q]
    )
    scenario = scenario.replace(sync=(SyncSpec(name="go", type="Event"),))
    who = [waiting("A", codes.W_EVENT, 1), waiting("B", codes.W_GET, 0)]
    found = stall(scenario, who, ledgers=[ledger(Q)]).diagnosis
    assert ("event_never_set", []) == (found.kind, found.cycle)
    assert [("B", "set", "waits")] == [(m.process, m.action, m.standing) for m in found.could_have_moved]


def test_no_cycle_is_claimed_of_who_gives_up() -> None:
    """At the deadline, or with a timeout, somebody may go on."""
    scenario = make_scenario(spec("A"), spec("B")).replace(
        sync=(SyncSpec(name="left", type="Lock"), SyncSpec(name="right", type="Lock"))
    )
    who = [waiting("A", codes.W_ACQUIRE, 1), waiting("B", codes.W_ACQUIRE, 0)]
    held = {0: ["A"], 1: ["B"]}
    assert "cycle" == stall(scenario, who, holders=held).diagnosis.kind
    assert "unknown" == stall(scenario, who, holders=held, cause="deadline").diagnosis.kind
    patient = [waiting("A", codes.W_ACQUIRE, 1, until=9), who[1]]
    assert [] == stall(scenario, patient, holders=held).diagnosis.cycle


def test_very_many_are_diagnosed_in_time() -> None:
    """Two thousand that wait alike are one place in the graph; the data names only some of them."""
    count = 2_000
    takers = [
        spec(f"W-{n}", bindings=(ResourceBinding("inbox", "q", "from"), ResourceBinding("out", "r", "to")))
        for n in range(count)
    ]
    queues = [Q, QueueSpec(name="r", maxsize=1)]
    who = [waiting(f"W-{n}", codes.W_GET if n % 2 else codes.W_PUT, n % 2 ^ 1) for n in range(count)]
    stalled = stall(make_scenario(*takers, queues=queues), who, ledgers=[ledger(Q), ledger(queues[1], 1)])
    assert len(stalled.diagnosis.waits) <= 20
    assert len(msgspec.json.encode(stalled.diagnosis)) < 20_000


@pytest.mark.parametrize("kind", [codes.W_GET, codes.W_RECEIVE_LEFT, codes.W_POOL_RESULT, codes.MOVING])
def test_the_data_is_as_the_schema_has_it(kind: int) -> None:
    """A deadlock as it stands in the log fits the schema of events."""
    events = happened(put(1), {"event": "queue.empty", "process": "C", "queue": "q", "empty": False, "call": "empty"})
    who = [waiting("C", kind, 1 if kind == codes.W_RECEIVE_LEFT else 0)]
    scenario = make_scenario(spec("C"), queues=[Q]).replace(pipes=(PipeSpec(name="rope"),))
    stalled = stall(scenario, who, ledgers=[ledger(Q)], events=events)
    fields = msgspec.to_builtins(msgspec.structs.replace(stalled, reason="why"))
    own = {name: fields[name] for name in ("reason", "cause", "processes", "queues", "diagnosis", "threads")}
    schema = json.loads(bundled.schema_text("event"))
    validator = jsonschema.Draft202012Validator({"$ref": "#/$defs/scenario.stalled", "$defs": schema["$defs"]})
    assert [] == [error.message for error in validator.iter_errors(own)]
    assert kind != codes.W_GET or fields["diagnosis"]["facts"]


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        (codes.MOVING, "R", "running"),
        (codes.MOVING, "S", "sleeping"),
        (codes.MOVING, codes.UNKNOWN, "unknown"),
        (codes.W_GET, codes.UNKNOWN, "waiting"),
        (codes.W_SLEEP, "S", "sleeping"),
        (codes.W_EXIT, "S", "exiting"),
    ],
)
def test_what_a_process_does(kind: int, state: str, expected: str) -> None:
    """What it has recorded comes first, then what the system says; where neither tells, that is said."""
    stalled = stall(make_scenario(queues=[Q]), [waiting("W", kind, 0).replace(state=state)], ledgers=[ledger(Q)])
    assert expected == stalled.processes[0].state
