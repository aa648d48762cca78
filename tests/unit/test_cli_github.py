"""`--format github`: what goes wrong is annotated, where it stands in the file, in the format of GitHub's CI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_cli import FAILING, QUICK, call

from run_scenario.report.failure import Failure
from run_scenario.report.github import annotation, of_failure

WRONG = """\
version: 1
processes:
  - {name: A, tragte: sleep}
  - {name: B, target: sleepy}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with some scenarios."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "strict.yaml").write_text(
        f"{FAILING}expect:\n  - exitcodes: {{Worker: [7, 8]}}\n  - not:\n      exists: {{event: process.exited}}\n"
    )
    return tmp_path


def annotations(text: str) -> list[str]:
    """Return the lines that GitHub takes for annotations."""
    return re.findall(r"^::.*", text, re.MULTILINE)


def test_the_format() -> None:
    """What would end a property, or the line, is escaped as GitHub reads it; nothing that has no value is there."""
    assert "::error file=a%2Cb.yaml,line=3,title=x%3A 100%25::1,\n".replace("\n", "%0A") + "2: 3%25" == annotation(
        "error", "x: 100%", "1,\n2: 3%", "a,b.yaml", 3
    )
    assert "::warning title=t::%0D%0A::error ::m" == annotation("warning", "t", "\r\n::error ::m", None, 3, 4)
    assert "\x1b" not in annotation("error", "t", "m", "\x1b[2J.yaml")


def test_a_long_failure_is_cut() -> None:
    """A failure of many lines says how many are left out; one without any is its cause."""
    lines = ("title", "", *(f"line {number}" for number in range(1, 1001)))
    told = of_failure(Failure(cause="c", line=None, lines=lines), None)
    assert told.startswith("::error title=title::line 1%0Aline 2%0A")
    assert told.endswith("%0Aline 40%0Aand 960 more lines, in the log")
    assert "::error title=title::c" == of_failure(Failure(cause="c", line=7, lines=("title",)), None)


def test_invalid_files(folder: Path) -> None:
    """Each problem is annotated at its line and column, with its hint; what is missing has no place."""
    done = call("validate", "wrong.yaml", "no-such.yaml", "quick.yaml", "--format", "github", cwd=folder)
    first, second, third = annotations(done.stdout)
    title = "title=invalid scenario"
    hint = "unknown key 'tragte' in a process%0Adid you mean 'target'?"
    assert f"::error file=wrong.yaml,line=3,col=15,{title}::{hint}" == first
    assert second.startswith(f"::error file=wrong.yaml,line=4,col=23,{title}::there is no built-in target 'sleepy'%0A")
    assert third.startswith("::error title=run-scenario::there is no file 'no-such.yaml'")
    assert (2, True) == (done.returncode, "quick.yaml: valid" in done.stdout)
    assert "wrong.yaml:3:15: error: unknown key" in done.stderr
    run = call("wrong.yaml", "--format", "github", cwd=folder)
    assert (2, [first, second]) == (run.returncode, annotations(run.stdout))
    assert "::" not in call("validate", "wrong.yaml", cwd=folder).stdout


def test_paths_begin_at_the_top_of_the_repository(folder: Path) -> None:
    """GitHub says where its checkout is: a file is named from there, wherever the command is called."""
    below = folder / "below"
    below.mkdir()
    named = call("validate", "../wrong.yaml", "--format", "github", cwd=below, GITHUB_WORKSPACE=str(folder))
    assert annotations(named.stdout)[0].startswith("::error file=wrong.yaml,line=3,")
    elsewhere = call("validate", "../wrong.yaml", "--format", "github", cwd=below, GITHUB_WORKSPACE=str(below))
    assert annotations(elsewhere.stdout)[0].startswith("::error file=../wrong.yaml,line=3,")


def test_runs(folder: Path) -> None:
    """A run that has not passed is annotated at its process, below what a person reads; one that has is not."""
    done = call("quick.yaml", "failing.yaml", "--format", "github", cwd=folder)
    (told,) = annotations(done.stdout)
    assert 1 == done.returncode
    assert told.startswith("::error file=failing.yaml,line=3,title=failing%3A failed::Worker ended with exit code 7")
    assert 2 == len(re.findall(r"^(passed|failed) after ", done.stdout, re.MULTILINE))
    assert done.stdout.splitlines()[-1] == told


def test_a_bundled_scenario_has_no_place(folder: Path) -> None:
    """What is in no file of the repository is annotated without one."""
    (told,) = annotations(call("daemon", "--timeout", "0.1", "--format", "github", cwd=folder).stdout)
    assert told.startswith("::error title=daemon%3A ")


def test_verdicts(folder: Path) -> None:
    """`check` annotates the expectations that are not met, at their lines."""
    call("failing.yaml", "--log", "log.jsonl", cwd=folder)
    done = call("check", "log.jsonl", "strict.yaml", "--format", "github", cwd=folder)
    assert 1 == done.returncode
    (told,) = annotations(done.stdout)
    assert told.startswith(
        "::error file=strict.yaml,line=8,title=failed%3A not%3A {exists%3A {event%3A process.exited}}::"
    )


def test_the_log_has_another_place(folder: Path) -> None:
    """Annotations and the log do not share standard output."""
    done = call("quick.yaml", "--format", "github", "--log", "-", cwd=folder)
    refusal = "--log - and --format github both want standard output; give --log the path of a file"
    assert (2, f"run-scenario: {refusal}\n") == (done.returncode, done.stderr)
    assert [f"::error title=run-scenario::{refusal}"] == done.stdout.splitlines()
