"""The sound parts of the tree by what they are: what the checks look at, and what a Scenario is built from.

Everything here is lenient: what the structure check refused reads as if it were absent, so that one wrong value does
not hide what else is wrong, and is not complained about twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from run_scenario.language.problems import Span, quote
from run_scenario.language.yaml_nodes import Entry, Mapping, Node, Scalar, Sequence, plain
from run_scenario.model import DEFAULT_TIMEOUT, MANAGED, PIPE_ENDS, Direction, Worker

START = Span(1, 1)


class Refused(set[Node]):
    """Nodes that were refused, so that nobody reads them; `incomplete`: mappings in which a key was misspelt."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        super().__init__(nodes)
        self.incomplete: set[Node] = set()


class Fields:
    """A mapping's entries, read by key and type; a refused or missing one reads as the default."""

    def __init__(self, node: Node | None, bad: Refused) -> None:
        self.bad = bad
        self.sound = node is None or (node not in bad and isinstance(node, Mapping))
        self.complete = node not in bad.incomplete
        self.span = node.span if node is not None else START
        self._entries = node.entries if isinstance(node, Mapping) and node not in bad else {}

    def entry(self, key: str) -> Entry | None:
        """Return the entry, if it is there and sound."""
        entry = self._entries.get(key)
        return None if entry is None or entry.value in self.bad else entry

    def is_refused(self, key: str) -> bool:
        """Return whether the key is there, with a value that was refused."""
        return key in self._entries and self._entries[key].value in self.bad

    def value(self, key: str, default: Any = None) -> Any:
        """Return the plain data under `key`."""
        entry = self.entry(key)
        return default if entry is None else plain(entry.value)

    def text(self, key: str) -> str:
        """Return a text, empty where there is none."""
        value = self.value(key)
        return value if isinstance(value, str) else ""

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a truth value."""
        value = self.value(key)
        return value if isinstance(value, bool) else default

    def whole(self, key: str, default: int = 0) -> int:
        """Return a whole number."""
        value = self.value(key)
        return value if type(value) is int else default

    def number(self, key: str) -> float | None:
        """Return a number."""
        value = self.value(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def key_span(self, key: str) -> Span:
        """Return where the key stands; the mapping's place if it is not there."""
        return self._entries[key].key_span if key in self._entries else self.span

    def value_span(self, key: str) -> Span:
        """Return where the value stands; the mapping's place if it is not there."""
        return self._entries[key].value.span if key in self._entries else self.span

    def mapping(self, key: str) -> Fields:
        """Return the mapping under `key`; empty, and perhaps not sound, if there is none."""
        entry = self._entries.get(key)
        return Fields(entry.value if entry else None, self.bad)

    def items(self, key: str) -> tuple[Node, ...]:
        """Return the elements of the list under `key`."""
        entry = self.entry(key)
        return entry.value.items if entry is not None and isinstance(entry.value, Sequence) else ()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())


Section = Literal["queues", "pipes", "sync", "shared", "pools"]
SECTIONS: tuple[Section, ...] = ("queues", "pipes", "sync", "shared", "pools")
"""The keys under which resources are described, in the order in which the main program creates them."""

KINDS = {
    "queues": "queue",
    "pipes": "pipe",
    "sync": "synchronization object",
    "shared": "shared object",
    "pools": "pool",
}
"""What one resource of a section is called in messages."""


class ResourceDraft(NamedTuple):
    """A queue, pipe, lock… as written."""

    section: Section
    name: str
    span: Span
    fields: Fields
    type: str
    """The value of `type`, or the section's default; of a pipe, `Pipe`."""

    @property
    def called(self) -> str:
        """What it is in messages: `queue 'tasks'`, `Lock 'gate'`."""
        kind = self.type if self.section in ("sync", "shared") and self.type else KINDS[self.section]
        return f"{kind} {quote(self.name)}"

    def handles(self) -> tuple[str, ...]:
        """Return the names under which it is handed to targets: its own, or those of a pipe's two ends.

        Pools are not handed to anybody.
        """
        if self.section == "pipes":
            return tuple(f"{self.name}.{end}" for end in PIPE_ENDS)
        return (self.name,) if self.section != "pools" else ()


class Link(NamedTuple):
    """A resource handed to a parameter; `short` if only its name is written, as in `from: tasks`."""

    parameter: str
    parameter_span: Span
    resource: str
    resource_span: Span
    direction: Direction
    short: bool


class ProcessDraft(NamedTuple):
    """A process as written, replicas not yet told apart."""

    fields: Fields
    target: str
    """Empty where there is none that can be read."""
    links: tuple[Link, ...]
    first: int
    """Position of its first replica, from 1, among all processes; of an unnamed thread, among the unnamed threads."""
    replicas: int
    worker: Worker = "process"

    @property
    def name(self) -> str:
        """The name as written, or empty."""
        return self.fields.text("name")

    @property
    def span(self) -> Span:
        """Where to point when the process as a whole is meant: its name, or else its beginning."""
        return self.fields.value_span("name") if self.name else self.fields.span

    def names(self) -> list[str]:
        """Return the names of all its replicas, as multiprocessing and threading will know them."""
        if not self.name:
            return [default_name(self.worker, n, self.target) for n in range(self.first, self.first + self.replicas)]
        if self.fields.entry("replicas") is None:
            return [self.name]
        return [f"{self.name}-{n}" for n in range(1, self.replicas + 1)]


def default_name(worker: Worker, number: int, target: str) -> str:
    """Return the name that Python itself gives a worker; `number` is what multiprocessing or threading has counted."""
    if worker == "thread":
        return f"Thread-{number} ({target.rpartition(':')[2].rpartition('.')[2]})"
    return f"Process-{number}"


class Draft(NamedTuple):
    """The whole scenario as written."""

    fields: Fields
    sections: dict[Section, dict[str, ResourceDraft]]
    processes: tuple[ProcessDraft, ...]

    @property
    def queues(self) -> dict[str, ResourceDraft]:
        """The queues by name."""
        return self.sections["queues"]

    @property
    def resources(self) -> tuple[ResourceDraft, ...]:
        """All resources, in the order in which the main program creates them."""
        return tuple(resource for section in self.sections.values() for resource in section.values())

    def handles(self) -> dict[str, ResourceDraft]:
        """Return what can be handed to a target, by name; a pipe under the names of its ends."""
        return {handle: resource for resource in self.resources for handle in resource.handles()}

    @property
    def timeout(self) -> float:
        """Deadline of the run in seconds."""
        return self.fields.number("timeout") or DEFAULT_TIMEOUT

    @property
    def total(self) -> int:
        """How many processes there are, replicas counted one by one."""
        return sum(process.replicas for process in self.processes)


def read(root: Node, bad: Refused) -> Draft:
    """Return the sound parts of the tree."""
    fields = Fields(root, bad)
    sections: dict[Section, dict[str, ResourceDraft]] = {
        section: {entry.key: _resource(section, entry, bad) for entry in fields.mapping(section)}
        for section in SECTIONS
    }
    return Draft(fields, sections, tuple(_processes(fields, 1 + managers(sections["shared"].values()))))


def _processes(fields: Fields, first: int) -> Iterator[ProcessDraft]:
    """Yield the processes. multiprocessing counts all of them, threading only the threads that have no name.

    `first` is the number of the first process; those before are of managers.
    """
    usual = fields.text("worker")
    counts = {"process": first, "thread": 1}
    for node in fields.items("processes"):
        own = Fields(node, fields.bad)
        worker: Worker = "thread" if (own.text("worker") or usual) == "thread" else "process"
        process = _process(own, counts[worker], worker)
        if worker == "process" or not process.name:
            counts[worker] += process.replicas
        yield process


_DEFAULT_TYPES = {"queues": "Queue", "pipes": "Pipe", "pools": "Pool"}


def _resource(section: Section, entry: Entry, bad: Refused) -> ResourceDraft:
    # One with nothing after its colon has all the defaults.
    empty = isinstance(entry.value, Scalar) and entry.value.value is None and entry.value not in bad
    fields = Fields(Mapping({}, entry.key_span) if empty else entry.value, bad)
    kind = fields.text("type") or _DEFAULT_TYPES.get(section, "")
    if section == "shared":
        kind = SERVER if fields.flag("remote") else shared_type(fields)
    return ResourceDraft(section, entry.key, entry.key_span, fields, kind)


SERVER = "Server"
"""The type of what a remote manager holds: processes get the manager's address."""


def shared_type(fields: Fields) -> str:
    """Return the type of something shared; a manager's Queue is not one of the section `queues`."""
    kind = fields.text("type")
    return "ManagerQueue" if kind == "Queue" else kind


def managers(shared: Iterable[ResourceDraft]) -> int:
    """Return how many processes of managers there will be: one for each remote object, and one for all others."""
    remote = sum(resource.type == SERVER for resource in shared)
    return remote + any(resource.type in MANAGED for resource in shared)


def _process(fields: Fields, first: int, worker: Worker) -> ProcessDraft:
    links = (*_links(fields, "from", "inbox"), *_links(fields, "to", "outbox"), *_links(fields, "uses", None))
    replicas = fields.value("replicas", 1)
    count = (os.cpu_count() or 1) if replicas == "cpu_count" else replicas if type(replicas) is int else 1
    return ProcessDraft(fields, fields.text("target"), links, first, max(1, count), worker)


def _links(fields: Fields, key: Direction, parameter: str | None) -> Iterator[Link]:
    """Yield the resources under `from`, `to` or `uses`; `parameter` is the one that a bare name stands for."""
    entry = fields.entry(key)
    if entry is None:
        return
    if isinstance(entry.value, Scalar):
        name, span = str(entry.value.value), entry.value.span
        yield Link(parameter or name, span, name, span, key, short=True)
    for part in fields.mapping(key):
        if part.value not in fields.bad and isinstance(part.value, Scalar) and isinstance(part.value.value, str):
            yield Link(part.key, part.key_span, part.value.value, part.value.span, key, short=False)
