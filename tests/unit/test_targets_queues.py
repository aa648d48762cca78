"""The built-in behaviours at queues, each run by a real process on a real queue."""

from __future__ import annotations

import time
from typing import Any

import pytest
from running_targets import DEADLINE, fork

from run_scenario.targets import Call, _faults, _queues, _work


def _drain(queue: Any, count: int) -> list[Any]:
    return [queue.get(timeout=DEADLINE) for _ in range(count)]


def _double(number: int) -> int:
    return 2 * number


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
    """Without an outbox, answers are dropped."""
    inbox = queue("SimpleQueue", ("a", None))

    assert ["Worker processing task: a", "Exiting Worker..."] == run(_queues.consume, inbox=inbox).lines()


def test_consume_without_work_passes_tasks_on(run, queue):
    """Without work, the answer is the task itself."""
    inbox, outbox = queue("SimpleQueue", ("a", None)), queue()

    run(_queues.consume, inbox=inbox, outbox=outbox)

    assert "a" == outbox.get(timeout=DEADLINE)


@pytest.mark.parametrize("target", [_queues.consume, _queues.consume_until_empty, _queues.relay])
@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue"])
def test_task_done_is_for_a_joinable_queue(run, queue, target, kind):
    """At a queue that has no task_done(), none is called unless that is asked for."""
    inboxes, outbox = [queue(kind, (1, None)), queue(kind, (1, None))], queue()

    left_out = run(target, inbox=inboxes[0], outbox=outbox)
    asked_for = run(target, inbox=inboxes[1], outbox=outbox, task_done=True)

    assert (0, 1) == (left_out.exitcode(), asked_for.exitcode())


@pytest.mark.parametrize("target", [_queues.consume, _queues.relay])
def test_task_done_follows_the_queue(run, queue, target):
    """A JoinableQueue can be joined afterwards, the pill included, unless task_done is false."""
    joined, left = queue("JoinableQueue", (1, None)), queue("JoinableQueue", (1, None))

    run(target, inbox=joined, outbox=queue("SimpleQueue"))
    run(target, inbox=left, outbox=queue("SimpleQueue"), task_done=False).exitcode()
    joined.join()

    left.task_done()
    left.task_done()
    with pytest.raises(ValueError, match="called too many times"):
        left.task_done()


@pytest.mark.parametrize(
    "target", [_queues.consume, _queues.consume_until_empty, _queues.consume_until_timeout, _queues.relay]
)
def test_service_time(run, queue, target):
    """With `seconds`, each task takes that long at least."""
    given = {"timeout": 0.01} if target is _queues.consume_until_timeout else {"outbox": queue()}
    end = () if target in (_queues.consume_until_empty, _queues.consume_until_timeout) else (None,)
    inbox = queue("Queue", (1, 2, *end))
    before = time.monotonic()

    assert 0 == run(target, inbox=inbox, seconds=0.2, **given).exitcode()

    assert time.monotonic() - before >= 0.4


def test_consume_until_empty_takes_all_there_is(run, queue):
    """With nobody else at the queue, consume_until_empty does every task and leaves."""
    inbox, outbox = queue("SimpleQueue", (1, Call(_work.square, (2,)))), queue()

    running = run(_queues.consume_until_empty, inbox=inbox, outbox=outbox, work=_double)

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
    assert [*lines, "Worker gives up: nothing came for 0.05 s"] == running.lines()
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


def test_put_large_cannot_end_before_its_text_is_taken(run, queue):
    """The process is still there when the target has returned; once the text is taken, it ends."""
    outbox = queue()
    running = run(_faults.put_large, outbox=outbox, size=200_000)

    assert "Worker has put text 1 of 200000 characters" == running.line()
    assert running.process.is_alive()
    assert 200_000 == len(outbox.get(timeout=DEADLINE))
    assert 0 == running.exitcode()


def test_put_and_exit_loses_items(run, queue):
    """The exit code is the one that was asked for, and the last item never arrives: it does not fit into the pipe."""
    outbox = queue()
    running = run(_faults.put_and_exit, outbox=outbox, count=20_000, code=3)

    assert ["Worker puts 20000 numbers and leaves"] == running.lines()
    assert 3 == running.exitcode()
    arrived = []
    while outbox._poll(0):
        arrived.append(outbox.get())
    assert list(range(len(arrived))) == arrived
    assert len(arrived) < 20_000


def test_put_unpicklable_loses_one_of_three(run, queue):
    """The first and the third arrive; the traceback is all that is heard of the second."""
    outbox = queue()
    running = run(_faults.put_unpicklable, outbox=outbox)

    assert ["first", "third"] == _drain(outbox, 2)
    assert "Traceback (most recent call last):" in running.lines()
    assert 0 == running.exitcode()


def test_mutate_after_put_delivers_one_list(run, queue):
    """What arrives is nearly always what became of the list; for sure where the thread was busy until then."""
    quick, busy, changed = queue(), queue(), fork.Event()
    run(_faults.mutate_after_put, outbox=quick)
    run(_faults.mutate_after_put, outbox=busy, size=100_000, ready=changed)

    assert _drain(quick, 1)[0] in (["changed after put()"], ["as it was put"])
    assert changed.wait(DEADLINE)
    assert ["x" * 100_000, ["changed after put()"]] == _drain(busy, 2)


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
