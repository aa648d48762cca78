"""Why a process ended: from its exit code, from what it said itself, and from who sent it a signal.

An exit code alone lies: 0 also stands for `os._exit(0)` in the middle of the work, -15 does not say who sent SIGTERM.
"""

from __future__ import annotations

import signal
from typing import Any

from run_scenario.engine.platform import Usage
from run_scenario.model import ProcessSpec, Worker
from run_scenario.values import Value

_CRASHES = {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"}

RUNNER = "run-scenario"
MAIN_NAME = "MainProcess"


class Life:
    """What has been heard of one process so far; times in nanoseconds of the monotonic clock."""

    def __init__(self, name: str, spec: ProcessSpec | None = None, pid: int | None = None) -> None:
        self.name = name
        self.spec = spec
        self.pid = pid
        self.native = 0
        """Of a thread: its native id, by which the system knows it."""
        self.ident = 0
        """Of a thread: its identifier, by which Python knows it."""
        self.started: int | None = None
        self.outcome = ""
        """"" (nothing was heard), "finished", "exiting" (sys.exit), "failed" or, of the main program, "refused"."""
        self.exception = ""
        self.exited_with: Any = None
        """What it has called sys.exit() with."""
        self.meant: frozenset[int] | None = frozenset()
        """Of the main program: exit codes that an expectation speaks of; None: any."""
        self.usage: list[Any] | None = None
        """What it said itself to have used, at the end of its target."""
        self.sent: list[tuple[int, str, str]] = []
        """Signals sent by those who record: number, sender, why."""
        self.seen: int | None = None
        """When its exit was seen, if nothing else is known yet."""
        self.settled = False
        """Whether its items have been accounted for."""
        self.exited = False
        self.exitcode: int | None = None
        self.cause = ""
        self.allowed = True
        self.reason = ""

    @property
    def worker(self) -> Worker:
        """What it is: a process, a thread of the main program, or a plain call in it."""
        return "process" if self.spec is None else self.spec.worker


class Ending(Value):
    """The explanation of one exit: the fields of `process.exited`."""

    cause: str
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


def explain(life: Life, code: int | None) -> Ending:
    """Return why the process ended with that exit code (None: nobody could find out)."""
    if code is None:
        return _explain_unknown(life)
    if code < 0:
        return _explain_signal(life, -code)
    if life.spec is None and life.name != MAIN_NAME:
        return _explain_stranger(life, code)
    allowed = _is_allowed(life, code, {0})
    if life.outcome == "refused":
        reason = "it did nothing: the scenario names code that may not be run, or is not there"
        return Ending("refused", None, None, reason, False)
    if life.outcome == "finished":
        if code == 0 and life.name == MAIN_NAME:
            return Ending("returned", None, None, "all its steps are done", allowed)
        if code == 0:
            return Ending("returned", None, None, "its target returned", allowed)
        reason = f"its target returned, but its exit handlers ended it with exit code {code}"
        return Ending("vanished", None, None, reason, allowed)
    if life.outcome == "failed":
        return Ending("exception", None, None, f"its target raised {life.exception}", allowed)
    if life.outcome == "exiting":
        return Ending("sys.exit", None, None, "it called sys.exit()", allowed)
    if life.started is None:
        reason = (
            f"it ended with exit code {code} before its target was called: "
            "what it wrote about that is in the output of the main program"
        )
        return Ending("unstarted", None, None, reason, life.spec is not None and _is_listed(life.spec, code))
    reason = f"it ended without returning, with exit code {code}: os._exit() or the like"
    return Ending("vanished", None, None, reason, life.spec is not None and _is_listed(life.spec, code))


def _explain_stranger(life: Life, code: int) -> Ending:
    """Explain the end of a process that the scenario does not name: it has its own reasons, and they are its own."""
    if "PoolWorker-" not in life.name:
        return Ending("ended", None, None, f"a target had started it; it ended by itself, with exit code {code}", True)
    if code == 0:
        return Ending(
            "ended", None, None, "it worked for a pool that was over, or had done as many tasks as it may", True
        )
    return Ending("ended", None, None, f"it worked for a pool; it ended by itself, with exit code {code}", True)


def explain_thread(life: Life, main: Life) -> Ending:
    """Return why a worker that ran in the main program has ended: by itself, or because the whole program has."""
    lenient = life.spec is not None and life.spec.any_exitcode
    if life.outcome == "finished":
        return Ending("returned", None, None, "its target returned", True)
    if life.outcome == "failed":
        return Ending("exception", None, None, f"its target raised {life.exception}", lenient)
    if life.outcome == "exiting":
        reason = "it called sys.exit(), which in a thread ends that thread alone"
        return Ending("sys.exit", None, None, reason, lenient or life.exited_with in (None, 0))
    if life.spec is not None and life.spec.daemon and main.outcome and not main.sent and (main.exitcode or 0) >= 0:
        reason = "cut off because the main program ended: a daemon thread does not outlive it"
        return Ending("daemon", None, MAIN_NAME, reason, True)
    meant = lenient or (main.allowed and bool(main.exitcode))
    return Ending("cut_off", None, None, f"the whole program ended, it with it: {main.reason}", meant)


def _explain_unknown(life: Life) -> Ending:
    """Explain an end whose exit code went to a parent that is dead itself."""
    lenient = life.spec is not None and life.spec.any_exitcode
    if not life.sent:
        said = {"finished": "its target returned", "failed": f"its target raised {life.exception}"}
        said["exiting"] = f"it called sys.exit({life.exited_with!r})"
        known = said.get(life.outcome, "it ended")
        return Ending("unknown", None, None, f"{known}, but nobody could learn its exit code", lenient)
    number, sender, why = life.sent[-1]
    name = signal_name(number)
    return Ending(
        "swept", name, sender, f"{_reason_of_stop(name, sender, why)}; nobody could learn its exit code", False
    )


def _explain_signal(life: Life, number: int) -> Ending:
    name = signal_name(number)
    for sent, sender, why in reversed(life.sent):
        if sent == number:
            cause = {"daemon": "daemon", "step": "killed" if name == "SIGKILL" else "terminated"}.get(why, "swept")
            expected = {-number} if cause != "swept" else set()
            return Ending(cause, name, sender, _reason_of_stop(name, sender, why), _is_allowed(life, -number, expected))
    allowed = _is_allowed(life, -number, set())
    if name in _CRASHES:
        return Ending("crash", name, None, f"it crashed: {name} ({_describe(number)})", allowed)
    reason = f"it was ended by {name}, which neither its main program nor run-scenario has sent"
    return Ending("signal", name, None, reason, allowed)


def _reason_of_stop(name: str, sender: str, why: str) -> str:
    if why == "daemon":
        return "terminated because the main program ended: a daemon process does not outlive it"
    if why == "step":
        call = "kill()" if name == "SIGKILL" else "terminate()"
        return f"{sender} called {call}, which sends {name}"
    return f"{sender} sent {name}: {why}"


def _describe(number: int) -> str:
    return (signal.strsignal(number) or "no description").lower()


def _is_listed(spec: ProcessSpec, code: int) -> bool:
    return spec.any_exitcode or code in spec.also_exitcodes or (spec.exitcodes is not None and code in spec.exitcodes)


def _is_allowed(life: Life, code: int, expected: set[int]) -> bool:
    """Tell whether the scenario allows this end: as its `exitcode` says, or else as expected."""
    if life.spec is None:
        return life.meant is None or code in expected | life.meant
    if life.spec.any_exitcode or code in life.spec.also_exitcodes:
        return True
    if life.spec.exitcodes is not None:
        return code in life.spec.exitcodes
    return code in expected


def _usage(packed: list[Any] | None) -> Usage:
    return Usage(*packed) if isinstance(packed, list) and len(packed) == 5 else Usage()


def expectation(spec: ProcessSpec) -> str:
    """Return which exit codes a scenario allows a process, in words."""
    codes = sorted(spec.exitcodes) if spec.exitcodes is not None else [0]
    listed = f"{', '.join(map(str, codes[:-1]))} or {codes[-1]}" if len(codes) > 1 else str(codes[0])
    return f"the scenario allows {listed}"


def usage_fields(reported: list[Any] | None, own: list[Any] | None) -> dict[str, Any]:
    """Return the fields of `process.exited` from two packed `Usage`s.

    What the process said itself stands in where its end was seen by somebody who is not told everything: /proc counts
    CPU time in hundredths of a second, and knows no peak of memory of a process that is over.
    """
    u = _usage(reported)
    if u.max_rss is None and own is not None:
        u = _usage(own)
    return {
        "cpu_user": None if u.cpu_user is None else round(u.cpu_user, 6),
        "cpu_system": None if u.cpu_system is None else round(u.cpu_system, 6),
        "max_rss": u.max_rss,
        "voluntary_switches": u.voluntary_switches,
        "involuntary_switches": u.involuntary_switches,
    }
