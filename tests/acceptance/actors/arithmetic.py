"""Functions that steps call."""

from __future__ import annotations


def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number
