"""What own code makes is announced: each thing gets a number, and a name from the line that has made it.

A scenario's resources and processes have numbers by their order in its file. What a script or a target makes is counted
on from there, in files of the run, since any of its processes may make some: as many bytes as there are things.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any
from zlib import crc32

from run_scenario.recording import codes, room
from run_scenario.recording.packing import whole_number
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.child import own_children
from run_scenario.runtime.script.belongings import belongings
from run_scenario.runtime.script.calls import call_of_process

MOST_RESOURCES = 1024
"""Objects of own code that are recorded in one run; later ones are multiprocessing's own, and the log says so."""
MOST_PROCESSES = 65_000
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_MACHINERY = frozenset({"multiprocessing", "concurrent", "run_scenario"})
"""Packages whose code makes things for others."""


def _number_alone(number: int) -> int:
    return number


def count_from(folder: str, resources: int, processes: int) -> None:
    """Have what is made from now on, in the run of a folder, get the numbers after those of a scenario."""
    for what, known in (("resources", resources), ("processes", processes)):
        counted = os.open(f"{folder}/{what}", _FLAGS, 0o600)
        os.ftruncate(counted, known)
        os.close(counted)


def counted(folder: str) -> tuple[int, int]:
    """Return how many numbers of resources and of processes there are in a run to which this process no longer belongs.

    Other threads that are just getting one are waited for; later ones get none.
    """
    sizes = []
    for what in ("resources", "processes"):
        with open(f"{folder}/{what}", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            sizes.append(os.fstat(file.fileno()).st_size)
            fcntl.flock(file, fcntl.LOCK_UN)  # to close it is not enough, see below
    return sizes[0], sizes[1]


def is_wanted() -> bool:
    """Tell whether the script itself, rather than multiprocessing, calls the function that asks."""
    _, caller, *_ = cpython.frames_of_caller()
    return _is_of_script(caller)


def _is_of_script(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] not in _MACHINERY


noted: Callable[[int, str, str], None] | None = None
"""Is called with number, class and a short name of each thing that is made, if somebody wants to know."""


def announce_resource(
    kind: str,
    size: Any = 0,
    lock: int = -1,
    *,
    make: Callable[[int], Any] = _number_alone,
    then: Callable[[int], None] | None = None,
    **more: Any,
) -> Any:
    """Have an object made that gets the next number, record that, and return the object; None if it is not recorded.

    `kind` is its class, `size` what its constructor takes, if that is a number, `lock` the number of the lock it uses;
    `more` are other arguments, as a scenario writes them. `make` gets the number; what it raises, or returns None for,
    is not recorded. Without it, the number is returned. `then` gets the number once it is recorded, before anybody
    else has anything made.
    """
    file, line, variable = _place_and_variable()

    def announce(number: int) -> Any:
        made, whole = make(number), whole_number(size)
        if whole is None:
            raise TypeError(f"{size!r} is no number")
        if made is not None:
            recorder.emit(codes.RESOURCE_MADE, number, kind, variable, file, line, whole, lock, more)
            if noted is not None:
                noted(number, kind, variable or f"{kind} ({os.path.basename(file)}:{line})")
            if then is not None:
                then(number)
        return made

    return _announce("resources", recorder.run_ref.queues, announce)


def announce_process(process: BaseProcess) -> int | None:
    """Record that a process is made that is to be started; return its number, None if it is not to be recorded."""
    name, target, method = str(process.name), cpython.target_of(process), cpython.start_method_of(process)
    call, given = call_of_process(process), belongings(process)

    def announce(number: int) -> int:
        recorder.emit(codes.PROCESS_MADE, number, name, target, bool(process.daemon), *call, method, *given)
        return number

    number: int | None = _announce("processes", MOST_PROCESSES, announce)
    return number


def announce_copy() -> int | None:
    """Record that os.fork() is about to make a copy; return the copy's number, None if it is not to be recorded."""
    frame = next(filter(_is_of_script, cpython.frames_of_caller()), None)
    function = frame.f_code.co_qualname if frame else ""
    where, threads = place(), own_children.other_threads()

    def announce(number: int) -> int:
        recorder.emit(codes.FORKING, number, function, *where, *threads)
        return number

    number: int | None = _announce("processes", MOST_PROCESSES, announce)
    return number


def announce_missing(what: str) -> None:
    """Record, once in a run, what of it is not recorded."""
    folder = recorder.run_ref.folder
    if not folder:  # a block has just ended
        return
    try:
        os.close(os.open(f"{folder}/missing-{crc32(what.encode()):x}", _FLAGS | os.O_EXCL, 0o600))
    except FileExistsError:  # it has been said
        return
    except OSError as error:
        room.note_end(folder, error.errno or 0)
        return
    recorder.emit(codes.NOT_RECORDED, what)


class _Announcing(threading.local):
    """Whether this thread announces something: a signal handler that comes in between would wait for itself."""

    now = False


_announcing = _Announcing()


def _announce(what: str, most: int, announce: Callable[[int], Any]) -> Any:
    """Announce something under the next number, so that the announcements come in the order of the numbers.

    What `announce` returns is returned; with None, or if it raises, nobody has that number yet.
    """
    if _announcing.now:
        announce_missing("what is made in the middle of making something else, as by a signal handler")
        return None
    folder = recorder.run_ref.folder
    if not folder:  # a block has just ended
        return None
    try:
        counted = os.open(f"{folder}/{what}", _FLAGS, 0o600)
    except OSError as error:  # the run is over, or what is made from now on cannot be told from one another
        room.note_end(folder, error.errno or 0)
        return None
    _announcing.now = True
    try:
        return _announce_next(counted, folder, what, most, announce)
    finally:
        _announcing.now = False
        fcntl.flock(counted, fcntl.LOCK_UN)  # to close it is not enough, should another thread have forked meanwhile
        os.close(counted)


def _announce_next(counted: int, folder: str, what: str, most: int, announce: Callable[[int], Any]) -> Any:
    """Do so with the file in which they are counted, which nobody else has until it is unlocked."""
    try:
        fcntl.flock(counted, fcntl.LOCK_EX)
        if recorder.run_ref.folder != folder:  # the block has ended meanwhile
            return None
        number = os.fstat(counted).st_size
        if number > most:
            return None
        os.write(counted, b".")
    except OSError as error:
        room.note_end(folder, error.errno or 0)
        return None
    if number == most:
        recorder.emit(codes.NOT_RECORDED, f"{what} after the first {most:,}")
        return None
    try:
        announced = announce(number)
    except Exception:
        os.ftruncate(counted, number)
        raise
    if announced is None:
        os.ftruncate(counted, number)
    return announced


def place() -> tuple[str, int]:
    """Return the file and line of the script that has called the function which asks; empty and 0: none has.

    An event loop calls it for a coroutine of the script (run_in_executor).
    """
    frames = filter(_is_of_script, cpython.frames_of_caller())
    frame = next((each for each in frames if not str(each.f_globals.get("__name__")).startswith("asyncio.")), None)
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)


def _place_and_variable() -> tuple[str, int, str]:
    """Return the file and line of the script that makes something, and the variable that gets it, if it is known."""
    frame = next(filter(_is_of_script, cpython.frames_of_caller()), None)
    if frame is None:
        return "", 0, ""
    line, last, column, end = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    if line is None or last is None or column is None or end is None:  # python -X no_debug_ranges
        return frame.f_code.co_filename, frame.f_lineno, ""
    # With `ast`, as long again as all that a spawned child imports of ours: for those that make something.
    from run_scenario.runtime.script.variables import variable_of

    file = frame.f_code.co_filename
    return file, line, variable_of(file, frame.f_globals, (line, column, last, end))
