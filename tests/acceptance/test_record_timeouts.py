"""Calls of a recorded script that give up after a timeout: the log has the timeout, and so has its scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recorded import record
from support import Event

from run_scenario import loader
from run_scenario.report.sentences import sentence

SCRIPT = """
import concurrent.futures, multiprocessing, queue, sys, threading

def begin(event):
    global gate
    gate = event

def wait(number):
    gate.wait()
    return number

def give_up(exception, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except exception:
        pass
    else:
        raise RuntimeError(f"{call} has not given up")

def try_all(tasks, full, lock, semaphore, flag, condition, barrier, end):
    for _ in range(3):
        give_up(queue.Empty, tasks.get, timeout=0.02)
    give_up(queue.Empty, tasks.get, True, 0.01)
    give_up(queue.Empty, tasks.get, False)
    give_up(queue.Full, full.put, 1, timeout=0.03)
    give_up(queue.Full, full.put_nowait, 1)
    print(lock.acquire(timeout=0.04), lock.acquire(False), semaphore.acquire(True, 0.05), flag.wait(0.06))
    with condition:
        print(condition.wait(0.07))
    give_up(threading.BrokenBarrierError, barrier.wait, 0.08)
    print(end.poll(0.09), end.poll())

def try_managed(lock, flag, condition):
    print(lock.acquire(True, 0.04), flag.wait(0.06))
    with condition:
        print(condition.wait(0.07))

def main():
    lock, semaphore, gate = multiprocessing.Lock(), multiprocessing.Semaphore(0), multiprocessing.Event()
    tasks, full = multiprocessing.Queue(), multiprocessing.Queue(1)
    lock.acquire()
    full.put("only")
    ours, theirs = multiprocessing.Pipe()
    more = multiprocessing.Event(), multiprocessing.Condition(), multiprocessing.Barrier(2)
    trying = multiprocessing.Process(target=try_all, args=(tasks, full, lock, semaphore, *more, theirs), name="Trying")
    trying.start()
    trying.join()
    full.get()
    lock.release()
    with multiprocessing.Manager() as manager:
        held = manager.Lock(), manager.Event(), manager.Condition()
        held[0].acquire()
        waiting = multiprocessing.Process(target=try_managed, args=held)
        waiting.start()
        waiting.join()
        held[0].release()
    with multiprocessing.Pool(1, begin, (gate,)) as pool:
        given = pool.apply_async(wait, (1,))
        give_up(multiprocessing.TimeoutError, given.get, 0.01)
        numbers = pool.imap(wait, [2])
        give_up(multiprocessing.TimeoutError, numbers.next, timeout=0.02)
        process = multiprocessing.Process(target=gate.wait, name="Waiting")
        process.start()
        process.join(0.03)
        gate.set()
        print(given.get(100), numbers.next(100))
        process.join(100)
    gate.clear()
    with concurrent.futures.ProcessPoolExecutor(1, None, begin, (gate,)) as executor:
        give_up(concurrent.futures.TimeoutError, executor.submit(wait, 3).result, timeout=0.03)
        give_up(concurrent.futures.TimeoutError, lambda: list(executor.map(wait, [4], timeout=0.04)))
        gate.set()

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
"""


def timeouts(events: list[Event]) -> list[Any]:
    """Return which timeouts calls had, where they had any, and how many had each."""
    found: dict[float | None, int] = {}
    for event in events:  # answers that are alike are one event, or several where that takes its time
        found[event.get("timeout")] = found.get(event.get("timeout"), 0) + event.get("times", 1)
    return list(found.items())


def test_timeouts(tmp_path: Path, method: str) -> None:
    """Each is in the event that tells how the call ended; what was asked alike, one after another, is one event."""
    recorded = record(tmp_path, SCRIPT, method)
    assert (0, "") == (recorded.status, recorded.stderr)
    log = recorded.log

    def tried(event: str) -> list[Any]:
        return timeouts(log.all(event, "Trying"))

    assert [(0.02, 3), (0.01, 1), (None, 1)] == tried("queue.empty")
    assert [(0.03, 1), (None, 1)] == tried("queue.full")
    assert [(0.04, 1), (None, 1)] == tried("lock.not_acquired")
    assert [(0.05, 1)] == tried("semaphore.not_acquired")
    assert [(0.06, 1)] == tried("event.waited")
    assert [(0.07, 1)] == tried("condition.waited")
    assert [(0.08, 1)] == tried("barrier.broken")
    assert [(0.09, 1), (None, 1)] == tried("pipe.polled")
    other = log.one("process.started", target := log.all("lock.not_acquired")[-1]["process"])["process"]
    assert other == target != "Trying"
    assert [0.04, 0.06, 0.07] == [
        log.one(event, other)["timeout"] for event in ("lock.not_acquired", "event.waited", "condition.waited")
    ]
    assert 0.03 == log.one("process.join_timed_out", "Waiting")["timeout"]
    gave_up = [event for event in log.all("pool.call_failed") if event["exception"] == "TimeoutError"]
    assert [0.01, 0.02, 0.03, 0.04] == [event["timeout"] for event in gave_up]
    assert "within 0.02 s: it was empty" in sentence(log.all("queue.empty", "Trying")[0])


def test_they_are_in_the_scenario_of_the_script(tmp_path: Path) -> None:
    """Each step has its own; that of a pool's result is a comment."""
    scenario, script = tmp_path / "script.yaml", tmp_path / "script.py"
    script.write_text(SCRIPT.replace("target=try_all", "target=lambda *given: try_all(*given)"))
    record(tmp_path, script, "fork", options=("--scenario", str(scenario)))
    written = scenario.read_text()
    for words in (
        "- {get: tasks, timeout: 0.02, raises: Empty}",
        "- {get: tasks, timeout: 0.01, raises: Empty}",
        "- {get: tasks, block: false, raises: Empty}",
        "- {put: null, to: full, timeout: 0.03, raises: Full}",
        "- {put: null, to: full, block: false, raises: Full}",
        "- {acquire: lock, timeout: 0.04}",
        "- {acquire: lock, block: false}",
        "- {acquire: semaphore, timeout: 0.05}",
        "timeout: 0.06}",
        "timeout: 0.07}",
        "timeout: 0.08, raises: BrokenBarrierError}",
        "timeout: 0.09}",
        "in vain, 0.01 s",
    ):
        assert words in written
    loader.load(scenario).require()
