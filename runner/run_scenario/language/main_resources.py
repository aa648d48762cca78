"""What the steps of `main` have done to each resource so far, and what therefore cannot be done next.

Only what is certain is a problem. What somebody else might do (put, set, release…) counts as done as soon as a process
that has the resource is started; of what may fail or not (a get with a timeout), the case is assumed in which the steps
can go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Set
from typing import NamedTuple

from run_scenario.language.draft import Draft, ProcessDraft, ResourceDraft
from run_scenario.language.main_draft import StepDraft
from run_scenario.language.problems import quote
from run_scenario.model import PIPE_ENDS

_AFTER_CLOSE = ("join_thread", "cancel_join_thread", "close", "join_queue")
"""What can be done to a queue that was closed."""


class Obstacle(NamedTuple):
    """Why a step cannot be done at its place, and the way out."""

    what: str
    hint: str
    waits: bool = False
    """Whether it would wait for ever; otherwise it raises an exception, which may be what is expected of it."""


class _Count:
    """How often something was done by the main program: at least, and at most."""

    def __init__(self) -> None:
        self.least: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def note(self, name: str, *, certain: bool) -> None:
        self.most[name] += 1
        self.least[name] += certain


class MainResources:
    """Follows what the main program does to resources; `started` and `closed` are kept up to date by the owner."""

    def __init__(self, draft: Draft, started: Set[str], closed: Set[str]) -> None:
        self._draft = draft
        self._handles = draft.handles()
        self._started = started
        self._closed = closed
        self._puts, self._gets, self._dones = _Count(), _Count(), _Count()
        self._sent, self._received = _Count(), _Count()
        self._acquired, self._released = _Count(), _Count()
        self._set: set[str] = set()
        self._aborted: set[str] = set()
        self._checks: dict[str, Callable[[StepDraft, str], Obstacle | None]] = {
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

    def obstacle(self, step: StepDraft, name: str) -> Obstacle | None:
        """Return why a step cannot be done to a resource; None if it can."""
        if name in self._closed and step.verb.name not in _AFTER_CLOSE:
            return Obstacle(f"{quote(name)} was closed before", "move this step up, or the one that closes it down")
        check = self._checks.get(step.verb.name)
        return check(step, name) if check else None

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

    def _users(self, *names: str, but: str = "") -> Iterator[tuple[ProcessDraft, str]]:
        """Yield the processes that are started and have one of these resources, each with its name.

        `but`: a direction in which it does not count.
        """
        for process in self._draft.processes:
            if any(link.resource in names and link.direction != but for link in process.links):
                yield from ((process, name) for name in process.names() if name in self._started)

    def _has_others(self, *names: str, but: str = "") -> bool:
        return any(True for _ in self._users(*names, but=but))

    # Queues

    def _put(self, step: StepDraft, name: str) -> Obstacle | None:
        fields = self._handles[name].fields
        most = fields.whole("maxsize") or fields.whole("size")
        there = self._puts.least[name] - self._gets.most[name]
        if not _blocks(step) or not 0 < most <= there or self._has_others(name, but="to"):
            return None
        what = f"queue {quote(name)} is full by then, and nobody takes from it: put() would wait for ever"
        return Obstacle(what, "take something before, or start a process that does", waits=True)

    def _get(self, step: StepDraft, name: str) -> Obstacle | None:
        if not _blocks(step) or self._has_others(name, but="from"):
            return None
        if self._puts.most[name] > self._gets.least[name]:
            return None
        what = f"nobody has put anything on queue {quote(name)} by then: get() would wait for ever"
        if self._puts.most[name]:
            what = f"all that was put on queue {quote(name)} is taken by then: get() would wait for ever"
        return Obstacle(what, "put something before, or start a process that does", waits=True)

    def _task_done(self, _: StepDraft, name: str) -> Obstacle | None:
        if self._puts.most[name] > self._dones.least[name] or self._has_others(name, but="from"):
            return None
        what = f"no item of queue {quote(name)} is left to be worked off by then: task_done() would raise a ValueError"
        return Obstacle(what, "call it once for each item")

    def _join_queue(self, _: StepDraft, name: str) -> Obstacle | None:
        left = self._puts.least[name] - self._dones.most[name]
        if left <= 0 or self._has_others(name, but="to"):
            return None
        items = "1 item is" if left == 1 else f"{left} items are"
        what = f"{items} put on queue {quote(name)} and not worked off by then: join() would wait for ever"
        hint = f"write `task_done: {name}` once for each, or start a process that takes them"
        return Obstacle(what, hint, waits=True)

    def _join_thread(self, _: StepDraft, name: str) -> Obstacle | None:
        if name in self._closed:
            return None
        what = f"join_thread() may only be called after {quote(name)} was closed"
        return Obstacle(what, f"write `close: {name}` before")

    # Locks and their kin

    def _lock(self, name: str) -> str:
        """Return what is acquired with this: the lock that a condition names, or itself."""
        return (self._handles[name].fields.text("lock") if self._handles[name].type == "Condition" else "") or name

    def _sharers(self, lock: str) -> list[str]:
        """Return all names by which a lock can be acquired."""
        return [lock, *(other.name for other in self._handles.values() if other.fields.text("lock") == lock)]

    def _kind(self, lock: str) -> str:
        kind = self._handles[lock].type
        return "RLock" if kind == "Condition" else kind

    def _not_held(self, lock: str) -> bool:
        """Whether the main program cannot have it."""
        return self._acquired.most[lock] <= self._released.least[lock]

    def _acquire(self, step: StepDraft, name: str) -> Obstacle | None:
        lock = self._lock(name)
        kind, held = self._kind(lock), self._acquired.least[lock] - self._released.most[lock]
        seats = 1 if kind == "Lock" else self._handles[lock].fields.whole("value", 1)
        if not _blocks(step) or kind == "RLock" or held < seats or self._has_others(*self._sharers(lock)):
            return None
        if kind == "Lock":
            what = f"the main program holds {quote(lock)} already: acquire() would wait for ever"
            return Obstacle(what, f"write `release: {name}` before, or `type: RLock`", waits=True)
        what = f"nothing is left of {quote(lock)} by then, and nobody else releases it: acquire() would wait for ever"
        return Obstacle(what, f"write `release: {name}` before, or start a process that does", waits=True)

    def _release(self, _: StepDraft, name: str) -> Obstacle | None:
        lock = self._lock(name)
        kind = self._kind(lock)
        if kind == "Semaphore" or not self._not_held(lock):
            return None
        if kind != "RLock" and self._has_others(*self._sharers(lock)):
            return None
        error = "an AssertionError" if kind == "RLock" else "a ValueError"
        what = f"the main program does not hold {quote(lock)} here: release() would raise {error}"
        return Obstacle(what, f"write `acquire: {name}` before")

    def _notify(self, step: StepDraft, name: str) -> Obstacle | None:
        if not self._not_held(self._lock(name)):
            return None
        what = f"the main program has not acquired {quote(name)} here: {step.verb.name}() would raise an AssertionError"
        return Obstacle(what, f"write `acquire: {name}` before, and `release: {name}` after it")

    def _wait(self, step: StepDraft, name: str) -> Obstacle | None:
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
        return Obstacle(what, f"{before}start a process that does before", waits=True)

    def _wait_at_barrier(self, barrier: ResourceDraft) -> Obstacle | None:
        others = list(self._users(barrier.name))
        if barrier.fields.number("timeout") is not None or barrier.name in self._aborted:
            return None
        if any(":" in process.target for process, _ in others):  # code of one's own may come with several threads
            return None
        missing = barrier.fields.whole("parties") - len(others) - 1
        if missing <= 0:
            return None
        what = f"{quote(barrier.name)} opens when {barrier.fields.whole('parties')} have come, and {missing} "
        what += f"{'is' if missing == 1 else 'are'} not started by then: wait() would wait for ever"
        return Obstacle(what, "start all who are to meet there before", waits=True)

    # Pipes

    def _one_way(self, name: str, end: str, can: str) -> Obstacle | None:
        """An end of a one-way pipe can do one thing; `end` is the one that can do no more than `can`."""
        pipe = self._handles[name]
        if pipe.fields.flag("duplex", default=True) or not name.endswith(f".{end}"):
            return None
        what = f"{quote(name)} can only {can}: the pipe has `duplex: false`"
        return Obstacle(what, f"name the other end, {quote(_other_end(name))}, or leave `duplex` out")

    def _send(self, _: StepDraft, name: str) -> Obstacle | None:
        return self._one_way(name, "left", "receive")

    def _poll(self, _: StepDraft, name: str) -> Obstacle | None:
        return self._one_way(name, "right", "send")

    def _recv(self, step: StepDraft, name: str) -> Obstacle | None:
        if obstacle := self._poll(step, name):
            return obstacle
        if self._sent.most[name] > self._received.least[name] or self._has_others(_other_end(name)):
            return None
        what = f"nobody has sent anything to {quote(name)} by then: recv() would get nothing"
        return Obstacle(what, f"send something to {quote(_other_end(name))} before, or start a process that does")


def _blocks(step: StepDraft) -> bool:
    """Whether a step waits for as long as it takes."""
    return step.options.get("block") is not False and "timeout" not in step.options


def _other_end(name: str) -> str:
    pipe, _, end = name.rpartition(".")
    left, right = PIPE_ENDS
    return f"{pipe}.{right if end == left else left}"
