"""The runs of an exploration: real processes as in any run, but one supervisor for all, and a log that is only judged.

    this process ──forks──▶ supervisor ──forks, for each run──▶ main program ──▶ processes
      decides (`scheduler`)     │                                    │               │
      judges  ◀─────────────────┴── segments, read when all is over ─┴───────────────┘

Nothing follows such a run while it goes on: its records are read at once when nobody is left, by what makes the log of
any run, and so come to the same verdict, for the same reasons. The supervisor has been forked early, when this process
was small, and has imported what its forks need: so little of each run is anything but the run itself.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from run_scenario.errors import MachineryError
from run_scenario.events.exit_status import Judge
from run_scenario.events.outcome import Outcome
from run_scenario.events.reasons import Wording
from run_scenario.exploration.schedule import Hazards
from run_scenario.limits import Limits
from run_scenario.runtime.exploration.scheduler import Policy, Scheduler, Trace
from run_scenario.runtime.platform import system
from run_scenario.runtime.run_folder import folder_for, remove_folder, remove_sockets, sockets_for
from run_scenario.runtime.run_follower import RunFollower
from run_scenario.runtime.run_request import RunRequest, semaphore_prefix
from run_scenario.runtime.supervisor.client import SupervisorClient, start_supervisor
from run_scenario.runtime.supervisor.orders import DONE
from run_scenario.scenario.model import Scenario, Step


class Ended(NamedTuple):
    """What a run came to."""

    outcome: Outcome
    reasons: tuple[str, ...]
    """Those of the outcome, in words."""


class Repeated(Protocol):
    """What is explored: it can be run again and again."""

    def run(
        self, scheduler: Scheduler, policy: Policy, timeout: float, most_steps: int, hazards: Hazards
    ) -> tuple[Ended, Trace]:
        """Run once, decided about as in `Scheduler.run`; return what the run came to, and what was decided.

        Raises:
            MachineryError: it could not be run.
        """

    def end(self) -> None:
        """End what this process has for its runs."""


class WholeRuns:
    """Runs, each of them whole: in a process of its own, which starts all else, follows it, and may write its log."""

    def __init__(self, run_once: Callable[[str], Ended]) -> None:
        """`run_once` runs what is explored, controlled by the scheduler that listens at this path."""
        self._run_once = run_once

    def run(
        self, scheduler: Scheduler, policy: Policy, timeout: float, most_steps: int, hazards: Hazards
    ) -> tuple[Ended, Trace]:
        """Run once (see `Repeated`).

        Raises:
            MachineryError: it ended without an outcome.
        """

        def carry_out() -> bytes:
            return pickle.dumps(self._run_once(scheduler.path))

        data, trace = scheduler.run(carry_out, policy, timeout, most_steps, hazards)
        if not data:
            raise MachineryError("a run that was explored ended without an outcome; run it by itself to see why")
        ended: Ended = pickle.loads(data)
        return ended, trace

    def end(self) -> None:
        """Do nothing: each run has ended what it had."""


class Supervision:
    """The supervisor of all runs; as a context, it is ended at last. If somebody kills it, there is another one."""

    def __init__(self, supervisor: SupervisorClient | None = None) -> None:
        """Use a supervisor that has just been started; None: the first run starts one."""
        self._supervisor = supervisor
        self._others = frozenset[int]()
        """Children of this process that have nothing to do with the runs."""
        self._owner = os.getpid()
        self._request: RunRequest | None = None
        """The last one that it got."""
        self._before: RunRequest | None = None
        """The one before: what that run has left, it removes while this process goes on."""

    def __enter__(self) -> Supervision:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self, request: RunRequest, private: tuple[int, ...]) -> tuple[RunRequest, SupervisorClient]:
        """Have something run; return what was asked for in the end, and the supervisor.

        `private` are descriptors of this process that none of the run is to have.

        Raises:
            MachineryError: no process can be started.
        """
        if self._owner != os.getpid():  # this process is a fork of the one that has it
            if self._supervisor is not None:
                self._supervisor.leave()
            self._supervisor, self._before, self._request, self._owner = None, None, None, os.getpid()
        if self._supervisor is not None and self._request is not None:
            changed = request.replace(capabilities=self._supervisor.capabilities)
            try:
                self._supervisor.send_next(_changes(self._request, changed))
            except MachineryError:  # somebody has killed it since the last run
                self.end()
            else:
                self._before, self._request = self._request, changed
                return changed, self._supervisor
        if self._supervisor is None:
            self._others = frozenset(system.children(os.getpid()))
            self._supervisor = start_supervisor(private)
        request = request.replace(capabilities=self._supervisor.capabilities, number=1)
        self._supervisor.default_start_method()  # its first word
        self._supervisor.send(request)
        self._request = request
        return request, self._supervisor

    def lose(self) -> list[tuple[int, str | None]]:
        """End all that a killed supervisor has left but its files; return whom that has not ended."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None or self._owner != os.getpid():
            return []
        if self._request is None:
            supervisor.cancel()
        supervisor.end(self._others)
        return supervisor.not_ended

    def end(self) -> None:
        """End the supervisor; if it was killed, clear up in its place."""
        self.lose()
        requests, self._before, self._request = (self._before, self._request), None, None
        for request in requests if self._owner == os.getpid() else ():
            if request is not None:
                system.remove_semaphores(semaphore_prefix(request.run))
                remove_folder(request.folder)
                remove_sockets(request.sockets)


def _changes(before: RunRequest, after: RunRequest) -> dict[str, Any]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in RunRequest.__match_args__)
    return {name: new for name, old, new in pairs if old is not new}


class Runs:
    """Runs of a scenario, which share a supervisor."""

    def __init__(
        self,
        scenario: Scenario,
        steps: tuple[Step, ...],
        supervision: Supervision,
        *,
        allow: Mapping[str, str],
        limits: Limits,
        way_to_allow: str,
        coverage: str,
        wording: Wording,
        sentences: Callable[[Outcome], list[str]],
        make_judge: Callable[[], Judge],
    ) -> None:
        """Run what `runner.run` would; `sentences` are those of an outcome."""
        self._scenario = scenario
        self._request = RunRequest(
            scenario.replace(expect=()),
            steps,
            "",
            "",
            (0, 0),
            allow,
            limits,
            way_to_allow=way_to_allow,
            coverage=coverage,
        )
        self._supervision = supervision
        self._wording = wording
        self._sentences = sentences
        self._make_judge = make_judge

    def run(
        self, scheduler: Scheduler, policy: Policy, timeout: float, most_steps: int, hazards: Hazards
    ) -> tuple[Ended, Trace]:
        """Run once (see `Repeated`).

        Raises:
            MachineryError: it cannot be begun: there are no processes, descriptors or folders left.
        """
        run = os.urandom(6).hex()
        folder = folder_for(run, in_memory=True)
        self._request = self._request.replace(
            run=run,
            folder=folder,
            sockets=sockets_for(run, folder),
            began=(time.monotonic_ns(), time.time_ns()),
            control=scheduler.path,
            pipe_capacity=hazards.pipe_capacity,
            number=self._request.number + 1,
        )
        request, supervisor = self._supervision.begin(self._request, (scheduler.descriptor,))
        begun = _Begun(supervisor)
        try:
            trace = scheduler.decide(begun, policy, timeout, most_steps, hazards)
            return self._conclude(begun, request, supervisor), trace
        finally:
            if begun.answer != DONE:
                self._supervision.end()

    def end(self) -> None:
        """End the supervisor."""
        self._supervision.end()

    def _conclude(self, begun: _Begun, request: RunRequest, supervisor: SupervisorClient) -> Ended:
        """Return what a run came to, now that nobody is left of it."""
        follower = RunFollower(
            request.replace(scenario=self._scenario),
            supervisor.pid,
            [],
            self._scenario.start_method or "fork",
            discard=lambda path: None,  # the whole folder is removed soon
            wording=self._wording,
            stop=lambda number: None,  # as it has
        )
        follower.begin(self._make_judge())
        if begun.answer == DONE:
            outcome = follower.conclude(0, [])
            supervisor.release()
        else:
            why = f"the supervisor failed: {begun.answer}" if begun.answer else "the supervisor was killed"
            outcome = follower.conclude(0, [f"{why}; the runner ended the run"], self._supervision.lose())
        return Ended(outcome, tuple(self._sentences(outcome)))


class _Begun:
    """A run that is under way (see `scheduler.Carried`)."""

    def __init__(self, supervisor: SupervisorClient) -> None:
        self._supervisor = supervisor
        self.descriptor = supervisor.answers
        self.answer = ""
        """The supervisor's: DONE, or why it could not go on; empty: none, as it was killed, or is still at work."""

    def hear(self) -> bool:
        self.answer = os.read(self.descriptor, 4096).decode("utf-8", "replace")
        return True

    def wake(self) -> None:
        self._supervisor.wake()

    def stop(self) -> None:
        self._supervisor.stop_and_wait()
