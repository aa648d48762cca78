"""`explore` and `replay` of scripts: whatever is made of multiprocessing and threads moves by a schedule."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import exploring
import pytest
from exploring import LOST_UPDATE, call
from support import check_log, read_events

UNTIL_EMPTY = """\
from multiprocessing import JoinableQueue, Process

def consume(tasks):
    while not tasks.empty():
        tasks.get()
        tasks.task_done()

tasks = JoinableQueue()
consumers = [Process(target=consume, args=(tasks,)) for _ in range(2)]
for consumer in consumers:
    consumer.start()
for item in range(5):
    tasks.put(item)
tasks.join()
"""
LEFT_BEHIND = """\
from multiprocessing import Process, Queue

def consume(tasks):
    while tasks.get() is not None:
        pass

tasks = Queue()
consumer = Process(target=consume, args=(tasks,))
pill = Process(target=tasks.put, args=(None,))
consumer.start()
pill.start()
tasks.put("the last one")
pill.join()
consumer.join()
"""
POOL = """\
import multiprocessing, sys

def begin(shared):
    global counter
    counter = shared

def work(item):
    seen = counter.value
    counter.value = seen + item

if __name__ == "__main__":
    total = multiprocessing.Value("i")
    with multiprocessing.Pool(2, begin, (total,)) as pool:
        pool.map(work, [1, 1], chunksize=1)
    sys.exit(total.value != 2)
"""
EXECUTOR = """\
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

with ProcessPoolExecutor(2) as executor:
    first, second = executor.submit(abs, -1), executor.submit(abs, -2)
    done, _ = wait([first, second], return_when=FIRST_COMPLETED)
    assert first in done, "the second was faster"
"""
MANAGER = """\
import multiprocessing, sys

def add(counts):
    counts["all"] = counts["all"] + 1

with multiprocessing.Manager() as manager:
    counts = manager.dict(all=0)
    adders = [multiprocessing.Process(target=add, args=(counts,)) for _ in range(2)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    total = counts["all"]
sys.exit(total != 2)
"""
THREADS = """\
import threading

one, other = threading.Lock(), threading.Lock()

def take(first, second):
    with first, second:
        pass

threads = [threading.Thread(target=take, args=locks) for locks in ((one, other), (other, one))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
FORKS = """\
import os, sys

readable, writable = os.pipe()
for letter in (b"a", b"b"):
    if not os.fork():
        os.write(writable, letter)
        os._exit(0)
os.wait()
os.wait()
sys.exit(os.read(readable, 2) != b"ab")
"""
HOLDERS = """\
import multiprocessing, sys

def work(gate, counter):
    with gate:
        counter.value += 1

if __name__ == "__main__":
    gate, counter = multiprocessing.Lock(), multiprocessing.Value("i")
    workers = [multiprocessing.Process(target=work, args=(gate, counter)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(counter.value != 2)
"""
NOTICED = """\
import multiprocessing, sys

tasks = multiprocessing.Queue()
worker = multiprocessing.Process(target=tasks.put, args=(1,))
worker.start()
worker.join()
sys.exit(worker.exitcode != 0)
"""
JOIN_BEFORE_DRAIN = """\
from multiprocessing import Process, Queue

results = Queue()
worker = Process(target=results.put, args=("x" * 5000,))
worker.start()
worker.join()
results.get()
"""
COMMA = """\
import multiprocessing, sys

tasks = multiprocessing.Queue()
worker = multiprocessing.Process(target=tasks.put, args=(1,), name="Worker, the first")
worker.start()
tasks.get()
has_ended = not worker.is_alive()
worker.join()
sys.exit(has_ended)
"""
FAULTY = {
    "lost update": (LOST_UPDATE, "failed", 1),
    "until empty": (UNTIL_EMPTY, "stalled", 3),
    "left behind": (LEFT_BEHIND, "failed", 1),
    "pool": (POOL, "failed", 1),
    "executor": (EXECUTOR, "failed", 1),
    "manager": (MANAGER, "failed", 1),
    "threads": (THREADS, "stalled", 3),
    "forks": (FORKS, "failed", 1),
}
ORDERLY = """\
import random, time
from multiprocessing import Lock, Pool, Process, Queue

def work(gate, results):
    with gate:
        time.sleep(random.random() * 3600)
        results.put(1)

gate, results = Lock(), Queue()
workers = [Process(target=work, args=(gate, results)) for _ in range(2)]
for worker in workers:
    worker.start()
assert [1, 1] == [results.get(timeout=86_400) for _ in workers]
for worker in workers:
    worker.join()
with Pool(2) as pool:
    assert [1, 2] == pool.map(abs, [-1, -2])
print("done")
"""


explore = partial(exploring.explore, file="it.py")


@pytest.mark.parametrize("fault", FAULTY)
def test_what_is_found_happens_again(tmp_path: Path, fault: str) -> None:
    """It is found within fifty schedules, whatever it is made of, and a replay comes to it, with a log in order."""
    text, outcome, status = FAULTY[fault]
    told = explore(tmp_path, text, "2", "--schedules", "50", status=1)
    finding = told["finding"]
    assert ("found", outcome, 3, 3) == (
        told["verdict"],
        finding["outcome"],
        finding["replays"],
        finding["replays_alike"],
    )
    assert len(finding["switches"]) <= 10, finding
    assert [] == told["not_controlled"]
    assert finding["reasons"]
    done = call(tmp_path, "replay", finding["kept"], "it.py", "--log", "it.jsonl")
    events = read_events((tmp_path / "it.jsonl").read_text())
    check_log(events)
    assert status == done.returncode
    assert "does not fit" not in done.stderr


@pytest.mark.campaign
def test_what_is_lost(tmp_path: Path) -> None:
    """It is said which item; where something else is expected, that decides."""
    told = explore(tmp_path, LEFT_BEHIND, "--schedules", "50", status=1)
    assert ["1 item is left on 'tasks (it.py:7)': 'the last one'"] == told["finding"]["reasons"]
    (tmp_path / "expect.yaml").write_text("version: 1\nexpect:\n  - exists: {event: queue.put, item: the last one}\n")
    told = explore(tmp_path, LEFT_BEHIND, "--schedules", "20", "--expect", "expect.yaml", status=0)
    assert "not_found" == told["verdict"]


@pytest.mark.campaign
def test_where_somebody_is_killed(tmp_path: Path) -> None:
    """Others wait for ever: that is found; what is lost, and an exit code that says so, are not judged."""
    told = explore(tmp_path, HOLDERS, "--kill", "--schedules", "60", status=1)
    finding = told["finding"]
    assert ("found", "stalled", 3) == (told["verdict"], finding["outcome"], finding["replays_alike"])
    assert any(" is killed before `gate.release()`" in each for each in finding["switches"]), finding
    done = call(tmp_path, "replay", finding["kept"], "it.py")
    assert 3 == done.returncode
    assert "does not fit" not in done.stderr
    told = explore(tmp_path, NOTICED, "--kill", "--schedules", "12", status=0)
    assert ["how the processes of the script end, and what they lose"] == told["not_judged"]
    (tmp_path / "expect.yaml").write_text("version: 1\nexpect:\n  - conserved: tasks\n")
    told = explore(tmp_path, NOTICED, "--kill", "--schedules", "12", "--expect", "expect.yaml", status=1)
    assert "failed" == told["finding"]["outcome"]
    done = call(tmp_path, "replay", told["finding"]["kept"], "it.py")
    assert 1 == done.returncode
    assert "does not fit" not in done.stderr


@pytest.mark.campaign
def test_the_room_in_pipes(tmp_path: Path) -> None:
    """Where it is small, a script hangs that needs much data otherwise; one that is right goes well with a page."""
    told = explore(tmp_path, JOIN_BEFORE_DRAIN, "--schedules", "3", "--pipe-capacity", "4K", status=1)
    finding = told["finding"]
    assert "stalled" == finding["outcome"]
    assert "do not fit into its pipe" in finding["reasons"][0]
    assert 3 == call(tmp_path, "replay", finding["kept"], "it.py").returncode
    assert 0 == call(tmp_path, "replay", finding["kept"], "it.py", "--pipe-capacity", "64K").returncode
    assert "not_found" == explore(tmp_path, ORDERLY, "--schedules", "3", "--pipe-capacity", "4K", status=0)["verdict"]


def test_how_it_is_told(tmp_path: Path) -> None:
    """The switches name what the script has made; of threads it is said what they wait for."""
    (finding,) = [explore(tmp_path, LOST_UPDATE, "2", "--schedules", "20", status=1)["finding"]]
    assert any("`counter.write()`" in each for each in finding["switches"]), finding
    reasons = explore(tmp_path, THREADS, "--schedules", "20", status=1)["finding"]["reasons"]
    waits = [each for each in reasons if each.endswith("waits in `acquire lock (it.py:3)`")]
    assert 2 == len(waits), reasons


def test_how_threads_are_called(tmp_path: Path) -> None:
    """By their names, whatever that of their process is: with no number that tells them apart."""
    finding = explore(tmp_path, COMMA, "--schedules", "40", status=1)["finding"]
    assert any(each.endswith("Worker, the first goes on, with `join feeder of tasks`") for each in finding["switches"])
    assert "`look at Worker, the first`, after `join feeder of tasks` of" in finding["difference"]["bad"]["text"]


def test_nothing_is_found(tmp_path: Path) -> None:
    """Nothing of what the script prints is seen, time and chance are the same each time, and no file is left."""
    told = explore(tmp_path, ORDERLY, "--schedules", "12", status=0)
    assert ("not_found", 12, [], None) == (told["verdict"], told["schedules"], told["reasons"], told["finding"])
    assert ["it.py"] == os.listdir(tmp_path)


def test_chance_is_the_same(tmp_path: Path) -> None:
    """So is the order of a set, which is another one in each interpreter."""
    text = "import random\nprint(random.random(), {str(n) for n in range(20)}, flush=True)\nraise SystemExit(1)\n"
    finding = explore(tmp_path, text, "--schedules", "1", status=1)["finding"]
    first, second = (call(tmp_path, "replay", finding["kept"], "it.py") for _ in range(2))
    assert (1, first.stdout) == (second.returncode, second.stdout)
    assert first.stdout.startswith("0.")


NOT_CONTROLLED = {
    "raw memory": ("from multiprocessing import RawValue\nRawValue('i')\n", "raw shared memory (it.py:2)"),
    "no lock": ("import multiprocessing\nmultiprocessing.Value('i', lock=False)\n", "raw shared memory (it.py:2)"),
    "block": (
        "from multiprocessing.shared_memory import SharedMemory\nSharedMemory(create=True, size=1).unlink()\n",
        "raw shared memory (it.py:2)",
    ),
    "mapped": ("import mmap\nmmap.mmap(-1, 10)\n", "memory that is mapped (it.py:2)"),
    "plain thread": (
        "import _thread\n_thread.start_new_thread(print, ())\n",
        "a thread that `_thread` has started (it.py:2)",
    ),
}


@pytest.mark.parametrize("what", NOT_CONTROLLED)
def test_what_is_not_controlled(tmp_path: Path, what: str) -> None:
    """It is named, with its place, and nothing is claimed."""
    text, reason = NOT_CONTROLLED[what]
    told = explore(tmp_path, text, "--schedules", "5", status=1)
    assert "inconclusive" == told["verdict"]
    assert any(each.endswith(reason) for each in told["reasons"]), told


def test_other_programs(tmp_path: Path) -> None:
    """They are waited for as they are, and it is said that there are some."""
    text = "import subprocess\nsubprocess.run(['true'], check=True)\n"
    told = explore(tmp_path, text, "--schedules", "3", status=0)
    assert ["another program is started, and does what it does within a step (it.py:2)"] == told["not_controlled"]
    assert "not_found" == told["verdict"]


def test_a_script_is_run_only_if_it_is_named(tmp_path: Path) -> None:
    """What a schedule names is not: it may be somebody else's. One that has changed is replayed as far as it goes."""
    finding = explore(tmp_path, LOST_UPDATE, "2", "--schedules", "20", status=1)["finding"]
    schedule, script = finding["kept"], "it.py"
    (tmp_path / "it.py").write_text(f"open('ran', 'w')\n{LOST_UPDATE}")
    done = call(tmp_path, "replay", schedule)
    assert (2, "") == (done.returncode, done.stdout)
    assert f"is for a script, which you have to name: run-scenario replay {schedule} {script}" in done.stderr
    assert not (tmp_path / "ran").exists()
    done = call(tmp_path, "replay", schedule, script)
    assert 1 == done.returncode
    assert "the script has changed since, and the schedule still fits" in done.stderr
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py"], "there is no script 'missing.py'"),
        (["it.py", "--set", "workers=3"], "--set is for the parameters of a scenario"),
        (["it.py", "--allow", "json"], "--allow is for what a scenario names"),
        (["names", "3"], "only a script gets arguments"),
        (["it.py", "--expect", "missing.yaml"], "missing.yaml"),
    ],
)
def test_what_cannot_be_explored(tmp_path: Path, arguments: list[str], message: str) -> None:
    """It is refused before anything is run."""
    (tmp_path / "it.py").write_text("open('ran', 'w')\n")
    done = call(tmp_path, "explore", *arguments)
    assert (2, "") == (done.returncode, done.stdout)
    assert message in done.stderr
    assert ["it.py"] == os.listdir(tmp_path)
