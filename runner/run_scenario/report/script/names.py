"""What the names in a script stand for: inlined built-ins, imports, and identifiers that collide with neither."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import itertools
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from types import ModuleType
from typing import Any

from run_scenario import targets
from run_scenario.report.script.layout import WIDTH, Group, layout
from run_scenario.scenario import model
from run_scenario.scenario.data import unmade
from run_scenario.scenario.steps import everywhere, names_given, names_read, unmade_in
from run_scenario.values import Value

# The built-ins' own few lines


_FILLED = 88
"""Width of prose of several lines."""

_FOR_CHECKERS = re.compile(r"  # (noqa|type: ignore|mypy|ruff).*$")


class Import(Value):
    """`import module`, or `from module import name`, or the same `as` something else."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that the script knows it by."""
        return self.alias or self.name or self.module.partition(".")[0]


class Inlined:
    """Collects the source of functions, with what they need, in an order in which each comes after its helpers."""

    def __init__(self) -> None:
        self.definitions: dict[str, str] = {}
        self.imports: set[Import] = set()

    def add(self, function: Callable[..., Any]) -> None:
        """Take in a function of a module of `targets`."""
        self._add(_read(function.__module__), function.__name__, ())

    def _add(self, module: _Module, name: str, path: tuple[str, ...]) -> None:
        if name in self.definitions or name in path:
            return
        node = module.definitions[name]
        for used in sorted(_globals(node)):
            if used in module.definitions:
                self._add(module, used, (*path, name))
            elif used in module.imports:
                self.imports.add(module.imports[used])
        self.definitions[name] = "\n".join(_lines(node, module.lines))


class _Module:
    """A module's source: its top-level definitions and imports by name."""

    def __init__(self, module: ModuleType) -> None:
        source = inspect.getsource(module)
        self.lines = source.splitlines()
        self.definitions: dict[str, ast.stmt] = {}
        self.imports: dict[str, Import] = {}
        tree = ast.parse(source)
        for part in ast.walk(tree):
            _without_types(part)
        for node in tree.body:
            self._take(node)

    def _take(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                self.definitions[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                self.definitions[name] = node
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                origin = getattr(node, "module", "")
                given = [(origin or alias.name, alias.name if origin else "", alias.asname or "") for alias in names]
                self.imports |= {found.bound: found for found in (Import(*each) for each in given)}


@functools.cache
def _read(name: str) -> _Module:
    return _Module(importlib.import_module(name))


def _without_types(node: ast.AST) -> None:
    """Take the annotations and decorators away; the place of one of a variable is kept."""
    match node:
        case ast.arg():
            node.annotation = None
        case ast.FunctionDef():
            node.returns, node.decorator_list = None, []
        case ast.AnnAssign():
            node.annotation = ast.copy_location(ast.Constant(None), node.annotation)


def _globals(node: ast.AST) -> set[str]:
    """Return the names that a definition reads from outside."""
    found = list(ast.walk(node))
    names = [each for each in found if isinstance(each, ast.Name)]
    local = {each.arg for each in found if isinstance(each, ast.arg)}
    local |= {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    return {each.id for each in names} - local


def _lines(node: ast.stmt, source: list[str]) -> list[str]:
    """Return a definition's lines, with every signature and docstring in it rewritten."""
    written: list[str] = []
    position = node.lineno
    for line, end, replacement in sorted(_replacements(node, source)):
        written += source[position - 1 : line - 1]
        written += replacement
        position = end + 1
    written += source[position - 1 : node.end_lineno]
    return [_FOR_CHECKERS.sub("", line) for line in written]


def _replacements(node: ast.stmt, source: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Yield first line, last line and what is to stand there."""
    for child in ast.walk(node):
        match child:
            case ast.FunctionDef(lineno=line, col_offset=indent, body=[first, *_]):
                yield line, first.lineno - 1, _signature(child, indent)
                yield from _docstring(first)
            case ast.ClassDef(body=[first, *_]):
                yield from _docstring(first)
            case ast.AnnAssign(target=target, annotation=annotation, value=ast.expr()):
                text = source[target.lineno - 1].encode()
                plain = text[: target.end_col_offset] + text[annotation.end_col_offset :]
                yield target.lineno, target.lineno, [plain.decode()]


def _signature(function: ast.FunctionDef, indent: int) -> list[str]:
    """Return `def name(…):` without annotations."""
    plain = ast.unparse(function.args).replace("'", '"')  # as in all of the script
    return layout(Group(f"def {function.name}(", (plain,), ")", is_call=True), indent, after=":")


def _docstring(node: ast.stmt) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the replacement of a docstring by its summary, if that is what `node` is."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text)), lineno=line, end_lineno=int(end), col_offset=column):
            yield line, end, docstring(inspect.cleandoc(text).partition("\n\n")[0], column)


def docstring(text: str, indent: int = 0) -> list[str]:
    """Return the lines of a docstring; paragraphs are filled, and stand apart."""
    margin = " " * indent
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    paragraphs = [words for paragraph in safe.split("\n\n") if (words := " ".join(paragraph.split()))] or [""]
    only = paragraphs[0]
    if len(paragraphs) == 1 and indent + len(only) + 6 <= WIDTH and not only.endswith('"'):
        return [f'{margin}"""{only}"""']
    filled = "\n\n".join(
        textwrap.fill(
            paragraph,
            _FILLED,
            initial_indent=margin + ('"""' if index == 0 else ""),
            subsequent_indent=margin,
            break_on_hyphens=False,
            break_long_words=False,
        )
        for index, paragraph in enumerate(paragraphs)
    )
    return [*filled.splitlines(), f'{margin}"""']


# Names


_LONGEST = 40
"""Characters beyond which a name is cut: it is to be read in a line of code."""
_OWN = (
    "Process Thread set_start_method partial os time datetime Path io sys random builtins suppress multiprocessing "
    "signal Call close_others run_with supervise Restart connection namedtuple main "
    "Queue JoinableQueue SimpleQueue Pipe Pool ProcessPoolExecutor Value Array SharedMemory ShareableList Manager "
    "Lock RLock Semaphore BoundedSemaphore Event Condition Barrier BrokenBarrierError Empty Full "
    "active_children cpu_count current_process current_thread"
)
"""Names that the script imports or defines itself, if it needs them."""
TAKEN = frozenset((*dir(builtins), *_OWN.split()))
"""Names that have a meaning in every script."""


class Identifiers:
    """Gives each process and resource an identifier of its own, the same one whenever it comes up again."""

    def __init__(self, taken: Iterable[str], values: Iterable[str] = ()) -> None:
        """`values`: names of values, which a variable of a comprehension may hide."""
        self._used = set(taken)
        self._values = frozenset(values)
        self._known: dict[tuple[str, str], str] = {}

    def resource(self, name: str, kind: str = "") -> str:
        """Return the identifier of the queue, lock or other resource called `name`; of a pipe's end, `jobs.left`."""
        return self._of("resource", name, word_for(kind))

    def listed(self, family: str, names: Iterable[str], kind: str) -> str:
        """Call the resources of these names `forks[0]`, `forks[1]` and so on; return what all of them are called."""
        name = identifier(family, "resource")
        many = self.new(name if name.endswith("s") else plural_of(name), f"{name}_{word_for(kind)}s")
        self._known |= {("resource", each): f"{many}[{index}]" for index, each in enumerate(names)}
        return many

    def process(self, name: str) -> str:
        """Return the identifier of the process called `name`."""
        return self._of("process", name, "process")

    def own(self, name: str, other: str = "") -> str:
        """Return the identifier of a variable of the script's own: `name`, unless something has it already."""
        if ("variable", name) not in self._known:
            self._known["variable", name] = self.new(name, *([other] if other else []))
        return self._known["variable", name]

    def counter(self) -> str:
        """Return the variable of a comprehension that counts."""
        is_taken = "number" in self._used and self._known.get(("variable", "number")) != "number"
        return self.own("n") if is_taken else "number"

    def result(self, pool: str, number: int) -> str:
        """Return the identifier of what will be the result of a pool's call, of which that is the number."""
        wanted = f"result_{number}" if number else "result"
        key = wanted, pool
        if key not in self._known:
            self._known[key] = self.new(wanted, f"{self.resource(pool)}_{wanted}")
        return self._known[key]

    def is_free(self, name: str) -> bool:
        """Return whether nothing has that name yet, and something may."""
        return name not in self._used and name not in self._values and not keyword.iskeyword(name)

    def new(self, *wanted: str, taken: Collection[str] = ()) -> str:
        """Return an identifier that nothing else has, nor is `taken`: the first of these, or one with a number."""
        first = wanted[0]
        spelled = [f"{first}_"] if keyword.iskeyword(first) or hasattr(builtins, first) else []
        numbered = (f"{first}_{number}" for number in itertools.count(2))
        for candidate in itertools.chain([first], spelled, wanted[1:], numbered):
            if candidate not in taken and self.is_free(candidate):
                break
        self._used.add(candidate)
        return candidate

    def _of(self, kind: str, name: str, suffix: str) -> str:
        if (kind, name) not in self._known:
            wanted = identifier(name, kind)
            self._known[kind, name] = self.new(wanted, f"{wanted}_{suffix}")
        return self._known[kind, name]


def identifier(name: str, kind: str) -> str:
    """Return an identifier that reads like `name`, or at least like the `kind` of thing that it names."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())
    words = "".join(character if character.isalnum() else " " for character in plain).split()
    joined = "_".join(words)[:_LONGEST].rstrip("_")
    if joined.isidentifier():
        return joined
    longer = f"{kind}_{joined}"
    return longer if words and longer.isidentifier() else kind


def word_for(kind: str) -> str:
    """Return what things of a type are called, in one word."""
    return {"": "resource", "Pipe": "end"}.get(kind, "queue" if kind.endswith("Queue") else kind.lower())


def plural_of(name: str) -> str:
    """Return what several of these are called."""
    if name[-1:] == "y" and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


class Scope:
    """Knows every function that the main program names, and collects the imports."""

    def __init__(self, scenario: model.Scenario, steps: Iterable[model.Step], is_class: Callable[[str], bool]) -> None:
        self.is_class = is_class
        """Whether a `package.module:name` is a subclass of Process."""
        steps = list(steps)
        references = list(dict.fromkeys(functions_named(scenario, steps)))
        self._inlined = Inlined()
        for reference in references:
            if ":" not in reference:
                self._inlined.add(_built_in(reference))
        self.definitions = self._inlined.definitions
        self.imports = self._inlined.imports
        self.taken = {*TAKEN, *self.definitions, *(found.bound for found in self.imports)}
        """Names that have a meaning everywhere in the script."""
        of_main = names_of(step for step in steps if step.where is not None)  # what is derived names nothing
        self.shadowing = of_main & self.taken
        """Names of values of the main program that would replace a function of the script."""
        self.all_parameters = scenario.params
        """All parameters, by name."""
        self.parameters = parameters_read(scenario, steps)
        """The parameters that expressions read, by name: constants of the script."""
        self.of_values = of_main | names_of(own_steps(scenario))
        """Names that a value has somewhere."""
        self.identifiers = Identifiers({*self.taken, *self.parameters}, of_main)
        self.lengths: dict[str, int] = {}
        """Of each list of resources, how many there are."""
        # They come before variables of the script's own.
        for family, members in families(scenario.resources):
            for end in _ends(members[0]):
                names = [f"{each.name}{end}" for each in members]
                listed = self.identifiers.listed(family + end, names, kind_of(members[0]))
                self.lengths[listed] = len(names)
        for resource in scenario.resources:
            for end in _ends(resource):
                self.identifiers.resource(f"{resource.name}{end}", kind_of(resource))
        self._functions = {reference: reference for reference in references if ":" not in reference}
        self._bound: dict[str, str] = {}
        self.aliases: list[str] = []
        """Other names of functions whose own a value has."""
        for reference in references:
            if ":" in reference:
                self._functions[reference] = self._import(reference)
            elif reference in self.of_values:
                self._functions[reference] = self.identifiers.new(f"call_{reference}")
                self.aliases.append(f"{self._functions[reference]} = {reference}")

    def constants(self, steps: Iterable[model.Step] | None = None) -> dict[str, Any]:
        """Return the parameters that have their names everywhere in the script.

        With steps: those that they read and that have them in the steps' function alone, since elsewhere in the script
        these names stand for something else.
        """
        wanted = self.taken & names_of(steps) if steps is not None else {*self.parameters} - self.taken
        return {name: value for name, value in self.parameters.items() if name in wanted}

    def function(self, reference: str) -> str:
        """Return the expression that stands for a function or class."""
        return self._functions[reference]

    def helper(self, name: str) -> str:
        """Have a function or class of `helpers` in the script; return its name."""
        # A plan, which names what is here, needs none of what that module imports.
        if name not in self.definitions:
            self._inlined.add(getattr(importlib.import_module("run_scenario.report.script.helpers"), name))
        return name

    def use(self, module: str, name: str = "") -> str:
        """Import a module of the standard library, or a name from it; return what it is called.

        Where a value has that name, it is asked of its module; where one has the module's, that has another.
        """
        if name in self.of_values:
            return f"{self.use(module)}.{name}"
        found = Import(module, name)
        if found.bound in self.of_values:
            if module not in self._bound:
                self._bound[module] = self.identifiers.new(f"{found.bound}_module")
            found = found.replace(alias=self._bound[module])
        self.imports.add(found)
        return name or found.alias or module

    def builtin(self, name: str) -> str:
        """Return what a built-in is called, also where a value has its name."""
        return f"{self.use('builtins')}.{name}" if name in self.of_values else name

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


def families(resources: Iterable[model.Resource]) -> Iterator[tuple[str, list[model.Resource]]]:
    """Yield the resources that a script has as a list, with what their names have in common.

    Those are replicas, and three or more in a row that are alike and numbered from 1 on.
    """
    for base, group in itertools.groupby(resources, _base_of):
        members = list(group)
        alike = {repr(each.replace(name="", where=None)) for each in members}
        numbers = [each.name.removeprefix(base).strip("-_ ") for each in members]
        numbered = numbers == [str(number + 1) for number in range(len(members))]
        if base and numbered and (getattr(members[0], "family", "") or (len(members) > 2 and len(alike) == 1)):
            yield base, members


def _base_of(resource: model.Resource) -> str:
    """Return the name without its number; nothing, if it is not to be in a list."""
    if isinstance(resource, model.PoolSpec):
        return ""
    if isinstance(resource, model.SharedSpec) and (resource.remote or resource.type == "SharedMemory"):
        return ""
    return resource.family or re.sub(r"[-_ ]?\d+$", "", resource.name)


def _ends(resource: model.Resource) -> list[str]:
    """Return what has to be behind the name of a resource to name what processes are given."""
    return [f".{end}" for end in model.PIPE_ENDS] if isinstance(resource, model.PipeSpec) else [""]


def kind_of(resource: model.Resource) -> str:
    """Return the type of a resource, as a step has it."""
    return "Pipe" if isinstance(resource, model.PipeSpec) else resource.type


def names_of(steps: Iterable[model.Step]) -> set[str]:
    """Return the names that values have in steps: those that they give, and those that they read."""
    return {name for step in everywhere(steps) for name in (*names_given(step), *names_read(step))}


def own_steps(scenario: model.Scenario) -> Iterable[model.Step]:
    """Return the steps of all processes; those that replicas share are there once."""
    return itertools.chain(*{id(process.steps): process.steps for process in scenario.processes}.values())


def parameters_read(scenario: model.Scenario, steps: Iterable[model.Step]) -> dict[str, Any]:
    """Return the parameters, with their values, that expressions in the steps read, or in those of a process."""
    read = names_of(steps) | names_of(own_steps(scenario))
    return {name: value for name, value in scenario.params.items() if name in read}


def unread_names(steps: Iterable[model.Step]) -> set[str]:
    """Return the names that steps give to values which none of them reads."""
    found = list(everywhere(steps))
    given = {name for step in found if step.verb != "for" for name in names_given(step)}
    return given - {name for step in found for name in names_read(step)}


def takes_work(target: str, name: str | int) -> bool:
    """Return whether a built-in's parameter, given by name or position, takes a work function."""
    known = None if ":" in target else targets.find(target)
    parameters = known.parameters if known else ()
    named = parameters[name : name + 1] if isinstance(name, int) else [p for p in parameters if p.name == name]
    return any(parameter.kind == "work" for parameter in named)


def functions_named(scenario: model.Scenario, steps: Iterable[model.Step]) -> Iterator[str]:
    """Yield every function or class that the processes and the steps name, in order."""
    yield from _called(own_steps(scenario))
    for process in (each for each in scenario.processes if not each.steps):
        yield process.target
        arguments: list[tuple[str | int, Any]] = [*enumerate(process.args), *process.kwargs.items()]
        for name, value in arguments:
            if takes_work(process.target, name) and value is not None:
                yield value["call"] if isinstance(value, dict) else value
        yield from _made([process.args, process.kwargs])
    yield from _made([shared.value for shared in scenario.shared])
    for pool in scenario.pools:
        yield from _made(pool.initargs)
        if pool.initializer:
            yield pool.initializer
    for step in everywhere(steps):
        if step.verb == "next_call" and step.argument is not None:
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


def _built_in(name: str) -> Callable[..., Any]:
    found = targets.find(name) or targets.find_work(name)
    if found is None:
        raise ValueError(f"there is no built-in {name!r}")
    return found.function
