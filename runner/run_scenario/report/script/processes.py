"""How a script creates its processes: one by one, or replicas as a list."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from run_scenario.report.script.functions import StepFunction, base_name
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
from run_scenario.report.script.names import Scope, plural_of, takes_work
from run_scenario.scenario import model
from run_scenario.scenario.processes import by_parameter

Replicas = Sequence[model.ProcessSpec]
"""Processes that differ in nothing but their names: NAME-1, NAME-2 and so on (those of a parent may begin later), or
multiprocessing's own; or that a file writes as one, and that differ in what they are given."""


def replicas(
    processes: Sequence[model.ProcessSpec], functions: Mapping[str, StepFunction], numbers: Container[str] = ()
) -> Iterator[Replicas]:
    """Yield the processes that are created right after each other and belong together: two or more, or as many as
    `numbers`, the names of the first ones, tells of at run time.

    `functions`: those of the processes that have steps; what their parameters get may differ.
    """
    run: list[model.ProcessSpec] = []
    for spec in (*processes, None):
        if spec is not None and run and spec.name not in numbers and _continues(run, spec, functions):
            run.append(spec)
            continue
        if len(run) > 1 or (run and run[0].name in numbers):
            yield run
        run = [spec] if spec is not None and _first_number([spec]) else []


def _first_number(group: Replicas) -> int:
    """Return the number in the name of the first; 0 if there is none."""
    number = group[0].name.rpartition("-")[2] if group[0].named else "1"
    return int(number) if number.isdecimal() and number == str(int(number)) else 0


def _continues(run: Replicas, spec: model.ProcessSpec, functions: Mapping[str, StepFunction]) -> bool:
    first = run[0]
    function = functions.get(first.name)
    if function is not functions.get(spec.name):
        return False
    # Compared as they are written, since to Python True equals 1.
    if len({repr(_common(each, function is not None)) for each in (first, spec)}) > 1:
        return False
    return not spec.named or spec.name == f"{base_name(first)}-{_first_number(run) + len(run)}"


def _common(spec: model.ProcessSpec, has_function: bool) -> model.ProcessSpec:
    """Return what must be the same of replicas: what they are given may differ, if they belong together in the file."""
    same = spec.replace(name="", where=None)
    if has_function:
        return same.replace(steps=(), names={}, bindings=())
    given = dict.fromkeys(spec.kwargs)
    return same.replace(args=(), kwargs=given, bindings=(), delay=0.0, join_timeout=None) if spec.family else same


class Creation:
    """Writes the statements that create processes."""

    def __init__(
        self,
        scope: Scope,
        indent: int,
        closes: Mapping[str, Sequence[model.Step]],
        functions: Mapping[str, StepFunction],
        numbers: Mapping[str, str],
    ) -> None:
        """Know the rest of the script.

        `closes`: process -> the steps that close ends of pipes, before it calls its target; `numbers`: the first of
        some replicas -> what their numbers are called.
        """
        self._scope = scope
        self._functions = functions
        self._indent = indent
        self._closes = closes
        self._numbers = numbers
        self.lengths = scope.lengths
        self.created_by: dict[str, str] = {}
        """What creates a process that is started again, whenever it is called; of a list of them, the list of these."""
        self._ends: dict[str, Expression] = {}
        """Replica -> the ends of pipes of which it closes what it does not use."""

    def one(self, spec: model.ProcessSpec, name: str) -> list[str]:
        """Return the statements that create a process called `name` in the script."""
        made = self._element(spec, literal(spec.name), self._positional(spec), self._keywords(spec))
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

    def _keywords(self, spec: model.ProcessSpec) -> dict[str, Expression]:
        """Return the keyword arguments of a process; a function of steps has none."""
        return {} if spec.name in self._functions else self._named(spec)

    def many(self, group: Replicas, single: str, many: str, ends: str = "") -> list[str]:
        """Return the statements that create a list of processes, called `many`; one of them is `single`.

        `ends`: what the ends of pipes are called that they inherit, if that is the same for all.
        """
        if any(map(self._ends_of, group)):
            self._ends = {spec.name: ends or self._ends_of(spec) or "()" for spec in group}
        first, numbers = group[0], range(_first_number(group), _first_number(group) + len(group))
        rows = [[*self._positional(spec), *self._keywords(spec).values()] for spec in group]
        positional = len(rows[0]) - len(self._keywords(first))
        number = self._scope.identifiers.counter()
        name = _numbered(base_name(first), number)
        args: list[Expression] = []
        varying: dict[str, list[str]] = {}
        parameters = [*self._parameters(first), *self._keywords(first)]
        for parameter, column in zip(parameters, zip(*rows, strict=True), strict=True):
            texts = list(map(flat, column))
            same = column[0] if len({*texts}) == 1 else self._of_number(texts, numbers, number)
            if same is None:
                same = self._scope.identifiers.own(parameter)
                varying[same] = texts
            args.append(same)
        kwargs = dict(zip(self._keywords(first), args[positional:], strict=True))
        counts = (first.named and not self._is_class(first)) or any(
            re.search(rf"\b{number}\b", flat(each)) for each in args
        )
        lines, over = self._over(varying, counts, numbers, f"{self._target(first)}_arguments")
        if first.name in self._numbers:
            over = f"for {number} in {self._numbers[first.name]}"
        parts = (self._element(first, name, args[:positional], kwargs), over)
        return lines + self._listed(group, Group("[", parts, "]", commas=False), single, many)

    def _of_number(self, texts: Sequence[str], numbers: range, number: str) -> str | None:
        """Return what is written in a comprehension for what each of the replicas gets; None if it has no formula."""
        if texts == [*map(str, numbers)]:
            return number
        found = [re.fullmatch(r"(\w+)\[(\d+)\]", text) for text in texts]
        if not all(found) or len({each[1] for each in found if each}) > 1:
            return None
        listed, indexes = texts[0].partition("[")[0], [int(each[2]) for each in found if each]
        length = self.lengths.get(listed, len(numbers))
        formulas = {
            f"{number} - 1": [each - 1 for each in numbers],
            number: [*numbers],
            f"{number} % {length}": [each % length for each in numbers],
            f"{number} - 2": [(each - 2) % length for each in numbers],
        }
        return next((f"{listed}[{formula}]" for formula, each in formulas.items() if each == indexes), None)

    def _element(
        self, spec: model.ProcessSpec, name: Expression, args: Sequence[Expression], kwargs: Mapping[str, Expression]
    ) -> Expression:
        """Return what creates a process; of one that is started again, what does so whenever it is called."""
        made = self._made(spec, name, args, kwargs)
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
        number = self._scope.identifiers.counter()
        if not varying:
            return [], f"for {number} in {numbers}" if counts else f"for _ in range({len(numbers)})"
        names = ", ".join(varying)
        if len(varying) == 1:
            listed = self._scope.identifiers.new(wanted if names.endswith("s") else plural_of(names), wanted)
            elements: list[Expression] = [*next(iter(varying.values()))]
        else:
            listed = self._scope.identifiers.new(wanted)
            elements = [Group("(", row, ")") for row in zip(*varying.values(), strict=True)]
        lines = layout(Group("[", tuple(elements), "]"), self._indent, f"{listed} = ")
        if not counts:
            return lines, f"for {names} in {listed}"
        names = f"({names})" if len(varying) > 1 else names
        return lines, f"for {number}, {names} in enumerate({listed}, start={numbers.start})"

    def _parameters(self, spec: model.ProcessSpec) -> list[str]:
        """Return what the positional arguments of a process are for."""
        function = self._functions.get(spec.name)
        names = [each.name for each in function.parameters] if function else [f"arg_{n}" for n in range(len(spec.args))]
        if spec.surroundings is not None:
            names = ["surroundings", "target", *names]
        return ["ends", "target", *names] if self._ends_of(spec) else names

    def _positional(self, spec: model.ProcessSpec) -> list[Expression]:
        """Return the positional arguments of a process."""
        function = self._functions.get(spec.name)
        if function is not None:
            args = function.arguments(spec, self._scope.identifiers.resource)
        else:
            args = [self._argument(spec.target, index, value) for index, value in enumerate(spec.args)]
        if spec.surroundings is not None:
            args = [self._scope.literal(spec.surroundings.given), self._target(spec), *args]
        ends = self._ends_of(spec)
        return [ends, self._called(spec), *args] if ends else args

    def _called(self, spec: model.ProcessSpec) -> str:
        """Return what is called, once pipes are closed."""
        return "run_with" if spec.surroundings is not None else self._target(spec)

    def _ends_of(self, spec: model.ProcessSpec) -> Expression:
        """Return the ends of pipes of which a process closes what it does not use; nothing, if there is none."""
        if spec.name in self._ends:
            return self._ends[spec.name]
        ends = [self._scope.identifiers.resource(close.subject) for close in self._closes.get(spec.name, ())]
        return "" if self._is_class(spec) or not ends else tuple_of(ends)

    def _target(self, spec: model.ProcessSpec) -> str:
        function = self._functions.get(spec.name)
        return function.name if function is not None else self._scope.function(spec.target)

    def _is_class(self, spec: model.ProcessSpec) -> bool:
        own = spec.name in self._functions  # which calls the class, as any target
        return not own and ":" in spec.target and self._scope.is_class(spec.target)

    def _made(
        self, spec: model.ProcessSpec, name: Expression, args: Sequence[Expression], kwargs: Mapping[str, Expression]
    ) -> Group:
        target = "close_others" if self._ends_of(spec) else self._called(spec)
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
