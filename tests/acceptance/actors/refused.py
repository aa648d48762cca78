"""Calls that raise: they have no effect, and so are not to be recorded as if they had one."""

from __future__ import annotations

import contextlib
from typing import Any

REFUSED = (TypeError, ValueError, AssertionError, IndexError, OSError, RuntimeError)


def misuse_condition(door: Any) -> None:
    """Notify, and wait, without the lock."""
    for call in (door.notify, door.notify_all, door.wait):
        with contextlib.suppress(*REFUSED):
            call()


def miswrite(number: Any, row: Any, word: Any, board: Any) -> None:
    """Write what does not fit, in each way there is."""
    with contextlib.suppress(*REFUSED):
        number.value = "no number"
    for place, content in ((0, "no number"), (slice(0, 2), [1]), (9, 1)):
        with contextlib.suppress(*REFUSED):
            row[place] = content
    with contextlib.suppress(*REFUSED):
        word.value = b"much too long a word"
    for content in ("much longer than it was", 1 << 70, []):
        with contextlib.suppress(*REFUSED, KeyError, Exception):
            board[0] = content
    number.value = (1 << 32) + 5
    row[-1] = (1 << 32) + 7


def put_on_what_is_closed(outbox: Any) -> None:
    """Put on a SimpleQueue that one has closed."""
    outbox.close()
    with contextlib.suppress(*REFUSED):
        outbox.put("nothing")
