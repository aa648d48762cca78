"""The steps that a scenario's `main` asks for, done to processes and resources as a script would.

What the objects record themselves is not told again; what they do not, such as an exit code, is.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from run_scenario import model
from run_scenario.record import codes
from run_scenario.record.describe import describe
from run_scenario.record.recorder import recorder
from run_scenario.verbs import VERBS

if TYPE_CHECKING:
    from run_scenario.engine.main_program import MainProgram


def do(step: model.Do, program: MainProgram) -> None:
    """Do one step.

    Raises:
        Exception: whatever the call raises, unless it is the exception that the step expects.
    """
    verb = VERBS[step.verb]
    try:
        result = _call(step, program)
    except Exception as error:
        if not any(base.__name__ == step.raises for base in type(error).__mro__):
            raise
        text = str(error)[:500]
        recorder.emit(codes.MAIN_RAISED, step.subject, verb.called, type(error).__name__, text)
    else:
        if verb.told:
            recorder.emit(codes.MAIN_CALLED, step.subject, verb.called, describe(result))


def _call(step: model.Do, program: MainProgram) -> Any:
    match step.verb:
        case "print":
            print(step.value)  # noqa: T201 (it is what the scenario asks for)
            return None
        case "active_children":
            return sorted(child.name for child in multiprocessing.active_children())
        case "cpu_count":
            return multiprocessing.cpu_count()
    if step.subject in program.processes:
        return _call_process(step, program)
    resource, verb = program.resources[step.subject], VERBS[step.verb]
    match step.verb:
        case "read":
            return resource.value
        case "write":
            resource.value = step.value
            return None
    arguments = [step.value] if verb.value == "argument" else []
    return getattr(resource, verb.called)(*arguments, **step.options)


def _call_process(step: model.Do, program: MainProgram) -> Any:
    process, index = program.processes[step.subject], program.index[step.subject]
    match step.verb:
        case "start":
            return program.start(step.subject)
        case "is_alive":
            return program.ask_whether_alive(step.subject)
        case "exitcode":
            return process.exitcode
        case "terminate" | "kill" if process.is_alive():
            recorder.emit(codes.KILLING if step.verb == "kill" else codes.TERMINATING, index, "step")
    return getattr(process, VERBS[step.verb].called)(**step.options)
