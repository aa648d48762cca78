"""Completion scripts for shells, made by shtab from the parser of the whole."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import shtab

from run_scenario import bundled, targets
from run_scenario.cli.commands import SCHEMAS, SHELLS
from run_scenario.cli.parser import COMMANDS, PROGRAM, Command, Parser

_BASH_HOOK = "-F _shtab_run_scenario run-scenario"
_BASH = """-F _run_scenario run-scenario

# The first word may be a command or what `run` takes; where it is no command, `run` was left out.
_run_scenario() {
  local found=()
  if (( COMP_CWORD == 1 )); then
    _shtab_run_scenario
    found=("${COMPREPLY[@]}")
  fi
  if (( COMP_CWORD == 1 )) || [[ " COMMANDS " != *" ${COMP_WORDS[1]} "* ]]; then
    COMP_WORDS=("${COMP_WORDS[0]}" run "${COMP_WORDS[@]:1}")
    (( COMP_CWORD += 1 ))
  fi
  _shtab_run_scenario
  local word
  for word in "${found[@]}"; do
    [[ " ${COMPREPLY[*]} " == *" $word "* ]] || COMPREPLY+=("$word")
  done
}
"""


def script(shell: str) -> str:
    """Return the script for `bash`, `zsh` or `tcsh`."""
    names = [path.stem for path in bundled.scenarios()]
    # In bash, the word `run` is inserted where it was left out; elsewhere each bundled scenario is a command too.
    text: str = shtab.complete(_parser(names, () if shell == "bash" else names), shell)
    if shell == "bash":
        text = text.replace(_BASH_HOOK, _BASH.replace("COMMANDS", " ".join(COMMANDS)))
    return text if text.endswith("\n") else text + "\n"


def _parser(names: Sequence[str], commands: Sequence[str]) -> Parser:
    """Return the parser of the whole, to which each of `commands` is a scenario that may be run without `run`."""
    parser = Parser(PROGRAM)
    parser.add_argument("--version", action="version", help="print the version")
    subparsers = parser.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, command in COMMANDS.items():
        _add(subparsers, name, command, command.summary, names)
    for name in commands:
        if name not in COMMANDS:
            _add(subparsers, name, COMMANDS["run"], "a bundled scenario", names)
    return parser


def _add(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
    summary: str,
    names: Sequence[str],
) -> None:
    parser = subparsers.add_parser(name, help=summary)
    command.fill(parser)
    for action in parser._actions:
        if action.dest in ("files", "file", "subject"):
            action.complete = _file_or_bundled(names)  # type: ignore[attr-defined]
        elif action.dest in ("log", "output", "report"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest in ("name", "shell"):
            action.choices = _choices(command, names)


def _choices(command: Command, names: Sequence[str]) -> Sequence[str]:
    if command is COMMANDS["targets"]:
        return [*targets.names(), *targets.work_names()]
    known = {"list": [*names, *bundled.CHAPTERS], "schema": SCHEMAS, "completion": SHELLS}
    return next(choices for name, choices in known.items() if command is COMMANDS[name])


def _file_or_bundled(names: Sequence[str]) -> dict[str, object]:
    words = " ".join(names)
    bash = (
        "_run_scenario_file() {\n"
        '  compgen -d -- "$1"\n'
        "  compgen -f -X '!*.yaml' -- \"$1\"\n"
        "  compgen -f -X '!*.yml' -- \"$1\"\n"
        f'  compgen -W "{words}" -- "$1"\n'
        "}\n"
    )
    zsh = (
        "_run_scenario_file() {\n"
        "  _alternative 'files:file:_files -g \"*.(yaml|yml)\"' "
        f"'scenarios:bundled scenario:({words})'\n"
        "}\n"
    )
    return {
        "bash": "_run_scenario_file",
        "zsh": "_run_scenario_file",
        "tcsh": "f:*.{yaml,yml}",
        "preamble": {"bash": bash, "zsh": zsh},
    }
