"""Capabilities, and the processes of a run: what is found by trying, and who is found with less of it."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poorer import kqueue
from run_scenario.errors import MachineryError, UsageError
from run_scenario.runtime import preflight
from run_scenario.runtime.platform import capabilities, system
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.supervisor import processes as processes_module
from run_scenario.runtime.supervisor.exits import ExitWatch
from run_scenario.runtime.supervisor.processes import Processes

NO_PROC = Capabilities(proc=False, children=False, syscall=False)
MEANS = {
    "all": Capabilities(),
    "no pidfd": Capabilities(pidfd=False),
    "no list of children": Capabilities(children=False),
    "no proc": NO_PROC,
    "no subreaper": Capabilities(subreaper=False),
    "kqueue": NO_PROC.replace(pidfd=False, subreaper=False, epoll=False, kqueue=True),
    "none": Capabilities(pidfd=False, proc=False, children=False, syscall=False, subreaper=False, epoll=False),
}


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that lives until its standard input ends, the first of a session."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def bsd_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a kqueue, which counts only where it is said to be there."""
    for name, value in kqueue.NAMES.items():
        monkeypatch.setattr(select, name, value, raising=False)


def refuse(*arguments: object) -> int:
    """Stand for a system call that a filter refuses."""
    raise PermissionError


@pytest.fixture
def no_subreaper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this process from becoming one."""
    monkeypatch.setattr(system, "become_subreaper", lambda: True)


@pytest.mark.usefixtures("no_subreaper")
def test_what_is_refused_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that exists proves nothing."""
    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert not capabilities.find({}).pidfd
    monkeypatch.undo()
    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    monkeypatch.setattr(system, "become_subreaper", lambda: False)
    found = capabilities.find({})
    assert (False, False) == (found.pidfd, found.subreaper)


@pytest.mark.usefixtures("no_subreaper")
@pytest.mark.parametrize("name", capabilities.NAMES)
def test_each_can_be_taken_away(name: str) -> None:
    """The environment takes away one, or several with commas between them."""
    assert not capabilities.find({"RUN_SCENARIO_WITHOUT": name}).by_name()[name]
    told = capabilities.find({"RUN_SCENARIO_WITHOUT": f"pidfd, {name}"}).by_name()
    assert (False, False) == (told["pidfd"], told[name])


@pytest.mark.usefixtures("no_subreaper")
def test_a_kqueue_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there if it takes this process; where there is none, it is not."""
    assert capabilities.find({}).kqueue
    monkeypatch.delattr(select, "kqueue")
    assert not capabilities.find({}).kqueue


def test_without_fork_nothing_is_run() -> None:
    """Whoever needs it is told so, and what works without."""
    capabilities.check_fork({})
    with pytest.raises(MachineryError, match=r"no fork\(\).* validate, plan, python, show, check"):
        capabilities.check_fork({"RUN_SCENARIO_WITHOUT": "fork"})


def test_a_zombie_in_a_kqueue(child: subprocess.Popen[bytes]) -> None:
    """What has ended and not been waited for cannot be added; its end is seen all the same, until it is gone."""
    processes = Processes(MEANS["kqueue"], os.getpid(), "")
    assert not processes.is_over(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes.is_over(child.pid)
    end = processes.open_end(child.pid)
    assert end is not None
    os.close(end)
    child.wait()
    assert processes.open_end(child.pid) is None
    assert processes.is_over(child.pid)


def test_an_unknown_name_is_an_error() -> None:
    """It says which there are."""
    with pytest.raises(UsageError, match="'a', 'b': it takes away any of pidfd, proc, children, syscall, subreaper"):
        capabilities.find({"RUN_SCENARIO_WITHOUT": "b,proc,a"})


@pytest.mark.parametrize("means", MEANS.values(), ids=MEANS)
def test_who_is_in_the_session(means: Capabilities, tmp_path: Path) -> None:
    """The processes of a supervisor are found with whatever there is."""
    script = "import os, subprocess, sys\nwith subprocess.Popen(['cat']) as p: print(p.pid, flush=True)"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as supervisor:
        assert supervisor.stdout
        grandchild = int(supervisor.stdout.readline())
        processes = Processes(means, supervisor.pid, str(tmp_path))
        assert [grandchild] == [*processes.living()]
        assert means.proc == bool(processes.living()[grandchild])
        assert supervisor.stdin
        supervisor.stdin.close()
    assert {} == processes.living()


@pytest.mark.parametrize("means", MEANS.values(), ids=MEANS)
def test_an_end_is_seen(means: Capabilities, child: subprocess.Popen[bytes]) -> None:
    """By a pidfd or by looking; the latest is when somebody has waited for it."""
    selector = selectors.EpollSelector() if means.epoll else selectors.PollSelector()
    processes = Processes(means, os.getpid(), "")
    watch = ExitWatch(processes, selector)
    assert watch.add(3, child.pid)
    assert 3 == watch.index_of(child.pid)
    assert [] == watch.rest()
    assert child.stdin
    child.stdin.close()
    child.wait()
    seen: list[tuple[int, int]] = []
    while not seen:
        told = [key.fd for key, _ in selector.select(min(0.1, watch.most_seconds())) if watch.watches(key.fd)]
        seen = [*map(watch.take, told), *watch.look()]
    assert [(3, child.pid)] == seen
    assert None is watch.index_of(child.pid)
    assert not watch.add(3, child.pid)
    selector.close()


def test_no_descriptor_left_for_a_pidfd(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that lives is not taken to be over: it is looked for."""
    monkeypatch.setattr(system, "open_pidfd", lambda pid: None)
    watch = ExitWatch(Processes(Capabilities(), os.getpid(), ""), selectors.DefaultSelector())
    assert watch.add(0, child.pid)
    assert [] == watch.look(at_once=True)


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_signal_reaches_nobody_else(child: subprocess.Popen[bytes], pidfd: bool) -> None:
    """Who began at another time is another process."""
    processes = Processes(Capabilities(pidfd=pidfd), os.getpid(), "")
    stat = processes.stat(child.pid)
    assert stat
    assert not processes.send(child.pid, signal.SIGKILL, stat.started + 1)
    assert processes.send(child.pid, signal.SIGKILL, stat.started)
    assert -signal.SIGKILL == child.wait()


@pytest.mark.parametrize(
    ("means", "states"), [(MEANS["all"], {"S", "R"}), (MEANS["no proc"], {"?"}), (MEANS["none"], {"?"})]
)
def test_a_state(child: subprocess.Popen[bytes], means: Capabilities, states: set[str]) -> None:
    """An own child is known to be there, even where nobody can see what it does; of others, nothing is known."""
    assert Processes(means, os.getpid(), "").state_of(child.pid) in states
    assert None is Processes(MEANS["none"], os.getpid(), "").state_of(os.getppid())


def test_nothing_is_counted_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody says how many processes are there already where nobody can count them."""
    from run_scenario.scenario.model import Scenario

    monkeypatch.setattr(preflight, "_processes", lambda scenario: "there is no room")
    scenario = Scenario("x", "x", "x", "")
    assert "there is no room" == preflight.shortage(scenario, str(tmp_path))
    assert "" == preflight.shortage(scenario, str(tmp_path), proc=False)


def test_ids_that_began_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    """Who has a lower id than the supervisor is found, too: the system gives ids in a circle."""
    monkeypatch.setattr(processes_module, "_session", lambda pid: 32_000 if pid == child.pid else 0)
    monkeypatch.setattr(os, "fork", lambda: 31_999)
    monkeypatch.setattr(os, "waitpid", lambda pid, options: (pid, 0))
    assert child.pid in Processes(MEANS["none"], 32_000, str(tmp_path)).living()


@pytest.mark.parametrize(
    ("first", "last", "given"),
    [(5, 8, [6, 7]), (32_766, 3, [32_767, 32_768, 1, 2]), (4_194_303, 2, [4_194_304, 1]), (1, 300_000, [])],
)
def test_ids_given_in_between(first: int, last: int, given: list[int]) -> None:
    """They go up to the highest and begin anew; too many are not gone through."""
    assert given == list(processes_module._given_between(first, last))
