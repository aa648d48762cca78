"""The supervisor: holds the deadline, sees every exit, and leaves nothing behind, whoever dies first.

It has a session of its own, so that Ctrl-C does not reach the run, and adopts orphans, so that no process of the run
can get away. It is single-threaded and waits in one place. The runner talks to it through a pipe whose end of file
means that the runner is dead; the main program reports its children through another.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import selectors
import signal
import time
from enum import Enum, auto
from types import FrameType

from run_scenario.recording import codes, process_report, room
from run_scenario.recording.recorder import recorder
from run_scenario.recording.usage import Usage
from run_scenario.runtime.child.reports import LOST_MANAGER
from run_scenario.runtime.main_program import entry
from run_scenario.runtime.main_program.program import MAIN
from run_scenario.runtime.platform import system
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.run_folder import STOPPED, blocks, hold, make_for_sockets, remove_folder, remove_sockets
from run_scenario.runtime.run_request import RunRequest, semaphore_prefix
from run_scenario.runtime.supervisor.auxiliary_processes import AuxiliaryProcesses
from run_scenario.runtime.supervisor.control import DEADLOCK, Control
from run_scenario.runtime.supervisor.deadlock_detector import LOOK_EVERY, DeadlockDetector
from run_scenario.runtime.supervisor.exits import ExitWatch, ForkServerExitCodes
from run_scenario.runtime.supervisor.orders import DONE, LIMIT_EXCEEDED, LOG_FAILED, LOG_WRITTEN, NO_SPACE
from run_scenario.runtime.supervisor.processes import Processes, end_left
from run_scenario.runtime.supervisor.resource_limits import ResourceLimits
from run_scenario.runtime.supervisor.sweep import Sweeper

ORPHAN = -2
"""Stands for the position in the scenario of a process that the scenario does not describe."""
_AUXILIARY = -3
"""The same, of one of multiprocessing's own processes or of a manager."""

SEGMENT_NAME = "run-scenario supervisor"
"""What the supervisor is called in its own segment."""
_OVER_LIMIT = "it exceeded a limit"
_ORDERS = {
    LIMIT_EXCEEDED: _OVER_LIMIT,
    LOG_FAILED: "its log can no longer be written",
    NO_SPACE: "there is no space left for its records",
}
"""Of the runner, besides the signals that it has got -> why the run is ended."""
_OUTLIVED = "it outlived the main program"
_EXECUTION = 0.5
"""Seconds that an orphan gets to come up as another program, before everybody is ended: then it is known what it is."""
_DEFAULT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


class _Runner(Enum):
    """What the supervisor knows of the runner, from whose pipe it reads."""

    FOLLOWS = auto()
    """It follows the run, or writes the rest of its log."""
    LEFT = auto()
    """It has written the log, as far as it will, and needs nothing of the recording any more."""
    KILLED = auto()
    """It is gone without that: the recording is all there is."""


class Supervisor:
    """Supervises one run from the start of its main program to the end of its last process."""

    def __init__(self, request: RunRequest, orders: int, answers: int, streams: tuple[int, ...] = ()) -> None:
        """Supervise what is asked for; `streams` are those of the command, if the program is to have them."""
        self._request = request
        self._streams = streams
        self._is_kept = False
        """Whether nothing moves in a script that is to be left so."""
        self._passes_on = request.script is not None and not request.control
        """Whether the next signal goes to the script, which may have its own way to end."""
        self._orders = orders
        self._answers = answers
        means = request.capabilities
        self._selector: selectors.BaseSelector = selectors.EpollSelector() if means.epoll else selectors.PollSelector()
        self._processes = Processes(means, os.getpid(), request.folder)
        self._watched = ExitWatch(self._processes, self._selector)
        self._auxiliary = AuxiliaryProcesses()
        self._stopping = False
        self._orphans: set[int] = set()
        self._main = 0
        self._main_code: int | None = None
        """The main program's exit code; None while it runs."""
        self._stop_signal = 0
        self._runner = _Runner.FOLLOWS
        self._server_exitcodes = ForkServerExitCodes(proc=means.proc)
        self._coming: set[int] = set()
        """Descriptors of pipes in which exit codes are still to come."""
        self._detector = DeadlockDetector(request.folder, request.sockets, means)
        self._limits = ResourceLimits(request.limits, request.folder, self._processes)
        self._control = Control(request.control) if request.control else None
        self._sweeper = Sweeper(self._processes, self._to_be_ended, self._reap)

    # The run

    def run(self) -> None:
        """Run the main program to its end, or until it has to be stopped; then clear up."""
        held = hold(self._request.folder)  # before its segment is there
        recorder.attach(self._request.folder, SEGMENT_NAME, 0)
        wake_up = self._receive_signals()
        reports, report_to = os.pipe()
        os.set_blocking(reports, False)
        self._reports = reports
        self._own = (reports, held, *wake_up)
        control = () if self._control is None else (self._control.descriptor,)
        self._main = self._fork_main(report_to, (reports, held, *wake_up, *control))
        recorder.emit(codes.MAIN_FORKED, self._main)
        for descriptor in (report_to, *self._streams):
            os.close(descriptor)
        limits = system.raise_descriptor_limit()  # a descriptor per process; the run's own have the limit as it was
        self._watch(MAIN, self._main)
        for descriptor in (self._orders, reports, wake_up[0], *control):
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._end(self._supervise())
        system.restore_descriptor_limit(limits)
        self._close()

    def _close(self) -> None:
        """Close all that was opened for this run: another may follow."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._watched.close()
        if self._control is not None:
            self._control.close()
        for descriptor in self._own:
            os.close(descriptor)

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
        supervisor = os.getpid()
        # A signal that reaches the child while it still has our handlers would be lost: it waits until it has its own.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _DEFAULT_SIGNALS)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_DEFAULT_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python sets it
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            system.die_with_parent(signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(1)  # it died before we asked to die with it
            self._selector.close()
            for descriptor in (self._orders, self._answers, *others):
                os.close(descriptor)
            for standard, descriptor in enumerate(self._streams):
                os.dup2(descriptor, standard)
                os.close(descriptor)
            entry.end_as_main_program(self._request, report_to)
        finally:
            os._exit(1)

    def _supervise(self) -> str:
        """Wait until the main program has ended or must be ended; return why it must, or an empty text."""
        # A controlled run has its deadline by the virtual clock; the scheduler says when it is reached.
        seconds = self._request.scenario.timeout if self._control is None else math.inf
        deadline = time.monotonic() + seconds
        next_look = time.monotonic() + LOOK_EVERY
        while self._main_code is None:
            now = time.monotonic()
            if now >= deadline:
                self._report_deadlock("deadline")
                recorder.emit(codes.TIMED_OUT)
                return "the deadline was reached"
            if now >= next_look:
                next_look = now + LOOK_EVERY
                self._look_for_orphans()
                if (exceeded := self._limits.exceeded()) and self._request.script is not None:
                    room.note_end(self._request.folder, 0)
                elif exceeded:
                    recorder.emit(codes.LIMIT, *exceeded)
                    return _OVER_LIMIT
                # Of a controlled run the scheduler alone knows: everybody waits for a turn, whatever it is for.
                if self._control is None and not self._is_kept and self._is_deadlocked():
                    self._report_deadlock("deadlock")
                    self._is_kept = self._request.script is not None and self._request.script.keep
                    if not self._is_kept:
                        return "no process could go on"
            self._wait(min(deadline, next_look) - now)
            if self._runner is not _Runner.FOLLOWS:
                return "run-scenario itself was killed"
            if self._control is not None and self._control.is_asked:
                self._wait(0)
                self._look_for_orphans()
                self._control.answer()
            if self._control is not None and self._control.said:
                return self._end_as(self._control.said)
            if self._stop_signal and self._passes_on:
                self._pass_on(self._stop_signal)
            if self._stop_signal in _ORDERS:
                return _ORDERS[self._stop_signal]
            if self._stop_signal:
                recorder.emit(codes.STOPPING, self._stop_signal)
                return f"run-scenario got {signal.Signals(self._stop_signal).name}"
        return ""

    def _end_as(self, said: str) -> str:
        """Report what the scheduler has said, who alone can know: nobody can move any more, or not in time."""
        self._report_deadlock(said)
        if said == DEADLOCK:
            return "no process could go on"
        recorder.emit(codes.TIMED_OUT)
        return "the deadline was reached"

    def _pass_on(self, number: int) -> None:
        """Send a signal to the script: what a terminal sends, to all of its processes, as the terminal would."""
        self._passes_on = False
        if number in _ORDERS:
            return
        self._stop_signal = 0
        recorder.emit(codes.SIGNALLED, number, self._process_reports())
        for pid in list(self._living()) if number == signal.SIGINT else [self._main]:
            recorder.emit(codes.SWEEPING, pid, number, f"{signal.Signals(number).name} is passed on to it", False)
            self._processes.send(pid, number)

    def _wait(self, seconds: float) -> None:
        for key, _ in self._selector.select(min(seconds, self._watched.most_seconds())):
            descriptor = key.fd
            if descriptor not in self._selector.get_map():
                continue  # it was closed when an earlier one of these brought the end of the main program
            if descriptor == self._orders:
                self._take_orders()
            elif self._control is not None and descriptor == self._control.descriptor:
                self._take_control(self._control)
            elif descriptor == self._reports:
                self._take_reports()
            elif self._watched.watches(descriptor):
                self._take_reports()  # it may be younger than its report is read
                self._see_exit(*self._watched.take(descriptor))
            elif descriptor in self._coming:
                self._see_code(descriptor)
            else:
                _drain_pipe(descriptor)
        for index, pid in self._watched.look():
            self._see_exit(index, pid)
        self._reap()

    def _take_orders(self) -> None:
        order = os.read(self._orders, 1)
        if order not in (b"", LOG_WRITTEN):
            self._stop_signal = order[0]
            return
        # With its last order, the runner has given up before the run was over.
        self._runner = _Runner.LEFT if order else _Runner.KILLED
        self._selector.unregister(self._orders)

    def _take_control(self, control: Control) -> None:
        if not control.hear():
            self._selector.unregister(control.descriptor)

    def _take_reports(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for line in os.read(self._reports, 65536).decode("ascii", "replace").splitlines():
                letter, *words = line.split()
                numbers = [int(word) for word in words]
                if letter == "+":
                    self._watch(*numbers)
                elif letter == "c":
                    self._server_exitcodes.announce(*numbers)
                elif letter == "-":
                    self._auxiliary.release(*numbers)
                elif letter == LOST_MANAGER:
                    self._auxiliary.lose(*numbers)
                else:
                    self._auxiliary.note(letter, *numbers)
                    self._watch(_AUXILIARY, *numbers)

    # Exits

    def _watch(self, index: int, pid: int) -> None:
        if not self._watched.add(index, pid) and index >= 0:  # it is over, and somebody has waited for it
            self._note_exit(index, pid)

    def _see_exit(self, index: int, pid: int) -> None:
        if pid == self._main:
            return  # our own child: recorded when it is reaped
        stat = self._processes.stat(pid)
        if index == _AUXILIARY:
            self._see_auxiliary_exit(pid, stat.exitcode if stat else None)
            return
        if stat and stat.is_over:
            switches = system.context_switches(pid) or (None, None)
            usage = Usage(stat.cpu_user, stat.cpu_system, None, *switches)
            recorder.emit(codes.EXIT_SEEN, index, pid, stat.exitcode, usage.packed())
        else:
            self._note_exit(index, pid)
        if self._processes.finds_quickly:  # otherwise the next look will do
            self._look_for_orphans()
            self._processes.note_parents()  # of those who are left: any of them may be the next to end

    def _see_unawaited(self) -> None:
        """Record the exits of those that nobody has reported, and that their parents have not waited for."""
        for pid in self._processes.listed():
            if pid not in self._auxiliary.pids and self._watched.index_of(pid) is None:
                stat = self._processes.stat(pid)
                if stat and stat.is_over:
                    self._see_exit(ORPHAN, pid)
        for pid, code in self._server_exitcodes.unread(self._main, self._processes.is_over):
            recorder.emit(codes.EXIT_SEEN, ORPHAN, pid, code, Usage().packed())

    def _note_exit(self, index: int, pid: int) -> None:
        """Record the exit of a process for which another has waited: only that one knows the exit code."""
        held = self._server_exitcodes.hold(self._main, index, pid)
        if held is not None:
            self._coming.add(held)
            self._selector.register(held, selectors.EVENT_READ)
        recorder.emit(codes.EXIT_SEEN, index, pid, None, Usage().packed())

    def _see_code(self, held: int) -> None:
        """Record an exit code as soon as the fork server has written it, however late the main program reads it."""
        self._coming.discard(held)
        self._selector.unregister(held)
        if (process := self._server_exitcodes.look(held)) is not None:
            recorder.emit(codes.EXIT_SEEN, *process, Usage().packed())

    def _see_auxiliary_exit(self, pid: int, code: int | None) -> None:
        if self._main_code is None:
            self._reap_main()
        main_code = self._main_code
        if main_code is None and self._processes.means.proc and system.is_ending(self._main):
            self._take_reports()  # it may have told how this one has ended
            main_code = 0  # its files are closed already, by which this one has seen that it is over
        if not self._stopping and self._auxiliary.has_ended(pid, code, main_code):
            self._look_for_orphans()

    def _reap(self) -> bool:
        """Wait for all children of our own that have ended, adopted orphans, too; return whether there are others."""
        while True:
            try:
                pid, status, rusage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            code, usage = os.waitstatus_to_exitcode(status), Usage.of_rusage(rusage).packed()
            self._processes.forget(pid)
            if pid == self._main:
                self._note_end_of_main(code, usage)
            elif pid in self._auxiliary.pids:
                self._see_auxiliary_exit(pid, code)
            else:
                index = self._watched.index_of(pid)
                recorder.emit(codes.EXIT_SEEN, ORPHAN if index is None else index, pid, code, usage)

    def _reap_main(self) -> None:
        with contextlib.suppress(ChildProcessError):
            pid, status, rusage = os.wait4(self._main, os.WNOHANG)
            if pid:
                self._note_end_of_main(os.waitstatus_to_exitcode(status), Usage.of_rusage(rusage).packed())

    def _note_end_of_main(self, code: int, usage: list[float | int | None]) -> None:
        self._main_code = code
        self._take_reports()
        for held in self._coming:
            self._selector.unregister(held)
        self._coming.clear()
        for process in self._server_exitcodes.read():
            recorder.emit(codes.EXIT_SEEN, *process, Usage().packed())
        recorder.emit(codes.MAIN_EXITED, self._main, code, usage)

    def _look_for_orphans(self) -> None:
        adopted = self._processes.orphans()
        if self._stopping and not self._processes.means.proc and len(left := list(self._living())) == 1:
            adopted += left  # whoever its parent was, it is no process of the run that is still there
        for pid in adopted:
            known = pid in self._auxiliary.pids
            if pid == self._main or pid in self._orphans:
                continue
            if self._processes.means.proc and not known and (system.is_ending(pid) or system.is_executing(pid)):
                continue  # what it is, the next look will tell
            if known or self._processes.is_auxiliary(pid):  # it ends by itself, and leaves its own children behind
                self._auxiliary.pids.add(pid)
                adopted += self._processes.children(pid)
                continue
            if not self._processes.is_over(pid):
                self._orphans.add(pid)
                recorder.emit(codes.ORPHANED, pid, system.command_of(pid), self._processes.parent_of(pid))

    def _living(self) -> dict[int, int | None]:
        """Return the processes of the run, the main program first, without auxiliary ones: id -> when it began."""
        return {pid: began for pid, began in self._processes.living().items() if pid not in self._auxiliary.pids}

    def _to_be_ended(self) -> dict[int, int | None]:
        """Return the same but those trackers, too, that targets have made: they remove what is registered with them."""
        found = self._living()
        trackers = {pid for pid in found if pid != self._main and self._processes.is_auxiliary(pid)}
        self._auxiliary.pids |= trackers
        return {pid: began for pid, began in found.items() if pid not in trackers}

    # The end

    def _is_deadlocked(self) -> bool:
        try:
            # With fork server and trackers: who waits for the end of a child may only wait for the server to report it.
            return self._detector.is_deadlocked(self._main, lambda: list(self._processes.living()))
        except OSError:  # a target has made away with the run's folder: then only the deadline ends the run
            return False

    def _report_deadlock(self, cause: str) -> None:
        recorder.emit(codes.STALL, cause, self._process_reports())

    def _process_reports(self) -> list[process_report.Packed]:
        with contextlib.suppress(OSError):
            self._see_unawaited()
            living = list(self._living())
            asked = self._detector.askable(living)
            recorder.emit(codes.STACKS_ASKED, list(asked))
            return [report.packed() for report in self._detector.reports(living, asked)]
        return []

    def _end(self, reason: str) -> None:
        self._stopping = True
        if reason:
            with contextlib.suppress(OSError):
                os.close(os.open(os.path.join(self._request.folder, STOPPED), os.O_CREAT | os.O_WRONLY, 0o600))
        until = time.monotonic() + _EXECUTION
        while any(map(system.is_executing, self._processes.orphans())) and time.monotonic() < until:
            time.sleep(_EXECUTION / 100)
        self._look_for_orphans()
        if reason and self._runner is _Runner.FOLLOWS:
            self._sweeper.stop(self._main, reason)
        elif reason:
            self._sweeper.kill(reason, self._main)
        elif self._main_code is not None and self._main_code < 0:
            self._sweeper.kill("the main program was killed")
        else:
            self._sweeper.clear_up(_OUTLIVED)
        for pid in self._processes.strays() if reason else ():
            recorder.emit(codes.NOT_ENDED, pid, None)
        self._sweeper.end_auxiliary_processes(self._auxiliary.pids, reason or _OUTLIVED)
        self._see_last_exits()
        for block in blocks(self._request.folder):
            if system.is_block_there(block.name, block.file):
                recorder.emit(codes.MEMORY_LEFT, block.number)
        leaked = system.remove_semaphores(semaphore_prefix(self._request.run))
        if leaked:
            recorder.emit(codes.LEAKED, leaked)
        if self._request.sockets != self._request.folder:
            remove_sockets(self._request.sockets)
        if self._runner is _Runner.FOLLOWS:
            with contextlib.suppress(OSError):
                os.write(self._answers, DONE.encode())
            if self._request.number == 1:
                from run_scenario.runtime.exploration import preparation

                preparation.after_first_run(self._request)
            self._wait_for_log()
        if self._runner is _Runner.KILLED and not self._request.number:
            from run_scenario.runtime import archive  # needed only when the runner was killed

            archive.store(self._request)
        else:
            remove_folder(self._request.folder)

    def _wait_for_log(self) -> None:
        """Wait until the runner, which now writes the rest of the log, is gone."""
        self._runner = _Runner.KILLED
        while order := os.read(self._orders, 1):  # behind its last order may be the next request
            if order == LOG_WRITTEN:
                self._runner = _Runner.LEFT
                return

    def _see_last_exits(self) -> None:
        for index, pid in self._watched.rest():
            self._see_exit(index, pid)


def serve(orders: int, answers: int, capabilities: Capabilities) -> None:
    """Be the supervisor of one run after the other: wait for a request, run what it asks for; never returns.

    Its first word is multiprocessing's default start method, on a line. A request comes as eight bytes of length (0:
    there will be none) and a pickle from the runner, whose fork this is: the first as a whole, each later one as what
    is otherwise in it.
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    streams = tuple(_duplicate(descriptor, nothing) for descriptor in (0, 1, 2))
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    if nothing > 2:
        os.close(nothing)
    with contextlib.suppress(OSError):  # nobody may listen any more
        os.write(answers, f"{system.default_start_method()}\n".encode())
    if capabilities.subreaper:
        system.become_subreaper()
    system.die_with_parent(signal.SIGCONT)  # it does not die of it, but wakes up, should it have been stopped
    request: RunRequest | None = None
    while length := int.from_bytes(_read_exactly(orders, 8), "little"):
        asked = pickle.loads(_read_exactly(orders, length))
        request = asked if request is None else request.replace(**asked)
        try:
            if request.number == 1:
                from run_scenario.runtime.exploration import preparation  # nobody else needs it

                preparation.before_first_run()
            if not request.shares_streams:
                for descriptor in streams:
                    os.close(descriptor)
                streams = ()
            os.makedirs(request.folder, 0o700, exist_ok=True)
            sockets = make_for_sockets(request.sockets, request.folder)
            Supervisor(request.replace(sockets=sockets), orders, answers, streams).run()
            streams = ()
        except BaseException as error:
            is_heard = _can_write(answers, f"{type(error).__name__}: {error}"[:500].encode())
            end_left(Processes(capabilities, os.getpid(), request.folder))
            if not is_heard:  # the runner is dead, who would look into the folder, and remove it
                remove_folder(request.folder)
                remove_sockets(request.sockets)
            os._exit(1)
    os._exit(0)


def _can_write(descriptor: int, data: bytes) -> bool:
    try:
        os.write(descriptor, data)
    except OSError:
        return False
    return True


def _duplicate(descriptor: int, otherwise: int) -> int:
    try:
        return os.dup(descriptor)
    except OSError:  # it was closed
        return os.dup(otherwise)


def _read_exactly(descriptor: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        block = os.read(descriptor, length - len(data))
        if not block:
            os._exit(0)  # the runner ended before it gave us anything to do
        data += block
    return data


def _drain_pipe(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, 4096)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Stand as a handler, so that the signal is not ignored."""
