"""Which end of a queue or a pipe a process stands at that waits there, by the words of the report of a standstill."""

from __future__ import annotations

from typing import Literal, NamedTuple

from run_scenario.views.history import Stuck

_OTHER = {"left": "right", "right": "left"}


class Place(NamedTuple):
    """Where someone waits."""

    channel: str
    """A queue; or a pipe in one direction, as `History.channels` has it."""
    kind: Literal["queue", "pipe"]
    way: Literal["takes", "gives", "asks"]


def place_of(stuck: Stuck) -> Place | None:
    """Return the place; None if it waits for something else than a queue or a pipe."""
    name = stuck.resource
    what = stuck.doing.removeprefix("waits for ")
    if not name:
        return None
    if what == f"an item from queue '{name}'":
        return Place(name, "queue", "takes")
    if what == f"room in queue '{name}'":
        return Place(name, "queue", "gives")
    if f"queue '{name}'" in what:
        return Place(name, "queue", "asks")
    for end, other in _OTHER.items():
        if what == f"something to receive at '{name}.{end}'":
            return Place(f"{name}.{other}", "pipe", "takes")
        if what == f"room in pipe '{name}', to send at its {end} end":
            return Place(f"{name}.{end}", "pipe", "gives")
    return None
