"""Exits, explained by what was heard of a process before it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from made import spec

from run_scenario.events.exit_cause import MAIN_NAME, ProcessState, explain
from run_scenario.report.reasons import sentence


def life(
    outcome: str = "", *, sent: Sequence[tuple[int, str, str]] = (), started: bool = True, **more: Any
) -> ProcessState:
    """Return what was heard of a process."""
    life = ProcessState("W", spec("W", **more))
    life.outcome, life.sent, life.started, life.exception = outcome, list(sent), 1 if started else None, "ValueError: x"
    return life


MAIN_INTERRUPT = [(2, "MainProcess", "step")]


def interrupted(
    exception: str = "KeyboardInterrupt", sent: Sequence[tuple[int, str, str]] = MAIN_INTERRUPT, **more: Any
):
    """Return what was heard of a process that another has interrupted."""
    heard = life("failed", sent=sent, **more)
    heard.exception, heard.exception_type = exception, exception.partition(":")[0]
    return heard


MAIN_STOP = [(15, "MainProcess", "step")]


DAEMON = [(15, "MainProcess", "daemon")]


SWEPT = [(15, "run-scenario", "the deadline was reached")]


EXITS = [
    (life("finished"), 0, ("returned", None, None, True)),
    (life("finished"), 3, ("vanished", None, None, False)),
    (life("finished", exitcodes=frozenset({3})), 3, ("vanished", None, None, True)),
    (life("failed"), 1, ("exception", None, None, False)),
    (life("failed", exitcodes=frozenset({1})), 1, ("exception", None, None, True)),
    (life("exiting"), 0, ("sys.exit", None, None, True)),
    (life("exiting"), 3, ("sys.exit", None, None, False)),
    (life(""), 0, ("vanished", None, None, False)),
    (life("", any_exitcode=True), 0, ("vanished", None, None, True)),
    (life("", started=False), 1, ("unstarted", None, None, False)),
    (life("", started=False, exitcodes=frozenset({1})), 1, ("unstarted", None, None, True)),
    (life(""), -11, ("crash", "SIGSEGV", None, False)),
    (life(""), -6, ("crash", "SIGABRT", None, False)),
    (life(""), -9, ("signal", "SIGKILL", None, False)),
    (life(""), -60, ("signal", "signal 60", None, False)),
    (life("finished"), -9, ("signal", "SIGKILL", None, False)),
    (life("", sent=MAIN_STOP), -15, ("terminated", "SIGTERM", "MainProcess", True)),
    (life("", sent=[(9, "MainProcess", "step")]), -9, ("killed", "SIGKILL", "MainProcess", True)),
    (life("", sent=MAIN_STOP, exitcodes=frozenset({0})), -15, ("terminated", "SIGTERM", "MainProcess", False)),
    (life("", sent=MAIN_STOP), -9, ("signal", "SIGKILL", None, False)),
    (interrupted(), 1, ("interrupted", "SIGINT", "MainProcess", True)),
    (interrupted(exitcodes=frozenset({0})), 1, ("interrupted", "SIGINT", "MainProcess", False)),
    (interrupted(sent=()), 1, ("exception", None, None, False)),
    (interrupted(exception="ValueError: x"), 1, ("exception", None, None, False)),
    (life("", sent=MAIN_INTERRUPT), -2, ("interrupted", "SIGINT", "MainProcess", True)),
    (life("finished", sent=MAIN_INTERRUPT), 0, ("returned", None, None, True)),
    (life("", sent=DAEMON), -15, ("daemon", "SIGTERM", "MainProcess", True)),
    (life("", sent=SWEPT), -15, ("stopped_by_runner", "SIGTERM", "run-scenario", False)),
    (life("", sent=[*SWEPT, (9, "run-scenario", "x")]), -9, ("stopped_by_runner", "SIGKILL", "run-scenario", False)),
    (life("", sent=SWEPT), None, ("stopped_by_runner", "SIGTERM", "run-scenario", False)),
    (life("", sent=MAIN_STOP), 0, ("vanished", None, None, False)),
    (life(""), None, ("unknown", None, None, False)),
    (ProcessState("ForkPoolWorker-1"), 0, ("ended", None, None, True)),
    (ProcessState("Child"), 3, ("ended", None, None, True)),
    (ProcessState("Child"), -11, ("crash", "SIGSEGV", None, False)),
]


@pytest.mark.parametrize(("heard", "code", "expected"), EXITS)
def test_an_exit_is_explained(heard: ProcessState, code: int | None, expected: tuple[Any, ...]) -> None:
    """Cause, signal, sender and whether it is proper follow from the code and from what was heard before."""
    ending = explain(heard, code)
    assert expected == (ending.cause, ending.signal, ending.by, ending.allowed)
    reason = sentence(ending)
    assert reason
    assert "None" not in reason


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("finished", "its target returned"), ("failed", "its target raised ValueError: x"), ("", "it ended")],
)
def test_an_exit_code_that_nobody_learns(outcome: str, words: str) -> None:
    """What the process has said itself is told all the same."""
    assert f"{words}, but nobody could learn its exit code" == sentence(explain(life(outcome), None))


@pytest.mark.parametrize(
    ("outcome", "code", "reason"),
    [
        ("failed", 1, "it raised ValueError: x"),
        ("failed", None, "it raised ValueError: x, but nobody could learn its exit code"),
        ("", -9, "it was ended by SIGKILL, which run-scenario has not sent"),
        ("finished", 0, "all its steps are done"),
        ("finished", 3, "all its steps are done, but its exit handlers ended it with exit code 3"),
    ],
)
def test_the_main_program_has_no_target(outcome: str, code: int | None, reason: str) -> None:
    """What ended it was one of its steps, or came after them."""
    state = life(outcome)
    state.name, state.spec = MAIN_NAME, None
    assert reason == sentence(explain(state, code))


def test_a_crash_after_we_asked_for_a_stack() -> None:
    """What we may have caused ourselves is not told as the process's own."""
    state = life("")
    assert "run-scenario" not in sentence(explain(state, -11))
    state.asked_for_stack = True
    assert sentence(explain(state, -11)).endswith(
        "after run-scenario had asked it for its stack: that may have been the cause"
    )
