"""How bytes lie in a segment: shared by the recorder, which writes it, and the reader.

    NAME.0    header | record | record | …      the general stream; its first chunk is kept until the run is over
    NAME.1             record | record | …      further chunks, each removed once it has been read
    NAME.f1            fixed | fixed | …        the fixed stream, from the first such record on; likewise in chunks

*General records* are `length, checksum, body`, all at once in one copy. Chunks are zeroed when they are made, so a
length of 0 means "nothing here yet", and a wrong checksum means "not finished, or never will be".

*Fixed records* are for what happens by the hundred thousand, puts and gets of small values: one `pack_into` of 48
bytes whose last byte, written last, says that the rest is there. A record that stays without it is a hole: its
writer was interrupted.
"""

from __future__ import annotations

import struct

MAGIC = b"RSREC\x00\x00\x02"

RECORD = struct.Struct("<II")
"""Before each body: its length in bytes and the CRC-32 of its bytes."""

FIXED = struct.Struct("<qBBHxxxxqqqxxxxxxxB")
"""t, code, what `value` is, queue, stamp, value, since, 1."""

FIXED_BY = struct.Struct("<qBBHHxxqqqxxxxxxxB")
"""The same with the number of the worker behind the queue (see `Recorder.enlist`); 0 where only zeros were stored."""
WORKER_BITS = 8
"""In a general record, such a number stands in the code, this many bits up."""

TASK_BITS = 32
"""In the stamp of a fixed record of a pool's task, the number of the call stands so many bits up, over the task's."""

# What the value of a fixed record is.
V_SAME = 0
V_INT = 1
V_NONE = 2
V_FALSE = 3
V_TRUE = 4
V_BYTES = 5
"""Bytes, of which only the number is told (see `describe`)."""

HEADER = struct.Struct("<8sIIqIHH")
"""magic, pid, ppid, monotonic ns at attaching, header size, number of queues, length of the name."""
NAME_AT = 32
NAME_LIMIT = 432

CHUNKS_AT = 464
"""u32: number of the general chunk now written to."""
FIXED_CHUNKS_AT = 468
"""u32: number of the fixed chunk now written to; 0: there is none yet."""
LOST_AT = 472
"""u64: records that could not be stored (no space left)."""
STACK_AT = 480
"""u32: descriptor of the process's file for stacks; 0: it writes none."""
COUNT = struct.Struct("<Q")
CHUNK = struct.Struct("<I")
NEWS = struct.Struct("<IIQ")
"""The three of them at once, from CHUNKS_AT on."""

WAITS_AT = 512
WAIT = struct.Struct("<BxHIqq")
"""kind, queue or process (0xFFFF: none), native thread id, since (ns; 0: not waiting), until (ns; 0: for ever).

`since` is negative while the thread holds the lock of what it waits at: should it end there, it takes the lock along.
"""
WAIT_WORDS = 3
"""The same in words of eight bytes; `since` is the second, `until` the third."""
WAITS = 256
"""Ways of waiting that one process can tell apart, threads times kinds times resources; the first is for scratch."""
NO_RESOURCE = 0xFFFF

FLUSHED_AT = WAITS_AT + WAITS * WAIT.size
"""u64 per queue: items that this process's feeder thread has written to the queue's pipe."""

LAST_RECORD = 16 * 1024 * 1024
"""No record is longer; a length beyond it is damage."""


def header_size(queues: int) -> int:
    """Return the size of the first chunk's header in bytes, a multiple of 64."""
    return (FLUSHED_AT + COUNT.size * queues + 63) // 64 * 64


def chunk_size(number: int) -> int:
    """Return the size in bytes of the general chunk with that number: small ones first, most processes say little."""
    return int(min(64 * 1024 << (2 * number), 1024 * 1024))


def fixed_chunk_size(number: int) -> int:
    """Return the size in bytes of the fixed chunk with that number (from 1 on)."""
    return FIXED.size * int(min(1024 << (2 * number), 1 << 15))
