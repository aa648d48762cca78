"""Does what is handed to a target fit its signature? Built-ins are known; of user code only the spelling is checked."""

from __future__ import annotations

import builtins
from typing import Any

from run_scenario import targets
from run_scenario.language.call_checks import Call, find_work, other_parameter
from run_scenario.language.draft import Draft, Fields, ProcessDraft, ResourceDraft
from run_scenario.language.problems import Problems, Span, either, quote, shorten
from run_scenario.language.references import SPELLING, is_name, misspelling
from run_scenario.language.yaml_nodes import Mapping, plain
from run_scenario.targets import Parameter, Target


def check_targets(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each process's target and its arguments."""
    handles = draft.handles()
    for process in draft.processes:
        if not process.target:
            continue
        span = process.fields.value_span("target")
        if ":" in process.target:
            if hint := misspelling(process.target):
                problems.error(span, f"{quote(process.target)} is no `{SPELLING}`", hint)
            _check_foreign(process, problems)
        elif (target := targets.find(process.target)) is not None:
            Call(target.name, target.parameters, process.fields, process.links, span, problems).check()
            _check_types(target, process, handles, problems)
            _check_task_done(target, process, draft, problems)
        else:
            _unknown_target(process.target, span, problems)


def check_item_calls(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each `{call: …}` among the items of queues."""
    for queue in draft.queues.values():
        for node in queue.fields.items("items"):
            if isinstance(node, Mapping) and "call" in node.entries and node not in queue.fields.bad:
                fields = Fields(node, queue.fields.bad)
                if known := find_work(fields.text("call"), fields.value_span("call"), problems):
                    parameters = (known.item, *known.parameters) if known.item else known.parameters
                    span = fields.value_span("call")
                    Call(known.name, parameters, fields, (), span, problems).check()


def _unknown_target(name: str, span: Span, problems: Problems) -> None:
    if targets.find_work(name) is not None:
        hint = f"write `target: consume` and `kwargs: {{work: {name}}}`"
        problems.error(span, f"{quote(name)} is a work function, not a target", hint)
        return
    hint = f"`run-scenario targets` lists them; code of your own is named `{SPELLING}`"
    if "." in name:
        hint = f"code of your own is named `{SPELLING}`, with a colon before the function"
    if not hasattr(builtins, name):  # who writes `print` means Python's function: that is no slip of the pen
        hint = problems.did_you_mean(name, targets.names(), hint)
    problems.error(span, f"there is no built-in target {quote(name)}", hint)


def _check_foreign(process: ProcessDraft, problems: Problems) -> None:
    """Check what can be checked without importing anything: that no parameter is given twice."""
    seen: set[str] = {entry.key for entry in process.fields.mapping("kwargs")}
    for link in process.links:
        if not is_name(link.parameter):
            hint = f"write `{link.direction}: {{PARAMETER: {shorten(link.resource)}}}`"
            what = f"{quote(link.parameter)} cannot be the name of a parameter"
            problems.error(
                link.parameter_span, what, hint if link.short else "use letters, digits and _, and no keyword of Python"
            )
        elif link.parameter in seen:
            what = f"the parameter {quote(link.parameter)} is given twice"
            problems.error(link.parameter_span, what, other_parameter(link))
        seen.add(link.parameter)


def _check_types(target: Target, process: ProcessDraft, handles: dict[str, ResourceDraft], problems: Problems) -> None:
    """Check that each resource is of a type that its parameter takes."""
    for link in process.links:
        parameter, resource = target.parameter(link.parameter), handles.get(link.resource)
        if parameter is None or resource is None or not parameter.takes or not resource.type:
            continue
        if resource.type not in parameter.takes and not resource.fields.is_refused("type"):
            what = f"{quote(link.resource)} is {_a(resource.type)}, but "
            what += f"the parameter {quote(parameter.name)} of {quote(target.name)} takes {parameter.called}"
            fitting = [handle for handle, other in handles.items() if other.type in parameter.takes]
            problems.error(link.resource_span, what, f"there is {either(fitting, 'and')}" if fitting else "")
        elif parameter.locked and resource.fields.value("lock") is False:
            what = f"{quote(link.resource)} has no lock, but {quote(target.name)} acquires it"
            problems.error(link.resource_span, what, "leave `lock: false` out, or write `target: increment`")


def _a(kind: str) -> str:
    return "an end of a pipe" if kind == "Pipe" else f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"


def _check_task_done(target: Target, process: ProcessDraft, draft: Draft, problems: Problems) -> None:
    for link in process.links:
        parameter, queue = target.parameter(link.parameter), draft.queues.get(link.resource)
        if parameter is None or queue is None or queue.fields.is_refused("type"):
            continue
        switch = target.parameter(parameter.switch) if parameter.switch else None
        if not (parameter.task_done if switch is None else value_of(switch, target, process)):
            continue
        if queue.type != "JoinableQueue" and queue.fields.sound:
            what = (
                f"queue {quote(queue.name)} is a {queue.type}, but {quote(target.name)} calls task_done(), "
                "which only a JoinableQueue has"
            )
            way_out = "write `type: JoinableQueue` for the queue"
            problems.error(link.resource_span, what, way_out + (", or `kwargs: {task_done: false}`" if switch else ""))


def value_of(parameter: Parameter, target: Target, process: ProcessDraft) -> Any:
    """Return what a process hands to a parameter of its built-in target, else the parameter's default."""
    entry = process.fields.mapping("kwargs").entry(parameter.name)
    if entry is not None:
        return plain(entry.value)
    args = process.fields.items("args")
    position = [each.name for each in target.parameters].index(parameter.name)
    return plain(args[position]) if position < len(args) else parameter.default
