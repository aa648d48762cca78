"""A standstill put into words: who waits for what, and why nobody will ever move again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from run_scenario.engine.accounts import QueueAccount
from run_scenario.engine.exits import MAIN_NAME
from run_scenario.engine.pool_teller import PoolStandstill, PoolTeller
from run_scenario.engine.standstill_pipes import PipeStandstill
from run_scenario.engine.standstill_queues import broken_queue, circle
from run_scenario.engine.standstill_sync import SyncStandstill
from run_scenario.engine.sync_teller import SyncTeller
from run_scenario.engine.waits import WAITS, names, subject
from run_scenario.model import Scenario
from run_scenario.record import codes, layout
from run_scenario.values import Value

_FRAME = re.compile(r'^  File "(?P<file>[^"\n]*)", line (?P<line>\d+) in (?P<function>.*)$')
_MOST_FRAMES = 20
_ENGINE = os.path.dirname(__file__) + os.sep
_PRIMITIVES = os.path.join(_ENGINE, "primitives") + os.sep
"""The recorded objects stand for multiprocessing's own: their calls are the scenario's."""
_LAUNCHING = {
    ("process.py", "run"),
    ("process.py", "_bootstrap"),
    ("bootstrap.py", "__call__"),
    ("main_program.py", "_do"),
    ("main_program.py", "run"),
    ("threading.py", "run"),
}
"""Where multiprocessing or the main program's plan calls what the scenario names."""


class Waiting(Value):
    """One process at a standstill; `kind` is a code of `record.codes`, 0 where it is not known to wait."""

    process: str
    pid: int
    state: str
    kind: int
    resource: int
    since: int
    until: int
    stack: tuple[str, ...]


def read_reports(
    reports: Sequence[Any],
    name_of: Callable[[int], str],
    threads_of: Callable[[int], Mapping[int, tuple[str, int]]],
) -> list[Waiting]:
    """Return what the guard has found out about each process, and about each of its threads that is a worker.

    `threads_of(pid)` names these: native thread id -> name, and Python's identifier.
    """
    found = []
    for pid, state, waits, stack, *more in reports:
        states = dict(more[0]) if more else {}
        threads = {pid: (name_of(pid), None), **threads_of(pid)}
        for native, (name, ident) in threads.items():
            wait = next((w for w in waits if w[2] == native), None)
            kind, resource, _, since, until = wait or (codes.MOVING, layout.NO_RESOURCE, 0, 0, 0)
            at = states.get(native, state)
            found.append(Waiting(name, pid, at, kind, resource, since, until, read_stack(stack, ident)))
    return found


def read_stack(text: str, ident: int | None = None) -> tuple[str, ...]:
    """Return the frames of the thread with that identifier, or of the main thread, which faulthandler writes last.

    The most recent call comes first. What lies below the target, and the recording but for the queues' own methods, is
    left out: it is not the scenario's code.
    """
    block: list[str] = []
    ours = below = False
    for line in text.splitlines():
        if "most recent call first" in line:
            if ours and ident is not None:
                break
            ours = ident is None or bool(re.search(rf"\b0x0*{ident:x}\b", line))
            block, below = [], False
        elif ours and (match := _FRAME.match(line)):
            file, function = match["file"], match["function"]
            below = below or (os.path.basename(file), function) in _LAUNCHING
            if not below and (not file.startswith(_ENGINE) or file.startswith(_PRIMITIVES)):
                block.append(f"{file}:{match['line']} in {function}")
    return tuple(block[:_MOST_FRAMES]) if ours or ident is None else ()


class Standstill:
    """Explains a standstill of `scenario` from its queues' books and from the names of who has ended.

    `stopped` says of each process that a signal has ended how that was: `was terminated`.
    """

    def __init__(
        self,
        scenario: Scenario,
        accounts: list[QueueAccount],
        waiting: list[Waiting],
        ended: Sequence[str],
        stopped: Mapping[str, str] | None = None,
        sync: SyncTeller | None = None,
        pools: PoolTeller | None = None,
    ) -> None:
        self._scenario = scenario
        self._accounts = accounts
        self._waiting = waiting
        self._ended = set(ended)
        self._sync = SyncStandstill(scenario.resources, sync, waiting)
        self._stopped = stopped or {}
        self._pools = PoolStandstill(pools)
        self._pipes = PipeStandstill(scenario, waiting, self._ended)

    def waiting_for(self, w: Waiting) -> str | None:
        """Return what a process waits for, as the end of a sentence, or None."""
        if w.kind == codes.W_JOIN_PROCESS:
            return f"the end of {self.process_of(w)}"
        if w.kind == codes.W_EXIT and w.process == MAIN_NAME:
            threads = "its threads and of " if self._scenario.has_threads else ""
            return f"the end of {threads}its children and of its queues' threads"
        sentence = WAITS.get(w.kind)
        return sentence.format(name=self.resource_of(w) or "?") if sentence else None

    def queue_of(self, w: Waiting) -> str | None:
        """Return the name of the queue that a process waits for, or None."""
        return self.resource_of(w) if w.resource < len(self._scenario.queues) else None

    def resource_of(self, w: Waiting) -> str | None:
        """Return the name of the resource that a process waits for, or None."""
        resources = self._scenario.resources
        named = "{name}" in WAITS.get(w.kind, "")
        return resources[w.resource].name if named and w.resource < len(resources) else None

    def process_of(self, w: Waiting) -> str | None:
        """Return the name of the process that a process waits for, or None."""
        if w.kind != codes.W_JOIN_PROCESS or w.resource >= len(self._scenario.processes):
            return None
        return self._scenario.processes[w.resource].name

    def reason(self, cause: str) -> str:
        """Return the explanation: one sentence for a learner."""
        if cause == "deadline":
            return self._everybody("the deadline was reached: ")
        for explain in (
            self._lost_task,
            self._sync.reason,
            self._pipes.reason,
            self._unfinished_join,
            self._circle,
            self._starving_get,
            self._broken_queue,
            self._broken_item,
            self._stuck_exit,
            self._stuck_put,
        ):
            if text := explain():
                return text
        return self._everybody("nobody can ever move again: ")

    def _of_kind(self, kind: int) -> list[Waiting]:
        return [w for w in self._waiting if w.kind == kind and w.resource < len(self._accounts)]

    def _unfinished_join(self) -> str:
        for w in self._of_kind(codes.W_JOIN_QUEUE):
            account = self._accounts[w.resource]
            name = account.spec.name
            takers = self._takers(name)
            gone = [taker for taker in takers if taker in self._ended]
            who = subject(w.process)
            start = f"{who} waits in {name}.join() for ever: task_done() is missing for {_of(account)}"
            if account.left and takers and len(gone) == len(takers):
                return f"{start}, and nobody is left to take them: {self._why_gone(account, gone)}"
            owing = [name for name in gone if account.owes(name)]
            if owing and not account.left:
                return f"{start}: {names(owing)} ended without calling it for every item taken"
            waiting = [o.process for o in self._of_kind(codes.W_GET) if o.resource == w.resource]
            if waiting and not account.left:
                return f"{start}, although all were taken and {names(waiting)} already waits for the next"
            return start
        return ""

    def _why_gone(self, account: QueueAccount, gone: list[str]) -> str:
        misled = [name for name in gone if name in account.said_empty]
        if misled and len(misled) == len(gone):
            return (
                f"{names(gone)} left as soon as empty() said True, "
                "which it also does while an item is still on its way into the queue"
            )
        return f"{names(gone)} {'has' if len(gone) == 1 else 'have'} already ended"

    def _circle(self) -> str:
        return circle(self._scenario, self._accounts, self._waiting)

    def _broken_queue(self) -> str:
        return broken_queue(self._scenario, self._accounts, self._waiting, self._stopped)

    def _broken_item(self) -> str:
        """Explain a get() of an item that its process was still writing when it ended."""
        return self._starving_get(broken=True)

    def _starving_get(self, broken: bool = False) -> str:
        living = {w.pid for w in self._waiting}
        for w in self._of_kind(codes.W_GET):
            account = self._accounts[w.resource]
            name = account.spec.name
            if account.left != (account.broken(living) if broken else 0):
                continue
            starving = [o.process for o in self._of_kind(codes.W_GET) if o.resource == w.resource]
            verb = "waits" if len(starving) == 1 else "wait"
            text = f"{names(starving)} {verb} for ever for an item from queue '{name}'{_fate(account, account.left)}"
            if account.got and any(self._loops_on_empty(process) for process in starving):
                text += ", the last one by another consumer after empty() had said False"
            others = [o.process for o in self._waiting if o.process not in starving]
            text += f", and nobody is left who could put another{self._missing_pills(account)}"
            return text + self._and_others(others)
        return ""

    def _lost_task(self) -> str:
        for w in self._waiting:
            if w.kind in (codes.W_POOL_RESULT, codes.W_POOL_JOIN):
                return self._pools.reason(subject(w.process), w.resource)
        return ""

    def _missing_pills(self, account: QueueAccount) -> str:
        pills, takers = account.spec.poison_pills, len(self._takers(account.spec.name))
        if not 0 < pills < takers:
            return ""
        return f": {pills} poison pill{'s were' if pills > 1 else ' was'} put for {takers} processes that take from it"

    def _loops_on_empty(self, process: str) -> bool:
        return any(p.name == process and p.target == "consume_until_empty" for p in self._scenario.processes)

    def _and_others(self, others: list[str]) -> str:
        return " (the main program waits for them to end)" if others == [MAIN_NAME] and len(self._waiting) > 2 else ""

    def _stuck_exit(self) -> str:
        for w in self._waiting:
            unread = [a for a in self._accounts if a.put_by[w.pid] and a.left]
            if w.kind == codes.W_EXIT and unread:
                account = unread[0]
                return (
                    f"{subject(w.process)} cannot end: it has put items on queue '{account.spec.name}' "
                    f"that do not fit into its pipe, and a process waits at its end until they are taken "
                    f"({account.left} of {account.put} are left); get them before you join()"
                )
        return ""

    def _stuck_put(self) -> str:
        for w in self._of_kind(codes.W_PUT):
            account = self._accounts[w.resource]
            size = f"maxsize {account.spec.maxsize}" if account.spec.maxsize else "its pipe is full"
            return (
                f"{subject(w.process)} waits for ever for room in queue '{account.spec.name}' "
                f"({size}, {account.left} in it): nobody is left who takes from it{self._gone_takers(account)}"
            )
        return ""

    def _gone_takers(self, account: QueueAccount) -> str:
        gone = [name for name in self._takers(account.spec.name) if name in self._ended]
        return f", since {names(gone)} {'has' if len(gone) == 1 else 'have'} ended" if gone else ""

    def _takers(self, queue: str) -> list[str]:
        specs = self._scenario.processes
        return [p.name for p in specs if any(c.resource == queue and c.direction != "to" for c in p.connections)]

    def _everybody(self, start: str) -> str:
        parts = []
        for w in self._waiting[:6]:
            wanted = self.waiting_for(w)
            busy = "computes" if w.state == "R" else "sleeps, or waits for something outside the scenario"
            parts.append(f"{subject(w.process)} " + (f"waits for {wanted}" if wanted else busy))
        if len(self._waiting) > 6:
            parts.append(f"and {len(self._waiting) - 6} more")
        return start + ("; ".join(parts) if parts else "no process of the run is left")


def _fate(account: QueueAccount, broken: int) -> str:
    """Return what became of the items of a queue that is empty, as the continuation of a sentence.

    So many of them are `broken`: they were never written to their end.
    """
    if not account.put:
        return ", on which nobody ever put one"
    if account.got == account.put:
        return ": the one item put is taken" if account.put == 1 else f": all {account.put} items put are taken"
    ends = [
        (account.got, "taken"),
        (account.dropped - account.too_large, "dropped, because they could not be pickled"),
        (account.too_large, "dropped, because they were too large (--max-payload)"),
        (broken, "broken off while it was being written"),
        (account.lost, "lost, because their process ended before they had left it"),
    ]
    return f": of {account.put} put, {' and '.join(f'{count} {end}' for count, end in ends if count)}"


def _of(account: QueueAccount) -> str:
    missing = account.unfinished or 0
    return f"{missing} of {account.put} items"
