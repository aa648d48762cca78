"""All segments of a run, merged into one sequence of records in causal order, in bounded memory."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from time import monotonic_ns, time_ns

from run_scenario.recording.layout import WORKER_BITS
from run_scenario.recording.pid_exists import pid_exists
from run_scenario.recording.segment_reader import SegmentReader, Source
from run_scenario.recording.streams import FixedStream, GeneralStream, Poll, PollStream, Record, remove

Entry = tuple[int, Source, Record]
"""A record with its time and who made it."""
_time = itemgetter(0)
_PLAIN_CODES = 1 << WORKER_BITS

_SETTLED_NS = 100_000_000
"""File systems stamp a folder's changes only so finely: a stamp younger than this may hide another change."""
_CLOSE_EVERY_NS = 500_000_000
_MOST_BYTES = 1 << 22
_MOST_BLOCK = 1 << 17
_LEAST_BLOCK = 1 << 12
"""Bytes read ahead: of all streams together, and of one."""
_PATIENCE_NS = 1_000_000_000
"""So long a poll is held back, with all that comes after it, to be one record with those that follow."""
_RESTING_NS = 50_000_000
"""After so long without another, none is expected soon."""
_LEAST_FREE = 256 * 1024 * 1024
"""Bytes of free disk space that are left for the run itself."""


class _StreamState:
    """One stream, and what was read of it but not yet released."""

    def __init__(self, stream: GeneralStream | FixedStream) -> None:
        self.stream = stream
        self.ahead: list[Entry] = []
        self.late: list[Entry] = []
        """What was not finished when the reading went past it."""
        self.idle = False
        """Whether the last reading found nothing."""


class _Segment:
    """The streams of one process."""

    def __init__(self, reader: SegmentReader) -> None:
        self.reader = reader
        self.sources = tuple(_StreamState(stream) for stream in reader.streams)
        self.polls = next(stream for stream in reader.streams if isinstance(stream, PollStream))
        self.over = False
        """Whether its process was found to be gone."""

    @property
    def is_exhausted(self) -> bool:
        """Whether all that was read has been released, and the last reading found nothing more."""
        return all(source.idle and not source.ahead and not source.late for source in self.sources)


class Drain:
    """Reads all segments of a folder and hands out their records in causal order.

    Records are released only up to the moment at which the round of reading began. A record's time is taken after
    everything that caused it was stored, so whatever caused a released record is in the same release or an earlier
    one. Sorting by time then gives program order within a thread and cause before effect across processes.

    Of a stream that is not read to its end, that holds up to the last time that was read: the time is taken before the
    place in the stream, so whatever stands further back was stored, and had its effects, after all times before it.

    A stream is read again only when all that was read of it has been released. However far the processes are ahead
    of the reader, memory is bounded; what was not read yet waits in the segments.

    A poll that goes on is held back for a while, and with it all that comes after it (see `polling`).
    """

    def __init__(
        self, folder: str, clock: Callable[[], int] = monotonic_ns, discard: Callable[[str], None] = remove
    ) -> None:
        """Read a folder; `clock` gives the moment, in ns, after which nothing can have been recorded.

        `discard` is called for each file that has been read; by default it is removed.
        """
        self._folder = folder
        self._discard = discard
        self._clock = clock
        self._seen: set[str] = set()
        self._changed = -1
        self._closed_at = 0
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
            reader = SegmentReader(path, self._discard)
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

    def round(self, *, lag: int = 0, patient: bool = False) -> list[Entry]:
        """Return the next records in order, those older than `lag` ns; `patient`: polls may be held back.

        Raises:
            OSError: this process is out of file descriptors.
        """
        until = recent = self._clock() - lag
        self.discover()
        self.fresh = []
        self.behind = False
        block = max(_LEAST_BLOCK, min(_MOST_BLOCK, _MOST_BYTES // max(1, 2 * len(self._segments))))
        for segment in self._segments:
            *newest, lost = segment.reader.news()
            self.is_losing |= lost > 0
            for source, number in zip(segment.sources, newest, strict=True):
                # In every round: what is ahead may be held back, but it must not overtake what was passed before it.
                source.late += self._entries(segment.reader, source.stream.late())
                if source.ahead:
                    unread = source.ahead[-1][0] <= until
                else:
                    unread = self._read_ahead(segment.reader, source, number, block)
                if unread:  # the rest of this stream comes later, and so must everything after it
                    self.behind = True
                    until = min(until, source.ahead[-1][0]) if source.ahead else 0
        if patient:
            until = self._held_up(until, recent)
        released = self._release(until)
        self._close_ended()
        return released

    def _held_up(self, until: int, recent: int) -> int:
        """Return up to when records may be released, given the polls that go on; what is older than `recent` waits."""
        polls = [poll for segment in self._segments for poll in segment.polls.polls if not poll.is_released]
        polls = [poll for poll in polls if poll.t <= until]
        if not polls:
            return until
        polls.sort(key=_place)
        now, last = monotonic_ns(), self._last_but(polls, recent)
        for poll in polls:
            patience = _PATIENCE_NS if last > poll.t else max(_PATIENCE_NS, poll.age)
            resting = last > poll.t and now - poll.moved > _RESTING_NS
            if now - poll.t < patience and not resting:
                self.behind = True
                return poll.t - 1
        return until

    def _last_but(self, polls: list[Poll], until: int) -> int:
        """Return the time of the last record that waits to be released, other than these; 0: there is none."""
        held = {id(poll.record) for poll in polls}
        last = 0
        for source in (source for segment in self._segments for source in segment.sources):
            for entries in (source.ahead, source.late):
                last = max(last, next((t for t, _, r in reversed(entries) if t <= until and id(r) not in held), 0))
        return last

    def _read_ahead(self, reader: SegmentReader, source: _StreamState, newest: int, block: int) -> bool:
        records, more = source.stream.read(newest, block)
        source.ahead = self._entries(reader, records)
        if len(source.ahead) > 1:
            source.ahead.sort(key=_time)  # two threads may store in another order than they took the time
        source.idle = not records and not more
        return more

    def _entries(self, reader: SegmentReader, records: list[Record]) -> list[Entry]:
        if not records:
            return []
        now = self._clock()  # a later time than this is not true, and would hold up everybody else's records
        entries: list[Entry] = [
            (record[0], reader if 0 <= record[1] < _PLAIN_CODES else reader.source_of(record), record)
            for record in records
            if 0 < record[0] <= now
        ]
        reader.untimely += len(records) - len(entries)
        self.fresh += entries
        return entries

    def note_ended(self, pid: int, t: int) -> None:
        """Take in that a process had ended at the time `t`: its segments need to be read only once more."""
        self._ended[pid] = t

    def _close_ended(self) -> None:
        """Close the files of processes that are gone, once all they have recorded was released."""
        now = monotonic_ns()
        look = now - self._closed_at >= _CLOSE_EVERY_NS
        if not look and not self._ended:
            return
        if look:
            self._closed_at = now
        ended, self._ended = self._ended, {}
        for segment in self._segments:
            reader = segment.reader
            if reader.began <= ended.get(reader.pid, -1):  # otherwise it is another process that has got its number
                if segment.is_exhausted:
                    reader.close()
                else:
                    self._ended[reader.pid] = ended[reader.pid]
            elif look and segment.is_exhausted and not pid_exists(reader.pid):
                if segment.over:
                    reader.close()
                segment.over = True  # once more: it may have recorded between our reading and its end
        self._segments = [s for s in self._segments if not s.reader.is_closed]

    def _release(self, until: int) -> list[Entry]:
        released: list[Entry] = []
        for source in (source for segment in self._segments for source in segment.sources):
            ahead = source.ahead
            if source.late:
                released += [entry for entry in source.late if entry[0] <= until]
                source.late = [entry for entry in source.late if entry[0] > until]
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
        for segment in self._segments:
            for poll in segment.polls.polls:
                if not poll.is_released and poll.t <= until:
                    poll.release()
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


def _place(poll: Poll) -> int:
    return poll.t


class Retention:
    """Keeps the files discarded last, up to `most` bytes together, as long as the disk has room; removes the others.

    The reader may be killed before its log is written: then they are what `recover` reads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._files: deque[tuple[str, int]] = deque()

    def discard(self, path: str) -> None:
        """Remove a file that has been read, now or later."""
        try:
            size = os.stat(path).st_size
            self._files.append((path, size))
            self._size += size
            disk = os.statvfs(path) if self._most else None
        except OSError:
            return
        most = self._most if disk is not None and disk.f_bavail * disk.f_frsize > _LEAST_FREE else 0
        while self._size > most:
            oldest, size = self._files.popleft()
            self._size -= size
            remove(oldest)
