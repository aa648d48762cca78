"""All segments of a run, merged into one sequence of records in causal order, in bounded memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from time import monotonic_ns, time_ns

from run_scenario.record.layout import WORKER_BITS
from run_scenario.record.presence import is_present
from run_scenario.record.reader import FixedStream, GeneralStream, Record, SegmentReader, Speaker, remove

Entry = tuple[int, Speaker, Record]
"""A record with its time and who made it."""
_PLAIN_CODES = 1 << WORKER_BITS

_SETTLED_NS = 100_000_000
"""File systems stamp a folder's changes only so finely: a stamp younger than this may hide another change."""
_RETIRE_EVERY_NS = 500_000_000
_MOST_BYTES = 1 << 22
_MOST_BLOCK = 1 << 17
_LEAST_BLOCK = 1 << 12
"""Bytes read ahead: of all streams together, and of one."""


class _Source:
    """One stream, and what was read of it but not yet released."""

    def __init__(self, stream: GeneralStream | FixedStream) -> None:
        self.stream = stream
        self.ahead: list[Entry] = []
        self.idle = False
        """Whether the last reading found nothing."""


class _Segment:
    """The streams of one process."""

    def __init__(self, reader: SegmentReader) -> None:
        self.reader = reader
        self.sources = tuple(_Source(stream) for stream in reader.streams)
        self.over = False
        """Whether its process was found to be gone."""

    @property
    def is_exhausted(self) -> bool:
        """Whether all that was read has been released, and the last reading found nothing more."""
        return all(source.idle and not source.ahead for source in self.sources)


class Drain:
    """Reads all segments of a folder and hands out their records in causal order.

    Records are released only up to the moment at which the round of reading began. A record's time is taken after
    everything that caused it was stored, so whatever caused a released record is in the same release or an earlier
    one. Sorting by time then gives program order within a thread and cause before effect across processes.

    A stream is read again only when all that was read of it has been released. However far the processes are ahead
    of the reader, memory is bounded; what was not read yet waits in the segments.
    """

    def __init__(
        self, folder: str, clock: Callable[[], int] = monotonic_ns, retire: Callable[[str], None] = remove
    ) -> None:
        """Read a folder; `clock` gives the moment, in ns, after which nothing can have been recorded.

        `retire` is called for each file that has been read; by default it is removed.
        """
        self._folder = folder
        self._retire_file = retire
        self._clock = clock
        self._seen: set[str] = set()
        self._changed = -1
        self._retired = 0
        self._segments: list[_Segment] = []
        self._ended: dict[int, int] = {}
        """Process ids of those that were known to be gone before the next reading, and since when, in ns."""
        self.readers: list[SegmentReader] = []
        self.fresh: list[Entry] = []
        """What the last round read, whether it was released or not."""
        self.behind = False
        """Whether the last round left records in the segments that were there when it began."""
        self.is_losing = False
        """Whether a process has found no room for a record."""

    def discover(self) -> None:
        """Look for segments that have appeared since the last time.

        Raises:
            OSError: this process is out of file descriptors.
        """
        try:
            changed = os.stat(self._folder).st_mtime_ns
            if changed == self._changed:
                return
            with os.scandir(self._folder) as entries:
                found = [e.path for e in entries if e.name.endswith(".0") and e.path not in self._seen]
        except FileNotFoundError:
            return  # a target has removed it
        complete = time_ns() - changed > _SETTLED_NS
        for path in found:
            complete &= self._open(path)
        self._changed = changed if complete else -1

    def _open(self, path: str) -> bool:
        try:
            reader = SegmentReader(path, self._retire_file)
        except ValueError:
            return False  # being made just now: it will be there next time
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            self._seen.add(path)  # not a segment at all
            return True
        self._seen.add(path)
        self.readers.append(reader)
        self._segments.append(_Segment(reader))
        return True

    def round(self, *, lag: int = 0, final: bool = False) -> list[Entry]:
        """Return the next records in order, those older than `lag` ns; `final`: nobody writes any more.

        Raises:
            OSError: this process is out of file descriptors.
        """
        until = self._clock() - lag
        self.discover()
        self.fresh = []
        self.behind = False
        block = max(_LEAST_BLOCK, min(_MOST_BLOCK, _MOST_BYTES // max(1, 2 * len(self._segments))))
        for segment in self._segments:
            *newest, lost = segment.reader.news()
            self.is_losing |= lost > 0
            for source, number in zip(segment.sources, newest, strict=True):
                if source.ahead:
                    unread = source.ahead[-1][0] <= until
                else:
                    unread = self._read_ahead(segment.reader, source, number, block, final)
                if unread:  # the rest of this stream comes later, and so must everything after it
                    self.behind = True
                    until = min(until, source.ahead[-1][0]) if source.ahead else 0
        released = self._release(until)
        self._retire()
        return released

    def _read_ahead(self, reader: SegmentReader, source: _Source, newest: int, block: int, final: bool) -> bool:
        records, more = source.stream.read(newest, block, final=final)
        if records:
            now = self._clock()  # a later time than this is not true, and would hold up everybody else's records
            source.ahead = [
                (record[0], reader if 0 <= record[1] < _PLAIN_CODES else reader.speaker(record), record)
                for record in records
                if 0 <= record[0] <= now
            ]
            if len(source.ahead) > 1:
                source.ahead.sort(key=_time)  # two threads may store in another order than they took the time
            self.fresh += source.ahead
        source.idle = not records and not more
        return more

    def note_ended(self, pid: int, t: int) -> None:
        """Take in that a process had ended at the time `t`: its segments need to be read only once more."""
        self._ended[pid] = t

    def _retire(self) -> None:
        """Close the files of processes that are gone, once all they have recorded was released."""
        now = monotonic_ns()
        look = now - self._retired >= _RETIRE_EVERY_NS
        if not look and not self._ended:
            return
        if look:
            self._retired = now
        ended, self._ended = self._ended, {}
        for segment in self._segments:
            reader = segment.reader
            if reader.began <= ended.get(reader.pid, -1):  # otherwise it is another process that has got its number
                if segment.is_exhausted:
                    reader.close()
                else:
                    self._ended[reader.pid] = ended[reader.pid]
            elif look and segment.is_exhausted and not is_present(reader.pid):
                if segment.over:
                    reader.close()
                segment.over = True  # once more: it may have recorded between our reading and its end
        self._segments = [s for s in self._segments if not s.reader.is_closed]

    def _release(self, until: int) -> list[Entry]:
        released: list[Entry] = []
        for source in (source for segment in self._segments for source in segment.sources):
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
            released = self.round(final=True)
            if released or not (self.behind or self.fresh):
                return released

    def close(self) -> None:
        """Close all files."""
        for reader in self.readers:
            reader.close()


def _time(entry: Entry) -> int:
    return entry[0]
