"""What a log tells of lanes, queues and locks, from logs made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from example_events import NAMES, event

from run_scenario.events.encoding import as_event
from run_scenario.events.history.history import History, read
from run_scenario.events.history.lane import FoundEmpty, Mark
from run_scenario.events.history.resources import LockHold, Message
from run_scenario.report.terminal.overview import ends, pools, render

Event = dict[str, Any]


def stuck(process: str, waiting_for: str | None, since: float | None, **fields: Any) -> Event:
    """Return what the report of a deadlock says of a process."""
    state = "waiting" if waiting_for else "sleeping"
    known = {"pid": 12, "queue": None, "resource": None, "on_process": None, "seconds": 1.0, "stack": []}
    return {**known, "process": process, "state": state, "waiting_for": waiting_for, "since": since, **fields}


def lived(*events: Event, cpu: float | None = 0.0, starting: float = 1.0, ended: float = 10.0) -> list[Event]:
    """Return the events of a worker that began at 2 s, and did something in between."""
    return [
        event("process.starting", t=starting),
        event("process.started", t=2.0),
        *events,
        event("process.exited", t=ended, cpu_user=cpu, cpu_system=None if cpu is None else 0.0),
    ]


def segments(events: list[Event], name: str = "Worker 1") -> list[tuple[float, float, str, str]]:
    """Return the segments of one lane."""
    return [tuple(each) for each in read(events).segments()[name]]


def test_a_lane_has_no_gaps() -> None:
    """A start, a wait, what is between, and what comes after the target follow each other up to the end."""
    events = lived(
        event("queue.get", t=4.0, waited=1.0),
        event("process.finished", t=9.0),
        cpu=None,
    )
    assert [
        (1.0, 2.0, "starting", ""),
        (2.0, 3.0, "running", ""),
        (3.0, 4.0, "waiting", "tasks.get()"),
        (4.0, 9.0, "running", ""),
        (9.0, 10.0, "ending", ""),
    ] == segments(events)


@pytest.mark.parametrize(
    ("cpu", "states"),
    [
        (0.1, ["sleeping", "waiting", "sleeping"]),
        (6.8, ["computing", "waiting", "computing"]),
        (3.5, ["running", "waiting", "running"]),
        (0.9, ["running", "waiting", "sleeping"]),
        (None, ["running", "waiting", "running"]),
    ],
)
def test_processor_time_tells_computing_from_sleeping(cpu: float | None, states: list[str]) -> None:
    """A segment is called so only if no other division of the processor time is possible."""
    events = lived(event("queue.get", t=4.0, waited=1.0), cpu=cpu, starting=2.0)
    assert states == [each[2] for each in segments(events)]


@pytest.mark.parametrize(
    ("switches", "cpus", "state"),
    [
        ((1, 380), 2, "competing"),
        ((1, 380), 1, "competing"),
        ((3, 0), 2, "sleeping"),  # as sleep(8) has them
        ((1, 15), 2, "sleeping"),  # it was kept from computing now and then, but not for so long
        ((100, 380), 2, "sleeping"),
        ((None, None), 2, "sleeping"),
    ],
)
def test_switches_tell_who_is_kept_from_computing(switches: tuple[Any, Any], cpus: int, state: str) -> None:
    """Who gave its processor up hardly ever and lost it often enough is not said to sleep."""
    events = lived(cpu=2.5, starting=2.0)
    events[-1].update(voluntary_switches=switches[0], involuntary_switches=switches[1])
    assert [(2.0, 10.0, state, "")] == segments([event("scenario.started", cpus=cpus), *events])


def test_switches_of_a_whole_process_are_not_those_of_a_part() -> None:
    """With two parts to be told apart, it could have been kept from computing in one and have slept in the other."""
    events = lived(event("queue.get", t=6.0, waited=0.5), cpu=1.5, starting=2.0)
    events[-1].update(voluntary_switches=1, involuntary_switches=900)
    assert ["sleeping", "waiting", "sleeping"] == [each[2] for each in segments(events)]


def test_the_more_compete_the_longer_may_a_turn_take() -> None:
    """Fifty processes on two processors wait longer for each turn than two on one."""
    others = [event("process.started", f"Other {number}", t=1.0) for number in range(49)]
    events = lived(cpu=0.4, starting=2.0)
    events[-1].update(voluntary_switches=1, involuntary_switches=100)
    assert "sleeping" == segments([event("scenario.started", cpus=2), *events])[0][2]
    assert "competing" == segments([event("scenario.started", cpus=2), *others, *events])[0][2]


def test_what_is_told_to_begin_and_to_end_is_one_wait() -> None:
    """A wait for a lock is one segment, and its resource is known."""
    events = lived(event("lock.waiting", t=3.0), event("lock.acquired", t=5.0, waited=1.9))
    (wait,) = read(events).lanes["Worker 1"].waits
    assert (3.1, 5.0, "gate.acquire()", "gate") == (wait.start, wait.end, wait.call, wait.resource)


@pytest.mark.parametrize(
    ("events", "call"),
    [
        ([event("queue.joining", t=3.0), event("queue.joined", t=4.0)], "tasks.join()"),
        ([event("queue.put", t=4.0, waited=1.0)], "tasks.put()"),
        ([event("semaphore.waiting", t=3.0), event("semaphore.not_acquired", t=4.0)], "gate.acquire()"),
        ([event("event.waiting", t=3.0), event("event.waited", t=4.0)], "go.wait()"),
        ([event("condition.waiting", t=3.0), event("condition.waited", t=4.0)], "door.wait()"),
        ([event("barrier.waiting", t=3.0), event("barrier.passed", t=4.0)], "line.wait()"),
        ([event("pipe.received", t=4.0, waited=0.5)], "rope.right.recv()"),
        ([event("pipe.send_waited", t=4.0, waited=0.5, end="left")], "rope.left.send()"),
        ([event("pipe.eof", t=4.0, waited=0.5, end="right")], "rope.right.recv()"),
        ([event("pipe.polled", t=4.0, waited=0.5, end="left")], "rope.left.poll()"),
        ([event("manager.called", t=4.0, waited=0.5)], "stock.pop()"),
        ([event("pool.returned", t=4.0, waited=0.5)], "crunch.map()"),
    ],
)
def test_every_kind_of_wait_has_its_call(events: list[Event], call: str) -> None:
    """What waited is named as code."""
    assert [call] == [wait.call for wait in read(lived(*events)).lanes["Worker 1"].waits]


def test_the_main_program_waits_for_ends_and_sleeps_before_starts() -> None:
    """A join is a wait of who joins; a delay is a sleep of who starts."""
    main = [
        event("process.started", "MainProcess", t=0.5),
        event("process.starting", t=3.0, delay=2.0),
        event("process.joining", t=4.0),
        event("process.joined", t=6.0),
        event("process.exited", "MainProcess", t=7.0, cpu_user=None),
    ]
    assert [
        (0.5, 1.0, "running", ""),
        (1.0, 3.0, "sleeping", "sleep(2)"),
        (3.0, 4.0, "running", ""),
        (4.0, 6.0, "waiting", "Worker 1.join()"),
        (6.0, 7.0, "running", ""),
    ] == segments(main, "MainProcess")


def test_a_deadlock_shows_waits_that_never_ended() -> None:
    """The report tells since when; a wait that was told to begin keeps its own words."""
    report = [stuck("A", "an item of queue 'tasks'", 1.5, resource="tasks"), stuck("B", "'gate' to be released", 1.6)]
    events = [
        event("process.started", "A", t=1.0),
        event("process.started", "B", t=1.0),
        event("process.started", "C", t=1.0),
        event("lock.waiting", "B", t=1.4),
        event("scenario.stalled", t=4.0, processes=[*report, stuck("C", None, None)]),
        event("process.exited", "A", t=5.0),
        event("process.exited", "B", t=5.0),
    ]
    history = read(events)
    assert (1.5, 5.0, "waiting", "an item of queue 'tasks'") == history.segments()["A"][-1]
    assert (1.4, 5.0, "waiting", "gate.acquire()") == history.segments()["B"][-1]
    assert [
        ("A", "waiting", "tasks", "an item of queue 'tasks'"),
        ("B", "waiting", None, "'gate' to be released"),
        ("C", "sleeping", None, None),
    ] == [(each.process, each.state, each.resource, each.waiting_for) for each in history.stuck]


def test_items_are_tied_and_counted() -> None:
    """A get is tied to its put; a queue has its greatest length, its mean wait, who gave and who took."""
    events = [
        event("queue.put", "Main", t=1.0, item_id=1, item="a"),
        event("queue.put", "Main", t=1.5, item_id=2, item="b"),
        event("queue.get", "A", t=2.0, item_id=1),
        event("queue.get", "B", t=2.0, item_id=9),
        event("queue.empty", "B", t=3.0),
        event("queue.left_over", "run-scenario", t=4.0, count=1, items=["b"]),
    ]
    history = read(events)
    queue = history.channels["tasks"]
    assert [Message(1.0, 2.0, "Main", "A", "tasks", "a")] == history.messages
    assert (2, 2, 1, 2) == (queue.put, queue.got, queue.remaining, queue.most)
    assert [(1.0, 1), (1.5, 2), (2.0, 1), (2.0, 0)] == queue.depths
    assert {"Main": 2} == queue.producers
    assert {"A": (1, 0), "B": (1, 0)} == {name: (each.count, each.pills) for name, each in queue.consumers.items()}
    assert FoundEmpty("tasks", "empty") == history.lanes["B"].found_empty


def test_a_bounded_queue_never_has_more_than_it_holds() -> None:
    """A put that was let in by a get is told before that get: by then the item of the get was out."""
    events = [
        event("scenario.started", maxsize={"tasks": 2}),
        *(event("queue.put", "Main", t=number * 1.0, item_id=number) for number in (1, 2, 3)),
        event("queue.get", "A", t=3.5, item_id=1),
        event("queue.get", "A", t=4.0, item_id=2),
        event("queue.get", "A", t=5.0, item_id=3),
    ]
    queue = read(events).channels["tasks"]
    assert (2, [1, 2, 2, 2, 1, 0]) == (queue.most, [depth for _, depth in queue.depths])
    assert 3 == read(events[1:]).channels["tasks"].most


def test_messages_through_a_pipe_are_tied() -> None:
    """What is sent at one end is received at the other; each direction is a channel of its own."""
    history = read([event("pipe.sent", "A", t=1.0), event("pipe.received", "B", t=2.0)])
    assert [Message(1.0, 2.0, "A", "B", "rope.left", 7)] == history.messages


def test_locks_are_held_from_the_first_to_the_last() -> None:
    """An RLock that is acquired twice is held once; what is never released is held to the end of the run."""
    events = [
        event("lock.acquired", "A", t=1.0, waited=0.0),
        event("lock.acquired", "A", t=2.0, waited=0.0),
        event("lock.released", "A", t=3.0),
        event("lock.released", "A", t=4.0),
        event("lock.acquired", "B", t=5.0, waited=1.0),
        event("process.exited", "B", t=6.0),
        event("process.exited", "C", t=7.0),
    ]
    assert [LockHold("gate", "A", 1.0, 4.0), LockHold("gate", "B", 5.0, 7.0, False)] == read(events).lock_holds


def test_who_gets_a_lock_shows_that_it_was_free() -> None:
    """Of a log that does not tell a release, a lock is held until the next has it; a semaphore has several holders."""
    for kind, end in (("lock", 3.0), ("semaphore", 9.0)):
        events = [
            event("process.started", "A", t=0.5),
            event(f"{kind}.acquired", "A", t=1.0, waited=0.0),
            event("process.exited", "A", t=2.0),
            event(f"{kind}.acquired", "B", t=3.0, waited=0.0),
            event(f"{kind}.released", "B", t=4.0, owner="B"),
            event("process.exited", "B", t=9.0),
        ]
        assert [LockHold("gate", "A", 1.0, end, False), LockHold("gate", "B", 3.0, 4.0)] == read(events).lock_holds


@pytest.mark.parametrize("owner", [None, "A"])
def test_nobody_holds_a_semaphore_that_another_releases(owner: str | None) -> None:
    """Who releases what it has not acquired uses it as a signal: who acquires it, before or after, holds nothing."""
    events = [
        event("process.started", "A", t=0.5),
        event("semaphore.acquired", "A", t=1.0, waited=0.0),
        event("semaphore.acquired", "A", t=2.0, waited=0.0),
        event("semaphore.released", "A", t=3.0, owner="A"),
        event("semaphore.released", "B", t=4.0, owner=owner),
        event("semaphore.acquired", "A", t=5.0, waited=0.0),
        event("process.exited", "A", t=6.0),
    ]
    assert [] == read(events).lock_holds


def test_a_worker_of_a_pool_rests_between_its_tasks() -> None:
    """Between two tasks it waits for the next; its end is explained by its signal."""
    events = [
        event("pool.worker_started", t=1.0),
        event("pool.task_started", t=2.0),
        event("pool.task_finished", t=3.0),
        event("pool.worker_exited", t=4.0, exitcode=-9, signal="SIGKILL"),
    ]
    history = read(events)
    assert ["waiting", "running", "waiting"] == [each[2] for each in history.segments()["Worker 1"]]
    end = history.lanes["Worker 1"].end
    assert end is not None
    assert ("signal", "SIGKILL", -9, False) == (end.cause, end.signal, end.exitcode, end.allowed)


def test_what_is_done_to_a_process_is_marked() -> None:
    """A signal is told with who sent it and why."""
    marks = read(lived(event("process.terminating", t=3.0))).lanes["Worker 1"].marks
    assert [Mark(3.0, "MainProcess terminates it: the scenario says so")] == marks


def test_verdicts_do_not_lengthen_the_run() -> None:
    """What is said about a run after its end is no part of its time."""
    history = read([*lived(), event("expectation.passed", t=20.0), event("scenario.finished", t=20.0)])
    assert history.end is not None
    assert (10.0, "passed") == (history.last, history.end.outcome)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_can_be_read(name: str) -> None:
    """No event is too much for a history, alone or stripped of its own fields."""
    whole = event(name)
    bare = {key: whole[key] for key in ("event", "t", "seq", "run", "process")}
    assert 2 == read([whole, bare]).events


def test_the_tables() -> None:
    """Processes, queues and locks have their numbers; what wants attention has a mark."""
    events = [
        event("scenario.started"),
        event("queue.put", "MainProcess", t=3.0, item_id=2),
        *lived(event("queue.get", t=4.0, waited=1.0, item_id=1), cpu=0.5),
        event("lock.acquired", "MainProcess", t=5.0, waited=0.0),
        event("scenario.finished", t=12.0),
    ]
    shown = render(events, 140)
    assert "A daemon" == shown.splitlines()[0]
    for line in (
        "Worker 1       12   1.000   10.000   returned                  0   0.500    1.000   tasks.get()           1",
        "tasks     1     1      0         1   MainProcess 1   Worker 1 1",
        "!   gate      1          5.000   MainProcess   MainProcess",
        "passed after 3.01 s",
    ):
        assert line in shown


@pytest.mark.parametrize(("kind", "held"), [("semaphore", 2), ("lock", 1)])
def test_held_at_the_end(kind: str, held: int) -> None:
    """A semaphore that is acquired twice is held twice; a lock acquired again (an RLock) is still one lock."""
    twice = lived(*(event(f"{kind}.acquired", t=t) for t in (3.0, 4.0)))
    assert held == len(read(twice).lock_holds)


@pytest.mark.parametrize(
    ("type_", "signal", "allowed"),
    [("Pool", None, True), ("Pool", "SIGTERM", True), ("Pool", "SIGKILL", False), ("executor", "SIGTERM", False)],
)
def test_the_end_of_a_worker_of_a_pool(type_: str, signal: str | None, allowed: bool) -> None:
    """One that was killed has an end that is not allowed, in every view; one that its Pool has ended has not."""
    began = event("pool.created", t=0.5, type=type_), event("pool.worker_started", t=1.0)
    read_of = read([*began, event("pool.worker_exited", t=4.0, signal=signal)])
    assert [not allowed] == [lane.failed for lane in read_of.lanes.values()]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"exitcode": 1, "signal": None, "exception": "SystemExit"}, "failed: SystemExit"),
        ({"exitcode": 5, "signal": None, "exception": None}, "exited abruptly"),
        ({"exitcode": -9, "signal": "SIGKILL", "exception": None}, "ended by a signal: SIGKILL"),
    ],
)
def test_a_task_that_ends_its_worker_is_lost_and_not_done(loss: dict[str, Any], words: str) -> None:
    """It counts once, its worker is listed as one that failed, and waits for no other task."""
    raised = [event("pool.task_failed", "W-2", t=3.0, exception=loss["exception"])] if loss["exception"] else []
    ended = {"exitcode": loss["exitcode"], "signal": loss["signal"]}
    history = read(
        [
            *(event("pool.worker_started", name, t=1.0) for name in ("W-1", "W-2")),
            *(event("pool.task_started", name, t=2.0) for name in ("W-1", "W-2")),
            event("pool.task_finished", "W-1", t=2.5),
            *raised,
            event("pool.worker_exited", "W-2", t=4.0, tasks=0, **ended),
            event("pool.worker_lost", "W-2", t=4.0, call=1, method="map", task=1, **loss),
            event("pool.worker_exited", "W-1", t=5.0, tasks=1, exitcode=0, signal=None),
        ]
    )
    assert [(("crunch", "1", "", "1", "W-1 1"), "!")] == [(row.cells, row.mark) for row in pools(history)]
    assert [("W-2", words, "✗")] == [(row.cells[0], row.cells[2], row.mark) for row in ends(history)]
    assert [2.0] == [wait.end for wait in history.lanes["W-2"].waits]
    assert not history.lanes["W-1"].failed


def test_a_worker_that_is_lost_without_a_task_loses_none() -> None:
    """The table of pools counts tasks."""
    lost = event("pool.worker_lost", "W-1", t=2.0, call=None, method=None, task=None)
    history = read([event("pool.worker_started", "W-1", t=1.0), lost])
    assert [(("crunch", "0", "", "", ""), "")] == [(row.cells, row.mark) for row in pools(history)]


@pytest.mark.parametrize("width", [100, 80, 60, 40, 30])
def test_a_table_keeps_pids_and_says_what_it_leaves_out(width: int) -> None:
    """However narrow, no line is longer, no header is cut, the pid is there; the columns that are not are named."""
    events = [
        event("process.started", "ForkPoolWorker-1", t=0.1, pid=30074),
        event("queue.put", "ForkPoolWorker-1", t=0.2, item_id=1),
        event("queue.get", "ForkPoolWorker-1", t=0.3, item_id=1, waited=0.1),
        event("process.exited", "ForkPoolWorker-1", t=1.0, pid=30074, exitcode=-9, signal="SIGKILL", cause="signal"),
        event("scenario.finished", t=1.0),
    ]
    lines = render(events, width).splitlines()
    assert all(len(line) <= width for line in lines)
    header = next(line for line in lines if "process" in line and "pid" in line).split()
    assert any("30074" in line for line in lines)
    told = " ".join(lines)
    for name in ("start", "end", "cpu", "waited", "most in", "put", "got"):
        there = name.split()[0] in header
        missing = any(f"{before}{name}" in told.split("queue")[0] for before in ("to show: ", ", "))
        assert there != missing, name


def test_after_each_event_it_is_known_what_is_true() -> None:
    """Fed event by event, as a run goes on, a history says who waits, who holds what, and how much is in a queue."""
    history = History()
    seen = []
    for each in (
        event("process.started", "A", t=1.0),
        event("lock.waiting", "A", t=2.0),
        event("lock.acquired", "A", t=3.0, waited=1.0),
        event("queue.put", "A", t=4.0, item_id=1),
        event("lock.released", "A", t=5.0, owner="A"),
        event("queue.get", "B", t=6.0, item_id=1),
    ):
        history.add(as_event(each))
        depth = history.channels["tasks"].depth if "tasks" in history.channels else None
        waits = {name: call for name, (_, call, _) in history.waiting.items()}
        holders = [holder for (_, holder), starts in history.held.items() if starts]
        seen.append((waits, holders, depth))
    assert [
        ({}, [], None),
        ({"A": "gate.acquire()"}, [], None),
        ({}, ["A"], None),
        ({}, ["A"], 1),
        ({}, [], 1),
        ({}, [], 0),
    ] == seen


def test_without_details_its_size_does_not_depend_on_the_events() -> None:
    """While a run goes on, what is kept of items that nobody takes, of waits and of holds is their number."""
    history = History(detailed=False)
    history.add(as_event(event("process.started", t=0.5)))
    for number in range(1_000):
        t = 1.0 + number
        history.add(as_event(event("queue.put", t=t, item_id=number, waited=0.5)))
        history.add(as_event(event("lock.acquired", t=t, waited=0.5)))
    (queue,) = history.channels.values()
    assert (1_000, 1_000) == (queue.put, queue.depth)
    kept = [*queue.on_the_way, *queue.depths, *history.messages, *history.lock_holds, *history.held, *history.waiting]
    assert [] == kept + [wait for lane in history.lanes.values() for wait in lane.waits]


def test_each_life_has_a_lane() -> None:
    """Who is started again is another process: what came before stands apart, under a name of its own."""
    history = read(
        [
            event("process.starting", "W", t=1.0),
            event("process.exited", "W", t=2.0, exitcode=1),
            event("process.restarting", "W", t=2.0, attempt=1),
            event("process.starting", "W", t=3.0),
            event("process.exited", "W", t=4.0, exitcode=0),
        ]
    )
    ends = {name: (lane.starting, lane.ended) for name, lane in history.lanes.items()}
    assert {"W (1)": (1.0, 2.0), "W": (3.0, 4.0)} == ends
