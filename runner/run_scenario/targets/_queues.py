"""Targets that put items on queues, take them from queues, or both."""

from __future__ import annotations

import time
from multiprocessing import current_process
from queue import Empty

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from run_scenario.targets._kinds import (
        Count,
        Inbox,
        Items,
        Outbox,
        PassingOutbox,
        PillInbox,
        Seconds,
        TaskInbox,
        Work,
    )


@target
def produce(
    outbox: Outbox,
    count: Count = 10,
    items: Items | None = None,
    interval: Seconds = 0.0,
    poison_pills: Count = 0,
    after: Seconds = 0.0,
) -> None:
    """Put the numbers 0, 1, 2, … or the given items on a queue, one by one.

    Args:
        outbox: The queue it puts on.
        count: How many numbers; ignored if `items` is given.
        items: What to put instead of numbers, a list; `{call: …}` in it becomes an object with a `process()` method.
        interval: Seconds of sleep after each item.
        poison_pills: How many times None is put at the very end: one for each process that takes from the queue.
        after: Seconds of sleep before the first item.

    Example:
        - name: Producer
          target: produce
          to: tasks
          kwargs: {count: 3, interval: 0.1, poison_pills: 1}

    Steps:
        - for: item
          in: ${range(10)}
          steps:
            - {put: $item, to: outbox}
    """
    time.sleep(after)
    for item in range(count) if items is None else items:
        outbox.put(item)
        if interval:
            time.sleep(interval)
    for _ in range(poison_pills):
        outbox.put(None)


@target
def consume(
    inbox: PillInbox,
    outbox: Outbox | None = None,
    work: Work | None = None,
    task_done: bool | None = None,
    seconds: Seconds = 0.0,
) -> None:
    """Take tasks from a queue until a poison pill (None) comes, and put what came of them on another.

    A task that has a `process()` method is asked to process itself; any other is given to `work`, or, without it,
    called if it can be. If the queue is a JoinableQueue, `task_done()` is called for every task and for the pill.

    Args:
        inbox: The queue it takes from.
        outbox: The queue that gets the answers; without one they are dropped.
        work: What is done with a task; without it, the answer is the task itself, unless it can be called.
        task_done: Whether it calls `task_done()` after each task; left out, it does so if the queue has it.
        seconds: Service time: seconds of sleep with each task.

    Example:
        - name: Consumer
          replicas: cpu_count
          target: consume
          from: tasks
          to: results
          kwargs: {work: is_prime}

    Steps:
        - repeat: forever
          steps:
            - {get: inbox, as: task}
            - if: ${task == None}
              then:
                - print: Exiting $name...
                - task_done: inbox
                - break
            - print: "$name processing task: $task"
            - task_done: inbox
    """
    name = current_process().name
    if task_done is None:
        task_done = hasattr(inbox, "task_done")
    while True:
        task = inbox.get()
        if task is None:
            print(f"Exiting {name}...")
            if task_done:
                inbox.task_done()
            break
        print(f"{name} processing task: {task}")
        if seconds:
            time.sleep(seconds)
        answer = perform(task, work)
        if outbox is not None:
            outbox.put(answer)
        if task_done:
            inbox.task_done()


@target
def consume_until_empty(
    inbox: TaskInbox,
    outbox: PassingOutbox | None = None,
    work: Work | None = None,
    task_done: bool | None = None,
    seconds: Seconds = 0.0,
) -> None:
    """Take tasks from a queue while it is not empty: the loop of many textbooks, and a trap.

    Between `empty()` and `get()` another process can take the last task: then `get()` waits for ever. And just after
    the tasks were put, `empty()` may still be true: then it leaves too early. `consume` is the mended version.

    Args:
        inbox: The queue it takes from.
        outbox: The queue that gets the answers; without one they are dropped.
        work: What is done with a task that has no `process()` method; without it, the answer is the task itself.
        task_done: Whether it calls `task_done()` after each task; left out, it does so if the queue has it.
        seconds: Service time: seconds of sleep with each task.

    Example:
        - name: Consumer
          replicas: 2
          target: consume_until_empty
          from: tasks
          to: results
          kwargs: {work: is_prime}

    Steps:
        - {empty: inbox, as: is_empty}
        - while: ${not is_empty}
          steps:
            - {get: inbox, as: task}
            - print: "$name processing task: $task"
            - task_done: inbox
            - {empty: inbox, as: is_empty}
    """
    name = current_process().name
    if task_done is None:
        task_done = hasattr(inbox, "task_done")
    while not inbox.empty():
        task = inbox.get()
        print(f"{name} processing task: {task}")
        if seconds:
            time.sleep(seconds)
        answer = perform(task, work)
        if outbox is not None:
            outbox.put(answer)
        if task_done:
            inbox.task_done()


@target
def consume_until_timeout(
    inbox: Inbox, timeout: Seconds = 1.0, work: Work | None = None, seconds: Seconds = 0.0
) -> None:
    """Take items from a queue until none has come for a while: `get(timeout=…)` raises Empty then.

    It needs no poison pill, and cannot wait for ever; but a producer that is slow for once is left alone.

    Args:
        inbox: The queue it takes from.
        timeout: Seconds that it waits for an item at most.
        work: What is done with an item.
        seconds: Service time: seconds of sleep with each item.

    Example:
        - target: consume_until_timeout
          from: numbers
          kwargs: {timeout: 0.5}

    Steps:
        - repeat: forever
          steps:
            - try:
                - {get: inbox, timeout: 1.0, as: item}
              except:
                Empty:
                  - print: "$name gives up: nothing came for 1.0 s"
                  - break
            - print: "$name processing item: $item"
    """
    name = current_process().name
    while True:
        try:
            item = inbox.get(timeout=timeout)
        except Empty:
            print(f"{name} gives up: nothing came for {timeout} s")
            break
        print(f"{name} processing item: {item}")
        if seconds:
            time.sleep(seconds)
        perform(item, work)


@target
def call_method(inbox: Inbox) -> None:
    """Take one object from a queue and call its `process()` method.

    The object may be made by a scenario's `{call: …}` item, or be anything with such a method that another process
    has put.

    Args:
        inbox: The queue it takes the object from.

    Example:
        - target: call_method
          from: objects
    """
    task = inbox.get()
    task.process()


@target
def relay(
    inbox: PillInbox,
    outbox: PassingOutbox,
    work: Work | None = None,
    task_done: bool | None = None,
    seconds: Seconds = 0.0,
) -> None:
    """Pass on what comes, worked on or as it is, until a poison pill (None) comes; the pill is passed on too.

    Args:
        inbox: The queue it takes from.
        outbox: The queue it puts on.
        work: What is done with an item on the way; without it, items are passed on as they are.
        task_done: Whether it calls `task_done()` after each item; left out, it does so if the queue has it.
        seconds: Service time: seconds of sleep with each item, but for the pill.

    Example:
        - target: relay
          from: numbers
          to: squares
          kwargs: {work: square}

    Steps:
        - repeat: forever
          steps:
            - {get: inbox, as: item}
            - {put: $item, to: outbox}
            - if: ${item == None}
              then: [break]
    """
    if task_done is None:
        task_done = hasattr(inbox, "task_done")
    while True:
        item = inbox.get()
        if seconds and item is not None:
            time.sleep(seconds)
        outbox.put(None if item is None else perform(item, work))
        if task_done:
            inbox.task_done()
        if item is None:
            break


@target
def reply(inbox: Inbox, outbox: Outbox, count: Count = 1) -> None:
    """Take an item, put an answer on another queue, and so on, so many times.

    Two of them that reply to each other wait for ever unless somebody makes a beginning.

    Args:
        inbox: The queue it takes from.
        outbox: The queue it puts its answers on.
        count: How many items it takes.

    Example:
        - target: reply
          from: questions
          to: answers

    Steps:
        - get: inbox
          as: item
        - print: $name replies to $item
        - put: reply to $item
          to: outbox
    """
    name = current_process().name
    for _ in range(count):
        item = inbox.get()
        print(f"{name} replies to {item}")
        outbox.put(f"reply to {item}")


def perform(task: Any, work: Work | None) -> Any:
    """Let a task process itself if it can; else give it to `work`; without any work, call it if it can be called.

    What can neither process itself nor be called is returned as it is.
    """
    if hasattr(task, "process"):
        return task.process()
    if work is not None:
        return work(task)
    return task() if callable(task) else task
