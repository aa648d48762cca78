"""What a checked scenario is: frozen values that every other room works on.

Everything here is plain data. `language` builds these values from YAML, `engine` runs them, `views` print
them; nobody looks at the parsed YAML any further in. Times are seconds, names are unique within a scenario.
"""

from __future__ import annotations

from typing import Any, Literal

from run_scenario.expectations import Expectation
from run_scenario.resources import MANAGED as MANAGED
from run_scenario.resources import PIPE_ENDS as PIPE_ENDS
from run_scenario.resources import CallSpec as CallSpec
from run_scenario.resources import Item as Item
from run_scenario.resources import Location as Location
from run_scenario.resources import PipeSpec as PipeSpec
from run_scenario.resources import PoolCall as PoolCall
from run_scenario.resources import PoolSpec as PoolSpec
from run_scenario.resources import PoolType as PoolType
from run_scenario.resources import QueueSpec as QueueSpec
from run_scenario.resources import QueueType as QueueType
from run_scenario.resources import Resource as Resource
from run_scenario.resources import SharedSpec as SharedSpec
from run_scenario.resources import SharedType as SharedType
from run_scenario.resources import SyncSpec as SyncSpec
from run_scenario.resources import SyncType as SyncType
from run_scenario.values import Value

StartMethod = Literal["fork", "spawn", "forkserver"]
Direction = Literal["from", "to", "uses"]
StopMethod = Literal["terminate", "kill"]
Worker = Literal["process", "thread", "serial"]
"""What runs a target: a process of its own, a thread of the main program, or (serial) the main program itself, which
calls it where it would start it. `run-scenario compare` makes serial ones; a file cannot ask for them."""
Cpus = int | tuple[int, ...]
"""How many of the CPUs that the program may use, or which ones, by id."""

START_METHODS: tuple[StartMethod, ...] = ("fork", "spawn", "forkserver")

DEFAULT_TIMEOUT = 60.0
"""Deadline of a run in seconds, when the scenario names none."""

MAX_PROCESSES = 2_000
"""Most processes a scenario may describe, replicas counted one by one."""


class Connection(Value):
    """A resource handed to a target as the keyword argument `parameter`."""

    parameter: str
    resource: str
    """Its name; of a pipe, that of one end: `NAME.left` or `NAME.right`."""
    direction: Direction
    where: Location | None = None


class ProcessSpec(Value):
    """A process or other worker: replicas are already told apart, an unnamed one has the name that Python gives it."""

    name: str
    named: bool
    """Whether the file names it. If not, no name is passed on: `Process-N` is multiprocessing's own doing, and
    `Thread-N (target)` threading's."""
    target: str
    """A built-in's name, or `package.module:qualified.name`."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    connections: tuple[Connection, ...] = ()
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
    """Exit codes that expectations speak of: they are allowed as well."""
    where: Location | None = None
    target_where: Location | None = None
    """Where the value of `target` stands."""

    @property
    def is_builtin(self) -> bool:
        """Whether the target is a built-in, which needs nobody's consent."""
        return ":" not in self.target


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
    start_method: StartMethod | None = None
    """None: multiprocessing's default on this platform."""
    timeout: float = DEFAULT_TIMEOUT
    worker: Worker = "process"
    """What runs a target where a process does not say."""
    cpus: Cpus | None = None
    """The CPUs that the main program and all its children are pinned to; None: those that they may use anyway."""
    cpus_where: Location | None = None
    """Where the value of `cpus` stands."""
    queues: tuple[QueueSpec, ...] = ()
    processes: tuple[ProcessSpec, ...] = ()
    main: tuple[Do, ...] | None = None
    """The steps of the section `main`; None: they are derived from everything else."""
    pipes: tuple[PipeSpec, ...] = ()
    sync: tuple[SyncSpec, ...] = ()
    shared: tuple[SharedSpec, ...] = ()
    pools: tuple[PoolSpec, ...] = ()
    marks: tuple[str, ...] = ()
    """Names of the pytest marks that its test gets."""
    expect: tuple[Expectation, ...] = ()
    """What must be true of the log."""
    main_exitcodes: frozenset[int] | None = frozenset()
    """Exit codes of the main program that an expectation speaks of, besides 0; None: any."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All resources in the order in which they are created; records name them by their position here.

        The queues come first, so that a queue has the same position among the queues.
        """
        return (*self.queues, *self.pipes, *self.sync, *self.shared, *self.pools)

    @property
    def has_threads(self) -> bool:
        """Whether any worker runs in the main program: as a thread, or serially."""
        return any(process.worker != "process" for process in self.processes)

    @property
    def packages(self) -> frozenset[str]:
        """The top-level packages, other than the built-ins, whose code this scenario would run."""
        names = {p.target for p in self.processes if not p.is_builtin}
        for process in self.processes:
            for value in (*process.args, *process.kwargs.values()):
                name = value.get("call") if isinstance(value, dict) else value
                if isinstance(name, str) and _looks_like_reference(name):
                    names.add(name)
        names.update(call.function for pool in self.pools for call in pool.calls if ":" in call.function)
        names.update(pool.initializer for pool in self.pools if ":" in pool.initializer)
        names.update(i.function for q in self.queues for i in q.items if isinstance(i, CallSpec) and ":" in i.function)
        return frozenset(name.partition(":")[0].partition(".")[0] for name in names)


def _looks_like_reference(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


# The main program's steps, in the words of the multiprocessing documentation. `language.plan` derives them from a
# scenario, `engine.main_program` executes them one after the other, `views.plan` prints them.


class Pin(Value):
    """`os.sched_setaffinity(0, …)`: the main program, and whatever it starts, runs on these CPUs alone."""

    cpus: Cpus


class Create(Value):
    """`NAME = Queue()`, or whatever else creates the resource."""

    resource: Resource


class StartManager(Value):
    """`manager = Manager()`: it holds the dicts, lists and the like that are created next."""


class ShutDownManager(Value):
    """`manager.shutdown()`."""


class Release(Value):
    """What a block of shared memory, or a remote manager, needs at the end: `close()`, `unlink()`, `shutdown()`."""

    resource: SharedSpec


class CallPool(Value):
    """`pool.map(…)` or another call; `number` counts the calls on this pool from 1."""

    pool: str
    number: int
    call: PoolCall


class GetResult(Value):
    """`result.get(timeout)`, for a call on a pool that did not wait."""

    pool: str
    number: int
    call: PoolCall


class EndPool(Value):
    """`pool.close()` or `pool.terminate()`, then `pool.join()`."""

    pool: str
    method: Literal["close", "terminate"]


class Do(Value):
    """A step of `main:` that no other value here stands for: what `verbs.VERBS[verb]` says, done to `subject`."""

    verb: str
    subject: str = ""
    """Name of a process or resource, or of a pipe's end; empty where the verb needs none."""
    value: Any = None
    """What is put, sent, written or printed."""
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    raises: str = ""
    """Name of the exception that is expected; the main program then goes on."""


class CreateProcess(Value):
    """`NAME = Process(…)`; it is not started yet."""

    process: ProcessSpec


class Sleep(Value):
    """`time.sleep(seconds)` in the main program."""

    seconds: float


class Start(Value):
    """`process.start()`."""

    process: str
    closes: tuple[str, ...] = ()
    """Ends of pipes that the process would inherit and does not use: it closes them before it calls its target."""


class CloseEnd(Value):
    """`NAME.left.close()`: the main program does not use this end of a pipe, and whoever does has it."""

    end: str


class PutItems(Value):
    """`queue.put(item)` for each item, in order."""

    queue: str
    items: tuple[Item, ...]


class PutPills(Value):
    """`queue.put(None)`, `count` times."""

    queue: str
    count: int


class CloseQueue(Value):
    """`queue.close()`: the main program will put nothing more."""

    queue: str


class JoinThread(Value):
    """`queue.join_thread()`: wait until everything put has been written to the pipe."""

    queue: str


class JoinQueue(Value):
    """`queue.join()`: wait until `task_done()` was called for every item."""

    queue: str


class Collect(Value):
    """`queue.get()`, `count` times."""

    queue: str
    count: int


class Join(Value):
    """`process.join(timeout)`."""

    process: str
    timeout: float | None = None


class IsAlive(Value):
    """`process.is_alive()`; the answer is recorded."""

    process: str


class StopIfAlive(Value):
    """If the process is alive: `terminate()` (or `kill()`), `is_alive()`, `join()`, `is_alive()`."""

    process: str
    method: StopMethod


Step = (
    Pin
    | Create
    | Do
    | CallPool
    | GetResult
    | EndPool
    | StartManager
    | ShutDownManager
    | Release
    | CreateProcess
    | Sleep
    | Start
    | CloseEnd
    | PutItems
    | PutPills
    | CloseQueue
    | JoinThread
    | JoinQueue
    | Collect
    | Join
    | IsAlive
    | StopIfAlive
)
