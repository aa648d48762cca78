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
        self.seen: int | None = None
        """When its exit was seen, if nothing else is known yet."""
        self.settled = False
        """Whether its items have been accounted for."""
        self.exited = False
        self.not_ended = False
        """Whether nobody has seen its end, although it got SIGKILL."""
        self.exitcode: int | None = None
        self.cause = ""
        self.allowed = True
        self.reason = ""

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


class ExitCause(Value):
    """The explanation of one exit: the fields of `process.exited`."""

    cause: Cause
    signal: str | None
    by: str | None
    reason: str
    allowed: bool


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
        return _explain_signal(state, -code)
    is_stranger = state.spec is None and state.name != MAIN_NAME
    if is_stranger or (state.is_copy and not state.outcome):
        return _explain_stranger(state, code)
    allowed = _is_allowed(state, code, {0})
    if state.outcome == "refused":
        reason = "it did nothing: the scenario was refused"
        return ExitCause("refused", None, None, reason, False)
    if state.outcome == "finished":
        if code == 0:
            return ExitCause("returned", None, None, _returned(state), allowed)
        reason = f"{_returned(state)}, but its exit handlers ended it with exit code {code}"
        return ExitCause("vanished", None, None, reason, allowed)
    if state.outcome == "failed":
        return ExitCause("exception", None, None, _raised(state), allowed)
    if state.outcome == "exiting":
        # The steps of the main program have no sys.exit(): a call of theirs has raised what somebody else had.
        reason = "one of its steps raised SystemExit" if _is_plan(state) else "it called sys.exit()"
        return ExitCause("sys.exit", None, None, reason, allowed)
    if state.started is None:
        reason = (
            f"it ended with exit code {code} before its target was called: "
            "what it wrote about that is in the output of the main program"
            if code
            else "it ended with exit code 0 and has recorded nothing: whether its target was called is not known"
        )
        return ExitCause("unstarted", None, None, reason, state.spec is not None and _is_listed(state.spec, code))
    reason = f"it ended without returning, with exit code {code}: os._exit() or the like"
    return ExitCause("vanished", None, None, reason, state.spec is not None and _is_listed(state.spec, code))


def _returned(state: ProcessState) -> str:
    if state.name == MAIN_NAME and state.spec is not None:
        return "the script came to its end"
    return "all its steps are done" if _has_steps(state) else "its target returned"


def _is_plan(state: ProcessState) -> bool:
    """Tell whether it is the main program of a scenario, which does the steps of its plan."""
    return state.name == MAIN_NAME and state.spec is None


def _has_steps(state: ProcessState) -> bool:
    return _is_plan(state) or (state.spec is not None and bool(state.spec.steps))


def _raised(state: ProcessState) -> str:
    who = "it" if _has_steps(state) or state.is_copy or state.name == MAIN_NAME else "its target"
    return f"{who} raised {state.exception}" + (f" ({state.hint})" if state.hint else "")


def _explain_stranger(state: ProcessState, code: int) -> ExitCause:
    """Explain the end of a process that the scenario does not name: it has its own reasons, and they are its own.

    So it is with a copy by os.fork(), which ends by os._exit(), or as another program.
    """
    if "PoolWorker-" not in state.name:
        return ExitCause("ended", None, None, f"it ended by itself, with exit code {code}", True)
    if code == 0:
        return ExitCause(
            "ended", None, None, "it worked for a pool that was over, or had done as many tasks as it may", True
        )
    return ExitCause("ended", None, None, f"it worked for a pool; it ended by itself, with exit code {code}", True)


def explain_thread(state: ProcessState, main: ProcessState) -> ExitCause:
    """Return why a worker that ran in the main program has ended: by itself, or because the whole program has."""
    lenient = state.spec is not None and state.spec.any_exitcode
    if state.outcome == "finished":
        return ExitCause("returned", None, None, "its target returned", True)
    if state.outcome == "failed":
        return ExitCause("exception", None, None, _raised(state), lenient)
    if state.outcome == "exiting":
        reason = "it called sys.exit(), which in a thread ends that thread alone"
        return ExitCause("sys.exit", None, None, reason, lenient or state.exited_with in (None, 0))
    if state.spec is not None and state.spec.daemon and main.outcome and not main.sent and (main.exitcode or 0) >= 0:
        reason = "cut off because the main program ended: a daemon thread does not outlive it"
        return ExitCause("daemon", None, MAIN_NAME, reason, True)
    allowed = lenient or (main.allowed and bool(main.exitcode))
    return ExitCause("cut_off", None, None, f"the whole program ended, it with it: {main.reason}", allowed)


def _explain_unknown(state: ProcessState) -> ExitCause:
    """Explain an end whose exit code went to a parent that is dead itself."""
    lenient = state.spec is not None and state.spec.any_exitcode
    if not state.sent:
        recorded = {"finished": _returned(state), "failed": _raised(state)}
        recorded["exiting"] = f"it called sys.exit({state.exited_with!r})"
        known = recorded.get(state.outcome, "it ended")
        return ExitCause("unknown", None, None, f"{known}, but nobody could learn its exit code", lenient)
    number, sender, why = state.sent[-1]
    name = signal_name(number)
    return ExitCause(
        "stopped_by_runner",
        name,
        sender,
        f"{_reason_of_stop(name, sender, why)}; nobody could learn its exit code",
        False,
    )


def _explain_signal(state: ProcessState, number: int) -> ExitCause:
    name = signal_name(number)
    for sent, sender, why in reversed(state.sent):
        if sent == number:
            cause: Cause = "stopped_by_runner"
            if why == "daemon":
                cause = "daemon"
            elif why == "step":
                cause = "killed" if name == "SIGKILL" else "terminated"
            expected = {-number} if cause != "stopped_by_runner" else set()
            return ExitCause(
                cause, name, sender, _reason_of_stop(name, sender, why), _is_allowed(state, -number, expected)
            )
    allowed = _is_allowed(state, -number, set())
    if number in state.raised_signals:
        return ExitCause("signal", name, state.name, f"it sent {name} to itself by raise_signal()", allowed)
    if name in _CRASHES:
        reason = f"it crashed: {name} ({_describe(number)})"
        if state.asked_for_stack:
            reason += ", after run-scenario had asked it for its stack: that may have been the cause"
        return ExitCause("crash", name, None, reason, allowed)
    not_sent = "run-scenario has not sent"
    if state.name != MAIN_NAME:  # os.kill() is not recorded
        not_sent = "was not sent by terminate() or kill(), and not by run-scenario"
    reason = f"it was ended by {name}, which {not_sent}"
    if name == "SIGALRM":
        reason += ": signal.alarm() and signal.setitimer() have it sent to oneself"
    return ExitCause("signal", name, None, reason, allowed)


def _reason_of_stop(name: str, sender: str, why: str) -> str:
    if why == "daemon":
        parent = "the main program" if sender == MAIN_NAME else f"{sender}, which has started it,"
        return f"terminated because {parent} ended: a daemon process does not outlive it"
    if why == "step":
        call = "kill()" if name == "SIGKILL" else "terminate()"
        return f"{sender} called {call}, which sends {name}"
    return f"{sender} sent {name}: {why}"


def _describe(number: int) -> str:
    return (signal.strsignal(number) or "no description").lower()


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


def expectation(spec: ProcessSpec) -> str:
    """Return which exit codes a scenario allows a process, in words."""
    codes = sorted(spec.exitcodes) if spec.exitcodes is not None else [0]
    listed = f"{', '.join(map(str, codes[:-1]))} or {codes[-1]}" if len(codes) > 1 else str(codes[0])
    return f"the scenario allows {listed}"


def usage_of(reported: Packed | None, own: Packed | None) -> Usage:
    """Return what a process has used, from what was reported of it and what it recorded itself, both packed.

    What the process recorded stands in where its end was seen by somebody who cannot know everything: /proc counts
    CPU time in hundredths of a second, and knows no peak of memory of a process that is over.
    """
    usage = _unpacked(reported)
    return _unpacked(own) if usage.max_rss is None and own is not None else usage
