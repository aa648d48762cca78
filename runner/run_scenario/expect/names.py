"""The names in a log, and what a name stands for that is not one of them: `tasks` for `tasks (script.py:12)`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from run_scenario.events.exit_cause import RUNNER
from run_scenario.events.operands import compared
from run_scenario.events.types import RESOURCE_FIELDS
from run_scenario.expect.verdicts import Event
from run_scenario.scenario.expectation_data import Builder
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
