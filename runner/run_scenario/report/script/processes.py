"""How a script creates its processes: one by one, or replicas as a list."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from run_scenario.report.script.functions import StepFunction, base_name, by_name, static_text
from run_scenario.report.script.layout import (
    Expression,
    Group,
    call,
    dictionary,
    flat,
    keyword,
    keywords,
    literal,
    quoted,
    tuple_of,
)
from run_scenario.report.script.names import Scope, identifier, plural_of, takes_work
from run_scenario.report.script.steps import INDENT, StepWriter
from run_scenario.scenario import model
from run_scenario.scenario.expressions import candidates
from run_scenario.scenario.processes import by_parameter
from run_scenario.scenario.steps import PROCESS, draws_in, everywhere, seed_of

Replicas = Sequence[model.ProcessSpec]
"""Processes that differ in nothing but their names: NAME-1, NAME-2 and so on (those of a parent may begin later), or
multiprocessing's own; or that a file writes as one, and that differ in what they are given."""


def replicas(
    processes: Sequence[model.ProcessSpec], functions: Mapping[str, StepFunction], numbers: Container[str] = ()
) -> Iterator[Replicas]:
    """Yield the processes, two or more, that are created right after each other and belong together.

    `numbers`: the names of those that do not belong to the ones before; `functions`: those of the processes that have
    steps; what their parameters get may differ.
    """
    run: list[model.ProcessSpec] = []
    for spec in (*processes, None):
        if spec is not None and run and spec.name not in numbers and _continues(run, spec, functions):
            run.append(spec)
            continue
        if len(run) > 1:
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


class Members:
    """Replicas that are created as a list, and done things to in loops."""

    def __init__(
        self, specs: Replicas, names: Sequence[str] = (), many: str = "", wanted: tuple[str, ...] = ()
    ) -> None:
        self.specs, self.names = specs, list(names) or [spec.name for spec in specs]
        self.single, self.many = "", many
        """What one of them is called in a loop, once there is one, and what the list."""
        self.wanted = wanted
        """What one may be called."""
        self.ends = ""
        """What the ends of pipes are called that they inherit, if they are all started before these are closed."""
        self.started: Sequence[model.Step] = ()
        """The steps that start them then, and those that close ends in between."""
        self.closed = ""
        """Those of these ends that are closed here then."""


class ProcessWriter(StepWriter):
    """Writes the statements that create processes."""

    scope: Scope

    def __init__(
        self,
        scope: Scope,
        processes: Sequence[model.ProcessSpec],
        steps: Sequence[model.Step],
        functions: Mapping[str, StepFunction],
        subject: Callable[[model.Step], str],
        numbers: Mapping[str, str] | None = None,
    ) -> None:
        """`processes`: those that it creates; `functions`: those of processes that have steps or processes; `numbers`:
        one process, or the first of some replicas -> what its number is called, or theirs, if that depends on who
        starts them.
        """
        super().__init__(scope, scope.identifiers, lambda step: self._process_of(step) or subject(step), steps)
        self.groups = {(True, each[0].name): Members(each) for each in replicas(processes, functions, numbers or ())}
        """What is in a list, by whether it is processes, and the name of the first."""
        self.called: dict[tuple[bool, str], str] = {}
        """What a process is called at this place, or a resource in a loop: a name, or an element of a list."""
        self.own_steps = steps
        self._own = processes
        self._by_name: dict[tuple[bool, str], tuple[str, Group]] = {}
        """A name that is known only at run time -> what all that it may stand for is called, and consists of."""
        self.restarts = {spec.name: spec.restart for spec in processes if spec.restart is not None}
        self.created_by: dict[str, str] = {}
        """What creates a process that is started again, whenever it is called; of a list of them, the list of these."""
        self._functions = functions
        self._numbers = numbers or {}
        closes: dict[str, Sequence[model.Step]] = {}
        for step in (each for each in everywhere(steps) if each.verb == "start"):
            if isinstance(step.argument, dict):  # which process it is, only the run knows
                closes |= step.argument
            elif step.steps:
                closes[step.subject] = step.steps
        self._ends: dict[str, Expression] = {
            spec.name: tuple_of([scope.identifiers.resource(close.subject) for close in closes[spec.name]])
            for spec in processes
            if spec.name in closes and not self._is_class(spec)
        }
        """Process -> the ends of pipes of which it closes what it does not use."""

    def _process_of(self, step: model.Step) -> str:
        """Return the process that something is done to, or the resource in a loop; nothing, if it is something else."""
        if isinstance(step.subject, str):
            return self.called.get((step.kind == PROCESS, step.subject), "")
        if step.kind != PROCESS:
            return ""
        names = [spec.name for spec in self._own]
        wanted = f"{identifier(static_text(step.subject), 'process')}_by_name"
        return self.listed(step, wanted, names, lambda name: self.called[True, name])

    def listed(self, step: model.Step, wanted: str, names: Sequence[str], called: Callable[[str], str]) -> str:
        """Return the element of a dict, called as `wanted`, of all that a computed name may stand for."""
        key = step.kind == PROCESS, repr(step.subject)
        if key not in self._by_name:
            found = candidates(step.subject, names)
            group = self.groups.get((step.kind == PROCESS, found[0])) if found else None
            all_of_them = by_name(step.subject, names, called)
            if step.kind == PROCESS and group and group.names == found:
                each = self.identifiers.own("process")
                all_of_them = Group("{", (f"{each}.name: {each}", f"for {each} in {group.many}"), "}", commas=False)
            self._by_name[key] = self.identifiers.new(wanted), all_of_them
        return f"{self._by_name[key][0]}[{flat(self.literal(step.subject))}]"

    def known(self, indent: int = INDENT, *, processes_alone: bool = False) -> list[str]:
        """Return the statements that list what computed names may stand for."""
        listed = [each for (is_process, _), each in self._by_name.items() if is_process or not processes_alone]
        return [line for name, all_of_them in listed for line in self.lay(all_of_them, indent, f"{name} = ")]

    def create_processes(self) -> list[str]:
        """Return the statements that create the processes."""
        written: list[str] = []
        position, processes = 0, self._own
        while position < len(processes):
            spec = processes[position]
            group = self.groups.get((True, spec.name))
            written += self._create_group(group) if group else self._create_one(spec)
            position += len(group.names) if group else 1
        return written

    def _create_one(self, spec: model.ProcessSpec) -> list[str]:
        called = base_name(spec) if spec.name in self._numbers else spec.name
        name = self.called[True, spec.name] = self.identifiers.process(called)
        return self.one(spec, name)

    def _create_group(self, group: Members) -> list[str]:
        base = identifier(base_name(group.specs[0]), "process")
        group.many = self.identifiers.new(plural_of(base), f"{base}_processes" if group.specs[0].named else "workers")
        one = "thread" if group.specs[0].worker == "thread" else "process"
        group.single = self.identifiers.own(base if self.identifiers.is_free(base) else one, "each")
        self.called |= {(True, name): f"{group.many}[{index}]" for index, name in enumerate(group.names)}
        lines = self._inherit(group)
        return lines + self.many(group.specs, group.single, group.many, group.ends)

    def _inherit(self, group: Members) -> list[str]:
        """Return the statement that lists the ends of pipes that replicas inherit, if not each would close the same.

        All of them are started, then, before the ends are closed here.
        """
        first = next((i for i, step in enumerate(self.own_steps) if _is_start(step, group.names)), 0)
        started = [
            *itertools.takewhile(lambda step: _is_start(step, group.names) or _closes(step), self.own_steps[first:])
        ]
        starts = [step for step in started if not _closes(step)]
        closes = [step.subject for step in started if _closes(step)]
        even = len({repr([close.subject for close in step.steps]) for step in starts}) == 1
        listed = any(binding.listed for spec in group.specs for binding in spec.bindings)
        if even or listed or [step.subject for step in starts] != group.names:
            return []
        ends = dict.fromkeys([close.subject for step in starts for close in step.steps] + closes)
        made = self._together(ends)
        is_list = made in self.scope.lengths
        group.started = started
        group.ends = flat(made) if is_list else self.identifiers.new("ends", f"{group.many}_ends")
        group.closed = group.ends if {*ends} == {*closes} else flat(self._together(closes))
        return [] if is_list else self.lay(made, INDENT, f"{group.ends} = ")

    def _together(self, ends: Iterable[str]) -> Expression:
        """Return the ends of pipes as one expression: a list, if they are just those in it, or else a tuple."""
        called = [*map(self.identifiers.resource, ends)]
        lengths = {each: self.scope.lengths.get(each, 1) for each in (name.partition("[")[0] for name in called)}
        if sum(lengths.values()) > len(called):
            return tuple_of(called)
        parts = [f"*{each}" if each in self.scope.lengths else each for each in lengths]
        return tuple_of(parts) if len(parts) > 1 else parts[0].removeprefix("*")

    def one(self, spec: model.ProcessSpec, name: str) -> list[str]:
        """Return the statements that create a process called `name` in the script."""
        number = self._numbers.get(spec.name, "")
        called = _numbered(base_name(spec), number) if number else literal(spec.name)
        args = [number if number and key == "i" else each for key, each in self._positional(spec)]
        made = self._made(spec, called, args, self._keywords(spec))
        if spec.restart is None:
            lines = self.lay(made, INDENT, f"{name} = ")
        else:
            new = self.created_by[spec.name] = self.identifiers.new(f"new_{name}")
            lines = [*self.lay(made, INDENT, f"{new} = "), f"    {name} = {new}()"]
        return lines + self._settings(spec, name, called, INDENT)

    def many(self, group: Replicas, single: str, many: str, ends: str = "") -> list[str]:
        """Return the statements that create a list of processes, called `many`; one of them is `single`.

        `ends`: what the ends of pipes are called that they inherit, if that is the same for all.
        """
        if any(spec.name in self._ends for spec in group):
            self._ends |= {spec.name: ends or self._ends.get(spec.name, "()") for spec in group}
        first, numbers = group[0], range(_first_number(group), _first_number(group) + len(group))
        number, named = self.identifiers.counter(), self._keywords(first)
        varying: dict[str, list[str]] = {}
        args: list[Expression] = []
        rows = [[*self._positional(spec), *self._keywords(spec).items()] for spec in group]
        for given in zip(*rows, strict=True):
            parameter, column = given[0][0], [each for _, each in given]
            texts = list(map(flat, column))
            same = column[0] if len({*texts}) == 1 else self._of_number(texts, numbers, number)
            if same is None:
                same = self.identifiers.own(parameter if parameter != number else f"its_{number}")
                varying[same] = texts
            args.append(same)
        kwargs = dict(zip(named, args[len(args) - len(named) :], strict=True))
        name = _numbered(base_name(first), number)
        made = self._made(first, name, args[: len(args) - len(named)], kwargs)
        counts = re.search(rf"\b{number}\b", flat(made)) is not None
        lines, over = self._over(varying, counts, numbers, f"{self._target(first)}_arguments")
        if first.name in self._numbers:
            over = f"for {number} in {self._numbers[first.name]}"
        return lines + self._listed(group, Group("[", (made, over), "]", commas=False), single, many)

    def _of_number(self, texts: Sequence[str], numbers: range, number: str) -> str | None:
        """Return what is written in a comprehension for what each of the replicas gets; None if it has no formula."""
        if texts == [*map(str, numbers)]:
            return number
        if found := re.fullmatch(r"range\((\d+), (\d+)\)", texts[0]):
            width = int(found[2]) - int(found[1])
            if texts == [f"range({width * (each - 1) + 1}, {width * each + 1})" for each in numbers]:
                return f"range({width} * {number} - {width - 1}, {width} * {number} + 1)"
        listed = texts[0].partition("[")[0]
        length = self.scope.lengths.get(listed, 0)
        formulas = {
            f"{number} - 1": [each - 1 for each in numbers],
            number: [*numbers],
            f"{number} % {length}": [each % length for each in numbers] if length else [],
            f"{number} - 2": [(each - 2) % length for each in numbers] if length else [],
        }
        for formula, indexes in formulas.items():
            if texts == [f"{listed}[{index}]" for index in indexes]:
                return f"{listed}[{formula}]"
        return None

    def _listed(self, group: Replicas, elements: Group, single: str, many: str) -> list[str]:
        """Return the statements that create the list."""
        first, listed = group[0], many
        if first.restart is not None:
            listed = self.identifiers.new(f"new_{many}")
            self.created_by |= {spec.name: f"{listed}[{index}]" for index, spec in enumerate(group)} | {many: listed}
        lines = self.lay(elements, INDENT, f"{listed} = ")
        if first.restart is not None:
            new = self.identifiers.own("new")
            lines.append(f"    {many} = [{new}() for {new} in {listed}]")
        number = self.identifiers.counter()
        settings = self._settings(first, single, _numbered(base_name(first), number), 2 * INDENT)
        counted = f"{number}, {single} in enumerate({many}, start={_first_number(group)})"
        head = f"    for {counted if first.named else f'{single} in {many}'}:"
        return [*lines, head, *settings] if settings else lines

    def _over(
        self, varying: Mapping[str, Sequence[str]], counts: bool, numbers: range, wanted: str
    ) -> tuple[list[str], str]:
        """Return the `for` of a list of processes, and the lines before it that list what they do not share.

        `wanted`: what that list is called, if nothing else is.
        """
        number = self.identifiers.counter()
        if not varying:
            return [], f"for {number} in {numbers}" if counts else f"for _ in range({len(numbers)})"
        names, rows = ", ".join(varying), list(zip(*varying.values(), strict=True))
        elements = [Group("(", row, ")") if len(row) > 1 else row[0] for row in rows]
        listed = self.identifiers.new(wanted if len(varying) > 1 or names.endswith("s") else plural_of(names), wanted)
        lines = self.lay(Group("[", tuple(elements), "]"), INDENT, f"{listed} = ")
        if not counts:
            return lines, f"for {names} in {listed}"
        names = f"({names})" if len(varying) > 1 else names
        return lines, f"for {number}, {names} in enumerate({listed}, start={numbers.start})"

    def seeding(self) -> list[str]:
        """Return the statement by which the random numbers of a program are those of the scenario, if it has a seed."""
        params = self.scope.all_parameters
        if "seed" not in params or not draws_in(self.own_steps):
            return []
        name = f"{self.scope.use('multiprocessing', 'current_process')}().name"
        seed = quoted(seed_of(params, "").replace("{", "{{").replace("}", "}}"))
        return [f"    {self.scope.use('random')}.seed(f{seed[:-1]}{{{name}}}{seed[-1]})"]

    # What a process is created with

    def call_target(self, spec: model.ProcessSpec) -> list[str]:
        """Return the statement that calls the target of a process."""
        args = [self._argument(spec.target, index, value) for index, value in enumerate(spec.args)]
        return self.lay(call(self.scope.function(spec.target), *args, *keywords(self._named(spec))), INDENT)

    def _named(self, spec: model.ProcessSpec) -> dict[str, Expression]:
        """Return the keyword arguments of a target."""
        bound = by_parameter(spec.bindings, self.identifiers.resource)
        kwargs = {name: Group("[", tuple(e), "]") if isinstance(e, list) else e for name, e in bound.items()}
        given = {key: value for key, value in spec.kwargs.items() if key not in kwargs}
        return kwargs | {key: self._argument(spec.target, key, value) for key, value in given.items()}

    def _keywords(self, spec: model.ProcessSpec) -> dict[str, Expression]:
        """Return the keyword arguments of a process; a function of steps has none."""
        return {} if spec.name in self._functions else self._named(spec)

    def _positional(self, spec: model.ProcessSpec) -> list[tuple[str, Expression]]:
        """Return the positional arguments of a process, each with what it is for."""
        function, target = self._functions.get(spec.name), self._target(spec)
        if function is not None:
            names = [each.name for each in function.parameters]
            given = list(zip(names, function.arguments(spec, self.identifiers.resource), strict=True))
        else:
            given = [(f"argument_{n + 1}", self._argument(spec.target, n, spec.args[n])) for n in range(len(spec.args))]
        if spec.surroundings is not None:
            given = [("surroundings", self.literal(spec.surroundings.given)), ("target", target), *given]
            target = self.scope.helper("run_with")
        return [("ends", self._ends[spec.name]), ("target", target), *given] if spec.name in self._ends else given

    def _target(self, spec: model.ProcessSpec) -> str:
        function = self._functions.get(spec.name)
        return function.name if function is not None else self.scope.function(spec.target)

    def _is_class(self, spec: model.ProcessSpec) -> bool:
        own = spec.name in self._functions  # which calls the class, as any target
        return not own and ":" in spec.target and self.scope.is_class(spec.target)

    def _made(
        self, spec: model.ProcessSpec, name: Expression, args: Sequence[Expression], kwargs: Mapping[str, Expression]
    ) -> Expression:
        """Return what creates a process; of one that is started again, what does so whenever it is called."""
        kind = self.scope.use("threading", "Thread") if spec.worker == "thread" else ""
        if self._is_class(spec):
            kind, parts = self._target(spec), [*args, *keywords(kwargs)]
        else:
            helper = "close_others" if spec.name in self._ends else "run_with" if spec.surroundings else ""
            parts = [keyword("name", name)] if spec.named else []
            parts.append(keyword("target", self.scope.helper(helper) if helper else self._target(spec)))
            parts += [keyword("args", tuple_of(args))] if args else []
            parts += [keyword("kwargs", dictionary(kwargs))] if kwargs else []
            parts += ["daemon=True"] if spec.daemon else []
            kind = kind or self.scope.use("multiprocessing", "Process")
        return (
            call(kind, *parts) if spec.restart is None else call(self.scope.use("functools", "partial"), kind, *parts)
        )

    def _settings(self, spec: model.ProcessSpec, process: str, name: Expression, indent: int) -> list[str]:
        """Return what is set on an object of a Process subclass, whose constructor takes the arguments alone."""
        if not self._is_class(spec):
            return []
        lines = self.lay(name, indent, f"{process}.name = ") if spec.named else []
        return [*lines, f"{' ' * indent}{process}.daemon = True"] if spec.daemon else lines

    def _argument(self, target: str, name: str | int, value: Any) -> Expression:
        """Return an argument; the name of a work function stands for the function itself."""
        if takes_work(target, name) and isinstance(value, dict) and "call" in value:
            given = {key: self.literal(content) for key, content in (value.get("kwargs") or {}).items()}
            return call(self.scope.use("functools", "partial"), self.scope.function(value["call"]), *keywords(given))
        return self.scope.function(value) if takes_work(target, name) and value is not None else self.literal(value)


def _is_start(step: model.Step, names: Sequence[str]) -> bool:
    return step.verb == "start" and step.subject in names


def _closes(step: model.Step) -> bool:
    """Whether the step closes an end of a pipe because others have it."""
    return (step.verb, step.kind, step.where) == ("close", "Pipe", None)


def _numbered(base: str, number: str) -> str:
    literal_part = quoted(base.replace("{", "{{").replace("}", "}}"))
    return f"f{literal_part[:-1]}-{{{number}}}{literal_part[-1]}"
