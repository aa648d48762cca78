"""How a process that has only just begun becomes the main program: that of a scenario, or a recorded script."""

from __future__ import annotations

import contextlib
import os
import sys
from types import ModuleType
from typing import NoReturn

from run_scenario.recording import codes
from run_scenario.recording.recorder import is_open_as, recorder
from run_scenario.runtime import coverage, cpython
from run_scenario.runtime.child.bootstrap import join_run
from run_scenario.runtime.consent import keep_interpreters_out_of_this_folder
from run_scenario.runtime.main_program.program import MAIN_PROCESS, MainProgram, streams_for
from run_scenario.runtime.platform import system
from run_scenario.runtime.primitives import wire
from run_scenario.runtime.run_folder import STOPPED
from run_scenario.runtime.run_request import RunRequest, semaphore_prefix
from run_scenario.scenario.steps import unfolded

_KILLING = frozenset({"kill", "terminate", "interrupt"})
"""Steps by which a process may end in the midst of something."""


def end_as_main_program(request: RunRequest, report_to: int) -> NoReturn:
    """Turn this process, which has only just begun, into the main program, and end with its exit code."""
    code = 1
    try:
        code = _become_main_program(request, report_to)
    except BaseException as error:
        recorder.emit(codes.TROUBLE, f"the main program could not run: {type(error).__name__}: {error}"[:500])
    finally:
        if request.number == 1:
            from run_scenario.runtime.exploration.preparation import note_imported

            note_imported(request.folder)
        coverage.save()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _become_main_program(request: RunRequest, report_to: int) -> int:
    pipe = os.fstat(report_to)

    def report(letter: str, *numbers: int) -> None:
        with contextlib.suppress(OSError):  # the supervisor is dead, and so is this process in a moment
            if is_open_as(report_to, pipe):  # a daemon closes all, and may have another file there
                os.write(report_to, f"{letter} {' '.join(map(str, numbers))}\n".encode())

    if request.script is not None:  # of which a scenario has no use
        if request.script.interpreter is not None:
            from run_scenario.runtime.script.interpreters import execute

            execute(request.script.interpreter.path, request, request.folder, report_to)
        from run_scenario.runtime.script.program import become_script

        coverage.begin(request.coverage)
        if request.control:
            _come_under_control(request, kills=_speaks_of_kills(request.script.path))
        return become_script(request, request.script, report)
    main = ModuleType("__main__")  # with no file: a spawned child has nothing of ours to import again
    sys.modules["__main__"] = main
    sys.argv = [request.scenario.file]
    coverage.begin(request.coverage)
    cpython.forget_exit_functions()
    cpython.register_exit_function()
    keep_interpreters_out_of_this_folder()
    if request.limits.open_files is not None:
        system.set_descriptor_limit(request.limits.open_files)
    wire.most_bytes = request.limits.payload
    cpython.set_semaphore_prefix(semaphore_prefix(request.run))
    cpython.keep_tracker_silent_after(os.path.join(request.folder, STOPPED))
    if request.sockets:
        cpython.set_socket_folder(request.sockets)
    scenario = request.scenario
    if request.control:
        own_steps = (process.steps for process in scenario.processes)
        verbs = {step.verb for steps in (request.steps, *own_steps) for step in unfolded(steps)}
        _come_under_control(request, kills=not _KILLING.isdisjoint(verbs))
    if scenario.packages:
        from run_scenario.runtime.script.program import record_own_code  # which takes its time, where there is some

        record_own_code(request, report)
    else:
        threads, streams = scenario.has_threads, streams_for(request)
        join_run(request.folder, MAIN_PROCESS, len(scenario.queues), threads=threads, streams=streams)
    if request.control:
        from run_scenario.runtime.control.joining import join

        join(request.control, [spec.name for spec in scenario.resources], MAIN_PROCESS)
    return MainProgram(request, report, (report_to,)).run()


def _speaks_of_kills(path: str) -> bool:
    """Tell whether a script seems to end processes; whether it does, it shows only when it is too late."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        text = file.read()
        return any(word.encode() in text for word in _KILLING)
    return True


def _come_under_control(request: RunRequest, *, kills: bool) -> None:
    from run_scenario.runtime.control.joining import install  # runs that nobody controls need nothing of it

    install(kills=kills, pipe_capacity=request.pipe_capacity)
