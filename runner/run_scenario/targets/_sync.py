"""Targets that use locks, semaphores, events, conditions and barriers."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import current_process

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import AnyBarrier, AnyCondition, AnyEvent, AnyLock, AnySemaphore, Count, Seconds


@target
def hold_lock(
    lock: AnyLock,
    seconds: Seconds = 0.1,
    times: Count = 1,
    start: AnyEvent | None = None,
    taken: AnyEvent | None = None,
) -> None:
    """Acquire a lock, keep it for a while and release it, as often as wanted.

    Args:
        lock: The lock; whoever has it is alone in what the lock protects.
        seconds: How long it is kept each time.
        times: How often.
        start: An event that it waits for before all this.
        taken: An event that it sets as soon as it has the lock.

    Example:
        - name: Worker
          replicas: 2
          target: hold_lock
          uses: {lock: gate}
          kwargs: {seconds: 0.2}

    Steps:
        - with: lock
          steps:
            - print: $name is in
            - sleep: 0.1
            - print: $name goes out
    """
    name = current_process().name
    if start is not None:
        start.wait()
    for _ in range(times):
        with lock:
            print(f"{name} is in")
            if taken is not None:
                taken.set()
            time.sleep(seconds)
            print(f"{name} goes out")


@target
def hold_lock_twice(lock: AnyLock) -> None:
    """Acquire a lock, and again while it is held: possible with an RLock only, a Lock waits for itself for ever.

    Args:
        lock: The lock.

    Example:
        - target: hold_lock_twice
          uses: {lock: gate}

    Steps:
        - with: lock
          steps:
            - print: $name has the lock
            - with: lock
              steps:
                - print: $name has it twice
    """
    name = current_process().name
    with lock:
        print(f"{name} has the lock")
        with lock:
            print(f"{name} has it twice")


@target
def hold_two_locks(first: AnyLock, second: AnyLock, pause: Seconds = 0.2, barrier: AnyBarrier | None = None) -> None:
    """Acquire one lock and, after a pause, another, as philosophers at a table take their forks.

    Args:
        first: The lock that is acquired first.
        second: The lock that is acquired while the first is held.
        pause: Seconds between the two.
        barrier: Where it waits between the two for others, who then have their first lock for sure.

    Example:
        - name: Kant
          target: hold_two_locks
          uses: {first: left, second: right}

    Steps:
        - with: first
          steps:
            - print: $name has the first
            - sleep: 0.2
            - with: second
              steps:
                - print: $name has both
    """
    name = current_process().name
    with first:
        print(f"{name} has the first")
        time.sleep(pause)
        if barrier is not None:
            barrier.wait()
        with second:
            print(f"{name} has both")


@target
def die_holding(lock: AnyLock, event: AnyEvent | None = None) -> None:
    """Acquire a lock and die by SIGKILL before it is released: nobody else will ever get it.

    Args:
        lock: The lock.
        event: An event that it sets when it has the lock.

    Example:
        - target: die_holding
          uses: {lock: gate}
          exitcode: -9
    """
    lock.acquire()
    if event is not None:
        event.set()
    os.kill(os.getpid(), signal.SIGKILL)


@target
def use_slot(semaphore: AnySemaphore, seconds: Seconds = 0.1) -> None:
    """Acquire a semaphore, stay for a while and release it.

    Args:
        semaphore: It lets in as many at a time as its value says.
        seconds: How long it stays.

    Example:
        - name: Guest
          replicas: 4
          target: use_slot
          uses: {semaphore: seats}

    Steps:
        - with: semaphore
          steps:
            - print: $name is in
            - sleep: 0.1
    """
    name = current_process().name
    with semaphore:
        print(f"{name} is in")
        time.sleep(seconds)


@target
def wait_for_event(event: AnyEvent, timeout: Seconds | None = None) -> None:
    """Wait until an event is set.

    Args:
        event: The event.
        timeout: Seconds after which it goes on even so; without it, it waits for ever.

    Example:
        - name: Runner
          replicas: 3
          target: wait_for_event
          uses: {event: gun}

    Steps:
        - print: $name waits
        - {wait: event, as: was_set}
        - if: $was_set
          then:
            - print: $name goes
          else:
            - print: $name has waited long enough
    """
    name = current_process().name
    print(f"{name} waits")
    if event.wait(timeout):
        print(f"{name} goes")
    else:
        print(f"{name} has waited long enough")


@target
def set_event(event: AnyEvent, seconds: Seconds = 0.1) -> None:
    """Set an event after a while: everybody who waits for it goes on.

    Args:
        event: The event.
        seconds: How long it sleeps before.

    Example:
        - name: Starter
          target: set_event
          uses: {event: gun}
          kwargs: {seconds: 0.5}

    Steps:
        - sleep: 0.1
        - print: $name sets the event
        - set: event
    """
    time.sleep(seconds)
    print(f"{current_process().name} sets the event")
    event.set()


@target
def wait_for_notice(condition: AnyCondition) -> None:
    """Wait until a condition is notified.

    Args:
        condition: The condition; its lock is held but for the time of the wait.

    Example:
        - name: Sleeper
          replicas: 2
          target: wait_for_notice
          uses: {condition: door}

    Steps:
        - with: condition
          steps:
            - print: $name waits
            - wait: condition
            - print: $name was notified
    """
    name = current_process().name
    with condition:
        print(f"{name} waits")
        condition.wait()
        print(f"{name} was notified")


@target
def notify(condition: AnyCondition, count: Count = 1, seconds: Seconds = 0.1) -> None:
    """Notify some of those who wait on a condition, after a while. A notice that nobody waits for is lost.

    Args:
        condition: The condition.
        count: How many are notified at most.
        seconds: How long it sleeps before.

    Example:
        - name: Caller
          target: notify
          uses: {condition: door}
          kwargs: {count: 2, seconds: 0.5}

    Steps:
        - sleep: 0.1
        - with: condition
          steps:
            - print: $name notifies 1
            - notify: condition
    """
    time.sleep(seconds)
    with condition:
        print(f"{current_process().name} notifies {count}")
        condition.notify(count)


@target
def meet(barrier: AnyBarrier, rounds: Count = 1, seconds: Seconds = 0.0) -> None:
    """Work for a while and then wait at a barrier until all others have come, round by round.

    Args:
        barrier: The barrier; it opens when as many have come as it has parties.
        rounds: How often.
        seconds: How long it works (it sleeps) before it comes to the barrier.

    Example:
        - name: Runner
          replicas: 3
          target: meet
          uses: {barrier: line}
          kwargs: {rounds: 2, seconds: 0.1}

    Steps:
        - for: number
          in: ${range(1, 2)}
          steps:
            - print: $name is at the barrier
            - wait: barrier
            - print: $name is through, round $number
    """
    name = current_process().name
    for number in range(1, rounds + 1):
        time.sleep(seconds)
        print(f"{name} is at the barrier")
        barrier.wait()
        print(f"{name} is through, round {number}")
