"""The writing side: `recorder` is the one recorder of this process.

What makes it safe and quick is that storing a record is a single call into C: `mmap.write` for general records,
`Struct.pack_into` at an offset taken from an `itertools.count` for fixed ones. Two threads, or a signal handler that
interrupts a thread, cannot mix their records, and nothing needs a lock of ours except the rare step to a new chunk.
Where threads run side by side, in a Python that has no interpreter lock, neither call is one step: there, both are made
under a lock.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
from _thread import get_ident, get_native_id
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, NamedTuple
from zlib import crc32

from run_scenario.recording import alarms, codes, layout, payloads, room
from run_scenario.recording.describe import describe
from run_scenario.recording.free_threads import places, writing
from run_scenario.recording.packing import packer
from run_scenario.recording.polling import MOST_OPEN, NO_FOLD, Fold, Polled, packed

_record_head = layout.RECORD.pack
_pack_poll = layout.POLL.pack_into
_GENERAL, _FIXED, _POLLS = 0, 1, (layout.POLL_CHUNKS_AT - layout.CHUNKS_AT) // 4
"""Where the number of a stream's newest chunk stands in `Recorder._newest`."""
_FOR_EVER = (1 << 63) - 1
_WITHOUT_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}

Fixed = Callable[[int, int, int, int, int, int], None]
"""(code, what the value is, queue, stamp, value, since)"""
PlacePoll = Callable[..., "tuple[Any, int] | None"]
"""Stores a new poll, the fields of `layout.POLL` up to `since`; returns the words of its chunk and the index of its
first, or None where there is no room."""


def until(now: int, timeout: float | None) -> int:
    """Return when a wait that begins now (ns) gives up; 0: never."""
    if timeout is None:
        return 0
    try:  # it may be a number of any type, a Decimal for one
        return min(now + max(1, int(float(timeout) * 1e9)), _FOR_EVER)
    except Exception:  # it is none, or infinite: whoever is to wait so long says so
        return _FOR_EVER


def packed_timeout(timeout: float | None) -> int:
    """Return the timeout of a call as a record has it: in ns, and one more; 0: it has none.

    One that nobody lives to see is none: it does not give up.
    """
    if timeout is None:
        return 0
    try:
        number = round(float(timeout) * 1e9)
    except Exception:  # it is no number, or infinite
        return 0
    return max(0, number) + 1 if number < _FOR_EVER // 4 else 0


def is_open_as(descriptor: int, file: os.stat_result) -> bool:
    """Return whether a descriptor still is that of a file."""
    try:
        return os.path.samestat(os.fstat(descriptor), file)
    except OSError:
        return False


class RunRef(NamedTuple):
    """What `join_run` needs in a process that knows nothing of the run."""

    folder: str = ""
    queues: int = 0
    """How many queues there are."""
    payloads: bool = True
    """Whether the data of the program is recorded."""


class Recorder:
    """Appends records to this process's own segment; does nothing until `attach` was called.

    A forked child starts with a recorder that is attached to nothing of its parent's: it makes a segment of its own
    at its first record (or when `attach` is called).
    """

    fixed: Fixed
    """Record something small and frequent. The time is taken as by `emit`."""

    waits: memoryview
    """The header's words that hold who waits since when; a scratch area where there is no segment."""

    def __init__(self) -> None:
        self._pack_plainly = packer()
        self._folder = ""
        self._queues = 0
        self._payloads = True
        self._pack_fixed, self._pack_fixed_by = layout.FIXED.pack_into, layout.FIXED_BY.pack_into
        self._folds: dict[int, dict[Any, Fold]] = {}
        """Thread -> what it polls, by the poll's key."""
        self._descriptors: list[tuple[int, os.stat_result]] = []
        """Where maps keep descriptors: which they have, and of which file."""
        self._kept: list[Any] = []
        """Maps that are not to be freed."""
        self.prefix = ""
        """Path of this process's files, without the ending: PREFIX.0 is the segment's first chunk."""
        self._detach()
        os.register_at_fork(after_in_child=self._detach)

    def __reduce__(self) -> str:
        """Return the name of what it is in another process: of the one recorder, that process's own."""
        return "recorder"

    def _detach(self) -> None:
        if any(not is_open_as(descriptor, file) for descriptor, file in self._descriptors):
            # A daemon has closed all, and may have files of its own there: to free the maps would close those.
            self._kept.append((self._header, self._write, self.fixed, self._place_poll))
        self._descriptors = []
        self._write: Callable[[bytes], Any] = self._write_first if self._folder else self._write_nothing
        self.fixed = self._first_fixed
        self._place_poll: PlacePoll = self._first_poll
        for folds in list(self._folds.values()):  # other threads may go on, at the end of a block
            for fold in list(folds.values()):
                fold.ident = 0  # of the parent, whose counters they are
        self._folds.clear()
        self._contents = places(1, 1)
        self._header: mmap.mmap | None = None
        self._flushed: memoryview | None = None
        self._newest = memoryview(bytearray(layout.NEWS.size)).cast("I")
        self._lost = memoryview(bytearray(8)).cast("Q")
        self.waits = memoryview(bytearray(layout.WAITS * layout.WAIT.size)).cast("q")
        self._known_waits: dict[tuple[int, int, int], int] = {}
        self._waiting: dict[int, int] = {}
        self._changing = threading.RLock()
        self._pack = self._pack_plainly
        self._workers: dict[int, int] | None = None
        self._natives: dict[int, int] = {}

    # Attaching

    @property
    def run_ref(self) -> RunRef:
        """The run that this process belongs to; without a folder, none."""
        return RunRef(self._folder, self._queues, self._payloads)

    def join_run(self, run_ref: RunRef) -> None:
        """Belong to a run from now on: a segment is made at the first record, unless there is one already."""
        if not self._folder:
            self._folder, self._queues, with_payloads = run_ref
            if not with_payloads:
                self.withhold_payloads()
            alarms.watch(self.note_alarm)
            self._write = self._write_first if self._folder else self._write_nothing

    def leave_run(self) -> None:
        """Belong to no run any more: nothing is recorded from now on."""
        self._end_polls()
        self._folder, self._queues = "", 0  # first, so that no other thread begins a new segment
        self._detach()

    def withhold_payloads(self) -> None:
        """Record no data of the program from now on, here and in whatever is forked from here."""
        if self._payloads:
            self._payloads = False
            pack = self._pack_plainly
            self._pack = self._pack_plainly = lambda record: pack(payloads.withheld(record))
            self._pack_fixed = payloads.withholding(self._pack_fixed)
            self._pack_fixed_by = payloads.withholding(self._pack_fixed_by)

    def attach(self, folder: str, name: str, queues: int) -> None:
        """Make a segment in `folder` for this process, called `name`, with counters for so many queues.

        Raises:
            OSError: the file cannot be made.
        """
        self._detach()
        alarms.watch(self.note_alarm)
        now = monotonic_ns()
        self.prefix = f"{folder}/{os.getpid()}-{now}"
        size = layout.header_size(queues)
        try:
            header = self._new_chunk("0", size + layout.chunk_size(0))
        except OSError:
            self._folder = folder
            raise
        label = name.encode("utf-8", "surrogatepass")[: layout.NAME_LIMIT]
        header[layout.NAME_AT : layout.NAME_AT + len(label)] = label
        layout.HEADER.pack_into(header, 0, b"", os.getpid(), os.getppid(), now, size, queues, len(label))
        header[0 : len(layout.MAGIC)] = layout.MAGIC  # last: a reader takes no half-made header
        words = memoryview(header)
        self._newest = words[layout.CHUNKS_AT : layout.CHUNKS_AT + layout.NEWS.size].cast("I")
        self._lost = words[layout.LOST_AT : layout.STACK_AT].cast("Q")
        self.waits = words[layout.WAITS_AT : layout.FLUSHED_AT].cast("q")
        self._flushed = words[layout.FLUSHED_AT : layout.FLUSHED_AT + 8 * queues].cast("Q")
        header.seek(size)
        self._header = header
        self._folder, self._queues = folder, queues  # last: what other threads record before begins no segment, too
        self._write = writing(header)

    def give_up(self, error: OSError) -> None:
        """Record nothing in this process, for which there is no room, nor in whatever is forked from here."""
        room.note_end(self._folder, error.errno or 0)
        self._folder = ""
        self._detach()

    def _new_chunk(self, ending: str, size: int) -> mmap.mmap:
        room.check_room(os.path.dirname(self.prefix))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(f"{self.prefix}.{ending}", flags, 0o600)
        try:
            room.take(descriptor, size)
            # From 3.13 on a map need not keep a descriptor, which a target might close or take for its own.
            if not _WITHOUT_DESCRIPTOR:
                next_free = os.dup(descriptor)
                os.close(next_free)
                self._descriptors.append((next_free, os.fstat(descriptor)))
            return mmap.mmap(descriptor, size, **_WITHOUT_DESCRIPTOR)
        finally:
            os.close(descriptor)

    def note_stack_file(self, descriptor: int) -> None:
        """Note for the reader that stacks will be written to this descriptor, which leads to PREFIX.stack."""
        if self._header is not None:
            layout.CHUNK.pack_into(self._header, layout.STACK_AT, descriptor)

    def note_alarm(self, seconds: float) -> None:
        """Note that SIGALRM comes after so many seconds, or again and again (infinity); 0: no more."""
        if self._header is None and self._folder:
            self._write_first(b"")
        if self._header is not None:
            at = until(monotonic_ns(), min(seconds, threading.TIMEOUT_MAX)) if seconds else 0
            layout.TIME.pack_into(self._header, layout.ALARM_AT, at)

    # Workers that are threads

    def distinguish_threads(self) -> None:
        """From now on, until a fork, have records name the worker whose thread made them.

        To be called before the first record of all: processes without such workers do not pay for it.
        """
        workers: dict[int, int] = {}
        self._workers = workers
        plainly = self._pack_plainly

        def pack(record: tuple[Any, ...]) -> bytes:
            number = workers.get(get_ident())
            if number is None:
                return plainly(record)
            return plainly((record[0], record[1] | number << layout.WORKER_BITS, *record[2:]))

        self._pack = pack

    def register(self, number: int) -> None:
        """Have what this thread records be that of the worker with this number, from 1 on, until `unregister`."""
        if self._workers is None:
            raise RuntimeError("distinguish_threads() comes first")
        ident, native = get_ident(), get_native_id()
        self._end_polls()
        before = self._natives.get(ident)
        self._natives[ident] = native
        if before not in (None, native):
            self._inherit_waits(before, native)
        self._workers[ident] = number

    def unregister(self) -> None:
        """End what `register` began."""
        self._end_polls()
        if self._workers is not None:
            self._workers.pop(get_ident(), None)

    def _inherit_waits(self, before: int | None, native: int) -> None:
        """Let a new thread have the wait words of one that is over and had the same identifier.

        Queues remember such words by the identifier, and there are only so many.
        """
        with self._changing:
            for key in [key for key in self._known_waits if key[0] == before]:
                word = self._known_waits.pop(key)
                self._name_wait(word, native, key[1], key[2])

    # General records

    def emit(self, *fields: Any) -> None:
        """Record `fields`, the first of which is a code of `codes`; the rest is plain data that msgpack takes.

        The time is taken here. Call it *before* an effect that others can see (a put) and *after* one that others
        caused (a get): then sorting by time never shows an effect before its cause.
        """
        if self._folds and fields[0] != codes.CONTENT:  # which is a part of a poll
            self._end_polls()
        body = self._pack((monotonic_ns(), *fields))
        record = _record_head(len(body), crc32(body)) + body
        write = self._write
        try:
            write(record)
        except ValueError:  # the chunk is full
            self._next_chunk(write, record)

    def _next_chunk(self, full: Any, record: bytes) -> None:
        with self._changing:
            if self._write == full:
                full.__self__.seek(0, os.SEEK_END)  # sealed: no late record of another thread can land behind us
                newest = self._newest
                number, chunk = self._make_chunk("", newest[_GENERAL], layout.chunk_size, len(record))
                write: Callable[[bytes], Any] = writing(chunk) if chunk is not None else self._count_lost
                # A signal handler that recorded something may have been here meanwhile; then its chunk is the one.
                # Nothing is called from the comparison on, so that neither a handler nor another thread can come
                # between, and nothing is stored in a chunk of which readers do not know.
                if self._write == full:
                    self._write = write
                    newest[_GENERAL] = number
        now_write = self._write
        try:
            now_write(record)
        except ValueError:
            self._next_chunk(now_write, record)

    def _make_chunk(
        self, letter: str, newest: int, size: Callable[[int], int], least: int
    ) -> tuple[int, mmap.mmap | None]:
        """Make the chunk after a stream's newest; return its number, or the newest and None where there is no room."""
        number = newest
        while self._header is not None:
            number += 1
            try:
                return number, self._new_chunk(f"{letter}{number}", max(size(number), least))
            except FileExistsError:
                continue  # made by a signal handler that interrupted this very function; the reader skips empty ones
            except OSError as error:
                room.note_end(self._folder, error.errno or 0)
                break
        return newest, None

    def _count_lost(self, record: bytes) -> None:
        with self._changing:
            self._lost[0] += 1

    def _write_nothing(self, record: bytes) -> None:
        """Stand for a segment where none was asked for."""

    def _write_first(self, record: bytes) -> None:
        """Store the first record of a process that a target has started, or make only its segment."""
        process = sys.modules.get("multiprocessing.process")
        name = str(process.current_process().name) if process else f"pid {os.getpid()}"
        try:
            self.attach(self._folder, name, self._queues)
        except OSError as error:  # there is no room, or the run is over, its folder gone: nobody reads
            self.give_up(error)
        if record:
            self._write(record)

    # Fixed records

    def _first_fixed(self, code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
        if not self._folder:
            return
        if self._header is None:
            self._write_first(b"")
        self._next_fixed_chunk(self._first_fixed)
        self.fixed(code, kind, queue, stamp, value, since)

    def _next_fixed_chunk(self, full: Fixed) -> None:
        with self._changing:
            if self.fixed != full or self._header is None:
                return  # another thread was here first
            newest = self._newest
            number, chunk = self._make_chunk("f", newest[_FIXED], layout.fixed_chunk_size, 0)
            fixed = self._fixed_into(chunk) if chunk is not None else self._count_lost_fixed
            if self.fixed == full:  # as in _next_chunk
                self.fixed = fixed
                newest[_FIXED] = number

    def _fixed_into(self, chunk: mmap.mmap) -> Fixed:
        """Return the function that records into this chunk until it is full."""
        next_offset = places(layout.FIXED.size)
        workers, folds, pack = self._workers, self._folds, self._pack_fixed
        if workers is not None:
            return self._fixed_apart(chunk, next_offset, workers)

        def fixed(code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
            if folds:
                self._end_polls()
            now = monotonic_ns()  # before the place is taken: a later place never has an effect before this time
            try:
                pack(chunk, next_offset(), now, code, kind, queue, stamp, value, since, 1)
            except struct.error:
                self._next_fixed_chunk(fixed)
                self.fixed(code, kind, queue, stamp, value, since)

        return fixed

    def _fixed_apart(self, chunk: mmap.mmap, next_offset: Callable[[], int], workers: dict[int, int]) -> Fixed:
        """As `_fixed_into`, but each record names the worker whose thread made it."""
        number, folds, pack = workers.get, self._folds, self._pack_fixed_by

        def fixed(code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
            if folds:
                self._end_polls()
            now, by = monotonic_ns(), number(get_ident(), 0)
            try:
                pack(chunk, next_offset(), now, code, kind, queue, by, stamp, value, since, 1)
            except struct.error:
                self._next_fixed_chunk(fixed)
                self.fixed(code, kind, queue, stamp, value, since)

        return fixed

    def _count_lost_fixed(self, code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
        self._count_lost(b"")

    # Polls

    def polled(self, code: int, resource: int, place: Any = 0) -> Polled:
        """Return what records the answers of one method (see `polling`)."""
        return Polled(self, code, resource, place)

    def note_answer(self, key: tuple[int, int, Any], answer: Any, since: int = 0) -> Fold:
        """Record an answer: count it, if it is the same again, or begin another poll; return the poll.

        The key is the code, the position of the resource, and where the answer is from: a number, or anything.
        """
        if self._header is None and self._folder:
            self._write_first(b"")  # now, as it forgets all polls
        if not self._folder:
            return NO_FOLD
        ident = get_ident()
        folds = self._folds.setdefault(ident, {})
        fold = folds.get(key)
        if fold is not None:
            if fold.is_same(answer) and fold.count_on():
                return fold
            folds.pop(key, None)
            fold.close()  # before the time of the next is taken: a look that does not see this is an earlier one
        elif len(folds) >= MOST_OPEN:
            self._end_polls()
            folds = self._folds.setdefault(ident, {})
        fold = self._begin_poll(key, answer, since, ident)
        if fold is not NO_FOLD and (
            folds.setdefault(key, fold) is not fold or self._folds.get(ident) is not folds
        ):  # a signal handler has asked the same meanwhile, or had an effect
            fold.close()
        return fold

    def _begin_poll(self, key: tuple[int, int, Any], answer: Any, since: int, ident: int) -> Fold:
        code, resource, place = key
        withheld = not self._payloads and payloads.is_payload(code)
        content = payloads.WITHHELD_VALUE if withheld else packed(answer)
        if content is None or type(place) is not int:
            number = self._contents()
            self.emit(codes.CONTENT, number, place, describe(answer))
            content, place = (layout.V_CONTENT, number), 0
        by = 0 if self._workers is None else self._workers.get(ident, 0)
        now = monotonic_ns()
        placed = self._place_poll(now, code, content[0], resource, by, place, content[1], since)
        return NO_FOLD if placed is None else Fold(*placed, answer, ident, now)

    def _end_polls(self) -> None:
        """End what this thread polls, for it does something else now."""
        folds = self._folds.pop(get_ident(), None)
        if folds:
            for fold in folds.values():
                fold.close()

    def _first_poll(self, *fields: int) -> tuple[Any, int] | None:
        return self._poll_in_next_chunk(self._first_poll, fields)

    def _poll_in_next_chunk(self, full: PlacePoll, fields: tuple[int, ...]) -> tuple[Any, int] | None:
        with self._changing:
            if self._place_poll == full and self._header is not None:
                newest = self._newest
                number, chunk = self._make_chunk("p", newest[_POLLS], layout.poll_chunk_size, 0)
                place = self._polls_into(chunk) if chunk is not None else self._count_lost_poll
                if self._place_poll == full:  # as in _next_chunk
                    self._place_poll = place
                    newest[_POLLS] = number
        return None if self._place_poll == full else self._place_poll(*fields)

    def _polls_into(self, chunk: mmap.mmap) -> PlacePoll:
        """Return the function that stores polls in this chunk until it is full."""
        next_offset = places(layout.POLL.size)
        words = memoryview(chunk).cast("q")

        def place(*fields: int) -> tuple[Any, int] | None:
            at = next_offset()
            try:
                _pack_poll(chunk, at, *fields, 1, fields[0], 0, 1)
            except struct.error:
                return self._poll_in_next_chunk(place, fields)
            return words, at // 8

        return place

    def _count_lost_poll(self, *fields: int) -> None:
        self._count_lost(b"")

    # Waiting

    def wait_word(self, kind: int, resource: int = layout.NO_RESOURCE) -> int:
        """Return the index in `waits` of the word that holds since when this thread waits for that.

        Whoever often waits keeps the index: `waits[i] = monotonic_ns()` before, `waits[i] = 0` after. When there are
        no more words left, a scratch word is returned; the wait is then simply not known.
        """
        if self._header is None and self._folder:
            self._write_first(b"")
        key = get_native_id(), kind, resource  # not get_ident(), which is given to later threads again
        word = self._known_waits.get(key)
        if word is None:
            with self._changing:
                number = len(self._known_waits) + 1
                word = number * layout.WAIT_WORDS + 1 if number < layout.WAITS and self._header is not None else 1
                if word > 1:
                    self._name_wait(word, *key)
        return word

    def _name_wait(self, word: int, native: int, kind: int, resource: int) -> None:
        """Write beside a word which thread waits there, and for what."""
        if self._header is not None:
            at = layout.WAITS_AT + word // layout.WAIT_WORDS * layout.WAIT.size
            layout.WAIT.pack_into(self._header, at, kind, resource, native, 0, 0)
            self._known_waits[native, kind, resource] = word

    def begin_wait(self, kind: int, resource: int = layout.NO_RESOURCE, timeout: float | None = None) -> int:
        """Note that this thread is about to wait; return the monotonic time in ns. Call `moving` when it is over."""
        word = self.wait_word(kind, resource)
        self._waiting[get_ident()] = word
        now = monotonic_ns()
        self.waits[word + 1] = until(now, timeout)
        self.waits[word] = now
        return now

    def begin_wait_for(self, number: int, kind: int, resource: int, timeout: float | None) -> int:
        """Do as `begin_wait`, and note which process (its id) or which call on a pool is waited for, if for ever."""
        now = self.begin_wait(kind, resource, timeout)
        if timeout is None:
            self.waits[self.current_wait() + 1] = -number
        return now

    def mark_passive(self, native: int, kind: int, resource: int) -> None:
        """Have another thread, by its native id, count as waiting for others whenever it does not run."""
        if self._header is None or (native, kind, resource) in self._known_waits:
            return
        with self._changing:
            number = len(self._known_waits) + 1
            if number < layout.WAITS:
                word = number * layout.WAIT_WORDS + 1
                self._name_wait(word, native, kind, resource)
                self.waits[word] = monotonic_ns()

    def end_wait(self) -> None:
        """Note that this thread waits no longer."""
        self.waits[self._waiting.get(get_ident(), 1)] = 0

    def lock_held(self) -> None:
        """Note that this thread, which is waiting, now has the lock; call `moving` before it is released."""
        word = self._waiting.get(get_ident(), 1)
        self.waits[word] = -abs(self.waits[word])

    def current_wait(self) -> int:
        """Return the word of the wait that this thread began last; 1 if there is none."""
        return self._waiting.get(get_ident(), 1)

    def finish_wait(self, word: int, before: int) -> None:
        """Note that a wait is over in which others took place; `before` is what this thread waited for around it."""
        self.waits[word] = 0
        self._waiting[get_ident()] = before

    # Feeder threads of queues

    def feeding(self, queue: int, send_bytes: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return `send_bytes` for a queue's feeder thread: it also counts what has reached the pipe."""
        if self._header is None and self._folder:
            self._write_first(b"")
        flushed = self._flushed
        if flushed is None or queue >= len(flushed):
            return send_bytes
        count = flushed[queue]
        waits, word, since = self.waits, 0, 0

        def send(data: Any) -> None:
            nonlocal count, word, since
            if not word:  # a feeder is always waiting, for items or for room in the pipe
                since = self.begin_wait(codes.W_FEED, queue)
                word = self.current_wait()
            # Counted first: an item in the middle of being written when its process is killed is not called lost.
            count += 1
            flushed[queue] = count
            waits[word] = -since  # it has the lock of the writers
            try:
                send_bytes(data)
            except ValueError:  # it is longer than it may be, and nothing of it was written
                count -= 1
                flushed[queue] = count
                raise
            finally:
                waits[word] = since

        return send


recorder = Recorder()
"""The recorder of this process."""
