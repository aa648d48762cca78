"""The reading side: one `SegmentReader` per process, and a `Drain` that merges all of them in causal order.

Segments are read with `pread`, never mapped: whatever a process does to its own file, truncating it included, the
reader gets short or wrong bytes, not a fatal signal.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from time import monotonic_ns, time_ns
from typing import Any
from zlib import crc32

import msgpack

from run_scenario.record import layout

Record = list[Any]
"""`[t, code, *fields]`, see `codes`."""

_BLOCK = 1 << 18
"""Bytes read from a segment at once; a longer record is read by itself."""
_SETTLED_NS = 100_000_000
"""File systems stamp a folder's changes only so finely: a stamp younger than this may hide another change."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What one thread waits for."""

    kind: int
    resource: int
    thread: int
    since: int
    until: int


class SegmentReader:
    """Reads what one process recorded; safe against everything that process may have written there.

    Raises:
        ValueError: the file is no segment (yet).
        OSError: it cannot be read.
    """

    def __init__(self, first_chunk: str) -> None:
        self.prefix = first_chunk[:-2]
        """Path of the process's files without their endings."""
        self._first = self._file = _open(first_chunk)
        head = os.pread(self._first, layout.SLOTS_AT, 0)
        if len(head) < layout.SLOTS_AT or not head.startswith(layout.MAGIC):
            os.close(self._first)
            raise ValueError(f"{first_chunk} is not a segment")
        _, self.pid, self.ppid, self.began, size, self._queues, length = layout.HEADER.unpack_from(head)
        label = head[layout.NAME_AT : layout.NAME_AT + min(length, layout.NAME_LIMIT)]
        self.name = label.decode("utf-8", "replace")
        self._number = 0
        self._position = size

    def read(self) -> tuple[list[Record], bool]:
        """Return the records that are complete and were not returned before, and whether there may be more now."""
        # Which chunk is written to is asked first: the older ones are sealed, so what is then read of them is all.
        newest = self._newest_chunk()
        records: list[Record] = []
        more = self._read_block(records)
        if not more and newest > self._number:
            self._turn_page()
            more = True
        return records, more

    def _read_block(self, records: list[Record]) -> bool:
        """Read one block; return whether it was cut short by its own size rather than by the end of what is there."""
        block = os.pread(self._file, _BLOCK, self._position)
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
        return at > 0 and end >= _BLOCK

    def _newest_chunk(self) -> int:
        return _unpack(layout.CHUNK, os.pread(self._first, layout.CHUNK.size, layout.CHUNKS_AT))

    def _turn_page(self) -> None:
        following = _open(f"{self.prefix}.{self._number + 1}")
        if self._number:
            os.close(self._file)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.prefix}.{self._number}")  # noqa: PTH108 (once per megabyte, but cheap matters here)
        self._number += 1
        self._file, self._position = following, 0

    def waits(self) -> list[Wait]:
        """Return what the process's threads wait for now; the main thread's comes first, if it waits."""
        size = layout.SLOTS * layout.SLOT_STRIDE
        block = os.pread(self._first, size, layout.SLOTS_AT)
        slots = [
            layout.SLOT.unpack_from(block, at) for at in range(0, len(block) - layout.SLOT.size, layout.SLOT_STRIDE)
        ]
        return [Wait(*slot) for slot in slots if slot[0]]

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
        for descriptor in {self._first, self._file}:
            os.close(descriptor)


def _unpack(form: Any, data: bytes) -> int:
    return int(form.unpack(data)[0]) if len(data) == form.size else 0


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


class Drain:
    """Reads all segments of a folder and hands out their records in causal order.

    Records are released only up to the moment at which the round of reading began. A record's time is taken after
    everything that caused it was stored, so whatever caused a released record is in the same release or an earlier
    one. Sorting by time then gives program order within a thread and cause before effect across processes.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._changed = -1
        self.readers: list[SegmentReader] = []
        self._pending: list[tuple[int, SegmentReader, Record]] = []
        self.fresh: list[tuple[int, SegmentReader, Record]] = []
        """What the last round read, whether it was released or not."""

    def discover(self) -> None:
        """Look for segments that have appeared since the last time."""
        changed = os.stat(self._folder).st_mtime_ns
        if changed == self._changed:
            return
        complete = time_ns() - changed > _SETTLED_NS
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(".0") and entry.path not in self._seen:
                    complete &= self._open(entry.path)
        self._changed = changed if complete else -1

    def _open(self, path: str) -> bool:
        try:
            self.readers.append(SegmentReader(path))
        except (ValueError, FileNotFoundError):
            return False  # being made just now: it will be there next time
        self._seen.add(path)
        return True

    def round(self, *, lag: int = 0, last: bool = False) -> list[tuple[SegmentReader, Record]]:
        """Return the next records in order, older than `lag` ns; with `last`, all there are (nobody writes any more).

        Raises:
            OSError: the front is out of file descriptors.
        """
        until = monotonic_ns() - lag
        self.discover()
        fresh: list[tuple[int, SegmentReader, Record]] = []
        for reader in self.readers:
            records, more = reader.read()
            while more and last:
                further, more = reader.read()
                records += further
            fresh.extend((record[0], reader, record) for record in records)
            if more:  # the rest of this segment waits for the next round, and so must everything after it
                until = min(until, records[-1][0]) if records else 0
        self.fresh = fresh
        pending = self._pending + fresh
        pending.sort(key=_time)
        kept = len(pending)
        while kept and pending[kept - 1][0] > until and not last:
            kept -= 1
        self._pending = pending[kept:]
        return [(reader, record) for _, reader, record in pending[:kept]]

    @property
    def behind(self) -> int:
        """How many records were read but not yet released."""
        return len(self._pending)

    def close(self) -> None:
        """Close all files."""
        for reader in self.readers:
            reader.close()


def _time(entry: tuple[int, SegmentReader, Record]) -> int:
    return entry[0]
