"""What runs in a child before and after its target: attach the recorder, capture output, record how it ended.

multiprocessing starts the process as it always does; only its `run` has been replaced by a `RecordedRun`, which
calls the original one. This module is imported by every spawned child and must stay light.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import resource
import sys
import threading
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes
from run_scenario.recording.payloads import WITHHELD
from run_scenario.recording.recorder import is_open_as, recorder
from run_scenario.recording.usage import Usage
from run_scenario.runtime import cpython
from run_scenario.runtime.child import copies, exit_functions, output_capture, own_children
from run_scenario.runtime.child.output_capture import Streams
from run_scenario.runtime.child.own_frames import leave_out_own_frames, message_of, primitives_in
from run_scenario.runtime.child.surroundings import Packed, install
from run_scenario.runtime.platform.system import STACK_SIGNAL
from run_scenario.runtime.primitives import wire

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import CodeType

_MOST_TRACEBACK = 16_384
_MOST_THREADS = 16


def join_run(folder: str, name: str, queues: int, *, threads: bool = False, streams: Streams) -> None:
    """Make this process a recorded one: segment, captured output, stacks on demand.

    With `threads`, workers will run in threads of it, and their records are kept apart.

    Raises:
        OSError: no room or no descriptors left for its files.
    """
    recorder.attach(folder, name, queues)
    if threads:
        recorder.distinguish_threads()
    own_children.watch()
    output_capture.hook_when_imported({"multiprocessing.shared_memory": cpython.name_memory_after_run})
    output_capture.want(streams)
    if streams is Streams.CAPTURED:
        output_capture.install(recorder.prefix, threads=threads)
    elif streams is Streams.SHARED:
        output_capture.share_terminal()
    if STACK_SIGNAL:
        _write_stacks_on_demand()


def join_run_as_copy() -> None:
    """Make this process a recorded one that is a copy of a recorded one, by os.fork(): it has the rest already."""
    try:
        recorder.attach(recorder.run_ref.folder, f"pid {os.getpid()}", recorder.run_ref.queues)
        if STACK_SIGNAL:
            _write_stacks_on_demand()
    except OSError as error:  # there is no room, or no descriptor left; whoever forks is not to be disturbed
        recorder.give_up(error)


def _write_stacks_on_demand() -> None:
    """Have faulthandler write stacks from a C signal handler, which works while Python is stuck in a lock.

    A thread writes its own stack alone: to walk through those of others while they run ends the process now and then.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(f"{recorder.prefix}.stack", flags, 0o600)
    faulthandler.register(STACK_SIGNAL, file=descriptor, all_threads=False)
    recorder.note_stack_file(descriptor)
    inherited = _stack_file[:]
    _stack_file[:] = [(descriptor, os.fstat(descriptor))]
    for old, file in inherited:  # that of the process this one was forked from
        if is_open_as(old, file):  # a daemon closes all, and may have another file there
            os.close(old)


_stack_file: list[tuple[int, os.stat_result]] = []
"""The descriptor of the file for stacks, and which file that is."""


class RecordedRun:
    """A process's `run`: the original one, between records of how it began and how it ended."""

    def __init__(
        self,
        process: BaseProcess,
        index: int,
        folder: str,
        queues: int,
        private: tuple[int, ...],
    ) -> None:
        self._process = process
        self._streams = output_capture.wanted()
        self._index = index
        self._folder = folder
        self._queues = queues
        self._private = private
        """Descriptors of the main program that a forked child must not keep open."""
        self.closing: list[Connection] = []
        """Ends of pipes that a forked child inherits and does not use."""
        self.surroundings: Packed | None = None
        """What it has of its own before its target is called."""
        self._most_bytes = wire.most_bytes
        self.managed: dict[Any, Any] = {}
        """Which resources are behind which proxies: what a child that is not forked does not inherit."""

    def __call__(self) -> None:
        for descriptor in self._private:
            os.close(descriptor)
        process, index = self._process, self._index
        wire.most_bytes = self._most_bytes
        try:
            join_run(self._folder, str(process.name), self._queues, streams=self._streams)
        except OSError as error:
            if self._streams is not Streams.PLAIN:
                raise
            recorder.give_up(error)  # a script's process goes on without
        parent = multiprocessing.parent_process()
        name = str(parent.name) if parent else ""
        recorder.emit(codes.STARTED, index, os.getpid(), parent_of(process), name, process.daemon)
        for end in self.closing:
            end.close()
        cpython.let_go_of_process_at_end()
        exit_functions.watch()
        if self.managed:
            from run_scenario.runtime.primitives import managers

            managers.watch(self.managed)
        try:
            if self.surroundings is not None:
                install(self.surroundings)
            type(process).run(process)
        except BaseException as error:
            record_error(index, error)
            leave_out_own_frames(error)
            raise
        else:
            record_finished(index)
        finally:
            record_lingering(index)
            if not copies.is_copy():
                record_missed_exit_functions()
            # From here on multiprocessing flushes queues, joins threads and children, and may wait for ever.
            recorder.begin_wait(codes.W_EXIT)


def parent_of(process: BaseProcess) -> int:
    """Return the process id of the parent of this process, which multiprocessing has started, and `process` stands for.

    The system names another once the parent is gone: who has adopted it. Of a fork server only the system knows the id.
    """
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None or cpython.start_method_of(process) == "forkserver":
        return os.getppid()
    return parent.pid


def record_finished(index: int) -> None:
    """Record that a process, or the script, has come to its end. Of a copy that is no news: it may end anywhere."""
    if not copies.is_copy():
        recorder.emit(codes.FINISHED, index, own_usage())


def record_error(index: int, error: BaseException) -> None:
    """Record the exception that ends this process: the one with that number, or a copy of it."""
    number = copies.own_number(index)
    if number is None:
        return
    if isinstance(error, SystemExit) and not has_null_input(error):
        recorder.emit(codes.EXITING, number, exitcode_of(error), own_usage())
    else:
        record_failure(number, error)


def record_lingering(index: int) -> None:
    """Record which threads will keep this process alive although its target is over, as in `record_error`."""
    number = copies.own_number(index)
    if number is None:
        return
    main = threading.main_thread()
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not main]
    ended = cpython.threads_of_executors()  # by their own hook, as soon as they have no task
    names = [thread.name for thread in others if thread not in ended]
    if names:
        recorder.emit(codes.LINGERING, number, names[:_MOST_THREADS])


def record_missed_exit_functions() -> None:
    """Record what the target has registered with atexit and this process will not call."""
    if names := exit_functions.missed():
        recorder.emit(codes.ATEXIT_MISSED, names)


def exitcode_of(end: SystemExit) -> int | str | None:
    """Return what sys.exit() was called with, for a record."""
    code = end.code
    if code is None:
        return None
    if isinstance(code, int):
        return int(code)  # True is a number as well
    try:
        return str(code)[:500]
    except Exception:  # Python, too, ends with 1 then
        return f"<{type(code).__name__}>"


def own_usage() -> list[float | int | None]:
    """Return what this process has used so far, for a record: whoever sees it end may not learn it any more."""
    return Usage.of_rusage(resource.getrusage(resource.RUSAGE_SELF)).packed()


def record_failure(index: int, error: BaseException, usage: list[float | int | None] | None = None) -> None:
    """Record the exception that ended a process or thread (with its usage), with the traceback from its target on.

    Like what Python prints of it afterwards, that has none of our frames.
    """
    through = primitives_in(error)
    leave_out_own_frames(error)
    name, frames = type(error).__qualname__, target_frames(error)
    try:
        traceback_text = "".join(_traceback(error, frames))[-_MOST_TRACEBACK:]
    except Exception:  # it may have no descriptor left to read the module that makes it
        traceback_text = ""
    used, null_input = usage or own_usage(), has_null_input(error)
    recorder.emit(codes.FAILED, index, name, message_of(error, 2000), traceback_text, used, null_input, through)


def _traceback(error: BaseException, frames: Any) -> list[str]:
    import traceback

    if recorder.run_ref.payloads:
        return traceback.format_exception(type(error), error, frames)
    # No lines of code either, in which data may stand as well.
    places = [(frame.f_code, line) for frame, line in traceback.walk_tb(frames)]
    lines = [f'  File "{code.co_filename}", line {line}, in {code.co_name}\n' for code, line in places]
    return ["Traceback (most recent call last):\n", *lines, f"{type(error).__qualname__}: {WITHHELD}\n"]


def has_null_input(error: BaseException) -> bool:
    """Tell whether the end of input is that of /dev/null, which multiprocessing gives to its processes.

    There, a debugger ends with BdbQuit, or from Python 3.14 on with SystemExit.
    """
    if not isinstance(error, EOFError) and type(error).__name__ != "BdbQuit" and not _is_exit_of_debugger(error):
        return False
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), os.stat(os.devnull))
    except (OSError, ValueError, AttributeError):
        return False


def _is_exit_of_debugger(error: BaseException) -> bool:
    frames = error.__traceback__ if isinstance(error, SystemExit) else None
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    return frames is not None and os.path.basename(frames.tb_frame.f_code.co_filename) == "pdb.py"


def target_frames(error: BaseException) -> Any:
    """Return the traceback of an exception from its target on; None if it has none there."""
    frames: Any = error.__traceback__
    while frames is not None and _is_machinery(frames.tb_frame.f_code):
        frames = frames.tb_next
    return frames


_RUNTIME = os.path.dirname(os.path.dirname(__file__))


def _is_machinery(code: CodeType) -> bool:
    path = code.co_filename
    return (
        path.startswith((_RUNTIME, "<"))
        or path.endswith(os.path.join("multiprocessing", "process.py"))
        or (path == threading.__file__ and code.co_name == "run")
    )
