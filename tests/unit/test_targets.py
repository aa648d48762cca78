"""The built-in behaviours, each run by a real process or on a real queue."""

from __future__ import annotations

import builtins
import faulthandler
import multiprocessing
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkProcess
from typing import Any

import pytest

from run_scenario import targets
from run_scenario.targets import Call, _basics, _endings, _faults, _queues, _resources, _work

DEADLINE = 30.0
"""Seconds after which a test gives up; none of them needs a tenth of it."""

fork = multiprocessing.get_context("fork")


def _on_pipe(fd: int, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    function(**kwargs)


class Running:
    """A target in a process called Worker, whose output comes through a pipe."""

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        self._reader, writer = os.pipe()
        self.process: ForkProcess = fork.Process(name="Worker", target=_on_pipe, args=(writer, function, kwargs))
        self.process.start()
        os.close(writer)
        self._text = b""

    def line(self) -> str:
        """Wait for the next line."""
        while b"\n" not in self._text:
            assert self._read(), "the process ended without another line"
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def lines(self) -> list[str]:
        """Wait for the end and return the lines not yet seen."""
        while self._read():
            pass
        self.exitcode()
        return self._text.decode().splitlines()

    def exitcode(self) -> int | None:
        """Wait for the end and return the exit code."""
        self.process.join(DEADLINE)
        return self.process.exitcode

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        os.close(self._reader)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._reader], [], [], DEADLINE)
        assert ready, "the process writes nothing and does not end"
        chunk = os.read(self._reader, 65536)
        self._text += chunk
        return bool(chunk)


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """Start a target; whatever still runs at the end of the test is killed."""
    started: list[Running] = []

    def start(function: Callable[..., Any], **kwargs: Any) -> Running:
        started.append(Running(function, **kwargs))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture
def queue() -> Iterator[Callable[..., Any]]:
    """Make a queue with some items in it, all of them already in its pipe."""
    made: list[Any] = []

    def make(kind: str = "Queue", items: tuple[Any, ...] = ()) -> Any:
        made.append(getattr(fork, kind)())
        # Another process puts them: here, the queue's thread would still be running when the target is forked.
        putter = fork.Process(target=_put, args=(made[-1], items))
        putter.start()
        putter.join(DEADLINE)
        assert putter.exitcode == 0
        return made[-1]

    yield make
    for one in made:
        one.close()


def _put(queue: Any, items: tuple[Any, ...]) -> None:
    for item in items:
        queue.put(item)


def _drain(queue: Any, count: int) -> list[Any]:
    return [queue.get(timeout=DEADLINE) for _ in range(count)]


def _double(number: int) -> int:
    return 2 * number


def test_count_down_counts_to_one(run):
    """count_down says its process's name with each number."""
    assert [
        "Process Worker starting...",
        "Process Worker counting down: 2...",
        "Process Worker counting down: 1...",
        "Process Worker exiting...",
    ] == run(_basics.count_down, start=2, interval=0).lines()


def test_sleep_says_when_it_starts_and_exits(run):
    """sleep prints a line before and one after."""
    assert ["Starting Worker", "Exiting Worker"] == run(_basics.sleep, seconds=0).lines()


def test_sleep_sleeps():
    """sleep takes the time it is told."""
    before = time.monotonic()

    _basics.sleep(0.02)

    assert time.monotonic() - before >= 0.02


def test_print_info_tells_both_ids(run):
    """print_info prints the ids by which the operating system knows the process and its parent."""
    running = run(_basics.print_info, title="Function f")

    assert [
        "Function f",
        "Process name: Worker",
        f"Parent process ID: {os.getpid()}",
        f"Current process ID: {running.process.pid}",
    ] == running.lines()


def test_spin_uses_processor_time():
    """spin uses as much processor time as it is told."""
    before = time.process_time()

    _basics.spin(0.02)

    assert time.process_time() - before >= 0.02


def test_produce_puts_numbers(run, queue):
    """produce puts the numbers from 0 and then its poison pills."""
    outbox = queue()

    run(_queues.produce, outbox=outbox, count=3, poison_pills=2)

    assert [0, 1, 2, None, None] == _drain(outbox, 5)


def test_produce_puts_given_items(run, queue):
    """produce puts the items it is given, whatever the count."""
    outbox = queue()

    run(_queues.produce, outbox=outbox, count=9, items=["a", [1], None], interval=0.001)

    assert ["a", [1], None] == _drain(outbox, 3)


def test_produce_refuses_items_that_are_no_list():
    """A text for items is not taken apart into letters; the message says what to write."""
    with pytest.raises(TypeError, match=r"items must be a list, not 'abc'; write \['abc'\]"):
        _queues.produce(fork.SimpleQueue(), items="abc")


def test_consume_works_until_the_pill(run, queue):
    """consume reports each task, puts each answer, marks all of them and the pill as done, and leaves the rest."""
    inbox, outbox = queue("JoinableQueue", (5, 6, None)), queue()

    running = run(_queues.consume, inbox=inbox, outbox=outbox, work=_double)

    assert [10, 12] == _drain(outbox, 2)
    assert [
        "Worker processing task: 5",
        "Worker processing task: 6",
        "Exiting Worker...",
    ] == running.lines()
    assert 0 == running.exitcode()
    inbox.join()


def test_consume_lets_a_task_process_itself(run, queue):
    """A task with a process() method is not given to work."""
    inbox, outbox = queue("JoinableQueue", (Call(_work.square, (3,)), None)), queue()

    running = run(_queues.consume, inbox=inbox, outbox=outbox, work=_double)

    assert ["Worker processing task: square(3)", "Exiting Worker..."] == running.lines()
    assert 9 == outbox.get(timeout=DEADLINE)


def test_consume_without_work_or_outbox(run, queue):
    """Without task_done, any queue will do; without an outbox, answers are dropped."""
    inbox = queue("SimpleQueue", ("a", None))

    assert ["Worker processing task: a", "Exiting Worker..."] == run(
        _queues.consume, inbox=inbox, task_done=False
    ).lines()


def test_consume_without_work_passes_tasks_on(run, queue):
    """Without work, the answer is the task itself."""
    inbox, outbox = queue("SimpleQueue", ("a", None)), queue()

    run(_queues.consume, inbox=inbox, outbox=outbox, task_done=False)

    assert "a" == outbox.get(timeout=DEADLINE)


def test_consume_until_empty_takes_all_there_is(run, queue):
    """With nobody else at the queue, consume_until_empty does every task and leaves."""
    inbox, outbox = queue("SimpleQueue", (1, Call(_work.square, (2,)))), queue()

    running = run(_queues.consume_until_empty, inbox=inbox, outbox=outbox, work=_double, task_done=False)

    assert [2, 4] == _drain(outbox, 2)
    assert ["Worker processing task: 1", "Worker processing task: square(2)"] == running.lines()
    assert 0 == running.exitcode()


def test_consume_until_empty_marks_tasks_as_done(run, queue):
    """A JoinableQueue can be joined after consume_until_empty."""
    inbox = queue("JoinableQueue", (1,))

    assert ["Worker processing task: 1"] == run(_queues.consume_until_empty, inbox=inbox).lines()
    inbox.join()


def test_consume_until_empty_leaves_too_early(run, queue):
    """The trap: it is gone when the first task comes."""
    inbox = queue("JoinableQueue")

    assert [] == run(_queues.consume_until_empty, inbox=inbox).lines()


def test_consume_until_timeout_gives_up(run, queue):
    """What is there is taken; then it waits for a while, and leaves."""
    running = run(_queues.consume_until_timeout, inbox=queue("Queue", (1, 2)), timeout=0.05)

    lines = ["Worker processing item: 1", "Worker processing item: 2"]
    assert [*lines, "Worker gives up: nothing came for 0.05 seconds"] == running.lines()
    assert 0 == running.exitcode()


def test_call_method_processes_one_object(run, queue):
    """call_method takes one object, calls its process(), and leaves the next."""
    inbox = queue("SimpleQueue", (Call(_work.greet, ("Fancy Dan",)), "next"))

    assert ["Doing something fancy in Worker for Fancy Dan!"] == run(_queues.call_method, inbox=inbox).lines()
    assert "next" == inbox.get()


def test_call_method_needs_a_method(run, queue):
    """Plain data makes call_method fail with Python's own words."""
    running = run(_queues.call_method, inbox=queue("SimpleQueue", (7,)))

    assert "AttributeError: 'int' object has no attribute 'process'" == running.lines()[-1]
    assert 1 == running.exitcode()


def test_relay_passes_the_pill_on(run, queue):
    """Two relays in a row work on every item and both end by the one pill."""
    first, second, third = queue("SimpleQueue", (1, 2, None)), queue(), queue()

    one = run(_queues.relay, inbox=first, outbox=second, work=_double)
    two = run(_queues.relay, inbox=second, outbox=third)

    assert [2, 4, None] == _drain(third, 3)
    assert (0, 0) == (one.exitcode(), two.exitcode())


def test_relay_can_mark_items_as_done(run, queue):
    """With task_done, a JoinableQueue can be joined, the pill included."""
    inbox, outbox = queue("JoinableQueue", (1, None)), queue()

    run(_queues.relay, inbox=inbox, outbox=outbox, task_done=True)

    assert [1, None] == _drain(outbox, 2)
    inbox.join()


def test_fail_ends_with_a_traceback(run):
    """fail leads to multiprocessing's usual traceback and exit code 1."""
    running = run(_endings.fail, exception="ValueError", message="no such colour")

    assert "ValueError: no such colour" == running.lines()[-1]
    assert 1 == running.exitcode()


@pytest.mark.parametrize("name", targets.find("fail").parameter("exception").choices)
def test_fail_knows_each_exception(name):
    """Every exception on offer exists and takes a message."""
    with pytest.raises(getattr(builtins, name), match="such is life"):
        _endings.fail(name, "such is life")


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize(("expected", "code"), [(0, 0), (3, 3), (0, 256), (44, 300)])
def test_exit_keeps_eight_bits(run, hard, expected, code):
    """The exit code is the last eight bits of what was asked for."""
    assert expected == run(_endings.exit, code=code, hard=hard).exitcode()


@pytest.mark.parametrize("name", targets.find("crash").parameter("signal").choices)
def test_crash_dies_by_the_signal(run, name):
    """Every signal on offer ends the process, silently."""
    running = run(_endings.crash, signal=name)

    assert [] == running.lines()
    assert -signal.Signals[name] == running.exitcode()


def test_hang_waits_for_ever(run):
    """Only a signal ends hang."""
    running = run(_endings.hang)

    assert "Worker waiting for ever" == running.line()
    running.process.terminate()
    assert -signal.SIGTERM == running.exitcode()


def test_with_cleanup_left_alone(run):
    """Left alone, the finally block runs; a forked process of Python before 3.13 does not run atexit functions."""
    running = run(_endings.with_cleanup, seconds=0)

    lines = ["Worker: working", "Worker: work is done", "Worker: finally cleans up"]
    assert lines == running.lines()[:3]


def test_with_cleanup_terminated(run):
    """Terminated, it cleans up nothing."""
    running = run(_endings.with_cleanup, seconds=3600)

    assert "Worker: working" == running.line()
    running.process.terminate()
    assert [] == running.lines()
    assert -signal.SIGTERM == running.exitcode()


def test_with_cleanup_runs_atexit_in_a_full_interpreter():
    """Where the interpreter is shut down, the atexit function runs after the finally block."""
    code = "from run_scenario.targets._endings import with_cleanup; with_cleanup(0)"

    assert [
        "MainProcess: working",
        "MainProcess: work is done",
        "MainProcess: finally cleans up",
        "MainProcess: atexit cleans up",
    ] == _python(code).stdout.splitlines()


def test_ignore_sigterm_can_only_be_killed(run):
    """terminate() does nothing to ignore_sigterm: it is the kill that ends it."""
    running = run(_endings.ignore_sigterm, seconds=3600)

    assert "Worker ignoring SIGTERM" == running.line()
    running.process.terminate()
    running.process.kill()
    assert -signal.SIGKILL == running.exitcode()


def test_ignore_sigterm_ends_by_itself(run):
    """Its sleep over, ignore_sigterm ends properly."""
    running = run(_endings.ignore_sigterm, seconds=0)

    assert ["Worker ignoring SIGTERM", "Exiting Worker"] == running.lines()
    assert 0 == running.exitcode()


def test_linger_returns_before_its_thread_ends(run):
    """The process ends after the thread that linger has started, unless that is a daemon."""
    before = time.monotonic()
    ordinary, daemonic = run(_endings.linger, seconds=0.2), run(_endings.linger, seconds=3600, daemon=True)

    assert ["Worker returns, a thread goes on"] == ordinary.lines() == daemonic.lines()
    assert (0, 0) == (ordinary.exitcode(), daemonic.exitcode())
    assert time.monotonic() - before >= 0.2


def test_fail_in_thread_looks_like_success():
    """Python prints the traceback of the thread, and the exit code says nothing of it."""
    done = _python("from run_scenario.targets._endings import fail_in_thread; fail_in_thread('such is life')")

    assert ["MainProcess knows nothing of it"] == done.stdout.splitlines()
    assert "RuntimeError: such is life" == done.stderr.splitlines()[-1]
    assert 0 == done.returncode


def test_spawn_child_waits_for_its_child(run):
    """The child is a child of the target's process, which ends after it."""
    running = run(_endings.spawn_child, seconds=0)

    assert ["Worker has a child", "Worker: the child has ended with exit code 0"] == running.lines()


def test_put_large_cannot_end_before_its_text_is_taken(run, queue):
    """The process is still there when the target has returned; once the text is taken, it ends."""
    outbox = queue()
    running = run(_faults.put_large, outbox=outbox, size=200_000)

    assert "Worker has put text 1 of 200000 characters" == running.line()
    assert running.process.is_alive()
    assert 200_000 == len(outbox.get(timeout=DEADLINE))
    assert 0 == running.exitcode()


def test_put_and_exit_loses_items(run, queue):
    """The exit code is the one that was asked for, and the last item never arrives."""
    outbox = queue()
    running = run(_faults.put_and_exit, outbox=outbox, count=1000, code=3)

    assert ["Worker puts 1000 numbers and leaves"] == running.lines()
    assert 3 == running.exitcode()
    arrived = []
    while outbox._poll(0):
        arrived.append(outbox.get())
    assert list(range(len(arrived))) == arrived
    assert len(arrived) < 1000


def test_put_unpicklable_loses_one_of_three(run, queue):
    """The first and the third arrive; the traceback is all that is heard of the second."""
    outbox = queue()
    running = run(_faults.put_unpicklable, outbox=outbox)

    assert ["first", "third"] == _drain(outbox, 2)
    assert "Traceback (most recent call last):" in running.lines()
    assert 0 == running.exitcode()


def test_mutate_after_put_delivers_one_list(run, queue):
    """What arrives is nearly always what became of the list."""
    outbox = queue()
    run(_faults.mutate_after_put, outbox=outbox)

    assert _drain(outbox, 1)[0] in (["changed after put()"], ["as it was put"])


def test_put_unloadable_fails_in_the_taker(run, queue):
    """The process that puts it ends well; get() raises."""
    outbox = queue()

    assert 0 == run(_faults.put_unloadable, outbox=outbox).exitcode()
    with pytest.raises(ValueError, match="cannot be unpickled"):
        outbox.get(timeout=DEADLINE)


def test_take_and_die_owes_the_last_task(run, queue):
    """Of the tasks it took, all but the last are done."""
    inbox = queue("JoinableQueue", ("a", "b", "c"))
    running = run(_faults.take_and_die, inbox=inbox, count=2, code=7)

    assert ["Worker processing task: a", "Worker processing task: b"] == running.lines()
    assert 7 == running.exitcode()
    inbox.task_done()
    inbox.task_done()
    inbox.join()


def test_reply_answers_each_item(run, queue):
    """reply takes as many items as it is told, and answers each."""
    inbox, outbox = queue("SimpleQueue", (1, "two")), queue()
    running = run(_queues.reply, inbox=inbox, outbox=outbox, count=2)

    assert ["reply to 1", "reply to two"] == _drain(outbox, 2)
    assert ["Worker replies to 1", "Worker replies to two"] == running.lines()


def test_produce_waits_before_its_first_item(queue):
    """With `after`, the first item comes only then."""
    outbox, before = queue(), time.monotonic()

    _queues.produce(outbox, count=1, after=0.05)

    assert 0 == outbox.get(timeout=DEADLINE)
    assert time.monotonic() - before >= 0.05


def test_print_start_method_names_it(run):
    """print_start_method says how the process was started."""
    [line] = run(_resources.print_start_method).lines()

    assert line.startswith(f"Worker was started by {multiprocessing.get_start_method()}: its memory is ")


def test_allocate_memory_fills_it(run):
    """allocate_memory says how much it holds."""
    assert ["Worker holds 7 MB of its own"] == run(_resources.allocate_memory, megabytes=7, seconds=0).lines()


def test_report_resources_tells_what_belongs_to_a_process(run):
    """report_resources says each thing in a line."""
    running = run(_resources.report_resources, seconds=0)

    lines = running.lines()
    assert f"Worker: process id {running.process.pid}, child of {os.getpid()}" == lines[0]
    assert "Worker: 1 threads" == lines[1]
    assert ["files", "most", "time", "it"] == [line.split()[-1] for line in lines[2:]]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="there is no /proc")
def test_print_siblings_sees_itself(run):
    """print_siblings prints itself as running, and what it finds beside it as siblings."""
    running = run(_resources.print_siblings, after=0)

    lines = running.lines()
    assert f"process ID: {running.process.pid}, itself: running" in lines
    assert all(line.startswith("process ID: ") for line in lines)


def test_write_output_writes_in_every_way():
    """write_output reaches both streams, by print and by descriptor, and says the rest on standard error."""
    done = _python("from run_scenario.targets._output import write_output; write_output('Hi')")

    assert ["Hi from print", "Hi from file descriptor 1"] == done.stdout.splitlines()
    errors = done.stderr.splitlines()
    assert [
        "Hi from print to standard error",
        "Hi from file descriptor 2",
        "Hi from logging",
    ] == errors[:3]
    assert errors[3].endswith("UserWarning: Hi from warnings")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE, encoding="utf-8"
    )


@pytest.mark.parametrize("number", [2, 3, 5, 7, 101, 193, 1327, 433785907])
def test_is_prime_knows_primes(number):
    """Primes are primes: the definition, not the implementation, is asked where that is quick."""
    assert number > 10_000 or all(number % d for d in range(2, number))
    assert _work.is_prime(number) is True


@pytest.mark.parametrize("number", [-7, 0, 1, 4, 9, 36, 323, 513, 100000, 9999999])
def test_is_prime_knows_the_others(number):
    """Squares of primes, small numbers and negative ones are not primes."""
    assert _work.is_prime(number) is False


def test_is_prime_refuses_text():
    """A number in quotes is not a number; the message says what to give."""
    with pytest.raises(TypeError, match=r"cannot check '7'; give it an integer such as 7"):
        _work.is_prime("7")


def test_check_prime_says_it_in_a_sentence():
    """The sentence names the number."""
    assert "2 is a prime number." == _work.check_prime(2)
    assert "323 is not a prime number." == _work.check_prime(323)


def test_square():
    """square multiplies a number by itself."""
    assert 144 == _work.square(12)
    assert 6.25 == _work.square(2.5)


def test_fibonacci():
    """fibonacci counts from 0."""
    assert [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55] == [_work.fibonacci(n) for n in range(11)]


@pytest.mark.parametrize("n", [-1, 2.5, "10"])
def test_fibonacci_refuses_what_it_cannot_count(n):
    """There is no such number, and the message says which there are."""
    with pytest.raises(ValueError, match=r"counts from 0 and has no number .*; give it an integer such as 20"):
        _work.fibonacci(n)


def test_sleep_for_returns_its_seconds():
    """sleep_for sleeps as long as its item says."""
    before = time.monotonic()

    assert 0.02 == _work.sleep_for(0.02)
    assert time.monotonic() - before >= 0.02


def test_identity():
    """identity returns the very item."""
    item = ["a"]

    assert item is _work.identity(item)


def test_fail_on():
    """fail_on returns every item but one."""
    assert 12 == _work.fail_on(12)
    assert 13 == _work.fail_on(13, value=14)
    with pytest.raises(ValueError, match="failed on purpose on item 14"):
        _work.fail_on(14, value=14)


def test_greet_returns_what_it_prints(capsys):
    """greet names the process it runs in."""
    text = "Doing something fancy in MainProcess for Fancy Dan!"

    assert text == _work.greet("Fancy Dan")
    assert text + "\n" == capsys.readouterr().out
