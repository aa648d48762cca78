"""A run as a drawing in text: a lane for each process, in true proportion to time.

    History ─▶ axis, lanes with what each did, marks of what was put and got, lengths of queues, holders of locks
            ─▶ what the signs mean, who put what for whom, how it ended and why

A column shows what took most of its time. Everything is told without colour, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from run_scenario.views.cells import Cells, cut, fitted, width_of
from run_scenario.views.history import Channel, History, Lane, Segment, State
from run_scenario.views.holdings import Slots, slots
from run_scenario.views.hops import Hop, hops
from run_scenario.views.paint import Painter
from run_scenario.views.scale import scale_for
from run_scenario.views.summary import ending
from run_scenario.views.text import plural
from run_scenario.views.timeline_notes import Paper, notes
from run_scenario.views.timeline_signs import ASCII, MEANINGS, STYLES, UNICODE, told

_NAMES = (8, 20)
"""Fewest and most columns for the names."""
_LEAST_CHART = 10
_TICK_ROOM = 10
"""Columns between two ticks at least."""
_MARK_ROWS = 3
_USUAL_END = "returned"
"""What need not be said of who ends where there is no room to say so."""


def render(
    history: History,
    width: int,
    *,
    colour: bool = False,
    unicode: bool = True,
    first: float | None = None,
    last: float | None = None,
) -> str:
    """Return the timeline as text, `width` columns wide at most, of the whole run or of a part of it."""
    return "".join(f"{line}\n" for line in _Timeline(history, width, colour, unicode, first, last).lines())


class _Timeline:
    def __init__(
        self, history: History, width: int, colour: bool, unicode: bool, first: float | None, last: float | None
    ) -> None:
        self._history = history
        self._paint = Painter(colour=colour)
        self._paper = Paper(width, self._paint, unicode)
        self._signs = UNICODE if unicode else ASCII
        names = [*history.lanes, *history.channels, *{holding.resource for holding in history.holdings}]
        longest = max((width_of(self._paper.fit(name)) for name in names), default=0)
        self._name_width = min(max(longest, _NAMES[0]), _NAMES[1], max(_NAMES[0], width // 4))
        columns = max(width - self._name_width - 1, _LEAST_CHART)
        self._scale = scale_for(history.last, columns, first, last)
        self._columns = columns
        self._hops = hops(history.ties, self._scale)
        self._hops_of: defaultdict[str, list[tuple[int, Hop]]] = defaultdict(list)
        """Process -> the hops from it and to it, with their numbers."""
        for number, hop in enumerate(self._hops, 1):
            for name in {hop.giver, hop.taker}:
                self._hops_of[name].append((number, hop))
        self._used: set[str] = set()
        self._untold: list[tuple[str, str]] = []
        """Names and ends that no room was found for beside their lanes."""
        self._open = False
        """Whether there is a lane whose end is not in the log."""
        self._undrawn: list[str] = []
        """What is not drawn, in sentences."""
        self._unmarked = 0
        """Ends of hops that no room was found for below the lanes of who put and got."""

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        yield self._paint("bold", self._cut(self._history.title, self._paper.width))
        yield ""
        yield from self._axis()
        segments = self._history.segments()
        for name, lane in self._history.lanes.items():
            yield self._row(name, self._lane(lane, segments[name]))
            yield from (self._row("", cells) for cells in self._marks(name))
        for channel in self._history.channels.values():
            yield self._row(channel.name, self._depth(channel), "cyan")
        for resource, holdings in self._history.holdings_by_resource().items():
            held = slots(holdings, self._scale)
            for index, cells in enumerate(self._holders(held)):
                yield self._row("" if index else resource, cells, "magenta")
            self._undrawn += held.told(resource)
        yield ""
        yield from told(self._legend(), self._paper.width, self._paint)
        if self._unmarked:
            self._undrawn.append(
                f"{plural(self._unmarked, 'end')} of hops {'is' if self._unmarked == 1 else 'are'} not marked, "
                "for want of room: --from and --to show a part of the time"
            )
        yield from notes(self._history, self._hops, self._untold, self._undrawn, self._paper)

    def _cut(self, text: str, room: int) -> str:
        return cut(self._paper.fit(text), room, unicode=self._paper.unicode)

    def _row(self, name: str, cells: Cells, style: str = "") -> str:
        head = fitted(self._paper.fit(name), self._name_width, unicode=self._paper.unicode)
        return f"{self._paint(style, head)} {cells.painted(self._paint)}".rstrip(" ")

    def _axis(self) -> Iterator[str]:
        labels, line = Cells(self._columns), Cells(self._columns)
        line.write(0, self._signs.line * self._columns, "dim")
        for t, text in self._scale.ticks(self._columns // _TICK_ROOM):
            if self._scale.place(t) >= self._columns:
                continue
            column = self._scale.column(t)
            line.set(column, self._signs.tick, "dim")
            if column + len(text) <= self._columns:
                labels.write(column, text, "dim")
        yield self._row("seconds", labels, "dim")
        yield self._row("", line)

    # Lanes

    def _lane(self, lane: Lane, segments: Sequence[Segment]) -> Cells:
        cells = Cells(self._columns)
        shown = [segment for segment in segments if self._scale.shows(segment.start, segment.end)]
        if not shown:
            self._untold += [(lane.name, end_of(lane))] if lane.failed or lane.born is None else []
            return cells
        columns = self._majorities(shown)
        for start, stop, state, what in _stretches(columns):
            sign = self._signs.of(state)
            cells.write(start, sign * (stop - start), STYLES[state])
            self._used.add(state)
            room = stop - start - 4
            if what and room >= min(width_of(self._paper.fit(what)), 6):
                cells.write(start + 1, f" {self._cut(what, room)} ", STYLES[state])
        self._close(lane, cells, max(columns))
        return cells

    def _majorities(self, segments: Sequence[Segment]) -> dict[int, tuple[State, str]]:
        """Return for each column that the lane is alive in what takes most of its time."""
        shares: defaultdict[int, defaultdict[tuple[State, str], float]] = defaultdict(lambda: defaultdict(float))
        for start, end, state, what in segments:
            one, other = self._scale.place(start), self._scale.place(end)
            first, last = self._scale.column(start), self._scale.column(end)
            for column in range(first, last + 1):
                shares[column][state, what] += max(0.0, min(other, column + 1) - max(one, column)) + 1e-9
        return {column: max(share, key=share.__getitem__) for column, share in shares.items()}

    def _close(self, lane: Lane, cells: Cells, column: int) -> None:
        """Draw the end of a lane, and beside it, if there is room, how it ended."""
        if (self._history.last if lane.ended is None else lane.ended) > self._scale.last:
            return
        if lane.ended is None:
            cells.set(column, self._signs.open_end, "dim")
            self._open = True
            return
        style = "bold red" if lane.failed else "dim"
        cells.set(column, self._signs.bad_end if lane.failed else self._signs.end, style)
        text = self._paper.fit(end_of(lane))
        room = len(cells) - column - 2
        if width_of(text) <= room:
            cells.write(column + 2, text, style)
        elif text != _USUAL_END:
            self._untold.append((lane.name, text))

    def _marks(self, name: str) -> Iterator[Cells]:
        """Yield the rows below a lane: the numbers of the hops where they leave, and where they arrive."""
        leaving: defaultdict[int, list[int]] = defaultdict(list)
        arriving: defaultdict[int, list[int]] = defaultdict(list)
        for number, hop in self._hops_of.get(name, ()):
            if hop.giver == name and self._scale.shows(hop.put[0], hop.put[0]):
                leaving[self._scale.column(hop.put[0])].append(number)
            if hop.taker == name and self._scale.shows(hop.got[0], hop.got[0]):
                arriving[self._scale.column(hop.got[0])].append(number)
        to = self._signs.to
        marks = [(column, f"{to}{_ranges(numbers)}", len(numbers)) for column, numbers in arriving.items()]
        marks += [(column, f"{_ranges(numbers)}{to}", len(numbers)) for column, numbers in leaving.items()]
        rows: list[Cells] = []
        for column, text, count in sorted(marks):
            if not self._mark(rows, max(0, min(column, self._columns - len(text))), text):
                self._unmarked += count
        yield from rows

    def _mark(self, rows: list[Cells], column: int, text: str) -> bool:
        """Write a mark into the first row that has room for it and a space beside it; return whether there is one."""
        if len(text) > self._columns:
            return False
        for index in range(_MARK_ROWS):
            if index == len(rows):
                rows.append(Cells(self._columns))
            if rows[index].is_free(max(0, column - 1), len(text) + 2):
                rows[index].write(column, text, "cyan")
                return True
        return False

    # Queues and locks

    def _depth(self, channel: Channel) -> Cells:
        """Return how long a queue was, at its longest in each column."""
        cells = Cells(self._columns)
        levels = self._signs.depths
        top = max(channel.most, 1)
        highest: dict[int, int] = {}
        end = 0
        for begin, until, depth in channel.levels(self._scale.first, min(self._scale.last, self._history.last)):
            end = self._scale.column(until) + 1
            for at in range(self._scale.column(begin), end):
                highest[at] = max(highest.get(at, 0), depth)
        for at, depth in highest.items():
            cells.set(at, levels[-(-depth * (len(levels) - 1) // top)], "cyan")
        left = f" {channel.remaining:,} left "
        if channel.remaining and self._history.last <= self._scale.last and len(highest) > len(left):
            cells.write(end - len(left) - 1, left, "bold yellow")
        return cells

    def _holders(self, held: Slots) -> Iterator[Cells]:
        """Yield rows of who held a lock or a semaphore when: as many as held it at once."""
        for holdings in held.rows:
            cells = Cells(self._columns)
            for holding in holdings:
                start, stop = self._scale.column(holding.start), self._scale.column(holding.end) + 1
                name = self._paper.fit(holding.holder)
                cells.write(start, self._signs.held * (stop - start), "magenta")
                room = stop - start - 2
                if room >= min(width_of(name), 4):
                    cells.write(start, f"{self._cut(name, room)} ", "magenta")
            yield cells

    def _legend(self) -> list[tuple[str, str, str]]:
        """Return sign, style and meaning of what the lanes are drawn with."""
        signs = self._signs
        legend = [(signs.of(state), STYLES[state], text) for state, text in MEANINGS.items() if state in self._used]
        legend.append((signs.end, "dim", "end"))
        if self._open:
            legend.append((signs.open_end, "dim", "the log ends before the process"))
        if any(lane.failed for lane in self._history.lanes.values()):
            legend.append((signs.bad_end, "bold red", "an end that is not allowed"))
        if self._hops:
            legend.append((f"1{signs.to}", "cyan", "put"))
            legend.append((f"{signs.to}1", "cyan", "got"))
        if self._history.channels:
            legend.append(
                (signs.depths[0] + signs.depths[len(signs.depths) // 2] + signs.depths[-1], "cyan", "items in it")
            )
        if self._history.holdings:
            legend.append((signs.held, "magenta", "held by"))
        return legend


def end_of(lane: Lane) -> str:
    """Return how a process ended, and what it had found before, if that is what it left for."""
    words = ending(lane.end, lane.exception, started=lane.started is not None)
    return f"{words}: {lane.found_empty}.empty() said True" if lane.found_empty and not lane.failed else words


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in order as `1-3,5`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _stretches(columns: dict[int, tuple[State, str]]) -> Iterator[tuple[int, int, State, str]]:
    """Yield neighbouring columns that show the same as one: first, behind the last, state, what."""
    begin = before = -1
    for column in (*sorted(columns), None):
        if begin >= 0 and column is not None and column == before + 1 and columns[column] == columns[begin]:
            before = column
            continue
        if begin >= 0:
            yield begin, before + 1, *columns[begin]
        if column is not None:
            begin = before = column
