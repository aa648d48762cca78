"""What the supervisor of an exploration has ready, so that each main program, which is its fork, finds it done."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys

from run_scenario.runtime.control import clock, joining  # noqa: F401 (which each run needs)
from run_scenario.runtime.main_program.program import own_steps
from run_scenario.runtime.run_request import RunRequest
from run_scenario.runtime.steps import compiler

_MODULES = "modules"
"""A file in the folder of the first run."""
_OURS = ("run_scenario.", "encodings.")
"""What may be imported early: nobody's code but Python's and our own, which does nothing then."""


def before_first_run() -> None:
    """Prepare what every scenario needs."""
    _settle()


def note_imported(folder: str) -> None:
    """Note what a main program has imported; called at its end."""
    with contextlib.suppress(OSError), open(os.path.join(folder, _MODULES), "w", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in sys.modules if name.startswith(_OURS))


def after_first_run(request: RunRequest) -> None:
    """Prepare what this scenario needs, as its first run has shown."""
    names: list[str] = []
    with contextlib.suppress(OSError), open(os.path.join(request.folder, _MODULES), encoding="utf-8") as file:
        names = file.read().split()
    for name in names:
        if name not in sys.modules and name.startswith(_OURS):
            with contextlib.suppress(ImportError):  # somebody has written there; it is found again, or not, by the run
                importlib.import_module(name)
    scenario = request.scenario
    compiler.keep_compiled(request.steps, **own_steps(scenario))
    for process in scenario.processes:
        path = scenario.path or compiler.NO_FILE
        compiler.keep_compiled(process.steps, name=process.name, file=path, names=process.names)
    _settle()


def _settle() -> None:
    clock.search()
    gc.collect()
    gc.freeze()  # otherwise each fork would copy the pages of all that its collector looks through
