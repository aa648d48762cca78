"""Two standstills around queues that the books of one queue do not explain: a circle of waiters, a broken queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from run_scenario.engine.accounts import QueueAccount
from run_scenario.engine.waits import names, subject
from run_scenario.model import Scenario
from run_scenario.record import codes

if TYPE_CHECKING:
    from run_scenario.engine.standstill import Waiting


def circle(scenario: Scenario, accounts: list[QueueAccount], waiting: Sequence[Waiting]) -> str:
    """Return the sentence about processes each of which waits for an item from the next, empty if there are none."""
    takers = {w.process: accounts[w.resource] for w in waiting if _gets(w, accounts) and not accounts[w.resource].left}
    putters: dict[str, list[str]] = {}
    for spec in scenario.processes:
        for connection in spec.connections:
            if connection.direction == "to" and spec.name in takers:
                putters.setdefault(connection.resource, []).append(spec.name)
    after = {name: putters.get(account.spec.name, []) for name, account in takers.items()}
    found = next((path for name in takers if (path := _back_to(name, after))), [])
    if len(found) < 2:
        return ""
    parts = [
        f"{name} for an item from queue '{takers[name].spec.name}', which {putter} would put"
        for name, putter in zip(found, [*found[1:], found[0]], strict=True)
    ]
    return f"{names(found)} wait for each other in a circle: {'; '.join(parts)}"


def _back_to(start: str, after: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a shortest way along `after` from `start` back to it, which is left out; empty if there is none."""
    ways = [[start]]
    seen = {start}
    for way in ways:
        for name in after.get(way[-1], ()):
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def broken_queue(
    scenario: Scenario, accounts: list[QueueAccount], waiting: Sequence[Waiting], stopped: Mapping[str, str]
) -> str:
    """Return the sentence about a queue whose readers' lock went down with a process; empty if there is none.

    `stopped` says of each process that a signal has ended how that was. If items are in a queue and yet everybody
    who wants one sleeps for ever, it is because one of these held the lock that lets one reader in at a time.
    """
    for w in waiting:
        if w.kind == codes.W_TASK and w.resource < len(accounts):
            joiners = [name for side, name in accounts[w.resource].poisoned if side == "join"]
            if joiners:
                return (
                    f"{subject(w.process)} waits for ever inside {accounts[w.resource].spec.name}.task_done(): "
                    f"everybody who waits in join() is asked to wake up, and {names(joiners)} was ended before"
                )
        if not _gets(w, accounts) or not accounts[w.resource].left:
            continue
        account = accounts[w.resource]
        queue = account.spec.name
        writer = next((name for side, name in account.poisoned if side == "write"), None)
        if writer is not None and not any(side == "read" for side, _ in account.poisoned):
            how = stopped.get(writer, "has ended")
            others = [o.process for o in waiting if o.kind == codes.W_GET and o.resource == w.resource]
            return (
                f"queue '{queue}' is broken: {subject(writer)}, which {how}, was writing an item and took the lock of "
                f"the writers with it, so {names(others)} can never get {_items(account.left)} that "
                f"{'was' if account.left == 1 else 'were'} put"
            )
        ends = {
            spec.name: stopped[spec.name]
            for spec in scenario.processes
            if spec.name in stopped and any(c.resource == queue and c.direction != "to" for c in spec.connections)
        }
        if ends:
            others = [o.process for o in waiting if o.kind == codes.W_GET and o.resource == w.resource]
            culprits = " or ".join(f"{subject(name)}, which {how}," for name, how in ends.items())
            return (
                f"queue '{queue}' is broken: {culprits} was inside get() and took the lock of the readers with it, "
                f"so {names(others)} can never get {_items(account.left)} that {'is' if account.left == 1 else 'are'} "
                "there"
            )
    return ""


def _gets(w: Waiting, accounts: list[QueueAccount]) -> bool:
    return w.kind == codes.W_GET and w.resource < len(accounts)


def _items(count: int) -> str:
    return "the item" if count == 1 else f"the {count} items"
