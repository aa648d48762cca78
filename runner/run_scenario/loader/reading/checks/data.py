"""Data: is what YAML does not have written as it should be?"""

from __future__ import annotations

from collections.abc import Iterator

from run_scenario.loader.problems import Problems
from run_scenario.loader.reading.data import read_data
from run_scenario.loader.reading.draft import Draft
from run_scenario.loader.reading.steps import data_nodes
from run_scenario.loader.reading.yaml_parser import Entry, Mapping, Node, Sequence


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
