"""The command line: a thin door that parses arguments, calls the other rooms and catches every error once.

door ──▶ parser             arguments → a namespace with the command's function
  └────▶ commands           validate, plan, python, list, targets, schema, completion
  └────▶ run                the runs themselves; forks the guard before anything heavy is imported
           ├─▶ files        FILE → a path: as given, or a bundled scenario
           ├─▶ suspension   Ctrl-Z
           └─▶ settings     whose code may run: --allow and pyproject.toml
"""

import signal

_interrupt = signal.getsignal(signal.SIGINT)
if _interrupt is signal.default_int_handler:
    # Until the door can catch it, Ctrl-C ends this process as it ends any program: not with a traceback of imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from run_scenario.cli.door import main  # noqa: E402

if _interrupt is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupt)

__all__ = ["main"]
