"""Why something happened in a run, as values: the sentence of each is made in `report.reasons`.

The log has these sentences in fields of its events, and the outcome of a run has them as its reasons. Whoever decodes a
run is given a `Wording` that makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from run_scenario.events.exit_cause import ExitCause
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.types import Event
    from run_scenario.events.types.runs import WhoWaits
    from run_scenario.scenario.expectations import Expectation


# Reasons of an outcome


class Quoted(Value):
    """A reason in the words of others: of a log, of a refusal, of an error of the run's own machinery."""

    text: str


class Stopped(Value):
    """The run was stopped by a signal."""

    signal: int


class LimitExceeded(Value):
    """There was more of something than is allowed."""

    limit: str
    """Its name in `LIMITS`."""
    most: int
    found: int
    left_out: int = 0
    """Events after that, which the log does not have."""


class StoodStill(Value):
    """Nothing moved any more, or not until the deadline."""

    event: WhoWaits


class NotEnded(Value):
    """SIGKILL has not ended a process, as far as anybody could see."""

    process: str
    pid: int
    condition: str | None
    """As in proc(5), or `recording.codes.UNKNOWN`; None: nobody could see whether it is still there."""
    session: Literal["", "own", "younger"] = ""
    """Of one that nobody could see: whether it is in a session of its own, or in one that is younger than the run."""


class Survivor(Value):
    """A process could not be ended, and was seen to be there."""

    found: NotEnded


WayOut = Literal["", "children_exitcode", "exitcodes", "exitcode", "listed"]
"""How a scenario could allow an end; `listed`: it says which ones it allows."""


class BadEnd(Value):
    """A process ended in a way that the scenario does not allow."""

    process: str
    is_main: bool
    end: ExitCause
    way_out: WayOut = ""
    maker: str = ""
    """Whose `children_exitcode` it would be."""
    allowed: tuple[int, ...] = ()
    """The exit codes that are allowed."""


class BlockRaised(Value):
    """The recorded block of a program was left by an exception."""

    exception: str


class Unmet(Value):
    """An expectation was not met."""

    expectation: Expectation
    result: str
    why: str


Reason = Quoted | Stopped | LimitExceeded | StoodStill | Survivor | BadEnd | BlockRaised | Unmet


# Reasons of an event


class Refusals(Value):
    """The scenario was not run."""

    kinds: tuple[str, ...]
    """What was wrong: see `runtime.refusal`."""


class Sent(Value):
    """A signal was sent to a process by its parent."""

    why: str
    """`step`, `daemon`, or what there is to say."""
    method: str
    """The name of the method that sends it."""


Inside = Literal[
    "queue_read",
    "queue_write",
    "queue_join",
    "event_wait",
    "event_answer",
    "condition_wait",
    "condition_answer",
    "barrier_wait",
    "manager_acquire",
    "manager_notice",
]
"""In the middle of what a process may end; an answer is what set() or notify() waits for."""


class TakenAlong(Value):
    """A process ended in the middle of a wait, and took along what nobody can give back."""

    inside: Inside


class HelperGone(Value):
    """One of multiprocessing's own processes is gone before its time."""

    helper: Literal["fork server", "resource tracker"]


class Misreported(Value):
    """An exit code was reported by somebody who does not know it."""


class MemoryRemoved(Value):
    """What the processes of a run had left in shared memory was removed."""


HintKind = Literal[
    "null_input",
    "proxy_outlived",
    "manager_ended",
    "memory_removed",
    "memory_of_tracker",
    "worker_failed",
    "unloadable_result",
    "workers_lost",
    "pool_thread_ended",
    "barrier_broken",
    "end_closed",
    "ends_closed",
    "queue_closed",
]


class Hint(Value):
    """What explains a failure; `report.reasons` has its sentence."""

    kind: HintKind
    seq: int | None
    """The number of the event that shows it; None: none does."""
    events: tuple[Event, ...] = ()
    """What has happened before."""
    name: str = ""
    """The resource that it is about; of `null_input`, the process."""
    is_debugged: bool = False
    """Of `null_input`: whether it is a debugger that reads it."""


Fact = ExitCause | Hint | NotEnded | Refusals | Sent | TakenAlong | HelperGone | Misreported | MemoryRemoved


class Wording(Protocol):
    """Makes the sentences that a log has in its fields. It is the layer `report` that has one: `reasons.Sentences`."""

    def deadlock(self, stalled: WhoWaits) -> tuple[str, list[str | None]]:
        """Return why nothing moves, and what each of the processes waits for, then each of the threads."""

    def sentence(self, reason: Reason | Fact) -> str:
        """Return the sentence of a reason."""
