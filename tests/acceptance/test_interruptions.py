"""Whoever is interrupted or killed, and whenever: the end is soon, the status is right, nothing and nobody is left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import (
    COMMAND,
    PATIENCE,
    Log,
    Result,
    Running,
    expects,
    is_readable,
    look_at,
    read_events,
    scenario,
    search_path,
)

SOON = 6.0
"""Seconds within which all must be over, where none is needed to begin with; it takes a tenth of it."""
LONG = scenario(
    {"name": "Stubborn", "target": "actors:be_stubborn"},
    {"name": "Waiting", "target": "consume", "from": "q", "kwargs": {"task_done": False}},
    {"name": "Busy", "target": "spin", "kwargs": {"seconds": 600}},
    queues={"q": {"items": [1, 2, 3]}},
    timeout=50,
)
"""Processes of every kind, one deaf to SIGTERM, with a child as deaf in a session of its own."""
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.fixture
def running(tmp_path: Path, method: str) -> Iterator[Running]:
    """Return a run in which everybody is there."""
    running = Running(tmp_path, LONG, "--start-method", method)
    missing = {"Stubborn", "Waiting", "Busy"}
    running.wait_for("process.started", "MainProcess")
    while missing:
        event = running.wait_for("process.started")
        missing -= {event["process"]}
    if not Log(running.events).all("process.output", "Stubborn"):
        running.wait_for("process.output", "Stubborn")
    yield running
    running.abandon()


@contextlib.contextmanager
def ends_soon(running: Running) -> Iterator[None]:
    """Check that all processes of a run that live now are over soon after what is done in the block."""
    pids = running.survivors()
    assert len(pids) >= 6  # runner, supervisor, main program, three processes, and helpers of multiprocessing's
    descriptors = [os.pidfd_open(pid) for pid in pids]
    until = time.monotonic() + SOON * max(1.0, running.events[-1]["t"])
    yield
    for descriptor in descriptors:
        # The runner's end is seen by everybody; that its log's reader is slow must not hold it up.
        readable = is_readable(descriptor, max(0.0, until - time.monotonic()))
        os.close(descriptor)
        assert readable, f"still there: {running.survivors()}"


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.fault("F29", event="scenario.interrupted", status=(130, 143, 129))
def test_a_signal_to_the_command(running: Running, number: int, status: int) -> None:
    """The run is ended in an orderly way: one event says so, and no process writes a traceback."""
    with ends_soon(running):
        running.process.send_signal(number)
    result = running.finish()
    assert (status, "interrupted") == (result.status, result.outcome)
    assert signal.Signals(number).name == result.log.one("scenario.interrupted")["signal"]
    assert [] == [e for e in result.log.all("process.output") if "Traceback" in e["text"]]
    for name in ("Stubborn", "Waiting", "Busy", "MainProcess"):
        assert "run-scenario" == result.log.one("process.exited", name)["by"]


def is_pending(pid: int, number: int) -> bool:
    """Tell whether a signal that was sent to a process has not reached it yet."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    pending = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd:", "ShdPnd:"))]
    return any(mask >> (number - 1) & 1 for mask in pending)


def test_ctrl_c_twice(running: Running) -> None:
    """A person who presses it again gets no other end."""
    with ends_soon(running):
        running.process.send_signal(signal.SIGINT)
        while is_pending(running.process.pid, signal.SIGINT):  # two that come together are one
            pass
        running.process.send_signal(signal.SIGINT)  # at once: whoever presses it a second later has lost patience
    result = running.finish()
    assert (130, "interrupted") == (result.status, result.outcome)
    assert "SIGINT" == result.log.one("scenario.interrupted")["signal"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_very_beginning(tmp_path: Path, number: int) -> None:
    """At whatever moment it comes, also before the run has begun, nothing is left and no traceback shown."""
    running = Running(tmp_path, LONG)
    running.wait_for("scenario.started")
    running.process.send_signal(number)
    result = running.finish()
    assert (128 + number, "interrupted") == (result.status, result.outcome)


@pytest.mark.fault("F23", status=-9)
def test_kill_the_runner(running: Running, method: str) -> None:
    """The supervisor ends everybody; the log up to then can be read, and all of it recovered, with the end of each."""
    with ends_soon(running):
        running.process.kill()
    result = running.finish(whole=False)
    assert -signal.SIGKILL == result.status
    told = read_events(result.stdout[: result.stdout.rfind("\n") + 1])
    assert told == running.recovered[: len(told)]
    log = Log(running.recovered)
    assert "internal_error" == log.finished["outcome"]
    for name in ("Stubborn", "Waiting", "Busy", "MainProcess"):
        exited = log.one("process.exited", name)
        assert "run-scenario" == exited["by"]
        # A fork server may take the exit code of its children to its grave.
        assert exited["exitcode"] in ((-9, None) if method == "forkserver" else (-9,)), log.text()


@pytest.mark.fault("F23", event="scenario.failed", status=4)
@pytest.mark.fault("F24", event="scenario.failed", status=4)
def test_kill_the_supervisor(running: Running) -> None:
    """The runner takes its place: everybody is ended, and the status says that the machinery failed."""
    with ends_soon(running):
        os.kill(running.events[0]["pid"], signal.SIGKILL)
    result = running.finish()
    assert (4, "internal_error") == (result.status, result.outcome)
    assert "the supervisor was killed" in result.log.one("scenario.failed")["reason"]


def test_a_stopped_supervisor_is_woken(tmp_path: Path) -> None:
    """Stopping the supervisor stops nothing: the runner has it go on, and so has the kernel if the runner is killed."""
    running = Running(tmp_path, LONG)
    supervisor = running.wait_for("process.started", "Waiting") and running.events[0]["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    running.process.send_signal(signal.SIGINT)
    assert 130 == running.finish().status
    running = Running(tmp_path, LONG)
    supervisor = running.wait_for("process.started", "Waiting") and running.events[0]["pid"]
    running.process.send_signal(signal.SIGSTOP)  # it wakes nobody now
    os.kill(supervisor, signal.SIGSTOP)
    running.process.kill()
    running.finish(whole=False)
    assert "internal_error" == Log(running.recovered).finished["outcome"]


@pytest.mark.fault("F23", event="process.exited", status=1)
def test_kill_the_main_program(running: Running) -> None:
    """Its processes are ended; its own end is told as one by a signal that nobody here has sent."""
    with ends_soon(running):
        os.kill(Log(running.events).one("process.started", "MainProcess")["pid"], signal.SIGKILL)
    result = running.finish()
    assert (1, "failed") == (result.status, result.outcome)
    exited = result.log.one("process.exited", "MainProcess")
    assert (-9, "signal", None) == tuple(exited[key] for key in ("exitcode", "cause", "by"))
    for name in ("Stubborn", "Waiting", "Busy"):
        assert "run-scenario" == result.log.one("process.exited", name)["by"]


def take_a_number(numbers: list[int]) -> subprocess.Popen[bytes]:
    """Return a stranger that has got one of these process ids, which are free."""
    for number in 20 * numbers:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        stranger = subprocess.Popen(["sleep", "600"])
        if stranger.pid in numbers:
            return stranger
        stranger.kill()
        stranger.wait()
    raise AssertionError("others were quicker each time")


def use_a_number_again(folder: str, method: str) -> None:
    """Sweep a run while a stranger has got the id of one of its processes that is over; print what came of it."""
    ended = {"name": "P", "target": "print_info", "replicas": 6}
    running = Running(Path(folder), scenario(ended, {"name": "Last", "target": "hang"}, start_method=method))
    numbers = [running.wait_for("process.joined")["pid"] for _ in range(6)]
    with take_a_number(numbers) as stranger:
        running.process.terminate()
        result = running.finish()
        print(json.dumps([stranger.pid, stranger.poll(), result.status, result.log.events]))
        stranger.kill()


NAMESPACE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
"""Runs a command where it may choose the process ids, which are those of nobody else."""


@pytest.mark.fault("F33", event="process.exited", status=143)
def test_a_process_id_that_is_used_again(tmp_path: Path, method: str) -> None:
    """The stranger who has got it is left alone. Elsewhere on this machine no id is used again because of this."""
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("unshare cannot make a namespace of process ids here")
    body = f"import {__name__} as tests; tests.use_a_number_again({str(tmp_path)!r}, {method!r})"
    command = [*NAMESPACE, "sh", "-c", '"$@"; exit', "init", sys.executable, "-c", body]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert 0 == done.returncode, done.stderr
    stranger, code, status, events = json.loads(done.stdout)
    look_at(Result(status, Log(events), done.stdout, done.stderr, 0.0))
    assert (143, None) == (status, code)
    assert 1 == len([e for e in events if e["event"] == "process.exited" and e["pid"] == stranger])


@pytest.mark.fault("F45", event="scenario.finished", status=0)
def test_a_log_that_was_cut_off_goes_on_whole(tmp_path: Path, method: str) -> None:
    """Whoever appends to the log of a killed run finds it in order, and leaves it so."""
    log = tmp_path / "log.jsonl"
    long = scenario({"name": "P", "target": "count_down", "kwargs": {"start": 5_000, "interval": 0.01}})
    running = Running(tmp_path, long, "--log", str(log), "--start-method", method)
    running.wait_for("process.output", "P")
    while "process.output" not in log.read_text():  # it is written after standard output
        running.wait_for("process.output", "P")
    running.process.kill()
    running.finish(whole=False)
    with log.open("ab") as file:  # as a writer leaves it that is killed within a write
        file.write(b'{"event":"process.outp')
    short = Running(tmp_path, scenario({"target": "print_info"}), "--log", str(log), "--start-method", method)
    result = short.finish()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert result.log.events == events[-len(result.log.events) :]
    assert 2 == len([event for event in events if event["event"] == "scenario.started"])


@pytest.mark.parametrize("who", ["runner", "supervisor", "main program"])
@pytest.mark.fault("F39", event="process.output", status=(-9, 4, 1))
def test_memory_of_a_targets_own_making(tmp_path: Path, method: str, who: str) -> None:
    """Whoever is killed, the tracker that a target has started gets the moment it needs to remove it."""
    text = scenario({"name": "M", "target": "actors:create_memory_and_wait"}, start_method=method)
    running = Running(tmp_path, text)
    main = running.wait_for("process.started", "MainProcess")
    name = running.wait_for("process.output", "M")["text"]
    os.kill(
        {"runner": running.process.pid, "supervisor": main["ppid"], "main program": main["pid"]}[who], signal.SIGKILL
    )
    running.finish(whole=who != "runner")
    assert not os.path.exists(f"/dev/shm/{name}")


@pytest.mark.fault("F41", event="process.exited", status=1)
def test_kill_all_processes(running: Running) -> None:
    """The others go on, and so does the main program; the run fails by the ends that the file does not allow."""
    pids = {name: Log(running.events).one("process.started", name)["pid"] for name in ("Stubborn", "Waiting", "Busy")}
    with ends_soon(running):
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
    result = running.finish()
    assert (1, "failed") == (result.status, result.outcome)
    for name, pid in pids.items():
        exited = result.log.one("process.exited", name)
        assert (pid, -9, "signal", False) == tuple(exited[key] for key in ("pid", "exitcode", "cause", "allowed"))
    assert "returned" == result.log.one("process.exited", "MainProcess")["cause"]
    assert "run-scenario" == result.log.one("process.exited", result.log.one("process.orphaned")["process"])["by"]


@pytest.mark.fault("F46", event="queue.put", status=0)
def test_nothing_acknowledged_is_lost(tmp_path: Path, method: str) -> None:
    """A process is killed while it puts as fast as it can: every put() that had returned is in the log."""
    counter, pipe, count = tmp_path / "count", tmp_path / "pipe", 100_000
    os.mkfifo(pipe)
    kwargs = {"count": count, "path": str(counter), "pipe": str(pipe)}
    putter = {"name": "P", "target": "actors:put_and_count", "kwargs": kwargs, "to": "q", "exitcode": -9}
    text = scenario(putter, queues={"q": {}}, expect=expects("queue.items_lost"))
    running = Running(tmp_path, text, "--start-method", method)
    pid = running.wait_for("process.started", "P")["pid"]
    assert b"" == pipe.read_bytes()  # at its end a quarter has been put
    os.kill(pid, signal.SIGKILL)
    result = running.finish()
    acknowledged = int.from_bytes(counter.read_bytes(), "little")
    put = result.log.all("queue.put", "P")
    assert count // 4 <= acknowledged
    assert len(put) in (acknowledged, acknowledged + 1)
    assert list(range(1, len(put) + 1)) == [e["item"] for e in put]
    assert 0 == result.status
    lost = sum(e["count"] for e in result.log.all("queue.items_lost", "P"))
    left = sum(e["count"] for e in result.log.all("queue.left_over"))
    assert len(put) == lost + left
    assert lost > 0


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """`run-scenario … | head -1`: the run ends soon, with status 141 and without a word."""
    text = tmp_path / "case.yaml"
    text.write_text(scenario({"name": "A", "target": "count_down", "kwargs": {"start": 1200, "interval": 0.05}}))
    (tmp_path / "tmp").mkdir()
    script = f'{" ".join(COMMAND)} {text} | head -1; exit "${{PIPESTATUS[0]}}"'
    since = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PYTHONPATH": search_path(), "TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert time.monotonic() - since < 4 * SOON  # it would count for 60 s
    assert (141, "") == (done.returncode, done.stderr)
    assert ["scenario.started"] == [event["event"] for event in read_events(done.stdout)]
    assert [] == os.listdir(tmp_path / "tmp")


def test_a_closed_terminal(tmp_path: Path, method: str) -> None:
    """Whoever closes the window ends the run: status 129, nobody is left, and nothing is said to nobody."""
    text = tmp_path / "case.yaml"
    text.write_text(LONG)
    folder = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))  # short, as in support.py
    keyboard, terminal = pty.openpty()
    with (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, text, "--allow", "actors", "--start-method", method],
            env={**os.environ, "PYTHONPATH": search_path(), "TMPDIR": str(folder), "TERM": "dumb"},
            stdin=terminal,
            stdout=terminal,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
    os.close(terminal)
    shown = b""
    while b"stubborn" not in shown:
        shown += os.read(keyboard, 65536)
    os.close(keyboard)
    assert 129 == process.wait(PATIENCE)
    assert "run-scenario:" not in (tmp_path / "stderr").read_text()
    assert [] == os.listdir(folder)
    folder.rmdir()
