"""The actors of this process: each of its threads that is controlled, with its connection to the scheduler.

An actor asks for its turn before each operation that others can see, and does it when it gets the turn, for real, and
without blocking. What cannot be done now is said, and the turn goes to another. So only one actor of a run moves at a
time, and what it does between two operations nobody can see.

A message is a tuple, encoded by `marshal`; the answer is a letter and the time of the virtual clock in ns:

    ("hello", token, name, pid)
    ("lost" or "escaped" or "beside", what is not controlled)
    (number, verb, key, label, timeout in s or None, whether it was tried in vain, touched, started, killed)

The number is that of the operation among the actor's; the verb `bye` says that the actor ends.
"""

from __future__ import annotations

import contextlib
import itertools
import marshal
import os
import random
import socket
import struct
from _thread import get_ident
from collections.abc import Callable, Container, Mapping, Sequence
from types import FrameType
from typing import Any

from run_scenario.runtime.cpython import frames_of_caller

GO, TIMED_OUT, BEWARE = b"g", b"t", b"k"
"""Its turn; its turn, as its time is up; its turn, in a run in which somebody may be killed."""
ANSWER = struct.Struct("=cq")
"""A letter, and the time in ns."""
_DEEPEST = 24
"""Frames in which the operation is looked for that is the reason for what is done beneath it."""
_WITHIN = tuple(os.path.join(*parts) for parts in (("primitives", ""), ("script", "pools.py")))
"""Where the methods are by which a program uses its resources."""
_BEGINNING = "_bootstrap"
"""What a process begins in: below are calls of the one that it was forked from."""
_FEEDING = ("acquire", "write")
"""What a feeder does to write: it acquires the lock of the writers first."""

_SHOWN = {
    "__enter__": "acquire",
    "__exit__": "release",
    "__getitem__": "read",
    "_get": "read",
    "value": "write",
    "_inside": "use",
    "start_recorded": "start",
    "_asked": "result",
}
"""What a method is called where people read it, if not by its name."""
_OF_WORKERS = {"get": "take a task", "put": "hand over a result"}
"""What a pool's worker does, by the method of a queue that it uses for it."""
_CALLERS = frozenset({"Task", "PairedTask", "Initializer", "Callback"})
"""Classes of ours that call the program's own functions: below them, nothing is of the program."""

_actors: dict[int, Actor] = {}
"""Thread -> its actor."""
_names: dict[int, str] = {}
"""The names of the resources, by their numbers."""
_path = ""
_process = ""
"""The name of this process."""
_touched: list[str] = []
"""Keys of what has been changed since the last message: who waits for it may go on."""
_started: list[int | str] = []
_killed: list[int] = []
_said: set[str] = set()
"""What is not controlled, as far as it has been said."""
now = 0
"""The virtual time in ns."""
is_hunted = False
"""Whether the scheduler may kill somebody, so that what is done before and after that has to be told apart."""
_number = itertools.count(1).__next__


class Actor:
    """One thread of this process, seen by the scheduler."""

    def __init__(self, token: int | str, name: str, feeds: str = "") -> None:
        """Say hello, and wait for the first turn; `feeds` is the queue into whose pipe it writes."""
        self.feeds = feeds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(_path)
        self.name = name
        self.inside = False
        """Whether it is doing what it has got its turn for: nothing in that waits for another turn."""
        self.polled: Any = None
        """What it has waited for at last, and what of it was ready, if it has read nothing since."""
        self._in_vain = "", ""
        """Verb and key of the last operation, if that was tried in vain: who then waits for it, waits."""
        self._operations = 0
        self._last = ""
        """The verb of the last operation, if that was done."""
        self._socket.send(marshal.dumps(("hello", token, name, os.getpid())))
        self._hear()

    def _hear(self) -> bool:
        """Wait for the turn; return whether there is still time, False after a timeout."""
        global now, is_hunted
        answer = self._socket.recv(ANSWER.size)
        if len(answer) != ANSWER.size:
            os._exit(1)  # nobody decides any more
        letter, now = ANSWER.unpack(answer)
        is_hunted = is_hunted or letter == BEWARE
        return bool(letter != TIMED_OUT)

    def _say(self, verb: str, key: str, label: str, timeout: float | None, in_vain: bool) -> None:
        message = marshal.dumps((self._operations, verb, key, label, timeout, in_vain, _touched, _started, _killed))
        _touched.clear()
        _started.clear()
        _killed.clear()
        try:
            self._socket.send(message)
        except OSError:
            os._exit(1)

    def perform(
        self,
        verb: str,
        key: str,
        attempt: Callable[[], Any],
        *,
        blocks: bool = True,
        timeout: float | None = None,
        label: str = "",
        is_waiting: bool = False,
        follows: Container[str] = (),
    ) -> Any:
        """Do something when it is this actor's turn.

        Args:
            verb: What is done, in a word.
            key: To what; a wait for it is tried again when it was touched; empty: after whatever happens.
            attempt: Does it, without blocking; returns something false where that is not possible now.
            blocks: Whether to wait until it is possible.
            timeout: For how long, in seconds of the virtual clock; None: for ever.
            label: What is done, for people.
            is_waiting: Whether there is nothing to be tried before somebody has done something.
            follows: Verbs behind which it is a part of the same step, if it is possible at once: who has just got a
                queue's own lock reads from its pipe without giving the turn away.

        Returns:
            What the attempt returned; after a timeout, something false.
        """
        if self.inside:
            return attempt()
        if self._last in follows and (done := attempt()):
            self._last = verb
            return done
        label = label or resource_in_use() or (f"{self.feeds}.write()" if self.feeds and verb in _FEEDING else "")
        in_vain = is_waiting or (blocks and self._in_vain == (verb, key))
        self._in_vain = "", ""
        self._operations += 1
        while True:
            self._say(verb, key, label, timeout if blocks else None, in_vain)
            in_time = self._hear()
            self.inside = True
            try:
                done = attempt()
            finally:
                self.inside = False
            if done or not blocks or not in_time:
                if key and not done and not blocks:  # without a key, the next operation may be on something else
                    self._in_vain = verb, key
                self._last = verb if done else ""
                return done
            in_vain = True

    def say(self, kind: str, what: str) -> None:
        """Say something besides, for which there is no answer."""
        with contextlib.suppress(OSError):
            self._socket.send(marshal.dumps((kind, what)))

    def end(self) -> None:
        """Say that this thread ends."""
        self._operations += 1
        self._say("bye", "", "", None, False)
        self._socket.close()
        _actors.pop(get_ident(), None)

    def leave(self) -> None:
        """Close what this copy of the process has of it."""
        self._socket.close()


def current() -> Actor | None:
    """Return the actor that this thread is; None: nobody controls it."""
    return _actors.get(get_ident())


def join(path: str, names: Sequence[str], process: str) -> None:
    """Have this process controlled by the scheduler that listens at `path`; `names` are those of the resources."""
    learn(path, dict(enumerate(names)))
    begin_process(process)


def known() -> tuple[str, dict[int, str]]:
    """Return what a process has to learn to become an actor, where it is no fork of one."""
    return _path, _names


def learn(path: str, names: Mapping[int, str]) -> None:
    """Learn where the scheduler listens, and the names of the resources by their numbers."""
    global _path
    _path = path
    _names.update(names)


def be(name: str) -> None:
    """Be the process of that name, which is not an actor yet."""
    global _process
    _process = name
    random.seed(name)  # chance is the same in each run


def begin_process(name: str) -> None:
    """Become an actor: the process that has just begun."""
    be(name)
    _actors[get_ident()] = Actor(os.getpid(), name)


def begin_thread(token: str, name: str, feeds: str) -> Actor:
    """Become an actor: a thread that has just begun; `feeds` is the queue whose feeder it is, if it is one."""
    actor = _actors[get_ident()] = Actor(token, name, feeds)
    return actor


def forget() -> None:
    """Be a copy of a process, which is not yet an actor itself."""
    for actor in _actors.values():
        actor.leave()
    _actors.clear()
    for each in (_touched, _started, _killed):
        each.clear()


def touch(key: str) -> None:
    """Note that what has this key was changed: whoever waits for it may go on."""
    _touched.append(key)


def touch_pipe(actor: Actor) -> None:
    """Note that an actor has read from the pipe of the resource in use, or has written to it."""
    if name := actor.feeds or name_in_use():
        _touched.append(name)


def note_started(token: int | str) -> None:
    """Note that an actor will say hello: a process, by its id, or a thread."""
    _started.append(token)


def note_killed(pid: int) -> None:
    """Note that a process is about to end by a signal."""
    _killed.append(pid)


def lose(what: str) -> None:
    """Say that from now on this run is not in control, and why."""
    _say_once("lost", what)


def note_escape(what: str) -> None:
    """Say what is not controlled: orders of it are not tried."""
    _say_once("escaped", what)


def note_beside(what: str) -> None:
    """Say what happens within a step, as it happens."""
    _say_once("beside", what)


def _say_once(kind: str, what: str) -> None:
    actor = current()
    if actor is not None and what not in _said:
        _said.add(what)
        actor.say(kind, what)


def own_key(kind: str) -> str:
    """Return a key for something that this process has just made: the same in each run with the same schedule."""
    return f"{kind}{_number()} of {_process}"


def own_name() -> str:
    """Return the name of this process."""
    return _process


def name_resource(index: int, name: str) -> None:
    """Note the name of a resource that own code has made."""
    _names[index] = name


def resource_name(index: int) -> str:
    """Return the name of the resource with this number."""
    return _names.get(index, f"resource {index}")


def name_in_use() -> str:
    """Return the name of the resource whose method is being called."""
    return resource_in_use().partition(":")[0].partition(".")[0]


def resource_in_use() -> str:
    """Return the name of the resource whose method is being called, and the method; empty if none is."""
    found = of_worker = ""
    frame: FrameType | None = next(frames_of_caller())
    for _ in range(_DEEPEST):  # plainly: this is done before each operation
        if frame is None or frame.f_code.co_name == _BEGINNING:
            break
        code = frame.f_code
        of_worker = of_worker or _OF_WORKERS.get(code.co_name, "")
        if any(part in code.co_filename for part in _WITHIN):
            given = frame.f_locals
            user = given.get("self")
            name = _names.get(getattr(user, "_index", -1))
            if type(user).__name__ in _CALLERS:
                break
            if name and type(user).__name__ == "WorkerRun":
                return f"{name}: {of_worker}" if of_worker else found
            if name and type(user).__name__ != "_Reaping":
                method = getattr(given.get("call"), "method", None) or _SHOWN.get(code.co_name, code.co_name)
                found = f"{name}.{method.strip('_')}()"
        frame = frame.f_back
    return found
