"""Which built-in targets do not fit into a thread: seen from the names that their code uses."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_ENDS = frozenset(("_exit", "kill", "abort", "raise_signal", "die_by"))
_SETS_HANDLERS = frozenset(("SIG_IGN", "SIG_DFL"))


def ends_program(target: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a built-in ends the process it runs in, not only itself; False for what is no built-in."""
    if not _names(target) & _ENDS:
        return False
    # `exit` does so only where it is told to be hard.
    return target != "exit" or bool(args[1:2] == [True] or kwargs.get("hard"))


def in_main_thread_only(target: str) -> bool:
    """Tell whether a built-in sets signal handlers itself, which only a process's main thread may."""
    return bool(_names(target) & _SETS_HANDLERS)


def _names(target: str) -> frozenset[str]:
    from run_scenario.targets._registry import find

    known = None if ":" in target else find(target)
    return frozenset() if known is None else frozenset(known.function.__code__.co_names)
