"""YAML text → a located, checked `model.Scenario`, and the plan of its main program.

    loaded = load("daemon.yaml")
    for problem in loaded.problems:
        print(format_problem(problem))
    steps = plan(loaded.require())

Nothing here runs or imports what a scenario names.
"""

from run_scenario.loader.loading import Loaded, check, load, load_text
from run_scenario.loader.problems import format_problem
from run_scenario.scenario.plan import plan

__all__ = ["Loaded", "check", "format_problem", "load", "load_text", "plan"]
