"""Has what the managers of own code hold recorded, by the proxies that its processes call."""

from __future__ import annotations

from typing import Any

from run_scenario.recording.data import NotDataError, data_of
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives import managers
from run_scenario.runtime.primitives.managed import Held
from run_scenario.runtime.script.announcements import announce_resource

_LOCKS = ("Lock", "RLock", "Semaphore", "BoundedSemaphore")
_KINDS = {
    **{kind: f"managed {kind}" for kind in (*_LOCKS, "Event", "Condition", "Barrier")},
    **{kind: kind for kind in ("dict", "list", "Namespace")},
    "Queue": "ManagerQueue",
    "JoinableQueue": "ManagerQueue",
    "Value": "ManagerValue",
    "Array": "ManagerArray",
}
"""What a manager is asked to make -> what it is recorded as."""
_CONTAINERS = ("dict", "list", "Value", "Array")


def _content(kind: str, given: tuple[Any, ...]) -> dict[str, Any]:
    """Return what something begins with, if that is data: what was given first, or behind a type code."""
    typecode = {"typecode": given[0]} if kind in ("Value", "Array") else {}
    try:
        return typecode | ({"value": data_of(given[len(typecode)])} if kind in _CONTAINERS and given else {})
    except (IndexError, NotDataError):
        return typecode


def note(key: managers.Key, kind: str, given: tuple[Any, ...]) -> None:
    """Note what a manager has just made for this process: by its key, the name of its kind, and what was given."""
    if kind not in _KINDS or not recorder.run_ref.folder:
        return
    known = managers.known()
    locked = next((known.get(cpython.proxy_key(each)) for each in given if cpython.is_proxy(each)), None)
    number = next((each for each in given if hasattr(type(each), "__index__")), 1)
    index = announce_resource(_KINDS[kind], number, locked.position if locked else -1, **_content(kind, given))
    if index is None:
        return
    lock = (locked.position, locked.type) if locked else (index, "RLock" if kind == "Condition" else kind)
    if kind in ("Value", "Array"):
        size = len(given[1]) if kind == "Array" else 0
        held = Held(index, f"Manager{kind}", typecode=str(given[0]), size=size)
    elif kind in (*_LOCKS, "Event", "Condition", "Barrier"):
        held = Held(index, kind, *lock)
    else:
        held = Held(index, _KINDS[kind])
    managers.watch({key: held})
