"""The lanes of a history, as the page draws them: when each process lived, what it did when, how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from run_scenario.views.history import RUNNER, History, Lane, Segment
from run_scenario.views.summary import ending

MICRO = 1_000_000
STATES = ("starting", "running", "computing", "competing", "sleeping", "waiting", "stuck", "ending")
"""The states by number, as in the page; `stuck` is a wait that was still going on when nothing moved any more."""


def lanes(history: History, place: Callable[[str], int]) -> list[dict[str, Any]]:
    """Return each process's lane; `place` gives the place of a text in the pool of values."""
    stuck = {each.process: each.doing for each in history.stuck}
    segments = history.segments()
    stalled = float(history.stall.get("t", history.last)) if history.stall else None
    return [
        _lane(lane, segments[lane.name], stalled, stuck.get(lane.name, ""), place)
        for lane in history.lanes.values()
        if lane.name != RUNNER and lane.born is not None
    ]


def _lane(
    lane: Lane, segments: list[Segment], stalled: float | None, stuck: str, place: Callable[[str], int]
) -> dict[str, Any]:
    spans = list(_spans(segments, stalled, stuck))
    return {
        "process": lane.name,
        "pid": lane.pid,
        "start": _micros(lane.born),
        "end": _micros(lane.ended),
        "ending": _ending(lane),
        "allowed": not lane.failed,
        "target": lane.target,
        "from": [_micros(start) for start, _, _ in spans],
        "to": _micros(spans[-1][2].end) if spans else None,
        "state": [STATES.index(state) for _, state, _ in spans],
        "what": [place(segment.what) if segment.what else -1 for _, _, segment in spans],
    }


def _spans(segments: list[Segment], stalled: float | None, stuck: str) -> Iterator[tuple[float, str, Segment]]:
    """Yield start, state and segment; segments follow each other without gaps."""
    for segment in segments:
        waits = segment.state in ("waiting", "ending")
        if stuck and stalled is not None and waits and segment.start < stalled <= segment.end:
            yield segment.start, "stuck", segment._replace(what=stuck)
        else:
            yield segment.start, segment.state, segment


def _ending(lane: Lane) -> str:
    words = ending(lane.end, lane.exception, started=lane.started is not None)
    code = (lane.end or {}).get("exitcode")
    if lane.found_empty and code == 0:
        return f"{words} as {lane.found_empty} looked empty"
    if code in (None, 0) or (lane.end or {}).get("signal"):
        return words
    return f"{words}, exit code {code}"


def _micros(t: float | None) -> int | None:
    if t is None:
        return None
    return round(t * MICRO) if math.isfinite(t) else 0
