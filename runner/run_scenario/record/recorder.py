"""The writing side: `recorder` is the one recorder of this process.

What makes it safe and quick is that storing a record is a single call of `mmap.write`: one copy into the page cache
under the interpreter lock. Two threads, or a signal handler that interrupts a thread, cannot mix their records, and
nothing needs a lock of ours except the rare step to a new chunk.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from _thread import get_ident, get_native_id
from collections.abc import Callable
from time import monotonic_ns
from typing import Any
from zlib import crc32

from msgpack import Packer

from run_scenario.record import codes, layout

_slot_pack_into = layout.SLOT.pack_into
_record_head = layout.RECORD.pack


class Recorder:
    """Appends records to this process's own segment; does nothing until `attach` was called.

    A forked child starts with a recorder that is attached to nothing of its parent's: it makes a segment of its own
    at its first record (or when `attach` is called).
    """

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
        self._map: mmap.mmap | None = None
        self._header: mmap.mmap | None = None
        self._flushed: memoryview | None = None
        self._slots: dict[int, tuple[int, int]] = {}
        self._number = 0
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
        self._map = self._header = header = self._new_chunk(size + layout.chunk_size(0))
        label = name.encode("utf-8", "surrogatepass")[: layout.NAME_LIMIT]
        header[layout.NAME_AT : layout.NAME_AT + len(label)] = label
        layout.HEADER.pack_into(header, 0, b"", os.getpid(), os.getppid(), now, size, queues, len(label))
        header[0 : len(layout.MAGIC)] = layout.MAGIC  # last: a reader takes no half-made header
        self._flushed = memoryview(header)[layout.FLUSHED_AT : layout.FLUSHED_AT + 8 * queues].cast("Q")
        header.seek(size)
        self._write = header.write

    def _new_chunk(self, size: int) -> mmap.mmap:
        path = f"{self.prefix}.{self._number}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # The space is taken now: a full disk must be an error here, not a SIGBUS at some later store.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.ftruncate(descriptor, size)
            return mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)

    # Recording

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
                    self._map = self._new_chunk(max(layout.chunk_size(self._number), len(record)))
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

    # Waiting

    def waiting(self, kind: int, resource: int = layout.NO_RESOURCE, timeout: float | None = None) -> int:
        """Note that this thread is about to wait; return the monotonic time in ns. Call `moving` when it is over."""
        now = monotonic_ns()
        header = self._header
        if header is None:
            return now
        slot = self._slots.get(get_ident()) or self._new_slot()
        if slot[0]:
            until = 0 if timeout is None else now + max(1, int(timeout * 1e9))
            _slot_pack_into(header, slot[0], kind, resource, slot[1], now, until)
        return now

    def moving(self) -> None:
        """Note that this thread waits no longer."""
        slot = self._slots.get(get_ident())
        if slot is not None and slot[0] and self._header is not None:
            self._header[slot[0]] = 0

    def _new_slot(self) -> tuple[int, int]:
        """Give this thread a slot: the first for the main thread, none (offset 0) when all are taken."""
        is_main = get_ident() == threading.main_thread().ident
        with self._changing:
            number = 0 if is_main else 1 + sum(1 for offset, _ in self._slots.values() if offset > layout.SLOTS_AT)
            offset = layout.SLOTS_AT + number * layout.SLOT_STRIDE if number < layout.SLOTS else 0
            slot = self._slots[get_ident()] = (offset, get_native_id())
        return slot

    # Feeder threads of queues

    def feeding(self, queue: int, send_bytes: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return `send_bytes` for a queue's feeder thread: it also counts what has reached the pipe."""
        known = False

        def send(data: Any) -> None:
            nonlocal known
            if not known:
                self.waiting(codes.W_FEED, queue)  # a feeder is always waiting, for items or for room in the pipe
                known = True
            send_bytes(data)
            flushed = self._flushed
            if flushed is not None:
                flushed[queue] += 1

        return send


recorder = Recorder()
"""The recorder of this process."""
