"""Whether this process is a copy that own code has made by os.fork(): that speaks for itself, not for the original.

A copy goes on in the code of the original, ours included, which tells of the end of "its" process. So whoever tells of
that asks here for the number under which it is told.
"""

from __future__ import annotations


class _Copy:
    """What is known of this process."""

    is_one = False
    number: int | None = None
    """Of a copy: its own; None: it has none, and nothing is told of its end but what others see."""


_this = _Copy()


def note_original() -> None:
    """Note that this process is none: multiprocessing, or the supervisor, has made it."""
    _this.is_one, _this.number = False, None


def note_copy(number: int | None) -> None:
    """Note that it is one, with its number among the processes of the run."""
    _this.is_one, _this.number = True, number


def is_copy() -> bool:
    """Tell whether this process is a copy."""
    return _this.is_one


def own_number(number: int) -> int | None:
    """Return the number of this process, which is `number` if it is no copy; None: it is a copy without one."""
    return _this.number if _this.is_one else number
