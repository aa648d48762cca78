"""What a process has used of the machine, as the system counts it."""

from __future__ import annotations

import sys

from run_scenario.values import Value

Packed = list[float | int | None]
"""A `Usage` in a record: its fields in order."""


class Usage(Value):
    """What a process has used: seconds of CPU, bytes, context switches; None where it is not known."""

    cpu_user: float | None = None
    cpu_system: float | None = None
    max_rss: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None

    def packed(self) -> Packed:
        """Return the fields in order, for a record."""
        return [self.cpu_user, self.cpu_system, self.max_rss, self.voluntary_switches, self.involuntary_switches]

    @classmethod
    def of_rusage(cls, usage: object) -> Usage:
        """Take it from what `os.wait4` returned (getrusage(2): ru_maxrss counts kilobytes on Linux, bytes on macOS)."""
        get = usage.__getattribute__
        unit = 1 if sys.platform == "darwin" else 1024
        return cls(get("ru_utime"), get("ru_stime"), get("ru_maxrss") * unit, get("ru_nvcsw"), get("ru_nivcsw"))
