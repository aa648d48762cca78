"""Targets for the acceptance tests: what a person's own workers might do, for good and ill."""

from __future__ import annotations

import functools
import json
import logging
import multiprocessing
import multiprocessing.connection
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

# Who one is


def tell_modules() -> None:
    """Print which modules the process has imported."""
    print(json.dumps(sorted(sys.modules)))


def tell_identity() -> None:
    """Print what multiprocessing says about this process."""
    process, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    facts = {
        "name": process.name,
        "pid": process.pid,
        "daemon": process.daemon,
        "parent": None if parent is None else (parent.name, parent.pid),
        "main": sys.modules["__main__"].__name__,
        "children": len(multiprocessing.active_children()),
        "threads": threading.active_count(),
        "standard input": sys.stdin.read() if sys.stdin and not sys.stdin.closed else "",
    }
    print(json.dumps(facts))


def tell_cpus() -> None:
    """Print the ids of the CPUs that the process may use."""
    print(sorted(os.sched_getaffinity(0)))


class Worker(multiprocessing.Process):
    """A subclass of Process: its constructor runs in the main program, its run() in the child."""

    def __init__(self, word: str, outbox: Any) -> None:
        super().__init__()
        self.word = word
        self.outbox = outbox
        parent = multiprocessing.parent_process()
        facts = {"name": multiprocessing.current_process().name, "parent": parent and parent.name, "pid": os.getpid()}
        print(json.dumps(facts))

    def run(self) -> None:
        """Put one word."""
        print(f"{self.name} runs {self.word}")
        self.outbox.put(self.word)


def tell_thread() -> None:
    """Print what multiprocessing and threading say about where this runs."""
    thread = threading.current_thread()
    print(json.dumps([multiprocessing.current_process().name, thread.name, type(thread).__name__, thread.daemon]))


# Ways to end


def leave_with(text: str) -> None:
    """Leave by sys.exit() with a text."""
    sys.exit(text)


def leave_silently() -> None:
    """Leave by a plain sys.exit()."""
    sys.exit()


def put_and_vanish(outbox: Any, count: int) -> None:
    """Put many items and leave by os._exit() before the feeder thread can have written all."""
    for number in range(count):
        outbox.put(number)
    os._exit(0)


def put_and_count(outbox: Any, count: int, path: str, pipe: str) -> None:
    """Put numbers, noting in a file how many put() calls have returned; say so in a named pipe in the midst of it."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    midst = os.open(pipe, os.O_WRONLY)
    for number in range(1, count + 1):
        outbox.put(number)
        os.pwrite(file, number.to_bytes(8, "little"), 0)
        if number == count // 4:
            os.close(midst)
    signal.pause()


def leave_a_thread(seconds: float) -> None:
    """Return while a thread that is no daemon goes on."""
    threading.Timer(seconds, print, ["the thread is done"]).start()


def leave_an_orphan() -> None:
    """Fork a child that waits for ever, and return once it is there."""
    _fork_stubborn_child()
    print("the child is there")


def be_stubborn() -> None:
    """Ignore SIGTERM and wait for ever, with a child in a session of its own that does the same."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _fork_stubborn_child()
    print("stubborn")
    signal.pause()


def stop() -> None:
    """Stop, as by Ctrl-Z."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _fork_stubborn_child() -> None:
    readable, writable = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(writable, b"!")
        while True:
            signal.pause()
    os.read(readable, 1)


def start_a_child(seconds: float) -> None:
    """Start a process of multiprocessing's below this one, then be killed."""
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(seconds,), name="Grandchild").start()
    print("the child is there")
    os.kill(os.getpid(), signal.SIGKILL)


def burst(seconds: float) -> None:
    """Compute for so long by the clock on the wall."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


# Queues


def put_large(outbox: Any, size: int, count: int = 1) -> None:
    """Put texts of that many characters."""
    for _ in range(count):
        outbox.put("x" * size)


def take(inbox: Any, count: int = 1, done: Any = None) -> None:
    """Get so many items and print them; then say that it is done."""
    for _ in range(count):
        print("got", inbox.get())
    if done is not None:
        done.put("done")


def swap(inbox: Any, outbox: Any) -> None:
    """Get first, then put."""
    outbox.put(inbox.get())


def sleep_then_put(outbox: Any, seconds: float) -> None:
    """Sleep, then put one item."""
    time.sleep(seconds)
    outbox.put("slept")


def compute_then_put(outbox: Any, seconds: float) -> None:
    """Compute, then put one item."""
    burst(seconds)
    outbox.put("computed")


def run_command_then_put(outbox: Any, seconds: float) -> None:
    """Wait for another program, then put one item."""
    subprocess.run(["sleep", str(seconds)], check=True)
    outbox.put("ran")


def listen_then_put(outbox: Any, path: str) -> None:
    """Wait for somebody to write to a named pipe, which is nothing that the recorder knows of, then put one item."""
    with open(path) as pipe:
        outbox.put(pipe.read())


def thread_then_put(outbox: Any, seconds: float) -> None:
    """Wait in a thread's join for a thread that sleeps and then puts."""
    thread = threading.Thread(target=sleep_then_put, args=(outbox, seconds))
    thread.start()
    thread.join()


def take_with_timeout(inbox: Any, seconds: float) -> None:
    """Give up when nothing has come within the time; a put with a timeout likewise."""
    try:
        inbox.get(timeout=seconds)
    except Exception as error:
        print(type(error).__name__)


def put_with_timeout(outbox: Any, seconds: float) -> None:
    """Put into a queue that gets full, and give up when it stays so."""
    outbox.put(1)
    try:
        outbox.put(2, timeout=seconds)
    except Exception as error:
        print(type(error).__name__)
    outbox.get()


def put_unpicklable(outbox: Any, inbox: Any = None) -> None:
    """Put what cannot be pickled between two plain items; stay, if asked to, until they have arrived."""
    outbox.put("before")
    outbox.put(lambda: None)
    outbox.put("after")
    if inbox is not None:
        inbox.get()


def put_many_kinds(outbox: Any) -> None:
    """Put one item of each kind that the log has to show."""
    for item in (None, True, False, 0, -1, 2**62, 2**70, 1.5, float("inf"), "ä\ud800\x1b[31m", b"\xff", [1, {"a": ()}]):
        outbox.put(item)


def take_and_crash(inbox: Any) -> None:
    """Get one item and die before task_done()."""
    inbox.get()
    os.kill(os.getpid(), signal.SIGKILL)


# Output


def talk() -> None:
    """Write in every way there is; each line names the process."""
    name = multiprocessing.current_process().name
    print(f"{name} print")
    print(f"{name} print to stderr", file=sys.stderr)
    sys.stdout.flush()
    os.write(1, f"{name} descriptor 1\n".encode())
    os.write(2, f"{name} descriptor 2\n".encode())
    subprocess.run(["echo", f"{name} subprocess"], check=True)
    subprocess.run(["sh", "-c", f"echo '{name} subprocess to stderr' >&2"], check=True)
    warnings.warn(f"{name} warning", stacklevel=1)
    print(f"{name} no newline", end="")


def talk_in_turns(inbox: Any, outbox: Any, word: str) -> None:
    """Write half a line, let another thread do the same, write the rest; then log and warn."""
    inbox.get()
    print(word, end="")
    outbox.put("go on")
    inbox.get()
    print(word)
    outbox.put("go on")
    logging.getLogger(word).error("logged %s", word)
    warnings.warn(f"warned {word}", stacklevel=1)
    print(f"{word} on stderr", file=sys.stderr)
    print(f"{word} without an end", end="")


def log_at_all_levels() -> None:
    """Log by logging: first with its defaults, then with a level and a handler of one's own."""
    logger = logging.getLogger("actors")
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("plain %s", level)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("handled: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("configured %s", level)
    try:
        raise ValueError("a reason")
    except ValueError:
        logger.exception("with a traceback")
    logger.warning("wrong %d", "argument") if not logging.raiseExceptions else None


def log_by_structlog() -> None:
    """Log by structlog, imported here as a worker would."""
    import structlog

    logger = structlog.get_logger("actors")
    logger.debug("quiet")
    logger.info("hello", answer=42, thing=object, text="ä\ud800")
    logger.bind(colour="red").warning("bound")
    logger.error("bad")


def write_awkward_text() -> None:
    """Write what a log must neither lose nor pass on raw."""
    print("\x1b[31mred\x1b[0m \x07 \u202e bidi ä 日本 \U0001f600")
    print("\ud800 surrogate", file=sys.stderr)
    os.write(1, b"\xff\xfe not UTF-8\n")
    print("L" * 10_000)
    sys.stdout.flush()
    os.write(1, b"M" * 100_000 + b"\n")
    print("carriage\rreturn\r\n\ttab\0nul")
    logging.getLogger("actors").warning("\ud800 and \x1b[31m")
    print('{"event": "scenario.finished", "forged": true}')


def write_many_lines(count: int) -> None:
    """Write many lines by print and, in between, by descriptor."""
    for number in range(count):
        print(number)
    sys.stdout.flush()
    for number in range(count):
        os.write(1, b"%d\n" % number)


# What is no target


def _outer() -> Any:
    def nested() -> None:
        print("nested")

    return nested


nested = _outer()
partial = functools.partial(print, "partial")
unnamed = lambda: print("lambda")  # noqa: E731
builtin = print
alias = os.system
borrowed = subprocess.run


class Sayer:
    """An ordinary class, which is no process."""

    def say(self) -> None:
        """Say it."""
        print("said")


bound = Sayer().say
number = 3


# Synchronization objects


def _outcomes(lock: Any) -> list[Any]:
    """Return what a lock or semaphore answers to calls of every kind."""
    answers: list[Any] = [lock.acquire(), lock.acquire(False), lock.acquire(True, 0.01), lock.acquire(timeout=-1)]
    for _ in range(4):
        try:
            lock.release()
            answers.append("released")
        except (ValueError, AssertionError) as error:
            answers.append(f"{type(error).__name__}: {error}")
    with lock as entered:
        answers.append(entered)
    return answers


def compare_with_plain(lock: Any, kind: str, value: int = 1) -> None:
    """Print what a recorded lock answers, and what multiprocessing's own answers to the same calls."""
    plain = getattr(multiprocessing, kind)(*([value] if "Semaphore" in kind else []))
    print(json.dumps([_outcomes(lock), _outcomes(plain)]))


def release_of_another(lock: Any, event: Any) -> None:
    """Release what somebody else holds, when told to."""
    event.wait()
    lock.release()


def take_and_tell(lock: Any, event: Any) -> None:
    """Acquire a lock, tell so, and end without releasing it."""
    lock.acquire()
    event.set()


def notify_when_all_wait(condition: Any, ready: Any, count: int) -> None:
    """Notify when so many have said that they wait: they say it with the lock in hand, so who has it comes later."""
    for _ in range(count):
        ready.get()
    with condition:
        condition.notify(count)


def wait_on_conditions(condition: Any, ready: Any) -> None:
    """Wait in vain for a moment, and then until notified."""
    with condition:
        print(condition.wait(0.01))
        print(condition.wait_for(lambda: False, 0.01))
        ready.put("waits")
        print(condition.wait())


def tell_pid_and_wait(event: Any, outbox: Any) -> None:
    """Tell who one is, and wait for an event."""
    outbox.put(os.getpid())
    event.wait()


def set_when_dead(event: Any, inbox: Any) -> None:
    """Set an event when a process is no more."""
    descriptor = os.pidfd_open(inbox.get())
    select.select([descriptor], [], [])
    event.set()


def break_barrier(barrier: Any) -> None:
    """Abort a barrier, mend it, and say what it tells of itself."""
    barrier.abort()
    print(barrier.broken)
    barrier.reset()
    print(barrier.broken, barrier.parties, barrier.n_waiting)


# Pipes


def call_both_ends(left: Any, right: Any) -> None:
    """Print what the calls on the two ends of a recorded pipe return or raise, and those on a plain one's."""
    print(json.dumps([_converse(left, right), _converse(*multiprocessing.Pipe())]))


def _converse(left: Any, right: Any) -> list[str]:
    buffer = bytearray(8)
    calls: list[Callable[[], Any]] = [
        lambda: left.send({"a": [1, 2]}),
        lambda: right.poll(),
        right.recv,
        lambda: right.poll(0.01),
        lambda: right.send_bytes(b"abcdef", 1, 3),
        left.recv_bytes,
        lambda: right.send_bytes(b"xyz"),
        lambda: left.recv_bytes_into(buffer, 2),
        lambda: bytes(buffer),
        lambda: right.send_bytes(b"much too long"),
        lambda: left.recv_bytes_into(buffer),
        lambda: right.send_bytes(b"", 1),
        lambda: left.send(lambda: None),
        lambda: [left.readable, left.writable, left.closed, left.fileno() > 0],
        lambda: [end is right for end in multiprocessing.connection.wait([right], 0.01)],
        lambda: left.send(7),
        lambda: [end is right for end in multiprocessing.connection.wait([right])],
        right.recv,
        left.close,
        left.close,
        left.recv,
        lambda: left.closed,
        right.recv,
        lambda: right.send(1),
        right.close,
    ]
    return [_outcome(call) for call in calls]


def _outcome(call: Callable[[], Any]) -> str:
    try:
        return repr(call())
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:20]}"


def send_end(connection: Any, outbox: Any) -> None:
    """Send one's end of a pipe on through a queue, and wait until it was received."""
    outbox.put(connection)
    outbox.put(None)
    outbox.join()


def use_sent_end(inbox: Any) -> None:
    """Send something at an end that came through a queue."""
    connection = inbox.get()
    connection.send("hello")
    inbox.get()
    inbox.task_done()
    inbox.task_done()


def send_odd_things(connection: Any) -> None:
    """Send what cannot be told by its value, and what cannot be loaded at the other end."""
    for thing in (1 << 70, -1, True, None, 2.5, b"bytes", {1, 2}, Unloadable()):
        connection.send(thing)
    connection.close()


def send_bulk(connection: Any, size: int) -> None:
    """Send so many bytes."""
    connection.send(b"x" * size)


def receive_late(connection: Any, seconds: float) -> None:
    """Receive one object, so long after it has begun to come."""
    connection.poll(None)
    time.sleep(seconds)
    connection.recv()


def receive_odd_things(connection: Any) -> None:
    """Receive until the end, whatever comes."""
    while True:
        try:
            print(repr(connection.recv()))
        except EOFError:
            return
        except ValueError as error:
            print(error)


class Unloadable:
    """An object that can be pickled and not be loaded."""

    def __reduce__(self) -> Any:
        return _fail_to_load, ()


def _fail_to_load() -> None:
    raise ValueError("cannot be loaded")


def receive_and_be_killed(connection: Any) -> None:
    """Receive one object and die by SIGKILL."""
    connection.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def hold_end_and_wait(connection: Any, event: Any) -> None:
    """Have an end of a pipe open and wait for an event."""
    event.wait()
    connection.close()


def hold_end_and_get(connection: Any, queue: Any) -> None:
    """Have an end of a pipe open and wait for an item on a queue."""
    queue.get()
    connection.close()


# Shared data


def use_shared(value: Any, raw: Any, row: Any, word: Any, locked: Any) -> None:
    """Print what the calls on shared values and arrays return or raise, and those on multiprocessing's own."""
    m = multiprocessing
    plain = m.Value("i", 5), m.RawValue("d", 2.5), m.Array("i", [1, 2, 3]), m.Array("c", b"abc"), m.RawArray("q", 2)
    print(json.dumps([_use(value, raw, row, word, locked), _use(*plain)]))


def _use(value: Any, raw: Any, row: Any, word: Any, locked: Any) -> list[str]:
    def swap() -> Any:
        row[0], row[-1] = row[-1], row[0]
        return list(row)

    calls: list[Callable[[], Any]] = [
        lambda: value.value,
        lambda: setattr(value, "value", 7),
        lambda: [value.get_obj().value, value.get_lock().acquire(), value.release(), value.acquire(), value.release()],
        lambda: setattr(value, "value", "text"),
        lambda: value.__enter__(),
        lambda: value.__exit__(None, None, None),
        lambda: raw.value,
        lambda: setattr(raw, "value", raw.value * 2),
        lambda: raw.value,
        lambda: raw.get_lock(),
        swap,
        lambda: [len(row), row[1], row[-1], row[0:2], row[::2]],
        lambda: row.__setitem__(slice(0, 2), [8, 9]),
        lambda: row[:],
        lambda: row[3],
        lambda: row.__setitem__(5, 1),
        lambda: row.__setitem__(0, 1 << 40),
        lambda: word.value,
        lambda: setattr(word, "value", b"xy"),
        lambda: [word.value, word.raw, word[0]],
        lambda: [len(locked), locked[1]],
        lambda: locked.__setitem__(1, 1 << 40),
        lambda: list(locked),
    ]
    return [_outcome(call) for call in calls]


def use_list(things: Any) -> None:
    """Print what the calls on a ShareableList return or raise, and those on multiprocessing's own."""
    from multiprocessing.shared_memory import ShareableList

    plain = ShareableList([1, "two", None, True, 2.5])
    try:
        print(json.dumps([_use_list(things), _use_list(plain)]))
    finally:
        plain.shm.close()
        plain.shm.unlink()


def _use_list(things: Any) -> list[str]:
    calls: list[Callable[[], Any]] = [
        lambda: [things[i] for i in range(5)],
        lambda: [len(things), things.count(1), things.index("two"), things[-1], things.format],
        lambda: things.__setitem__(0, 12),
        lambda: things.__setitem__(1, "much longer than before"),
        lambda: things.__setitem__(9, 1),
        lambda: things[9],
        lambda: list(things),
    ]
    return [_outcome(call) for call in calls]


def use_block(block: Any) -> None:
    """Print a block's size and first bytes, and fill some of it."""
    print(block.size >= 10, bytes(block.buf[:5]))
    block.buf[:3] = b"xyz"


def kill_manager_and_ask(mapping: Any) -> None:
    """Kill the manager's process, and then ask it something."""
    [manager] = [int(pid) for pid in _siblings() if int(pid) != os.getpid()]
    os.kill(manager, signal.SIGKILL)
    mapping["key"] = "value"


def _siblings() -> list[str]:
    parent = os.getppid()
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        found = file.read().split()
    return [pid for pid in found if "resource_tracker" not in _command(pid)]


def _command(pid: str) -> str:
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read()


def add_blindly(value: Any, own: Any, other: Any) -> None:
    """Read a value, let the other read it too, and write it back."""
    number = value.value
    own.set()
    other.wait()
    value.value = number + 1


def write_under_lock(value: Any, event: Any) -> None:
    """Hold a value's lock for ever after an event was set."""
    value.get_lock().acquire()
    event.set()
    event.clear()
    event.wait()


# Pools


def describe_worker(item: Any) -> Any:
    """Return who does it."""
    process, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    assert parent is not None
    return [item, process.name, process.daemon, parent.name]


def fail_with_cause(item: Any) -> Any:
    """Raise an exception with a cause."""
    raise KeyError(item) from OSError("why")


def return_unpicklable(item: Any) -> Any:
    """Return what cannot be pickled."""
    return lambda: item


class FullStop(BaseException):
    """No ordinary exception."""


def exit_worker(item: Any) -> Any:
    """End the worker by os._exit."""
    os._exit(7)


def print_and_log(item: Any) -> Any:
    """Print from a worker, in two ways."""
    print("printed", item)
    logging.getLogger("pool").warning("logged %s", item)
    return item


def fail_unloadably(item: Any) -> Any:
    """Raise an exception that can be pickled and not be unpickled: its class cannot be called with its arguments."""
    raise Demanding(item, "reason")


class Demanding(Exception):
    """An exception that does not hand its arguments on to Exception."""

    def __init__(self, item: Any, why: str) -> None:
        super().__init__(f"{item}: {why}")


# Faults


def put_large_and_tell(outbox: Any, size: int, told: Any) -> None:
    """Put a text that does not fit into the pipe, say so when its first part has arrived there, and wait."""
    outbox.put("x" * size)
    outbox._reader.poll(None)
    told.put(os.getpid())
    signal.pause()


def wait_at(event: Any, told: Any) -> None:
    """Say who one is, and wait for an event, or at a barrier."""
    told.put(os.getpid())
    event.wait()


def kill_when_told(inbox: Any, number: str = "SIGKILL", asleep: bool = True) -> None:
    """Send a signal to the process that names itself, once it sleeps in a wait; then return when it is gone."""
    pid = inbox.get()
    if asleep:
        wait_until_asleep(pid)
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.Signals[number])
    select.select([descriptor], [], [])


def wait_until_asleep(pid: int) -> None:
    """Return when a process has been asleep for a while: in the wait for which it has announced itself."""
    seen = 0
    while seen < 20:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            seen = seen + 1 if file.read().rpartition(")")[2].split()[0] == "S" else 0
        time.sleep(0.01)


def kill_parent(outbox: Any) -> None:
    """Kill the fork server, whose child this is; then say so, once it is gone, and wait for ever."""
    server = os.getppid()
    descriptor = os.pidfd_open(server)
    os.kill(server, signal.SIGKILL)
    select.select([descriptor], [], [])
    outbox.put("the fork server is gone")
    signal.pause()


def reap_anybody() -> None:
    """Wait for any child of the main program, in a thread of it, as a careless library might."""
    os.waitpid(-1, 0)


def fork_with_threads() -> None:
    """Fork from a process that has a thread: Python 3.12 and later warn of it."""
    until = threading.Event()
    thread = threading.Thread(target=until.wait)
    thread.start()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    until.set()
    thread.join()


def announce_and_take(inbox: Any, told: Any) -> None:
    """Say who one is, and wait for an item."""
    told.put(os.getpid())
    inbox.get()


def announce_and_join(queue: Any, told: Any) -> None:
    """Say who one is, and wait until every item of a queue is done."""
    told.put(os.getpid())
    queue.join()


def kill_then_put_and_take(inbox: Any, queue: Any) -> None:
    """Kill who names itself, asleep in its wait; then put something on the queue that it used, and want it back."""
    kill_when_told(inbox)
    queue.put("late")
    queue.get()


def kill_then_take(inbox: Any, queue: Any) -> None:
    """Kill who names itself, asleep in its wait; then take from the queue that it used."""
    kill_when_told(inbox)
    queue.get()


def kill_then_try(inbox: Any, queue: Any) -> None:
    """Kill who names itself; then put something on the queue that it used, and try to take it within a moment."""
    kill_when_told(inbox)
    queue.put("late")
    try:
        queue.get(timeout=0.2)
    except Exception as error:
        print(type(error).__name__, queue.qsize())


def kill_then_finish(inbox: Any, queue: Any) -> None:
    """Kill who waits for the items of a queue to be done; then do the last one."""
    kill_when_told(inbox)
    queue.get()
    queue.task_done()


def kill_then_meet(inbox: Any, barrier: Any) -> None:
    """Kill who names itself, asleep at a barrier; then come to the barrier."""
    kill_when_told(inbox)
    barrier.wait()


def kill_then_set(inbox: Any, event: Any) -> None:
    """Kill who names itself, asleep in its wait for an event; then set the event."""
    kill_when_told(inbox)
    event.set()


def announce_and_wait_for_notice(condition: Any, told: Any) -> None:
    """Say who one is, and wait to be notified."""
    with condition:
        told.put(os.getpid())
        condition.wait()


def kill_then_notify(inbox: Any, condition: Any) -> None:
    """Kill who names itself, asleep in its wait for a condition; then notify."""
    kill_when_told(inbox)
    with condition:
        condition.notify()


def kill_the_other_worker(item: Any) -> Any:
    """Kill the other of a pool's two workers, once it sleeps in its wait for a task."""
    others: list[int] = []
    while len(others) != 1:
        others = [int(pid) for pid in _siblings() if int(pid) != os.getpid()]
    wait_until_asleep(others[0])
    os.kill(others[0], signal.SIGKILL)
    return item


def look_then_take(inbox: Any, barrier: Any) -> None:
    """Do what `while not queue.empty(): queue.get()` does, with another who has looked at the same moment."""
    while not inbox.empty():
        barrier.wait()
        print("got", inbox.get())


def acquire_and_wait(lock: Any, told: Any) -> None:
    """Acquire a lock, say who one is, and wait for ever."""
    lock.acquire()
    told.put(os.getpid())
    signal.pause()


def kill_then_acquire(inbox: Any, lock: Any) -> None:
    """Kill who names itself, with a lock in hand; then want the lock."""
    kill_when_told(inbox)
    lock.acquire()


def take_all_descriptors() -> None:
    """Open files until no more may be opened, and keep them."""
    try:
        while True:
            _hoard.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return


_hoard: list[int] = []


# Too much of everything


def print_for_ever(text: str, times: int) -> None:
    """Print so many copies of a text in each line, without end."""
    while True:
        print(text * times)


def put_and_wait(outbox: Any, count: int) -> None:
    """Put so many numbers, and wait."""
    for number in range(count):
        outbox.put(number)
    signal.pause()


def fork_for_ever() -> None:
    """Fork processes that wait, without end."""
    while True:
        if os.fork() == 0:
            signal.pause()


def start_threads(count: int) -> None:
    """Start threads that wait."""
    for _ in range(count):
        threading.Thread(target=signal.sigwait, args=([],), daemon=True).start()
    signal.pause()


def write_past_python(megabytes: int, line: str = "0123456789abcde") -> None:
    """Write much to descriptor 1, without Python's streams."""
    text = line.encode() + b"\n"
    for _ in range(megabytes):
        os.write(1, text * (1_048_576 // len(text)))


def put_large_and_small(outbox: Any, size: int) -> None:
    """Put a large item, and then a small one."""
    outbox.put(b"x" * size)
    outbox.put("small")
    outbox.close()
    outbox.join_thread()


def tell_open_files() -> None:
    """Print how many open files this process may have."""
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def print_and_return(text: str, times: int) -> None:
    """Print a text so many times."""
    for _ in range(times):
        print(text)


def put_and_return(outbox: Any, count: int) -> None:
    """Put texts, each recorded with what it says."""
    for number in range(count):
        outbox.put(f"item number {number}")


# Hostile

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e\u2028\u2066\0\ud800\nforged"
HOSTILE_NAME = HOSTILE.replace("\0", "").replace("\ud800", "")  # classes may not be called everything


def be_hostile(outbox: Any) -> None:
    """Put what would steer a terminal into everything that has a name, a text or a message; then fail."""
    multiprocessing.current_process().name = HOSTILE
    outbox.put(HOSTILE)
    outbox.put({HOSTILE: [HOSTILE], HOSTILE.encode("utf-8", "surrogatepass"): 1})
    outbox.put(HOSTILE_NAME)
    print(HOSTILE_NAME)
    print(HOSTILE, file=sys.stderr)
    os.write(2, HOSTILE.encode("utf-8", "surrogatepass"))
    logging.getLogger(HOSTILE).error(HOSTILE)
    warnings.warn(HOSTILE, type(HOSTILE_NAME, (UserWarning,), {}), stacklevel=1)
    threading.Thread(target=signal.sigwait, args=([],), name=HOSTILE, daemon=True).start()
    raise type(HOSTILE_NAME, (Exception,), {"__module__": HOSTILE})(HOSTILE)


def put_and_note(outbox: Any, path: str, seconds: float = 0.8) -> None:
    """Put numbers for a while, and note in a file after each how many put() calls have returned."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    until, number = time.monotonic() + seconds, 0
    outbox.cancel_join_thread()
    while time.monotonic() < until:
        number += 1
        outbox.put(number)
        os.pwrite(file, number.to_bytes(8, "little"), 0)
        time.sleep(0.0005)
