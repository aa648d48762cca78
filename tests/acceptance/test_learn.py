"""`learn`: the chapter is listed, its lessons are run and marked, without a terminal as well as on one."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest
from support import COMMAND, METHODS, PATIENCE

import commands
from run_scenario.lessons import LESSONS

NUMBER = {lesson.scenario: number for number, lesson in enumerate(LESSONS, start=1)}


def learn(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of a user who keeps state in this folder."""
    return commands.run(
        [*COMMAND, "learn", *arguments],
        env={**os.environ, "XDG_STATE_HOME": str(state)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def marked(state: Path) -> list[int]:
    """Return the numbers of the lessons that the list marks."""
    lines = learn(state).stdout.splitlines()
    return [int(line[1:4]) for line in lines if line.startswith("✓")]


@pytest.mark.parametrize("method", METHODS)
def test_a_lesson_is_run_and_marked(tmp_path: Path, method: str) -> None:
    """First what the book says, then the run, then what is otherwise; the list knows of it afterwards."""
    done = learn(tmp_path, "missing-pill", "--start-method", method)
    assert (0, "") == (done.returncode, done.stderr)
    texts = ["The book:  There is one pill", f"({method}, Python", "stalled as expected", "But here:  With one too few"]
    places = [done.stdout.index(text) for text in texts]
    assert sorted(places) == places
    assert f"Next: run-scenario learn next   (1, {LESSONS[0].scenario})" in done.stdout
    assert [NUMBER["missing-pill"]] == marked(tmp_path)


def test_next_goes_on_and_reset_begins_anew(tmp_path: Path) -> None:
    """Each `next` runs the first lesson that was not run yet, as often as it takes."""
    state = tmp_path / "run-scenario" / "learned"
    state.parent.mkdir(mode=0o700)
    quick = NUMBER["pids"]
    state.write_text("".join(f"2026-11-30T20:15:00Z {each.scenario}\n" for each in LESSONS if each.scenario != "pids"))
    state.chmod(0o600)
    done = learn(tmp_path, "next")
    assert f"{quick} of {len(LESSONS)}: The current process\n" == done.stdout[: done.stdout.index("\n") + 1]
    assert "All have been run." in done.stdout.splitlines()[-1]
    assert "All have been run." in learn(tmp_path, "next").stdout
    assert len(LESSONS) == len(marked(tmp_path))
    assert (0, "nothing is marked any more\n") == (
        learn(tmp_path, "--reset").returncode,
        learn(tmp_path, "--reset").stdout,
    )
    assert [] == marked(tmp_path)


def test_at_a_terminal_enter_goes_on(tmp_path: Path) -> None:
    """It runs one lesson after the other, until there is none; each is marked."""
    state = tmp_path / "run-scenario" / "learned"
    state.parent.mkdir(mode=0o700)
    left = ("threads-share-memory", "pids")
    state.write_text(
        "".join(f"2026-11-30T20:15:00Z {each.scenario}\n" for each in LESSONS if each.scenario not in left)
    )
    state.chmod(0o600)
    leader, follower = pty.openpty()
    os.write(leader, b"\n")  # read when it is asked
    with subprocess.Popen(
        [*COMMAND, "learn", "next"],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "dumb"},
        stdin=follower,
        stdout=follower,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # its last writer has gone
            while part := os.read(leader, 1 << 16):
                shown += part
        assert 0 == process.wait(PATIENCE)
    os.close(leader)
    heads = [f"{NUMBER[name]} of {len(LESSONS)}: ".encode() for name in left]
    asked = shown.index(b"Enter goes on with it")
    assert shown.index(heads[0]) < asked < shown.index(heads[1])
    assert 1 == shown.count(b"Enter goes on")
    assert b"All have been run." in shown[shown.index(heads[1]) :]
    assert len(LESSONS) == len(marked(tmp_path))


def test_a_lesson_that_was_interrupted_is_not_marked(tmp_path: Path) -> None:
    """It was not seen to its end."""
    process = subprocess.Popen(
        [*COMMAND, "learn", "daemon"],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "| Starting Worker 1" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, _ = process.communicate(timeout=PATIENCE)
    assert (130, False) == (process.returncode, "Next:" in rest)
    assert [] == marked(tmp_path)


def test_lessons_can_be_run_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """The run counts; a sentence says that it is not marked, and what to do."""
    (tmp_path / "file").write_text("")
    done = learn(tmp_path / "file", str(NUMBER["pids"]))
    assert 0 == done.returncode
    assert "It went" in done.stdout or "But here" in done.stdout
    assert 1 == done.stderr.count("\n")
    assert "not a directory; XDG_STATE_HOME can name another folder" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("0", f"there is no lesson 0; they are numbered from 1 to {len(LESSONS)}"),
        ("99999999999999999999", "there is no lesson 99999999999999999999; they are numbered"),
        ("daemn", "there is no lesson 'daemn'; did you mean 'daemon'?"),
        ("pipeline", "'pipeline' is no lesson of the chapter; run it by itself: run-scenario pipeline"),
        ("next --reset", "--reset takes all marks away, and runs nothing: give it alone"),
    ],
)
def test_what_is_no_lesson_is_answered(tmp_path: Path, arguments: str, answer: str) -> None:
    """Nothing is run, nothing is kept; the answer names the way out."""
    done = learn(tmp_path, *arguments.split())
    assert (2, "") == (done.returncode, done.stdout)
    assert answer in done.stderr
    assert [] == list(tmp_path.iterdir())
