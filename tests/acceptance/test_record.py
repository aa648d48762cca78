"""`run-scenario record`: a script runs as it does without, and what its processes do is in the log."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from recorded import SCRIPTS, Recording, plainly, record
from support import COMMAND, PATIENCE

import commands
import run_scenario
from run_scenario.events.history.history import read
from run_scenario.report.summary import lane_exit

GUARD = 'if __name__ == "__main__":\n    multiprocessing.set_start_method(sys.argv[1])\n    main()\n'


def script(body: str) -> str:
    """Return a script: functions, `main` among them, that is called under the start method of its first argument."""
    return f"import multiprocessing\nimport os\nimport signal\nimport sys\nimport threading\n{body}\n{GUARD}"


@pytest.mark.parametrize("name", ["everything", "pools"])
def test_a_script_does_what_it_does_without(tmp_path: Path, method: str, name: str) -> None:
    """Its output and its exit code are the same."""
    file = SCRIPTS / f"{name}.py"
    plain, recorded = plainly(tmp_path, file, method), record(tmp_path, file, method)
    assert (plain.returncode, plain.stdout) == (recorded.status, recorded.stdout)
    assert plain.stderr == recorded.stderr


def test_what_a_script_makes_is_in_the_log(tmp_path: Path, method: str) -> None:
    """Each object is named after the variable and the line that has it; each process by its name, with its end."""
    log = record(tmp_path, SCRIPTS / "everything.py", method).log
    lines = (SCRIPTS / "everything.py").read_text().splitlines()

    def line(text: str) -> int:
        return next(number for number, each in enumerate(lines, 1) if each.strip().startswith(text))

    queues = {event["queue"] for event in log.all("queue.put")}
    assert queues == {
        f"tasks (everything.py:{line('tasks, results =')})",
        f"results (everything.py:{line('tasks, results =')})",
        f"jobs (everything.py:{line('jobs, done =')})",
        f"done (everything.py:{line('jobs, done =')})",
    }
    assert 5 == len(log.all("lock.acquired", lock=f"lock (everything.py:{line('lock =')})"))
    assert 5 == len(log.all("value.written", value=f"total (everything.py:{line('total =')})"))
    ends = {event["process"]: (event["exitcode"], event["cause"]) for event in log.all("process.exited")}
    assert (0, "returned") == ends["Process-1"] == ends["Process-2"] == ends["adder"] == ends["finisher"]
    assert [(-15, "daemon"), (-15, "terminated")] == sorted(end for end in ends.values() if end[0] == -15)
    assert (7, "sys.exit") == ends["MainProcess"]
    assert "Adder" == log.one("process.starting", "adder")["target"]
    assert {"work"} == {event["target"] for event in log.all("process.starting") if event["process"] == "Process-1"}
    assert {"number": 2} == log.all("queue.get", "finisher")[2]["item"]
    assert log.all("condition.notified", "finisher")
    assert 6 == log.one("pipe.received", "MainProcess")["item"]
    assert (None, "everything") == (log.events[0]["timeout"], log.events[0]["scenario"])


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Process.interrupt() is there from Python 3.14 on")
def test_an_interrupt_is_in_the_log(tmp_path: Path, method: str) -> None:
    """Who called interrupt(), and that it is why the process has ended."""
    script = """
        import multiprocessing, time

        def wait(up):
            up.set()
            time.sleep(60)

        if __name__ == "__main__":
            multiprocessing.set_start_method("%s")
            up = multiprocessing.Event()
            process = multiprocessing.Process(target=wait, args=[up], name="W")
            process.start()
            up.wait()
            process.interrupt()
            process.join()
            raise SystemExit(process.exitcode)
    """
    result = record(tmp_path, script % method)
    exited = result.log.one("process.exited", "W")
    assert (1, "interrupted", "MainProcess") == (result.status, exited["cause"], exited["by"])
    assert "MainProcess" == result.log.one("process.interrupting", "W")["by"]


def test_calls_and_tasks_of_pools_are_in_the_log(tmp_path: Path, method: str) -> None:
    """Each call with its function, each task with its arguments and result, in the worker that has done it."""
    log = record(tmp_path, SCRIPTS / "pools.py", method).log
    calls = [(event["method"], event["function"], event["tasks"]) for event in log.all("pool.called")]
    assert calls == [
        ("map", "square", 5),
        ("starmap", "add", 2),
        ("imap", "square", None),
        ("imap_unordered", "square", 7),
        ("apply_async", "add", 1),
        ("apply", "square", 1),
        ("map", "square", 0),
        ("apply", "fail", 1),
        ("map", "square", 3),
        ("map", "add", 2),
        ("map", "square", 0),
        ("submit", "square", 1),
        ("submit", "fail", 1),
    ]
    assert sum(tasks or 0 for _, _, tasks in calls) + 3 - 2 == len(log.all("pool.task_finished"))
    assert ["ValueError", "ValueError"] == [event["exception"] for event in log.all("pool.task_failed")]
    assert [6] == [event["argument"] for event in log.all("pool.called_back")]
    assert [0, 1, 4] == [event["result"] for event in log.all("pool.result", method="imap")]
    assert {"Pool", "executor"} == {event["type"] for event in log.all("pool.created")}


def test_a_pool_that_is_made_by_its_class(tmp_path: Path, method: str) -> None:
    """It is recorded, and seems to be what it is without; a class of the script's own is left as it is."""
    body = """
from multiprocessing.pool import Pool

class Own(Pool):
    pass

def main():
    with Pool(1) as pool, Own(1) as own:
        print(pool.map(abs, [-1]), own.map(abs, [-2]), pool, type(pool).__name__)
"""
    recorded = record(tmp_path, script(body), method)
    assert (0, "[1] [2] <multiprocessing.pool.Pool state=RUN pool_size=1> Pool\n") == (recorded.status, recorded.stdout)
    assert "pool (script.py:13)" == recorded.log.one("pool.called", method="map")["pool"]


def test_workers_that_the_end_of_a_with_block_terminates(tmp_path: Path, method: str) -> None:
    """That is how a Pool ends its workers: no view shows it as a failure."""
    body = """
def main():
    with multiprocessing.Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
"""
    recorded = record(tmp_path, script(body), method, options=("--timeline",))
    workers = [lane for name, lane in read(recorded.log.events).lanes.items() if "PoolWorker" in name]
    assert 2 == len(workers)
    assert {"terminated: SIGTERM", "ended by itself"} >= {lane_exit(lane) for lane in workers}
    assert not any(lane.failed for lane in workers)
    assert "✗" not in recorded.stderr


def test_what_children_return_of_the_scripts_own(tmp_path: Path, method: str) -> None:
    """A spawned child knows the script as __mp_main__: what it returns of a class of the script can be unpickled."""
    body = """
class Answer:
    def __init__(self, number):
        self.number = number

def main():
    with multiprocessing.Pool(1) as pool:
        [answer] = pool.map(Answer, [42])
        print(answer.number, isinstance(answer, Answer))
"""
    recorded = record(tmp_path, script(body), method)
    assert (0, "42 True\n") == (recorded.status, recorded.stdout)


def test_threads_of_an_executor_are_nothing_to_say(tmp_path: Path) -> None:
    """Those that nobody has shut down end with the script."""
    text = """
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        from multiprocessing import get_context
        executors = ProcessPoolExecutor(1, get_context("fork")), ThreadPoolExecutor(1)
        print([executor.submit(abs, -1).result() for executor in executors])
    """
    recorded = record(tmp_path, text)
    assert (0, "[1, 1]\n", "") == recorded[:3]


# Deadlocks


TWO_LOCKS = """
def hold(one, other, meet):
    with one:
        meet.wait()
        with other:
            pass

def main():
    first = multiprocessing.Lock()
    second = multiprocessing.Lock()
    meet = multiprocessing.Barrier(2)
    processes = [
        multiprocessing.Process(target=hold, args=locks, name=name)
        for name, locks in {"Kant": (first, second, meet), "Hegel": (second, first, meet)}.items()
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""


def test_two_locks_are_explained(tmp_path: Path, method: str) -> None:
    """It ends with status 3; who holds what is said, by the names of the script, with its lines."""
    recorded = record(tmp_path, script(TWO_LOCKS), method)
    assert 3 == recorded.status
    circle = {(link["process"], link["resource"], link["next"]) for link in recorded.stall()["diagnosis"]["cycle"]}
    assert circle == {("Kant", "second (script.py:15)", "Hegel"), ("Hegel", "first (script.py:14)", "Kant")}
    assert "Kant holds 'first (script.py:14)' and waits for 'second (script.py:15)'" in recorded.stderr
    assert "script.py:10 in hold" in recorded.stderr
    assert "run_scenario" not in recorded.stderr


DEADLOCKS = {
    "a killed worker of a pool": (
        """
def die(x):
    os.kill(os.getpid(), signal.SIGKILL)

def main():
    with multiprocessing.Pool(1) as pool:
        pool.map(die, [1])
""",
        "was ended by SIGKILL while it was doing task 0 of map(die, …) (script.py:12), and a Pool never gives "
        "a lost task to another worker",
    ),
    "a join before the items are taken": (
        """
def produce(items):
    for _ in range(5):
        items.put("x" * 100_000)

def main():
    items = multiprocessing.Queue()
    producer = multiprocessing.Process(target=produce, args=(items,), name="producer")
    producer.start()
    producer.join()
""",
        "producer cannot end: it has put items on queue 'items (script.py:12)' that do not fit into its pipe",
    ),
    "more readers than items": (
        """
def consume(items):
    items.get()
    items.get()

def main():
    items = multiprocessing.Queue()
    consumer = multiprocessing.Process(target=consume, args=(items,), name="consumer")
    consumer.start()
    items.put(1)
    consumer.join()
""",
        "consumer waits for ever for an item from queue 'items (script.py:12)'",
    ),
    "an event that nobody sets": (
        """
def main():
    go = multiprocessing.Event()
    waiter = multiprocessing.Process(target=go.wait, name="waiter")
    waiter.start()
    waiter.join()
""",
        "waiter waits for ever for event 'go (script.py:8)'",
    ),
    "a callback that raises": (
        """
def nothing():
    pass

def refuse(result):
    raise ValueError("no")

def main():
    with multiprocessing.Pool(1) as pool:
        pool.apply_async(nothing, callback=refuse).get()
""",
        "the pool's thread that takes results has ended, because a callback raised ValueError: no",
    ),
    "one full queue": (
        """
def put_much(box):
    for number in range(4):
        box.put(number)

def main():
    box = multiprocessing.Queue(3)
    process = multiprocessing.Process(target=put_much, args=(box,), name="putter")
    process.start()
    process.join()
""",
        "putter waits for ever for room in queue 'box (script.py:12)' (maxsize 3, 3 in it)",
    ),
}


@pytest.mark.parametrize("name", DEADLOCKS)
def test_a_deadlock_is_explained(tmp_path: Path, method: str, name: str) -> None:
    """What can never end is ended at once, with the reason."""
    text, reason = DEADLOCKS[name]
    recorded = record(tmp_path, script(text), method)
    assert (3, "deadlock") == (recorded.status, recorded.stall()["cause"])
    assert reason in recorded.stall()["reason"]
    assert reason in recorded.stderr


def test_a_result_that_does_not_come(tmp_path: Path, method: str) -> None:
    """Of several calls it is said whose result is waited for, and in which line it was made."""
    body = """
from concurrent.futures import ProcessPoolExecutor

def work(number):
    if number:
        multiprocessing.Event().wait()

def main():
    with ProcessPoolExecutor(1) as executor:
        futures = [executor.submit(work, number) for number in range(2)]
        for future in futures:
            future.result()
"""
    stall = record(tmp_path, script(body), method).stall()
    waits = next(each for each in stall["processes"] if each["process"] == "MainProcess")
    assert (2, "submit", "work", "script.py:15") == tuple(waits[key] for key in ("call", "method", "function", "place"))
    result = "the result of submit(work, …) (call 2, script.py:15) of pool 'executor (script.py:14)'"
    assert result == waits["waiting_for"]


def test_a_deadline(tmp_path: Path) -> None:
    """With --timeout, a script that goes on is stopped; what it does then is in the log."""
    recorded = record(tmp_path, "import time\ntime.sleep(1000)\n", options=("--timeout", "0.5"))
    assert (3, 0.5) == (recorded.status, recorded.log.events[0]["timeout"])
    assert "timed_out" == recorded.log.finished["outcome"]


# As `python` runs it

REGISTER = "import atexit; atexit.register(print, 'by atexit')"
FINALIZE = "mp.util.Finalize(None, print, args=('by multiprocessing',), exitpriority=1)"
"""What ends first depends on when multiprocessing was used first."""


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 0),
        ("import sys\nsys.exit(5)", 5),
        ("import sys\nsys.exit(True)", 1),
        ("import sys\nsys.exit('told')", 1),
        ("1 / 0", 1),
        ("import os\nos._exit(9)", 9),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 128 + 9),
        ("import atexit\natexit.register(print, 'at the end')", 0),
        (f"import multiprocessing as mp\n{REGISTER}\nmp.Lock()\n{FINALIZE}", 0),
        (f"import multiprocessing as mp\nmp.Lock()\n{REGISTER}\n{FINALIZE}", 0),
        (f"import concurrent.futures.process, multiprocessing as mp\n{REGISTER}\n{FINALIZE}", 0),
        ("import threading\nthreading.Thread(target=lambda: print('in a thread')).start()", 0),
        ("print(__name__, __file__, __spec__, __builtins__)", 0),
        ("import sys\nprint(sys.argv, sys.path[0], sys.stdin.read())", 0),
    ],
)
def test_the_end_of_a_script(tmp_path: Path, text: str, status: int) -> None:
    """Exit code, output and traceback are those of Python itself."""
    (tmp_path / "script.py").write_text(text)
    recorded, plain = record(tmp_path, text, "--size", "x"), plainly(tmp_path, "script.py", "--size", "x")
    assert (status, plain.stdout) == (recorded.status, recorded.stdout)
    assert plain.stderr == "\n".join(recorded.stderr.splitlines()[: plain.stderr.count("\n")]) + (
        "\n" if plain.stderr else ""
    )
    assert plain.returncode in (status, 128 - status)


def test_a_module(tmp_path: Path) -> None:
    """`-m` finds a module as Python does, and hands it all that comes after it."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text("import sys\nprint(__name__, __package__, sys.argv[1:])\n")
    recorded = record(tmp_path, Path("-m"), "-m", "package", "--log", "-x")
    assert (0, "__main__ package ['--log', '-x']\n") == (recorded.status, recorded.stdout)
    assert "package" == recorded.log.events[0]["scenario"]


def test_a_module_stays_the_main_one(tmp_path: Path) -> None:
    """What runs at its end still finds it as __main__."""
    text = "import atexit, sys\natexit.register(lambda: print(sys.modules['__main__'].__spec__.name))\n"
    (tmp_path / "module.py").write_text(text)
    recorded = record(tmp_path, Path("-m"), "-m", "module")
    assert (0, "module\n") == (recorded.status, recorded.stdout)


def test_the_end_of_a_manager(tmp_path: Path, method: str) -> None:
    """It is in the log, however it comes; what fails afterwards is explained by it."""
    body = """
def use(numbers, gone):
    gone.wait()
    numbers["n"] = 1

def main():
    gone = multiprocessing.Event()
    manager = multiprocessing.Manager()
    numbers = manager.dict()
    process = multiprocessing.Process(target=use, args=(numbers, gone), name="late")
    process.start()
    os.kill(manager._process.pid, signal.SIGKILL)
    manager._process.join()
    gone.set()
    process.join()
"""
    recorded = record(tmp_path, script(body), method)
    assert 1 == len(recorded.log.all("manager.started"))
    assert [] == recorded.log.all("manager.shut_down")
    assert "ConnectionRefusedError" == recorded.log.one("process.failed", "late")["exception"]


def test_standard_input_is_the_scripts(tmp_path: Path) -> None:
    """What is piped in, it reads."""
    recording = Recording(tmp_path, "print(input() + '!')", stdin=subprocess.PIPE)
    assert "hello!\n" == recording.finish("hello\n").stdout


def test_a_terminal_stays_one(tmp_path: Path) -> None:
    """A script that asks whether it writes to a terminal does."""
    (tmp_path / "script.py").write_text("import sys\nprint(sys.stdin.isatty(), sys.stdout.isatty(), input('? '))\n")
    controller, terminal = pty.openpty()
    with subprocess.Popen([*COMMAND, "record", "script.py"], cwd=tmp_path, stdin=terminal, stdout=terminal) as process:
        os.close(terminal)
        os.write(controller, b"yes\n")
        process.wait(PATIENCE)
        shown = os.read(controller, 4096).decode()
    os.close(controller)
    assert "True True yes" in shown


SLEEPS = """
    import os, signal, sys, time
    def stop(number, frame):
        os.write(1, b"asked to stop\\n")  # print() may be what it has interrupted
        sys.exit(11)
    signal.signal(signal.{name}, stop)
    print("ready", flush=True)
    while True:  # a signal that comes just before a long sleep is heard only after it
        time.sleep(0.01)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_is_passed_on(tmp_path: Path, name: str) -> None:
    """A script that handles it ends in its own way."""
    recording = Recording(tmp_path, SLEEPS.format(name=name))
    assert recording.process.stdout
    assert "ready\n" == recording.process.stdout.readline()
    recording.process.send_signal(signal.Signals[name])
    recorded = recording.finish()
    assert (11, "asked to stop\n") == (recorded.status, recorded.stdout), recorded.stderr


def test_a_second_signal_ends_it(tmp_path: Path) -> None:
    """Whoever does not heed the first is ended."""
    text = 'import os, signal, time\nsignal.signal(signal.SIGINT, lambda *_: os.write(1, b"heard\\n"))\n'
    recording = Recording(tmp_path, text + 'print("ready", flush=True)\nwhile True:\n    time.sleep(0.01)\n')
    assert recording.process.stdout
    for line in ("ready\n", "heard\n"):
        assert line == recording.process.stdout.readline()
        recording.process.send_signal(signal.SIGINT)
    recorded = recording.finish()
    assert (130, "interrupted") == (recorded.status, recorded.log.finished["outcome"]), recorded.stderr


def test_bytes_in_the_pipe_are_the_plain_ones(tmp_path: Path, method: str) -> None:
    """A message is its length and the pickled item: whoever is not recorded can read it."""
    body = """
def main():
    import pickle
    queue = multiprocessing.Queue()
    queue.put("word")
    with queue._rlock:
        data = queue._reader.recv_bytes()
    print(pickle.loads(data), isinstance(queue, multiprocessing.queues.Queue), queue.empty())
    queue.put(1)
    print(queue.get())
"""
    recorded = record(tmp_path, script("import multiprocessing.queues\n" + body), method)
    assert (0, "word True True\n1\n") == (recorded.status, recorded.stdout)
    assert (2, 1) == (recorded.log.one("queue.get")["item_id"], recorded.log.one("queue.get")["item"])
    assert ["word"] == recorded.log.one("queue.left_over")["items"]


def test_too_many_objects_are_not_recorded(tmp_path: Path) -> None:
    """The script goes on, with multiprocessing's own; the log says so, once."""
    body = """
def main():
    locks = [multiprocessing.Lock() for _ in range(1030)]
    for lock in locks:
        with lock:
            pass
    print(len({type(lock) for lock in locks}))
"""
    recorded = record(tmp_path, script(body), "fork")
    assert (0, "2\n") == (recorded.status, recorded.stdout)
    assert "resources after the first 1,024" == recorded.log.one("recording.incomplete")["missing"]
    assert 1024 == len(recorded.log.all("lock.acquired"))


def test_a_killed_recorder_leaves_nothing(tmp_path: Path, method: str) -> None:
    """The script is ended with it, and its processes."""
    body = """
def wait(event):
    print("waits", flush=True)
    event.wait()

def main():
    never = multiprocessing.Event()
    process = multiprocessing.Process(target=wait, args=(never,))
    process.start()
    process.join(1000)
"""
    recording = Recording(tmp_path, script(body), method)
    assert recording.process.stdout
    assert "waits\n" == recording.process.stdout.readline()
    recording.process.kill()
    recording.process.communicate(timeout=PATIENCE)
    recording.wait_for_nobody()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "record needs a script, or -m and a module"),
        (["absent.py"], "there is no script 'absent.py' to be recorded"),
        (["own.yaml"], "'own.yaml' is a scenario: run-scenario run own.yaml"),
        (["--lgo", "x", "script.py"], "there is no option '--lgo'; did you mean '--log'?"),
    ],
)
def test_what_cannot_be_recorded(tmp_path: Path, arguments: list[str], message: str) -> None:
    """The error says what to write."""
    (tmp_path / "own.yaml").touch()
    (tmp_path / "script.py").touch()
    done = commands.run(
        [*COMMAND, "record", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert 2 == done.returncode
    assert message in done.stderr


def test_from_python(tmp_path: Path) -> None:
    """`record` returns the run, with what the script wrote, and its log, in which expectations are looked for."""
    file = tmp_path / "script.py"
    file.write_text(script(TWO_LOCKS))
    stuck = run_scenario.record(file, "fork")
    assert (3, "stalled", False) == (stuck.status, stuck.outcome, stuck.passed)
    assert stuck.log.exists("lock.waiting", "Kant")
    file.write_text("import sys\nprint(sys.argv[1:])\nsys.exit(len(sys.argv))\n")
    ended = run_scenario.record(file, "a b", log=tmp_path / "log.jsonl", cwd=tmp_path)
    assert (2, "failed", "['a b']\n", tmp_path / "log.jsonl") == (ended.status, ended.outcome, ended.stdout, ended.path)
    file.write_text("")
    assert run_scenario.record(file, log=tmp_path / "log.jsonl").passed
    with pytest.raises(run_scenario.UsageError, match="there is no script"):
        run_scenario.record(tmp_path / "absent.py")


def test_a_deadlock_may_be_kept(tmp_path: Path, method: str) -> None:
    """With --keep it is only explained; the program is there until somebody ends it."""
    recording = Recording(tmp_path, script(TWO_LOCKS), method, options=("--keep",))
    assert recording.process.stderr
    lines = iter(recording.process.stderr.readline, "")
    assert any("Kant holds 'first (script.py:14)' and waits for 'second (script.py:15)'" in line for line in lines)
    assert recording.process.poll() is None
    recording.process.terminate()
    assert (3, 1) == ((recorded := recording.finish()).status, len(recorded.log.all("scenario.stalled")))


def test_what_is_kept_has_a_deadline(tmp_path: Path, method: str) -> None:
    """It is explained as kept when it comes to stand still; at the deadline it is ended, and nothing else is said."""
    recorded = record(tmp_path, script(TWO_LOCKS), method, options=("--keep", "--timeout", "3"))
    assert 3 == recorded.status
    causes = [event["cause"] for event in recorded.log.all("scenario.stalled")]
    assert "deadline" == causes[-1]
    assert causes.count("deadlock") == recorded.stderr.count("the program is left as it is")


def test_copies_of_multiprocessing_are_named(tmp_path: Path) -> None:
    """What such a library makes is not recorded; the log says so, once, whoever imports it."""
    (tmp_path / "billiard.py").touch()
    body = """
def use():
    import billiard

def main():
    import billiard
    process = multiprocessing.Process(target=use)
    process.start()
    process.join()
"""
    log = record(tmp_path, script(body), "spawn").log
    missing = log.one("recording.incomplete")["missing"]
    assert "billiard has a multiprocessing of its own: what it makes is not recorded" == missing


def test_what_managers_hold(tmp_path: Path, method: str) -> None:
    """It is named like all else, and who waits for whom is known, whichever process the proxy is in."""
    body = """
def count(numbers, lock, go):
    go.wait()
    with lock:
        numbers["n"] = numbers.get("n", 0) + 1

def main():
    with multiprocessing.Manager() as manager:
        numbers = manager.dict()
        lock = manager.Lock()
        go = manager.Event()
        processes = [multiprocessing.Process(target=count, args=(numbers, lock, go)) for _ in range(2)]
        for process in processes:
            process.start()
        go.set()
        for process in processes:
            process.join()
        print(dict(numbers))
        lock.acquire()
        late = multiprocessing.Process(target=count, args=(numbers, lock, go), name="late")
        late.start()
        late.join()
"""
    recorded = record(tmp_path, script(body), method)
    assert (3, "{'n': 2}\n") == (recorded.status, recorded.stdout)
    assert 3 == len(recorded.log.all("lock.acquired", lock="lock (script.py:15)"))
    assert recorded.log.all("manager.called", object="numbers (script.py:14)")
    assert "late waits for ever for lock 'lock (script.py:15)', held by the main program" in recorded.stderr


@pytest.mark.parametrize("method", ["fork", "spawn"])  # the fork server would get it, too, as it does in any script
def test_a_signal_to_its_own_group(tmp_path: Path, method: str) -> None:
    """It reaches the script's processes, and nobody else."""
    body = """
def wait(ready):
    ready.set()
    signal.pause()

def main():
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=wait, args=(ready,))
    process.start()
    ready.wait()
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.killpg(0, signal.SIGTERM)
    process.join()
    print(process.exitcode)
"""
    recorded = record(tmp_path, script(body), method)
    assert (0, "-15\n") == (recorded.status, recorded.stdout)


OWN_TESTS = [
    f"WithProcessesTest{name}"
    for name in (
        *("Queue", "Lock", "Semaphore", "Condition", "Event", "Barrier", "Value", "Array", "Connection", "Pool"),
        "SharedMemory",
    )
]
"""Of CPython's own tests of multiprocessing, those of what is recorded."""


@pytest.mark.campaign
@pytest.mark.parametrize("tests", OWN_TESTS)
def test_cpythons_own_tests(tmp_path: Path, method: str, tests: str) -> None:
    """They come to the same under `record`."""
    if find_spec("test._test_multiprocessing") is None:
        pytest.skip("this Python has no tests of its own")
    file = SCRIPTS / "cpython.py"
    plain, recorded = plainly(tmp_path, file, method, tests), record(tmp_path, file, method, tests)
    assert plain.returncode == recorded.status
    assert _results(plain.stderr) == _results(recorded.stderr)


def _results(text: str) -> list[str]:
    """Return how many tests there were, and which of them have failed."""
    found = [line for line in text.splitlines() if line.startswith(("Ran ", "FAIL: ", "ERROR: ", "OK", "FAILED"))]
    assert found
    return [re.sub(r" in [0-9.]+s$", "", line) for line in found]


def test_an_initializer_that_always_fails(tmp_path: Path) -> None:
    """The pool goes on starting workers, as it does without; the log says so once, and standard error not each time."""
    body = """
def fail():
    raise RuntimeError("no database")

def main():
    with multiprocessing.Pool(1, initializer=fail) as pool:
        pool.map(abs, [1], 1)  # without a size, it divides by the number of workers, which may be 0 just then
"""
    recorded = record(tmp_path, script(body), "fork", options=("--timeout", "2"))
    found = recorded.log.one("pool.crash_loop")
    assert (3, True, "RuntimeError: no database") == (recorded.status, found["goes_on"], found["reason"])
    assert 3 == recorded.stderr.count("fails: its initializer raised RuntimeError: no database")
    assert "more warnings like these: see the log (--log)" in recorded.stderr


def test_a_script_is_no_scenario(tmp_path: Path) -> None:
    """Whoever runs one is told of `record`."""
    (tmp_path / "script.py").touch()
    done = commands.run(
        [*COMMAND, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (2, True) == (
        done.returncode,
        "'script.py' is a Python script: run-scenario record script.py" in done.stderr,
    )


def test_the_end_of_a_manager_that_is_killed(tmp_path: Path, method: str) -> None:
    """Who has started it does not matter: the script, before it goes on, or a process, when that stops it."""
    body = """
def kill(name):
    manager = multiprocessing.Manager()
    made = manager.dict()
    os.kill(int(manager._process.pid), signal.SIGKILL)
    manager._process.join()
    try:
        made["a"] = 1
    except (OSError, EOFError):
        print(name, flush=True)

def main():
    kill("script")
    process = multiprocessing.Process(target=kill, args=("process",), name="worker")
    process.start()
    process.join()
"""
    recorded = record(tmp_path, script(body), method)
    assert (0, "script\nprocess\n") == recorded[:2]
    started = {event["manager_pid"]: event["process"] for event in recorded.log.all("manager.started")}
    lost = {started[event["manager_pid"]]: event["exitcode"] for event in recorded.log.all("manager.lost")}
    # If the script, or its fork server, has waited for it before the supervisor looks, that does not know the code.
    assert lost["MainProcess"] in (-9, None)
    assert {"MainProcess": lost["MainProcess"], "worker": -9} == lost
