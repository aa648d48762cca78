"""Recordings of runs whose runner was killed: the supervisor stores them, `run-scenario recover` reads them.

    $TMPDIR/run-scenario-kept-RUN/     private to the user; the newest few alone
        PID-….0, PID-….f1, …           the segments of its processes, and the files of their output
        request                        what was run, and when it began

A folder is only ever taken for one if it is the user's own and nobody else may write there, and what is unpickled of it
can name nothing but the package's own values.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import stat
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from run_scenario.errors import UsageError
from run_scenario.runtime.platform.system import default_start_method
from run_scenario.runtime.run_folder import bases, remove_folder
from run_scenario.runtime.run_request import RunRequest
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.outcome import Outcome
    from run_scenario.events.reasons import Wording
    from run_scenario.runtime.run_follower import Sink

MOST = 5
"""Recordings that are stored at most; the oldest ones are removed."""
MOST_BYTES = 256 * 1024 * 1024
"""Bytes that all of them may take together."""
_PREFIX = "run-scenario-kept-"
_REQUEST = "request"
_LARGEST_REQUEST = 64 * 1024 * 1024
_RUNNER_KILLED = "run-scenario itself was killed; this is what had been recorded by then"


class ArchivedRun(Value):
    """Where a recording is stored."""

    run: str
    folder: str
    ended: float
    """When it was stored, in seconds since the epoch."""
    size: int
    """Bytes on disk."""


class Recording(Value):
    """What is needed to decode a recording: the request, the supervisor's pid, and when all was over (monotonic ns)."""

    request: RunRequest
    supervisor_pid: int
    ended: int


def store(request: RunRequest) -> None:
    """Store the recording of a run whose runner is dead; remove the oldest recordings if there are too many."""
    folder = request.folder
    try:
        if request.script is not None:  # whose arguments nobody needs any more
            request = request.replace(script=request.script.replace(arguments=()))
        recording = Recording(request, os.getpid(), time.monotonic_ns())
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(os.path.join(folder, _REQUEST), flags, 0o600)
        with open(descriptor, "wb") as file:
            pickle.dump(recording, file)
        os.chmod(folder, 0o700)
        os.rename(folder, os.path.join(os.path.dirname(folder), f"{_PREFIX}{request.run}"))
    except OSError:  # the disk is full, or a target has removed it
        remove_folder(folder)
    _remove_too_many(os.path.dirname(folder))


def _remove_too_many(base: str) -> None:
    room = MOST_BYTES
    for number, each in enumerate(_in(base)):
        room -= each.size
        if number >= MOST or (room < 0 and number > 0):  # the newest, however large, is what somebody will ask for
            remove_folder(each.folder)


def recordings() -> list[ArchivedRun]:
    """Return the recordings that are stored, the newest first."""
    found = {each.folder: each for base in bases() for each in _in(base)}
    return sorted(found.values(), key=lambda each: each.ended, reverse=True)


def _in(base: str) -> list[ArchivedRun]:
    found = []
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _is_own(entry.path):
                size = sum(_size(file) for file in os.scandir(entry.path))
                ended = os.stat(os.path.join(entry.path, _REQUEST)).st_mtime
                found.append(ArchivedRun(entry.name.removeprefix(_PREFIX), entry.path, ended, size))
    return sorted(found, key=lambda each: each.ended, reverse=True)


def _size(entry: os.DirEntry[str]) -> int:
    return entry.stat(follow_symlinks=False).st_blocks * 512


def _is_own(folder: str) -> bool:
    """Return whether a folder belongs to this user and to nobody else: temporary folders are open to all."""
    try:
        status, file = os.lstat(folder), os.lstat(os.path.join(folder, _REQUEST))
    except OSError:
        return False
    private = not stat.S_IMODE(status.st_mode) & 0o077
    own = status.st_uid == file.st_uid == os.geteuid()
    return own and private and stat.S_ISDIR(status.st_mode) and stat.S_ISREG(file.st_mode)


class _OnlyValues(pickle.Unpickler):
    """Makes values of this package and nothing else: what a target has written there cannot call anything."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("builtins", "frozenset"), ("builtins", "set"), ("builtins", "complex")):
            return super().find_class(module, name)
        if module.startswith("run_scenario.") and name.isidentifier():
            found = super().find_class(module, name)
            if isinstance(found, type) and issubclass(found, Value):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a request")


def read(archived: ArchivedRun) -> Recording:
    """Return what is stored about a run.

    Raises:
        UsageError: that cannot be read.
    """
    try:
        with open(os.path.join(archived.folder, _REQUEST), "rb") as file:
            found = _OnlyValues(io.BytesIO(file.read(_LARGEST_REQUEST))).load()
        if isinstance(found, Recording):
            return found
        why = "it is something else"
    except Exception as error:
        why = str(error)
    raise UsageError(f"the recording in {archived.folder} cannot be read: {why}; another version may have made it")


def recover(archived: ArchivedRun, sinks: Sequence[Sink], wording: Wording) -> Outcome:
    """Decode a recording from its beginning to its end, for the sinks; return the outcome of the run.

    `wording` makes the sentences that the log has.

    Raises:
        UsageError: it cannot be read.
        MachineryError: the log cannot be written.
    """
    # The supervisor stores a recording when the run is over, perhaps for want of memory; it needs no decoder.
    from run_scenario.runtime.run_follower import RunFollower

    recording = read(archived)
    request = recording.request
    method = request.scenario.start_method or default_start_method()
    for sink in sinks:
        sink.open()
    follower = RunFollower(
        request.replace(folder=archived.folder),
        recording.supervisor_pid,
        sinks,
        method,
        discard=lambda path: None,  # whoever recovers may want to do so again
        wording=wording,
        clock=lambda: recording.ended,
    )
    follower.begin(None)
    return follower.conclude(0, [_RUNNER_KILLED])


def remove(archived: ArchivedRun) -> None:
    """Remove a recording."""
    remove_folder(archived.folder)
