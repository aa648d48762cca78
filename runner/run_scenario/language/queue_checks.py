"""Queues: their keys, who takes from them and who puts on them."""

from __future__ import annotations

from run_scenario.language.draft import Draft, ResourceDraft
from run_scenario.language.main_draft import read_steps
from run_scenario.language.problems import Problems, quote


def check_queues(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each queue's keys."""
    for queue in draft.queues.values():
        _check_keys(queue, problems)


def _check_keys(queue: ResourceDraft, problems: Problems) -> None:
    fields = queue.fields
    if fields.is_refused("type"):
        return
    if queue.type == "SimpleQueue":
        for key, reason in (("maxsize", "no limit of its size"), ("join_thread", "no feeder thread")):
            if fields.entry(key) is not None:
                what = f"`{key}`: a SimpleQueue has {reason}"
                problems.error(fields.key_span(key), what, "leave it out, or write `type: Queue`")
    elif fields.flag("join_thread") and not fields.flag("close") and not fields.is_refused("close"):
        what = "`join_thread` needs `close: true`: join_thread() may only be called after close()"
        problems.error(fields.key_span("join_thread"), what, "write `close: true` as well")
    if queue.type != "JoinableQueue" and fields.entry("join") is not None:
        what = f"`join`: a {queue.type} has no join()"
        problems.error(fields.key_span("join"), what, "leave it out, or write `type: JoinableQueue`")


def check_topology(draft: Draft, problems: Problems) -> None:
    """Warn about queues that nobody uses, nobody reads, or nobody writes."""
    directions: dict[str, set[str]] = {name: set() for name in draft.queues}
    for process in draft.processes:
        for link in process.links:
            if link.resource in directions:
                directions[link.resource].add(link.direction)
    for step in read_steps(draft):
        for name, _ in step.subjects:
            if name in directions and step.verb.name.startswith(("put", "get")):
                directions[name].add("to" if step.verb.name.startswith("put") else "from")
    for queue in draft.queues.values():
        fields, used = queue.fields, directions[queue.name]
        pills = fields.value("poison_pills", False)
        if pills and not used & {"from", "uses"}:
            what = f"nobody takes the poison pills of queue {quote(queue.name)}"
            problems.warn(fields.key_span("poison_pills"), what, f"give a process `from: {queue.name}`")
            continue
        # True makes as many pills as there are readers: without any, none.
        puts = bool(fields.items("items")) or (pills is not True and bool(pills))
        gets = fields.whole("collect") > 0
        written, read = bool(used & {"to", "uses"}) or puts, bool(used & {"from", "uses"}) or gets
        _warn_one_sided(queue, written, read, draft.fields.entry("main") is not None, problems)


def _warn_one_sided(queue: ResourceDraft, written: bool, read: bool, has_main: bool, problems: Problems) -> None:
    name = quote(queue.name)
    if not written and not read:
        problems.warn(queue.span, f"queue {name} is not used", "give it to a process, or drop it")
    elif not read:
        hint = "or write `collect:` for the main program to get() the items"
        hint = f"or write a step `get: {queue.name}`" if has_main else hint
        hint = f"give a process `from: {queue.name}`, {hint}"
        problems.warn(queue.span, f"queue {name} is written but never read", hint)
    elif not written:
        first = f"write a step `put: …` with `to: {queue.name}`" if has_main else "give the queue `items:`"
        hint = f"{first}, or {'give ' if has_main else ''}a process `to: {queue.name}`"
        problems.warn(queue.span, f"queue {name} is read but never written", hint)
