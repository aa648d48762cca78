"""Data and marks of pytest: is what YAML does not have written as it should be, and is it only data?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from run_scenario.loader.problems import Problems, either, quote
from run_scenario.loader.reading.data import read_data
from run_scenario.loader.reading.draft import Draft
from run_scenario.loader.reading.steps import data_nodes
from run_scenario.loader.reading.yaml_parser import Entry, Mapping, Node, Scalar, Sequence
from run_scenario.scenario.model import MARK_ARGUMENTS


def check_data(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the data that a scenario has."""
    for node in _travelling(draft):
        if node not in draft.fields.invalid:
            read_data(node, problems)


def _travelling(draft: Draft) -> Iterator[Node]:
    """Yield all nodes that hold data: what `build` reads with `read_data`."""
    for process in draft.processes:
        yield from process.fields.items("args")
        yield from (entry.value for entry in process.fields.mapping("kwargs"))
    for queue in draft.queues.values():
        yield from _elements(queue.fields.entry("items"))
    for shared in draft.sections["shared"].values():
        yield from _elements(shared.fields.entry("value"))
    for pool in draft.sections["pools"].values():
        yield from pool.fields.items("initargs")
        for call in pool.fields.items("calls"):
            if isinstance(call, Mapping):
                yield from _elements(call.entries.get("over"))
                yield from _elements(call.entries.get("args"))
                yield from _elements(call.entries.get("kwargs"))
    for step in draft.all_steps():
        yield from data_nodes(step)


def _elements(entry: Entry | None) -> Iterator[Node]:
    """Yield what is in a list, so that each element is read by itself; else the value as a whole."""
    if entry is not None:
        yield from entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)


# Marks


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_WITHOUT_EFFECT = {
    "filterwarnings": "say in pytest's configuration which warnings are errors",
    "parametrize": "give the scenario a `matrix:`",
    "usefixtures": "use the fixture in a test in Python, which runs the scenario with the fixture `scenario`",
}
"""Marks that do nothing for a scenario's test, or import what they name: what to do instead."""


def check_marks(draft: Draft, problems: Problems) -> None:
    """Add what pytest would not understand, and what it would run as Python code."""
    for node in draft.fields.items("marks"):
        for entry in node.entries.values() if isinstance(node, Mapping) else ():
            if not _NAME.fullmatch(entry.key):
                what = f"{quote(entry.key)} cannot be the name of a mark"
                problems.error(entry.key_span, what, "use letters, digits and _")
            elif entry.key in _WITHOUT_EFFECT:
                what = f"the mark '{entry.key}' has no effect on a scenario's test"
                problems.error(entry.key_span, what, _WITHOUT_EFFECT[entry.key])
            else:
                _check_arguments(entry.key, entry.value, problems)


def _check_arguments(name: str, node: Node, problems: Problems) -> None:
    entries = node.entries if isinstance(node, Mapping) else {}
    condition = entries.get("condition")
    if condition is not None and not (isinstance(condition.value, Scalar) and isinstance(condition.value.value, bool)):
        what = "the condition of a mark must be true or false: pytest would run a text as Python code"
        hint = 'compute it from the parameters, as in `condition: "${workers > 4}"`'
        problems.error(condition.value.span, what, hint)
    if name not in MARK_ARGUMENTS:
        return
    example = "{condition: …, reason: …}" if name == "skipif" else "REASON"
    is_reason = isinstance(node, Scalar) and isinstance(node.value, str) and name != "skipif"
    if (not is_reason and "reason" not in entries) or (name == "skipif" and condition is None):
        problems.error(node.span, f"the mark '{name}' does not say why", f"write `{name}: {example}`")
    for key, entry in entries.items():
        if key not in MARK_ARGUMENTS[name]:
            there = f"it takes {either(MARK_ARGUMENTS[name], 'and')}"
            problems.error(entry.key_span, f"the mark '{name}' takes no {quote(key)} here", there)
