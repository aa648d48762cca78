"""Why a process ended: from its exit code, from what it recorded itself, and from who sent it a signal.

An exit code alone lies: 0 also stands for `os._exit(0)` in the middle of the work, -15 does not say who sent SIGTERM.
"""

from __future__ import annotations

import signal
from typing import Any, Literal

from run_scenario.recording.usage import Packed, Usage
from run_scenario.scenario.model import ProcessSpec, StartMethod, Worker
from run_scenario.values import Value

_CRASHES = {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"}

RUNNER = "run-scenario"
MAIN_NAME = "MainProcess"


class ProcessState:
    """What is known of one process so far; times in nanoseconds of the monotonic clock."""

    def __init__(
        self,
        name: str,
        spec: ProcessSpec | None = None,
        pid: int | None = None,
        restarts: int = 0,
        start_method: StartMethod | None = None,
    ) -> None:
        self.name = name
        self.spec = spec
        self.start_method = start_method
        """Of one that own code has made: how that started it; None: as the scenario has it."""
        self.is_copy = False
        """Whether own code has made it by os.fork(), and not by multiprocessing."""
        self.pid = pid
        self.restarts = restarts
        """How often it was started again."""
        self.native = 0
        """Of a thread: its native id, by which the system knows it."""
        self.parent = ""
        """Who has started it, as it says itself: a fork server is nobody's parent."""
        self.started: int | None = None
        self.outcome = ""
        """"" (nothing is known), "finished", "exiting" (sys.exit), "failed" or, of the main program, "refused"."""
        self.exception = ""
        self.exception_type = ""
        self.hint = ""
        """What explains the exception."""
        self.exited_with: Any = None
        """What it has called sys.exit() with."""
        self.allowed_exitcodes: frozenset[int] | None = frozenset()
        """Of the main program: exit codes that an expectation speaks of; None: any."""
        self.usage: Packed | None = None
        """What it recorded itself to have used, at the end of its target."""
        self.sent: list[tuple[int, str, str]] = []
        """Signals sent by those who record: number, sender, why."""
        self.raised_signals: set[int] = set()
        """Those that it has sent to itself, by a step."""
        self.asked_for_stack = False
        """Whether it was asked, by a signal, to write down its stack."""
        self.shown_by: int | None = None
        """The number of the event that says how it ended."""
        self.seen: int | None = None
        """When its exit was seen, if nothing else is known yet."""
        self.settled = False
        """Whether its items have been accounted for."""
        self.exited = False
        self.not_ended = False
        """Whether nobody has seen its end, although it got SIGKILL."""
        self.exitcode: int | None = None
        self.end: ExitCause | None = None
        """Why it ended, once that is known."""

    def is_to_be_restarted(self, code: int | None) -> bool:
        """Return whether its parent starts it again after this end."""
        restart = self.spec.restart if self.spec else None
        if restart is None or any(sender == RUNNER for _, sender, _ in self.sent):
            return False
        return self.restarts < restart.most and (restart.always or code != 0)

    @property
    def worker(self) -> Worker:
        """What it is: a process, a thread of the main program, or a plain call in it."""
        return "process" if self.spec is None else self.spec.worker


Cause = Literal[
    "returned",
    "exception",
    "sys.exit",
    "interrupted",
    "terminated",
    "killed",
    "daemon",
    "signal",
    "crash",
    "vanished",
    "stopped_by_runner",
    "ended",
    "cut_off",
    "unstarted",
    "refused",
    "unknown",
]
"""How a process ended (contract: the field `cause` of process.exited)."""


Runs = Literal["plan", "script", "fork", "steps", "target"]
"""What a process does: the steps of the main program, a script, what comes after os.fork(), its steps, its target."""

_STOPS: dict[str, Cause] = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGKILL": "killed"}
"""Signal -> how a process has ended to which another has sent it."""
_INTERRUPTED = 1
"""With which exit code a process ends that did not handle KeyboardInterrupt."""


class ExitCause(Value):
    """The explanation of one exit, as a value; `report.reasons` has its sentence."""

    cause: Cause
    signal: str | None
    by: str | None
    allowed: bool
    exitcode: int | None = None
    """None: nobody could find out, or it is a thread's."""
    worker: Worker = "process"
    runs: Runs = "target"
    recorded: str = ""
    """How it has ended as it says itself: see `ProcessState.outcome`."""
    exception: str = ""
    hint: str = ""
    """What explains the exception."""
    exited_with: Any = None
    """What it has called sys.exit() with."""
    why: str = ""
    """Why the signal was sent: `step`, `daemon`, or what run-scenario has to say."""
    of_pool: bool = False
    """Whether it worked for a pool."""
    asked_for_stack: bool = False
    """Whether it was asked, by a signal, to write down its stack."""
    is_restarted: bool = False
    """Whether it is started again, and so may end like that."""
    of_main: ExitCause | None = None
    """Of a thread that was cut off: how the main program has ended; None: that is not known."""


def signal_name(number: int) -> str:
    """Return `SIGTERM` for 15, `signal 60` for a number without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def signal_of(code: int | None) -> str | None:
    """Return the name of the signal that an exit code stands for; None: it was none, or the code is not known."""
    return signal_name(-code) if code is not None and code < 0 else None


def explain(state: ProcessState, code: int | None) -> ExitCause:
    """Return why the process ended with that exit code (None: nobody could find out)."""
    if code is None:
        return _explain_unknown(state)
    if code < 0:
        return _explain_signal(state, code)
    is_stranger = state.spec is None and state.name != MAIN_NAME
    if is_stranger or (state.is_copy and not state.outcome):
        # The scenario does not name it: it has its own reasons. So it is with a copy by os.fork(), which ends by
        # os._exit(), or as another program.
        return _end(state, "ended", True, code, of_pool="PoolWorker-" in state.name)
    allowed = _is_allowed(state, code, {0})
    if state.outcome == "refused":
        return _end(state, "refused", False, code)
    if state.outcome == "finished":
        return _end(state, "returned" if code == 0 else "vanished", allowed, code)
    if state.outcome == "failed":
        return _explain_failure(state, code)
    if state.outcome == "exiting":
        return _end(state, "sys.exit", allowed, code)
    listed = state.spec is not None and _is_listed(state.spec, code)
    return _end(state, "unstarted" if state.started is None else "vanished", listed, code)


def _end(
    state: ProcessState,
    cause: Cause,
    allowed: bool,
    code: int | None = None,
    signal: str | None = None,
    by: str | None = None,
    **more: Any,
) -> ExitCause:
    """Return an end with what else is known of the process."""
    return ExitCause(
        cause,
        signal,
        by,
        allowed,
        exitcode=code,
        worker=state.worker,
        runs=_what_runs(state),
        recorded=state.outcome,
        exception=state.exception,
        hint=state.hint,
        exited_with=state.exited_with,
        asked_for_stack=state.asked_for_stack,
        **more,
    )


def _what_runs(state: ProcessState) -> Runs:
    if state.name == MAIN_NAME:
        return "plan" if state.spec is None else "script"
    if state.is_copy:
        return "fork"
    return "steps" if state.spec is not None and state.spec.steps else "target"


def _explain_failure(state: ProcessState, code: int) -> ExitCause:
    """Explain the end by an exception: it is the interrupt of another where that is what Python makes of SIGINT."""
    if state.exception_type == "KeyboardInterrupt":
        for number, sender, why in reversed(state.sent):
            if number == signal.SIGINT and why == "step":
                allowed = _is_allowed(state, code, {_INTERRUPTED})
                return _end(state, "interrupted", allowed, code, "SIGINT", sender, why=why)
    return _end(state, "exception", _is_allowed(state, code, {0}), code)


def explain_thread(state: ProcessState, main: ProcessState) -> ExitCause:
    """Return why a worker that ran in the main program has ended: by itself, or because the whole program has."""
    lenient = state.spec is not None and state.spec.any_exitcode
    if state.outcome == "finished":
        return _end(state, "returned", True)
    if state.outcome == "failed":
        return _end(state, "exception", lenient)
    if state.outcome == "exiting":
        return _end(state, "sys.exit", lenient or state.exited_with in (None, 0))
    if state.spec is not None and state.spec.daemon and main.outcome and not main.sent and (main.exitcode or 0) >= 0:
        return _end(state, "daemon", True, by=MAIN_NAME)
    allowed = lenient or (bool(main.exitcode) and (main.end is None or main.end.allowed))
    return _end(state, "cut_off", allowed, of_main=main.end)


def _explain_unknown(state: ProcessState) -> ExitCause:
    """Explain an end whose exit code went to a parent that is dead itself."""
    lenient = state.spec is not None and state.spec.any_exitcode
    if not state.sent:
        return _end(state, "unknown", lenient)
    number, sender, why = state.sent[-1]
    return _end(state, "stopped_by_runner", lenient, None, signal_name(number), sender, why=why)


def _explain_signal(state: ProcessState, code: int) -> ExitCause:
    number = -code
    name = signal_name(number)
    for sent, sender, why in reversed(state.sent):
        if sent == number:
            cause: Cause = "stopped_by_runner"
            if why == "daemon":
                cause = "daemon"
            elif why == "step":
                cause = _STOPS[name]
            expected = {code} if cause != "stopped_by_runner" else set()
            return _end(state, cause, _is_allowed(state, code, expected), code, name, sender, why=why)
    allowed = _is_allowed(state, code, set())
    if number in state.raised_signals:
        return _end(state, "signal", allowed, code, name, state.name)
    return _end(state, "crash" if name in _CRASHES else "signal", allowed, code, name)


def _is_listed(spec: ProcessSpec, code: int) -> bool:
    return spec.any_exitcode or code in spec.also_exitcodes or (spec.exitcodes is not None and code in spec.exitcodes)


def _is_allowed(state: ProcessState, code: int, expected: set[int]) -> bool:
    """Tell whether the scenario allows this end: as its `exitcode` says, or else as expected."""
    if state.spec is None:
        return state.allowed_exitcodes is None or code in expected | state.allowed_exitcodes
    if state.spec.any_exitcode or code in state.spec.also_exitcodes:
        return True
    if state.spec.exitcodes is not None:
        return code in state.spec.exitcodes
    return code in expected


def _unpacked(packed: Packed | None) -> Usage:
    return Usage(*packed) if isinstance(packed, list) and len(packed) == 5 else Usage()  # type: ignore[arg-type]


def usage_of(reported: Packed | None, own: Packed | None) -> Usage:
    """Return what a process has used, from what was reported of it and what it recorded itself, both packed.

    What the process recorded stands in where its end was seen by somebody who cannot know everything: /proc counts
    CPU time in hundredths of a second, and knows no peak of memory of a process that is over.
    """
    usage = _unpacked(reported)
    return _unpacked(own) if usage.max_rss is None and own is not None else usage
