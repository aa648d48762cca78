"""runtime/best_effort_thread.py: its work is waited for if it has begun, and only then."""

from __future__ import annotations

import _thread
import threading

import pytest

from run_scenario.runtime.best_effort_thread import BestEffortThread


def test_its_work_is_waited_for() -> None:
    """`join` comes back when the work is done, and not before."""
    begun, may_end, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        may_end.wait()
        done.append(threading.get_ident())

    thread = BestEffortThread(work)
    thread.start()
    begun.wait()
    threading.Timer(0.05, may_end.set).start()
    thread.join()
    assert done
    assert threading.get_ident() not in done


def test_no_room_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system starts none, nothing is done, and nobody waits."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    done: list[int] = []
    thread = BestEffortThread(lambda: done.append(1))
    thread.start()
    thread.join()
    assert not done


def test_a_thread_that_fails_before_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system starts one that gets nowhere (no memory): nobody waits; if it begins late, it does nothing."""
    late = []
    monkeypatch.setattr(_thread, "start_new_thread", lambda function, args: late.append(function))
    done: list[int] = []
    thread = BestEffortThread(lambda: done.append(1))
    thread.start()
    thread.join()
    late[0]()
    assert not done
