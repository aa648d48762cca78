"""What a script has called by others, processes and pools: by which name a scenario finds it, and what it is given.

Both are recorded where a process is started or a pool is called, and nothing of the script's own is run for it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from types import FunctionType, MethodType
from typing import Any

from run_scenario.recording.data import Former, NotDataError, RecordedArgument, RecordedResource
from run_scenario.recording.describe import describe
from run_scenario.runtime import cpython

_PRIMITIVES = "run_scenario.runtime.primitives."
_MOST_ARGUMENTS = 64


def call_of_process(process: BaseProcess) -> tuple[str, list[RecordedArgument]]:
    """Return the path of what a process is to call, and the arguments; an empty path if it has none.

    A subclass that says itself what its processes do is called as it is, if nothing has to be given to it.
    """
    target, args, kwargs = cpython.call_of(process)
    kind = type(process)
    if kind.run is not BaseProcess.run:
        plain = kind.__init__ is BaseProcess.__init__ and target is None and not args and not kwargs
        return (path_of(kind), []) if plain else ("", [])
    return call_of(target, args, kwargs)


def call_of(called: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, list[RecordedArgument]]:
    """Return the path of a function, and its arguments; an empty path if it has none."""
    while type(called) is partial:
        args, kwargs, called = (*called.args, *args), {**called.keywords, **kwargs}, called.func
    path = path_of(called)
    if not path or len(args) + len(kwargs) > _MOST_ARGUMENTS:
        return "", []
    names, former = _parameters(called), Former()
    positional = [_argument(names[n] if n < len(names) else None, value, former) for n, value in enumerate(args)]
    return path, [*positional, *(_argument(name, value, former) for name, value in kwargs.items())]


def path_of(called: Any) -> str:
    """Return `module:qualified.name` of a function or class that its module has by that name; empty if it does not."""
    if type(called) is not FunctionType and not issubclass(type(called), type):
        return ""
    module, name = called.__module__, called.__qualname__
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        # Not by getattr(), which a module or a metaclass may answer in its own way.
        found = getattr(found, "__dict__", {}).get(part)
    if type(found) is staticmethod:
        found = found.__func__
    return f"{module}:{name}" if found is called else ""


def _parameters(function: Any) -> tuple[str, ...]:
    """Return the names of those parameters that can be given by position and by name."""
    code = getattr(function, "__code__", None)
    return () if code is None or code.co_posonlyargcount else code.co_varnames[: code.co_argcount]


def _argument(name: str | None, value: Any, former: Former) -> RecordedArgument:
    resource = resource_of(value)
    if resource is not None:
        argument: RecordedArgument = {"name": name, "resource": resource["resource"]}
        if "end" in resource:
            argument["end"] = resource["end"]
        return argument
    if type(value) in (list, tuple) and value and len(value) <= _MOST_ARGUMENTS:
        resources = [found for each in value if (found := resource_of(each)) is not None]
        if len(resources) == len(value):
            return {"name": name, "resources": resources}
    try:
        return {"name": name, "data": former.form(value)}
    except NotDataError:
        return {"name": name, "value": describe(value)}


def resource_of(value: Any) -> RecordedResource | None:
    """Return which recorded object something is; None if it is none."""
    if cpython.is_proxy(value):
        managers = sys.modules.get(f"{_PRIMITIVES}managers")
        held = managers.known().get(cpython.proxy_key(value)) if managers else None
        return None if held is None else {"resource": held.position}
    memory = sys.modules.get("run_scenario.runtime.script.memory")
    number = memory.number_of(value) if memory else None
    if number is not None:
        return {"resource": number}
    if type(value) is MethodType or not type(value).__module__.startswith(_PRIMITIVES):
        return None
    index = getattr(value, "_index", None)
    if not isinstance(index, int):
        return None
    end = getattr(value, "_end", None)
    return {"resource": index, "end": end} if isinstance(end, int) else {"resource": index}
