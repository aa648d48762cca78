"""What the names in a script stand for: inlined built-ins, imports, and identifiers that collide with neither."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from run_scenario import model, targets
from run_scenario.views.identifiers import Identifiers
from run_scenario.views.python_source import Import, Inlined

_OWN = frozenset(
    (
        "Barrier",
        "BoundedSemaphore",
        "Call",
        "Condition",
        "Event",
        "JoinableQueue",
        "Lock",
        "BrokenBarrierError",
        "Empty",
        "Full",
        "Manager",
        "active_children",
        "cpu_count",
        "exitcode",
        "Pool",
        "ProcessPoolExecutor",
        "error",
        "results",
        "Array",
        "SharedMemory",
        "ShareableList",
        "Value",
        "manager",
        "multiprocessing",
        "Pipe",
        "Process",
        "Queue",
        "RLock",
        "Semaphore",
        "SimpleQueue",
        "Thread",
        "close_then",
        "item",
        "number",
        "os",
        "partial",
        "set_start_method",
        "time",
    )
)
"""Names that the script uses itself, if it needs them."""


class Scope:
    """Knows every function that the steps name, and collects the imports."""

    def __init__(self, steps: Iterable[model.Step], is_class: Callable[[str], bool]) -> None:
        self.is_class = is_class
        """Whether a `package.module:name` is a subclass of Process."""
        references = list(dict.fromkeys(_references(steps)))
        inlined = Inlined()
        for reference in references:
            if ":" not in reference:
                inlined.add(_built_in(reference))
        self.definitions = inlined.definitions
        self.imports = inlined.imports
        self.has_own = any(":" in reference for reference in references)
        """Whether it takes more code than this script."""
        known = {found.bound for found in inlined.imports}
        self.identifiers = Identifiers({*dir(builtins), *_OWN, *known, *inlined.definitions})
        self._functions = {reference: reference for reference in references if ":" not in reference}
        for reference in references:
            if ":" in reference:
                self._functions[reference] = self._import(reference)

    def function(self, reference: str) -> str:
        """Return the expression that stands for a function or class."""
        return self._functions[reference]

    def use(self, module: str, name: str = "") -> str:
        """Import a module of the standard library, or a name from it; return what it is called."""
        found = Import(module, name)
        self.imports.add(found)
        return found.bound

    def _import(self, reference: str) -> str:
        module, _, qualified = reference.partition(":")
        first, dot, rest = qualified.partition(".")
        for found in self.imports:
            if (found.module, found.name) == (module, first):
                return found.bound + dot + rest
        free = self.identifiers.is_free(first)
        bound = self.identifiers.new(first if free else f"{module.rpartition('.')[2]}_{first}")
        self.imports.add(Import(module, first, "" if bound == first else bound))
        return bound + dot + rest


def takes_work(target: str, name: str | int) -> bool:
    """Return whether a built-in's parameter, given by name or position, takes a work function."""
    known = None if ":" in target else targets.find(target)
    if known is None:
        return False
    if isinstance(name, int):
        return name < len(known.parameters) and known.parameters[name].kind == "work"
    parameter = known.parameter(name)
    return parameter is not None and parameter.kind == "work"


def _references(steps: Iterable[model.Step]) -> Iterator[str]:
    """Yield every function or class that the steps name, in order."""
    for step in steps:
        match step:
            case model.CreateProcess(process):
                yield process.target
                arguments: list[tuple[str | int, Any]] = [*enumerate(process.args), *process.kwargs.items()]
                for name, value in arguments:
                    if takes_work(process.target, name):
                        yield from _work(value)
            case model.Create(model.PoolSpec() as pool) if pool.initializer:
                yield pool.initializer
            case model.CallPool(_, _, call):
                yield call.function
            case model.PutItems(_, items):
                yield from (item.function for item in items if isinstance(item, model.CallSpec))


def _work(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and "call" in value:
        yield value["call"]


def _built_in(name: str) -> Callable[..., Any]:
    found = targets.find(name) or targets.find_work(name)
    if found is None:
        raise ValueError(f"there is no built-in {name!r}")
    return found.function
