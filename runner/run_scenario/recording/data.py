"""Values in the form in which a scenario writes them, where they are data: `(1, 2)` as `{"tuple": [1, 2]}`.

The log shows an item by a description, which may be shorter than the item, or something like it, or what a scenario
writes in another way. Where it is, the record has the item's form as well, so that whoever writes a scenario from a log
need not guess.
"""

from __future__ import annotations

import sys
from typing import Any, NotRequired, TypedDict

from run_scenario.recording.describe import TEXT_LIMIT, describe
from run_scenario.scenario.data import in_words

MOST_PARTS = 1_000
"""Most values that are in one value."""
_MOST_CHARACTERS = 4_000
_DEPTH_LIMIT = 8
_MOST_FORMS = 2_000
"""Forms that a process works out of what it puts and sends; a scenario has no room for more."""
_INT_LIMIT = 1 << 63
_MEANT = frozenset({"tuple", "set", "dict", "bytes", "hex", "date", "datetime", "file", "object", "call"})
"""Keys by which a scenario knows a form: a mapping that has one of them is written as a list of pairs."""


class RecordedResource(TypedDict):
    """A recorded object that is given to something."""

    resource: int
    """Its number."""
    end: NotRequired[int]
    """Of a pipe: which end, 0 or 1."""


class RecordedArgument(TypedDict):
    """What a process or a function of a pool is given: one of data, a resource, several, and anything else."""

    name: str | None
    """Of the parameter; None: it is not known."""
    data: NotRequired[Any]
    """In the form in which a scenario writes it."""
    resource: NotRequired[int]
    """As in `RecordedResource`, with its `end`."""
    end: NotRequired[int]
    resources: NotRequired[list[RecordedResource]]
    value: NotRequired[Any]
    """The description of what is nothing else."""


class NotDataError(Exception):
    """A value is no data, or there is too much of it."""


def data_of(value: Any) -> Any:
    """Return the form of a value, which consists of None, bool, int, float, str, list and dict; run no code of its own.

    Raises:
        NotDataError: it has none.
    """
    return Former().form(value)


_left = _MOST_FORMS


def beyond_description(value: Any) -> tuple[Any, ...]:
    """Return the form of a value whose description is not the value itself, None if it has none; nothing if it is.

    Each process works out so many of them only: to look into every message would cost as much as to send it.
    """
    global _left
    if type(value) is str and len(value) <= TEXT_LIMIT and value.isprintable():
        return ()
    _left -= 1
    if _left < 0:
        return (None,)
    try:
        form = data_of(value)
    except NotDataError:
        return (None,)
    return () if form == describe(value) else (form,)


class Former:
    """Works out forms, of which all together may be as large as one value."""

    def __init__(self) -> None:
        self._parts = MOST_PARTS
        self._characters = _MOST_CHARACTERS

    def form(self, value: Any, depth: int = 0) -> Any:
        """Return the form of a value.

        Raises:
            NotDataError: it has none, or there is no room for it any more.
        """
        kind = type(value)
        self._parts -= 1
        if self._parts < 0 or depth > _DEPTH_LIMIT:
            raise NotDataError
        if value is None or kind is bool:
            return value
        if kind is int and -_INT_LIMIT <= value < _INT_LIMIT:
            return value
        if kind is float and value - value == 0.0:
            return value
        if kind is str:
            return self._text(value)
        if kind is bytes:
            return self._bytes(value)
        if kind is dict:
            return self._mapping(value.copy(), depth)
        if kind in (list, tuple, set, frozenset):
            # Copied in one step: another thread may be changing it.
            parts = [self.form(each, depth + 1) for each in list(value)[: MOST_PARTS + 1]]
            if kind is list:
                return parts
            if kind is set:  # in an order that is the same in each process
                parts.sort(key=in_words)
            if kind is not frozenset:
                return {kind.__name__: parts}
        return self._date(value, kind)

    def _text(self, text: str) -> str:
        self._characters -= len(text)
        # A file in UTF-8 cannot have a lone surrogate, and YAML no other control characters.
        if self._characters < 0 or not (text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable()):
            raise NotDataError
        return text

    def _bytes(self, value: bytes) -> dict[str, str]:
        if len(value) * 2 > self._characters:
            raise NotDataError
        try:
            return {"bytes": self._text(value.decode())}
        except (UnicodeDecodeError, NotDataError):
            return {"hex": self._text(value.hex())}

    def _mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        if len(value) > MOST_PARTS:
            raise NotDataError
        if all(type(key) is str and key.isidentifier() and key not in _MEANT for key in value):
            return {self._text(key): self.form(each, depth + 1) for key, each in value.items()}
        return {"dict": [[self.form(key, depth + 1), self.form(each, depth + 1)] for key, each in value.items()]}

    def _date(self, value: Any, kind: type) -> dict[str, str]:
        module = sys.modules.get("datetime")
        if module is not None and kind is module.date:
            return {"date": value.isoformat()}
        if (
            module is not None
            and kind is module.datetime
            and type(value.tzinfo) in (type(None), module.timezone)
            and not value.fold  # which the text does not have
        ):
            return {"datetime": value.isoformat()}
        raise NotDataError
