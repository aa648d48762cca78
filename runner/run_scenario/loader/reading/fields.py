"""Reading the valid parts of the tree, leniently.

What the structure check found invalid reads as if it were absent, so that one wrong value does not hide what else is
wrong, and is not reported twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from run_scenario.loader.problems import Span
from run_scenario.loader.reading.yaml_parser import Entry, Mapping, Node, Sequence, plain

START = Span(1, 1)


class InvalidNodes(set[Node]):
    """Nodes that do not fit the schema, which are not read; `incomplete`: mappings with a misspelt key."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        super().__init__(nodes)
        self.incomplete: set[Node] = set()


class Fields:
    """A mapping's entries, read by key and type; an invalid or missing one reads as the default."""

    def __init__(self, node: Node | None, invalid: InvalidNodes) -> None:
        self.invalid = invalid
        self.valid = node is None or (node not in invalid and isinstance(node, Mapping))
        self.complete = node not in invalid.incomplete
        self.span = node.span if node is not None else START
        self._entries = node.entries if isinstance(node, Mapping) and node not in invalid else {}

    def entry(self, key: str) -> Entry | None:
        """Return the entry, if it is there and valid."""
        entry = self._entries.get(key)
        return None if entry is None or entry.value in self.invalid else entry

    def is_invalid(self, key: str) -> bool:
        """Return whether the key is there, with an invalid value."""
        return key in self._entries and self._entries[key].value in self.invalid

    def value(self, key: str, default: Any = None) -> Any:
        """Return the plain data under `key`."""
        entry = self.entry(key)
        return default if entry is None else plain(entry.value)

    def text(self, key: str) -> str:
        """Return a text, empty where there is none."""
        value = self.value(key)
        return value if isinstance(value, str) else ""

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a truth value."""
        value = self.value(key)
        return value if isinstance(value, bool) else default

    def whole(self, key: str, default: int = 0) -> int:
        """Return a whole number."""
        value = self.value(key)
        return value if type(value) is int else default

    def number(self, key: str) -> float | None:
        """Return a number."""
        value = self.value(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def key_span(self, key: str) -> Span:
        """Return the place of the key; the mapping's place if it is missing."""
        return self._entries[key].key_span if key in self._entries else self.span

    def value_span(self, key: str) -> Span:
        """Return the place of the value; the mapping's place if it is missing."""
        return self._entries[key].value.span if key in self._entries else self.span

    def mapping(self, key: str) -> Fields:
        """Return the mapping under `key`; empty, and perhaps not valid, if there is none."""
        entry = self._entries.get(key)
        return Fields(entry.value if entry else None, self.invalid)

    def items(self, key: str) -> tuple[Node, ...]:
        """Return the elements of the list under `key`."""
        entry = self.entry(key)
        return entry.value.items if entry is not None and isinstance(entry.value, Sequence) else ()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())
