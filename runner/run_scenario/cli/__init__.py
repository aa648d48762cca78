"""The command line: parses arguments, calls the other layers, and catches every error once.

entry_point ──▶ parser ──▶ command     arguments → options, with the function of the command
         └────▶ commands/NAME           one module for each command: its help, its arguments, its function
                  ├─▶ options           the options that several commands have
                  ├─▶ output_format     console or JSON, and where the events go
                  ├─▶ files, logs       FILE → a scenario; LOG → events
                  ├─▶ settings          whose code may run, processors: --allow, pyproject.toml
                  └─▶ pictures          what can be drawn, and where it goes
"""

from run_scenario.cli.entry_point import main as main
