"""Other interpreters than the runner's own, by which a script may be run: which will do, and how one is entered."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
from typing import Any, NoReturn

from run_scenario.errors import UsageError, reason_of
from run_scenario.runtime.run_request import Interpreter
from run_scenario.scenario.model import StartMethod

_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest.py")
"""The program that it runs."""
_OLDEST = 3, 11
_ANSWER_WITHIN = 10.0
_QUESTION = f"""
import sys
kind = getattr(getattr(sys, "implementation", None), "name", "cpython")
method = "fork"
if sys.version_info[:2] >= {_OLDEST}:
    import multiprocessing
    method = multiprocessing.get_all_start_methods()[0]
print("run-scenario %s %d %d %s %s" % ((kind,) + sys.version_info[:2] + (sys.version.split()[0], method)))
"""
"""As any Python understands it."""


def find_interpreter(given: str) -> Interpreter:
    """Return the interpreter that somebody has named, by a path or by its command.

    Raises:
        UsageError: it is none, or one whose programs cannot be recorded.
    """
    if os.path.isdir(given):
        raise UsageError(
            f"--python {given!r} is a folder: name the program in it, such as {given.rstrip('/')}/bin/python"
        )
    found = shutil.which(given)
    if found is None:
        raise UsageError(f"--python {given!r}: there is no such program; name an interpreter, such as .venv/bin/python")
    kind, version, name, start_method = _ask(
        given, os.path.abspath(found)
    )  # its own path: by that it knows its packages
    if kind != "cpython" or version < _OLDEST:
        what = f"{kind} {name}" if kind != "cpython" else f"Python {name}"
        wanted = "CPython {}.{} or later".format(*_OLDEST)
        raise UsageError(f"--python {given!r} is {what}: record needs {wanted}")
    return Interpreter(os.path.abspath(found), name, start_method)


def _ask(given: str, path: str) -> tuple[str, tuple[int, int], str, StartMethod]:
    try:
        asked = subprocess.run(
            [path, "-E", "-S", "-c", _QUESTION],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_ANSWER_WITHIN,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"--python {given!r} cannot be run: {reason_of(error)}") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"--python {given!r} has not said within {_ANSWER_WITHIN:.0f} s which Python it is") from error
    match asked.stdout.decode("utf-8", "replace").split():
        case ["run-scenario", kind, major, minor, name, "fork" | "spawn" | "forkserver" as start_method]:
            return kind, (int(major), int(minor)), name, start_method
    raise UsageError(f"--python {given!r} is no Python: name an interpreter, such as .venv/bin/python")


def execute(interpreter: str, request: Any, folder: str, report_to: int) -> NoReturn:
    """Turn this process into another interpreter, which runs the script that is asked for.

    Raises:
        OSError: there is no room for the request, or no such program.
    """
    path = f"{folder}/guest"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.unlink(path)
    with open(descriptor, "wb", closefd=False) as file:
        pickle.dump(request, file)
    os.lseek(descriptor, 0, os.SEEK_SET)
    for inherited in (descriptor, report_to):
        os.set_inheritable(inherited, True)
    os.execv(interpreter, [interpreter, _GUEST, str(descriptor), str(report_to)])
