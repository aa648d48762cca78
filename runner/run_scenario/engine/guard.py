"""The guard: holds the deadline, sees every exit, and leaves nothing behind, whoever dies first.

It has a session of its own, so that Ctrl-C does not reach the run, and adopts orphans, so that no process of the run
can get away. It is single-threaded and waits in one place. The front talks to it through a pipe whose end of file
means that the front is dead; the main program reports its children through another.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import FrameType

from run_scenario.engine import main_program, platform
from run_scenario.engine.folder import remove_folder
from run_scenario.engine.guard_handle import DONE, FULL, TOLD, TOO_MUCH, UNTOLD
from run_scenario.engine.helpers import Helpers
from run_scenario.engine.main_program import MAIN
from run_scenario.engine.platform import Usage
from run_scenario.engine.program import Program, semaphore_prefix
from run_scenario.engine.readiness import Readiness
from run_scenario.engine.server_codes import ServerCodes
from run_scenario.engine.stall import LOOK_EVERY, StallWatch
from run_scenario.engine.sweep import Sweeper
from run_scenario.engine.watch_limits import LimitWatch
from run_scenario.record import codes
from run_scenario.record.recorder import recorder

ORPHAN = -2
"""Stands for the position in the scenario of a process that the scenario does not describe."""
_HELPER = -3
"""The same, of one of multiprocessing's own processes or of a manager."""

_TOO_MUCH = "it took more than it may"
_ORDERS = {
    TOO_MUCH: _TOO_MUCH,
    UNTOLD: "its log can no longer be written",
    FULL: "there is no room left for what it records",
}
"""Of the front, besides the signals that it has got -> why the run is ended."""
_DEFAULT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


class Guard:
    """Supervises one run from the start of its main program to the end of its last process."""

    def __init__(self, program: Program, orders: int, answers: int) -> None:
        self._program = program
        self._orders = orders
        self._answers = answers
        self._readiness = Readiness()
        self._watched: dict[int, tuple[int, int]] = {}
        """Descriptor (a pidfd) -> position in the scenario, process id."""
        self._helpers = Helpers()
        self._stopping = False
        self._orphans: set[int] = set()
        self._main = 0
        self._main_died = False
        self._main_code = 0
        self._stop_signal = 0
        self._front_is_dead = False
        self._told = False
        self._server_codes = ServerCodes()
        self._coming: set[int] = set()
        """Descriptors of pipes in which exit codes are still to come."""
        self._stall = StallWatch(program.folder)
        self._limits = LimitWatch(program.limits, program.folder)
        self._sweeper = Sweeper(self._to_be_ended, self._reap)

    # The run

    def run(self) -> None:
        """Run the main program to its end, or until it has to be stopped; then clear up."""
        recorder.attach(self._program.folder, "run-scenario guard", 0)
        wake_up = self._receive_signals()
        reports, report_to = os.pipe()
        os.set_blocking(reports, False)
        self._reports = reports
        self._main = self._fork_main(report_to, (reports, *wake_up))
        recorder.emit(codes.MAIN_FORKED, self._main)
        os.close(report_to)
        platform.raise_descriptor_limit()  # a descriptor per process; the run's own have the limit as it was
        self._watch(MAIN, self._main)
        for descriptor in (self._orders, reports, wake_up[0]):
            self._readiness.register(descriptor)
        self._end(self._supervise())

    def _receive_signals(self) -> tuple[int, int]:
        readable, writable = os.pipe()
        os.set_blocking(writable, False)
        os.set_blocking(readable, False)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._note_signal)
        signal.signal(signal.SIGCHLD, _do_nothing)  # makes the wake-up pipe readable
        return readable, writable

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = number

    def _fork_main(self, report_to: int, others: tuple[int, ...]) -> int:
        guard = os.getpid()
        # A signal that reaches the child while it still has our handlers would be lost: it waits until it has its own.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _DEFAULT_SIGNALS)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return pid
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_DEFAULT_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python sets it
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            platform.die_with_parent()
            if os.getppid() != guard:
                os._exit(code)  # it died before we asked to die with it
            self._readiness.close()
            for descriptor in (self._orders, self._answers, *others):
                os.close(descriptor)
            code = main_program.become_main_program(self._program, report_to)
        except BaseException as error:
            recorder.emit(codes.TROUBLE, f"the main program could not run: {type(error).__name__}: {error}"[:500])
        finally:
            _flush_standard_streams()
            os._exit(code)

    def _supervise(self) -> str:
        """Wait until the main program has ended or must be ended; return why it must, or an empty text."""
        deadline = time.monotonic() + self._program.scenario.timeout
        next_look = time.monotonic() + LOOK_EVERY
        while not self._main_died:
            now = time.monotonic()
            if now >= deadline:
                self._report_stall("deadline")
                recorder.emit(codes.TIMED_OUT)
                return "the deadline was reached"
            if now >= next_look:
                next_look = now + LOOK_EVERY
                self._look_for_orphans()
                if exceeded := self._limits.exceeded():
                    recorder.emit(codes.LIMIT, *exceeded)
                    return _TOO_MUCH
                if self._is_deadlocked():
                    self._report_stall("deadlock")
                    return "nobody could move any more"
            self._wait(min(deadline, next_look) - now)
            if self._front_is_dead:
                return "run-scenario itself was killed"
            if self._stop_signal in _ORDERS:
                return _ORDERS[self._stop_signal]
            if self._stop_signal:
                recorder.emit(codes.STOPPING, self._stop_signal)
                return f"run-scenario got {signal.Signals(self._stop_signal).name}"
        return ""

    def _wait(self, seconds: float) -> None:
        for descriptor in self._readiness.wait(seconds):
            if descriptor == self._orders:
                self._take_orders()
            elif descriptor == self._reports:
                self._take_reports()
            elif descriptor in self._watched:
                self._take_reports()  # it may be younger than its report is read
                self._see_exit(descriptor)
            elif descriptor in self._coming:
                self._see_code(descriptor)
            else:
                _drain_pipe(descriptor)
        self._reap()

    def _take_orders(self) -> None:
        order = os.read(self._orders, 1)
        if order == TOLD:  # the front has given up before the run was over
            self._told = True
        elif order:
            self._stop_signal = order[0]
        else:
            self._front_is_dead = True
            self._readiness.unregister(self._orders)

    def _take_reports(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for line in os.read(self._reports, 65536).decode("ascii", "replace").splitlines():
                letter, *words = line.split()
                numbers = [int(word) for word in words]
                if letter == "+":
                    self._watch(*numbers)
                elif letter == "c":
                    self._server_codes.announce(*numbers)
                elif letter == "-":
                    self._helpers.release(*numbers)
                else:
                    self._helpers.note(letter, *numbers)
                    self._watch(_HELPER, *numbers)

    # Exits

    def _watch(self, index: int, pid: int) -> None:
        descriptor = platform.open_pidfd(pid)
        if descriptor is not None:
            self._watched[descriptor] = index, pid
            self._readiness.register(descriptor)
        elif index >= 0:  # it is over, and somebody has waited for it
            self._note_exit(index, pid)

    def _see_exit(self, descriptor: int) -> None:
        index, pid = self._watched.pop(descriptor)
        self._readiness.unregister(descriptor)
        os.close(descriptor)
        if pid == self._main:
            return  # our own child: told when it is reaped
        stat = platform.process_stat(pid)
        if index == _HELPER:
            self._see_helper_exit(pid, stat.exitcode if stat else None)
            return
        if stat and stat.is_over:
            switches = platform.context_switches(pid) or (None, None)
            usage = Usage(stat.cpu_user, stat.cpu_system, None, *switches)
            recorder.emit(codes.EXIT_SEEN, index, pid, stat.exitcode, usage.packed())
        else:
            self._note_exit(index, pid)
        self._look_for_orphans()

    def _note_exit(self, index: int, pid: int) -> None:
        """Tell the exit of a process that somebody has waited for, who knows more of it, and may never say it."""
        held = self._server_codes.hold(self._main, index, pid)
        if held is not None:
            self._coming.add(held)
            self._readiness.register(held)
        recorder.emit(codes.EXIT_SEEN, index, pid, None, Usage().packed())

    def _see_code(self, held: int) -> None:
        """Tell an exit code as soon as the fork server says it, however late the main program asks for it."""
        self._coming.discard(held)
        self._readiness.unregister(held)
        if (process := self._server_codes.look(held)) is not None:
            recorder.emit(codes.EXIT_SEEN, *process, Usage().packed())

    def _see_helper_exit(self, pid: int, code: int | None) -> None:
        main = platform.process_stat(self._main)
        if not self._stopping and self._helpers.has_ended(pid, code, main, self._main_code):
            self._look_for_orphans()

    def _reap(self) -> None:
        """Wait for all children of our own that have ended: the main program and adopted orphans."""
        while True:
            try:
                pid, status, rusage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code, usage = os.waitstatus_to_exitcode(status), Usage.of_rusage(rusage).packed()
            if pid == self._main:
                self._main_died, self._main_code = True, code
                self._take_reports()
                for held in self._coming:
                    self._readiness.unregister(held)
                self._coming.clear()
                for process in self._server_codes.read():
                    recorder.emit(codes.EXIT_SEEN, *process, Usage().packed())
                recorder.emit(codes.MAIN_EXITED, pid, code, usage)
            elif pid in self._helpers.pids:
                self._see_helper_exit(pid, code)
            else:
                index = next((i for i, p in self._watched.values() if p == pid), ORPHAN)
                recorder.emit(codes.EXIT_SEEN, index, pid, code, usage)

    def _look_for_orphans(self) -> None:
        adopted = platform.children(os.getpid())
        for pid in adopted:
            known = pid in self._helpers.pids
            if pid == self._main or pid in self._orphans or (not known and platform.is_ending(pid)):
                continue
            if known or platform.is_helper(pid):  # it ends by itself, and leaves its own children behind
                self._helpers.pids.add(pid)
                adopted += platform.children(pid)
                continue
            stat = platform.process_stat(pid)
            if stat and not stat.is_over:
                self._orphans.add(pid)
                recorder.emit(codes.ORPHANED, pid, platform.command_of(pid))

    def _living(self) -> dict[int, int | None]:
        """Return all processes of the run but helpers, the main program first: process id -> when it began."""
        found: dict[int, int | None] = {}
        for pid in platform.descendants(os.getpid()):
            if pid not in self._helpers.pids:
                stat = platform.process_stat(pid)
                if stat and not stat.is_over:
                    found[pid] = stat.started
        return found

    def _to_be_ended(self) -> dict[int, int | None]:
        """Return the same but those trackers, too, that targets have made: they remove what is registered with them."""
        found = self._living()
        trackers = {pid for pid in found if pid != self._main and platform.is_helper(pid)}
        self._helpers.pids |= trackers
        return {pid: began for pid, began in found.items() if pid not in trackers}

    # The end

    def _is_deadlocked(self) -> bool:
        try:
            return self._stall.is_deadlocked(self._main, lambda: list(self._living()))
        except OSError:  # a target has made away with the run's folder: then only the deadline ends the run
            return False

    def _report_stall(self, cause: str) -> None:
        reports = []
        with contextlib.suppress(OSError):
            reports = self._stall.reports(list(self._living()))
        recorder.emit(codes.STALL, cause, [report.packed() for report in reports])

    def _end(self, reason: str) -> None:
        self._stopping = True
        self._look_for_orphans()
        if reason and not self._front_is_dead:
            self._sweeper.stop(self._main, reason)
        elif reason:
            self._sweeper.kill(reason, self._main)
        elif self._main_code < 0:
            self._sweeper.kill("the main program was killed")
        else:
            self._sweeper.clear_up("it outlived the main program")
        self._sweeper.end_helpers(self._helpers.pids)
        self._see_last_exits()
        leaked = platform.remove_semaphores(semaphore_prefix(self._program.run))
        if leaked:
            recorder.emit(codes.LEAKED, leaked)
        if not self._front_is_dead:
            with contextlib.suppress(OSError):
                os.write(self._answers, DONE.encode())
        # The front now tells the rest of the log and removes the folder. Should it have been killed, or be killed in
        # that, the recording is all there is.
        if not self._told and (self._front_is_dead or not self._is_told()):
            from run_scenario.engine import kept

            kept.keep(self._program)
        else:
            remove_folder(self._program.folder)

    def _is_told(self) -> bool:
        """Wait for the front's last order, or its end; return whether it has told the log."""
        while order := os.read(self._orders, 64):
            self._told = self._told or TOLD in order
        return self._told

    def _see_last_exits(self) -> None:
        for descriptor, (_, pid) in list(self._watched.items()):
            if not platform.process_stat(pid):
                self._see_exit(descriptor)


def _drain_pipe(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, 4096)


def _flush_standard_streams() -> None:
    import sys

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Stand as a handler, so that the signal is not ignored."""
