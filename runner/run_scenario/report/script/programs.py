"""The steps of a program that creates processes: the main program, or a process that has processes of its own.

What replicas have in common becomes a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy

from run_scenario.report.script import names as script_names
from run_scenario.report.script.functions import StepFunction, by_name, head, plural_of, static_text
from run_scenario.report.script.layout import Expression, Group, call, flat, literal
from run_scenario.report.script.names import identifier, unread_names
from run_scenario.report.script.processes import Creation, Replicas, base_name, replicas
from run_scenario.report.script.steps import INDENT, StepWriter, restarted
from run_scenario.scenario import model
from run_scenario.scenario.steps import PROCESS, everywhere

_LONGEST_BLOCK = 4
"""Most steps that are looked at as the body of a loop."""

_PHASES = {
    "create": "creation",
    "sleep": "start",
    "start": "start",
    "for": "put",
    "join_queue": "take",
    "next_call": "call",
    "result": "call",
    "terminate": "end",
    "shutdown": "end",
    "is_alive": "join",
    "if": "join",
}
"""Derived steps come in phases, between which is an empty line. The phase of `close`, `join` and the like depends on
what they are done to."""
_TOGETHER = ("start", "sleep", "create", "next_call", "result")
"""Steps of a file that stand with their likes among the derived ones; all others stay together, as written."""


class Program(StepWriter):
    """Writes the creation of processes, and what is done with them."""

    def __init__(
        self,
        scope: script_names.Scope,
        processes: Sequence[model.ProcessSpec],
        steps: Sequence[model.Step],
        functions: Mapping[str, StepFunction],
        subject: Callable[[model.Step], str],
        unread: Iterable[str] = (),
    ) -> None:
        """`processes`: those that it creates; `functions`: those of processes that have steps or processes."""
        super().__init__(scope, scope.identifiers, lambda step: self._named(step) or subject(step), unread)
        self._own = processes
        self._steps = steps
        self._functions = functions
        closes = {step.subject: step.steps for step in everywhere(steps) if step.verb == "start" and step.steps}
        for step in everywhere(steps):
            if step.verb == "start" and isinstance(step.argument, dict):
                closes |= step.argument
        self.creation = Creation(scope, INDENT, closes, functions)
        self._groups = {group[0].name: _Group(group) for group in replicas(processes, functions)}
        self._processes: dict[str, str] = {}
        """What each process is called at this place: a name, or an element of a list."""
        self._by_name: dict[tuple[bool, str], tuple[str, Group]] = {}
        """A name that is known only at run time -> what all that it may stand for is called, and consists of."""

    def _named(self, step: model.Step) -> str:
        """Return the process that something is done to; nothing, if it is something else."""
        if step.kind != PROCESS:
            return ""
        if isinstance(step.subject, str):
            return self._processes[step.subject]
        names = [spec.name for spec in self._own]
        wanted = f"{identifier(static_text(step.subject), 'process')}_by_name"
        return self.listed(step, wanted, names, self._processes.__getitem__)

    def listed(self, step: model.Step, wanted: str, names: Sequence[str], called: Callable[[str], str]) -> str:
        """Return the element of a dict, called as `wanted`, of all that a computed name may stand for."""
        key = step.kind == PROCESS, repr(step.subject)
        if key not in self._by_name:
            self._by_name[key] = self.identifiers.new(wanted), by_name(step.subject, names, called)
        return f"{self._by_name[key][0]}[{flat(literal(step.subject))}]"

    def known(self) -> list[str]:
        """Return the statements that list what computed names may stand for."""
        listed = self._by_name.values()
        return [line for name, all_of_them in listed for line in self.lay(all_of_them, INDENT, f"{name} = ")]

    def create_processes(self) -> list[str]:
        """Return the statements that create the processes."""
        written: list[str] = []
        position, processes = 0, self._own
        while position < len(processes):
            spec = processes[position]
            group = self._groups.get(spec.name)
            written += self._create_group(group) if group else self._create_one(spec)
            position += len(group.names) if group else 1
        return written

    def _create_one(self, spec: model.ProcessSpec) -> list[str]:
        if spec.name in self._functions:
            self.identifiers.name_process(spec.name, self._functions[spec.name].name)
        name = self.identifiers.process(spec.name)
        self._processes[spec.name] = name
        return self.creation.one(spec, name)

    def _create_group(self, group: _Group) -> list[str]:
        base = identifier(base_name(group.specs[0]), "process")
        group.many = self.identifiers.new(plural_of(base))
        is_function = base in {function.name for function in self._functions.values()}
        group.single = self.identifiers.own("process") if is_function else self.identifiers.new(base)
        self._processes |= {name: f"{group.many}[{index}]" for index, name in enumerate(group.names)}
        return self.creation.many(group.specs, group.single, group.many)

    # Steps

    def statements(self, steps: Sequence[model.Step]) -> Iterator[tuple[str, list[str]]]:
        """Yield the statements of one or several steps after the other, each with the phase that they belong to."""
        position = 0
        while position < len(steps):
            lines, length = self._next(steps, position)
            yield _phase(steps[position]), lines
            position += length

    def _next(self, steps: Sequence[model.Step], position: int) -> tuple[list[str], int]:
        """Return the statements for the next steps, and how many steps these are."""
        for step in steps[position : position + _LONGEST_BLOCK]:
            group = self._groups.get(step.subject) if step.kind == PROCESS and isinstance(step.subject, str) else None
            if group and (length := _repeated(steps, position, group.names)):
                return self._loop(group, steps[position : position + length]), length * len(group.names)
        before = steps[position - 1] if position else None
        return self.statement(steps[position], INDENT, before), 1

    def statement(self, step: model.Step, indent: int, before: model.Step | None = None) -> list[str]:
        """Return the lines of a step that comes after another, if it does."""
        lines = super().statement(step, indent, before)
        comment = _comment(step, before)
        return [*lines[:-1], f"{lines[-1]}  # {comment}"] if comment else lines

    def supervise(self, step: model.Step, indent: int) -> list[str]:
        """Return the call that starts processes again; their variables are then the last of them, if steps go on."""
        groups = [group for group in self._groups.values() if group.many in self.creation.created_by]
        whole = [group for group in groups if list(step.argument) == group.names]
        if whole:
            (group,) = whole
            each, new = self.identifiers.own("each"), self.identifiers.own("new")
            over = f"for {each}, {new} in zip({group.many}, {self.creation.created_by[group.many]})"
            entry = restarted(self.restarts.get(group.names[0]), each, new)
            made: Expression = call("supervise", Group("*[", (entry, over), "]", commas=False))
            last = f"{group.many} = "
        else:
            created_by = self.creation.created_by
            entries = [
                restarted(self.restarts.get(name), self._processes[name], created_by.get(name, "None"))
                for name in step.argument
            ]
            made = call("supervise", *entries)
            last = f"[{', '.join(self._processes[name] for name in step.argument)}] = "
        return (
            self.lay(made, indent, last) + self._known_again(indent)
            if step.where is not None
            else self.lay(made, indent)
        )

    def _known_again(self, indent: int) -> list[str]:
        """Return the statements that list the processes by computed names, once others stand for them."""
        for step in everywhere(self._steps):
            if step.kind == PROCESS and not isinstance(step.subject, str):
                self._named(step)
        listed = [each for (is_process, _), each in self._by_name.items() if is_process]
        return [line for name, all_of_them in listed for line in self.lay(all_of_them, indent, f"{name} = ")]

    def _loop(self, group: _Group, block: Sequence[model.Step]) -> list[str]:
        """Return a loop over the group whose body are the steps for the first of them."""
        first = group.names[0]
        indexed, self._processes[first] = self._processes[first], group.single
        body = self.block(block, 2 * INDENT)
        self._processes[first] = indexed
        return [f"{' ' * INDENT}for {group.single} in {group.many}:", *body]


def separated(parts: Iterable[tuple[str, list[str]]]) -> list[str]:
    """Return lines with an empty one between two phases."""
    written: list[str] = []
    last = ""
    for phase, lines in parts:
        if lines and last and phase != last:
            written.append("")
        written += lines
        last = phase if lines else last
    return written


def written(function: StepFunction, scope: script_names.Scope, functions: Mapping[str, StepFunction]) -> list[str]:
    """Return the lines of a function."""
    unread = unread_names(function.steps)
    if not function.children:
        plain = StepWriter(scope, function.identifiers, function.subject, unread)
        constants = plain.assign(scope.own_constants(function.steps), INDENT)
        constants += plain.seeding(function.steps, scope.all_parameters, INDENT)
        return [*head(function, plain), *constants, *plain.block(function.steps, INDENT)]
    local = copy(scope)
    local.identifiers = function.identifiers
    body = Program(local, function.children, function.steps, functions, function.subject, unread)
    body.restarts = {spec.name: spec.restart for spec in function.children if spec.restart is not None}
    spec = function.specs[0]
    created = body.create_processes()
    parts = [
        *body.statements(function.before),
        *(("own", lines) for _, lines in body.statements(spec.steps)),
        ("own", [] if spec.steps else body.creation.call_target(spec)),
        *body.statements(function.after),
    ]
    constants = body.assign(scope.own_constants(function.steps), INDENT)
    constants += body.seeding(function.steps, scope.all_parameters, INDENT)
    before = [("constants", constants), ("processes", created), ("known", body.known())]
    return [*head(function, body), *separated([*before, *parts])]


class _Group:
    """Replicas that are created as a list, and done things to in loops."""

    def __init__(self, specs: Replicas) -> None:
        self.specs = specs
        self.names = [spec.name for spec in specs]
        self.single = self.many = ""
        """What one of them is called in a loop, and what the list."""


def _phase(step: model.Step) -> str:
    """Return what a step is part of."""
    if step.where is not None and (step.verb not in _TOGETHER or step.raises):
        return "written"
    match step.verb:
        case "repeat":
            return "take" if step.steps[0].verb == "get" else "put"
        case "close" | "join_thread" | "join":
            by_kind = {"Pipe": "start", "Pool": "end", "executor": "end", PROCESS: "join"}
            return by_kind.get(step.kind, "put")
    return _PHASES.get(step.verb, "written")


def _comment(step: model.Step, before: model.Step | None) -> str:
    """Return what the answer to a derived question tells, after the step before it."""
    if step.verb != "is_alive" or step.where is not None or before is None:
        return ""
    if before.verb != "join":
        return f"may still be true: {before.verb}() does not wait"
    return "true if it outlived the wait" if before.options else "now it is false"


def _repeated(steps: Sequence[model.Step], position: int, names: Sequence[str]) -> int:
    """Return how many steps are done for each of these processes in turn, from this position on; 0 if none."""
    for length in range(1, _LONGEST_BLOCK + 1):
        block = steps[position : position + length]
        if len(block) < length or not all(_is_about(step, names[0]) for step in block):
            return 0
        if all(step.verb == "sleep" for step in block):
            continue
        given = steps[position : position + length * len(names)]
        wanted = ((first, name) for name in names for first in block)
        if len(given) == length * len(names) and all(
            _is_the_same(step, first, name) for step, (first, name) in zip(given, wanted, strict=True)
        ):
            return length
    return 0


def _is_about(step: model.Step, name: str) -> bool:
    """Whether the step may stand in a loop over processes of which this is the first."""
    if step.verb == "sleep":
        return True
    if step.where is not None and (step.verb != "start" or step.raises):
        return False
    return step.kind == PROCESS and step.subject == name


def _is_the_same(step: model.Step, first: model.Step, name: str) -> bool:
    """Whether a step does with the process of this name what another does with its own, wherever they stand."""
    if (step.verb, step.kind, step.raises) != (first.verb, first.kind, first.raises):
        return False
    if step.subject != (name if first.kind == PROCESS else first.subject) or step.options != first.options:
        return False
    if step.verb == "if":
        parts = zip((step.argument, *step.steps), (first.argument, *first.steps), strict=True)
        return all(_is_the_same(inner, of_first, name) for inner, of_first in parts)
    # What a started process closes is among what it is created with.
    return bool(step.argument == first.argument and (step.verb == "start" or step.steps == first.steps))
