"""Where every run of the command begins and ends: one place that turns errors into exit statuses."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence

from run_scenario.cli import github, signals, streams
from run_scenario.cli.command import PROGRAM
from run_scenario.cli.files import report
from run_scenario.cli.parser import parse
from run_scenario.errors import InvalidScenario, RunScenarioError, Status

_ENDED_BY_SIGNAL = (Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status (see `errors.Status`)."""
    if arguments is None:
        signals.raise_between_imports()
    try:
        return _through(arguments)
    except (MemoryError, SystemError):  # the second is what comes where C code had no memory for an exception
        if arguments is None:
            os._exit(Status.MACHINERY)  # what Python does at its end takes memory, too, and may crash without it
        return Status.MACHINERY
    finally:
        if arguments is None:
            signals.end_plainly()
            # So Python does not look, at its end, for circles among all the objects that the system takes back anyway:
            # that takes as long as it took to import a third of them.
            gc.freeze()


def _through(arguments: Sequence[str] | None) -> int:
    try:
        streams.ensure()
        return _carry_out(sys.argv[1:] if arguments is None else arguments)
    except RunScenarioError as error:
        _explain(error)
        return error.status
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return Status.BROKEN_PIPE
    except Exception as error:
        if _is_from_interrupt(error):
            return _interrupted()
        if _is_out_of_memory(error):
            streams.note("there is not enough memory for it (ulimit -v); nothing of a run is left behind")
            raise MemoryError from error
        return _own_fault()
    finally:
        streams.silence()


def _carry_out(arguments: Sequence[str]) -> int:
    github.choose(None)
    try:
        options = parse(arguments)
        github.choose(getattr(options, "format", None))
        command: Callable[..., int] = options.function
        status = command(options)
    except SystemExit as exit_:  # argparse has answered --help or --version, or explained what is wrong
        status = exit_.code if isinstance(exit_.code, int) else Status.INVALID
    if status not in _ENDED_BY_SIGNAL:  # there is nobody to report to on a terminal that was closed
        streams.write_stdout("")  # all that was written before, too, must have got out
    return status


def _explain(error: RunScenarioError) -> None:
    if isinstance(error, InvalidScenario):
        report(error.problems)
    else:
        streams.note(str(error))
        github.of_error(str(error))


def _interrupted() -> Status:
    streams.note("interrupted")
    return Status.INTERRUPTED


def _is_from_interrupt(error: BaseException | None) -> bool:
    """Return whether an error came of Ctrl-C: what a library does at last may fail where it was interrupted."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _is_out_of_memory(error: Exception) -> bool:
    # The second is what the dynamic linker says where there is no room for a module.
    return isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map segment" in str(error))


def _own_fault() -> Status:
    """Show the traceback of an error that nobody expected: it is ours, and must not look like a failed scenario."""
    import traceback

    traceback.print_exc()
    streams.note(f"this is a fault of {PROGRAM} itself; please report it with the lines above")
    return Status.MACHINERY
