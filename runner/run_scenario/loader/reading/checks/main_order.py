"""Can the steps of `main` be done in this order? They are followed one by one, without running anything.

What the steps have done so far, to processes, resources and pools, decides what cannot be done next. Only what is
certain is a problem. What somebody else might do (put, set, release…) counts as done as soon as a process that has the
resource is started; of what may fail or not (a get with a timeout), the case is assumed in which the steps can go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from itertools import takewhile
from typing import NamedTuple

from run_scenario.counting import plural
from run_scenario.loader.problems import Problems, Span, quote
from run_scenario.loader.reading.checks.pools import method_of
from run_scenario.loader.reading.draft import Draft, ResourceDraft, is_managed
from run_scenario.loader.reading.steps import StepDraft
from run_scenario.loader.reading.yaml_parser import Fields
from run_scenario.scenario.model import PIPE_ENDS, Direction
from run_scenario.scenario.resources import NOT_WAITING


def check_order(draft: Draft, steps: Sequence[StepDraft], problems: Problems) -> None:
    """Add a problem for the first step that cannot be done at its place, or warn of what is never used.

    Whether the steps of a block are done, and how often, is not followed: what comes after the first block is not
    certain any more.
    """
    certain = list(takewhile(lambda step: step.verb.form != "block" and not step.computed, steps))
    order = _Order(draft, problems)
    if not order.follow(certain):
        return
    _warn_of_unstarted(draft, problems)
    if len(certain) == len(steps):
        order.warn_of_unended_pools(certain)
    _warn_of_unused_pools(draft, problems)


class _Order:
    """Follows the steps and finds what cannot be done at its place."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._draft = draft
        self._problems = problems
        self._groups = draft.groups()
        self._started: set[str] = set()
        self._joined: set[str] = set()
        self._closed: set[str] = set()
        self._pools = _Pools(draft)
        self._resources = _Resources(draft, self._closed)

    def follow(self, steps: list[StepDraft]) -> bool:
        """Return whether every step can be done, or is expected to raise what it raises then."""
        for step in steps:
            for name, span in _names(step):
                for subject in self._groups.get(name, [name]):
                    obstacle = self._obstacle(step, subject)
                    if obstacle is None:
                        self._note(step, subject)
                    elif obstacle.waits or not step.fields.text("raises"):
                        self._problems.error(span, obstacle.what, obstacle.hint)
                        return False
        return True

    def _obstacle(self, step: StepDraft, name: str) -> _Obstacle | None:
        if name in self._groups:
            return self._obstacle_of_process(step.verb.name, name)
        if name in self._pools:
            return self._pools.obstacle(step, name)
        return self._resources.obstacle(step, name)

    def _obstacle_of_process(self, verb: str, name: str) -> _Obstacle | None:
        called = quote(name)
        if name in self._closed:
            return _Obstacle(f"{called} was closed by an earlier step: it cannot be used any more", "move this step up")
        if verb == "start" and name in self._started:
            return _Obstacle(
                f"{called} was started by an earlier step: a process can be started only once",
                "describe another process like it",
            )
        if name not in self._started and verb in ("join", "interrupt", "terminate", "kill"):
            hint = f"write `start: {name}` before"
            return _Obstacle(f"{verb}() needs a process that was started, and {called} was not", hint)
        if verb == "close" and name in self._started - self._joined:
            what = f"{called} may still be running: close() needs a process that has ended"
            return _Obstacle(what, f"write `join: {name}` before")
        return None

    def _note(self, step: StepDraft, name: str) -> None:
        verb = step.verb.name
        if name in self._pools:
            self._pools.note(step, name)
        elif verb == "start":
            self._started.add(name)
            self._resources.note_start(name)
        elif verb == "join" and "timeout" not in step.options:
            self._joined.add(name)
        elif verb == "close":
            self._closed.add(name)
        elif name not in self._groups:
            self._resources.note(step, name)

    def warn_of_unended_pools(self, steps: list[StepDraft]) -> None:
        """Warn of pools that these steps, which are all, create and do not close."""
        unended = self._pools.unended()
        for step in steps:
            for name, span in _names(step) if step.verb.name == "create" else ():
                if name in unended:
                    what = f"pool {quote(name)} is never closed: its workers are terminated when the main program ends"
                    self._problems.warn(span, what, f"write `close: {name}` and `join: {name}` in the end")


def _names(step: StepDraft) -> list[tuple[str, Span]]:
    return [(subject, span) for subject, span in step.subjects if isinstance(subject, str)]


def _warn_of_unstarted(draft: Draft, problems: Problems) -> None:
    started = {name for name, step in draft.named_by_main() if step.verb.name == "start"}
    for process in draft.of_main():
        if not started.intersection((*process.names(), process.name)):
            called = quote(process.names()[0] if len(process.names()) == 1 else process.name)
            hint = f"write a step `start: {process.name or process.names()[0]}`, or drop it"
            problems.warn(process.span, f"{called} is never started", hint)


def _warn_of_unused_pools(draft: Draft, problems: Problems) -> None:
    used = {name for name, step in draft.named_by_main() if step.verb.name in ("use", "create", "with")}
    for pool in draft.sections["pools"].values():
        if pool.name not in used:
            problems.warn(pool.span, f"pool {quote(pool.name)} is not used", f"write a step `use: {pool.name}`")


class _Obstacle(NamedTuple):
    """Why a step cannot be done at its place, and the way out."""

    what: str
    hint: str
    waits: bool = False
    """Whether it would wait for ever; otherwise it raises an exception, which may be what is expected of it."""


_AFTER_CLOSE = ("join_thread", "cancel_join_thread", "close", "join_queue")
"""What can be done to a queue that was closed."""


class _Count:
    """How often something was done by the main program: at least, and at most."""

    def __init__(self) -> None:
        self.least: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def note(self, name: str, *, certain: bool) -> None:
        self.most[name] += 1
        self.least[name] += certain


class _Resources:
    """Follows what the main program does to resources; `closed` is kept up to date by the owner.

    There may be thousands of processes and of steps: no step looks at all processes.
    """

    def __init__(self, draft: Draft, closed: Set[str]) -> None:
        self._processes = draft.processes
        self._handles = draft.handles()
        self._sharing: dict[str, list[str]] = {}
        """Lock -> the conditions that are made with it."""
        for name, handle in self._handles.items():
            if lock := handle.fields.text("lock"):
                self._sharing.setdefault(lock, []).append(name)
        self._positions: dict[str, int] = {}
        self._having: dict[str, list[tuple[int, Direction]]] = {}
        """Resource -> the positions of the processes that have it."""
        for position, process in enumerate(draft.processes):
            self._positions |= dict.fromkeys(process.names(), position)
            for binding in process.bindings:
                self._having.setdefault(binding.resource, []).append((position, binding.direction))
        self._of_pools = {name for _, name, _ in draft.given_to_workers()}
        self._running: Counter[int] = Counter()
        """Position of a process -> how many of its replicas are started."""
        self._known: dict[tuple[tuple[str, ...], str], bool] = {}
        """What was found out about the users of resources since a process was started last."""
        self._closed = closed
        self._puts, self._gets, self._dones = _Count(), _Count(), _Count()
        self._sent, self._received = _Count(), _Count()
        self._acquired, self._released = _Count(), _Count()
        self._set: set[str] = set()
        self._aborted: set[str] = set()
        self._checks: dict[str, Callable[[StepDraft, str], _Obstacle | None]] = {
            "put": self._put,
            "get": self._get,
            "task_done": self._task_done,
            "join_queue": self._join_queue,
            "join_thread": self._join_thread,
            "acquire": self._acquire,
            "release": self._release,
            "wait": self._wait,
            "notify": self._notify,
            "notify_all": self._notify,
            "send": self._send,
            "recv": self._recv,
            "poll": self._poll,
        }

    def obstacle(self, step: StepDraft, name: str) -> _Obstacle | None:
        """Return why a step cannot be done to a resource; None if it can."""
        if name in self._closed and step.verb.name not in _AFTER_CLOSE:
            return _Obstacle(
                f"{quote(name)} was closed by an earlier step", "move this step before the one that closes it"
            )
        check = self._checks.get(step.verb.name)
        return check(step, name) if check else None

    def note_start(self, process: str) -> None:
        """Take in that a process was started."""
        self._running[self._positions[process]] += 1
        self._known.clear()

    def note(self, step: StepDraft, name: str) -> None:
        """Take in that a step was done."""
        certain = _blocks(step) and not step.fields.text("raises")
        match step.verb.name:
            case "put" | "put_nowait":
                self._puts.note(name, certain=certain and step.verb.name == "put")
            case "get" | "get_nowait":
                self._gets.note(name, certain=certain and step.verb.name == "get")
            case "task_done":
                self._dones.note(name, certain=certain)
            case "send":
                self._sent.note(_other_end(name), certain=certain)
            case "recv":
                self._received.note(name, certain=certain)
            case "acquire":
                self._acquired.note(self._lock(name), certain=certain)
            case "release":
                self._released.note(self._lock(name), certain=certain)
            case "set":
                self._set.add(name)
            case "clear":
                self._set.discard(name)
            case "abort":
                self._aborted.add(name)

    # Who else has it

    def _users(self, *names: str, but: str = "") -> set[int]:
        """Return the positions of the processes that are started and have one of these resources.

        `but`: a direction in which it does not count.
        """
        bindings = (binding for name in names for binding in self._having.get(name, ()))
        return {position for position, direction in bindings if direction != but and self._running[position]}

    def _has_others(self, *names: str, but: str = "") -> bool:
        if not self._of_pools.isdisjoint(names):  # what their workers do is not known
            return True
        if (names, but) not in self._known:
            self._known[names, but] = bool(self._users(*names, but=but))
        return self._known[names, but]

    # Queues

    def _put(self, step: StepDraft, name: str) -> _Obstacle | None:
        fields = self._handles[name].fields
        most = fields.whole("maxsize") or fields.whole("size")
        there = self._puts.least[name] - self._gets.most[name]
        if not _blocks(step) or not 0 < most <= there or self._has_others(name, but="to"):
            return None
        what = f"queue {quote(name)} is full at this step, and nobody takes from it: put() would wait for ever"
        return _Obstacle(what, "take something before, or start a process that does", waits=True)

    def _get(self, step: StepDraft, name: str) -> _Obstacle | None:
        if not _blocks(step) or self._has_others(name, but="from"):
            return None
        if self._puts.most[name] > self._gets.least[name]:
            return None
        what = f"nobody has put anything on queue {quote(name)} before this step: get() would wait for ever"
        if self._puts.most[name]:
            what = f"everything put on queue {quote(name)} has been taken before this step: get() would wait for ever"
        return _Obstacle(what, "put something before, or start a process that does", waits=True)

    def _task_done(self, _: StepDraft, name: str) -> _Obstacle | None:
        if self._puts.most[name] > self._dones.least[name] or self._has_others(name, but="from"):
            return None
        what = f"no item of queue {quote(name)} is left to be marked done at this step: "
        what += "task_done() would raise a ValueError"
        return _Obstacle(what, "call it once for each item")

    def _join_queue(self, _: StepDraft, name: str) -> _Obstacle | None:
        left = self._puts.least[name] - self._dones.most[name]
        if left <= 0 or self._has_others(name, but="to"):
            return None
        what = f"{plural(left, 'item', 'is')} on queue {quote(name)} without a task_done() before this step: "
        what += "join() would wait for ever"
        hint = f"write `task_done: {name}` once for each, or start a process that takes them"
        return _Obstacle(what, hint, waits=True)

    def _join_thread(self, _: StepDraft, name: str) -> _Obstacle | None:
        if name in self._closed:
            return None
        what = f"join_thread() may only be called after {quote(name)} was closed"
        return _Obstacle(what, f"write `close: {name}` before")

    # Locks, semaphores, conditions, events and barriers

    def _lock(self, name: str) -> str:
        """Return what is acquired with this: the lock that a condition names, or itself."""
        return (self._handles[name].fields.text("lock") if self._handles[name].type == "Condition" else "") or name

    def _sharers(self, lock: str) -> list[str]:
        """Return all names by which a lock can be acquired."""
        return [lock, *self._sharing.get(lock, ())]

    def _kind(self, lock: str) -> str:
        kind = self._handles[lock].type
        return "RLock" if kind == "Condition" else kind

    def _not_held(self, lock: str) -> bool:
        """Whether the main program cannot have it."""
        return self._acquired.most[lock] <= self._released.least[lock]

    def _acquire(self, step: StepDraft, name: str) -> _Obstacle | None:
        lock = self._lock(name)
        kind, held = self._kind(lock), self._acquired.least[lock] - self._released.most[lock]
        seats = 1 if kind == "Lock" else self._handles[lock].fields.whole("value", 1)
        if not _blocks(step) or kind == "RLock" or held < seats or self._has_others(*self._sharers(lock)):
            return None
        if kind == "Lock":
            what = f"the main program holds {quote(lock)} already: acquire() would wait for ever"
            return _Obstacle(what, f"write `release: {name}` before, or `type: RLock`", waits=True)
        what = f"{quote(lock)} is used up at this step, and nobody else releases it: acquire() would wait for ever"
        return _Obstacle(what, f"write `release: {name}` before, or start a process that does", waits=True)

    def _release(self, _: StepDraft, name: str) -> _Obstacle | None:
        lock = self._lock(name)
        kind = self._kind(lock)
        if kind == "Semaphore" or not self._not_held(lock):
            return None
        if kind != "RLock" and self._has_others(*self._sharers(lock)):
            return None
        error = self._refusal(lock, "an AssertionError" if kind == "RLock" else "a ValueError")
        what = f"the main program does not hold {quote(lock)} here: release() would raise {error}"
        return _Obstacle(what, f"write `acquire: {name}` before")

    def _refusal(self, name: str, usual: str) -> str:
        """Return what is raised where a lock is not held: what a manager holds is an object of `threading`."""
        resource = self._handles[name]
        return "a RuntimeError" if is_managed(resource) and resource.type != "BoundedSemaphore" else usual

    def _notify(self, step: StepDraft, name: str) -> _Obstacle | None:
        if not self._not_held(self._lock(name)):
            return None
        error = self._refusal(name, "an AssertionError")
        what = f"the main program has not acquired {quote(name)} here: {step.verb.name}() would raise {error}"
        return _Obstacle(what, f"write `acquire: {name}` before, and `release: {name}` after it")

    def _wait(self, step: StepDraft, name: str) -> _Obstacle | None:
        resource = self._handles[name]
        if resource.type == "Condition" and (obstacle := self._notify(step, name)):
            return obstacle
        if not _blocks(step):
            return None
        if resource.type == "Barrier":
            return self._wait_at_barrier(resource)
        if name in self._set or self._has_others(name):
            return None
        verb = "set" if resource.type == "Event" else "notify"
        what = f"nobody could {verb} {quote(name)}: wait() would wait for ever"
        before = f"write `set: {name}` before, or " if verb == "set" else ""
        return _Obstacle(what, f"{before}start a process that does before", waits=True)

    def _wait_at_barrier(self, barrier: ResourceDraft) -> _Obstacle | None:
        others = self._users(barrier.name)
        may_open = barrier.name in self._aborted or barrier.name in self._of_pools
        if barrier.fields.number("timeout") is not None or may_open:
            return None
        # Code outside the built-ins may come with several threads.
        if any(":" in self._processes[other].target for other in others):
            return None
        missing = barrier.fields.whole("parties") - sum(self._running[other] for other in others) - 1
        if missing <= 0:
            return None
        what = f"{quote(barrier.name)} opens when {barrier.fields.whole('parties')} have come, and {missing} "
        what += f"{'is' if missing == 1 else 'are'} not started before this step: wait() would wait for ever"
        return _Obstacle(what, "start all who are to meet there before", waits=True)

    # Pipes

    def _one_way(self, name: str, end: str, can: str) -> _Obstacle | None:
        """An end of a one-way pipe can do one thing; `end` is the one that can do no more than `can`."""
        pipe = self._handles[name]
        if pipe.fields.flag("duplex", default=True) or not name.endswith(f".{end}"):
            return None
        what = f"{quote(name)} can only {can}: the pipe has `duplex: false`"
        return _Obstacle(what, f"name the other end, {quote(_other_end(name))}, or leave `duplex` out")

    def _send(self, _: StepDraft, name: str) -> _Obstacle | None:
        return self._one_way(name, "left", "receive")

    def _poll(self, _: StepDraft, name: str) -> _Obstacle | None:
        return self._one_way(name, "right", "send")

    def _recv(self, step: StepDraft, name: str) -> _Obstacle | None:
        if obstacle := self._poll(step, name):
            return obstacle
        if self._sent.most[name] > self._received.least[name] or self._has_others(_other_end(name)):
            return None
        what = f"nobody has sent anything to {quote(name)} before this step: recv() would get nothing"
        return _Obstacle(what, f"send something to {quote(_other_end(name))} before, or start a process that does")


def _blocks(step: StepDraft) -> bool:
    """Whether a step waits for as long as it takes."""
    return step.options.get("block") is not False and "timeout" not in step.options


def _other_end(name: str) -> str:
    pipe, _, end = name.rpartition(".")
    left, right = PIPE_ENDS
    return f"{pipe}.{right if end == left else left}"


_ENDS = ("close", "terminate", "shutdown")


class _Pools:
    """Follows what the main program does to pools."""

    def __init__(self, draft: Draft) -> None:
        self._pools = {pool.name: pool for pool in draft.sections["pools"].values()}
        self._calls = {
            name: [Fields(node, pool.fields.invalid) for node in pool.fields.items("calls")]
            for name, pool in self._pools.items()
        }
        self._created: set[str] = set()
        self._used: set[str] = set()
        self._ended: set[str] = set()
        self._called: Counter[str] = Counter()
        self._pending: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        return name in self._pools

    def obstacle(self, step: StepDraft, name: str) -> _Obstacle | None:
        """Return why a step cannot be done to a pool; None if it can."""
        verb, called = step.verb.name, quote(name)
        if verb == "use":
            if name in self._created - self._used:
                what = f"pool {called} was created before, and `use` creates it"
                return _Obstacle(
                    what, f"write `next_call: {name}` for each of its calls, then `close` and `join`", waits=True
                )
            return None
        if verb == "create":
            if name in self._created:
                return _Obstacle(f"pool {called} was created before", "describe another pool like it", waits=True)
            return None
        if name not in self._created:
            return _Obstacle(
                f"pool {called} was not created before this step", f"write `create: {name}` before", waits=True
            )
        if verb == "next_call" and name in self._ended and not self._expects(name):
            return _Obstacle(f"pool {called} takes no more calls at this step", "move this step up", waits=True)
        if verb == "result" and not self._pending[name]:
            what = f"no result of pool {called} is left to get at this step"
            return _Obstacle(what, f"write `next_call: {name}` before, of a call that does not wait", waits=True)
        if verb == "join" and name not in self._ended:
            return _Obstacle(
                f"join() needs a pool that was closed, and {called} was not", f"write `close: {name}` before"
            )
        return None

    def note(self, step: StepDraft, name: str) -> None:
        """Take in that a step was done."""
        verb = step.verb.name
        if verb in ("create", "use"):
            self._created.add(name)
        if verb == "use":
            self._used.add(name)
        if verb in _ENDS or verb == "use":
            self._ended.add(name)
        if verb == "next_call":
            self._pending[name] += method_of(self._calls[name][self._called[name]]) in NOT_WAITING
            self._called[name] += 1
        elif verb == "use":
            self._called[name] = len(self._calls[name])
        elif verb == "result":
            self._pending[name] -= 1

    def unended(self) -> set[str]:
        """Return the pools that live until the main program ends."""
        return {name for name in self._created - self._ended if self._pools[name].type == "Pool"}

    def _expects(self, name: str) -> bool:
        """Return whether the next call is expected to raise something."""
        calls, next_ = self._calls[name], self._called[name]
        return next_ < len(calls) and bool(calls[next_].text("raises"))
