"""How the main program comes under control: first all is replaced, before it makes anything; then it is an actor."""

from __future__ import annotations

from typing import Any

from run_scenario.runtime import cpython
from run_scenario.runtime.control import actors, clock, descriptors, escapes, managers, processes, semaphores, threads
from run_scenario.runtime.primitives import pipes, queues, shared

join = actors.join
_RAW = ("SharedMemory", "ShareableList")
"""What own code makes of which nobody sees when it is read and written."""
_is_noted = False
"""Whether what own code makes is made known."""
_options: dict[str, Any] = {}
"""Those with which `install` was called: it is called with them in a child that is not forked, too."""


def install(*, kills: bool, pipe_capacity: int | None) -> None:
    """Have this process, and all that it will start, wait for their turns once they are actors (see `join`).

    What records own code has to come after it: that then stands above, and sees what the program does.

    Args:
        kills: Whether processes are killed: one may be, then, before it releases a lock.
        pipe_capacity: How many bytes each pipe holds; None: as many as the system gives it.
    """
    _options.update(kills=kills, pipe_capacity=pipe_capacity)
    semaphores.install(kills=kills)
    descriptors.install(pipe_capacity)
    for each in (threads, processes, managers, escapes, clock):
        each.install()
    cpython.prepare_children_with(_prepare, _state)
    for module in (queues, pipes):  # which read and write past a connection where they can
        module.receiver = descriptors.receiver  # type: ignore[attr-defined]
        module.sender = descriptors.sender  # type: ignore[attr-defined]
    _control_memory()


def _state(name: str) -> tuple[Any, ...] | None:
    """Return what a child of that name needs that is not forked; None: it will not be an actor."""
    if actors.current() is None:
        return None
    return *actors.known(), name, clock.began, _options, _is_noted


def _prepare(
    path: str, names: dict[int, str], name: str, began: dict[str, int], options: dict[str, Any], is_noted: bool
) -> None:
    """Do in a child that is not forked what was done in the main program: it says hello as soon as it begins."""
    clock.began.update(began)
    actors.learn(path, names)
    actors.be(name)
    install(**options)
    if is_noted:
        note_what_is_made()


def note_what_is_made() -> None:
    """Have the names of what own code makes known, and what nobody can control."""
    global _is_noted
    from run_scenario.runtime.script import announcements  # of which a scenario has no use

    _is_noted, announcements.noted = True, _note_made


def _note_made(number: int, kind: str, name: str) -> None:
    actors.name_resource(number, name)
    if kind in _RAW:
        escapes.note_raw_memory()


def _control_memory() -> None:
    """Have values and arrays without a lock controlled: with one, their lock is."""
    for kind in (shared.RawValue, shared.RawArray):
        for name in ("__getitem__", "__setitem__"):
            if hasattr(kind, name):
                setattr(kind, name, _in_turn(getattr(kind, name), "read" if name == "__getitem__" else "write"))
    plain: Any = shared.RawValue.value
    shared.RawValue.value = property(_in_turn(plain.fget, "read"), _in_turn(plain.fset, "write"))


def _in_turn(plain: Any, what: str) -> Any:
    """Return a method that waits for its turn first; `what` it does, in a word."""

    def method(self: Any, *args: Any) -> Any:
        actor = actors.current()
        if actor is None:
            return plain(self, *args)
        name = actors.resource_name(self._index)
        return actor.perform(what, f"memory {name}", lambda: (plain(self, *args),), label=f"{name}.{what}()")[0]

    return method
