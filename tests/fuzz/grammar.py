"""Data that a JSON Schema allows, or nearly: strategies that follow the schema of scenarios.

At each place there is a small chance of something else: that is what the checks are for.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
Data = st.SearchStrategy[Any]

NAMES = ("tasks", "results", "line", "line.left", "gate", "hits", "crew", "Worker", "Worker-1", "Process-1", "x")
"""What everything is called: few names, so that things refer to each other."""

CODE = (
    "fuzz_canary:work",
    "fuzz_canary:Own",
    "os:system",
    "fuzz_canary:os.system",
    "fuzz_canary",
    "a.b:c.d",
    ":",
    "a:",
)

_PLAIN = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3,
    0.5,
    1e308,
    2**63,
    -(2**63),
    "",
    " ",
    "null",
    "\x1b[31m",
    "\u202e",
    "é",
    "𝒳",
)
_CODE = ("'''\npwned()\n'''", '"""\npwned()\n"""', "\\", "{pwned()}", "#\npwned()", "x" * 500, "../..", "${HOME}", "%s")
_NESTED = ([], {}, [[]], [{}], {"": None}, {"call": "square"}, {"x": {"y": [1]}}, {"pwned()": 1}, {"*": 1})
ODD: Data = st.sampled_from((*_PLAIN, *_CODE, *_NESTED)).map(copy.deepcopy)
"""What rarely fits, and texts that would be code if somebody forgot to quote them.

Each is a copy: whoever changes it would have the next example begin with something else.
"""


class Grammar:
    """Strategies for the places of one schema; `words` are the built-ins' names, `odd` is one chance in so many."""

    def __init__(self, schema: Schema, words: tuple[str, ...], odd: int = 24) -> None:
        self._schema = schema
        self._text = st.sampled_from((*NAMES, *NAMES, *words, *CODE, "a text", "-", "1"))
        self._odd = odd
        self._named: dict[str, Data] = {}

    def documents(self) -> Data:
        """Return a strategy for whole scenarios."""
        return self._place(self._schema)

    def _place(self, schema: Schema | bool) -> Data:
        if isinstance(schema, bool):
            return ODD if schema else st.nothing()
        known = self._known(schema)
        return st.integers(0, self._odd).flatmap(lambda number: ODD if number == self._odd else known)

    def _known(self, schema: Schema) -> Data:
        if reference := schema.get("$ref"):
            return self._reference(reference)
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "anyOf" in schema:
            return st.one_of([self._place(choice) for choice in schema["anyOf"]])
        kinds = schema.get("type", ["object"] if "properties" in schema else ["any"])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return st.one_of([_KINDS[kind](self, schema) for kind in kinds])

    def _reference(self, reference: str) -> Data:
        name = reference.removeprefix("#/$defs/")
        if name not in self._named:
            self._named[name] = st.deferred(lambda: self._place(self._schema["$defs"][name]))
        return self._named[name]

    def _object(self, schema: Schema) -> Data:
        properties = schema.get("properties", {})
        required = {key: self._place(properties.get(key, True)) for key in schema.get("required", ())}
        optional = {key: self._place(value) for key, value in properties.items() if key not in required}
        if optional or required:
            # Of so many optional keys, a few at a time.
            chosen = st.lists(st.sampled_from(sorted(optional)), max_size=5, unique=True) if optional else st.just([])
            return chosen.flatmap(lambda keys: st.fixed_dictionaries({**required, **{k: optional[k] for k in keys}}))
        others = schema.get("additionalProperties", True)
        patterns = list(schema.get("patternProperties", {}).values())
        return st.dictionaries(self._text, self._place(patterns[0] if patterns else others), max_size=3)

    def _array(self, schema: Schema) -> Data:
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", least + 3), least + 3)
        return st.lists(self._place(schema.get("items", True)), min_size=least, max_size=most)

    def _number(self, schema: Schema, whole: bool) -> Data:
        least, most = schema.get("minimum", schema.get("exclusiveMinimum", 0)), schema.get("maximum", 1e6)
        edges = [least, most, min(least + 1, most)]
        return st.sampled_from([math.ceil(edge) if whole else float(edge) for edge in edges])

    def _any(self, schema: Schema) -> Data:
        return st.one_of(ODD, self._text, st.integers(-3, 10))


_KINDS: dict[str, Callable[[Grammar, Schema], Data]] = {
    "object": Grammar._object,
    "array": Grammar._array,
    "string": lambda grammar, schema: grammar._text,
    "integer": lambda grammar, schema: grammar._number(schema, whole=True),
    "number": lambda grammar, schema: grammar._number(schema, whole=False),
    "boolean": lambda grammar, schema: st.booleans(),
    "null": lambda grammar, schema: st.none(),
    "any": Grammar._any,
}
