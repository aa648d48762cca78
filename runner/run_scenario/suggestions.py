"""Did you mean: the nearest of the names that there are."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path

MAX_COMPARED = 60
"""Most characters of a name that is compared with others."""

_MOST_FILES = 2_000
"""Most files of a folder that are looked at."""


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the one of `choices` that `name` was probably meant to be, or None. Long names are not compared."""
    if len(name) > MAX_COMPARED:
        return None
    by_case = {choice.casefold(): choice for choice in choices if len(choice) <= MAX_COMPARED}
    if not by_case:
        return None
    from difflib import get_close_matches  # 10 ms, which only a mistake has to pay

    name = name.casefold()
    found = [choice for choice in get_close_matches(name, by_case, n=3, cutoff=0.6) if _is_slip(name, choice)]
    # Of several, one with the same letters is the most likely: 'realy' is 'relay', not 'reply'.
    return by_case[min(found, key=lambda choice: sorted(choice) != sorted(name))] if found else None


def did_you_mean(name: str, choices: Iterable[str], otherwise: str = "") -> str:
    """Return the question whether the nearest of `choices` was meant; where none is near, what to say otherwise."""
    close = nearest(name, choices)
    return f"did you mean {close!r}?" if close else otherwise


def nearest_file(path: str, suffixes: Collection[str]) -> str | None:
    """Return the path of the file beside one that is not there which was probably meant: it has one of the suffixes.

    Names are compared without their suffixes, which would make everything alike.
    """
    asked = Path(path)
    try:
        with os.scandir(asked.parent) as entries:
            beside = [Path(entry.name) for entry in islice(entries, _MOST_FILES)]
    except (OSError, ValueError):
        return None
    known = {each.stem: each for each in beside if each.suffix in suffixes}
    close = nearest(asked.stem, known)
    return None if close is None else str(asked.parent / known[close])


def _is_slip(name: str, choice: str) -> bool:
    """Return whether few slips of the pen lead from one to the other: one in three letters, or a part left out.

    difflib alone finds letters in common, and so 'spin' in 'print'.
    """
    if name in choice or choice in name:
        return True
    # Letters added, left out, exchanged or swapped: https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance,
    # the variant of optimal string alignment, with the last three rows of the table.
    before: list[int] = []
    last = list(range(len(choice) + 1))
    for i, a in enumerate(name):
        row = [i + 1]
        for j, b in enumerate(choice):
            slips = min(last[j + 1] + 1, row[j] + 1, last[j] + (a != b))
            if i and j and a == choice[j - 1] and name[i - 1] == b:
                slips = min(slips, before[j - 1] + 1)
            row.append(slips)
        before, last = last, row
    return last[-1] <= max(1, max(len(name), len(choice)) // 3)
