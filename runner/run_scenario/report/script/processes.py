"""How a script creates its processes: one by one, or replicas as a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from run_scenario.report.script.functions import StepFunction, plural_of
from run_scenario.report.script.layout import (
    Expression,
    Group,
    call,
    dictionary,
    flat,
    keyword,
    keywords,
    layout,
    literal,
    preceded,
    quoted,
    tuple_of,
)
from run_scenario.report.script.names import Scope, takes_work
from run_scenario.scenario import model
from run_scenario.scenario.processes import by_parameter

Replicas = Sequence[model.ProcessSpec]
"""Processes that differ in nothing but their names: NAME-1, NAME-2 and so on (those of a parent may begin later), or
multiprocessing's own; or that a file writes as one, and that differ in what they are given."""


def replicas(processes: Sequence[model.ProcessSpec], functions: Mapping[str, StepFunction]) -> Iterator[Replicas]:
    """Yield the processes, two or more, that are created right after each other and are alike or belong together.

    `functions`: those of the processes that have steps; what their parameters get may differ.
    """
    run: list[model.ProcessSpec] = []
    for spec in (*processes, None):
        if spec is not None and run and _continues(run, spec, functions):
            run.append(spec)
            continue
        if len(run) > 1:
            yield run
        run = [spec] if spec is not None and _first_number([spec]) else []


def base_name(spec: model.ProcessSpec) -> str:
    """Return what the names of replicas have in common: nothing, if they are multiprocessing's own."""
    return spec.name.rpartition("-")[0] if spec.named else ""


def _first_number(group: Replicas) -> int:
    """Return the number in the name of the first; 0 if there is none."""
    number = group[0].name.rpartition("-")[2] if group[0].named else "1"
    return int(number) if number.isdecimal() and number == str(int(number)) else 0


def _continues(run: Replicas, spec: model.ProcessSpec, functions: Mapping[str, StepFunction]) -> bool:
    first = run[0]
    function = functions.get(first.name)
    if function is not functions.get(spec.name):
        return False
    one, other = _common(first, function), _common(spec, function)
    if not _alike(one, other) and not (spec.family and _alike(_ungiven(one), _ungiven(other))):
        return False
    return not spec.named or spec.name == f"{base_name(first)}-{_first_number(run) + len(run)}"


def _alike(one: model.ProcessSpec, other: model.ProcessSpec) -> bool:
    # Compared as they are written, since to Python True equals 1.
    return repr(one) == repr(other)


def _ungiven(spec: model.ProcessSpec) -> model.ProcessSpec:
    """Return a process without what it is given, and without what the main program does with it alone."""
    return spec.replace(args=(), kwargs={}, bindings=(), delay=0.0, join_timeout=None)


def _common(spec: model.ProcessSpec, function: StepFunction | None) -> model.ProcessSpec:
    """Return what must be the same of replicas: what a function gets may differ."""
    same = spec.replace(name="", where=None)
    return same.replace(steps=(), names={}, bindings=()) if function is not None else same


class Creation:
    """Writes the statements that create processes."""

    def __init__(
        self,
        scope: Scope,
        indent: int,
        closes: Mapping[str, Sequence[model.Step]],
        functions: Mapping[str, StepFunction],
    ) -> None:
        """`closes`: process -> the steps that close ends of pipes, before it calls its target."""
        self._scope = scope
        self._functions = functions
        self._indent = indent
        self._closes = closes
        self.created_by: dict[str, str] = {}
        """What creates a process that is started again, whenever it is called; of a list of them, the list of these."""

    def one(self, spec: model.ProcessSpec, name: str) -> list[str]:
        """Return the statements that create a process called `name` in the script."""
        closing = bool(self._ends(spec))
        made = self._element(spec, literal(spec.name), self._given(spec, closing=closing), closing=closing)
        if spec.restart is None:
            lines = layout(made, self._indent, f"{name} = ")
        else:
            new = self.created_by[spec.name] = self._scope.identifiers.new(f"new_{name}")
            lines = [*layout(made, self._indent, f"{new} = "), f"{' ' * self._indent}{name} = {new}()"]
        return lines + self._settings(spec, name, literal(spec.name), self._indent)

    def call_target(self, spec: model.ProcessSpec) -> list[str]:
        """Return the statement that calls the target of a process."""
        args = [self._argument(spec.target, index, value) for index, value in enumerate(spec.args)]
        return layout(call(self._scope.function(spec.target), *args, *keywords(self._named(spec))), self._indent)

    def _named(self, spec: model.ProcessSpec) -> dict[str, Expression]:
        """Return the keyword arguments of a target."""
        bound = by_parameter(spec.bindings, self._scope.identifiers.resource)
        kwargs: dict[str, Expression] = {
            name: Group("[", tuple(each), "]") if isinstance(each, list) else each for name, each in bound.items()
        }
        return kwargs | {
            key: self._argument(spec.target, key, value) for key, value in spec.kwargs.items() if key not in kwargs
        }

    def many(self, group: Replicas, single: str, many: str) -> list[str]:
        """Return the statements that create a list of processes, called `many`; one of them is `single`."""
        first, numbers = group[0], range(_first_number(group), _first_number(group) + len(group))
        closing = any(map(self._ends, group))
        rows = [self._given(spec, closing=closing) for spec in group]
        if first.name not in self._functions and len({repr((spec.kwargs, spec.bindings)) for spec in group}) > 1:
            made = tuple(  # each is written as it is
                self._element(spec, literal(spec.name), row, closing=closing)
                for spec, row in zip(group, rows, strict=True)
            )
            return self._listed(group, Group("[", made, "]"), single, many)
        number = self._scope.identifiers.own("number")
        name = _numbered(base_name(first), number)
        columns = [[flat(row[position]) for row in rows] for position in range(len(rows[0]))]
        args: list[Expression] = []
        varying: dict[str, list[str]] = {}
        for parameter, column in zip(self._parameters(first, closing=closing), columns, strict=True):
            if len({*column}) == 1:
                args.append(rows[0][len(args)])
            elif column == [*map(str, numbers)]:
                args.append(number)
            elif column == [flat(literal(spec.name)) for spec in group] and first.named:
                args.append(name)
            else:
                args.append(self._scope.identifiers.own(parameter))
                varying[str(args[-1])] = column
        counts = (first.named and not self._is_class(first)) or number in args
        lines, over = self._over(varying, counts, numbers, f"{self._target(first)}_arguments")
        parts = (self._element(first, name, args, closing=closing), over)
        return lines + self._listed(group, Group("[", parts, "]", commas=False), single, many)

    def _element(
        self, spec: model.ProcessSpec, name: Expression, args: Sequence[Expression], *, closing: bool
    ) -> Expression:
        """Return what creates a process; of one that is started again, what does so whenever it is called."""
        made = self._made(spec, name, args, closing=closing)
        if spec.restart is None:
            return made
        return call(self._scope.use("functools", "partial"), made.opening.removesuffix("("), *made.parts)

    def _listed(self, group: Replicas, elements: Group, single: str, many: str) -> list[str]:
        """Return the statements that create the list."""
        first, listed, margin = group[0], many, " " * self._indent
        if first.restart is not None:
            listed = self._scope.identifiers.new(f"new_{many}")
            self.created_by |= {spec.name: f"{listed}[{index}]" for index, spec in enumerate(group)} | {many: listed}
        lines = layout(elements, self._indent, f"{listed} = ")
        if first.restart is not None:
            new = self._scope.identifiers.own("new")
            lines.append(f"{margin}{many} = [{new}() for {new} in {listed}]")
        number = self._scope.identifiers.own("number")
        settings = self._settings(first, single, _numbered(base_name(first), number), self._indent + 4)
        counted = f"{number}, {single} in enumerate({many}, start={_first_number(group)})"
        head = f"{margin}for {counted if first.named else f'{single} in {many}'}:"
        return [*lines, head, *settings] if settings else lines

    def _over(
        self, varying: Mapping[str, Sequence[str]], counts: bool, numbers: range, wanted: str
    ) -> tuple[list[str], str]:
        """Return the `for` of a list of processes, and the lines before it that list what they do not share.

        `wanted`: what that list is called, if nothing else is.
        """
        number = self._scope.identifiers.own("number")
        if not varying:
            return [], f"for {number} in {numbers}" if counts else f"for _ in range({len(numbers)})"
        names = ", ".join(varying)
        if len(varying) == 1:
            listed = self._scope.identifiers.new(plural_of(names))
            elements: list[Expression] = [*next(iter(varying.values()))]
        else:
            listed = self._scope.identifiers.new(wanted)
            elements = [Group("(", row, ")") for row in zip(*varying.values(), strict=True)]
        lines = layout(Group("[", tuple(elements), "]"), self._indent, f"{listed} = ")
        if not counts:
            return lines, f"for {names} in {listed}"
        names = f"({names})" if len(varying) > 1 else names
        return lines, f"for {number}, {names} in enumerate({listed}, start={numbers.start})"

    def _parameters(self, spec: model.ProcessSpec, *, closing: bool) -> list[str]:
        """Return what the positional arguments of a process are for."""
        function = self._functions.get(spec.name)
        names = [each.name for each in function.parameters] if function else [""] * len(spec.args)
        if spec.surroundings is not None:
            names = ["surroundings", "target", *names]
        return ["ends", "target", *names] if closing else names

    def _given(self, spec: model.ProcessSpec, *, closing: bool) -> list[Expression]:
        """Return the positional arguments of a process; `closing`: it closes ends of pipes, or its replicas do."""
        function = self._functions.get(spec.name)
        if function is not None:
            args = function.arguments(spec, self._scope.identifiers.resource)
        else:
            args = [self._argument(spec.target, index, value) for index, value in enumerate(spec.args)]
        if spec.surroundings is not None:
            args = [self._scope.literal(spec.surroundings.given), self._target(spec), *args]
        return [tuple_of(self._ends(spec)), self._called(spec), *args] if closing else args

    def _called(self, spec: model.ProcessSpec) -> str:
        """Return what is called, once pipes are closed."""
        return "run_with" if spec.surroundings is not None else self._target(spec)

    def _ends(self, spec: model.ProcessSpec) -> list[Expression]:
        """Return the ends of pipes that a process closes before it calls its target; a class cannot."""
        closes = () if self._is_class(spec) else self._closes.get(spec.name, ())
        return [self._scope.identifiers.resource(close.subject) for close in closes]

    def _target(self, spec: model.ProcessSpec) -> str:
        function = self._functions.get(spec.name)
        return function.name if function is not None else self._scope.function(spec.target)

    def _is_class(self, spec: model.ProcessSpec) -> bool:
        own = spec.name in self._functions  # which calls the class, as any target
        return not own and ":" in spec.target and self._scope.is_class(spec.target)

    def _made(self, spec: model.ProcessSpec, name: Expression, args: Sequence[Expression], *, closing: bool) -> Group:
        target = "close_then" if closing else self._called(spec)
        kwargs = {} if spec.name in self._functions else self._named(spec)
        if self._is_class(spec):
            return call(self._target(spec), *args, *keywords(kwargs))
        parts = [keyword("name", name)] if spec.named else []
        parts.append(keyword("target", target))
        if args:
            parts.append(keyword("args", tuple_of(args)))
        if kwargs:
            parts.append(keyword("kwargs", dictionary(kwargs)))
        if spec.daemon:
            parts.append("daemon=True")
        if spec.worker == "thread":
            return call(self._scope.use("threading", "Thread"), *parts)
        return call(self._scope.use("multiprocessing", "Process"), *parts)

    def _settings(self, spec: model.ProcessSpec, process: str, name: Expression, indent: int) -> list[str]:
        """Return what is set on an object of a Process subclass, whose constructor takes the arguments alone."""
        if not self._is_class(spec):
            return []
        lines = layout(preceded(f"{process}.name = ", name), indent) if spec.named else []
        return [*lines, f"{' ' * indent}{process}.daemon = True"] if spec.daemon else lines

    def _argument(self, target: str, name: str | int, value: Any) -> Expression:
        """Return an argument; the name of a work function stands for the function itself."""
        if not takes_work(target, name):
            return self._scope.literal(value)
        if isinstance(value, dict) and "call" in value:
            given = {key: self._scope.literal(content) for key, content in (value.get("kwargs") or {}).items()}
            partial = self._scope.use("functools", "partial")
            return call(partial, self._scope.function(value["call"]), *keywords(given))
        return self._scope.function(value) if isinstance(value, str) else self._scope.literal(value)


def _numbered(base: str, number: str) -> str:
    literal_part = quoted(base.replace("{", "{{").replace("}", "}}"))
    return f"f{literal_part[:-1]}-{{{number}}}{literal_part[-1]}"
