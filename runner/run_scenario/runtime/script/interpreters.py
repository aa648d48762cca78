"""Other interpreters than the runner's own, by which a script may be run: what they are, and whether they will do."""

from __future__ import annotations

import os
import shutil
import subprocess

from run_scenario.errors import UsageError, reason_of
from run_scenario.runtime.run_request import Interpreter

_OLDEST = 3, 11
_ANSWER_WITHIN = 10.0
_QUESTION = """
import sys
kind = getattr(getattr(sys, "implementation", None), "name", "cpython")
print("run-scenario %s %d %d %s" % ((kind,) + sys.version_info[:2] + (sys.version.split()[0],)))
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
    kind, version, name = _ask(given, os.path.abspath(found))  # its own path: by that it knows its packages
    if kind != "cpython" or version < _OLDEST:
        what = f"{kind} {name}" if kind != "cpython" else f"Python {name}"
        wanted = "CPython {}.{} or later".format(*_OLDEST)
        raise UsageError(f"--python {given!r} is {what}: record needs {wanted}")
    return Interpreter(os.path.abspath(found), name, version)


def _ask(given: str, path: str) -> tuple[str, tuple[int, int], str]:
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
        case ["run-scenario", kind, major, minor, name]:
            return kind, (int(major), int(minor)), name
    raise UsageError(f"--python {given!r} is no Python: name an interpreter, such as .venv/bin/python")
