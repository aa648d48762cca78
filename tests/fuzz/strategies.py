"""Texts to examine: written after the schema, bundled scenarios with a few changes, or mere heaps of words."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import strategies as st

from fuzz.grammar import NAMES, ODD, Grammar
from run_scenario import bundled, targets

Texts = st.SearchStrategy[str]
_Draw = Callable[[Any], Any]

TOKENS = (
    "&a",
    "*a",
    "!!python/object:os.system",
    "<<: *a",
    "- ",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "|",
    ">",
    "#",
)
TOKENS += (
    "---",
    "...",
    "%YAML 1.1",
    "\t",
    "\0",
    "\x1b]8;;http://x\x07",
    "\x9b31m",
    "\u202e",
    "\u2028",
    "\x85",
    "\ufeff",
)
TOKENS += ("yes", "0644", "1:30", "1e400", ".nan", "9" * 400, "2001-01-01", "~", "${HOME}", "\ud800", "\r", "  ", "é")


@functools.cache
def sources() -> tuple[str, ...]:
    """Return the texts of the bundled scenarios."""
    return tuple(path.read_text(encoding="utf-8") for path in bundled.scenarios())


@functools.cache
def trees() -> tuple[Any, ...]:
    """Return the data of the bundled scenarios."""
    return tuple(yaml.safe_load(text) for text in sources())


@functools.cache
def grammar() -> Grammar:
    """Return the grammar of scenarios."""
    words = (*targets.names(), *targets.work_names())
    return Grammar(json.loads(bundled.schema_text("scenario")), words)


def written() -> Texts:
    """Return texts of data that the schema nearly allows."""
    return grammar().documents().flatmap(_in_some_style)


def changed() -> Texts:
    """Return bundled scenarios with a few changes to their data."""
    return _changed_data().flatmap(_in_some_style)


def damaged() -> Texts:
    """Return bundled scenarios with a few changes to their text."""
    return _damaged()


def heaps() -> Texts:
    """Return lines of the language's own words, in any order."""
    words = st.sampled_from(
        (*TOKENS, *NAMES, "version: 1", "processes:", "target:", "sleep", "queues:", "items:", "expect:")
    )
    line = st.tuples(st.integers(0, 4), st.lists(words, max_size=6))
    return st.lists(line, max_size=12).map(
        lambda lines: "\n".join("  " * depth + " ".join(line) for depth, line in lines)
    )


def texts() -> Texts:
    """Return all of these."""
    return st.one_of(written(), changed(), damaged(), heaps())


def _in_some_style(data: Any) -> Texts:
    def write(style: int) -> str:
        if style == 0:
            return json.dumps(data)
        if style == 1:
            return json.dumps(data, ensure_ascii=False, indent=1)
        return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=style == 2, default_flow_style=style == 4))

    return st.integers(0, 4).map(write)


@st.composite
def _changed_data(draw: _Draw) -> Any:
    data = json.loads(json.dumps(draw(st.sampled_from(trees()))))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(data))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        other, other_key = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.integers(0, 7)):
            case 0:
                del holder[key]
            case 1:
                holder[key] = draw(ODD)
            case 2:
                holder[key] = _copy(other, other_key)
            case 3:
                holder[key] = [holder[key]]
            case 4 if isinstance(holder, dict):
                holder[draw(st.sampled_from(_keys()))] = holder.pop(key)
            case 5 if isinstance(holder, dict):
                holder[draw(st.sampled_from(_keys()))] = _copy(other, other_key)
            case 6 if isinstance(holder, list):
                holder.append(_copy(other, other_key))
            case _:
                holder[key] = draw(st.sampled_from(NAMES))
        if not data:
            return data
    return data


def _copy(holder: Any, key: Any) -> Any:
    try:
        return json.loads(json.dumps(holder[key]))
    except (KeyError, IndexError):  # it has been taken out meanwhile
        return None


def _places(data: Any) -> Any:
    """Yield all places in nested lists and dicts: the list or dict, and the index or key."""
    for key in range(len(data)) if isinstance(data, list) else list(data):
        yield data, key
        if isinstance(data[key], list | dict):
            yield from _places(data[key])


@functools.cache
def _keys() -> tuple[str, ...]:
    found = {key for tree in trees() for holder, key in _places(tree) if isinstance(holder, dict)}
    return tuple(sorted(found | set(NAMES)))


@st.composite
def _damaged(draw: _Draw) -> str:
    lines = draw(st.sampled_from(sources())).splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        other = draw(st.integers(0, len(lines) - 1))
        column = draw(st.integers(0, len(lines[at])))
        match draw(st.integers(0, 6)):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = " " * draw(st.integers(0, 8)) + lines[at].lstrip()
            case 4:
                lines[at] = lines[at][:column] + lines[at][column + 1 :]
            case 5:
                lines[at] = lines[at][:column] + lines[other]
            case _:
                lines[at] = lines[at][:column] + draw(st.sampled_from(TOKENS)) + lines[at][column:]
    return "\n".join(lines)
