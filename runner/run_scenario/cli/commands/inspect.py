"""`inspect`: why a program that runs already does not go on, as far as that can be seen from outside."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.streams import columns, write_stdout
from run_scenario.errors import Status
from run_scenario.runtime.platform.capabilities import check_fork

_WIDTH = 120
_MOST_PID = 2**22
"""The highest process id that Linux gives (PID_MAX_LIMIT)."""


def inspect(options: Namespace) -> Status:
    """Look at the process, and say what it waits for; return 0 if it could be looked at."""
    shown = OutputFormat.chosen(options)
    check_fork(os.environ)
    from run_scenario.report import inspection
    from run_scenario.runtime.inspection import looking

    program = looking.inspect(options.pid)
    if shown is OutputFormat.JSON:
        write_stdout(inspection.as_json(program))
    else:
        write_stdout(inspection.as_text(program, min(columns() or _WIDTH, _WIDTH)))
    return Status.PASSED


_PID = shared.number(int, lambda pid: 0 < pid <= _MOST_PID, "the id of a process, a whole number such as 4711")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pid", metavar="PID", type=_PID, help="the program's first process, as `ps` or `pgrep -f` has it"
    )
    shared.add_format(parser)


COMMAND = Command(
    "look from outside at a program that hangs: who sleeps in what, and who shares it",
    "  run-scenario inspect 4711\n"
    "  run-scenario inspect $(pgrep -o -f crawl.py)\n"
    "  run-scenario inspect 4711 --format json | jq .conclusions\n\n"
    "The program is neither stopped nor changed: the command reads what the system shows in /proc, twice, and has\n"
    "Python's stacks read by py-spy where it is on the PATH, or by `profiling.sampling` on Python 3.15 and later. It\n"
    "says what is certain and what cannot be known. You have to be the program's user, or root.",
    _add_arguments,
    inspect,
)
