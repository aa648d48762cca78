"""What runs promise where the system has less: no pidfd, no /proc, no subreaper, taken away or really refused."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import PATIENCE, Event, Result, Running, scenario, stopped_at_its_deadline

from effort import in_part
from poorer import NO_PROC, PIDFD_OPEN, PIDFD_SEND_SIGNAL, PRCTL, denying, works

WITHOUT = ("pidfd", "proc", "subreaper", "pidfd,proc,subreaper")
NONE = WITHOUT[-1]
ENDED_WITHIN = 3.0
"""Seconds from the deadline to the end of a run; it takes a fifth of it."""

HEALTHY = scenario(
    {"name": "Returns", "target": "sleep", "kwargs": {"seconds": 0}},
    {"name": "Exits", "target": "exit", "kwargs": {"code": 3}, "exitcode": 3},
    {"name": "Vanishes", "target": "exit", "kwargs": {"code": 4, "hard": True}, "exitcode": 4},
    {"name": "Crashes", "target": "crash", "exitcode": -11},
    {"name": "Killed", "target": "hang", "join_timeout": 0.1, "kill": True},
    {"name": "Daemon", "target": "hang", "daemon": True, "join": False},
    pools={"pool": {"processes": 1, "calls": [{"map": "square", "over": [1, 2]}]}},
)
ENDS = {
    "MainProcess": (0, "returned"),
    "Returns": (0, "returned"),
    "Exits": (3, "sys.exit"),
    "Vanishes": (4, "vanished"),
    "Crashes": (-11, "crash"),
    "Killed": (-9, "killed"),
    "Daemon": (-15, "daemon"),
}
"""Of each process of the healthy scenario: exit code and cause."""
STUCK = scenario(
    {"name": "Waits", "target": "hang"},
    {"name": "Ignores", "target": "ignore_sigterm", "kwargs": {"seconds": 60}},
    {"name": "Stopped", "target": "actors:stop"},
    {"name": "Leaves", "target": "actors:start_a_child", "args": [60], "exitcode": "any"},
    timeout=1.5,
)
FLED = scenario({"name": "Stubborn", "target": "actors:be_stubborn"}, timeout=1.5)
DEADLOCK = scenario(
    {"name": "Taker", "target": "consume", "from": "tasks", "kwargs": {"task_done": False}},
    queues={"tasks": {}},
    timeout=1.5,
)


def without(folder: Path, text: str, missing: str, *arguments: str) -> Result:
    """Run a scenario with less than there is."""
    return Running(folder, text, *arguments, shell=("env", f"RUN_SCENARIO_WITHOUT={missing}")).finish(
        by_init="subreaper" in missing
    )


def stopped(play: Callable[[str], Result], text: str) -> Result:
    """Run a scenario to its deadline; again, if its end takes long: whoever is waited for in vain is so each time."""
    for _ in range(3):
        result = stopped_at_its_deadline(play, text)
        if end_of(result) < ENDED_WITHIN:
            break
    return result


def stopped_without(folder: Path, text: str, missing: str, *arguments: str) -> Result:
    """Run a scenario to its deadline with less than there is."""
    return stopped(lambda text: without(folder, text, missing, *arguments), text)


def end_of(result: Result) -> float:
    """Return how many seconds passed from the deadline to the end of a run."""
    return float(result.log.finished["t"] - result.log.one("scenario.timed_out")["t"])


def check_healthy(result: Result) -> None:
    """Check that each end was told as what it is."""
    assert 0 == result.status, result.log.text()
    assert [] == result.log.all("process.not_ended")
    ends = {e["process"]: (e["exitcode"], e["cause"]) for e in result.log.all("process.exited")}
    assert ENDS == {name: end for name, end in ends.items() if name in ENDS}


def check_deadline(result: Result, missing: str) -> None:
    """Check that a run was stopped soon, and that nothing was said that nobody could see."""
    assert (3, "timed_out") == (result.status, result.outcome)
    assert "deadline" == result.log.one("scenario.stalled")["cause"]
    assert end_of(result) < ENDED_WITHIN
    unseen = [e["state"] for e in result.log.all("process.not_ended")]
    assert not unseen or (NONE, {None}) == (missing, set(unseen))


@pytest.mark.parametrize("missing", in_part(["", *WITHOUT], 2))
def test_a_healthy_run(tmp_path: Path, method: str, missing: str) -> None:
    """It ends as it does with everything: the same exit codes, for the same reasons."""
    result = without(tmp_path, HEALTHY, missing, "--start-method", method)
    check_healthy(result)
    capabilities = result.log.one("scenario.started")["capabilities"]
    assert not any(capabilities[name] for name in missing.split(",") if name)


@pytest.mark.parametrize("missing", in_part(WITHOUT, 2))
def test_a_deadline(tmp_path: Path, method: str, missing: str) -> None:
    """Who waits, who ignores SIGTERM, who is stopped and who has lost its parent: all of them are ended."""
    result = stopped_without(tmp_path, STUCK, missing, "--start-method", method)
    check_deadline(result, missing)


@pytest.mark.parametrize("missing", in_part(WITHOUT[:-1], 2))
def test_who_has_left_the_session(tmp_path: Path, missing: str) -> None:
    """It is found as long as one of the means is there by which it can be known."""
    check_deadline(stopped_without(tmp_path, FLED, missing), missing)


@pytest.mark.parametrize(
    ("target", "name", "why"),
    [
        ("be_stubborn_with_a_program", "pid {}", "nobody here can see whose it is"),
        ("be_stubborn", "fork of Stubborn", "nobody here can see whether it is still there"),
    ],
)
def test_who_cannot_be_told_from_a_stranger(tmp_path: Path, target: str, name: str, why: str) -> None:
    """With nothing by which it can be known, it is left alone, and named; a copy has recorded that it is one."""
    # A slow machine, too, has the child by then.
    text = scenario({"name": "Stubborn", "target": f"actors:{target}"}, timeout=6)
    running = Running(tmp_path, text, shell=("env", f"RUN_SCENARIO_WITHOUT={NONE}"))
    running.wait_for("scenario.finished")
    assert 3 == running.process.wait(PATIENCE)
    left = running.survivors()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    running.wait_for_survivors()
    log = running.finish(by_init=True).log
    assert 1 == len(left)
    assert why in log.one("process.not_ended", name.format(left[0]), state=None)["reason"]
    assert [] == log.all("process.not_ended", f"pid {log.one('scenario.started')['pid']}")  # the supervisor


@pytest.mark.parametrize("missing", ["proc", "subreaper", "syscall", NONE])
def test_no_deadlock_is_claimed_that_nobody_can_see(tmp_path: Path, missing: str) -> None:
    """Who waits in a call that only others can end is known from /proc alone: the deadline ends the run."""
    result = stopped_without(tmp_path, DEADLOCK, missing)
    check_deadline(result, missing)
    states = {e["process"]: e["state"] for e in result.log.one("scenario.stalled")["processes"]}
    assert {"MainProcess": "waiting", "Taker": "waiting"} == states


@pytest.mark.parametrize("missing", in_part(WITHOUT, 2))
def test_the_supervisor_is_killed(tmp_path: Path, missing: str) -> None:
    """The runner finds and ends those who are left, also without having adopted them."""
    text = json.dumps({**json.loads(STUCK), "timeout": 30})
    running = Running(tmp_path, text, shell=("env", f"RUN_SCENARIO_WITHOUT={missing}"))
    running.wait_for("process.output", "Leaves")
    os.kill(running.events[0]["pid"], signal.SIGKILL)
    result = running.finish(by_init=True)
    assert (4, "internal_error") == (result.status, result.outcome)
    assert {None} >= {e["state"] for e in result.log.all("process.not_ended")}


def test_an_unknown_capability(tmp_path: Path) -> None:
    """To take away what does not exist is an error that says what does."""
    result = without(tmp_path, HEALTHY, "pidfd,procfs")
    assert 2 == result.status
    assert "RUN_SCENARIO_WITHOUT names 'procfs': it takes away any of pidfd, proc, " in result.stderr


@pytest.mark.parametrize(
    ("error", "calls", "missing"),
    in_part(
        [
            ("EPERM", [PIDFD_OPEN], ["pidfd"]),
            ("ENOSYS", [PIDFD_OPEN], ["pidfd"]),
            ("EPERM", [PIDFD_SEND_SIGNAL], ["pidfd"]),
            ("EPERM", [PRCTL], ["subreaper"]),
            ("ENOSYS", [PIDFD_OPEN, PRCTL], ["pidfd", "subreaper"]),
        ]
    ),
)
def test_calls_that_are_refused(tmp_path: Path, error: str, calls: list[int], missing: list[str]) -> None:
    """A call that is there and fails, as in a container, counts as one that is not there."""
    shell = denying(error, *calls)
    if not works(shell):
        pytest.skip("no system call can be denied here")

    def play(text: str) -> Result:
        return Running(tmp_path, text, shell=shell).finish(by_init="subreaper" in missing)

    healthy, stuck = play(HEALTHY), stopped(play, STUCK)
    capabilities = healthy.log.one("scenario.started")["capabilities"]
    assert [*missing, "kqueue"] == [name for name, there in capabilities.items() if not there]
    check_healthy(healthy)
    check_deadline(stuck, ",".join(missing))


def test_proc_is_not_mounted(tmp_path: Path) -> None:
    """The same where /proc is really an empty folder."""
    if not works(NO_PROC):
        pytest.skip("nothing can be mounted here")

    def play(text: str) -> Result:
        return Running(tmp_path, text, shell=NO_PROC).finish()

    healthy, stuck = play(HEALTHY), stopped(play, STUCK)
    assert not healthy.log.one("scenario.started")["capabilities"]["proc"]
    check_healthy(healthy)
    check_deadline(stuck, "proc")


@pytest.fixture
def freezer() -> Iterator[Path]:
    """A control group whose processes can be frozen: they sleep, and not even SIGKILL ends them until they are let go.

    So it is with the freezer of the first control groups; that of the second lets SIGKILL through.
    """
    folder = Path(f"/sys/fs/cgroup/freezer/run-scenario-test-{os.getpid()}")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("no process can be put into an uninterruptible sleep here")
    yield folder
    (folder / "freezer.state").write_text("THAWED")
    while (folder / "cgroup.procs").read_text():
        pass
    folder.rmdir()


def freeze(folder: Path, started: Event) -> None:
    """Put a process into an uninterruptible sleep."""
    (folder / "cgroup.procs").write_text(str(started["pid"]))
    (folder / "freezer.state").write_text("FROZEN")


def test_uninterruptible_sleep(tmp_path: Path, freezer: Path) -> None:
    """The command returns, and says who is still there; no end of it is told."""
    running = Running(tmp_path, scenario({"name": "Waits", "target": "hang"}, timeout=6))
    freeze(freezer, running.wait_for("process.started", "Waits"))
    running.wait_for("scenario.finished")
    assert 4 == running.process.wait(PATIENCE)
    (freezer / "freezer.state").write_text("THAWED")
    running.wait_for_survivors()
    result = running.finish(by_init=True)
    assert "D" == result.log.one("process.not_ended", "Waits")["state"]
    assert [] == result.log.all("process.exited", "Waits")
    reasons = result.log.finished["reasons"]
    assert ["Waits"] == [reason.partition(" (pid")[0] for reason in reasons]
    assert "uninterruptible sleep" in reasons[0]
