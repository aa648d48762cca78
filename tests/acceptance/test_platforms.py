"""What works where the system is another: Windows and macOS, imitated, and containers that refuse calls.

What a real Windows or macOS does differently besides, nobody sees here.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import COMMAND, HERE, PATIENCE, Result, Running, run, scenario

from effort import in_part
from intended import STALLING, TRAP
from poorer import NO_PROC, PIDFD_OPEN, PRCTL, WINDOWS, denying, like_macos, works
from run_scenario import bundled

NAMES = sorted(path.stem for path in bundled.scenarios())


def call(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that runs no scenario."""
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(HERE.parent), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


# Windows


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the log of a run, made here."""
    folder = tmp_path_factory.mktemp("log")
    text = scenario(
        {"name": "Killed", "target": "crash", "kwargs": {"signal": "SIGKILL"}, "exitcode": -9},
        expect=[{"exitcodes": {"Killed": -9}}],
    )
    (folder / "case.yaml").write_text(text)
    (folder / "case.jsonl").write_text(run(folder, text).stdout)
    return folder / "case.jsonl"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--help", "Run the multi-process program"),
        ("--version", "run-scenario "),
        ("run --help", "usage: run-scenario run"),
        ("validate names pids", "names.yaml: valid"),
        ("plan names", "worker_1.join()"),
        ("python names", "from multiprocessing import"),
        ("list", f"{len(NAMES)} scenarios"),
        ("list names", "version: 1"),
        ("learn", "0 of "),
        ("targets", "Print a text"),
        ("targets crash", "SIGKILL"),
        ("schema", "$schema"),
        ("completion bash", "complete "),
        ("exercise list", "10 exercises"),
        ("exercise hint patience 2", "Hint 2 of 3"),
        ("show case.jsonl --as table", "Killed"),
        ("show case.jsonl --as timeline", "Killed"),
        ("show case.jsonl --as html", "</html>"),
        ("show names --as graph", "Worker 1"),
        ("check case.jsonl case.yaml --format console", "1 expectation met"),
    ],
)
def test_on_windows_what_runs_nothing_works(log: Path, arguments: str, told: str) -> None:
    """It needs no module, function or signal that Windows does not have."""
    done = call(*WINDOWS, *arguments.split(), folder=log.parent)
    assert (0, False) == (done.returncode, "Traceback" in done.stderr), done.stderr
    assert told in done.stdout + done.stderr


def test_on_windows_every_bundled_scenario_is_valid(tmp_path: Path) -> None:
    """What a file means does not depend on the system that reads it."""
    done = call(*WINDOWS, "validate", *NAMES, folder=tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    assert len(NAMES) == done.stdout.count(": valid")


def test_on_windows_files_are_written_and_mistakes_told(log: Path) -> None:
    """A report can be written, and an error has its line, as elsewhere."""
    done = call(*WINDOWS, "show", "case.jsonl", "--output", "report.html", folder=log.parent)
    assert (0, "") == (done.returncode, done.stderr)
    assert "</html>" in (log.parent / "report.html").read_text()
    (log.parent / "wrong.yaml").write_text("version: 1\nprocesses: [{target: slep}]\n")
    done = call(*WINDOWS, "validate", "wrong.yaml", folder=log.parent)
    assert 2 == done.returncode
    assert "wrong.yaml:2:" in done.stderr
    assert "did you mean 'sleep'?" in done.stderr


RUNNING = [
    "run names",
    "names",
    "record case.py",
    "compare names",
    "grade . --with case.yaml",
    "exercise check patience",
    "inspect 1",
    "explore names",
    "replay case.schedule.json",
    "learn names",
    "recover",
    "show names",
]


@pytest.mark.parametrize("arguments", RUNNING)
def test_on_windows_what_runs_something_is_refused(log: Path, arguments: str) -> None:
    """One sentence says what is missing, and what works."""
    (log.parent / "case.py").write_text("print('not run')\n")
    done = call(*WINDOWS, *arguments.split(), folder=log.parent)
    assert (4, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert "this system has no fork()" in done.stderr
    assert "validate, plan, python, show, check, list, targets and schema work" in done.stderr


@pytest.mark.parametrize("arguments", in_part(RUNNING, 3))
def test_fork_can_be_taken_away(log: Path, arguments: str) -> None:
    """So can it be tried here."""
    done = call(*COMMAND, *arguments.split(), folder=log.parent, RUN_SCENARIO_WITHOUT="fork")
    assert (4, 1) == (done.returncode, done.stderr.count("\n"))
    assert "this system has no fork()" in done.stderr


def test_on_windows_from_python(tmp_path: Path) -> None:
    """The API and the pytest plugin can be imported, files be loaded; a block is refused as a run is."""
    text = (
        "from poorer import windows\n"
        "windows.become_poor()\n"
        "import run_scenario, run_scenario.pytest_plugin\n"
        "print(run_scenario.load('names').name)\n"
        "try:\n"
        "    with run_scenario.record_block(): pass\n"
        "except run_scenario.MachineryError as error: print(error)\n"
    )
    done = call(sys.executable, "-c", text, folder=tmp_path)
    name, refused = done.stdout.splitlines()
    assert "names" == name
    assert "this system has no fork()" in refused


# macOS

REFUSED_ON_MACOS = {
    "one-core": "this platform cannot pin a program to CPUs",
    "zombie": "print_siblings reads /proc, which only Linux has",
}
ON_MACOS = ["orphan", "own-resources", "zombie", "one-core", "two-forks", "managed-queue"]
"""Those that need most of what is not there come first."""


@pytest.fixture(scope="module")
def macos() -> tuple[str, ...]:
    """Return a command that runs what follows as on macOS."""
    if not works(like_macos()):
        pytest.skip("macOS cannot be imitated here: it takes a mount and a filter of system calls")
    return like_macos()


def check_end(result: Result, name: str) -> None:
    """Check that a bundled scenario has ended as it is to, or as far as it can with what there is."""
    means = result.log.one("scenario.started")["capabilities"]
    reasons = result.log.finished["reasons"]
    if name == TRAP and result.status != 0:
        assert result.outcome in ("stalled", "timed_out", "failed")
    elif name in STALLING and not (means["proc"] and means["subreaper"]):
        # Nobody can see that it cannot go on: the deadline ends it, and who waits for what is told.
        assert (3, "timed_out", 1) == (result.status, result.outcome, len(reasons))
        assert "deadline" == result.log.one("scenario.stalled")["cause"]
        assert " waits for " in reasons[0]
    elif name == "zombie" and not means["proc"]:
        assert 1 == result.status
        assert REFUSED_ON_MACOS[name] in reasons[0]
    elif name == "one-core" and not means["affinity"]:
        assert (2, "refused") == (result.status, result.outcome)
        assert REFUSED_ON_MACOS[name] in reasons[0]
    else:
        assert (0, []) == (result.status, result.log.all("process.not_ended")), result.log.text()


def play(folder: Path, name: str, shell: tuple[str, ...], *, detects: bool) -> Result:
    """Run a bundled scenario after a command; one that stalls need not wait long for a deadline that is certain."""
    short = ["--timeout", "6"] if name in STALLING and not detects else []
    running = Running(folder, name, *short, allow="", shell=shell)
    running.wait_for("scenario.finished")
    running.process.wait(PATIENCE)
    running.wait_for_survivors()  # where nobody sees it, SIGKILL may still be on its way
    return running.finish(by_init=True)


@pytest.mark.parametrize(
    "name", [*ON_MACOS, *(pytest.param(n, marks=pytest.mark.campaign) for n in NAMES if n not in ON_MACOS)]
)
def test_on_macos(tmp_path: Path, macos: tuple[str, ...], name: str) -> None:
    """Every bundled scenario ends right, or is refused with a sentence; nothing is left."""
    result = play(tmp_path, name, macos, detects=False)
    started = result.log.one("scenario.started")
    there = {name for name, there in started["capabilities"].items() if there}
    assert {"kqueue", "fork"} == there
    check_end(result, name)


def test_qsize_is_refused_on_macos(tmp_path: Path, macos: tuple[str, ...]) -> None:
    """Before anything is begun; a manager's queue has it."""
    producer = {"name": "Producer", "target": "produce", "to": "tasks", "kwargs": {"items": [1]}}
    main = [{"start": "Producer"}, {"qsize": "tasks"}, {"get": "tasks"}, {"join": "Producer"}]
    own = scenario(producer, queues={"tasks": {}}, main=main)
    refused = Running(tmp_path, own, shell=macos).finish(by_init=True)
    assert (2, "refused") == (refused.status, refused.outcome)
    assert "needs qsize(), which this system does not have (macOS has not)" in refused.stderr
    managed = scenario(producer, shared={"tasks": {"type": "Queue"}}, main=main)
    assert 0 == Running(tmp_path, managed, shell=macos).finish(by_init=True).status


@pytest.mark.parametrize("length", [40, 58, 59, 95])
def test_sockets_have_short_paths_on_macos(tmp_path: Path, macos: tuple[str, ...], length: int) -> None:
    """They have 103 characters at most; where TMPDIR is too long for that, they lie elsewhere."""
    text = scenario({"target": "print_info"}, shared={"tasks": {"type": "Queue"}}, start_method="forkserver")
    folder = Path("/tmp", f"rs-{tmp_path.name[-20:]}".ljust(length - len("/tmp/"), "x"))
    folder.mkdir()
    try:
        done = Running(tmp_path, text, shell=(*macos, f"TMPDIR={folder}")).finish(by_init=True)
    finally:
        folder.rmdir()
    assert 0 == done.status


# Containers

DENIED = {
    "pidfd, EPERM": denying("EPERM", PIDFD_OPEN),
    "pidfd, ENOSYS": denying("ENOSYS", PIDFD_OPEN),
    "subreaper": denying("EPERM", PRCTL),
    "proc": NO_PROC,
}
NOTHING = (*NO_PROC, *denying("ENOSYS", PIDFD_OPEN, PRCTL))
IN_TURN = [*zip(NAMES, itertools.cycle(DENIED))]


@pytest.fixture(scope="module")
def shell_for() -> Callable[[str], tuple[str, ...]]:
    """Return a function that gives the command that denies something."""

    def find(what: str) -> tuple[str, ...]:
        shell = DENIED.get(what, NOTHING)
        if not works(shell):
            pytest.skip("neither mounts nor filters of system calls can be had here")
        return shell

    return find


@pytest.mark.parametrize(("name", "denied"), in_part(IN_TURN, 33))
def test_in_a_container(tmp_path: Path, shell_for: Callable[[str], tuple[str, ...]], name: str, denied: str) -> None:
    """Every bundled scenario ends right, and nothing is left, whatever is refused; they take turns."""
    check_end(play(tmp_path, name, shell_for(denied), detects=denied.startswith("pidfd")), name)


@pytest.mark.parametrize(
    "name", [*ON_MACOS[:2], *(pytest.param(n, marks=pytest.mark.campaign) for n in NAMES if n not in ON_MACOS[:2])]
)
def test_in_the_poorest_container(tmp_path: Path, shell_for: Callable[[str], tuple[str, ...]], name: str) -> None:
    """The same where everything is refused together; that an orphan was ended cannot be seen, and is not claimed."""
    result = play(tmp_path, name, shell_for("everything"), detects=False)
    unseen = result.log.all("process.not_ended")
    assert {None} >= {event["state"] for event in unseen}
    check_end(
        Result(result.status, type(result.log)([e for e in result.log.events if e not in unseen]), "", "", 0), name
    )


@pytest.mark.parametrize(
    ("folder", "told"),
    [("/dev/shm", "/dev/shm has room for 0 more files"), ("TMPDIR", "there are too few inodes left")],
)
def test_no_inodes(tmp_path: Path, folder: str, told: str) -> None:
    """Status 4 and one sentence, if no file can be made where semaphores or records would be."""
    place = str(tmp_path) if folder == "TMPDIR" else folder
    mount = f'mount -t tmpfs -o nr_inodes=1 none {place} && exec "$@"'
    shell = ("unshare", "--mount", "sh", "-c", mount, "sh")
    if not works(shell):
        pytest.skip("nothing can be mounted here")
    command = [*shell, *COMMAND, "poison-pill"]
    done = call(*command, folder=tmp_path.parent, TMPDIR=str(tmp_path) if folder == "TMPDIR" else "/tmp")
    assert 4 == done.returncode
    assert 1 == done.stderr.count("\n")
    assert told in done.stderr
