"""The processes of a scenario, and what turns them into other workers: threads, or plain calls, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from run_scenario.errors import Location
from run_scenario.scenario.steps import PROCESS, VERBS, Step
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.scenario.model import Scenario

Direction = Literal["from", "to", "uses"]
StopMethod = Literal["terminate", "kill"]
Worker = Literal["process", "thread", "serial"]
"""What runs a target: a process of its own, a thread of the main program, or (serial) the main program itself, which
calls it where it would start it. `run-scenario compare` makes serial ones; a file cannot ask for them."""


class ResourceBinding(Value):
    """A resource given to a target as the keyword argument `parameter`."""

    parameter: str
    resource: str
    """Its name; of a pipe, that of one end: `NAME.left` or `NAME.right`."""
    direction: Direction
    where: Location | None = None
    listed: bool = False
    """Whether it is an element of the list that the parameter gets."""


def by_parameter(bindings: Iterable[ResourceBinding], resource: Callable[[str], Any]) -> dict[str, Any]:
    """Return what a target gets, by its parameters: what `resource` returns for a name, or a list of that."""
    found: dict[str, Any] = {}
    for binding in bindings:
        if binding.listed:
            found.setdefault(binding.parameter, []).append(resource(binding.resource))
        else:
            found[binding.parameter] = resource(binding.resource)
    return found


class Restart(Value):
    """When a process is started again after its end."""

    most: int
    """How often at most."""
    always: bool = False
    """After any end; otherwise after those with an exit code other than 0."""
    delay: float = 0.0


class Surroundings(Value):
    """What a process has of its own, and does not share with the main program."""

    env: dict[str, str | None] = {}  # noqa: RUF012 (never changed)
    """Environment variables; None: it has none of that name."""
    cwd: str = ""
    """Path of its current folder, from the scenario's folder; empty: that of the main program."""
    argv: tuple[str, ...] | None = None
    """Its `sys.argv`; None: that of the main program."""
    stdin: str | None = None
    """The text on its standard input; None: there is none."""

    @property
    def given(self) -> dict[str, Any]:
        """Those that it has, by the keys of a file."""
        argv = None if self.argv is None else list(self.argv)
        found = {"env": self.env or None, "cwd": self.cwd or None, "argv": argv, "stdin": self.stdin}
        return {key: value for key, value in found.items() if value is not None}


class ProcessSpec(Value):
    """A process or other worker: one for each replica; an unnamed one has the name that Python gives it."""

    name: str
    named: bool
    """Whether the file names it. If not, no name is passed on: `Process-N` is multiprocessing's own doing, and
    `Thread-N (target)` threading's."""
    target: str
    """A built-in's name, or `package.module:qualified.name`; `steps` if it has steps of its own."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    bindings: tuple[ResourceBinding, ...] = ()
    worker: Worker = "process"
    daemon: bool = False
    delay: float = 0.0
    join: bool = True
    join_timeout: float | None = None
    stop: StopMethod | None = None
    """What is done to it when it is still alive after `join_timeout`."""
    exitcodes: frozenset[int] | None = None
    """The exit codes the file allows; None: 0, or the signal that the scenario itself sends."""
    any_exitcode: bool = False
    """`exitcode: any`, or an expectation that it ends in a certain way: every end is allowed."""
    also_exitcodes: frozenset[int] = frozenset()
    """Exit codes that expectations name: they are allowed as well."""
    children_exitcodes: frozenset[int] | None = frozenset()
    """Exit codes of the processes that its target starts itself, besides 0; None: any."""
    parent: str = ""
    """The process that starts it; empty: the main program, as its plan says."""
    restart: Restart | None = None
    """None: it is started once."""
    surroundings: Surroundings | None = None
    """None: those of the main program."""
    steps: tuple[Step, ...] = ()
    """What it does, in place of a target; its resources are bound under their own names."""
    names: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    """What the expressions in its steps know from the beginning."""
    family: str = ""
    """The name of all replicas together, if it is one of several."""
    where: Location | None = None
    target_where: Location | None = None
    """Where the value of `target` stands."""

    @property
    def is_builtin(self) -> bool:
        """Whether the target is a built-in, which needs no consent."""
        return ":" not in self.target and not self.steps


class CannotConvertError(Exception):
    """The scenario asks for something that such workers cannot do; the message names it."""


def with_workers(scenario: Scenario, worker: Worker) -> Scenario:
    """Return the scenario with all its targets run by this kind of worker.

    A worker without a name gets the one that Python gives such a worker. Where a process may end with a certain exit
    code other than 0, a thread, which has none, may end in any way.

    Raises:
        CannotConvertError: there is something that only a process can do.
    """
    processes = tuple(_converted(scenario.processes, worker))
    names = {old.name: new.name for old, new in zip(scenario.processes, processes, strict=True)}
    main = None if scenario.main is None else tuple(_step(step, names, worker) for step in scenario.main)
    return scenario.replace(worker=worker, processes=processes, main=main)


def _step(step: Step, names: Mapping[str, str], worker: Worker) -> Step:
    """Return a step of `main` that is about the worker of the new name; one that is computed stays as it is."""
    if step.steps or step.otherwise:
        steps, otherwise = (tuple(_step(each, names, worker) for each in part) for part in (step.steps, step.otherwise))
        return step.replace(steps=steps, otherwise=otherwise)
    if step.kind != PROCESS:
        return step
    if worker != "process" and "thread" not in VERBS[step.verb].takes:
        raise CannotConvertError(f"the step `{step.verb}: {step.subject}` is for a process, and for nothing else")
    return step.replace(subject=names.get(step.subject, step.subject))


def _converted(processes: tuple[ProcessSpec, ...], worker: Worker) -> Iterator[ProcessSpec]:
    unnamed = 0
    parents = {spec.parent for spec in processes}
    for position, spec in enumerate(processes, start=1):
        if worker != "process" and spec.name in parents:
            raise CannotConvertError(f"{spec.name} starts processes of its own, which only a process can do")
        if spec.worker == worker:
            changed = spec
        elif worker == "process":
            changed = spec.replace(worker=worker)
        else:
            if spec.surroundings is not None:
                keys = ", ".join(f"`{key}`" for key in spec.surroundings.given)
                raise CannotConvertError(f"{spec.name} has {keys} of its own, which only a process can have")
            if spec.stop is not None and worker == "thread":
                raise CannotConvertError(f"{spec.name} is to be ended by {spec.stop}(), which a thread cannot be")
            failing = spec.exitcodes is not None and spec.exitcodes != {0}
            changed = spec.replace(worker=worker, exitcodes=None, any_exitcode=spec.any_exitcode or failing)
        if not spec.named:
            unnamed += 1
            changed = changed.replace(
                name=default_name(worker, unnamed if worker == "thread" else position, spec.target)
            )
        yield changed


def default_name(worker: Worker, number: int, target: str) -> str:
    """Return the name that Python itself gives a worker; `number` is what multiprocessing or threading has counted."""
    if worker == "thread":
        return f"Thread-{number} ({target.rpartition(':')[2].rpartition('.')[2]})"
    return f"Process-{number}"
