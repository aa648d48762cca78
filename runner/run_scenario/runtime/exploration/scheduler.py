"""Decides which actor of one controlled run moves next, and hears what it has done (see `runtime.control`).

No state of the resources is kept here: an actor that gets the turn tries its operation for real, and says so if it is
not possible; it is tried again when somebody has touched the same thing, or, where what it waits for has no name of its
own, when anything has happened. So what is possible is never known otherwise than the system knows it.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import secrets
import selectors
import signal
import socket
import struct
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from typing import Protocol

from run_scenario.counting import plural
from run_scenario.errors import MachineryError
from run_scenario.exploration.comparison import Step
from run_scenario.exploration.schedule import MOST_IN_A_ROW, NO_HAZARDS, TIME_IS_UP, Hazards, Schedule, Switch
from run_scenario.runtime.control.actors import ANSWER, BEWARE, GO, TIMED_OUT
from run_scenario.runtime.supervisor.control import DEADLINE, DEADLOCK, LOOK, SUPERVISOR
from run_scenario.values import Value

_PATIENCE = 10.0
"""Seconds for which an actor may sleep between one operation and the next; it may compute for as long as it likes."""
_LOOK_EVERY = 0.5
"""Seconds after which it is looked what the processes do, if nothing is heard."""
_MOST_BYTES = 1 << 20
_BACKLOG = 512
_TIMEOUT = struct.pack("@ll", 0, int(_LOOK_EVERY * 1e6))
"""The same, for a socket: seconds and microseconds."""
_NOTE = 2
"""Parts of a message that only says something besides."""
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of the other end."""
_BETWEEN_THREADS = ("acquire lock", "join thread", "await")
"""How operations begin by which a thread waits for another."""
_STEP_NS = 1_000
"""How much later it is after each step, by the virtual clock."""


class _State(Enum):
    READY = auto()
    """It waits for its turn, and may be able to do what it wants."""
    BLOCKED = auto()
    """It has tried in vain, and nothing has changed since."""
    MOVING = auto()
    ENDED = auto()


class Actor:
    """One thread of a process, seen from here."""

    def __init__(self, connection: socket.socket, token: int | str, name: str, pid: int) -> None:
        self.connection = connection
        self.token = token
        self.given = name
        self.name = name
        """The same, but for those that are not the first of that name."""
        self.pid = pid
        self.number = -1
        """Counted in the order in which the actors were started; -1: who has started it has not said so yet."""
        self.state = _State.READY
        self.steps = 0
        """How many it has made."""
        self.operation = "begins"
        """What it is about to do, for people."""
        self.subjects: tuple[str, ...] = (name,)
        """To what: the key of that, and the name of the resource which that is a part of."""
        self.said: tuple[str, str] | None = None
        """Verb and label of that, as it has said them, where that is not put into words yet."""
        self.operation_number = 0
        self.key = ""
        """By whose change it can go on, if it cannot now; empty: by anything."""
        self.deadline: int | None = None
        """Until when it waits, by the virtual clock in ns."""

    @property
    def move(self) -> str:
        """What it does if it gets the turn now."""
        return f"{self.operation}{TIME_IS_UP}" if self.state is _State.BLOCKED else self.operation

    @property
    def is_thread(self) -> bool:
        """Whether it is not the first thread of its process."""
        return isinstance(self.token, str)


class Kill(Value):
    """What may be chosen in place of an actor, where the scheduler kills: that this one's process ends now."""

    victim: Actor

    @property
    def name(self) -> str:
        """That of the process."""
        return self.victim.name

    @property
    def move(self) -> str:
        """What it was about to do."""
        return self.victim.operation


class Policy(Protocol):
    """Decides who moves."""

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return one of those that are ready.

        `usual` are the same in the order that there is without any decision, and then whoever may be killed.
        """

    def done(self, actor: Actor) -> None:
        """Learn that this one has done what its attributes say, which it is about to do no longer."""


class Carried(Protocol):
    """A run that is under way, for whoever decides about it."""

    descriptor: int
    """Becomes readable when there is something to be heard of it."""

    def hear(self) -> bool:
        """Take what there is to be heard; return whether it is over, and nothing of it is left."""

    def wake(self) -> None:
        """Have it go on, should somebody have stopped it: nothing has been heard for a while."""

    def stop(self) -> None:
        """Have it ended, and wait for that: nobody decides any more."""


class Trace:
    """What has been decided in one run."""

    def __init__(self) -> None:
        self.switches: list[Switch] = []
        self.steps: list[Step] = []
        self.orders: dict[str, list[str]] = {}
        """Of each thing, who did something to it, in that order."""
        self.offered = array("H")
        """Of each decision two numbers: how many could move, and how many choices there were, all hazards included."""
        self.counts: dict[str, int] = {}
        """Name of an actor -> its steps."""
        self.stuck: list[str] = []
        """Where nobody could move any more: which threads wait for one another, of which a log says nothing."""
        self.lost = ""
        """Why the run was not in control; empty: it was."""
        self.notes: dict[str, dict[str, None]] = {"escaped": {}, "beside": {}}
        """What was not controlled, each once: of which no orders are tried, and what happens within a step."""

    def order(self) -> int:
        """Return what stands for the order of all operations on each thing: the same for orders that only commute."""
        return hash(tuple(sorted((key, tuple(names)) for key, names in self.orders.items())))


class Scheduler:
    """Listens for the actors of runs, one run after the other."""

    def __init__(self) -> None:
        """Begin to listen, at an address that is no file (unix(7), abstract): whoever is killed leaves nothing.

        Raises:
            MachineryError: no descriptors are left.
        """
        self.path = f"\0run-scenario-{secrets.token_hex(16)}"
        try:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._listener.bind(self.path)
            self._listener.listen(_BACKLOG)
        except OSError as error:
            raise MachineryError(f"cannot listen for the processes to be controlled: {error.strerror}") from None

    def close(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        carry_out: Callable[[], bytes],
        policy: Policy,
        timeout: float,
        most_steps: int,
        hazards: Hazards = NO_HAZARDS,
    ) -> tuple[bytes, Trace]:
        """Have a run carried out in a process of its own, and decide about it.

        Args:
            carry_out: Is called there; what it returns is handed on.
            policy: Decides.
            timeout: The run's deadline by the virtual clock, in seconds.
            most_steps: After so many steps the run is stopped.
            hazards: What may happen besides.

        Returns:
            What `carry_out` has returned, empty if it failed; and what was decided.
        """
        worker = _Worker(carry_out, self._listener)
        try:
            trace = self.decide(worker, policy, timeout, most_steps, hazards)
        finally:
            worker.wait()
        return worker.result, trace

    def decide(
        self, carried: Carried, policy: Policy, timeout: float, most_steps: int, hazards: Hazards = NO_HAZARDS
    ) -> Trace:
        """Decide about a run that has just begun, until it is over; the rest is as in `run`."""
        return _ControlledRun(self._listener, policy, timeout, most_steps, hazards).execute(carried)

    @property
    def descriptor(self) -> int:
        """What it listens on: whoever is forked from this process has to close it."""
        return self._listener.fileno()


class _ControlledRun:
    def __init__(
        self, listener: socket.socket, policy: Policy, timeout: float, most_steps: int, hazards: Hazards
    ) -> None:
        self._listener = listener
        self._policy = policy
        self._deadline = int(min(timeout, 1e9) * 1e9)
        self._most_steps = most_steps
        self._early = hazards.early
        self._may_kill = hazards.kill
        self._go = BEWARE if hazards.kill else GO
        self.trace = Trace()
        self._selector = selectors.DefaultSelector()
        self._actors: list[Actor] = []
        self._moving: Actor | None = None
        self._last: Actor | None = None
        self._in_a_row = 0
        self._expected: set[int | str] = {"main"}
        """Who will say hello: nobody moves before."""
        self._numbers: dict[int | str, int] = {}
        """Token -> the number of an actor that was started."""
        self._threads: dict[int | str, str] = {}
        """Token of a thread -> its name."""
        self._unexpected: set[int | str] = set()
        """Who has said hello before it was known that it would."""
        self._ending: dict[int, int] = {}
        """Processes that are about to end, with a descriptor that shows it: nobody moves before."""
        self._watched: dict[int, int] = {}
        """Descriptors of processes that have not said hello yet -> their ids."""
        self._supervisor: socket.socket | None = None
        self._looking = False
        """Whether the supervisor looks at what has come of the end of a process."""
        self._main = 0
        self._decided = False
        """Whether there is nothing to be decided any more: it is over, or the supervisor ends it."""
        self._now = 0
        self._skipped = 0
        """How much of that has passed though somebody could move, by timeouts that came early."""
        self._move = ""
        """What the one that moves does."""
        self._chosen: Switch | None = None

    def execute(self, carried: Carried) -> Trace:
        over = False
        heard = time.monotonic()

        def hear() -> None:
            nonlocal over
            over = carried.hear()

        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(carried.descriptor, selectors.EVENT_READ, hear)
        try:
            while not over:
                ready = self._hear_mover() or self._hear_all(_LOOK_EVERY)
                if ready or self._is_busy():
                    heard = time.monotonic()
                elif not self._decided and time.monotonic() - heard > _PATIENCE:
                    self._lose(self._who_is_out_of_control())
                if not ready:
                    carried.wake()
                if not self._decided and self._is_quiet():
                    self._decide()
            self._selector.unregister(carried.descriptor)
            while self._hear_all(0):  # what they have said before they ended
                pass
        except BaseException:
            carried.stop()
            raise
        finally:
            for key in list(self._selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket) and key.fileobj is not self._listener:
                    key.fileobj.close()
            for descriptor in (*self._ending.values(), *self._watched):
                os.close(descriptor)
            self._selector.close()
        for actor in self._actors:
            self.trace.counts[actor.name] = self.trace.counts.get(actor.name, 0) + actor.steps
        return self.trace

    def _hear_mover(self) -> bool:
        """Hear the one that moves, if nobody else is waited for; return whether it has said anything in time.

        That is so at nearly all steps, and takes half of the time: what others say is heard before the next decision
        that depends on it.
        """
        actor = self._moving
        if actor is None or self._expected or self._ending or self._looking or self._decided:
            return False
        try:
            message = actor.connection.recv(_MOST_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            message = b""
        self._take(actor, message)
        return True

    def _hear_all(self, seconds: float) -> bool:
        """Hear whoever has something to say within so many seconds; return whether anybody had."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.fileobj in self._selector.get_map():
                key.data()
        return bool(ready)

    def _who_is_out_of_control(self) -> str:
        if self._moving is not None:
            what = self._moving.operation
            return f"{self._moving.name} waits after `{what}` for something that is not controlled"
        return "a process that was started did not come under control"

    def _is_busy(self) -> bool:
        """Tell whether somebody who is waited for computes, or would if it had a processor."""
        awaited = {each for each in self._expected if isinstance(each, int)} | set(self._ending)
        if self._moving is not None:
            awaited.add(self._moving.pid)
        return not self._decided and any(map(_is_running, awaited))

    def _lose(self, why: str) -> None:
        self.trace.lost = self.trace.lost or why
        self._stop(DEADLINE)

    def _stop(self, word: str) -> None:
        """Have the supervisor end the run."""
        self._decided = True
        self._tell(word)

    def _tell(self, word: str) -> bool:
        if self._supervisor is not None:
            with contextlib.suppress(OSError):
                return self._supervisor.send(word.encode()) > 0
        return False

    def _is_quiet(self) -> bool:
        return (
            self._moving is None
            and not self._expected
            and not self._ending
            and not self._looking
            and self._supervisor is not None
        )

    # What is heard

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(credentials)[1] != os.geteuid():  # anybody on this machine can connect
            connection.close()
            return
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._greet(connection))

    def _greet(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        message = _message_from(connection)
        if not message:
            connection.close()
            return
        _, token, name, pid = marshal.loads(message)
        if token == SUPERVISOR:
            self._supervisor = connection
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear_supervisor(connection))
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
        actor = Actor(connection, token, name, pid)
        self._actors.append(actor)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(actor))
        if not self._main:
            self._main = pid
            self._expected.discard("main")
        elif token in self._expected:
            self._expected.discard(token)
            self._forget_watched(token)
        else:
            self._unexpected.add(token)
        self._number(actor)

    def _number(self, actor: Actor) -> None:
        """Give an actor its number, in the order in which they were started: they may say hello in any."""
        if actor.pid == self._main and not actor.is_thread:
            actor.number = 0
        elif actor.token in self._numbers:
            actor.number = self._numbers[actor.token]
            alike = sum(1 for each in self._actors if each.given == actor.given and 0 <= each.number < actor.number)
            if alike:  # it was started again, or its name was given twice
                actor.name = f"{actor.given} ({alike + 1})"
            self._actors.sort(key=lambda each: each.number)
        if actor.is_thread:
            self._threads[actor.token] = actor.name

    def _hear_supervisor(self, connection: socket.socket) -> None:
        self._looking = False
        if not _message_from(connection):
            self._selector.unregister(connection)

    def _hear(self, actor: Actor) -> None:
        self._take(actor, _message_from(actor.connection))

    def _take(self, actor: Actor, message: bytes) -> None:
        if not message:
            self._see_end(actor)
            return
        said = marshal.loads(message)
        if len(said) == _NOTE:
            self._take_note(*said)
            return
        number, verb, key, label, timeout, in_vain, touched, started, killed = said
        is_another = number != actor.operation_number
        for token in started:
            self._expect(token)
        for pid in killed:
            self._await_end(pid)
        if actor.state is _State.MOVING and is_another:
            self._note_step(actor, touched)
        elif actor.state is _State.MOVING and self.trace.offered:
            # It has tried in vain: whatever could have been chosen then, can be chosen now.
            self.trace.offered[-2:] = array("H", (1, 1))
        for each in touched:
            self._wake(each)
        if actor.state is _State.MOVING:
            self._moving = None
        if verb == "bye":
            actor.state = _State.ENDED
            self._wake("")
            return
        if is_another:
            actor.operation_number, actor.key = number, key
            actor.deadline = None if timeout is None else self._now + int(min(timeout, 1e9) * 1e9)
            actor.said = verb, label
        actor.state = _State.BLOCKED if in_vain else _State.READY

    def _take_note(self, kind: str, what: str) -> None:
        if kind in self.trace.notes:
            self.trace.notes[kind][what] = None
        elif not self._decided:
            self._lose(f"not controlled: {what}")

    def _note_step(self, actor: Actor, touched: Sequence[str] = ()) -> None:
        changed = (self._threads.get(each, each) for each in touched)
        actor.subjects = subjects = tuple(dict.fromkeys((actor.subjects[0], *changed)))
        self._policy.done(actor)
        trace = self.trace
        actor.steps += 1
        trace.steps.append(Step(actor.name, self._move, subjects))
        for subject in subjects:
            trace.orders.setdefault(subject, []).append(actor.name)
        self._in_a_row = self._in_a_row + 1 if actor is self._last else 1
        self._last = actor
        self._now += _STEP_NS
        if self._chosen is not None:
            trace.switches.append(self._chosen)
            self._chosen = None
        self._wake("")
        if len(trace.steps) >= self._most_steps and not self._decided:
            self._lose(f"it was not over after {plural(self._most_steps, 'step')} (--steps allows more)")

    def _put_into_words(self, actor: Actor) -> None:
        """Say what an actor is about to do: now that all that have been started are known by name."""
        if actor.said is not None:
            (verb, label), subject = actor.said, self._name_of(actor.key)
            actor.operation = label or f"{verb} {subject}".rstrip()
            resource = label.partition(".")[0]
            actor.subjects = (subject, resource) if subject else (resource,)
            actor.said = None

    def _name_of(self, key: str) -> str:
        """Return a key as it is in each run with the same schedule."""
        if key.startswith("process "):
            pid = int(key.removeprefix("process "))
            return next((each.name for each in self._actors if each.pid == pid), "a process")
        return self._threads.get(key, key)

    def _wake(self, key: str) -> None:
        """Have those tried again that wait for this; empty: for what has no name, and for the ends of processes."""
        for actor in self._actors:
            if actor.state is _State.BLOCKED and (actor.key == key or (not key and actor.key.startswith("process "))):
                actor.state = _State.READY

    def _wake_all(self) -> None:
        for actor in self._actors:
            if actor.state is _State.BLOCKED:
                actor.state = _State.READY

    # Beginnings and ends

    def _expect(self, token: int | str) -> None:
        self._numbers[token] = len(self._numbers) + 1
        if token in self._unexpected:
            self._unexpected.discard(token)
            self._number(next(actor for actor in self._actors if actor.token == token))
            return
        self._expected.add(token)
        if isinstance(token, int):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(token)
                self._watched[descriptor] = token
                self._selector.register(descriptor, selectors.EVENT_READ, lambda: self._forget_watched(token))
                return
            self._expected.discard(token)

    def _forget_watched(self, token: int | str) -> None:
        self._expected.discard(token)
        for descriptor in [each for each, pid in self._watched.items() if pid == token]:
            del self._watched[descriptor]
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _see_end(self, actor: Actor) -> None:
        """See that an actor's connection has been closed: its process ends, or has ended."""
        self._selector.unregister(actor.connection)
        actor.connection.close()
        if actor.state is _State.ENDED:
            return
        if actor is self._moving:
            self._note_step(actor)
            self._moving = None
        actor.state = _State.ENDED
        if actor.pid == self._main and not actor.is_thread:
            self._decided = True
            return
        self._await_end(actor.pid)
        self._wake_all()  # it cannot say any more what it has touched at last

    def _await_end(self, pid: int) -> None:
        if pid in self._ending:
            return
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:  # it is over, and somebody has waited for it
            self._wake_all()
            return
        self._ending[pid] = descriptor

        def see() -> None:
            self._selector.unregister(descriptor)
            os.close(descriptor)
            del self._ending[pid]
            for each in self._actors:
                if each.pid == pid and each.state is not _State.ENDED:
                    each.state = _State.ENDED
                    if each is self._moving:
                        self._moving = None
            self._looking = self._tell(LOOK)
            self._wake_all()

        self._selector.register(descriptor, selectors.EVENT_READ, see)

    # Decisions

    def _decide(self) -> None:
        for actor in self._actors:
            if actor.said is not None:
                self._put_into_words(actor)
        ready = [actor for actor in self._actors if actor.state is _State.READY]
        usual: list[Actor | Kill] = list(self._usual(ready))
        in_turn = max(1, len(ready))
        if self._early or not ready:
            late = self._those_with_time()
            if not ready and not late:
                self.trace.stuck = list(self._stuck_threads())
                self._stop(DEADLOCK)
                return
            if not self._early:
                self._grant_late(late[0], is_early=False)
                return
            is_early = bool(ready)
            ready += late
            usual += late
        if self._may_kill and self._last is not None:
            usual += [Kill(actor) for actor in self._actors if self._can_be_killed(actor)]
        self.trace.offered.extend((in_turn, len(usual)))
        chosen = self._policy.choose(ready, self._last, usual)
        self._chosen = None
        if chosen is not usual[0] and self._last is not None:
            last = self._last
            kills = isinstance(chosen, Kill)
            instead = last.operation if last.state is _State.READY and not kills else ""
            self._chosen = Switch(last.name, last.steps, chosen.name, chosen.move, instead, kills)
        if isinstance(chosen, Kill):
            self._kill(chosen.victim)
        elif chosen.state is _State.BLOCKED:
            self._grant_late(chosen, is_early=is_early)
        else:
            self._grant(chosen, self._go)

    def _usual(self, ready: Sequence[Actor]) -> Iterator[Actor]:
        """Yield those that are ready in the order in which they move if nobody decides."""
        last = self._last
        goes_on = last is not None and last.state is _State.READY and self._in_a_row < MOST_IN_A_ROW
        if goes_on and last is not None:
            yield last
        after = -1 if last is None or goes_on else last.number
        others = [actor for actor in ready if not goes_on or actor is not last]
        if self._in_a_row >= MOST_IN_A_ROW:
            others.sort(key=lambda actor: (actor.number <= after, actor.number))
        yield from others

    def _stuck_threads(self) -> Iterator[str]:
        """Yield who waits for another thread, of which a log says nothing: without idle ones that Python has."""
        for actor in self._actors:
            is_of_program = not actor.is_thread or actor.name.startswith("thread ")
            if actor.state is _State.BLOCKED and is_of_program and actor.operation.startswith(_BETWEEN_THREADS):
                yield f"{actor.name} waits in `{actor.operation}`"

    def _those_with_time(self) -> list[Actor]:
        """Return those that can go on when their time is up, in the order in which that comes."""
        waiting = [actor for actor in self._actors if actor.state is _State.BLOCKED and actor.deadline is not None]
        return sorted(waiting, key=lambda actor: (actor.deadline, actor.number))

    def _grant_late(self, actor: Actor, *, is_early: bool) -> None:
        """Let time go on to the moment that an actor waits for, and give it the turn.

        The deadline of the run comes by the time that passes while nobody can move: that is not `is_early`.
        """
        before = self._now
        self._now = max(self._now, actor.deadline or 0)
        if is_early:
            self._skipped += self._now - before
        if self._now - self._skipped >= self._deadline:
            self._stop(DEADLINE)
            return
        self._grant(actor, TIMED_OUT)

    def _can_be_killed(self, actor: Actor) -> bool:
        return not actor.is_thread and actor.pid != self._main and actor.state is not _State.ENDED

    def _kill(self, victim: Actor) -> None:
        """Kill the process of an actor, which waits for its turn; nobody moves before it is over."""
        self._may_kill = False
        trace = self.trace
        trace.steps.append(Step(victim.name, "SIGKILL", (victim.name,)))
        trace.orders.setdefault(victim.name, []).append("SIGKILL")
        if self._chosen is not None:
            trace.switches.append(self._chosen)
            self._chosen = None
        self._await_end(victim.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)

    def _grant(self, actor: Actor, letter: bytes) -> None:
        self._move = actor.move
        actor.state = _State.MOVING
        self._moving = actor
        with contextlib.suppress(OSError):  # it has just been killed, which is heard next
            actor.connection.send(ANSWER.pack(letter, self._now))


def _is_running(pid: int) -> bool:
    """Tell whether a thread of a process runs, or waits for a processor or a disk."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as stat:
                if stat.read().rpartition(b") ")[2][:1] in (b"R", b"D"):
                    return True
    except OSError:  # it is over
        return False
    return False


def _message_from(connection: socket.socket) -> bytes:
    """Return the next message; empty: the other end is closed, whatever it has left unread."""
    try:
        return connection.recv(_MOST_BYTES)
    except ConnectionResetError:
        return b""


class _Worker:
    """A process that carries a run out, and hands on what comes of it."""

    def __init__(self, carry_out: Callable[[], bytes], listener: socket.socket) -> None:
        self.result = b""
        self.descriptor, write_to = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(write_to)
            return
        try:
            os.close(self.descriptor)
            listener.close()
            data = carry_out()
            while data:
                data = data[os.write(write_to, data) :]
        finally:
            os._exit(0)

    def hear(self) -> bool:
        block = os.read(self.descriptor, _MOST_BYTES)
        self.result += block
        return not block

    def wake(self) -> None:
        """Do nothing: it looks after its run by itself."""

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)  # it ends its run in an orderly way

    def wait(self) -> None:
        os.close(self.descriptor)
        os.waitpid(self._pid, 0)


class BySchedule:
    """Follows a schedule; where that says nothing, nothing is decided."""

    def __init__(self, schedule: Schedule) -> None:
        self._left: dict[tuple[str, int], list[Switch]] = {}
        """Who has moved last, and the steps of it -> what is decided then: a kill, perhaps, before who moves."""
        for each in schedule.switches:
            self._left.setdefault((each.actor, each.steps), []).append(each)
        self._differs = ""

    def choose(self, ready: Sequence[Actor], last: Actor | None, usual: Sequence[Actor | Kill]) -> Actor | Kill:
        """Return whom the schedule names."""
        at = (last.name, last.steps) if last is not None else ("", 0)
        if at not in self._left:
            return usual[0]
        switch, *others = self._left.pop(at)
        if others:
            self._left[at] = others
        found = next(
            (each for each in usual if each.name == switch.to and isinstance(each, Kill) == switch.kills), None
        )
        if isinstance(found, Actor) and found.move != switch.before == f"{found.move}{TIME_IS_UP}":
            self._left[at] = [switch, *others]  # it was woken, and will try in vain before that
        elif found is None:
            self._note(switch, "that one cannot be killed then" if switch.kills else "that one cannot move then")
        elif switch.before and found.move != switch.before:
            self._note(switch, f"that one is about to do `{found.move}` then")
        return usual[0] if found is None else found

    def _note(self, switch: Switch, what: str) -> None:
        self._differs = self._differs or f"{_said(switch)}: {what}"

    def differs(self) -> str:
        """Return where the schedule does not fit the run; empty: it fits. To be asked when the run is over."""
        if not self._differs and self._left:
            (first, *_), *_ = self._left.values()
            return f"{_said(first)}: it does not come to that"
        return self._differs

    def done(self, actor: Actor) -> None:
        """Do nothing."""


def _said(switch: Switch) -> str:
    before = f" before `{switch.before}`" if switch.before else ""
    what = f"{switch.to} is killed" if switch.kills else f"it is the turn of {switch.to}"
    return f"after {plural(switch.steps, 'step')} of {switch.actor} {what}{before}"
