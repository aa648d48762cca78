"""Has the processes of own code recorded, whichever class they are of and however they are started.

`BaseProcess` has replacements for the methods by which a process is started, waited for, asked and stopped, and for the
one in which its child begins. A forked child inherits them; another child gets them, before the script is imported
there, with the data by which multiprocessing prepares it.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from run_scenario.recording import codes
from run_scenario.recording.recorder import RunRef, recorder
from run_scenario.recording.replacements import replace
from run_scenario.runtime import cpython
from run_scenario.runtime.child import output_capture, own_children
from run_scenario.runtime.child.bootstrap import RecordedRun, join_run
from run_scenario.runtime.child.output_capture import Streams
from run_scenario.runtime.child.own_frames import leave_out_own_frames, message_of
from run_scenario.runtime.child.reaping import join, record_reaping, terminate_daemon
from run_scenario.runtime.child.reports import (
    LOST_MANAGER,
    MANAGER,
    Report,
    exitcode_of_ended,
    report_auxiliary_processes,
    report_started,
)
from run_scenario.runtime.primitives import wire
from run_scenario.runtime.script.announcements import announce_process
from run_scenario.runtime.script.forks import record_forks
from run_scenario.runtime.script.objects import record_objects
from run_scenario.runtime.script.subprocesses import program_name


class _Starting(threading.local):
    """The process that this thread is starting; in a child, the one that it is."""

    process: int | None = None


_starting = _Starting()
_numbers: WeakKeyDictionary[BaseProcess, int] = WeakKeyDictionary()
"""Those that this process has started, each with its number."""
_report: Report | None = None
_proc = True

_start_plainly = BaseProcess.start
_join_plainly = BaseProcess.join
_terminate_plainly = BaseProcess.terminate
_kill_plainly = BaseProcess.kill
_interrupt_plainly: Callable[[BaseProcess], None] | None = getattr(BaseProcess, "interrupt", None)
_is_alive_plainly = BaseProcess.is_alive
_bootstrap_plainly: Callable[..., int] = cpython.bootstrap_of(BaseProcess)


def record_processes(report: Report | None = None, *, proc: bool = True) -> None:
    """Have all processes recorded that are started from now on, here and in whatever is started from here.

    `report` tells the supervisor of them; `proc`: /proc can be read.
    """
    global _report, _proc, _bootstrap_plainly
    _report, _proc = report, proc
    if cpython.bootstrap_of(BaseProcess) is not _bootstrap:  # coverage.py may have replaced it, since this was imported
        _bootstrap_plainly = cpython.bootstrap_of(BaseProcess)
    own_children.watch()
    output_capture.hook_when_imported({"multiprocessing.managers": _record_managers})
    record_forks(report)
    cpython.when_threads_start(lambda native, name: recorder.emit(codes.THREAD_NAMED, native, name))
    cpython.before_threads_fail(leave_out_own_frames, _note_failed_thread)
    methods = {"start": _start, "join": _join, "terminate": _terminate, "kill": _kill, "is_alive": _is_alive}
    if _interrupt_plainly is not None:
        methods["interrupt"] = _interrupt
    for name, method in methods.items():
        replace(BaseProcess, name, method)
    cpython.replace_bootstrap(BaseProcess, _bootstrap)
    cpython.prepare_children_with(
        _prepare,
        lambda _: (recorder.run_ref, _starting.process, _proc, output_capture.wanted(), wire.most_bytes, _known()),
    )


def forget_processes() -> None:
    """Record no more of the processes that were started here; whether they have ended is asked once more before."""
    for reference in _numbers.keyrefs():
        started = reference()
        # It may be one that another thread is just about to start.
        if started is not None and _own(started) is not None and cpython.is_started(started):
            cpython.popen_of(started).poll()
    _numbers.clear()


def _known() -> dict[Any, Any]:
    """Return what is known of what managers hold."""
    managers = sys.modules.get("run_scenario.runtime.primitives.managers")
    return managers.known() if managers else {}


def _prepare(
    run_ref: RunRef, process: int | None, proc: bool, streams: Streams, most_bytes: int, known: dict[Any, Any]
) -> None:
    """Have a child that is not forked recorded."""
    if os.path.isdir(run_ref[0]):  # otherwise the run is over
        recorder.join_run(run_ref)
        output_capture.want(streams)
        wire.most_bytes = most_bytes
        _starting.process = process
        sys.excepthook = _show_failed_import
        record_objects()
        record_processes(proc=proc)
        if known:
            from run_scenario.runtime.primitives import managers  # which is not worth its time where there are none

            managers.watch(known)


def join_from_outside(
    folder: str, queues: str, payloads: str, proc: str, most_bytes: str, prefix: str, sockets: str
) -> None:
    """Have this program recorded, which has only just begun: what it makes, and the processes that it starts."""
    recorder.join_run(RunRef(folder, int(queues), payloads == "1"))
    wire.most_bytes = int(most_bytes)
    cpython.set_semaphore_prefix(prefix)
    if sockets:
        cpython.set_socket_folder(sockets)
    try:
        join_run(folder, f"{program_name(sys.orig_argv[1:])}-{os.getpid()}", int(queues), streams=Streams.PLAIN)
    except OSError as error:
        recorder.give_up(error)
    record_objects()
    record_processes(proc=proc == "1")


def _show_failed_import(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Stand for `sys.excepthook` until a child begins: it imports the script, which may start processes then."""
    leave_out_own_frames(error)
    sys.__excepthook__(kind, error, error.__traceback__)


@functools.wraps(own_children.start)
def _start(self: BaseProcess) -> None:
    is_managers = cpython.is_managers(self)  # which is not to be seen once it is started
    if cpython.is_started(self) or not recorder.run_ref.folder or is_managers or _records_itself(self):
        own_children.start(self)
        if _report is not None and is_managers:
            _report(MANAGER, cpython.popen_of(self).pid)
        report_auxiliary_processes(_report)
        return
    index = announce_process(self)
    if index is None:
        _start_plainly(self)
        return
    _numbers[self] = index
    recorder.emit(codes.STARTING, index, str(self.name), *own_children.threads_left_out_of(self))
    before, _starting.process = _starting.process, index
    try:
        _start_plainly(self)
    except Exception as error:
        recorder.emit(codes.START_FAILED, index, type(error).__name__, message_of(error))
        raise
    finally:
        _starting.process = before
    _note_started(self, index)


def _record_managers(module: Any) -> None:
    cpython.note_managers(module.BaseManager, _note_manager, _note_end_of_manager, _note_shut_down)


def _note_manager(manager: Any) -> None:
    from run_scenario.runtime.primitives.managers import record_start

    if recorder.run_ref.folder:
        record_start(manager)


def _note_end_of_manager(process: Any) -> int | None:
    """Tell of a manager's process that it is about to be stopped, or has ended before that; return its exit code."""
    exitcode = exitcode_of_ended(process, proc=_proc)
    if not recorder.run_ref.folder:
        return exitcode
    if not exitcode:
        if _report is not None:
            _report("-", process.pid)
    elif _report is not None:  # the supervisor may have seen that
        _report(LOST_MANAGER, process.pid, exitcode)
    else:
        recorder.emit(codes.MANAGER_FAILED, process.pid, exitcode)
    return exitcode


def _note_shut_down(process: Any) -> None:
    if recorder.run_ref.folder:
        recorder.emit(codes.MANAGER_SHUT_DOWN, process.name, process.pid)


def _records_itself(made: BaseProcess) -> bool:
    """Tell whether a process is recorded otherwise: as one that a scenario describes, or as a pool's worker."""
    run = made.__dict__.get("run")
    # The other class is imported only where there are pools.
    return isinstance(run, RecordedRun) or type(run).__name__ == "WorkerRun"


def _note_failed_thread(name: str, error: BaseException) -> None:
    if not isinstance(error, SystemExit):  # which ends a thread without a word
        recorder.emit(codes.OWN_THREAD_FAILED, name, type(error).__name__, message_of(error))


def _note_started(started: BaseProcess, index: int) -> None:
    popen = cpython.popen_of(started)
    report_started(_report, index, popen)
    report_auxiliary_processes(_report)
    recorder.emit(codes.START_RETURNED, index, popen.pid)
    record_reaping(popen, index, _proc)
    if started.daemon:
        popen.terminate = partial(_terminate_daemon, index, popen.terminate)


def _terminate_daemon(index: int, plainly: Callable[[], None]) -> None:
    """Stand for `popen.terminate`, which `Process.terminate` calls, too, and that has recorded it."""
    if _stopping.by_script:
        plainly()
    else:
        terminate_daemon(index, plainly)


class _Stopping(threading.local):
    by_script = False
    """Whether this thread is in interrupt(), terminate() or kill() that the script has called."""


_stopping = _Stopping()


def _own(process: BaseProcess) -> int | None:
    """Return the number of a process that this one has started; None: it has not."""
    return _numbers.get(process) if cpython.is_parent_of(process) else None


@functools.wraps(own_children.join)
def _join(self: BaseProcess, timeout: float | None = None) -> None:
    index = _own(self)
    if index is None or own_children.is_inside_a_wait():
        own_children.join(self, timeout)
    else:
        join(self, index, _join_plainly, timeout)


def _stop(self: BaseProcess, code: int, plainly: Callable[[BaseProcess], None]) -> None:
    index = _own(self)
    if index is not None and _is_alive_plainly(self):
        recorder.emit(code, index, "step")
    _stopping.by_script = True
    try:
        plainly(self)
    finally:
        _stopping.by_script = False


def _interrupt(self: BaseProcess) -> None:
    """Stand for Process.interrupt(), which there is from Python 3.14 on."""
    if _interrupt_plainly is not None:
        _stop(self, codes.INTERRUPTING, _interrupt_plainly)


@functools.wraps(_terminate_plainly)
def _terminate(self: BaseProcess) -> None:
    _stop(self, codes.TERMINATING, _terminate_plainly)


@functools.wraps(_kill_plainly)
def _kill(self: BaseProcess) -> None:
    _stop(self, codes.KILLING, _kill_plainly)


@functools.wraps(_is_alive_plainly)
def _is_alive(self: BaseProcess) -> bool:
    answer = _is_alive_plainly(self)
    index = _own(self)
    if index is not None:
        recorder.note_answer((codes.ALIVE, index, 0), answer)
    return answer


def _bootstrap(self: BaseProcess, *args: Any, **kwargs: Any) -> int:
    """Stand for the method in which a child begins: from here on it is recorded."""
    index, _starting.process = _starting.process, None
    if sys.excepthook is _show_failed_import:
        sys.excepthook = sys.__excepthook__
    global _report
    _report = None  # only the main program's children are reported; the others are found
    _numbers.clear()
    folder, queues, _ = recorder.run_ref
    if index is not None and folder and not _records_itself(self):
        self.run = RecordedRun(self, index, folder, queues, ())  # type: ignore[method-assign]
    return _bootstrap_plainly(self, *args, **kwargs)
