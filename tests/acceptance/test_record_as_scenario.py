"""`record --scenario` and `show LOG --as scenario`: what a script did, as a scenario that does it again."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from recorded import SCRIPTS, record
from support import COMMAND, METHODS, PATIENCE, Event, Log, Result, run

import commands
from effort import in_part
from run_scenario import loader
from run_scenario.scenario.resources import NAMED_BY

GUARD = 'if __name__ == "__main__":\n    mp.set_start_method(sys.argv[1])\n    main()\n'

TWO_LOCKS = """
def hold(one, other, meet):
    with one:
        meet.wait()
        with other:
            pass

def main():
    first, second = mp.Lock(), mp.Lock()
    meet = mp.Barrier(2)
    kant = mp.Process(target=hold, args=(first, second, meet), name="Kant")
    hegel = mp.Process(target=hold, args=(second, first, meet), name="Hegel")
    kant.start()
    hegel.start()
    kant.join()
"""
TREE = """
class Foreman(mp.Process):
    def __init__(self, tasks):
        super().__init__(name="Foreman")
        self.tasks = tasks

    def run(self):
        workers = [mp.Process(target=work, args=(self.tasks,), name=f"Worker-{n}") for n in (1, 2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        sys.exit(4)

def work(tasks):
    tasks.get()

def start_one(tasks):
    child = mp.Process(target=work, args=(tasks,), name="Child")
    child.start()
    child.join()

def main():
    tasks = mp.SimpleQueue()
    foreman = Foreman(tasks)
    parent = mp.Process(target=start_one, args=(tasks,), name="Parent")
    foreman.start()
    parent.start()
    for number in range(3):
        tasks.put({"number": number})
    foreman.join()
    parent.join()
"""
HOSTILE = """
from functools import partial

class Config:
    pass

def put(first, second, to):
    to.put((first, second))

def put_type(config, to):
    to.put(type(config).__name__)

def main():
    q = q_2 = mp.Queue(7)
    other, _ = [mp.Queue(), None]
    given = {
        "- a: # b\\nc: {d}": put,
        "$HOME ${x} 'q' \\"": put,
        "!!python/object:os.system": put,
        "yes": put,
        "é 漢 🎉": put,
        "&a *b": put_type,
        "true": partial(put, "<<: *a"),
    }
    processes = []
    for name, target in given.items():
        args = (Config(), q) if target is put_type else ({"$x": "${1 + 1}", "tuple": [1]}, b"\\x00", q)[-4:]
        args = ((1, "- x"), q) if name == "true" else args
        processes.append(mp.Process(target=target, args=args, name=name))
    for process in processes:
        process.start()
        q.get()
        process.join(60)
    for item in ("a\\nb: c # d", "# no comment", "no", "~", "1e3", "0x1", "${item}", "$item", ("a", {1}), [None, 1.5]):
        other.put(item)
        other.get()
    for item in ("\\x1b[31m\\u202e", "x" * 300, Config(), float("inf")):  # which are no data
        other.put(item)
        other.get()
    left, right = mp.Pipe()
    left.send({"call": "os:system", "args": ["$a"]})
    right.recv()
"""
MANAGED = """
def count(numbers, lock, words):
    with lock:
        numbers["n"] = numbers.get("n", 0) + 1
    words.append("counted")

def main():
    with mp.Manager() as manager:
        numbers = manager.dict({"n": 3})
        lock = manager.Lock()
        words = manager.list()
        processes = [mp.Process(target=count, args=(numbers, lock, words)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        numbers["done"] = True
        len(words)
"""
PIPES_AND_LOCKS = """
def answer(conn, gate, total):
    for number in iter(conn.recv, None):
        with gate:
            total.value += number
    sys.exit(3)

def main():
    parent_conn, child_conn = mp.Pipe()
    gate = mp.BoundedSemaphore(2)
    total = mp.Value("i", 4)
    numbers = mp.Array("d", [1, 2])
    process = mp.Process(target=answer, args=(child_conn,), kwargs={"gate": gate, "total": total})
    process.start()
    for item in (1, 2, 3, None):
        parent_conn.send(item)
    process.join()
    with total.get_lock():
        total.value += 1
    gate.acquire()
    numbers[1] = 2.5
    gate.release()
    print(parent_conn.poll())
    raise RuntimeError("at the end")
"""
MEMORY = """
from multiprocessing.shared_memory import ShareableList, SharedMemory

def fill(block, row):
    block.buf[0] = 7
    row[0] = 5
    block.close()

def main():
    block = SharedMemory(create=True, size=16)
    row = ShareableList([1, "two", None, b"ab"])
    process = mp.Process(target=fill, args=(block, row), name="Filler")
    process.start()
    process.join()
    print(block.buf[0], row[0])
    row[1] = "too"
    for each in (block, row.shm):
        each.close()
        each.unlink()
"""
SCRIPTS_TOLD = {
    "everything": (SCRIPTS / "everything.py").read_text(),
    "pools": (SCRIPTS / "pools.py").read_text(),
    **{
        name: f"import multiprocessing as mp\nimport sys\n{body}\n{GUARD}"
        for name, body in {
            "two_locks": TWO_LOCKS,
            "tree": TREE,
            "hostile": HOSTILE,
            "managed": MANAGED,
            "pipes_and_locks": PIPES_AND_LOCKS,
            "memory": MEMORY,
        }.items()
    },
}
EXPORTED = ("exit-codes", "meanwhile", "poison-pill", "broken-pipe")
"""Bundled scenarios, as scripts."""

EFFECTS = frozenset(
    (
        *("process.starting", "process.joining", "process.terminating", "process.alive"),
        *("queue.put", "queue.get", "queue.joining", "queue.closed", "pipe.sent", "pipe.received", "pipe.polled"),
        *("lock.acquired", "lock.released", "semaphore.acquired", "semaphore.released", "event.set"),
        *("condition.notified", "condition.waiting", "barrier.waiting", "value.written", "array.written"),
        *("pool.created", "pool.called", "pool.returned", "pool.closed", "pool.joined"),
    )
)
"""What the main program does, in an order that it alone decides."""


def in_file(folder: Path, name: str, text: str, method: str) -> tuple[Log, Path]:
    """Record a script; return its log, and the scenario that came of it."""
    script, scenario = folder / f"{name}.py", folder / f"{name}.yaml"
    script.write_text(text)
    return record(folder, script, method, options=("--scenario", str(scenario))).log, scenario


def played(folder: Path, scenario: Path, package: str) -> Result:
    """Check that a scenario is valid, and run it."""
    loader.load(scenario).require()
    return run(folder, str(scenario), allow=package)


def effects(log: Log) -> list[Any]:
    """Return what the main program did in order, up to its end; resources are numbered as they come."""
    numbers: dict[str, int] = {}
    found: list[Any] = []
    for event in log.events:
        kind = event["event"]
        if event["process"] == "MainProcess" and kind in ("process.finished", "process.exiting", "process.failed"):
            break
        if kind not in EFFECTS or event.get("by", event["process"]) != "MainProcess":
            continue
        if "map" in event.get("method", "") and event.get("over", "") is None:  # a call that cannot be said
            continue
        subject = next((event[key] for key in NAMED_BY if key in event), None)
        number = None if subject is None else numbers.setdefault(subject, len(numbers))
        about = event["process"] if "by" in event else number
        # What is no data stands there as the text that describes it.
        item = event.get("item") if kind.endswith((".put", ".sent")) else None
        found.append((kind, about, event.get("end"), event.get("timeout"), item, event.get("content")))
    return found


def ends(log: Log) -> dict[str, int]:
    """Return the exit codes of processes that ended by themselves, or by what the main program did.

    A fork server of own code may be seen to end, as `pid N`.
    """
    return {
        event["process"]: event["exitcode"]
        for event in log.all("process.exited")
        if event["cause"] != "stopped_by_runner" and not event["process"].startswith(("Fork", "Spawn", "pid "))
    }


def daemons(log: Log) -> dict[str, tuple[str | None, bool]]:
    """Return who has started whom, and whether it is a daemon."""
    return {event["process"]: (event["by"], event["daemon"]) for event in log.all("process.starting")}


def renamed(name: Any) -> Any:
    """Return what a process of the script HOSTILE is called in a scenario."""
    return name.replace("\n", "_") if isinstance(name, str) else name


def check_alike(recorded: Log, again: Log) -> None:
    """Check that a scenario does what was recorded."""
    expected = {renamed(name): found for name, found in daemons(recorded).items()}
    # What a target starts by itself is in the log of a script, but not in that of a scenario.
    assert {name for name, (parent, _) in expected.items() if parent == "MainProcess"} <= set(daemons(again))
    assert daemons(again).items() <= expected.items()
    codes = {renamed(name): code for name, code in ends(recorded).items()}
    assert {name: code for name, code in codes.items() if name in (*daemons(again), "MainProcess")} == ends(again)
    assert [tuple(map(renamed, effect)) for effect in effects(recorded)] == [
        tuple(map(renamed, effect)) for effect in effects(again)
    ]


@pytest.mark.parametrize("name", SCRIPTS_TOLD)
def test_a_script_as_a_scenario_does_it_again(tmp_path: Path, method: str, name: str) -> None:
    """It is valid, starts the same processes, which end alike, and its main program does the same in order."""
    recorded, scenario = in_file(tmp_path, name, SCRIPTS_TOLD[name], method)
    result = played(tmp_path, scenario, name)
    assert 0 == result.status, f"{result.stderr}\n{scenario.read_text()}"
    check_alike(recorded, result.log)
    assert f"start_method: {method}\n" in scenario.read_text()


@pytest.mark.parametrize("name", in_part(EXPORTED, every=2))
def test_a_scenario_that_was_made_a_script(tmp_path: Path, name: str) -> None:
    """What `python` writes of a scenario becomes one that does the same."""
    text = commands.run([*COMMAND, "python", name], capture_output=True, text=True, timeout=PATIENCE, check=True)
    package = name.replace("-", "_")
    recorded, scenario = in_file(tmp_path, package, text.stdout, "")
    result = played(tmp_path, scenario, package)
    assert 0 == result.status, f"{result.stderr}\n{scenario.read_text()}"
    check_alike(recorded, result.log)


def written(folder: Path, body: str, method: str = "fork") -> str:
    """Return the scenario of a script, whose functions are given."""
    text = f"import ctypes\nimport multiprocessing as mp\nimport sys\n{textwrap.dedent(body)}\n{GUARD}"
    return in_file(folder, "script", text, method)[1].read_text()


def test_it_reads_as_if_written_by_hand(tmp_path: Path) -> None:
    """Names are those of the variables, what is alike is said once, and what is given has its parameter's name."""
    text = written(
        tmp_path,
        """
        def square(tasks, results, power):
            while (item := tasks.get()) is not None:
                results.put(item ** power)

        def main():
            tasks, results = mp.JoinableQueue(), mp.Queue(5)
            gate = mp.Lock()
            workers = [mp.Process(target=square, args=(tasks, results, 2), name=f"Worker-{n}") for n in (1, 2)]
            for worker in workers:
                worker.start()
            for item in (1, 2, 3, 4):
                tasks.put(item)
            for _ in range(4):
                results.get()
            with gate:
                tasks.put(None)
                tasks.put(None)
            for worker in workers:
                worker.join(50)
        """,
    )
    head, body = text.split("version: 1\n")
    assert "# To run it beside script.py, allow its code: run-scenario run FILE --allow script\n" in head
    expected = """
        title: "What script.py did"
        start_method: fork

        queues:
          tasks: {type: JoinableQueue}
          results: {maxsize: 5}

        sync:
          gate: {type: Lock}

        processes:
          - name: Worker
            replicas: 2
            target: script:square
            from: {tasks: tasks}
            to: {results: results}
            kwargs: {power: 2}

        main:
          - start: Worker
          - for: item
            in: [1, 2, 3, 4]
            steps:
              - {put: $item, to: tasks}
          - repeat: 4
            steps:
              - get: results
          - with: gate
            steps:
              - {put: null, to: tasks}
              - {put: null, to: tasks}
          - {join: Worker, timeout: 50}
        """
    # On a busy machine, time that goes by becomes a step.
    assert textwrap.dedent(expected).strip() == "\n".join(line for line in body.splitlines() if "- sleep:" not in line)


def test_what_cannot_be_said_is_a_comment(tmp_path: Path) -> None:
    """A lambda, an object that is no data, code that is not recorded: the place says so."""
    text = written(
        tmp_path,
        """
        def work(queue, config):
            queue.put("done")

        def main():
            queue = mp.Queue()
            flag = mp.Value(ctypes.c_bool, True)
            mp.Process(target=lambda: queue.put(1), name="Nameless").start()
            mp.Process(target=work, args=(queue, object()), name="Configured").start()
            from multiprocessing.shared_memory import SharedMemory
            block = SharedMemory(create=True, size=8)
            mp.Process(target=work, args=(queue, block.name), name="Named").start()
            queue.get(), queue.get(), queue.get()
            block.unlink()
            queue.put(object())
            print(flag.value, queue.get())
        """,
    )
    for words in (
        "# it ran main.<locals>.<lambda>, but it cannot be called by its name and what it was given",
        "# it ran work, but its argument 'config' is no data, or too much of it",
        "# it ran work, but it is given the name of block (script.py:",
        "block: {type: SharedMemory, size: 8}  # what is read and written there is not recorded",
        "# no data, or too much of it: this is only what the log shows of it",
        "# no scenario has a Value such as flag (script.py:",
    ):
        assert words in text
    assert "- {put: 1, to: queue}" in text


def test_a_script_without_a_guard_is_not_run_twice(tmp_path: Path) -> None:
    """Nothing is imported from it: its processes have the steps that were recorded."""
    text = """
        import multiprocessing as mp

        def work(queue):
            queue.put((1, 2))

        mp.set_start_method("fork")
        queue = mp.Queue()
        process = mp.Process(target=work, args=(queue,))
        process.start()
        print(queue.get())
        process.join()
    """
    recorded, scenario = in_file(tmp_path, "script", textwrap.dedent(text), "")
    assert "without `if __name__" in scenario.read_text()
    assert "target:" not in scenario.read_text()
    assert "- {put: {tuple: [1, 2]}, to: queue}" in scenario.read_text()
    result = played(tmp_path, scenario, "")
    assert 0 == result.status
    check_alike(recorded, result.log)


def test_a_module(tmp_path: Path) -> None:
    """Of one that `-m` has run, the functions are found by the module's own name."""
    (tmp_path / "package").mkdir()
    text = f"import multiprocessing as mp\nimport sys\n{TREE}\n{GUARD}"
    (tmp_path / "package" / "tree.py").write_text(text)
    scenario = tmp_path / "tree.yaml"
    arguments = ("-m", "package.tree", METHODS[0])
    record(tmp_path, Path("-m"), *arguments, options=("--scenario", str(scenario)))
    assert "target: package.tree:start_one" in scenario.read_text()
    assert 0 == played(tmp_path, scenario, "package").status


def shown(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return commands.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_a_log_that_was_kept(tmp_path: Path) -> None:
    """`show` writes the same of it; of a scenario's log there is nothing to be made."""
    script, scenario, log = (tmp_path / f"script.{suffix}" for suffix in ("py", "yaml", "jsonl"))
    script.write_text("import multiprocessing\nqueue = multiprocessing.Queue()\nqueue.put(1)\nqueue.get()\n")
    done = shown(tmp_path, "record", "--log", log.name, "--scenario", scenario.name, script.name)
    assert (0, "") == (done.returncode, done.stderr)
    assert scenario.read_text() == shown(tmp_path, "show", log.name, "--as", "scenario").stdout
    assert 0 == shown(tmp_path, "run", "pids", "--log", "pids.jsonl").returncode
    refused = shown(tmp_path, "show", "pids.jsonl", "--as", "scenario")
    assert (2, True) == (refused.returncode, "only the log of a script can become a scenario" in refused.stderr)
    wrong = shown(tmp_path, "record", "--scenario", "script.txt", script.name)
    assert (2, True) == (wrong.returncode, "a scenario cannot be written as .txt" in wrong.stderr)


def test_each_event_has_its_data_where_it_only_describes(tmp_path: Path) -> None:
    """`data` is there for what a scenario writes in another way, and null for what is no data; others have none."""
    body = """
def main():
    queue = mp.Queue()
    for item in (1, "a", [1, {"a": None}], (1,), {"tuple": [1]}, {1: 2}, b"ab", "x" * 300, object()):
        queue.put(item)
        queue.get()
"""
    log, _ = in_file(tmp_path, "script", f"import multiprocessing as mp\nimport sys\n{body}\n{GUARD}", "fork")
    found: list[Event] = log.all("queue.put")
    assert ["data" in event for event in found] == [False] * 4 + [True] * 5
    assert found[3]["item"] == found[4]["item"] == {"tuple": [1]}
    assert [event["data"] for event in found[4:]] == [
        {"dict": [["tuple", [1]]]},
        {"dict": [[1, 2]]},
        {"bytes": "ab"},
        "x" * 300,
        None,
    ]


ENDS = """
import os, signal

def leave(code):
    os._exit(code)

def start_one():
    child = mp.Process(target=leave, args=(4,))
    child.start()
    child.join()

def put(queue, gate):
    queue.put(lambda: 0)
    queue.put("ok")
    gate.wait()

def main():
    queue, gate = mp.Queue(), mp.Event()
    child = mp.Process(target=put, args=(queue, gate))
    child.start()
    queue.get()
    gate.set()
    child.join()
    queue.put(lambda: 0)
    queue.put("ok")
    queue.get()
    for process in (mp.Process(target=leave, args=(0,)), mp.Process(target=start_one)):
        process.start()
        process.join()
    os.kill(os.getpid(), signal.SIGTERM)
"""
COPY = """
def main():
    queue = mp.Queue()
    pid = os.fork()
    if pid == 0:
        queue.put("copy")
        queue.close()
        queue.join_thread()
        os._exit(3)
    queue.get()
    os.waitpid(pid, 0)
"""
HANGS = {
    "pool": """
def use(lock):
    global gate
    gate = lock

def wait(number):
    with gate:
        return number

def main():
    lock = mp.Lock()
    lock.acquire()
    pool = mp.Pool(1, use, (lock,))
    pool.map(wait, range(2))
""",
    "thread": """
from threading import Thread

def main():
    queue = mp.Queue()
    thread = Thread(target=queue.get)
    thread.start()
    thread.join()
""",
}


def test_what_goes_wrong_may_do_so_again(tmp_path: Path) -> None:
    """os._exit(0), ends of a target's own children, items that are dropped, a signal to the main program itself."""
    text = f"import multiprocessing as mp\nimport sys\n{ENDS}\n{GUARD}"
    recorded, scenario = in_file(tmp_path, "script", text, "fork")
    found = scenario.read_text()
    for words in (
        "exitcode: 0",
        "children_exitcode: 4",
        "- raise_signal: SIGTERM",
        "event: queue.item_dropped}",
        "# here function() was put in queue, and never arrived: ",
    ):
        assert words in found
    result = played(tmp_path, scenario, "script")
    assert 0 == result.status, f"{result.stderr}\n{found}"
    assert -15 == ends(recorded)["MainProcess"] == ends(result.log)["MainProcess"]


@pytest.mark.parametrize(("raised", "code"), [("KeyboardInterrupt", 130), ("ValueError('no')", 1)])
def test_a_script_that_fails(tmp_path: Path, raised: str, code: int) -> None:
    """The scenario ends with the same exit code, which it expects."""
    text = (
        f"import multiprocessing as mp\nimport sys\n\ndef main():\n    mp.Queue().put(1)\n    raise {raised}\n\n{GUARD}"
    )
    recorded, scenario = in_file(tmp_path, "script", text, "fork")
    result = played(tmp_path, scenario, "script")
    assert 0 == result.status, f"{result.stderr}\n{scenario.read_text()}"
    assert code == ends(recorded)["MainProcess"] == ends(result.log)["MainProcess"]


def test_a_copy_has_steps_of_its_own(tmp_path: Path) -> None:
    """What os.fork() has made is a process of a scenario like any other, and ends with the same exit code."""
    text = f"import multiprocessing as mp\nimport os\nimport sys\n{COPY}\n{GUARD}"
    recorded, scenario = in_file(tmp_path, "script", text, "fork")
    result = played(tmp_path, scenario, "script")
    assert 0 == result.status, f"{result.stderr}\n{scenario.read_text()}"
    check_alike(recorded, result.log)
    assert 3 == ends(result.log)["fork of MainProcess"]


@pytest.mark.parametrize("name", HANGS)
def test_a_hang_is_valid_and_passes(tmp_path: Path, name: str) -> None:
    """A call of a pool waits itself; the wait of a thread cannot be said, so that a deadlock is only allowed."""
    text = f"import multiprocessing as mp\nimport sys\n{HANGS[name]}\n{GUARD}"
    _, scenario = in_file(tmp_path, "script", text, "fork")
    found = scenario.read_text()
    assert ("pool" == name) == ("- next_call: pool  # here it waited for ever\n" in found)
    assert ("thread" == name) == ("at_least: 0" in found)
    result = played(tmp_path, scenario, "script")
    assert 0 == result.status, f"{result.stderr}\n{found}"
