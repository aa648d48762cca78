"""The sentences of a run's events, each different one written once: a page has a million of them in a few kilobytes.

A *phrase* is a sentence, or one with holes: `put {item} on 'tasks'`, to be filled from the fields of the event. Which
holes a sentence has is found out by asking for it again with other values in its fields; what a hole is filled with is
compared with the sentence of every event, so that nothing else can be read in the page than in all other views.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from run_scenario.report.sentences import COMMON, Event, sentence
from run_scenario.report.text import seconds, value
from run_scenario.scenario.data import OBJECT

Json = dict[str, Any]

_FEW = 200
"""Different sentences of one kind of event that are written as they are."""
_MOST = 5_000
"""Different phrases of one kind; with more, the page makes do with the fields of these events."""
_MOST_ASKED = 300
"""Sentences of one kind whose holes are looked for."""
_MOST_TRIED = 16
"""Phrases, those used last, that are tried with an event."""
_DEEPEST, _LONGEST = 3, 60
"""Values that lie deeper in others, and longer lists, are not filled in."""
_MOSTLY = 0.7
"""The part of events from which on the others are written with their places."""
_EXACT = 2**53
"""Beyond it a number of JavaScript is not exact."""
_NONE = 2**16 - 1
"""The number of an event that has no phrase."""


class Hole(NamedTuple):
    """What is to be filled in: a field, and how it is written."""

    field: str
    form: str
    """A name of `_FORMS`."""


Phrase = tuple[str | Hole, ...]


class Phrases:
    """Takes the events of a run one by one, and knows the phrase of each."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, event: Event) -> None:
        """Take the next event."""
        kind = str(event.get("event", ""))
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind()
        known.add(event)

    def to_json(self) -> Json:
        """Return them by kind: the phrases, and which of them each event has."""
        return {kind: each.to_json() for kind, each in self._kinds.items()}


class _Kind:
    """The phrases of one kind of event."""

    def __init__(self) -> None:
        self._phrases: dict[str | Phrase, int] = {}
        """Phrase -> its number."""
        self._with_holes: list[Phrase] = []
        """The one used last comes first."""
        self._asked = 0
        self._numbers = array("H")
        """For each event, the number of its phrase."""

    def add(self, event: Event) -> None:
        self._numbers.append(self._number(event))

    def _number(self, event: Event) -> int:
        text = sentence(event)
        known = self._phrases.get(text)
        if known is not None:
            return known
        if len(self._phrases) < _FEW:
            return self._new(text)
        for at, phrase in enumerate(self._with_holes[:_MOST_TRIED]):
            if filled(phrase, event) == text:
                if at:
                    self._with_holes.insert(0, self._with_holes.pop(at))
                return self._phrases[phrase]
        if self._asked < _MOST_ASKED:
            self._asked += 1
            phrase = phrase_of(event, text)
            if len(phrase) > 1:
                if phrase not in self._phrases:
                    self._with_holes.insert(0, phrase)
                return self._new(phrase)
        return self._new(text)

    def _new(self, phrase: str | Phrase) -> int:
        if len(self._phrases) == _MOST:
            return self._phrases.get(phrase, _NONE)
        return self._phrases.setdefault(phrase, len(self._phrases))

    def to_json(self) -> Json:
        return {"phrases": list(self._phrases), **_shortest(self._numbers)}


def _shortest(numbers: array[int]) -> Json:
    """Return numbers as the one that most have, and the others with their places; or all, if these are many."""
    most, times = Counter(numbers).most_common(1)[0]
    if times < len(numbers) * _MOSTLY:
        return {"numbers": numbers}
    others = array("I", (place for place, number in enumerate(numbers) if number != most))
    return {"most": most, "places": others, "others": array("H", (numbers[place] for place in others))}


def phrase_of(event: Event, text: str) -> Phrase:
    """Return the phrase of an event, of which `text` is the sentence: with a hole for each field that stands in it."""
    asked, marks = dict(event), dict[str, Hole]()
    phrase: Phrase = (text,)
    for name, content in event.items():
        if name in COMMON:
            continue
        for form, stand_in, mark in _stand_ins(content, len(marks)):
            found = _phrase({**asked, name: stand_in}, {**marks, mark: Hole(name, form)})
            if found is not None and len(found) > len(phrase) and filled(found, event) == text:
                phrase = found
                asked[name] = stand_in
                marks[mark] = Hole(name, form)
                break
    return phrase


def _phrase(asked: Event, marks: dict[str, Hole]) -> Phrase | None:
    """Return what the sentence of an event is in which some fields have values that stand out; None: it has none."""
    try:
        parts: list[str | Hole] = [sentence(asked)]
    except (TypeError, ValueError, AttributeError):  # no such value can be there
        return None
    for mark, hole in marks.items():
        parts = [piece for part in parts for piece in ([part] if isinstance(part, Hole) else _split(part, mark, hole))]
    return tuple(parts)


def _split(text: str, mark: str, hole: Hole) -> Iterator[str | Hole]:
    *before, last = text.split(mark)
    for piece in before:
        yield piece
        yield hole
    yield last


def _stand_ins(content: Any, number: int) -> Iterator[tuple[str, Any, str]]:
    """Yield how a value may be written: the form, a value to put in its place, and how that is written."""
    word = f"Q{number}Z{number}Q"
    rare = 700_000_001 + number
    if isinstance(content, list):
        yield "value", [word], f"['{word}']"
        yield "each", [word], f"'{word}'"
    elif isinstance(content, float):
        yield "float", word, f"'{word}'"
        yield "seconds", float(rare), f"{rare} s"
    else:
        yield "value", word, f"'{word}'"
        yield "text", word, word
    if isinstance(content, int) and not isinstance(content, bool):
        yield "count", rare, f"{rare:,}"


def filled(phrase: Phrase, event: Event) -> str | None:
    """Return a phrase with its holes filled, as the page does; None if the page may write a value in another way."""
    parts = []
    for part in phrase:
        if isinstance(part, Hole):
            text = _FORMS[part.form](event.get(part.field))
            if text is None:
                return None
            parts.append(text)
        else:
            parts.append(part)
    return "".join(parts)


def _as_value(content: Any) -> str | None:
    return value(content) if _is_plain(content) else None


def _as_float(content: Any) -> str | None:
    return value(content) if type(content) is float and math.isfinite(content) else None


def _as_text(content: Any) -> str | None:
    return str(content) if type(content) is int or (type(content) is str and content.isprintable()) else None


def _as_count(content: Any) -> str | None:
    return f"{content:,}" if type(content) is int and abs(content) < _EXACT else None


def _as_seconds(content: Any) -> str | None:
    return seconds(content) if type(content) is float and math.isfinite(content) and content >= 0 else None


def _each(content: Any) -> str | None:
    return ", ".join(map(value, content)) if type(content) is list and _is_plain(content) else None


_FORMS: dict[str, Callable[[Any], str | None]] = {
    "value": _as_value,
    "float": _as_float,
    "text": _as_text,
    "count": _as_count,
    "seconds": _as_seconds,
    "each": _each,
}
"""How a value may be written in a sentence; `FORMS` of `words.js` has the same."""


def _is_plain(content: Any, depth: int = 0) -> bool:
    """Return whether the page writes a value as Python does: it cannot tell 1.0 from 1, for example."""
    kind = type(content)
    if kind is str:
        return content.isprintable() and "\\" not in content
    if kind is int or kind is bool or content is None:
        return True
    if depth == _DEEPEST or (kind is not list and kind is not dict) or len(content) > _LONGEST:
        return False
    inside: Sequence[Any] = content if kind is list else [*content, *content.values()]
    return OBJECT not in content and all(_is_plain(each, depth + 1) for each in inside)
