"""Poison pills: do they come, and do they come last?

    items, steps, produce, own code ──▶ queue ──relay──▶ queue ──▶ a taker that waits for its pill

A pill (None) ends one taker. What puts one on a queue is the source, what passes it on an edge, and where it may come
out is what can be reached. Code that is not a built-in may put anything: what it may have put is never warned about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from run_scenario import targets
from run_scenario.loader.problems import Problems, quote
from run_scenario.loader.reading.checks.calls import value_of
from run_scenario.loader.reading.draft import BindingDraft, Draft, ProcessDraft, ResourceDraft
from run_scenario.loader.reading.yaml_parser import Mapping, Scalar, plain
from run_scenario.targets import Parameter, Target


def check_pills(draft: Draft, problems: Problems) -> None:
    """Warn about pills that overtake the items of a process, and about takers whose pill never comes."""
    ends = [end for process in draft.processes for end in _ends(process) if end.binding.resource in draft.queues]
    ends_of: dict[str, list[_End]] = {name: [] for name in draft.queues}
    for end in ends:
        ends_of[end.binding.resource].append(end)
    pilled = _pilled(draft, ends)
    for name, queue in draft.queues.items():
        if queue.fields.value("poison_pills", False):
            _check_order(queue, ends_of[name], problems)
        if name not in pilled:
            _check_takers(queue, ends_of[name], draft, problems)


class _End(NamedTuple):
    """A process at one of its queues; where it is not a built-in, nothing is known but the binding."""

    process: ProcessDraft
    binding: BindingDraft
    target: Target | None
    parameter: Parameter | None

    @property
    def direction(self) -> str:
        return (self.parameter.direction if self.parameter else None) or self.binding.direction

    @property
    def takes_until_pill(self) -> bool:
        return self.parameter is not None and self.parameter.until_pill

    @property
    def may_take_others_pill(self) -> bool:
        """Whether it is a built-in that takes whatever comes, a None as well, and then waits for no more."""
        return self.target is not None and self.direction == "from" and not self.takes_until_pill

    @property
    def who(self) -> str:
        return quote(self.process.name or self.process.names()[0])


def _ends(process: ProcessDraft) -> list[_End]:
    target = targets.find(process.target) if ":" not in process.target else None
    return [
        _End(process, binding, target, target.parameter(binding.parameter) if target else None)
        for binding in process.bindings
    ]


def _check_order(queue: ResourceDraft, ends: list[_End], problems: Problems) -> None:
    """The main program puts its pills as soon as all processes are started: too soon for what a process puts."""
    writer = next((end for end in ends if end.direction == "to"), None)
    if writer is not None:
        what = f"the main program puts the pills of queue {quote(queue.name)} at once"
        what += f", before {writer.who} may have put its items"
        hint = "leave it out" if any(map(_puts_pills, ends)) else f"leave it out, and {_who_puts_pills(ends)}"
        problems.warn(queue.fields.key_span("poison_pills"), what, hint)


def _check_takers(queue: ResourceDraft, ends: list[_End], draft: Draft, problems: Problems) -> None:
    written = any(end.direction == "to" for end in ends)
    if not written and not queue.fields.value("items") and not any(step == queue.name for step, _ in _steps(draft)):
        return  # nothing at all is put there, which `check_topology` reports
    hint = _who_puts_pills(ends) if written else _how_main_puts_pills(queue, ends, draft)
    if thief := next((end for end in ends if end.may_take_others_pill), None):
        hint += f"; {thief.who} may take one first: give it a queue of its own"
    for end in ends:
        if end.takes_until_pill and not _ends_without_pill(end.process, draft):
            what = f"{quote(end.process.target)} takes from queue {quote(queue.name)} until a poison pill comes"
            problems.warn(end.binding.resource_span, f"{what}, and nobody puts one", hint)


def _ends_without_pill(process: ProcessDraft, draft: Draft) -> bool:
    fields = process.fields
    if draft.fields.entry("main") is not None:
        names = {process.name, *process.names()}
        done = [(step.verb.name, step.options) for name, step in draft.named_by_main() if name in names]
        stopped = any(verb in ("interrupt", "terminate", "kill") for verb, _ in done)
        awaited = any(verb == "join" and "timeout" not in options for verb, options in done)
        return stopped or (fields.flag("daemon") and not awaited)
    abandoned = not fields.flag("join", True) or fields.entry("join_timeout") is not None
    return fields.flag("terminate") or fields.flag("kill") or (fields.flag("daemon") and abandoned)


def _who_puts_pills(ends: list[_End]) -> str:
    """Return who should put the pills on a queue: the producer, if there is only one."""
    writers = [end for end in ends if end.direction == "to"]
    target = writers[0].target
    if len(writers) > 1 or writers[0].process.replicas > 1 or target is None or not target.parameter("poison_pills"):
        return "let the process that puts the last item put the pills (None), as `produce` does with its `poison_pills`"
    return f"give {writers[0].who} `kwargs: {{poison_pills: {_pills(ends)}}}`, one for each process that waits for one"


def _how_main_puts_pills(queue: ResourceDraft, ends: list[_End], draft: Draft) -> str:
    """Return how the main program puts the pills on a queue on which no process puts anything."""
    count = _pills(ends)
    if draft.fields.entry("main") is not None:
        times = "" if count == "1" else f", {count} times"
        return f"write a step `{{put: null, to: {queue.name}}}`{times} after the last item"
    # `true` makes one for each process that takes `from` the queue: for each of those, and for no others.
    readers = sum(end.process.replicas for end in ends if end.binding.direction == "from")
    given = "true" if count in ("N", str(readers)) else count
    return f"write `poison_pills: {given}` for queue {quote(queue.name)}"


def _pills(ends: list[_End]) -> str:
    """Return how many pills those need who wait for one."""
    takers = [end.process for end in ends if end.takes_until_pill or (end.target is None and end.direction == "from")]
    if any(taker.fields.value("replicas") == "cpu_count" for taker in takers):
        return "N"
    return str(max(1, sum(taker.replicas for taker in takers)))


def _steps(draft: Draft) -> list[tuple[str, object]]:
    """Return what the steps of the main program put, and on which queue."""
    return [(name, step.value) for name, step in draft.named_by_main() if step.verb.effect == "put"]


def _pilled(draft: Draft, ends: list[_End]) -> set[str]:
    """Return the queues out of which a None may come."""
    inboxes: dict[int, list[str]] = {}
    for end in ends:
        if end.direction == "from":
            inboxes.setdefault(end.process.first, []).append(end.binding.resource)
    outboxes = [end for end in ends if end.direction != "from"]

    def spread(sources: set[str], passes_on: Callable[[_End], bool]) -> set[str]:
        """Return all queues that are reached from `sources` by way of those processes that pass things on."""
        edges: dict[str, list[str]] = {}
        for end in filter(passes_on, outboxes):
            for inbox in inboxes.get(end.process.first, ()):
                edges.setdefault(inbox, []).append(end.binding.resource)
        reached, new = set(sources), list(sources)
        while new:
            further = [queue for queue in edges.get(new.pop(), ()) if queue not in reached]
            reached.update(further)
            new += further
        return reached

    # The answer to a task that own code has made, or that own code works on, may be None as well.
    queues = draft.queues.values()
    odd = {queue.name for queue in queues if _has_own_calls(queue)}
    odd |= {end.binding.resource for end in outboxes if _is_own(end)}
    odd = spread(odd, lambda end: end.target is not None and end.target.parameter("work") is not None)
    pilled = {queue.name for queue in queues if _has_pills(queue)}
    pilled |= {end.binding.resource for end in outboxes if _puts_pills(end)}
    pilled |= {name for name, item in _steps(draft) if item is None}
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
    work, items = _given(end, "work"), _given(end, "items")
    made = [work, *(items if isinstance(items, list) else ())]
    functions = [each.get("call") for each in made if isinstance(each, dict)]
    return any(":" in str(function) for function in (*functions, work if isinstance(work, str) else ""))


def _puts_pills(end: _End) -> bool:
    items = _given(end, "items")
    return bool(_given(end, "poison_pills")) or (isinstance(items, list) and None in items)


def _given(end: _End, name: str) -> object:
    parameter = end.target.parameter(name) if end.target else None
    return value_of(parameter, end.target, end.process) if parameter and end.target else None
