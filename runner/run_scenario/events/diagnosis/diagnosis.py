"""Why nothing moves, as a value: from the wait-for graph and the facts to one `Diagnosis`.

The rules are asked in order, the most certain explanation first; the first that applies gives the kind and the waits
that it is about. Who could have moved these, and which recorded events decided it, is gathered in the same way for all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from msgspec import UNSET

from run_scenario.events import types
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.graph import WaitForGraph
from run_scenario.events.diagnosis.pools import (
    ended_thread,
    has_lost_unpickled,
    is_closed_to_workers,
    lost_tasks,
    only_unheard_failure,
    unheard_failures,
)
from run_scenario.events.diagnosis.reports import Waiting, type_of
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.queue_ledger import QueueLedger
from run_scenario.events.types.runs import (
    SOMETHING_IS_MISSING,
    CycleLink,
    Diagnosis,
    DiagnosisKind,
    Fact,
    FactRole,
    Mover,
    ResourceState,
    StuckProcess,
    StuckThread,
)
from run_scenario.recording import codes
from run_scenario.scenario.model import PipeSpec, PoolSpec, QueueSpec, Resource, SharedSpec, SyncSpec

Found = tuple[DiagnosisKind, Sequence[Waiting]]
_WAKING = ("set", "clear", "is_set", "notify", "wake")
_ABANDONED = (types.EventAbandoned, types.ConditionAbandoned, types.BarrierAbandoned)
_WAITS_TO_BE_WOKEN = (codes.W_EVENT, codes.W_CONDITION, codes.W_BARRIER)
_MOST_CONCERNED = 20
"""Waits, movers and facts that a diagnosis lists of each: of a thousand that are alike, the first are enough."""
_MOST_FAILURES = 5
_POLLED_WITHIN = 2.0
"""Seconds within which somebody has asked something who asks again and again."""
_FAILURES = ("exception", "crash", "signal", "vanished", "unstarted")
"""Causes of ends that nobody in the program has asked for."""
_FIELDS = (
    *("side", "exitcode", "signal", "call", "method", "task", "function", "place"),
    *("exception", "message", "error", "tasks", "count", "cause", "thread", "doing", "most", "by", "threads", "part"),
    *("until", "empty", "alive", "answer", "ready", "end"),
)
"""Fields of events that a diagnosis repeats."""


def diagnose(graph: WaitForGraph, cause: Literal["deadlock", "deadline", "signal"], now: float) -> Diagnosis:
    """Return why nothing moves; but for a deadlock some may, so that only who waits for what is claimed then.

    `now`: the moment, in seconds of the log.
    """
    situation = graph.situation
    cycle: list[CycleLink] = []
    kind: DiagnosisKind = "unknown"
    concerned: Sequence[Waiting] = situation.waiting
    if cause == "deadlock":
        rules = _Rules(graph)
        kind, concerned = rules.found()
        cycle = rules.cycle if kind == "cycle" else []
    facts = _Facts(graph)
    if cause != "deadlock":
        facts.add_polls(now)
    concerned = concerned[:_MOST_CONCERNED]
    movers = _once(mover for w in concerned for mover in graph.movers(w))[:_MOST_CONCERNED]
    about = list(concerned)
    if kind == "held_lock":  # what its holder waits for belongs to it
        movers = _once([*movers, *graph.movers_of_holder(concerned[0])])[:_MOST_CONCERNED]
        about += [graph.living[name] for name in graph.holders(concerned[0])[:1] if name in graph.living]
    if kind == "end_left_open":
        movers = [*graph.closers(concerned[0]), *movers][:_MOST_CONCERNED]
    specs = _once(spec for w in about if (spec := graph.spec(w)) is not None)
    if concerned and (unread := _unread(graph, concerned[0])):
        specs = [ledger.spec for ledger in unread]
    return Diagnosis(
        cause=cause,
        kind=kind,
        waits=[graph.blocked(w) for w in concerned],
        cycle=cycle,
        could_have_moved=movers,
        resources=[_state(graph, spec) for spec in specs],
        facts=facts.about(kind, concerned, specs, movers),
    )


def undecided(graph: WaitForGraph, cause: Literal["deadlock", "deadline", "signal"]) -> Diagnosis:
    """Return only who waits for what: where not all is recorded, who holds or has done something is not known."""
    waits = [graph.blocked(w) for w in graph.situation.waiting[:_MOST_CONCERNED]]
    return Diagnosis(cause=cause, kind="unknown", waits=waits, cycle=[], could_have_moved=[], resources=[], facts=[])


def stuck_process(graph: WaitForGraph, w: Waiting, now: float) -> StuckProcess:
    """Return what is reported of a process; what it waits for is put into words elsewhere."""
    stuck = _stuck(graph, w, now)
    is_queue = stuck["resource_type"] in ("Queue", "JoinableQueue", "SimpleQueue")
    return StuckProcess(**stuck, pid=w.pid, queue=stuck["resource"] if is_queue else None, waits_on=graph.waits_on(w))


def stuck_thread(graph: WaitForGraph, w: Waiting, now: float) -> StuckThread:
    """Return what is reported of another thread."""
    return StuckThread(**_stuck(graph, w, now))


def _stuck(graph: WaitForGraph, w: Waiting, now: float) -> dict[str, Any]:
    blocked = graph.blocked(w)
    return {
        **{name: getattr(blocked, name) for name in blocked.__struct_fields__},
        "state": _state_of(w),
        "waiting_for": None,
        "seconds": None if blocked.since is None else max(0.0, round(now - blocked.since, 6)),
        "stack": [str(frame) for frame in w.frames],
        "held_by": graph.holders(w) if w.operation == "acquire" and blocked.resource else [],
    }


def _state_of(w: Waiting) -> Literal["waiting", "running", "sleeping", "stopped", "exiting", "unknown"]:
    """Return what a process does at a deadlock: what it has recorded, or else what the system says of it.

    Whoever is stopped does not even do what it has recorded last.
    """
    if w.state in ("T", "t"):
        return "stopped"
    if w.kind == codes.W_EXIT:
        return "exiting"
    if w.kind == codes.W_SLEEP:
        return "sleeping"
    if w.kind != codes.MOVING:
        return "waiting"
    if w.state == "R":
        return "running"
    return "unknown" if w.state == codes.UNKNOWN else "sleeping"


def _once(values: Iterable[Any]) -> list[Any]:
    """Return them in order, each once; they need not have a hash."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _unread(graph: WaitForGraph, w: Waiting) -> list[QueueLedger]:
    """Return the ledgers of the queues for which a process waits, as it has put on them what nobody has taken."""
    ledgers = {"exit": graph.situation.ledgers.values(), "join_thread": [graph.ledger(w)]}.get(w.operation or "", [])
    return [ledger for ledger in ledgers if ledger and ledger.put_by[w.pid] and ledger.left]


class _Rules:
    """What may explain a deadlock, one method each: the kind and the waits that it is about, or None."""

    def __init__(self, graph: WaitForGraph) -> None:
        self._graph = graph
        self._facts = graph.situation.facts
        self.cycle: list[CycleLink] = []

    def found(self) -> Found:
        """Return the first that applies."""
        rules = (
            self._pool,
            self._locked_inside,
            self._abandoned,
            self._itself,
            self._in_a_cycle,
            self._held,
            self._barrier,
            self._unset,
            self._no_room_in_pipe,
            self._nothing_comes,
            self._unfinished_join,
            self._starved_get,
            self._abandoned_queue,
            self._broken_item,
            self._stuck_exit,
            self._stuck_put,
            self._unanswered_call,
        )
        for rule in rules:
            if (found := rule()) is not None:
                return found
        return "unknown", self._graph.waiting

    def _pool(self) -> Found | None:
        for w in self._graph.blocked_in("result", "join_pool"):
            name = self._graph.blocked(w).resource
            if self._facts.last(types.PoolCrashLoop, name):
                return "worker_crash_loop", [w]
            if ended_thread(self._graph, w):
                return "pool_thread_ended", [w]
            if lost_tasks(self._graph, w) or has_lost_unpickled(self._graph, w):
                return "lost_pool_task", [w]
            if w.operation == "result" and self._facts.last(types.PoolTerminated, name):
                return "no_pool_worker", [w]
            if self._facts.last(types.PoolWorkerLost, name, None, None) and is_closed_to_workers(self._graph, w):
                return "lost_pool_lock", [w]
            started = self._facts.count(types.PoolWorkerStarted, name)
            gone = started and started == self._facts.count(types.PoolWorkerExited, name)
            # Whoever lives and is not described may be a worker that has not recorded anything yet.
            if gone and self._graph.has_only_described():
                return "no_pool_worker", [w]
            if self._graph.movers(w) and _is_joining_terminated(w):
                return "deaf_pool_workers", [w]
        return None

    def _locked_inside(self) -> Found | None:
        # Whoever is alone in its process waits for what nobody there can do.
        alone = [w for w in self._graph.waiting if w.is_alone]
        return ("locked_inside", alone[:1]) if alone else None

    def _abandoned(self) -> Found | None:
        graph = self._graph
        for w in graph.blocked_in("acquire"):
            holders = graph.holders(w)
            if holders and not any(name in graph.living for name in holders):
                return "abandoned_lock", graph.alike(w)
        for w in graph.blocked_in(*_WAKING):
            if any((kind, w.resource) in w.around for kind in _WAITS_TO_BE_WOKEN) and not self._has_abandoned(w):
                return "waits_for_itself", [w]
            return "abandoned_waiters", [w]
        for w in graph.blocked_in("task_done"):
            if self._facts.last(types.QueueAbandoned, graph.blocked(w).resource, "join"):
                return "abandoned_waiters", [w]
        return None

    def _has_abandoned(self, w: Waiting) -> bool:
        name = self._graph.blocked(w).resource
        return any(list(self._facts.each(kind, name)) for kind in _ABANDONED)

    def _itself(self) -> Found | None:
        own = [w for w in self._graph.blocked_in("acquire") if self._graph.holders(w) == [w.process]]
        for w in own:
            kind = getattr(self._graph.spec(w), "type", "")
            if kind == "Lock" and w.threads <= 1:
                return "held_by_itself", [w]
            if kind in ("Lock", "RLock"):
                return "held_by_own_threads", [w, *(each for each in own if each.pid == w.pid and each != w)]
        return None

    def _in_a_cycle(self) -> Found | None:
        found = self._graph.cycle()
        if len(found) < 2:
            return None
        # A step that comes too late is the surprising part, and a process is more so than who waits for its end.
        start = next((at for at, link in enumerate(found) if link.later), None)
        if start is None:
            start = next((at for at, link in enumerate(found) if link.operation != "join"), 0)
        self.cycle = [*found[start:], *found[:start]]
        first, *others = [self._graph.wait_of(link) for link in self.cycle]
        return "cycle", _once([*self._graph.alike(first), *others]) if self.cycle[0].later else [first, *others]

    def _held(self) -> Found | None:
        for w in self._graph.blocked_in("acquire"):
            return "held_lock" if self._graph.holders(w) else "no_holder", self._graph.alike(w)
        return None

    def _synchronized(self, type_name: str) -> Iterator[tuple[Waiting, SyncSpec]]:
        for w in self._graph.blocked_in("wait"):
            spec = self._graph.spec(w)
            if isinstance(spec, SyncSpec) and spec.type == type_name:
                yield w, spec

    def _barrier(self) -> Found | None:
        for w, _ in self._synchronized("Barrier"):
            return "abandoned_barrier" if self._has_abandoned(w) else "barrier_short", self._graph.alike(w)
        return None

    def _unset(self) -> Found | None:
        for w, _ in self._synchronized("Event"):
            return "event_never_set", self._graph.alike(w)
        for w, _ in self._synchronized("Condition"):
            return "nobody_notifies", self._graph.alike(w)
        return None

    def _no_room_in_pipe(self) -> Found | None:
        return next((("full_pipe", [w]) for w in self._graph.blocked_in("send")), None)

    def _nothing_comes(self) -> Found | None:
        for w in self._graph.blocked_in("recv"):
            spec = self._graph.spec(w)
            movers = [mover for mover in self._graph.movers(w) if mover.process != MAIN_NAME]
            # Whoever has an end only because it was forked is not known to send; that it has it open is known.
            over = all(mover.standing in ("ended", "unknown") for mover in movers)
            if isinstance(spec, PipeSpec) and not spec.close_unused and over and self._graph.closers(w):
                return "end_left_open", [w]
            return "nobody_sends", [w]
        return None

    def _unfinished_join(self) -> Found | None:
        for w in self._graph.blocked_in("join_queue"):
            if (ledger := self._graph.ledger(w)) is not None:
                takers = [o for o in self._graph.blocked_in("get") if o.resource == w.resource and not ledger.left]
                return "unfinished_join", [w, *takers]
        return None

    def _starved_get(self) -> Found | None:
        starved = [(w, ledger) for w in self._graph.blocked_in("get") if (ledger := self._graph.ledger(w))]
        starved = [(w, ledger) for w, ledger in starved if not ledger.left]
        # Where an item has not arrived, that comes before all who wait for what would have followed from it.
        gone = [(w, ledger) for w, ledger in starved if ledger.dropped or ledger.lost]
        for w, _ in gone or starved:
            return "starved_get", self._graph.alike(w)
        return None

    def _abandoned_queue(self) -> Found | None:
        for w in self._graph.blocked_in("get"):
            ledger = self._graph.ledger(w)
            if ledger is not None and ledger.left and _culprits(self._graph, ledger):
                return "abandoned_queue", self._graph.alike(w)
        for w in self._graph.waiting:
            if any(_lost_its_write_lock(self._facts, ledger) for ledger in _unread(self._graph, w)):
                return "abandoned_queue", [w]
        return None

    def _broken_item(self) -> Found | None:
        living = {w.pid for w in self._graph.waiting}
        for w in self._graph.blocked_in("get"):
            ledger = self._graph.ledger(w)
            if ledger is not None and ledger.left == ledger.broken(living):
                return "starved_get", self._graph.alike(w)
        return None

    def _stuck_exit(self) -> Found | None:
        for w in self._graph.waiting:
            if _unread(self._graph, w):
                joining = [o for o in self._graph.waiting if self._graph.blocked(o).on_process == w.process]
                return "exit_blocked_by_feeder", [w, *joining]
        return None

    def _stuck_put(self) -> Found | None:
        for w in self._graph.blocked_in("put"):
            if self._graph.ledger(w) is not None:
                return "full_queue", self._graph.alike(w)
        return None

    def _unanswered_call(self) -> Found | None:
        calling = [w for w in self._graph.waiting if w.operation == "call"]
        return ("unanswered_call", self._graph.alike(calling[0])) if calling else None


def _is_joining_terminated(w: Waiting) -> bool:
    """Tell whether a thread is so far in a pool's terminate() that it has sent SIGTERM, and waits for a worker."""
    files = [(os.path.basename(frame.file), frame.function) for frame in w.frames]
    return ("process.py", "join") in files and ("pool.py", "_terminate_pool") in files


def _culprits(graph: WaitForGraph, ledger: QueueLedger) -> list[str]:
    """Return who may have taken a lock of a queue along: who wrote, or takers that a signal has ended."""
    facts, queue = graph.situation.facts, ledger.spec.name
    if _lost_its_write_lock(facts, ledger):
        return [event.process for event in facts.each(types.QueueAbandoned, queue, "write")]
    takers = graph.users(queue, "from", "uses")
    return [name for name in takers if _by_signal(facts.last(types.ProcessExited, name))]


def _lost_its_write_lock(facts: FactBook, ledger: QueueLedger) -> bool:
    """Tell whether a writer took the lock of a queue's writers with it, and no taker that of the takers."""
    writers, takers = (facts.last(types.QueueAbandoned, ledger.spec.name, side) for side in ("write", "read"))
    return writers is not None and takers is None


def _by_signal(exited: types.ProcessExited | None) -> bool:
    return exited is not None and (exited.exitcode or 0) < 0


def _state(graph: WaitForGraph, spec: Resource) -> ResourceState:
    index = graph.resources.index(spec)
    holders = list(graph.situation.holders(index)) if isinstance(spec, SyncSpec | SharedSpec) else []
    counts: dict[str, int] = {}
    owing: list[str] = []
    if isinstance(spec, QueueSpec):
        ledger = graph.situation.ledgers[index]
        counts = _counts(graph, ledger)
        takers = [*graph.users(spec.name, "from", "uses"), *ledger.takers]
        owing = [name for name in _once(takers) if name in graph.situation.ended and ledger.owes(name)]
    elif isinstance(spec, SyncSpec) and spec.type == "Barrier":
        arrived = sum(w.operation == "wait" and w.resource == index for w in graph.waiting)
        counts = {"parties": spec.parties, "arrived": arrived}
    elif isinstance(spec, PoolSpec):
        counts = {"lost_idle": graph.situation.facts.count(types.PoolWorkerLost, spec.name, None, None)}
    return ResourceState(
        resource=spec.name,
        type=type_of(spec),
        holders=holders,
        ended_holders=[name for name in holders if name not in graph.living],
        owing=owing,
        counts=counts,
    )


def _counts(graph: WaitForGraph, ledger: QueueLedger) -> dict[str, int]:
    counts = {
        "maxsize": ledger.spec.maxsize,
        "put": ledger.put,
        "got": ledger.got,
        "left": ledger.left,
        "dropped": ledger.dropped - ledger.too_large,
        "too_large": ledger.too_large,
        "lost": ledger.lost - ledger.unreadable,
        "unreadable": ledger.unreadable,
        "broken": ledger.broken({w.pid for w in graph.waiting}),
        "pills": ledger.spec.poison_pills,
        "takers": len(graph.users(ledger.spec.name, "from", "uses")),
    }
    return counts if ledger.unfinished is None else {**counts, "unfinished": ledger.unfinished}


class _Facts:
    """Gathers the recorded events that a diagnosis rests on."""

    def __init__(self, graph: WaitForGraph) -> None:
        self._graph = graph
        self._book = graph.situation.facts
        self._found: dict[int, Fact] = {}

    def about(
        self, kind: DiagnosisKind, concerned: Sequence[Waiting], specs: Sequence[Resource], movers: Sequence[Mover]
    ) -> list[Fact]:
        """Return the facts about these waits and resources, in the order of the log."""
        processes = [w.process for w in concerned]
        for spec in specs:
            if isinstance(spec, QueueSpec):
                self._queue(spec.name, processes, movers)
            elif isinstance(spec, SyncSpec | SharedSpec):
                self._lock(spec.name, processes)
            else:
                self._pool(spec.name, kind, concerned)
        for mover in movers:
            if mover.standing == "ended":
                self._ended(mover.process)
        if kind == "abandoned_queue":
            for spec in specs:
                for ledger in self._graph.situation.ledgers.values():
                    if ledger.spec == spec:
                        for name in _culprits(self._graph, ledger):
                            self._ended(name)
        if kind == "no_pool_worker":
            pool = self._graph.blocked(concerned[0]).resource
            self._add("worker_exited", self._book.last(types.PoolWorkerExited, pool), pool)
            self._add("terminated", self._book.last(types.PoolTerminated, pool), pool)
        if kind == "deaf_pool_workers":
            pool = self._graph.blocked(concerned[0]).resource
            self._add("terminated", self._book.last(types.PoolTerminated, pool), pool)
        # Whoever is alone in its process waits for what nobody there can do, whatever the others do.
        for w in concerned:
            if w.is_alone:
                self._threads_at_fork(w.process)
        if kind == "exit_blocked_by_feeder":
            self._add("failed", self._book.last(types.ProcessFailed, processes[0]))
        if kind in SOMETHING_IS_MISSING:
            self._failures()
        found = [self._found[seq] for seq in sorted(self._found)]
        return found[-_MOST_CONCERNED:]

    def _add(self, role: FactRole, event: types.Event | None, resource: str | None = None) -> None:
        if event is not None and event.seq not in self._found:
            self._found[event.seq] = Fact(
                seq=event.seq,
                t=event.t,
                event=str(event.__struct_config__.tag),
                process=event.process,
                resource=resource,
                role=role,
                fields={
                    name: value
                    for name in _FIELDS
                    if name in event.__struct_fields__ and (value := getattr(event, name)) is not UNSET
                },
            )

    def add_polls(self, now: float) -> None:
        """Add what those who are in no recorded wait have asked again and again, until now."""
        for w in self._graph.waiting:
            poll: Any = self._book.polled.get(w.process) if w.operation in (None, "outside") else None
            if poll is not None and poll.until is not UNSET and poll.until > now - _POLLED_WITHIN:
                names = (getattr(poll, kind, None) for kind in ("queue", "pipe", "flag"))
                self._add("polled", poll, next(filter(None, names), None))

    def _failures(self) -> None:
        """Add what has failed and is not to be heard of: it may be what would have moved them."""
        situation = self._graph.situation
        for pool in (spec.name for spec in self._graph.resources if isinstance(spec, PoolSpec)):
            for failed in unheard_failures(self._book, pool)[:_MOST_FAILURES]:
                self._add("task_failed", failed, pool)
        # Of what a scenario describes it is known who could have moved them; of what own code starts it is not.
        own = [name for name, cause in situation.ended.items() if cause in _FAILURES and self._is_made(name)]
        for name in own[:_MOST_FAILURES]:
            self._ended(name)
        # How a process has ended says more than what a thread of it had raised before.
        threads = [each for each in self._book.each(types.ProcessThreadFailed) if each.process not in situation.ended]
        for thread in threads[:_MOST_FAILURES]:
            self._add("own_thread_failed", thread)

    def _is_made(self, process: str) -> bool:
        """Tell whether own code has started a process."""
        starting = self._book.last(types.ProcessStarting, process)
        return bool(self._graph.scenario.script) or (starting is not None and starting.path is not UNSET)

    def _threads_at_fork(self, process: str) -> None:
        """Add the threads that ran where a process was forked, when it was."""
        if process in self._book.forked_beside:
            self._add("thread_at_fork", self._book.forked_beside[process])
            return
        forked = self._book.last(types.ProcessStarted, process)
        if forked is None or forked.start_method != "fork":
            return
        for thread in self._book.each(types.ProcessStarted):
            over = self._book.last(types.ProcessExited, thread.process)
            if thread.worker == "thread" and thread.t < forked.t and (over is None or over.t > forked.t):
                self._add("thread_at_fork", thread)

    def _ended(self, process: str) -> None:
        self._add("failed", self._book.last(types.ProcessFailed, process))
        self._add("ended", self._book.last(types.ProcessExited, process))

    def _queue(self, queue: str, processes: Sequence[str], movers: Sequence[Mover]) -> None:
        book = self._book
        takers = [mover.process for mover in movers if mover.resource == queue and mover.action != "put"]
        for name in _once([*processes, *takers]):
            if (look := book.last_look(queue, name)) is not None:
                self._add(_meaning_of(look.event, look.put, look.got), look.event, queue)
        self._add("first_put", book.first(types.QueuePut, queue), queue)
        self._add("last_put", book.last(types.QueuePut, queue), queue)
        self._add("last_get", book.last_get(queue), queue)
        self._add("dropped", book.last(types.QueueItemDropped, queue), queue)
        self._add("unreadable", book.last(types.QueueGetFailed, queue), queue)
        self._add("lost", book.last(types.QueueItemsLost, queue), queue)
        for event in book.each(types.QueueAbandoned, queue):
            self._add("abandoned", event, queue)

    def _lock(self, name: str, processes: Sequence[str]) -> None:
        book = self._book
        index = next(at for at, spec in enumerate(self._graph.resources) if spec.name == name)
        for holder in self._graph.situation.holders(index):
            self._add("acquired", book.last(types.LockAcquired, name, holder), name)
            self._add("acquired", book.last(types.SemaphoreAcquired, name, holder), name)
        self._add("set", book.last(types.EventSet, name), name)
        self._add("cleared", book.last(types.EventCleared, name), name)
        unheard = book.unheard.get(name)
        self._add(
            "notified_nobody" if unheard else "notified", unheard or book.last(types.ConditionNotified, name), name
        )
        for process in processes:
            self._add("waiting", book.last(types.EventWaiting, name, process), name)
            self._add("waiting", book.last(types.ConditionWaiting, name, process), name)
        waited: list[types.EventWaited | types.ConditionWaited] = list(book.each(types.EventWaited, name))
        waited += book.each(types.ConditionWaited, name)
        for each in waited:
            if each.answer:
                self._add("woken", each, name)
        for kind in _ABANDONED:
            for event in book.each(kind, name):
                self._add("abandoned", event, name)
        lost_locks: list[types.LockAbandoned | types.SemaphoreAbandoned] = [
            *book.each(types.LockAbandoned, name),
            *book.each(types.SemaphoreAbandoned, name),
        ]
        for lost in lost_locks:
            if lost.reason is not UNSET:  # it did not hold it: the manager has acquired it in its place
                self._add("abandoned", lost, name)

    def _pool(self, name: str, kind: DiagnosisKind, concerned: Sequence[Waiting]) -> None:
        book = self._book
        losses = list(book.each(types.PoolWorkerLost, name))
        if kind == "lost_pool_task":
            losses = lost_tasks(self._graph, concerned[0])
        elif kind == "lost_pool_lock":
            losses = [event for event in losses if event.call is None]
        self._add("crash_loop", book.last(types.PoolCrashLoop, name), name)
        self._add("worker_failed", book.last(types.PoolWorkerFailed, name), name)
        for event in losses:
            self._add("worker_lost", event, name)
        failed = list(book.each(types.PoolThreadFailed, name))
        if kind == "pool_thread_ended":
            failed = [event for event in failed if event == ended_thread(self._graph, concerned[0])]
        for each in failed:
            self._add("thread_failed", each, name)
        self._add("task_failed", only_unheard_failure(book, name), name)


def _meaning_of(look: types.QueueEmpty, put: int, got: int) -> FactRole:
    """Return what a look at a queue means, by what had been put and got before it."""
    if not look.empty:
        return "found_not_empty"
    if not put:
        return "found_empty_before_first_put"
    return "found_empty_when_all_taken" if got >= put else "found_empty"
