"""YAML text → a tree of nodes that know where they stand.

    text ──PyYAML's events──▶ _Builder ──▶ Node tree + Problems

PyYAML only splits the text; `scalars` decides what a scalar means. What is not allowed is decided here, event by event,
so that a hostile file is stopped while it is read: no alias is ever followed, and depth and size are bounded. The
building is iterative; nothing recurses on the depth of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import yaml

from run_scenario.loader.problems import Problems, Span, quote, shorten
from run_scenario.loader.reading.scalars import MAX_KEY, MAX_TEXT, PROSE, AmbiguousError, resolve, resolve_key
from run_scenario.loader.reading.syntax_errors import CHECK_NESTING, MAX_DEPTH, TOO_DEEP, explain

MAX_NODES = 10_000
"""Most keys, values, lists and mappings in one file."""

_OPENING, _CLOSING = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u300c", "\u201c\u201d\u2018\u2019\u00bb\u300d"
"""Typographic quotation marks of several languages."""

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it; both give the same events."""


# The nodes are written out: for a class of four lines, the dataclass decorator would cost a millisecond at every start.


class Scalar:
    """A single value; if it is not `valid`, `value` is its text."""

    __slots__ = ("span", "valid", "value")

    def __init__(self, value: bool | int | float | str | None, span: Span, valid: bool = True) -> None:
        self.value, self.span, self.valid = value, span, valid


class Sequence:
    """A list."""

    __slots__ = ("items", "span")

    def __init__(self, items: tuple[Node, ...], span: Span) -> None:
        self.items, self.span = items, span


class Entry:
    """A key (always text) and its value."""

    __slots__ = ("key", "key_span", "value")

    def __init__(self, key: str, key_span: Span, value: Node) -> None:
        self.key, self.key_span, self.value = key, key_span, value


class Replica(NamedTuple):
    """Which one of several an entry stands for: its number, and the name of all of them together."""

    family: str
    number: int
    total: int
    """How many there are; the family is empty where they have nothing of their names in common."""


class Mapping:
    """A mapping, in file order, each key once; `replica` where it is one of several that a file writes as one."""

    __slots__ = ("entries", "replica", "span")

    def __init__(self, entries: dict[str, Entry], span: Span, replica: Replica | None = None) -> None:
        self.entries, self.span, self.replica = entries, span, replica

    def with_values(self, value: Callable[[Entry], Node]) -> Mapping:
        """Return this mapping with other values; itself, where they are the same."""
        changed = {key: value(entry) for key, entry in self.entries.items()}
        if all(changed[key] is entry.value for key, entry in self.entries.items()):
            return self
        entries = {key: Entry(key, entry.key_span, changed[key]) for key, entry in self.entries.items()}
        return Mapping(entries, self.span, self.replica)


Node = Scalar | Sequence | Mapping


def parse(text: str, problems: Problems, loader: type[Any] | None = None) -> Node | None:
    """Return the one document in `text`, or None where it cannot be read at all; what is wrong goes to `problems`."""
    builder = _Builder(problems)
    try:
        for event in yaml.parse(text, Loader=loader or Loader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        explain(error, text, problems)
        return None
    except yaml.YAMLError as error:  # what check_characters lets through and a reader does not
        problems.error(Span(1, 1), f"this text cannot be read as YAML: {str(error).splitlines()[0]}")
        return None
    except _StopError:
        return None
    if builder.root is None and not problems.has_errors:
        problems.error(Span(1, 1), "this file is empty", "a scenario begins with `version: 1`")
    return builder.root


def plain(node: Node) -> Any:
    """Return the data in `node`: None, bool, int, float, str, lists and dicts of them."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {entry.key: plain(entry.value) for entry in node.entries.values()}


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and every node in it."""
    yield node
    if isinstance(node, Sequence):
        for item in node.items:
            yield from walk(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from walk(entry.value)


class _StopError(Exception):
    """The text cannot be a scenario; reading on would only cost time."""


class _Frame:
    """A list or mapping that is still open; of a mapping, also the key whose value comes next."""

    __slots__ = ("entries", "expects_key", "is_mapping", "items", "key", "key_invalid", "span")

    def __init__(self, span: Span, is_mapping: bool) -> None:
        self.span, self.is_mapping = span, is_mapping
        self.items: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.key: tuple[str, Span] | None = None
        self.expects_key, self.key_invalid = True, False


class _Builder:
    """Builds the tree from events; `root` is the document's node once it is complete."""

    def __init__(self, problems: Problems) -> None:
        self.root: Node | None = None
        self._problems = problems
        self._frames: list[_Frame] = []
        self._nodes = 0
        self._brackets = 0
        """How many of the open lists and mappings stand in brackets."""
        self._documents = 0

    def feed(self, event: Any) -> None:
        """Take the next event.

        Raises:
            _StopError: the text cannot be a scenario.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if event.version not in (None, (1, 2)):
            self._problems.error(_span(event), "a scenario is YAML 1.2", "leave the %YAML line out")
        if event.tags:
            self._problems.error(_span(event), "tags are not allowed in a scenario", "leave the %TAG line out")
        if self._documents == 2:
            what = "a second document begins here; a file holds one scenario"
            self._problems.error(_span(event), what, "put it in a file of its own, or drop the line `---`")
            raise _StopError

    def _alias(self, event: Any) -> None:
        self._count(event)
        name = shorten(event.anchor)
        hint = "write the value out; if a text that begins with * is meant, put it in quotes"
        self._problems.error(_span(event), f"an alias (*{name}) is not allowed in a scenario", hint)
        self._place(Scalar(f"*{name}", _span(event), valid=False))

    def _scalar(self, event: Any) -> None:
        self._count(event)
        valid = self._no_properties(event)
        span, text = _span(event), event.value
        frame = self._frames[-1] if self._frames else None
        if frame and frame.is_mapping and frame.expects_key:
            self._scalar_key(frame, event, span)
            return
        if not text and event.implicit[0] and frame and frame.is_mapping and frame.key:
            span = frame.key[1]  # an empty value has no place of its own: point at its key
        value: bool | int | float | str | None = text
        if len(text) > MAX_TEXT:
            what = f"this text has {len(text)} characters; the maximum is {MAX_TEXT}"
            self._problems.error(span, what, "let a target make long data from a parameter")
            valid = False
        elif event.implicit[0] and valid:  # plain: neither quoted nor a block
            try:
                value = resolve(text)
            except AmbiguousError as error:
                self._problems.error(span, error.what, error.hint)
                valid = False
            if isinstance(value, str) and valid:
                self._warn_of_quotes(text, span)
            if isinstance(value, str) and valid and not self._brackets:  # there, it is a syntax error
                self._warn_of_comment(event, text, frame)
        self._place(Scalar(value, span, valid))

    def _warn_of_quotes(self, text: str, span: Span) -> None:
        """Warn of a text in typographic quotes, which a word processor has put there."""
        if len(text) > 1 and text[0] in _OPENING and text[-1] in _CLOSING:
            what = f"the quotation marks {text[0]} and {text[-1]} are part of this text"
            self._problems.warn(span, what, f"if YAML's are meant, write '{shorten(text[1:-1], 40)}'")

    def _warn_of_comment(self, event: Any, text: str, frame: _Frame | None) -> None:
        """Warn of a text such as `Worker #1`, of which the # and what follows is a comment."""
        end = Span(event.end_mark.line + 1, event.end_mark.column + 1, 60)
        key = frame.key[0] if frame and frame.key else ""
        found = re.match(rf" (#{'[^ ]' if key in PROSE else '[0-9]'}[^ ]*)", self._problems.text_at(end))
        if found and event.start_mark.line == event.end_mark.line:
            what = f"a comment begins at this #: the text is {quote(text)}"
            meant = shorten(f"{text} {found[1]}", 40)
            span = end._replace(column=end.column + 1, width=len(found[1]))
            self._problems.warn(span, what, f"put it in quotes, as in '{meant}', or write a space after the #")

    def _scalar_key(self, frame: _Frame, event: Any, span: Span) -> None:
        """Take `event` as the key of the mapping's next entry, or mark the entry as one to be left out."""
        text, key = event.value, None
        if event.implicit[0] and (self._is_decimal_comma(frame, span) or self._is_bare_list(frame, event)):
            pass
        elif event.implicit[0] and text == "<<":
            self._problems.error(span, "merge keys (<<) are not allowed in a scenario", "write the keys out")
        elif len(text) > MAX_KEY:
            what = f"this key has {len(text)} characters; the maximum is {MAX_KEY}"
            self._problems.error(span, what, "give it a shorter name")
        else:
            try:
                key = resolve_key(text) if event.implicit[0] else text
            except AmbiguousError as error:
                self._problems.error(span, error.what, error.hint)
        if key is not None and key in frame.entries:
            first = frame.entries[key].key_span.line
            what, hint = f"the key {quote(key)} is repeated here; the first is on line {first}", "keep one of the two"
            if key[0:1] == "-" and key[1:2].isalpha():
                what, hint = "a space is missing after this `-`", f"write `- {shorten(key[1:], 30)}: …`"
            self._problems.error(span, what, hint)
            key = None
        frame.key, frame.key_invalid, frame.expects_key = (key or "", span), key is None, False

    def _is_decimal_comma(self, frame: _Frame, span: Span) -> bool:
        """Return whether `{seconds: 1,5}` is written, which is the number 1 and a key 5; then that is the problem."""
        last = next(reversed(frame.entries.values())).value if frame.entries else None
        if not isinstance(last, Scalar) or type(last.value) is not int or last.span.line != span.line:
            return False
        both = last.span._replace(width=span.column + span.width - last.span.column)
        line = self._problems.text_at(both._replace(width=both.width + 10))
        found = re.match(r"([-+]?[0-9]+),([0-9]+)(?=\s*(?:[,}]|$))", line)
        if found is None or found.end() != both.width or both.width > 30:
            return False
        what = "a comma ends a number; decimals follow a point"
        self._problems.error(both, what, f"write {found[1]}.{found[2]}")
        last.valid = False  # no check may report a number that was not intended
        return True

    def _is_bare_list(self, frame: _Frame, event: Any) -> bool:
        """Return whether `{items: 1, 2, 3}` is written, of which 2 and 3 are keys; then that is the problem."""
        last = next(reversed(frame.entries.values())) if frame.entries else None
        if last is None or not isinstance(last.value, Scalar) or not re.fullmatch(r"[-+]?[0-9.]+", event.value):
            return False
        end = Span(event.end_mark.line + 1, event.end_mark.column + 1, 20)
        if self._problems.text_at(end).lstrip()[:1] not in (",", "}"):
            return False
        if last.value.valid:
            first = shorten(self._problems.text_at(last.value.span), 20)
            hint = f"write `{last.key}: [{first}, {shorten(event.value, 20)}]`"
            self._problems.error(last.value.span, "a list is written in brackets", hint)
            last.value.valid = False
        return True

    def _open(self, event: Any) -> None:
        self._count(event)
        self._no_properties(event)
        span = _span(event)
        if len(self._frames) >= MAX_DEPTH:
            self._problems.error(span, TOO_DEEP, CHECK_NESTING)
            raise _StopError
        self._brackets += bool(event.flow_style)
        self._frames.append(_Frame(span, isinstance(event, yaml.MappingStartEvent)))

    def _close(self, event: Any) -> None:
        frame = self._frames.pop()
        self._brackets = max(0, self._brackets - 1)
        line, column = event.end_mark.line + 1, event.end_mark.column + 1
        span = frame.span
        if line == span.line and column > span.column:
            span = span._replace(width=column - span.column)
        elif frame.entries:  # over several lines: point at its first key
            first = next(iter(frame.entries.values())).key_span
            span = first if first.line == span.line and first.column == span.column else span
        self._place(Mapping(frame.entries, span) if frame.is_mapping else Sequence(tuple(frame.items), span))

    def _place(self, node: Node) -> None:
        """Put a finished node where it belongs: into the innermost open list or mapping, or at the root."""
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        if not frame.is_mapping:
            frame.items.append(node)
        elif frame.expects_key:  # a list, mapping or alias stands where a key should
            if not isinstance(node, Scalar):
                kind = "a list" if isinstance(node, Sequence) else "a mapping"
                self._problems.error(node.span, f"{kind} cannot be a key; keys are text", "write a name before the ':'")
            frame.key, frame.key_invalid, frame.expects_key = ("", node.span), True, False
        else:
            if frame.key is not None and not frame.key_invalid:
                frame.entries[frame.key[0]] = Entry(frame.key[0], frame.key[1], node)
            frame.key, frame.expects_key = None, True

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            what = f"this file has more than {MAX_NODES} keys and values, the maximum for a scenario"
            self._problems.error(_span(event), what, "let a target make the data from a parameter, as `produce` does")
            raise _StopError

    def _no_properties(self, event: Any) -> bool:
        """Return whether the node has neither an anchor nor a tag; either is a problem."""
        if event.anchor is not None:
            hint = "write the value out wherever it is needed"
            self._problems.error(
                _span(event), f"an anchor (&{shorten(event.anchor)}) is not allowed in a scenario", hint
            )
        # A lone "!" comes as tag "!"; an implicit tag comes as None.
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "leave the tag out; put text in quotes"
            self._problems.error(_span(event), f"the tag {quote(tag)} is not allowed in a scenario", hint)
        return event.anchor is None and event.tag is None


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if end.line == start.line else 10**6  # cut to the line's end when shown
    return Span(start.line + 1, start.column + 1, max(1, width))


# Reading what is there, leniently


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
