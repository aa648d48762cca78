"""The built-in behaviours that need no queue, each run by a real process."""

from __future__ import annotations

import builtins
import os
import signal
import subprocess
import sys
import time

import pytest
from running_targets import DEADLINE

from run_scenario import targets
from run_scenario.targets import _basics, _endings, _resources


def test_count_down_counts_to_one(run):
    """count_down says its process's name with each number."""
    assert [
        "Process Worker starting...",
        "Process Worker counting down: 2...",
        "Process Worker counting down: 1...",
        "Process Worker exiting...",
    ] == run(_basics.count_down, start=2, interval=0).lines()


def test_sleep_says_when_it_starts_and_exits(run):
    """sleep prints a line before and one after."""
    assert ["Starting Worker", "Exiting Worker"] == run(_basics.sleep, seconds=0).lines()


def test_sleep_sleeps():
    """sleep takes the time it is told."""
    before = time.monotonic()

    _basics.sleep(0.02)

    assert time.monotonic() - before >= 0.02


def test_print_info_tells_both_ids(run):
    """print_info prints the ids by which the operating system knows the process and its parent."""
    running = run(_basics.print_info, title="Function f")

    assert [
        "Function f",
        "Process name: Worker",
        f"Parent process ID: {os.getpid()}",
        f"Current process ID: {running.process.pid}",
    ] == running.lines()


def test_spin_uses_processor_time():
    """spin uses as much processor time as it is told."""
    before = time.process_time()

    _basics.spin(0.02)

    assert time.process_time() - before >= 0.02


def test_fail_ends_with_a_traceback(run):
    """fail leads to multiprocessing's usual traceback and exit code 1."""
    running = run(_endings.fail, exception="ValueError", message="no such colour")

    assert "ValueError: no such colour" == running.lines()[-1]
    assert 1 == running.exitcode()


@pytest.mark.parametrize("name", targets.find("fail").parameter("exception").choices)
def test_fail_knows_each_exception(name):
    """Every exception on offer exists and takes a message."""
    with pytest.raises(getattr(builtins, name), match="such is life"):
        _endings.fail(name, "such is life")


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize(("expected", "code"), [(0, 0), (3, 3), (0, 256), (44, 300)])
def test_exit_keeps_eight_bits(run, hard, expected, code):
    """The exit code is the last eight bits of what was asked for."""
    assert expected == run(_endings.exit, code=code, hard=hard).exitcode()


@pytest.mark.parametrize("name", targets.find("crash").parameter("signal").choices)
def test_crash_dies_by_the_signal(run, name):
    """Every signal on offer ends the process, silently."""
    running = run(_endings.crash, signal=name)

    assert [] == running.lines()
    assert -signal.Signals[name] == running.exitcode()


def test_hang_waits_for_ever(run):
    """Only a signal ends hang."""
    running = run(_endings.hang)

    assert "Worker waiting for ever" == running.line()
    running.process.terminate()
    assert -signal.SIGTERM == running.exitcode()


def test_with_cleanup_left_alone(run):
    """Left alone, the finally block runs; a forked process of Python before 3.13 does not run atexit functions."""
    running = run(_endings.with_cleanup, seconds=0)

    lines = ["Worker: working", "Worker: work is done", "Worker: finally cleans up"]
    assert lines == running.lines()[:3]


def test_with_cleanup_terminated(run):
    """Terminated, it cleans up nothing."""
    running = run(_endings.with_cleanup, seconds=3600)

    assert "Worker: working" == running.line()
    running.process.terminate()
    assert [] == running.lines()
    assert -signal.SIGTERM == running.exitcode()


def test_with_cleanup_runs_atexit_in_a_full_interpreter():
    """Where the interpreter is shut down, the atexit function runs after the finally block."""
    code = "from run_scenario.targets._endings import with_cleanup; with_cleanup(0)"

    assert [
        "MainProcess: working",
        "MainProcess: work is done",
        "MainProcess: finally cleans up",
        "MainProcess: atexit cleans up",
    ] == _python(code).stdout.splitlines()


def test_ignore_sigterm_can_only_be_killed(run):
    """terminate() does nothing to ignore_sigterm: it is the kill that ends it."""
    running = run(_endings.ignore_sigterm, seconds=3600)

    assert "Worker ignoring SIGTERM" == running.line()
    running.process.terminate()
    running.process.kill()
    assert -signal.SIGKILL == running.exitcode()


def test_ignore_sigterm_ends_by_itself(run):
    """Its sleep over, ignore_sigterm ends properly."""
    running = run(_endings.ignore_sigterm, seconds=0)

    assert ["Worker ignoring SIGTERM", "Exiting Worker"] == running.lines()
    assert 0 == running.exitcode()


def test_linger_returns_before_its_thread_ends(run):
    """The process ends after the thread that linger has started, unless that is a daemon."""
    before = time.monotonic()
    ordinary, daemonic = run(_endings.linger, seconds=0.2), run(_endings.linger, seconds=3600, daemon=True)

    assert ["Worker returns, a thread goes on"] == ordinary.lines() == daemonic.lines()
    assert (0, 0) == (ordinary.exitcode(), daemonic.exitcode())
    assert time.monotonic() - before >= 0.2


def test_fail_in_thread_looks_like_success():
    """Python prints the traceback of the thread, and the exit code says nothing of it."""
    done = _python("from run_scenario.targets._endings import fail_in_thread; fail_in_thread('such is life')")

    assert ["MainProcess knows nothing of it"] == done.stdout.splitlines()
    assert "RuntimeError: such is life" == done.stderr.splitlines()[-1]
    assert 0 == done.returncode


def test_spawn_child_waits_for_its_child(run):
    """The child is a child of the target's process, which ends after it."""
    running = run(_endings.spawn_child, seconds=0)

    assert ["Worker has a child", "Worker: the child has ended with exit code 0"] == running.lines()


def test_print_start_method_names_it(run):
    """print_start_method says how the process was started, whatever is the default."""
    [line] = run(_resources.print_start_method).lines()

    assert line.startswith("Worker was started by fork: its memory is ")


def test_allocate_memory_fills_it(run):
    """allocate_memory says how much it holds."""
    assert ["Worker holds 7 MB of its own"] == run(_resources.allocate_memory, megabytes=7, seconds=0).lines()


def test_report_resources_tells_what_belongs_to_a_process(run):
    """report_resources says each thing in a line."""
    running = run(_resources.report_resources, seconds=0)

    lines = running.lines()
    assert f"Worker: process id {running.process.pid}, child of {os.getpid()}" == lines[0]
    assert "Worker: 1 thread" == lines[1]
    assert ["files", "most", "time", "it"] == [line.split()[-1] for line in lines[2:]]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="there is no /proc")
def test_print_siblings_sees_itself(run):
    """print_siblings prints itself as running, and what it finds beside it as siblings."""
    running = run(_resources.print_siblings, after=0)

    lines = running.lines()
    assert f"process ID: {running.process.pid}, itself: running" in lines
    assert all(line.startswith("process ID: ") for line in lines)


def test_write_output_writes_in_every_way():
    """write_output reaches both streams, by print and by descriptor, and says the rest on standard error."""
    done = _python("from run_scenario.targets._output import write_output; write_output('Hi')")

    assert ["Hi from print", "Hi from file descriptor 1"] == done.stdout.splitlines()
    errors = done.stderr.splitlines()
    assert [
        "Hi from print to standard error",
        "Hi from file descriptor 2",
        "Hi from logging",
    ] == errors[:3]
    assert errors[3].endswith("UserWarning: Hi from warnings")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE, encoding="utf-8"
    )
