"""The wait-for graph of one moment: who is blocked in what, and who could have moved whom, over all kinds of resource.

    process ── blocked in an operation on ──▶ resource ── could be done by ──▶ process
       ▲                                                                          │
       └──────── waits as well, has ended, or has a step for it, but later ───────┘

The main program is a process like the others; what it would still do is known from its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from run_scenario.events import types
from run_scenario.events.diagnosis.reports import WITHOUT_RESOURCE, Waiting, blocked_operation
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.types.runs import Action, BlockedOperation, CycleLink, Mover
from run_scenario.scenario import model
from run_scenario.scenario.model import PipeSpec, PoolSpec, QueueSpec, Resource, Scenario, SharedSpec, SyncSpec
from run_scenario.scenario.plan import plan
from run_scenario.scenario.steps import VERBS, Effect, Step, everywhere, unfolded
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.diagnosis.facts import FactBook
    from run_scenario.events.queue_ledger import QueueLedger


# What the main program still has to do


Did = tuple[Effect, str]
"""What a step does for others, and the name of what it is done to; of a pipe, that of the end."""


class RemainingSteps(Value):
    """What the main program does in the steps to come."""

    certain: frozenset[Did]
    possible: frozenset[Did]
    """Those that may still come: it is not known in which of several steps it is."""


def remaining_steps(scenario: model.Scenario, blocked: BlockedOperation | None) -> RemainingSteps:
    """Return what comes after the step that the main program is blocked in; nothing if it has ended or is ending."""
    if blocked is None or blocked.operation == "exit":
        return RemainingSteps(frozenset(), frozenset())
    steps = list(unfolded(plan(scenario)))
    at = [number for number, step in enumerate(steps) if _is_blocked_in(step, blocked)]
    if not at:
        return RemainingSteps(frozenset(), frozenset(did for step in steps for did in _done_by(step)))
    later = [frozenset(did for step in steps[number + 1 :] for did in _done_by(step)) for number in (at[-1], at[0])]
    return RemainingSteps(*later)


def may_do(steps: Iterable[Step], action: str, handle: str | None) -> bool:
    """Tell whether one of the steps may do this.

    Where a name that is computed, or a function of the user's, decides, that is not excluded.
    """
    for step in everywhere(steps):
        if step.verb == "call" and ":" in str(step.argument):
            return True
        verb = VERBS.get(step.verb)  # the parts of a `try` are none
        if verb and verb.effect == action and (step.subject == handle or not isinstance(step.subject, str)):
            return True
    return False


def _done_by(step: Step) -> Iterator[Did]:
    effect = VERBS[step.verb].effect
    if effect is not None:
        yield effect, step.subject


def _is_blocked_in(step: Step, blocked: BlockedOperation) -> bool:
    """Tell whether a step may be the one in which the main program waits so."""
    if blocked.operation not in (VERBS[step.verb].waits or (step.verb,)):
        return False
    name = f"{blocked.resource}.{blocked.end}" if blocked.end else blocked.resource
    return not step.subject or step.subject in (name, blocked.on_process)


# The graph


_OTHER_END = {"left": "right", "right": "left"}


Shape = tuple[int, int, int]
"""Kind of wait, resource, and the process if no other can wait so."""
_MOST_NEXT = 5


class Situation(Value):
    """All that is known of a run at the moment when nothing moves."""

    scenario: Scenario
    waiting: Sequence[Waiting]
    """Every process that lives, every worker that is a thread, and other threads of theirs that wait."""
    ended: Mapping[str, str]
    """The scenario's processes that have ended -> the cause, as in `process.exited`; empty if it is not known yet."""
    ledgers: Mapping[int, QueueLedger]
    """Of the queues, by position."""
    holders: Callable[[int], Sequence[str]]
    """Position of a lock or semaphore -> who holds it, those that have ended included."""
    facts: FactBook
    name_of: Callable[[int], str]
    """Process id -> name."""
    seconds: Callable[[int], float]
    """Monotonic ns -> seconds of the log."""
    makers: Mapping[str, str] = {}
    """What own code has made -> the process that has made it, and so has it."""
    given: Mapping[str, Sequence[str]] = {}
    """Resource, or end of a pipe -> the processes and pools that own code has started and given it to."""
    given_more: Collection[str] = ()
    """Those of them that may have been given more."""


class WaitForGraph:
    """Who waits for whom; built from a situation, asked by `diagnosis`."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.scenario = situation.scenario
        self.waiting = situation.waiting
        self.resources = situation.scenario.resources
        self.living = {w.process: w for w in situation.waiting if not w.thread}
        self._threads: dict[int, list[Waiting]] = {}
        """Process id -> the waits of its threads that have no name of their own."""
        for w in situation.waiting:
            if w.thread:
                self._threads.setdefault(w.pid, []).append(w)
        self._described = {process.name: process for process in situation.scenario.processes}
        self._pools = {spec.name for spec in self.resources if isinstance(spec, PoolSpec)}
        self._connected: dict[str, list[tuple[str, str]]] = {}
        """Resource, or end of a pipe -> each process that is given it, and in which direction."""
        for process in situation.scenario.processes:
            for binding in process.bindings:
                self._connected.setdefault(binding.resource, []).append((process.name, binding.direction))
        for handle, names in situation.given.items():
            self._connected.setdefault(handle, []).extend((name, "uses") for name in self._started(names))
        self._alike: dict[Shape, list[Waiting]] = {}
        for w in situation.waiting:
            self._alike.setdefault(self._shape(w), []).append(w)
        self._movers_of: dict[Shape, list[Mover]] = {}
        self._waits_on: dict[Shape, list[str]] = {}

    def _started(self, names: Iterable[str]) -> Iterator[str]:
        """Yield processes, and in place of pools those of their workers that have a task: others wait to get one."""
        for name in names:
            if name not in self._pools:
                yield name
            for worker in sorted(self.situation.facts.workers.get(name, ())):
                w = self.living.get(worker)
                if w is not None and w.operation != "next_task":
                    yield worker

    def blocked(self, w: Waiting) -> BlockedOperation:
        """Return what a process is blocked in, by names."""
        return blocked_operation(w, self.scenario, self.situation.seconds)

    def spec(self, w: Waiting) -> Resource | None:
        """Return the resource that a process waits on; None if that is none, or its number is a lie."""
        named = w.operation not in (None, *WITHOUT_RESOURCE)
        return self.resources[w.resource] if named and w.resource < len(self.resources) else None

    def ledger(self, w: Waiting) -> QueueLedger | None:
        """Return the ledger of the queue that a process waits on."""
        return self.situation.ledgers[w.resource] if isinstance(self.spec(w), QueueSpec) else None

    def blocked_in(self, *operations: str) -> list[Waiting]:
        """Return who is blocked so, on a resource that exists."""
        return [w for w in self.waiting if w.operation in operations and self.spec(w) is not None]

    def has_only_described(self) -> bool:
        """Tell whether all who live are processes of the scenario, and the main program."""
        return all(w.process == MAIN_NAME or w.process in self._described for w in self.waiting)

    def alike(self, w: Waiting) -> list[Waiting]:
        """Return all who wait for the very same, this one included."""
        return self._alike[self._shape(w)]

    @cached_property
    def remaining(self) -> RemainingSteps:
        """What the main program would still do."""
        main = self.living.get(MAIN_NAME)
        return remaining_steps(self.scenario, self.blocked(main) if main else None)

    def holders(self, w: Waiting) -> list[str]:
        """Return who holds the lock or semaphore that a process waits on, those that have ended included."""
        return list(self.situation.holders(w.resource))

    def users(self, handle: str, *directions: str) -> list[str]:
        """Return the processes that are given a resource, or an end of a pipe, in one of these directions."""
        found = [name for name, direction in self._connected.get(handle, ()) if direction in directions]
        for pool in self.scenario.pools if "uses" in directions else ():
            if handle in pool.uses:
                found += sorted(self.situation.facts.workers.get(pool.name, ()))
        return found

    def _having(self, handle: str, *directions: str) -> list[str]:
        """Return its users, and who has made it."""
        maker = self.situation.makers.get(handle)
        return [*self.users(handle, *directions), *([maker] if maker else [])]

    def _at_other_end(self, w: Waiting, pipe: PipeSpec) -> list[str]:
        """Return who is given the other end of the pipe at which a process waits, or waits at it."""
        other = _OTHER_END[w.end or "left"]
        users = self.users(f"{pipe.name}.{other}", "from", "to", "uses")
        return users + [each.process for each in self.waiting if each.resource == w.resource and each.end == other]

    # Who could move whom

    def movers(self, w: Waiting) -> list[Mover]:
        """Return who could have done what a process waits for; it is the same for all who wait alike."""
        shape = self._shape(w)
        if shape not in self._movers_of:
            self._movers_of[shape] = self._found_movers(w)
        return self._movers_of[shape]

    def movers_of_holder(self, w: Waiting) -> list[Mover]:
        """Return who could have done what the only holder of a lock waits for; it may be the one that waits for it."""
        holders = self.holders(w)
        return self.movers(self.living[holders[0]]) if len(holders) == 1 and holders[0] in self.living else []

    def _found_movers(self, w: Waiting) -> list[Mover]:
        spec = self.spec(w)
        if isinstance(spec, QueueSpec):
            return self._movers_at_queue(w, spec)
        if isinstance(spec, PipeSpec) and w.end:
            other = _OTHER_END[w.end]
            end = f"{spec.name}.{other}"
            users = self._at_other_end(w, spec)
            maker = self.situation.makers.get(spec.name)
            if maker and self.situation.facts.last(types.PipeClosed, spec.name, other, maker) is None:
                users.append(maker)
            return self._movers(w, "send" if w.operation == "recv" else "receive", end, users)
        if w.operation == "call" and spec is not None:
            return self._movers(w, "call", spec.name, self._having(spec.name, "from", "to", "uses"))
        if isinstance(spec, SyncSpec | SharedSpec):
            return self._movers_at_lock(w, spec)
        if w.operation == "join_pool":
            workers = self.situation.facts.workers.get(self.blocked(w).resource or "", set())
            return self._movers(w, "end", None, [o.process for o in self.waiting if o.process in workers])
        if w.operation == "join" and (joined := self.blocked(w).on_process):
            return self._movers(w, "end", None, [joined])
        return []

    def closers(self, w: Waiting) -> list[Mover]:
        """Return who has the other end of a pipe open for certain, so that EOF does not come to whom waits at this one.

        The main program has had both ends. Whoever was forked from it has those that it had at that moment, unless it
        has closed them; others have what they were given. A script may also have dropped an end, of which there is no
        event: so it had one for certain only until the event that it closed it.
        """
        spec = self.spec(w)
        if not isinstance(spec, PipeSpec) or not w.end:
            return []
        facts, other = self.situation.facts, _OTHER_END[w.end]
        end = f"{spec.name}.{other}"
        closed = {event.pid: event.seq for event in facts.each(types.PipeClosed, spec.name, other)}
        main = self.living.get(MAIN_NAME)
        main_pid = main.pid if main else None
        if spec.name in self.situation.makers and main_pid not in closed:
            return []
        given = self.users(end, "from", "to", "uses")
        found = []
        for name, each in self.living.items():
            if each.pid in closed or (each.pid == main_pid and name != MAIN_NAME):
                continue
            if name == MAIN_NAME or name in given or self._was_forked(name, before=closed.get(main_pid)):
                later = name == MAIN_NAME and ("close", end) in self.remaining.certain
                mover = self._mover(name, "close", end)
                found.append(replace(mover, standing="later") if later else mover)
        return found

    def _was_forked(self, name: str, before: int | None) -> bool:
        """Tell whether a process was forked from the main program before the event of that number, if any."""
        facts = self.situation.facts
        starting, started = facts.last(types.ProcessStarting, name), facts.last(types.ProcessStarted, name)
        if starting is None or started is None or started.start_method != "fork":
            return False
        return before is None or starting.seq < before

    def _movers_at_queue(self, w: Waiting, spec: QueueSpec) -> list[Mover]:
        ledger = self.situation.ledgers[w.resource]
        putters = [self.situation.name_of(pid) for pid, count in ledger.put_by.items() if count > 0]
        if w.operation == "get":
            having = self._having_or_did(spec.name, "to", putters, ledger.takers)
            return self._movers(w, "put", spec.name, [*having, *putters])
        having = self._having_or_did(spec.name, "from", ledger.takers, putters)
        action: Action = "task_done" if w.operation == "join_queue" else "take"
        return self._movers(w, action, spec.name, [*having, *ledger.takers])

    def _having_or_did(
        self, handle: str, direction: str, did: Collection[str], did_other: Collection[str]
    ) -> Iterator[str]:
        """Yield who has a queue for this; of those over that own code has given it to, who did it, or may have."""
        given = self.situation.given.get(handle, ())
        for name in self._having(handle, direction, "uses"):
            may_have = name in did if did else name not in did_other
            if name in self.living or name not in given or may_have:
                yield name

    def _movers_at_lock(self, w: Waiting, spec: SyncSpec | SharedSpec) -> list[Mover]:
        users = self._having(spec.name, "from", "to", "uses")
        if w.operation == "acquire":
            holders = self.holders(w)
            if holders:
                return self._movers(w, "release", spec.name, holders, hold=True)
            return self._movers(w, "release", spec.name, users)
        if w.operation != "wait" or not isinstance(spec, SyncSpec):
            return []
        actions: dict[str, Action] = {"Event": "set", "Condition": "notify", "Barrier": "arrive"}
        return self._movers(w, actions[spec.type], spec.name, users) if spec.type in actions else []

    def _movers(
        self, w: Waiting, action: Action, handle: str | None, names: Sequence[str], *, hold: bool = False
    ) -> list[Mover]:
        """Return these, and the main program where it has a step for it, each with why it does not.

        Those that `hold` what is waited for are named in any case. Of others, those are not that wait for the same, or
        have steps of which none does it.
        """
        movers = []
        same = {each.process for each in self.alike(w)}
        for name in dict.fromkeys(names):
            if self._has_plan(name) or not (hold or (name not in same and self._has_step(name, action, handle))):
                continue
            movers.append(self._mover(name, action, handle))
        if MAIN_NAME not in same:
            if (action, handle) in self.remaining.certain:
                movers.append(Mover(process=MAIN_NAME, action=action, resource=handle, standing="later", cause=None))
            elif (action, handle) in self.remaining.possible:
                movers.append(self._possible_mover(MAIN_NAME, action, handle, same))
            elif hold and MAIN_NAME in names and self._has_plan(MAIN_NAME):
                movers.append(self._mover(MAIN_NAME, action, handle))
        elif hold and MAIN_NAME in names and self._has_plan(MAIN_NAME):
            movers.append(self._mover(MAIN_NAME, action, handle))
        is_made = bool(self.scenario.script) or handle in self.situation.makers
        if is_made and not hold and all(mover.standing == "ended" for mover in movers):
            movers += self._others_that_may_have_it(same, action, handle)
        return movers

    def _others_that_may_have_it(self, same: Collection[str], action: Action, handle: str | None) -> Iterator[Mover]:
        """Yield those that were forked, which have all that who forked them had made, and the like.

        What a manager holds may be passed on to everybody.
        """
        given_more = self.situation.given_more
        found = [n for n in self._described if n in given_more or self._was_forked(n, before=None)]
        found += self._started(name for name in self._pools if name in given_more)
        spec = next((each for each in self.resources if each.name == handle), None)
        if isinstance(spec, SyncSpec | SharedSpec) and spec.is_managed:
            found += [*self._described, *self._started(self._pools)]
        for name in dict.fromkeys(found):
            if name in self.living and name not in same:
                yield self._possible_mover(name, action, handle, same)

    def _possible_mover(self, name: str, action: Action, handle: str | None, same: Collection[str]) -> Mover:
        """Return somebody of whom it is not known whether it would do it; it does not while it waits for their end."""
        mover = self._mover(name, action, handle)
        ends_after = self.blocked(self.living[name]).on_process in same
        return mover if ends_after else replace(mover, standing="unknown")

    def _has_plan(self, name: str) -> bool:
        """Tell whether it is the main program of a scenario: what that would still do is known."""
        return name == MAIN_NAME and not self.scenario.script

    def _has_step(self, name: str, action: Action, handle: str | None) -> bool:
        """Tell whether a process may do this: one that has steps does only what these do."""
        process = self._described.get(name)
        if process is None or not process.steps or action in ("call", "end"):
            return True
        return may_do(process.steps, action, handle)

    def _mover(self, name: str, action: Action, handle: str | None) -> Mover:
        """Return somebody who could do it, with what keeps it from that."""
        cause = None
        standing: Literal["ended", "waits", "not_started", "unknown"] = "ended"
        if name in self.living:
            standing = "waits" if self.living[name].operation else "unknown"
        elif name in self.situation.ended:
            cause = self.situation.ended[name] or None
        elif name in self._described:
            standing = "not_started"
        return Mover(process=name, action=action, resource=handle, standing=standing, cause=cause)

    def _shape(self, w: Waiting) -> Shape:
        """Return what those have in common who wait for the very same."""
        is_own = (
            w.on_process
            or w.operation in ("thread", "own", "outside", "serve")
            or (not w.thread and w.pid in self._threads)
        )
        return w.kind, w.resource, w.pid if is_own else 0

    # Cycles

    def cycle(self) -> list[CycleLink]:
        """Return a shortest cycle of processes each of which waits for what only the next could do; may be empty.

        Whoever has a resource only to use it might do what is waited for, but it is not known: that makes no cycle.
        All who wait alike could be moved by the same, so that one of them stands for all in the search.
        """
        shapes = [shape for shape, (first, *_) in self._alike.items() if not first.until]
        links = {shape: self._all_links(self._alike[shape][0]) for shape in shapes}
        found = next((found for shape in shapes if (found := self._way_back(shape, links))), [])
        before = [found[-1], *found[:-1]] if found else []
        return [replace(link, process=previous.next) for previous, link in zip(before, found, strict=True)]

    def _way_back(self, start: Shape, links: Mapping[Shape, Sequence[CycleLink]]) -> list[CycleLink]:
        """Return a shortest way along the links from those who wait so back to one of them."""
        ways: list[list[CycleLink]] = [[]]
        seen = set()
        for way in ways:
            for link in links.get(self._shape(self.living[way[-1].next]) if way else start, ()):
                shape = self._shape(self.living[link.next])
                if shape == start and way:
                    return [*way, link]
                if shape not in seen and shape != start:
                    seen.add(shape)
                    ways.append([*way, link])
        return []

    def waits_on(self, w: Waiting) -> list[str]:
        """Return the processes, blocked as well, whose part it is to move one; of many, the first."""
        shape = self._shape(w)
        if shape not in self._waits_on:
            self._waits_on[shape] = list(dict.fromkeys(link.next for link in self._all_links(w)))[:_MOST_NEXT]
        return self._waits_on[shape]

    def wait_of(self, link: CycleLink) -> Waiting:
        """Return the wait that a link is about: that of the process, or of one of its threads."""
        main: Waiting = self.living[link.process]
        waits: list[Waiting] = [main, *self._threads.get(main.pid, [])]
        for w in waits:
            if (w.operation, self.blocked(w).resource) == (link.operation, link.resource):
                return w
        return main

    def _all_links(self, w: Waiting) -> list[CycleLink]:
        """Return the links from a process: from its own wait, and from those of its threads."""
        threads = () if w.thread else self._threads.get(w.pid, ())
        return [link for each in (w, *threads) for link in self._links(each)]

    def _links(self, w: Waiting) -> Iterator[CycleLink]:
        """Yield an edge to each process that is blocked, too, and whose part it is to move this one."""
        operation, blocked = w.operation, self.blocked(w)
        if operation is None or not self._is_plain(w):
            return
        for mover in self.movers(w):
            later = mover.standing == "later"
            if not later and not (mover.standing == "waits" and self._has_to(mover, w)):
                continue
            yield CycleLink(
                process=w.process,
                operation=operation,
                resource=blocked.resource,
                action=mover.action,
                next=mover.process,
                later=later,
            )

    def _is_plain(self, w: Waiting) -> bool:
        """Tell whether nothing but the others' blocking explains a wait: for an item that is not there, for a room."""
        ledger = self.ledger(w)
        if w.operation == "get":
            return ledger is not None and not ledger.left and not ledger.dropped and not ledger.lost
        return w.operation in ("put", "acquire", "recv", "send", "join", "wait", "join_queue")

    def _has_to(self, mover: Mover, w: Waiting) -> bool:
        """Tell whether it is a process's part to do this: it holds the lock, has the end, or is connected for that."""
        ledger = self.ledger(w)
        if mover.action == "put":
            return mover.process in self.users(str(mover.resource), "to")
        if mover.action == "take":
            return mover.process in self.users(str(mover.resource), "from")
        if mover.action == "task_done":
            return ledger is not None and ledger.owes(mover.process)
        if mover.action == "release":
            return mover.process in self.holders(w)
        spec = self.spec(w)
        return mover.action == "end" or (isinstance(spec, PipeSpec) and mover.process in self._at_other_end(w, spec))
