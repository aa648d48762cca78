"""What the runner hands to the supervisor, and the supervisor to the main program it forks."""

from __future__ import annotations

from collections.abc import Mapping

from run_scenario.limits import DEFAULTS, Limits
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.scenario import model
from run_scenario.values import Value


def semaphore_prefix(run: str) -> str:
    """Return what the names of a run's semaphores begin with (see multiprocessing.synchronize.SemLock)."""
    return f"/mp-{run}"


class Interpreter(Value):
    """Another Python than the one that runs the command."""

    path: str
    name: str
    """Its version, as it is written: `3.13.0`."""
    start_method: model.StartMethod
    """How its multiprocessing starts processes where nobody names a start method."""


class Script(Value):
    """A program that is run as it is, and recorded."""

    path: str
    """Its file, as the person named it; empty if it is a module."""
    module: str
    arguments: tuple[str, ...] = ()
    keep: bool = False
    """Whether it is left as it is when nothing in it can move any more."""
    payloads: bool = True
    """Whether its data is recorded: items, arguments, results, messages of exceptions."""
    subprocesses: bool = False
    """Whether the Python programs that it starts are recorded, too."""
    is_block: bool = False
    """Whether it is a part of a program, which goes on after it."""
    interpreter: Interpreter | None = None
    """By which it is run; None: by the runner's own."""


class RunRequest(Value):
    """Everything that the supervisor and the main program need to know about a run."""

    scenario: model.Scenario
    steps: tuple[model.Step, ...]
    run: str
    """The run's id: twelve hexadecimal digits."""
    folder: str
    """Where the segments lie."""
    began: tuple[int, int]
    """The run's beginning by the monotonic and by the wall clock, in ns."""
    allow: Mapping[str, str]
    """Packages whose code the person running has allowed -> the option or file that names them."""
    limits: Limits = DEFAULTS
    way_to_allow: str = ""
    """How the person running can allow the package `PKG`, where that is not by the option of the command."""
    sockets: str = ""
    """The folder in which multiprocessing's sockets lie, often the same; empty: there is none that they could be in."""
    capabilities: Capabilities = Capabilities()
    script: Script | None = None
    """What is run in place of a scenario, which then only has the name of the run and its deadline."""
    captured: bool = True
    """Whether the output of a scenario's processes is recorded; otherwise they have the command's standard streams."""
    coverage: str = ""
    """How the main program is measured: see `runtime.coverage`."""
    control: str = ""
    """The socket of the scheduler that decides which process moves; empty: the system does."""
    pipe_capacity: int | None = None
    """How many bytes a pipe of multiprocessing holds where that is so; None: as many as the system gives it."""
    first: tuple[int, int] = (0, 0)
    """Numbers of the first resource and the first process of a block: earlier ones were made in an earlier block."""
    number: int = 0
    """Which of the runs of an exploration it is, from 1 on; 0: it is a run by itself, and what it records is kept."""

    @property
    def shares_streams(self) -> bool:
        """Whether the standard streams of the command are those of the program."""
        return self.script is not None or not self.captured
