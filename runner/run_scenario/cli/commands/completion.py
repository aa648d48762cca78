"""`completion`: print a script that completes commands, options and scenarios in a shell."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Sequence

from run_scenario import bundled
from run_scenario.cli.command import COMMANDS, PROGRAM, Command, Group, find_command
from run_scenario.cli.commands.schema import SCHEMAS
from run_scenario.cli.streams import write_stdout
from run_scenario.errors import Status, UsageError

SHELLS = ("bash", "zsh", "tcsh")
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


def print_completion(options: Namespace) -> Status:
    """Print the script."""
    if options.shell not in SHELLS:
        raise UsageError(f"there is no completion for {options.shell!r}; there is one for {', '.join(SHELLS)}")
    write_stdout(_script(options.shell))
    return Status.PASSED


def _script(shell: str) -> str:
    """Return the script for `bash`, `zsh` or `tcsh`, made by shtab from the parser of all commands."""
    import shtab

    names = [path.stem for path in bundled.scenarios()]
    # In bash, the word `run` is inserted where it was left out; elsewhere each bundled scenario is a command too.
    text: str = shtab.complete(_parser(names, () if shell == "bash" else names), shell)
    if shell == "bash":
        text = text.replace(_BASH_HOOK, _BASH.replace("COMMANDS", " ".join(COMMANDS)))
    return text if text.endswith("\n") else text + "\n"


def _parser(names: Sequence[str], commands: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands, to which each of `commands` is a scenario that may be run without `run`."""
    parser = argparse.ArgumentParser(PROGRAM)
    parser.add_argument("--version", action="version", help="print the version")
    subparsers = parser.add_subparsers(parser_class=argparse.ArgumentParser)
    for name in COMMANDS:
        _add(subparsers, name, find_command(name), names)
    for name in commands:
        if name not in COMMANDS:
            run = find_command("run")
            assert isinstance(run, Command)
            run = run.replace(summary="a bundled scenario")
            _add(subparsers, name, run, names)
    return parser


def _add(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command | Group,
    names: Sequence[str],
) -> None:
    """Add a command's parser, whose arguments know what their values can be; `names` are the bundled scenarios."""
    import shtab

    parser = subparsers.add_parser(name, help=command.summary)
    if isinstance(command, Group):
        inner = parser.add_subparsers(parser_class=argparse.ArgumentParser)
        for second, each in command.commands.items():
            _add(inner, second, each, names)
        return
    command.add_arguments(parser)
    for action in parser._actions:
        if action.dest in ("files", "file", "subject"):
            action.complete = _file_or_bundled("file", names)  # type: ignore[attr-defined]
        elif action.dest == "exercise":
            action.complete = _file_or_bundled("exercise", bundled.EXERCISES)  # type: ignore[attr-defined]
        elif action.dest in ("log", "output", "report"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest in ("name", "shell"):
            action.choices = _choices(name, names)


def _choices(command: str, names: Sequence[str]) -> Sequence[str]:
    if command == "targets":
        from run_scenario import targets

        return [*targets.names(), *targets.work_names()]
    return {"list": [*names, *bundled.CHAPTERS], "schema": SCHEMAS, "completion": SHELLS}[command]


def _file_or_bundled(kind: str, names: Sequence[str]) -> dict[str, object]:
    words = " ".join(names)
    bash = (
        f"_run_scenario_{kind}() {{\n"
        '  compgen -d -- "$1"\n'
        "  compgen -f -X '!*.yaml' -- \"$1\"\n"
        "  compgen -f -X '!*.yml' -- \"$1\"\n"
        f'  compgen -W "{words}" -- "$1"\n'
        "}\n"
    )
    zsh = (
        f"_run_scenario_{kind}() {{\n"
        "  _alternative 'files:file:_files -g \"*.(yaml|yml)\"' "
        f"'scenarios:bundled scenario:({words})'\n"
        "}\n"
    )
    return {
        "bash": f"_run_scenario_{kind}",
        "zsh": f"_run_scenario_{kind}",
        "tcsh": "f:*.{yaml,yml}",
        "preamble": {"bash": bash, "zsh": zsh},
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


COMMAND = Command(
    "print a script that completes commands, options and scenarios in your shell",
    "  run-scenario completion bash > ~/.local/share/bash-completion/completions/run-scenario\n"
    '  run-scenario completion zsh > "${fpath[1]}/_run-scenario"\n'
    "  run-scenario completion tcsh > ~/.run-scenario.tcsh",
    _add_arguments,
    print_completion,
)
