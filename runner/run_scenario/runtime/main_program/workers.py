"""Workers that run in the main program: real threads, and, to compare with, targets that are simply called.

Both have the methods of a Process that a main program uses, and record what they do as a worker of their own.
"""

from __future__ import annotations

import contextlib
import resource
import threading
from _thread import get_ident, get_native_id
from collections.abc import Callable, Iterator
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.recording.usage import Usage
from run_scenario.runtime.child import copies
from run_scenario.runtime.child.bootstrap import record_failure, target_frames
from run_scenario.scenario.model import ProcessSpec

Packed = list[float | int | None]

_OF_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)
"""Asks getrusage(2) for what the calling thread has used; None where that is not known (macOS)."""


class InMainProgram:
    """What threads and plain calls have in common: they are no process."""


def create(
    spec: ProcessSpec, index: int, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Thread | PlainCall:
    """Return the worker that `spec` describes, not started yet; `index` is its position among the processes."""
    if spec.worker == "serial":
        return PlainCall(spec.name, index, target, args, kwargs)
    return Thread(index, target, spec.name if spec.named else None, args, kwargs, daemon=spec.daemon or None)


class Thread(threading.Thread, InMainProgram):
    """`threading.Thread`, recorded."""

    def __init__(
        self,
        index: int,
        target: Callable[..., Any],
        name: str | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        daemon: bool | None,
    ) -> None:
        super().__init__(target=target, name=name, args=args, kwargs=kwargs, daemon=daemon)
        self._index = index

    def run(self) -> None:
        """Call the target. Whatever it raises is reported as threading does: it ends this thread and nothing else."""
        with _registered(self._index, self.daemon) as usage:
            try:
                super().run()
            except SystemExit as end:
                _record_exiting(self._index, end, usage())
            except BaseException as error:
                _record_failure(self._index, error, usage())
                frames = target_frames(error)
                raised = type(error), error.with_traceback(frames), frames, self
                threading.excepthook(threading.ExceptHookArgs(raised))
            else:
                _record(codes.FINISHED, self._index, usage())

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, as `threading.Thread.join` does."""
        recorder.emit(codes.JOINING, self._index, timeout)
        since = recorder.begin_wait(codes.W_JOIN_PROCESS, self._index, timeout)
        try:
            super().join(timeout)
        finally:
            recorder.end_wait()
        if self.is_alive():
            recorder.emit(codes.JOIN_TIMED_OUT, self._index, timeout, since)
        else:
            recorder.emit(codes.JOINED, self._index, None, since)


class PlainCall(InMainProgram):
    """A target that the main program calls where it would start it: it goes on when the target has returned."""

    ident = None
    """It has no identity of its own, and may be called again."""

    def __init__(
        self, name: str, index: int, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.name = name
        self._index = index
        self._call = target, args, kwargs

    def start(self) -> None:
        """Call the target; what it raises is raised here, as by any call."""
        target, args, kwargs = self._call
        with _registered(self._index, False) as usage:
            try:
                target(*args, **kwargs)
            except SystemExit as end:
                _record_exiting(self._index, end, usage())
                raise
            except BaseException as error:
                _record_failure(self._index, error, usage())
                raise
            else:
                _record(codes.FINISHED, self._index, usage())

    def join(self, timeout: float | None = None) -> None:
        """Do nothing: it is over."""

    def is_alive(self) -> bool:
        """Return False: it is over."""
        return False


@contextlib.contextmanager
def _registered(index: int, daemon: bool) -> Iterator[Callable[[], Packed]]:
    """Record as worker `index`, with its beginning and end; yield a function that returns what it has used so far."""
    before = _usage_so_far()
    recorder.register(index + 1)
    recorder.emit(codes.THREAD_STARTED, index, get_native_id(), get_ident(), daemon)

    def usage() -> Packed:
        now = _usage_so_far()
        if now is None or before is None:
            return Usage().packed()
        user, system = now.ru_utime - before.ru_utime, now.ru_stime - before.ru_stime
        waits, interruptions = now.ru_nvcsw - before.ru_nvcsw, now.ru_nivcsw - before.ru_nivcsw
        return Usage(user, system, None, waits, interruptions).packed()  # memory is the whole program's

    try:
        yield usage
    finally:
        _record(codes.THREAD_ENDED, index, usage())
        recorder.unregister()


def _usage_so_far() -> Any:
    return None if _OF_THREAD is None else resource.getrusage(_OF_THREAD)


def _record_exiting(index: int, end: SystemExit, usage: Packed) -> None:
    code = end.code
    exitcode = code if code is None or isinstance(code, int) else str(code)[:500]
    _record(codes.EXITING, index, exitcode, usage)


def _record_failure(index: int, error: BaseException, usage: Packed) -> None:
    if not copies.is_copy():
        record_failure(index, error, usage)


def _record(*fields: Any) -> None:
    if not copies.is_copy():  # which goes on where this thread does, but is another process
        recorder.emit(*fields)
