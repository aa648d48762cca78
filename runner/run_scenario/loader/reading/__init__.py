"""A text → a checked Scenario, or everything that is wrong with it.

text ─yaml_parser─▶ tree ─expansion─▶ tree of plain data ─structure─▶ fits? ─draft, checks─▶ valid? ─build─▶ Scenario
           └──────────────────────────── Problems ◀────────────────────────────┘
"""

from __future__ import annotations

import functools
import json
from typing import Any

from run_scenario.bundled import schema_text
from run_scenario.errors import Problem
from run_scenario.loader.problems import Problems
from run_scenario.loader.reading.build import build, build_expectations
from run_scenario.loader.reading.checks import check_scenario
from run_scenario.loader.reading.checks.expectations import check_expectations
from run_scenario.loader.reading.draft import SECTIONS, Draft, read_draft
from run_scenario.loader.reading.expansion import expand
from run_scenario.loader.reading.structure import check_structure, validator_of
from run_scenario.loader.reading.yaml_parser import Mapping, Node, parse
from run_scenario.loader.source import MAX_BYTES, Kind, check_characters, lookalikes, report_size
from run_scenario.scenario.model import NOTHING, Given, Scenario


def read_scenario(
    text: str, data: bytes, file: str, given: Given = NOTHING, kind: Kind = "scenario"
) -> tuple[Scenario | None, tuple[Problem, ...]]:
    """Return the scenario in a text, without name and path, unless a problem is an error; and all problems.

    `data` are the bytes of the text, `file` is its name in messages, `given` are values for its parameters.
    """
    scenario, problems = _read(text, data, file, given, kind)
    if problems.has_errors and (odd := lookalikes(text, file)).has_errors:
        return None, odd.ordered()  # whatever else was found may come of them
    return scenario, problems.ordered()


def _read(text: str, data: bytes, file: str, given: Given, kind: Kind) -> tuple[Scenario | None, Problems]:
    problems = Problems(file, text)
    if len(data) > MAX_BYTES:
        report_size(problems)
    elif check_characters(text, problems) and (root := parse(text, problems)) is not None:
        found: Kind = "scenario" if kind == "scenario" or not _has_only_expectations(root) else "expectations"
        if kind == "expectations" and found == "scenario":
            _report_scenario(root, problems)
            return None, problems
        draft = _draft(root, given, found, problems)
        (check_scenario if found == "scenario" else check_expectations)(draft, problems)
        if not problems.has_errors:
            return (build if found == "scenario" else build_expectations)(draft, problems, data), problems
    return None, problems


_RUN = frozenset((*SECTIONS, "processes", "main"))
"""What a scenario has, and a file of expectations has not."""


def _has_only_expectations(root: Node) -> bool:
    return isinstance(root, Mapping) and "expect" in root.entries and _RUN.isdisjoint(root.entries)


def _report_scenario(root: Node, problems: Problems) -> None:
    """Add that a file of expectations was wanted, and this is none."""
    described = [entry for entry in root.entries.values() if entry.key in _RUN] if isinstance(root, Mapping) else []
    if described:
        what = f"a file of expectations describes nothing that is run: `{described[0].key}` belongs into a scenario"
        problems.error(described[0].key_span, what, "keep `expect` in a file of its own, with the names that a run has")
    else:
        hint = "write `expect:` and below it a list, as in `- exists: {event: process.exited}`"
        problems.error(root.span, "a file of expectations needs the key 'expect'", hint)


def _draft(root: Node, given: Given, kind: Kind, problems: Problems) -> Draft:
    schema, validator = _schema(kind)
    root, parameters = expand(root, given, schema, problems)
    draft = read_draft(root, check_structure(root, validator, problems), parameters)
    # The names in a file of expectations are those of a script, which nobody has seen yet.
    return draft if kind == "scenario" else draft._replace(knows_processes=False, knows_resources=False)


@functools.cache
def _schema(kind: Kind) -> tuple[dict[str, Any], Any]:
    """Return the schema of scenarios, or of files of expectations, and what compares trees with it."""
    schema = json.loads(schema_text(kind))
    return schema, validator_of(schema)
