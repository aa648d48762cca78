"""`run`: what the door adds to a run. That runs are true is the acceptance tests' business."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_cli import COMMAND, FAILING, QUICK, call

from run_scenario.cli.settings import find_pyproject, read_allowed
from run_scenario.errors import InvalidScenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with some scenarios."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "wrong.yaml").write_text("version: 1\nprocesss: []\n")
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses:\n  - target: mine:go\n")
    (tmp_path / "mine.py").write_text("def go():\n    print('gone')\n")
    return tmp_path


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a log."""
    return [json.loads(line) for line in text.splitlines()]


def test_piped_output_is_the_log_and_nothing_else(folder: Path) -> None:
    """Standard output is JSON Lines from the first event to the last; --log gets the same lines."""
    done = call("quick.yaml", "--log", "log.jsonl", cwd=folder)
    assert (0, "") == (done.returncode, done.stderr)
    names = [event["event"] for event in events(done.stdout)]
    assert ("scenario.started", "scenario.finished") == (names[0], names[-1])
    assert (folder / "log.jsonl").read_text() == done.stdout


def test_the_console_is_chosen(folder: Path) -> None:
    """--format console shows sentences and a summary, without colours where there is no terminal."""
    done = call("quick.yaml", "--format", "console", cwd=folder)
    assert 0 == done.returncode
    assert "Nothing but a start and an end" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1].startswith("passed after ")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("arguments", "coloured"), [([], True), (["--no-color"], False)])
def test_a_terminal_gets_the_console(folder: Path, arguments: list[str], coloured: bool) -> None:
    """On a terminal the view is for a person, in colours unless they are not wanted."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [COMMAND, "quick.yaml", *arguments],
        cwd=folder,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
    )
    os.close(follower)
    received = b""
    try:
        while chunk := os.read(leader, 4096):
            received += chunk
    except OSError:  # the last writer has gone
        pass
    os.close(leader)
    assert 0 == process.wait()
    assert b"passed after" in received
    assert coloured == (b"\x1b[1;32mpassed" in received)


def test_several_files(folder: Path) -> None:
    """They run one after another; the status is the highest, and a failed one does not keep the others from running."""
    done = call("failing.yaml", "quick.yaml", "quick.yaml", cwd=folder)
    assert 1 == done.returncode
    finished = [
        (event["scenario"], event["outcome"]) for event in events(done.stdout) if event["event"] == "scenario.finished"
    ]
    assert [("failing", "failed"), ("quick", "passed"), ("quick", "passed")] == finished


@pytest.mark.parametrize("names", [["wrong.yaml", "quick.yaml"], ["quick.yaml", "wrong.yaml"]])
def test_several_files_of_which_one_is_invalid(folder: Path, names: list[str]) -> None:
    """All are checked before the first one runs; then none is run."""
    done = call(*names, cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("wrong.yaml:2:1: error:")
    assert done.stderr.endswith("run-scenario: nothing was run: wrong.yaml cannot be run as written\n")


def test_the_log_on_standard_output(folder: Path) -> None:
    """`--log -` is what --format json shows, once, and no file called `-`."""
    done = call("quick.yaml", "--log", "-", cwd=folder)
    assert ["scenario.started"] == [e["event"] for e in events(done.stdout) if e["event"] == "scenario.started"]
    assert not (folder / "-").exists()


@pytest.mark.parametrize("format_", ["json", "console"])
def test_a_refusal_is_told_once(folder: Path, format_: str) -> None:
    """The way out stands with the place in the file, and nowhere else that a person reads."""
    done = call("own.yaml", "--format", format_, cwd=folder)
    assert 1 == done.stderr.count("--allow mine")
    assert (0 if format_ == "console" else 2) == done.stdout.count("--allow mine")


def test_ctrl_z_leaves_no_status_line(tmp_path: Path) -> None:
    """The status line is erased before the command is stopped, and drawn again when it goes on."""
    (tmp_path / "long.yaml").write_text(QUICK.replace("seconds: 0", "seconds: 60"))
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [COMMAND, "long.yaml"],
        cwd=tmp_path,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        process_group=0,  # as a shell does; an orphaned process group cannot be stopped
    )
    os.close(follower)
    try:
        read_until(leader, b" alive")
        process.send_signal(signal.SIGTSTP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert read_until(leader, b"\r\x1b[2K").endswith(b"\r\x1b[2K")
        process.send_signal(signal.SIGCONT)
        read_until(leader, b" alive")
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # the last writer has gone
            read_until(leader, b"nothing like this")
        os.close(leader)
    assert 143 == process.wait()


def read_until(descriptor: int, wanted: bytes) -> bytes:
    """Return what a terminal gets, until it has got `wanted`."""
    received = b""
    while wanted not in received:
        readable, _, _ = select.select([descriptor], [], [], 30)
        assert readable, f"nothing more came after {received!r}"
        received += os.read(descriptor, 4096)
    return received


def test_a_failed_run_says_why_on_standard_error(folder: Path) -> None:
    """Whoever pipes the log away still reads one sentence."""
    done = call("failing.yaml", cwd=folder)
    assert 1 == done.returncode
    assert done.stderr.startswith("run-scenario: failing: failed after ")
    assert "Worker" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_options_go_before_the_scenario(folder: Path) -> None:
    """--start-method and --timeout win over the file."""
    done = call("--timeout", "7.5", "quick.yaml", "--start-method", "spawn", cwd=folder)
    started = events(done.stdout)[0]
    assert (7.5, "spawn") == (started["timeout"], started["start_method"])


def test_a_log_that_cannot_be_written_runs_nothing(folder: Path) -> None:
    """The status is 4, the message names the path, and no process was started."""
    done = call("quick.yaml", "--log", "nowhere/log.jsonl", cwd=folder)
    assert (4, "", "run-scenario: cannot write the log to nowhere/log.jsonl: no such file or directory\n") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )


def test_the_summary_says_who_did_what(folder: Path) -> None:
    """Each consumer is named with its tasks, and with its pill apart from them."""
    text = call("list", "poison-pill", cwd=folder).stdout
    (folder / "two.yaml").write_text(text.replace("replicas: cpu_count", "replicas: 2"))
    done = call("two.yaml", "--format", "console", cwd=folder)
    assert 0 == done.returncode
    [row] = [line for line in done.stdout.splitlines() if line.startswith("tasks ")]
    tasks = [2, 36, 101, 193, 323, 513, 1327, 100000, 9999999, 433785907]
    taken = re.findall(r"Consumer-\d+ (\d+)(?: \(([^)]*)\))? \+ 1 pill", row)
    assert sorted(map(str, tasks)) == sorted(item for _, items in taken for item in items.split(", ") if item)
    assert len(tasks) == sum(int(count) for count, _ in taken)


@pytest.mark.fault("F45")
def test_a_full_disk(folder: Path) -> None:
    """A log that takes nothing more is status 4, and names the path."""
    done = call("quick.yaml", "--log", "/dev/full", cwd=folder)
    assert 4 == done.returncode
    assert "run-scenario: cannot write the log to /dev/full: no space left on device\n" == done.stderr


def test_a_full_disk_beside_another_log(folder: Path) -> None:
    """The other log is whole, and says what broke the run off; so does the view."""
    done = call("quick.yaml", "--format", "console", "--log", "/dev/full", cwd=folder)
    assert 4 == done.returncode
    assert "the run itself failed: cannot write the log to /dev/full: no space left on device" in done.stdout
    assert "interrupted" not in done.stdout


def test_a_reader_that_leaves_beside_another_log(folder: Path) -> None:
    """Standard output goes nowhere; the file has the whole log, up to its last event, with the command's status."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [COMMAND, "quick.yaml", "--format", "json", "--log", "whole.jsonl"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=folder, timeout=60)
    os.close(writer)
    assert (141, b"") == (done.returncode, done.stderr)
    events = [json.loads(line) for line in (folder / "whole.jsonl").read_text().splitlines()]
    assert list(range(1, len(events) + 1)) == [event["seq"] for event in events]
    finished = events[-1]
    assert ("scenario.finished", "interrupted", 141) == tuple(finished[k] for k in ("event", "outcome", "exit_status"))
    assert ["it was interrupted as nobody reads its output any more"] == finished["reasons"]


def test_a_reader_that_leaves(folder: Path) -> None:
    """The run ends without a word and with status 141."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([COMMAND, "quick.yaml"], stdout=writer, stderr=subprocess.PIPE, cwd=folder, timeout=60)
    os.close(writer)
    assert (141, b"") == (done.returncode, done.stderr)


def test_an_interrupt_ends_all_files(folder: Path) -> None:
    """After Ctrl-C the scenarios that are left are not run; the status is 130."""
    (folder / "long.yaml").write_text(QUICK.replace("seconds: 0", "seconds: 60"))
    with subprocess.Popen(
        [COMMAND, "long.yaml", "quick.yaml"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline()]
        while json.loads(lines[-1])["event"] != "process.started" or json.loads(lines[-1])["process"] == "MainProcess":
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert 130 == process.returncode
    assert {"long"} == {event["scenario"] for event in events("".join(lines) + rest)}


def test_code_needs_consent(folder: Path) -> None:
    """Without --allow, nothing of one's own runs: the place in the file and the way out are told."""
    done = call("own.yaml", cwd=folder)
    assert 2 == done.returncode
    assert done.stderr.startswith("own.yaml:3:")
    assert "--allow mine" in done.stderr
    assert "    3 |   - target: mine:go\n" in done.stderr
    assert "gone" not in done.stdout


def test_consent_on_the_command_line(folder: Path) -> None:
    """With --allow, it runs."""
    done = call("own.yaml", "--allow", "mine", cwd=folder)
    assert (0, "") == (done.returncode, done.stderr)
    assert "gone" in {event.get("text") for event in events(done.stdout)}


def test_consent_in_pyproject(folder: Path) -> None:
    """pyproject.toml of the current folder's project counts, found upwards; the scenario's own folder does not."""
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[tool.run-scenario]\nallow = ["mine"]\n')
    assert 0 == call("../../own.yaml", cwd=below).returncode
    (folder / "a" / "pyproject.toml").write_text("")
    assert 2 == call("../../own.yaml", cwd=below).returncode


def test_pyproject_is_not_read_without_need(folder: Path) -> None:
    """A scenario of built-ins runs beside the most broken pyproject.toml."""
    (folder / "pyproject.toml").write_text("[[[")
    assert 0 == call("quick.yaml", cwd=folder).returncode


MALFORMED = [
    ("[tool.run-scenario\n", 1, 19, "this is not TOML: "),
    ("[tool.run-scenario]\nallow = [\n", 2, 10, "this is not TOML: "),
    ('[tool.run-scenario]\nallow = "mine"\n', 2, 1, "'allow' is not a list of the names of top-level packages"),
    ('[tool.run-scenario]\n  allow = ["mine.sub"]\n', 2, 3, "'allow' is not a list of the names of top-level packages"),
    ("[tool.run-scenario]\nallow = [1]\n", 2, 1, "'allow' is not a list of the names of top-level packages"),
    ('[x]\nalow = 1\n[tool.run-scenario]\nalow = ["mine"]\n', 4, 1, "[tool.run-scenario] has no key 'alow'"),
    ("[tool]\nrun-scenario = 3\n", 2, 1, "[tool.run-scenario] is not a table"),
]


@pytest.mark.parametrize(("text", "line", "column", "what"), MALFORMED)
def test_a_malformed_pyproject(tmp_path: Path, text: str, line: int, column: int, what: str) -> None:
    """The problem is located like one of a scenario."""
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    with pytest.raises(InvalidScenario) as raised:
        read_allowed(file)
    (problem,) = raised.value.problems
    assert (str(file), line) == (problem.where.file, problem.where.line)
    if sys.version_info < (3, 14) or "TOML" not in what:
        assert column == problem.where.column
    assert problem.what.startswith(what)
    assert problem.hint


def test_a_malformed_pyproject_is_shown(folder: Path) -> None:
    """The command shows it with its line and has status 2."""
    (folder / "pyproject.toml").write_text('[tool.run-scenario]\nallow = "mine"\n')
    done = call("own.yaml", cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert f"{folder / 'pyproject.toml'}:2:1: error: 'allow' is not a list" in done.stderr
    assert '    2 | allow = "mine"\n' in done.stderr


def test_pyproject_that_cannot_be_read(tmp_path: Path) -> None:
    """Text that is not UTF-8 is a located problem too."""
    file = tmp_path / "pyproject.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidScenario, match="this file cannot be read"):
        read_allowed(file)


def test_the_nearest_pyproject_is_found(tmp_path: Path) -> None:
    """It is looked for from the folder upwards."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert tmp_path / "pyproject.toml" == find_pyproject(tmp_path / "a" / "b")
