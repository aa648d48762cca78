"""The reading side: a `SegmentReader` per process, made of streams, and a `Drain` that merges all of them.

Segments are read with `pread`, never mapped: whatever a process does to its own file, truncating it included, the
reader gets short or wrong bytes, not a fatal signal.
"""

from __future__ import annotations

import contextlib
import os
from time import monotonic_ns
from typing import Any
from zlib import crc32

import msgpack

from run_scenario.record import codes, layout
from run_scenario.values import Value

Record = list[Any]
"""`[t, code, *fields]`, see `codes`."""

_HOLES_KEPT_NS = 1_000_000_000
"""How long a hole is looked at again before it is given up: its writer was interrupted for good."""


class Wait(Value):
    """What one thread waits for."""

    kind: int
    resource: int
    thread: int
    since: int
    until: int


class GeneralStream:
    """The records of any kind and length."""

    def __init__(self, prefix: str, first: int, position: int) -> None:
        self._prefix = prefix
        self._first = self._file = first
        self._position = position
        self._number = 0

    def read(self, block: int) -> tuple[list[Record], bool]:
        """Return the next complete records, about `block` bytes of them, and whether there may be more now."""
        # Which chunk is written to is asked first: the older ones are sealed, so what is then read of them is all.
        newest = _unpack(layout.CHUNK, os.pread(self._first, layout.CHUNK.size, layout.CHUNKS_AT))
        records: list[Record] = []
        more = self._read_block(records, block)
        if not more and newest > self._number:
            more = self._turn_page()
        return records, more

    def _read_block(self, records: list[Record], size: int) -> bool:
        """Read one block; return whether it was cut short by its own size rather than by the end of what is there."""
        block = os.pread(self._file, size, self._position)
        end, at = len(block), 0
        unpack_head, unpack_body = layout.RECORD.unpack_from, msgpack.unpackb
        while at + 8 <= end:
            length, checksum = unpack_head(block, at)
            start = at + 8
            if length == 0:
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
        return at > 0 and end >= size

    def _turn_page(self) -> bool:
        """Go on to the next chunk; False if it is not there, which only its own process can have done."""
        try:
            following = _open(f"{self._prefix}.{self._number + 1}")
        except FileNotFoundError:
            return False
        if self._number:
            os.close(self._file)
            _remove(f"{self._prefix}.{self._number}")
        self._number += 1
        self._file, self._position = following, 0
        return True

    def close(self) -> None:
        """Close the file, unless it is the segment's first."""
        if self._number:
            os.close(self._file)


class FixedStream:
    """The records of 48 bytes."""

    def __init__(self, prefix: str, first: int) -> None:
        self._prefix = prefix
        self._first = first
        self._file = -1
        self._number = 0
        self._position = 0
        self._holes: list[tuple[int, int]] = []
        """Position and the time at which it was found, in the present chunk."""

    def read(self, block: int) -> tuple[list[Record], bool]:
        """Return the next complete records, about `block` bytes of them, and whether there may be more now."""
        newest = _unpack(layout.CHUNK, os.pread(self._first, layout.CHUNK.size, layout.FIXED_CHUNKS_AT))
        if self._number == 0 and (newest == 0 or not self._turn_page()):
            return [], False
        records = self._fill_holes() if self._holes else []
        size = max(1, block // layout.FIXED.size) * layout.FIXED.size
        more = self._read_block(records, size)
        if not more and newest > self._number and not self._holes:
            more = self._turn_page()
        return records, more

    def _read_block(self, records: list[Record], size: int) -> bool:
        data = os.pread(self._file, size, self._position)
        data = data[: len(data) // layout.FIXED.size * layout.FIXED.size]
        rows = list(layout.FIXED.iter_unpack(data))
        while rows and rows[-1][7] != 1:
            rows.pop()  # nothing here yet
        for row in rows:
            if row[7] == 1:
                records.append(_fixed_record(row))
            else:
                self._holes.append((self._position, monotonic_ns()))
            self._position += layout.FIXED.size
        return len(rows) * layout.FIXED.size >= size

    def _fill_holes(self) -> list[Record]:
        """Return the records that have meanwhile appeared where there were holes."""
        found: list[Record] = []
        still: list[tuple[int, int]] = []
        for position, since in self._holes:
            data = os.pread(self._file, layout.FIXED.size, position)
            row = layout.FIXED.unpack(data) if len(data) == layout.FIXED.size else (0,) * 8
            if row[7] == 1:
                found.append(_fixed_record(row))
            elif monotonic_ns() - since < _HOLES_KEPT_NS:
                still.append((position, since))
        self._holes = still
        return found

    def _turn_page(self) -> bool:
        """Go on to the next chunk; False if it is not there, which only its own process can have done."""
        try:
            following = _open(f"{self._prefix}.f{self._number + 1}")
        except FileNotFoundError:
            return False
        if self._number:
            os.close(self._file)
            _remove(f"{self._prefix}.f{self._number}")
        self._number += 1
        self._file, self._position = following, 0
        return True

    def close(self) -> None:
        """Close the file."""
        if self._number:
            os.close(self._file)


_VALUES = {layout.V_SAME: codes.SAME, layout.V_NONE: None, layout.V_FALSE: False, layout.V_TRUE: True}


def _fixed_record(row: tuple[Any, ...]) -> Record:
    """Return a fixed record in the form that the same code has as a general one."""
    t, code, kind, queue, stamp, value, since, _ = row
    if code == codes.PUT or code == codes.GET:
        return [t, code, queue, stamp, value if kind == layout.V_INT else _VALUES.get(kind), since]
    if code == codes.TASK_DONE:
        return [t, code, queue]
    return [t, code, queue, kind == layout.V_TRUE, bool(value)]  # EMPTY, FULL


class SegmentReader:
    """Reads what one process recorded; safe against everything that process may have written there.

    Raises:
        ValueError: the file is no segment (yet).
        OSError: it cannot be read.
    """

    def __init__(self, first_chunk: str) -> None:
        self.prefix = first_chunk[:-2]
        """Path of the process's files without their endings."""
        self._first = _open(first_chunk)
        head = os.pread(self._first, layout.WAITS_AT, 0)
        if len(head) < layout.WAITS_AT or not head.startswith(layout.MAGIC):
            os.close(self._first)
            raise ValueError(f"{first_chunk} is not a segment")
        _, self.pid, self.ppid, self.began, size, self._queues, length = layout.HEADER.unpack_from(head)
        label = head[layout.NAME_AT : layout.NAME_AT + min(length, layout.NAME_LIMIT)]
        self.name = label.decode("utf-8", "replace")
        self.streams = (GeneralStream(self.prefix, self._first, size), FixedStream(self.prefix, self._first))

    def waits(self) -> list[Wait]:
        """Return what the process's threads wait for now."""
        block = os.pread(self._first, layout.WAITS * layout.WAIT.size, layout.WAITS_AT)
        block = block[: len(block) // layout.WAIT.size * layout.WAIT.size]
        return [Wait(*row) for row in layout.WAIT.iter_unpack(block) if row[0] and row[3]]

    def flushed(self, queue: int) -> int:
        """Return how many items this process's feeder thread has written to the queue's pipe."""
        if queue >= self._queues:
            return 0
        return _unpack(layout.COUNT, os.pread(self._first, 8, layout.FLUSHED_AT + 8 * queue))

    @property
    def lost(self) -> int:
        """How many records could not be stored because there was no space left."""
        return _unpack(layout.COUNT, os.pread(self._first, 8, layout.LOST_AT))

    def close(self) -> None:
        """Close the files."""
        for stream in self.streams:
            stream.close()
        os.close(self._first)


def _unpack(form: Any, data: bytes) -> int:
    return int(form.unpack(data)[0]) if len(data) == form.size else 0


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
