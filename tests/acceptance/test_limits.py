"""How much a run may take, and what becomes of it when the machine has no more."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, Result, read_events, run, scenario, search_path

Play = Callable[..., Result]
Process = dict[str, Any]

TOO_MUCH: dict[str, tuple[Process, tuple[str, ...], int]] = {
    "processes": ({"target": "actors:fork_for_ever"}, ("--max-processes", "20"), 20),
    "threads": ({"target": "actors:start_threads", "args": [100]}, ("--max-threads", "50"), 50),
    "memory": (
        {"target": "allocate_memory", "kwargs": {"megabytes": 300, "seconds": 60}},
        ("--max-memory", "200M"),
        200 << 20,
    ),
    "items": ({"target": "actors:put_and_wait", "kwargs": {"count": 1_000}, "to": "q"}, ("--max-items", "500"), 500),
}


@pytest.mark.parametrize("limit", TOO_MUCH)
def test_too_much_is_stopped(tmp_path: Path, limit: str) -> None:
    """Beyond a limit the run is stopped with status 3, and the message names the option that allows more."""
    process, option, most = TOO_MUCH[limit]
    result = run(tmp_path, scenario(process, queues={"q": {}} if "to" in process else {}), *option)
    event = result.log.one("scenario.limit_reached")
    assert (3, "limit_exceeded") == (result.status, result.outcome)
    assert (limit, most, option[0]) == (event["limit"], event["most"], event["option"])
    assert event["found"] > most
    assert option[0] in result.stderr


def test_a_full_log_takes_only_last_words(tmp_path: Path) -> None:
    """After the limit come the verdicts and the end, which says how much was left out."""
    process = {"name": "P", "target": "actors:print_for_ever", "args": ["text", 10]}
    expect = [{"exists": {"event": "process.output", "process": "P"}}, {"absent": {"event": "process.failed"}}]
    result = run(tmp_path, scenario(process, expect=expect), "--max-log", "100K")
    event, names = result.log.one("scenario.limit_reached"), result.log.names()
    assert (3, "limit_exceeded", "--max-log") == (result.status, result.outcome, event["option"])
    after = names[names.index("scenario.limit_reached") + 1 :]
    assert ["expectation.passed", "expectation.inconclusive", "scenario.finished"] == after
    assert "later events were left out" in result.log.finished["reasons"][0]


OUTPUT = {
    "print": {"name": "P", "target": "actors:print_and_return", "args": ["0123456789", 30_000]},
    "descriptor": {"name": "P", "target": "actors:write_past_python", "args": [2]},
    "descriptor, three bytes a character": {
        "name": "P",
        "target": "actors:write_past_python",
        "args": [2, 15 * "\N{EURO SIGN}"],
    },
}


@pytest.mark.parametrize("way", OUTPUT)
def test_output_is_cut_off(tmp_path: Path, way: str) -> None:
    """What one process prints beyond the limit is left out; it goes on, and the others' output is told."""
    other = {"name": "O", "target": "actors:print_and_return", "args": ["other", 1]}
    result = run(tmp_path, scenario(OUTPUT[way], other), "--max-output", "10K")
    told = sum(len(text) + 1 for text in result.log.output("P"))
    assert (0, ["other"]) == (result.status, result.log.output("O"))
    assert 10 * 1024 - 20 <= told <= 10 * 1024 + 20
    assert "--max-output" == result.log.one("process.output_cut_off", "P")["option"]


@pytest.mark.parametrize(("size", "limit"), [(100_000, "64K"), (2_000, "1K")])
def test_a_large_item_is_not_sent(play: Play, size: int, limit: str) -> None:
    """It is told as dropped, under each start method; what is put after it arrives, and pipes raise."""
    queues = {"q": {"collect": 1}}
    sender = {"name": "S", "target": "actors:put_large_and_small", "kwargs": {"size": size}, "to": "q"}
    expect = [{"exists": {"event": "queue.item_dropped"}}]
    result = play(scenario(sender, queues=queues, expect=expect), "--max-payload", limit)
    assert 0 == result.status, result.stderr
    assert "--max-payload" in result.log.one("queue.item_dropped")["error"]
    assert "small" == result.log.one("queue.get")["item"]
    assert [] == result.log.all("queue.items_lost")


def test_who_waits_for_a_large_item_is_told_why(tmp_path: Path) -> None:
    """It was dropped for its size, which is another matter than that it cannot be pickled."""
    sender = {"name": "S", "target": "actors:put_large_and_small", "kwargs": {"size": 100_000}, "to": "q"}
    expect = [{"conserved": "q"}]
    result = run(tmp_path, scenario(sender, queues={"q": {"collect": 2}}, expect=expect), "--max-payload", "64K")
    dropped = "of 2 put, 1 taken and 1 dropped, because it was too large (--max-payload)"
    assert (3, True) == (result.status, dropped in result.log.finished["reasons"][0])
    judged = result.log.one("expectation.failed", pattern="conserved")
    assert judged["reason"].startswith("queue 'q': an item was dropped: ValueError: more bytes in one item")
    assert "--max-payload" in judged["reason"]


def test_open_files(tmp_path: Path) -> None:
    """The processes have the limit that was given."""
    result = run(tmp_path, scenario({"name": "P", "target": "actors:tell_open_files"}), "--max-open-files", "100")
    assert (0, ["100"]) == (result.status, result.log.output("P"))


@pytest.mark.parametrize(
    ("option", "status", "words"),
    [
        (("--max-open-files", "12"), 4, "or --max-open-files "),
        (("--max-open-files", "1000000000"), 2, "the system allows "),
    ],
)
def test_open_files_that_cannot_do(tmp_path: Path, option: tuple[str, str], status: int, words: str) -> None:
    """What a scenario surely needs is asked for before anything is started."""
    result = run(tmp_path, scenario({"target": "hang"}), *option)
    assert (status, []) == (result.status, result.log.all("process.starting"))
    assert words in result.stderr


def _limited(tmp_path: Path, text: str, limit: str, tmp: Path | None = None) -> tuple[int, list[Any], str]:
    """Run a scenario in a shell with less of something; return status, events and standard error."""
    done = _in_shell(tmp_path, text, limit, tmp)
    assert "Traceback" not in done.stderr
    return done.returncode, read_events(done.stdout), done.stderr


def _in_shell(tmp_path: Path, text: str, limit: str, tmp: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a scenario in a shell with less of something; see that nothing is left behind."""
    (tmp_path / "case.yaml").write_text(text)
    environment = {**os.environ, "PYTHONPATH": search_path(), "TMPDIR": str(tmp or tmp_path)}
    command = ["sh", "-c", f'{limit}; exec "$@"', "sh", *COMMAND, "case.yaml", "--allow", "actors"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    left = [name for name in os.listdir(tmp or tmp_path) if name.startswith("run-scenario-")]
    assert [] == left, f"{limit}: {done.returncode}, {done.stderr}"
    return done


def test_without_room_in_files(tmp_path: Path) -> None:
    """Where no file may be as large as a record's chunk, the run is broken off with status 4, and says why."""
    # Python would write compiled modules that break off, for all tests after this one.
    limits = "export PYTHONDONTWRITEBYTECODE=1; ulimit -f 50"
    status, events, errors = _limited(tmp_path, scenario({"target": "hang"}), limits)
    assert (4, "internal_error") == (status, events[-1]["outcome"])
    assert "File too large" in errors


def test_without_room_for_a_thread(tmp_path: Path) -> None:
    """Where the runner has no memory for a thread that follows the run, the log comes when the run is over."""
    limits = "ulimit -s 1000000; ulimit -v 900000"  # a stack for a thread is as large as -s says
    status, events, errors = _limited(tmp_path, scenario({"target": "print_info"}), limits)
    assert (0, "passed", "") == (status, events[-1]["outcome"], errors)


def test_without_memory(tmp_path: Path) -> None:
    """A process that gets no more memory fails as in a plain script; what it wrote before is in the log."""
    hungry = {"target": "allocate_memory", "kwargs": {"megabytes": 4_000}}
    status, events, _ = _limited(tmp_path, scenario(hungry), "ulimit -v 1000000")
    [failed] = [e for e in events if e["event"] == "process.failed"]
    assert (1, "MemoryError") == (status, failed["exception"])


@pytest.mark.campaign
def test_without_memory_for_itself(tmp_path: Path) -> None:
    """Wherever run-scenario itself runs out of memory, it ends with status 4 and leaves nothing behind.

    Mostly it says so in words; but Python itself does not always name what has happened to it (SystemError).
    """
    # Python 3.12 may try for ever to raise its first MemoryError: it gets ten times the processor time that it needs.
    modules = "run_scenario.cli.entry_point, run_scenario.runtime.runner"
    door = f'ulimit -t 5; ulimit -v "$1"; exec "$2" -c "import {modules}"'

    def suffices(limit: int) -> bool:
        command = ["sh", "-c", door, "sh", str(limit), sys.executable]
        return not subprocess.run(command, stderr=subprocess.DEVNULL).returncode

    enough = min(itertools.takewhile(suffices, range(100_000, 0, -2_000)))
    text = scenario({"target": "print_info"})
    told = [_in_shell(tmp_path, text, f"ulimit -v {enough + more}") for more in range(1_000, 25_000, 1_000)]
    assert {0, 4} >= {done.returncode for done in told}
    assert any("there is not enough memory for it" in done.stderr for done in told)


GIVE_UP = """
from run_scenario.cli.entry_point import main
from run_scenario.runtime import runner
from run_scenario.runtime.supervisor.client import SupervisorClient

def fail(*_):
    raise MemoryError

runner._Run._follow = SupervisorClient.stop_and_wait = fail
raise SystemExit(main(["case.yaml"]))
"""


def test_without_memory_to_wait_for_the_end(tmp_path: Path) -> None:
    """Where the runner can neither follow the run nor wait for its end, the run is ended, and nothing is kept of it."""
    (tmp_path / "case.yaml").write_text(scenario({"target": "hang"}))
    environment = {**os.environ, "PYTHONPATH": search_path(), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", GIVE_UP]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert 4 == done.returncode
    assert "there is not enough memory for it" in done.stderr
    assert ["case.yaml"] == sorted(os.listdir(tmp_path))


@pytest.fixture
def few_processes(control_group: Path) -> str:
    """What a shell does to join a control group with room for seven processes and threads."""
    (control_group / "pids.max").write_text("7")
    return f"echo $$ > {control_group}/cgroup.procs"


def test_no_more_processes(tmp_path: Path, few_processes: str) -> None:
    """A target that gets no more processes fails; those that it has started are told as orphans, and swept."""
    status, events, _ = _limited(
        tmp_path, scenario({"target": "actors:fork_for_ever"}, start_method="fork"), few_processes
    )
    [failed] = [e for e in events if e["event"] == "process.failed"]
    assert (1, "BlockingIOError") == (status, failed["exception"])
    assert [e for e in events if e["event"] == "process.orphaned"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here: it takes root, and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    """Where there is no more room for records, the run ends with status 4 and tells what was recorded so far."""
    process = {"target": "actors:put_and_return", "kwargs": {"count": 80_000}, "to": "q"}
    text = scenario(process, queues={"q": {"type": "SimpleQueue", "collect": 80_000}})
    status, events, errors = _limited(tmp_path, text, "true", small_disk)
    assert (4, "internal_error") == (status, events[-1]["outcome"])
    assert "no space left in" in errors
    assert len([event for event in events if event["event"] == "queue.put"]) > 1_000


def test_a_full_disk_ends_a_long_run(tmp_path: Path, small_disk: Path) -> None:
    """Nobody goes on for hours unrecorded: the run is ended, and the option that helps is named."""
    (small_disk / "filler").write_bytes(bytes(1_200_000))
    process = {"target": "actors:print_for_ever", "args": ["text", 100]}
    status, events, errors = _limited(tmp_path, scenario(process), "true", small_disk)
    assert (4, "internal_error") == (status, events[-1]["outcome"])
    assert "set TMPDIR to another folder" in errors
    assert "scenario.timed_out" not in [event["event"] for event in events]


def test_a_full_disk_for_the_log(tmp_path: Path, small_disk: Path) -> None:
    """A log that cannot be written is an error; all lines that are there are whole."""
    log = small_disk / "log.jsonl"
    (small_disk / "filler").write_bytes(bytes(1_900_000))
    (tmp_path / "case.yaml").write_text(scenario({"target": "actors:print_and_return", "args": ["text" * 50, 2_000]}))
    command = [*COMMAND, "case.yaml", "--allow", "actors", "--log", str(log)]
    environment = {**os.environ, "PYTHONPATH": search_path()}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert 4 == done.returncode
    assert "cannot write the log to" in done.stderr
    assert log.read_text().endswith("}\n")
    assert len([json.loads(line) for line in log.read_text().splitlines()]) > 10


def test_no_room_at_all(tmp_path: Path, small_disk: Path) -> None:
    """Where the records of a scenario's processes surely have no room, nothing is started."""
    text = scenario({"target": "hang", "replicas": 30})
    status, events, errors = _limited(tmp_path, text, "true", small_disk)
    assert (4, "internal_error") == (status, events[-1]["outcome"])
    assert "process.starting" not in [event["event"] for event in events]
    assert "set TMPDIR to another folder" in errors
