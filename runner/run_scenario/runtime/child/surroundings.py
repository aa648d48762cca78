"""What a process has of its own before its target is called: environment, current folder, arguments, input."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # every spawned child imports this with the rest
if TYPE_CHECKING:
    from run_scenario.scenario.processes import Surroundings

Packed = tuple[dict[str, str | None], str, list[str] | None, str | None]
"""The environment's changes, the folder (empty: as it is), `sys.argv`, the text on standard input."""


def packed(surroundings: Surroundings | None, folder: str) -> Packed | None:
    """Return them as plain data, for a spawned child; `folder` is that of the scenario, from which paths start."""
    if surroundings is None:
        return None
    cwd = surroundings.cwd and os.path.join(folder, surroundings.cwd)
    argv = None if surroundings.argv is None else [*surroundings.argv]
    return dict(surroundings.env), cwd, argv, surroundings.stdin


def install(surroundings: Packed) -> None:
    """Give this process its own.

    Raises:
        OSError: there is no such folder.
    """
    env, cwd, argv, stdin = surroundings
    for name, value in env.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if cwd:
        os.chdir(cwd)
    if argv is not None:
        sys.argv = argv
    if stdin is not None:
        _give_input(stdin)


def _give_input(text: str) -> None:
    """Let standard input be this text, also for what reads the descriptor and for processes that inherit it."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        os.dup2(file.fileno(), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (it stays open)
