"""A scale of time: where a moment is in a picture of a certain width, and which moments are worth a tick."""

from __future__ import annotations

import math

from run_scenario.values import Value

_STEPS = (1.0, 2.0, 5.0, 10.0)
_LEAST = 1e-6


class Scale(Value):
    """Maps the seconds from `first` to `last` to 0 to `width`."""

    first: float
    last: float
    width: float

    def place(self, t: float) -> float:
        """Return where `t` is; what is outside is put on the nearest edge."""
        return min(max(self.unbounded(t), 0.0), self.width)

    def column(self, t: float) -> int:
        """Return the number of the column that `t` falls into, where the width is one of columns."""
        return min(int(self.place(t)), int(self.width) - 1)

    @property
    def span(self) -> float:
        """Return the seconds shown; never zero."""
        return max(self.last - self.first, _LEAST)

    def unbounded(self, t: float) -> float:
        """Return where `t` is, or would be if there were more to be seen on either side."""
        return (t - self.first) / self.span * self.width

    def shows(self, start: float, end: float) -> bool:
        """Return whether any of this time is shown."""
        return end >= self.first and start <= self.last

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most `most` round moments, at equal distances, and how they are written."""
        wanted = self.span / max(most, 1)
        magnitude = 10.0 ** math.floor(math.log10(wanted))
        step = next(magnitude * factor for factor in _STEPS if magnitude * factor >= wanted * (1 - 1e-9))
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        number = math.ceil(self.first / step - 1e-9)
        found = []
        while number * step <= self.last + step * 1e-9:
            found.append((number * step, f"{number * step:.{decimals}f}"))
            number += 1
        return found


def scale_for(last: float, width: float, first: float | None = None, until: float | None = None) -> Scale:
    """Return the scale of a run whose last event is at `last`, or of the part of it that is asked for."""
    begin = 0.0 if first is None else first
    end = last if until is None else until
    return Scale(begin, end if end > begin else begin + max(last - begin, _LEAST), width)
