"""Sentences of why a run, or one of its processes, ended as it did; made of the values that `events` decides."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.counting import plural
from run_scenario.events.exit_cause import MAIN_NAME, ExitCause, signal_name
from run_scenario.events.outcome import Outcome
from run_scenario.events.reasons import (
    BadEnd,
    BlockRaised,
    Fact,
    HelperGone,
    Hint,
    Inside,
    LimitExceeded,
    MemoryRemoved,
    Misreported,
    NotEnded,
    Quoted,
    Reason,
    Refusals,
    Sent,
    StoodStill,
    Stopped,
    Survivor,
    TakenAlong,
    Unmet,
)
from run_scenario.limits import LIMITS
from run_scenario.recording.codes import UNKNOWN

if TYPE_CHECKING:
    from run_scenario.events.types.runs import WhoWaits

_SIGPIPE = 13
"""As on POSIX; a log may be read where there is no such signal."""

_CALLS = {"SIGINT": "interrupt()", "SIGTERM": "terminate()", "SIGKILL": "kill()"}
"""Signal -> the method that sends it."""
_RETURNED = {
    "script": "the script came to its end",
    "plan": "all its steps are done",
    "steps": "all its steps are done",
}


_REFUSED_BECAUSE = {
    "not_allowed": "names code that you have not allowed",
    "not_found": "names code that is not there",
    "import_failed": "names code that cannot be imported",
    "unfit": "names code that no process can run",
    "arguments": "calls code with arguments that do not fit",
    "not_made": "describes an object that cannot be made",
    "no_file": "names a file that cannot be read",
    "cpus": "asks for CPUs that are not available",
}
"""Why a scenario is refused, by the kind of refusal."""

_TAKEN_ALONG: dict[Inside, str] = {
    "queue_read": "inside get() with the lock that lets one reader in at a time: nobody can get anything any more",
    "queue_write": "while it wrote an item, with the lock of the writers: what others put never arrives any more",
    "queue_join": "inside join(): the task_done() that finishes the last item waits for its answer for ever",
    "event_wait": "inside wait(): whoever calls set(), clear() or is_set() may wait for its answer for ever",
    "event_answer": (
        "inside set(), clear() or is_set(): whoever calls set(), clear() or is_set() may wait for its answer for ever"
    ),
    "condition_wait": "inside wait(): whoever notifies may wait for its answer for ever",
    "condition_answer": "inside notify(): whoever notifies may wait for its answer for ever",
    "barrier_wait": "inside wait(): when the last one comes, all wait for its answer for ever",
    "manager_acquire": "inside acquire(): its manager goes on waiting in its place, and keeps what it gets",
    "manager_notice": (
        "inside wait(): its manager goes on waiting in its place, takes the next notice and keeps the lock"
    ),
}
"""What it means that a process ended there."""

_HELPER_GONE = {
    "fork server": "whoever asks for the exit codes of its children is told 255, whether they have ended or not",
    "resource tracker": "multiprocessing starts another; what the lost one knew of is removed by run-scenario",
}
"""What it means that one of multiprocessing's own processes is gone before its time."""


class Sentences:
    """The sentences that a log has in its fields (see `events.reasons.Wording`)."""

    def deadlock(self, stalled: WhoWaits) -> tuple[str, list[str | None]]:
        """Return why nothing moves, and what each of the processes waits for, then each of the threads."""
        from run_scenario.report.diagnosis import explain  # most runs have no deadlock, and need no words for it

        return explain(stalled)

    def sentence(self, reason: Reason | Fact) -> str:
        """Return the sentence of a reason."""
        return sentence(reason)


def sentences(outcome: Outcome) -> list[str]:
    """Return why a run ended as it did, one sentence each."""
    return [sentence(reason) for reason in outcome.reasons]


def sentence(reason: Reason | Fact) -> str:
    """Return one of the reasons for an outcome, or for an event, as a sentence."""
    match reason:
        case ExitCause():
            return _end_sentence(reason)
        case Quoted(text):
            return text
        case Stopped(number):
            return "its output was closed" if number == _SIGPIPE else f"it got {signal_name(number)}"
        case LimitExceeded(name, most, found, left_out):
            rest = f"; {plural(left_out, 'later event', 'was')} left out" if left_out else ""
            return LIMITS[name].exceeded(most, found) + rest
        case StoodStill(event):
            return event.reason
        case Survivor(found):
            return f"{found.process} (pid {found.pid}) could not be ended: {_not_ended(found)}"
        case NotEnded():
            return _not_ended(reason)
        case BadEnd():
            return _bad_end(reason)
        case BlockRaised(exception):
            return f"the block raised {exception}"
        case Unmet():
            return _unmet(reason)
        case Hint():
            from run_scenario.report.hints import hint_sentence  # the event types, which are there when there is one

            return hint_sentence(reason)
        case Refusals(kinds):
            return f"the scenario {' and '.join(dict.fromkeys(_REFUSED_BECAUSE[kind] for kind in kinds))}"
        case Sent("daemon"):
            return "its parent ends, and this is a daemon process"
        case Sent(why, method):
            return f"by a call of {method}()" if why == "step" else why
        case TakenAlong(inside):
            return f"it ended {_TAKEN_ALONG[inside]}"
        case HelperGone(helper):
            return _HELPER_GONE.get(helper, "")  # a record may be damaged
        case Misreported():
            return "the fork server that would know its exit code is gone: it may well be alive"
        case MemoryRemoved():
            return "removed what the run's processes had left in shared memory"


def _bad_end(bad: BadEnd) -> str:
    why = _end_sentence(bad.end)
    if bad.is_main:
        return f"the main program failed: {why}"
    if bad.end.worker != "process":
        return f"{bad.process} failed: {why}"
    code = bad.end.exitcode
    ways_out = {
        "": "",
        "children_exitcode": f" (to allow that, write `children_exitcode: {code}` for {bad.maker})",
        "exitcodes": f" (to allow that, write `exitcodes: {{{bad.process}: {code}}}` under `expect`)",
        "exitcode": " (to allow that, write `exitcode: 0`)",
        "listed": f" (the scenario allows {_listed(bad.allowed)})",
    }
    return f"{bad.process} ended with exit code {code}: {why}{ways_out[bad.way_out]}"


def _listed(codes: Sequence[int]) -> str:
    *most, last = map(str, codes or (0,))
    return f"{', '.join(most)} or {last}" if most else last


def _unmet(reason: Unmet) -> str:
    expectation = reason.expectation
    if expectation.where is None:
        event = (expectation.matchers[0].events or ("",))[0]
        return f"{expectation.because}: {reason.why} (if that is the point, expect it: `exists: {{event: {event}}}`)"
    unmet = "failed" if reason.result == "failed" else "could not be judged"
    because = f" ({expectation.because})" if expectation.because else ""
    return f"the expectation in line {expectation.where.line} {unmet}{because}: {reason.why}"


def _not_ended(found: NotEnded) -> str:
    """Return what is known of a process that SIGKILL may not have ended."""
    if found.condition is None:
        return {
            "own": "it has a session of its own: nobody here can see whether it is still there",
            "younger": "it is in a session of its own that is younger than the run: nobody here can see whose it is",
            "": "it may still be there: nobody here can see whether SIGKILL has ended it",
        }[found.session]
    if found.condition == "D":
        return "it is still there: in an uninterruptible sleep (state D), which SIGKILL does not end"
    state = "" if found.condition == UNKNOWN else f" (state {found.condition})"
    return f"it is still there: SIGKILL has not ended it{state}"


# Ends of processes


def _end_sentence(end: ExitCause) -> str:
    """Return why a process ended."""
    return f"{_end(end)}; it is to be started again" if end.is_restarted else _end(end)


def _end(end: ExitCause) -> str:
    is_thread = end.worker != "process"
    match end.cause:
        case "returned":
            return _returned(end)
        case "exception":
            return _raised(end)
        case "sys.exit":
            if is_thread:
                return "it called sys.exit(), which in a thread ends that thread alone"
            # The steps of the main program have no sys.exit(): a call of theirs has raised what somebody else had.
            return "one of its steps raised SystemExit" if end.runs == "plan" else "it called sys.exit()"
        case "interrupted" if end.recorded == "failed" and (end.exitcode or 0) >= 0:
            return f"{_raised(end)}: {_stop(end)}"
        case "daemon" if is_thread:
            return "cut off because the main program ended: a daemon thread does not outlive it"
        case "interrupted" | "terminated" | "killed" | "daemon":
            return _stop(end)
        case "stopped_by_runner":
            return _stop(end) + ("; nobody could learn its exit code" if end.exitcode is None else "")
        case "signal" | "crash":
            return _by_signal(end)
        case "vanished" if end.recorded == "finished":
            return f"{_returned(end)}, but its exit handlers ended it with exit code {end.exitcode}"
        case "vanished":
            return f"it ended without returning, with exit code {end.exitcode}: os._exit() or the like"
        case "ended":
            return _by_itself(end)
        case "cut_off":
            of_main = _end_sentence(end.of_main) if end.of_main else ""
            return f"the whole program ended, it with it: {of_main}"
        case "unstarted" if end.exitcode:
            return (
                f"it ended with exit code {end.exitcode} before its target was called: "
                "what it wrote about that is in the output of the main program"
            )
        case "unstarted":
            return "it ended with exit code 0 and has recorded nothing: whether its target was called is not known"
        case "refused":
            return "it did nothing: the scenario was refused"
        case "unknown":
            return _of_unknown(end)


def _returned(end: ExitCause) -> str:
    return _RETURNED.get(end.runs, "its target returned") if end.worker == "process" else "its target returned"


def _raised(end: ExitCause) -> str:
    who = "its target" if end.runs == "target" else "it"
    return f"{who} raised {end.exception}" + (f" ({end.hint})" if end.hint else "")


def _stop(end: ExitCause) -> str:
    if end.why == "daemon":
        parent = "the main program" if end.by == MAIN_NAME else f"{end.by}, which has started it,"
        return f"terminated because {parent} ended: a daemon process does not outlive it"
    if end.why == "step":
        return f"{end.by} called {_CALLS[end.signal or '']}, which sends {end.signal}"
    return f"{end.by} sent {end.signal}: {end.why}"


def _by_signal(end: ExitCause) -> str:
    """Return what is to be said of a signal that nobody here has sent."""
    if end.by is not None:
        return f"it sent {end.signal} to itself by raise_signal()"
    if end.cause == "crash":
        what = (signal.strsignal(-(end.exitcode or 0)) or "no description").lower()
        asked = ", after run-scenario had asked it for its stack: that may have been the cause"
        return f"it crashed: {end.signal} ({what})" + (asked if end.asked_for_stack else "")
    not_sent = "run-scenario has not sent"
    if end.runs not in ("plan", "script"):  # os.kill() is not recorded
        not_sent = "was not sent by interrupt(), terminate() or kill(), and not by run-scenario"
    itself = ": signal.alarm() and signal.setitimer() have it sent to oneself" if end.signal == "SIGALRM" else ""
    return f"it was ended by {end.signal}, which {not_sent}{itself}"


def _by_itself(end: ExitCause) -> str:
    if not end.of_pool:
        return f"it ended by itself, with exit code {end.exitcode}"
    if end.exitcode == 0:
        return "it worked for a pool that was over, or had done as many tasks as it may"
    return f"it worked for a pool; it ended by itself, with exit code {end.exitcode}"


def _of_unknown(end: ExitCause) -> str:
    if end.exitcode is not None:
        return f"it ended with exit code {end.exitcode}; why is not recorded"
    known = "it ended"
    if end.recorded == "finished":
        known = _returned(end)
    elif end.recorded == "failed":
        known = _raised(end)
    elif end.recorded == "exiting":
        known = f"it called sys.exit({end.exited_with!r})"
    return f"{known}, but nobody could learn its exit code"
