"""Blocks of shared memory, and lists in them: multiprocessing's own, which also record.

What is read and written through a block's buffer is seen by nobody, and not recorded.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from multiprocessing import shared_memory
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython

if TYPE_CHECKING:
    from run_scenario.scenario.model import SharedSpec

_numbers = itertools.count(1)
_BIG = 1 << 63


def element_place(row: Any, position: Any) -> int:
    """Return which element of a ShareableList is meant, counted from 0."""
    at = operator.index(position)
    return at if at >= 0 else at + len(row)


def fits(row: Any, position: Any, value: Any) -> bool:
    """Tell whether a value can be stored in a ShareableList there: a text has as much room as the first one had."""
    if not hasattr(position, "__index__") or not 0 <= (place := element_place(row, position)) < len(row):
        return False
    if isinstance(value, str | bytes):
        offsets = cpython.allocated_offsets(row)
        length = len(value.encode() if isinstance(value, str) else value)
        return bool(length <= offsets[place + 1] - offsets[place])
    return value is None or type(value) in (bool, float) or (type(value) is int and -_BIG <= value < _BIG)


def create_memory(spec: SharedSpec, index: int) -> SharedMemory | ShareableList:
    """Return the block or list that `spec` describes.

    It is called after the run's prefix, so that it can be removed should everybody be killed.

    Raises:
        OSError: no room left.
    """
    name = f"{cpython.semaphore_prefix()}-m{next(_numbers)}".lstrip("/")
    if spec.type == "ShareableList":
        made = ShareableList(spec.value, name=name)
        made._index = index
        recorder.emit(codes.MEMORY_CREATED, index, name, made.shm.size)
        return made
    content = b"" if spec.value is None else str(spec.value).encode()
    block = SharedMemory(name, create=True, size=max(spec.size, len(content)))
    block._index = index
    block.buf[: len(content)] = content  # type: ignore[index]
    recorder.emit(codes.MEMORY_CREATED, index, name, block.size)
    return block


def _attach(index: int, run_ref: Any, name: str) -> SharedMemory:
    recorder.join_run(run_ref)
    block = SharedMemory(name)
    block._index = index
    recorder.emit(codes.MEMORY_ATTACHED, index, name, block.size)
    return block


def _attach_list(index: int, run_ref: Any, name: str) -> ShareableList:
    recorder.join_run(run_ref)
    attached = ShareableList(name=name)
    attached._index = index
    recorder.emit(codes.MEMORY_ATTACHED, index, name, attached.shm.size)
    return attached


class SharedMemory(shared_memory.SharedMemory):
    """`multiprocessing.shared_memory.SharedMemory`, recorded."""

    _index: int

    def __reduce__(self) -> Any:
        return _attach, (self._index, recorder.run_ref, self.name)

    def close(self) -> None:
        super().close()
        recorder.emit(codes.MEMORY_CLOSED, self._index)

    def unlink(self) -> None:
        recorder.emit(codes.MEMORY_UNLINKED, self._index)
        super().unlink()

    def release(self) -> None:
        """Close and remove it, as its maker does when nobody needs it any more."""
        self.close()
        self.unlink()

    def __del__(self) -> None:
        with contextlib.suppress(OSError, BufferError):
            super().close()  # what Python does on its own is not recorded


class ShareableList(shared_memory.ShareableList[Any]):
    """`multiprocessing.shared_memory.ShareableList`, recorded."""

    _index: int

    def __reduce__(self) -> Any:
        return _attach_list, (self._index, recorder.run_ref, self.shm.name)

    def __getitem__(self, position: int) -> Any:
        content = super().__getitem__(position)
        recorder.note_answer((codes.ARRAY_READ, self._index, element_place(self, position)), content)
        return content

    def __setitem__(self, position: int, value: Any) -> None:
        if fits(self, position, value):
            recorder.emit(codes.ARRAY_WRITTEN, self._index, element_place(self, position), describe(value), 0)
        super().__setitem__(position, value)

    def release(self) -> None:
        """Close and remove its block, as its maker does when nobody needs it any more; record what it held."""
        elements = [shared_memory.ShareableList.__getitem__(self, i) for i in range(len(self))]
        recorder.emit(codes.VALUE_FINAL, self._index, describe(elements))
        self.shm.close()
        recorder.emit(codes.MEMORY_CLOSED, self._index)
        recorder.emit(codes.MEMORY_UNLINKED, self._index)
        self.shm.unlink()
