"""The steps of processes as functions: one for all replicas, whose differences are its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from run_scenario.report.script.layout import FULL_NAMES, Expression, Group, Names, dictionary, flat, literal
from run_scenario.report.script.names import TAKEN, Identifiers, identifier, kind_of, names_of, own_steps, plural_of
from run_scenario.report.script.steps import StepWriter
from run_scenario.scenario import model
from run_scenario.scenario.expressions import Expression as Computed
from run_scenario.scenario.expressions import Template, candidates
from run_scenario.scenario.plan import around_target
from run_scenario.scenario.steps import PROCESS, VERBS, everywhere, names_read
from run_scenario.values import Value

Subject = str | Template | Computed


class Parameter(Value):
    """A parameter of a function, and what it gets of each process that runs the function."""

    name: str
    given: tuple[Any, ...]
    """What each of the processes gives: the name of a resource, which for all may be known only at run time; None: a
    condition keeps it from the step that would need one."""
    is_resource: bool = True
    """Whether it is that; otherwise it is written as it is."""


class StepFunction:
    """The function of processes whose steps are the same, but for what they are done to."""

    def __init__(self, name: str, specs: Sequence[model.ProcessSpec], scenario: model.Scenario) -> None:
        self.name = name
        self.specs = specs
        self.parameters: list[Parameter] = []
        self.subjects: dict[int, str] = {}
        """The id of a step of the first of the processes -> the expression for what it is done to."""
        self.children = children_of(scenario, specs[0])
        """The processes that it starts itself; those of the first."""
        self.numbers: dict[str, str] = {}
        """A process, or the first of some replicas, that it starts -> the parameter that has its number, or theirs."""
        self.before, self.after = around(scenario, specs[0])
        """The steps that start them, before its own, or before its target is called; those that wait for them."""
        self.identifiers = Identifiers(())
        """Those of its body."""
        self._positions = {spec.name: position for position, spec in enumerate(specs)}

    @property
    def steps(self) -> tuple[model.Step, ...]:
        """All its steps; those of the first of the processes."""
        return (*self.before, *self.specs[0].steps, *self.after)

    def subject(self, step: model.Step) -> str:
        """Return the expression for what a step is done to."""
        return self.subjects[id(step)]

    def arguments(self, spec: model.ProcessSpec, resource: Callable[[str], str]) -> list[Expression]:
        """Return what a process gives to the parameters; `resource` returns what a resource is called."""
        given = [(each, each.given[self._positions[spec.name]]) for each in self.parameters]
        return [_argument(value, spec, resource) if each.is_resource else value for each, value in given]


def _argument(subject: Subject | None, spec: model.ProcessSpec, resource: Callable[[str], str]) -> Expression:
    if subject is None:
        return "None"
    return resource(subject) if isinstance(subject, str) else by_name(subject, handles(spec), resource)


def functions(
    scenario: model.Scenario, identifiers: Identifiers, taken: set[str], names: Names = FULL_NAMES
) -> dict[str, StepFunction]:
    """Return the function of each process that has steps, by the process's name.

    `identifiers`: those of the script's top level; `taken`: names that no parameter may have; `names`: what modules are
    called.
    """
    found: dict[str, StepFunction] = {}
    reserved = TAKEN | names_of(own_steps(scenario))
    for specs in _alike(scenario):
        base = base_name(specs[0]) if len(specs) > 1 else specs[0].name
        wanted = identifier(base, "work") if specs[0].named else "work"
        function = StepFunction(identifiers.new(wanted, f"run_{wanted}", taken=reserved), specs, scenario)
        found |= {spec.name: function for spec in specs}
    called = {function.name for function in found.values()}
    for function in reversed(dict.fromkeys(found.values())):  # those of a process come after it
        own = called if function.children else set()
        function.identifiers = Identifiers({*taken, *own}, names_of(function.steps))
        _find_parameters(function, found, scenario, names)
    return found


def children_of(scenario: model.Scenario, parent: model.ProcessSpec) -> tuple[model.ProcessSpec, ...]:
    """Return the processes that a process starts itself."""
    return tuple(spec for spec in scenario.processes if spec.parent == parent.name)


def around(scenario: model.Scenario, spec: model.ProcessSpec) -> tuple[tuple[model.Step, ...], tuple[model.Step, ...]]:
    """Return the steps that start and join the processes of a process, if its own do not."""
    return ((), ()) if any(step.verb == "start" for step in everywhere(spec.steps)) else around_target(scenario, spec)


def base_name(spec: model.ProcessSpec) -> str:
    """Return what the names of replicas have in common: nothing, if they are multiprocessing's own."""
    return spec.name.rpartition("-")[0] if spec.named else ""


def head(function: StepFunction, body: StepWriter) -> list[str]:
    """Return the lines that begin a function."""
    parts: tuple[Any, ...] = tuple(each.name for each in function.parameters)
    lines = body.lay(Group(f"def {function.name}(", parts, ")", is_call=True), 0, after=":")
    if any("name" in names_read(step) for step in everywhere(function.specs[0].steps)):
        is_thread = function.specs[0].worker == "thread"
        where = ("threading", "current_thread") if is_thread else ("multiprocessing", "current_process")
        lines.append(f"    name = {body.scope.use(*where)}().name")
    return lines


def by_name(subject: Subject, names: Sequence[str], called: Callable[[str], str]) -> Group:
    """Return a dict of all that a computed name may stand for."""
    return dictionary({name: called(name) for name in candidates(subject, names)})


def handles(spec: model.ProcessSpec) -> list[str]:
    """Return the names of the resources that a process may use."""
    return list(dict.fromkeys(binding.resource for binding in spec.bindings))


def _alike(scenario: model.Scenario) -> Iterator[list[model.ProcessSpec]]:
    """Yield the processes with steps or with processes of their own, those together that can share a function."""
    parents = {spec.parent for spec in scenario.processes}
    groups: dict[Any, list[model.ProcessSpec]] = {}
    for spec in scenario.processes:
        if not spec.steps and spec.name not in parents:
            continue
        place = (spec.where.line, spec.where.column) if spec.where is not None else spec.name
        first = groups.setdefault(place, [spec])[0]
        alike = first.steps is spec.steps or _shape(first.steps) == _shape(spec.steps)
        if not alike or (spec.name in parents and _family(scenario, first) != _family(scenario, spec)):
            groups[place, spec.name] = [spec]
        elif first is not spec:
            groups[place].append(spec)
    yield from groups.values()


def _family(scenario: model.Scenario, parent: model.ProcessSpec) -> Any:
    """Return all of a process and of those that it starts but their numbers; itself, if there is more to them."""
    children = children_of(scenario, parent)
    if not all(each.named for each in children) or any(children_of(scenario, each) for each in children):
        return parent
    numbers = {each.name: index for index, each in enumerate(children)}
    before, after = around(scenario, parent)
    done = [
        (step.verb, numbers.get(step.subject) if step.kind == PROCESS and isinstance(step.subject, str) else step)
        for step in everywhere((*before, *parent.steps, *after))
        if step.kind == PROCESS or step.where is None
    ]
    given = parent.replace(steps=(), bindings=()) if parent.steps else parent
    alike = [spec.replace(name=base_name(spec), parent="", names={}, where=None) for spec in (given, *children)]
    return repr((done, alike))


def _shape(steps: Sequence[model.Step]) -> list[tuple[Any, ...]]:
    """Return all of steps but what they are done to."""
    return [
        (step.verb, step.kind, repr(step.argument), repr(step.options), step.raises, step.name, len(step.steps))
        for step in everywhere(steps)
    ]


def _find_parameters(
    function: StepFunction, functions_: Mapping[str, StepFunction], scenario: model.Scenario, names: Names
) -> None:
    """Find which parameters a function needs, and what each of its steps is done to."""
    first, identifiers = function.specs[0], function.identifiers
    read = {name for step in everywhere(first.steps) for name in names_read(step)}
    for known in ("i", "replicas"):
        if known in read and known in first.names:
            given = tuple(literal(spec.names[known]) for spec in function.specs)
            function.parameters.append(Parameter(known, given, is_resource=False))
    if len(function.specs) > 1:
        _find_numbers(function, [children_of(scenario, spec) for spec in function.specs])
    if all(spec.steps is first.steps for spec in function.specs):
        rows = [(step, (step.subject,) * len(function.specs)) for step in _about(function.steps)]
    else:
        of_all = [(function.before, spec.steps, function.after) for spec in function.specs]
        columns = [[step.subject for steps in each for step in _about(steps)] for each in of_all]
        rows = [(step, row) for step, *row in zip(_about(function.steps), *columns, strict=True)]  # type: ignore[misc]
    kinds = {handle: kind_of(each) for each in scenario.resources for handle in model.handles([each])}
    known_rows: dict[str, Parameter] = {}
    for step, row in rows:
        subjects = tuple(row)
        if step.kind == PROCESS:
            continue
        key = repr(subjects)
        if key not in known_rows:
            there = tuple(each if each in kinds or not isinstance(each, str) else None for each in subjects)
            known_rows[key] = Parameter(_parameter_name(step, subjects, identifiers), there)
        name = known_rows[key].name
        computed = not isinstance(step.subject, str)
        function.subjects[id(step)] = f"{name}[{flat(literal(step.subject, names))}]" if computed else name
    for needed in _needed(function, functions_):
        subjects = (needed,) * len(function.specs)
        known_rows.setdefault(repr(subjects), Parameter(identifiers.resource(needed, kinds.get(needed, "")), subjects))
    function.parameters += known_rows.values()


def _find_numbers(function: StepFunction, children: Sequence[Sequence[model.ProcessSpec]]) -> None:
    """Add a parameter for the numbers of the replicas that each of the processes starts."""
    for base in dict.fromkeys(map(base_name, children[0])):
        names = [[each.name for each in own if base_name(each) == base] for own in children]
        ends = [[int(each[index].rpartition("-")[2]) for index in (0, -1)] for each in names]
        single = len(names[0]) == 1
        parameter = function.identifiers.new(f"{identifier(base, 'process')}_number{'' if single else 's'}")
        function.numbers[names[0][0]] = parameter
        given = tuple(str(first) if single else f"range({first}, {last + 1})" for first, last in ends)
        function.parameters.append(Parameter(parameter, given, is_resource=False))


def _needed(function: StepFunction, functions_: Mapping[str, StepFunction]) -> Iterator[str]:
    """Yield the resources that a function needs for its target and for the processes that it starts."""
    first = function.specs[0]
    if not first.steps:
        yield from handles(first)
    for child in function.children:
        if child.name not in functions_:
            yield from handles(child)
            continue
        of_child = functions_[child.name]
        position = [spec.name for spec in of_child.specs].index(child.name)
        for parameter in of_child.parameters:
            subject = parameter.given[position]
            if parameter.is_resource and subject is not None:
                yield from [subject] if isinstance(subject, str) else candidates(subject, handles(child))


def _about(steps: Sequence[model.Step]) -> Iterator[model.Step]:
    return (step for step in everywhere(steps) if step.verb in VERBS and VERBS[step.verb].takes and step.subject != "")


def _parameter_name(step: model.Step, subjects: tuple[Subject, ...], identifiers: Identifiers) -> str:
    kind = step.kind.lower() or "resource"
    if not isinstance(step.subject, str):
        return identifiers.new(plural_of(identifier(static_text(step.subject), kind)))
    names = {str(subject) for subject in subjects}
    if len(names) == 1:
        return identifiers.resource(names.pop(), step.kind)
    bases = {re.sub(r"[-_ ]?\d+", "", name) for name in names}
    wanted = identifier(bases.pop() if len(bases) == 1 else kind, kind)
    return identifiers.new(wanted, f"other_{wanted}")


def static_text(subject: Subject) -> str:
    """Return what stands in a computed name before what is computed."""
    first = subject.parts[0] if isinstance(subject, Template) else ""
    return first if isinstance(first, str) else ""
