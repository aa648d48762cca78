"""How bytes lie in a segment: shared by the recorder, which writes it, and the reader.

    NAME.0   header | record | record | …        (the first chunk, kept until the run is over)
    NAME.1            record | record | …        (further chunks, each removed once it has been read)

A record is `length, checksum, body`, all at once in one copy. Chunks are zeroed when they are made, so a length of 0
means "nothing here yet", and a wrong checksum means "not finished, or never will be".
"""

from __future__ import annotations

import struct

MAGIC = b"RSREC\x00\x00\x01"

RECORD = struct.Struct("<II")
"""Before each body: its length in bytes and the CRC-32 of its bytes."""

HEADER = struct.Struct("<8sIIqIHH")
"""magic, pid, ppid, monotonic ns at attaching, header size, number of queues, length of the name."""
NAME_AT = 32
NAME_LIMIT = 440

CHUNKS_AT = 472
"""u32: number of the chunk now written to."""
LOST_AT = 480
"""u64: records that could not be stored (no space left)."""
COUNT = struct.Struct("<Q")
CHUNK = struct.Struct("<I")

SLOTS_AT = 512
SLOT = struct.Struct("<BxHIqq")
"""What one thread waits for: kind, queue or process (0xFFFF: none), native thread id, since ns, until ns (0: for ever)."""
SLOT_STRIDE = 32
SLOTS = 32
"""Threads of one process that can be told apart; further ones are simply not known to wait."""
NO_RESOURCE = 0xFFFF

FLUSHED_AT = SLOTS_AT + SLOTS * SLOT_STRIDE
"""u64 per queue: items that this process's feeder thread has written to the queue's pipe."""

FIRST_CHUNK = 64 * 1024
LAST_CHUNK = 1024 * 1024


def header_size(queues: int) -> int:
    """Return the size of the first chunk's header in bytes, a multiple of 64."""
    return (FLUSHED_AT + COUNT.size * queues + 63) // 64 * 64


def chunk_size(number: int) -> int:
    """Return the size in bytes of the chunk with that number: small ones first, since most processes say little."""
    return int(min(FIRST_CHUNK << (2 * number), LAST_CHUNK))


LAST_RECORD = 16 * 1024 * 1024
"""No record is longer; a length beyond it is damage."""
