"""How something is explored: the options that Python, pytest and the command have alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict, get_args

StrategyName = Literal["walk", "random", "order", "priorities", "rare", "dfs"]
STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
"""How the schedules of an exploration are chosen."""
TURNS: tuple[StrategyName, ...] = (
    *("walk", "dfs", "walk", "order", "walk"),
    *("random", "walk", "rare", "walk", "priorities"),
)
"""The strategies in the order in which they take turns: `walk` finds most faults first, and no one finds all."""
TimeName = Literal["idle", "any"]
TIMES: tuple[TimeName, ...] = get_args(TimeName)
"""When timeouts come."""


class ExploreOptions(TypedDict, total=False):
    """The options of `explore` for whatever is explored; one that is not there, or None, is the command's default."""

    schedules: int | None
    """How many are tried at most."""
    seconds: float | None
    """For how many seconds they are tried at most."""
    strategies: Iterable[StrategyName]
    """How they are chosen, in turn."""
    seed: int | None
    """With the same, the same schedules are tried."""
    jobs: int
    """How many are tried at a time."""
    time: TimeName
    """When timeouts come: when nobody else can move (idle), or whenever (any)."""
    kill: bool | None
    """Whether a process is killed, too, by SIGKILL, before any of its operations."""
    pipe_capacity: int | None
    """How many bytes a pipe of multiprocessing holds."""
    steps: int | None
    """How many steps a run may have."""
    replays: int | None
    """How often what is found is replayed before it is claimed."""


_NAMES = {"seconds": "for", "strategies": "strategy"}
"""Options that the command calls otherwise."""


def as_arguments(options: Mapping[str, object]) -> list[str]:
    """Return the arguments of the command that stand for these `ExploreOptions`: there they are checked.

    Raises:
        TypeError: there is no option of that name.
    """
    arguments = []
    for name, value in options.items():
        if name not in ExploreOptions.__annotations__:
            raise TypeError(f"explore() got an unexpected keyword argument {name!r}")
        option = f"--{_NAMES.get(name, name)}".replace("_", "-")
        if isinstance(value, Iterable) and not isinstance(value, str):
            value = ",".join(value) or None
        if value is True:
            arguments.append(option)
        elif value is False:
            arguments.append(f"--no-{name}")
        elif value is not None:
            arguments.append(f"{option}={value}")
    return arguments
