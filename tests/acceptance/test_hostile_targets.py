"""What a target prints, names, raises and puts on a queue is told, and steers nobody's terminal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import PYTEST, Result, run, scenario

from run_scenario import EventLog

PROCESS = {"name": "P", "target": "actors:be_hostile", "to": "q"}
TEXT = scenario(PROCESS, queues={"q": {"collect": 3}}, expect=[{"absent": {"event": "process.failed"}}])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run, its log as JSON Lines: that each is one object in ASCII has been checked."""
    return run(tmp_path_factory.mktemp("hostile"), TEXT)


def check_terminal(text: str) -> None:
    """Check that nothing but line ends is no printable character."""
    for line in text.split("\n"):
        assert line.isprintable(), repr(line)


def test_the_log_has_it_all(hostile: Result) -> None:
    """The exception, its message, the items and the logged messages are in the log, as they were."""
    failed = hostile.log.one("process.failed")
    assert (1, "failed") == (hostile.status, hostile.outcome)
    assert failed["message"].startswith("\x1b]0;owned\x07")
    assert failed["exception"].startswith("\x1b]0;owned\x07")
    assert hostile.log.all("queue.get")[0]["item"].endswith("\\ud800\nforged")
    assert [] == [event for event in hostile.log.events if event["event"] == "forged"]
    assert hostile.stdout.isascii()
    check_terminal(hostile.stderr)


def test_the_console_is_not_steered(tmp_path: Path) -> None:
    """The view for people shows all of it as escapes."""
    running = subprocess.run(
        [sys.executable, "-m", "run_scenario", "case.yaml", "--allow", "actors", "--format", "console"],
        cwd=_folder(tmp_path),
        capture_output=True,
        timeout=60,
    )
    assert 1 == running.returncode
    for stream in (running.stdout, running.stderr):
        check_terminal(stream.decode())
    assert b"\\x1b]0;owned\\x07" in running.stdout


def test_a_failed_check_is_not_steering(hostile: Result) -> None:
    """What an EventLog says of why something does not hold is printable."""
    log = EventLog(hostile.log.events)
    for check in (
        log.absent("process.failed"),
        log.absent("queue.get", item={"is_not": None}),
        log.absent("log.message"),
    ):
        assert not check
        check_terminal(str(check))
        check_terminal(repr(check))


def test_the_pytest_report_is_not_steered(tmp_path: Path) -> None:
    """Nor is whoever reads the report of a failed scenario."""
    folder = _folder(tmp_path)
    (folder / "case.yaml").rename(folder / "case.scenario.yaml")
    (folder / "pytest.ini").write_text("[pytest]\nscenario_allow = actors\n")
    command = [*PYTEST, "-p", "no:xdist", "--color=no"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
    assert 1 == done.returncode, done.stdout
    check_terminal(done.stdout.decode())


def _folder(tmp_path: Path) -> Path:
    """Return a folder with the scenario, and with the targets beside it."""
    (tmp_path / "case.yaml").write_text(TEXT)
    shutil.copytree(Path(__file__).parent / "actors", tmp_path / "actors")
    return tmp_path
