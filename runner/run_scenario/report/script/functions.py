"""The steps of processes as functions: one for all replicas, whose differences are its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from run_scenario.report.script.layout import Expression, Group, dictionary, flat, literal
from run_scenario.report.script.names import TAKEN, Identifiers, identifier, names_of
from run_scenario.report.script.steps import StepWriter
from run_scenario.scenario import model
from run_scenario.scenario.candidates import candidates
from run_scenario.scenario.expressions import Expression as Computed
from run_scenario.scenario.expressions import Template
from run_scenario.scenario.plan import around_target
from run_scenario.scenario.steps import PROCESS, VERBS, everywhere, names_read
from run_scenario.values import Value

Subject = str | Template | Computed


class Parameter(Value):
    """A parameter of a function, and what it gets of each process that runs the function."""

    name: str
    subjects: tuple[Subject, ...] = ()
    """The resource's name of each; or else, for all, a name that is known only at run time."""
    known: str = ""
    """The name of the value that it is instead, which is known of each process: `i`, `name` or `replicas`."""


class StepFunction:
    """The function of processes whose steps are the same, but for what they are done to."""

    def __init__(self, name: str, specs: Sequence[model.ProcessSpec]) -> None:
        self.name = name
        self.specs = specs
        self.parameters: list[Parameter] = []
        self.subjects: dict[int, str] = {}
        """The id of a step of the first of the processes -> the expression for what it is done to."""
        self.children: tuple[model.ProcessSpec, ...] = ()
        """The processes that it starts itself."""
        self.before: tuple[model.Step, ...] = ()
        """The steps that start them, before its own, or before its target is called."""
        self.after: tuple[model.Step, ...] = ()
        """The steps that wait for them."""
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
        position = self._positions[spec.name]
        return [self._argument(each, spec, position, resource) for each in self.parameters]

    def _argument(
        self, parameter: Parameter, spec: model.ProcessSpec, position: int, resource: Callable[[str], str]
    ) -> Expression:
        if parameter.known:
            return literal(spec.names[parameter.known])
        subject = parameter.subjects[position]
        return resource(subject) if isinstance(subject, str) else by_name(subject, handles(spec), resource)


def functions(scenario: model.Scenario, identifiers: Identifiers, taken: set[str]) -> dict[str, StepFunction]:
    """Return the function of each process that has steps, by the process's name.

    `identifiers`: those of the script's top level; `taken`: names that no parameter may have.
    """
    found: dict[str, StepFunction] = {}
    parents = {spec.parent for spec in scenario.processes}
    for specs in _alike(scenario.processes, parents):
        first = specs[0]
        base = (first.name.rpartition("-")[0] or first.name) if len(specs) > 1 else first.name
        wanted = identifier(base, "work") if first.named else "work"
        function = StepFunction(identifiers.new(wanted, TAKEN), specs)
        if first.name in parents:
            function.children = tuple(spec for spec in scenario.processes if spec.parent == first.name)
            if not any(step.verb == "start" for step in everywhere(first.steps)):
                function.before, function.after = around_target(scenario, first)
        found |= {spec.name: function for spec in specs}
    names = {function.name for function in found.values()}
    for function in reversed(dict.fromkeys(found.values())):  # those of a process come after it
        own = names if function.children else set()
        function.identifiers = Identifiers({*taken, *own, *names_of(function.steps)})
        for child in function.children:
            if child.name in found:
                function.identifiers.name_process(child.name, found[child.name].name)
        for child in function.children:
            if child.name in found:
                function.identifiers.name_process(child.name, found[child.name].name)
        _find_parameters(function, found)
    return found


def head(function: StepFunction, body: StepWriter) -> list[str]:
    """Return the lines that begin a function."""
    parts: tuple[Any, ...] = tuple(each.name for each in function.parameters)
    return body.lay(Group(f"def {function.name}(", parts, ")", is_call=True), 0, after=":")


def by_name(subject: Subject, names: Sequence[str], called: Callable[[str], str]) -> Group:
    """Return a dict of all that a computed name may stand for."""
    return dictionary({name: called(name) for name in candidates(subject, names)})


def handles(spec: model.ProcessSpec) -> list[str]:
    """Return the names of the resources that a process may use."""
    return list(dict.fromkeys(binding.resource for binding in spec.bindings))


def _alike(processes: Sequence[model.ProcessSpec], parents: Collection[str]) -> Iterator[list[model.ProcessSpec]]:
    """Yield the processes with steps or with processes of their own, those together that can share a function."""
    groups: dict[Any, list[model.ProcessSpec]] = {}
    for spec in processes:
        if not spec.steps and spec.name not in parents:
            continue
        together = spec.where is not None and spec.name not in parents
        place = (spec.where.line, spec.where.column) if spec.where is not None and together else spec.name
        group = groups.setdefault(place, [])
        if group and group[0].steps is not spec.steps and _shape(group[0].steps) != _shape(spec.steps):
            groups[place, spec.name] = [spec]
        else:
            group.append(spec)
    yield from groups.values()


def _shape(steps: Sequence[model.Step]) -> list[tuple[Any, ...]]:
    """Return all of steps but what they are done to."""
    return [
        (step.verb, step.kind, repr(step.argument), repr(step.options), step.raises, step.name, len(step.steps))
        for step in everywhere(steps)
    ]


def _find_parameters(function: StepFunction, functions_: Mapping[str, StepFunction]) -> None:
    """Find which parameters a function needs, and what each of its steps is done to."""
    first, identifiers = function.specs[0], function.identifiers
    read = {name for step in everywhere(first.steps) for name in names_read(step)}
    for known in ("name", "i", "replicas"):
        if known in read and known in first.names:
            function.parameters.append(Parameter(known, known=known))
    if function.children or all(spec.steps is first.steps for spec in function.specs):
        rows = [(step, (step.subject,) * len(function.specs)) for step in _about(function.steps)]
    else:
        columns = [[step.subject for step in _about(spec.steps)] for spec in function.specs]
        rows = [(step, row) for step, *row in zip(_about(first.steps), *columns, strict=True)]  # type: ignore[misc]
    known_rows: dict[str, Parameter] = {}
    for step, row in rows:
        subjects = tuple(row)
        if step.kind == PROCESS:
            continue
        key = repr(subjects)
        if key not in known_rows:
            known_rows[key] = Parameter(_parameter_name(step, subjects, identifiers), subjects)
        name = known_rows[key].name
        computed = not isinstance(step.subject, str)
        function.subjects[id(step)] = f"{name}[{flat(literal(step.subject))}]" if computed else name
    for needed in _needed(function, functions_):
        known_rows.setdefault(repr((needed,)), Parameter(identifiers.resource(needed), (needed,)))
    function.parameters += known_rows.values()


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
            if parameter.subjects:
                subject = parameter.subjects[position]
                yield from [subject] if isinstance(subject, str) else candidates(subject, handles(child))


def _about(steps: Sequence[model.Step]) -> Iterator[model.Step]:
    return (step for step in everywhere(steps) if step.verb in VERBS and VERBS[step.verb].takes and step.subject != "")


def _parameter_name(step: model.Step, subjects: tuple[Subject, ...], identifiers: Identifiers) -> str:
    kind = step.kind.lower() or "resource"
    if not isinstance(step.subject, str):
        return identifiers.new(plural_of(identifier(static_text(step.subject), kind)))
    names = {str(subject) for subject in subjects}
    if len(names) == 1:
        return identifiers.resource(names.pop())
    bases = {re.sub(r"[-_ ]?\d+", "", name) for name in names}
    wanted = identifier(bases.pop() if len(bases) == 1 else kind, kind)
    if not identifiers.is_free(wanted) and identifiers.is_free(f"other_{wanted}"):
        wanted = f"other_{wanted}"
    return identifiers.new(wanted)


def static_text(subject: Subject) -> str:
    """Return what stands in a computed name before what is computed."""
    first = subject.parts[0] if isinstance(subject, Template) else ""
    return first if isinstance(first, str) else ""


def plural_of(name: str) -> str:
    """Return what several of these are called."""
    return f"{name}es" if name.endswith("s") else f"{name}s"
