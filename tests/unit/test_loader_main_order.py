"""Orders of the steps of `main:` that cannot be, told before anything is run; and those next to them that can."""

from __future__ import annotations

import sys

import pytest

from run_scenario.loader import load_text

HEAD = """\
version: 1
queues: {tasks: {maxsize: 2}, jobs: {type: JoinableQueue}}
sync:
  gate: {type: Lock}
  again: {type: RLock}
  seats: {type: BoundedSemaphore, value: 2}
  free: {type: Semaphore, value: 0}
  go: {type: Event}
  door: {type: Condition}
  side: {type: Condition, lock: gate}
  line: {type: Barrier, parties: 2}
  short: {type: Barrier, parties: 2, timeout: 0.1}
pipes: {rope: {}, chute: {duplex: false}}
shared: {box: {type: Queue, size: 1}, total: {type: Value, typecode: i}}
processes:
  - {name: Idle, target: print_info}
  - {name: Feeder, target: produce, to: tasks}
  - {name: Eater, target: consume, from: tasks, kwargs: {task_done: false}}
  - {name: Doer, target: consume, from: jobs}
  - {name: Holder, target: hold_lock, uses: {lock: gate}}
  - {name: Guest, target: use_slot, uses: {semaphore: seats}}
  - {name: Setter, target: set_event, uses: {event: go}}
  - {name: Caller, target: notify, uses: {condition: door}}
  - {name: Meeter, target: meet, uses: {barrier: line}}
  - {name: Own, target: "own:code", uses: {barrier: line}}
  - {name: Ponger, target: pong, uses: {connection: rope.right}}
main:
  - start: Idle
"""


def told(*steps: str) -> list[str]:
    """Return the errors about these steps: line of the step (from 1), what and hint."""
    text = HEAD + "".join(f"  - {step}\n" for step in steps)
    errors = load_text(text, file="main.yaml").errors
    return [f"{problem.where.line - HEAD.count(chr(10))}: {problem.what}; {problem.hint}" for problem in errors]


PUT, JOB = "{put: 1, to: tasks}", "{put: 1, to: jobs}"

IMPOSSIBLE = {
    "get: tasks": "1: nobody has put anything on queue 'tasks' before this step: get() would wait for ever",
    "{get: tasks, raises: Empty}": "1: nobody has put anything on queue 'tasks' before this step",
    f"{PUT}; get: tasks; get: tasks": "3: everything put on queue 'tasks' has been taken before this step",
    "get: box": "1: nobody has put anything on queue 'box' before this step",
    f"{PUT}; {PUT}; start: Feeder; {PUT}": "4: queue 'tasks' is full at this step, and nobody takes from it",
    "{put: 1, to: box}; {put: 2, to: box}": "2: queue 'box' is full at this step",
    "task_done: jobs": "1: no item of queue 'jobs' is left to be marked done at this step",
    f"{JOB}; task_done: jobs; task_done: jobs": "3: no item of queue 'jobs' is left",
    f"{JOB}; {JOB}; task_done: jobs; join_queue: jobs": "4: 1 item is on queue 'jobs' without a task_done()",
    "acquire: gate; acquire: gate": "2: the main program holds 'gate' already: acquire() would wait for ever",
    "acquire: side; acquire: gate": "2: the main program holds 'gate' already",
    "acquire: seats; acquire: seats; acquire: seats": "3: 'seats' is used up at this step",
    "acquire: free": "1: 'free' is used up at this step, and nobody else releases it",
    "release: gate": "1: the main program does not hold 'gate' here: release() would raise a ValueError; write",
    "release: again": "1: the main program does not hold 'again' here: release() would raise an AssertionError",
    "acquire: door; release: door; release: door": "3: the main program does not hold 'door' here",
    "release: seats": "1: the main program does not hold 'seats' here: release() would raise a ValueError",
    "wait: go": "1: nobody could set 'go': wait() would wait for ever; write `set: go` before, or start a process",
    "set: go; clear: go; wait: go": "3: nobody could set 'go'",
    "wait: door": "1: the main program has not acquired 'door' here: wait() would raise an AssertionError",
    "acquire: door; wait: door": "2: nobody could notify 'door': wait() would wait for ever; start a process that",
    "notify: door": "1: the main program has not acquired 'door' here: notify() would raise an AssertionError",
    "notify_all: side": "1: the main program has not acquired 'side' here",
    "wait: line": "1: 'line' opens when 2 have come, and 1 is not started before this step: wait() would wait for ever",
    "recv: rope.left": "1: nobody has sent anything to 'rope.left' before this step: recv() would get nothing",
    "{send: 1, to: rope.left}; recv: rope.left": "2: nobody has sent anything to 'rope.left' before this step",
    "{send: 1, to: chute.left}": "1: 'chute.left' can only receive: the pipe has `duplex: false`; name the other end",
    "poll: chute.right": "1: 'chute.right' can only send",
    "{write: much, to: total}": "1: with the typecode 'i' it must be a whole number",
    "{write: 1.5, to: total}": "1: with the typecode 'i' it must be a whole number",
}

POSSIBLE = [
    "start: Feeder; get: tasks; get: tasks",
    f"{PUT}; get: tasks",
    "{get: tasks, timeout: 0.1, raises: Empty}; get_nowait: tasks",
    f"{PUT}; {PUT}; start: Eater; {PUT}",
    f"{PUT}; {PUT}; {{get: tasks, timeout: 1}}; {PUT}",
    f"{PUT}; {PUT}; {{put: 1, to: tasks, timeout: 0.1, raises: Full}}; get: tasks; get: tasks",
    "{put: 1, to: box}; get: box",
    "{task_done: jobs, raises: ValueError}",
    f"{JOB}; start: Doer; join_queue: jobs",
    f"{JOB}; get: jobs; task_done: jobs; join_queue: jobs; close: jobs; join_thread: jobs",
    "start: Holder; acquire: gate; release: gate; release: gate; acquire: side; acquire: gate",
    "acquire: gate; {acquire: gate, block: false}; {acquire: gate, timeout: 0.1}; release: gate",
    "acquire: again; acquire: again; release: again; release: again",
    "{acquire: seats, timeout: 1}; release: seats; start: Guest; release: seats",
    "release: free; acquire: free; release: free",
    "set: go; wait: go",
    "{wait: go, timeout: 0.1}; start: Setter; wait: go",
    "acquire: door; start: Caller; wait: door; notify: door; release: door",
    "acquire: gate; notify: side; {wait: side, timeout: 0.1}; release: side",
    "start: Meeter; wait: line",
    "start: Own; wait: line",
    "{wait: line, timeout: 0.1, raises: BrokenBarrierError}; abort: line; {wait: line, raises: BrokenBarrierError}",
    "{wait: short, raises: BrokenBarrierError}",
    "{send: 1, to: rope.left}; recv: rope.right; {send: 1, to: chute.right}; poll: chute.left; recv: chute.left",
    "start: Ponger; {send: 1, to: rope.left}; recv: rope.left; {recv: rope.left, raises: EOFError}",
    "{recv: rope.left, raises: EOFError}",
    "{write: 3, to: total}; read: total",
]


@pytest.mark.parametrize("steps", IMPOSSIBLE)
def test_what_cannot_be_done_at_its_place(steps: str) -> None:
    """The first step that would raise, or wait for ever, is told with its line and the way out, and no other."""
    (problem,) = told(*steps.split("; "))
    assert IMPOSSIBLE[steps] == problem[: len(IMPOSSIBLE[steps])]


@pytest.mark.parametrize("steps", POSSIBLE)
def test_what_can_be_done(steps: str) -> None:
    """What another process might do, what has a timeout, and what is expected to raise, is no mistake."""
    assert [] == told(*steps.split("; "))


@pytest.mark.parametrize(("extra", "valid"), [("", True), ("  - sleep: 0\n", False)])
def test_the_most_steps(extra: str, valid: bool) -> None:
    """Ten steps for each of the most processes are valid, and not one more."""
    steps = "  - start: A\n  - join: A\n  - {is_alive: [A, A, A, A, A, A, A, A]}\n"
    text = f"version: 1\nprocesses: [{{name: A, target: print_info, replicas: 2000}}]\nmain:\n{steps}{extra}"
    loaded = load_text(text, use_cache=False)

    assert valid == (loaded.scenario is not None)
    assert valid or "`main` has 20,001 steps in all" in loaded.problems[0].what


def test_a_step_needs_a_python_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """interrupt() is there from Python 3.14 on: before, the error names both versions and what would do instead."""
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    assert [
        "1: `interrupt` needs Python 3.14, and run-scenario is run by Python 3.13; "
        "run it by Python 3.14 or later, or write `terminate`, which sends SIGTERM"
    ] == told("interrupt: Idle")
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert [] == told("interrupt: Idle")
    (error,) = told("interrupt: Feeder")
    assert "1: interrupt() needs a process that was started, and 'Feeder' was not; write" in error
