"""What runs in a child before and after its target: attach the recorder, capture output, tell how it ended.

multiprocessing starts the process as it always does; only its `run` has been replaced by a `RecordedRun`, which
calls the original one. This module is imported by every spawned child and must stay light.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import threading
from typing import TYPE_CHECKING, Any

from run_scenario.engine import capture
from run_scenario.engine.platform import STACK_SIGNAL, Usage
from run_scenario.engine.primitives import wire
from run_scenario.record import codes
from run_scenario.record.recorder import recorder

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import CodeType

_MOST_TRACEBACK = 16_384
_MOST_THREADS = 16


def join_run(folder: str, name: str, queues: int, *, threads: bool = False) -> None:
    """Make this process a recorded one: segment, captured output, stacks on demand.

    With `threads`, workers will run in threads of it, and are told apart.

    Raises:
        OSError: no room or no descriptors left for its files.
    """
    recorder.attach(folder, name, queues)
    if threads:
        recorder.tell_threads_apart()
    capture.install(recorder.prefix, threads=threads)
    if STACK_SIGNAL:
        _write_stacks_on_demand()


def _write_stacks_on_demand() -> None:
    """Have faulthandler write stacks from a C signal handler, which works while Python is stuck in a lock."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(f"{recorder.prefix}.stack", flags, 0o600)
    faulthandler.register(STACK_SIGNAL, file=descriptor, all_threads=True)
    recorder.note_stack_file(descriptor)
    inherited = _stack_descriptor[:]
    _stack_descriptor[:] = [descriptor]
    for old in inherited:  # that of the process this one was forked from
        os.close(old)


_stack_descriptor: list[int] = []


class RecordedRun:
    """A process's `run`: the original one, between records of how it began and how it ended."""

    def __init__(self, process: BaseProcess, index: int, folder: str, queues: int, private: tuple[int, ...]) -> None:
        self._process = process
        self._index = index
        self._folder = folder
        self._queues = queues
        self._private = private
        """Descriptors of the main program that a forked child must not keep open."""
        self.closing: list[Connection] = []
        """Ends of pipes that a forked child inherits and does not use."""
        self._most_bytes = wire.most_bytes
        self.managed: dict[Any, int] = {}
        """Which resources are behind which proxies: what a child that is not forked has to be told."""

    def __call__(self) -> None:
        for descriptor in self._private:
            os.close(descriptor)
        process, index = self._process, self._index
        wire.most_bytes = self._most_bytes
        join_run(self._folder, process.name, self._queues)
        parent = process._parent_name  # type: ignore[attr-defined]
        recorder.emit(codes.STARTED, index, os.getpid(), os.getppid(), parent, process.daemon)
        for end in self.closing:
            end.close()
        if self.managed:
            from run_scenario.engine.primitives import managers

            managers.watch(self.managed)
        try:
            type(process).run(process)
        except SystemExit as end:
            code = end.code
            told = code if code is None or isinstance(code, int) else str(code)[:500]
            recorder.emit(codes.EXITING, index, told, own_usage())
            raise
        except BaseException as error:
            record_failure(index, error)
            raise
        else:
            recorder.emit(codes.FINISHED, index, own_usage())
        finally:
            record_lingering(index)
            # From here on multiprocessing flushes queues, joins threads and children, and may wait for ever.
            recorder.waiting(codes.W_EXIT)


def record_lingering(index: int) -> None:
    """Record which threads will keep the process alive although its target is over."""
    main = threading.main_thread()
    names = [thread.name for thread in threading.enumerate() if not thread.daemon and thread is not main]
    if names:
        recorder.emit(codes.LINGERING, index, names[:_MOST_THREADS])


def own_usage() -> list[float | int | None]:
    """Return what this process has used so far, for a record: whoever sees it end may not be told any more."""
    return Usage.of_rusage(resource.getrusage(resource.RUSAGE_SELF)).packed()


def record_failure(index: int, error: BaseException, usage: list[float | int | None] | None = None) -> None:
    """Record the exception that ended a process or thread (with its usage), with the traceback from its target on."""
    import traceback

    lines = traceback.format_exception(type(error), error, target_frames(error))
    try:
        message = str(error)
    except Exception:
        message = "<its message cannot be made: __str__ failed>"
    name = type(error).__qualname__
    recorder.emit(codes.FAILED, index, name, message[:2000], "".join(lines)[-_MOST_TRACEBACK:], usage or own_usage())


def target_frames(error: BaseException) -> Any:
    """Return the traceback of an exception from its target on; None if it has none there."""
    frames: Any = error.__traceback__
    while frames is not None and _is_machinery(frames.tb_frame.f_code):
        frames = frames.tb_next
    return frames


def _is_machinery(code: CodeType) -> bool:
    path = code.co_filename
    return (
        os.path.dirname(path) == os.path.dirname(__file__)
        or path.endswith(os.path.join("multiprocessing", "process.py"))
        or (path == threading.__file__ and code.co_name == "run")
    )
