"""Does what is handed to a built-in fit its parameters: known, given once, none missing, each of the right type?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from run_scenario import targets
from run_scenario.language.draft import Fields, Link
from run_scenario.language.problems import Problems, Span, either, quote, shorten
from run_scenario.language.references import SPELLING, is_name, misspelling
from run_scenario.language.text_hints import missing_space
from run_scenario.language.value_checks import check_value
from run_scenario.language.yaml_nodes import Mapping, Node, Scalar, plain
from run_scenario.targets import Parameter, Target

_VERBS = {
    (True, "from"): "takes from its queue",
    (True, "to"): "puts on its queue",
    (False, "from"): "receives at its end of a pipe,",
    (False, "to"): "sends at its end of a pipe,",
}
"""What a target does with a queue (or, if not, with an end of a pipe) of a direction."""


def find_work(name: str, span: Span, problems: Problems) -> Target | None:
    """Return the built-in work function `name`; None for user code, and, with a problem, where there is none."""
    if not name:
        return None
    if ":" in name:
        if hint := misspelling(name):
            problems.error(span, f"{quote(name)} is no `{SPELLING}`", hint)
        return None
    known = targets.find_work(name)
    if known is None:
        hint = problems.did_you_mean(name, targets.work_names(), f"there are {either(targets.work_names(), 'and')}")
        problems.error(span, f"there is no work function {quote(name)}", hint)
    return known


def other_parameter(link: Link) -> str:
    """Return the hint for a queue whose parameter has been given already."""
    if not link.short:
        return "give each parameter once"
    short = f"`{link.direction}: NAME` stands for the parameter '{link.parameter}'"
    return f"{short}; write `{{PARAMETER: NAME}}` for another"


class Call:
    """A function's parameters, and what a scenario hands to them."""

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        fields: Fields,
        links: Collection[Link],
        span: Span,
        problems: Problems,
    ) -> None:
        self.name, self.parameters = name, parameters
        self.fields, self.links, self.span = fields, links, span
        self.problems = problems

    def check(self) -> None:
        """Add what does not fit."""
        given = set(self._check_args())
        unknown: set[str] = set()
        names = [parameter.name for parameter in self.parameters]
        links_fit = True
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
        for link in self.links:
            links_fit &= self._check_link(link, given)
        sound = not any(self.fields.is_refused(key) for key in ("args", "kwargs", "from", "to", "uses"))
        if sound and self.fields.complete:
            self._check_missing(given, unknown, links_fit)

    def _find(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def _check_args(self) -> Iterator[str]:
        """Check `args` one by one; yield the names of the parameters they are for."""
        for index, node in enumerate(self.fields.items("args")):
            if index >= len(self.parameters):
                most = len(self.parameters)
                what = f"{quote(self.name)} takes at most {most} argument{'' if most == 1 else 's'}, this is one more"
                self.problems.error(node.span, what, "leave it out" if most else "leave `args` out")
                return
            parameter = self.parameters[index]
            yield parameter.name
            self._check_value(parameter, node)

    def _check_value(self, parameter: Parameter, node: Node) -> None:
        if node in self.fields.bad:
            return
        if parameter.is_resource:
            key = parameter.direction or "uses"
            value = plain(node)
            shown = shorten(value) if isinstance(value, str) and is_name(value) else _placeholder(parameter)
            short = parameter.name in ("inbox", "outbox")
            hint = f"write `{key}: {shown}`" if short else f"write `{key}: {{{parameter.name}: {shown}}}`"
            what = f"the parameter {quote(parameter.name)} of {quote(self.name)} is {parameter.called}"
            what += ", which arguments cannot be"
            self.problems.error(node.span, what, hint)
        elif parameter.kind == "work":
            self._check_work(parameter, node)
        else:
            check_value(self.name, parameter, node, self.problems)

    def _check_work(self, parameter: Parameter, node: Node) -> None:
        """A work function by name, or `{call: NAME, kwargs: {…}}` where it takes more than the item."""
        fields = Fields(node, self.fields.bad)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            known, span = find_work(node.value, node.span, self.problems), node.span
        elif isinstance(node, Mapping) and isinstance(fields.value("call"), str):
            for entry in fields:
                if entry.key not in ("call", "kwargs"):
                    hint = self.problems.did_you_mean(entry.key, ("call", "kwargs"), "leave it out")
                    what = f"unknown key {quote(entry.key)} in a work function"
                    self.problems.error(entry.key_span, what, hint)
            if fields.value("kwargs") is not None and not isinstance(fields.value("kwargs"), dict):
                what = "`kwargs` must be a mapping of parameter names to values"
                self.problems.error(fields.value_span("kwargs"), what, "write `{call: NAME, kwargs: {…}}`")
            span = fields.value_span("call")
            known = find_work(fields.text("call"), span, self.problems)
        else:
            check_value(self.name, parameter, node, self.problems)
            return
        if known is not None:
            Call(known.name, known.parameters, fields, (), span, self.problems).check()

    def _check_link(self, link: Link, given: set[str]) -> bool:
        """Check one queue that is handed over; return whether there is a parameter of its name."""
        parameter = self._find(link.parameter)
        if parameter is None:
            self._unknown_link(link)
            return False
        if link.parameter in given:
            what = f"the parameter {quote(link.parameter)} of {quote(self.name)} is given twice"
            self.problems.error(link.parameter_span, what, other_parameter(link))
        given.add(link.parameter)
        if not parameter.is_resource:
            what = f"the parameter {quote(link.parameter)} of {quote(self.name)} is no queue or other resource"
            self.problems.error(link.parameter_span, what, f"write `kwargs: {{{link.parameter}: …}}`")
        elif parameter.direction and link.direction not in (parameter.direction, "uses"):
            verb = _VERBS[parameter.kind == "queue", parameter.direction]
            what = f"{quote(self.name)} {verb} {quote(link.parameter)}"
            self.problems.error(link.parameter_span, what, f"write it under `{parameter.direction}:`")
        return True

    def _unknown_link(self, link: Link) -> None:
        resources = [parameter.name for parameter in self.parameters if parameter.is_resource]
        if not link.short:
            self._unknown(link.parameter, link.parameter_span, resources)
            return
        what = f"{quote(self.name)} has no parameter {quote(link.parameter)}, which `{link.direction}: NAME` stands for"
        hint = (
            f"write `{{PARAMETER: {shorten(link.resource)}}}`; it has {either(resources, 'and')}"
            if resources
            else "leave it out"
        )
        self.problems.error(link.parameter_span, what, hint)

    def _unknown(self, name: str, span: Span, names: Sequence[str] | None = None, hint: str = "") -> None:
        names = [parameter.name for parameter in self.parameters] if names is None else names
        otherwise = f"it has {either(names, 'and')}" if names else "it has none"
        what = f"{quote(self.name)} has no parameter {quote(name)}"
        self.problems.error(span, what, hint or self.problems.did_you_mean(name, names, otherwise))

    def _check_missing(self, given: set[str], unknown: set[str], links_fit: bool) -> None:
        """Look for required parameters that nothing was given for, and that were not merely misspelt."""
        names = [parameter.name for parameter in self.parameters]
        misspelt = {self.problems.nearest(name, names) for name in unknown}
        for parameter in self.parameters:
            if not parameter.required or parameter.name in given or parameter.name in misspelt:
                continue
            if parameter.is_resource and not links_fit:
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
    return f"`{parameter.direction or 'uses'}: {{{parameter.name}: {_placeholder(parameter)}}}`"


def _placeholder(parameter: Parameter) -> str:
    return "PIPE.left" if parameter.called == "an end of a pipe" else parameter.called.rpartition(" ")[2].upper()
