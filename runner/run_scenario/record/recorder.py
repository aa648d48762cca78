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
        self._pack: Callable[[Any], bytes] = Packer(use_bin_type=True, unicode_errors="surrogatepass").pack
        self._folder = ""
        self._queues = 0
        self.prefix = ""
        """Path of this process's files, without the ending: PREFIX.0 is the segment's first chunk."""
        self._detach()
        os.register_at_fork(after_in_child=self._detach)

    def _detach(self) -> None:
        self._write: Callable[[bytes], Any] = self._write_first if self._folder else self._write_nothing
        self.fixed = self._first_fixed
        self._map: mmap.mmap | None = None
        self._header: mmap.mmap | None = None
        self._flushed: memoryview | None = None
        self.waits = memoryview(bytearray(layout.WAITS * layout.WAIT.size)).cast("q")
        self._known_waits: dict[tuple[int, int, int], int] = {}
        self._waiting: dict[int, int] = {}
        self._number = 0
        self._fixed_number = 0
        self._changing = threading.RLock()

    # Attaching

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
        self._map = self._header = header = self._new_chunk("0", size + layout.chunk_size(0))
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
            return mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)

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

    def _next_chunk(self, write: Callable[[bytes], Any], record: bytes) -> None:
        with self._changing:
            if self._write == write and self._map is not None and self._header is not None:
                self._map.seek(0, os.SEEK_END)  # sealed: no late record of another thread can land behind us
                self._number += 1
                try:
                    size = max(layout.chunk_size(self._number), len(record))
                    self._map = self._new_chunk(str(self._number), size)
                except OSError:
                    self._write = self._count_lost
                else:
                    layout.CHUNK.pack_into(self._header, layout.CHUNKS_AT, self._number)
                    self._write = self._map.write
        write = self._write
        try:
            write(record)
        except ValueError:
            self._next_chunk(write, record)

    def _count_lost(self, record: bytes) -> None:
        if self._header is not None:
            (lost,) = layout.COUNT.unpack_from(self._header, layout.LOST_AT)
            layout.COUNT.pack_into(self._header, layout.LOST_AT, lost + 1)

    def _write_nothing(self, record: bytes) -> None:
        """Stand for a segment where none was asked for."""

    def _write_first(self, record: bytes) -> None:
        """Store the first record of a process that somebody forked from a recorded one."""
        process = sys.modules.get("multiprocessing.process")
        name = process.current_process().name if process else f"pid {os.getpid()}"
        try:
            self.attach(self._folder, name, self._queues)
        except OSError:
            self._write = self._write_nothing  # the run is over and its folder gone: nobody reads any more
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
            number = self._fixed_number + 1
            try:
                size = layout.fixed_chunk_size(number)
                chunk = self._new_chunk(f"f{number}", size)
            except OSError:
                self.fixed = self._count_lost_fixed
            else:
                self.fixed = self._fixed_into(chunk)
                self._fixed_number = number
                layout.CHUNK.pack_into(self._header, layout.FIXED_CHUNKS_AT, number)

    def _fixed_into(self, chunk: mmap.mmap) -> Fixed:
        """Return the function that records into this chunk until it is full."""
        next_offset = itertools.count(0, layout.FIXED.size).__next__

        def fixed(code: int, kind: int, queue: int, stamp: int, value: int, since: int) -> None:
            try:
                _pack_fixed(chunk, next_offset(), monotonic_ns(), code, kind, queue, stamp, value, since, 1)
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
        key = get_ident(), kind, resource
        word = self._known_waits.get(key)
        if word is None:
            with self._changing:
                number = len(self._known_waits) + 1
                word = number * layout.WAIT_WORDS + 1 if number < layout.WAITS and self._header is not None else 1
                if word > 1 and self._header is not None:
                    at = layout.WAITS_AT + number * layout.WAIT.size
                    layout.WAIT.pack_into(self._header, at, kind, resource, get_native_id(), 0, 0)
                    self._known_waits[key] = word
        return word

    def waiting(self, kind: int, resource: int = layout.NO_RESOURCE, timeout: float | None = None) -> int:
        """Note that this thread is about to wait; return the monotonic time in ns. Call `moving` when it is over."""
        word = self.wait_word(kind, resource)
        self._waiting[get_ident()] = word
        now = monotonic_ns()
        self.waits[word + 1] = 0 if timeout is None else now + max(1, int(timeout * 1e9))
        self.waits[word] = now
        return now

    def moving(self) -> None:
        """Note that this thread waits no longer."""
        self.waits[self._waiting.get(get_ident(), 1)] = 0

    # Feeder threads of queues

    def feeding(self, queue: int, send_bytes: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return `send_bytes` for a queue's feeder thread: it also counts what has reached the pipe."""
        flushed = self._flushed
        if flushed is None or queue >= len(flushed):
            return send_bytes
        count = flushed[queue]
        known = False

        def send(data: Any) -> None:
            nonlocal known, count
            if not known:
                self.waiting(codes.W_FEED, queue)  # a feeder is always waiting, for items or for room in the pipe
                known = True
            send_bytes(data)
            count += 1
            flushed[queue] = count

        return send


recorder = Recorder()
"""The recorder of this process."""
