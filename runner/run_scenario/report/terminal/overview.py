"""The tables of a run: a row for each process, each queue, each pool and each lock.

Short ones stand at the end of the log on a terminal (`render_summary`); `show --as table` has all columns (`render`).
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from run_scenario.events.history.history import History, read
from run_scenario.events.history.lane import Lane
from run_scenario.events.history.resources import Channel, Content, PoolWork
from run_scenario.report.sentences import Event
from run_scenario.report.summary import IN_THE_LOG, introduction, lane_exit, outcome, shares, who_took
from run_scenario.report.terminal.cells import paragraph, wrap
from run_scenario.report.terminal.tables import (
    Column,
    Row,
    filled,
    is_named,
    keep_watched,
    print_rows,
    render_rows,
    row,
)
from run_scenario.report.text import sanitize, value

if TYPE_CHECKING:
    from rich.console import Console

_ENDS = (
    Column("process"),
    Column("pid", right=True),
    Column("how it ended"),
    Column("exit code", right=True, spare=1),
    Column("cpu", right=True, spare=4),
)
_START_UP = "start-up"
_USAGE = (
    Column("memory", right=True, spare=9),
    Column("switches", right=True, spare=10),
    Column("forced", right=True, spare=11),
    Column(_START_UP, right=True, spare=12),
)
"""Further ones of a process, where there is room; how long its start took, only where the scenario is about it."""
_ROOMY = 80
"""Columns of a console that has."""
_BALANCES = (
    Column("queue"),
    Column("put", right=True),
    Column("got", right=True),
    Column("left", right=True),
    Column("got by", spare=1),
)
_POOLS = (
    Column("pool"),
    Column("done", right=True),
    Column("failed", right=True),
    Column("lost", right=True),
    Column("done by", spare=1),
)
_CONTENTS = (
    Column("value"),
    Column("first", spare=2),
    Column("last"),
    Column("written", right=True, spare=1),
    Column("overwritten", right=True),
)
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
    *_USAGE,
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


def render_summary(history: History, console: Console) -> str:
    """Return the end of the log, as wide as the console at most; of a refused scenario only its outcome."""
    from rich.text import Text

    style = "bold green" if history.passed else "bold red"
    with console.capture() as captured:
        console.print()
        if history.end is None or history.end.outcome != "refused":
            dropped = () if console.width >= _ROOMY else _USAGE
            print_rows(console, *filled(*_without(dropped, (*_ENDS, *_USAGE), ends(history), history)))
            print_rows(console, _BALANCES, balances(history))
            print_rows(console, _POOLS, pools(history))
            print_rows(console, _CONTENTS, contents(history))
        console.print(Text(outcome(history), style=style), soft_wrap=not console.is_terminal)
        if watch_for := introduction(history.started)[1]:
            console.print()
            for line in paragraph(watch_for, console.width):
                console.print(Text(line))
    text: str = captured.get()
    return "".join(line.rstrip(" ") + "\n" for line in text.splitlines())


def _without(
    dropped: Sequence[Column], columns: Sequence[Column], rows: Sequence[Row], history: History
) -> tuple[list[Column], list[Row]]:
    """Return a table of processes without these columns, but with what the scenario says is to be watched for."""
    text = introduction(history.started)[1]
    headers = {_START_UP, *(each.header for each in dropped)}
    at = [index for index, each in enumerate(columns) if each.header not in headers or is_named(each.header, text)]
    return (
        keep_watched([columns[index] for index in at], text),
        [each.replace(cells=tuple(each.cells[index] for index in at)) for each in rows],
    )


def ends(history: History) -> list[Row]:
    """Return how each process ended, in the order in which they came up."""
    return [_end(lane) for lane in history.processes.values()]


def balances(history: History) -> list[Row]:
    """Return what went through each queue, in the order in which they were used."""
    return [_balance(queue) for queue in history.queues.values()]


def pools(history: History) -> list[Row]:
    """Return what each pool has done, in the order in which they were used."""
    return [_pool(name, work) for name, work in history.pools.items()]


def contents(history: History) -> list[Row]:
    """Return what each shared value and array held, in the order in which they were used."""
    return [_content(name, content) for name, content in history.contents.items()]


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
    history = read(events)
    return "\n".join(part for part in _parts(history, console) if part)


def _parts(history: History, console: Console) -> Sequence[str]:
    lanes = [_process(lane) for lane in history.lanes.values()]
    channels = [_channel(channel) for channel in history.channels.values()]
    shows, watch_for = introduction(history.started, IN_THE_LOG)
    return (
        _text(sanitize(history.title), console.width),
        _lines(paragraph(shows, console.width)),
        render_rows(console, *_without((), _PROCESSES, lanes, history)),
        render_rows(console, _CHANNELS, channels) + (_text(_NOTE, console.width) if channels else ""),
        render_rows(console, _POOLS, pools(history)),
        render_rows(console, _CONTENTS, contents(history)),
        render_rows(console, _LOCKS, _locks(history)),
        _text(outcome(history), console.width),
        _lines(paragraph(watch_for, console.width)),
    )


def _text(text: str, width: int) -> str:
    return _lines(wrap(text, width))


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _end(lane: Lane) -> Row:
    cells = (
        sanitize(lane.name),
        "" if lane.pid is None else str(lane.pid),
        sanitize(lane_exit(lane)),
        _exit_code(lane),
        "" if lane.cpu is None else f"{lane.cpu:.2f} s",
        *_used(lane),
    )
    return row(cells, not lane.failed, "✗", "red")


def _exit_code(lane: Lane) -> str:
    return "" if lane.end is None or lane.end.exitcode is None else str(lane.end.exitcode)


def _balance(queue: Channel[Any]) -> Row:
    takers = {name: each for name, each in queue.consumers.items() if each.count or each.pills}
    cells = (sanitize(queue.name), f"{queue.put:,}", f"{queue.got:,}", _left(queue), who_took(takers))
    return row(cells, not queue.remaining and not queue.missing)


def _left(channel: Channel[Any]) -> str:
    return f"{channel.remaining:,}" + (f" ({channel.missing:,} lost)" if channel.missing else "")


def _pool(name: str, work: PoolWork) -> Row:
    cells = (sanitize(name), f"{work.tasks:,}", str(work.failed or ""), str(work.lost or ""), shares(work.done_by))
    return row(cells, not work.lost)


def _content(name: str, content: Content) -> Row:
    first, last = ("" if each is UNSET else value(each) for each in (content.first, content.last))
    cells = (sanitize(name), first, last, f"{content.written:,}", f"{content.overwritten:,}")
    return row(cells, not content.overwritten)


def _process(lane: Lane) -> Row:
    cells = (
        sanitize(lane.name),
        "" if lane.pid is None else str(lane.pid),
        "" if lane.born is None else f"{lane.born:.3f}",
        "" if lane.ended is None else f"{lane.ended:.3f}",
        sanitize(lane_exit(lane)),
        _exit_code(lane),
        "" if lane.cpu is None else f"{lane.cpu:.3f}",
        f"{lane.waited:.3f}",
        sanitize(_longest_wait(lane)),
        f"{lane.put.total():,}" if lane.put else "",
        f"{lane.got.total():,}" if lane.got else "",
        *_used(lane),
    )
    return row(cells, not lane.failed, "✗", "red")


def _used(lane: Lane) -> tuple[str, str, str, str]:
    """Return the most memory that a process had, its context switches, asked for and forced, and its start-up."""
    starting, started = lane.starting, lane.started
    start_up = "" if starting is None or started is None else f"{(started - starting) * 1000:.2f} ms"
    if lane.end is None:
        return "", "", "", start_up
    memory, *switches = lane.end.max_rss, lane.end.voluntary_switches, lane.end.involuntary_switches
    asked_for, forced = ("" if count is None else f"{count:,}" for count in switches)
    return "" if memory is None else f"{memory / (1 << 20):,.0f} MB", asked_for, forced, start_up


def _longest_wait(lane: Lane) -> str:
    """Return the call in which the process waited longest, all times together."""
    totals: defaultdict[str, float] = defaultdict(float)
    for wait in lane.waits:
        if not wait.sleep:
            totals[wait.call] += wait.end - wait.start
    return max(totals, key=totals.__getitem__, default="")


def _channel(channel: Channel[Any]) -> Row:
    cells = (
        sanitize(channel.name),
        f"{channel.put:,}",
        f"{channel.got:,}",
        _left(channel),
        f"{channel.most:,}",
        "" if channel.mean is None else f"{channel.mean:.6f}",
        "" if channel.mean is None else f"{channel.longest:.6f}",
        shares(channel.producers),
        who_took(channel.consumers),
    )
    return row(cells, not channel.remaining and not channel.missing)


def _locks(history: History) -> list[Row]:
    rows = []
    for name, holds in history.lock_holds_by_resource().items():
        holders = dict.fromkeys(hold.holder for hold in holds)
        unreleased = dict.fromkeys(hold.holder for hold in holds if not hold.released)
        total = sum(hold.end - hold.start for hold in holds)
        cells = (
            sanitize(name),
            f"{len(holds):,}",
            f"{total:.3f}",
            sanitize(", ".join(holders)),
            sanitize(", ".join(unreleased)),
        )
        rows.append(row(cells, not unreleased))
    return rows
