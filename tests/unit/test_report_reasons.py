"""The sentences of reasons: each kind of value has one, and it names what there is to be named."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

import run_scenario
from run_scenario.events.exit_cause import ExitCause
from run_scenario.events.reasons import (
    BadEnd,
    HelperGone,
    Inside,
    LimitExceeded,
    NotEnded,
    Reason,
    Refusals,
    Sent,
    Stopped,
    Survivor,
    TakenAlong,
)
from run_scenario.report.reasons import sentence
from run_scenario.runtime.refusal import Refusal

EXIT_3 = ExitCause("vanished", None, None, allowed=False, exitcode=3)
WHY = "it ended without returning, with exit code 3: os._exit() or the like"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Stopped(15), "it got SIGTERM"),
        (Stopped(13), "its output was closed"),
        (LimitExceeded("items", 10, 12), "more items put on queues (12) than the 10 that --max-items allows"),
        (
            LimitExceeded("items", 10, 12, left_out=2),
            "more items put on queues (12) than the 10 that --max-items allows; 2 later events were left out",
        ),
        (
            Survivor(NotEnded("W", 7, "D")),
            "W (pid 7) could not be ended: "
            "it is still there: in an uninterruptible sleep (state D), which SIGKILL does not end",
        ),
        (BadEnd("MainProcess", True, EXIT_3), f"the main program failed: {WHY}"),
        (BadEnd("T", False, EXIT_3.replace(worker="thread")), f"T failed: {WHY}"),
        (BadEnd("W", False, EXIT_3), f"W ended with exit code 3: {WHY}"),
        (
            BadEnd("W", False, EXIT_3, "listed", allowed=(0, 4, 5)),
            f"W ended with exit code 3: {WHY} (the scenario allows 0, 4 or 5)",
        ),
        (
            BadEnd("W", False, EXIT_3, "children_exitcode", "P"),
            f"W ended with exit code 3: {WHY} (to allow that, write `children_exitcode: 3` for P)",
        ),
    ],
)
def test_a_reason_of_an_outcome(reason: Reason, expected: str) -> None:
    """It says who, what and why, and how it could be allowed."""
    assert expected == sentence(reason)


def test_every_kind_of_refusal_has_words() -> None:
    """Several of one kind are told once."""
    for kind in get_args(Refusal):
        assert sentence(Refusals((kind, kind))).startswith("the scenario ")
        assert " and " not in sentence(Refusals((kind, kind)))


def test_every_wait_in_which_a_process_may_end_has_words() -> None:
    """They tell what comes of it."""
    found = {sentence(TakenAlong(inside)) for inside in get_args(Inside)}
    assert len(get_args(Inside)) == len(found)
    assert all(each.startswith("it ended ") for each in found)


@pytest.mark.parametrize("helper", ["fork server", "resource tracker"])
def test_a_helper_that_is_gone(helper: str) -> None:
    """It is told what that means."""
    assert sentence(HelperGone(helper))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("why", "expected"),
    [("step", "by a call of kill()"), ("daemon", "its parent ends, and this is a daemon process"), ("else", "else")],
)
def test_why_a_signal_was_sent(why: str, expected: str) -> None:
    """By a step, because of the end of a parent, or for a reason of its own."""
    assert expected == sentence(Sent(why, "kill"))


def test_events_make_no_sentences() -> None:
    """In `events`, the fields `reason` and `hint` of an event are never given a text that stands there."""
    package = Path(run_scenario.__file__).parent / "events"
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("reason", "hint"):
                texts = [n for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
                found += [f"{path.name}:{text.lineno}: {text.value}" for text in texts if " " in text.value]
    assert [] == found
