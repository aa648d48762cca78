"""The valid parts of the tree by what they are: what the checks look at, and what a Scenario is built from.

Everything here is lenient: what the structure check found invalid reads as if it were absent, so that one wrong value
does not hide what else is wrong, and is not reported twice.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Mapping_
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from run_scenario.loader.problems import Span, quote
from run_scenario.loader.reading.steps import (
    UNKNOWN,
    StepDraft,
    direction_of,
    everywhere,
    reachable,
    read_steps,
    resolved,
    value_before,
)
from run_scenario.loader.reading.yaml_parser import (
    Entry,
    Fields,
    InvalidNodes,
    Mapping,
    Node,
    Replica,
    Scalar,
    Sequence,
)
from run_scenario.scenario.expressions import Expression, candidates, names_in
from run_scenario.scenario.model import DEFAULT_TIMEOUT, MANAGED, PIPE_ENDS, Direction, Worker
from run_scenario.scenario.processes import default_name

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


_TYPES_IN_WORDS = {
    "process": "a process",
    "thread": "a thread",
    "Pipe": "an end of a pipe",
    "ManagerQueue": "a manager's Queue",
    "ManagerValue": "a manager's Value",
    "ManagerArray": "a manager's Array",
    "executor": "an executor",
}


def with_article(type_: str) -> str:
    """Return what one worker or resource of this type is called in messages: `a Queue`, `an RLock`."""
    an = type_[0] in "AEIO" or type_ == "RLock"
    return _TYPES_IN_WORDS.get(type_) or f"{'an' if an else 'a'} {type_}"


class ResourceDraft(NamedTuple):
    """A queue, pipe, lock… as written."""

    section: Section
    name: str
    span: Span
    fields: Fields
    type: str
    """The value of `type`, or the section's default; of a pipe, `Pipe`."""
    family: str = ""
    """The name of all replicas together, if it is one of several."""

    @property
    def called(self) -> str:
        """What it is in messages: `queue 'tasks'`, `Lock 'gate'`."""
        kind = self.type if self.section in ("sync", "shared") and self.type else KINDS[self.section]
        return f"{_TYPES_IN_WORDS.get(kind, kind).removeprefix('a ')} {quote(self.name)}"

    @property
    def kind(self) -> str:
        """What it is, where its name has been said: `a Lock`, `a pipe`; empty where its type cannot be read."""
        if self.section in ("pipes", "pools"):
            return f"a {KINDS[self.section]}"
        return with_article(self.type) if self.type else ""

    def handles(self) -> tuple[str, ...]:
        """Return the names under which targets get it: its own, or those of a pipe's two ends.

        Targets do not get pools.
        """
        if self.section == "pipes":
            return tuple(f"{self.name}.{end}" for end in PIPE_ENDS)
        return (self.name,) if self.section != "pools" else ()


class BindingDraft(NamedTuple):
    """A resource given to a parameter; `short` if only its name is written, as in `from: tasks`."""

    parameter: str
    parameter_span: Span
    resource: str
    resource_span: Span
    direction: Direction
    short: bool
    listed: bool = False
    """Whether it is an element of a list, which is given to the parameter as a whole."""
    is_guess: bool = False
    """Whether only the run knows what is named, and nothing of the name stands there: it may be any."""


OF_REPLICA = ("i", "name", "replicas")
"""The names that each process knows from the beginning, besides the parameters."""


class ProcessDraft(NamedTuple):
    """A process as written, with all its replicas; of replicas that differ, one of them."""

    fields: Fields
    target: str
    """Empty where there is none that can be read."""
    bindings: tuple[BindingDraft, ...]
    first: int
    """Position of its first replica, from 1, among all processes; of an unnamed thread, among the unnamed threads."""
    replicas: int
    """How many there are in all, those of all parents."""
    worker: Worker = "process"
    steps: tuple[StepDraft, ...] | None = None
    """What it does, in place of a target; None if it has no steps."""
    given: tuple[BindingDraft, ...] = ()
    """With steps: the resources that are named beside them, under their own names."""
    parents: tuple[str, ...] = ()
    """The names of the processes that start it, each as many replicas; empty: the main program."""
    replica: Replica | None = None
    """Of replicas that differ: which one it is."""
    parameters: Mapping_[str, Any] = MappingProxyType({})

    @property
    def name(self) -> str:
        """The name as written, or empty."""
        return self.fields.text("name")

    @property
    def span(self) -> Span:
        """Where to point for the process as a whole: its name, or else its beginning."""
        return self.fields.value_span("name") if self.name else self.fields.span

    def names(self) -> list[str]:
        """Return the names of all its replicas, as multiprocessing and threading will know them."""
        if not self.name:
            return [default_name(self.worker, n, self.target) for n in range(self.first, self.first + self.replicas)]
        if self.replica is not None:
            return [f"{self.name}-{self.replica.number}" if self.replica.family else self.name]
        if self.fields.entry("replicas") is None and len(self.parents) < 2:
            return [self.name]
        return [f"{self.name}-{n}" for n in range(1, self.replicas + 1)]

    @property
    def called(self) -> tuple[str, ...]:
        """All names for it: those of its replicas, and that of all of them together."""
        return (*self.names(), *([self.name] if self.name else []))

    def names_below(self, parent: str | None) -> list[str]:
        """Return the names of those replicas that this parent starts; None: of all."""
        names = self.names()
        if parent not in self.parents:
            return names
        each = len(names) // len(self.parents)
        at = self.parents.index(parent) * each
        return names[at : at + each]

    @property
    def varies(self) -> bool:
        """Whether each replica may use other resources: its steps name one by an expression, or under a condition."""
        known = ({*OF_REPLICA} - self.given_by_steps.keys()) | self.settled.keys()
        return any(
            step.computed
            or (step.verb.name == "if" and (isinstance(step.value, bool) or not known.isdisjoint(names_in(step.value))))
            for step in everywhere(self.steps or ())
        )

    def uses(self, handles: Collection[str], *, certain: bool = False) -> Iterator[tuple[Iterable[BindingDraft], int]]:
        """Yield the resources that replicas use, and how many replicas use the same; see `bindings_of`."""
        if not self.varies:
            yield self.bindings, self.replicas
            return
        for names in self.names_before():
            yield self.bindings_of(names, handles, certain=certain), 1

    def bindings_of(
        self, names: dict[str, Any], handles: Collection[str], *, certain: bool = False, written: bool = False
    ) -> Iterator[BindingDraft]:
        """Yield the resources that the steps of a replica may use, by their own names, once for each direction.

        `names`: what its expressions know before the run; `handles`: the names of all resources; `certain`: leave out
        those of names that only the run knows; `written`: also those of steps that it never reaches.
        """
        yield from self.given
        known = {(binding.resource, binding.direction) for binding in self.given}
        for step in everywhere(self.steps or ()) if written else reachable(self.steps or (), names):
            direction = direction_of(step.verb)
            for subject, span in step.subjects:
                meant = resolved(subject, names)
                if certain and not isinstance(meant, str):
                    continue
                for name in candidates(meant, handles):
                    if name in handles and (name, direction) not in known:
                        known.add((name, direction))
                        is_guess = isinstance(meant, Expression)
                        yield BindingDraft(name, span, name, span, direction, short=True, is_guess=is_guess)

    def names_before(self) -> Iterator[dict[str, Any]]:
        """Yield for each replica what its expressions know before the run.

        That is what its steps do not give themselves, and what is settled.
        """
        given, settled = self.given_by_steps, self.settled
        for own in self.own_names():
            known = {key: value for key, value in own.items() if key not in given}
            for name, value in settled.items():
                found = value_before(value, known)
                if found is not UNKNOWN:
                    known[name] = found
            yield known

    @property
    def given_by_steps(self) -> Counter[str]:
        """The names that its steps give to values, and how many of them do."""
        return Counter(name for step in everywhere(self.steps or ()) for name in step.gives)

    @property
    def settled(self) -> dict[str, Any]:
        """The values that have their names by one `let` alone, which stands in no block: all steps after it know them.

        Here are those that read nothing but what is known before the run.
        """
        given = self.given_by_steps
        known = {*OF_REPLICA, *self.parameters} - given.keys()
        found: dict[str, Any] = {}
        for step in self.steps or ():
            for name, value in step.value.items() if step.verb.name == "let" else ():
                if given[name] == 1 and name not in OF_REPLICA and known.issuperset(names_in(value)):
                    found[name] = value
                    known.add(name)
        return found

    def own_names(self) -> Iterator[dict[str, Any]]:
        """Yield for each replica the names that it knows from the beginning."""
        first, count = (1, self.replicas) if self.replica is None else (self.replica.number, self.replica.total)
        for number, name in enumerate(self.names(), start=first):
            yield {**self.parameters, "i": number, "name": name, "replicas": count}


class Parameters(NamedTuple):
    """The values that a file was read with."""

    values: dict[str, Any]
    matrix: tuple[dict[str, Any], ...]
    """The combinations of those names of `matrix` for which no value was given; empty without any."""


NO_PARAMETERS = Parameters({}, ())


class Draft(NamedTuple):
    """The whole scenario as written."""

    fields: Fields
    sections: dict[Section, dict[str, ResourceDraft]]
    processes: tuple[ProcessDraft, ...]
    knows_processes: bool
    """Whether the names of all processes could be read: a name that is missing may stand below a misspelt key."""
    knows_resources: bool
    """The same of the resources."""
    main: tuple[StepDraft, ...] | None = None
    """The main program's own steps; None if it has none."""
    parameters: Parameters = NO_PARAMETERS
    families: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({})
    """The names that stand for all replicas of a resource -> their names; of pipes, also those of ends."""

    @property
    def queues(self) -> dict[str, ResourceDraft]:
        """The queues by name."""
        return self.sections["queues"]

    @property
    def resources(self) -> tuple[ResourceDraft, ...]:
        """All resources, in the order in which the main program creates them."""
        return tuple(resource for section in self.sections.values() for resource in section.values())

    def handles(self) -> dict[str, ResourceDraft]:
        """Return what can be given to a target, by name; a pipe under the names of its ends."""
        return {handle: resource for resource in self.resources for handle in resource.handles()}

    def described(self, name: str) -> ResourceDraft | None:
        """Return the resource of that name, in whatever section; None if there is none."""
        return next((section[name] for section in self.sections.values() if name in section), None)

    def given_to_workers(self) -> Iterator[tuple[ResourceDraft, str, Span]]:
        """Yield what the workers of pools are given: the pool, the name of the resource, and where that stands."""
        for pool in self.sections["pools"].values():
            for node in pool.fields.items("uses"):
                if node not in pool.fields.invalid and isinstance(node, Scalar) and isinstance(node.value, str):
                    yield pool, node.value, node.span

    def types(self) -> dict[str, str]:
        """Return the types of all that a step can be about, but processes."""
        types = {handle: resource.type for handle, resource in self.handles().items()}
        return types | {pool.name: pool.type for pool in self.sections["pools"].values()}

    def of_main(self) -> Iterator[ProcessDraft]:
        """Yield the processes that the main program starts."""
        return (process for process in self.processes if not process.parents)

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the processes by each name for them: their own, and that of all replicas together."""
        return self.groups_of(None)

    def groups_of(self, parent: str | None) -> dict[str, tuple[str, ...]]:
        """Return the same of those alone that one process starts, by its name; empty: the main program."""
        found: dict[str, tuple[str, ...]] = {}
        for process in self.processes:
            if parent is not None and parent not in (process.parents or ("",)):
                continue
            names = tuple(process.names_below(parent))
            found |= {name: (name,) for name in names}
            if process.replica and process.replica.family:
                found[process.name] = (*found.get(process.name, ()), *names)
            elif process.name:
                found.setdefault(process.name, names)
        return found

    def named_by_main(self) -> Iterator[tuple[str, StepDraft]]:
        """Yield what the main program's own steps are about: a computed name is all that it may be."""
        handles = [*self.types(), *self.groups()] if any(step.computed for step in everywhere(self.main or ())) else []
        for step in everywhere(self.main or ()):
            for subject, _ in step.subjects:
                for name in candidates(subject, handles):
                    yield name, step

    def all_steps(self) -> Iterator[StepDraft]:
        """Yield the steps of the main program and of all processes, with those that stand in others."""
        yield from everywhere(self.main or ())
        for process in self.processes:
            yield from everywhere(process.steps or ())

    @property
    def timeout(self) -> float:
        """Deadline of the run in seconds."""
        return self.fields.number("timeout") or DEFAULT_TIMEOUT

    @property
    def total(self) -> int:
        """How many processes there are, replicas counted one by one."""
        return sum(process.replicas for process in self.processes)


_PLAIN = ("processes", "main", "expect", "marks", "cpus", "params", "matrix")
"""Keys at the top whose values are lists, or mappings of other things than resources."""


def read_draft(root: Node, invalid: InvalidNodes, parameters: Parameters = NO_PARAMETERS) -> Draft:
    """Return the valid parts of the tree."""
    fields = Fields(root, invalid)
    sections = {section: read_section(section, fields) for section in SECTIONS}
    resources = [each for section in sections.values() for each in section.values()]
    families = _families(resources)
    known = _Known([handle for each in resources for handle in each.handles()], families, parameters.values)
    processes = tuple(_processes(fields, Numbering(fields, resources), known))
    # At the top, only sections are mappings, and what is not known there is a misspelt key.
    misspelt = [
        entry
        for entry in fields
        if entry.key not in _PLAIN and not isinstance(entry.value, Scalar) and entry.key not in SECTIONS
    ]
    knows_processes = (
        not misspelt
        and not fields.is_invalid("processes")
        and all(process.name or (process.fields.valid and process.fields.complete) for process in processes)
    )
    knows_resources = not misspelt and not any(fields.is_invalid(section) for section in SECTIONS)
    main = tuple(read_steps(fields, "main", known.families)) if fields.entry("main") is not None else None
    with_pipes = MappingProxyType(_families_of_pipes(sections["pipes"].values()) | families)
    return Draft(fields, sections, processes, knows_processes, knows_resources, main, parameters, with_pipes)


def _families_of_pipes(pipes: Iterable[ResourceDraft]) -> dict[str, tuple[str, ...]]:
    """Return the names that stand for all replicas of a pipe as a whole -> their names."""
    found: dict[str, list[str]] = {}
    for pipe in pipes:
        if pipe.family:
            found.setdefault(pipe.family, []).append(pipe.name)
    return {name: tuple(members) for name, members in found.items()}


def _families(resources: Iterable[ResourceDraft]) -> dict[str, tuple[str, ...]]:
    """Return the names that stand for all replicas of what can be given to a target -> their names."""
    found: dict[str, list[str]] = {}
    for resource in resources:
        for handle in resource.handles() if resource.family else ():
            found.setdefault(resource.family + handle.removeprefix(resource.name), []).append(handle)
    return {name: tuple(members) for name, members in found.items()}


def read_section(section: Section, fields: Fields) -> dict[str, ResourceDraft]:
    """Return the resources of a section by name."""
    return {entry.key: _resource(section, entry, fields.invalid) for entry in fields.mapping(section)}


class Numbering:
    """Counts as Python does: multiprocessing all processes, threading only the threads that have no name."""

    def __init__(self, fields: Fields, resources: Iterable[ResourceDraft]) -> None:
        """The first processes are those of managers, which hold some of the resources."""
        self._usual = fields.text("worker")
        self._next: dict[Worker, int] = {"process": 1 + managers(resources), "thread": 1}

    def worker(self, process: Fields) -> Worker:
        """Return what runs the target of a process."""
        return "thread" if (process.text("worker") or self._usual) == "thread" else "process"

    def take(self, process: Fields, replicas: int) -> int:
        """Return the number of a process, or of its first replica, and count all of them."""
        worker = self.worker(process)
        number = self._next[worker]
        if worker == "process" or not process.text("name"):
            self._next[worker] += replicas
        return number


class _Known(NamedTuple):
    """What the steps of processes may name."""

    handles: list[str]
    """The resources."""
    families: dict[str, tuple[str, ...]]
    parameters: dict[str, Any]


def _processes(fields: Fields, numbering: Numbering, known: _Known) -> Iterator[ProcessDraft]:
    for node in fields.items("processes"):
        own = Fields(node, fields.invalid)
        count = _count(node, own)
        process = _process(node, own, numbering.take(own, count), numbering.worker(own), count, known)
        yield process
        yield from _below(process, known)


def _below(parent: ProcessDraft, known: _Known) -> Iterator[ProcessDraft]:
    """Yield the processes that one starts itself, and those below them."""
    nodes = parent.fields.items("processes")
    names = tuple(parent.names()) if nodes else ()
    for node in nodes:
        own = Fields(node, parent.fields.invalid)
        process = _process(node, own, 1, "process", _count(node, own) * len(names), known, names)
        yield process
        yield from _below(process, known)


_DEFAULT_TYPES = {"queues": "Queue", "pipes": "Pipe", "pools": "Pool"}


def _resource(section: Section, entry: Entry, invalid: InvalidNodes) -> ResourceDraft:
    # One with nothing after its colon has all the defaults.
    empty = isinstance(entry.value, Scalar) and entry.value.value is None and entry.value not in invalid
    fields = Fields(Mapping({}, entry.key_span) if empty else entry.value, invalid)
    kind = fields.text("type") or _DEFAULT_TYPES.get(section, "")
    if section == "shared":
        kind = SERVER if fields.flag("remote") else shared_type(fields)
    replica = entry.value.replica if isinstance(entry.value, Mapping) else None
    return ResourceDraft(section, entry.key, entry.key_span, fields, kind, replica.family if replica else "")


SERVER = "Server"
"""The type of what a remote manager holds: processes get the manager's address."""


def shared_type(fields: Fields) -> str:
    """Return the type of something shared: a manager's Queue, Value and Array are not those that others make."""
    kind = fields.text("type")
    is_managers = kind == "Queue" or (kind in ("Value", "Array") and fields.flag("manager"))
    return f"Manager{kind}" if is_managers else kind


def managers(resources: Iterable[ResourceDraft]) -> int:
    """Return how many processes of managers there will be: one for each remote object, and one for all others."""
    found = [*resources]
    remote = sum(resource.type == SERVER for resource in found)
    return remote + any(is_managed(resource) for resource in found)


def is_managed(resource: ResourceDraft) -> bool:
    """Tell whether the one manager holds a resource."""
    return resource.type in MANAGED or (resource.section == "sync" and resource.fields.flag("manager"))


def _count(node: Node, fields: Fields) -> int:
    """Return how many replicas an entry stands for, of each parent."""
    if isinstance(node, Mapping) and node.replica is not None:
        return 1
    return os.cpu_count() or 1 if fields.text("replicas") == "cpu_count" else max(1, fields.whole("replicas", 1))


def _process(
    node: Node,
    fields: Fields,
    first: int,
    worker: Worker,
    replicas: int,
    known: _Known,
    parents: tuple[str, ...] = (),
) -> ProcessDraft:
    bindings = (
        *_bindings(fields, "from", "inbox"),
        *_bindings(fields, "to", "outbox"),
        *_bindings(fields, "uses", None),
    )
    replica = node.replica if isinstance(node, Mapping) else None
    process = ProcessDraft(
        fields,
        fields.text("target"),
        bindings,
        first,
        replicas,
        worker,
        parents=parents,
        replica=replica,
        parameters=known.parameters,
    )
    if fields.entry("steps") is None:
        return process
    given = tuple(binding._replace(parameter=binding.resource) for binding in bindings)
    process = process._replace(target="steps", steps=tuple(read_steps(fields, "steps", known.families)), given=given)
    before = process.names_before() if process.varies else [{}]
    found = [each for names in before for each in process.bindings_of(names, known.handles, written=True)]
    return process._replace(bindings=tuple({(each.resource, each.direction): each for each in found}.values()))


def _bindings(fields: Fields, key: Direction, parameter: str | None) -> Iterator[BindingDraft]:
    """Yield the resources under `from`, `to` or `uses`; `parameter` is the one that a bare name stands for."""
    entry = fields.entry(key)
    if entry is None:
        return
    if isinstance(entry.value, Scalar):
        name, span = str(entry.value.value), entry.value.span
        yield BindingDraft(parameter or name, span, name, span, key, short=True)
    for part in fields.mapping(key):
        listed = isinstance(part.value, Sequence)
        nodes = part.value.items if isinstance(part.value, Sequence) else (part.value,)
        for node in nodes if part.value not in fields.invalid else ():
            if node not in fields.invalid and isinstance(node, Scalar) and isinstance(node.value, str):
                yield BindingDraft(part.key, part.key_span, node.value, node.span, key, short=False, listed=listed)
