"""The tables of a run: a row for each process, each queue, each pool and each lock.

Short ones stand at the end of the log on a terminal (`render_summary`); `show --as table` has all columns (`render`).
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from run_scenario.events.history.history import History, read
from run_scenario.events.history.lane import Lane
from run_scenario.events.history.resources import Channel, PoolWork
from run_scenario.report.sentences import Event
from run_scenario.report.summary import lane_exit, outcome, shares, who_took
from run_scenario.report.terminal.cells import wrap
from run_scenario.report.terminal.tables import Column, Row, print_rows, render_rows, row
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from rich.console import Console

_ENDS = (
    Column("process"),
    Column("pid", right=True),
    Column("how it ended"),
    Column("exit code", right=True, spare=1),
    Column("cpu", right=True, spare=4),
)
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


def render_summary(history: History, console: Console) -> str:
    """Return the end of the log, as wide as the console at most; of a refused scenario only its outcome."""
    from rich.text import Text

    style = "bold green" if history.passed else "bold red"
    with console.capture() as captured:
        console.print()
        if history.end is None or history.end.outcome != "refused":
            print_rows(console, _ENDS, ends(history))
            print_rows(console, _BALANCES, balances(history))
            print_rows(console, _POOLS, pools(history))
        console.print(Text(outcome(history), style=style), soft_wrap=not console.is_terminal)
    text: str = captured.get()
    return "".join(line.rstrip(" ") + "\n" for line in text.splitlines())


def ends(history: History) -> list[Row]:
    """Return how each process ended, in the order in which they came up."""
    return [_end(lane) for lane in history.processes.values()]


def balances(history: History) -> list[Row]:
    """Return what went through each queue, in the order in which they were used."""
    return [_balance(queue) for queue in history.queues.values()]


def pools(history: History) -> list[Row]:
    """Return what each pool has done, in the order in which they were used."""
    return [_pool(name, work) for name, work in history.pools.items()]


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
    return (
        _text(sanitize(history.title), console.width),
        render_rows(console, _PROCESSES, lanes),
        render_rows(console, _CHANNELS, channels) + (_text(_NOTE, console.width) if channels else ""),
        render_rows(console, _POOLS, pools(history)),
        render_rows(console, _LOCKS, _locks(history)),
        _text(outcome(history), console.width),
    )


def _text(text: str, width: int) -> str:
    return "".join(f"{line}\n" for line in wrap(text, width))


def _end(lane: Lane) -> Row:
    cells = (
        sanitize(lane.name),
        "" if lane.pid is None else str(lane.pid),
        sanitize(lane_exit(lane)),
        _exit_code(lane),
        "" if lane.cpu is None else f"{lane.cpu:.2f} s",
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
    )
    return row(cells, not lane.failed, "✗", "red")


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
