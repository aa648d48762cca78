"""How much a run may take before it is stopped or cut short: the defaults, and the options that change them.

A scenario is data, and its targets are code: neither is to fill the disk, the process table or the log of whoever runs
it by mistake. What a scenario's *file* may hold is bounded where it is read (see `loader`).
"""

from __future__ import annotations

from typing import Literal

from run_scenario.counting import plural
from run_scenario.values import Value

MAX_TIMEOUT = 86_400
"""Seconds that a deadline may be given as an option."""
MAX_PIPE_CAPACITY = 1 << 30
"""Bytes that anybody may ask a pipe to hold; the system allows less, mostly 1 MiB."""
KIBI = 1024
MEBI = 1024 * KIBI
GIBI = 1024 * MEBI


class Limits(Value):
    """The most of everything that one run may have."""

    processes: int = 2_000
    threads: int = 10_000
    items: int = 10_000_000
    payload: int = 64 * MEBI
    log: int = GIBI
    output: int = 16 * MEBI
    memory: int | None = None
    """None: as much as there is."""
    open_files: int | None = None
    """None: what the shell allows (`ulimit -n`)."""


class Limit(Value):
    """One of them as a person meets it."""

    name: str
    """The field of `Limits`."""
    unit: Literal["", "bytes"]
    what: str
    """What is counted, in the plural."""
    when: str
    """What happens when there is more."""
    unlimited: str = ""
    """What applies where there is no limit, as by default."""

    @property
    def option(self) -> str:
        """The option that changes it."""
        return f"--max-{self.name.replace('_', '-')}"

    def shown(self, number: int) -> str:
        """Return a number of what is counted, with its unit."""
        return size(number) if self.unit else f"{number:,}"

    def exceeded(self, most: int, found: int | None = None) -> str:
        """Return why a run that came to this limit was ended, in one sentence."""
        so_many = "" if found is None else f" ({self.shown(found)})"
        return f"more {self.what}{so_many} than the {self.shown(most)} that {self.option} allows"


LIMITS = {
    limit.name: limit
    for limit in (
        Limit("processes", "", "processes at once", "the run is stopped"),
        Limit("threads", "", "threads at once", "the run is stopped"),
        Limit("items", "", "items put on queues", "the run is stopped"),
        Limit("payload", "bytes", "bytes in one item or message", "it is not sent: a ValueError"),
        Limit("log", "bytes", "log", "the run is stopped, the rest of the log left out"),
        Limit("output", "bytes", "output of one process", "the rest of it is left out"),
        Limit("memory", "bytes", "memory of all processes", "the run is stopped", "as much as there is"),
        Limit("open_files", "", "open files in one process", "opening one more fails", "what the shell allows"),
    )
}


def size(number: int) -> str:
    """Return a number of bytes as a person writes it: `16 MiB`, `1.5 GiB`, `300 bytes`."""
    for unit, name in ((GIBI, "GiB"), (MEBI, "MiB"), (KIBI, "KiB")):
        if number >= unit:
            return f"{number / unit:.4g} {name}"
    return plural(number, "byte")


_UNITS = {"": 1, "k": KIBI, "m": MEBI, "g": GIBI}


def parse_size(text: str) -> int:
    """Return the number in `64K`, `10M`, `1GiB` or `5000`.

    Raises:
        ValueError: it is none.
    """
    import re  # spawned children import this module, and do without

    found = re.fullmatch("([0-9]{1,15})(?:([kmg])(?:i?b)?|b)?", text.lower())
    if found is None:
        raise ValueError(text)
    return int(found[1]) * _UNITS[found[2] or ""]


DEFAULTS = Limits()
"""What applies where nobody says otherwise."""
_NO_LIMIT = 1 << 62
OF_SCRIPTS = Limits(_NO_LIMIT, _NO_LIMIT, _NO_LIMIT, _NO_LIMIT, output=_NO_LIMIT)
"""A script is not stopped because it does much; only its log is cut short."""
