"""`record_block`: what a block does is recorded in the program's own process, and all is as before after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from recorded import plainly, record
from support import COMMAND, PATIENCE, Log, check_log, read_events

HEAD = """\
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Event, JoinableQueue, Lock, Manager, Pipe, Pool, Process, Queue, SimpleQueue, Value

from run_scenario import UsageError, event, record_block


def double(inbox, outbox):
    while (number := inbox.get()) is not None:
        outbox.put(2 * number)


def wait_for(flag):
    flag.wait()


def fork_alone():
    # A thread that has been joined may not have ended for the system, and newer Pythons warn of a fork beside it.
    while len(os.listdir("/proc/self/task")) > 1:
        os.sched_yield()
    return os.fork()


"""
GUARD = """

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
"""


def run_script(folder: Path, method: str, body: str) -> Path:
    """Run a program that has a function `main`, which is to print nothing and to end well; return its file."""
    script = folder / "program.py"
    script.write_text(f"{HEAD}{body}{GUARD}")
    done = plainly(folder, script, method)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr), done.stderr
    return script


def log_of(path: Path) -> Log:
    """Return a log, which is in order."""
    events = read_events(path.read_text())
    check_log(events)
    return Log(events)


EVERYTHING = """\
def add_up(count, number, lock):
    with lock, number.get_lock():
        number.value += count


def main():
    with record_block(log="log.jsonl") as run:
        tasks, results = Queue(), SimpleQueue()
        worker = Process(target=double, args=(tasks, results), name="Worker")
        worker.start()
        for each in (1, 2, None):
            tasks.put(each)
        assert [2, 4] == [results.get(), results.get()]
        worker.join()
        lock, total, flag = Lock(), Value("i", 0), multiprocessing.get_context().Event()
        adders = [Process(target=add_up, args=(each, total, lock)) for each in (3, 4)]
        for adder in adders:
            adder.start()
        for adder in adders:
            adder.join()
        flag.set()
        left, right = Pipe()
        left.send("word")
        assert "word" == right.recv()
        done = JoinableQueue()
        done.put(1)
        done.get()
        done.task_done()
        done.join()
        with Pool(2) as pool:
            assert [1, 2] == pool.map(abs, [-1, -2])
        with ProcessPoolExecutor(1) as executor:
            assert 3 == executor.submit(abs, -3).result()
        with Manager() as manager:
            held = manager.dict()
            held["key"] = 1
    assert 7 == total.value
    assert run.passed, run
    assert ("main", "passed", []) == (run.scenario.name, run.outcome, run.reasons)
    assert run.log.conserved("tasks")
    assert run.log.mutual_exclusion("lock")
    assert [0, 0, 0] == [end["exitcode"] for end in run.log.of("process.exited")]
    assert run.log.exists("process.finished", "MainProcess")
    assert not run.log.of("process.left")
"""


def test_what_a_block_makes_is_in_its_log(tmp_path: Path, method: str) -> None:
    """By whatever name the program has had the functions before, with the events that a script has."""
    script = run_script(tmp_path, method, EVERYTHING)
    log = log_of(tmp_path / "log.jsonl")
    line = script.read_text().splitlines().index("        tasks, results = Queue(), SimpleQueue()") + 1
    tasks = f"tasks (program.py:{line})"
    assert [1, 2, None] == [put["item"] for put in log.all("queue.put", "MainProcess", queue=tasks)]
    assert [1, 2, None] == [got["item"] for got in log.all("queue.get", "Worker", queue=tasks)]
    assert method == log.one("process.started", "Worker")["start_method"]
    assert {"returned"} == {end["cause"] for end in log.all("process.exited")}
    kinds = {made["type"] for made in log.all("resource.made")}
    assert {
        "Queue",
        "SimpleQueue",
        "JoinableQueue",
        "Lock",
        "Value",
        "Event",
        "Pipe",
        "Pool",
        "executor",
        "dict",
    } == kinds
    assert 2 == len([put for put in log.all("value.written") if put["process"].startswith("Process-")])
    assert 3 == len(log.all("pool.task_finished"))
    assert log.all("event.set", "MainProcess")
    assert log.all("pipe.received", "MainProcess", item="word")
    assert log.all("queue.joined", "MainProcess")
    assert log.all("manager.called", "MainProcess")
    assert log.all("manager.shut_down")
    assert not log.all("recording.incomplete")


PUT_BACK = """\
import atexit
import gc
import signal
import threading
from multiprocessing import shared_memory
from multiprocessing.reduction import ForkingPickler

PACKAGE = os.path.dirname(sys.modules["run_scenario"].__file__)


NAMES = {*"multiprocessing concurrent threading signal atexit os io sys subprocess socket select selectors".split()}
NAMES |= {*"queue pickle copyreg weakref logging warnings linecache importlib gc time tempfile faulthandler".split()}
CHANGING = {*"_children _process_counter _next_serial _abc_impl __annotations__ _dangling".split()}


def parts():
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in NAMES:
            yield name, module
            yield from ((f"{name}.{key}", each) for key, each in vars(module).items() if isinstance(each, type))


def code_of(each):
    each = getattr(each, "__func__", each)
    return getattr(each, "__code__", None), getattr(each, "__defaults__", None), getattr(each, "__kwdefaults__", None)


def state():
    found = {}
    for name, part in parts():
        for key, each in vars(part).items():
            if key not in CHANGING:
                found[name, key] = each, code_of(each)
    found["hooks"] = (sys.excepthook, *sys.meta_path, *sys.path, threading.excepthook, *sys.path_hooks, *gc.callbacks)
    found["tracing"] = (sys.gettrace(), sys.getprofile(), sys.unraisablehook, sys.breakpointhook, sys.displayhook)
    found["at the end"] = atexit._ncallbacks()
    found["pickled"] = dict(ForkingPickler._extra_reducers)
    found["threads"] = threading.enumerate()
    found["files"] = len(os.listdir("/proc/self/fd"))
    found["timers"] = [signal.getitimer(each) for each in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL)]
    found["blocked"] = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    found["of the process"] = (os.getpgid(0), os.getcwd(), dict(os.environ), sys.stdout, sys.stderr, sys.argv)
    found["handlers"] = [signal.getsignal(number) for number in signal.valid_signals()]
    found["names"] = dict(multiprocessing.current_process()._config)
    return found


def ours():
    return [
        (name, key)
        for name, part in parts()
        for key, each in vars(part).items()
        if str(getattr(code_of(each)[0], "co_filename", "")).startswith((PACKAGE, "<run"))
    ]


def make_some():
    with record_block() as run:
        queue = Queue()
        child = Process(target=double, args=(queue, queue))
        child.start()
        queue.put(None)
        child.join()
        with Pool(1) as pool:
            pool.map(abs, [1])
        with ProcessPoolExecutor(1) as executor:
            executor.submit(abs, 1).result()
        with Manager() as manager:
            manager.dict()["key"] = 1
        memory = shared_memory.SharedMemory(create=True, size=1)
        memory.close()
        memory.unlink()
        queue.close()
        queue.join_thread()
        copy = fork_alone()
        if not copy:
            os._exit(0)
        os.waitpid(copy, 0)
        thread = threading.Thread(target=signal.alarm, args=(0,))
        thread.start()
        thread.join()
        changed = [key for key, each in state().items() if before.get(key, each) != each]
        assert ours()
    assert run.passed, run
    return changed


def raise_in_some():
    try:
        with record_block():
            left = Queue()
            raise LookupError
    except LookupError:
        pass
    left.close()


def main():
    global before
    before = {}
    make_some()
    raise_in_some()
    assert [] == ours()
    gc.collect()
    before = state()
    changed = make_some()
    raise_in_some()
    gc.collect()
    after = state()
    assert [] == ours()
    assert [] == [key for key in before if before[key] != after[key]]
    assert set(before) == set(after)
    assert {"start", "join", "terminate", "kill", "is_alive", "_bootstrap", "Queue", "_callmethod"} <= {
        key[1] for key in changed
    }
"""


def test_everything_is_put_back(tmp_path: Path, method: str) -> None:
    """What was replaced is what it was, be it of modules that were imported only in the block."""
    run_script(tmp_path, method, PUT_BACK)


AFTERWARDS = """\
def take(queue, lock, total):
    with lock:
        total.value += queue.get()


def main():
    with record_block(log="first.jsonl") as first:
        queue, lock, total, simple = Queue(), Lock(), Value("i", 0), SimpleQueue()
        left, right = Pipe()
        pool, executor, manager = Pool(1, maxtasksperchild=1), ProcessPoolExecutor(1), Manager()
        held = manager.list()
        queue.put(1)
        assert 1 == queue.get()
        assert [1] == pool.map(abs, [-1])
        assert 1 == executor.submit(abs, -1).result()
    assert first.passed, first
    events = len(first.log)

    def use():
        taker = Process(target=take, args=(queue, lock, total))
        taker.start()
        queue.put(5)
        taker.join()
        assert 0 == taker.exitcode
        simple.put("x")
        assert ("x", True) == (simple.get(), simple.empty())
        left.send(b"y")
        assert b"y" == right.recv()
        assert [1, 2] == pool.map(abs, [-1, -2], chunksize=1)
        assert 4 == executor.submit(abs, -4).result()
        held.append(1)

    use()
    with record_block(log="second.jsonl") as second:
        fresh = Queue()
        fresh.put("fresh")
        assert "fresh" == fresh.get()
        use()
    use()
    assert (15, [1, 1, 1]) == (total.value, list(held))
    manager.shutdown()
    executor.shutdown()
    pool.close()
    pool.join()
    assert second.passed, second
    assert events == len(first.log)
    with record_block(log="third.jsonl") as third:
        pass
    assert third.passed
"""


def test_what_a_block_has_made_goes_on_after_it(tmp_path: Path, method: str) -> None:
    """It works, also in another block, whose log tells nothing of it but that it is not recorded."""
    run_script(tmp_path, method, AFTERWARDS)
    first, second, third = (log_of(tmp_path / f"{name}.jsonl") for name in ("first", "second", "third"))
    assert {"MainProcess"} == {put["process"] for put in first.all("queue.put")}
    assert {"SyncManager-"} <= {left["process"][:12] for left in first.all("process.left", running=True)}
    assert ["fresh"] == [made["variable"] for made in second.all("resource.made")]
    assert ["fresh"] == [put["item"] for put in second.all("queue.put")]
    assert ["fresh"] == [got["item"] for got in second.all("queue.get")]
    told = {event.partition(".")[0] for event in second.names()} - {"scenario", "process", "resource", "queue"}
    assert {"recording"} == told
    assert "what an earlier block has made" in second.one("recording.incomplete")["missing"]
    assert 0 == second.one("process.exited")["exitcode"], "of the process that this block has started"
    assert ["scenario.started", "process.started", "process.finished", "scenario.finished"] == third.names()


COUNTING_ON = """\
def main():
    for _ in range(2):
        with record_block(log="log.jsonl") as run:
            locks = Lock(), Lock()  # more objects than processes
            copy = os.fork()
            if not copy:
                os._exit(0)
            os.waitpid(copy, 0)
        assert run.passed, run
        assert 2 == len(run.log.of("resource.made")) == len(locks)
"""


def test_a_later_block_counts_on(tmp_path: Path, method: str) -> None:
    """Objects and processes each by themselves: a copy in the second block is no object of the first."""
    run_script(tmp_path, method, COUNTING_ON)
    copies = [end for end in read_events((tmp_path / "log.jsonl").read_text()) if end["event"] == "process.exited"]
    assert ["fork of MainProcess"] * 2 == [end["process"] for end in copies]


STARTING = """import threading

begun, left = threading.Event(), threading.Event()


class Late(Process):
    @staticmethod
    def _Popen(made):
        begun.set()
        left.wait()
        return Process._Popen(made)


def main():
    with record_block(log="log.jsonl") as run:
        late = Late(target=abs, args=(1,))
        thread = threading.Thread(target=late.start)
        thread.start()
        begun.wait()
    left.set()
    thread.join()
    late.join()
    assert 0 == late.exitcode
    assert ["MainProcess"] == [start["process"] for start in run.log.of("process.started")]
"""


def test_a_block_ends_while_a_thread_starts_a_process(tmp_path: Path, method: str) -> None:
    """The process is not there yet, and starts after the block as it would have without it."""
    run_script(tmp_path, method, STARTING)


RAISING = """\
import traceback
from queue import Empty


def main():
    try:
        with record_block(log="log.jsonl") as run:
            queue = Queue()
            queue.put(1)
            queue.get()
            raise LookupError("nothing")
    except LookupError as error:
        frames = error.__traceback__
    assert frames.tb_next is None
    assert ("failed", ["the block raised LookupError: nothing"]) == (run.outcome, run.reasons)
    assert not run.passed
    try:
        with record_block() as run:
            assert not hasattr(run, "log")
            Queue().get_nowait()
    except Empty as error:
        files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert [os.path.abspath(__file__), multiprocessing.queues.__file__] == files
    assert not run.passed
"""


def test_an_exception_leaves_a_block(tmp_path: Path, method: str) -> None:
    """It is in the log, with its line; the run has failed; and the exception goes on."""
    run_script(tmp_path, method, RAISING)
    log = log_of(tmp_path / "log.jsonl")
    failed = log.one("process.failed", "MainProcess")
    assert ("LookupError", "nothing") == (failed["exception"], failed["message"])
    assert 'raise LookupError("nothing")' in failed["traceback"]
    assert "run_scenario" not in failed["traceback"]
    assert log.all("queue.get")


OUTLIVING = """\
def main():
    flag = Event()
    with open("expect.yaml", "w") as file:
        file.write("version: 1\\nexpect: [{absent: {event: process.failed}}]\\n")
    with record_block(expect="expect.yaml", log="log.jsonl") as run:
        words = Queue()
        child = Process(target=wait_for, args=(flag,), name="Patient")
        late = Process(target=double, args=(words, words), name="Late")
        child.start()
        late.start()
        gone = Process(target=len, args=((),), name="Gone")
        gone.start()
        os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT) if sys.argv[1] != "forkserver" else gone.join()
    assert ("failed", "expectation.inconclusive") == (run.outcome, run.verdicts[0]["event"])
    flag.set()
    words.put(None)
    child.join()
    late.join()
    assert [0, 0] == [child.exitcode, late.exitcode]
"""


def test_a_process_outlives_a_block(tmp_path: Path, method: str) -> None:
    """It is told as one that still ran, and goes on; what it might have done yet is not judged."""
    run_script(tmp_path, method, OUTLIVING)
    log = log_of(tmp_path / "log.jsonl")
    assert {"Patient", "Late"} == {left["process"] for left in log.all("process.left", running=True)}
    assert ["Gone"] == [end["process"] for end in log.all("process.exited")]
    assert (0, "returned") == (log.one("process.exited")["exitcode"], log.one("process.exited")["cause"])


EXPECTING = """\
def main():
    for count in (1, 2):
        with open("expect.yaml", "w") as file:
            file.write(f"version: 1\\nexpect: [{{count: {{event: queue.put, queue: tasks}}, is: {count}}}]\\n")
        with record_block(expect="expect.yaml") as run:
            tasks = Queue()
            tasks.put(1)
            tasks.get()
        assert (count == 1) == run.passed, run
        assert [f"expectation.{'passed' if count == 1 else 'failed'}"] == [each["event"] for each in run.verdicts]
    assert "the expectation in line 2 failed" in run.reasons[0]
"""


def test_a_block_is_judged(tmp_path: Path, method: str) -> None:
    """By a file of expectations, in which a queue has the name of its variable."""
    run_script(tmp_path, method, EXPECTING)


REFUSED = """\
def refused(answers):
    try:
        with record_block():
            pass
    except UsageError as error:
        answers.put(str(error))


def main():
    with record_block() as run:
        answers = SimpleQueue()
        refused(answers)
        assert "recorded already: by a block around it" in answers.get()
        child = Process(target=refused, args=(answers,))
        child.start()
        assert "recorded already" in answers.get()
        child.join()
        copy = os.fork()
    if not copy:
        os._exit(0)
    os.waitpid(copy, 0)
    assert run.passed, run
"""


def test_a_block_within_a_block_is_refused(tmp_path: Path, method: str) -> None:
    """Here and in a process that was started in a block; a copy that leaves the block does not end it."""
    run_script(tmp_path, method, REFUSED)


def test_a_block_in_a_recorded_script_is_refused(tmp_path: Path) -> None:
    """It says why, and the script goes on."""
    recorded = record(
        tmp_path, f"{HEAD}try:\n    with record_block():\n        pass\nexcept UsageError:\n    print('no')\n"
    )
    assert (0, "no\n") == (recorded.status, recorded.stdout)


KILLED = """\
def main():
    with record_block():
        queue = Queue()
        os.kill(os.getpid(), 9)
"""


def test_a_program_is_killed_in_a_block(tmp_path: Path) -> None:
    """What it leaves behind is found, and removed, by `recover --clean`."""
    script, place = tmp_path / "program.py", tmp_path / "tmp"
    script.write_text(f"{HEAD}{KILLED}{GUARD}")
    place.mkdir()
    environment = {**os.environ, "TMPDIR": str(place)}
    killed = subprocess.run([sys.executable, str(script), "fork"], env=environment, timeout=PATIENCE, check=False)
    assert -signal.SIGKILL == killed.returncode
    (left,) = place.iterdir()
    command = [*COMMAND, "recover", "--clean", left.name.removeprefix("run-scenario-")]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    assert [] == list(place.iterdir())
