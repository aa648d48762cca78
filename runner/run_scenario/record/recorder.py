"""The writing side: `recorder` is the one recorder of this process.

What makes it safe and quick is that storing a record is a single call into C: `mmap.write` for general records,
`Struct.pack_into` at an offset taken from an `itertools.count` for fixed ones. Two threads, or a signal handler that
interrupts a thread, cannot mix their records, and nothing needs a lock of ours except the rare step to a new chunk.
"""

from __future__ import annotations

import itertools
import mmap
import os
import struct
import sys
import threading
from _thread import get_ident, get_native_id
from collections.abc import Callable
from time import monotonic_ns
from typing import Any
from zlib import crc32

from msgpack import Packer

from run_scenario.record import codes, layout

_record_head = layout.RECORD.pack
_pack_fixed = layout.FIXED.pack_into
_pack_fixed_by = layout.FIXED_BY.pack_into
_FOR_EVER = (1 << 63) - 1
_WITHOUT_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}

Fixed = Callable[[int, int, int, int, int, int], None]
"""(code, what the value is, queue, stamp, value, since)"""


class Recorder:
    """Appends records to this process's own segment; does nothing until `attach` was called.

    A forked child starts with a recorder that is attached to nothing of its parent's: it makes a segment of its own
    at its first record (or when `attach` is called).
    """

    fixed: Fixed
    """Record something small and frequent. The time is taken as by `emit`."""

    waits: memoryview
    """The header's words that say who waits since when; a scratch area where there is no segment."""

    def __init__(self) -> None:
        self._pack_plainly: Callable[[Any], bytes] = Packer(use_bin_type=True, unicode_errors="surrogatepass").pack
        self._folder = ""
        self._queues = 0
        self.prefix = ""
        """Path of this process's files, without the ending: PREFIX.0 is the segment's first chunk."""
        self._detach()
        os.register_at_fork(after_in_child=self._detach)

    def _detach(self) -> None:
        self._write: Callable[[bytes], Any] = self._write_first if self._folder else self._write_nothing
        self.fixed = self._first_fixed
        self._header: mmap.mmap | None = None
        self._flushed: memoryview | None = None
        self.waits = memoryview(bytearray(layout.WAITS * layout.WAIT.size)).cast("q")
        self._known_waits: dict[tuple[int, int, int], int] = {}
        self._waiting: dict[int, int] = {}
        self._changing = threading.RLock()
        self._pack = self._pack_plainly
        self._workers: dict[int, int] | None = None
        self._natives: dict[int, int] = {}

    # Attaching

    @property
    def home(self) -> tuple[str, int]:
        """The run's folder and its number of queues: what `adopt` needs in a process that knows neither."""
        return self._folder, self._queues

    def adopt(self, home: tuple[str, int]) -> None:
        """Belong to a run from now on: a segment is made at the first record, unless there is one already."""
        if not self._folder:
            self._folder, self._queues = home
            self._write = self._write_first if self._folder else self._write_nothing

    def attach(self, folder: str, name: str, queues: int) -> None:
        """Make a segment in `folder` for this process, called `name`, with counters for so many queues.

        Raises:
            OSError: the file cannot be made.
        """
        self._detach()
        self._folder, self._queues = folder, queues
        now = monotonic_ns()
        self.prefix = f"{folder}/{os.getpid()}-{now}"
        size = layout.header_size(queues)
        self._header = header = self._new_chunk("0", size + layout.chunk_size(0))
        label = name.encode("utf-8", "surrogatepass")[: layout.NAME_LIMIT]
        header[layout.NAME_AT : layout.NAME_AT + len(label)] = label
        layout.HEADER.pack_into(header, 0, b"", os.getpid(), os.getppid(), now, size, queues, len(label))
        header[0 : len(layout.MAGIC)] = layout.MAGIC  # last: a reader takes no half-made header
        words = memoryview(header)
        self.waits = words[layout.WAITS_AT : layout.FLUSHED_AT].cast("q")
        self._flushed = words[layout.FLUSHED_AT : layout.FLUSHED_AT + 8 * queues].cast("Q")
        header.seek(size)
        self._write = header.write

    def _new_chunk(self, ending: str, size: int) -> mmap.mmap:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(f"{self.prefix}.{ending}", flags, 0o600)
        try:
            # The space is taken now: a full disk must be an error here, not a SIGBUS at some later store.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.ftruncate(descriptor, size)
            # From 3.13 on a map need not keep a descriptor, which a target might close or take for its own.
            return mmap.mmap(descriptor, size, **_WITHOUT_DESCRIPTOR)
        finally:
            os.close(descriptor)

    def note_stack_file(self, descriptor: int) -> None:
        """Tell the reader that stacks will be written to this descriptor, which leads to PREFIX.stack."""
        if self._header is not None:
            layout.CHUNK.pack_into(self._header, layout.STACK_AT, descriptor)

    # Workers that are threads

    def tell_threads_apart(self) -> None:
        """From now on, until a fork, have records say which worker's thread made them.

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

    def enlist(self, number: int) -> None:
        """Have what this thread records be that of the worker with this number, from 1 on, until it is dismissed."""
        if self._workers is None:
            raise RuntimeError("tell_threads_apart() comes first")
        ident, native = get_ident(), get_native_id()
        before = self._natives.get(ident)
        self._natives[ident] = native
        if before not in (None, native):
            self._inherit_waits(before, native)
        self._workers[ident] = number

    def dismiss(self) -> None:
        """End what `enlist` began."""
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
                number, chunk = self._make_chunk("", layout.CHUNKS_AT, layout.chunk_size, len(record))
                write: Callable[[bytes], Any] = chunk.write if chunk is not None else self._count_lost
                # A signal handler that recorded something may have been here meanwhile; then its chunk is the one.
                # Nothing is called between the comparison and the assignment, so none can come between them.
                if self._write == full:
                    self._write = write
                    self._announce_chunk(layout.CHUNKS_AT, number)
        now_write = self._write
        try:
            now_write(record)
        except ValueError:
            self._next_chunk(now_write, record)

    def _make_chunk(
        self, letter: str, counter: int, size: Callable[[int], int], least: int
    ) -> tuple[int, mmap.mmap | None]:
        """Make the next chunk of a stream; return its number, and None where there is no room."""
        if self._header is None:
            return 0, None
        number = _chunk_number(self._header, counter)
        while True:
            number += 1
            try:
                return number, self._new_chunk(f"{letter}{number}", max(size(number), least))
            except FileExistsError:
                continue  # made by a signal handler that interrupted this very function; the reader skips empty ones
            except OSError:
                return number, None

    def _announce_chunk(self, counter: int, number: int) -> None:
        if self._header is not None and number > _chunk_number(self._header, counter):
            layout.CHUNK.pack_into(self._header, counter, number)

    def _count_lost(self, record: bytes) -> None:
        if self._header is not None:
            (lost,) = layout.COUNT.unpack_from(self._header, layout.LOST_AT)
            layout.COUNT.pack_into(self._header, layout.LOST_AT, lost + 1)

    def _write_nothing(self, record: bytes) -> None:
        """Stand for a segment where none was asked for."""

    def _write_first(self, record: bytes) -> None:
        """Store the first record of a process that a target has started, or make only its segment."""
        process = sys.modules.get("multiprocessing.process")
        name = process.current_process().name if process else f"pid {os.getpid()}"
        try:
            self.attach(self._folder, name, self._queues)
        except OSError:
            self._folder, self._write = "", self._write_nothing  # the run is over, its folder gone: nobody reads
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
            number, chunk = self._make_chunk("f", layout.FIXED_CHUNKS_AT, layout.fixed_chunk_size, 0)
            fixed = self._fixed_into(chunk) if chunk is not None else self._count_lost_fixed
            if self.fixed == full:  # as in _next_chunk
                self.fixed = fixed
                self._announce_chunk(layout.FIXED_CHUNKS_AT, number)

    def _fixed_into(self, chunk: mmap.mmap) -> Fixed:
        """Return the function that records into this chunk until it is full."""
        next_offset = itertools.count(0, layout.FIXED.size).__next__
        workers = self._workers
        if workers is not None:
            return self._fixed_apart(chunk, next_offset, workers)

        def fixed(code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
            try:
                _pack_fixed(chunk, next_offset(), monotonic_ns(), code, kind, queue, stamp, value, since, 1)
            except struct.error:
                self._next_fixed_chunk(fixed)
                self.fixed(code, kind, queue, stamp, value, since)

        return fixed

    def _fixed_apart(self, chunk: mmap.mmap, next_offset: Callable[[], int], workers: dict[int, int]) -> Fixed:
        """As `_fixed_into`, but each record says which worker's thread made it."""
        number = workers.get

        def fixed(code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
            now, by = monotonic_ns(), number(get_ident(), 0)
            try:
                _pack_fixed_by(chunk, next_offset(), now, code, kind, queue, by, stamp, value, since, 1)
            except struct.error:
                self._next_fixed_chunk(fixed)
                self.fixed(code, kind, queue, stamp, value, since)

        return fixed

    def _count_lost_fixed(self, code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
        self._count_lost(b"")

    # Waiting

    def wait_word(self, kind: int, resource: int = layout.NO_RESOURCE) -> int:
        """Return the index in `waits` of the word that says since when this thread waits for that.

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

    def waiting(self, kind: int, resource: int = layout.NO_RESOURCE, timeout: float | None = None) -> int:
        """Note that this thread is about to wait; return the monotonic time in ns. Call `moving` when it is over."""
        word = self.wait_word(kind, resource)
        self._waiting[get_ident()] = word
        now = monotonic_ns()
        self.waits[word + 1] = 0 if timeout is None else min(now + max(1, int(timeout * 1e9)), _FOR_EVER)
        self.waits[word] = now
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

    def moving(self) -> None:
        """Note that this thread waits no longer."""
        self.waits[self._waiting.get(get_ident(), 1)] = 0

    def holding(self) -> None:
        """Note that this thread, which is waiting, now has the lock; call `moving` before it is released."""
        word = self._waiting.get(get_ident(), 1)
        self.waits[word] = -abs(self.waits[word])

    def current_wait(self) -> int:
        """Return the word of the wait that this thread began last; 1 if there is none."""
        return self._waiting.get(get_ident(), 1)

    def end_wait(self, word: int, before: int) -> None:
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
                since = self.waiting(codes.W_FEED, queue)
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


def _chunk_number(header: mmap.mmap, counter: int) -> int:
    return int(layout.CHUNK.unpack_from(header, counter)[0])


recorder = Recorder()
"""The recorder of this process."""
