"""The reading side: a `SegmentReader` per process, made of streams, and a `Drain` that merges all of them.

Segments are read with `pread`, never mapped: whatever a process does to its own file, truncating it included, the
reader gets short or wrong bytes, not a fatal signal.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from time import monotonic_ns
from typing import Any
from zlib import crc32

import msgpack

from run_scenario.record import codes, layout
from run_scenario.record.describe import told_bytes
from run_scenario.values import Value

Record = list[Any]
"""`[t, code, *fields]`, see `codes`."""

_MOST_MISSING = 100
"""Chunk numbers that are skipped when their files are missing."""
_HOLES_KEPT_NS = 1_000_000_000
"""How long a hole is looked at again before it is given up: its writer was interrupted for good."""


class Wait(Value):
    """What one thread waits for."""

    kind: int
    resource: int
    thread: int
    since: int
    until: int
    holding: bool = False
    """Whether it has the lock that lets one in at a time."""


class _Chunks:
    """The files of one stream: PREFIX and a number, the present one open."""

    def __init__(self, prefix: str, file: int, retire: Callable[[str], None]) -> None:
        self._prefix = prefix
        self._retire = retire
        self._file = file
        self.missing = 0
        """How many files were not there any more."""
        self._number = 0
        self._position = 0

    def _turn_page(self, newest: int) -> bool:
        """Go on to the next chunk there is; False if there is none, which only its own process can have done."""
        number, following = _open_next(self._prefix, self._number, newest)
        if following is None:
            return False
        if self._number:
            os.close(self._file)
            self._retire(f"{self._prefix}{self._number}")
        self.missing += number - self._number - 1
        self._number, self._file, self._position = number, following, 0
        return True

    def close(self) -> None:
        """Close the file, unless it is the segment's first."""
        if self._number:
            os.close(self._file)


class GeneralStream(_Chunks):
    """The records of any kind and length."""

    def __init__(self, prefix: str, first: int, position: int, retire: Callable[[str], None]) -> None:
        super().__init__(f"{prefix}.", first, retire)
        self._position = position
        self._quiet = False
        """Whether there was nothing the last time: then a look at the next record's head comes before a whole block."""

    def read(self, newest: int, block: int, *, final: bool = False) -> tuple[list[Record], bool]:
        """Return the next complete records, about `block` bytes of them, and whether there may be more now.

        `newest` is the number of the chunk that is written to.
        """
        records: list[Record] = []
        more = self._read_block(records, block)
        if not more and newest > self._number:
            more = self._turn_page(newest)
        return records, more

    def _read_block(self, records: list[Record], size: int) -> bool:
        """Read one block; return whether it was cut short by its own size rather than by the end of what is there."""
        if self._quiet and not any(os.pread(self._file, layout.RECORD.size, self._position)):
            return False
        block = os.pread(self._file, size, self._position)
        end, at = len(block), 0
        unpack_head, unpack_body = layout.RECORD.unpack_from, msgpack.unpackb
        while at + 8 <= end:
            length, checksum = unpack_head(block, at)
            start = at + 8
            if length == 0:  # nothing here yet
                size = end + 1
                break
            if start + length > end:
                if at:  # it begins the next block
                    self._position += at
                    return True
                block += os.pread(self._file, min(length, layout.LAST_RECORD), self._position + end)
                end = len(block)
                if start + length > end:
                    break
            body = block[start : start + length]
            if crc32(body) != checksum:
                break
            at = start + length
            with contextlib.suppress(ValueError, msgpack.UnpackException):
                record = unpack_body(body, unicode_errors="surrogatepass", strict_map_key=False)
                if type(record) is list and len(record) >= 2 and type(record[0]) is type(record[1]) is int:
                    records.append(record)
        self._position += at
        self._quiet = at == 0
        return at > 0 and end >= size


class FixedStream(_Chunks):
    """The records of 48 bytes."""

    def __init__(self, prefix: str, retire: Callable[[str], None]) -> None:
        super().__init__(f"{prefix}.f", -1, retire)
        self._holes: list[tuple[int, int]] = []
        """Position and the time at which it was found, in the present chunk."""

    def read(self, newest: int, block: int, *, final: bool = False) -> tuple[list[Record], bool]:
        """Return the next complete records, about `block` bytes of them, and whether there may be more now.

        `newest` is the number of the chunk that is written to. With `final` nobody writes any more: holes are given up
        at once.
        """
        if self._number == 0 and (newest == 0 or not self._turn_page(newest)):
            return [], False
        records = self._fill_holes(final) if self._holes else []
        size = max(1, block // layout.FIXED.size) * layout.FIXED.size
        full = newest > self._number  # then all its places are taken, and an unwritten one is a hole
        more = self._read_block(records, size, full)
        if not more and full:
            # While there are holes, the chunk is not left; what comes after it has to wait for them.
            more = bool(self._holes) or self._turn_page(newest)
        return records, more

    def _read_block(self, records: list[Record], size: int, full: bool) -> bool:
        data = os.pread(self._file, size, self._position)
        data = data[: len(data) // layout.FIXED.size * layout.FIXED.size]
        rows = list(layout.FIXED_BY.iter_unpack(data))
        while rows and rows[-1][8] != 1 and not full:
            rows.pop()  # nothing here yet
        for row in rows:
            if row[8] == 1:
                records.append(_fixed_record(row))
            else:
                self._holes.append((self._position, monotonic_ns()))
            self._position += layout.FIXED.size
        return len(rows) * layout.FIXED.size >= size

    def _fill_holes(self, final: bool) -> list[Record]:
        """Return the records that have meanwhile appeared where there were holes; give up old holes."""
        found: list[Record] = []
        still: list[tuple[int, int]] = []
        for position, since in self._holes:
            data = os.pread(self._file, layout.FIXED.size, position)
            row = layout.FIXED_BY.unpack(data) if len(data) == layout.FIXED.size else (0,) * 9
            if row[8] == 1:
                found.append(_fixed_record(row))
            elif not final and monotonic_ns() - since < _HOLES_KEPT_NS:
                still.append((position, since))
        self._holes = still
        return found


_VALUES = {layout.V_SAME: codes.SAME, layout.V_NONE: None, layout.V_FALSE: False, layout.V_TRUE: True}


def _fixed_record(row: tuple[Any, ...]) -> Record:
    """Return a fixed record in the form that the same code has as a general one."""
    t, code, kind, queue, by, stamp, value, since, _ = row
    if by:
        record = _fixed_record((t, code, kind, queue, 0, stamp, value, since, 1))
        record[1] |= by << layout.WORKER_BITS
        return record
    if code == codes.PUT or code == codes.GET:
        return [t, code, queue, stamp, value if kind == layout.V_INT else _value(kind, value), since]
    if code == codes.TASK_DONE:
        return [t, code, queue]
    if code == codes.POOL_TASK_STARTED or code == codes.POOL_TASK_FINISHED:
        call, task = stamp >> layout.TASK_BITS, stamp & (1 << layout.TASK_BITS) - 1
        return [t, code, queue, call, task, [value] if code == codes.POOL_TASK_STARTED else value]
    if code == codes.EMPTY or code == codes.FULL:
        return [t, code, queue, kind == layout.V_TRUE, bool(value)]
    return [t, code, queue, stamp, value if kind == layout.V_INT else _value(kind, value), since]


def _value(kind: int, value: int) -> Any:
    return told_bytes(value) if kind == layout.V_BYTES else _VALUES.get(kind)


class Speaker:
    """Who made a record: a process, or one of its threads that is a worker of its own."""

    name: str
    pid: int
    worker = 0
    """Of such a thread: the number it was enlisted with."""


class ThreadSpeaker(Speaker):
    """A worker's thread; its name is not known here."""

    def __init__(self, pid: int, worker: int) -> None:
        self.name = f"worker {worker}"
        self.pid = pid
        self.worker = worker


class SegmentReader(Speaker):
    """Reads what one process recorded; safe against everything that process may have written there.

    Raises:
        ValueError: the file is no segment (yet).
        OSError: it cannot be read.
    """

    def __init__(self, first_chunk: str, retire: Callable[[str], None] | None = None) -> None:
        """Read a segment by its first file; `retire` is called for each later file that has been read."""
        retire = retire or remove
        self._threads: dict[int, Speaker] = {}
        self.prefix = first_chunk[:-2]
        """Path of the process's files without their endings."""
        self._path = first_chunk
        self._first = _open(first_chunk)
        head = os.pread(self._first, layout.WAITS_AT, 0)
        if len(head) < layout.WAITS_AT or not head.startswith(layout.MAGIC):
            os.close(self._first)
            raise ValueError(f"{first_chunk} is not a segment")
        _, self.pid, self.ppid, self.began, size, self._queues, length = layout.HEADER.unpack_from(head)
        label = head[layout.NAME_AT : layout.NAME_AT + min(length, layout.NAME_LIMIT)]
        self.name = label.decode("utf-8", "replace")
        self.streams = (
            GeneralStream(self.prefix, self._first, size, retire),
            FixedStream(self.prefix, retire),
        )

    def news(self) -> tuple[int, int, int]:
        """Return which chunks are written to now, of the general and of the fixed stream, and how much was lost.

        Older chunks are sealed: what is read of them after this was asked is all of them.
        """
        data = os.pread(self._first, layout.NEWS.size, layout.CHUNKS_AT)
        return layout.NEWS.unpack(data) if len(data) == layout.NEWS.size else (0, 0, 0)

    def speaker(self, record: Record) -> Speaker:
        """Return who made a record of this segment, and leave only the code where code and worker stood together."""
        number, record[1] = record[1] >> layout.WORKER_BITS, record[1] & (1 << layout.WORKER_BITS) - 1
        known = self._threads.get(number)
        if known is None:
            known = self._threads[number] = ThreadSpeaker(self.pid, number)
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

    def waits(self) -> list[Wait]:
        """Return what the process's threads wait for now."""
        return _waits(self._header(layout.WAITS * layout.WAIT.size, layout.WAITS_AT))

    @property
    def is_closed(self) -> bool:
        """Whether its files have been closed."""
        return self._first < 0

    def close(self) -> None:
        """Close the files; what is in the header can still be asked for."""
        if self._first >= 0:
            for stream in self.streams:
                stream.close()
            os.close(self._first)
            self._first = -1


def read_header(first_chunk: str, length: int, position: int) -> bytes:
    """Return bytes of a segment's header without keeping the file open; empty if it cannot be read."""
    try:
        descriptor = _open(first_chunk)
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


def _open(path: str) -> int:
    """Open a regular file for reading; never wait, whatever has been put in its place.

    Raises:
        OSError: it cannot be opened, or is something else than a file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{path} is not a regular file")
    return descriptor


def _open_next(prefix: str, number: int, newest: int) -> tuple[int, int | None]:
    """Open the first chunk after `number` that there is; numbers may be missing."""
    for candidate in range(number + 1, min(newest, number + _MOST_MISSING) + 1):
        with contextlib.suppress(FileNotFoundError):
            return candidate, _open(f"{prefix}{candidate}")
    if newest <= number + _MOST_MISSING:
        return number, None
    return _open_first(prefix, number, newest)


def _open_first(prefix: str, number: int, newest: int) -> tuple[int, int | None]:
    """Open the first chunk after `number`, where the gap is so long that to look at what there is is quicker."""
    folder, _, name = prefix.rpartition("/")
    with contextlib.suppress(OSError):
        endings = (entry.removeprefix(name) for entry in os.listdir(folder) if entry.startswith(name))
        for candidate in sorted(int(ending) for ending in endings if ending.isdecimal()):
            if number < candidate <= newest:
                return candidate, _open(f"{prefix}{candidate}")
    return number, None


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(OSError):
        os.unlink(path)
