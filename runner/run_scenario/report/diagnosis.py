"""Sentences about a deadlock: why what the processes wait for will not come.

All of it is made of the data of a `scenario.stalled`: a sentence says no more than its diagnosis has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from run_scenario.counting import plural
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.types.runs import SOMETHING_IS_MISSING
from run_scenario.report.text import seconds
from run_scenario.report.waits import doing, held, names, subject, waiting_for
from run_scenario.scenario.resources import call_name, pipe_end, task_name

if TYPE_CHECKING:
    from run_scenario.events.types.runs import (
        BlockedOperation,
        CycleLink,
        Diagnosis,
        Fact,
        Mover,
        ResourceState,
        StuckThread,
        WhoWaits,
    )

_OF_PYTHON = (
    *("/multiprocessing/", "/concurrent/futures/", "/threading.py:", "/queue.py:", "/asyncio/", "/selectors.py:"),
    *("/socket.py:", "/socketserver.py:", "/ssl.py:", "/subprocess.py:"),
)
"""Parts of the paths of modules in which a process waits on behalf of its own code."""
_MOST_LINKS = 6
"""Processes that a chain of waits names, each of which waits for the next."""
_MOST_FAILED = 3
"""Processes of which is said how they have failed."""
_MOST_TOLD = 6
"""Processes of which is said what they do, where nothing better can be said."""

_TERMINATED = {"with": ", at the end of its `with` block", "collected": ", when nothing referred to it any more"}
"""What has terminated a pool, if not a call of terminate() -> in words."""

_ALL = 1 << 31
"""How many notify_all() notifies, as it is recorded."""

_STOPS = {
    "interrupted": "was interrupted",
    "terminated": "was terminated",
    "killed": "was killed",
    "daemon": "was terminated",
}
"""Cause of an end by a signal -> in words; of any other, `was ended by SIGSEGV`."""

_COULD = {
    "put": "put another",
    "take": "take from it",
    "task_done": "call it",
    "release": "release it",
    "set": "set it",
    "notify": "notify it",
    "arrive": "come",
    "send": "send at '{resource}'",
    "receive": "receive at '{resource}'",
    "close": "close it",
    "end": "end",
    "call": "call it",
}
_WOULD = {
    "put": ", which {who} would put",
    "take": ", from which {who} would take",
    "task_done": ", which {who} would call",
    "release": ", which {who} holds",
    "set": ", which {who} would set",
    "notify": ", which {who} would notify",
    "arrive": ", to which {who} would come",
    "send": ", which {who} would send",
    "receive": ", which {who} would make by receiving",
    "close": ", which {who} would close",
    "end": "",
    "call": ", which {who} would call",
}
"""What the next process of a cycle would do, as the continuation of what is waited for."""


def explain(stalled: WhoWaits) -> tuple[str, list[str | None]]:
    """Return why nothing moves, in one sentence for a learner, and what each process, then each thread waits for."""
    return _Explanation(stalled).sentence(), [waiting_for(each) for each in (*stalled.processes, *stalled.threads)]


class _Explanation:
    """Makes the sentence of one deadlock: a method for each kind."""

    def __init__(self, stalled: WhoWaits) -> None:
        self._stalled = stalled
        self._diagnosis: Diagnosis = stalled.diagnosis
        self._blocked = {each.process: each for each in stalled.processes}
        self._told: set[str] = set()
        """Whose failure has been mentioned."""

    def sentence(self) -> str:
        """Return the sentence."""
        return f"{self._explanation()}{self._other_failures()}"

    def _explanation(self) -> str:
        if self._diagnosis.cause != "deadlock":
            return f"{self._everybody()}{self._polls()}{self._threads_at_fork('; ')}{self._failing_workers()}"
        sentences: dict[str, Callable[[], str]] = {
            "cycle": self._cycle,
            "abandoned_lock": self._abandoned_lock,
            "held_by_itself": self._held_by_itself,
            "held_by_own_threads": self._held_by_own_threads,
            "held_lock": self._held_lock,
            "no_holder": self._no_holder,
            "waits_for_itself": self._waits_for_itself,
            "abandoned_waiters": self._abandoned_waiters,
            "barrier_short": self._barrier_short,
            "abandoned_barrier": self._abandoned_barrier,
            "event_never_set": self._event_never_set,
            "nobody_notifies": self._nobody_notifies,
            "full_pipe": self._full_pipe,
            "nobody_sends": self._nobody_sends,
            "end_left_open": self._end_left_open,
            "worker_crash_loop": self._pool,
            "lost_pool_task": self._pool,
            "pool_thread_ended": self._pool,
            "lost_pool_lock": self._pool,
            "no_pool_worker": self._no_pool_worker,
            "deaf_pool_workers": self._deaf_pool_workers,
            "locked_inside": self._locked_inside,
            "unfinished_join": self._unfinished_join,
            "starved_get": self._starved_get,
            "abandoned_queue": self._abandoned_queue,
            "exit_blocked_by_feeder": self._stuck_exit,
            "full_queue": self._full_queue,
            "unanswered_call": self._unanswered_call,
        }
        make = sentences.get(self._diagnosis.kind)
        return make() if make else f"nobody can ever move again: {self._everybody()}"

    def _polls(self) -> str:
        """Return what those who are in no recorded wait ask again and again, as further sentences."""
        return "".join(
            f"; {subject(str(fact.fields.get('by') or fact.process))} has asked again and again, until "
            f"{seconds(fact.fields['until'])}, whether {_asked(fact)}"
            for fact in self._facts("polled")
        )

    def _failing_workers(self) -> str:
        """Return which pools start one worker after another, as further sentences."""
        return "".join(
            f"; the initializer of pool '{failed.resource}' has raised {_exception(failed)} in {failed.process}, and a "
            "Pool starts another worker in its place, again and again"
            for failed in self._facts("worker_failed")
            if failed.fields.get("doing") == "initializer"
        )

    def _everybody(self) -> str:
        processes = self._stalled.processes
        parts = [f"{subject(p.process)} {doing(p.state, waiting_for(p))}{held(p)}{_place(p)}" for p in processes]
        # At one look, a thread that computes may be seen to wait for another of its process; at a deadlock, it does.
        unsure = (None,) if self._diagnosis.cause == "deadlock" else (None, "thread", "own", "outside")
        threads = [each for each in self._stalled.threads if each.operation not in unsure]
        parts += [f"{_actor(each)} waits for {waiting_for(each)}{held(each)}{_place(each)}" for each in threads]
        if len(parts) > _MOST_TOLD:
            parts[_MOST_TOLD:] = [f"and {len(parts) - _MOST_TOLD} more"]
        return "; ".join(parts) if parts else "no process of the run is left"

    # What the diagnosis has

    @property
    def _first(self) -> BlockedOperation:
        return self._diagnosis.waits[0]

    @property
    def _alike(self) -> list[str]:
        """Who waits for the very same as the first."""
        found = [
            each.process if each.thread is None else _actor(each)
            for each in (*self._stalled.processes, *self._stalled.threads)
            if self._is_alike(each)
        ]
        return found if self._first.resource else [self._first.process]

    def _is_alike(self, each: BlockedOperation) -> bool:
        first = self._first
        return (each.operation, each.resource, each.end) == (first.operation, first.resource, first.end)

    def _together(self) -> str:
        alike = self._alike
        return f"{names(alike)} {_waits(alike)} for ever"

    @property
    def _state(self) -> ResourceState:
        return self._state_of(self._first.resource)

    def _state_of(self, name: str | None) -> ResourceState:
        return next(each for each in self._diagnosis.resources if each.resource == name)

    def _facts(self, *roles: str) -> list[Fact]:
        return [fact for fact in self._diagnosis.facts if fact.role in roles]

    def _fact(self, *roles: str) -> Fact | None:
        found = self._facts(*roles)
        return found[-1] if found else None

    def _movers(self, *standings: str) -> list[Mover]:
        return [mover for mover in self._diagnosis.could_have_moved if mover.standing in standings]

    def _wanted(self, process: str, *named: str) -> str:
        """Return what a process waits for, as a predicate, and what those wait for on whom it waits, one by one.

        Of these, nobody is mentioned who has been `named` before.
        """
        blocked = self._blocked.get(process)
        wanted = waiting_for(blocked) if blocked else None
        if blocked is None or wanted is None:
            return "does something else"
        named = (*named, process)
        after = blocked.waits_on[0] if len(blocked.waits_on) == 1 else process
        if after in named or len(named) > _MOST_LINKS or waiting_for(self._blocked[after]) is None:
            return f"waits for {wanted}"
        further = f"{subject(after)}, which {self._wanted(after, *named)}"
        if blocked.operation == "acquire":
            return f"waits for '{blocked.resource}', held by {further}"
        if blocked.operation == "join":
            return f"waits for the end of {further}"
        return f"waits for {wanted}, on the part of {further}"

    def _nobody(self, otherwise: str) -> str:
        """Return who could do what is waited for, and what keeps each of them from it; `otherwise` if nobody could."""
        return " and ".join(self._kept_from()) or f"{otherwise}{self._but_own_threads()}{self._failures()}"

    def _but_own_threads(self) -> str:
        """Return which other threads there are in the processes that wait: they have all that these have."""
        stalled = self._stalled
        waiting = [each.process for each in (*stalled.processes, *stalled.threads) if self._is_alike(each)]
        others = [
            f"{_actor(each) if each.thread else f'the main thread of {subject(each.process)}'}, which "
            f"{doing(each.state, waiting_for(each))}"
            for each in (*stalled.processes, *stalled.threads)
            if each.process in waiting and not self._is_alike(each)
        ]
        return f" but {' and '.join(others)}" if others else ""

    def _kept_from(self, resource: str | None = None, named: Sequence[str] = ()) -> list[str]:
        """Return what keeps those from it who could do what is waited for (of one resource); `named`: who was."""
        parts = []
        alike = [*self._alike, *named]

        def movers(standing: str) -> list[Mover]:
            return [mover for mover in self._movers(standing) if resource in (None, mover.resource)]

        for mover in movers("later"):
            parts.append(
                f"the main program would {self._action(mover)}, but first it {self._wanted(MAIN_NAME, *alike)}"
            )
        waiting = movers("waits")[:_MOST_TOLD]
        gone = movers("ended")
        # Who waits for the end of these themselves is not who was to do it: those who were may be over.
        if gone and any(self._is_waiting_for_one_of(mover.process, alike) for mover in waiting):
            over = [mover.process for mover in gone]
            has = "has" if len(gone) == 1 else "have"
            parts.append(f"{names(over)}, who could {self._action(gone[0])}, {has} ended{self._failures(over)}")
        alike += [mover.process for mover in waiting]
        for mover in waiting:
            wanted = self._wanted(mover.process, *(name for name in alike if name != mover.process))
            parts.append(f"{subject(mover.process)}, who could {self._action(mover)}, {wanted}")
        for mover in movers("not_started"):
            parts.append(f"{subject(mover.process)}, who could {self._action(mover)}, was never started")
        unknown: dict[str, list[str]] = {}
        for mover in movers("unknown"):
            unknown.setdefault(self._action(mover), []).append(mover.process)
        for action, who in unknown.items():
            blocked = self._blocked.get(who[0]) if len(who) == 1 else None
            now = waiting_for(blocked) if blocked else None
            which = f", which waits for {now}," if now else ""
            parts.append(f"it is not known whether {names(who)}{which} would {action}")
        return parts

    def _is_waiting_for_one_of(self, process: str, others: Sequence[str]) -> bool:
        blocked = self._blocked.get(process)
        return blocked is not None and blocked.operation == "join" and blocked.on_process in others

    def _failures(self, processes: Sequence[str] = ()) -> str:
        """Return, in brackets, how these have failed, or those who could have moved somebody; empty if none has."""
        failed = self._failed(processes or [mover.process for mover in self._movers("ended")])
        return f" ({'; '.join(failed)})" if failed else ""

    def _failed(self, processes: Sequence[str]) -> list[str]:
        self._told.update(processes)
        failed = [f"{subject(name)} {how}" for name in dict.fromkeys(processes) if (how := self._how_failed(name))]
        if len(failed) > _MOST_FAILED:
            failed[_MOST_FAILED:] = [f"and {len(failed) - _MOST_FAILED} more"]
        return failed

    def _other_failures(self) -> str:
        """Return what has failed besides, and who has not heard of it, as further sentences.

        Whether that is why somebody waits, the facts do not say.
        """
        if self._diagnosis.kind not in SOMETHING_IS_MISSING:
            return ""
        ended = [fact.process for fact in self._facts("ended", "failed") if fact.process not in self._told]
        failed = self._failed(ended)
        failed += [
            f"thread '{fact.fields['thread']}' of {subject(fact.process)} has failed: {_exception(fact)}"
            for fact in self._facts("own_thread_failed")
        ]
        tasks = self._facts("task_failed")
        failed += [
            f"{_call(fact)} of pool '{fact.resource}' {_how_call_failed(fact)}, and nobody has asked for its result"
            for fact in tasks[:_MOST_FAILED]
        ]
        if len(tasks) > _MOST_FAILED:
            failed.append(f"and {plural(len(tasks) - _MOST_FAILED, 'more such call')}")
        return "".join(f"; {each}" for each in failed)

    def _how_failed(self, process: str) -> str:
        """Return how a process has ended that was not to end so; empty if its end was a proper one."""
        ended, failed = (
            next((each for each in reversed(self._facts(role)) if each.process == process), None)
            for role in ("ended", "failed")
        )
        if failed is not None and (ended is None or ended.fields.get("cause") == "exception"):
            return f"has failed: {_exception(failed)}"
        if ended is None or not ended.fields.get("exitcode"):
            return ""
        code = int(ended.fields["exitcode"])
        return _how_ended(ended) if code < 0 else f"has ended with exit code {code}"

    def _action(self, mover: Mover) -> str:
        if mover.action == "put" and any(
            state.resource == mover.resource and not state.counts["put"] for state in self._diagnosis.resources
        ):
            return "put one"
        return _COULD[mover.action].format(resource=_handle(mover.resource))

    # Cycles

    def _cycle(self) -> str:
        links = self._diagnosis.cycle
        operations = {link.operation for link in links}
        one_pipe = len(links) == 2 and len({link.resource for link in links}) == 1
        if operations == {"acquire"}:
            return self._locks(links)
        if one_pipe and operations == {"send"}:
            return (
                f"deadlock: {names([link.process for link in links])} both wait in send() on pipe "
                f"'{links[0].resource}': it is full in both directions, and neither receives before it has sent"
            )
        if one_pipe and operations == {"recv"}:
            return (
                f"deadlock: {names([link.process for link in links])} both wait in recv() on pipe "
                f"'{links[0].resource}', each for the other to send first"
            )
        if links[0].later:
            return self._too_late(links)
        if operations == {"acquire", "join"} and len(links) == 2:
            holder = links[0].next
            start = f"{self._together()} for {self._thing(links[0])}"
            return f"{start}, held by {subject(holder)}, which {self._wanted(holder, links[0].process)}"
        parts = [f"{subject(link.process)} for {self._thing(link)}{self._would(link)}" for link in links]
        return f"{names([link.process for link in links])} wait for each other in a circle: {'; '.join(parts)}"

    def _locks(self, links: Sequence[CycleLink]) -> str:
        parts = [
            f"{names([link.process])} holds '{before.resource}' and waits for '{link.resource}'"
            for before, link in zip([links[-1], *links[:-1]], links, strict=True)
        ]
        return f"deadlock: {', '.join(parts)}: none of them can go on"

    def _too_late(self, links: Sequence[CycleLink]) -> str:
        first, main, *others = links
        action = _COULD[first.action].format(resource=_handle(first.resource))
        start = f"{self._together()} for {self._thing(first)}: the main program would {action}, but first it waits for "
        if first.action == "release" and MAIN_NAME in self._state_of(first.resource).holders:
            held = f"held by {subject(MAIN_NAME)}, which would release it"
            start = f"{self._together()} for {self._thing(first)}, {held}, but first waits for "
        parts = [f"{self._thing(main)}{self._would(main)}"]
        parts += [f"{subject(link.process)} waits for {self._thing(link)}{self._would(link)}" for link in others]
        return start + "; ".join(parts)

    def _thing(self, link: CycleLink) -> str:
        """Return what is waited for in a cycle."""
        if link.operation == "acquire":
            return _called(self._state_of(link.resource))
        if link.operation == "put":
            return f"room in queue '{link.resource}' ({_filling(self._state_of(link.resource))})"
        waits = (self._blocked[link.process], *self._stalled.threads)
        here = next(w for w in waits if (w.process, w.operation) == (link.process, link.operation))
        return waiting_for(here) or "?"

    def _would(self, link: CycleLink) -> str:
        later = " in a later step" if link.later else ""
        return _WOULD[link.action].format(who=subject(link.next)) + later

    # Locks and the like

    def _abandoned_lock(self) -> str:
        state = self._state
        gone, start = state.ended_holders, f"{self._together()} for {_called(state)}"
        of_lock = [fact for fact in self._facts("abandoned") if fact.event in ("lock.abandoned", "semaphore.abandoned")]
        if set(gone) <= {fact.process for fact in of_lock}:
            place = "its place" if len(gone) == 1 else "their place"
            return (
                f"{start}: {names(gone)} ended while {_it_or_they(len(gone))} waited there, and the manager that holds "
                f"it acquired it in {place}"
            )
        return f"{start}: {names(gone)} ended without releasing it{self._failures()}"

    def _held_by_itself(self) -> str:
        who = subject(self._first.process)
        return (
            f"{who} waits for ever for {_called(self._state)}, which it holds itself: an RLock could be acquired again"
        )

    def _held_by_own_threads(self) -> str:
        who, states = subject(self._first.process), [self._state_of(each.resource) for each in self._diagnosis.waits]
        if len(states) == 1:
            return f"{self._together()} for {_called(states[0])}, which a thread of {who} itself holds"
        locks = " and ".join(dict.fromkeys(map(_called, states)))
        return f"deadlock: threads of {who} wait for {locks}, and threads of {who} itself hold them: none can go on"

    def _unanswered_call(self) -> str:
        start = f"{self._together()} for {waiting_for(self._first)}"
        if self._first.resource is None:
            return f"{start}, which needs another call, and nobody is left to make one"
        return f"{start}, which needs another call, and {self._nobody('nobody is left who could make one')}"

    def _held_lock(self) -> str:
        holders = self._state.holders
        start = f"{self._together()} for {_called(self._state)}, held by {names(holders)}"
        if len(holders) == 1 and (blocked := self._blocked.get(holders[0])) and waiting_for(blocked):
            first, wanted = self._first.resource, self._wanted(holders[0], *self._alike)
            later = any(mover.resource == first for mover in self._movers("later"))
            others = self._kept_from(blocked.resource, holders) if blocked.resource not in (None, first) else []
            after = ", and would release it only after that" if later else ""
            return f"{start}, which {wanted}{after}{': ' if others else ''}{' and '.join(others)}"
        return f"{start}, which will never release it"

    def _no_holder(self) -> str:
        return (
            f"{self._together()} for {_called(self._state)}, and {self._nobody('nobody is left who could release it')}"
        )

    def _inside(self) -> str:
        call = "" if self._first.operation == "wake" else f", in {self._first.operation}()"
        return f"{subject(self._first.process)} waits for ever inside {_called(self._state)}{call}"

    def _waits_for_itself(self) -> str:
        who = subject(self._first.process)
        return (
            f"{self._inside()}, which it called while it was itself waiting there, as a signal handler may: that call "
            f"returns only when all who wait have woken up, and {who} cannot wake up before it returns"
        )

    def _abandoned_waiters(self) -> str:
        ended = [fact.process for fact in self._facts("abandoned")]
        if self._first.operation == "task_done":
            was = "was" if len(ended) == 1 else "were"
            return (
                f"{subject(self._first.process)} waits for ever inside {self._first.resource}.task_done(): everybody "
                f"who waits in join() is asked to wake up, and {names(ended)} {was} ended before"
            )
        if ended:
            was = "was" if len(ended) == 1 else "were"
            why = f"everybody who waited for it is asked to wake up, and {names(ended)} {was} ended before"
        else:
            why = "it returns only when all who wait have woken up, and one of them does not; which one is not recorded"
        return f"{self._inside()}: {why}"

    def _barrier_short(self) -> str:
        counts = self._state.counts
        came = f"it opens when {counts['parties']} have come, only {counts['arrived']} did"
        return f"{self._together()} at {_called(self._state)}: {came}, and {self._nobody('nobody else is left')}"

    def _abandoned_barrier(self) -> str:
        ended = [fact.process for fact in self._facts("abandoned")]
        waited = f"{names(ended)} ended while {_it_or_they(len(ended))} waited there"
        return f"{self._together()} at {_called(self._state)}: {waited}, and all who come wait for its answer"

    def _event_never_set(self) -> str:
        start = f"{self._together()} for {_called(self._state)}"
        was_set, cleared = self._fact("set"), self._fact("cleared")
        if was_set is None:
            return f"{start}: {self._nobody('nobody is left who could set it')}"
        woke = self._who_woke(was_set)
        history = f"it was set {_by_at(was_set)}{f' ({woke[2:]})' if woke else ''}"
        if cleared is not None and cleared.seq > was_set.seq:
            history += f" and cleared {_by_at(cleared)}{self._before_the_waits(cleared)}"
        return f"{start}: {history}, and {self._nobody('nobody is left who could set it again')}"

    def _nobody_notifies(self) -> str:
        start = f"{self._together()} for {_called(self._state)}"
        notified = self._fact("notified", "notified_nobody")
        if notified is None:
            return f"{start}: {self._nobody('nobody is left who could notify it')}"
        nobody = self._nobody("nobody is left who could notify it again")
        when = self._before_the_waits(notified) or f"{self._how_many(notified)}{self._who_woke(notified)}"
        if notified.role == "notified_nobody":
            when = ", when nobody waited for it"
        return f"{start}: it was notified {_by_at(notified)}{when}, and {nobody}"

    def _how_many(self, notified: Fact) -> str:
        """Return that fewer were notified than waited, if some of those wait still."""
        most = notified.fields.get("most")
        still = [each for each in self._facts("waiting") if each.seq < notified.seq]
        return f" ({plural(most, 'process')} at most)" if most and most < _ALL and still else ""

    def _before_the_waits(self, fact: Fact) -> str:
        """Return that something was over when all began to wait, if that is so."""
        began = {each.process: each.seq for each in self._facts("waiting")}
        before = {each.process for each in self._facts("woken")}
        if not began or min(began.values()) < fact.seq or any(name in before for name in began):
            return ""
        return f", before {names(self._alike)} waited for it"

    def _who_woke(self, fact: Fact) -> str:
        """Return who waited no longer after something, and who of them waits again."""
        woken = list(dict.fromkeys(each.process for each in self._facts("woken") if each.seq > fact.seq))
        again = [name for name in woken if name in self._alike]
        if again:
            return f", after which {names(again)} woke up, and {_waits(again)} again"
        return f", after which {names(woken)} woke up" if woken else ""

    # Pipes

    def _full_pipe(self) -> str:
        here = pipe_end(str(self._first.resource), self._first.end)
        start = f"{subject(self._first.process)} waits for ever in send() on '{here}': the pipe is full"
        return f"{start}, and {self._nobody(f'nobody is left who receives at {self._there()}')}"

    def _nobody_sends(self) -> str:
        here = pipe_end(str(self._first.resource), self._first.end)
        start = f"{subject(self._first.process)} waits for ever in recv() on '{here}'"
        return f"{start}, and {self._nobody(f'nobody is left who sends at {self._there()}')}"

    def _end_left_open(self) -> str:
        here = pipe_end(str(self._first.resource), self._first.end)
        gone = [mover.process for mover in self._movers("ended")]
        ended = f"{names(gone)} {'has' if len(gone) == 1 else 'have'} ended, but " if gone else ""
        start = f"{subject(self._first.process)} waits for ever in recv() on '{here}': {ended}"
        return f"{start}{self._who_has_it_open()}, and so EOF does not come"

    def _who_has_it_open(self) -> str:
        closers = {mover.process: mover for mover in self._diagnosis.could_have_moved if mover.action == "close"}
        main = closers.pop(MAIN_NAME, None)
        who = f"{names(list(closers))} {'has' if len(closers) == 1 else 'have'}" if closers else ""
        if list(closers) == [self._first.process]:
            who = f"{self._first.process} itself has"
        if main is None:
            return f"{who} {self._there()} open"
        if main.standing == "later":
            text = f"the main program would close it only later: first it {self._wanted(MAIN_NAME)}"
        else:
            text = f"{subject(MAIN_NAME)} never closed it"
        as_well = f", and {who} it open as well" if who else ""
        return f"{self._there()} is still open, for {text}{as_well}"

    def _there(self) -> str:
        return f"'{pipe_end(str(self._first.resource), 'right' if self._first.end == 'left' else 'left')}'"

    # Pools

    def _pool(self) -> str:
        start = f"{subject(self._first.process)} waits for ever for pool '{self._first.resource}'"
        if self._diagnosis.kind == "worker_crash_loop":
            failed = self._fact("worker_failed")
            why = f" ({_exception(failed)})" if failed else ""
            return f"{start}: its workers end as soon as they are started{why}"
        if self._diagnosis.kind == "pool_thread_ended":
            return f"{start}: {self._ended_thread()}"
        losses, unread = self._facts("worker_lost"), self._fact("worker_failed")
        if self._diagnosis.kind == "lost_pool_task" and not losses and unread is not None:
            return (
                f"{start}: {unread.process} could not unpickle a task that it was given ({_exception(unread)}), and "
                "ended; a Pool never gives a lost task to another worker"
            )
        lost = next((fact for fact in losses if fact.fields["call"] is not None), None)
        if lost is not None:
            task, exception = _task(lost), lost.fields.get("exception")
            while_doing = f"while it was doing {task}"
            if exception:
                while_doing = f"because {task} raised {exception}, which ends a worker (an Exception would not)"
            after = "a Pool never gives a lost task to another worker"
            if self._state.type == "executor":
                after = "the executor has not noticed it"
            return f"{start}: {lost.process} {_how_lost(lost)} {while_doing}, and {after}"
        who = f"{losses[0].process} {_how_lost(losses[0])} while it waited for a task, and"
        if (idle := self._state.counts["lost_idle"]) > 1:
            who = f"{idle} workers were ended by a signal while they had no task, and one of them"
        return f"{start}: {who} took the lock with it that lets one worker in at a time"

    def _no_pool_worker(self) -> str:
        start = f"{subject(self._first.process)} waits for ever for pool '{self._first.resource}'"
        left = "none of its workers is left, and no other was started in their place"
        if self._first.operation == "join_pool":
            left = "it has no worker any more, and so it is one of the pool's own threads that does not end"
        terminated = self._fact("terminated")
        if terminated is not None and self._first.operation == "result":
            why = _TERMINATED.get(terminated.fields.get("by", ""), "")
            result = (waiting_for(self._first) or "").partition(" of pool ")[0]
            return f"{start}: it was terminated {_by_at(terminated)}{why}, before {result} had come"
        last = self._fact("worker_exited")
        ended = ""
        if last is not None:
            tasks = plural(last.fields.get("tasks") or 0, "task")
            ended = f" (the last one, {last.process}, {_how_lost(last)} after {tasks})"
        return f"{start}: {left}{ended}"

    def _deaf_pool_workers(self) -> str:
        deaf = [mover.process for mover in self._diagnosis.could_have_moved]
        has = "has a handler for it, or ignores it" if len(deaf) == 1 else "have a handler for it, or ignore it"
        return (
            f"{subject(self._first.process)} waits for ever in terminate() of pool '{self._first.resource}' for "
            f"{names(deaf)}, to which it has sent SIGTERM: {'it' if len(deaf) == 1 else 'they'} {has}"
        )

    def _locked_inside(self) -> str:
        where = "a lock inside its own process (a threading.Lock, an Event or the like)"
        if call := self._call_of_own_queue():
            where = f"{call}() of a queue.Queue, which only threads of its own process share"
        start = f"{subject(self._first.process)} waits for ever in {where}, and there is no other thread in it"
        return f"{start}{self._threads_at_fork(': ')}"

    def _call_of_own_queue(self) -> str:
        """Return the method of a queue.Queue in which the first waits; empty if it does not."""
        blocked = self._blocked.get(self._first.process)
        frames = [frame.rpartition(" in ") for frame in (blocked.stack if blocked else ())]
        return next((function for place, _, function in frames if "/queue.py:" in place), "")

    def _threads_at_fork(self, colon: str) -> str:
        """Return which threads ran where somebody was forked who waits in a lock; which had it is not known."""
        forked: dict[tuple[str, str], list[str]] = {}
        for fact in self._facts("thread_at_fork"):
            told: list[str] | None = fact.fields.get("threads")  # of a script; else each thread has a name in the log
            place = fact.process, subject(fact.fields["by"]) if "by" in fact.fields else "its program"
            if told is None:
                place = self._first.process, subject(MAIN_NAME)
            forked.setdefault(place, []).extend(
                [fact.process] if told is None else [f"thread '{each}'" for each in told]
            )
        parts = []
        for (process, where), threads in forked.items():
            who = "it" if colon == ": " else subject(process)
            ran = f"{names(threads)} {'was' if len(threads) == 1 else 'were'} running in {where}"
            parts.append(
                f"{colon}{who} was forked while {ran}, and a lock that such a thread held then stays locked in the "
                "child for ever (unless it is one that the child itself has acquired)"
            )
        return "".join(parts)

    def _ended_thread(self) -> str:
        """Return how one of a pool's own threads has ended, and what by."""
        ended, failed = self._facts("thread_failed")[-1], self._fact("task_failed")
        does = {"results": "takes results", "tasks": "hands out tasks", "workers": "starts workers"}
        thread = f"the pool's thread that {does.get(str(ended.fields['thread']), 'runs it')} has ended"
        if ended.fields["doing"] == "callback":
            return f"{thread}, because a callback raised {_exception(ended)}"
        if ended.fields["doing"] != "unpickling":
            return f"{thread}, because of {_exception(ended)}"
        text = f"{thread}, because what a worker sent cannot be unpickled ({_exception(ended)})"
        if failed is None:
            return text
        return (
            f"{text}; {_task(failed)} had raised {failed.fields['exception']}, and its result never came (give an "
            "exception arguments that its class can be called with again)"
        )

    # Queues

    def _unfinished_join(self) -> str:
        counts, name = self._state.counts, self._first.resource
        missing = f"task_done() is missing for {counts.get('unfinished', 0)} of {plural(counts['put'], 'item')}"
        start = f"{subject(self._first.process)} waits in {name}.join() for ever: {missing}"
        if gone_astray := counts["dropped"] + counts["too_large"] + counts["lost"]:
            start += f", {gone_astray} of which never arrived{self._why_dropped()}, so that nobody can call it for "
            start += _that(gone_astray)
        return f"{start}{self._why_unfinished()}"

    def _why_dropped(self) -> str:
        """Return in brackets why the only item that was dropped was."""
        return self._why_one("dropped")

    def _why_one(self, fate: Literal["dropped", "unreadable"]) -> str:
        fact = self._fact(fate)
        return f" ({fact.fields['error']})" if fact is not None and self._state.counts[fate] == 1 else ""

    def _why_unfinished(self) -> str:
        """Return why nobody calls task_done() for the rest, as the continuation of a sentence."""
        state, counts = self._state, self._state.counts
        gone = [mover.process for mover in self._movers("ended")]
        others = self._movers("waits", "later", "unknown", "not_started")
        if counts["left"] and gone and not others:
            return f", and nobody is left to take them: {self._why_gone(gone)}"
        if state.owing and not counts["left"]:
            return f": {names(state.owing)} ended without calling it for every item taken{self._failures(state.owing)}"
        starving = [each.process for each in self._diagnosis.waits[1:] if each.operation == "get"]
        if starving and counts["got"] and not counts["left"]:
            taken = "all" if counts["got"] == counts["put"] else "all others"
            return f", although {taken} were taken and {names(starving)} already {_waits(starving)} for the next"
        if not others and not gone and counts["left"] and counts["left"] == counts["put"]:
            return ", and no other process takes from it"
        return f"; {self._nobody('')}" if others else ""

    def _why_gone(self, gone: Sequence[str]) -> str:
        looks = {fact.process: fact for fact in self._facts(*_FOUND_EMPTY) if fact.process in gone}
        if len(looks) < len(gone):
            return f"{names(gone)} {'has' if len(gone) == 1 else 'have'} already ended{self._failures()}"
        parts = []
        for role, meaning in _FOUND_EMPTY.items():
            for call in ("empty", "get"):
                said = "empty() said True" if call == "empty" else "get() gave up"
                who = [name for name in gone if looks[name].role == role and looks[name].fields.get("call") == call]
                if who:
                    parts.append(f"{names(who)} left as soon as {said}, {meaning}")
        return "; ".join(parts)

    def _starved_get(self) -> str:
        state = self._state
        start = f"{self._together()} for an item from queue '{state.resource}'{self._fate()}{self._overtaken()}"
        nobody = self._nobody(f"nobody is left who could put {'another' if state.counts['put'] else 'one'}")
        return f"{start}, and {nobody}{self._missing_pills(state.counts)}{self._and_main()}"

    def _fate(self) -> str:
        """Return what became of the items of a queue that is empty, as the continuation of a sentence."""
        counts = self._state.counts
        put, got = counts["put"], counts["got"]
        if not put:
            return ", on which nobody ever put one"
        if got == put:
            return ": the one item put is taken" if put == 1 else f": all {plural(put, 'item')} put are taken"
        error = self._why_dropped()
        unread = counts["unreadable"]
        whose = "its" if counts["lost"] == 1 else "their"
        made = "written" if self._state.type == "SimpleQueue" else "pickled"
        ends = [
            (got, "taken"),
            (
                unread,
                f"taken and lost, because {_it_or_they(unread)} could not be unpickled{self._why_one('unreadable')}",
            ),
            (counts["dropped"], f"dropped, because {_it_or_they(counts['dropped'])} could not be {made}{error}"),
            (counts["too_large"], f"dropped, because {_was_or_were(counts['too_large'])} too large (--max-payload)"),
            (counts["left"], "broken off while it was being written"),
            (counts["lost"], f"lost, because {whose} process ended before {_it_or_they(counts['lost'])} had left it"),
        ]
        return f": of {put:,} put, {' and '.join(f'{count:,} {end}' for count, end in ends if count)}"

    def _overtaken(self) -> str:
        """Return that another has taken what one had seen to be there."""
        last = self._fact("last_get")
        for look in self._facts("found_not_empty"):
            if last is not None and last.seq > look.seq and last.process != look.process:
                return (
                    f", the last one by {subject(last.process)} after empty() had said False to {subject(look.process)}"
                )
        return ""

    def _missing_pills(self, counts: dict[str, int]) -> str:
        pills, takers = counts["pills"], counts["takers"]
        if not 0 < pills < takers:
            return ""
        return f": {plural(pills, 'poison pill', 'was')} put for {plural(takers, 'process')} that take from it"

    def _and_main(self) -> str:
        """Return that all others but the main program are those who were named."""
        others = [each.process for each in self._stalled.processes if each.process not in self._alike]
        told = any(mover.process == MAIN_NAME for mover in self._diagnosis.could_have_moved)
        alone = others == [MAIN_NAME] and len(self._stalled.processes) > 2 and not told
        return " (the main program waits for them to end)" if alone else ""

    def _abandoned_queue(self) -> str:
        state, waiters = self._diagnosis.resources[0], names(self._alike)
        left = state.counts["left"]
        items = "the item" if left == 1 else f"the {left} items"
        were = "was" if left == 1 else "were"
        fate = f"{were} put" if left == state.counts["put"] else "is left" if left == 1 else "are left"
        ended = {fact.process: fact for fact in self._facts("ended")}
        reading = [fact for fact in self._facts("abandoned") if fact.fields.get("side") == "read"]
        writing = [fact for fact in self._facts("abandoned") if fact.fields.get("side") == "write"]
        if writing and not reading:
            writer = writing[-1].process
            start = (
                f"queue '{state.resource}' is broken: {subject(writer)}, which {_how_ended(ended.get(writer))}, was "
                f"writing an item and took the lock of the writers with it, so {waiters}"
            )
            if self._first.operation == "exit":
                return f"{start} can never write what it has put, and cannot end before"
            if self._first.operation == "join_thread":
                return f"{start} can never write what it has put, and waits for that in join_thread()"
            return f"{start} can never get {items} that {fate}"
        culprits = [fact.process for fact in reading] or list(ended)
        who = " or ".join(f"{subject(name)}, which {_how_ended(ended.get(name))}," for name in culprits)
        return (
            f"queue '{state.resource}' is broken: {who} was inside get() and took the lock of the readers with it, so "
            f"{waiters} can never get {items} that {'is' if left == 1 else 'are'} there"
        )

    def _stuck_exit(self) -> str:
        state, who = self._diagnosis.resources[0], self._first.process
        failed = self._fact("failed")
        failure = f" after {_exception(failed)}" if failed is not None and failed.process == who else ""
        left = f"{state.counts['left']} of {state.counts['put']} {'is' if state.counts['left'] == 1 else 'are'} left"
        if self._first.operation == "join_thread":
            return (
                f"{subject(who)} waits for ever in join_thread() of queue '{state.resource}': what it has put does not "
                f"fit into the pipe of the queue, and nobody takes it ({left}); have it taken first"
            )
        text = (
            f"{subject(who)} cannot end{failure}: it has put items on queue '{state.resource}' that do not fit into "
            f"its pipe, and a process waits at its end until they are taken ({left})"
        )
        if len(self._diagnosis.waits) > 1:
            return f"{text}; get them before you join()"
        return f"{text}; have them taken before it ends, or give them up with cancel_join_thread()"

    def _full_queue(self) -> str:
        state = self._state
        gone = [mover.process for mover in self._movers("ended")]
        why = self._nobody("nobody is left who takes from it")
        if gone and not self._movers("waits", "later", "unknown", "not_started"):
            why = "nobody is left who takes from it"
            why += f", since {names(gone)} {'has' if len(gone) == 1 else 'have'} ended{self._failures()}"
        return f"{self._together()} for room in queue '{state.resource}' ({_filling(state)}): {why}"


_FOUND_EMPTY = {
    "found_empty_before_first_put": "before anything was put on the queue",
    "found_empty_when_all_taken": "when all that had been put by then was taken",
    "found_empty": "which it also does while an item is still on its way into the queue",
}
"""Role of a look at a queue -> what it means that it was found empty."""


def _called(state: ResourceState) -> str:
    if state.type in ("Value", "Array"):
        return f"the lock of {state.type} '{state.resource}'"
    kind = {"Lock": "lock", "RLock": "lock", "Semaphore": "semaphore", "BoundedSemaphore": "semaphore"}
    return f"{kind.get(state.type, state.type.lower())} '{state.resource}'"


def _filling(state: ResourceState) -> str:
    maxsize = state.counts["maxsize"]
    return f"{f'maxsize {maxsize}' if maxsize else 'its pipe is full'}, {state.counts['left']} in it"


def _place(process: StuckThread) -> str:
    """Return in brackets where in its own code a process waits at what is not recorded; else nothing."""
    if process.operation not in (None, "own", "outside", "thread") or process.state == "running":
        return ""
    for frame in process.stack:
        place, _, function = frame.rpartition(" in ")
        if not any(part in place for part in _OF_PYTHON):
            return f" (in {function}, {place.rpartition('/')[2]})"
    return ""


def _waits(processes: Sequence[str]) -> str:
    return "waits" if len(processes) == 1 else "wait"


def _actor(blocked: BlockedOperation) -> str:
    """Return who waits so: a process, or one of its threads that has no name."""
    who = subject(blocked.process)
    if blocked.thread is None:
        return who
    return f"thread '{blocked.thread_name}' of {who}" if blocked.thread_name else f"a thread of {who}"


def _handle(resource: str | None) -> str | None:
    """Return what somebody could do something to; an end of a pipe as it is called."""
    pipe, _, end = (resource or "").rpartition(".")
    return pipe_end(pipe, end) if pipe and end in ("left", "right") else resource


def _it_or_they(count: int) -> str:
    return "it" if count == 1 else "they"


def _that(count: int) -> str:
    return "that one" if count == 1 else "those"


def _was_or_were(count: int) -> str:
    return "it was" if count == 1 else "they were"


def _by_at(fact: Fact) -> str:
    return f"by {subject(fact.process)} after {seconds(fact.t)}"


def _task(fact: Fact) -> str:
    return task_name(*(fact.fields.get(field) for field in ("method", "call", "task", "function", "place")))


def _call(fact: Fact) -> str:
    return call_name(*(fact.fields.get(field) for field in ("method", "call", "function", "place")))


def _asked(fact: Fact) -> str:
    """Return what was asked, and the answer."""
    fields: dict[str, Any] = fact.fields
    if fact.event == "process.alive":
        return f"{subject(fact.process)} is alive: it {'was' if fields['alive'] else 'was not'}"
    if fact.event == "event.is_set":
        return f"event '{fact.resource}' is set: it {'was' if fields['answer'] else 'was not'}"
    if fact.event == "pipe.polled":
        here = pipe_end(str(fact.resource), fields["end"])
        return f"there is something to receive at '{here}': there {'was' if fields['ready'] else 'was not'}"
    if fields["call"] == "get":
        return f"there is an item in queue '{fact.resource}': there was none"
    return f"queue '{fact.resource}' is empty: it {'was' if fields['empty'] else 'was not'}"


def _how_call_failed(fact: Fact) -> str:
    part = fact.fields.get("part")
    if part == "task":
        return f"was never given to a worker, because it cannot be pickled ({_exception(fact)})"
    if part == "result":
        return f"has failed, because its result cannot be pickled ({_exception(fact)})"
    return f"has raised {_exception(fact)} in {fact.process}"


def _exception(fact: Fact) -> str:
    exception, message = fact.fields.get("exception"), fact.fields.get("message")
    return f"{exception}: {message}" if message else str(exception)


def _how_lost(fact: Fact) -> str:
    fields: dict[str, Any] = fact.fields
    return f"was ended by {fields['signal']}" if fields["signal"] else f"ended with exit code {fields['exitcode']}"


def _how_ended(fact: Fact | None) -> str:
    if fact is None or (fact.fields.get("exitcode") or 0) >= 0:
        return "has ended"
    by = fact.fields.get("signal")
    return _STOPS.get(str(fact.fields.get("cause")), f"was ended by {by or 'a signal'}")
