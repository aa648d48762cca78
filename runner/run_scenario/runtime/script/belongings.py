"""Which recorded objects a process is given when it is started: in its arguments, its attributes, or deep inside them.

A forked process has all that there is; what its function mentions by name is given to it as well.

Nothing of the script's own is run for it: the garbage collector knows what an object refers to.
"""

from __future__ import annotations

import gc
from multiprocessing.process import BaseProcess
from types import FunctionType, ModuleType
from typing import Any

from run_scenario.recording.data import RecordedResource
from run_scenario.runtime import cpython
from run_scenario.runtime.script.calls import resource_of

_MOST_OBJECTS = 2_000
_MOST_PARTS = 20_000
_OF_EACH_PROCESS = frozenset(("_config", "_identity", "_popen", "_parent_pid", "_parent_name", "_name", "_closed"))
_PICKLING = ("__reduce__", "__reduce_ex__", "__getstate__")
_OF_PYTHON = ("builtins", "collections", "functools")
"""Modules whose classes give a child all that they refer to."""


Belongings = tuple[list[RecordedResource], bool]
"""Recorded objects, each once, and whether these are all for certain."""


def belongings(process: BaseProcess) -> Belongings:
    """Return what a process is given."""
    given = [value for name, value in vars(process).items() if name not in _OF_EACH_PROCESS]
    forked = cpython.start_method_of(process) == "fork"
    return recorded_in([*given, type(process).run] if forked else given, forked=forked)


def recorded_in(rest: list[Any], *, forked: bool) -> Belongings:
    """Return which recorded objects there are in `rest`, which is used up; `forked`: a forked process is given it."""
    given: list[RecordedResource] = []
    seen: set[int] = set()
    whole = True
    while rest:
        value = rest.pop()
        # What the garbage collector does not watch refers to nothing that it does.
        if id(value) in seen or not gc.is_tracked(value) or issubclass(type(value), type | ModuleType):
            continue
        seen.add(id(value))
        if len(seen) > _MOST_OBJECTS:
            return given, False
        found = resource_of(value)
        if found is not None:
            if found not in given:
                given.append(found)
            rest.append(getattr(value, "_lock", None))  # of a condition or a value: it may be one of the script's
        elif _has_own_pickling(type(value)):
            whole = False
        else:
            parts = _parts_of(value, forked)
            whole = whole and len(parts) <= _MOST_PARTS
            rest += parts[:_MOST_PARTS]
    return given, whole


def _has_own_pickling(kind: type) -> bool:
    """Tell whether instances say themselves what a child gets of them: what they refer to need not be that."""
    return any(name in vars(each) for each in kind.__mro__ for name in _PICKLING if each.__module__ not in _OF_PYTHON)


def _parts_of(value: Any, forked: bool) -> list[Any]:
    if type(value) is not FunctionType:
        return gc.get_referents(value)
    parts: list[Any] = [value.__closure__, value.__defaults__, value.__kwdefaults__]
    if forked:  # a child that is not makes what its module has anew
        parts += [value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__]
    return parts
