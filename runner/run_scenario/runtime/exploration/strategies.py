"""How schedules are chosen by chance.

`random` and `walk` (URW, the uniform random walk of Zhao et al., "Selectively Uniform Concurrency Testing", ASPLOS
2025) decide at each step; `priorities` is PCT (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs", ASPLOS 2010); `order` is POS (Yuan et al., "Partial Order Aware Concurrency Sampling", CAV 2018).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from run_scenario.runtime.exploration.scheduler import Actor, Kill, Policy

_CHANGES = 3
"""Most points at which PCT gives somebody a lower priority: it finds what needs one more decision."""
_OWN_STEPS = 0.75
"""Share of runs in which a process is killed after so many steps of its own."""
_FAIR_AFTER = 100
"""Steps in a row after which PCT lets others move, too: who polls would keep the turn for ever."""


class Uniform:
    """Anybody who is ready, with the same chance."""

    def __init__(self, chance: random.Random, counts: Mapping[str, int]) -> None:
        self._chance = chance

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return any."""
        return self._chance.choice(ready)

    def done(self, actor: Actor) -> None:
        """Do nothing."""


class Walk:
    """Anybody, with a chance in proportion to the steps that are still to come, as earlier runs had them."""

    def __init__(self, chance: random.Random, counts: Mapping[str, int]) -> None:
        self._chance = chance
        self._counts = counts

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return one of them."""
        left = [max(1, self._counts.get(actor.name, 1) - actor.steps) for actor in ready]
        return self._chance.choices(ready, left)[0]

    def done(self, actor: Actor) -> None:
        """Do nothing."""


class Priorities:
    """Whoever has the highest priority, which falls to the lowest at a few points of the run."""

    def __init__(self, chance: random.Random, counts: Mapping[str, int]) -> None:
        self._chance = chance
        self._of: dict[str, float] = {}
        total = max(1, sum(counts.values()))
        self._changes = {chance.randrange(total) for _ in range(chance.randint(0, _CHANGES))}
        self._lowest = 0.0
        self._step = self._in_a_row = 0
        self._before: Actor | None = None

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return the one with the highest priority."""
        for actor in ready:
            self._of.setdefault(actor.name, 1 + self._chance.random())
        return max(ready, key=lambda actor: self._of[actor.name])

    def done(self, actor: Actor) -> None:
        """Lower its priority, where the run has come to such a point."""
        self._in_a_row = self._in_a_row + 1 if actor is self._before else 0
        self._before = actor
        if self._step in self._changes or self._in_a_row >= _FAIR_AFTER:
            self._lowest -= 1
            self._of[actor.name] = self._lowest
            self._in_a_row = 0
        self._step += 1


class Order:
    """Each operation gets a priority of its own, and a new one when another has done something to the same thing."""

    def __init__(self, chance: random.Random, counts: Mapping[str, int]) -> None:
        self._chance = chance
        self._of: dict[str, tuple[int, float]] = {}
        """Actor -> the number of its operation, and that one's priority."""
        self._pending: dict[str, tuple[str, ...]] = {}

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return the one whose operation has the highest priority."""
        for actor in ready:
            if self._of.get(actor.name, (-1, 0.0))[0] != actor.operation_number:
                self._of[actor.name] = actor.operation_number, self._chance.random()
            self._pending[actor.name] = actor.subjects
        return max(ready, key=lambda actor: self._of[actor.name][1])

    def done(self, actor: Actor) -> None:
        """Give those a new priority that race with it."""
        self._pending.pop(actor.name, None)
        for name, subjects in self._pending.items():
            if not set(actor.subjects).isdisjoint(subjects):
                self._of.pop(name, None)


class Killing:
    """Another policy, and one process is killed: after some of its own steps, or after some of all steps."""

    def __init__(self, policy: Policy, chance: random.Random, counts: Mapping[str, int]) -> None:
        self._policy = policy
        self._chance = chance
        self._after, self._left = "", chance.randrange(max(1, sum(counts.values())))
        if counts and chance.random() < _OWN_STEPS:
            (self._after,) = chance.choices(list(counts), list(counts.values()))
            self._left = chance.randrange(1, counts[self._after] + 1)
        self._pid = 0

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return whom the other chooses, or who is killed, when the time has come."""
        kills = [each for each in usual if isinstance(each, Kill)] if self._left <= 0 else []
        if kills:
            own = [each for each in kills if each.victim.pid == self._pid]
            return self._chance.choice(own or kills)
        return self._policy.choose(ready, last, usual)

    def done(self, actor: Actor) -> None:
        """Count the steps."""
        if self._after in ("", actor.name):
            self._left -= 1
            self._pid = actor.pid if self._after else 0
        self._policy.done(actor)


BY_CHANCE: dict[str, Callable[[random.Random, Mapping[str, int]], Policy]] = {
    "walk": Walk,
    "random": Uniform,
    "order": Order,
    "priorities": Priorities,
}
"""By name, in the order in which the portfolio has them.

Each is made for one run, with a source of chance and the steps that each actor has made in earlier runs.
"""
