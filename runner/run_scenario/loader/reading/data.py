"""A node → the data that it stands for, where data travels: arguments, items, initial values, what is put and sent.

What YAML cannot write is a mapping of one key, called as Python's own constructor: `{tuple: [1, 2]}`. With other keys
beside it, it is a mapping like any other; `{dict: [[tuple, …]]}` is one that has this key alone. An object is known by
the form of its name, `package.module:Class`, whatever else the mapping has: a misspelt key must not make it a dict.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from run_scenario.loader.problems import Problems, Span, describe, quote
from run_scenario.loader.reading.yaml_parser import Mapping, Node, Scalar, Sequence, plain
from run_scenario.loader.references import SPELLING, is_name, misspelling
from run_scenario.scenario.data import CallSpec, LinesSpec, ObjectSpec, SetSpec
from run_scenario.scenario.expressions import Expression, Template

_HASHABLE = (type(None), bool, int, float, str, bytes, date, datetime)
"""Types of what may be a key of a dict or an element of a set, besides tuples of it."""
_KNOWN_LATER = (ObjectSpec, Expression, Template)
"""Types of what can be an element of a set, or not: that is known once it is made."""
_OF_CALL = ("args", "kwargs")


def read_data(node: Node, problems: Problems) -> Any:
    """Return the data in `node`: as `plain`, but with what the forms of one key stand for.

    What is wrong with these is added to the problems; the data is then of no use.
    """
    return DataReader(problems).read(node)


def read_item(node: Node, problems: Problems) -> Any:
    """Return the data in a node where `{call: …}` is an object that makes a call."""
    return DataReader(problems).item(node)


def elements_of(node: Node) -> tuple[Node, ...] | None:
    """Return what is in a list or a tuple; None if it is neither."""
    if isinstance(node, Mapping) and _form_of(node) == "tuple":
        node = node.entries["tuple"].value
    return node.items if isinstance(node, Sequence) else None


def _value(scalar: Scalar) -> Any:
    return scalar.value


class DataReader:
    """Reads data; without problems, it reports none, and the data does not know where it stands."""

    def __init__(self, problems: Problems | None = None, scalar: Callable[[Scalar], Any] = _value) -> None:
        """`scalar` returns what a single value stands for."""
        self._problems = problems
        self._scalar = scalar

    def read(self, node: Node) -> Any:
        """Return the data in a node."""
        if isinstance(node, Scalar):
            return self._scalar(node)
        if isinstance(node, Sequence):
            return [self.read(item) for item in node.items]
        form = _form_of(node)
        return self.mapping(node) if form is None else _FORMS[form](self, node)

    def item(self, node: Node) -> Any:
        """Return the data in a node where `{call: …}` is an object that makes a call."""
        if isinstance(node, Mapping) and "call" in node.entries:
            return CallSpec(str(plain(node.entries["call"].value)), *self._arguments(node), self._where(node))
        return self.read(node)

    def mapping(self, node: Mapping) -> dict[str, Any]:
        """Return a mapping that is one, whatever its keys."""
        return {entry.key: self.read(entry.value) for entry in node.entries.values()}

    def _error(self, span: Span, what: str, hint: str) -> None:
        if self._problems is not None:
            self._problems.error(span, what, hint)

    def _where(self, node: Node) -> Any:
        return None if self._problems is None else self._problems.location(node.span)

    def _mismatch(self, key: str, node: Mapping, wanted: str, example: str) -> None:
        """Add that the value of a form is not what it has to be."""
        value = node.entries[key].value
        what = f"`{key}` must be {wanted}, not {describe(plain(value))}"
        self._error(value.span, what, f"write `{example}`; {_literally(key)}")

    def _list_in(self, key: str, node: Mapping) -> list[tuple[Any, Node]]:
        """Return the elements of the list that a form has, each with its node."""
        value = node.entries[key].value
        if not isinstance(value, Sequence):
            self._mismatch(key, node, "a list", f"{{{key}: [1, 2]}}")
            return []
        return [(self.read(item), item) for item in value.items]

    def _tuple(self, node: Mapping) -> tuple[Any, ...]:
        return tuple(element for element, _ in self._list_in("tuple", node))

    def _set(self, node: Mapping) -> SetSpec:
        elements = self._list_in("set", node)
        for element, place in elements:
            self._check_hashable(element, place, "an element of a set")
        return SetSpec(tuple(element for element, _ in elements))

    def _dict(self, node: Mapping) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        pairs = node.entries["dict"].value
        if not isinstance(pairs, Sequence) or not all(
            isinstance(pair, Sequence) and len(pair.items) == 2 for pair in pairs.items
        ):
            self._mismatch("dict", node, "a list of pairs", "{dict: [[1, one], [2, two]]}")
            return found
        for pair in pairs.items:
            assert isinstance(pair, Sequence)
            key, value = map(self.read, pair.items)
            span = pair.items[0].span
            if isinstance(key, _KNOWN_LATER):
                self._error(span, "what has to be made first cannot be a key here", "make the dict in your own code")
            elif self._check_hashable(key, pair.items[0], "a key of a dict"):
                if key in found:
                    self._error(span, f"the key {key!r} is repeated here", "keep one of the two")
                found[key] = value
        return found

    def _check_hashable(self, data: Any, node: Node, role: str) -> bool:
        if _is_hashable(data):
            return True
        kind = "a set" if isinstance(data, SetSpec) else describe(data)
        hint = "write `{tuple: […]}` for a list that does not change" if isinstance(data, list) else "leave it out"
        self._error(node.span, f"{kind} cannot be {role}", hint)
        return False

    def text(self, key: str, node: Mapping, wanted: str, example: str, read: Callable[[str], Any]) -> Any:
        """Return the data of a form whose value is a text; `read` raises ValueError if it is another one."""
        text = plain(node.entries[key].value)
        if isinstance(text, str):
            try:
                return read(text)
            except ValueError:
                pass
        self._mismatch(key, node, wanted, example)
        return None

    def _file(self, node: Mapping) -> LinesSpec:
        value = node.entries["file"].value
        path = plain(value)
        if not isinstance(path, str) or not path.strip() or not path.isprintable():
            self._mismatch("file", node, "the path of a text file", "{file: words.txt}")
            return LinesSpec("")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            what = f"{quote(path)} leads out of the scenario's folder"
            self._error(value.span, what, "name a file in that folder, or below it, by its path from there")
        return LinesSpec(path, self._where(value))

    def _object(self, node: Mapping) -> ObjectSpec:
        place = node.entries["object"].value.span
        reference = str(plain(node.entries["object"].value))
        if ":" not in reference or misspelling(reference):
            spelling = SPELLING.replace("function", "Class")
            hint = misspelling(reference) if ":" in reference else f"write `{spelling}`"
            self._error(place, f"{quote(reference)} is not of the form `{spelling}`", f"{hint}; {_literally('object')}")
        for key, entry in node.entries.items():
            if key not in ("object", *_OF_CALL) and self._problems is not None:
                otherwise = (
                    "it has `args` and `kwargs`; for a mapping with these keys, write `{dict: [[object, …], …]}`"
                )
                hint = self._problems.did_you_mean(key, _OF_CALL, otherwise)
                self._error(entry.key_span, f"unknown key {quote(key)} in an object", hint)
        return ObjectSpec(reference, *self._arguments(node), self._where(node))

    def _arguments(self, node: Mapping) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return `args` and `kwargs` of an object or a call."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        if (entry := node.entries.get("args")) is not None:
            if isinstance(entry.value, Sequence):
                args = [self.read(item) for item in entry.value.items]
            else:
                what = f"`args` must be a list of arguments, not {describe(plain(entry.value))}"
                self._error(entry.value.span, what, "put it in brackets: [ … ]")
        if (entry := node.entries.get("kwargs")) is not None:
            if isinstance(entry.value, Mapping):
                kwargs = self.mapping(entry.value)
                for part in entry.value.entries.values():
                    if not is_name(part.key):
                        what = f"{quote(part.key)} cannot be the name of a parameter"
                        self._error(part.key_span, what, "use letters, digits and _, and no keyword of Python")
            else:
                what = f"`kwargs` must be a mapping of parameter names to values, not {describe(plain(entry.value))}"
                self._error(entry.value.span, what, "write `kwargs: {name: …}`")
        return tuple(args), kwargs


def _form_of(node: Mapping) -> str | None:
    if "object" in node.entries:
        name = plain(node.entries["object"].value)
        if isinstance(name, str) and (_is_reference(name) or set(node.entries) <= {"object", *_OF_CALL}):
            return "object"
    if len(node.entries) != 1:
        return None
    (key,) = node.entries
    return key if key in _FORMS and key != "object" else None


def _is_reference(text: str) -> bool:
    return ":" in text and misspelling(text) is None


def _literally(key: str) -> str:
    return f"for a mapping with the key {quote(key)} alone, write `{{dict: [[{key}, …]]}}`"


def _is_hashable(data: Any) -> bool:
    if isinstance(data, tuple):
        return all(map(_is_hashable, data))
    return isinstance(data, _KNOWN_LATER) or type(data) in _HASHABLE


def _text_form(key: str, wanted: str, example: str, read: Callable[[str], Any]) -> Callable[[DataReader, Mapping], Any]:
    return lambda reader, node: reader.text(key, node, wanted, example, read)


_FORMS: dict[str, Callable[[DataReader, Mapping], Any]] = {
    "tuple": DataReader._tuple,
    "set": DataReader._set,
    "dict": DataReader._dict,
    "bytes": _text_form("bytes", "a text, whose UTF-8 it is", "{bytes: 'abc'}", str.encode),
    "hex": _text_form("hex", "bytes as hexadecimal digits, a text", "{hex: '00ff'}", bytes.fromhex),
    "date": _text_form("date", "a date, a text", "{date: '2026-01-31'}", date.fromisoformat),
    "datetime": _text_form(
        "datetime", "a date and a time, a text", "{datetime: '2026-01-31 12:30'}", datetime.fromisoformat
    ),
    "file": DataReader._file,
    "object": DataReader._object,
}
"""Key -> what reads such a mapping."""
