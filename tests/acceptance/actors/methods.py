"""Methods of objects, and partials, which are named as they stand in this module."""

from __future__ import annotations

from functools import partial


class Counter:
    """Counts from somewhere on."""

    def __init__(self, start: int) -> None:
        self.start = start

    def plus(self, number: int) -> int:
        """Print and return a number further on."""
        print(self.start + number)
        return self.start + number

    @classmethod
    def called(cls) -> None:
        """Print the name of the class."""
        print(cls.__name__)


counter = Counter(40)
plus_two = partial(counter.plus, 2)
plus_three = partial(Counter.plus, number=3)
