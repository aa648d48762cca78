"""YAML text → a tree of nodes that know where they stand.

    text ──PyYAML's events──▶ _Builder ──▶ Node tree + Problems

PyYAML only splits the text; what a scalar means, and everything that is refused, is decided here, event by event,
so that a hostile file is stopped while it is read: no alias is ever followed, and depth and size are bounded. The
building is iterative; nothing recurses on the depth of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from run_scenario.language.problems import Problems, Span, quote, shorten
from run_scenario.language.scalars import MAX_KEY, MAX_TEXT, AmbiguousError, resolve, resolve_key
from run_scenario.language.syntax_errors import CHECK_NESTING, MAX_DEPTH, TOO_DEEP, explain

MAX_NODES = 10_000
"""Most keys, values, lists and mappings in one file."""

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it; both give the same events."""


# The nodes are written out: for a class of four lines, the dataclass decorator would cost a millisecond at every start.


class Scalar:
    """A single value; not `sound` if it was refused, in which case `value` is its text."""

    __slots__ = ("sound", "span", "value")

    def __init__(self, value: bool | int | float | str | None, span: Span, sound: bool = True) -> None:
        self.value, self.span, self.sound = value, span, sound


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


class Mapping:
    """A mapping, in file order; no key stands in it twice."""

    __slots__ = ("entries", "span")

    def __init__(self, entries: dict[str, Entry], span: Span) -> None:
        self.entries, self.span = entries, span


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
    """The text is refused as a whole; reading on would only cost time."""


class _Frame:
    """A list or mapping that is still open; of a mapping, also the key whose value comes next."""

    __slots__ = ("entries", "expects_key", "is_mapping", "items", "key", "key_refused", "span")

    def __init__(self, span: Span, is_mapping: bool) -> None:
        self.span, self.is_mapping = span, is_mapping
        self.items: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.key: tuple[str, Span] | None = None
        self.expects_key, self.key_refused = True, False


class _Builder:
    """Builds the tree from events; `root` is the document's node once it is complete."""

    def __init__(self, problems: Problems) -> None:
        self.root: Node | None = None
        self._problems = problems
        self._frames: list[_Frame] = []
        self._nodes = 0
        self._documents = 0

    def feed(self, event: Any) -> None:
        """Take the next event.

        Raises:
            _StopError: the text is refused as a whole.
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
        hint = f"write the value out; if '*{name}' is meant as text, put it in quotes"
        self._problems.error(_span(event), f"an alias (*{name}) stands here", hint)
        self._place(Scalar(f"*{name}", _span(event), sound=False))

    def _scalar(self, event: Any) -> None:
        self._count(event)
        sound = self._no_properties(event)
        span, text = _span(event), event.value
        frame = self._frames[-1] if self._frames else None
        if frame and frame.is_mapping and frame.expects_key:
            self._scalar_key(frame, event, span)
            return
        if not text and event.implicit[0] and frame and frame.is_mapping and frame.key:
            span = frame.key[1]  # an empty value has no place of its own: point at its key
        value: bool | int | float | str | None = text
        if len(text) > MAX_TEXT:
            what = f"this text has {len(text)} characters, the most are {MAX_TEXT}"
            self._problems.error(span, what, "let a target make long data from a parameter")
            sound = False
        elif event.implicit[0] and sound:  # plain: neither quoted nor a block
            try:
                value = resolve(text)
            except AmbiguousError as error:
                self._problems.error(span, error.what, error.hint)
                sound = False
        self._place(Scalar(value, span, sound))

    def _scalar_key(self, frame: _Frame, event: Any, span: Span) -> None:
        """Take `event` as the key of the mapping's next entry, or mark the entry as one to be left out."""
        text, key = event.value, None
        if event.implicit[0] and self._is_decimal_comma(frame, span):
            pass
        elif event.implicit[0] and text == "<<":
            self._problems.error(span, "merge keys (<<) are not allowed in a scenario", "write the keys out")
        elif len(text) > MAX_KEY:
            what = f"this key has {len(text)} characters, the most are {MAX_KEY}"
            self._problems.error(span, what, "give it a shorter name")
        else:
            try:
                key = resolve_key(text) if event.implicit[0] else text
            except AmbiguousError as error:
                self._problems.error(span, error.what, error.hint)
        if key is not None and key in frame.entries:
            first = frame.entries[key].key_span.line
            what = f"the key {quote(key)} stands here a second time; the first is on line {first}"
            self._problems.error(span, what, "keep one of the two")
            key = None
        frame.key, frame.key_refused, frame.expects_key = (key or "", span), key is None, False

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
        last.sound = False  # nobody is to complain about a number that was not meant
        return True

    def _open(self, event: Any) -> None:
        self._count(event)
        self._no_properties(event)
        span = _span(event)
        if len(self._frames) >= MAX_DEPTH:
            self._problems.error(span, TOO_DEEP, CHECK_NESTING)
            raise _StopError
        self._frames.append(_Frame(span, isinstance(event, yaml.MappingStartEvent)))

    def _close(self, event: Any) -> None:
        frame = self._frames.pop()
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
            frame.key, frame.key_refused, frame.expects_key = ("", node.span), True, False
        else:
            if frame.key is not None and not frame.key_refused:
                frame.entries[frame.key[0]] = Entry(frame.key[0], frame.key[1], node)
            frame.key, frame.expects_key = None, True

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            what = f"this file has more than {MAX_NODES} keys and values, the most a scenario may have"
            self._problems.error(_span(event), what, "let a target make the data from a parameter, as `produce` does")
            raise _StopError

    def _no_properties(self, event: Any) -> bool:
        """Return whether the node has neither an anchor nor a tag; either is a problem."""
        if event.anchor is not None:
            hint = "write the value out wherever it is needed"
            self._problems.error(_span(event), f"an anchor (&{shorten(event.anchor)}) stands here", hint)
        # A lone "!" comes as tag "!"; an implicit tag comes as None.
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "leave the tag out; put text in quotes"
            self._problems.error(_span(event), f"the tag {quote(tag)} stands here; tags are not allowed", hint)
        return event.anchor is None and event.tag is None


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if end.line == start.line else 10**6  # cut to the line's end when shown
    return Span(start.line + 1, start.column + 1, max(1, width))
