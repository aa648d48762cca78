"""How the calls on what a manager holds are recorded that a lock, an event, a value and the like have, too.

They are the records of multiprocessing's own objects (see `sync` and `shared`), made where a proxy makes its call. An
acquire is recorded after it, a release before it, a write before it, a read after it: so causes come before their
effects here as well. Whether a release will fail is known if this process has acquired before; otherwise the manager is
asked for its object's representation, which is what any program can ask for.

A manager serves each connection in a thread. Whoever waits, waits for its answer; and when a process ends in the middle
of a wait, that thread goes on waiting in its place.
"""

from __future__ import annotations

import contextlib
import os
from _thread import get_ident
from array import array
from collections import Counter
from collections.abc import Callable
from threading import BrokenBarrierError
from typing import Any, NamedTuple

from run_scenario.recording import codes, layout
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import packed_timeout, recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives.elements import REFUSALS, place_of, record_element
from run_scenario.runtime.primitives.waiting import Waiting

Call = Callable[..., Any]
"""Makes a call of the proxy: the method's name, and its arguments."""


class Held(NamedTuple):
    """What a proxy stands for."""

    position: int
    """Position among the scenario's resources."""
    type: str = ""
    """Its type there; empty if all that is done with it is recorded as a call."""
    lock: int = -1
    """Position of what is acquired by it: of itself, or of the lock that a condition was given."""
    lock_type: str = ""
    timeout: float | None = None
    """How long a barrier waits if nothing else is said."""
    typecode: str = ""
    size: int = 0
    """Of an array: what it holds, and how many elements."""


_held_here: Counter[tuple[int, int]] = Counter()
"""Position of a lock, and thread if it belongs to one -> how often it was acquired here, and not released."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_held_here.clear)


def _note(code: int, index: int, since: int = 0, value: int = 0, timeout: float | None = None) -> None:
    recorder.fixed(code, layout.V_INT, index, packed_timeout(timeout), value, since)


def _wait(kind: int, index: int, timeout: float | None, call: Call, *given: Any) -> tuple[Any, int]:
    """Make a call in a wait; return its result, and when the wait began."""
    waiting = Waiting(kind, index, timeout)
    try:
        return call(*given), waiting.since
    finally:
        waiting.over()


def _ask(held: Held, call: Call, *given: Any) -> Any:
    return _wait(codes.W_MANAGER, held.position, None, call, *given)[0]


# Locks and semaphores


def _key(held: Held) -> tuple[int, int]:
    return held.lock, get_ident() if held.lock_type == "RLock" else 0


def _acquire(held: Held, call: Call, blocking: bool = True, timeout: float | None = None) -> bool:
    if timeout == -1 and held.lock_type in ("Lock", "RLock"):  # as theirs is where there is none
        timeout = None
    given = (blocking,) if timeout is None else (blocking, timeout)
    if timeout is None or (blocking and timeout > 0):
        acquired: bool = _ask(held, call, "acquire", False)
        if not acquired and blocking:
            return _wait_for_lock(held, call, *given)
    else:  # which it may refuse
        acquired = _ask(held, call, "acquire", *given)
    if acquired:
        _note_acquired(held)
    else:
        recorder.note_answer((codes.NOT_ACQUIRED, held.lock, 0), False)
    return acquired


def _wait_for_lock(held: Held, call: Call, *given: Any) -> bool:
    _note(codes.ACQUIRING, held.lock)
    timeout = given[1] if len(given) > 1 else None
    acquired, since = _wait(codes.W_ACQUIRE, held.lock, timeout, call, "acquire", *given)
    if acquired:
        _note_acquired(held, since)
    else:
        _note(codes.NOT_ACQUIRED, held.lock, since, timeout=timeout)
    return bool(acquired)


def _note_acquired(held: Held, since: int = 0) -> None:
    _held_here[_key(held)] += 1
    _note(codes.ACQUIRED, held.lock, since)


def _release(held: Held, call: Call) -> None:
    if _is_releasable(held, call):
        _note_released(held)
    _ask(held, call, "release")


def _note_released(held: Held) -> None:
    if _held_here[_key(held)]:
        _held_here[_key(held)] -= 1
    _note(codes.RELEASED, held.lock)


def _is_releasable(held: Held, call: Call) -> bool:
    """Tell whether a release will succeed: who holds an RLock knows it, and anybody may release a lock."""
    if _held_here[_key(held)]:
        return True
    if held.lock_type == "RLock":
        return False
    return held.lock_type == "Semaphore" or cpython.is_releasable(_ask(held, call, "__repr__"))


# Events, conditions and barriers


def _is_set(held: Held, call: Call) -> bool:
    answer: bool = _ask(held, call, "is_set")
    recorder.note_answer((codes.EVENT_ASKED, held.position, 0), answer)
    return answer


def _set(held: Held, call: Call) -> None:
    _note(codes.EVENT_SET, held.position)
    _ask(held, call, "set")


def _clear(held: Held, call: Call) -> None:
    _ask(held, call, "clear")
    _note(codes.EVENT_CLEARED, held.position)


def _wait_for_event(held: Held, call: Call, timeout: float | None = None) -> bool:
    _note(codes.EVENT_WAITING, held.position)
    answer, since = _wait(codes.W_EVENT, held.position, timeout, call, "wait", timeout)
    _note(codes.EVENT_WAITED, held.position, since, answer, timeout)
    return bool(answer)


def _wait_for_notice(held: Held, call: Call, timeout: float | None = None) -> bool:
    times = _held_here[_key(held)]
    if not times:
        return bool(_ask(held, call, "wait", timeout))  # it refuses to
    _note(codes.CONDITION_WAITING, held.position)
    for _ in range(times):
        _note_released(held)
    answer, since = _wait(codes.W_CONDITION, held.position, timeout, call, "wait", timeout)
    for _ in range(times):
        _note_acquired(held)
    _note(codes.CONDITION_WOKEN, held.position, since, answer, timeout)
    return bool(answer)


def _notify(held: Held, call: Call, n: int = 1) -> None:
    _note_notified(held, n)
    _ask(held, call, "notify", n)


def _notify_all(held: Held, call: Call) -> None:
    _note_notified(held, 1 << 31)
    _ask(held, call, "notify_all")


def _note_notified(held: Held, most: int) -> None:
    if _held_here[_key(held)]:  # otherwise it refuses to
        _note(codes.CONDITION_NOTIFIED, held.position, value=min(most, 1 << 31))


def _meet(held: Held, call: Call, timeout: float | None = None) -> int:
    _note(codes.BARRIER_WAITING, held.position)
    waiting = Waiting(codes.W_BARRIER, held.position, held.timeout if timeout is None else timeout)
    try:
        number: int = call("wait", timeout)
    except BrokenBarrierError:
        _note(codes.BARRIER_BROKEN, held.position, waiting.since, timeout=timeout)
        raise
    finally:
        waiting.over()
    _note(codes.BARRIER_PASSED, held.position, waiting.since, number)
    return number


def _abort(held: Held, call: Call) -> None:
    _note(codes.BARRIER_ABORTED, held.position)
    _ask(held, call, "abort")


def _reset(held: Held, call: Call) -> None:
    _note(codes.BARRIER_RESET, held.position)
    _ask(held, call, "reset")


# Values and arrays


def _get(held: Held, call: Call) -> Any:
    content = _ask(held, call, "get")
    recorder.note_answer((codes.VALUE_READ, held.position, 0), content)
    return content


def _put(held: Held, call: Call, content: Any) -> None:
    record_element(codes.VALUE_WRITTEN, held.position, 0, content)
    _ask(held, call, "set", content)


def _get_element(held: Held, call: Call, at: Any) -> Any:
    content = _ask(held, call, "__getitem__", at)
    answer = list(content) if isinstance(content, array) else content
    recorder.note_answer((codes.ARRAY_READ, held.position, place_of(at, _length(held, call, at))), answer)
    return content


def _put_element(held: Held, call: Call, at: Any, content: Any) -> None:
    with contextlib.suppress(*REFUSALS):  # the write itself raises, and nothing was written
        length = _length(held, call, at)
        place = place_of(at, length)
        if isinstance(place, int):
            place = range(length)[place]
        stored: Any = list(content) if isinstance(content, array) else array(held.typecode, [content])[0]
        record_element(codes.ARRAY_WRITTEN, held.position, place, stored)
    _ask(held, call, "__setitem__", at, content)


def _length(held: Held, call: Call, at: Any) -> int:
    """Return how many elements an array has: a slice may have changed that, but not where `at` is inside of it."""
    if isinstance(at, int) and 0 <= at < held.size:
        return held.size
    return int(_ask(held, call, "__len__"))


def _len(held: Held, call: Call) -> int:
    return int(_ask(held, call, "__len__"))


def record_final(held: Held, call: Call) -> None:
    """Record what a value or an array holds at the end of the main program."""
    with contextlib.suppress(EOFError, OSError):  # its manager has ended
        content = call("get") if held.type == "ManagerValue" else list(call("__getitem__", slice(None)))
        recorder.emit(codes.VALUE_FINAL, held.position, describe(content))


_LOCK: dict[str, Callable[..., Any]] = {"acquire": _acquire, "release": _release}
_RECORDED: dict[str, dict[str, Callable[..., Any]]] = {
    **dict.fromkeys(("Lock", "RLock", "Semaphore", "BoundedSemaphore"), _LOCK),
    "Event": {"is_set": _is_set, "set": _set, "clear": _clear, "wait": _wait_for_event},
    "Condition": {**_LOCK, "wait": _wait_for_notice, "notify": _notify, "notify_all": _notify_all},
    "Barrier": {"wait": _meet, "abort": _abort, "reset": _reset},
    "ManagerValue": {"get": _get, "set": _put},
    "ManagerArray": {"__getitem__": _get_element, "__setitem__": _put_element, "__len__": _len},
}
"""Type -> method of its proxy -> what makes and records the call."""


def recorded(held: Held, method: str) -> Callable[..., Any] | None:
    """Return what makes and records a call of this method; None: it is one of those that are recorded as such."""
    return _RECORDED.get(held.type, {}).get(method)
