"""Blocks of shared memory, and lists in them: multiprocessing's own, which also record.

What is read and written through a block's buffer is seen by nobody, and not recorded.
"""

from __future__ import annotations

import contextlib
import itertools
from multiprocessing import shared_memory
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes
from run_scenario.recording.describe import describe, describe_elements
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives.list_elements import element_place, fits

if TYPE_CHECKING:
    from run_scenario.scenario.model import SharedSpec

_numbers = itertools.count(1)


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


class _Unrecorded:
    """A ShareableList whose elements are read without being recorded."""

    def __init__(self, made: ShareableList) -> None:
        self._made = made

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, position: int) -> Any:
        return shared_memory.ShareableList.__getitem__(self._made, position)


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
        recorder.emit(codes.VALUE_FINAL, self._index, describe_elements(_Unrecorded(self)))
        self.shm.close()
        recorder.emit(codes.MEMORY_CLOSED, self._index)
        recorder.emit(codes.MEMORY_UNLINKED, self._index)
        self.shm.unlink()
