"""The main program of a recorded script: the script itself, as `python script.py` or `python -m module` runs it."""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib.machinery
import io
import os
import stat
import sys
import threading
from types import ModuleType, TracebackType
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.child.bootstrap import join_run, record_error, record_finished, record_lingering
from run_scenario.runtime.child.output_capture import hook_when_imported
from run_scenario.runtime.child.own_frames import leave_out_own_frames
from run_scenario.runtime.child.reports import Report
from run_scenario.runtime.main_program.program import MAIN, MAIN_PROCESS, streams_for
from run_scenario.runtime.primitives import wire
from run_scenario.runtime.run_folder import STOPPED
from run_scenario.runtime.run_request import RunRequest, Script, semaphore_prefix
from run_scenario.runtime.script.announcements import MOST_RESOURCES, count_from
from run_scenario.runtime.script.objects import record_objects
from run_scenario.runtime.script.processes import record_processes
from run_scenario.runtime.script.subprocesses import invite_subprocesses
from run_scenario.runtime.script.teardown import take_down

_INTERRUPTED = 130
_HERE = os.path.dirname(__file__)


def become_script(request: RunRequest, script: Script, report: Report) -> int:
    """Turn this freshly forked process into the script and run it; return its exit code."""
    inherited, modules = _streams(), frozenset(sys.modules)
    gc.freeze()  # Python need not go through what is the command's whenever it looks for what the script needs no more
    os.setpgid(0, 0)  # a signal that it sends to its own group is for its own processes
    cpython.forget_exit_functions()
    wire.most_bytes = request.limits.payload
    cpython.set_semaphore_prefix(semaphore_prefix(request.run))
    cpython.keep_tracker_silent_after(os.path.join(request.folder, STOPPED))
    if request.sockets:
        cpython.set_socket_folder(request.sockets)
    if not script.payloads:
        recorder.withhold_payloads()
    record_own_code(request, report)
    # Here multiprocessing.util is imported already: its function is registered when the script would have imported it.
    hook_when_imported(dict.fromkeys(cpython.BRING_EXIT_FUNCTION, _register_exit_function))
    if script.subprocesses:
        invite_subprocesses(proc=request.capabilities.proc)
    recorder.emit(codes.STARTED, MAIN, os.getpid(), os.getppid(), "", False)
    if request.control:
        _join_control(request.control)
    code = _run(script)
    record_lingering(MAIN)
    recorder.begin_wait(codes.W_EXIT)
    cpython.wait_for_threads()
    cpython.register_exit_function()
    cpython.run_exit_functions()
    take_down(modules)
    _flush(inherited)
    return code


def _join_control(path: str) -> None:
    from run_scenario.runtime.control import joining  # runs that nobody controls need nothing of it

    joining.note_what_is_made()
    joining.join(path, (), MAIN_PROCESS)


def _flush(inherited: list[Any]) -> None:
    """Write what the script has left in the buffers of its files, as the interpreter does when it takes all down.

    This process ends by os._exit(): what it has inherited from the command, such as its streams, it may not take down.
    """
    is_alone, known = threading.active_count() == 1, set(map(id, inherited))
    for stream in _streams():
        if id(stream) not in known:
            with contextlib.suppress(Exception):
                # Another thread may be in the middle of writing to a pipe that is full, and would have this one wait.
                if is_alone or stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    stream.flush()


def _streams() -> list[Any]:
    """Return all streams that may have something that is not written yet."""
    kinds = io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom
    return [each for each in gc.get_objects() if issubclass(type(each), kinds)]


def _register_exit_function(importer: ModuleType) -> None:
    cpython.register_exit_function()


def record_own_code(request: RunRequest, report: Report) -> None:
    """Make this process the recorded main program of a run in which own code makes processes and objects."""
    scenario, known = request.scenario, len(request.scenario.resources)
    threads, streams = scenario.has_threads, streams_for(request)
    try:
        join_run(request.folder, MAIN_PROCESS, known + MOST_RESOURCES, threads=threads, streams=streams)
    except OSError as error:
        if request.script is None:
            raise
        recorder.give_up(error)  # a script goes on without
    if recorder.run_ref.folder:
        count_from(request.folder, known, len(scenario.processes))
    record_objects()
    record_processes(report, proc=request.capabilities.proc)


def _run(script: Script) -> int:
    sys.argv = [script.path or "-m", *script.arguments]
    sys.path[0] = os.path.dirname(os.path.realpath(script.path)) if script.path else os.getcwd()
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins)
    # By the second name, multiprocessing's spawned children know what they have of the script.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    try:
        if script.path and _is_searched(script.path):
            sys.path[0] = os.path.join(os.getcwd(), script.path)
            cpython.run_as_main()
        elif script.path:
            _run_file(script.path, main)
        else:
            cpython.run_as_main(script.module)
    except SystemExit as end:
        record_error(MAIN, end)
        if end.code is None or isinstance(end.code, int):
            return _exit_status(int(end.code or 0))
        for part in (end.code, "\n"):  # as the interpreter has it, whether it can be written or not
            with contextlib.suppress(Exception):
                sys.stderr.write(str(part))
        return 1
    except BaseException as error:
        record_error(MAIN, error)
        error = error.with_traceback(_own_frames(error.__traceback__))
        leave_out_own_frames(error)
        # Python keeps it, and so what its frames hold, until its end.
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        if sys.version_info >= (3, 12):
            sys.last_exc = error
        sys.excepthook(type(error), error, error.__traceback__)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    record_finished(MAIN)
    return 0


def _is_searched(path: str) -> bool:
    """Tell whether modules are found in something: a folder or a zip file, of which Python runs the `__main__`."""
    for hook in sys.path_hooks:
        with contextlib.suppress(ImportError):
            hook(path)
            return True
    return False


def _exit_status(code: int) -> int:
    """Return what is left of an exit code, as the interpreter and the system cut it off."""
    return code & 0xFF if -1 << 63 <= code < 1 << 63 else 0xFF


def _run_file(path: str, main: ModuleType) -> None:
    path = os.path.abspath(path)
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    # As the interpreter fills it for a script: a child that is not forked finds the file by these.
    main.__dict__.update(__file__=path, __loader__=loader, __cached__=None, __spec__=None)
    with io.open_code(path) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that is the script's, as Python would show it."""
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_ours(file: str) -> bool:
    return file.startswith((_HERE, "<frozen runpy>"))
