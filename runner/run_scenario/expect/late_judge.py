"""Judges the log of a script, whose names nobody knows before its end: `tasks` may stand for `tasks (script.py:12)`.

The log is kept until then, in memory as long as it is short, and otherwise in a temporary file.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from run_scenario.errors import MachineryError, reason_of
from run_scenario.events import types
from run_scenario.events.encoding import as_mapping, line_of
from run_scenario.events.exit_cause import RUNNER
from run_scenario.events.fields import compared
from run_scenario.events.types import RESOURCE_FIELDS
from run_scenario.expect.judge import Judge
from run_scenario.expect.verdicts import Event, Verdict
from run_scenario.scenario.expectation_data import Builder
from run_scenario.scenario.expectations import Expectation
from run_scenario.scenario.families import family_of, is_namesake


class LogNames:
    """The processes and resources of a log, in the order in which they come up."""

    def __init__(self) -> None:
        self._processes: dict[str, None] = {}
        self._resources: dict[str, None] = {}

    def see(self, event: Event) -> None:
        """Note whom an event is about."""
        self._processes[event["process"]] = None
        for field in RESOURCE_FIELDS:
            if field in event and isinstance(event[field], str):
                self._resources[event[field]] = None

    @property
    def processes(self) -> list[str]:
        """The names of all processes of the run."""
        return [name for name in self._processes if name != RUNNER]

    def builder(self) -> Builder:
        """Return what makes expectations in which these names stand for what they stand for here."""
        members = _members(self._processes)

        def named(name: str) -> tuple[str, ...]:
            found = members.get(name, ())
            if name in self._processes:
                return (name, *filter(is_namesake, found))
            return found or (name,)

        families = {name: found for name, found in _members(self._resources).items() if name not in self._resources}
        return Builder(compared, named, MappingProxyType(families))


def _members(names: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the names by the name that stands for each with its likes."""
    found: dict[str, list[str]] = {}
    for name in names:
        if family := family_of(name):
            found.setdefault(family, []).append(name)
    return {family: tuple(members) for family, members in found.items()}


_IN_MEMORY = 4 << 20
"""Bytes of a log that are not written to a file."""
_AT_ONCE = 1_000
"""Events that are read back together."""


class LateJudge:
    """Takes the events of one run, as `Judge` does, and judges them when all have come."""

    def __init__(self, expectations: Sequence[Expectation]) -> None:
        """Judge by these expectations; each is made anew of its `written` when the names are known."""
        self._expectations = expectations
        self._names = LogNames()
        # Until it is judged; a run that is not leaves it to the collector, which closes it.
        self._log = tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="run-scenario-")  # noqa: SIM115
        self._is_judged = False
        """Whether what comes now comes of judging."""

    def take_types(self, events: Sequence[types.Event]) -> None:
        """Take the next events.

        Raises:
            MachineryError: there is no space for them.
        """
        self._keep(as_mapping(event) for event in events)

    def take(self, events: Iterable[Event]) -> None:
        """Take the next events, as the lines of a log have them.

        Raises:
            MachineryError: there is no space for them.
        """
        self._keep(events)

    def _keep(self, events: Iterable[Event]) -> None:
        if self._is_judged:
            return
        try:
            for event in events:
                self._names.see(event)
                self._log.write(line_of(event) + b"\n")
        except OSError as error:
            raise MachineryError(f"cannot keep the log until it is judged: {reason_of(error)}") from error

    def finish(self, complete: bool) -> list[Verdict]:
        """Return the verdicts (see `Judge.finish`)."""
        self._is_judged = True
        builder = self._names.builder()
        judge = Judge(
            [builder.expectation(each.written or {}).replace(where=each.where) for each in self._expectations]
        )
        with self._log as log:
            log.seek(0)
            while lines := list(islice(log, _AT_ONCE)):
                judge.take(map(json.loads, lines))
        return judge.finish(complete)
