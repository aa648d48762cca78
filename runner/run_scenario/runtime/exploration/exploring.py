"""Explores a scenario: run after run, each with another schedule, until one comes to what nobody wants."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from run_scenario.counting import plural
from run_scenario.errors import Status
from run_scenario.events.outcome import Outcome
from run_scenario.exploration.comparison import compare
from run_scenario.exploration.schedule import NO_HAZARDS, Hazards, KeptSchedule, Schedule
from run_scenario.exploration.verdict import KEPT, Explored, Finding, First
from run_scenario.runtime.exploration.jobs import Jobs
from run_scenario.runtime.exploration.portfolio import DFS, USUAL, Otherwise, Portfolio
from run_scenario.runtime.exploration.runs import Ended, Repeated
from run_scenario.runtime.exploration.scheduler import BySchedule, Policy, Scheduler, Trace
from run_scenario.values import Value

REPLAYS = 100
"""How often a schedule is replayed before it is said that it leads somewhere."""
_REPLAYS_OF_KEPT = 10
"""The same, of one that was kept: before that, it was replayed as often as any."""
_FINDINGS = ("failed", "stalled", "timed_out")
"""What a run may come to that somebody should see, if the scenario does not demand just that."""
_FEW = 8
"""Switches up to which all pairs of them are left out: 28 runs at the most."""
_MOST_LOST = 3
"""Runs one after the other that are not in control, after which no more are tried."""
_MOST_LATER = 60
"""Runs to find out how much later the switches can be."""
_MOST_GOOD = 16
_MOST_NEAR = 200
"""Schedules that are tried to find one that goes well, near one that does not."""
_LONGEST_ROUND = 128
_PLANTED_WITHIN = 30
"""Schedules within which a planted fault is found, or the runs are not in control: most need two or three."""


_PLANTED_BY = ("walk", "random", "order")
"""The strategies that do so, whichever are asked for."""


class Plan(Value):
    """How it is explored."""

    schedules: int
    """Most schedules."""
    seconds: float | None
    """Most seconds for them; None: as long as they take."""
    strategies: tuple[str, ...]
    seed: int
    most_steps: int
    replays: int = REPLAYS
    jobs: int = 1
    """Runs at a time."""
    hazards: Hazards = NO_HAZARDS


class Progress(Protocol):
    """Shows that it goes on."""

    def show(self, schedules: int, orders: int, seconds: float, found: str, doing: str) -> None:
        """Show how far it has come, within how many seconds of searching; what was found, and what is done with it."""


class Tried(NamedTuple):
    """What came of one schedule."""

    ended: Ended
    trace: Trace
    differs: str
    """Where the schedule that was given did not fit; empty: it did, or none was given."""


class Refused(Exception):
    """The first run was refused, or did not come to an end of its own: there is nothing to be explored."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.outcome)
        self.outcome = outcome


class Exploration:
    """Explores one scenario."""

    def __init__(self, scheduler: Scheduler, runs: Repeated, timeout: float, plan: Plan, progress: Progress) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._timeout = timeout
        self._plan = plan
        self._progress = progress
        self._orders: Counter[int] = Counter()
        self._lost: dict[str, None] = {}
        self._beside: dict[str, None] = {}
        self._schedules = self._steps = self._by_chance = self._lost_in_a_row = 0
        self._portfolio = Portfolio(plan.strategies, plan.seed, plan.hazards)
        self._began = self._searched = 0.0
        self._found = ""
        self._good: list[Trace] = []
        """The last runs that went well while a schedule was made shorter."""

    def explore(self, not_judged: Sequence[str], *, is_in_control: bool, first: KeptSchedule | None = None) -> Explored:
        """Try schedules until one is found that leads to what nobody wants, or as many as the plan allows.

        `first` is tried before: a schedule that was found another time, perhaps of another version of the scenario.

        Raises:
            Refused: nothing could be run.
        """
        finding, kept = None, None
        with Jobs(self._plan.jobs, self._scheduler, self._run, self._runs.end) as self._jobs:
            if first is not None:
                finding, kept = self._replay_first(first)
            self._began = self._searched = time.monotonic()
            if finding is None:
                finding = self._search()
        return Explored(
            schedules=self._schedules,
            seconds=self._searched - self._began,
            orders=len(self._orders),
            orders_once=sum(1 for times in self._orders.values() if times == 1),
            steps=self._steps,
            seed=self._plan.seed,
            finding=finding,
            lost=tuple(self._lost),
            is_in_control=is_in_control,
            not_judged=tuple(not_judged),
            beside=tuple(self._beside),
            by_chance=self._by_chance,
            delays=self._portfolio.delays,
            is_complete=self._portfolio.is_complete,
            hazards=self._plan.hazards,
            first=kept,
        )

    def run_found(self, explored: Explored, runs: Repeated) -> None:
        """Run by the schedule that was found once more, in another way, such as one that writes its log."""
        if explored.finding is not None:
            self._runs = runs
            self._run(self._scheduler, BySchedule(explored.finding.schedule))

    def _replay_first(self, kept: KeptSchedule) -> tuple[Finding | None, First]:
        tried = self._replay(kept.schedule)
        outcome, switches = tried.ended.outcome, Schedule(tuple(tried.trace.switches))
        if not tried.trace.lost and _is_finding(outcome):
            finding = self._examine(0, KEPT, tried.ended, switches, min(self._plan.replays, _REPLAYS_OF_KEPT))
        else:
            finding = None
        return finding, First(kept.outcome, outcome.outcome, tried.trace.lost or tried.differs)

    def _search(self) -> Finding | None:
        last = 0
        while last < self._plan.schedules and not self._portfolio.is_complete:
            # What is decided by earlier runs is decided by those of earlier rounds: they are the same with any number
            # of jobs. A round is twice as long as the one before, up to some length.
            length = min(max(1, last), _LONGEST_ROUND, self._plan.schedules - last)
            numbers, names, traces = range(last + 1, last + length + 1), list[str](), list[Trace]()
            with contextlib.closing(self._jobs.in_order(self._policies(numbers, names))) as results:
                for number, tried in zip(numbers, results, strict=False):
                    traces.append(tried.trace)
                    finding = self._learn(number, names[number - numbers[0]], tried)
                    if finding is not None:
                        return finding
            for number, trace in zip(numbers, traces, strict=False):
                self._portfolio.learn(number, trace)
            if self._schedules < numbers[-1]:  # there was no time for more, or there are no more
                break
            last = numbers[-1]
        return None

    def _policies(self, numbers: Iterable[int], names: list[str]) -> Iterator[Policy]:
        """Yield what chooses the schedules of these numbers; append the strategies' names to `names`."""
        seconds = self._plan.seconds
        for number in numbers:
            if seconds is not None and number > 1 and time.monotonic() - self._began >= seconds:
                return
            if self._lost_in_a_row >= _MOST_LOST:
                return
            name, policy = self._portfolio.policy(number)
            names.append(name)
            yield policy

    def _learn(self, number: int, strategy: str, tried: Tried) -> Finding | None:
        """Note what came of a schedule; return what was found, if so."""
        (outcome, reasons), trace = tried.ended, tried.trace
        if number == 1 and not _is_finding(outcome) and outcome.status is not Status.PASSED:
            raise Refused(outcome)
        self._schedules, self._steps = number, self._steps + len(trace.steps)
        self._searched = time.monotonic()
        self._orders[trace.order()] += 1
        self._by_chance += strategy not in (USUAL, DFS)
        self._lost.update((f"not controlled: {what}", None) for what in trace.notes["escaped"])
        self._beside.update(trace.notes["beside"])
        self._lost_in_a_row = self._lost_in_a_row + 1 if trace.lost else 0
        if trace.lost:
            self._lost[trace.lost] = None
        elif _is_finding(outcome):
            made = Schedule(tuple(trace.switches))
            return self._examine(number, strategy, tried.ended, made, self._plan.replays)
        elif outcome.status is not Status.PASSED:
            self._lost["; ".join(reasons) or outcome.outcome] = None
        self._show("")
        return None

    def _run(self, scheduler: Scheduler, policy: Policy) -> Tried:
        plan = self._plan
        ended, trace = self._runs.run(scheduler, policy, self._timeout, plan.most_steps, plan.hazards)
        ended = ended._replace(reasons=(*ended.reasons, *trace.stuck))
        return Tried(ended, trace, policy.differs() if isinstance(policy, BySchedule) else "")

    def _show(self, doing: str) -> None:
        seconds = self._searched - self._began
        self._progress.show(self._schedules, len(self._orders), seconds, self._found, doing)

    # What is found

    def _examine(self, number: int, strategy: str, found: Ended, schedule: Schedule, replays: int) -> Finding:
        """Find a short schedule for it, and whether that always leads there."""
        outcome = found.outcome
        self._found = outcome.outcome
        short = self._shrink(schedule, outcome)
        first = self._replay(short)
        last, short = first.ended, Schedule(tuple(first.trace.switches))  # what it says of them is as it is now
        alike = 0
        for replay, tried in enumerate(self._replays(first, short, replays), start=1):
            self._show(f"replay {replay} of {replays}")
            last = tried.ended
            if _is_alike(last.outcome, outcome) and not tried.trace.lost and not tried.differs:
                alike += 1
        good = self._nearest_good(short, first.trace)
        return Finding(
            number=number,
            strategy=strategy,
            outcome=outcome.outcome,
            reasons=last.reasons if _is_alike(last.outcome, outcome) else found.reasons,
            schedule=short,
            switches_before=len(schedule.switches),
            replays=replays,
            replays_alike=alike,
            good=None if good is None else Schedule(tuple(good.switches)),
            difference=None if good is None else compare(first.trace.steps, good.steps),
        )

    def _nearest_good(self, short: Schedule, bad: Trace) -> Trace | None:
        """Return the run that went well in which the causes of the most steps are as in a bad one.

        It is one of those by which the schedule was made shorter; or, if there is none, one that decides otherwise just
        once, as late as possible.
        """
        if self._good:
            return max(self._good, key=lambda trace: _alike(bad, trace))
        otherwise = [
            (position, choice)
            for position in reversed(range(len(bad.offered) // 2))
            for choice in range(1, bad.offered[2 * position])
        ][:_MOST_NEAR]
        policies = (Otherwise(short, *each) for each in otherwise)
        with contextlib.closing(self._jobs.in_order(policies)) as results:
            for number, tried in enumerate(results, start=1):
                self._show(f"comparing, {number} of {len(otherwise)}")
                if _is_good(tried):
                    return tried.trace
        return None

    def _replays(self, first: Tried, schedule: Schedule, count: int) -> Iterator[Tried]:
        yield first
        yield from self._jobs.in_order(BySchedule(schedule) for _ in range(1, count))

    def _replay(self, schedule: Schedule) -> Tried:
        """Run by a schedule."""
        (tried,) = self._jobs.in_order([BySchedule(schedule)])
        return tried

    def _shrink(self, schedule: Schedule, outcome: Outcome) -> Schedule:
        """Have as few switches as possible, as late as possible: that may make some needless that were needed."""
        schedule = self._fewer(schedule, outcome)
        while True:
            later = self._later(schedule, outcome)
            schedule = later if later == schedule else self._fewer(later, outcome)
            if len(schedule.switches) == len(later.switches):
                return schedule

    def _later(self, schedule: Schedule, outcome: Outcome) -> Schedule:
        """Have each switch come later, if there are not many: one step after the other, as long as all else is so."""
        position, tries = 0, 0
        while position < len(schedule.switches) <= 2 * _FEW and tries < _MOST_LATER:
            tries += 1
            self._show(f"shrinking, {plural(len(schedule.switches), 'switch')}")
            moved = schedule.postponed(position)
            tried = self._replay(moved)
            made = Schedule(tuple(tried.trace.switches))
            if _is_alike(tried.ended.outcome, outcome) and made.is_like(moved):
                schedule = made
            else:
                position += 1
        return schedule

    def _fewer(self, schedule: Schedule, outcome: Outcome) -> Schedule:
        """Leave out as many switches as possible: halves of them first, then smaller parts, at last single ones."""
        size = max(1, len(schedule.switches))
        while schedule.switches:
            at, shorter = 0, False
            while at < len(schedule.switches):
                starts = range(at, len(schedule.switches), size)
                found = self._first_shorter(schedule, [range(each, each + size) for each in starts], outcome)
                if found is None:
                    break
                (at, *_), schedule = found
                shorter = True
            if size == 1 and not shorter:
                break
            size = max(1, size // 2)
        return self._without_pairs(schedule, outcome)

    def _without_pairs(self, schedule: Schedule, outcome: Outcome) -> Schedule:
        """Leave out two switches that need each other, wherever they stand, if there are not many."""
        while len(schedule.switches) <= _FEW:
            pairs = list(itertools.combinations(range(len(schedule.switches)), 2))
            found = self._first_shorter(schedule, pairs, outcome)
            if found is None:
                break
            _, schedule = found
        return schedule

    def _first_shorter(
        self, schedule: Schedule, parts: Sequence[Sequence[int]], outcome: Outcome
    ) -> tuple[Sequence[int], Schedule] | None:
        """Return the first part without which the schedule leads there, too, and the shorter schedule that it makes."""
        tried = self._jobs.in_order(BySchedule(schedule.without(part)) for part in parts)
        with contextlib.closing(tried) as results:
            for part, each in zip(parts, results, strict=False):
                self._show(f"shrinking, {plural(len(schedule.switches), 'switch')}")
                made = Schedule(tuple(each.trace.switches))
                if _is_good(each):
                    self._good = [*self._good, each.trace][-_MOST_GOOD:]
                if _is_alike(each.ended.outcome, outcome) and len(made.switches) < len(schedule.switches):
                    return part, made
        return None


def _is_finding(outcome: Outcome) -> bool:
    return outcome.status is not Status.PASSED and outcome.outcome in _FINDINGS


def _is_good(tried: Tried) -> bool:
    return tried.ended.outcome.status is Status.PASSED and not tried.trace.lost


def _alike(bad: Trace, good: Trace) -> int:
    difference = compare(bad.steps, good.steps)
    return len(bad.steps) if difference is None else difference.alike


def _is_alike(one: Outcome, other: Outcome) -> bool:
    return (one.outcome, one.status, one.unmet) == (other.outcome, other.status, other.unmet)


class _Silent:
    """Shows nothing."""

    def show(self, schedules: int, orders: int, seconds: float, found: str, doing: str) -> None:
        """Do nothing."""


def finds_planted(scheduler: Scheduler, planted: Repeated, plan: Plan) -> bool:
    """Tell whether a fault that was planted is found in a few schedules, as in all runs that are in control."""
    how = {"strategies": _PLANTED_BY, "seconds": None, "replays": 3, "jobs": 1, "hazards": NO_HAZARDS}
    few = plan.replace(schedules=_PLANTED_WITHIN, **how)
    explored = Exploration(scheduler, planted, 60.0, few, _Silent()).explore((), is_in_control=True)
    return explored.finding is not None and explored.finding.replays_alike == few.replays
