"""The strategies of an exploration, in turn, and what they learn from its runs: no single one finds all faults soon.

Those of `strategies` decide by chance alone. Two more have a memory: `dfs` tries all schedules that differ from the
usual one by one delay, then by two, and so on; `rare` goes back to where a run showed a rare order of operations on one
thing, and goes on from there by chance (as fuzzers do; Wolff et al., "Greybox Fuzzing for Concurrency Testing", ASPLOS
2024).
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

from run_scenario.exploration.schedule import Hazards, Schedule
from run_scenario.runtime.exploration.scheduler import Actor, BySchedule, Kill, Policy, Trace
from run_scenario.runtime.exploration.strategies import BY_CHANCE, Killing, Walk

USUAL, DFS, RARE = "usual", "dfs", "rare"
_MOST_NODES = 20_000
"""Schedules of one bound that are remembered, so that those with a delay more can be made of them: some megabytes."""
_MOST_RARE = 100
"""Schedules that are remembered as they have shown something new."""
_MOST_NEW = 100
_MOST_PAIRS = 100_000
"""So many of what they have shown are counted, to know what is rare."""

Deviations = tuple[tuple[int, int], ...]
"""Positions among the decisions of a run, each with the position of what is chosen there among the choices."""


class Portfolio:
    """Chooses the strategies in turn. It learns between two rounds, so how many run at a time decides nothing."""

    def __init__(self, names: Sequence[str], seed: int, hazards: Hazards) -> None:
        self._names = names
        self._seed = seed
        self._hazards = hazards
        self._counts: dict[str, int] = {}
        self._tree = DelayBounded(self._chance(DFS))
        self._rare = Rare()
        self._given: dict[int, Deviations] = {}
        """Number of a schedule that `dfs` has chosen -> that one."""

    def policy(self, number: int) -> tuple[str, Policy]:
        """Return what chooses a schedule, counted from 1, and the strategy's name."""
        if number == 1:
            return USUAL, BySchedule(Schedule())
        name = self._names[(number - 2) % len(self._names)]
        chance = self._chance(number)
        if name == DFS:
            deviations = self._tree.next()
            if deviations is not None:
                self._given[number] = deviations
                return name, Deviating(deviations)
        if name == RARE and (found := self._rare.choose(chance)) is not None:
            policy: Policy = Resumed(*found, Walk(chance, dict(self._counts)))
        else:  # also where the others have nothing to choose from yet
            name = name if name in BY_CHANCE else next(iter(BY_CHANCE))
            policy = BY_CHANCE[name](chance, dict(self._counts))
        return name, Killing(policy, chance, dict(self._counts)) if self._hazards.kill else policy

    def _chance(self, what: int | str) -> random.Random:
        return random.Random(hashlib.sha256(f"{self._seed} {what}".encode()).digest())

    def learn(self, number: int, trace: Trace) -> None:
        """Learn from what has become of a schedule."""
        for actor, steps in trace.counts.items():
            self._counts[actor] = max(steps, self._counts.get(actor, 0))
        if RARE in self._names:
            self._rare.learn(trace)
        if DFS in self._names and (number == 1 or number in self._given):
            self._tree.learn(self._given.pop(number, ()), trace.offered)

    @property
    def delays(self) -> int | None:
        """With how many delays at most all schedules were tried; None: that is not known."""
        return self._tree.bound if DFS in self._names and not self._tree.differs else None

    @property
    def is_complete(self) -> bool:
        """Whether all schedules were tried."""
        return self._tree.is_complete and not self._tree.differs


class DelayBounded:
    """Makes all schedules with one delay, then all with two, and so on.

    This is Emmi et al., "Delay-Bounded Scheduling", POPL 2011. A delay passes over the actor whose turn it is; a
    timeout that comes early, or a kill, counts as one. Those with a delay more are made of those before, as their runs
    have shown what could be chosen after the last delay: so they are a tree, and none of them is made twice.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.bound: int | None = None
        """All with so many delays were tried."""
        self.is_complete = False
        """Whether there are none with more."""
        self.differs = False
        """Whether the same decisions have led to other choices than before: then nothing is known of all schedules."""
        self._level: list[tuple[Deviations, array[int]]] = []
        """Those with one delay more than the bound that were tried, and what each of their decisions had to offer."""
        self._parents: list[tuple[Deviations, array[int]]] = []
        """Those with as many delays as the bound of which none with one more were made yet."""
        self._children: list[tuple[Deviations, array[int]]] = []
        """Those that were made, with what the one had to offer of which they were made."""
        self._open: dict[Deviations, array[int]] = {(): array("H")}
        """Those that were given out and not tried yet."""
        self._is_cut = False
        """Whether there were too many: then those with a delay more are not made."""

    def next(self) -> Deviations | None:
        """Return the next; None: there is none before those that were given out have been tried."""
        if not self._make():
            return None
        deviations, offered = self._children.pop()
        self._open[deviations] = offered
        return deviations

    def _make(self) -> bool:
        while self._parents and not self._children:
            parent = self._parents.pop()
            self._children = [(each, parent[1]) for each in _with_a_delay_more(*parent)]
            self._chance.shuffle(self._children)
        return bool(self._children)

    def learn(self, deviations: Deviations, offered: array[int]) -> None:
        """Learn what the decisions of a run with these deviations had to offer."""
        before = self._open.pop(deviations)
        same = 2 * deviations[-1][0] if deviations else 0
        if offered[:same] != before[:same]:
            self.differs = True
        self._is_cut = self._is_cut or len(self._level) >= _MOST_NODES
        if not self._is_cut:
            self._level.append((deviations, offered))
        while not self._open and not self._make() and self._level:
            self.bound = 0 if self.bound is None else self.bound + 1
            if not self._is_cut:
                self._parents = self._level
                self._chance.shuffle(self._parents)
            self._level = []
        self.is_complete = not (self._is_cut or self._open or self._children or self._level)


def _with_a_delay_more(deviations: Deviations, offered: array[int]) -> Iterator[Deviations]:
    begin = 0
    if deviations:
        *before, (position, chosen) = deviations
        if chosen + 1 < offered[2 * position]:
            yield (*before, (position, chosen + 1))
        begin = position + 1
    for position in range(begin, len(offered) // 2):
        in_turn, choices = offered[2 * position : 2 * position + 2]
        if in_turn > 1:
            yield (*deviations, (position, 1))
        for hazard in range(in_turn, choices):
            yield (*deviations, (position, hazard))


class Deviating:
    """The usual turn, but for some decisions."""

    def __init__(self, deviations: Deviations) -> None:
        self._deviations = dict(deviations)
        self._position = -1

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return what stands at the position that is chosen here."""
        self._position += 1
        chosen = self._deviations.get(self._position, 0)
        return usual[chosen] if chosen < len(usual) else usual[0]

    def done(self, actor: Actor) -> None:
        """Do nothing."""


class Otherwise:
    """A schedule, but for one decision."""

    def __init__(self, schedule: Schedule, position: int, choice: int) -> None:
        """`position` among the decisions of the run, `choice` among what can be chosen there in place of the usual."""
        self._policy = BySchedule(schedule)
        self._left = position
        self._choice = choice

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return whom the schedule names, but for once."""
        chosen = self._policy.choose(ready, last, usual)
        self._left -= 1
        return usual[self._choice] if self._left == -1 and self._choice < len(usual) else chosen

    def done(self, actor: Actor) -> None:
        """Do nothing."""


class Rare:
    """Remembers schedules that have shown something new: two operations on one thing, one right after the other."""

    def __init__(self) -> None:
        self._times: Counter[int] = Counter()
        """Two operations in that order -> in how many runs they were seen."""
        self._schedules: list[tuple[Schedule, int, tuple[int, ...]]] = []
        """Each with its number of steps, and what it was the first to show."""

    def learn(self, trace: Trace) -> None:
        """Learn from a run what it has shown."""
        orders = trace.orders.items()
        pairs = dict.fromkeys(hash(pair) for subject, names in orders for pair in _pairs(subject, names))
        new = tuple(pair for pair in pairs if pair not in self._times)[:_MOST_NEW]
        if len(self._times) >= _MOST_PAIRS:
            new = ()
            pairs = {pair: None for pair in pairs if pair in self._times}
        self._times.update(pairs.keys())
        if new:
            self._schedules.append((Schedule(tuple(trace.switches)), len(trace.steps), new))
            del self._schedules[:-_MOST_RARE]

    def choose(self, chance: random.Random) -> tuple[Schedule, int] | None:
        """Return a schedule, the sooner the rarer what it has shown is; and how many of its steps to follow."""
        if not self._schedules:
            return None
        rareness = [1 / max(1, min(self._times[pair] for pair in new)) for _, _, new in self._schedules]
        ((schedule, steps, _),) = chance.choices(self._schedules, rareness)
        return schedule, chance.randrange(steps + 1)


def _pairs(subject: str, names: Sequence[str]) -> Iterator[tuple[str, str, int, str, int]]:
    counts: Counter[str] = Counter()
    before = ""
    for name in names:
        if before and name != before:
            yield subject, before, counts[before], name, counts[name] + 1
        counts[name] += 1
        before = name


class Resumed:
    """A schedule up to one of its steps, and then another policy."""

    def __init__(self, schedule: Schedule, steps: int, then: Policy) -> None:
        self._first = BySchedule(schedule)
        self._steps = steps
        self._then = then

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return whom the one or the other chooses."""
        return (self._first if self._steps > 0 else self._then).choose(ready, last, usual)

    def done(self, actor: Actor) -> None:
        """Count the steps."""
        self._steps -= 1
        self._then.done(actor)
