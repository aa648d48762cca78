"""Has the shared memory of own code recorded: who creates a block, attaches to it, closes it and removes it.

The methods of multiprocessing's own classes are replaced, as those of `BaseProcess` are: so each block is of its own
class, is pickled as ever, and is recorded wherever it is made, by a library, a manager or the unpickling of an
argument. What is read and written through a block's buffer is seen by nobody; the elements of a ShareableList are.

A block is known by its file in the system's memory, whatever it is called there. Its number stands under that in a
folder of the run: whoever attaches to it finds it there, and so does the supervisor at the end, who looks what is left.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from multiprocessing import shared_memory
from typing import Any

from run_scenario.recording import codes, room
from run_scenario.recording.data import NotDataError, data_of
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder
from run_scenario.recording.replacements import replace
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives.list_elements import element_place, fits
from run_scenario.runtime.run_folder import note_block, number_of_block
from run_scenario.runtime.script.announcements import announce_resource

_PRIMITIVES = "run_scenario.runtime.primitives."


class _Making(threading.local):
    """The ShareableList that this thread makes, while its block is made."""

    of: Any = None
    content: dict[str, Any] | None = None


_making = _Making()


def _nothing() -> None:
    """Stand for a reference to a block."""


_numbers: dict[int, tuple[Callable[[], Any], int]] = {}
"""Address of a block -> a weak reference to it, and its number: a block itself has no attribute for that."""


def record_memory(module: Any) -> None:
    """Have the blocks and lists recorded that are made from now on; `module` is multiprocessing.shared_memory."""
    block, row = module.SharedMemory, module.ShareableList
    if hasattr(block.__init__, "__wrapped__"):
        return
    for kind, replacements in ((block, _OF_BLOCKS), (row, _OF_LISTS)):
        for name, replacement in replacements.items():
            replace(kind, name, _recorded(getattr(kind, name), replacement))


def number_of(value: Any) -> int | None:
    """Return the number of a block or a list of own code; None: it is none, or not recorded."""
    block = vars(value).get("shm") if issubclass(type(value), shared_memory.ShareableList) else value
    if not issubclass(type(block), shared_memory.SharedMemory):
        return None
    of, number = _numbers.get(id(block), (_nothing, 0))
    return number if of() is block else None


def _records_itself(value: Any) -> bool:
    """Tell whether it is one that a scenario describes."""
    return type(value).__module__.startswith(_PRIMITIVES)


def _recorded(plainly: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plainly)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        described = (_records_itself(self) or _records_itself(_making.of)) and replacement is not _make_list
        if described or not recorder.run_ref.folder:
            return plainly(self, *args, **kwargs)
        return replacement(functools.partial(plainly, self), self, *args, **kwargs)

    return method


# Blocks


def _make_block(plainly: Callable[..., None], self: Any, *args: Any, **kwargs: Any) -> None:
    if args[1] if len(args) > 1 else kwargs.get("create", False):
        _create(plainly, self, args, kwargs)
    else:
        plainly(*args, **kwargs)
        _note_attached(self)


def _kind() -> str:
    return "SharedMemory" if _making.of is None else "ShareableList"


def _create(plainly: Callable[..., None], self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    is_made = False

    def make(number: int) -> Any:
        # Nobody else can look for its number meanwhile, which is not there yet.
        nonlocal is_made
        plainly(*args, **kwargs)
        is_made = True
        return self

    def then(number: int) -> None:
        _numbers[id(self)] = weakref.ref(self), number
        _emit(codes.MEMORY_CREATED, self, number)
        _note(self, number)

    size = args[2] if len(args) > 2 else kwargs.get("size", 0)
    announce_resource(_kind(), size, make=make, then=then, **(_making.content or {}))
    if not is_made:
        plainly(*args, **kwargs)


def _note_attached(self: Any) -> None:
    folder, file = recorder.run_ref.folder, cpython.memory_file(self)
    known = number_of_block(folder, file)
    if known is None:
        found: list[int] = []

        def make(number: int) -> int | None:
            again = number_of_block(folder, file)  # whoever creates it was about to note that
            if again is not None:
                found.append(again)
            return number if again is None else None

        made = announce_resource(_kind(), self.size, make=make, then=lambda number: _note(self, number), name=self.name)
        known = found[0] if found else made
    if known is not None:
        _numbers[id(self)] = weakref.ref(self), known
        _emit(codes.MEMORY_ATTACHED, self, known)


def _emit(code: int, self: Any, number: int) -> None:
    tracker = cpython.tracker_of(self)
    recorder.emit(code, number, self.name, self.size, *([tracker] if tracker else []))


def _note(self: Any, number: int) -> None:
    try:
        note_block(recorder.run_ref.folder, cpython.memory_file(self), number, self.name)
    except OSError as error:
        room.note_end(recorder.run_ref.folder, error.errno or 0)


def _close(plainly: Callable[..., None], self: Any, *wrong: Any) -> None:
    number, was_open = number_of(self), cpython.is_mapped(self)
    plainly(*wrong)
    if number is not None and was_open:
        recorder.emit(codes.MEMORY_CLOSED, number)


def _collect(plainly: Callable[[], None], self: Any) -> None:
    _numbers.pop(id(self), None)  # what Python does on its own is not recorded
    plainly()


def _unlink(plainly: Callable[..., None], self: Any, *wrong: Any) -> None:
    number = number_of(self)
    plainly(*wrong)  # which may raise: somebody else has removed it
    if number is not None:
        recorder.emit(codes.MEMORY_UNLINKED, number)


# Lists


def _make_list(plainly: Callable[..., None], self: Any, *args: Any, **kwargs: Any) -> None:
    before = _making.of, _making.content
    _making.of, _making.content = self, _content(args[0] if args else kwargs.get("sequence"))
    try:
        plainly(*args, **kwargs)
    finally:
        _making.of, _making.content = before


def _content(sequence: Any) -> dict[str, Any]:
    try:
        return {"value": data_of(list(sequence))} if type(sequence) in (list, tuple) else {}
    except NotDataError:
        return {}


def _read(plainly: Callable[..., Any], self: Any, position: Any) -> Any:
    content = plainly(position)
    number = number_of(self)
    if number is not None:
        recorder.note_answer((codes.ARRAY_READ, number, element_place(self, position)), content)
    return content


def _write(plainly: Callable[..., None], self: Any, position: Any, value: Any) -> None:
    number = number_of(self)
    if number is not None and fits(self, position, value):
        recorder.emit(codes.ARRAY_WRITTEN, number, element_place(self, position), describe(value), 0)
    plainly(position, value)


_OF_BLOCKS: dict[str, Callable[..., Any]] = {
    "__init__": _make_block,
    "__del__": _collect,
    "close": _close,
    "unlink": _unlink,
}
_OF_LISTS: dict[str, Callable[..., Any]] = {"__init__": _make_list, "__getitem__": _read, "__setitem__": _write}
