"""`run-scenario inspect`: what can be seen from outside of real programs that hang, and what is said of others."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recorded import Recording
from support import COMMAND, PATIENCE, is_readable, processes_with

from effort import often
from run_scenario.cli import main
from run_scenario.errors import UsageError
from run_scenario.inspection import StackSource, conclude
from run_scenario.runtime.inspection import looking
from run_scenario.runtime.platform import system

HANGS = Path(__file__).parent / "scripts" / "hangs.py"
GOES_ON = HANGS.with_name("goes_on.py")
SURE = ("certain", "as_far_as_seen")
"""The second where other users have processes, and the tests are not run by root."""
SPY = shutil.which("py-spy") or shutil.which("py-spy", path=os.path.dirname(sys.executable))


def _sees_calls() -> bool:
    yama = Path("/proc/sys/kernel/yama/ptrace_scope")
    return os.geteuid() == 0 or not yama.exists() or yama.read_text().strip() == "0"


pytestmark = pytest.mark.skipif(not _sees_calls(), reason="only root may see here in which calls others sleep")


class Program:
    """A program that is not started by run-scenario, in a session of its own."""

    def __init__(self, *command: str, stdin: int = subprocess.DEVNULL) -> None:
        self._marker = f"RUN_SCENARIO_TEST={uuid.uuid4().hex}"
        name, _, value = self._marker.partition("=")
        self._process = subprocess.Popen(
            command,
            env={**os.environ, name: value},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._until = time.monotonic() + PATIENCE

    def read_line(self) -> None:
        """Wait until the program says how far it has come."""
        assert self._process.stdout
        assert is_readable(self._process.stdout.fileno(), PATIENCE)
        while os.read(self._process.stdout.fileno(), 1) not in (b"\n", b""):
            pass

    def look(self, processes: int, *options: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
        """Return what `inspect` shows, when it shows that nobody moves, and as many processes as there are to be."""
        until = time.monotonic() + PATIENCE
        while True:
            found = inspected(self.pid, *options, environment=environment)
            living = [each for each in found["processes"] if each["inside"] and each["threads"] and not serves(each)]
            moved = [thread for each in living for thread in each["threads"] if thread["moved"]]
            if processes == len(living) and not moved and not found["changed"]:
                return found
            assert time.monotonic() < until, json.dumps(found, indent=1)

    def is_running(self) -> bool:
        """Tell whether the program goes on; it has to come to its end some time."""
        assert time.monotonic() < self._until, "it does not end"
        return self._process.poll() is None

    def end(self) -> int:
        """Kill all of it, but for resource trackers: these remove what is left, and end by themselves.

        Return the program's exit code.
        """
        trackers = []
        for pid in processes_with(self._marker):
            if "resource_tracker" in system.read_file(f"/proc/{pid}/cmdline"):
                with contextlib.suppress(OSError):
                    trackers.append(os.pidfd_open(pid))
            else:
                system.send_signal(pid, signal.SIGKILL)
        for tracker in trackers:
            ended = select.poll()
            ended.register(tracker, select.POLLIN)
            ended.poll(PATIENCE * 1000)
            os.close(tracker)
        assert self._process.stdout
        self._process.stdout.close()
        return self._process.wait()


@pytest.fixture
def started() -> Iterator[Any]:
    """Return a function that starts one of the programs of `hangs.py`, and waits for so many lines of it."""
    programs: list[Program] = []

    def start(case: str, method: str = "fork", *, lines: int = 1) -> Program:
        programs.append(Program(sys.executable, str(HANGS), case, method))
        for _ in range(lines):
            programs[-1].read_line()
        return programs[-1]

    yield start
    for program in programs:
        program.end()


def inspected(pid: int, *options: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what `inspect` writes as JSON."""
    command = [*COMMAND, "inspect", str(pid), "--format", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    assert 0 == done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def serves(process: dict[str, Any]) -> bool:
    """Tell whether a process is one of multiprocessing's own."""
    return process["role"] in ("resource_tracker", "fork_server")


def conclusions(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return what follows of one kind."""
    return [each for each in found["conclusions"] if each["kind"] == kind]


def deadlock(found: dict[str, Any]) -> set[int]:
    """Return the processes that are sure to stand still."""
    (conclusion,) = conclusions(found, "deadlock")
    assert conclusion["certainty"] in SURE, found
    return {actor["pid"] for actor in conclusion["actors"]}


def members(found: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the program's own processes that live, by their ids."""
    return {each["pid"]: each for each in found["processes"] if each["threads"] and not serves(each)}


def waits(process: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return what the threads of a process wait for, and the keys of that."""
    return [(thread["wait"]["kind"], thread["wait"]["keys"]) for thread in process["threads"]]


def test_two_processes_that_wait_for_each_others_lock(started: Any, method: str) -> None:
    """The deadlock is certain; each semaphore is 0 and shared by all; that it has no owner is said."""
    program = started("two_locks", method, lines=2)
    found = program.look(3)
    assert set(members(found)) == deadlock(found)
    main_program, *children = members(found).values()
    assert program.pid == main_program["pid"]
    assert ("poll" if method == "forkserver" else "process") == waits(main_program)[0][0]
    assert ["semaphore"] * 2 == [waits(child)[0][0] for child in children]
    assert {key for child in children for key in waits(child)[0][1]} == {each["key"] for each in found["semaphores"]}
    assert [(0, 1), (0, 1)] == [(each["value"], each["waiting"]) for each in found["semaphores"]]
    for semaphore in found["semaphores"]:
        assert all(semaphore["key"] in each["keys"] for each in members(found).values())
    assert any("it has no owner" in line for line in found["unknown"])


def test_a_queue_whose_producer_was_killed(started: Any, method: str) -> None:
    """Who gets from it can itself write to its pipe: no end of file comes. A child that was not waited for is named."""
    found = started("killed_producer", method).look(1)
    assert set(members(found)) == deadlock(found)
    (conclusion,) = conclusions(found, "own_writer")
    assert [] == conclusion["others"]
    assert waits(members(found)[found["pid"]]) == [("read", [conclusion["key"]])]
    ended = [each["exitcode"] for each in found["processes"] if each["state"] == "Z"]
    assert ([] if method == "forkserver" else [-signal.SIGKILL]) == ended
    assert len(ended) == len(conclusions(found, "not_waited_for"))


def test_a_child_that_waits_and_is_waited_for(started: Any, method: str) -> None:
    """Main program and child can only help each other."""
    found = started("waiting_child", method).look(2)
    assert set(members(found)) == deadlock(found)
    (child,) = [each for each in members(found).values() if each["pid"] != found["pid"]]
    ((kind, (pipe,)),) = waits(child)
    assert ("read", "write") == (kind, pipe.split()[1])
    assert all(pipe in each["keys"] for each in members(found).values())


def test_a_pool_whose_worker_was_killed(started: Any, method: str) -> None:
    """The main program waits for its own threads, these for the workers, and the workers for a task."""
    found = started("killed_worker", method).look(3)
    assert set(members(found)) == deadlock(found)
    main_program, *workers = members(found).values()
    assert "lock" == waits(main_program)[0][0]
    assert ["read", "semaphore"] == sorted(waits(worker)[0][0] for worker in workers)


def test_a_child_that_cannot_end(started: Any, method: str) -> None:
    """Its queue's thread writes to a full pipe, from which only those could read that wait for it."""
    found = started("full_queue", method).look(2)
    assert set(members(found)) == deadlock(found)
    (child,) = [each for each in members(found).values() if each["pid"] != found["pid"]]
    (first, _), (second, (pipe,)) = waits(child)
    assert ("lock", "write", "read") == (first, second, pipe.split()[1])
    assert pipe in members(found)[found["pid"]]["keys"]


def test_a_full_pipe_of_both_directions(started: Any, method: str) -> None:
    """A local socket is followed to those who have its other end open."""
    found = started("full_pipe", method).look(2)
    assert set(members(found)) == deadlock(found)
    (child,) = [each for each in members(found).values() if each["pid"] != found["pid"]]
    ((kind, (peer,)),) = waits(child)
    assert "socket" == kind
    assert peer in members(found)[found["pid"]]["keys"]


def test_it_changes_nothing(started: Any) -> None:
    """Who was looked at has not even been scheduled for it."""
    program = started("two_locks", lines=2)
    pids = list(members(program.look(3)))
    before = [system.context_switches(pid) for pid in pids]
    inspected(program.pid)
    assert before == [system.context_switches(pid) for pid in pids]
    assert {"S"} == {state for pid in pids for _, state in system.threads(pid)}


def test_a_child_is_looked_at_with_its_parent(started: Any) -> None:
    """Who shares what is waited for is looked at as well, though it is not below the process that is asked for."""
    program = started("waiting_child")
    (child,) = [pid for pid in members(program.look(2)) if pid != program.pid]
    found = inspected(child)
    assert [(child, True), (program.pid, False)] == [(each["pid"], each["inside"]) for each in found["processes"]]
    assert {child, program.pid} == deadlock(found)


def test_a_stopped_child(started: Any) -> None:
    """Who waits for it does not stand still for ever: a signal is enough."""
    program = started("stopped_child")
    found = inspected(program.pid)
    (stopped,) = conclusions(found, "stopped")
    assert [program.pid] == stopped["others"]
    assert [] == conclusions(found, "deadlock")
    assert ["may_go_on"] == [each["certainty"] for each in conclusions(found, "helped")]


def test_a_child_that_computes(started: Any) -> None:
    """It is no deadlock if anybody computes."""
    program = started("computing_child")
    found = inspected(program.pid)
    (child,) = [pid for pid in members(found) if pid != program.pid]
    assert [child] == [each["actors"][0]["pid"] for each in conclusions(found, "computes")]
    assert [] == conclusions(found, "deadlock")
    assert [[child]] == [each["others"] for each in conclusions(found, "helped")]


def test_a_signal_might_help(started: Any) -> None:
    """A process with a handler of its own is only said to stand still perhaps."""
    (conclusion,) = conclusions(started("handler").look(1), "deadlock")
    assert "possible" == conclusion["certainty"]
    assert "handlers" in {doubt["kind"] for doubt in conclusion["doubts"]}


def test_without_the_right_to_see_calls(started: Any) -> None:
    """Where the system shows no calls, that all of it sleeps is all that is said, and what would show more."""
    program = started("two_locks", lines=2)
    found = program.look(3, environment={"RUN_SCENARIO_WITHOUT": "syscall"})
    assert [("asleep", "possible")] == [(each["kind"], each["certainty"]) for each in found["conclusions"]]
    assert not found["sees_calls"]
    assert any(
        "ptrace_scope" in line and f"sudo run-scenario inspect {program.pid}" in line for line in found["unknown"]
    )


def test_another_program() -> None:
    """What is no Python program is looked at, too; a process that is not below it, and could help it, is shown."""
    reader, writer = os.pipe()
    program = Program("cat", stdin=reader)
    try:
        os.close(reader)
        found = program.look(1)
        (helped,) = conclusions(found, "helped")
        assert [os.getpid()] == helped["others"]
        assert [False] == [each["inside"] for each in found["processes"] if each["pid"] == os.getpid()]
    finally:
        program.end()
        os.close(writer)


def test_what_a_person_reads(started: Any) -> None:
    """On a terminal there is a tree with what each sleeps in, what follows, and what cannot be known."""
    program = started("two_locks", lines=2)
    out, back = [pid for pid in members(program.look(3)) if pid != program.pid]
    command = [*COMMAND, "inspect", str(program.pid), "--format", "console"]
    text = " ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert f"pid {program.pid}: {sys.executable}" in text
    assert f"sleeps in wait4(): waits for the end of pid {out}" in text
    assert f"pid {back}: a fork of its parent" in text
    assert f"value 0; shared by pid {program.pid}, pid {out} and pid {back}" in text
    assert "the program stands still: nobody who could end these waits can move" in text
    assert f"to be released, which only pid {program.pid}, pid {back} and itself can do" in text
    assert "What cannot be known from outside: - who holds a semaphore" in text


@pytest.mark.skipif(SPY is None, reason="py-spy is not installed")
def test_lines_of_python(started: Any) -> None:
    """With py-spy, threads have their names and stacks, the innermost frame first."""
    found = started("full_queue").look(2)
    assert {"tool": "py-spy", "problem": ""} == found["stacks"]
    main_program, child = members(found).values()
    assert any("hangs.py" in frame and frame.endswith("in full_queue") for frame in main_program["threads"][0]["stack"])
    assert "QueueFeederThread" == child["threads"][1]["name"]
    assert "Connection._send" in child["threads"][1]["stack"][0]


def test_a_program_that_is_recorded_already(tmp_path: Path) -> None:
    """It is said which run it is, and where its log is: of the command, of the script, of what that has started."""
    text = """
        import os, signal, subprocess
        other = subprocess.Popen(["sleep", "600"])
        print(os.getpid(), other.pid, flush=True)
        signal.pause()
    """
    recording = Recording(tmp_path, text)
    recording.wait_for("process.started")
    assert recording.process.stdout
    pids = [recording.process.pid, *map(int, recording.process.stdout.readline().split())]
    [log] = map(str, tmp_path.glob("*.jsonl"))
    for found in map(inspected, pids):
        assert ([log], f"run-scenario-{found['run']}") == (found["logs"], Path(found["folder"]).name)
    command = [*COMMAND, "inspect", str(pids[1]), "--format", "console"]
    shown = " ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert f"of run-scenario: its log, {log}, knows more" in shown
    assert ("", []) == tuple(inspected(os.getpid())[field] for field in ("run", "logs"))
    recording.process.send_signal(signal.SIGINT)
    assert 130 == recording.finish().status


def test_no_deadlock_is_claimed_of_what_goes_on(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that ends by itself never stood still, however short the time between two looks."""
    monkeypatch.setattr(looking, "BETWEEN", 0.02)
    monkeypatch.setattr(looking, "read_stacks", lambda pids: ({}, StackSource("")))
    looks = 0
    for seed in range(often(30)):
        program = Program(sys.executable, str(GOES_ON), method, str(seed))
        claimed = []
        try:
            while program.is_running():
                with contextlib.suppress(UsageError):  # it has ended
                    found = conclude(looking.inspect(program.pid))
                    claimed += [each for each in found if each.kind == "deadlock" and each.certainty in SURE]
                    looks += 1
        finally:
            code = program.end()
        assert [] == claimed, seed
        assert 0 == code
    assert looks


def refused(pid: int, capfd: pytest.CaptureFixture[str]) -> str:
    """Return why a process cannot be looked at."""
    assert 2 == main(["inspect", str(pid)])
    out, err = capfd.readouterr()
    assert "" == out
    return err


def test_who_cannot_be_looked_at(capfd: pytest.CaptureFixture[str]) -> None:
    """A process that is not there, has ended, or is none: each has its reason, and a way out."""
    done = subprocess.Popen(["true"])
    os.waitid(os.P_PID, done.pid, os.WEXITED | os.WNOWAIT)
    told = refused(done.pid, capfd)
    assert f"process {done.pid} has ended, and its parent has not waited for it" in told
    assert f"run-scenario inspect {os.getpid()}" in told
    done.wait()
    assert f"there is no process {done.pid}" in refused(done.pid, capfd)
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    told = refused(thread.native_id or 0, capfd)
    over.set()
    thread.join()
    assert f"{thread.native_id} is a thread of process {os.getpid()}: run-scenario inspect {os.getpid()}" in told
    if system.is_kernel_thread(2):
        assert "2 is a thread of the kernel (kthreadd), and no program" in refused(2, capfd)


def test_what_is_no_process_id(capfd: pytest.CaptureFixture[str]) -> None:
    """A name, a number below 1 and one above all ids are refused as arguments."""
    for text in ("python", "0", "-1", "99999999999"):
        assert 2 == main(["inspect", text])
        assert f"{text!r} is not the id of a process" in capfd.readouterr().err


def test_a_process_of_somebody_else() -> None:
    """Whose descriptors are not shown to this user is not looked at: be that user, or root."""
    user = os.geteuid()
    if os.stat("/proc/1").st_uid != 0 or system.read_file("/proc/self/uid_map").split()[2] == "1":
        pytest.skip("there is no other user here")
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(UsageError, match=r"process 1 belongs to user root.*sudo run-scenario inspect 1"):
            looking.inspect(1)
    finally:
        os.seteuid(user)


def test_without_proc(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """On a system that does not show processes nothing can be looked at."""
    monkeypatch.setenv("RUN_SCENARIO_WITHOUT", "proc")
    assert "inspect reads what the system shows in /proc" in refused(os.getpid(), capfd)
