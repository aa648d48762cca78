"""The semaphores on which multiprocessing's locks, queues, conditions, events and barriers are built, controlled."""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]
from typing import Any

from run_scenario.runtime.control import actors
from run_scenario.runtime.cpython import frames_of_caller

_Plain: Any = _multiprocessing.SemLock
_RECURSIVE = 0
"""The kind of a lock that its owner may acquire again (see multiprocessing.synchronize)."""
_ASKING = ("qsize", "get_value")


class _Name(str):
    """The name of a semaphore, by which a child that is not forked finds it, with the key that it has everywhere."""

    key: str


class SemLock:
    """Stands for `_multiprocessing.SemLock`, which it has and uses.

    Nobody waits for a turn to release: others see that only at their own next operation. But where processes are
    killed, one may be killed before it: then `waits_to_release` is true.
    """

    SEM_VALUE_MAX: int = _Plain.SEM_VALUE_MAX
    waits_to_release = False

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self._take(_Plain(kind, value, maxvalue, name, unlink), actors.own_key("semaphore "))

    @classmethod
    def _rebuild(cls, handle: int, kind: int, maxvalue: int, name: str) -> SemLock:
        """Stand for how a child that is not forked makes it; without a key it was made where nobody is controlled."""
        made = cls.__new__(cls)
        key = name.key if isinstance(name, _Name) else actors.own_key("semaphore ")
        made._take(_Plain._rebuild(handle, kind, maxvalue, name), key)
        return made

    def _take(self, plain: Any, key: str) -> None:
        self._plain, self._key = plain, key
        self.handle, self.kind, self.maxvalue, self.name = plain.handle, plain.kind, plain.maxvalue, plain.name
        if self.name is not None:
            self.name = _Name(self.name)
            self.name.key = key
        self._count, self._is_mine, self._is_zero = plain._count, plain._is_mine, plain._is_zero
        self._after_fork = plain._after_fork

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Acquire it as the plain one does."""
        actor, plain = actors.current(), self._plain
        if actor is None or (self.kind == _RECURSIVE and plain._is_mine()):
            return bool(plain.acquire(block, timeout))
        blocks = bool(block) and (timeout is None or timeout > 0)
        return bool(actor.perform("acquire", self._key, lambda: plain.acquire(False), blocks=blocks, timeout=timeout))

    def release(self) -> None:
        """Release it as the plain one does."""
        if (self.waits_to_release or actors.is_hunted) and (actor := actors.current()) is not None:
            actor.perform("release", self._key, lambda: True)
        self._plain.release()
        actors.touch(self._key)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _get_value(self) -> int:
        actor = actors.current()
        if actor is not None and next(frames_of_caller()).f_code.co_name in _ASKING:
            actor.perform("ask", self._key, lambda: True)
        return int(self._plain._get_value())


def install(*, kills: bool) -> None:
    """Have all semaphores that are made from now on controlled; `kills`: whether processes are killed."""
    SemLock.waits_to_release = kills
    _multiprocessing.SemLock = SemLock
