"""What is done with the ends of pipes."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Listener
from typing import Any


def call_both_ends(left: Any, right: Any) -> None:
    """Print what the calls on the two ends of a recorded pipe return or raise, and those on a plain one's."""
    print(json.dumps([_converse(left, right), _converse(*multiprocessing.connection.Pipe())]))


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
    return [outcome_of(call) for call in calls]


def outcome_of(call: Callable[[], Any]) -> str:
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


def send_and_say_so(connection: Any, sent: Any) -> None:
    """Send what surely fits, and say that it is sent."""
    connection.send("a few bytes")
    sent.set()


def receive_when_sent(connection: Any, sent: Any) -> None:
    """Receive one object, of which the sender has said that it is sent."""
    sent.wait()
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


def listen(mapping: Any, forever: bool = False) -> None:
    """Print where temporary files go and where a socket of one's own lies."""
    listener = Listener(family="AF_UNIX")
    mapping["address"] = listener.address
    print(f"{tempfile.gettempdir()} {os.environ['TMPDIR']} {listener.address}", flush=True)
    if forever:
        signal.pause()


def send_numbered(line: Any, name: str, count: int, size: int = 0) -> None:
    """Send who one is and which object it is, so many times; small ones arrive whole, whoever else sends."""
    for number in range(count):
        line.send([name, number, "x" * size])


def send_same(line: Any, count: int, all_sent: Any) -> None:
    """Send the same again and again."""
    for _ in range(count):
        line.send("same")
    all_sent.wait()


def receive_so_many(line: Any, count: int, all_sent: Any = None) -> None:
    """Receive so many objects, one process at a time: recv() reads an object's length, and then as much.

    Whoever sends more than that waits with the receiver, at a barrier, until all is sent: its end stays open so long.
    """
    with open(__file__, encoding="utf-8") as turns:
        for _ in range(count):
            fcntl.flock(turns, fcntl.LOCK_EX)
            line.recv()
            fcntl.flock(turns, fcntl.LOCK_UN)
    if all_sent is not None:
        all_sent.wait()


def die_once(tries: Any) -> None:
    """Kill oneself the first time, and return the next."""
    with tries.get_lock():
        tries.value += 1
        first = tries.value == 1
    if first:
        os.kill(os.getpid(), signal.SIGKILL)
