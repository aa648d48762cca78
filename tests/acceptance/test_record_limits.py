"""`record`: limits make the recording thinner, and the log says so; the program does what it does without."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from recorded import Recorded, plainly, record
from support import COMMAND, PATIENCE

BUSY = """
import multiprocessing, resource, sys, time

def limit():
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))

def work(tasks, results):
    for task in iter(tasks.get, None):
        results.put(f"answer to {task}")

def do_much():
    tasks, results = multiprocessing.Queue(), multiprocessing.Queue()
    limit()
    tasks.put("question")
    time.sleep(0.02)  # the log ends 10 ms before it is noticed that there is no more room: at the first get()
    workers = [multiprocessing.Process(target=work, args=(tasks, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for number in range(1500):
        tasks.put(f"question {number}")
    print(sum(len(results.get()) for _ in range(1501)))
    for worker in workers:
        tasks.put(None)
    for worker in workers:
        worker.join()
    print([worker.exitcode for worker in workers], flush=True)
"""
ENDS = """
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    do_much()
    sys.exit(5)
"""
STANDS_STILL = """
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    lock = multiprocessing.Lock()
    lock.acquire()
    do_much()
    lock.acquire()
"""
CLAIMS = ("queue.left_over", "queue.items_lost", "process.exited", "lock.abandoned", "queue.abandoned")


def check_that_it_ends_early(recorded: Recorded) -> None:
    """Check that the log says once that it has no more, and that nothing is concluded from what is not there."""
    names = [event["event"] for event in recorded.log.events]
    missing = recorded.log.one("recording.incomplete")["missing"]
    assert missing.startswith("what comes after this: there is no room for more records in ")
    assert missing.endswith(": file too large; set TMPDIR to another folder")
    assert missing in " ".join(recorded.stderr.split())
    after = set(names[names.index("recording.incomplete") + 1 :])
    assert after <= {"scenario.stalled", "scenario.finished"}
    assert not after & {*CLAIMS}


@pytest.mark.parametrize("room", [100_000, 10_000], ids=["all", "children"])
def test_without_more_room_the_program_goes_on(tmp_path: Path, method: str, room: int) -> None:
    """Be it that there is none for more records, or none for a process at all."""
    recorded = record(tmp_path, BUSY + ENDS, method, str(room))
    plain = plainly(tmp_path, tmp_path / "script.py", method, str(room))
    assert (5, plain.stdout) == (recorded.status, recorded.stdout) == (plain.returncode, plain.stdout)
    check_that_it_ends_early(recorded)
    assert recorded.log.all("queue.put") or room < 100_000
    assert "failed" == recorded.log.events[-1]["outcome"]


def test_a_deadlock_after_that_is_found_and_not_explained(tmp_path: Path, method: str) -> None:
    """Who waits for what is known; who has the lock would be told by what is not recorded."""
    recorded = record(tmp_path, BUSY + STANDS_STILL, method, "100000")
    assert 3 == recorded.status
    check_that_it_ends_early(recorded)
    diagnosis = recorded.stall()["diagnosis"]
    assert ("unknown", [], []) == (diagnosis["kind"], diagnosis["resources"], diagnosis["could_have_moved"])
    assert ["lock (script.py:31)"] == [wait["resource"] for wait in diagnosis["waits"]]


def test_a_log_that_is_long_enough_is_left_so(tmp_path: Path, method: str) -> None:
    """With --max-log, its end alone comes after that."""
    recorded = record(tmp_path, BUSY + ENDS, method, "-1", options=("--max-log", "50K"))
    assert 5 == recorded.status
    assert "--max-log allows" in recorded.log.one("recording.incomplete")["missing"]
    assert ["recording.incomplete", "scenario.finished"] == [event["event"] for event in recorded.log.events[-2:]]
    assert "failed" == recorded.log.events[-1]["outcome"]


@pytest.mark.parametrize("most", [2_000, 60_000])
def test_a_log_ends_with_the_event_that_is_too_much(tmp_path: Path, most: int) -> None:
    """However much there is to write at once."""
    recorded = record(tmp_path, BUSY + ENDS, "fork", "-1", options=("--max-log", str(most)))
    [log] = tmp_path.glob("*.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(recorded.log.events)
    full = next(number for number, line in enumerate(lines) if b"--max-log" in line)
    before = sum(map(len, lines[: full - 1]))
    assert before <= most < before + len(lines[full - 1])


def test_a_log_that_cannot_be_written_does_not_stop_the_program(tmp_path: Path, method: str) -> None:
    """It is said at the end."""
    (tmp_path / "script.py").write_text(BUSY + ENDS)
    command = [*COMMAND, "record", "--log", "/dev/full", "script.py", method, "-1"]
    recorded = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (5, plainly(tmp_path, tmp_path / "script.py", method, "-1").stdout) == (recorded.returncode, recorded.stdout)
    assert "not everything is recorded: cannot write the log to /dev/full: no space left on device" in " ".join(
        recorded.stderr.split()
    )
