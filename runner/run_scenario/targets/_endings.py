"""Targets about the ways in which a process ends, or does not."""

from __future__ import annotations

import atexit
import builtins
import os
import signal
import sys
import threading
import time
from multiprocessing import Process, current_process
from signal import Signals

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import AnyEvent, ExceptionName, ExitCode, Seconds, SignalName


@target
def fail(exception: ExceptionName = "RuntimeError", message: str = "failed on purpose", after: Seconds = 0.0) -> None:
    """Raise an exception: the process prints a traceback and ends with exit code 1.

    Args:
        exception: The name of one of Python's built-in exceptions.
        message: What the exception says.
        after: Seconds of sleep before it.

    Example:
        - target: fail
          kwargs: {exception: ValueError, message: no such colour}
          exitcode: 1

    Steps:
        - raise: RuntimeError
          message: failed on purpose
    """
    time.sleep(after)
    raise getattr(builtins, exception)(message)


@target
def exit(code: ExitCode = 0, hard: bool = False, after: Seconds = 0.0) -> None:
    """Leave by `sys.exit(code)`, or at once by `os._exit(code)`.

    A hard exit skips everything: finally blocks, and also the flushing of what was put on queues. Only the last eight
    bits of the code arrive, so that 256 looks like success.

    Args:
        code: The exit code.
        hard: Whether to leave by `os._exit()`.
        after: Seconds of sleep before it.

    Example:
        - target: exit
          kwargs: {code: 3}
          exitcode: 3

    Steps:
        - exit: 0
    """
    time.sleep(after)
    if hard:
        os._exit(code)
    sys.exit(code)


def die_by(number: Signals) -> None:
    """Send a signal to this process, which may have been started with that signal ignored."""
    if number != signal.SIGKILL and threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


@target
def crash(signal: SignalName = "SIGSEGV", after: Seconds = 0.0) -> None:
    """Die by a signal, as after a fault in C code (SIGSEGV), an abort (SIGABRT) or a kill (SIGKILL).

    Nothing of the process's own runs any more. Its exit code is the signal's number, negative.

    Args:
        signal: The name of the signal that it sends to itself.
        after: Seconds of sleep before it.

    Example:
        - target: crash
          kwargs: {signal: SIGABRT}
          exitcode: -6
    """
    time.sleep(after)
    die_by(Signals[signal])


@target
def hang() -> None:
    """Sleep for ever, as one that waits for something outside of the scenario does.

    Example:
        - target: hang
          join_timeout: 1
          terminate: true
    """
    print(f"{current_process().name} waiting for ever")
    while True:
        time.sleep(3600)


@target
def with_cleanup(seconds: Seconds = 2.0, ready: AnyEvent | None = None) -> None:
    """Sleep inside a try block, with one clean-up in its finally and one registered with atexit.

    Terminated or killed, it does neither. Left alone it always does the first; the second only where the process
    shuts its interpreter down, which a spawned process does, and a forked one of Python 3.11 does not.

    Args:
        seconds: How long it sleeps.
        ready: An event that it sets before it sleeps.

    Example:
        - target: with_cleanup
          kwargs: {seconds: 10}
          join_timeout: 0.5
          terminate: true
    """
    name = current_process().name
    atexit.register(print, f"{name}: atexit cleans up")
    try:
        print(f"{name}: working")
        if ready is not None:
            ready.set()
        time.sleep(seconds)
        print(f"{name}: work is done")
    finally:
        print(f"{name}: finally cleans up")


@target
def ignore_sigterm(seconds: Seconds = 2.0, ready: AnyEvent | None = None) -> None:
    """Ignore SIGTERM and sleep: `terminate()` cannot end it, `kill()` can.

    Args:
        seconds: How long it sleeps.
        ready: An event that it sets when it ignores SIGTERM.

    Example:
        - target: ignore_sigterm
          kwargs: {seconds: 10}
          join_timeout: 0.5
          kill: true
    """
    name = current_process().name
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(f"{name} ignoring SIGTERM")
    if ready is not None:
        ready.set()
    time.sleep(seconds)
    print(f"Exiting {name}")


@target
def linger(seconds: Seconds = 1.0, daemon: bool = False) -> None:
    """Start a thread that sleeps, and return: the process ends only when its last thread does.

    Args:
        seconds: How long the thread sleeps.
        daemon: Whether the thread is a daemon; then nobody waits for it.

    Example:
        - target: linger
          kwargs: {seconds: 2}
    """
    name = current_process().name
    threading.Thread(target=time.sleep, args=(seconds,), daemon=daemon).start()
    print(f"{name} returns, a thread goes on")


@target
def fail_in_thread(message: str = "failed on purpose") -> None:
    """Raise an exception in a thread, wait for the thread, and return: the exit code is 0.

    Args:
        message: What the exception says.

    Example:
        - target: fail_in_thread
    """

    def work() -> None:
        raise RuntimeError(message)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    print(f"{current_process().name} knows nothing of it")


@target
def spawn_child(seconds: Seconds = 2.0, daemon: bool = False, ready: AnyEvent | None = None) -> None:
    """Start a child process of its own that sleeps, and wait for it.

    If this process is terminated meanwhile, nobody waits for the child any more: it is an orphan. A process that is
    a daemon may not have children: there, `start()` raises an AssertionError.

    Args:
        seconds: How long the child sleeps.
        daemon: Whether the child is a daemon, which multiprocessing terminates at the end of this process.
        ready: An event that it sets when it has the child.

    Example:
        - target: spawn_child
          kwargs: {seconds: 3}
    """
    name = current_process().name
    child = Process(name=f"{name}'s child", target=time.sleep, args=(seconds,), daemon=daemon)
    child.start()
    print(f"{name} has a child")
    if ready is not None:
        ready.set()
    child.join()
    print(f"{name}: the child has ended with exit code {child.exitcode}")
