"""A run in tables: what each process, each queue, each pool and each lock came to."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from run_scenario.views.history import Channel, Event, History, Lane
from run_scenario.views.history_events import read
from run_scenario.views.layout import wrap
from run_scenario.views.sentences import why_stalled
from run_scenario.views.summary import Summary, ending, verdict
from run_scenario.views.tables import POOLS, Column, Row, render_rows, row
from run_scenario.views.takings import shares, who_took
from run_scenario.views.text import scrub, seconds

if TYPE_CHECKING:
    from rich.console import Console

_PROCESSES = (
    Column("process"),
    Column("pid", right=True),
    Column("start", right=True, spare=6),
    Column("end", right=True, spare=5),
    Column("how it ended"),
    Column("exit code", right=True, spare=3),
    Column("cpu", right=True, spare=7),
    Column("waited", right=True, spare=4),
    Column("most in", spare=8),
    Column("put", right=True, spare=2),
    Column("got", right=True, spare=1),
)
_CHANNELS = (
    Column("queue"),
    Column("put", right=True),
    Column("got", right=True),
    Column("left", right=True),
    Column("longest", right=True, spare=2),
    Column("mean wait", right=True, spare=3),
    Column("longest wait", right=True, spare=4),
    Column("put by", spare=5),
    Column("got by", spare=1),
)
_LOCKS = (
    Column("lock"),
    Column("held", right=True),
    Column("seconds held", right=True, spare=2),
    Column("held by", spare=1),
    Column("never released by"),
)
_NOTE = "longest: the most items that were in it at once; waits: seconds from an item's put to its get"


def render(events: Iterable[Event], width: int, *, colour: bool = False) -> str:
    """Return the tables as text, `width` columns wide at most."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    summary = Summary()
    history = read(_both(events, summary))
    return "\n".join(part for part in _parts(history, summary, console) if part)


def _both(events: Iterable[Event], summary: Summary) -> Iterable[Event]:
    for event in events:
        summary.add((event,))
        yield event


def _parts(history: History, summary: Summary, console: Console) -> Sequence[str]:
    lanes = [_process(lane) for lane in history.lanes.values()]
    channels = [_channel(channel) for channel in history.channels.values()]
    pools = [row(pool[:5], pool.clean) for pool in summary.pool_rows()]
    return (
        _text(scrub(history.title), console.width),
        render_rows(console, _PROCESSES, lanes),
        render_rows(console, _CHANNELS, channels) + (_text(_NOTE, console.width) if channels else ""),
        render_rows(console, POOLS, pools),
        render_rows(console, _LOCKS, _locks(history)),
        _text(outcome(history), console.width),
    )


def _text(text: str, width: int) -> str:
    return "".join(f"{line}\n" for line in wrap(text, width))


def outcome(history: History) -> str:
    """Return what came of the run, in one sentence; of a log without an end, that it has none."""
    stalled = why_stalled(history.stall.get("reason")) if history.stall is not None else ""
    if history.end is not None:
        return verdict(history.end, stalled)
    return scrub(
        f"the log ends after {seconds(history.last)}, before the run does" + (f": {stalled}" if stalled else "")
    )


def _process(lane: Lane) -> Row:
    code = (lane.end or {}).get("exitcode")
    cells = (
        scrub(lane.name),
        "" if lane.pid is None else str(lane.pid),
        "" if lane.born is None else f"{lane.born:.3f}",
        "" if lane.ended is None else f"{lane.ended:.3f}",
        scrub(ending(lane.end, lane.exception, started=lane.started is not None)),
        "" if code is None else str(code),
        "" if lane.cpu is None else f"{lane.cpu:.3f}",
        f"{lane.waited:.3f}",
        scrub(_longest_wait(lane)),
        f"{lane.put.total():,}" if lane.put else "",
        f"{lane.got.total():,}" if lane.got else "",
    )
    return row(cells, not lane.failed, "✗", "red")


def _longest_wait(lane: Lane) -> str:
    """Return the call in which the process waited longest, all times together."""
    totals: defaultdict[str, float] = defaultdict(float)
    for wait in lane.waits:
        if not wait.sleep:
            totals[wait.call] += wait.end - wait.start
    return max(totals, key=totals.__getitem__, default="")


def _channel(channel: Channel) -> Row:
    clean = not channel.remaining and not channel.missing
    missing = f" ({channel.missing:,} lost)" if channel.missing else ""
    cells = (
        scrub(channel.name),
        f"{channel.put:,}",
        f"{channel.got:,}",
        f"{channel.remaining:,}{missing}",
        f"{channel.most:,}",
        "" if channel.mean is None else f"{channel.mean:.6f}",
        "" if channel.mean is None else f"{channel.longest:.6f}",
        shares(channel.givers),
        who_took(channel.takers),
    )
    return row(cells, clean)


def _locks(history: History) -> list[Row]:
    rows = []
    for name, held in history.holdings_by_resource().items():
        holders = dict.fromkeys(holding.holder for holding in held)
        kept = dict.fromkeys(holding.holder for holding in held if not holding.released)
        total = sum(holding.end - holding.start for holding in held)
        cells = (
            scrub(name),
            f"{len(held):,}",
            f"{total:.3f}",
            scrub(", ".join(holders)),
            scrub(", ".join(kept)),
        )
        rows.append(row(cells, not kept))
    return rows
