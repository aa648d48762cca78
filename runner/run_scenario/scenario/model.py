"""What a checked scenario is: frozen values that all other packages work on.

Everything here is plain data. `loader` builds these values from YAML, `runtime` runs them, `report` prints them; the
parsed YAML is not used any further in. Times are seconds, names are unique within a scenario. The values that a
scenario consists of are defined in `processes`, `resources`, `data`, `steps` and `expectations`; they can all be
imported from here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from run_scenario.errors import Location as Location
from run_scenario.scenario.data import CallSpec as CallSpec
from run_scenario.scenario.data import Items as Items
from run_scenario.scenario.data import LinesSpec as LinesSpec
from run_scenario.scenario.data import ObjectSpec as ObjectSpec
from run_scenario.scenario.data import SetSpec as SetSpec
from run_scenario.scenario.data import travelling, unmade
from run_scenario.scenario.expectations import Expectation
from run_scenario.scenario.processes import Direction as Direction
from run_scenario.scenario.processes import ProcessSpec as ProcessSpec
from run_scenario.scenario.processes import ResourceBinding as ResourceBinding
from run_scenario.scenario.processes import Restart as Restart
from run_scenario.scenario.processes import StopMethod as StopMethod
from run_scenario.scenario.processes import Surroundings as Surroundings
from run_scenario.scenario.processes import Worker as Worker
from run_scenario.scenario.resources import MANAGED as MANAGED
from run_scenario.scenario.resources import PIPE_ENDS as PIPE_ENDS
from run_scenario.scenario.resources import PipeEnd as PipeEnd
from run_scenario.scenario.resources import PipeSpec as PipeSpec
from run_scenario.scenario.resources import PoolCall as PoolCall
from run_scenario.scenario.resources import PoolSpec as PoolSpec
from run_scenario.scenario.resources import PoolType as PoolType
from run_scenario.scenario.resources import QueueSpec as QueueSpec
from run_scenario.scenario.resources import QueueType as QueueType
from run_scenario.scenario.resources import Resource as Resource
from run_scenario.scenario.resources import SharedSpec as SharedSpec
from run_scenario.scenario.resources import SharedType as SharedType
from run_scenario.scenario.resources import SyncSpec as SyncSpec
from run_scenario.scenario.resources import SyncType as SyncType
from run_scenario.scenario.steps import Step as Step
from run_scenario.scenario.steps import unfolded, unmade_in
from run_scenario.values import Value

# Marks of pytest


MarkArgument = str | int | float | bool

MARK_ARGUMENTS = {
    "skip": ("reason",),
    "skipif": ("condition", "reason"),
    "xfail": ("condition", "reason", "run", "strict"),
}
"""Marks of pytest's own, and which arguments of theirs are data; a text alone is the reason."""


class Mark(Value):
    """A mark, with its arguments."""

    name: str
    args: tuple[MarkArgument, ...] = ()
    kwargs: dict[str, MarkArgument] = {}  # noqa: RUF012 (never changed)


def mark_of(written: Any) -> Mark:
    """Return the mark that plain data stands for: a name, or a mapping of a name to its arguments."""
    if isinstance(written, str):
        return Mark(written)
    ((name, given),) = written.items()
    if isinstance(given, dict):
        return Mark(name, kwargs=given)
    if name in MARK_ARGUMENTS:
        return Mark(name, kwargs={"reason": given})
    return Mark(name, tuple(given) if isinstance(given, list) else (given,))


# Values for parameters


Given = Mapping[str, Any]
"""Name of a parameter -> its value: plain data, or `Unread`."""

NOTHING: Given = {}


class Unread(str):
    """A value as it stands on a command line: it is still to be read as YAML, which is not imported for it before."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{super().__repr__()}>"


# The scenario


Cpus = int | tuple[int, ...]
"""How many of the CPUs that the program may use, or which ones, by id."""

StartMethod = Literal["fork", "spawn", "forkserver"]
START_METHODS: tuple[StartMethod, ...] = ("fork", "spawn", "forkserver")

DEFAULT_TIMEOUT = 60.0
"""Deadline of a run in seconds, when the scenario names none."""

MAX_PROCESSES = 2_000
"""Most processes a scenario may describe, replicas counted one by one."""
MAX_STEPS = 20_000
"""Most steps of `main`, those about several or about replicas counted one by one: ten for each process."""
MAX_ARGUMENTS = 200_000
"""Most arguments and resources of all processes, replicas counted one by one: a hundred for each process."""
MAX_EXITCODES = 20_000
"""Most exit codes that `exitcodes` of all expectations name, replicas counted one by one."""
MAX_POOL_ITEMS = 1_000_000
"""Most items of all calls on pools together, those of a `range` counted one by one."""


class Scenario(Value):
    """A scenario that passed every check."""

    name: str
    """Short name, as in the log: the file's name without `.yaml`."""
    file: str
    """The path as the person gave it (for messages), or a bundled scenario's file name."""
    path: str
    """The absolute path; its folder is searched last for an allowed package."""
    digest: str
    """`sha256:` and the hexadecimal digest of the file's bytes."""
    title: str = ""
    description: str = ""
    source: str = ""
    may_hang: bool = False
    """Whether it says that some of its runs hang and others do not."""
    start_method: StartMethod | None = None
    """None: multiprocessing's default on this platform."""
    timeout: float = DEFAULT_TIMEOUT
    worker: Worker = "process"
    """What runs the target of a process that does not name a worker."""
    cpus: Cpus | None = None
    """The CPUs that the main program and all its children are pinned to; None: those that they may use anyway."""
    cpus_where: Location | None = None
    """Where the value of `cpus` stands."""
    queues: tuple[QueueSpec, ...] = ()
    processes: tuple[ProcessSpec, ...] = ()
    main: tuple[Step, ...] | None = None
    """The steps of the section `main`; None: they are derived from everything else."""
    pipes: tuple[PipeSpec, ...] = ()
    sync: tuple[SyncSpec, ...] = ()
    shared: tuple[SharedSpec, ...] = ()
    pools: tuple[PoolSpec, ...] = ()
    marks: tuple[Mark, ...] = ()
    explore: Mapping[str, Any] | None = None
    """How a test of it is explored: the `ExploreOptions` that the file gives; None: it is run once."""
    expect: tuple[Expectation, ...] = ()
    """What must be true of the log."""
    not_implied: frozenset[str] = frozenset()
    """Events of which nothing is expected beyond that, not even what is expected of every run."""
    hints: tuple[str, ...] = ()
    """Of an exercise's file of expectations: what helps, one step after the other."""
    main_exitcodes: frozenset[int] | None = frozenset()
    """Exit codes of the main program that an expectation names, besides 0; None: any."""
    params: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    """Its parameters, and the values that it was read with."""
    matrix: tuple[dict[str, Any], ...] = ()
    """The combinations of values in its `matrix`, of those names for which no value was given; it has the first."""

    script: str = ""
    """The script that is recorded, as the person named it, in place of all that a scenario describes."""
    made: tuple[Resource, ...] = ()
    """Of a script that is recorded: what it has made so far, in that order."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All resources in the order in which they are created; records name them by their position here.

        The queues of a scenario come first, so that a queue has the same position among the queues.
        """
        return self.made or (*self.queues, *self.pipes, *self.sync, *self.shared, *self.pools)

    @property
    def managed(self) -> tuple[SyncSpec | SharedSpec, ...]:
        """What the one manager holds; what is remote has a manager of its own."""
        shared = (spec for spec in self.shared if spec.is_managed and not spec.remote)
        return (*(spec for spec in self.sync if spec.is_managed), *shared)

    @property
    def has_threads(self) -> bool:
        """Whether any worker runs in the main program: as a thread, or serially."""
        return any(process.worker != "process" for process in self.processes)

    @property
    def is_of_script(self) -> bool:
        """Whether there are only expectations in it, with names that the log of a script decides about."""
        return any(expectation.written is not None for expectation in self.expect)

    @property
    def packages(self) -> frozenset[str]:
        """The top-level packages, other than the built-ins, whose code this scenario would run."""
        names = {p.target for p in self.processes if ":" in p.target}
        made = [spec for data in travelling(self) for spec in unmade(data)]
        for steps in (self.main or (), *{id(p.steps): p.steps for p in self.processes}.values()):
            names |= {step.argument for step in unfolded(steps) if step.verb == "call" and ":" in step.argument}
            made += [spec for spec, _ in unmade_in(steps)]
        for process in self.processes:
            for value in (*process.args, *process.kwargs.values()):
                name = value.get("call") if isinstance(value, dict) else value
                if isinstance(name, str) and _looks_like_reference(name):
                    names.add(name)
        made += [spec for pool in self.pools for call in pool.calls for spec in unmade(call.computed)]
        names.update(call.function for pool in self.pools for call in pool.calls if ":" in call.function)
        names.update(pool.initializer for pool in self.pools if ":" in pool.initializer)
        called_back = (name for pool in self.pools for call in pool.calls for name in call.callbacks.values())
        names.update(name for name in called_back if ":" in name)
        names.update(each.function for each in made if isinstance(each, CallSpec | ObjectSpec) and ":" in each.function)
        return frozenset(name.partition(":")[0].partition(".")[0] for name in names)


def _looks_like_reference(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def handles(resources: Iterable[Resource]) -> Iterator[str]:
    """Yield the names by which steps name resources: a pipe is named by its ends."""
    for spec in resources:
        if isinstance(spec, PipeSpec):
            yield from (f"{spec.name}.{end}" for end in PIPE_ENDS)
        else:
            yield spec.name
