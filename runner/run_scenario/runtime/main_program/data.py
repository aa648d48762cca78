"""Makes what a scenario's data only describes: sets, calls, objects of own classes, the lines of files.

In two passes, so that nothing of a scenario is run before all of it was found to be allowed: `check` finds the code,
and `make` calls it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from run_scenario import targets
from run_scenario.runtime.child.own_frames import message_of
from run_scenario.runtime.consent import ObjectResolver, Resolver, check_call
from run_scenario.runtime.refusal import RefusedError
from run_scenario.scenario.data import CallSpec, LinesSpec, ObjectSpec, SetSpec, Unmade

MAX_FILE = 16 * 1024 * 1024
"""Bytes of the largest file whose lines are read."""


class DataMaker:
    """Makes what is described; own code is found by the resolvers, files in the scenario's `folder`."""

    def __init__(self, resolve: Resolver, resolve_object: ObjectResolver, folder: str) -> None:
        self._resolve = resolve
        self._resolve_object = resolve_object
        self._folder = folder

    def check(self, spec: Unmade) -> None:
        """Check that something can be made, without running code of its own; its modules are imported.

        Raises:
            RefusedError: it may not be made, is not there, or takes other arguments.
            ValueError: there is no such work function.
        """
        match spec:
            case CallSpec():
                targets.make_item(spec, self._resolve)
            case ObjectSpec():
                function = self._resolve_object(spec.function)
                check_call(spec.function, function, spec.args, [*spec.kwargs], "`args` or `kwargs`")
            case LinesSpec():
                self._lines(spec)

    def function(self, spec: CallSpec | ObjectSpec) -> Callable[..., Any]:
        """Return what is called, of something that was checked."""
        if isinstance(spec, ObjectSpec):
            return self._resolve_object(spec.function)
        return targets.find_function(spec.function, self._resolve)

    def make(self, spec: Unmade) -> Any:
        """Return what was described.

        Raises:
            RefusedError: own code raised an exception, or what it made cannot be where it is wanted.
        """
        match spec:
            case CallSpec():
                return targets.make_item(spec, self._resolve)
            case SetSpec():
                return _guarded("a set", lambda: set(spec.elements))
            case LinesSpec():
                return self._lines(spec)
        function = self._resolve_object(spec.function)
        return _guarded(f"{spec.function!r}", lambda: function(*spec.args, **spec.kwargs))

    def _lines(self, spec: LinesSpec) -> list[str]:
        """Return the lines of a text file, without what ends them.

        Raises:
            RefusedError: it is not in the scenario's folder, no regular file, too large, or no UTF-8.
        """
        folder = os.path.realpath(self._folder)
        path = os.path.realpath(os.path.join(folder, spec.path))
        what = f"cannot read the file {spec.path!r}"
        if os.path.commonpath([folder, path]) != folder:
            raise RefusedError(f"{what}: a link leads out of the scenario's folder", kind="no_file")
        try:
            # Whatever is put in its place meanwhile: it is what was opened that is asked; a FIFO is not waited for.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise RefusedError(f"{what}: it is no regular file", kind="no_file")
                with open(descriptor, "rb", closefd=False) as file:
                    data = file.read(MAX_FILE + 1)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RefusedError(f"{what} in {folder}: {error.strerror}", kind="no_file") from error
        if len(data) > MAX_FILE:
            raise RefusedError(f"{what}: it has more than {MAX_FILE:,} bytes", kind="no_file")
        try:
            return data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise RefusedError(f"{what}: it is no UTF-8 at byte {error.start:,}", kind="no_file") from error


def _guarded(what: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (Exception, SystemExit) as error:
        name, text = type(error).__name__, message_of(error, 300)
        raise RefusedError(f"cannot make {what}: {name}: {text}", kind="not_made") from error
