"""`explore` and `replay`: real processes, one moving at a time; what is found happens again, every time."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from exploring import GIVES_UP, HOLDERS, KILLED_HOLDER, LOCK_ORDER, call, explore, without_what_order_decides
from support import COMMAND, PATIENCE, check_log, processes_with, read_events

from effort import in_part, rounds
from run_scenario import bundled, loader
from run_scenario.errors import UsageError
from run_scenario.runtime.exploration import limits

PHILOSOPHERS = """\
version: 1
title: Philosophers who take the left fork first
timeout: 30
sync:
  fork: {type: Lock, replicas: 3}
processes:
  - name: Philosopher
    replicas: 3
    steps:
      - with: fork-$i
        steps:
          - with: fork-${i % 3 + 1}
            steps:
              - print: $name eats
"""
LOST_UPDATE = """\
version: 1
title: An update is lost between a read and a write
timeout: 30
shared:
  counter: {type: Value, typecode: i}
processes:
  - {name: Adder, replicas: 2, target: increment, uses: {counter: counter}, kwargs: {times: 2, pause: 0}}
expect:
  - exists: {event: value.final, value: counter, content: 4}
"""
UNLOCKED = LOST_UPDATE.replace("typecode: i}", "typecode: i, lock: false}")
MISSED_NOTIFY = """\
version: 1
title: Who waits after the notification waits for ever
timeout: 30
sync:
  ready: {type: Condition}
processes:
  - {name: Waits, steps: [{with: ready, steps: [{wait: ready}]}]}
  - {name: Notifies, steps: [{with: ready, steps: [{notify: ready}]}]}
"""
LAST_ITEM = """\
version: 1
title: Two see that there is an item, and one gets it
timeout: 30
queues:
  tasks: {type: Queue, items: [1]}
processes:
  - {name: Taker, replicas: 2, steps: [{empty: tasks, as: nothing}, {if: '${not nothing}', then: [{get: tasks}]}]}
"""
BARRIER = """\
version: 1
title: A barrier is reset while one of two waits at it
timeout: 30
sync:
  line: {type: Barrier, parties: 2}
processes:
  - {name: Runner, replicas: 2, steps: [{wait: line}]}
  - {name: Starter, steps: [{reset: line}]}
"""
JOIN_BEFORE_DRAIN = """\
version: 1
title: A process cannot end before what it has put is taken, as the pipe has no room for it
timeout: 30
queues:
  results: {type: Queue}
processes:
  - {name: Writer, steps: [{put: "${'x' * 100000}", to: results}]}
  - {name: Reader, steps: [{empty: results, as: nothing}, {if: '${not nothing}', then: [{get: results}]}]}
"""
PILL_ORDER = """\
version: 1
title: One says that all is over, and what another has put comes later
timeout: 30
queues:
  tasks: {type: Queue}
processes:
  - {name: Early, steps: [{put: 1, to: tasks}]}
  - {name: Late, steps: [{put: null, to: tasks}]}
  - name: Consumer
    steps:
      - let: {item: 0}
      - while: ${item is not None}
        steps: [{get: tasks, as: item}]
expect:
  - absent: {event: queue.left_over}
"""
FAULTY = {
    "missed notify": (MISSED_NOTIFY, "stalled"),
    "killed by anybody": (HOLDERS, "stalled", "--kill"),
    "early timeout": (GIVES_UP, "failed", "--time", "any"),
    "philosophers": (PHILOSOPHERS, "stalled"),
    "seven philosophers": (PHILOSOPHERS.replace("3", "7").replace("timeout: 70", "timeout: 30"), "stalled"),
    "lock order": (LOCK_ORDER, "stalled"),
    "lost update": (LOST_UPDATE, "failed"),
    "lost update without a lock": (UNLOCKED, "failed"),
    "barrier": (BARRIER, "stalled"),
    "join before drain": (JOIN_BEFORE_DRAIN, "stalled"),
    "pill order": (PILL_ORDER, "failed"),
    "last item": (LAST_ITEM, "stalled"),
    "killed holder": (KILLED_HOLDER, "stalled"),
}
_QUICK = 3
"""How many of these, the first, are looked for each time."""
ORDERED = PHILOSOPHERS.replace("fork-$i", "fork-${min(i, i % 3 + 1)}").replace(
    "- with: fork-${i % 3 + 1}\n", "- with: fork-${max(i, i % 3 + 1)}\n"
)
SMALL = """\
version: 1
timeout: 30
sync:
  gate: {type: Lock}
processes:
  - {name: Passes, replicas: 2, steps: [{with: gate, steps: [{print: inside}]}]}
"""
LONG = """\
version: 1
title: It sleeps for a day, by a clock that does not wait
timeout: 86400
processes:
  - {name: Sleeper, target: sleep, kwargs: {seconds: 80000}}
  - name: Waiter
    steps:
      - start: Below
      - {join: Below, timeout: 3600}
      - sleep: 3600
      - join: Below
    processes:
      - {name: Below, target: sleep, kwargs: {seconds: 7300}}
"""


def without_seconds(reasons: Sequence[str]) -> list[str]:
    """Return sentences without what a clock has measured."""
    return [re.sub(r"\d+(\.\d+)? m?s\b", "some time", reason) for reason in reasons]


@pytest.mark.parametrize(
    ("fault", "seed"),
    [
        pytest.param(fault, seed, marks=[pytest.mark.campaign] if seed > 1 or number >= _QUICK else [])
        for number, fault in enumerate(FAULTY)
        for seed in (1, 2, 3)
    ],
)
def test_what_is_found_happens_again(tmp_path: Path, fault: str, seed: int) -> None:
    """It is found within a hundred schedules, needs few switches, and a replay comes to it, with a log in order."""
    text, outcome, *options = FAULTY[fault]
    told = explore(tmp_path, text, "--schedules", "100", "--seed", str(seed), *options, status=1)
    finding = told["finding"]
    assert ("found", outcome, 3, 3) == (
        told["verdict"],
        finding["outcome"],
        finding["replays"],
        finding["replays_alike"],
    )
    assert finding["schedule"] <= 100
    assert len(finding["switches"]) <= (12 if fault == "seven philosophers" else 6), finding
    assert len(finding["switches"]) <= finding["switches_before_shrinking"]
    done = call(tmp_path, "replay", finding["kept"], "--format", "json")
    events = read_events(done.stdout)
    check_log(events)
    assert (outcome, {"failed": 1, "stalled": 3}[outcome]) == (events[-1]["outcome"], done.returncode)
    # The replay is a whole run, followed while it goes on; what was explored was read at its end.
    assert without_seconds(finding["reasons"]) == without_seconds(events[-1]["reasons"])
    assert "does not fit" not in done.stderr


def test_beside_a_schedule_that_goes_well(tmp_path: Path) -> None:
    """The first step is named at which the causes differ: where the one lock was taken before, and where it was not."""
    finding = explore(tmp_path, LOCK_ORDER, status=1)["finding"]
    difference = finding["difference"]
    bad, good = difference["bad"], difference["good"]
    assert bad["does"] == good["does"] == f"{bad['does'].partition('.')[0]}.acquire()"
    assert {"Forwards", "Backwards"} >= {difference["actor"]}
    assert (None, True) == (bad["after"], good["after"] is not None)
    assert finding["switches_of_good"] is not None


def test_all_schedules(tmp_path: Path) -> None:
    """Where there are no more, it says so; where some delays are through, it says with how many."""
    one = "version: 1\ntimeout: 30\nprocesses:\n  - {name: Alone, steps: [{print: here}]}\n"
    told = explore(tmp_path, one, "--strategy", "dfs", status=0)
    assert (True, None) == (told["all_schedules"], told["most_chance_of_fault"])
    assert told["orders"] <= told["schedules"] < 100
    arguments = ["explore", "it.yaml", "--strategy", "dfs", "--format", "console"]
    assert "All schedules were tried" in call(tmp_path, *arguments).stdout
    (tmp_path / "it.yaml").write_text(HOLDERS)
    said = call(tmp_path, *arguments, "--schedules", "10").stdout
    assert re.search(
        r"  All schedules with at most \d delays? were tried; one passes over whoever .*\n  This is no", said
    )


def test_what_is_judged_where_somebody_is_killed(tmp_path: Path) -> None:
    """What has to hold all the same; the end by the kill is no fault, and a scenario that is to stall is refused."""
    told = explore(tmp_path, HOLDERS, "--kill", status=1)
    assert 1 == len(told["not_judged"])
    assert "count" in told["not_judged"][0]
    kept = json.loads((tmp_path / told["finding"]["kept"]).read_text())
    (kill,) = [each["kill"] for each in kept["switches"] if "kill" in each]
    assert kept["kill"] is True
    done = call(tmp_path, "replay", told["finding"]["kept"], "--format", "json")
    ends = {each["process"]: each["exitcode"] for each in read_events(done.stdout) if each["event"] == "process.exited"}
    assert -signal.SIGKILL == ends[kill]
    alone = "version: 1\ntimeout: 30\nprocesses:\n  - {name: Alone, steps: [{print: here}]}\n"
    assert explore(tmp_path, alone, "--kill", "--schedules", "20", status=0)["schedules"] <= 20
    (tmp_path / "it.yaml").write_text(f"{LOCK_ORDER}expect:\n  - exists: {{event: scenario.stalled}}\n")
    done = call(tmp_path, "explore", "it.yaml", "--kill")
    assert (2, "") == (done.returncode, done.stdout)
    assert "explore it without --kill" in done.stderr


ROOM = JOIN_BEFORE_DRAIN.replace("100000", "10000")


def test_the_room_in_pipes(tmp_path: Path) -> None:
    """Where it is small, what needs much data otherwise hangs; the schedule says so, and `replay` may say otherwise."""
    assert explore(tmp_path, ROOM, "--schedules", "8", status=0)["verdict"] == "not_found"
    told = explore(tmp_path, ROOM, "--schedules", "30", "--pipe-capacity", "5000", status=1)
    finding = told["finding"]
    assert ("stalled", 3) == (finding["outcome"], finding["replays_alike"])
    assert "A pipe holds 8,192 bytes in these runs." in told["text"]
    kept = tmp_path / finding["kept"]
    assert 8192 == json.loads(kept.read_text())["pipe_capacity"]
    assert 3 == call(tmp_path, "replay", kept.name).returncode
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "switches": []}))
    assert 0 == call(tmp_path, "replay", kept.name, "--pipe-capacity", "64K").returncode


def test_timeouts_come_when_nobody_else_can_move(tmp_path: Path) -> None:
    """If nothing else is said: then one that is long enough never comes."""
    assert 12 == explore(tmp_path, GIVES_UP, "--schedules", "12", status=0)["schedules"]


def test_the_first_example(tmp_path: Path) -> None:
    """The consumers that leave when the queue is empty: in three schedules at most."""
    done = call(tmp_path, "explore", "consumers-until-empty", "--replays", "2", "--format", "console")
    assert (1, "") == (done.returncode, done.stderr)
    first, *_ = lines = done.stdout.splitlines()
    found = re.match(r"consumers-until-empty: found \(stalled\) in schedule (\d+)", first)
    assert found is not None, first
    assert int(found[1]) <= 3
    assert "It came to that in 2 of 2 replays of this schedule." in lines
    assert "It is kept: run-scenario replay consumers-until-empty.schedule.json" in lines
    again = call(tmp_path, "replay", "consumers-until-empty.schedule.json", "--format", "console")
    assert 3 == again.returncode
    assert "task_done() is missing for" in again.stdout


@pytest.mark.parametrize("text", [ORDERED, LONG], ids=["ordered", "long"])
def test_nothing_is_found(tmp_path: Path, text: str) -> None:
    """Then it is said what that means, and what not; nothing is kept."""
    told = explore(tmp_path, text, "--schedules", "12", status=0)
    assert ("not_found", 12, None) == (told["verdict"], told["schedules"], told["finding"])
    assert 0 < told["most_chance_of_fault"] < 1
    assert 1 <= told["orders"] <= 12
    assert ["it.yaml"] == os.listdir(tmp_path)


def test_the_same_seed_tries_the_same(tmp_path: Path) -> None:
    """So does whatever comes of it."""
    first, second = (explore(tmp_path, PHILOSOPHERS, "--strategy", "walk", status=1) for _ in range(2))
    assert first["finding"] == second["finding"]
    assert (first["orders"], first["steps"]) == (second["orders"], second["steps"])


@pytest.mark.parametrize(("text", "status"), [(PHILOSOPHERS, 1), (ORDERED, 0)], ids=["found", "not found"])
def test_jobs_try_the_same(tmp_path: Path, text: str, status: int) -> None:
    """Whatever their number is: the schedules, what is found in them, and what it is shrunk to."""
    options = ["--schedules", "20", "--strategy", "walk,priorities"]
    alone, together = (explore(tmp_path, text, *options, "--jobs", jobs, status=status) for jobs in ("1", "3"))
    assert alone["text"][:20] == together["text"][:20]
    of_each = {"seconds": 0, "text": ""}
    assert {**alone, **of_each} == {**together, **of_each}


def test_what_was_kept_is_tried_first(tmp_path: Path) -> None:
    """Where it fits, no other is needed; where it does not any more, that is said, and others are tried."""
    kept = explore(tmp_path, LOCK_ORDER, status=1)["finding"]["kept"]
    again = explore(tmp_path, LOCK_ORDER, "--replay-first", kept, "--log", "found.jsonl", "--replays", "99", status=1)
    assert (0, "kept", 10) == (again["schedules"], again["finding"]["strategy"], again["finding"]["replays_alike"])
    events = read_events((tmp_path / "found.jsonl").read_text())
    check_log(events)
    assert "stalled" == events[-1]["outcome"]
    other = explore(
        tmp_path, LOCK_ORDER.replace("name: Backwards", "name: Elsewhere"), "--replay-first", kept, status=1
    )
    assert "it is the turn of Backwards" in other["replayed_first"]["differs"]
    assert 0 < other["finding"]["schedule"]
    text = LOCK_ORDER.replace("{with: two, steps: [{with: one", "{with: one, steps: [{with: two")
    right = explore(tmp_path, text, "--replay-first", kept, "--schedules", "3", status=0)
    assert ("stalled", "passed") == (right["replayed_first"]["outcome_before"], right["replayed_first"]["outcome"])


def test_progress_on_a_terminal(tmp_path: Path) -> None:
    """It shows there how many schedules, how fast, how many orders and what was found; nothing of it stays."""
    (tmp_path / "it.yaml").write_text(LOCK_ORDER)
    here, there = os.openpty()
    command = [*COMMAND, "explore", "it.yaml", "--seed", "1", "--replays", "20", "--format", "json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=there) as process:
        os.close(there)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while block := os.read(here, 1 << 16):
                shown += block
        assert process.stdout is not None
        assert "found" == json.loads(process.stdout.read())["verdict"]
    os.close(here)
    text = shown.decode()
    assert "\r[....................] schedule 1, " in text
    assert re.search(r", \d+/s, 1 order, 0 found · about ", text), text
    assert re.search(r"\] found \(stalled\) in schedule \d+; (shrinking|replay)", text), text
    assert text.endswith("\r\x1b[K")


def test_expectations_about_the_machine_are_left_out(tmp_path: Path) -> None:
    """They are named; the others are judged."""
    text = f"{ORDERED}expect:\n  - duration: run\n    at_most: 0.001\n"
    told = explore(tmp_path, text, "--schedules", "2", status=0)
    (left_out,) = told["not_judged"]
    assert "duration" in left_out
    faulty = f"{LOCK_ORDER}expect:\n  - duration: run\n    at_most: 0.001\n"
    finding = explore(tmp_path, faulty, status=1)["finding"]
    done = call(tmp_path, "replay", finding["kept"], "--format", "json")
    assert (3, 0) == (done.returncode, done.stdout.count('"event":"expectation.'))


def test_a_scenario_that_has_changed(tmp_path: Path) -> None:
    """The replay names the first difference; where there is none, it says that the file is another one."""
    finding = explore(tmp_path, LOCK_ORDER, status=1)["finding"]
    (tmp_path / "it.yaml").write_text(LOCK_ORDER.replace("Two locks", "The two locks"))
    done = call(tmp_path, "replay", finding["kept"])
    assert 3 == done.returncode
    assert "the scenario has changed since, and the schedule still fits" in done.stderr
    (tmp_path / "it.yaml").write_text(LOCK_ORDER.replace("name: Backwards", "name: Elsewhere"))
    done = call(tmp_path, "replay", finding["kept"])
    assert 1 == done.returncode
    assert "the scenario has changed since, and the schedule does not fit: after " in done.stderr
    assert "it is the turn of Backwards before `" in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no schedule: it is not JSON"),
        ("[]", 'it has no "schedule": 1'),
        ('{"schedule": 1, "scenario": "names", "digest": "", "outcome": "", "switches": 3}', "must be a list, not 3"),
        ('{"schedule": 1, "scenario": "names", "digest": "", "switches": []}', "something missing"),
        (
            '{"schedule": 1, "scenario": "names", "digest": "", "outcome": "", "switches": [], "kill": "Worker"}',
            '"kill" true or false',
        ),
        (
            '{"schedule": 1, "scenario": "names", "digest": "", "outcome": "", "switches": [], "pipe_capacity": "4K"}',
            '"pipe_capacity" is a number of bytes, not "4K"',
        ),
        ('{"schedule": 1, "scenario": "nowhere", "digest": "", "outcome": "", "switches": []}', "which is not there"),
        (
            '{"schedule": 1, "scenario": "names", "digest": "", "outcome": "", '
            '"switches": [{"after": "A", "steps": -1}]}',
            "a number of steps, not -1",
        ),
    ],
)
def test_what_is_no_schedule(tmp_path: Path, content: str, message: str) -> None:
    """It is refused, with what is wrong, and nothing is run."""
    (tmp_path / "kept.json").write_text(content)
    done = call(tmp_path, "replay", "kept.json")
    assert (2, "") == (done.returncode, done.stdout)
    assert message in done.stderr
    missing = call(tmp_path, "replay", "missing.json")
    assert (2, 1) == (missing.returncode, missing.stderr.count("\n"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shared-memory-block"], "is raw memory"),
        (["it.yaml", "--strategy", "walk,luck"], "there is no strategy 'luck'"),
        (["it.yaml", "--schedules", "0"], "is not a number from 1"),
        (["it.yaml", "--pipe-capacity", "2G"], "is not a number of bytes from 1 to 1G"),
        (["it.yaml", "--keep", "it.yaml"], "is there already, and is no schedule"),
        (["it.yaml", "--keep", "missing/it.json"], "cannot be kept in missing"),
    ],
)
def test_what_cannot_be_explored(tmp_path: Path, arguments: Sequence[str], message: str) -> None:
    """It is refused before anything is run."""
    (tmp_path / "it.yaml").write_text(ORDERED)
    done = call(tmp_path, "explore", *arguments)
    assert (2, "") == (done.returncode, done.stdout)
    assert message in done.stderr


@pytest.mark.parametrize("without", ["pidfd", "proc"])
def test_where_ends_cannot_be_seen(tmp_path: Path, without: str) -> None:
    """It is said so, and nothing is run."""
    (tmp_path / "it.yaml").write_text(ORDERED)
    done = call(tmp_path, "explore", "it.yaml", RUN_SCENARIO_WITHOUT=without)
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert "exploring needs Linux, with pidfd_open() and /proc" in done.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(tmp_path: Path, number: signal.Signals, jobs: str) -> None:
    """However the command ends in the midst of it: no process, no folder."""
    (tmp_path / "it.yaml").write_text(ORDERED)
    folder = tmp_path / "tmp"
    folder.mkdir()
    marker = f"RUN_SCENARIO_TEST={os.urandom(8).hex()}"
    name, _, value = marker.partition("=")
    with subprocess.Popen(
        [*COMMAND, "explore", "it.yaml", "--schedules", "100000", "--jobs", jobs],
        cwd=tmp_path,
        env={**os.environ, name: value, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while len(processes_with(marker)) < 4 * int(jobs):  # runs are under way
            assert process.poll() is None
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE)
    assert {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number] == process.returncode
    assert "" == out
    while processes_with(marker):  # they end by themselves
        pass
    assert [] == os.listdir(folder)


@pytest.mark.campaign
def test_nothing_is_left_at_any_moment(tmp_path: Path) -> None:
    """It is killed in the midst of a run, between two, or while what one has left is removed."""
    (tmp_path / "it.yaml").write_text(SMALL)
    folder = tmp_path / "tmp"
    folder.mkdir()
    runs: set[str] = set()
    for _ in range(rounds(20)):
        value = os.urandom(8).hex()
        marker = f"RUN_SCENARIO_TEST={value}"
        with subprocess.Popen(
            [*COMMAND, "explore", "it.yaml", "--schedules", "100000"],
            cwd=tmp_path,
            env={**os.environ, "RUN_SCENARIO_TEST": value, "TMPDIR": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while len(processes_with(marker)) < 4:
                assert process.poll() is None
            for _ in range(random.randrange(100)):  # so many looks, and no time: it is quick or slow with the machine
                processes_with(marker)
                runs.update(os.listdir(folder))
            process.kill()
        while processes_with(marker):
            pass
        assert [] == os.listdir(folder)
    assert not runs & set(os.listdir("/tmp"))  # where the sockets of a run lie whose own folder has a long path


IN_THIS_PROCESS = """\
import argparse, json, os, sys
from run_scenario.runtime.supervisor.client import start_supervisor
first = start_supervisor()
from run_scenario import loader
from run_scenario.cli.commands.explore import COMMAND, _runs
from run_scenario.runtime.exploration.exploring import Exploration, Plan
from run_scenario.runtime.exploration.runs import Supervision
from run_scenario.runtime.exploration.scheduler import Scheduler
from run_scenario.runtime.platform import system

def used(pid):
    with open(f"/proc/{pid}/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{pid}/fd"))

class Progress:
    def show(self, schedules, *_):
        supervisor = supervision._supervisor.pid if supervision._supervisor else 0
        if schedules in numbers and schedules not in seen:
            seen[schedules] = used(os.getpid()), used(supervisor), supervisor
        if schedules == to_be_killed:
            os.kill(supervisor, 9)

seen, numbers, to_be_killed = {}, [int(number) for number in sys.argv[1:-1]], int(sys.argv[-1])
scenario = loader.load("it.yaml").require().replace(start_method="fork")
parser = argparse.ArgumentParser()
COMMAND.add_arguments(parser)
options = parser.parse_args(["it.yaml"])
plan = Plan(max(numbers), None, ("walk",), 1, 1000)
with Supervision(first) as supervision, Scheduler() as scheduler:
    runs = _runs(scenario, {}, options, supervision)
    explored = Exploration(scheduler, runs, 30.0, plan, Progress()).explore((), is_in_control=True)
print(json.dumps([list(seen.values()), explored.schedules, explored.lost, system.children(os.getpid())]))
"""


def explore_in_one_process(folder: Path, *numbers: int) -> list[Any]:
    """Explore a small scenario; return what was used at these schedules, and what came of it."""
    (folder / "it.yaml").write_text(SMALL)
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", IN_THIS_PROCESS, *map(str, numbers)],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        capture_output=True,
        text=True,
        timeout=20 * PATIENCE,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert [] == os.listdir(folder / "tmp")
    told: list[Any] = json.loads(done.stdout)
    return told


def test_a_killed_supervisor_is_replaced(tmp_path: Path) -> None:
    """The run that it had is lost, or none; the next one has another supervisor, and nothing is left of either."""
    ((_, _, first), (_, _, last)), schedules, lost, children = explore_in_one_process(tmp_path, 2, 8, 4)
    assert first != last
    assert (8, []) == (schedules, children)
    assert all("the supervisor was killed" in reason for reason in lost), lost


@pytest.mark.campaign
def test_many_schedules_take_no_more_memory(tmp_path: Path) -> None:
    """After two thousand of them both processes have what they had after two hundred, but for the orders seen."""
    (early, late), schedules, lost, _ = explore_in_one_process(tmp_path, 200, 2000, 0)
    assert (2000, []) == (schedules, lost)
    for (memory, _), (memory_later, descriptors) in zip(early[:2], late[:2], strict=True):
        assert memory_later - memory < 2 << 20
        assert descriptors < 30  # some more while a run is cleared up


OUT_OF_CONTROL = """\
import sys
from run_scenario.cli.entry_point import main
from run_scenario.runtime.exploration import scheduler
scheduler._PATIENCE = 0.5
sys.exit(main(["explore", "it.yaml", "--allow", "own", "--schedules", "2", "--format", "json"]))
"""


def test_what_is_out_of_control(tmp_path: Path) -> None:
    """Where somebody waits for what nobody decides about, nothing is claimed, and it is named."""
    (tmp_path / "own.py").write_text(
        "import socket\ndef wait():\n    one, other = socket.socketpair()\n    one.recv(1)\n"
    )
    (tmp_path / "it.yaml").write_text("version: 1\ntimeout: 30\nprocesses:\n  - {name: Waits, target: own:wait}\n")
    command = [sys.executable, "-c", OUT_OF_CONTROL]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    told = json.loads(done.stdout)
    assert (1, "inconclusive", None) == (done.returncode, told["verdict"], told["finding"])
    (reason,) = told["reasons"]
    assert reason == "Waits waits after `begins` for something that is not controlled"


BY_CHANCE = "consumers-until-empty"
"""It fails in some of its schedules: that is what it is for."""


REFUSED = ("shareable-list", "shared-memory-block")
"""Their processes share memory past all that could be controlled."""
BUNDLED = sorted({path.stem for path in bundled.scenarios()} - {BY_CHANCE, *REFUSED})


def test_which_bundled_ones_are_refused() -> None:
    """Of the bundled scenarios only those are refused whose shared memory cannot be controlled."""
    refused = []
    for path in bundled.scenarios():
        try:
            limits.check(loader.load(path).require())
        except UsageError:
            refused.append(path.stem)
    assert sorted(REFUSED) == sorted(refused)


@pytest.mark.parametrize("name", in_part(BUNDLED, 20))
def test_a_controlled_run_is_a_run(tmp_path: Path, name: str) -> None:
    """What a bundled scenario demands of each run is so in controlled ones, too, whatever the schedule."""
    arguments = ["--schedules", "3", "--seed", "7", "--replays", "1", "--format", "json"]
    done = call(tmp_path, "explore", name, *arguments)
    told = json.loads(done.stdout)
    assert (0, "not_found") == (done.returncode, told["verdict"]), told


@pytest.mark.parametrize("name", in_part(BUNDLED, 6))
def test_a_controlled_run_comes_to_the_same(tmp_path: Path, name: str) -> None:
    """Items, tasks and exit codes are those of a free run, also of pools, executors and managers."""
    kept = {"schedule": 1, "scenario": name, "digest": "", "outcome": "", "switches": []}
    (tmp_path / "usual.schedule.json").write_text(json.dumps(kept))
    controlled = call(tmp_path, "replay", "usual.schedule.json", "--format", "json").stdout
    free = call(tmp_path, "run", name, "--format", "json").stdout
    assert without_what_order_decides(name, free) == without_what_order_decides(name, controlled)
