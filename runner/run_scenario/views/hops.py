"""Items on their way, gathered so that a person can follow them: who put how many where, and who got them."""

from __future__ import annotations

from collections.abc import Iterable

from run_scenario.values import Value
from run_scenario.views.history import Tie
from run_scenario.views.scale import Scale
from run_scenario.views.text import plural, scrub, value

_MOST = 35
"""Hops beyond which all that goes one way is one."""


class Hop(Value):
    """Items that one process put and another got, through the same queue; times in seconds."""

    giver: str
    taker: str
    channel: str
    count: int
    put: tuple[float, float]
    """When the first and the last of them was put."""
    got: tuple[float, float]
    item: object
    """The first of them."""

    def told(self) -> str:
        """Return it as a sentence."""
        what = value(self.item, 30) if self.count == 1 else plural(self.count, "item")
        put, got = (_range(*times) for times in (self.put, self.got))
        text = f"{self.giver} put {what} on {self.channel} at {put}, {self.taker} got "
        return f"{scrub(text)}{'it' if self.count == 1 else 'them'} at {got}"


def _range(first: float, last: float) -> str:
    one, other = f"{first:.3f}", f"{last:.3f}"
    return f"{one} s" if one == other else f"{one} to {other} s"


def hops(ties: Iterable[Tie], scale: Scale) -> list[Hop]:
    """Return the hops in a picture of this scale, in the order of their first puts.

    What cannot be told apart in it is one hop; where there are very many, all that goes one way is.
    """
    shown = [tie for tie in ties if scale.shows(tie.put, tie.got)]
    close: dict[tuple[object, ...], list[Tie]] = {}
    for tie in shown:
        key = (tie.giver, tie.taker, tie.channel, scale.column(tie.put), scale.column(tie.got))
        close.setdefault(key, []).append(tie)
    if len(close) > _MOST:
        close = {}
        for tie in shown:
            close.setdefault((tie.giver, tie.taker, tie.channel), []).append(tie)
    return sorted((_hop(group) for group in close.values()), key=lambda hop: (hop.put, hop.got))


def _hop(ties: list[Tie]) -> Hop:
    puts, gets = [tie.put for tie in ties], [tie.got for tie in ties]
    first = ties[0]
    put, got = (min(puts), max(puts)), (min(gets), max(gets))
    return Hop(first.giver, first.taker, first.channel, len(ties), put, got, first.item)
