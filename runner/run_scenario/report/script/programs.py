"""The steps of a program that creates processes: the main program, or a process that has processes of its own.

What replicas have in common becomes a loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from operator import itemgetter
from typing import Any

from run_scenario.report.script import names as script_names
from run_scenario.report.script.functions import StepFunction, base_name, by_name, head, static_text
from run_scenario.report.script.layout import Expression, Group, call, flat, literal, tuple_of
from run_scenario.report.script.names import identifier, plural_of
from run_scenario.report.script.processes import ProcessWriter, Replicas, replicas
from run_scenario.report.script.steps import INDENT, restarted
from run_scenario.report.text import number
from run_scenario.scenario import model
from run_scenario.scenario.candidates import candidates
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


class Program(ProcessWriter):
    """Writes the creation of processes, and what is done with them."""

    def __init__(
        self,
        scope: script_names.Scope,
        processes: Sequence[model.ProcessSpec],
        steps: Sequence[model.Step],
        functions: Mapping[str, StepFunction],
        subject: Callable[[model.Step], str],
        numbers: Mapping[str, str] | None = None,
    ) -> None:
        """See `ProcessWriter`."""
        subject_of = lambda step: self._process_of(step) or subject(step)  # noqa: E731
        super().__init__(scope, processes, steps, functions, subject_of, numbers)
        self._own = processes
        self._steps = steps
        self.groups = {(True, each[0].name): Members(each) for each in replicas(processes, functions, numbers or ())}
        """What is in a list, by whether it is processes, and the name of the first."""
        self._called: dict[tuple[bool, str], str] = {}
        """What a process is called at this place, or a resource in a loop: a name, or an element of a list."""
        self._by_name: dict[tuple[bool, str], tuple[str, Group]] = {}
        """A name that is known only at run time -> what all that it may stand for is called, and consists of."""

    def _process_of(self, step: model.Step) -> str:
        """Return the process that something is done to, or the resource in a loop; nothing, if it is something else."""
        if isinstance(step.subject, str):
            return self._called.get((step.kind == PROCESS, step.subject), "")
        if step.kind != PROCESS:
            return ""
        names = [spec.name for spec in self._own]
        wanted = f"{identifier(static_text(step.subject), 'process')}_by_name"
        return self.listed(step, wanted, names, lambda name: self._called[True, name])

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
        return f"{self._by_name[key][0]}[{flat(literal(step.subject))}]"

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
        name = self._called[True, spec.name] = self.identifiers.process(called)
        return self.one(spec, name)

    def _create_group(self, group: Members) -> list[str]:
        base = identifier(base_name(group.specs[0]), "process")
        group.many = self.identifiers.new(plural_of(base), f"{base}_processes" if group.specs[0].named else "workers")
        group.single = self.identifiers.own(base if self.identifiers.is_free(base) else "process", "each")
        self._called |= {(True, name): f"{group.many}[{index}]" for index, name in enumerate(group.names)}
        lines = self._inherit(group)
        return lines + self.many(group.specs, group.single, group.many, group.ends)

    def _inherit(self, group: Members) -> list[str]:
        """Return the statement that lists the ends of pipes that replicas inherit, if not each would close the same.

        All of them are started, then, before the ends are closed here.
        """
        first = next((i for i, step in enumerate(self._steps) if _is_start(step, group.names)), 0)
        started = [
            *itertools.takewhile(lambda step: _is_start(step, group.names) or _closes(step), self._steps[first:])
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

    # Steps

    def statements(self, steps: Sequence[model.Step], indent: int = INDENT) -> Iterator[tuple[str, list[str]]]:
        """Yield the statements of one or several steps after the other, each with the phase that they belong to."""
        position = 0
        while position < len(steps):
            lines, length = self._next(steps, position, indent)
            yield _phase(steps[position]), lines
            position += length

    def block(self, steps: Sequence[model.Step], indent: int) -> list[str]:
        """Return the statements of steps that stand in another; at least one."""
        return [line for _, lines in self.statements(steps, indent) for line in lines] or [f"{' ' * indent}pass"]

    def _next(self, steps: Sequence[model.Step], position: int, indent: int) -> tuple[list[str], int]:
        """Return the statements for the next steps, and how many steps these are."""
        for step in steps[position : position + _LONGEST_BLOCK]:
            about = _about(step)
            group = self.groups.get(about)
            if group is None or self._called.get(about) == group.single:
                continue
            if group.started and steps[position] is group.started[0]:
                return self._start_together(group), len(group.started)
            if length := _repeated(steps, position, about[0], group.names):
                loop = self._loop(group, about, steps[position : position + length], indent)
                return loop, length * len(group.names)
        before = steps[position - 1] if position else None
        return self.statement(steps[position], indent, before), 1

    def _start_together(self, group: Members) -> list[str]:
        """Return the statements that start replicas, and close the ends of pipes when all have inherited them."""
        end = self.identifiers.own("end")
        start = self._loop(group, (True, group.names[0]), group.started[:1], INDENT)
        return [*start, f"    for {end} in {group.closed}:", f"        {end}.close()"]

    def statement(self, step: model.Step, indent: int, before: model.Step | None = None) -> list[str]:
        """Return the lines of a step that comes after another, if it does."""
        lines = super().statement(step, indent, before)
        comment = _comment(step, before)
        return [*lines[:-1], f"{lines[-1]}  # {comment}"] if comment else lines

    def on_supervise(self, step: model.Step, indent: int) -> list[str]:
        """Return the statements that start processes again; their variables are then the last of them."""
        if len(step.argument) == 1:
            return self._restart(step.argument[0], indent) + self._known_again(indent)
        _, helper = self.scope.helper("Restart"), self.scope.helper("supervise")
        group = next((each for each in self.groups.values() if list(step.argument) == each.names), None)
        if group is not None:
            each, new = self.identifiers.own("each"), self.identifiers.own("new")
            over = f"for {each}, {new} in zip({group.many}, {self.created_by[group.many]}, strict=True)"
            entry = restarted(self.restarts.get(group.names[0]), each, new)
            made: Expression = call(helper, Group("*[", (entry, over), "]", commas=False))
            last = group.many
        else:
            called = {name: self._called[True, name] for name in step.argument}
            create = self.created_by
            entries = [restarted(self.restarts.get(n), each, create.get(n, "None")) for n, each in called.items()]
            made, last = call(helper, *entries), ", ".join(called.values())
        if step.where is None:
            return self.lay(made, indent)
        return self.lay(made, indent, f"{last} = ") + self._known_again(indent)

    def _restart(self, name: str, indent: int) -> list[str]:
        """Return the loop that starts one process again."""
        restart, process, margin = self.restarts.get(name), self._called[True, name], " " * indent
        lines = [f"{margin}{process}.join()"]
        if restart is None or not restart.most:
            return lines
        again = [
            *([] if restart.always else [f"if {process}.exitcode == 0:", "    break"]),
            *([f"{self.scope.use('time')}.sleep({number(restart.delay)})"] if restart.delay else []),
            f"{process} = {self.created_by[name]}()",
            f"{process}.start()",
            f"{process}.join()",
        ]
        return [*lines, f"{margin}for _ in range({restart.most}):", *(f"{margin}    {line}" for line in again)]

    def _known_again(self, indent: int) -> list[str]:
        """Return the statements that list the processes by computed names, once others stand for them."""
        for step in everywhere(self._steps):
            if step.kind == PROCESS and not isinstance(step.subject, str):
                self._process_of(step)
        return self.known(indent, processes_alone=True)

    def _loop(self, group: Members, first: tuple[bool, str], block: Sequence[model.Step], indent: int) -> list[str]:
        """Return a loop over the group whose body are the steps for the first of them."""
        indexed = self._called.pop(first, "")
        self._called[first] = group.single
        body = self.block(block, indent + INDENT)
        self._called[first] = indexed
        return [f"{' ' * indent}for {group.single} in {group.many}:", *body]


def separated(parts: Iterable[tuple[str, list[str]]]) -> list[str]:
    """Return lines with an empty one between two phases; one line that starts and one that joins belong together."""
    written: list[str] = []
    last: tuple[str, int] = "", 0
    for phase, found in itertools.groupby(parts, key=itemgetter(0)):
        lines = [line for _, each in found for line in each]
        if not lines:
            continue
        together = phase == last[0] or (last[1] == len(lines) == 1 and {last[0], phase} == {"start", "join"})
        written += lines if together or not written else ["", *lines]
        last = phase, len(lines)
    return written


def written(function: StepFunction, scope: script_names.Scope, functions: Mapping[str, StepFunction]) -> list[str]:
    """Return the lines of a function."""
    local, spec = copy(scope), function.specs[0]
    local.identifiers = function.identifiers
    body = Program(local, function.children, function.steps, functions, function.subject, function.numbers)
    created = body.create_processes()
    parts = [
        *body.statements(function.before),
        *(("own", lines) for _, lines in body.statements(spec.steps)),
        ("own", [] if spec.steps else body.call_target(spec)),
        *body.statements(function.after),
    ]
    constants = body.assign(scope.constants(function.steps), INDENT)
    before = [("own", constants), ("processes", created), ("known", body.known())]
    return [*head(function, body), *separated([*before, *parts])]


class Members:
    """Replicas that are created as a list, and done things to in loops."""

    def __init__(self, specs: Replicas, names: Sequence[str] = (), single: str = "", many: str = "") -> None:
        self.specs = specs
        self.names = list(names) or [spec.name for spec in specs]
        self.single, self.many = single, many
        """What one of them is called in a loop, and what the list."""
        self.ends = ""
        """What the ends of pipes are called that they inherit, if they are all started before these are closed."""
        self.started: Sequence[model.Step] = ()
        """The steps that start them then, and those that close ends in between."""
        self.closed = ""
        """Those of these ends that are closed here then."""


def _phase(step: model.Step) -> str:
    """Return what a step is part of."""
    if step.where is not None:
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


def _is_start(step: model.Step, names: Sequence[str]) -> bool:
    return step.verb == "start" and step.subject in names


def _closes(step: model.Step) -> bool:
    """Whether the step closes an end of a pipe because others have it."""
    return (step.verb, step.kind, step.where) == ("close", "Pipe", None)


def _about(step: model.Step) -> tuple[bool, str]:
    """Return whether a step, or what it repeats, is done to a process, and its name."""
    while step.verb == "repeat" and step.steps:
        step = step.steps[0]
    return step.kind == PROCESS, step.subject if isinstance(step.subject, str) else ""


def _repeated(steps: Sequence[model.Step], position: int, is_process: bool, names: Sequence[str]) -> int:
    """Return how many steps are done for each of these in turn, from this position on; 0 if none."""
    for length in range(1, _LONGEST_BLOCK + 1):
        block = steps[position : position + length]
        given = steps[position : position + length * len(names)]
        if len(given) < length * len(names) or not all(step.verb == "sleep" or _about(step)[1] for step in block):
            return 0
        wanted = [_form(step, is_process, names[0]) for step in block]
        if all(step.verb == "sleep" for step in block) or _about(block[-1]) != (is_process, names[0]):
            continue
        if all(
            _form(step, is_process, names[index // length]) == wanted[index % length]
            for index, step in enumerate(given)
        ):
            return length
    return 0


def _form(step: model.Step, is_process: bool, name: str) -> Any:
    """Return what a step does, wherever it stands, without the name of what it is done to."""
    subject = None if (step.kind == PROCESS, step.subject) == (is_process, name) else repr(step.subject)
    asked = _form(step.argument, is_process, name) if isinstance(step.argument, model.Step) else repr(step.argument)
    # What a started process closes is among what it is created with.
    inner = () if step.verb == "start" else (*step.steps, *step.otherwise)
    forms = tuple(_form(each, is_process, name) for each in inner)
    return step.verb, step.kind, subject, asked, repr(step.options), step.raises, step.name, forms
