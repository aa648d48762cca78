"""The section `main`: does each verb fit whom it is done to? Whether the order is possible is asked in main_order."""

from __future__ import annotations

from run_scenario.language.draft import Draft
from run_scenario.language.main_draft import StepDraft, read_steps, verbs_of
from run_scenario.language.main_order import check_order
from run_scenario.language.problems import Problems, Span, either, quote
from run_scenario.language.shared_checks import misfit
from run_scenario.language.yaml_nodes import Mapping
from run_scenario.verbs import OPTIONS, VERBS

_OF_PROCESS = ("delay", "join", "join_timeout", "terminate", "kill")
_OF_QUEUE = ("items", "poison_pills", "collect", "close", "join_thread", "join")
_INSTEAD = {
    "delay": "sleep",
    "join_timeout": "join",
    "items": "put",
    "poison_pills": "put",
    "collect": "get",
    "join": "join",
}


def check_main(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the steps, if there are any."""
    if draft.fields.entry("main") is None:
        return
    for node in draft.fields.items("main"):
        if isinstance(node, Mapping) and node not in draft.fields.bad:
            _check_shape(node, draft, problems)
    _check_keys(draft, problems)
    steps = list(read_steps(draft))
    known = _Known(draft)
    unsound = [step for step in steps if not _check_step(step, known, problems)]
    if not unsound and len(steps) == len(draft.fields.items("main")):
        check_order(draft, steps, problems)


def _check_shape(node: Mapping, draft: Draft, problems: Problems) -> None:
    from run_scenario.language.draft import Fields

    found = verbs_of(Fields(node, draft.fields.bad))
    if len(found) > 1:
        what = f"a step does one thing, this one does {len(found)}: {either(found, 'and')}"
        problems.error(node.entries[found[1]].key_span, what, "make a step of each")
    elif not found and all(key in (*OPTIONS, "to", "raises") for key in node.entries):
        problems.error(node.span, "a step needs a verb", "write `start: NAME`, for example")


def _check_keys(draft: Draft, problems: Problems) -> None:
    """With steps of its own, the main program does nothing that a process's or a queue's keys ask for."""
    for process in draft.processes:
        for key in _OF_PROCESS:
            if process.fields.entry(key) is not None:
                hint = f"leave it out, and write a step `{_INSTEAD.get(key, key)}`"
                problems.error(process.fields.key_span(key), f"`{key}` has no effect beside `main:`", hint)
    for queue in draft.queues.values():
        for key in _OF_QUEUE:
            if queue.fields.entry(key) is not None:
                name = "join_queue" if key == "join" else _INSTEAD.get(key, key)
                hint = f"leave it out, and write a step `{name}`"
                problems.error(queue.fields.key_span(key), f"`{key}` has no effect beside `main:`", hint)


class _Known:
    """What a step can be about; worked out once, for there may be thousands of both."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.types = {handle: resource.type for handle, resource in draft.handles().items()}
        self.types |= {pool.name: pool.type for pool in draft.sections["pools"].values()}
        for process in draft.processes:
            self.types |= {name: process.worker for name in (*process.names(), process.name) if name}
        self._fitting: dict[tuple[str, ...], list[str]] = {}

    def fitting(self, kinds: tuple[str, ...]) -> list[str]:
        """Return the names of everything of these kinds."""
        if kinds not in self._fitting:
            self._fitting[kinds] = [name for name, kind in self.types.items() if kind in kinds]
        return self._fitting[kinds]


def _check_step(step: StepDraft, known: _Known, problems: Problems) -> bool:
    """Check one step by itself; return whether it is sound."""
    verb, sound = step.verb, True
    for entry in step.fields:
        if entry.key in OPTIONS and entry.key not in verb.options:
            hint = f"it takes {either(verb.options, 'and')}" if verb.options else "leave it out"
            problems.error(entry.key_span, f"`{verb.name}` takes no `{entry.key}`", hint)
            sound = False
    to = step.fields.entry("to")
    if to is not None and verb.value != "argument":
        hint = f"write `{verb.name}: NAME`" if verb.takes else "leave it out"
        problems.error(to.key_span, f"`{verb.name}` takes no `to`", hint)
        return False
    if verb.value == "argument" and to is None and not step.fields.is_refused("to"):
        what = f"`{verb.name}` needs `to`: the name of {_kinds(verb.takes)}"
        problems.error(step.span, what, f"write `to: NAME` below `{verb.name}`")
        return False
    misfits = [name for name, span in step.subjects if not _check_subject(name, span, step, known, problems)]
    return sound and not misfits


def _check_subject(name: str, span: Span, step: StepDraft, known: _Known, problems: Problems) -> bool:
    takes, draft = step.verb.takes, known.draft
    if name not in known.types:
        fitting = known.fitting(takes)
        otherwise = f"there is {either(fitting, 'and')}" if fitting else f"describe {_kinds(takes)} of that name"
        if name in draft.sections["pipes"] and "Pipe" in takes:
            otherwise = f"it is a pipe: name one of its ends, {either((f'{name}.left', f'{name}.right'))}"
            problems.error(span, f"{quote(name)} has two ends", otherwise)
            return False
        nouns = "process" if set(takes) <= {"process", "thread"} else "resource"
        problems.error(span, f"there is no {nouns} {quote(name)}", problems.did_you_mean(name, fitting, otherwise))
        return False
    kind = known.types[name]
    if not kind:  # its type is wrong or missing, which has been told
        return False
    if kind not in takes:
        what = f"`{step.verb.name}` is for {_kinds(takes)}, and {quote(name)} is {_a(kind)}"
        others = [verb.name for verb in VERBS.values() if kind in verb.takes]
        problems.error(span, what, f"{_a(kind)} has {either(others, 'and')}" if others else "")
        return False
    if step.verb.name == "write" and (why := misfit(draft.handles()[name].fields, step.value)):
        problems.error(step.fields.value_span("write"), why, "write another value, or give it another `typecode`")
        return False
    if kind == "Pool" and step.options:
        what = f"{step.verb.called}() of a Pool has no `{next(iter(step.options))}`"
        problems.error(step.span, what, "leave it out: the scenario's own `timeout` ends what takes too long")
        return False
    if kind == "SimpleQueue" and step.options:
        what = f"a SimpleQueue has no `{next(iter(step.options))}`"
        problems.error(step.span, what, "leave it out, or write `type: Queue`")
        return False
    return True


_WORDS = {
    "process": "a process",
    "thread": "a thread",
    "Pipe": "an end of a pipe",
    "ManagerQueue": "a manager's Queue",
    "executor": "an executor",
}


def _a(kind: str) -> str:
    return _WORDS.get(kind) or f"{'an' if kind[0] in 'AEIOR' and kind[:2] != 'Re' else 'a'} {kind}"


def _kinds(takes: tuple[str, ...]) -> str:
    if set(takes) >= {"Queue", "JoinableQueue"} and "process" not in takes:
        return "a queue"
    like = {"ManagerQueue": "Queue", "SimpleQueue": "Queue", "executor": "Pool"}  # not named beside these
    words = [_a(kind) for kind in takes if like.get(kind) not in takes]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
