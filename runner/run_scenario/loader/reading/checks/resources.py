"""Resources and their users: names, queues, pipes, synchronization objects, shared data, in this order.

Pools are checked in `pools`, poison pills in `pills`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from run_scenario.loader.problems import Problems, Span, either, quote, shorten, there_are
from run_scenario.loader.reading.data import read_data
from run_scenario.loader.reading.draft import (
    KINDS,
    BindingDraft,
    Draft,
    ProcessDraft,
    ResourceDraft,
    Section,
    is_managed,
    shared_type,
    with_article,
)
from run_scenario.loader.reading.yaml_parser import Fields
from run_scenario.scenario.model import MANAGED, PIPE_ENDS, Direction, LinesSpec
from run_scenario.targets import find

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


def check_resources(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each resource's name, and with each mention of one."""
    owners: dict[str, ResourceDraft] = {}
    for resource in draft.resources:
        if not _NAME.fullmatch(resource.name):
            what = f"{quote(resource.family or resource.name)} cannot be the name of a {KINDS[resource.section]}"
            better = re.sub(r"[ .]+", "_", (resource.family or resource.name).strip())
            example = f", as in {better}" if _NAME.fullmatch(better) else ""
            problems.error(resource.span, what, f"use letters, digits, _ and -, and begin with a letter{example}")
        owner = owners.setdefault(resource.name, resource)
        if owner is not resource:
            what = f"there is already a {KINDS[owner.section]} called {quote(owner.name)}, on line {owner.span.line}"
            problems.error(resource.span, what, "give one of them another name")
        if resource.family and owners.setdefault(resource.family, resource).family != resource.family:
            owner = owners[resource.family]
            what = f"there is already a {KINDS[owner.section]} called {quote(owner.name)}, on line {owner.span.line}"
            problems.error(resource.span, what, "give one of them another name")
    if draft.knows_resources:
        _check_mentions(draft, problems)


def _check_mentions(draft: Draft, problems: Problems) -> None:
    handles, families = draft.handles(), draft.families
    for process in draft.processes:
        target = find(process.target) if process.target and ":" not in process.target else None
        for binding in process.bindings:
            if binding.resource in handles:
                continue
            if members := families.get(binding.resource, ()):
                what = f"{quote(binding.resource)} stands for {len(members)} of them, {_from_to(members)}"
                hint = f"name one, as in `{_numbered(binding.resource)}`, which is another for each replica"
                problems.error(binding.resource_span, what, hint)
                continue
            parameter = target.parameter(binding.parameter) if target else None
            takes = parameter.takes if parameter else _TAKEN.get(binding.direction, ())
            noun = parameter.noun if parameter and takes else "queue" if takes else "resource"
            fitting = [name for name, other in handles.items() if not takes or other.type in takes]
            hint = there_are(fitting) if fitting else describe(binding.resource, takes, draft)
            hint = _instead(binding, draft) or problems.did_you_mean(binding.resource, fitting or handles, hint)
            other = draft.described(binding.resource)
            what = f"there is no {noun} {quote(binding.resource)}"
            if other is not None:
                what = f"{quote(binding.resource)} is {other.kind}"
            problems.error(binding.resource_span, what, hint)


_TAKEN = dict.fromkeys(("from", "to"), ("Queue", "JoinableQueue", "SimpleQueue", "Pipe"))
"""Direction -> what own code may get by it."""

_DESCRIPTIONS: dict[str, tuple[Section, str]] = {
    "Queue": ("queues", "{}"),
    "JoinableQueue": ("queues", "{type: JoinableQueue}"),
    "Pipe": ("pipes", "{}"),
    "Lock": ("sync", "{type: Lock}"),
    "Semaphore": ("sync", "{type: Semaphore, value: 2}"),
    "Event": ("sync", "{type: Event}"),
    "Condition": ("sync", "{type: Condition}"),
    "Barrier": ("sync", "{type: Barrier, parties: 2}"),
    "Value": ("shared", "{type: Value, typecode: i}"),
    "Array": ("shared", "{type: Array, typecode: i, size: 10}"),
    "SharedMemory": ("shared", "{type: SharedMemory, size: 64}"),
    "dict": ("shared", "{type: dict}"),
    "list": ("shared", "{type: list}"),
    "Namespace": ("shared", "{type: Namespace}"),
    "Pool": ("pools", "{processes: 2}"),
    "executor": ("pools", "{type: executor}"),
    "Server": ("shared", "{type: dict, remote: true, authkey: open sesame}"),
}
"""Type -> its section, and the shortest description of one."""


def describe(name: str, takes: tuple[str, ...], draft: Draft) -> str:
    """Return how a resource of one of these types, of any if there are none, is described."""
    if not takes:
        return "describe it under `queues:`, `pipes:`, `sync:` or `shared:`, as in `sync: {gate: {type: Lock}}`"
    section, description = next(_DESCRIPTIONS[each] for each in takes if each in _DESCRIPTIONS)
    if section == "pipes":
        name = name.partition(".")[0]
    name = name if _NAME.fullmatch(name) else "NAME"
    written = f"`{name}: {description}` under `{section}:`"
    if draft.fields.entry(section) is None:
        written = f"`{section}: {{{name}: {description}}}`"
    ends = f", and give it {name}.left or {name}.right" if section == "pipes" else ""
    return f"write {written}{ends}"


def _from_to(members: tuple[str, ...]) -> str:
    return quote(members[0]) if len(members) == 1 else f"{quote(members[0])} … {quote(members[-1])}"


def _one_of(members: tuple[str, ...]) -> str:
    """Return the hint where all replicas are named, and one is needed."""
    return f"name one of {_from_to(members)}" if members else ""


def _numbered(family: str) -> str:
    """Return how one of several is named by its number."""
    pipe, dot, end = family.partition(".")
    return f"{shorten(pipe)}-$i{dot}{end}"


def _instead(binding: BindingDraft, draft: Draft) -> str:
    pipe, dot, _ = binding.resource.partition(".")
    if pipe in draft.sections["pipes"]:
        ends = either((f"{pipe}.{end}" for end in PIPE_ENDS), "and" if dot else "or")
        return f"pipe {quote(pipe)} has the ends {ends}" if dot else f"name one of its ends, {ends}"
    if binding.resource in draft.sections["pools"]:
        return "only the main program uses it, in its `calls`"
    return ""


def check_use(draft: Draft, problems: Problems) -> None:
    """Warn about what is described and never used, except queues and pools, which have checks of their own."""
    used = {binding.resource for process in draft.processes for binding in process.bindings}
    used |= {name for name, _ in draft.named_by_main()}
    used |= {name for _, name, _ in draft.given_to_workers()}
    used |= {resource.fields.text("lock") for resource in draft.resources}
    for resource in draft.resources:
        if resource.section in ("queues", "pools"):
            continue
        if not used.intersection(resource.handles()):
            hint = f"give it to a process, as in `uses: {{PARAMETER: {resource.handles()[0]}}}`, or drop it"
            problems.warn(resource.span, f"{resource.called} is not used", hint)


def check_queues(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each queue's keys."""
    for queue in draft.queues.values():
        _check_queue_keys(queue, problems)


def _check_queue_keys(queue: ResourceDraft, problems: Problems) -> None:
    fields = queue.fields
    if fields.is_invalid("type"):
        return
    if queue.type == "SimpleQueue":
        for key, reason in (("maxsize", "no limit of its size"), ("join_thread", "no feeder thread")):
            if fields.entry(key) is not None:
                what = f"`{key}`: a SimpleQueue has {reason}"
                problems.error(fields.key_span(key), what, "leave it out, or write `type: Queue`")
    elif fields.flag("join_thread") and not fields.flag("close") and not fields.is_invalid("close"):
        what = "`join_thread` needs `close: true`: join_thread() may only be called after close()"
        problems.error(fields.key_span("join_thread"), what, "write `close: true` as well")
    if queue.type != "JoinableQueue" and fields.entry("join") is not None:
        what = f"`join`: a {queue.type} has no join()"
        problems.error(fields.key_span("join"), what, "leave it out, or write `type: JoinableQueue`")


def check_topology(draft: Draft, problems: Problems) -> None:
    """Warn about queues that nobody uses, nobody reads, or nobody writes."""
    directions: dict[str, set[str]] = {name: set() for name in draft.queues}
    for process in draft.processes:
        for binding in process.bindings:
            if binding.resource in directions:
                directions[binding.resource].add(binding.direction)
    for _, name, _ in draft.given_to_workers():
        if name in directions:
            directions[name].add("uses")
    for name, step in draft.named_by_main():
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
        puts = bool(fields.value("items")) or (pills is not True and bool(pills))
        gets = fields.whole("collect") > 0
        written, read = bool(used & {"to", "uses"}) or puts, bool(used & {"from", "uses"}) or gets
        has_main = draft.fields.entry("main") is not None
        _warn_one_sided(queue, written, read, has_main, problems)
        if gets and written and queue.type == "JoinableQueue" and fields.flag("join", True) and not has_main:
            what = f"queue {quote(queue.name)} is joined before the main program collects from it"
            what += ": join() waits for a task_done() for each item"
            hint = "write `join: false`, or leave `collect` out and give a process `from: {queue.name}`"
            problems.warn(fields.key_span("collect"), what, hint.format(queue=queue))


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


_ONE_WAY = {"from": ("right", "left", "sends", "receive"), "to": ("left", "right", "receives", "send")}
"""Direction -> the end of a one-way pipe that has the other one, the end that has it, and the verbs."""


def check_pipes(draft: Draft, problems: Problems) -> None:
    """Add which ends are used the wrong way round."""
    pipes = draft.sections["pipes"].values()
    one_way = {handle: pipe for pipe in pipes if not pipe.fields.flag("duplex", True) for handle in pipe.handles()}
    for process in draft.processes:
        for binding in process.bindings:
            if binding.resource in one_way:
                _check_direction(binding, one_way[binding.resource], process, problems)


def check_ends(draft: Draft, problems: Problems) -> None:
    """Warn of ends that several processes have, and of those that no process has."""
    users: dict[str, list[BindingDraft]] = {h: [] for pipe in draft.sections["pipes"].values() for h in pipe.handles()}
    counts: Counter[str] = Counter()
    for process in draft.processes:
        for binding, replicas in _users(process, users):
            counts[binding.resource] += replicas
            users[binding.resource] += [binding] * min(replicas, 2)  # the second one is pointed at
    possibly_used = {name for name, _ in draft.named_by_main()}
    possibly_used |= {binding.resource for process in draft.processes for binding in process.bindings}
    for handle, bindings in users.items():
        if counts[handle] > 1:
            what = f"{counts[handle]} processes get the same end {quote(handle)}"
            hint = "give each a pipe of its own: what two read or write at the same time may be corrupted"
            problems.warn(bindings[1].resource_span, what, hint)
    for pipe in draft.sections["pipes"].values():
        unused = [handle for handle in pipe.handles() if not users[handle] and handle not in possibly_used]
        if len(unused) == 1:
            what = f"nobody gets the end {quote(unused[0])}"
            problems.warn(pipe.span, what, f"give it to a process, as in `uses: {{PARAMETER: {unused[0]}}}`")


def _users(process: ProcessDraft, handles: Collection[str]) -> Iterator[tuple[BindingDraft, int]]:
    """Yield each of these resources once for the replicas that use it, and how many these are."""
    for bindings, replicas in process.uses(handles, certain=True):
        found = {binding.resource: binding for binding in bindings if binding.resource in handles}
        yield from ((binding, replicas) for binding in found.values())


def _check_direction(binding: BindingDraft, pipe: ResourceDraft, process: ProcessDraft, problems: Problems) -> None:
    """Check that a pipe with `duplex: false` is not used the wrong way round."""
    target = find(process.target) if process.target and ":" not in process.target else None
    parameter = target.parameter(binding.parameter) if target else None
    direction: Direction | None = binding.direction
    if direction == "uses":
        direction = parameter.direction if parameter else None
    if direction is None:
        return
    wrong, right, does, verb = _ONE_WAY[direction]
    if binding.resource == f"{pipe.name}.{wrong}" and binding.is_guess:
        report_guess(binding.resource_span, problems)
    elif binding.resource == f"{pipe.name}.{wrong}":
        who = f"the parameter {quote(binding.parameter)} is to {verb}"
        what = f"{quote(binding.resource)} only {does}, as the {wrong} end of a pipe with `duplex: false`, but {who}"
        problems.error(binding.resource_span, what, f"write `{pipe.name}.{right}`, or leave `duplex: false` out")


def report_guess(span: Span, problems: Problems) -> None:
    """Add that a step names by a value alone what it is done to, where not everything would do."""
    what = f"only the run knows the value of {quote(problems.text_at(span))}: it may name any resource"
    problems.error(span, what, "write the name in the step itself, as in `to: 'hop-${i}.right'`")


_LOCKS = ("Lock", "RLock")
_KEYS_OF_SYNC = {
    "value": ("Semaphore", "BoundedSemaphore"),
    "parties": ("Barrier",),
    "timeout": ("Barrier",),
    "lock": ("Condition",),
}
"""Key -> types that have it."""


def check_sync(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each object of the section `sync`."""
    above: dict[str, ResourceDraft] = {}
    for sync in draft.sections["sync"].values():
        fields = sync.fields
        if sync.type and not fields.is_invalid("type"):
            for key, owners in _KEYS_OF_SYNC.items():
                if fields.entry(key) is not None and sync.type not in owners:
                    what = f"`{key}`: {with_article(sync.type)} has none"
                    problems.error(fields.key_span(key), what, f"leave it out; it belongs to {with_article(owners[0])}")
            has_parties = fields.entry("parties") is not None or fields.is_invalid("parties") or not fields.complete
            if sync.type == "Barrier" and not has_parties:
                what = f"barrier {quote(sync.name)} needs `parties`: how many have to come before it opens"
                problems.error(sync.span, what, "write `parties: 2`, for example")
            if sync.type == "Condition" and fields.text("lock"):
                _check_lock_of_condition(sync, above, draft, problems)
                _check_manager_of_lock(sync, above, problems)
        above[sync.name] = sync


def _check_lock_of_condition(
    condition: ResourceDraft, above: dict[str, ResourceDraft], draft: Draft, problems: Problems
) -> None:
    name, span = condition.fields.text("lock"), condition.fields.value_span("lock")
    lock = draft.described(name)
    locks = [other.name for other in above.values() if other.type in _LOCKS]
    hint = there_are(locks) if locks else f"describe it above {quote(condition.name)}, or drop it"
    members = draft.families.get(name, ())
    if lock is None and not draft.knows_resources:
        return
    if lock is None or (lock.type in _LOCKS and name not in above):
        what = f"there is no lock {quote(name)} above condition {quote(condition.name)}"
        problems.error(span, what, _one_of(members) or problems.did_you_mean(name, locks, hint))
    elif lock.kind and lock.type not in _LOCKS:  # a wrong or missing type has been reported
        what = f"{quote(name)} is {lock.kind}; a condition uses a Lock or an RLock"
        problems.error(span, what, hint)


def _check_manager_of_lock(condition: ResourceDraft, above: dict[str, ResourceDraft], problems: Problems) -> None:
    """Check that a condition and its lock are both held by the manager, or both not."""
    name, managed = condition.fields.text("lock"), is_managed(condition)
    lock, span = above.get(name), condition.fields.value_span("lock")
    if lock is None or lock.type not in _LOCKS:
        return
    if is_managed(lock) != managed:
        whose, without = (condition, lock) if managed else (lock, condition)
        what = f"a manager holds {quote(whose.name)}, and not {quote(without.name)}: they cannot be used together"
        problems.error(span, what, f"write `manager: true` for {quote(without.name)} as well")
    elif managed and lock.type == "RLock":
        what = f"{quote(name)} is a manager's RLock, with which no wait() works: the manager itself never owns it"
        problems.error(span, what, "write `type: Lock` for it, or leave `lock` out for an RLock of its own")


_VALUES, _ARRAYS = ("Value", "ManagerValue"), ("Array", "ManagerArray")
_REMOTE = tuple(kind for kind in MANAGED if kind not in (*_VALUES, *_ARRAYS))
_KEYS_OF_SHARED = {
    "typecode": (*_VALUES, *_ARRAYS),
    "lock": ("Value", "Array"),
    "size": (*_ARRAYS, "SharedMemory", "ManagerQueue"),
    "value": (*_VALUES, *_ARRAYS, "SharedMemory", "ShareableList", "dict", "list", "Namespace"),
    "manager": (*_VALUES, *_ARRAYS),
    "remote": _REMOTE,
    "authkey": _REMOTE,
}
"""Key -> types that have it."""

_BITS = {"b": 8, "B": 8, "h": 16, "H": 16, "i": 32, "I": 32, "l": 64, "L": 64, "q": 64, "Q": 64}
"""Type code of a whole number -> its bits; the capital ones have no sign."""
_VALUES_OF_SHARED: dict[str, tuple[type, str]] = {
    "SharedMemory": (str, "a text"),
    "ShareableList": (list, "a list"),
    "dict": (dict, "a mapping"),
    "list": (list, "a list"),
    "Namespace": (dict, "a mapping of names to values"),
}


_SHAREABLE = {type(None), bool, int, float, str, bytes}


def check_shared(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each object of the section `shared`."""
    for shared in draft.sections["shared"].values():
        kind = shared_type(shared.fields)
        if kind and not shared.fields.is_invalid("type"):
            _check_shared_keys(shared, kind, problems)
            _check_lock_of_shared(shared.fields, draft, problems)
            _check_shared_value(shared, kind, problems)


def _check_shared_keys(shared: ResourceDraft, kind: str, problems: Problems) -> None:
    fields, called = shared.fields, with_article(kind)
    for key, owners in _KEYS_OF_SHARED.items():
        if fields.entry(key) is not None and kind not in owners:
            what, hint = f"`{key}`: {called} has none", "leave it out"
            if key == "manager" and kind in MANAGED:
                what = f"`manager`: {called} is held by a manager in any case"
            elif key == "lock":
                hint = "leave it out, or `manager`" if kind in MANAGED and fields.flag("manager") else hint
            problems.error(fields.key_span(key), what, hint)
    if kind == "ManagerArray" and fields.text("typecode") in ("c", "u"):
        what = "a manager's Array holds numbers, no characters"
        problems.error(fields.value_span("typecode"), what, "write another `typecode`, or leave `manager` out")
    if not fields.complete:
        return  # what is missing may stand under a misspelt key
    if kind in (*_VALUES, *_ARRAYS) and not fields.text("typecode") and not fields.is_invalid("typecode"):
        what = f"{with_article(kind)} needs a `typecode`: the kind of number that {quote(shared.name)} holds"
        problems.error(shared.span, what, "write `typecode: i` for whole numbers, or `typecode: d` for others")
    if kind in (*_ARRAYS, "SharedMemory") and not any(key in _given(fields) for key in ("size", "value")):
        what = f"{with_article(kind)} needs a `size`, or a `value` that it is filled with"
        problems.error(shared.span, what, "write `size: 10`, for example")
    if kind == "ShareableList" and "value" not in _given(fields):
        problems.error(shared.span, "a ShareableList needs a `value`: it cannot grow", "write `value: [1, 2, 3]`")
    if "authkey" in _given(fields) and not fields.flag("remote"):
        problems.error(fields.key_span("authkey"), "`authkey` needs `remote: true`", "write it as well, or drop both")
    if fields.flag("remote") and "authkey" not in _given(fields):
        what = f"{quote(shared.name)} needs an `authkey`: processes have to know it to connect to its manager"
        problems.error(shared.span, what, "write `authkey: open sesame`, for example")


def _given(fields: Fields) -> set[str]:
    return {entry.key for entry in fields}


def _check_lock_of_shared(fields: Fields, draft: Draft, problems: Problems) -> None:
    name = fields.text("lock")
    if not name:
        return
    known = [each.name for each in draft.sections["sync"].values() if each.type in _LOCKS and not is_managed(each)]
    if name not in known:
        hint = there_are(known) if known else "write true for a lock of its own"
        other = draft.described(name)
        if not (other.kind if other is not None else draft.knows_resources):  # what is wrong there has been reported
            return
        what = f"there is no lock {quote(name)} in the section `sync`"
        if other is not None:
            what = f"{quote(name)} is {other.kind}; shared data uses a Lock or an RLock"
            if is_managed(other):
                what = f"{quote(name)} is held by a manager, and shared memory needs a lock that is not"
        members = draft.families.get(name, ())
        problems.error(fields.value_span("lock"), what, _one_of(members) or problems.did_you_mean(name, known, hint))


def _check_shared_value(shared: ResourceDraft, kind: str, problems: Problems) -> None:
    fields = shared.fields
    if fields.entry("value") is None:
        return
    node = fields.entry("value")
    assert node is not None
    value: Any = read_data(node.value, Problems("", ""))  # what is wrong with it by itself is reported by `check_data`
    span, code = fields.value_span("value"), fields.text("typecode")
    if kind in _ARRAYS and fields.entry("size") is not None:
        problems.error(
            fields.key_span("size"), "`size` is not allowed beside `value`, which gives the length", "leave `size` out"
        )
    if kind in (*_VALUES, *_ARRAYS):
        if code and (why := _mismatch(kind, code, value)):
            problems.error(span, why, "give another value, or another `typecode`")
        return
    wanted, words = _VALUES_OF_SHARED.get(kind, (object, ""))
    if not isinstance(value, wanted) and not (wanted is list and isinstance(value, LinesSpec)):
        problems.error(span, f"the value of {with_article(kind)} must be {words}", f"write {words} after `value:`")
    elif (
        kind == "Namespace"
        and isinstance(value, dict)
        and not all(str(key).isidentifier() and key[:1] != "_" for key in value)
    ):
        problems.error(span, "the names in a Namespace must be Python identifiers", "use letters, digits and _")
    elif kind == "ShareableList" and not (isinstance(value, list) and _SHAREABLE.issuperset(map(type, value))):
        what = "a ShareableList holds numbers, texts, bytes, true, false and null"
        problems.error(span, what, "leave out what is none of these")


def value_mismatch(fields: Fields, value: Any) -> str:
    """Return why a value cannot be written to a Value; empty if it can."""
    code = fields.text("typecode")
    return _mismatch("Value", code, value) if code else ""


def _mismatch(kind: str, code: str, value: Any) -> str:
    """Return why a value does not fit a type code; empty if it does."""
    if kind in _ARRAYS and code not in "cu":
        if not isinstance(value, list):
            return "the value of an Array must be a list"
        return next((why for element in value if (why := _mismatch("Value", code, element))), "")
    if code in "cu":
        single = kind in _VALUES
        if isinstance(value, str) and (not single or len(value) == 1) and (code == "u" or value.isascii()):
            return ""
        letters, only = "a character" if single else "a text", " in ASCII" if code == "c" else ""
        return f"with the typecode {quote(code)} it must be {letters}{only}"
    if code in _BITS:
        bits = _BITS[code]
        least, most = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        if type(value) is not int or not least <= value <= most:
            return f"with the typecode {quote(code)} it must be a whole number from {least} to {most}"
        return ""
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if fits else f"with the typecode {quote(code)} it must be a number"
