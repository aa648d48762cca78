"""What stands below a timeline and its legend: who put what for whom, what was left, how it ended and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from run_scenario.views.history import Channel, History
from run_scenario.views.hops import Hop
from run_scenario.views.layout import wrap
from run_scenario.views.overview import outcome
from run_scenario.views.paint import Painter
from run_scenario.views.text import plural, scrub, values

_LISTED = 12
"""Hops that are told in words."""
_INDENT = "  "


def notes(
    history: History,
    hops: Sequence[Hop],
    ends: Sequence[tuple[str, str]],
    undrawn: Sequence[str],
    width: int,
    paint: Painter,
) -> Iterator[str]:
    """Yield the lines, `width` columns wide at most.

    `ends` are those that are not told beside their lanes, `undrawn` says what is not to be seen in the drawing.
    """
    for text in undrawn:
        yield from wrap(scrub(text), width)
    if hops:
        yield ""
        for number, hop in enumerate(hops[:_LISTED], 1):
            first, *more = wrap(hop.told(), width - 4)
            yield f"{number:>2}  {first}"
            yield from (f"    {line}" for line in more)
        if len(hops) > _LISTED:
            yield f"    and {len(hops) - _LISTED:,} more"
    if ends:
        yield ""
        together: dict[str, list[str]] = {}
        for name, end in ends:
            together.setdefault(end, []).append(scrub(name))
        for end, names in together.items():
            yield from wrap(f"{', '.join(names)}: {scrub(end)}", width)
    left = left_over(history)
    if left:
        yield ""
        yield from (paint("yellow", line) for text in left for line in wrap(text, width))
    if history.stuck:
        yield ""
        yield from wrap("when nothing moved any more:", width)
        for stuck in history.stuck:
            for line in wrap(f"{_INDENT}{scrub(stuck.process)} {scrub(stuck.doing)}", width):
                yield paint("yellow", line)
    yield ""
    yield from (paint("bold green" if history.passed else "bold red", line) for line in wrap(outcome(history), width))


def left_over(history: History) -> list[str]:
    """Return a sentence for each queue and pipe that did not run dry, or lost something."""
    return [_left(channel) for channel in history.channels.values() if channel.remaining or channel.missing]


def _left(channel: Channel) -> str:
    lost = f", {plural(channel.missing, 'item')} lost on the way" if channel.missing else ""
    if not channel.remaining:
        return scrub(f"{channel.name}: {channel.put:,} put, {channel.got:,} got{lost}")
    shown = f": {values(channel.items_left, channel.remaining, 5)}" if channel.items_left else ""
    return scrub(f"{channel.name}: {plural(channel.remaining, 'item')} left of {channel.put:,} put{lost}{shown}")
