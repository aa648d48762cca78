"""What stands below a timeline and its legend: who put what for whom, what was left, how it ended and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from run_scenario.values import Value
from run_scenario.views.cells import ascii_of
from run_scenario.views.history import Channel, History
from run_scenario.views.hops import Hop
from run_scenario.views.layout import wrap
from run_scenario.views.overview import outcome
from run_scenario.views.paint import Painter
from run_scenario.views.text import plural, scrub, values

_LISTED = 12
"""Hops that are told in words."""
_INDENT = "  "


class Paper(Value):
    """What is written on: how wide it is, whether it takes colours, and whether more than ASCII."""

    width: int
    paint: Painter
    unicode: bool

    def fit(self, text: str) -> str:
        """Return a text as it can be shown."""
        text = scrub(text)
        return text if self.unicode else ascii_of(text)

    def lines(self, text: str, indent: int = 0) -> list[str]:
        """Return a text in lines that find room beside an indentation."""
        return wrap(self.fit(text), self.width - indent)


def notes(
    history: History,
    hops: Sequence[Hop],
    ends: Sequence[tuple[str, str]],
    undrawn: Sequence[str],
    paper: Paper,
) -> Iterator[str]:
    """Yield the lines, as wide as the paper at most.

    `ends` are those that are not told beside their lanes, `undrawn` says what is not to be seen in the drawing.
    """
    for text in undrawn:
        yield from paper.lines(text)
    if hops:
        yield ""
        for number, hop in enumerate(hops[:_LISTED], 1):
            first, *more = paper.lines(hop.told(), 4)
            yield f"{number:>2}  {first}"
            yield from (f"    {line}" for line in more)
        if len(hops) > _LISTED:
            yield f"    and {len(hops) - _LISTED:,} more"
    if ends:
        yield ""
        together: dict[str, list[str]] = {}
        for name, end in ends:
            together.setdefault(end, []).append(name)
        for end, names in together.items():
            yield from paper.lines(f"{', '.join(names)}: {end}")
    left = left_over(history)
    if left:
        yield ""
        yield from (paper.paint("yellow", line) for text in left for line in paper.lines(text))
    if history.stuck:
        yield ""
        yield from paper.lines("when nothing moved any more:")
        for stuck in history.stuck:
            for line in paper.lines(f"{_INDENT}{stuck.process} {stuck.doing}"):
                yield paper.paint("yellow", line)
    yield ""
    style = "bold green" if history.passed else "bold red"
    yield from (paper.paint(style, line) for line in paper.lines(outcome(history)))


def left_over(history: History) -> list[str]:
    """Return a sentence for each queue and pipe that did not run dry, or lost something."""
    return [_left(channel) for channel in history.channels.values() if channel.remaining or channel.missing]


def _left(channel: Channel) -> str:
    lost = f", {plural(channel.missing, 'item')} lost on the way" if channel.missing else ""
    if not channel.remaining:
        return scrub(f"{channel.name}: {channel.put:,} put, {channel.got:,} got{lost}")
    shown = f": {values(channel.items_left, channel.remaining, 5)}" if channel.items_left else ""
    return scrub(f"{channel.name}: {plural(channel.remaining, 'item')} left of {channel.put:,} put{lost}{shown}")
