"""Scripts that are run in place of a scenario."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.errors import Status, UsageError
from run_scenario.limits import OF_SCRIPTS
from run_scenario.report.text import sanitize
from run_scenario.report.watcher import Watcher
from run_scenario.runtime.script.frame import is_script

if TYPE_CHECKING:
    from run_scenario.events.types import Event
    from run_scenario.exploration.schedule import Hazards
    from run_scenario.runtime.exploration.runs import Ended
    from run_scenario.runtime.run_follower import Sink
    from run_scenario.runtime.run_request import Script
    from run_scenario.scenario.model import Scenario

_LOSSES = frozenset({"queue.items_lost", "queue.item_dropped", "queue.get_failed", "queue.left_over", "pipe.left_over"})
"""Events of items that somebody has put, and nobody has got."""


def script_to_explore(options: Namespace) -> Script | None:
    """Return the script that is named in place of a scenario; None: none is.

    Raises:
        UsageError: something is given that is for the other of the two.
    """
    shown = sanitize(options.file)
    if not is_script(options.file):
        if options.arguments:
            raise UsageError(f"unexpected argument {options.arguments[0]!r}: only a script gets arguments")
        return None
    if not Path(options.file).is_file():
        raise UsageError(f"there is no script '{shown}'")
    if options.set:
        raise UsageError("--set is for the parameters of a scenario: a script gets arguments, behind --")
    if options.allow:
        raise UsageError("--allow is for what a scenario names: to name a script is to allow it")
    from run_scenario.runtime.run_request import Script

    return Script(options.file, "", tuple(options.arguments))


def fix_hashes() -> None:
    """Begin this command anew where texts have another hash in each interpreter, and sets of them another order."""
    is_command = Path(sys.argv[0]).name in ("run-scenario", "__main__.py")  # and not a part of a program
    if is_command and sys.flags.hash_randomization and "PYTHONHASHSEED" not in os.environ:
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


class Losses(Watcher):
    """A sink that notices items that were put, or sent, and that nobody has got."""

    def __init__(self) -> None:
        self.found: list[str] = []
        """Each in a sentence."""

    def write(self, events: Sequence[Event]) -> None:
        """Look at the next events."""
        from run_scenario.events.encoding import as_mapping  # which take their time to be imported
        from run_scenario.events.types.base import name_of

        for event in events:
            name = name_of(type(event))
            # A poison pill that nobody needed any more is not lost.
            if name in _LOSSES and not (name == "queue.left_over" and event.count == event.pills):  # type: ignore[attr-defined]
                from run_scenario.report.sentences import sentence

                self.found.append(sentence(as_mapping(event)))


def script_runner(script: Script, frame: Scenario, coverage: str, hazards: Hazards) -> Callable[..., Ended]:
    """Return what runs a script once, whose output nobody sees; what it loses fails it, if nothing else is expected.

    Where somebody is killed, a script may well lose something, or end with an exit code that says so: then only hangs
    and expectations fail it.
    """
    from run_scenario import expect
    from run_scenario.report.reasons import Sentences, sentences
    from run_scenario.runtime import runner
    from run_scenario.runtime.exploration.runs import Ended

    _import_what_runs()

    def run_once(path: str, sinks: Sequence[Sink] = ()) -> Ended:
        be_quiet()
        losses = Losses()
        with runner.start_supervisor() as supervisor:
            outcome = runner.run(
                frame,
                (),
                supervisor=supervisor,
                allow={},
                sinks=[*sinks, *([] if frame.expect or hazards.kill else [losses])],
                wording=Sentences(),
                make_judge=(lambda: expect.LateJudge(frame.expect)) if frame.expect else None,
                limits=OF_SCRIPTS,
                script=script,
                coverage=coverage,
                control=path,
                pipe_capacity=hazards.pipe_capacity,
            )
        if hazards.kill and outcome.outcome == "failed" and not outcome.unmet:
            return Ended(outcome.replace(status=Status.PASSED, outcome="passed"), ())
        if losses.found and outcome.status is Status.PASSED:
            return Ended(outcome.replace(status=Status.FAILED, outcome="failed"), tuple(losses.found))
        return Ended(outcome, tuple(sentences(outcome)))

    return run_once


def _import_what_runs() -> None:
    """Import what runs need, which are forks of this process: that is most of what each of them would take."""
    import importlib
    import pkgutil
    import runpy  # noqa: F401

    import run_scenario.runtime.control.joining
    import run_scenario.runtime.main_program.program
    import run_scenario.runtime.run_follower
    import run_scenario.runtime.supervisor.supervisor  # noqa: F401
    from run_scenario.runtime import primitives, script

    for package in (primitives, script):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.ispkg:
                importlib.import_module(module.name)


def be_quiet() -> None:
    """Have this process, and the script that it runs, read nothing and write nowhere."""
    _connect_to_nothing(0, 1, 2)


def read_nothing() -> None:
    """Have this process, and the script that it runs, read nothing: so it is the same each time."""
    _connect_to_nothing(0)


def _connect_to_nothing(*standard: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in standard:
        os.dup2(nothing, descriptor)
    os.close(nothing)
