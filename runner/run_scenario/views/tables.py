"""The end of the view: a table of the processes, one of the queues, the outcome in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.values import Value
from run_scenario.views.layout import wrap
from run_scenario.views.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console

_GAP, _NARROW_GAP = 3, 1
_LEAST_WIDTH = 12
"""Columns that a text is given before it is broken into lines."""
_ENOUGH = 24
"""Columns of a text for which no other column of the table is left out: in as many it can be read."""
_DEAR = 3
"""A column that is as little spare as this, or less, is kept where texts find `_LEAST_WIDTH`."""
_NARROWEST = 4
"""Columns of a text where there is hardly any room."""


class Column(Value):
    """What stands in a column."""

    header: str
    right: bool = False
    """Whether it holds numbers, which are never broken."""
    spare: int = 0
    """Whether it is left out where there is no room: 0 never, otherwise the highest first."""


class Row(Value):
    cells: tuple[str, ...]
    mark: str
    """What stands before a row that wants attention, for whom sees no colours."""
    style: str


_PROCESSES = (
    Column("process"),
    Column("pid", right=True),
    Column("how it ended"),
    Column("exit code", right=True, spare=1),
    Column("cpu", right=True, spare=4),
)
_QUEUES = (
    Column("queue"),
    Column("put", right=True),
    Column("got", right=True),
    Column("left", right=True),
    Column("got by", spare=1),
)

POOLS = (
    Column("pool"),
    Column("done", right=True),
    Column("failed", right=True),
    Column("lost", right=True),
    Column("done by", spare=1),
)


def render_summary(summary: Summary, console: Console) -> str:
    """Return the end of the view, as wide as the console at most."""
    from rich.text import Text

    style = "bold green" if summary.passed() else "bold red"
    with console.capture() as captured:
        console.print()
        if summary.ran():
            _print(console, _PROCESSES, [row(r[:5], r.allowed, "✗", "red") for r in summary.process_rows()])
            _print(console, _QUEUES, [row(r[:5], r.clean) for r in summary.queue_rows()])
            _print(console, POOLS, [row(r[:5], r.clean) for r in summary.pool_rows()])
        console.print(Text(summary.outcome(), style=style), soft_wrap=not console.is_terminal)
    text: str = captured.get()
    return "".join(line.rstrip(" ") + "\n" for line in text.splitlines())


def render_table(
    console: Console, headers: Sequence[str], rows: Sequence[tuple[Sequence[str], str]], *, left: int
) -> str:
    """Return a table as text: each row with a mark for what wants attention; the first `left` columns hold words."""
    columns = [
        Column(header, right=index >= left, spare=max(0, index - left - 1)) for index, header in enumerate(headers)
    ]
    return render_rows(console, columns, [row(cells, not mark, mark, "red") for cells, mark in rows])


def render_rows(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return a table as text; a column that nothing stands in is left out."""
    kept = [index for index in range(len(columns)) if any(each.cells[index] for each in rows)]
    with console.capture() as captured:
        shown = [each.replace(cells=tuple(each.cells[index] for index in kept)) for each in rows]
        _print(console, [columns[index] for index in kept], shown)
    text: str = captured.get()
    return "".join(line.rstrip(" ") + "\n" for line in text.splitlines() if line.strip())


def row(cells: Sequence[str], good: bool, mark: str = "!", style: str = "yellow") -> Row:
    """Return a row that has a mark and a style where something is not good."""
    return Row(tuple(cells), "" if good else mark, "" if good else style)


def _print(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    if not rows:
        return
    from rich.cells import cell_len
    from rich.table import Table

    marked = any(row.mark for row in rows)
    widths = [
        max(cell_len(text) for text in (column.header, *(row.cells[index] for row in rows)))
        for index, column in enumerate(columns)
    ]
    shown = _fitting(columns, widths, console.width - (1 + _NARROW_GAP if marked else 0))
    gap = _GAP if _width([widths[index] for index in shown], _GAP, marked) <= console.width else _NARROW_GAP
    least = [widths[index] if columns[index].right else min(widths[index], _LEAST_WIDTH) for index in shown]
    text_least = _LEAST_WIDTH if _width(least, gap, marked) <= console.width else _NARROWEST
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    if marked:
        table.add_column("", no_wrap=True)
    for index in shown:
        column = columns[index]
        table.add_column(
            column.header,
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
            min_width=widths[index] if column.right else min(widths[index], text_least),
        )
    for row in rows:
        cells = [row.cells[index] for index in shown]
        table.add_row(*([row.mark] if marked else []), *cells, style=row.style or None)
    console.print(table)
    left_out = [column.header for index, column in enumerate(columns) if index not in shown]
    if left_out:
        for line in wrap(f"no room for: {', '.join(left_out)}", console.width):
            console.print(line, style="dim")
    console.print()


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the numbers of the columns that fit side by side, in lines where they hold text."""
    shown = list(range(len(columns)))
    spare = sorted((index for index in shown if columns[index].spare), key=lambda index: -columns[index].spare)
    for index in spare:
        most = _LEAST_WIDTH if columns[index].spare <= _DEAR else _ENOUGH
        needed = [widths[each] if columns[each].right else min(widths[each], most) for each in shown]
        if _width(needed, _NARROW_GAP) <= room:
            continue
        shown.remove(index)
    return shown


def _width(widths: Sequence[int], gap: int, marked: bool = False) -> int:
    """Return how wide a table of such columns is, with a mark before each row or without."""
    return sum(widths) + gap * (len(widths) - 1) + (1 + gap if marked else 0)
