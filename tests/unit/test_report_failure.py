"""Why a run has not passed: what comes first, and what is left out."""

from __future__ import annotations

from typing import Any

from made import make_scenario, spec

from run_scenario.errors import Location
from run_scenario.report.failure import Failure, failure

SCENARIO = make_scenario(*(spec(f"W-{n}", where=Location("made.yaml", 3 + n, 1)) for n in range(1, 10)))


def judge(
    *events: dict[str, Any],
    outcome: Any = "failed",
    reasons: tuple[str, ...] = (),
    shown_by: tuple[int | None, ...] = (),
) -> Failure:
    """Return the failure of a run with these events."""
    finished = {"event": "scenario.finished", "process": "run-scenario", "reasons": reasons, "shown_by": shown_by}
    events = (*events, finished)
    numbered = [{"seq": number, "t": number / 10, **each} for number, each in enumerate(events, 1)]
    return failure(SCENARIO, numbered, outcome, reasons)


def raises(process: str, message: str = "no", exception: str = "KeyError") -> list[dict[str, Any]]:
    """Return the events of a process that raises."""
    traceback = f"Traceback (most recent call last):\n  File 'w.py', line 1, in {process}\n{exception}: {message}\n"
    about = {"process": process, "exception": exception, "message": message}
    end = {"exitcode": 1, "cause": "exception", "reason": f"its target raised {exception}: {message}"}
    return [
        {"event": "process.failed", **about, "traceback": traceback},
        {"event": "process.exited", "process": process, "allowed": False, **end},
    ]


def writes(process: str, text: str, stream: str = "stdout") -> dict[str, Any]:
    """Return the event of a line of output."""
    return {"event": "process.output", "process": process, "stream": stream, "text": text, "via": "print"}


def test_the_first_comes_first() -> None:
    """Of many that fail, the first in full, with its own output, and some of the others in a line each."""
    others = [event for n in range(1, 9) for event in raises(f"W-{n}")]
    found = judge(writes("W-9", "at work"), writes("W-1", "of another"), *raises("W-9", "why"), *others)
    assert ("W-9 failed with KeyError: why", 12) == (found.cause, found.line)
    assert (
        "made: failed",
        "",
        "W-9 failed with KeyError: why",
        "    Traceback (most recent call last):",
        "      File 'w.py', line 1, in W-9",
        "    KeyError: why",
        "  its last output:",
        "    | at work",
        "",
        *(f"W-{n} failed with KeyError: no" for n in range(1, 6)),
        "and 3 more failures",
    ) == found.lines


def test_a_traceback_is_no_output() -> None:
    """What Python writes of an exception is told once; of the rest, only the last lines."""
    failed, exited = raises("W-1")
    for head in ("Process W-1:", "Exception in thread W-1:"):
        again = [writes("W-1", line, "stderr") for line in (head, *failed["traceback"].splitlines())]
        found = judge(*(writes("W-1", str(n)) for n in range(20)), failed, *again, writes("W-1", "bye"), exited)
        assert ("  its last output:", *(f"    | {n}" for n in range(11, 20)), "    | bye") == found.lines[-11:]


def test_what_comes_of_a_stop_is_no_cause() -> None:
    """Processes that are stopped after a deadlock have not failed; one that did before comes before it."""
    stalled = {"event": "scenario.stalled", "process": "run-scenario", "cause": "deadlock", "reason": "W-2 waits"}
    stopped = [event for n in (2, 3) for event in raises(f"W-{n}")]
    found = judge(*raises("W-1"), stalled, *stopped, outcome="stalled", reasons=("W-2 waits",), shown_by=(3,))
    assert "W-1 failed with KeyError: no" == found.cause
    assert ("stalled: W-2 waits",) == found.lines[-1:]


def test_a_lost_worker_is_why_a_pool_is_broken() -> None:
    """Whoever gets BrokenProcessPool has not caused it; without it, the loss of a worker may have been wanted."""
    lost = {"event": "pool.worker_lost", "process": "SpawnProcess-1", "pool": "p", "exitcode": -9, "signal": "SIGKILL"}
    found = judge(lost, *raises("MainProcess", "broken", "BrokenProcessPool"))
    assert found.cause.startswith("SpawnProcess-1 was lost")
    assert "W-1 failed with KeyError: no" == judge(lost, *raises("W-1")).cause


def test_nobody_knows_more_than_the_reasons() -> None:
    """Where no event says why, the outcome's reasons do, each once."""
    found = judge(outcome="internal_error", reasons=("the disk is full",))
    assert ("the disk is full", None, ("made: broken off", "", "the disk is full")) == (
        found.cause,
        found.line,
        found.lines,
    )


def test_a_reason_is_told_with_its_event() -> None:
    """What shows a reason has its words, which say how to allow it; a reason that nothing shows stands by itself."""
    ended = {"event": "process.exited", "process": "W-1", "allowed": False, "cause": "exit", "exitcode": 3}
    reasons = ("W-1 ended with exit code 3 (the scenario allows 0)", "another reason")
    found = judge(ended, reasons=reasons, shown_by=(1, None))
    assert ("made: failed", "", reasons[0], "", reasons[1]) == found.lines
    assert reasons[0] == found.cause
