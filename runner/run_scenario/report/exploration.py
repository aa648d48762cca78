"""What exploring has shown, in sentences and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from run_scenario.counting import plural
from run_scenario.exploration.comparison import Cause, Difference
from run_scenario.exploration.schedule import TIME_IS_UP, Schedule, Switch
from run_scenario.exploration.verdict import KEPT, Explored, Finding, First, Verdict
from run_scenario.report.text import sanitize
from run_scenario.values import Value

_ONE_DELAY = {
    (False, False): "one passes over whoever is to move next",
    (True, False): "one passes over whoever is to move next, or has a timeout come early",
    (False, True): "one passes over whoever is to move next, or kills a process",
    (True, True): "one passes over whoever is to move next, has a timeout come early, or kills a process",
}
"""What is a delay: by whether timeouts come early, and whether somebody is killed."""


class Kept(Value):
    """Where the schedule that was found is kept."""

    path: str
    command: str = ""
    """The command that replays it; empty: there is none, as the scenario is no file."""


def lines(name: str, explored: Explored, verdict: Verdict, kept: Kept | None = None) -> list[str]:
    """Return the sentences, a line each."""
    return [sanitize(line) for line in _lines(name, explored, verdict, kept)]


def _lines(name: str, explored: Explored, verdict: Verdict, kept: Kept | None) -> Iterator[str]:
    tried = f"{plural(explored.schedules, 'schedule')}, {plural(explored.steps, 'step')}, {explored.seconds:.1f} s"
    seed = f"seed {explored.seed}"
    finding = explored.finding
    if verdict.name == "found" and finding is not None:
        where = _where(finding)
        yield f"{name}: found ({finding.outcome}) {where}" + ("" if finding.strategy == KEPT else f"; {tried}, {seed}")
        yield from (f"  {reason}" for reason in finding.reasons)
        yield from switches(finding.schedule, finding.switches_before)
        yield f"It came to that in {finding.replays_alike} of {finding.replays} replays of this schedule."
        if finding.difference is not None:
            yield from _comparison(finding.difference)
        if kept is not None:
            yield f"It is kept: {kept.command}" if kept.command else f"It is kept in {kept.path}"
    elif verdict.name == "not_found":
        yield f"{name}: nothing found in {tried}, {seed}"
        orders = f"  {plural(explored.orders, 'different order')} of operations"
        yield orders if explored.is_complete or verdict.most_chance is None else f"{orders}; {_chances(verdict)}"
        yield from (f"  {line}" for line in _extent(explored))
    else:
        yield f"{name}: inconclusive after {tried}, {seed}"
        yield from (f"  {reason}" for reason in verdict.reasons)
        if finding is not None:
            yield from (f"  {reason}" for reason in finding.reasons)
    if explored.hazards.pipe_capacity is not None:
        yield f"A pipe holds {plural(explored.hazards.pipe_capacity, 'byte')} in these runs."
    if explored.beside:
        yield "Not controlled, and so as it happens to be:"
        yield from (f"  {what}" for what in explored.beside)
    if explored.first is not None and (finding is None or finding.strategy != KEPT):
        yield said_of_first(explored.first)
    if explored.not_judged:
        killed = ", or hardly holds where a process is killed" if explored.hazards.kill else ""
        yield f"Not judged, as it is about the machine and not about the order of things{killed}:"
        yield from (f"  {text}" for text in explored.not_judged)


def _extent(explored: Explored) -> Iterator[str]:
    """Yield the sentences that say which schedules were tried, and that others were not."""
    if explored.is_complete:
        yield "All schedules were tried: none of them leads to a fault, as long as it is controlled what matters."
        return
    if explored.delays is not None and explored.delays > 0:
        delay = _ONE_DELAY[explored.hazards.early, explored.hazards.kill]
        yield f"All schedules with at most {plural(explored.delays, 'delay')} were tried; {delay}."
    yield "This is no proof: what a schedule that was not tried would show, nobody knows."


def _comparison(difference: Difference) -> Iterator[str]:
    """Yield the lines that set a bad schedule beside a good one."""
    yield f"The nearest schedule that goes well differs first in step {difference.number} of {difference.actor}:"
    yield f"  here:  {said_of_cause(difference.bad, difference)}"
    yield f"  there: {said_of_cause(difference.good, difference)}"


def said_of_cause(cause: Cause, difference: Difference) -> str:
    """Return how a run comes to the step at which it differs from another."""
    if cause.does is None:
        return "it does not come to that"
    if cause.after is None:
        used = f", and nobody has used {_thing(cause.does, difference.subject)} before" if difference.subject else ""
        return f"{_quoted(cause.does)}{used}"
    after = [each.after for each in (difference.bad, difference.good) if each.after is not None]
    is_clear = len({(each.actor, each.operation) for each in after}) == len(after)
    which = "" if is_clear else f" (its step {cause.after.number})"
    return f"{_quoted(cause.does)}, after {_quoted(cause.after.operation)} of {cause.after.actor}{which}"


def _quoted(operation: str) -> str:
    does = operation.removesuffix(TIME_IS_UP)
    return f"`{does}`{operation[len(does) :]}"


def _thing(operation: str, subject: str) -> str:
    """Return what people call a thing: the name of the resource of which it may be a part."""
    return operation.partition(".")[0] if "()" in operation else subject


def _where(finding: Finding) -> str:
    if finding.strategy == KEPT:
        return "by the schedule that was kept"
    chosen = "" if finding.strategy == "usual" else f", chosen by `{finding.strategy}`"
    return f"in schedule {finding.number}{chosen}"


def said_of_first(first: First) -> str:
    """Return what became of the schedule that was kept from another time, where it has led to nothing."""
    if first.differs:
        return f"The schedule that was kept ({first.outcome_before}) does not fit any more: {first.differs}"
    return f"The schedule that was kept ({first.outcome_before}) still fits; its run comes to `{first.outcome}` now."


def switches(schedule: Schedule, before: int | None = None) -> Iterator[str]:
    """Yield the lines that say what a schedule decides; `before`: how many switches it had before it was shrunk."""
    if not schedule.switches:
        yield "It needs no switch: it happens when each goes on as long as it can, and then the next."
        return
    count = plural(len(schedule.switches), "switch")
    shrunk = f" (of {before} at first)" if before is not None and before > len(schedule.switches) else ""
    yield f"The schedule has {count}{shrunk}; else each goes on as long as it can:"
    yield from (f"  {number}. {said(each)}" for number, each in enumerate(schedule.switches, start=1))


def said(switch: Switch) -> str:
    """Return a switch in words."""
    steps = plural(switch.steps, "step")
    if switch.kills:
        own = "it has" if switch.to == switch.actor else f"{switch.actor} has"
        return f"{switch.to} is killed before `{switch.before}`, when {own} made {steps}"
    goes_on = f"{switch.to} goes on, with {_quoted(switch.before)}" if switch.before else f"{switch.to} goes on"
    if switch.to == switch.actor:
        return f"after {steps}, {goes_on}"
    where = f"before `{switch.instead}`" if switch.instead else "when it can do no more"
    done = f"{switch.actor} stops {where}, after {steps}"
    return f"{done}; {goes_on}"


def _chances(verdict: Verdict) -> str:
    new = "?" if verdict.chance_of_new is None else f"{verdict.chance_of_new:.0%}"
    most = f"{verdict.most_chance:.2%}"
    return (
        f"the next schedule would show another order with a chance of about {new}, "
        f"and a fault with at most {most} (at 95 % confidence, for schedules chosen like these)"
    )


def _as_data(difference: Difference) -> dict[str, object]:
    return {
        "actor": difference.actor,
        "step": difference.number,
        **{
            name: {
                "does": cause.does,
                "after": None if cause.after is None else f"{cause.after.operation} of {cause.after.actor}",
                "text": said_of_cause(cause, difference),
            }
            for name, cause in (("bad", difference.bad), ("good", difference.good))
        },
    }


def as_json(name: str, explored: Explored, verdict: Verdict, kept: Kept | None = None) -> str:
    """Return the same as one JSON object, with a line break."""
    finding = explored.finding
    data = {
        "scenario": name,
        "verdict": verdict.name,
        "reasons": list(verdict.reasons),
        "schedules": explored.schedules,
        "seconds": round(explored.seconds, 3),
        "orders": explored.orders,
        "steps": explored.steps,
        "seed": explored.seed,
        "chance_of_new_order": verdict.chance_of_new,
        "most_chance_of_fault": verdict.most_chance,
        "all_with_delays": explored.delays,
        "all_schedules": explored.is_complete,
        "not_judged": list(explored.not_judged),
        "not_controlled": list(explored.beside),
        "finding": None
        if finding is None
        else {
            "schedule": finding.number,
            "strategy": finding.strategy,
            "outcome": finding.outcome,
            "reasons": list(finding.reasons),
            "switches": [said(each) for each in finding.schedule.switches],
            "switches_before_shrinking": finding.switches_before,
            "replays": finding.replays,
            "replays_alike": finding.replays_alike,
            "switches_of_good": None if finding.good is None else [said(each) for each in finding.good.switches],
            "difference": None if finding.difference is None else _as_data(finding.difference),
            "kept": None if kept is None else kept.path,
        },
        "replayed_first": None
        if explored.first is None
        else {
            "outcome_before": explored.first.outcome_before,
            "outcome": explored.first.outcome,
            "differs": explored.first.differs or None,
        },
        "text": "\n".join(lines(name, explored, verdict, kept)),
    }
    return json.dumps(data) + "\n"
