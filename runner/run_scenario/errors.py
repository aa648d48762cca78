"""The few errors a person can meet, each with the exit status it leads to.

Modules raise these; only the command line's entry point catches them. A `Problem` is a value: the loader gathers
all of them before anything is raised, so that a file is corrected in one go.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Literal

from run_scenario.values import Value


class Location(Value):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Status(enum.IntEnum):
    """Exit statuses of the command (contract: see docs/reference/exit-statuses.md)."""

    PASSED = 0
    FAILED = 1
    INVALID = 2
    STOPPED = 3
    MACHINERY = 4
    HANGUP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class Problem(Value):
    """One thing that is wrong (or, as a warning, odd) at one place of a file."""

    where: Location
    what: str
    """What is wrong, one sentence without a final stop; never longer than a few hundred characters."""
    hint: str = ""
    """The way out: what to write instead."""
    source: str = ""
    """The offending line of the file, as it stands there."""
    width: int = 1
    """How many characters the caret underlines."""
    severity: Literal["error", "warning"] = "error"


class RunScenarioError(Exception):
    """Base of everything raised for a person; `status` is the command's exit status."""

    status: Status = Status.MACHINERY


class InvalidScenario(RunScenarioError):
    """The scenario cannot be run as written; `problems` says where and why, ordered by position."""

    status = Status.INVALID

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        hinted = (f"{p.where}: {p.what}" + (f" ({p.hint})" if p.hint else "") for p in self.problems)
        super().__init__("\n".join(hinted))


class UsageError(RunScenarioError):
    """The command line asks for something that is not there or makes no sense."""

    status = Status.INVALID


def reason_of(error: OSError) -> str:
    """Return why something failed that was asked of the system, as the end of a sentence."""
    reason = error.strerror or str(error)
    return f"{reason[:1].lower()}{reason[1:]}"


class MachineryError(RunScenarioError):
    """The run's own machinery failed: no more processes, descriptors, disk; a log that cannot be written."""

    status = Status.MACHINERY
