"""Several runs at a time: processes of which each has a scheduler of its own, and runs what it is given.

    exploring process ── policies ─▶ jobs ── what came of each run ─▶ exploring process, in the order of the policies

So what is decided from the results does not depend on how many jobs there are, nor on which of them is faster.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, Pipe, wait
from typing import Generic, TypeVar

from run_scenario.errors import MachineryError, reason_of
from run_scenario.runtime.exploration.scheduler import Policy, Scheduler
from run_scenario.runtime.platform import system

Made = TypeVar("Made")
"""What comes of a run; it is pickled, if there are several jobs."""

_MOST_AHEAD = 64
"""Results that are held while one that comes before them is waited for."""


class Jobs(Generic[Made]):
    """So many processes that run; of a single one there is no process: this one runs."""

    def __init__(
        self, count: int, scheduler: Scheduler, run: Callable[[Scheduler, Policy], Made], end: Callable[[], None]
    ) -> None:
        """`scheduler` is that of this process; `run` is called with a scheduler, in whichever process it is to run.

        `end` is called in each of the processes at its end, after its last run.
        """
        self._scheduler = scheduler
        self._run = run
        self._end_runs = end
        self._count = count
        self._pids: list[int] = []
        self._free: list[Connection] = []
        self._busy: dict[Connection, int | None] = {}
        """With the position of the policy that each of them runs; None: nobody wants its result any more."""

    def __enter__(self) -> Jobs[Made]:
        if self._count > 1:
            try:
                for _ in range(self._count):
                    self._fork()
            except OSError as error:
                self._end()
                raise MachineryError(f"cannot start {self._count} jobs: {reason_of(error)}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def in_order(self, policies: Iterable[Policy]) -> Generator[Made]:
        """Run with each of the policies; yield what comes of that, in their order.

        A policy is asked for when somebody is free to run it, which may be before the results of those before are
        taken. Where no more results are taken, what still runs then is not waited for, and dropped.

        Raises:
            MachineryError: a job has failed.
        """
        if not self._pids:
            for policy in policies:
                yield self._run(self._scheduler, policy)
            return
        left, made = iter(policies), dict[int, Made]()
        given = taken = 0
        is_over = False
        try:
            while not is_over or taken < given:
                while self._free and not is_over and given - taken < _MOST_AHEAD:
                    following = next(left, None)
                    if following is None:
                        is_over = True
                    else:
                        self._give(following, given)
                        given += 1
                if taken in made:
                    yield made.pop(taken)
                    taken += 1
                elif self._busy:
                    made.update(self._results())
        finally:
            self._busy = dict.fromkeys(self._busy)

    def _give(self, policy: Policy, position: int) -> None:
        connection = self._free.pop()
        self._busy[connection] = position
        with contextlib.suppress(BrokenPipeError):  # it was killed, which is seen when its answer is waited for
            connection.send(policy)

    def _results(self) -> dict[int, Made]:
        """Wait for some results; return those that are wanted, by the positions of their policies.

        Raises:
            MachineryError: a job has failed.
        """
        found = dict[int, Made]()
        for connection in [each for each in wait(list(self._busy)) if isinstance(each, Connection)]:
            try:
                answer = connection.recv()
            except (EOFError, OSError):
                raise MachineryError("one of the jobs was killed") from None
            if isinstance(answer, Exception):
                raise answer
            position = self._busy.pop(connection)
            self._free.append(connection)
            if position is not None:
                found[position] = answer
        return found

    def _fork(self) -> None:
        here, there = Pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            there.close()
            self._pids.append(pid)
            self._free.append(here)
            return
        try:
            for each in (*self._free, here):
                each.close()
            self._scheduler.close()
            system.die_with_parent(signal.SIGTERM)
            if os.getppid() == parent:
                self._serve(there)
        finally:
            try:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending
                self._end_runs()
            finally:
                os._exit(0)

    def _serve(self, connection: Connection) -> None:
        """Run what is asked for, until nobody asks any more."""
        with contextlib.suppress(EOFError, OSError), Scheduler() as scheduler:
            while True:
                policy = connection.recv()
                answer: Made | Exception
                try:
                    answer = self._run(scheduler, policy)
                except Exception as error:
                    answer = error
                connection.send(answer)

    def _end(self) -> None:
        """End the jobs; what they run ends in an orderly way."""
        for connection in (*self._free, *self._busy):
            connection.close()
        self._free, self._busy = [], {}
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        for pid in self._pids:
            os.waitpid(pid, 0)
        self._pids = []
