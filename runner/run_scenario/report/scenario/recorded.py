"""What the log of a script says that a scenario can say: its processes, what it has made, and who did what in order."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.recording.payloads import WITHHELD
from run_scenario.report.scenario.yaml_text import escaped
from run_scenario.report.sentences import Event
from run_scenario.scenario.resources import NAMED_BY

MOST_KEPT = 3_000
"""Events of one process that are kept: a file has room for fewer steps."""
_BY_ANOTHER = (
    *("process.starting", "process.joining", "process.joined", "process.join_timed_out"),
    *("process.interrupting", "process.terminating", "process.killing", "process.alive"),
)
"""Events of what one process does to another, which is `by`."""
_ENDS = ("process.finished", "process.exiting", "process.failed")
_ACTIONS = (*_BY_ANOTHER, *_ENDS)


@dataclass
class Process:
    """A process that the script has started."""

    name: str
    starting: Event
    exited: Event | None = None

    @property
    def parent(self) -> str:
        """The name of who has started it."""
        return str(self.starting.get("by"))


@dataclass
class Recorded:
    """The run of a script."""

    started: Event
    processes: dict[str, Process] = field(default_factory=dict)
    resources: dict[str, Event] = field(default_factory=dict)
    """By their names in the log: how they were made."""
    did: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    """By who did it."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many events of a process were too many."""
    begun: dict[str, float] = field(default_factory=dict)
    """When processes have begun."""
    used: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Process and queue -> which of put and get it has done there."""
    start_methods: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    main_exited: Event = field(default_factory=dict)
    stalled: str = ""
    """deadlock or deadline, if it has come to that."""
    stuck: dict[str, Event] = field(default_factory=dict)
    """Process -> what its main thread was blocked in then."""
    threads_stuck: set[str] = field(default_factory=set)
    """Processes with another thread that was blocked then."""
    deadline: float | None = None
    """The seconds of `--timeout`, if they have ended the script."""
    faults: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Events for which a scenario fails that does not expect them -> processes that they are about."""
    blocks: dict[str, str] = field(default_factory=dict)
    """Name of a block of shared memory for the system -> what it is called in the log."""
    dropped: dict[tuple[str, str, int], str] = field(default_factory=dict)
    """Process, queue and number of an item that never arrived -> why."""
    is_withheld: bool = False
    """Whether it was recorded without what was put, sent and given."""
    lasted: float = 0.0

    def add(self, event: Event) -> None:
        """Take in the next event."""
        kind, process = str(event.get("event")), str(event.get("process"))
        self.is_withheld = self.is_withheld or WITHHELD in (event.get("item"), event.get("content"))
        self.lasted = max(self.lasted, event.get("t", 0.0))
        match kind:
            case "resource.made":
                self.resources[event["resource"]] = event
                self._note_start_method(event["parameters"].get("start_method"))
            case "process.starting":
                self.processes[process] = Process(process, event)
            case "process.started":
                self.begun[process] = event["t"]
                self._note_start_method(event.get("start_method"))
            case "process.exited":
                self._end(process, event)
            case "scenario.stalled":
                self.stalled = event["cause"]
                self.stuck = {each["process"]: each for each in event["processes"] if each["thread"] is None}
                self.threads_stuck = {each["process"] for each in event["threads"]}
            case "scenario.timed_out":
                self.deadline = event["timeout"]
            case "process.orphaned" if process in self.processes:
                self._note_fault(kind, process)
            case "queue.items_lost" | "queue.get_failed":
                self._note_fault(kind, process)
            case "queue.item_dropped":
                self._note_fault(kind, process)
                self.dropped[process, event["queue"], event["item_id"]] = event["error"]
            case "queue.left_over" if event["pills"]:
                self._note_fault(kind, process)
            case "shared_memory.created":
                self.blocks[event["name"]] = event["memory"]
            case "recording.incomplete":
                self.missing.append(event["missing"])
            case "queue.put" | "queue.get":
                self.used[process, event["queue"]].add(kind.removeprefix("queue."))
        if kind in _ACTIONS or any(field in event for field in NAMED_BY):
            self._keep(str(event.get("by")) if kind in _BY_ANOTHER else process, event)

    def _note_start_method(self, method: str | None) -> None:
        if method and method not in self.start_methods:
            self.start_methods.append(method)

    def _note_fault(self, kind: str, process: str) -> None:
        if not self.stalled:  # otherwise it may have come of being stopped
            self.faults[kind].add(process)

    def _end(self, process: str, event: Event) -> None:
        if process == MAIN_NAME:
            self.main_exited = event
        elif process in self.processes:
            self.processes[process].exited = event

    def _keep(self, doer: str, event: Event) -> None:
        # What comes after a deadlock, or after the main program's end, is no action of theirs.
        if self.stalled or (doer == MAIN_NAME and self.main_exited):
            return
        if len(self.did[doer]) < MOST_KEPT:
            self.did[doer].append(event)
        else:
            self.left_out[doer] += 1


def read(events: Iterable[Event]) -> Recorded:
    """Return what a log says."""
    remaining = iter(events)
    recorded = Recorded(next(remaining))
    for event in remaining:
        recorded.add(event)
    return recorded


# Names


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
