"""The timeline as an SVG picture, for a book or a bug report: lanes, arrows from put to get, queues, locks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from run_scenario.counting import plural
from run_scenario.events.history.history import History
from run_scenario.events.history.lane import Lane, Segment, State
from run_scenario.events.history.resources import Channel, LockHold
from run_scenario.report.summary import lane_exit_and_why, outcome
from run_scenario.report.svg_elements import Svg, text_width, truncate_to
from run_scenario.report.terminal.cells import wrap
from run_scenario.report.text import sanitize
from run_scenario.report.timeline.layout import (
    MEANINGS,
    hold_rows,
    left_over,
    message_flows,
    scale_for,
    stuck_at_the_end,
)

_WIDTH, _MARGIN = 960, 16
_NAMES = (70, 190)
_LANE, _BAR = 44, 18
_DEPTH = 34
_MOST_ARROWS = 400
_LINE = 17
_NARROWEST = 0.5
"""Pixels below which nothing is drawn for itself."""
_COLOURS: dict[State, str] = {
    "starting": "#d9d9d9",
    "running": "#7fbf7b",
    "computing": "#2c7a3f",
    "competing": "#b5cf6b",
    "sleeping": "#c6dbef",
    "waiting": "#f4a63a",
    "ending": "#bdbdbd",
}
_BAD, _QUEUE, _LOCK = "#b3261e", "#3b76af", "#8e63b0"


def render(history: History, first: float | None = None, last: float | None = None) -> str:
    """Return the picture of the whole run, or of a part of it."""
    return _Picture(history, first, last).drawn()


class _Picture:
    def __init__(self, history: History, first: float | None, last: float | None) -> None:
        self._history = history
        self._svg = Svg(f"{history.title}: {outcome(history)}")
        held = {hold.resource for hold in history.lock_holds}
        longest = max((text_width(name, 13) for name in (*history.lanes, *history.channels, *held)), default=0)
        self._left = _MARGIN + min(max(longest + 12, _NAMES[0]), _NAMES[1])
        self._scale = scale_for(history.last, _WIDTH - _MARGIN - self._left, first, last)
        self._y = float(_MARGIN)
        self._rows: dict[str, float] = {}
        """Where the bar of each lane begins, from above."""
        self._left_out: list[str] = []
        """What is not drawn, in sentences."""

    def drawn(self) -> str:
        svg = self._svg
        svg.text(
            _MARGIN, self._y + 14, truncate_to(self._history.title, _WIDTH - 2 * _MARGIN, 17), 17, font_weight="bold"
        )
        self._y += 34
        top = self._y
        self._y += 20
        segments = self._history.segments()
        for name, lane in self._history.lanes.items():
            self._lane(lane, segments[name])
        self._arrows()
        for channel in self._history.channels.values():
            self._depth(channel)
        for resource, holds in self._history.lock_holds_by_resource().items():
            self._holders(resource, holds)
        self._axis(top, self._y)
        self._y += 10
        shows = self._scale.shows
        self._legend({each.state for lane in segments.values() for each in lane if shows(each.start, each.end)})
        self._words()
        return svg.rendered(_WIDTH, self._y + _MARGIN)

    def _x(self, t: float) -> float:
        return self._left + self._scale.place(t)

    def _beyond(self, t: float) -> float:
        """Return where `t` is, also if that is not to be seen, but never so far away that it could not be drawn."""
        width = self._scale.width
        return self._left + min(max(self._scale.unbounded(t), -9 * width), 10 * width)

    def _name(self, name: str, y: float, colour: str = "#222222") -> None:
        self._svg.text(_MARGIN, y, truncate_to(name, self._left - _MARGIN - 8, 13), 13, colour)

    def _axis(self, top: float, bottom: float) -> None:
        for t, text in self._scale.ticks(10):
            x = self._x(t)
            self._svg.add("line", x1=x, y1=top + 6, x2=x, y2=bottom, stroke="#999999", stroke_opacity="0.35")
            self._svg.text(x, top, text, 11, "#666666", text_anchor="middle" if x < _WIDTH - 40 else "end")
        self._svg.text(_MARGIN, top, "seconds", 11, "#666666")

    def _lane(self, lane: Lane, segments: Sequence[Segment]) -> None:
        top = self._y
        self._rows[lane.name] = top
        self._y += _LANE
        self._name(lane.name, top + 13)
        for start, end, state, what in self._visible(segments):
            x, width = self._x(start), self._x(end) - self._x(start)
            tooltip = f"{lane.name}: {what or MEANINGS[state]}, {start:.6f} to {end:.6f} s"
            shape = {"x": x, "y": top, "width": max(width, 0.4), "height": _BAR, "fill": _COLOURS[state]}
            edge = {"stroke": "#ffffff", "stroke_width": 0.6} if width > 3 else {"shape_rendering": "crispEdges"}
            self._svg.add("rect", tooltip, **shape, **edge)
            text = truncate_to(what, width - 8, 11) if what else ""
            if text:
                self._svg.text(x + 4, top + 13, text, 11)
        if lane.ended is not None and segments and self._scale.shows(lane.ended, lane.ended):
            self._end(lane, top)

    def _visible(self, segments: Sequence[Segment]) -> Iterator[Segment]:
        """Yield what is shown; segments too narrow to be seen are joined, as what took most of their time."""
        shares: dict[tuple[State, str], float] = {}
        begin = None
        for start, end, state, what in segments:
            if not self._scale.shows(start, end):
                continue
            if begin is None and self._x(end) - self._x(start) >= _NARROWEST:
                yield Segment(start, end, state, what)
                continue
            begin = start if begin is None else begin
            shares[state, what] = shares.get((state, what), 0.0) + end - start
            if self._x(end) - self._x(begin) >= _NARROWEST:
                yield Segment(begin, end, *max(shares, key=shares.__getitem__))
                begin, shares = None, {}
        if begin is not None:
            yield Segment(begin, segments[-1].end, *max(shares, key=shares.__getitem__))

    def _end(self, lane: Lane, top: float) -> None:
        x, colour = self._x(lane.ended or 0.0), _BAD if lane.failed else "#444444"
        self._svg.add("line", x1=x, y1=top - 3, x2=x, y2=top + _BAR + 3, stroke=colour, stroke_width=2)
        text = lane_exit_and_why(lane)
        wide = text_width(text, 11)
        if x + 6 + wide < _WIDTH:
            self._svg.text(x + 6, top + 13, text, 11, colour)
        else:
            self._svg.text(x - 4, top + _BAR + 13, truncate_to(text, x - self._left, 11), 11, colour, text_anchor="end")

    def _arrows(self) -> None:
        """Draw an arrow for each flow of messages; of very many, only the first. At its edges the picture cuts them."""
        clip = self._svg.clip("chart", self._left, 0, self._scale.width, self._y)
        found = message_flows(self._history.messages, self._scale)
        if len(found) > _MOST_ARROWS:
            self._left_out.append(f"the first {_MOST_ARROWS:,} of {len(found):,} arrows are drawn")
        for flow in found[:_MOST_ARROWS]:
            if flow.producer not in self._rows or flow.consumer not in self._rows:
                continue
            down = self._rows[flow.consumer] >= self._rows[flow.producer]
            x1, x2 = self._beyond(flow.put[0]), self._beyond(flow.got[0])
            y1 = self._rows[flow.producer] + (_BAR if down else 0)
            y2 = self._rows[flow.consumer] + (0 if down and flow.consumer != flow.producer else _BAR)
            middle = (y1 + y2) / 2
            path = f"M{x1:.1f} {y1:.1f} C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
            style = {"fill": "none", "stroke": "#555555", "stroke_width": 1.1, "marker_end": "url(#arrow)"}
            self._svg.add("path", flow.sentence(), d=path, clip_path=clip, **style)

    def _depth(self, channel: Channel[Any]) -> None:
        top, height = self._y, _DEPTH - 12
        self._y += _DEPTH
        self._name(channel.name, top + height - 4, _QUEUE)
        last = min(self._history.last, self._scale.last)
        points = _steps([(self._x(t), depth) for t, _, depth in channel.levels(self._scale.first, last)])
        if not points:
            return
        points.append((self._x(last), points[-1][1]))
        scale = height / max(channel.most, 1)
        line = " ".join(f"{x:.1f},{top + height - depth * scale:.1f}" for x, depth in points)
        base = f"{points[0][0]:.1f},{top + height:.1f} {line} {points[-1][0]:.1f},{top + height:.1f}"
        tooltip = f"{channel.name}: at most {plural(channel.most, 'item')}"
        self._svg.add("polygon", tooltip, points=base, fill=_QUEUE, fill_opacity="0.35", stroke=_QUEUE)
        if channel.remaining and self._history.last <= self._scale.last:
            x = _WIDTH - _MARGIN - 6
            self._svg.text(x, top + height - 6, f"{channel.remaining:,} left", 12, _BAD, text_anchor="end")

    def _holders(self, resource: str, holds: Sequence[LockHold]) -> None:
        self._name(resource, self._y + 13, _LOCK)
        held = hold_rows(holds, self._scale)
        for row in held.rows:
            for hold in row:
                self._hold(hold, self._y)
            self._y += _BAR + 4
        self._y += _DEPTH - _BAR - 10
        self._left_out += held.note(resource)

    def _hold(self, hold: LockHold, top: float) -> None:
        x, width = self._x(hold.start), self._x(hold.end) - self._x(hold.start)
        tooltip = f"{hold.holder} held {hold.resource}, {hold.start:.6f} to {hold.end:.6f} s"
        shape = {"x": x, "y": top, "width": max(width, 0.6), "height": _BAR, "fill": _LOCK, "fill_opacity": "0.4"}
        edge = {"stroke": "#ffffff", "stroke_width": 0.6} if width > 3 else {}
        self._svg.add("rect", tooltip, **shape, **edge)
        text = truncate_to(f"held by {hold.holder}", width - 8, 11)
        if text:
            self._svg.text(x + 4, top + 13, text, 11)

    def _legend(self, used: set[State]) -> None:
        x = float(_MARGIN)
        for state, meaning in MEANINGS.items():
            if state in used:
                self._svg.add("rect", x=x, y=self._y, width=12, height=12, fill=_COLOURS[state])
                self._svg.text(x + 17, self._y + 10, meaning, 11, "#444444")
                x += text_width(meaning, 11) + 34
        self._y += 28

    def _words(self) -> None:
        """Write what was left, who waited for what, and what came of the run."""
        lines = [(text, "#222222") for text in (*self._left_out, *left_over(self._history))]
        if self._history.stuck:
            lines.append(("when nothing moved any more:", "#222222"))
            lines += [(text, "#222222") for text in stuck_at_the_end(self._history)]
        lines.append((outcome(self._history), "#2c7a3f" if self._history.passed else _BAD))
        for text, colour in lines:
            for part in wrap(sanitize(text), int((_WIDTH - 2 * _MARGIN) / (12 * 0.52))):
                self._y += _LINE
                self._svg.text(_MARGIN, self._y, part, 12, colour)


def _steps(depths: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the points of a curve of steps; where many steps are within what can be seen, it spans all of them."""
    buckets: list[list[float]] = []
    before = 0
    for x, depth in depths:
        if buckets and x - buckets[-1][0] < _NARROWEST:
            last = buckets[-1]
            last[2:] = [min(last[2], depth), max(last[3], depth), depth]
        else:
            buckets.append([x, before, min(before, depth), max(before, depth), depth])
        before = depth
    return [(x, int(each)) for x, *all_ in buckets for each in all_]
