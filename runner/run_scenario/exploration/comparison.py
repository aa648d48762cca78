"""A schedule that leads to a fault beside one that goes well: the first step at which their causes differ.

The cause of a step is what its actor has done before, and what was done last to the same things: two runs that only
swap independent steps have the same causes. So what is found is not where the schedules part, but where that first
matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from run_scenario.values import Value


class Step(NamedTuple):
    """One step of a run."""

    actor: str
    operation: str
    subjects: tuple[str, ...]
    """The things to which something is done."""


class Place(Value):
    """A step, found by whose it is."""

    actor: str
    number: int
    """Which of the steps of its actor, counted from 1."""
    operation: str


class Cause(Value):
    """How a run comes to a step."""

    does: str | None
    """The operation; None: it does not come to that."""
    after: Place | None = None
    """What was done last to the same thing; None: nothing."""


class Difference(Value):
    """The first step at which the causes of two runs differ."""

    actor: str
    number: int
    """Which of the steps of the actor, counted from 1."""
    subject: str
    """The thing of which the order differs; empty: it is no thing that has a name."""
    bad: Cause
    good: Cause
    alike: int
    """How many steps of the bad run come before it: each has the same cause in the good one."""


_Place = tuple[str, int]
_Causes = Mapping[str, Place | None]


def compare(bad: Sequence[Step], good: Sequence[Step]) -> Difference | None:
    """Return the first step of the bad run whose cause is another one in the good run; None: there is none."""
    of_bad, of_good = dict(_with_causes(bad)), dict(_with_causes(good))
    for alike, (key, (does, causes)) in enumerate(of_bad.items()):
        there = of_good.get(key)
        if there is None:
            subject = next(iter(causes), "")
            return Difference(*key, subject, Cause(does, causes.get(subject)), Cause(None), alike)
        subject = next((each for each in causes if each in there[1] and causes[each] != there[1][each]), "")
        if subject or does != there[0]:
            other = Cause(there[0], there[1].get(subject))
            return Difference(*key, subject, Cause(does, causes.get(subject)), other, alike)
    for key, (does, causes) in of_good.items():
        if key not in of_bad:  # the bad run is at its end, and the good one goes on
            subject = next(iter(causes), "")
            return Difference(*key, subject, Cause(None), Cause(does, causes.get(subject)), len(of_bad))
    return None


def _with_causes(steps: Sequence[Step]) -> Iterator[tuple[_Place, tuple[str, _Causes]]]:
    """Yield whose step each is, and which of its; what it does, and of each thing what was done to it before."""
    numbers: dict[str, int] = {}
    last: dict[str, Place] = {}
    for actor, operation, subjects in steps:
        number = numbers[actor] = numbers.get(actor, 0) + 1
        yield (actor, number), (operation, {each: last.get(each) for each in subjects})
        for each in (actor, *subjects):  # whoever kills it, or looks at it, finds it so
            last[each] = Place(actor, number, operation)
