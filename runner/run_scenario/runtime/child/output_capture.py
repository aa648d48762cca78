"""What a target prints, logs or warns becomes events of the process it runs in.

Three layers, from the most to the least exact:

- `sys.stdout` and `sys.stderr` are replaced: text printed is recorded line by line at the moment it is flushed.
- `logging`, `structlog` and `warnings` are distinguished from mere output by small hooks, set when they are imported:
  importing them here would make every spawned child slower.
- The descriptors 1 and 2 lead to two files beside the segment, for C libraries, subprocesses and interpreter errors;
  the runner follows those files. Nothing ever reaches the real standard output.

Where a person debugs a target at a terminal, none of this is done: see `Streams`.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from _thread import get_ident
from enum import Enum, auto
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder
from run_scenario.recording.replacements import when_put_back

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_logging_now: set[int] = set()
"""Threads in which logging's handlers are at work: what they write has been recorded already, as a log message."""


class Streams(Enum):
    """What becomes of the standard streams of a process."""

    CAPTURED = auto()
    """What it prints is recorded, and there is nothing for it to read."""
    SHARED = auto()
    """They are those of the command, with the terminal from which a debugger in the process reads."""
    PLAIN = auto()
    """They are as multiprocessing has them: those of a script that is recorded."""


_wanted = [Streams.PLAIN]
_DEFAULT_DEBUGGER = ("", "pdb.set_trace")
"""Values of PYTHONBREAKPOINT with which breakpoint() reads commands from standard input."""


def wanted() -> Streams:
    """Return what becomes of the streams of this process, and of those that are started from here."""
    return _wanted[0]


def want(streams: Streams) -> None:
    """Say what is to become of the streams of processes that are started from here."""
    _wanted[0] = streams


_MOST_TEXT = 16_384
"""Characters of one record; a longer text is split into several."""


def install(prefix: str, *, threads: bool = False) -> None:
    """Capture this process's output in the files PREFIX.out and PREFIX.err, and its print and logging as records.

    With `threads`, whatever a thread writes is recorded by that thread, at once.
    """
    for descriptor, ending in ((1, "out"), (2, "err")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(f"{prefix}.{ending}", flags, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout = sys.__stdout__ = _text_stream(1, "strict", threads)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _text_stream(2, "backslashreplace", threads)  # type: ignore[misc]
    hook_when_imported({"logging": _hook_logging, "structlog": _hook_structlog, "warnings": _hook_warnings})
    # A debugger that somebody has chosen may need no terminal: it may listen on a socket, or be that of an editor.
    if sys.breakpointhook is sys.__breakpointhook__ and os.environ.get("PYTHONBREAKPOINT", "") in _DEFAULT_DEBUGGER:
        sys.breakpointhook = _refuse_breakpoint


def share_terminal() -> None:
    """Have this process read from the command's terminal; multiprocessing gives it /dev/null."""
    if os.isatty(0):
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 (it stays open)


def _refuse_breakpoint(*args: Any, **kwargs: Any) -> None:
    """Stand for `sys.breakpointhook`: the debugger would find the end of its input, and end the target with BdbQuit."""
    raise RuntimeError(
        "breakpoint() has no terminal here, where output is captured: write `run-scenario run FILE --no-capture`"
    )


class _RecordedStream(io.RawIOBase):
    """The bottom of sys.stdout or sys.stderr: what arrives here is recorded."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        text = bytes(data).decode("utf-8", "backslashreplace")
        for at in range(0, len(text), _MOST_TEXT):
            by_logging = get_ident() in _logging_now
            recorder.emit(codes.OUTPUT, self._descriptor, text[at : at + _MOST_TEXT], by_logging)
        return len(data)


def _text_stream(descriptor: int, errors: str, threads: bool) -> io.TextIOWrapper:
    """Return a text stream that flushes at each line end, as on a terminal.

    Where workers are threads it has no buffer, in which one thread's text would wait for another to flush it.
    """
    raw = _RecordedStream(descriptor)
    if threads:
        unbuffered: Any = raw
        return io.TextIOWrapper(unbuffered, encoding="utf-8", errors=errors, write_through=True)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors=errors, line_buffering=True)


# Hooks


class _AfterImport:
    """A finder that changes nothing but runs hooks right after one of the named modules was imported."""

    def __init__(self) -> None:
        self.hooks: dict[str, list[Callable[[ModuleType], None]]] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in self.hooks else None
        loader: Any = spec.loader if spec else None
        if spec is None or loader is None:
            return None
        execute = loader.exec_module

        def execute_and_hook(module: ModuleType) -> None:
            execute(module)
            for hook in self.hooks.pop(name, ()):
                hook(module)

        loader.exec_module = execute_and_hook
        return spec


_after_import = _AfterImport()


def hook_when_imported(hooks: dict[str, Callable[[ModuleType], None]]) -> None:
    """Have each of these modules handed to its hook: now if it was imported, otherwise as soon as it is."""
    if _after_import not in sys.meta_path:
        sys.meta_path.insert(0, _after_import)
    for name, hook in hooks.items():
        if module := sys.modules.get(name):
            hook(module)
        elif hook not in _after_import.hooks.setdefault(name, []):  # a fork has inherited it
            _after_import.hooks[name].append(hook)
    when_put_back(_forget_hooks)


def _forget_hooks() -> None:
    _after_import.hooks.clear()
    with contextlib.suppress(ValueError):
        sys.meta_path.remove(_after_import)


def _level(number: int) -> str:
    for least, name in ((50, "critical"), (40, "error"), (30, "warning"), (20, "info")):
        if number >= least:
            return name
    return "debug"


def _fields(pairs: dict[str, Any]) -> dict[str, Any]:
    return {str(key)[:100]: describe(value) for key, value in list(pairs.items())[:32]}


def _hook_logging(logging: Any) -> None:
    """Record each log record that passes its logger's level, then let the target's own handlers have it."""
    if getattr(logging.Logger.callHandlers, "recorded", False):
        return  # inherited by fork
    call_handlers = logging.Logger.callHandlers

    def call_and_record(self: Any, record: Any) -> None:
        try:
            message = record.getMessage()
        except Exception:  # wrong arguments: the handlers will complain as they always do
            message = str(record.msg)
        fields = {}
        if record.exc_info and record.exc_info[0]:
            fields["traceback"] = logging.Formatter().formatException(record.exc_info)[:_MOST_TEXT]
        recorder.emit(codes.LOGGED, "logging", _level(record.levelno), record.name, message[:_MOST_TEXT], fields)
        ident = get_ident()
        nested = ident in _logging_now
        _logging_now.add(ident)
        try:
            call_handlers(self, record)
        finally:
            if not nested:
                _logging_now.discard(ident)

    call_and_record.recorded = True  # type: ignore[attr-defined]
    logging.Logger.callHandlers = call_and_record
    # Without handlers logging writes to stderr as a last resort; that would record the same thing twice.
    logging.lastResort = logging.NullHandler()


def _hook_structlog(structlog: Any) -> None:
    """Make recording structlog's default way of writing; what a target configures itself is left to it."""
    if structlog.is_configured():
        return

    def record(logger: Any, method: str, event: dict[str, Any]) -> Any:
        message = str(event.pop("event", ""))[:_MOST_TEXT]
        level = {"warn": "warning", "exception": "error", "fatal": "critical"}.get(method, method)
        name = str(event.pop("logger", "")) or "structlog"
        recorder.emit(codes.LOGGED, "structlog", level, name, message, _fields(event))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, record])


def _hook_warnings(warnings: Any) -> None:
    if getattr(warnings.showwarning, "recorded", False):
        return
    show = warnings.showwarning

    def record(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
        if file is not None:
            show(message, category, filename, lineno, file, line)
            return
        fields = {"file": str(filename)[:300], "line": lineno}
        recorder.emit(codes.LOGGED, "warnings", "warning", category.__name__, str(message)[:_MOST_TEXT], fields)

    record.recorded = True  # type: ignore[attr-defined]
    warnings.showwarning = record
