"""Which bundled scenarios are to stall, and why: what shows a hang is to hang, every time."""

from __future__ import annotations

STALLING: dict[str, tuple[list[str], ...]] = {
    "broken-lock": (["Other waits for ever for lock 'gate': Holder ended without releasing it"],),
    "broken-queue": (
        [
            "queue 'tasks' is broken: Waiting, which was terminated, was inside get() and took the lock of the readers "
            "with it, so Other can never get the 2 items that are there"
        ],
    ),
    "both-send": (
        [
            "deadlock: Left and Right both wait in send() on pipe 'rope': it is full in both directions, and neither "
            "receives before it has sent"
        ],
    ),
    "both-wait": (["deadlock: Ada and Bob both wait in recv() on pipe 'table', each for the other to send first"],),
    "circle": (
        [
            "Left and Right wait for each other in a circle: Left for an item from queue 'to_left', which Right would "
            "put; Right for an item from queue 'to_right', which Left would put"
        ],
    ),
    "crash-loop": (
        [
            "the main program waits for ever for pool 'crunch': its workers end as soon as they are started "
            "(ValueError: failed on purpose on item 13)"
        ],
    ),
    "dead-consumer": (
        [
            "Producer waits for ever for room in queue 'numbers' (maxsize 2, 2 in it): nobody is left who takes from "
            "it, since Consumer has ended"
        ],
    ),
    "end-left-open": (
        [
            "Receiver waits for ever in recv() on 'rope.left': Sender has ended, but 'rope.right' is still open, for "
            "the main program never closed it",
            ", and so EOF does not come",
        ],
    ),
    "join-before-drain": (
        [
            "Sender cannot end: it has put items on queue 'texts' that do not fit into its pipe, and a process waits "
            "at its end until they are taken (1 of 2 is left); get them before you join()"
        ],
    ),
    "leaked-seat": (["Late waits for ever for semaphore 'seats': Hasty-", " ended without releasing it"],),
    "lost-items": (
        [
            "the main program waits for ever for an item from queue 'results': of 1,000 put, ",
            " lost, because their process ended before they had left it, and nobody is left who could put another",
        ],
        [  # it was cut off in the middle of an item
            "queue 'results' is broken: Hurrying, which has ended, was writing an item and took the lock of the "
            "writers with it, so the main program can never get the item that was put",
        ],
    ),
    "lock-held-by-main": (
        [
            "Child waits for ever for lock 'gate', held by the main program, which would release it, but first waits "
            "for the end of Child"
        ],
    ),
    "lost-worker": (
        [
            "the main program waits for ever for pool 'crunch': ",
            "PoolWorker-",
            " was ended by SIGKILL while it was doing task 2 of map(), and a Pool never gives a lost task to another "
            "worker",
        ],
    ),
    "lock-lost": (["Waiting waits for ever for lock 'gate': Dying ended without releasing it"],),
    "missing-pill": (
        [
            "Worker-",
            " waits for ever for an item from queue 'tasks': all 5 items put are taken, and nobody is left who could "
            "put another: 1 poison pill was put for 2 processes that take from it",
        ],
    ),
    "missing-task-done": (
        [
            "the main program waits in tasks.join() for ever: task_done() is missing for 1 of 4 items: Dying ended "
            "without calling it for every item taken"
        ],
    ),
    "no-starter": (["Runner-1 and Runner-2 wait for ever for event 'gun': nobody is left who could set it"],),
    "one-is-missing": (
        [
            "Runner-1 and Runner-2 wait for ever at barrier 'line': it opens when 3 have come, only 2 did, and nobody "
            "else is left"
        ],
    ),
    "two-forks": (
        [
            "deadlock: ",
            "Kant holds 'left' and waits for 'right'",
            "Hegel holds 'right' and waits for 'left'",
            ": none of them can go on",
        ],
    ),
    "unpicklable-item": (
        [
            "the main program waits for ever for an item from queue 'results': of 3 put, 2 taken and 1 dropped, "
            "because it could not be pickled (",
            "), and nobody is left who could put another",
        ],
    ),
    "waits-for-itself": (
        ["Worker waits for ever for lock 'gate', which it holds itself: an RLock could be acquired again"],
    ),
}
"""Name -> all that the reason has to say; where it can be one of several, all of one of them."""

TRAP = "consumers-until-empty"
"""Ends in one way or another, which is its point."""

UNEVEN = {
    "daemon-logger",
    "even-shares",
    "missing-pill",
    "out-of-order",
    "poison-pill",
    "print-spooler",
    "shared-work",
    "start-up-cost",
    "thread-workers",
}
"""Those in which it differs from run to run which replica does what."""
