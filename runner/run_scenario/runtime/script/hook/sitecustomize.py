"""What Python programs import at their start that a recorded script has started: they join its recording.

The folder of this file stands first in PYTHONPATH (see `subprocesses`). The Python that reads it may be an old one. The
`sitecustomize` that there would be without is imported in its place, and nothing of this is left in `sys.path`.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_MULTIPROCESSINGS = [
    "from multiprocessing." + begin
    for begin in ("spawn import spawn_main", "forkserver import main", "resource_tracker import main")
]
"""In the command lines of the programs that multiprocessing itself starts."""


def _join():  # type: () -> None
    if sys.version_info < (3, 11) or sys.implementation.name != "cpython":
        return
    values = os.environ.get("RUN_SCENARIO_JOIN", "").split("\n")
    if len(values) < 2 or not os.path.isdir(values[1]):  # the recording is over
        return
    if any(begin in argument for argument in sys.orig_argv for begin in _MULTIPROCESSINGS):  # these join by themselves
        return
    if any(os.path.basename(argument) in ("run-scenario", "run_scenario") for argument in sys.orig_argv):
        return
    import runpy

    runpy.run_path(values[0], {"JOIN": values[1:]}, "run_scenario_subprocess")


sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _HERE]
try:
    _join()
except Exception as error:
    sys.stderr.write("run-scenario: this program is not recorded: " + repr(error) + "\n")
if sys.version_info >= (3,):  # noqa: UP036  # before, a module could not stand aside for another one
    del sys.modules[__name__]
    # If there is none, the error is the one that there would be without.
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
