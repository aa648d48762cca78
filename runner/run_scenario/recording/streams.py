"""The streams of a segment, read while its process writes them.

A read is not atomic against a store into a map. `pread` copies in whatever order it likes while a process stores, so
what one reading shows is a mixture: any byte may be there already or may still be zero. A byte that is there never
changes again, because a chunk is zeroed when it is made and each place in it is written once. (`pack_into` stores
zeros before it stores the fields, and `mmap.write` copies in an order of its own: neither takes anything back.)

A reader therefore needs a sign that *all* of a record is there, and each stream has its own; what has no such sign is
looked at again. That ends when the process has: then what is still without it was begun and never finished, by a
process that was killed or by a signal handler that raised. Whoever recorded it never came back from the call, so
nothing that was recorded is lost; `unfinished` counts them. What should be there and is not, or
cannot be what was stored, is damage: `damaged`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from struct import Struct
from time import monotonic_ns
from typing import Any
from zlib import crc32

import msgpack

from run_scenario.recording import codes, layout, payloads
from run_scenario.recording.describe import describe_bytes

Record = list[Any]
"""`[t, code, *fields]`, see `codes`."""

_MOST_MISSING = 100
"""Chunk numbers that are skipped when their files are missing."""
_MOST_GAPS = 8
"""Chunks with holes that are kept open."""
_MOST_HOLES = 1024
"""Holes of one chunk that are looked at again: as many threads of one process were interrupted at the same time."""
_MOST_LEFT_POLLS = 64
"""Chunks with polls that are not over that are kept open."""
_WITH_SINCE = 8
"""Length of the record of a poll that says since when the answer was waited for; in front of the last two."""
_TAIL = 1 << 16
"""Bytes behind the last record in which one that was begun is looked for."""


class _Chunks:
    """The files of one stream: PREFIX and a number, the present one open."""

    def __init__(self, prefix: str, file: int, discard: Callable[[str], None]) -> None:
        self._prefix = prefix
        self._discard = discard
        self._file = file
        self.missing = 0
        """How many files were not there any more."""
        self.damaged = 0
        """How many records, at least, are not there or not as they were stored."""
        self._number = 0
        self._position = 0

    def late(self) -> list[Record]:
        """Return records that should have been read before, but were not finished then."""
        return []

    def _turn_page(self, newest: int) -> bool:
        """Go on to the next chunk there is; False if there is none, which only its own process can have done."""
        number, following = _open_next(self._prefix, self._number, newest)
        if following is None:
            return False
        self._leave()
        self.missing += number - self._number - 1
        self._number, self._file, self._position = number, following, 0
        return True

    def _leave(self) -> None:
        """Take leave of the present chunk, which is sealed and read to its end."""
        if self._number:
            os.close(self._file)
            self._discard(f"{self._prefix}{self._number}")

    def _tail(self) -> bytes:
        """Return what lies behind the last record that was read, without the zeros at its end."""
        tail = os.pread(self._file, _TAIL, self._position) if self._file >= 0 else b""
        # It is nothing but zeros nearly always, which are compared a hundred times faster than they are stripped.
        return b"" if tail == bytes(len(tail)) else tail.rstrip(b"\0")

    def close(self, newest: int) -> None:
        """Close the file, unless it is the segment's first; `newest` is the last chunk's number."""
        if self._number < newest:
            self.missing += 1
        if self._number:
            os.close(self._file)


class GeneralStream(_Chunks):
    """The records of any kind and length; the sign is a checksum.

    A reading that shows another length, checksum or body than those that were stored passes for a record once in 2**32
    times. What does not pass is read again the next time.
    """

    def __init__(self, prefix: str, first: int, position: int, discard: Callable[[str], None]) -> None:
        super().__init__(f"{prefix}.", first, discard)
        self._position = position
        self._quiet = False
        """Whether there was nothing the last time: then a look at the next record's head comes before a whole block."""

    @property
    def unfinished(self) -> int:
        """How many records were begun and not finished: at most one, as no other thread runs during the copy."""
        return int(bool(self._tail()) and not self._is_overwritten())

    def read(self, newest: int, block: int) -> tuple[list[Record], bool]:
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
        unpack_head = layout.RECORD.unpack_from
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
            record = _unpacked(body)
            if record is None:
                self.damaged += 1
            else:
                records.append(record)
        self._position += at
        self._quiet = at == 0
        return at > 0 and end >= size

    def _leave(self) -> None:
        self.damaged += bool(self._tail())
        super()._leave()

    def _is_overwritten(self) -> bool:
        """Return whether something lies behind what cannot be read: then that was once whole, and is damaged."""
        tail = self._tail()
        length = int(layout.RECORD.unpack_from(tail.ljust(layout.RECORD.size, b"\0"))[0])
        return 0 < length < len(tail) - layout.RECORD.size

    def close(self, newest: int) -> None:
        """Close the file, unless it is the segment's first."""
        self.damaged += self._is_overwritten()
        super().close(newest)


def _unpacked(body: bytes) -> Record | None:
    """Return the record of these bytes; None if it is none."""
    with contextlib.suppress(ValueError, msgpack.UnpackException):
        record = msgpack.unpackb(body, unicode_errors="surrogatepass", strict_map_key=False)
        if type(record) is list and len(record) >= 2 and type(record[0]) is type(record[1]) is int:
            return record
    return None


class _Gaps:
    """A chunk with places that were handed out to threads which have not stored anything there yet, or may again."""

    def __init__(self, file: int, path: str) -> None:
        self.file = file
        self.path = path
        self.positions: list[int] = []
        self.polls = 0
        """How many of its records may still be written."""

    @property
    def is_needed(self) -> bool:
        """Whether something of it is still to be read."""
        return bool(self.positions or self.polls)


class FixedStream(_Chunks):
    """The records of 48 bytes; the sign is that the last byte was there *before* the record was read.

    A first reading only shows which records have their last byte; another, begun after the first is over, gives their
    content. The last byte is stored last. On processors that show stores in the order in which they were made
    (x86), whoever has seen it sees all the rest from then on, in whatever order the second reading copies. Other
    processors (ARM) may show the last byte earlier than the rest, but only until their store buffer is written out,
    which takes less time than the system call between the two readings: there, this is an assumption.

    Places are handed out in order but not filled in order: a thread may be interrupted between the two, by another
    thread or by a signal handler, for as long as it lasts. Such a hole is looked at again in every round, also when its
    chunk has long been left, and given up only when its process is over.
    """

    _letter = "f"
    _form = layout.FIXED_BY
    _chunk_size = staticmethod(layout.fixed_chunk_size)
    _most_left = _MOST_GAPS

    def __init__(self, prefix: str, discard: Callable[[str], None]) -> None:
        super().__init__(f"{prefix}.{self._letter}", -1, discard)
        self._here = _Gaps(-1, "")
        self._left: list[_Gaps] = []
        """Of chunks that were left, the oldest first."""
        self._stored = 0
        """How many records were found in the present chunk."""

    @property
    def unfinished(self) -> int:
        """How many records were begun and not finished, up to now."""
        holes = sum(len(gaps.positions) for gaps in (*self._left, self._here))
        return holes + (len(self._tail()) + self._form.size - 1) // self._form.size

    def read(self, newest: int, block: int) -> tuple[list[Record], bool]:
        """Return the next complete records, about `block` bytes of them, and whether there may be more now.

        `newest` is the number of the chunk that is written to.
        """
        if self._number == 0 and (newest == 0 or not self._turn_page(newest)):
            return [], False
        full = newest > self._number  # then all its places are taken, and an unwritten one is a hole
        records, more = self._read_block(max(1, block // self._form.size), full)
        if not more and full:
            more = self._turn_page(newest)
        return records, more

    def _read_block(self, count: int, full: bool) -> tuple[list[Record], bool]:
        """Read so many places, up to the last that is written; return whether there may be more."""
        size = self._form.size
        written = self._written(count)
        places = len(written) if full else written.rfind(1) + 1
        if 0 in written[:places] and not full:
            # The reading began before these were written and ended after later ones were. What is still not there in
            # another reading is a hole.
            written = self._written(places)
        rows = self._rows(self._file, self._position, len(written[:places]))
        if written.count(1, 0, places) == places == len(rows):  # as nearly always: there are no holes
            records = self._records(rows)
            self._position += places * size
        else:
            records = []
            for is_written, row in zip(written, rows, strict=False):
                if is_written == 1:
                    records.append(self._record(row, self._here, self._position))
                else:
                    self._here.positions.append(self._position)
                self._position += size
        self._stored += len(records)
        holes = self._here.positions
        if self._stored and len(holes) > _MOST_HOLES:
            self.damaged += len(holes) - _MOST_HOLES
            del holes[:-_MOST_HOLES]
        return records, places >= count

    def _written(self, count: int) -> bytes:
        """Return the last bytes of the next places, so many of them: 1 where a record is written."""
        size = self._form.size
        return os.pread(self._file, count * size, self._position)[size - 1 :: size]

    def late(self) -> list[Record]:
        """Return the records that have meanwhile appeared where there were holes."""
        found: list[Record] = []
        for gaps in (*self._left, self._here):
            if gaps.positions:
                self._fill(gaps, found)
        for gaps in [gaps for gaps in self._left if not gaps.is_needed]:
            self._left.remove(gaps)
            os.close(gaps.file)
            self._discard(gaps.path)
        return found

    def _rows(self, file: int, position: int, count: int) -> list[tuple[Any, ...]]:
        """Read the content of places from a position on."""
        data = os.pread(file, count * self._form.size, position)
        return list(self._form.iter_unpack(data[: len(data) // self._form.size * self._form.size]))

    def _record(self, row: tuple[Any, ...], chunk: _Gaps, position: int) -> Record:
        """Return the record that was read at a position of a chunk."""
        return _fixed_record(row)

    def _records(self, rows: list[tuple[Any, ...]]) -> list[Record]:
        """Return the records that were read from the present position on."""
        # This loop is run for every fixed record of a log: each line of it costs.
        records: list[Record] = []
        add, odd, number, counted = records.append, _OF_OTHER_FORM, layout.V_INT, layout.V_BYTES
        for row in rows:
            t, code, kind, queue, by, stamp, value, since, _ = row
            if by or code in odd or kind == counted:
                add(_fixed_record(row))
            else:
                add([t, code, queue, stamp, value if kind == number else _value(kind, value), since])
        return records

    def _fill(self, gaps: _Gaps, found: list[Record]) -> None:
        size = self._form.size
        still = []
        for position in gaps.positions:
            if os.pread(gaps.file, 1, position + size - 1) != b"\1":
                still.append(position)
            elif rows := self._rows(gaps.file, position, 1):
                found.append(self._record(rows[0], gaps, position))
                self._stored += gaps is self._here
        gaps.positions = still

    def _turn_page(self, newest: int) -> bool:
        if not super()._turn_page(newest):
            return False
        self._here, self._stored = _Gaps(self._file, f"{self._prefix}{self._number}"), 0
        return True

    def _leave(self) -> None:
        # A chunk without a record was made and never used: a signal handler came between, and made the next one.
        if self._stored:
            self.damaged += max(0, self._chunk_size(self._number) - self._position) // self._form.size
        if not self._stored or not self._here.is_needed:
            super()._leave()
            return
        self._left.append(self._here)
        if len(self._left) > self._most_left:  # so many only if a process does this to its own file
            oldest = self._left.pop(0)
            self.damaged += len(oldest.positions) + oldest.polls
            os.close(oldest.file)
            self._discard(oldest.path)

    def close(self, newest: int) -> None:
        """Close the files."""
        for gaps in self._left:
            os.close(gaps.file)
            self._discard(gaps.path)
        super().close(newest)


class Poll:
    """A poll that was not over when it was last looked at (see `polling`)."""

    def __init__(self, record: Record, chunk: _Gaps, position: int, looked: int) -> None:
        self.record = record
        """What is to be released next: of the times, those that were not released before."""
        self.is_released = False
        self.chunk = chunk
        self._at = position
        self._code = record[1]
        self._first = self.t
        self._looked = looked
        self.moved = looked
        """When it was seen to have been counted further, in ns."""
        self._times: int = record[-2]
        self._released = 0

    @property
    def t(self) -> int:
        """The time by which it is released."""
        return int(self.record[0])

    @property
    def age(self) -> int:
        """How long it had been going on before what is to be released next, in ns."""
        return self.t - self._first

    def release(self) -> None:
        """Note that the record was released: what is counted from now on is in another."""
        self.is_released, self._released = True, self._times

    def look(self, now: int) -> tuple[Record | None, bool]:
        """Read how far it has come; return its continuation, if it begins one, and whether it is over.

        `now` is a time before this call.
        """
        times, until, final = self._read()
        continuation = None
        times = final or times
        if times > self._times:
            if self.is_released:
                self.record = continuation = [self._looked, self._code, *self.record[2:]]
                if len(continuation) == _WITH_SINCE:
                    continuation[_WITH_SINCE - 3] = 0  # only the first call of all has been timed
                self.is_released = False
            self._times, self.moved = times, now
            self.record[-2:] = self._times - self._released, max(until, self._looked)
        self._looked = now
        return continuation, final > 0

    def _read(self) -> tuple[int, int, int]:
        """Return its three words as two readings have them alike, but for what goes up; zeros if they are gone."""
        at = self._at + 8 * layout.POLL_TIMES
        first, second = (os.pread(self.chunk.file, layout.POLL_WORDS.size, at) for _ in range(2))
        if len(first) != len(second) or len(second) != layout.POLL_WORDS.size:
            return 0, 0, 0
        return _agreed(layout.POLL_WORDS.unpack(first), layout.POLL_WORDS.unpack(second))


def _agreed(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, int, int]:
    """Return what two readings of the three words of a poll agree on: at least so often, at least until then."""
    final = second[2] if first[2] == second[2] else 0
    return min(first[0], second[0]), min(first[1], second[1]), max(0, final)


class PollStream(FixedStream):
    """Answers that may be given again: what is rewritten is looked at again in every round, as holes are."""

    _letter = "p"
    _form = layout.POLL
    _chunk_size = staticmethod(layout.poll_chunk_size)
    _most_left = _MOST_LEFT_POLLS

    def __init__(self, prefix: str, discard: Callable[[str], None]) -> None:
        super().__init__(prefix, discard)
        self.polls: list[Poll] = []
        """Those that are not over."""
        self._looked = 0

    def read(self, newest: int, block: int) -> tuple[list[Record], bool]:
        """Return the next records; those that are not over stand in `polls` as well."""
        self._looked = monotonic_ns()
        return super().read(newest, block)

    def _rows(self, file: int, position: int, count: int) -> list[tuple[Any, ...]]:
        """Read twice: what is rewritten is taken only where both readings have it alike."""
        first = super()._rows(file, position, count)
        second = super()._rows(file, position, count)
        return [
            (*row[:8], *_agreed(before[8:11], row[8:11]), row[11]) for before, row in zip(first, second, strict=False)
        ]

    def late(self) -> list[Record]:
        """Return also the continuations of polls that have gone on after they were released."""
        found = super().late()
        still = []
        for poll in self.polls:
            continuation, is_over = poll.look(monotonic_ns())
            if continuation is not None:
                found.append(continuation)
            if is_over:
                poll.chunk.polls -= 1
            else:
                still.append(poll)
        self.polls = still
        return found

    def _records(self, rows: list[tuple[Any, ...]]) -> list[Record]:
        at, size = self._position, self._form.size
        return [self._record(row, self._here, at + size * place) for place, row in enumerate(rows)]

    def _record(self, row: tuple[Any, ...], chunk: _Gaps, position: int) -> Record:
        *fixed, times, until, final, mark = row
        record = _poll_record((*fixed, mark))
        record += [final or max(1, times), until]
        if not final:
            self.polls.append(Poll(record, chunk, position, self._looked))
            chunk.polls += 1
        return record


_CODE_ONLY = (1 << layout.WORKER_BITS) - 1
_float = Struct("<d").unpack
_VALUES = {
    layout.V_SAME: codes.SAME,
    layout.V_NONE: None,
    layout.V_FALSE: False,
    layout.V_TRUE: True,
    layout.V_WITHHELD: payloads.WITHHELD,
}


_OF_OTHER_FORM = frozenset(
    {codes.TASK_DONE, codes.POOL_TASK_STARTED, codes.POOL_TASK_FINISHED, codes.EMPTY, codes.FULL}
)
"""Codes whose records have not the form of most (see `_fixed_record`)."""
_WITHOUT_FORM = {codes.PUT: (False, None), codes.PIPE_SENT: (None,)}
"""What their general records have at the end where a scenario has no form for what was put or sent."""


def _fixed_record(row: tuple[Any, ...]) -> Record:
    """Return a fixed record in the form that the same code has as a general one."""
    t, code, kind, queue, by, stamp, value, since, _ = row
    if by:
        record = _fixed_record((t, code, kind, queue, 0, stamp, value, since, 1))
        record[1] |= by << layout.WORKER_BITS
        return record
    if kind == layout.V_BYTES and code in _WITHOUT_FORM:  # only their number is known
        return [t, code, queue, stamp, _value(kind, value), since, *_WITHOUT_FORM[code]]
    if code == codes.TASK_DONE:
        return [t, code, queue]
    if code == codes.POOL_TASK_STARTED or code == codes.POOL_TASK_FINISHED:
        call, task = stamp >> layout.TASK_BITS, stamp & (1 << layout.TASK_BITS) - 1
        content = value if kind == layout.V_INT else _value(kind, value)
        return [t, code, queue, call, task, [content] if code == codes.POOL_TASK_STARTED else content]
    if code == codes.EMPTY or code == codes.FULL:
        return [t, code, queue, kind == layout.V_TRUE, value]
    return [t, code, queue, stamp, value if kind == layout.V_INT else _value(kind, value), since]


def _poll_record(row: tuple[Any, ...]) -> Record:
    """As `_fixed_record`, of an answer."""
    t, code, kind, resource, by, place, value, since, _ = row
    code |= by << layout.WORKER_BITS
    content: Any
    if kind == layout.V_CONTENT:
        return [t, code, resource, place, Content(value), since]
    content = value if kind == layout.V_INT else _value(kind, value)
    if code & _CODE_ONLY in (codes.EMPTY, codes.FULL):
        return [t, code, resource, content, place]
    if code & _CODE_ONLY == codes.ALIVE:
        return [t, code, resource, content]
    return [t, code, resource, place, content, since]


class Content:
    """In the record of an answer: the number of the record that has place and content of what was answered."""

    __slots__ = ("found", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.found: Any = None
        """Place and content, once somebody has looked them up."""


def _value(kind: int, value: int) -> Any:
    if kind == layout.V_FLOAT:
        return _float(value.to_bytes(8, "little", signed=True))[0]
    return describe_bytes(value) if kind == layout.V_BYTES else _VALUES.get(kind)


def open_file(path: str) -> int:
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
            return candidate, open_file(f"{prefix}{candidate}")
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
                return candidate, open_file(f"{prefix}{candidate}")
    return number, None


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(OSError):
        os.unlink(path)
