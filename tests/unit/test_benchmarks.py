"""The benchmarks' programs; that they run is seen by their short form, in CI."""

from __future__ import annotations

import ast
import json
import runpy
from pathlib import Path

from run_scenario.loader import load_text

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NUMBERS = {
    "queue": (2, 2, 10, 0),
    "steps": (10,),
    "tasks": (10,),
    "pipe": (10,),
    "lock": (2, 10),
    "start": (3,),
    "alive": (3, 1),
}


def test_each_program_is_a_scenario_and_a_script() -> None:
    """What is compared is there twice under the same name, and the scenario is sound."""
    programs = runpy.run_path(str(BENCHMARKS / "programs.py"))["PROGRAMS"]
    script = ast.parse((BENCHMARKS / "plain.py").read_text(encoding="utf-8"))

    assert set(programs) == {node.name for node in script.body if isinstance(node, ast.FunctionDef)}
    for name, program in programs.items():
        loaded = load_text(json.dumps(program(*NUMBERS.get(name, (2, 10)))), file=f"{name}.yaml")
        assert () == loaded.problems, name
