"""The end of the view: a table of the processes, one of the queues, the outcome in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.values import Value
from run_scenario.views.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console

_GAP, _NARROW_GAP = 3, 1
_LEAST_WIDTH = 12
"""Columns that a text is given before it is broken into lines."""


class Column(Value):
    """`right` holds a number, which is never broken; what is `spare` is left out where it finds no room."""

    header: str
    right: bool = False
    spare: bool = False


class Row(Value):
    cells: tuple[str, ...]
    mark: str
    """What stands before a row that wants attention, for whom sees no colours."""
    style: str


_PROCESSES = (
    Column("process"),
    Column("pid", right=True, spare=True),
    Column("how it ended"),
    Column("exit code", right=True),
    Column("cpu", right=True, spare=True),
)
_QUEUES = (
    Column("queue"),
    Column("put", right=True),
    Column("got", right=True),
    Column("left", right=True),
    Column("got by"),
)

POOLS = (
    Column("pool"),
    Column("done", right=True),
    Column("failed", right=True),
    Column("lost", right=True),
    Column("done by"),
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
    columns = [Column(header, right=index >= left, spare=index > left + 1) for index, header in enumerate(headers)]
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
    room = console.width - (1 + _GAP if marked else 0)
    shown = _fitting(columns, widths, room)
    gap = _GAP if _width(shown, widths) <= room else _NARROW_GAP
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
            min_width=widths[index] if column.right else min(widths[index], _LEAST_WIDTH),
        )
    for row in rows:
        cells = [row.cells[index] for index in shown]
        table.add_row(*([row.mark] if marked else []), *cells, style=row.style or None)
    console.print(table)
    console.print()


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the numbers of the columns that fit, the last spare one left out first."""
    shown = list(range(len(columns)))
    for spare in [index for index in reversed(shown) if columns[index].spare]:
        if _width(shown, widths) <= room:
            break
        shown.remove(spare)
    return shown


def _width(shown: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[index] for index in shown) + _GAP * (len(shown) - 1)
