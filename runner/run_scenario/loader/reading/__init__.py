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
from run_scenario.loader.reading.build import build
from run_scenario.loader.reading.checks import check_scenario
from run_scenario.loader.reading.draft import read_draft
from run_scenario.loader.reading.expansion import expand
from run_scenario.loader.reading.structure import check_structure, validator_of
from run_scenario.loader.reading.yaml_parser import parse
from run_scenario.loader.source import MAX_BYTES, check_characters, lookalikes, report_size
from run_scenario.scenario.given import NOTHING, Given
from run_scenario.scenario.model import Scenario


def read_scenario(
    text: str, data: bytes, file: str, given: Given = NOTHING
) -> tuple[Scenario | None, tuple[Problem, ...]]:
    """Return the scenario in a text, without name and path, unless a problem is an error; and all problems.

    `data` are the bytes of the text, `file` is its name in messages, `given` are values for its parameters.
    """
    scenario, problems = _read(text, data, file, given)
    if problems.has_errors and (odd := lookalikes(text, file)).has_errors:
        return None, odd.ordered()  # whatever else was found may come of them
    return scenario, problems.ordered()


def _read(text: str, data: bytes, file: str, given: Given) -> tuple[Scenario | None, Problems]:
    problems = Problems(file, text)
    if len(data) > MAX_BYTES:
        report_size(problems)
    elif check_characters(text, problems) and (root := parse(text, problems)) is not None:
        schema, validator = _schema()
        root, parameters = expand(root, given, schema, problems)
        draft = read_draft(root, check_structure(root, validator, problems), parameters)
        check_scenario(draft, problems)
        if not problems.has_errors:
            return build(draft, problems, data), problems
    return None, problems


@functools.cache
def _schema() -> tuple[dict[str, Any], Any]:
    """Return the schema of scenarios, and what compares trees with it."""
    schema = json.loads(schema_text("scenario"))
    return schema, validator_of(schema)
