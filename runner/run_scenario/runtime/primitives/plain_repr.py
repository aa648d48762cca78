"""Recorded objects are shown as multiprocessing's own: in what a program prints, nobody looks for ours."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def shown_plainly(kind: type[T]) -> type[T]:
    """Have objects of a class represented as those of the class in multiprocessing that it is derived from."""
    plain = next(base for base in kind.__mro__ if base.__module__.startswith("multiprocessing."))
    represent = kind.__repr__
    full, name = f"<{kind.__module__}.{kind.__qualname__} ", f"<{kind.__qualname__} "

    def shown(self: T) -> str:
        text = represent(self)
        text = text.replace(full, f"<{plain.__module__}.{plain.__qualname__} ", 1)
        return text.replace(name, f"<{plain.__qualname__} ", 1)

    kind.__repr__ = shown  # type: ignore[method-assign, assignment]
    return kind
