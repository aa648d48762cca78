"""`Lines`: the lines of a log as a sequence of events, each of which is decoded when it is asked for.

    file ── read once ──▶ blocks: where each is, how many events it has, and of which names
                             └── an event is asked for ──▶ its block, read again and decoded, and kept for a while

A million events are 250 MB of lines, and 2 GB as dictionaries. What is held of them here are 60 bytes for each block of
some 260, and the dictionaries of the blocks that were used last. A log that is no longer than these are together is in
memory as a whole, and is decoded once; a longer one stays in its file.

A log of an older format is read as one of this version's.
"""

from __future__ import annotations

import io
import json
import os
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import IO, Any, Protocol, overload
from zlib import crc32

import msgspec

from run_scenario.errors import MachineryError

# The format of logs


LOG_FORMAT = 2
"""Format of the logs that this version writes; the first event of a run names it."""

_EVENTS = {f"{group}.poisoned": f"{group}.abandoned" for group in ("queue", "event", "condition", "barrier")}
_EVENTS |= {"main.called": "step.called", "main.raised": "step.raised"}
_OUTCOMES = {"too_much": "limit_exceeded", "broken": "internal_error"}
_CAUSES = {"swept": "stopped_by_runner"}


_NEEDED = ("event", "t", "seq", "run", "process")
_LONGEST_RUN = 1e9
"""Seconds."""

_decode = msgspec.json.Decoder().decode


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line of a log of any format; None if it is none."""
    try:
        event = _decode(line)
    except (msgspec.MsgspecError, RecursionError):  # what is not strictly JSON, such as half a surrogate pair
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return None
    if not isinstance(event, dict) or not all(key in event for key in _NEEDED):
        return None
    texts = all(isinstance(event[key], str) for key in ("event", "run", "process"))
    numbers = type(event["t"]) in (int, float) and type(event["seq"]) is int
    return upgrade(event) if texts and numbers and 0 <= event["t"] < _LONGEST_RUN else None


def upgrade(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of any format in the words of this one; it is changed in place.

    Logs of version 0.1 had other names for some events, outcomes and causes.
    """
    name = event.get("event")
    if name == "scenario.finished":
        _rename(event, "outcome", _OUTCOMES)
    elif name == "process.exited":
        _rename(event, "cause", _CAUSES)
    else:
        _rename(event, "event", _EVENTS)
    return event


def _rename(event: dict[str, Any], field: str, names: dict[str, str]) -> None:
    old = event.get(field)
    if isinstance(old, str) and old in names:  # in a damaged log, anything may stand there
        event[field] = names[old]


# Lines


Event = Mapping[str, Any]
Names = frozenset[str] | None
"""Names of the events that are wanted; None: all."""

_BLOCK = 1 << 16
"""Bytes of lines that are decoded together; a longer line is a block of its own."""
_KEPT = 128
"""Blocks whose events are kept decoded: about 40 MB."""
IN_MEMORY = _BLOCK * _KEPT
"""Bytes of a log that is held in memory, rather than its file open."""

_decode_lines = msgspec.json.Decoder(dict[str, Any]).decode_lines


class _Source(Protocol):
    def read(self, size: int, at: int) -> bytes:
        """Return so many bytes from there; fewer, if there are no more."""


class _Memory:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, at: int) -> bytes:
        return self._data[at : at + size]


class _File:
    """A file that stays open as long as this is used, also when its name is gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    def read(self, size: int, at: int) -> bytes:
        return os.pread(self._descriptor, size, at)


class _Blocks:
    """Where the events of one run are in a log: block by block, in the order of the log."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.count = 0
        """Events in all blocks."""
        self.first = array("Q")
        """Of each block, the number of its first event."""
        self.at = array("Q")
        self.size = array("Q")
        self.checksum = array("L")
        self.names: list[frozenset[str]] = []
        """The names of the events in each block; equal ones are one object."""
        self._known: dict[frozenset[str], frozenset[str]] = {}
        self._new: set[str] = set()

    def add(self, name: str, line: bytes, at: int) -> None:
        """Note that an event of that name is in the line that begins there."""
        end = at + len(line)
        if not self.at or end - self.at[-1] > _BLOCK:
            self.close()
            self.first.append(self.count)
            self.at.append(at)
            self.size.append(0)
        self.count += 1
        self.size[-1] = end - self.at[-1]
        self._new.add(name)

    def close(self) -> None:
        """Note that the last block has no more events."""
        if len(self.names) < len(self.at):
            names = frozenset(self._new)
            self.names.append(self._known.setdefault(names, names))
            self._new.clear()


class Lines(Sequence[Event]):
    """The events of one run in a log, in the order of the log; a slice of it is a `Selection`.

    Each is a dictionary of its own, made of its line. It may be made anew whenever it is asked for: what a caller
    changes in one need not be there the next time.
    """

    def __init__(self, source: _Source, blocks: _Blocks, name: str, *, has_others: bool) -> None:
        self._source = source
        self._blocks = blocks
        self._name = name
        self._has_others = has_others
        """Whether lines of other runs are between these."""
        # Not a method of this object: that would be a circle, and its file stay open until it is collected.
        self._events = lru_cache(_KEPT)(_reader(source, blocks, name, has_others))

    @classmethod
    def read(cls, file: IO[bytes], name: str, run: str | None = None, *, start: int = 0) -> Lines:
        """Read a log from `start` on; of several runs in it the last one, or the one called `run`.

        A torn last line is left out. A long file is not to be changed as long as this is used, other than by appending
        to it: `name` is what the error calls it then.

        Raises:
            OSError: it cannot be read.
            ValueError: a line before the last is no event.
        """
        size = os.fstat(file.fileno()).st_size - start
        if file.seekable():  # what comes through a pipe is read as it is
            file.seek(start)
        if size <= IN_MEMORY:
            return cls.of(file.read(), name, run)
        return _indexed(_File(file.fileno()), file, start, name, run)

    @classmethod
    def of(cls, data: bytes, name: str, run: str | None = None) -> Lines:
        """Return the events in these lines, which are held in memory.

        Raises:
            ValueError: as `read`.
        """
        return _indexed(_Memory(data), io.BytesIO(data), 0, name, run)

    def __reduce__(self) -> tuple[Callable[..., Lines], tuple[bytes, str]]:
        """Return what a copy is made of: the lines of this run."""
        return Lines.of, (b"".join(self._own_lines()), self._name)

    def _own_lines(self) -> Iterator[bytes]:
        blocks = self._blocks
        for at, size in zip(blocks.at, blocks.size, strict=True):
            data = self._source.read(size, at)
            if not self._has_others:
                yield data
                continue
            for line in io.BytesIO(data):
                event = parse_line(line)
                if event is not None and event["run"] == blocks.run:
                    yield line

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Selection: ...

    def __getitem__(self, index: int | slice) -> Event | Selection:
        numbers = range(self._blocks.count)
        if isinstance(index, slice):
            return Selection(self, numbers[index])
        number = numbers[index]
        block = bisect_right(self._blocks.first, number) - 1
        return self._events(block)[number - self._blocks.first[block]]

    def __len__(self) -> int:
        return self._blocks.count

    def __iter__(self) -> Iterator[Event]:
        for block in range(len(self._blocks.at)):
            yield from self._events(block)

    def where(self, test: Callable[[Event], bool], names: Names = None) -> Selection:
        """Return the events that pass a test, which no event of another name than these can pass."""
        return Selection(self, range(len(self))).where(test, names)

    def among(self, numbers: Iterable[int], names: Names = None) -> Iterator[tuple[int, Event]]:
        """Yield the events of these numbers, each with its own, but for those in blocks without any of these names."""
        blocks = self._blocks
        first = end = 0
        events: list[Event] | None = None
        for number in numbers:
            if not first <= number < end:
                block = bisect_right(blocks.first, number) - 1
                first = blocks.first[block]
                end = blocks.first[block + 1] if block + 1 < len(blocks.first) else blocks.count
                events = None if names is not None and names.isdisjoint(blocks.names[block]) else self._events(block)
            if events is not None:
                yield number, events[number - first]


class Selection(Sequence[Event]):
    """Some of the events of a log, by their numbers."""

    def __init__(self, lines: Lines, numbers: range | array[int]) -> None:
        self._lines = lines
        self._numbers = numbers

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Selection: ...

    def __getitem__(self, index: int | slice) -> Event | Selection:
        if isinstance(index, slice):
            return Selection(self._lines, self._numbers[index])
        return self._lines[self._numbers[index]]

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Event]:
        return (event for _, event in self._lines.among(self._numbers))

    def where(self, test: Callable[[Event], bool], names: Names = None) -> Selection:
        """Return those of them that pass a test, which no event of another name than these can pass."""
        found = self._lines.among(self._numbers, names)
        return Selection(self._lines, array("Q", (number for number, event in found if test(event))))


def _indexed(source: _Source, lines: Iterable[bytes], at: int, name: str, run: str | None) -> Lines:
    """Return the events of a run in these lines, of which the first begins at `at`."""
    runs: dict[str, _Blocks] = {}
    latest: str | None = None
    torn = 0
    for number, line in enumerate(lines, 1):
        if torn:
            break
        event = parse_line(line)
        if event is None:
            torn = number
        else:
            latest = event["run"]
            blocks = runs.get(latest)
            if blocks is None:
                blocks = runs[latest] = _Blocks(latest)
            blocks.add(event["event"], line, at)
        at += len(line)
    else:
        torn = 0  # it was the last one
    if torn:
        raise ValueError(f"{name}:{torn}: this line is no event of a log of run-scenario")
    wanted = (latest or "") if run is None else run
    found = runs.pop(wanted, None) or _Blocks(wanted)
    found.close()
    for begin, size in zip(found.at, found.size, strict=True):
        found.checksum.append(crc32(source.read(size, begin)))
    return Lines(source, found, name, has_others=bool(runs))


def _reader(source: _Source, blocks: _Blocks, name: str, has_others: bool) -> Callable[[int], list[Event]]:
    """Return what reads the events of a block."""

    def read(block: int) -> list[Event]:
        data = source.read(blocks.size[block], blocks.at[block])
        if crc32(data) != blocks.checksum[block]:
            raise MachineryError(f"{name} has been changed since it was read: its events can no longer be looked up")
        try:
            events: list[Event] = [upgrade(event) for event in _decode_lines(data)]
        except (msgspec.MsgspecError, RecursionError):  # half a surrogate pair, for one: not for strict readers
            events = [event for line in io.BytesIO(data) if (event := parse_line(line)) is not None]
        return [event for event in events if event["run"] == blocks.run] if has_others else events

    return read
