"""Tables of text on a terminal: which columns fit, where their texts break, what is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.report.terminal.cells import wrap
from run_scenario.values import Value

if TYPE_CHECKING:
    from rich.console import Console

_GAP, _SMALL_GAP, _NARROW_GAP = 3, 2, 1
"""Columns between two of a table; only one where texts would not find `_ENOUGH` otherwise: headers run together."""
_LEAST_WIDTH = 12
"""Columns that a text is given before it is broken into lines."""
_ENOUGH = 24
"""Columns of a text for which no other column of the table is left out: in as many it can be read."""
_DEAR = 3
"""A column that is as little spare as this, or less, is shown where texts find `_LEAST_WIDTH`."""
_WATCHED = 1
"""How spare a column is that is to be watched."""
_NARROWEST = 4
"""Columns of a text in a table that hardly fits."""


class Column(Value):
    """What stands in a column."""

    header: str
    right: bool = False
    """Whether it holds numbers, which are never broken."""
    spare: int = 0
    """Whether it is left out of a table that does not fit: 0 never, otherwise the highest first."""


class Row(Value):
    cells: tuple[str, ...]
    mark: str
    """What stands before a row that wants attention, for those who see no colours."""
    style: str


def render_table(
    console: Console, headers: Sequence[str], rows: Sequence[tuple[Sequence[str], str]], *, left: int, watched: str = ""
) -> str:
    """Return a table as text: each row with a mark for what wants attention; the first `left` columns hold words.

    Where there is not enough room, columns that `watched` names are kept: see `keep_watched`.
    """
    columns = [
        Column(header, right=index >= left, spare=max(0, index - left - 1)) for index, header in enumerate(headers)
    ]
    return render_rows(
        console, keep_watched(columns, watched), [row(cells, not mark, mark, "red") for cells, mark in rows]
    )


def render_rows(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return a table as text; a column that nothing stands in is left out."""
    with console.capture() as captured:
        print_rows(console, *filled(columns, rows))
    text: str = captured.get()
    return "".join(line.rstrip(" ") + "\n" for line in text.splitlines() if line.strip())


def keep_watched(columns: Sequence[Column], text: str) -> list[Column]:
    """Return the columns, and of those that a text names by their headers, that they are the last to be left out.

    The text is what a scenario says is to be watched for.
    """
    return [each.replace(spare=_WATCHED) if each.spare and is_named(each.header, text) else each for each in columns]


def is_named(header: str, text: str) -> bool:
    """Return whether a text names a column by its header: `start-up`, but not `start` in it."""
    return re.search(rf"(?<![\w-]){re.escape(header)}(?![\w-])", text) is not None


def filled(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[list[Column], list[Row]]:
    """Return a table without the columns that nothing stands in."""
    kept = [index for index in range(len(columns)) if any(each.cells[index] for each in rows)]
    shown = [each.replace(cells=tuple(each.cells[index] for index in kept)) for each in rows]
    return [columns[index] for index in kept], shown


def row(cells: Sequence[str], good: bool, mark: str = "!", style: str = "yellow") -> Row:
    """Return a row that has a mark and a style where something is not good."""
    return Row(tuple(cells), "" if good else mark, "" if good else style)


def print_rows(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print a table and an empty line; nothing, if it has no rows."""
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
    gap = _gap(columns, widths, shown, console.width, marked)
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
        for line in wrap(f"too narrow to show: {', '.join(left_out)}", console.width):
            console.print(line, style="dim")
    console.print()


def _gap(columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], available: int, marked: bool) -> int:
    """Return how far from each other columns stand: a text rather goes on in the next line than touch its neighbour."""
    if _width([widths[index] for index in shown], _GAP, marked) <= available:
        return _GAP
    readable = [widths[index] if columns[index].right else min(widths[index], _ENOUGH) for index in shown]
    return _SMALL_GAP if _width(readable, _SMALL_GAP, marked) <= available else _NARROW_GAP


def _fitting(columns: Sequence[Column], widths: Sequence[int], available: int) -> list[int]:
    """Return the numbers of the columns that fit side by side, in lines where they hold text."""
    shown = list(range(len(columns)))
    spare = sorted((index for index in shown if columns[index].spare), key=lambda index: -columns[index].spare)
    for index in spare:
        most = _LEAST_WIDTH if columns[index].spare <= _DEAR else _ENOUGH
        needed = [widths[each] if columns[each].right else min(widths[each], most) for each in shown]
        if _width(needed, _NARROW_GAP) <= available:
            continue
        shown.remove(index)
    return shown


def _width(widths: Sequence[int], gap: int, marked: bool = False) -> int:
    """Return how wide a table of such columns is, with a mark before each row or without."""
    return sum(widths) + gap * (len(widths) - 1) + (1 + gap if marked else 0)
