"""Who does the work: the CPUs that the program is pinned to."""

from __future__ import annotations

from run_scenario.language.draft import Draft
from run_scenario.language.problems import Problems
from run_scenario.language.yaml_nodes import plain


def check_cpus(draft: Draft, problems: Problems) -> None:
    """Refuse a CPU that is listed twice; whether this machine has it is seen when the scenario is run."""
    seen = set()
    for node in draft.fields.items("cpus"):
        cpu = plain(node)
        if cpu in seen:
            problems.error(node.span, f"CPU {cpu} is listed twice", "list each CPU once")
        seen.add(cpu)
