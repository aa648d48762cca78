"""A block of a program that is recorded in the program's own process: no supervisor, and everything as it was after it.

    begin()      a folder as a run has it; the recorder writes there; own code's objects and processes are recorded
    end()        the last records; what was replaced is put back; the recorder writes nothing any more
    conclude()   the folder is read as that of a run that is over, its log is written, and it is removed

Nobody looks after the processes: what is known of their ends is what this process learns when it waits for them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from run_scenario.counting import plural
from run_scenario.errors import MachineryError, UsageError, reason_of
from run_scenario.limits import OF_SCRIPTS
from run_scenario.recording import codes, layout
from run_scenario.recording.recorder import recorder
from run_scenario.recording.replacements import put_back
from run_scenario.runtime.child.bootstrap import own_usage, record_failure
from run_scenario.runtime.child.own_frames import leave_out_own_frames
from run_scenario.runtime.main_program.program import MAIN, MAIN_PROCESS
from run_scenario.runtime.platform.capabilities import find
from run_scenario.runtime.platform.system import default_start_method
from run_scenario.runtime.primitives import wire
from run_scenario.runtime.run_folder import PREFIX, folder_for, hold, remove_folder
from run_scenario.runtime.run_request import RunRequest, Script
from run_scenario.runtime.script.announcements import MOST_PROCESSES, MOST_RESOURCES, count_from, counted
from run_scenario.runtime.script.objects import record_objects_for_now
from run_scenario.runtime.script.processes import forget_processes, record_processes

if TYPE_CHECKING:
    from run_scenario.events.exit_status import Judge
    from run_scenario.events.outcome import Outcome
    from run_scenario.events.reasons import Wording
    from run_scenario.runtime.run_follower import Sink
    from run_scenario.scenario.model import Scenario, StartMethod

_LEAST_PROCESSES = 1_000
"""A block begins only if it can number so many."""
_beginning = threading.Lock()
_numbered = [0, 0]
"""How many resources and processes the blocks of this process have had: no number is given twice."""


class Block:
    """One block of this process, from its beginning to its log."""

    def __init__(self, scenario: Scenario) -> None:
        """Record a block; the scenario is only its frame, as that of a recorded script."""
        self._scenario = scenario
        self._pid = 0
        self._ended = 0

    @property
    def is_of_this_process(self) -> bool:
        """Whether it was begun here; otherwise this is a copy, by os.fork()."""
        return self._pid == os.getpid()

    def begin(self) -> None:
        """Record what multiprocessing makes in this process from now on.

        Raises:
            UsageError: this process is recorded already, or has had too many things recorded.
            MachineryError: there is no room for it.
        """
        with _beginning:
            self._check()
            try:
                self._begin()
            except OSError as error:
                raise MachineryError(f"cannot record a block: {reason_of(error)}") from error

    def _check(self) -> None:
        if recorder.run_ref.folder:
            raise UsageError(
                "a block cannot be recorded in a process that is recorded already: by a block around it, of this "
                "process or of the one that it was started from, or by run-scenario itself"
            )
        resources, processes = _numbered
        if resources + MOST_RESOURCES > layout.NO_RESOURCE or processes + _LEAST_PROCESSES > MOST_PROCESSES:
            raise UsageError(
                f"the blocks of this process have recorded {plural(resources, 'object')} and "
                f"{plural(processes, 'process')}, and it "
                "has no numbers for more: record the rest in another process"
            )

    def _begin(self) -> None:
        run = os.urandom(6).hex()
        self._request = RunRequest(
            self._scenario,
            (),
            run,
            folder_for(run),
            (time.monotonic_ns(), time.time_ns()),
            {},
            OF_SCRIPTS,
            capabilities=find(os.environ, frozenset(("subreaper",))),  # which would be for ever
            script=Script(self._scenario.path, "", is_block=True),
            first=(_numbered[0], _numbered[1]),
        )
        resources, processes = self._request.first
        with contextlib.ExitStack() as stack:
            os.mkdir(self._request.folder, 0o700)
            stack.callback(remove_folder, self._request.folder)
            self._held = hold(self._request.folder)
            stack.callback(os.close, self._held)
            stack.callback(self._put_back)
            count_from(self._request.folder, resources, processes)
            recorder.attach(self._request.folder, MAIN_PROCESS, resources + MOST_RESOURCES)
            wire.most_bytes = max(wire.most_bytes, OF_SCRIPTS.payload)
            self._pid = os.getpid()
            recorder.emit(codes.MAIN_FORKED, self._pid)
            recorder.emit(codes.STARTED, MAIN, self._pid, os.getppid(), "", False)
            record_objects_for_now()
            record_processes(proc=self._request.capabilities.proc)
            stack.pop_all()

    def end(self, error: BaseException | None) -> None:
        """Record nothing any more; `error` is what has left the block."""
        try:
            forget_processes()
            if error is None:
                recorder.emit(codes.FINISHED, MAIN, own_usage())
            else:
                record_failure(MAIN, error)
                leave_out_own_frames(error)
        finally:
            self._put_back()
            self._ended = time.monotonic_ns()
        try:
            _numbered[:] = counted(self._request.folder)
        except OSError:  # somebody has removed the folder, which the log will say
            resources, processes = self._request.first
            _numbered[:] = resources + MOST_RESOURCES, processes + _LEAST_PROCESSES

    def _put_back(self) -> None:
        put_back()
        recorder.leave_run()

    def conclude(self, sinks: Sequence[Sink], wording: Wording, judge: Judge | None) -> Outcome:
        """Write the log of the block, which has ended, to the sinks, and remove its recording; return its outcome.

        `wording` makes the sentences that the log has.

        Raises:
            MachineryError: the log cannot be written.
        """
        # Not before: what is imported in a block, the program may look at.
        from run_scenario.runtime.run_follower import RunFollower

        folder = self._request.folder
        # Elsewhere, those who outlive the block find no room for more than they have begun.
        moved = os.path.join(os.path.dirname(folder), f"{PREFIX}{os.urandom(6).hex()}")
        try:
            with contextlib.suppress(OSError):
                os.rename(folder, moved)
            for sink in sinks:
                sink.open()
            follower = RunFollower(
                self._request.replace(folder=moved),
                self._pid,
                sinks,
                cast("StartMethod | None", multiprocessing.get_start_method(allow_none=True)) or default_start_method(),
                discard=lambda path: None,
                wording=wording,
                clock=lambda: self._ended,
            )
            follower.begin(judge)
            return follower.conclude(0, ())
        finally:
            os.close(self._held)
            remove_folder(moved)
