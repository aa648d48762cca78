"""How bytes lie in a segment: shared by the recorder, which writes it, and the reader.

    NAME.0    header | record | record | …      the general stream; its first chunk is kept until the run is over
    NAME.1             record | record | …      further chunks, each removed once it has been read
    NAME.f1            fixed | fixed | …        the fixed stream, from the first such record on; likewise in chunks
    NAME.p1            poll | poll | …          the polls, likewise

*General records* are `length, checksum, body`, all at once in one copy. Chunks are zeroed when they are made, so a
length of 0 means "nothing here yet", and a wrong checksum means "not finished, or never will be".

*Fixed records* are for what happens by the hundred thousand, puts and gets of small values: one `pack_into` of 48
bytes whose last byte, written last, shows that the rest is there: to whoever looks after that byte was seen (see
`streams`). A record that stays without it is a hole: its writer was interrupted.

*Polls* are answers that may be given again and again: fixed records with three words more (see `polling`), which are
the only ones that are written more than once.
"""

from __future__ import annotations

import struct

MAGIC = b"RSREC\x00\x00\x02"

RECORD = struct.Struct("<II")
"""Before each body: its length in bytes and the CRC-32 of its bytes."""

FIXED = struct.Struct("<qBBHxxxxqqqxxxxxxxB")
"""t, code, what `value` is, queue, stamp, value, since, 1."""

FIXED_BY = struct.Struct("<qBBHHxxqqqxxxxxxxB")
"""The same with the number of the worker behind the queue (see `Recorder.register`); 0 where only zeros were stored."""
POLL = struct.Struct("<qBBHHxxqqqqqqxxxxxxxB")
"""The same of an answer, with three words more before the 1: how often, until when (ns), how often in all.

The first two are rewritten while the answer stays the same. The third is stored once, when no more can come.
"""
POLL_TIMES = 5
POLL_UNTIL = 6
POLL_FINAL = 7
"""Where these stand in the record, in words of eight bytes."""
POLL_WORDS = struct.Struct("<qqq")

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
"""Bytes, of which only the number is recorded (see `describe`)."""
V_FLOAT = 6
"""A float: the integer with the same eight bytes."""
V_CONTENT = 7
"""The number of a content that was recorded before, as a general record."""
V_WITHHELD = 8
"""Anything: it is not recorded (see `payloads`)."""

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
POLL_CHUNKS_AT = 484
"""u32: number of the chunk of polls now written to; 0: there is none yet."""
ALARM_AT = 488
"""i64: when the process's alarm clock rings (monotonic ns); 0: it is not set."""
COUNT = struct.Struct("<Q")
TIME = struct.Struct("<q")
CHUNK = struct.Struct("<I")
NEWS = struct.Struct("<IIQII")
"""All of them at once, from CHUNKS_AT on."""

WAITS_AT = 512
WAIT = struct.Struct("<BxHIqq")
"""kind, queue or process (0xFFFF: none), native thread id, since (ns; 0: not waiting), until (ns; 0: for ever).

`until` is negative where it waits for ever for one of several: for the end of the process with that id, which the
scenario does not name, or for the result of the call on a pool with that number.

`since` is negative while the thread holds the lock of what it waits at: should it end there, it takes the lock along.
"""
WAIT_WORDS = 3
"""The same in words of eight bytes; `since` is the second, `until` the third."""
WAITS = 256
"""Ways of waiting that one process can distinguish, threads times kinds times resources; the first is for scratch."""
NO_RESOURCE = 0xFFFF

FLUSHED_AT = WAITS_AT + WAITS * WAIT.size
"""u64 per queue: items that this process's feeder thread has written to the queue's pipe."""

LAST_RECORD = 16 * 1024 * 1024
"""No record is longer; a length beyond it is damage."""


def header_size(queues: int) -> int:
    """Return the size of the first chunk's header in bytes, a multiple of 64."""
    return (FLUSHED_AT + COUNT.size * queues + 63) // 64 * 64


def chunk_size(number: int) -> int:
    """Return the size in bytes of the general chunk `number`: small ones first: most processes record little."""
    return int(min(64 * 1024 << (2 * number), 1024 * 1024))


def fixed_chunk_size(number: int) -> int:
    """Return the size in bytes of the fixed chunk with that number (from 1 on)."""
    return FIXED.size * int(min(1024 << (2 * number), 1 << 15))


def poll_chunk_size(number: int) -> int:
    """Return the size in bytes of the chunk of polls with that number (from 1 on)."""
    return POLL.size * int(min(64 << (2 * number), 1 << 13))
