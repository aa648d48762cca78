"""The reading side: a `SegmentReader` per process, made of streams, and a `Drain` that merges all of them.

Segments are read with `pread`, never mapped: whatever a process does to its own file, truncating it included, the
reader gets short or wrong bytes, not a fatal signal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from run_scenario.recording import layout
from run_scenario.recording.streams import FixedStream, GeneralStream, PollStream, Record, open_file, remove
from run_scenario.values import Value

PackedWait = tuple[int, int, int, int, int]
"""A `Wait` in a record: its fields in order, but for `holding`."""


class Wait(Value):
    """What one thread waits for."""

    kind: int
    resource: int
    thread: int
    since: int
    until: int
    """As in `layout.WAIT`."""
    holding: bool = False
    """Whether it has the lock that lets one in at a time."""

    def packed(self) -> PackedWait:
        """Return the fields in order, for a record."""
        return self.kind, self.resource, self.thread, self.since, self.until


class Source:
    """Who made a record: a process, or one of its threads that is a worker of its own."""

    name: str
    pid: int
    worker = 0
    """Of such a thread: the number it was registered with."""


class ThreadSource(Source):
    """A worker's thread; its name is not known here."""

    def __init__(self, pid: int, worker: int) -> None:
        self.name = f"worker {worker}"
        self.pid = pid
        self.worker = worker


class SegmentReader(Source):
    """Reads what one process recorded; safe against everything that process may have written there.

    Raises:
        ValueError: the file is no segment (yet).
        OSError: it cannot be read.
    """

    def __init__(self, first_chunk: str, discard: Callable[[str], None] | None = None) -> None:
        """Read a segment by its first file; `discard` is called for each later file that has been read."""
        discard = discard or remove
        self._threads: dict[int, Source] = {}
        self._unfinished = 0
        """At the time of `close`."""
        self.untimely = 0
        """How many records had a time at which they cannot have been made."""
        self.prefix = first_chunk[:-2]
        """Path of the process's files without their endings."""
        self._path = first_chunk
        self._first = open_file(first_chunk)
        head = os.pread(self._first, layout.WAITS_AT, 0)
        if len(head) < layout.WAITS_AT or not head.startswith(layout.MAGIC):
            os.close(self._first)
            raise ValueError(f"{first_chunk} is not a segment")
        _, self.pid, self.ppid, self.began, size, self._queues, length = layout.HEADER.unpack_from(head)
        label = head[layout.NAME_AT : layout.NAME_AT + min(length, layout.NAME_LIMIT)]
        self.name = label.decode("utf-8", "replace")
        self.streams = (
            GeneralStream(self.prefix, self._first, size, discard),
            FixedStream(self.prefix, discard),
            PollStream(self.prefix, discard),
        )

    def news(self) -> tuple[int, int, int, int]:
        """Return which chunks are written to now, of each of the streams, and how much was lost.

        Older chunks are sealed: what is read of them after this was asked is all of them.
        """
        data = os.pread(self._first, layout.NEWS.size, layout.CHUNKS_AT)
        if len(data) != layout.NEWS.size:
            return 0, 0, 0, 0
        general, fixed, lost, _, polls = layout.NEWS.unpack(data)
        return general, fixed, polls, lost

    def source_of(self, record: Record) -> Source:
        """Return who made a record of this segment, and leave only the code where code and worker stood together."""
        number, record[1] = record[1] >> layout.WORKER_BITS, record[1] & (1 << layout.WORKER_BITS) - 1
        known = self._threads.get(number)
        if known is None:
            known = self._threads[number] = ThreadSource(self.pid, number)
        return known

    def _header(self, length: int, position: int) -> bytes:
        """Return bytes of the header, also after `close`."""
        if self._first >= 0:
            return os.pread(self._first, length, position)
        return read_header(self._path, length, position)

    def flushed(self, queue: int) -> int:
        """Return how many items this process's feeder thread has written to the queue's pipe, or begun to."""
        if queue >= self._queues:
            return 0
        return _unpack(layout.COUNT, self._header(8, layout.FLUSHED_AT + 8 * queue))

    @property
    def lost(self) -> int:
        """How many records could not be stored because there was no space left."""
        return _unpack(layout.COUNT, self._header(8, layout.LOST_AT))

    @property
    def missing(self) -> int:
        """How many of its files were not there any more."""
        return sum(stream.missing for stream in self.streams)

    @property
    def damaged(self) -> int:
        """How many records, at least, are not there or not as they were stored: something has written over them."""
        return self.untimely + sum(stream.damaged for stream in self.streams)

    @property
    def unfinished(self) -> int:
        """How many records were begun and not finished; final when the process is over."""
        return self._unfinished if self.is_closed else sum(stream.unfinished for stream in self.streams)

    def waits(self) -> list[Wait]:
        """Return what the process's threads wait for now.

        A wait that begins or ends meanwhile may be seen with the `until` of another; one that is seen twice is whole.
        """
        return _waits(self._header(layout.WAITS * layout.WAIT.size, layout.WAITS_AT))

    @property
    def is_closed(self) -> bool:
        """Whether its files have been closed."""
        return self._first < 0

    def close(self) -> None:
        """Close the files; what is in the header can still be asked for."""
        if self._first >= 0:
            self._unfinished = self.unfinished
            for stream, newest in zip(self.streams, self.news(), strict=False):
                stream.close(newest)
            os.close(self._first)
            self._first = -1


def read_header(first_chunk: str, length: int, position: int) -> bytes:
    """Return bytes of a segment's header without keeping the file open; empty if it cannot be read."""
    try:
        descriptor = open_file(first_chunk)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, length, position)
    finally:
        os.close(descriptor)


def read_waits(first_chunk: str) -> list[Wait]:
    """Return what the threads of a segment's process wait for now."""
    return _waits(read_header(first_chunk, layout.WAITS * layout.WAIT.size, layout.WAITS_AT))


def read_stack_descriptor(first_chunk: str) -> int:
    """Return the descriptor to which a segment's process writes its stacks; 0 if it writes none."""
    return _unpack(layout.CHUNK, read_header(first_chunk, layout.CHUNK.size, layout.STACK_AT))


def read_alarm(first_chunk: str) -> int:
    """Return when SIGALRM comes to a segment's process (monotonic ns); 0 if it has not asked for it."""
    return _unpack(layout.TIME, read_header(first_chunk, layout.TIME.size, layout.ALARM_AT))


def _waits(block: bytes) -> list[Wait]:
    block = block[: len(block) // layout.WAIT.size * layout.WAIT.size]
    rows = layout.WAIT.iter_unpack(block)
    return [
        Wait(kind, resource, thread, abs(since), until, since < 0)
        for kind, resource, thread, since, until in rows
        if kind and since
    ]


def _unpack(form: Any, data: bytes) -> int:
    return int(form.unpack(data)[0]) if len(data) == form.size else 0
