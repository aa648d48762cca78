"""Parameters and replicas: what `$name` and `${…}` in a file stand for, before anything else looks at the tree.

    params:, matrix:, given values ──▶ Parameters
                                           │
    tree as written ──▶ the resources, then the processes, each replica that differs on its own ──▶ tree of plain data

Where `$` acts is what the schema marks with `x-computed`; in `steps`, what reads other names than parameters is left to
the program that has these names. A node that was computed keeps its place in the file. Replicas that are alike stay
one entry: only where an entry reads `$i`, `$name` or `$replicas` does each replica become an entry of its own
(`Mapping.replica`), and of resources always, since each has a name of its own.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from itertools import product
from keyword import iskeyword
from typing import Any

from run_scenario.loader.problems import Problems, Span, quote, shorten, there_are
from run_scenario.loader.reading.draft import NO_PARAMETERS, Numbering, Parameters, read_section
from run_scenario.loader.reading.scalars import AmbiguousError, resolve
from run_scenario.loader.reading.yaml_parser import (
    Entry,
    Fields,
    InvalidNodes,
    Mapping,
    Node,
    Replica,
    Scalar,
    Sequence,
    parse,
    plain,
    walk,
)
from run_scenario.scenario import expressions
from run_scenario.scenario.expressions import ExpressionError, Template
from run_scenario.scenario.model import MAX_PROCESSES, Given, Unread
from run_scenario.scenario.processes import default_name

MAX_COMBINATIONS = 500
"""Most combinations of the values in `matrix`."""
MAX_VALUES = 50_000
"""Most keys and values that computing may add to a file: those of replicas that differ, and computed lists."""
MAX_SECONDS = 2.0
"""Most time that computing may take, of the processor: expressions are bounded, but there may be thousands."""
MAX_RESOURCES = 2_000
"""Most resources that `replicas` may make of one."""

OF_REPLICAS = ("i", "name", "replicas")
"""The names that each entry with replicas knows besides the parameters."""
_REPLICATED = ("queues", "pipes", "sync", "shared")
_OPEN = ("steps", "main")
"""The values of `x-computed` where a text may read names that only the running program knows: one that has steps, or
the main program, if it has steps."""

Names = dict[str, Any]


def expand(root: Node, given: Given, schema: dict[str, Any], problems: Problems) -> tuple[Node, Parameters]:
    """Return the tree with everything computed, and the values used; `given` come instead of those in the file.

    What cannot be computed is a problem, and a node that is not valid.
    """
    if not isinstance(root, Mapping):
        return root, NO_PARAMETERS
    reader = _ParameterReader(root, given, problems)
    parameters = reader.read()
    return _Expansion(reader, schema, problems).root(root), parameters


class _ParameterReader:
    """Reads `params:` and `matrix:`."""

    def __init__(self, root: Mapping, given: Given, problems: Problems) -> None:
        self._root, self._given, self._problems = root, given, problems
        self.values: Names = {}
        self.unreadable: set[str] = set()
        """Names whose value is wrong, which has been reported: what reads them is not."""

    def read(self) -> Parameters:
        """Return the values; they are in `values` as well."""
        params, matrix = self._section("params"), self._section("matrix")
        for entry in (*params, *(entry for entry in matrix if entry.key not in self._keys(params))):
            self._check_name(entry)
        self._check_given([*self._keys(params), *self._keys(matrix)])
        lists = {entry.key: self._choices(entry) for entry in matrix}
        for name, choices in lists.items():
            if name in self._given:
                self._set(name, self._read(name))
            elif choices and name not in self._keys(params):
                self.values[name] = choices[0]
            elif name not in self._keys(params):
                self.unreadable.add(name)
        for entry in params:
            self._set(entry.key, self._read(entry.key) if entry.key in self._given else self._default(entry.value))
        free = {name: choices for name, choices in lists.items() if choices and name not in self._given}
        return Parameters(self.values, self._combinations(free))

    def _section(self, key: str) -> list[Entry]:
        entry = self._root.entries.get(key)
        return list(entry.value.entries.values()) if entry and isinstance(entry.value, Mapping) else []

    @staticmethod
    def _keys(entries: Iterable[Entry]) -> list[str]:
        return [entry.key for entry in entries]

    def _set(self, name: str, value: Any) -> None:
        if value is _WRONG:
            self.unreadable.add(name)
        else:
            self.values[name] = value

    def _check_name(self, entry: Entry) -> None:
        name, hint = entry.key, "give it another name"
        if name in OF_REPLICAS:
            what = f"{quote(name)} cannot be the name of a parameter: each process has a `${name}` of its own"
        elif name in expressions.FUNCTIONS:
            what = f"{quote(name)} cannot be the name of a parameter: expressions have a function of that name"
        elif not name.isidentifier() or iskeyword(name) or name.startswith("_"):
            what = f"{quote(name)} cannot be the name of a parameter"
            hint = "use letters, digits and _, begin with a letter, and take no keyword of Python"
        else:
            return
        self._problems.error(entry.key_span, what, hint)

    def _check_given(self, known: list[str]) -> None:
        for name in self._given:
            if name not in known:
                entry = self._root.entries.get("params") or self._root.entries.get("matrix")
                otherwise = there_are(known) if known else f"write `params: {{{shorten(name, 30)}: …}}` in the file"
                hint = self._problems.did_you_mean(name, known, otherwise)
                span = entry.key_span if entry else Span(1, 1)
                self._problems.error(span, f"there is no parameter {quote(name)} that could be set", hint)

    def _read(self, name: str) -> Any:
        """Return a given value."""
        value = self._given[name]
        entry = next((entry for entry in self._section("params") if entry.key == name), None)
        entry = entry or next(entry for entry in self._section("matrix") if entry.key == name)
        try:
            return _from_text(value) if isinstance(value, Unread) else _plain_data(value, exactly=True)
        except ValueError as error:
            self._problems.error(entry.key_span, f"the value given for {quote(name)} cannot be used: {error}")
            return _WRONG
        except AmbiguousError as error:
            self._problems.error(entry.key_span, f"`{name}={shorten(value)}`: {error.what}", error.hint)
            return _WRONG

    def _choices(self, entry: Entry) -> list[Any]:
        """Return the values that a name of `matrix` may have, if they are as they should be."""
        node = entry.value
        if not isinstance(node, Sequence) or not all(
            isinstance(each, Mapping | Sequence) or each.valid for each in node.items
        ):
            return []
        found: list[Any] = []
        for item in node.items:
            value = plain(item)
            if any(value == other and type(value) is type(other) for other in found):
                self._problems.error(item.span, f"this value of {quote(entry.key)} is listed twice", "list each once")
                return []
            found.append(value)
        return found

    def _default(self, node: Node) -> Any:
        """Return the value of one of `params`, which may read those above it."""
        computer = _Computer(self, self._problems)
        computed = computer.tree(node, self.values)
        valid = all(not isinstance(each, Scalar) or each.valid for each in walk(computed))
        return plain(computed) if valid else _WRONG

    def _combinations(self, free: dict[str, list[Any]]) -> tuple[Names, ...]:
        if not free:
            return ()
        count = math.prod(len(choices) for choices in free.values())
        if count > MAX_COMBINATIONS:
            what = f"`matrix` has {count:,} combinations; the maximum is {MAX_COMBINATIONS}"
            span = self._root.entries["matrix"].key_span
            self._problems.error(span, what, "list fewer values, or set some with `--set`")
            return ()
        return tuple(dict(zip(free, choices, strict=True)) for choices in product(*free.values()))


_WRONG = object()
"""A value that cannot be read, which has been reported."""


def _from_text(text: str) -> Any:
    """Return what a text from a command line stands for: a scalar of YAML; in brackets or quotes, what YAML makes.

    Raises:
        AmbiguousError: it is none.
    """
    if text.strip()[:1] not in ("[", "{", "'", '"'):
        return resolve(text.strip())
    found = Problems("", text)
    node = parse(str(text), found)
    if node is None or found.has_errors:
        problem = found.ordered()[0]
        raise AmbiguousError(problem.what, problem.hint)
    return plain(node)


class _Computer:
    """Computes scalars; what is made is bounded for all of a file."""

    def __init__(self, parameters: _ParameterReader, problems: Problems) -> None:
        self._parameters, self._problems = parameters, problems
        self._made = 0
        self._spent = 0.0

    def tree(self, node: Node, names: Names, *, is_open: bool = False) -> Node:
        """Return a node with all scalars in it computed; `is_open`: see `_OPEN`."""
        match node:
            case Sequence(items=items):
                return Sequence(tuple(self.tree(item, names, is_open=is_open) for item in items), node.span)
            case Mapping():
                return node.with_values(lambda entry: self.tree(entry.value, names, is_open=is_open))
        if not node.valid or not isinstance(node.value, str) or "$" not in node.value:
            return node
        return self._scalar(node, node.value, names, is_open)

    def room_for(self, count: int) -> bool:
        """Return whether so many values more may be made."""
        self._made += count
        return self._made <= MAX_VALUES

    def _scalar(self, node: Scalar, text: str, names: Names, is_open: bool) -> Scalar | Sequence | Mapping:
        try:
            found = expressions.parse(text)
        except ExpressionError as error:
            if not is_open:  # there, who knows the names reports it
                span = self._problems.within(node.span, text, error.offset, error.width)
                self._problems.error(span, error.what, error.hint)
            return node if is_open else Scalar(text, node.span, valid=False)
        read = list(expressions.names_in(found))
        if is_open and expressions.draws(found):
            return node
        if is_open and not names.keys() >= set(read):
            return Scalar(_partly(found, names), node.span) if isinstance(found, Template) else node
        if is_open and not read:
            return node
        unknown = [name for name in read if name not in names]
        if unknown:
            self._report_unknown(
                node, text, [name for name in unknown if name not in self._parameters.unreadable], names
            )
            return Scalar(text, node.span, valid=False)
        if self._spent > MAX_SECONDS:
            return Scalar(text, node.span, valid=False)
        began = time.process_time()
        try:
            value = _plain_data(expressions.evaluate(found, names))
        except Exception as error:  # whatever the expression raises
            why = str(error) or type(error).__name__
            self._problems.error(node.span, f"{quote(text)} cannot be computed: {shorten(why, 200)}")
            return Scalar(text, node.span, valid=False)
        finally:
            self._spent += time.process_time() - began
        if self._spent > MAX_SECONDS:
            what = f"up to here, it takes more than {MAX_SECONDS:g} s to compute what is written in this file"
            self._problems.error(node.span, what, "let a target compute what takes long")
        return self._node(value, node.span, is_open)

    def _node(self, value: Any, span: Span, is_open: bool) -> Scalar | Sequence | Mapping:
        if isinstance(value, list | dict | str) and not self.room_for(_size(value) - 1):
            self._problems.error(
                span, f"what is computed here makes more than {MAX_VALUES:,} values", "make it shorter"
            )
            return Scalar(None, span, valid=False)
        return _as_node(value, span, is_open)

    def _report_unknown(self, node: Scalar, text: str, names: list[str], known: Names) -> None:
        for name in names:
            span = self._problems.name_within(node.span, text, name)
            if name in OF_REPLICAS:
                what = f"`${name}` is known in processes, and in resources with `replicas`, only"
                self._problems.error(span, what, "write a parameter, or `$$` for a dollar")
                continue
            otherwise = f"declare it, as in `params: {{{shorten(name, 30)}: 3}}`; a dollar itself is `$$`"
            hint = self._problems.did_you_mean(name, known, otherwise)
            self._problems.error(span, f"there is no parameter {quote(name)}", hint)


def _partly(template: Template, names: Names) -> str:
    """Return the text of a template in which those expressions are computed that read only these names."""
    written = ""
    for part in template.parts:
        if isinstance(part, str):
            written += part.replace("$", "$$")
        elif names.keys() >= set(part.names):
            try:
                written += str(expressions.evaluate(part, names)).replace("$", "$$")
            except Exception:  # who computes it in the end reports it
                written += f"${{{part.text}}}"
        else:
            written += f"${{{part.text}}}"
    return written


def _plain_data(value: Any, *, exactly: bool = False) -> Any:
    """Return a value as a file could have it; a tuple or range as a list, unless it has to be so exactly.

    Raises:
        ValueError: no file could.
    """
    if isinstance(value, range) and len(value) > MAX_VALUES:
        raise ValueError(f"a file may have a range of at most {MAX_VALUES:,} numbers")
    if isinstance(value, list) or (isinstance(value, tuple | range) and not exactly):
        return [_plain_data(each, exactly=exactly) for each in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("the keys of a mapping are text")
        return {key: _plain_data(each, exactly=exactly) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"it is a {type(value).__name__}, which a file cannot have")


def _size(value: Any) -> int:
    """Return how many values there are in one; a long text counts as several."""
    if isinstance(value, str):
        return 1 + len(value) // 100
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, parts))


def _as_node(value: Any, span: Span, is_open: bool) -> Scalar | Sequence | Mapping:
    if isinstance(value, list):
        return Sequence(tuple(_as_node(each, span, is_open) for each in value), span)
    if isinstance(value, dict):
        return Mapping({key: Entry(key, span, _as_node(each, span, is_open)) for key, each in value.items()}, span)
    # Where others compute after this, the text that came out must not be computed again.
    return Scalar(value.replace("$", "$$") if is_open and isinstance(value, str) else value, span)


class _Expansion:
    """Makes the tree anew, from the top."""

    def __init__(self, parameters: _ParameterReader, schema: Any, problems: Problems) -> None:
        self._parameters, self._problems, self._schema = parameters, problems, schema
        self._computer = _Computer(parameters, problems)
        self._names = parameters.values
        self._processes = 0
        self._open: tuple[str, ...] = _OPEN[:1]

    def root(self, root: Mapping) -> Mapping:
        """Return the whole tree."""
        self._open = _OPEN if "main" in root.entries else _OPEN[:1]
        root = root.with_values(lambda entry: self._section(entry) if entry.key in _REPLICATED else entry.value)
        fields = Fields(root, InvalidNodes())
        self._numbering = Numbering(
            fields, [each for section in ("sync", "shared") for each in read_section(section, fields).values()]
        )
        return root.with_values(self._other)

    def _other(self, entry: Entry) -> Node:
        """Return what a key at the top has, but resources with replicas."""
        if entry.key in _REPLICATED:
            return entry.value
        if entry.key == "processes" and isinstance(entry.value, Sequence):
            schema = self._schema["$defs"]["process"]
            found = [replica for node in entry.value.items for replica in self._process(node, schema)]
            return Sequence(tuple(found), entry.value.span)
        return self._computed(entry.value, self._schema["properties"].get(entry.key, {}), self._names)

    # Resources

    def _section(self, section: Entry) -> Node:
        """Return the resources of a section, each replica by its own name."""
        if not isinstance(section.value, Mapping):
            return section.value
        schema = self._schema["properties"][section.key]["additionalProperties"]
        entries: dict[str, Entry] = {}
        for entry in section.value.entries.values():
            for made in self._resource(entry, schema):
                if made.key in entries or (made.key != entry.key and made.key in section.value.entries):
                    line = (entries.get(made.key) or section.value.entries[made.key]).key_span.line
                    what = (
                        f"a replica of {quote(entry.key)} would be called {quote(made.key)}, as what is on line {line}"
                    )
                    self._problems.error(entry.key_span, what, "give one of them another name")
                    continue
                entries[made.key] = made
        return Mapping(entries, section.value.span)

    def _resource(self, entry: Entry, schema: Any) -> Iterator[Entry]:
        node = entry.value
        written = node.entries.get("replicas") if isinstance(node, Mapping) else None
        if written is None or not isinstance(node, Mapping):
            yield Entry(entry.key, entry.key_span, self._computed(node, schema, self._own(entry.key)))
            return
        count = self._count(written, MAX_RESOURCES)
        alone = Mapping({key: each for key, each in node.entries.items() if key != "replicas"}, node.span)
        if count is None:  # the structure check reports what is wrong with it
            computed = self._computed(node, schema, self._own(entry.key))
            yield Entry(entry.key, entry.key_span, computed)
        elif self._has_room(node, count, written.value.span):
            for number in range(1, count + 1):
                name = f"{entry.key}-{number}"
                made = self._computed(alone, schema, self._own(name, number, count))
                entries = made.entries if isinstance(made, Mapping) else {}
                yield Entry(name, entry.key_span, Mapping(entries, made.span, Replica(entry.key, number, count)))
        else:  # there are resources of these names, whatever they are like
            unknown = Scalar(None, node.span, valid=False)
            yield from (Entry(f"{entry.key}-{number}", entry.key_span, unknown) for number in range(1, count + 1))

    def _own(self, name: str, number: int = 1, count: int = 1) -> Names:
        """Return the names that one of several replicas knows."""
        return {**self._names, "i": number, "name": name, "replicas": count}

    def _count(self, written: Entry, most: int) -> int | None:
        """Return how many replicas there are to be; None if what is written is wrong."""
        node = self._computer.tree(written.value, self._names)
        value = node.value if isinstance(node, Scalar) and node.valid else None
        if value == "cpu_count":
            return os.cpu_count() or 1
        return value if type(value) is int and 1 <= value <= most else None

    def _has_room(self, node: Node, count: int, span: Span) -> bool:
        if self._computer.room_for(count * sum(1 for _ in walk(node))):
            return True
        what = f"the replicas that differ have more than {MAX_VALUES:,} keys and values in all"
        self._problems.error(span, what, "lower `replicas`, or write less in each")
        return False

    # Processes

    def _process(self, node: Node, schema: Any, parents: int = 0, parent: int = 0) -> Iterator[Node]:
        """Yield the process, or its replicas, if they differ.

        `parents`: how many start processes like this one, 0 if the main program does; `parent`: which of them starts
        this one, if they differ, and 0 if they do not.
        """
        if not isinstance(node, Mapping):
            yield node
            return
        written = node.entries.get("replicas")
        count = 1 if written is None else self._count(written, MAX_PROCESSES)
        total = (count or 1) * max(1, parents)
        self._processes += (count or 1) if parent else total
        if count is None or not (parent or self._differ(node)) or not self._has_room_for(node, total):
            # Where there are too many, or their number is wrong, all are computed as the first would be.
            first = 1 if parents else self._numbering.take(Fields(node, InvalidNodes()), total)
            yield self._replica(node, schema, 1, total, first)
            return
        offset = count * max(0, parent - 1)
        is_named = "name" in node.entries and _reads_number(node.entries["name"].value)
        for number in range(1 + offset, 1 + offset + count):
            first = 1 if parents else self._numbering.take(Fields(node, InvalidNodes()), 1)
            made = self._replica(node, schema, number, total, first, differs=True)
            name = Fields(made, InvalidNodes()).text("name")
            has_number = not is_named and (written is not None or parents > 1)
            yield Mapping(made.entries, made.span, Replica(name if has_number else "", number, total))

    def _has_room_for(self, process: Mapping, count: int) -> bool:
        """Return whether so many replicas can be made; that all processes are too many is reported by a check."""
        return self._processes <= MAX_PROCESSES and self._has_room(process, count, process.span)

    def _replica(
        self, node: Mapping, schema: Any, number: int, total: int, position: int, *, differs: bool = False
    ) -> Mapping:
        """Return one replica of a process, computed; `position`: what multiprocessing or threading has counted."""
        names = {**self._names, "i": number, "replicas": total}
        written, fields = node.entries.get("name"), Fields(node, InvalidNodes())
        name: Node | None = None
        if written is None:
            names["name"] = default_name(self._numbering.worker(fields), position, fields.text("target"))
        else:
            name = self._computer.tree(written.value, names)
            is_numbered = ("replicas" in node.entries or total > 1) and not _reads_number(written.value)
            names["name"] = f"{plain(name)}-{number}" if is_numbered else str(plain(name))

        def value(entry: Entry) -> Node:
            if name is not None and entry.key == "name":
                return name
            if entry.key == "processes" and isinstance(entry.value, Sequence):
                parent = number if differs else 0
                below = [each for one in entry.value.items for each in self._process(one, schema, total, parent)]
                return Sequence(tuple(below), entry.value.span)
            return self._computed(entry.value, schema["properties"].get(entry.key, {}), names)

        return node.with_values(value)

    def _differ(self, node: Mapping) -> bool:
        """Return whether the replicas of a process differ: whether it, or one below it, reads a name of its own.

        Steps do not count: who reads them knows these names.
        """
        read = {name for scalar in self._marked(node, {"$ref": "#/$defs/process"}) for name in _names_read(scalar)}
        return not read.isdisjoint(OF_REPLICAS)

    # Where `$` acts

    def _computed(self, node: Node, schema: Any, names: Names) -> Node:
        """Return a node with that computed in it which the schema marks."""
        schema = self._resolved(schema)
        mark = schema.get("x-computed")
        if mark:
            is_open = mark in self._open
            known = {name: names[name] for name in names if name not in OF_REPLICAS} if is_open else names
            return self._computer.tree(node, known, is_open=is_open)
        match node:
            case Sequence(items=items):
                inner = schema.get("items", {})
                return Sequence(tuple(self._computed(item, inner, names) for item in items), node.span)
            case Mapping():
                return node.with_values(lambda entry: self._computed(entry.value, _inner(schema, entry.key), names))
        return node

    def _marked(self, node: Node, schema: Any, *, is_marked: bool = False) -> Iterator[Scalar]:
        """Yield the scalars in which `$` acts, but not those of steps."""
        schema = {} if is_marked else self._resolved(schema)
        mark = schema.get("x-computed")
        if mark in _OPEN:
            return
        is_marked = is_marked or bool(mark)
        match node:
            case Sequence(items=items):
                for item in items:
                    yield from self._marked(item, schema.get("items", {}), is_marked=is_marked)
            case Mapping(entries=entries):
                for entry in entries.values():
                    yield from self._marked(entry.value, _inner(schema, entry.key), is_marked=is_marked)
            case Scalar() if is_marked:
                yield node

    def _resolved(self, schema: Any) -> Any:
        while isinstance(schema, dict) and "$ref" in schema:
            own = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**self._schema["$defs"][schema["$ref"].removeprefix("#/$defs/")], **own}
        return schema if isinstance(schema, dict) else {}


def _inner(schema: Any, key: str) -> Any:
    return schema.get("properties", {}).get(key) or schema.get("additionalProperties", {})


def _reads_number(node: Node) -> bool:
    return "i" in _names_read(node)


def _names_read(node: Node) -> list[str]:
    """Return the names that a scalar reads; none where it cannot be read."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or "$" not in node.value:
        return []
    try:
        return list(expressions.names_in(expressions.parse(node.value)))
    except ExpressionError:
        return []
