"""Marks that a scenario's test has in pytest."""

from __future__ import annotations

from typing import Any

from run_scenario.values import Value

Argument = str | int | float | bool

ARGUMENTS = {
    "skip": ("reason",),
    "skipif": ("condition", "reason"),
    "xfail": ("condition", "reason", "run", "strict"),
}
"""Marks of pytest's own, and which arguments of theirs are data; a text alone is the reason."""


class Mark(Value):
    """A mark, with its arguments."""

    name: str
    args: tuple[Argument, ...] = ()
    kwargs: dict[str, Argument] = {}  # noqa: RUF012 (never changed)


def mark_of(written: Any) -> Mark:
    """Return the mark that plain data stands for: a name, or a mapping of a name to its arguments."""
    if isinstance(written, str):
        return Mark(written)
    ((name, given),) = written.items()
    if isinstance(given, dict):
        return Mark(name, kwargs=given)
    if name in ARGUMENTS:
        return Mark(name, kwargs={"reason": given})
    return Mark(name, tuple(given) if isinstance(given, list) else (given,))
