"""Python programs that a recorded script starts by `subprocess`, `os.exec` or `os.posix_spawn`: they are recorded, too.

That is for who asks for it, as it changes the environment: PYTHONPATH begins with a folder of ours, whose
`sitecustomize` joins the recording, and a variable says which one. A program that does not get these, or does not heed
them, is not recorded; the log then says once that there are such.
"""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any

from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives import wire
from run_scenario.runtime.script.announcements import announce_missing

_JOIN = "RUN_SCENARIO_JOIN"
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_STARTS = {"subprocess.Popen": 3, "os.posix_spawn": 2, "os.exec": 2}
"""Audit events of a start: program, arguments … -> where the environment stands in them."""
_DEAF = frozenset("EIS")
"""Options of Python with which it imports no `sitecustomize`, or does not find ours."""
_watched: list[bool] = []


def invite_subprocesses(*, proc: bool) -> None:
    """Have the Python programs that are started from now on join this recording."""
    run = recorder.run_ref
    values = (f"{_FOLDER}/guest.py", run.folder, run.queues, int(run.payloads), int(proc), wire.most_bytes)
    place = cpython.semaphore_prefix(), cpython.socket_folder() or ""
    os.environ[_JOIN] = "\n".join(map(str, (*values, *place)))
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{_FOLDER}/hook" + (f"{os.pathsep}{path}" if path else "")


def program_name(arguments: list[str]) -> str:
    """Return what a program is called, by the arguments of its interpreter."""
    given = iter(arguments)
    for argument in given:
        if argument in ("-W", "-X"):
            next(given, None)
        elif argument.startswith("-") and not argument.startswith("--"):
            if argument[-1] == "m":
                return next(given, "python")
            if "c" in argument:
                return "python -c"
        elif not argument.startswith("--"):
            return os.path.basename(argument)
    return "python"


def note_unrecorded() -> None:
    """Have it noted, once, if a Python program is started that is not recorded."""
    if not _watched:
        _watched.append(True)
        sys.addaudithook(_look_at)


def _look_at(event: str, values: tuple[Any, ...]) -> None:
    if event in _STARTS and recorder.run_ref.folder:
        arguments = [os.fsdecode(each) for each in values[1]] if isinstance(values[1], list | tuple) else []
        program = os.path.basename(os.fsdecode(values[0] or (arguments or [""])[0]))
        if program.startswith("python"):
            _note(arguments[1:], values[_STARTS[event]])


def _note(arguments: list[str], environment: Any) -> None:
    if _JOIN not in os.environ:
        announce_missing("Python programs that it starts are not recorded; with --subprocesses they are")
        return
    options = itertools.takewhile(lambda argument: argument[:1] == "-", arguments)
    letters = {letter for option in options if option[:2] not in ("--", "-W", "-X") for letter in option}
    if letters & _DEAF or (environment is not None and _JOIN not in {os.fsdecode(each) for each in environment}):
        announce_missing(
            "a Python program that it starts with -E, -I or -S, or with another environment, is not recorded"
        )
