"""How a script begins in another interpreter than the runner's, of which the packages of the runner are no part.

This file is run there as a program, so it begins with the standard library alone. It makes this package known by its
folder: nothing is put into `sys.path`, and the script finds the modules that it would find anyway.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import runpy
import sys
from typing import Any, NoReturn

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_CHILD = "run_scenario_guest"
"""What this file is called where it is run in a child that is not forked."""
_SUBPROCESS = "run_scenario_subprocess"
"""The same in a program that a script has started, by `hook/sitecustomize.py`."""


def unpickled_in_child(made: Any, state: tuple[Any, ...]) -> Any:
    """Return, for a `__reduce__`, how a child that is not forked calls `made`: it has to find this package first."""
    return runpy.run_path, (os.path.abspath(__file__), {"CALL": pickle.dumps((made, state))}, _CHILD)


def _make_known() -> None:
    if "run_scenario" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location("run_scenario", f"{_PACKAGE}/__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["run_scenario"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = sys.modules.get("msgpack")
    sys.modules["msgpack"] = None  # type: ignore[assignment]  # whichever it is, it would be there before they want it
    try:
        import run_scenario.recording.recorder
    finally:
        del sys.modules["msgpack"]
        if theirs is not None:
            sys.modules["msgpack"] = theirs
    import run_scenario.runtime.script.guest  # noqa: F401  # by which the rest knows where it is


def _become_script(descriptor: int, report_to: int) -> NoReturn:
    from run_scenario.runtime.main_program.entry import end_as_main_program

    os.set_inheritable(report_to, False)
    with open(descriptor, "rb") as file:
        request = pickle.load(file)
    # What measures the runner is no part of this interpreter.
    request = request.replace(script=request.script.replace(interpreter=None), coverage="")
    end_as_main_program(request, report_to)


if __name__ == "__main__":
    _make_known()
    _become_script(*map(int, sys.argv[1:]))
elif __name__ == _CHILD:
    _make_known()
    _made, _state = pickle.loads(globals()["CALL"])
    _made(*_state)
elif __name__ == _SUBPROCESS:
    _make_known()
    from run_scenario.runtime.script.processes import join_from_outside

    join_from_outside(*globals()["JOIN"])
