"""`predict`: what it asks, how it takes the answers, and what it says was so."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, METHODS, PATIENCE, is_readable, scenario

import commands

GETS = {"name": "Gets", "target": "consume", "from": "tasks"}
EXITS = {"name": "Exits", "target": "exit", "kwargs": {"code": 3}}
ADDS = {"name": "Adds", "target": "increment", "uses": {"counter": "hits"}, "kwargs": {"times": 2}}


def predict(folder: Path, text: str, answers: object, *options: str) -> tuple[int, dict[str, Any]]:
    """Predict by a file of answers; return the status and what was printed as JSON."""
    (folder / "it.yaml").write_text(text)
    (folder / "answers.yaml").write_text(json.dumps(answers))
    command = [*COMMAND, "predict", "it.yaml", "--answers", "answers.yaml", "--format", "json", *options]
    done = commands.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert "error" not in done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("method", METHODS)
def test_what_was_so(tmp_path: Path, method: str) -> None:
    """Each answer is compared with what the log says; a process that fails, items that are left, a value."""
    text = scenario(
        EXITS,
        ADDS,
        queues={"tasks": {}},
        shared={"hits": {"type": "Value", "typecode": "i"}},
        main=[
            {"start": "Exits"},
            {"join": "Exits"},
            *[{"put": 1, "to": "tasks"}] * 3,
            {"start": "Adds"},
            {"join": "Adds"},
        ],
        expect=[{"exitcodes": {"Exits": 3}}, {"exists": {"event": "queue.left_over"}}],
    )
    right = {
        "ends": "fails",
        "first": "Exits",
        "left": {"tasks": 3},
        "values": {"hits": 2},
        "exitcodes": {"Exits": 3},
    }
    status, told = predict(tmp_path, text, right, "--start-method", method)
    assert (0, 5, True) == (status, len(told["predictions"]), all(each["right"] for each in told["predictions"]))
    wrong = {"ends": "hangs", "first": "nobody", "left": {"tasks": "3"}, "exitcodes": {"Exits": 0}}
    status, told = predict(tmp_path, text, wrong, "--start-method", method)
    assert (1, [False] * 4) == (status, [each["right"] for each in told["predictions"]])
    found = {each["question"]: each["found"] for each in told["predictions"]}
    assert {"ends": "fails", "first": "Exits", "exitcodes.Exits": 3, "left.tasks": 3} == found


def test_a_program_that_hangs(tmp_path: Path) -> None:
    """Nobody's end comes first where only run-scenario has ended them."""
    text = scenario(GETS, {**GETS, "name": "Also"}, queues={"tasks": {}})
    status, told = predict(tmp_path, text, {"ends": "hangs", "first": "nobody", "left": {"tasks": 0}})
    assert (0, 3) == (status, len(told["predictions"]))
    assert told["outcome"].startswith("stalled after")


def test_a_deadline(tmp_path: Path) -> None:
    """Who is still busy at the deadline does not hang."""
    text = scenario({"target": "sleep", "kwargs": {"seconds": 600}})
    assert 0 == predict(tmp_path, text, {"ends": "busy"}, "--timeout", "0.5")[0]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("ends: hang", "1:7: error: 'ends' cannot be 'hang' | did you mean 'hangs'?"),
        ("ends: [hangs]", "1:7: error: 'ends' cannot be a list | did you mean 'hangs'?"),
        ("left: {taks: 1}", "1:8: error: nothing is asked about 'left.taks' | did you mean 'left.tasks'?"),
        ("x: 1", "1:1: error: nothing is asked about 'x' | there are ends, left.tasks"),
        ("ends: hangs\nx", "2:1: error: a ':' is missing after this | a key is written `key: value`"),
        ("ends: &x hangs", "1:7: error: an anchor (&x) is not allowed in a scenario | write the value out"),
        ("ends: hangs\nends: busy", "2:1: error: the key 'ends' is repeated here; the first is on line 1 | keep one"),
        ("1", "1:1: error: answers are a mapping, and this is the number 1 | write a mapping such as `ends: hangs`"),
        ("", "1:1: error: this file is empty | write a mapping such as `ends: hangs`"),
        ("\xff", "1:1: error: byte 1 of this file, 0xff, is not UTF-8 | save the file as UTF-8"),
        (None, "1:1: error: there is no such file | did you mean 'answer.yaml'?"),
    ],
)
def test_wrong_answers(tmp_path: Path, answers: str | None, message: str) -> None:
    """Nothing is run where the answers are no answers: the place, what is wrong with it and the way out are said."""
    (tmp_path / "it.yaml").write_text(scenario(GETS, queues={"tasks": {"items": [None]}}))
    (tmp_path / "answer.yaml").touch()
    if answers is not None:
        (tmp_path / "answers.yaml").write_text(answers, encoding="latin-1")
    command = [*COMMAND, "predict", "it.yaml", "--answers", "answers.yaml"]
    done = commands.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert (2, "") == (done.returncode, done.stdout)
    what, _, hint = message.partition(" | ")
    first, *_, last = done.stderr.splitlines()
    assert (f"answers.yaml:{what}", True) == (first, last.strip().startswith(hint)), done.stderr


def test_nobody_to_be_asked(tmp_path: Path) -> None:
    """Without a terminal, the way out is said, with what a file of answers may have."""
    command = [*COMMAND, "predict", "daemon"]
    done = subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert "give --answers FILE: it may have ends, first" in done.stderr


def test_on_a_terminal(tmp_path: Path) -> None:
    """Each question is asked until its answer fits, or is left open; then the run is compared."""
    (tmp_path / "it.yaml").write_text(scenario(GETS, queues={"tasks": {"items": [5, None]}}, title="One gets"))
    ours, theirs = pty.openpty()
    command = [*COMMAND, "predict", "it.yaml", "--no-color"]
    process = subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = ""

    def read_until(wanted: str) -> None:
        nonlocal text
        while wanted not in text:
            assert is_readable(ours, PATIENCE), text
            text += os.read(ours, 4096).decode()
        text = text.partition(wanted)[2]

    read_until("One gets")
    read_until("1. How does the program end?")
    for said in ("9", "1"):
        read_until("leave it open: ")
        os.write(ours, f"{said}\n".encode())
    read_until("2. How many items")
    read_until("leave it open: ")
    os.write(ours, b"1\n")
    read_until("1 of 2 predicted. The run: passed")
    os.close(ours)
    assert 1 == process.wait(PATIENCE)
