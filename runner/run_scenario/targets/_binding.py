"""From names to functions and what they take: all that a main program needs of the built-ins.

What more there is to know about them is read in `_descriptions`, with the module inspect, which takes 8 ms to import.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from run_scenario.scenario.model import CallSpec
from run_scenario.suggestions import did_you_mean
from run_scenario.targets import _decorators
from run_scenario.targets._call import Call

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

    Function = Callable[..., Any]
    Resolve = Callable[[str], Function]

_TARGET_MODULES = (
    "_basics",
    "_queues",
    "_endings",
    "_faults",
    "_resources",
    "_output",
    "_pipes",
    "_sync",
    "_shared",
)
_WORK_MODULES = ("_work",)


def names() -> list[str]:
    """Return the names of the built-in targets, in the order in which they are documented."""
    return list(_registered(_TARGET_MODULES, _decorators.TARGETS))


def work_names() -> list[str]:
    """Return the names of the work functions, in the order in which they are documented."""
    return list(_registered(_WORK_MODULES, _decorators.WORK))


def target_function(name: str) -> FunctionType | None:
    """Return the built-in target called `name`, or None."""
    return _lookup(name, _TARGET_MODULES, _decorators.TARGETS)


def work_function(name: str) -> FunctionType | None:
    """Return the work function called `name`, or None."""
    return _lookup(name, _WORK_MODULES, _decorators.WORK)


def bind(
    target: str, args: Sequence[Any], kwargs: Mapping[str, Any], resolve: Resolve
) -> tuple[Function, tuple[Any, ...], dict[str, Any]]:
    """Turn a target and its arguments, as a scenario has them, into a function and what it takes.

    The value of a `work` parameter becomes the function itself, and a call among items the object that is put.
    `resolve` is called for everything that is spelled
    `package.module:function`, and is the one to refuse it. The arguments of a target that is not a built-in are
    passed on as they are. All of it can be pickled if the arguments can.

    Raises:
        ValueError: there is no such target, or no such work function.
    """
    if ":" in target:
        return resolve(target), tuple(args), dict(kwargs)
    function = target_function(target)
    if function is None:
        raise ValueError(_unknown("target", target, names()))
    order = function.__code__.co_varnames[: function.__code__.co_argcount]
    kinds = {name: kind.removesuffix(" | None") for name, kind in function.__annotations__.items()}

    def argument(name: str, value: Any) -> Any:
        match kinds.get(name):
            case "Work":
                return _work(value, resolve)
            case "Items" if isinstance(value, list):
                return [make_item(item, resolve) if isinstance(item, CallSpec) else item for item in value]
        return value

    positional = tuple(argument(order[index] if index < len(order) else "", value) for index, value in enumerate(args))
    return function, positional, {name: argument(name, value) for name, value in kwargs.items()}


def make_item(spec: CallSpec, resolve: Resolve) -> Call:
    """Return the task object that an item `{call: …}` stands for.

    Raises:
        ValueError: there is no such work function.
    """
    return Call(_function(spec.function, resolve), spec.args, spec.kwargs)


def find_function(name: str, resolve: Resolve) -> Function:
    """Return the work function of that name, or what `resolve` finds for `package.module:function`.

    Raises:
        ValueError: there is no such work function.
    """
    return _function(name, resolve)


def _work(value: Any, resolve: Resolve) -> Any:
    """Turn `is_prime` or `{call: fail_on, kwargs: {value: 3}}` into a function of one item."""
    if isinstance(value, str):
        return _function(value, resolve)
    if isinstance(value, Mapping) and "call" in value:
        if value.get("args"):
            raise ValueError(
                f"the only positional argument of the work function {value['call']!r} is the item; "
                "give it kwargs, not args"
            )
        return functools.partial(_function(value["call"], resolve), **value.get("kwargs", {}))
    return value


def _function(name: str, resolve: Resolve) -> Function:
    if ":" in name:
        return resolve(name)
    function = work_function(name)
    if function is None:
        raise ValueError(_unknown("work function", name, work_names()))
    return function


def _unknown(what: str, name: str, known: list[str]) -> str:
    way_out = did_you_mean(name, known, f"there are {', '.join(known)}, and package.module:function")
    return f"there is no {what} {name!r}; {way_out}"


def _lookup(name: str, modules: tuple[str, ...], registry: dict[str, FunctionType]) -> FunctionType | None:
    """Find a function by name, importing no more modules than it takes."""
    for module in modules:
        if name in registry:
            break
        _import(module)
    return registry.get(name)


def _import(module: str) -> None:
    importlib.import_module(f"run_scenario.targets.{module}")


def _registered(modules: tuple[str, ...], registry: dict[str, FunctionType]) -> dict[str, FunctionType]:
    for module in modules:
        _import(module)
    # A module may have been imported before, on its own: the order is that of the modules, then of their functions.
    order = {f"run_scenario.targets.{module}": index for index, module in enumerate(modules)}
    return dict(sorted(registry.items(), key=lambda pair: order[pair[1].__module__]))
