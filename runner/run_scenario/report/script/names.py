"""What the names in a script stand for: inlined built-ins, imports, and identifiers that collide with neither."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from run_scenario import targets
from run_scenario.report.script.layout import Expression, literal
from run_scenario.report.script.source import Import, Inlined
from run_scenario.scenario import model
from run_scenario.scenario.data import unmade
from run_scenario.scenario.steps import everywhere, names_given, names_read, unmade_in

_LONGEST = 40
"""Characters beyond which a name is cut: it is to be read in a line of code."""
_OWN = frozenset(
    (
        *("Process", "Thread", "Call", "close_then", "set_start_method", "partial", "os", "time"),
        *("datetime", "Path", "run_with", "io", "sys"),
        *("supervise", "Restart", "connection", "namedtuple"),
        *("Queue", "JoinableQueue", "SimpleQueue", "Pipe", "Pool", "ProcessPoolExecutor"),
        *("Value", "Array", "SharedMemory", "ShareableList", "Manager", "multiprocessing"),
        *("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Barrier"),
        *("BrokenBarrierError", "Empty", "Full"),
        *("active_children", "cpu_count", "current_process", "random", "sys", "builtins", "main"),
    )
)
"""Names that the script imports or defines itself, if it needs them."""
TAKEN = frozenset((*dir(builtins), *_OWN))
"""Names that have a meaning in every script."""


class Identifiers:
    """Gives each process and resource an identifier of its own, the same one whenever it comes up again."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._used = set(taken)
        self._known: dict[tuple[str, str], str] = {}

    def resource(self, name: str) -> str:
        """Return the identifier of the queue, lock or other resource called `name`; of a pipe's end, `jobs.left`."""
        return self._of("resource", name)

    def listed(self, family: str, names: Iterable[str]) -> None:
        """Call the resources of these names `forks[0]`, `forks[1]` and so on: all of them together are a list."""
        name = identifier(family, "resource")
        many = self.new(name if name.endswith("s") else f"{name}s")
        self._known["list", family] = many
        for index, name in enumerate(names):
            self._known["resource", name] = f"{many}[{index}]"

    def list_of(self, family: str) -> str:
        """Return the identifier of the list of replicas; empty if they are not in one."""
        return self._known.get(("list", family), "")

    def process(self, name: str) -> str:
        """Return the identifier of the process called `name`."""
        return self._of("process", name)

    def name_process(self, name: str, function: str) -> None:
        """Call a process otherwise than the function that it runs."""
        if identifier(name, "process") == function and ("process", name) not in self._known:
            self._known["process", name] = self.new(f"{function}_process")

    def own(self, name: str) -> str:
        """Return the identifier of a variable of the script's own: `name`, unless something has it already."""
        return self._of("variable", name)

    def result(self, pool: str, number: int) -> str:
        """Return the identifier of what will be the result of a pool's call, of which that is the number."""
        key = f"result {number}", pool
        if key not in self._known:
            wanted = f"result_{number}"
            self._known[key] = self.new(wanted if self.is_free(wanted) else f"{self.resource(pool)}_{wanted}")
        return self._known[key]

    def is_free(self, name: str) -> bool:
        """Return whether nothing has that name yet, and something may."""
        return name not in self._used and not keyword.iskeyword(name)

    def new(self, wanted: str, taken: Collection[str] = ()) -> str:
        """Return an identifier that nothing else has, nor is `taken`: `wanted`, or with a number behind it."""
        candidate, number = wanted, 2
        while candidate in taken or not self.is_free(candidate):
            candidate, number = f"{wanted}_{number}", number + 1
        self._used.add(candidate)
        return candidate

    def _of(self, kind: str, name: str) -> str:
        known = self._known.get((kind, name))
        if known is None:
            known = self._known[kind, name] = self.new(identifier(name, kind))
        return known


def identifier(name: str, kind: str) -> str:
    """Return an identifier that reads like `name`, or at least like the `kind` of thing that it names."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())
    words = "".join(character if character.isalnum() else " " for character in plain).split()
    joined = "_".join(words)[:_LONGEST].rstrip("_")
    if joined.isidentifier():
        return joined
    longer = f"{kind}_{joined}"
    return longer if words and longer.isidentifier() else kind


class Scope:
    """Knows every function that the main program names, and collects the imports."""

    def __init__(self, scenario: model.Scenario, steps: Iterable[model.Step], is_class: Callable[[str], bool]) -> None:
        self.is_class = is_class
        """Whether a `package.module:name` is a subclass of Process."""
        steps = list(steps)
        references = list(dict.fromkeys(functions_named(scenario, steps)))
        inlined = Inlined()
        for reference in references:
            if ":" not in reference:
                inlined.add(_built_in(reference))
        self.definitions = inlined.definitions
        self.imports = inlined.imports
        self.has_own = any(":" in reference for reference in references)
        """Whether it takes more code than this script."""
        self.taken = {*TAKEN, *inlined.definitions, *(found.bound for found in inlined.imports)}
        """Names that have a meaning everywhere in the script."""
        of_main = names_of(step for step in steps if step.where is not None)  # what is derived names nothing
        self.shadowing = of_main & {*inlined.definitions, *(found.bound for found in inlined.imports)}
        """Names of values of the main program that would replace a function of the script."""
        self.all_parameters = scenario.params
        """All parameters, by name."""
        self.parameters = parameters_read(scenario, steps)
        """The parameters that expressions read, by name: constants of the script."""
        self._of_values = of_main.union(*map(names_of, {id(p.steps): p.steps for p in scenario.processes}.values()))
        self.identifiers = Identifiers({*self.taken, *self._of_values})
        # They come before variables of the script's own.
        families: dict[str, list[str]] = {}
        for resource in scenario.resources:
            if isinstance(resource, model.QueueSpec | model.SyncSpec) and resource.family:
                families.setdefault(resource.family, []).append(resource.name)
        for family, names in families.items():
            self.identifiers.listed(family, names)
        for resource in scenario.resources:
            self.identifiers.resource(resource.name)
        self._functions = {reference: reference for reference in references if ":" not in reference}
        self._bound: dict[tuple[str, str], str] = {}
        self.aliases: list[str] = []
        """Other names of functions whose own a value has."""
        for reference in references:
            if ":" in reference:
                self._functions[reference] = self._import(reference)
            elif reference in self._of_values:
                self._functions[reference] = self.identifiers.new(f"call_{reference}")
                self.aliases.append(f"{self._functions[reference]} = {reference}")

    @property
    def constants(self) -> dict[str, Any]:
        """The parameters that have their names everywhere in the script."""
        return {name: value for name, value in self.parameters.items() if name not in self.taken}

    def own_constants(self, steps: Iterable[model.Step]) -> dict[str, Any]:
        """Return the parameters that the steps read and that have their names in the steps' function alone.

        Elsewhere in the script these names stand for something else.
        """
        read = names_of(steps)
        return {name: value for name, value in self.parameters.items() if name in self.taken and name in read}

    def function(self, reference: str) -> str:
        """Return the expression that stands for a function or class."""
        return self._functions[reference]

    def literal(self, data: Any) -> Expression:
        """Return data as Python writes it, with what that takes imported."""
        return literal(data, self)

    def use(self, module: str, name: str = "") -> str:
        """Import a module of the standard library, or a name from it; return what it is called."""
        found = Import(module, name)
        if found.bound in self._of_values:
            key = module, name
            if key not in self._bound:
                self._bound[key] = self.identifiers.new(found.bound)
            found = found.replace(alias=self._bound[key])
        self.imports.add(found)
        return found.bound

    def builtin(self, name: str) -> str:
        """Return what a built-in is called, also where a value has its name."""
        return f"{self.use('builtins')}.{name}" if name in self._of_values else name

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


def names_of(steps: Iterable[model.Step]) -> set[str]:
    """Return the names that values have in steps: those that they give, and those that they read."""
    return {name for step in everywhere(steps) for name in (*names_given(step), *names_read(step))}


def parameters_read(scenario: model.Scenario, steps: Iterable[model.Step]) -> dict[str, Any]:
    """Return the parameters, with their values, that expressions in the steps read, or in those of a process."""
    of_processes = {id(process.steps): process.steps for process in scenario.processes}.values()
    read = names_of(steps).union(*map(names_of, of_processes))
    return {name: value for name, value in scenario.params.items() if name in read}


def unread_names(steps: Iterable[model.Step]) -> set[str]:
    """Return the names that steps give to values which none of them reads."""
    found = list(everywhere(steps))
    given = {name for step in found if step.verb != "for" for name in names_given(step)}
    return given - {name for step in found for name in names_read(step)}


def takes_work(target: str, name: str | int) -> bool:
    """Return whether a built-in's parameter, given by name or position, takes a work function."""
    known = None if ":" in target else targets.find(target)
    if known is None:
        return False
    if isinstance(name, int):
        return name < len(known.parameters) and known.parameters[name].kind == "work"
    parameter = known.parameter(name)
    return parameter is not None and parameter.kind == "work"


def functions_named(scenario: model.Scenario, steps: Iterable[model.Step]) -> Iterator[str]:
    """Yield every function or class that the processes and the steps name, in order."""
    seen: set[int] = set()
    for process in scenario.processes:
        if process.steps:
            if id(process.steps) not in seen:
                seen.add(id(process.steps))
                yield from _called(process.steps)
            continue
        yield process.target
        arguments: list[tuple[str | int, Any]] = [*enumerate(process.args), *process.kwargs.items()]
        for name, value in arguments:
            if takes_work(process.target, name):
                yield from _work(value)
        yield from _made([process.args, process.kwargs])
    for shared in scenario.shared:
        yield from _made(shared.value)
    initargs = {pool.name: pool.initargs for pool in scenario.pools}
    initializers = {pool.name: pool.initializer for pool in scenario.pools if pool.initializer}
    for step in everywhere(steps):
        match step.verb:
            case "create" | "with" if step.subject in initargs:
                yield from _made(initargs.get(step.subject))
                if step.subject in initializers:
                    yield initializers[step.subject]
            case "next_call" if step.argument is not None:
                yield step.argument.function
                yield from step.argument.callbacks.values()
                yield from _made([step.argument.items, step.argument.args, step.argument.kwargs])
    yield from _called(steps)


def _called(steps: Iterable[model.Step]) -> Iterator[str]:
    """Yield what steps call, and what they make calls and objects of."""
    steps = list(steps)
    yield from (step.argument for step in everywhere(steps) if step.verb == "call")
    yield from (spec.function for spec, _ in unmade_in(steps) if isinstance(spec, model.CallSpec | model.ObjectSpec))


def _made(data: Any) -> Iterator[str]:
    """Yield what the calls and objects in data name."""
    return (spec.function for spec in unmade(data) if isinstance(spec, model.CallSpec | model.ObjectSpec))


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
