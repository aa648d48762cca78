"""What a schema cannot say: do the parts of a scenario fit together?

checks            names and counts, the order of time
resource_checks   resources of every kind, and how they are mentioned
pipe_checks       pipes, and who has which end
sync_checks       locks, semaphores, events, conditions and barriers
shared_checks     values, arrays, shared memory, and what managers hold
pool_checks       pools, and the calls on them
main_checks       the steps of `main`, and their order
expect_checks     expectations (expect_names: whether they can ever match)
queue_checks      queues, and who takes from and puts on them
pill_checks       poison pills: who puts them, and when
signature_checks  targets, work functions and their arguments
worker_checks     threads, and the CPUs that the program is pinned to
"""

from __future__ import annotations

from run_scenario.language.draft import Draft, ProcessDraft
from run_scenario.language.main_checks import check_main
from run_scenario.language.pill_checks import check_pills
from run_scenario.language.pipe_checks import check_ends, check_pipes
from run_scenario.language.pool_checks import check_pools
from run_scenario.language.problems import Problems, quote
from run_scenario.language.queue_checks import check_queues, check_topology
from run_scenario.language.resource_checks import check_resources, check_use
from run_scenario.language.shared_checks import check_shared
from run_scenario.language.signature_checks import check_item_calls, check_targets
from run_scenario.language.sync_checks import check_sync
from run_scenario.language.worker_checks import check_cpus, check_threads
from run_scenario.model import MAX_PROCESSES

_RESERVED = {"MainProcess": "of the main program", "run-scenario": "of the runner itself"}


def check(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the scenario as a whole, and what is odd about it."""
    _check_something(draft, problems)
    check_threads(draft, problems)
    check_resources(draft, problems)
    check_queues(draft, problems)
    check_pipes(draft, problems)
    check_sync(draft, problems)
    check_shared(draft, problems)
    check_pools(draft, problems)
    check_main(draft, problems)
    check_targets(draft, problems)
    if not problems.has_errors:  # a queue may look unused only because its user is misspelt
        check_topology(draft, problems)
        check_ends(draft, problems)
        check_use(draft, problems)
        check_pills(draft, problems)
    _check_count(draft, problems)
    _check_names(draft, problems)
    for process in draft.processes:
        _check_join(process, problems)
    check_cpus(draft, problems)
    check_item_calls(draft, problems)
    if draft.fields.entry("expect") is not None:
        from run_scenario.language.expect_checks import check_expectations

        check_expectations(draft, problems)
    _check_time(draft, problems)


def _check_something(draft: Draft, problems: Problems) -> None:
    """A scenario has processes, or pools: something that runs."""
    fields = draft.fields
    if not fields.sound or any(key in {entry.key for entry in fields} for key in ("processes", "pools")):
        return
    misspelt = {problems.nearest(entry.key, ["processes", "pools"]) for entry in fields}
    if not misspelt - {None, ""}:
        hint = "write `processes:` and below it a list, as in `- target: sleep`"
        problems.error(fields.span, "a scenario needs the key 'processes'", hint)


def _check_count(draft: Draft, problems: Problems) -> None:
    total = 0
    for process in draft.processes:
        total += process.replicas
        if total > MAX_PROCESSES:
            span = process.fields.value_span("replicas")
            what = f"this makes {draft.total} processes in all; the most a scenario may have are {MAX_PROCESSES}"
            problems.error(span, what, "lower `replicas`")
            return


def _check_names(draft: Draft, problems: Problems) -> None:
    sound = [p for p in draft.processes if p.fields.sound and not p.fields.is_refused("name")]
    for process in sound:
        _check_name(process, problems)
    if draft.total > MAX_PROCESSES:
        return
    owners: dict[str, ProcessDraft] = {}
    for process in sound:
        for name in process.names():
            owner = owners.setdefault(name, process)
            if owner is not process:
                what = f"two processes would be called {quote(name)}: this one and the one on line {owner.span.line}"
                problems.error(process.span, what, "give one of them another name")
                break


def _check_name(process: ProcessDraft, problems: Problems) -> None:
    name = process.name
    if not name:
        return
    if not name.isprintable() or name != name.strip():
        what = f"the name {quote(name)} has characters that cannot be seen"
        problems.error(process.span, what, "use printable characters, without spaces at either end")
    # A replica's name has a number behind it, so that the reserved ones cannot come about.
    if name in _RESERVED and process.fields.entry("replicas") is None:
        problems.error(process.span, f"{quote(name)} is the name {_RESERVED[name]}", "give the process another name")


def _check_join(process: ProcessDraft, problems: Problems) -> None:
    fields = process.fields
    joined, timed = fields.flag("join", True), fields.entry("join_timeout") is not None
    if timed and not joined:
        what = "`join_timeout` is of no use where `join` is false"
        problems.error(fields.key_span("join_timeout"), what, "leave one of the two out")
    stops = [key for key in ("terminate", "kill") if fields.flag(key)]
    if len(stops) == 2:
        later = max(stops, key=fields.key_span)
        problems.error(fields.key_span(later), "a process is either terminated or killed, not both", "leave one out")
    elif stops and not timed and not fields.is_refused("join_timeout"):
        what = f"`{stops[0]}` needs a `join_timeout`: without one, join() waits until the process has ended"
        problems.error(fields.key_span(stops[0]), what, "write `join_timeout: 1`, for example")


def _check_time(draft: Draft, problems: Problems) -> None:
    """Warn about waiting that cannot come to its end before the deadline of the run."""
    timeout, start = draft.timeout, 0.0
    too_late = False
    for process in draft.processes:
        fields = process.fields
        start += (fields.number("delay") or 0.0) * process.replicas
        if start > timeout and not too_late:
            too_late = True
            what = f"this start comes after {start:g} s of delays, but the run is stopped after {timeout:g} s"
            problems.warn(fields.value_span("delay"), what, "raise the scenario's `timeout`, or lower the delays")
        patience = fields.number("join_timeout")
        if patience is not None and patience > timeout:
            what = f"this waits for up to {patience:g} s, but the run is stopped after {timeout:g} s"
            problems.warn(fields.value_span("join_timeout"), what, "raise the scenario's `timeout`, or lower this one")
