"""The command line: a thin door that parses arguments, calls the other rooms and catches every error once.

door ──▶ parser             arguments → a namespace with the command's function
  └────▶ commands           validate, plan, python, list, targets, schema, completion
  └────▶ run                the runs themselves; forks the guard before anything heavy is imported
           ├─▶ files        FILE → a path: as given, or a bundled scenario
           ├─▶ suspension   Ctrl-Z
           └─▶ settings     whose code may run: --allow and pyproject.toml
"""

from run_scenario.cli.door import main

__all__ = ["main"]
