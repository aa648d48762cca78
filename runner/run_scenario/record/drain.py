"""All segments of a run, merged into one sequence of records in causal order, in bounded memory."""

from __future__ import annotations

import os
from time import monotonic_ns, time_ns

from run_scenario.record.reader import FixedStream, GeneralStream, Record, SegmentReader

Entry = tuple[int, SegmentReader, Record]
"""A record with its time and the segment it is from."""

_SETTLED_NS = 100_000_000
"""File systems stamp a folder's changes only so finely: a stamp younger than this may hide another change."""
_MOST_BYTES = 1 << 22
_MOST_BLOCK = 1 << 17
_LEAST_BLOCK = 1 << 12
"""Bytes read ahead: of all streams together, and of one."""


class _Source:
    """One stream, and what was read of it but not yet released."""

    def __init__(self, reader: SegmentReader, stream: GeneralStream | FixedStream) -> None:
        self.reader = reader
        self.stream = stream
        self.ahead: list[Entry] = []


class Drain:
    """Reads all segments of a folder and hands out their records in causal order.

    Records are released only up to the moment at which the round of reading began. A record's time is taken after
    everything that caused it was stored, so whatever caused a released record is in the same release or an earlier
    one. Sorting by time then gives program order within a thread and cause before effect across processes.

    A stream is read again only when all that was read of it has been released. However far the processes are ahead
    of the reader, memory is bounded; what was not read yet waits in the segments.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._changed = -1
        self._sources: list[_Source] = []
        self.readers: list[SegmentReader] = []
        self.fresh: list[Entry] = []
        """What the last round read, whether it was released or not."""
        self.behind = False
        """Whether the last round left records in the segments that were there when it began."""

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
            reader = SegmentReader(path)
        except (ValueError, FileNotFoundError):
            return False  # being made just now: it will be there next time
        self._seen.add(path)
        self.readers.append(reader)
        self._sources += [_Source(reader, stream) for stream in reader.streams]
        return True

    def round(self, *, lag: int = 0) -> list[Entry]:
        """Return the next records in order, those older than `lag` ns.

        Raises:
            OSError: the front is out of file descriptors.
        """
        until = monotonic_ns() - lag
        self.discover()
        self.fresh = []
        self.behind = False
        block = max(_LEAST_BLOCK, min(_MOST_BLOCK, _MOST_BYTES // max(1, len(self._sources))))
        for source in self._sources:
            if not source.ahead:
                records, unread = source.stream.read(block)
                reader = source.reader
                source.ahead = [(record[0], reader, record) for record in records]
                if len(source.ahead) > 1:
                    source.ahead.sort(key=_time)  # two threads may store in another order than they took the time
                self.fresh += source.ahead
            else:
                unread = source.ahead[-1][0] <= until
            if unread:  # the rest of this stream comes later, and so must everything after it
                self.behind = True
                until = min(until, source.ahead[-1][0]) if source.ahead else 0
        return self._release(until)

    def _release(self, until: int) -> list[Entry]:
        released: list[Entry] = []
        for source in self._sources:
            ahead = source.ahead
            if not ahead:
                continue
            if ahead[-1][0] <= until:
                released += ahead
                source.ahead = []
            elif ahead[0][0] <= until:
                kept = len(ahead)
                while ahead[kept - 1][0] > until:
                    kept -= 1
                released += ahead[:kept]
                source.ahead = ahead[kept:]
        released.sort(key=_time)
        return released

    def rest(self) -> list[Entry]:
        """Return the next of the records that are left when nobody writes any more; empty when there are none."""
        while True:
            released = self.round()
            if released or not (self.behind or self.fresh):
                return released

    def close(self) -> None:
        """Close all files."""
        for reader in self.readers:
            reader.close()


def _time(entry: Entry) -> int:
    return entry[0]
