"""The steps of a program that creates processes: the main program, or a process that has processes of its own.

What replicas have in common becomes a loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from operator import eq, itemgetter
from typing import Any

from run_scenario.report.script import names as script_names
from run_scenario.report.script.functions import StepFunction, head
from run_scenario.report.script.layout import Expression, Group, call
from run_scenario.report.script.processes import Members, ProcessWriter
from run_scenario.report.script.steps import INDENT, restarted
from run_scenario.report.text import number
from run_scenario.scenario import model
from run_scenario.scenario.steps import PROCESS, everywhere

_LONGEST_BLOCK = 4
"""Most steps that are looked at as the body of a loop."""

_VERBS = {
    "start": ("sleep", "start"),
    "put": ("for",),
    "take": ("join_queue",),
    "call": ("next_call", "result"),
    "join": ("is_alive", "if"),
    "end": ("terminate", "shutdown"),
    "creation": ("create",),
}
_PHASES = {verb: phase for phase, verbs in _VERBS.items() for verb in verbs}
"""Derived steps come in phases, between which is an empty line. The phase of `close`, `join` and the like depends on
what they are done to."""


class Program(ProcessWriter):
    """Writes the creation of processes, and what is done with them."""

    # Steps

    def statements(self, steps: Sequence[model.Step], indent: int = INDENT) -> Iterator[tuple[str, list[str]]]:
        """Yield the statements of one or several steps after the other, each with the phase that they belong to."""
        position = 0
        while position < len(steps):
            lines, length = self.next_ones(steps, position, indent)
            yield _phase(steps[position]), lines
            position += length

    def block(self, steps: Sequence[model.Step], indent: int) -> list[str]:
        """Return the statements of steps that stand in another; at least one."""
        return [line for _, lines in self.statements(steps, indent) for line in lines] or [f"{' ' * indent}pass"]

    def next_ones(self, steps: Sequence[model.Step], position: int, indent: int) -> tuple[list[str], int]:
        """Return the statements for the next steps, and how many steps these are."""
        for step in steps[position : position + _LONGEST_BLOCK]:
            about = _about(step)
            group = self.groups.get(about)
            if group is None or self.called.get(about) == group.single:
                continue
            if group.started and steps[position] is group.started[0]:
                return self._start_together(group), len(group.started)
            if length := _repeated(steps, position, about[0], group.names):
                loop = self._loop(group, about, steps[position : position + length], indent)
                return loop, length * len(group.names)
        *others, last = self.statement(steps[position], indent)
        return [*others, last + _comment(steps[position], steps[position - 1] if position else None)], 1

    def _start_together(self, group: Members) -> list[str]:
        """Return the statements that start replicas, and close the ends of pipes when all have inherited them."""
        end = self.identifiers.own("end")
        start = self._loop(group, (True, group.names[0]), group.started[:1], INDENT)
        return [*start, f"    for {end} in {group.closed}:", f"        {end}.close()"]

    def on_supervise(self, step: model.Step, indent: int) -> list[str]:
        """Return the statements that start processes again; their variables are then the last of them."""
        if len(step.argument) == 1:
            return self._restart(step.argument[0], indent) + self._known_again(indent)
        _, helper = self.scope.helper("Restart"), self.scope.helper("supervise")
        group = self.groups.get((True, step.argument[0]))
        if group and group.many in self.created_by and group.names == list(step.argument):
            each, new = self.identifiers.own("each"), self.identifiers.own("new")
            over = f"for {each}, {new} in zip({group.many}, {self.created_by[group.many]}, strict=True)"
            entry = restarted(self.restarts.get(group.names[0]), each, new)
            made: Expression = call(helper, Group("*[", (entry, over), "]", commas=False))
            last = group.many
        else:
            called = {name: self.called[True, name] for name in step.argument}
            entries = [restarted(self.restarts.get(n), p, self.created_by.get(n, "None")) for n, p in called.items()]
            made, last = call(helper, *entries), ", ".join(called.values())
        if step.where is None:
            return self.lay(made, indent)
        return self.lay(made, indent, f"{last} = ") + self._known_again(indent)

    def _restart(self, name: str, indent: int) -> list[str]:
        """Return the loop that starts one process again."""
        restart, process, margin = self.restarts.get(name), self.called[True, name], " " * indent
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
        for step in everywhere(self.own_steps):
            if step.kind == PROCESS and not isinstance(step.subject, str):
                self._process_of(step)
        return self.known(indent, processes_alone=True)

    def _loop(self, group: Members, first: tuple[bool, str], block: Sequence[model.Step], indent: int) -> list[str]:
        """Return a loop over the group whose body are the steps for the first of them."""
        group.single = group.single or self.identifiers.new(*group.wanted)
        indexed, self.called[first] = self.called.get(first, ""), group.single
        body = self.block(block, indent + INDENT)
        self.called[first] = indexed
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
    constants = body.assign(scope.constants(function.steps), INDENT) + body.seeding()
    before = [("own", constants), ("processes", created), ("known", body.known())]
    return [*head(function, body), *separated([*before, *parts])]


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
    """Return a comment on what the answer to a derived question tells, after the step before it."""
    if step.verb != "is_alive" or step.where is not None or before is None:
        return ""
    if before.verb != "join":
        return f"  # may still be true: {before.verb}() does not wait"
    return "  # true if it outlived the wait" if before.options else "  # now it is false"


def _about(step: model.Step) -> tuple[bool, str]:
    """Return whether a step, or what it repeats, is done to a process, and its name."""
    while step.verb in ("repeat", "for") and step.steps:
        step = step.steps[0]
    return step.kind == PROCESS, step.subject if isinstance(step.subject, str) else ""


def _repeated(steps: Sequence[model.Step], position: int, is_process: bool, names: Sequence[str]) -> int:
    """Return how many steps are done for each of these in turn, from this position on; 0 if none."""
    for length in range(1, _LONGEST_BLOCK + 1):
        given = steps[position : position + length * len(names)]
        if len(given) < length * len(names):
            return 0
        wanted = [_form(step, is_process, names[0]) for step in given[:length]]
        named = [names[index // length] for index in range(len(given))]
        forms = (_form(step, is_process, name) for step, name in zip(given, named, strict=True))
        if _about(given[length - 1]) == (is_process, names[0]) and all(map(eq, forms, wanted * len(names))):
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
