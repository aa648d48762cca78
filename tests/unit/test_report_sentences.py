"""Events as sentences, and the small words in them."""

from __future__ import annotations

import pytest
from example_events import NAMES, event

from run_scenario.report import text
from run_scenario.report.sentences import explanation, sentence

STRANGER = {"process": "pid 12"}
"""One that nobody has given a name."""

SENTENCES = [
    ("scenario.started", {}, "A daemon (fork, Python 3.11.7, deadline 10 s)"),
    ("scenario.started", {"title": ""}, "daemon (fork, Python 3.11.7, deadline 10 s)"),
    ("scenario.started", {"title": "", "timeout": None}, "daemon (fork, Python 3.11.7, no deadline)"),
    ("scenario.stalled", {}, "stalled: nobody fills 'tasks' any more"),
    ("scenario.stalled", {"cause": "deadline", "reason": "A sleeps"}, "at the deadline: A sleeps"),
    ("scenario.signalled", {}, "Ctrl-C (SIGINT) comes: A waits for an item from queue 'tasks'"),
    ("scenario.limit_reached", {}, "is stopped: more processes at once (6) than the 5 that --max-processes allows"),
    (
        "process.output_cut_off",
        {},
        "its further output is left out: more output of one process than the 1 KiB that --max-output allows",
    ),
    ("scenario.timed_out", {"timeout": 0.5}, "the deadline of 0.5 s has passed"),
    ("scenario.interrupted", {}, "interrupted by SIGINT"),
    ("scenario.refused", {}, "refused: a target is not allowed"),
    ("scenario.failed", {}, "the run itself failed: no more processes"),
    ("scenario.finished", {}, "passed after 3.01 s"),
    ("scenario.finished", {"outcome": "timed_out", "duration": 120.4}, "timed out after 120 s"),
    ("expectation.passed", {}, "as expected (line 12): absent: {event: process.exited, exitcode: 3}"),
    ("expectation.failed", {}, "not as expected (my.yaml:12): absent: {event: process.exited, exitcode: 3}"),
    ("expectation.inconclusive", {}, "could not be judged: absent: {event: process.exited, exitcode: 3}"),
    ("process.starting", {}, "MainProcess starts it: sleep"),
    ("process.starting", {"daemon": True}, "MainProcess starts it, as a daemon: sleep"),
    ("process.started", {"daemon": True}, "runs as pid 12, child of MainProcess (pid 10), a daemon"),
    ("process.started", {"parent": None}, "runs as pid 12: the main program"),
    (
        "process.started",
        {"start_method": "forkserver"},
        "runs as pid 12, child of the fork server (pid 10), started by MainProcess",
    ),
    ("process.finished", {"process": "MainProcess"}, "came to its end after 2 s"),
    ("process.finished", {}, "finished: its target returned after 2 s"),
    ("process.exiting", {}, "calls sys.exit(): exit code 3"),
    ("process.exiting", {"exitcode": None}, "calls sys.exit(): exit code 0"),
    ("process.exiting", {"exitcode": "it is over"}, "calls sys.exit('it is over'): exit code 1"),
    ("process.failed", {}, "failed with ValueError: boom"),
    ("process.failed", {"message": ""}, "failed with ValueError"),
    ("process.exited", {}, "ended with exit code 0"),
    (
        "process.exited",
        {"exitcode": 3, "cause": "sys.exit", "reason": "it called sys.exit()"},
        "ended with exit code 3",
    ),
    (
        "process.exited",
        {"exitcode": -11, "cause": "crash", "reason": "it crashed"},
        "ended with exit code -11: it crashed",
    ),
    (
        "process.exited",
        {
            "exitcode": -15,
            "cause": "stopped_by_runner",
            "by": "run-scenario",
            "signal": "SIGTERM",
            "reason": "all that again",
        },
        "ended with exit code -15: run-scenario sent SIGTERM",
    ),
    ("process.exited", {"exitcode": None, "reason": "nobody saw it"}, "ended: nobody saw it"),
    ("process.joining", {}, "MainProcess waits for its end"),
    ("process.restarting", {}, "MainProcess starts it again in 0.5 s (1 of 3)"),
    ("process.restarting", {"delay": 0.0}, "MainProcess starts it again (1 of 3)"),
    ("process.joining", {"timeout": 1.5}, "MainProcess waits for its end, for 1.5 s at most"),
    ("process.joined", {}, "joined by MainProcess after 2 s"),
    ("process.join_timed_out", {}, "has not ended: MainProcess waited 1 s and goes on"),
    ("process.alive", {}, "MainProcess asks is_alive(): True"),
    ("process.interrupting", {}, "MainProcess interrupts it: by a call of interrupt()"),
    ("process.terminating", {}, "MainProcess terminates it: the scenario says so"),
    ("process.killing", {"reason": ""}, "MainProcess kills it"),
    ("process.raising_signal", {}, "sends SIGTERM to itself"),
    ("process.escalated", {}, "does not react to SIGTERM, run-scenario sends SIGKILL: it ignores SIGTERM"),
    ("process.orphaned", {}, "lost its parent Worker 1 (pid 10)"),
    ("process.orphaned", STRANGER, "lost its parent Worker 1 (pid 10); it runs sleep 60"),
    ("process.orphaned", {**STRANGER, "command": "run-scenario"}, "lost its parent Worker 1 (pid 10)"),
    ("process.orphaned", {**STRANGER, "parent": "pid 10"}, "lost its parent (pid 10); it runs sleep 60"),
    ("process.orphaned", {**STRANGER, "parent": None, "ppid": None}, "lost its parent; it runs sleep 60"),
    ("process.output", {}, "| hello"),
    ("process.output", {"stream": "stderr", "truncated": True}, "! hello …"),
    ("queue.put", {}, "put 7 on 'tasks'"),
    ("queue.put", {"item": "seven", "waited": 0.25}, "put 'seven' on 'tasks' after waiting 0.25 s"),
    ("queue.get", {"item": None}, "got None from 'tasks'"),
    ("queue.empty", {}, "asks whether 'tasks' is empty: True"),
    ("queue.empty", {"call": "get"}, "got nothing from 'tasks': it was empty"),
    ("queue.empty", {"call": "get", "timeout": 0.1}, "got nothing from 'tasks' within 0.1 s: it was empty"),
    ("queue.full", {}, "asks whether 'tasks' is full: False"),
    ("queue.full", {"call": "put"}, "put nothing on 'tasks': it was full"),
    ("queue.task_done", {}, "task_done() on 'tasks', 2 unfinished"),
    ("queue.joining", {}, "waits until every item of 'tasks' is done"),
    ("queue.joined", {}, "every item of 'tasks' is done after 0.5 s"),
    ("queue.closed", {}, "closes 'tasks': it will put nothing more"),
    ("queue.thread_joined", {}, "has written all it put on 'tasks' after 0.004 s"),
    ("queue.item_dropped", {}, "'<lambda>' never reached 'tasks': cannot pickle it"),
    ("queue.get_failed", {}, "'<Job object>' from 'tasks' is lost: cannot unpickle it: TypeError: no"),
    ("queue.item_mutated", {}, "got [2] from 'tasks', but [1] was put: it was changed before it was pickled"),
    ("process.lingering", {}, "does not end yet: its thread Thread-1 goes on"),
    ("process.lingering", {"threads": ["a", "b"]}, "does not end yet: its threads a, b go on"),
    ("queue.items_lost", {}, "3 items that it put on 'tasks' never arrived"),
    ("lock.waiting", {}, "waits for lock 'gate', held by A"),
    ("lock.acquired", {}, "acquired lock 'gate' after waiting 0.5 s"),
    ("lock.not_acquired", {}, "did not get lock 'gate', held by A"),
    ("lock.released", {"process": "B"}, "releases lock 'gate', which A had acquired"),
    ("lock.released", {"process": "A"}, "releases lock 'gate'"),
    ("lock.abandoned", {}, "has ended without releasing lock 'gate'"),
    ("semaphore.waiting", {"held_by": []}, "waits for semaphore 'gate'"),
    ("semaphore.acquired", {"waited": 0.0}, "acquired semaphore 'gate'"),
    ("semaphore.not_acquired", {"waited": 1.0}, "did not get semaphore 'gate', held by A after waiting 1 s"),
    ("semaphore.released", {"owner": None}, "releases semaphore 'gate'"),
    ("semaphore.abandoned", {}, "has ended without releasing semaphore 'gate'"),
    ("pipe.sent", {}, "sends 7 at rope.left"),
    ("pipe.send_waited", {}, "could send at rope.left after waiting 0.3 s"),
    ("pipe.send_waited", {"waited": 0.002}, "could send at rope.left after a moment"),
    ("pipe.received", {}, "received 7 at rope.right after waiting 0.2 s"),
    ("pipe.received", {"waited": 0.01}, "received 7 at rope.right"),
    ("pipe.eof", {}, "reached the end of rope.right: no process has the other end open"),
    ("pipe.broken", {}, "send() on rope.left failed: BrokenPipeError: gone"),
    ("pipe.polled", {}, "polls rope.left: there is nothing after waiting 0.5 s"),
    ("pipe.polled", {"ready": True, "waited": 0.0}, "polls rope.left: there is something"),
    ("pipe.closed", {}, "closes rope.left"),
    ("pipe.left_over", {}, "2 objects are left in the pipe to rope.right: 7, 8"),
    ("value.read", {}, "reads 7 from hits"),
    ("value.written", {}, "writes 8 to hits"),
    (
        "value.overwritten",
        {},
        "overwrites the 8 that A has written to hits since it was read, and leaves that update out",
    ),
    ("value.final", {}, "hits is 9 in the end"),
    ("array.read", {}, "reads 7 from row[2]"),
    ("array.read", {"index": None, "content": "abc"}, "reads 'abc' from row"),
    ("array.written", {}, "writes [1, 2] to row[0:2]"),
    (
        "array.overwritten",
        {},
        "overwrites the 8 that A has written to row[2] since it was read, and leaves that update out",
    ),
    ("array.final", {}, "row is [1, 2] in the end"),
    ("shared_memory.created", {}, "creates shared memory 'board': 64 bytes"),
    ("shared_memory.attached", {}, "attaches to shared memory 'board'"),
    ("shared_memory.closed", {}, "closes shared memory 'board'"),
    ("array.stripped", {}, r"row[2] was written as 'a\x00' and is read as 'a': a ShareableList drops zeros at the end"),
    ("process.thread_failed", {}, "has lost its thread 'pump', which failed with ValueError: no source"),
    (
        "process.exit_functions_missed",
        {},
        "ends without what it registered with atexit: clean_up (before Python 3.13, a forked process never calls it)",
    ),
    ("shared_memory.unlinked", {}, "removes shared memory 'board'"),
    (
        "shared_memory.left_over",
        {"remains": True},
        "nobody who is recorded has removed shared memory 'board' (mp-1): it was still there when all had ended",
    ),
    (
        "shared_memory.left_over",
        {},
        "nobody who is recorded has removed shared memory 'board' (mp-1): it was gone in the end, for "
        "multiprocessing's resource tracker removes what is registered with it",
    ),
    ("manager.started", {}, "has started SyncManager-1 (pid 7) at 127.0.0.1:5000"),
    ("manager.shut_down", {}, "has shut SyncManager-1 down"),
    ("manager.called", {}, "calls stock.pop('pears'): 2 after 0.2 s"),
    ("manager.called", {"result": None, "waited": 0.0}, "calls stock.pop('pears')"),
    (
        "manager.called",
        {"method": "get", "arguments": [], "keywords": {"timeout": 1.0}, "error": "Empty", "waited": 1.0},
        "calls stock.get(timeout=1.0), which raised Empty after 1 s",
    ),
    (
        "manager.called",
        {"error": "KeyError: 'pears'"},
        "calls stock.pop('pears'), which raised KeyError: 'pears' after 0.2 s",
    ),
    ("pool.created", {}, "creates pool 'crunch', Pool: 2 workers"),
    ("pool.worker_started", {}, "works for pool 'crunch' (pid 12)"),
    (
        "pool.worker_lost",
        {"exitcode": -15, "signal": "SIGTERM", "by": "executor"},
        "was lost with task 2 of map(): ended by SIGTERM, which its executor sent because it had lost another",
    ),
    ("pool.worker_failed", {}, "fails outside of a task: ValueError: boom"),
    ("pool.worker_failed", {"doing": "initializer"}, "fails: its initializer raised ValueError: boom"),
    (
        "pool.worker_failed",
        {"doing": "unpickling"},
        "fails, because it cannot unpickle its next task: ValueError: boom",
    ),
    (
        "pool.not_pickled",
        {},
        "apply_async() (call 1) of pool 'crunch': it was never given to a worker, because it cannot be pickled: "
        "PicklingError: no lambda",
    ),
    (
        "pool.not_pickled",
        {"part": "result"},
        "apply_async() (call 1) of pool 'crunch': its result never came, because it cannot be pickled: PicklingError: "
        "no lambda",
    ),
    ("pool.worker_exited", {}, "ended with exit code 0 after 3 tasks for pool 'crunch'"),
    ("pool.worker_lost", {}, "was lost with task 2 of map(): ended by SIGKILL"),
    (
        "pool.worker_lost",
        {"signal": None, "exitcode": 1, "exception": "SystemExit"},
        "was lost with task 2 of map(), which raised SystemExit: ended with exit code 1",
    ),
    (
        "pool.thread_failed",
        {},
        "its thread that takes the results for pool 'crunch' has ended while it unpickled what a worker had sent: "
        "TypeError: cannot be opened",
    ),
    (
        "pool.crash_loop",
        {},
        "starts no more workers for pool 'crunch': 12 workers have ended without doing anything (ValueError: boom)",
    ),
    ("pool.called", {}, "calls map(square, …) of pool 'crunch': 3 tasks"),
    ("pool.task_started", {}, "begins task 2 of map(): 7"),
    ("pool.task_finished", {}, "finished task 2 of map() after 0.5 s: 49"),
    ("pool.task_failed", {}, "failed at task 2 of map(): ValueError: boom"),
    ("pool.task_failed", {"hint": "a fact"}, "failed at task 2 of map(): ValueError: boom (a fact)"),
    ("pool.result", {}, "takes result 0 of imap(): 49"),
    ("pool.returned", {}, "has the result of map() after waiting 0.5 s: [49]"),
    ("pool.called_back", {}, "calls back announce([49]), the callback of map_async()"),
    ("pool.call_failed", {}, "map() of pool 'crunch' raised TimeoutError"),
    ("pool.closed", {}, "closes pool 'crunch'"),
    ("pool.terminated", {}, "terminates pool 'crunch'"),
    ("pool.joined", {}, "has joined pool 'crunch'"),
    ("pool.terminated", {"by": "with"}, "terminates pool 'crunch', as its `with` block ends"),
    (
        "pool.exception_not_retrieved",
        {},
        "never asked for the result of apply_async(square, …) (call 1) of pool 'crunch': it had raised ValueError: "
        "boom, and so had 2 more calls of this pool (get() would have raised it here)",
    ),
    (
        "pool.exception_not_retrieved",
        {"method": "submit", "calls": 1},
        "never asked for the result of submit(square, …) (call 1) of pool 'crunch': it had raised ValueError: boom "
        "(result() would have raised it here)",
    ),
    (
        "pool.exception_not_retrieved",
        {"part": "task", "task": None, "calls": 2},
        "never asked for the result of apply_async(square, …) (call 1) of pool 'crunch': it was never given to a "
        "worker, because it cannot be pickled: ValueError: boom, and 1 more call of this pool failed, too (get() would "
        "have raised it here)",
    ),
    (
        "pool.left_over",
        {},
        "3 of 4 tasks of pool 'crunch' were not done when its `with` block ended, which terminates its workers, and "
        "nobody had asked for the results of map_async() (ask for them before that with get(), or call close() and "
        "join())",
    ),
    (
        "pool.left_over",
        {"terminated": None, "tasks": 1, "given": 1},
        "1 of 1 task of pool 'crunch' was not done when the program ended, and nobody had asked for the results of "
        "map_async() (ask for them before that with get(), or call close() and join())",
    ),
    ("step.called", {}, "Worker 1.exitcode: -15"),
    ("step.called", {"subject": None, "method": "cpu_count", "result": 2}, "cpu_count: 2"),
    ("step.raised", {}, "tasks.get raised Empty, as expected"),
    ("step.raised", {"message": "why"}, "tasks.get raised Empty: why, as expected"),
    ("event.set", {}, "sets event 'go'"),
    ("event.cleared", {}, "clears event 'go'"),
    ("event.is_set", {}, "asks whether event 'go' is set: False"),
    ("event.is_set", {"times": 1_234, "until": 9.5}, "asks whether event 'go' is set: False ×1,234"),
    ("queue.empty", {"times": 2, "until": 9.5}, "asks whether 'tasks' is empty: True ×2"),
    ("event.waiting", {}, "waits for event 'go' to be set"),
    ("event.waited", {}, "event 'go' was set after waiting 0.2 s"),
    ("event.waited", {"answer": False}, "event 'go' was not set in time after waiting 0.2 s"),
    ("condition.waiting", {}, "waits for condition 'door' to be notified"),
    ("condition.waited", {}, "condition 'door' was not notified in time after waiting 1 s"),
    ("condition.notified", {}, "notifies condition 'door': 1 at most"),
    ("barrier.waiting", {}, "arrived at barrier 'line'"),
    ("barrier.passed", {}, "passes barrier 'line' after waiting 0.3 s"),
    ("barrier.broken", {}, "finds barrier 'line' broken after waiting 2 s"),
    ("barrier.aborted", {}, "aborts barrier 'line'"),
    ("barrier.reset", {}, "resets barrier 'line'"),
    ("queue.left_over", {"count": 1, "pills": 0, "items": [7]}, "1 item is left on 'tasks': 7"),
    ("queue.left_over", {}, "2 items are left on 'tasks' (1 poison pill): 7, None"),
    ("ipc.leaked", {}, "removed what was left: /psm_1"),
    ("resource.made", {}, "has made the Queue 'tasks (crawl.py:12)'"),
    ("recording.incomplete", {}, "not everything is recorded: resources after the first 1,024"),
    ("process.misreported", {}, "MainProcess gets exit code 255: nobody knows"),
    ("process.not_ended", {}, "was not seen to end: it sleeps"),
    ("process.left", {}, "still ran when the recorded block was left"),
    ("process.left", {"running": False}, "had not been waited for when the recorded block was left"),
    ("queue.abandoned", {}, "leaves 'tasks' broken: it ended inside get()"),
    ("event.abandoned", {}, "leaves event 'go' broken: it ended inside wait()"),
    ("condition.abandoned", {}, "leaves condition 'door' broken: it ended inside wait()"),
    ("barrier.abandoned", {}, "leaves barrier 'line' broken: it ended inside wait()"),
    ("manager.lost", {}, "SyncManager-1 (pid 7) has ended too early, by SIGKILL"),
    (
        "helper.lost",
        {},
        "multiprocessing's fork server (pid 7), by SIGKILL, has ended too early: nobody knows exit codes",
    ),
    ("log.message", {}, "INFO app: hi"),
    ("log.message", {"level": "debug"}, "DEBUG app: hi"),
]


@pytest.mark.parametrize(("name", "fields", "expected"), SENTENCES)
def test_sentence(name: str, fields: dict[str, object], expected: str) -> None:
    """Each event reads as a sentence."""
    assert expected == sentence({**event(name), **fields})


def test_every_event_has_a_sentence() -> None:
    """The table above leaves none out."""
    assert set(NAMES) == {name for name, _, _ in SENTENCES}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "  event 1, 0.000 s: Worker 1 runs as a child of MainProcess (pid 10)"),
        ({"worker": "thread"}, "  event 1, 0.000 s: Worker 1 runs as a thread of MainProcess"),
        ({"parent": None}, "  event 1, 0.000 s: Worker 1 runs as the main program"),
    ],
)
def test_evidence_has_no_process_ids(fields: dict[str, object], expected: str) -> None:
    """An event that is shown as evidence is a part of it, without its `pid`, and known by its number in the log."""
    shown = {key: each for key, each in event("process.started", **fields).items() if key != "pid"}
    assert [expected] == explanation({"evidence": [shown]})


@pytest.mark.parametrize("name", NAMES)
def test_no_event_says_none_of_what_it_does_not_have(name: str) -> None:
    """As evidence, any event may be shown without its `pid`."""
    assert "pid None" not in sentence({key: each for key, each in event(name).items() if key != "pid"})


@pytest.mark.parametrize("name", NAMES)
def test_an_event_without_its_fields_still_reads(name: str) -> None:
    """The log of another version, with fields missing, is no reason to fail."""
    assert sentence({"event": name})


def test_an_unknown_event_shows_its_fields() -> None:
    """A later version's event is shown by its name and what it carries."""
    assert "lock.melted lock='gate' waited=0.5" == sentence({"event": "lock.melted", "lock": "gate", "waited": 0.5})


def test_hostile_text_is_inert() -> None:
    """Terminal escapes, bidirectional controls and line breaks of a target become visible."""
    shown = sentence(event("process.output", text="\x1b[2J\x9b1m\u202egnp\u2028\ud800\tend"))
    assert "| \\x1b[2J\\x9b1m\\u202egnp\\u2028\\ud800" == shown[: shown.index(" ", 2)]
    assert shown.endswith("end")
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (None, "None"),
        ("it's", '"it\'s"'),
        ([1, "a"], "[1, 'a']"),
        ({"key": [1]}, "{'key': [1]}"),
        ("x" * 1_000_000, "'" + "x" * 58 + "…"),
        (list(range(100_000)), str(list(range(30)))[:59] + "…"),
    ],
)
def test_value(item: object, expected: str) -> None:
    """An item is shown as Python writes it, cut to one line."""
    assert expected == text.value(item)


def test_values_says_how_many_more() -> None:
    """A long list shows its first ten."""
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more" == text.values(range(12))
    assert "7 and 1,999 more" == text.values([7], 2000)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.0, "0 s"), (0.0042, "0.004 s"), (2.5, "2.5 s"), (10.0, "10 s"), (59.999, "60 s"), (1234.5, "1234 s")],
)
def test_seconds(number: float, expected: str) -> None:
    """Durations are as exact as is useful."""
    assert expected == text.seconds(number)


def test_a_call_of_one_task_is_told_by_its_number() -> None:
    """Each submit() has a task 0: its number among the calls of the pool tells it from the others."""
    lost = event("pool.worker_lost", "W-1", method="submit", call=2, task=0, exitcode=3, signal=None)
    assert "was lost with submit() (call 2): ended with exit code 3" == sentence(lost)
    assert "was lost with task 0 of map(): ended with exit code 3" == sentence({**lost, "method": "map"})


def test_a_call_of_own_code_is_told_by_its_line() -> None:
    """Which of several it was: the number and the line; and what it was to call."""
    made = {"function": "work", "place": "script.py:12", "call": 2}
    returned = event("pool.returned", method="submit", result=7, waited=0.0, **made)
    assert "has the result of submit(work, …) (call 2, script.py:12): 7" == sentence(returned)
    failed = event("pool.call_failed", method="map", exception="ValueError", message="no", **made)
    assert "map(work, …) (script.py:12) of pool 'crunch' raised ValueError: no" == sentence(failed)
