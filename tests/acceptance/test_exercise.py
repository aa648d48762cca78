"""`exercise`: the bundled ones hold what they promise; what a pupil, and a teacher with an own one, is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, METHODS, PATIENCE

import commands
from effort import often
from run_scenario import bundled

EXERCISE = """\
version: 1
title: Tea for two
description: |
  Both are to get tea,
  and nobody two cups.

  Fill the gap.
timeout: 30
hints: [Who pours?, "Two cups, and only two."]
expect:
  - count: {event: queue.get, queue: cups, process: Guest}
    is: 2
    because: each guest has a cup
"""
STARTER = """\
version: 1
queues:
  cups: {}
processes:
  - name: Guest
    replicas: 2
    steps:
      - get: cups
main:
  - start: Guest
  # begin gap: pour
  - {put: tea, to: cups}
  # end gap
  - join: Guest
"""
POURED = ("{put: tea, to: cups}", "repeat: 2\n    steps:\n      - {put: tea, to: cups}")
SCRIPT = """\
import multiprocessing


def add(numbers, answers):
    # begin gap
    answers.put(0)
    # end gap


if __name__ == "__main__":
    answers = multiprocessing.Queue()
    child = multiprocessing.Process(target=add, args=([10, 20], answers), name="Child")
    child.start()
    print(answers.get())
    child.join()
"""


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without a terminal."""
    return commands.run(
        [*COMMAND, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )


def told(folder: Path, *arguments: str) -> str:
    """Return what a command of `exercise` prints that succeeds without a word on standard error."""
    done = call(folder, "exercise", *arguments)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    return done.stdout


def refused(folder: Path, *arguments: str) -> str:
    """Return what a command of `exercise` says that can run nothing."""
    done = call(folder, "exercise", *arguments)
    assert (2, "") == (done.returncode, done.stdout)
    return done.stderr


def edit(path: Path, *replacements: tuple[str, str], to: Path | None = None) -> None:
    """Replace texts, each of which is in a file once; the result may go to another one."""
    text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert 1 == text.count(old), old
        text = text.replace(old, new)
    (to or path).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an exercise `tea` in it: what its author's check needs, and a wrong answer."""
    tea = tmp_path / "tea"
    tea.mkdir()
    (tea / "exercise.yaml").write_text(EXERCISE)
    (tea / "starter.yaml").write_text(STARTER)
    edit(tea / "starter.yaml", POURED, to=tea / "solution.yaml")
    edit(tea / "starter.yaml", ("put: tea", "put: coffee"), to=tea / "wrong-one-cup.yaml")
    return tmp_path


@pytest.mark.parametrize("name", bundled.EXERCISES)
@pytest.mark.parametrize("method", METHODS)
def test_a_bundled_exercise(tmp_path: Path, name: str, method: str) -> None:
    """Its starter and its wrong answers fail in every run, its solution passes in every run."""
    runs = often(3)
    found = json.loads(told(tmp_path, "check", name, "--start-method", method, "--runs", str(runs)))
    assert (name, True) == (found["exercise"], found["proven"])
    passed = [run["hand_in"] for run in found["runs"] if run["passed"]]
    assert ["solution.yaml"] * runs == passed
    names = {run["hand_in"] for run in found["runs"]}
    assert "starter.yaml" in names
    assert any(name.startswith("wrong-") for name in names)


@pytest.mark.parametrize("name", bundled.EXERCISES)
def test_a_bundled_exercise_is_for_learners(tmp_path: Path, name: str) -> None:
    """It says what is to be done, has hints in steps, and each check says what it means."""
    told(tmp_path, "new", name)
    text = (tmp_path / f"{name}.yaml").read_text()
    assert text.startswith(f"# exercise: {name}\n#\n")
    assert " gap" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "Hint 2 of " in told(tmp_path, "hint", f"{name}.yaml", "2")
    checks = (bundled.folder("exercises") / name / "exercise.yaml").read_text()
    assert checks.count("    because: ") == checks.partition("expect:")[2].count("\n  - ") > 0


def test_all_bundled_are_listed(tmp_path: Path) -> None:
    """The list has the folders that there are, and no others; one of the same name here does not hide one."""
    (tmp_path / "patience").mkdir()
    (tmp_path / "patience" / "exercise.yaml").write_text("x")
    lines = told(tmp_path, "list").splitlines()
    assert list(bundled.EXERCISES) == [line.split()[1] for line in lines if line.startswith("  ")]
    assert set(bundled.EXERCISES) == set(os.listdir(bundled.folder("exercises")))
    assert "10 exercises. Begin one: run-scenario exercise new two-at-once" == lines[-1]


def test_what_a_pupil_does(tmp_path: Path) -> None:
    """New, check, hint, fill the gap, check: from the first file to `passed`."""
    assert "poison-pills.yaml says what is to be done." in told(tmp_path, "new", "poison-pills")
    mine = tmp_path / "poison-pills.yaml"
    done = call(tmp_path, "exercise", "check", mine.name, "--format", "console")
    assert (1, "") == (done.returncode, done.stderr)
    first, *_, see, hint = done.stdout.splitlines()
    assert first.startswith("✗ it runs to its end: Worker-")
    assert "✗ each worker takes a pill: " in done.stdout
    assert ("  see what happens: run-scenario show poison-pills.yaml", f"  a hint: {HINT} poison-pills.yaml") == (
        see,
        hint,
    )
    assert "Hint 1 of 4\n\nWho takes the pill?" in told(tmp_path, "hint", mine.name)
    assert f"The next: {HINT} poison-pills.yaml 3\n" in told(tmp_path, "hint", mine.name, "2")
    assert "The next" not in told(tmp_path, "hint", mine.name, "4")
    edit(mine, ("- {put: null, to: tasks}", "- repeat: 3\n    steps:\n      - {put: null, to: tasks}"))
    text = told(tmp_path, "check", mine.name, "--format", "console", "--runs", "2")
    assert "✓ each worker takes a pill (in 2 of 2 runs)\n" in text
    assert text.endswith("\npassed (in 2 of 2 runs): well done\n")
    mine.rename(tmp_path / "anna.yaml")
    found = json.loads(told(tmp_path, "check", "anna.yaml"))
    assert ("poison-pills", "anna.yaml", 1) == (found["exercise"], found["file"], found["passed"])


HINT = "run-scenario exercise hint"


def test_no_file_is_written_over(tmp_path: Path) -> None:
    """What is there stays, also what a link leads to; another name may be given."""
    (tmp_path / "patience.yaml").write_text("mine")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "patience.yaml")
    for more in ([], ["--output", "link.yaml"]):
        assert "is there already, and was left as it is; give --output another name" in refused(
            tmp_path, "new", "patience", *more
        )
    assert "mine" == (tmp_path / "patience.yaml").read_text()
    assert "anna.yaml says what" in told(tmp_path, "new", "patience", "--output", "anna.yaml")
    assert "does not end in .yaml" in refused(tmp_path, "new", "patience", "--output", "anna.py")


def test_a_pupil_changes_another_part(folder: Path) -> None:
    """The line is shown, with what it was; nothing is run."""
    told(folder, "new", "tea")
    edit(folder / "tea.yaml", POURED, ("replicas: 2", "replicas: 1"))
    message = refused(folder, "check", "tea.yaml")
    assert "error: this line was changed, and is no gap" in message
    assert " |     replicas: 1\n" in message
    assert "put it back: `replicas: 2`" in message


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        (("- {put: tea", "- ???\n  - {put: tea"), "this gap is still open"),
        (("- {put: tea", "- {putt: tea"), "unknown key 'putt' in a step"),
        (("# exercise: ./tea\n", ""), "put the line `# exercise: NAME` back at its top, or name it by --exercise"),
        (("# exercise: ./tea\n", "# exercise: ./coffee\n"), "of the exercise './coffee', which is not there"),
        (("# end gap", "# end"), "put a line `# end gap` back below your part"),
    ],
)
def test_a_file_that_cannot_be_checked(folder: Path, replacement: tuple[str, str], message: str) -> None:
    """Each has its place, or its file, and the way out."""
    told(folder, "new", "tea")
    edit(folder / "tea.yaml", replacement)
    assert message in refused(folder, "check", "tea.yaml")


@pytest.mark.campaign
def test_an_own_exercise(folder: Path) -> None:
    """A folder is handled as a bundled one is, from wherever its file lies."""
    text = told(folder, "check", "tea", "--format", "console", "--runs", "2")
    assert text.startswith("Tea for two\n✓ starter.yaml fails (in 2 of 2 runs): Guest-")
    assert "\n✓ wrong-one-cup.yaml fails (in 2 of 2 runs): Guest-" in text
    assert text.endswith("\n✓ the solution passes (in 2 of 2 runs), and changes nothing but the gap\n")
    (folder / "anna").mkdir()
    told(folder, "new", "tea", "--output", "anna/mine.yaml")
    mine = folder / "anna" / "mine.yaml"
    header = ["exercise: ../tea", "", "  Tea for two", "", "  Both are to get tea, and nobody two cups.", ""]
    assert [f"# {line}".rstrip() for line in header] == mine.read_text().splitlines()[:6]
    assert "Hint 2 of 2\n\nTwo cups, and only two." in told(mine.parent, "hint", "mine.yaml", "2")
    edit(mine, POURED)
    assert "passed: well done" in told(mine.parent, "check", "mine.yaml", "--format", "console")
    assert "passed: well done" in told(folder, "check", "anna/mine.yaml", "--format", "console")
    mine.rename(folder / "moved.yaml")
    assert "passed: well done" in told(
        folder, "check", "moved.yaml", "--exercise", "tea", "--format", "console", "--start-method", "spawn"
    )


@pytest.mark.parametrize(
    ("file", "replacement", "message"),
    [
        ("starter.yaml", ("# begin gap: pour", "#"), "no gap begins before this end"),
        ("solution.yaml", ("replicas: 2", "replicas: 3"), "tea/solution.yaml:6:5: error: this line was changed"),
        ("solution.yaml", ("repeat: 2", "repeat: x"), "tea/solution.yaml:12:"),
        (
            "wrong-one-cup.yaml",
            ("replicas: 2", "replicas: 3"),
            "tea/wrong-one-cup.yaml:6:5: error: this line was changed",
        ),
        ("exercise.yaml", ("queue.get", "queue.got"), "tea/exercise.yaml:11:20: error: `event` must be"),
        ("exercise.yaml", ("[Who pours?,", "[1,"), "element 1 of `hints` must be a text"),
    ],
)
def test_an_exercise_that_is_none(folder: Path, file: str, replacement: tuple[str, str], message: str) -> None:
    """The author's check tells the line, and runs nothing."""
    edit(folder / "tea" / file, replacement)
    assert message in refused(folder, "check", "tea")


def test_what_an_author_forgets(folder: Path) -> None:
    """A solution that is missing or fails, and a wrong answer that passes, are told with the way out."""
    tea = folder / "tea"
    edit(tea / "solution.yaml", to=tea / "wrong-not-wrong.yaml")
    edit(tea / "solution.yaml", ("put: tea", "call: 'kitchen:boil'"), (", to: cups", ""), to=tea / "wrong-code.yaml")
    edit(tea / "solution.yaml", ("repeat: 2", "repeat: 1"))
    done = call(folder, "exercise", "check", "tea", "--format", "console")
    assert (1, "") == (done.returncode, done.stderr)
    assert max(map(len, done.stdout.splitlines())) <= 80
    text = " ".join(done.stdout.split())
    assert "✗ wrong-not-wrong.yaml passes: the checks do not ask for what is missing or wrong in it" in text
    assert "✗ wrong-code.yaml could not be judged: 'kitchen:boil' would run code of the package" in text
    assert "✗ the solution fails: Guest-" in text
    assert "mend it; or the checks" in text
    assert "there is no file 'te.yaml' here, and no exercise of that name; did you mean 'tea'?" in refused(
        folder, "check", "te.yaml"
    )
    assert "there is no file 'x.yaml' here" in refused(folder, "hint", "x.yaml")
    assert "did you mean 'tea'?" in refused(folder, "new", "teas")
    (tea / "starter.py").touch()
    assert "has starter.yaml and starter.py: an exercise has one of them" in refused(folder, "check", "tea")
    (tea / "starter.py").unlink()
    (tea / "solution.yaml").unlink()
    assert "has no solution.yaml: without one, nobody knows that it can be done" in refused(folder, "check", "tea")
    (tea / "starter.yaml").unlink()
    assert "the folder 'tea' is no exercise: it has no starter.yaml" in refused(folder, "check", "tea")


def test_hand_ins_are_graded(folder: Path) -> None:
    """A folder of them is judged by the exercise: its gap, its checks; the exercise itself is no hand-in."""
    hand_ins = folder / "hand-ins"
    hand_ins.mkdir()
    told(folder, "new", "tea", "--output", "hand-ins/ben.yaml")
    edit(hand_ins / "ben.yaml", POURED, to=hand_ins / "anna.yaml")
    edit(hand_ins / "anna.yaml", ("replicas: 2", "replicas: 1"), to=hand_ins / "carl.yaml")
    edit(hand_ins / "anna.yaml", ("- repeat: 2", "- ???"), to=hand_ins / "dora.yaml")
    edit(hand_ins / "anna.yaml", ("repeat: 2", "repeat: x"), to=hand_ins / "emil.yaml")
    (hand_ins / "fred.yaml").write_bytes(b"\xff\xfe")
    (hand_ins / "script.py").write_text("raise SystemExit('was run')")
    (folder / "tea").rename(hand_ins / "tea")
    done = call(folder, "grade", "hand-ins", "--with", "hand-ins/tea", "--format", "json")
    left_out = "run-scenario: left out, as these are no hand-ins: script.py\n"
    assert (1, left_out) == (done.returncode, done.stderr)
    found: dict[str, Any] = {run["hand_in"]: run for run in json.loads(done.stdout)["runs"]}
    assert {
        "anna.yaml": "passed",
        "ben.yaml": "stalled",
        "carl.yaml": "not_as_given",
        "dora.yaml": "unfinished",
        "emil.yaml": "invalid",
        "fred.yaml": "invalid",
    } == {name: run["outcome"] for name, run in found.items()}
    assert "this line was changed, and is no gap; put it back: `replicas: 2`" in found["carl.yaml"]["reasons"][0]
    assert "this gap is still open" in found["dora.yaml"]["reasons"][0]
    # By its file of expectations, too: the gap belongs to it.
    again = call(folder, "grade", "hand-ins", "--with", "hand-ins/tea/exercise.yaml", "--format", "console")
    assert "not as given" in again.stdout


COUNT = """\
version: 1
shared:
  counter: {type: Value, typecode: i}
sync:
  gate: {type: Lock}
processes:
  - name: Adder
    replicas: 2
    steps:
      # begin gap
      - with: gate
        steps:
          - {read: counter, as: number}
          - {write: '${number + 1}', to: counter}
      # end gap
"""


def test_what_fails_only_at_times(tmp_path: Path) -> None:
    """With --schedules, an answer that passes when it is run is found to be wrong; the solution is not."""
    count = tmp_path / "count"
    count.mkdir()
    check = "exists: {event: value.final, value: counter, content: 2}, because: both have counted"
    (count / "exercise.yaml").write_text(f"version: 1\ntitle: Count\ntimeout: 60\nexpect:\n  - {{{check}}}\n")
    (count / "solution.yaml").write_text(COUNT)
    edit(count / "solution.yaml", ("${number + 1}", "${number}"), to=count / "starter.yaml")
    text = told(tmp_path, "check", "count", "--schedules", "5", "--format", "console")
    assert re.search(r"\n✓ it passes with each of 5 schedules that were tried, \d+ different orders\n$", text)
    # The lock is let go between reading and writing: who is lucky is alone for these microseconds.
    unlocked = ("          - {write: '${number", "      - with: gate\n        steps:\n          - {write: '${number")
    edit(count / "solution.yaml", unlocked, to=tmp_path / "racy.yaml")
    check_racy = ("check", "racy.yaml", "--exercise", "count", "--schedules", "50")
    for _ in range(10):
        done = call(tmp_path, "exercise", *check_racy, "--format", "console")
        assert (1, "") == (done.returncode, done.stderr)
        lines = done.stdout.splitlines()
        if lines[0] == "✓ both have counted":
            break
    assert "✓ both have counted" == lines[0]
    assert lines[1].startswith("✗ it fails with a schedule that was found: the expectation in line 5 failed")
    assert "  see it happen: run-scenario replay racy.schedule.json" == lines[-1]
    replayed = call(tmp_path, "replay", "racy.schedule.json", "--format", "json")
    assert (1, "failed") == (replayed.returncode, json.loads(replayed.stdout.splitlines()[-1])["outcome"])
    assert "leave --schedules or --start-method out" in refused(tmp_path, *check_racy, "--start-method", "spawn")


def test_what_cannot_be_explored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That nothing is known about other schedules is said, and is no failure."""
    monkeypatch.setenv("RUN_SCENARIO_WITHOUT", "pidfd")
    text = told(tmp_path, "check", "many-hands", "--schedules", "5", "--format", "console")
    said = "? it was not found out whether it passes with each schedule: exploring needs Linux"
    assert said in " ".join(text.split())


@pytest.mark.campaign
def test_in_python(tmp_path: Path) -> None:
    """A script with a gap is an exercise as well; what is in a folder runs only where that was said."""
    total = tmp_path / "total"
    total.mkdir()
    check = "exists: {event: queue.get, queue: answers, item: 30}"
    (total / "exercise.yaml").write_text(f"version: 1\ntitle: Add\ntimeout: 60\nexpect: [{{{check}}}]\n")
    (total / "starter.py").write_text(SCRIPT)
    edit(total / "starter.py", ("put(0)", "put(sum(numbers))"), to=total / "solution.py")
    assert "is of Python scripts: --scripts lets them run" in refused(tmp_path, "check", "total")
    assert json.loads(told(tmp_path, "check", "total", "--scripts"))["proven"]
    assert "--start-method" in refused(tmp_path, "check", "total", "--scripts", "--start-method", "fork")
    told(tmp_path, "new", "total")
    done = call(tmp_path, "exercise", "check", "total.py", "--format", "console")
    assert (1, True) == (done.returncode, "see what happens: run-scenario record total.py" in done.stdout)
    assert "has no hints" in call(tmp_path, "exercise", "hint", "total.py").stderr
    edit(tmp_path / "total.py", ("answers.put(0)", "found = sum(numbers)\n    answers.put(found)"))
    assert "passed: well done" in told(tmp_path, "check", "total.py", "--format", "console")
    (tmp_path / "hand-ins").mkdir()
    (tmp_path / "total.py").rename(tmp_path / "hand-ins" / "anna.py")
    graded = call(tmp_path, "grade", "hand-ins", "--with", "total")
    assert (2, True) == (graded.returncode, "--scripts lets them run" in graded.stderr)
    graded = call(tmp_path, "grade", "hand-ins", "--with", "total", "--scripts")
    assert (0, "") == (graded.returncode, graded.stderr)
