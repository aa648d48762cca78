"""Where text breaks on a terminal: between words, beside the columns of time and name, and never in column 0."""

from __future__ import annotations

import re

from run_scenario.views.cells import fitting, width_of

_LEAST_ROOM = 20
"""Columns that text is given even where a terminal has not as many."""

_BREAKS = re.compile(r"[^/,;:]*[/,;:]+")
"""What of a word that is longer than a line may stand before a break."""


def wrap(text: str, room: int, first: int | None = None) -> list[str]:
    """Return `text` in lines of at most `room` columns, the first of at most `first`.

    The indentation of `text` is kept by all its lines. Only a word that is longer than a line is broken, behind a
    slash or the like if it has any. With no room for a word in it, the first line is empty.
    """
    words = text.lstrip(" ")
    indent = min(len(text) - len(words), room // 2)
    room = max(room - indent, _LEAST_ROOM)
    limit = room if first is None else first - indent
    lines, line, taken = [], "", 0
    for chunk in re.findall(r" *[^ ]+", words):
        width = width_of(chunk)
        if taken + width <= limit:
            line += chunk
            taken += width
            continue
        word = chunk.lstrip(" ")
        if line or limit < room:
            lines.append(line)
            limit = room
        *full, line = _pieces(word, room)
        lines += full
        taken = width_of(line)
    return [" " * indent + each if each else "" for each in (*lines, line)]


def _pieces(word: str, room: int) -> list[str]:
    pieces = []
    while width_of(word) > room:
        most = max(fitting(word, room), 1)
        ends = [match.end() for match in _BREAKS.finditer(word, 0, most)]
        end = ends[-1] if ends and ends[-1] > most // 2 else most
        pieces.append(word[:end])
        word = word[end:]
    return [*pieces, word]
