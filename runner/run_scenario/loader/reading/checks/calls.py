"""Do the arguments fit the function: parameters known, given once, none missing, each value of the right type?

Built-in targets and work functions are known; of code outside the built-ins only the spelling is checked.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from run_scenario import targets
from run_scenario.counting import plural
from run_scenario.loader.problems import Problems, Span, describe, either, quote, shorten, there_are
from run_scenario.loader.reading.draft import BindingDraft, Draft, ProcessDraft, ResourceDraft, with_article
from run_scenario.loader.reading.scalars import missing_space, number_hint
from run_scenario.loader.reading.steps import ITEM_VERBS, texts_with_expressions
from run_scenario.loader.reading.yaml_parser import Fields, Mapping, Node, Scalar, plain
from run_scenario.loader.reading.yaml_parser import Sequence as ListNode
from run_scenario.loader.references import SPELLING, is_name, misspelling
from run_scenario.scenario.steps import VERBS
from run_scenario.targets import Parameter, Target


def check_targets(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each process's target and its arguments."""
    handles = draft.handles()
    for process in draft.processes:
        if not process.target or process.steps is not None:
            continue
        span = process.fields.value_span("target")
        if ":" in process.target:
            if hint := misspelling(process.target):
                problems.error(span, f"{quote(process.target)} is not of the form `{SPELLING}`", hint)
            _check_foreign(process, problems)
        elif (target := targets.find(process.target)) is not None:
            Call(target.name, target.parameters, process.fields, process.bindings, span, problems).check()
            _check_types(target, process, handles, problems)
            _check_task_done(target, process, draft, problems)
        else:
            _unknown_target(process.target, span, problems)


def check_item_calls(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each `{call: …}` among the items of queues, and among what steps put and send."""
    items = [node for queue in draft.queues.values() for node in queue.fields.items("items")]
    entries = [step.fields.entry(step.verb.name) for step in draft.all_steps() if step.verb.name in ITEM_VERBS]
    of_steps = [entry.value for entry in entries if entry is not None]
    for node in (*items, *of_steps):
        if isinstance(node, Mapping) and "call" in node.entries and node not in draft.fields.invalid:
            # What is computed in a step is not known yet.
            known_now = node not in of_steps or not any(texts_with_expressions(node))
            _check_item_call(Fields(node, draft.fields.invalid), problems, arguments=known_now)


def _check_item_call(fields: Fields, problems: Problems, *, arguments: bool = True) -> None:
    span = fields.value_span("call")
    known = find_work(fields.text("call"), span, problems)
    if known is not None and arguments:
        parameters = (known.item, *known.parameters) if known.item else known.parameters
        Call(known.name, parameters, fields, (), span, problems).check()


def _unknown_target(name: str, span: Span, problems: Problems) -> None:
    if targets.find_work(name) is not None:
        hint = f"write `target: consume` and `kwargs: {{work: {name}}}`"
        problems.error(span, f"{quote(name)} is a work function, not a target", hint)
        return
    called, bracket, given = name.partition("(")
    if bracket and targets.find(called) is not None:
        given = given.rstrip(") ")
        hint = f"write `target: {called}`" + (f" and `args: [{shorten(given, 30)}]`" if given else "")
        problems.error(span, "a target is named without brackets", hint)
        return
    hint = f"`run-scenario targets` lists them; code of your own is named `{SPELLING}`"
    if "." in name:
        hint = f"code of your own is named `{SPELLING}`, with a colon before the function"
    if name.startswith("$"):
        hint = "the name of a target is not computed: write it out"
    elif not hasattr(builtins, name):  # `print` is Python's function, and not misspelt
        hint = problems.did_you_mean(name, targets.names(), hint)
    problems.error(span, f"there is no built-in target {quote(name)}", hint)


def _check_foreign(process: ProcessDraft, problems: Problems) -> None:
    """Check what can be checked without importing anything: that no parameter is given twice."""
    seen: set[str] = {entry.key for entry in process.fields.mapping("kwargs")}
    for binding in one_of_each_list(process.bindings):
        if not is_name(binding.parameter):
            hint = f"write `{binding.direction}: {{PARAMETER: {shorten(binding.resource)}}}`"
            what = f"{quote(binding.parameter)} cannot be the name of a parameter"
            problems.error(
                binding.parameter_span,
                what,
                hint if binding.short else "use letters, digits and _, and no keyword of Python",
            )
        elif binding.parameter in seen:
            what = f"the parameter {quote(binding.parameter)} is given twice"
            problems.error(binding.parameter_span, what, other_parameter(binding))
        seen.add(binding.parameter)


def one_of_each_list(bindings: Iterable[BindingDraft]) -> Iterator[BindingDraft]:
    """Yield the resources, and of a list, which is one argument, the first."""
    seen: set[Span] = set()
    for binding in bindings:
        if not binding.listed or binding.parameter_span not in seen:
            yield binding
        seen.add(binding.parameter_span)


def _check_types(target: Target, process: ProcessDraft, handles: dict[str, ResourceDraft], problems: Problems) -> None:
    """Check that each resource is of a type that its parameter takes."""
    for binding in process.bindings:
        parameter, resource = target.parameter(binding.parameter), handles.get(binding.resource)
        if parameter is None or resource is None or not parameter.takes or not resource.type:
            continue
        if resource.type not in parameter.takes and not resource.fields.is_invalid("type"):
            what = f"{quote(binding.resource)} is {with_article(resource.type)}, but "
            what += f"the parameter {quote(parameter.name)} of {quote(target.name)} takes {parameter.called}"
            fitting = [handle for handle, other in handles.items() if other.type in parameter.takes]
            problems.error(binding.resource_span, what, there_are(fitting) if fitting else "")
        elif parameter.locked and (resource.fields.value("lock") is False or resource.type == "ManagerValue"):
            what = f"{quote(binding.resource)} has no lock, but {quote(target.name)} acquires it"
            key = "manager: true" if resource.type == "ManagerValue" else "lock: false"
            problems.error(binding.resource_span, what, f"leave `{key}` out, or write `target: increment`")


def _check_task_done(target: Target, process: ProcessDraft, draft: Draft, problems: Problems) -> None:
    for binding in process.bindings:
        parameter, queue = target.parameter(binding.parameter), draft.queues.get(binding.resource)
        if parameter is None or queue is None or queue.fields.is_invalid("type"):
            continue
        switch = target.parameter(parameter.switch) if parameter.switch else None
        if not (parameter.task_done if switch is None else value_of(switch, target, process)):
            continue
        fields = process.fields
        if switch is not None and not (
            fields.complete and not fields.is_invalid("kwargs") and not fields.is_invalid("args")
        ):
            continue  # it may be off in what has been reported
        if queue.type != "JoinableQueue" and queue.fields.valid:
            what = (
                f"queue {quote(queue.name)} is a {queue.type}, but {quote(target.name)} calls task_done(), "
                "which only a JoinableQueue has"
            )
            way_out = "write `type: JoinableQueue` for the queue" + (", or leave `task_done` out" if switch else "")
            problems.error(binding.resource_span, what, way_out)


def value_of(parameter: Parameter, target: Target, process: ProcessDraft) -> Any:
    """Return what a process gives to a parameter of its built-in target, else the parameter's default."""
    entry = process.fields.mapping("kwargs").entry(parameter.name)
    if entry is not None:
        return plain(entry.value)
    args = process.fields.items("args")
    position = [each.name for each in target.parameters].index(parameter.name)
    return plain(args[position]) if position < len(args) else parameter.default


_VERBS = {
    (True, "from"): "takes from its queue",
    (True, "to"): "puts on its queue",
    (False, "from"): "receives at its end of a pipe,",
    (False, "to"): "sends at its end of a pipe,",
}
"""What a target does with a queue (or, if not, with an end of a pipe) of a direction."""


class _Shape(NamedTuple):
    """What the value of a key has to be."""

    kind: type
    words: str


_WORK_CALL = {
    "call": _Shape(str, "the name of a work function"),
    "kwargs": _Shape(dict, "a mapping of parameter names to values"),
}
_ITEM_CALL = {**_WORK_CALL, "args": _Shape(list, "a list of arguments, as in `[1, two]`")}


def find_work(name: str, span: Span, problems: Problems) -> Target | None:
    """Return the built-in work function `name`; None for user code, and, with a problem, where there is none."""
    if not name:
        return None
    if ":" in name:
        if hint := misspelling(name):
            problems.error(span, f"{quote(name)} is not of the form `{SPELLING}`", hint)
        return None
    known = targets.find_work(name)
    if known is None and targets.find(name) is not None and name not in VERBS:
        hint = f"write `target: {name}`, in a process of its own"
        problems.error(span, f"{quote(name)} is a target, not a work function", hint)
    elif known is None:
        hint = problems.did_you_mean(name, targets.work_names(), there_are(targets.work_names()))
        problems.error(span, f"there is no work function {quote(name)}", hint)
    return known


def other_parameter(binding: BindingDraft) -> str:
    """Return the hint for a queue whose parameter has been given already."""
    if not binding.short:
        return "give each parameter once"
    short = f"`{binding.direction}: NAME` stands for the parameter '{binding.parameter}'"
    return f"{short}; write `{{PARAMETER: NAME}}` for another"


class Call:
    """A function's parameters, and what a scenario hands to them."""

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        fields: Fields,
        bindings: Collection[BindingDraft],
        span: Span,
        problems: Problems,
    ) -> None:
        self.name, self.parameters = name, parameters
        self.fields, self.bindings, self.span = fields, bindings, span
        self.problems = problems

    def check(self) -> None:
        """Add what does not fit."""
        given = set(self._check_args())
        unknown: set[str] = set()
        names = [parameter.name for parameter in self.parameters]
        bindings_fit = True
        for entry in self.fields.mapping("kwargs"):
            parameter = self._find(entry.key)
            if parameter is None:
                spaceless = missing_space(entry.key, names) if plain(entry.value) is None else ""
                unknown.add(entry.key.partition(":")[0] if spaceless else entry.key)
                self._unknown(entry.key, entry.key_span, hint=spaceless)
                continue
            if entry.key in given:
                what = f"the parameter {quote(entry.key)} of {quote(self.name)} is given twice"
                self.problems.error(entry.key_span, what, "leave it out of `args` or of `kwargs`")
            given.add(entry.key)
            self._check_value(parameter, entry.value)
        for binding in one_of_each_list(self.bindings):
            bindings_fit &= self._check_binding(binding, given)
        valid = not any(self.fields.is_invalid(key) for key in ("args", "kwargs", "from", "to", "uses"))
        if valid and self.fields.complete:
            self._check_missing(given, unknown, bindings_fit)

    def _find(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def _check_args(self) -> Iterator[str]:
        """Check `args` one by one; yield the names of the parameters they are for."""
        for index, node in enumerate(self.fields.items("args")):
            if index >= len(self.parameters):
                most = len(self.parameters)
                what = f"{quote(self.name)} takes at most {plural(most, 'argument')}; this is one too many"
                self.problems.error(node.span, what, "leave it out" if most else "leave `args` out")
                return
            parameter = self.parameters[index]
            yield parameter.name
            self._check_value(parameter, node)

    def _check_value(self, parameter: Parameter, node: Node) -> None:
        if node in self.fields.invalid:
            return
        if parameter.is_resource:
            key = parameter.direction or "uses"
            value = plain(node)
            shown = shorten(value) if isinstance(value, str) and is_name(value) else parameter.placeholder
            short = parameter.name in ("inbox", "outbox")
            hint = f"write `{key}: {shown}`" if short else f"write `{key}: {{{parameter.name}: {shown}}}`"
            what = f"the parameter {quote(parameter.name)} of {quote(self.name)} is {parameter.called}"
            what += ", which cannot be given as an argument"
            self.problems.error(node.span, what, hint)
        elif parameter.kind == "work":
            self._check_work(parameter, node)
        elif parameter.kind == "items" and isinstance(node, ListNode):
            for item in node.items:
                if isinstance(item, Mapping) and "call" in item.entries and self._is_call(item, _ITEM_CALL, "a call"):
                    _check_item_call(Fields(item, self.fields.invalid), self.problems)
        else:
            check_value(self.name, parameter, node, self.problems)

    def _check_work(self, parameter: Parameter, node: Node) -> None:
        """A work function by name, or `{call: NAME, kwargs: {…}}` where it takes more than the item."""
        fields = Fields(node, self.fields.invalid)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            known, span = find_work(node.value, node.span, self.problems), node.span
        elif isinstance(node, Mapping) and "call" in node.entries:
            if not self._is_call(node, _WORK_CALL, "a work function"):
                return
            span = fields.value_span("call")
            known = find_work(fields.text("call"), span, self.problems)
        else:
            check_value(self.name, parameter, node, self.problems)
            return
        if known is not None:
            Call(known.name, known.parameters, fields, (), span, self.problems).check()

    def _is_call(self, node: Mapping, shape: dict[str, _Shape], owner: str) -> bool:
        """Return whether a mapping with the key `call` is a call; add what is wrong with its keys and their values."""
        valid = True
        for entry in node.entries.values():
            if entry.key not in shape:
                hint = self.problems.did_you_mean(entry.key, shape, f"it can have {either(shape, 'and')}")
                if entry.key == "args":
                    hint = "its only positional argument is the item; name the others, as in `kwargs: {value: 3}`"
                self.problems.error(entry.key_span, f"unknown key {quote(entry.key)} in {owner}", hint)
                valid = False
            elif not isinstance(plain(entry.value), shape[entry.key].kind):
                what = f"`{entry.key}` must be {shape[entry.key].words}, not {describe(plain(entry.value))}"
                args = ", args: […]" if "args" in shape else ""
                self.problems.error(entry.value.span, what, f"write `{{call: NAME{args}, kwargs: {{…}}}}`")
                valid = False
        return valid

    def _check_binding(self, binding: BindingDraft, given: set[str]) -> bool:
        """Check one resource; return whether there is a parameter of its name."""
        parameter = self._find(binding.parameter)
        if parameter is None:
            self._unknown_binding(binding)
            return False
        if binding.parameter in given:
            what = f"the parameter {quote(binding.parameter)} of {quote(self.name)} is given twice"
            self.problems.error(binding.parameter_span, what, other_parameter(binding))
        given.add(binding.parameter)
        if binding.listed and parameter.is_resource:
            what = f"the parameter {quote(binding.parameter)} of {quote(self.name)} takes one resource, not a list"
            self.problems.error(
                binding.resource_span, what, "name one, without brackets; only targets of your own can take a list"
            )
        elif not parameter.is_resource:
            what = f"the parameter {quote(binding.parameter)} of {quote(self.name)} is not a resource"
            self.problems.error(binding.parameter_span, what, f"write `kwargs: {{{binding.parameter}: …}}`")
        elif parameter.direction and binding.direction not in (parameter.direction, "uses"):
            verb = _VERBS[parameter.kind == "queue", parameter.direction]
            what = f"{quote(self.name)} {verb} {quote(binding.parameter)}"
            self.problems.error(binding.parameter_span, what, f"write it under `{parameter.direction}:`")
        return True

    def _unknown_binding(self, binding: BindingDraft) -> None:
        resources = [parameter.name for parameter in self.parameters if parameter.is_resource]
        required = [each for each in self.parameters if each.is_resource and each.required]
        if not binding.short:
            self._unknown(binding.parameter, binding.parameter_span, resources)
            return
        what = f"`{binding.direction}: NAME` is short for the parameter {quote(binding.parameter)}, "
        what += f"which {quote(self.name)} does not have"
        hint = (
            f"write `{{PARAMETER: {shorten(binding.resource)}}}`; it has {either(resources, 'and')}"
            if resources
            else "leave it out"
        )
        if len(required) == 1 and required[0].direction in (binding.direction, None):
            end = ".left" if required[0].takes == ("Pipe",) and "." not in binding.resource else ""
            hint = f"write `{binding.direction}: {{{required[0].name}: {shorten(binding.resource)}{end}}}`"
        elif len(required) == 1 and required[0].name in ("inbox", "outbox"):
            hint = f"write `{required[0].direction}: {shorten(binding.resource)}`"
        self.problems.error(binding.parameter_span, what, hint)

    def _unknown(self, name: str, span: Span, names: Sequence[str] | None = None, hint: str = "") -> None:
        names = [parameter.name for parameter in self.parameters] if names is None else names
        otherwise = f"it has {either(names, 'and')}" if names else "it has none"
        what = f"{quote(self.name)} has no parameter {quote(name)}"
        self.problems.error(span, what, hint or self.problems.did_you_mean(name, names, otherwise))

    def _check_missing(self, given: set[str], unknown: set[str], bindings_fit: bool) -> None:
        """Look for required parameters that nothing was given for, and that were not merely misspelt."""
        names = [parameter.name for parameter in self.parameters]
        misspelt = {self.problems.nearest(name, names) for name in unknown}
        for parameter in self.parameters:
            if not parameter.required or parameter.name in given or parameter.name in misspelt:
                continue
            if parameter.is_resource and not bindings_fit:
                continue
            kind = "queue" if parameter.kind == "queue" else "parameter"
            what = f"{quote(self.name)} needs the {kind} {quote(parameter.name)}"
            self.problems.error(self.span, what, f"write {self._usage(parameter)}")

    def _usage(self, parameter: Parameter) -> str:
        if parameter is self.parameters[0] and self.fields.entry("call") is not None:
            return "`args: […]`"
        return _usage(parameter)


def _usage(parameter: Parameter) -> str:
    if not parameter.is_resource:
        return f"`kwargs: {{{parameter.name}: …}}`"
    if (parameter.direction, parameter.name) in (("from", "inbox"), ("to", "outbox")):
        return f"`{parameter.direction}: QUEUE`"
    return f"`{parameter.direction or 'uses'}: {{{parameter.name}: {parameter.placeholder}}}`"


_EXPECTED = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "boolean": "true or false",
    "items": "a list of items, as in `[1, 2, 3]`",
    "work": "the name of a work function, or `{call: NAME, kwargs: {…}}`",
}


def check_value(owner: str, parameter: Parameter, node: Node, problems: Problems) -> None:
    """Add a problem if the value does not fit the parameter of `owner`."""
    value = plain(node)
    if value is None and not parameter.required and parameter.default is None:
        return
    name = f"the parameter {quote(parameter.name)} of {quote(owner)}"
    if not _has_kind(parameter, value):
        expected = _EXPECTED[parameter.kind]
        problems.error(node.span, f"{name} must be {expected}, not {describe(value)}", _conversion(parameter, value))
    elif parameter.choices is not None and value not in parameter.choices:
        hint = problems.did_you_mean(value, parameter.choices, f"choose {either(parameter.choices)}")
        problems.error(node.span, f"{name} cannot be {quote(value)}", hint)
    elif parameter.minimum is not None and not isinstance(value, str) and value < parameter.minimum:
        problems.error(node.span, f"{name} must be at least {parameter.minimum:.15g}, not {value}")
    elif parameter.maximum is not None and not isinstance(value, str) and value > parameter.maximum:
        problems.error(node.span, f"{name} must be at most {parameter.maximum:.15g}, not {value}")


def _has_kind(parameter: Parameter, value: object) -> bool:
    match parameter.kind:
        case "integer":
            return type(value) is int
        case "number":
            return type(value) in (int, float)
        case "text":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "items":
            return isinstance(value, list)
        case "any":
            return True
    return False


def _conversion(parameter: Parameter, value: object) -> str:
    """Return the hint for a value that is written as the wrong type."""
    if parameter.kind == "text" and isinstance(value, int | float):
        return f"write it in quotes: '{str(value).lower() if isinstance(value, bool) else value}'"
    if parameter.kind in ("integer", "number") and isinstance(value, str):
        number = parameter.kind == "number"  # those of the built-ins are seconds, all of them
        return number_hint(value, seconds=number, fraction=number)
    if parameter.kind == "integer" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"write {int(value)}"
    if parameter.kind == "integer" and value is True:
        return "write how many"
    if parameter.kind == "boolean":
        return "write true or false, without quotes"
    if parameter.kind == "items" and not isinstance(value, dict):
        return f"write [{value}]" if isinstance(value, int | float) else "put it in brackets: [ … ]"
    return ""
