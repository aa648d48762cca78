"""`explore` and `replay` of processes that are no forks: they are told whom to ask before they import anything."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from exploring import KILLED_HOLDER, LOCK_ORDER, call, explore, without_what_order_decides
from support import COMMAND, PATIENCE, check_log, processes_with, read_events

from effort import in_part
from run_scenario import bundled

METHODS = ("spawn", "forkserver")
SCRIPT = """\
import multiprocessing, random, sys, threading, time

CHANCE = random.random()
GATE = threading.Lock()

def add(counter, results):
    seen = counter.value
    with GATE:
        counter.value = seen + 1
    results.put((CHANCE, random.random(), [*{"a", "b", "c", "d"}]))

if __name__ == "__main__":
    multiprocessing.set_start_method("METHOD")
    counter, results = multiprocessing.Value("i"), multiprocessing.Queue()
    began = time.time()
    adders = [multiprocessing.Process(target=add, args=(counter, results)) for _ in range(2)]
    for adder in adders:
        adder.start()
    time.sleep(3600)
    for adder in adders:
        adder.join(60)
    print(sorted(results.get() for _ in adders), flush=True)
    assert 3600 <= time.time() - began < 3700
    sys.exit(counter.value != 2)
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
    multiprocessing.set_start_method("METHOD")
    total = multiprocessing.Value("i")
    with multiprocessing.Pool(2, begin, (total,)) as pool:
        pool.map(work, [1, 1], chunksize=1)
    sys.exit(total.value != 2)
"""
NOT_IMPORTED = """\
import multiprocessing, sys

if __name__ == "__mp_main__":
    raise ImportError("only the main program can be imported")

if __name__ == "__main__":
    multiprocessing.set_start_method("METHOD")
    never = multiprocessing.Process(target=print)
    never.start()
    never.join(5)
    sys.exit(never.exitcode != 1)
"""
OWN_PIPE = """\
import multiprocessing

def fill():
    reader, writer = multiprocessing.Pipe(duplex=False)
    writer.send_bytes(bytes(10_000))
    reader.recv_bytes()

if __name__ == "__main__":
    multiprocessing.set_start_method("METHOD")
    filler = multiprocessing.Process(target=fill)
    filler.start()
    filler.join()
"""
KILLED = KILLED_HOLDER.replace("version: 1\n", "version: 1\nstart_method: METHOD\n")
ALIKE = (
    *("supervisor", "three-levels", "kill-and-terminate", "managed-queue", "short-lived-workers", "executor"),
    *("daemon-cleanup", "never-joined", "outlives-its-join", "crash-isolation", "apply-async"),
    *("wake-up", "token-ring", "print-spooler", "is-alive", "array-in-parts", "thread-workers", "manager-dict"),
)
"""Bundled scenarios that have, among them, all that a process may be a part of, or be asked for by its parent."""


def text_of(name: str, method: str) -> str:
    """Return the text of a bundled scenario whose processes are started so."""
    path = bundled.find_scenario(name)
    assert path is not None
    text = re.sub(r"(?m)^start_method:.*\n", "", Path(path).read_text())
    return text.replace("version: 1\n", f"version: 1\nstart_method: {method}\n")


@pytest.mark.parametrize("method", METHODS)
def test_the_first_example(tmp_path: Path, method: str) -> None:
    """The consumers that leave when the queue is empty: in three schedules at most, and so again, with its log."""
    told = explore(tmp_path, text_of("consumers-until-empty", method), "--schedules", "3", status=1)
    finding = told["finding"]
    assert ("found", "stalled", 3, 3) == (
        told["verdict"],
        finding["outcome"],
        finding["replays"],
        finding["replays_alike"],
    )
    assert [] == told["not_controlled"]
    done = call(tmp_path, "replay", finding["kept"], "--format", "json")
    events = read_events(done.stdout)
    check_log(events)
    assert (3, "stalled") == (done.returncode, events[-1]["outcome"])
    assert "does not fit" not in done.stderr
    (started,) = (each for each in events if each["event"] == "scenario.started")
    assert method == started["start_method"]
    assert any("task_done() is missing for" in reason for reason in events[-1]["reasons"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("text", "options"), [(LOCK_ORDER, []), (KILLED, []), (LOCK_ORDER, ["--kill"])], ids=["order", "killed", "kills"]
)
def test_a_deadlock(tmp_path: Path, text: str, options: list[str], method: str) -> None:
    """It takes a lock that is the same in all processes; who is killed is seen to be over by whoever joins it."""
    text = text.replace("METHOD", method) if "METHOD" in text else f"start_method: {method}\n{text}"
    told = explore(tmp_path, text, "--schedules", "60", *options, status=1)
    finding = told["finding"]
    assert ("stalled", 3, 3) == (finding["outcome"], finding["replays"], finding["replays_alike"])


@pytest.mark.campaign
@pytest.mark.parametrize("method", METHODS)
def test_a_script(tmp_path: Path, method: str) -> None:
    """A lost update is found in one; chance, the order of sets and the clock are the same in each of its runs."""
    told = explore(tmp_path, SCRIPT.replace("METHOD", method), "--schedules", "30", status=1, file="it.py")
    finding = told["finding"]
    assert ("failed", 3, 3) == (finding["outcome"], finding["replays"], finding["replays_alike"])
    assert ([], []) == (told["reasons"], told["not_controlled"])
    first, second = (call(tmp_path, "replay", finding["kept"], "it.py") for _ in range(2))
    assert (1, first.stdout) == (second.returncode, second.stdout)
    assert first.stdout.startswith("[(0.")


@pytest.mark.campaign
@pytest.mark.parametrize("method", METHODS)
def test_a_pool_in_a_script(tmp_path: Path, method: str) -> None:
    """Its workers are started by a thread, and so is who takes the place of one that has ended."""
    told = explore(tmp_path, POOL.replace("METHOD", method), "--schedules", "60", status=1, file="it.py")
    assert ("failed", 3) == (told["finding"]["outcome"], told["finding"]["replays_alike"])


@pytest.mark.parametrize("method", METHODS)
def test_who_ends_before_it_begins(tmp_path: Path, method: str) -> None:
    """Nobody waits for its hello; who has started it sees the end."""
    told = explore(tmp_path, NOT_IMPORTED.replace("METHOD", method), "--schedules", "2", status=1, file="it.py")
    (reason,) = told["finding"]["reasons"]
    assert reason.startswith("Process-1 ended with exit code 1")
    assert 3 == told["finding"]["replays_alike"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", in_part(ALIKE, 5))
def test_a_controlled_run_comes_to_the_same(tmp_path: Path, name: str, method: str) -> None:
    """Items, tasks and exit codes are those of a free run, also of pools, executors and managers."""
    (tmp_path / "it.yaml").write_text(text_of(name, method))
    kept = {"schedule": 1, "scenario": "it.yaml", "digest": "", "outcome": "", "switches": []}
    (tmp_path / "usual.schedule.json").write_text(json.dumps(kept))
    controlled = call(tmp_path, "replay", "usual.schedule.json", "--format", "json").stdout
    free = call(tmp_path, "run", "it.yaml", "--format", "json").stdout
    assert without_what_order_decides(name, free) == without_what_order_decides(name, controlled)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(tmp_path: Path, number: signal.Signals, method: str) -> None:
    """However the command ends in the midst of it: no process, also none of multiprocessing's own, and no folder."""
    in_order = LOCK_ORDER.replace("{with: two, steps: [{with: one", "{with: one, steps: [{with: two")
    (tmp_path / "it.yaml").write_text(f"start_method: {method}\n{in_order}")
    (tmp_path / "tmp").mkdir()
    value = os.urandom(8).hex()
    marker = f"RUN_SCENARIO_TEST={value}"
    with subprocess.Popen(
        [*COMMAND, "explore", "it.yaml", "--schedules", "100000"],
        cwd=tmp_path,
        env={**os.environ, "RUN_SCENARIO_TEST": value, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while len(processes_with(marker)) < 5:  # the command, the supervisor, the main program, a tracker, a process
            assert process.poll() is None
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    while processes_with(marker):  # they end by themselves
        pass
    assert [] == os.listdir(tmp_path / "tmp")


@pytest.mark.campaign
@pytest.mark.parametrize("method", METHODS)
def test_the_room_in_pipes(tmp_path: Path, method: str) -> None:
    """It is limited in pipes that such a process makes, too."""
    script = OWN_PIPE.replace("METHOD", method)
    assert "not_found" == explore(tmp_path, script, "--schedules", "2", status=0, file="it.py")["verdict"]
    told = explore(tmp_path, script, "--schedules", "2", "--pipe-capacity", "4K", status=1, file="it.py")
    assert "stalled" == told["finding"]["outcome"]
