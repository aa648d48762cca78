"""A run as a drawing in text: a lane for each process, in true proportion to time.

    History ─▶ axis, lanes with what each did, marks of what was put and got, lengths of queues, holders of locks
            ─▶ what the signs mean, who put what for whom, how it ended and why

A column shows what took most of its time. Nothing is shown by colour alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from run_scenario.counting import plural
from run_scenario.events.history.history import History
from run_scenario.events.history.lane import Lane, Segment, State
from run_scenario.events.history.resources import Channel
from run_scenario.report.summary import IN_THE_LOG, introduction, just_returned, lane_exit_and_why, outcome
from run_scenario.report.terminal.cells import Cells, Painter, ascii_of, pad, paragraph, width_of, wrap
from run_scenario.report.text import sanitize, truncate
from run_scenario.report.timeline.layout import (
    MEANINGS,
    HoldRows,
    MessageFlow,
    hold_rows,
    left_over,
    message_flows,
    scale_for,
    stuck_at_the_end,
)
from run_scenario.values import Value

_NAME_WIDTH = (8, 20)
"""Fewest and most columns for the names."""
_LEAST_CHART = 10
_TICK_DISTANCE = 10
"""Columns between two ticks at least."""
_MARK_ROWS = 3
_LISTED = 12
"""Flows of messages that have a sentence."""
_INDENT = "  "


class Signs(Value):
    """What a lane is drawn with."""

    starting: str
    running: str
    computing: str
    competing: str
    sleeping: str
    waiting: str
    ending: str
    end: str
    bad_end: str
    open_end: str
    tick: str
    line: str
    held: str
    to: str
    depths: str
    """From an empty queue to the longest."""

    def of(self, state: State) -> str:
        """Return the sign of what a process does."""
        sign: str = getattr(self, state)
        return sign


_UNICODE = Signs("·", "━", "█", "▚", "z", "░", "╌", "┤", "✗", "▷", "┬", "─", "▒", "▸", "_▁▂▃▄▅▆▇█")
_ASCII = Signs(".", "-", "#", "%", "z", "~", ",", "|", "X", ">", "+", "-", "=", ">", "_123456789")

_STYLES: dict[State, str] = {
    "starting": "dim",
    "running": "green",
    "computing": "bold green",
    "competing": "cyan",
    "sleeping": "blue",
    "waiting": "yellow",
    "ending": "dim",
}


class _Paper(Value):
    """What is written on: how wide it is, whether it takes colours, and whether more than ASCII."""

    width: int
    paint: Painter
    unicode: bool

    def shown(self, text: str) -> str:
        """Return a text as it can be shown."""
        text = sanitize(text)
        return text if self.unicode else ascii_of(text)

    def truncated(self, text: str, width: int) -> str:
        """Return a text as it can be shown in so many columns."""
        return truncate(self.shown(text), width, ellipsis=self.ellipsis, measure=width_of)

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."

    def lines(self, text: str, indent: int = 0) -> list[str]:
        """Return a text in lines that fit beside an indentation."""
        return wrap(self.shown(text), self.width - indent)


def render(
    history: History,
    width: int,
    *,
    colour: bool = False,
    unicode: bool = True,
    first: float | None = None,
    last: float | None = None,
    introduced: bool = True,
) -> str:
    """Return the timeline as text, `width` columns wide at most, of the whole run or of a part of it.

    `introduced`: with what the scenario says of itself.
    """
    title, *lines = _Timeline(history, width, colour, unicode, first, last).lines()
    shows, watch_for = introduction(history.started, IN_THE_LOG) if introduced else ("", "")
    dim = Painter(colour=colour)
    before = [*(dim("dim", line) for line in paragraph(shows, width, unicode=unicode)), ""] if shows else []
    after = ["", *paragraph(watch_for, width, unicode=unicode)] if watch_for else []
    return "".join(f"{line}\n" for line in (title, "", *before, *lines, *after))


class _Timeline:
    def __init__(
        self, history: History, width: int, colour: bool, unicode: bool, first: float | None, last: float | None
    ) -> None:
        self._history = history
        self._paint = Painter(colour=colour)
        self._paper = _Paper(width, self._paint, unicode)
        self._signs = _UNICODE if unicode else _ASCII
        names = [*history.lanes, *history.channels, *{hold.resource for hold in history.lock_holds}]
        longest = max((width_of(self._paper.shown(name)) for name in names), default=0)
        self._name_width = min(max(longest, _NAME_WIDTH[0]), _NAME_WIDTH[1], max(_NAME_WIDTH[0], width // 4))
        columns = max(width - self._name_width - 1, _LEAST_CHART)
        self._scale = scale_for(history.last, columns, first, last)
        self._columns = columns
        self._flows = message_flows(history.messages, self._scale)
        self._flows_of: defaultdict[str, list[tuple[int, MessageFlow]]] = defaultdict(list)
        """Process -> the flows from it and to it, with their numbers."""
        for number, flow in enumerate(self._flows, 1):
            for name in {flow.producer, flow.consumer}:
                self._flows_of[name].append((number, flow))
        self._used: set[str] = set()
        self._ends: list[tuple[str, str]] = []
        """Names and ends that did not fit beside their lanes."""
        self._open = False
        """Whether there is a lane whose end is not in the log."""
        self._undrawn: list[str] = []
        """What is not drawn, in sentences."""
        self._unmarked = 0
        """Ends of flows that did not fit below the lanes of who put and got."""

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        yield self._paint("bold", self._paper.truncated(self._history.title, self._paper.width))
        yield from self._axis()
        segments = self._history.segments()
        for name, lane in self._history.lanes.items():
            yield self._row(name, self._lane(lane, segments[name]))
            yield from (self._row("", cells) for cells in self._marks(name))
        for channel in self._history.channels.values():
            yield self._row(channel.name, self._depth(channel), "cyan")
        for resource, holds in self._history.lock_holds_by_resource().items():
            held = hold_rows(holds, self._scale)
            for index, cells in enumerate(self._holders(held)):
                yield self._row("" if index else resource, cells, "magenta")
            self._undrawn += held.note(resource)
        yield ""
        yield from _legend_lines(self._legend(), self._paper.width, self._paint)
        if self._unmarked:
            self._undrawn.append(
                f"{plural(self._unmarked, 'mark')} of messages {'does' if self._unmarked == 1 else 'do'} not fit: "
                "--from and --to show a part of the time"
            )
        yield from self._notes()

    def _row(self, name: str, cells: Cells, style: str = "") -> str:
        head = pad(self._paper.shown(name), self._name_width, ellipsis=self._paper.ellipsis)
        return f"{self._paint(style, head)} {cells.painted(self._paint)}".rstrip(" ")

    def _axis(self) -> Iterator[str]:
        labels, line = Cells(self._columns), Cells(self._columns)
        line.write(0, self._signs.line * self._columns, "dim")
        for t, text in self._scale.ticks(self._columns // _TICK_DISTANCE):
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
            if lane.failed or lane.born is None:
                self._ends.append((lane.name, lane_exit_and_why(lane)))
            return cells
        columns = self._majorities(shown)
        for start, stop, state, what in _stretches(columns):
            sign = self._signs.of(state)
            cells.write(start, sign * (stop - start), _STYLES[state])
            self._used.add(state)
            width = stop - start - 4
            if what and width >= min(width_of(self._paper.shown(what)), 6):
                cells.write(start + 1, f" {self._paper.truncated(what, width)} ", _STYLES[state])
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
        """Draw the end of a lane, and beside it, if that fits, how it ended."""
        if (self._history.last if lane.ended is None else lane.ended) > self._scale.last:
            return
        if lane.ended is None:
            cells.set(column, self._signs.open_end, "dim")
            self._open = True
            return
        style = "bold red" if lane.failed else "dim"
        cells.set(column, self._signs.bad_end if lane.failed else self._signs.end, style)
        text = self._paper.shown(lane_exit_and_why(lane))
        if width_of(text) <= len(cells) - column - 2:
            cells.write(column + 2, text, style)
        elif not just_returned(lane):
            self._ends.append((lane.name, text))

    def _marks(self, name: str) -> Iterator[Cells]:
        """Yield the rows below a lane: the numbers of the flows where they leave, and where they arrive."""
        leaving: defaultdict[int, list[int]] = defaultdict(list)
        arriving: defaultdict[int, list[int]] = defaultdict(list)
        for number, flow in self._flows_of.get(name, ()):
            if flow.producer == name and self._scale.shows(flow.put[0], flow.put[0]):
                leaving[self._scale.column(flow.put[0])].append(number)
            if flow.consumer == name and self._scale.shows(flow.got[0], flow.got[0]):
                arriving[self._scale.column(flow.got[0])].append(number)
        to = self._signs.to
        marks = [(column, f"{to}{_ranges(numbers)}", len(numbers)) for column, numbers in arriving.items()]
        marks += [(column, f"{_ranges(numbers)}{to}", len(numbers)) for column, numbers in leaving.items()]
        rows: list[Cells] = []
        for column, text, count in sorted(marks):
            if not self._mark(rows, max(0, min(column, self._columns - len(text))), text):
                self._unmarked += count
        yield from rows

    def _mark(self, rows: list[Cells], column: int, text: str) -> bool:
        """Write a mark into the first row where it fits, with a space beside it; return whether there is one."""
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

    def _depth(self, channel: Channel[Any]) -> Cells:
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

    def _holders(self, held: HoldRows) -> Iterator[Cells]:
        """Yield rows of who held a lock or a semaphore when: as many as held it at once."""
        for holds in held.rows:
            cells = Cells(self._columns)
            for hold in holds:
                start, stop = self._scale.column(hold.start), self._scale.column(hold.end) + 1
                name = self._paper.shown(hold.holder)
                cells.write(start, self._signs.held * (stop - start), "magenta")
                width = stop - start - 2
                if width >= min(width_of(name), 4):
                    cells.write(start, f"{self._paper.truncated(name, width)} ", "magenta")
            yield cells

    def _legend(self) -> list[tuple[str, str, str]]:
        """Return sign, style and meaning of what the lanes are drawn with."""
        signs = self._signs
        legend = [(signs.of(state), _STYLES[state], text) for state, text in MEANINGS.items() if state in self._used]
        legend.append((signs.end, "dim", "end"))
        if self._open:
            legend.append((signs.open_end, "dim", "the log ends before the process"))
        if any(lane.failed for lane in self._history.lanes.values()):
            legend.append((signs.bad_end, "bold red", "an end that is not allowed"))
        if self._flows:
            legend.append((f"1{signs.to}", "cyan", "put"))
            legend.append((f"{signs.to}1", "cyan", "got"))
        if self._history.channels:
            legend.append(
                (signs.depths[0] + signs.depths[len(signs.depths) // 2] + signs.depths[-1], "cyan", "items in it")
            )
        if self._history.lock_holds:
            legend.append((signs.held, "magenta", "held by"))
        return legend

    def _notes(self) -> Iterator[str]:
        """Yield what stands below the legend: who put what for whom, what was left, how it ended and why."""
        history, paper = self._history, self._paper
        for text in self._undrawn:
            yield from paper.lines(text)
        if self._flows:
            yield ""
            yield from self._flow_lines()
        if self._ends:
            yield ""
            together: dict[str, list[str]] = {}
            for name, end in self._ends:
                together.setdefault(end, []).append(name)
            for end, names in together.items():
                yield from paper.lines(f"{', '.join(names)}: {end}")
        left = left_over(history)
        if left:
            yield ""
            yield from (self._paint("yellow", line) for text in left for line in paper.lines(text))
        if history.stuck:
            yield ""
            yield from paper.lines("when nothing moved any more:")
            for text in stuck_at_the_end(history):
                for line in paper.lines(f"{_INDENT}{text}"):
                    yield self._paint("yellow", line)
        yield ""
        style = "bold green" if history.passed else "bold red"
        yield from (self._paint(style, line) for line in paper.lines(outcome(history)))

    def _flow_lines(self) -> Iterator[str]:
        for number, flow in enumerate(self._flows[:_LISTED], 1):
            first, *more = self._paper.lines(flow.sentence(), 4)
            yield f"{number:>2}  {first}"
            yield from (f"    {line}" for line in more)
        if len(self._flows) > _LISTED:
            yield f"    and {len(self._flows) - _LISTED:,} more"


def _legend_lines(legend: Sequence[tuple[str, str, str]], width: int, paint: Painter) -> Iterator[str]:
    """Yield the signs and their meanings, as many on a line as fit."""
    line, taken = "", 0
    for sign, style, meaning in legend:
        meaning = truncate(meaning, width - len(sign) - 1)
        needed = len(sign) + 1 + len(meaning)
        if taken and taken + 3 + needed > width:
            yield line
            line, taken = "", 0
        gap = "   " if taken else ""
        line += f"{gap}{paint(style, sign)} {meaning}"
        taken += len(gap) + needed
    if line:
        yield line


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
