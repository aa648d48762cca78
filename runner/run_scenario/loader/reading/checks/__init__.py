"""What a JSON Schema cannot check: do the parts of a scenario fit together?"""

from __future__ import annotations

from run_scenario.loader.problems import Problems
from run_scenario.loader.reading.checks.calls import check_item_calls, check_targets
from run_scenario.loader.reading.checks.data import check_data, check_marks
from run_scenario.loader.reading.checks.expectations import check_expectations
from run_scenario.loader.reading.checks.pills import check_pills
from run_scenario.loader.reading.checks.pools import check_pools
from run_scenario.loader.reading.checks.processes import (
    check_arguments,
    check_count,
    check_cpus,
    check_joins,
    check_names,
    check_not_empty,
    check_restarts,
    check_surroundings,
    check_threads,
    check_time,
    check_trees,
)
from run_scenario.loader.reading.checks.resources import (
    check_ends,
    check_pipes,
    check_queues,
    check_resources,
    check_shared,
    check_sync,
    check_topology,
    check_use,
)
from run_scenario.loader.reading.checks.steps import check_main, check_steps
from run_scenario.loader.reading.draft import Draft


def check_scenario(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the scenario as a whole, and what is odd about it."""
    has_processes = check_not_empty(draft, problems)
    countable = check_count(draft, problems)
    check_arguments(draft, problems)
    check_threads(draft, problems)
    check_trees(draft, problems)
    check_restarts(draft, problems)
    check_surroundings(draft, problems)
    check_resources(draft, problems)
    check_queues(draft, problems)
    check_pipes(draft, problems)
    check_sync(draft, problems)
    check_shared(draft, problems)
    check_pools(draft, problems)
    if countable:
        check_main(draft, problems)
        check_steps(draft, problems)
    check_targets(draft, problems)
    if not problems.has_errors:  # a queue may look unused only because its user is misspelt
        check_topology(draft, problems)
        check_ends(draft, problems)
        check_use(draft, problems)
        check_pills(draft, problems)
    check_names(draft, problems, countable=countable)
    check_joins(draft, problems)
    check_cpus(draft, problems)
    check_item_calls(draft, problems)
    check_data(draft, problems)
    check_marks(draft, problems)
    if countable and has_processes and draft.fields.entry("expect") is not None:
        check_expectations(draft, problems)
    check_time(draft, problems)
