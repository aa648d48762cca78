"""run-scenario: describe, run, see and test multi-process Python programs.

from run_scenario import run

result = run("daemon")
assert result.passed
assert result.log.absent("process.finished", "Worker 1")

To pytest, which is told of this package and may run inside it (`record -m pytest`): PYTEST_DONT_REWRITE
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.api import Exploration, Run, explore, load, record, record_block, run
    from run_scenario.errors import InvalidScenario, MachineryError, RunScenarioError, UsageError
    from run_scenario.expect.event_log import EventLog
    from run_scenario.expect.verdicts import Check
    from run_scenario.pytest_plugin import ScenarioRunner
    from run_scenario.scenario.event_names import EventName
    from run_scenario.scenario.expectation_data import event
    from run_scenario.scenario.model import Scenario, StartMethod

__version__ = "0.1.0"
__all__ = [
    "Check",
    "EventLog",
    "EventName",
    "Exploration",
    "InvalidScenario",
    "MachineryError",
    "Run",
    "RunScenarioError",
    "Scenario",
    "ScenarioRunner",
    "StartMethod",
    "UsageError",
    "__version__",
    "event",
    "explore",
    "load",
    "record",
    "record_block",
    "run",
]

_HOMES = {
    "Check": "expect.verdicts",
    "EventLog": "expect.event_log",
    "EventName": "scenario.event_names",
    "Exploration": "api",
    "InvalidScenario": "errors",
    "MachineryError": "errors",
    "Run": "api",
    "RunScenarioError": "errors",
    "Scenario": "scenario.model",
    "ScenarioRunner": "pytest_plugin",
    "StartMethod": "scenario.model",
    "UsageError": "errors",
    "event": "scenario.expectation_data",
    "explore": "api",
    "load": "api",
    "record": "api",
    "record_block": "api",
    "run": "api",
}
"""Where the public names come from: imported when they are asked for, which the command and its processes never do."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'run_scenario' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"run_scenario.{_HOMES[name]}"), name)
