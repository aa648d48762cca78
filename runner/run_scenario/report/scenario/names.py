"""The names of what a script has made, as a scenario can have them: `tasks (crawl.py:12)` is `tasks`."""

from __future__ import annotations

import re
from itertools import takewhile

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.report.scenario.recorded import Recorded
from run_scenario.report.scenario.yaml_text import escaped

_LONGEST = 60
_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")


class Names:
    """Names for the resources and processes of a log; no two are the same, whatever kind they are of."""

    def __init__(self, recorded: Recorded) -> None:
        self._taken = {MAIN_NAME}
        self._processes = {name: self._unique(_process_name(name)) for name in recorded.processes}
        self._resources = {
            name: self._unique(_resource_name(made["variable"], made["type"]))
            for name, made in recorded.resources.items()
        }

    def process(self, name: str) -> str:
        """Return the name of a process, for a file in which dollars mean something."""
        return str(escaped(self._processes[name]))

    def resource(self, name: str) -> str:
        """Return the name of a resource."""
        return self._resources[name]

    def is_free(self, name: str) -> bool:
        """Return whether nothing has this name."""
        return name not in self._taken

    def _unique(self, name: str) -> str:
        unique, number = name, 1
        while unique in self._taken:
            number += 1
            unique = f"{name}-{number}"
        self._taken.add(unique)
        return unique


def _process_name(name: str) -> str:
    shown = "".join(each if each.isprintable() else "_" for each in name[:_LONGEST]).strip()
    return shown or "Process"


def _in_common(parts: list[str]) -> str:
    """Return the words that the names of both ends of a pipe begin or end with; both names, if there are none."""
    words = [part.split("_") for part in parts]
    first, last = _beginning(words), _beginning([each[::-1] for each in words])[::-1]
    return "_".join(first or last) if len(parts) > 1 and (first or last) else "-".join(parts)


def _beginning(lists: list[list[str]]) -> list[str]:
    return [each[0] for each in takewhile(lambda each: len(set(each)) == 1, zip(*lists, strict=False))]


def _resource_name(variable: str, kind: str) -> str:
    name = _in_common([_OTHERS.sub("_", part).strip("_-") for part in variable.split(", ")])[:_LONGEST].strip("_-")
    return name if name[:1].isalpha() else f"{kind.removeprefix('Manager').lower()}{'-' if name else ''}{name}"
