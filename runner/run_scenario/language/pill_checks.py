"""Poison pills: do they come, and do they come last?

    items, produce, own code ──▶ queue ──relay──▶ queue ──▶ a taker that waits for its pill

A pill (None) ends one taker. What puts one on a queue is the source, what passes it on an edge, and where it may come
out is what can be reached. Code that is not a built-in may put anything: what it may have put is never warned about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from run_scenario import targets
from run_scenario.language.draft import Draft, Link, ProcessDraft, ResourceDraft
from run_scenario.language.problems import Problems, quote
from run_scenario.language.signature_checks import value_of
from run_scenario.language.yaml_nodes import Mapping, Scalar, plain
from run_scenario.targets import Parameter, Target


def check_pills(draft: Draft, problems: Problems) -> None:
    """Warn about pills that overtake the items of a process, and about takers whose pill never comes."""
    ends = [end for process in draft.processes for end in _ends(process) if end.link.resource in draft.queues]
    ends_of: dict[str, list[_End]] = {name: [] for name in draft.queues}
    for end in ends:
        ends_of[end.link.resource].append(end)
    pilled = _pilled(draft, ends)
    for name, queue in draft.queues.items():
        if queue.fields.value("poison_pills", False):
            _check_order(queue, ends_of[name], problems)
        if name not in pilled:
            _check_takers(queue, ends_of[name], problems)


class _End(NamedTuple):
    """A process at one of its queues; where it is not a built-in, nothing is known but the link."""

    process: ProcessDraft
    link: Link
    target: Target | None
    parameter: Parameter | None

    @property
    def direction(self) -> str:
        return (self.parameter.direction if self.parameter else None) or self.link.direction

    @property
    def who(self) -> str:
        return quote(self.process.name or self.process.names()[0])


def _ends(process: ProcessDraft) -> list[_End]:
    target = targets.find(process.target) if ":" not in process.target else None
    return [_End(process, link, target, target.parameter(link.parameter) if target else None) for link in process.links]


def _check_order(queue: ResourceDraft, ends: list[_End], problems: Problems) -> None:
    """The main program puts its pills as soon as all processes are started: too soon for what a process puts."""
    writer = next((end for end in ends if end.direction == "to"), None)
    if writer is not None:
        what = f"the main program puts the pills of queue {quote(queue.name)} at once"
        what += f", before {writer.who} may have put its items"
        problems.warn(queue.fields.key_span("poison_pills"), what, f"leave it out, and {_who_puts_pills(ends)}")


def _check_takers(queue: ResourceDraft, ends: list[_End], problems: Problems) -> None:
    written = any(end.direction == "to" for end in ends)
    if not written and not queue.fields.items("items"):
        return  # nothing at all is put there, which is said elsewhere
    hint = _who_puts_pills(ends) if written else f"write `poison_pills: true` for queue {quote(queue.name)}"
    for end in ends:
        if end.parameter is not None and end.parameter.until_pill and not _ends_without_pill(end.process):
            what = f"{quote(end.process.target)} takes from queue {quote(queue.name)} until a poison pill comes"
            problems.warn(end.link.resource_span, f"{what}, and nobody puts one", hint)


def _ends_without_pill(process: ProcessDraft) -> bool:
    fields = process.fields
    abandoned = not fields.flag("join", True) or fields.entry("join_timeout") is not None
    return fields.flag("terminate") or fields.flag("kill") or (fields.flag("daemon") and abandoned)


def _who_puts_pills(ends: list[_End]) -> str:
    """Return who should put the pills on a queue: the producer, if there is one only and nobody else comes after it."""
    writers = [end for end in ends if end.direction == "to"]
    target = writers[0].target
    if len(writers) > 1 or writers[0].process.replicas > 1 or target is None or not target.parameter("poison_pills"):
        return "let whoever puts the last item put the pills (None), as `produce` does with its `poison_pills`"
    takers = [end.process for end in ends if end.direction == "from"]
    varies = any(taker.fields.value("replicas") == "cpu_count" for taker in takers)
    count = "N" if varies else max(1, sum(taker.replicas for taker in takers))
    return f"give {writers[0].who} `kwargs: {{poison_pills: {count}}}`, one for each process that takes"


def _pilled(draft: Draft, ends: list[_End]) -> set[str]:
    """Return the queues out of which a None may come."""
    inboxes: dict[int, list[str]] = {}
    for end in ends:
        if end.direction == "from":
            inboxes.setdefault(end.process.first, []).append(end.link.resource)
    outboxes = [end for end in ends if end.direction != "from"]

    def spread(sources: set[str], passes_on: Callable[[_End], bool]) -> set[str]:
        """Return all queues that are reached from `sources` by way of those processes that pass things on."""
        edges: dict[str, list[str]] = {}
        for end in filter(passes_on, outboxes):
            for inbox in inboxes.get(end.process.first, ()):
                edges.setdefault(inbox, []).append(end.link.resource)
        reached, new = set(sources), list(sources)
        while new:
            further = [queue for queue in edges.get(new.pop(), ()) if queue not in reached]
            reached.update(further)
            new += further
        return reached

    # The answer to a task that own code has made, or that own code works on, may be None as well.
    queues = draft.queues.values()
    odd = {queue.name for queue in queues if _has_own_calls(queue)}
    odd |= {end.link.resource for end in outboxes if _is_own(end)}
    odd = spread(odd, lambda end: end.target is not None and end.target.parameter("work") is not None)
    pilled = {queue.name for queue in queues if _has_pills(queue)}
    pilled |= {end.link.resource for end in outboxes if _puts_pills(end)}
    return spread(odd | pilled, lambda end: end.parameter is not None and end.parameter.passes_pills)


def _has_own_calls(queue: ResourceDraft) -> bool:
    items = queue.fields.items("items")
    calls = [item.entries["call"].value for item in items if isinstance(item, Mapping) and "call" in item.entries]
    return any(":" in str(plain(call)) for call in calls)


def _has_pills(queue: ResourceDraft) -> bool:
    nothing = any(isinstance(item, Scalar) and item.value is None for item in queue.fields.items("items"))
    return nothing or bool(queue.fields.value("poison_pills", False))


def _is_own(end: _End) -> bool:
    """Return whether code that is not a built-in puts, or makes, what comes to this queue."""
    if end.target is None:
        return True
    work = _given(end, "work")
    return ":" in str(work.get("call") if isinstance(work, dict) else work)


def _puts_pills(end: _End) -> bool:
    items = _given(end, "items")
    return bool(_given(end, "poison_pills")) or (isinstance(items, list) and None in items)


def _given(end: _End, name: str) -> object:
    parameter = end.target.parameter(name) if end.target else None
    return value_of(parameter, end.target, end.process) if parameter and end.target else None
