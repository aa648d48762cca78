"""Where every run of the command begins and ends: one place that turns errors into exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from run_scenario.cli.parser import parse
from run_scenario.errors import InvalidScenario, MachineryError, RunScenarioError, Status

COMMAND = "run-scenario"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status (see the README); standard output is flushed."""
    _ensure_standard_streams()
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        command: Callable[..., Status] = options.function
        status = int(command(options))
        _flush()
    except SystemExit as exit_:  # argparse: --help, --version, and errors that it has explained
        return _exit_code(exit_)
    except RunScenarioError as error:
        _explain(error)
        status = error.status
    except KeyboardInterrupt:
        _say("interrupted")
        status = Status.INTERRUPTED
    except BrokenPipeError:
        status = Status.BROKEN_PIPE
    except Exception:
        status = _own_fault()
    _silence_a_broken_output()
    return status


def _exit_code(exit_: SystemExit) -> int:
    try:
        _flush()
    except (BrokenPipeError, MachineryError):
        _silence_a_broken_output()
    return exit_.code if isinstance(exit_.code, int) else Status.INVALID


def _explain(error: RunScenarioError) -> None:
    if isinstance(error, InvalidScenario):
        from run_scenario.cli.problems import report

        report(error.problems)
    else:
        _say(str(error))


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{COMMAND}: {text}\n")


def _own_fault() -> Status:
    """Show the traceback of an error that nobody expected: it is ours, and must not look like a failed scenario."""
    import traceback

    traceback.print_exc()
    _say("this is a fault of run-scenario itself; please report it with the lines above")
    return Status.MACHINERY


def _ensure_standard_streams() -> None:
    """Make standard input, output and error exist and never fail on a character that they cannot say.

    With one of them closed (`>&-`), the next file opened would take its number, and be written to by mistake.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _flush() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineryError(f"cannot write to standard output: {error.strerror}") from None


def _silence_a_broken_output() -> None:
    """Let the interpreter's last flush go nowhere: what could not be written has been told."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
