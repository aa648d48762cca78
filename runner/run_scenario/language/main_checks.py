"""The section `main`: does each verb fit whom it is done to, and can the steps be done in this order?"""

from __future__ import annotations

from run_scenario.language.draft import Draft
from run_scenario.language.main_draft import StepDraft, groups, read_steps, verbs_of
from run_scenario.language.problems import Problems, Span, either, quote
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
    unsound = [step for step in steps if not _check_step(step, draft, problems)]
    if not unsound and len(steps) == len(draft.fields.items("main")):
        _Order(draft, problems).follow(steps)


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


def _check_step(step: StepDraft, draft: Draft, problems: Problems) -> bool:
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
    misfits = [name for name, span in step.subjects if not _check_subject(name, span, step, draft, problems)]
    return sound and not misfits


def _check_subject(name: str, span: Span, step: StepDraft, draft: Draft, problems: Problems) -> bool:
    takes = step.verb.takes
    known = _types(draft)
    fitting = [other for other, kind in known.items() if kind in takes]
    if name not in known:
        otherwise = f"there is {either(fitting, 'and')}" if fitting else f"describe {_kinds(takes)} of that name"
        if name in draft.sections["pipes"] and "Pipe" in takes:
            otherwise = f"it is a pipe: name one of its ends, {either((f'{name}.left', f'{name}.right'))}"
            problems.error(span, f"{quote(name)} has two ends", otherwise)
            return False
        nouns = "process" if set(takes) <= {"process", "thread"} else "resource"
        problems.error(span, f"there is no {nouns} {quote(name)}", problems.did_you_mean(name, fitting, otherwise))
        return False
    kind = known[name]
    if kind not in takes:
        what = f"`{step.verb.name}` is for {_kinds(takes)}, and {quote(name)} is {_a(kind)}"
        others = [verb.name for verb in VERBS.values() if kind in verb.takes]
        problems.error(span, what, f"{_a(kind)} has {either(others, 'and')}" if others else "")
        return False
    if kind == "SimpleQueue" and step.options:
        what = f"a SimpleQueue has no `{next(iter(step.options))}`"
        problems.error(step.span, what, "leave it out, or write `type: Queue`")
        return False
    return True


def _types(draft: Draft) -> dict[str, str]:
    found = {handle: resource.type for handle, resource in draft.handles().items()}
    found |= {pool.name: pool.type for pool in draft.sections["pools"].values()}
    worker = {name: process.worker for process in draft.processes for name in (*process.names(), process.name) if name}
    return found | dict(worker)


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
    words = [_a(kind) for kind in takes if kind not in ("ManagerQueue", "SimpleQueue", "executor")]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


class _Order:
    """Follows the steps and finds what cannot be done at its place."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._draft = draft
        self._problems = problems
        self._groups = groups(draft)
        self._started: set[str] = set()
        self._joined: set[str] = set()
        self._closed: set[str] = set()
        self._put: set[str] = set()

    def follow(self, steps: list[StepDraft]) -> None:
        """Add a problem for each step that cannot be done, unless it is expected to raise."""
        for step in steps:
            for name, span in step.subjects:
                for subject in self._groups.get(name, [name]):
                    what, hint = self._problem(step, subject)
                    if not what:
                        self._note(step, subject)
                    elif not step.fields.text("raises"):
                        self._problems.error(span, what, hint)
                        return
        self._warn_of_unstarted()
        self._warn_of_unused_pools(steps)

    def _problem(self, step: StepDraft, name: str) -> tuple[str, str]:
        verb = step.verb.name
        if name in self._groups:
            return self._problem_of_process(verb, name)
        if name in self._closed and verb not in ("join_thread", "cancel_join_thread", "close", "join_queue"):
            return f"{quote(name)} was closed before", "move this step up, or the one that closes it down"
        if verb == "join_thread" and name not in self._closed:
            return f"join_thread() may only be called after {quote(name)} was closed", f"write `close: {name}` before"
        if verb in ("get", "get_nowait") and name in self._draft.queues:
            waits = verb == "get" and step.options.get("block") is not False and "timeout" not in step.options
            if waits and name not in self._put and not self._writers(name):
                what = f"nobody has put anything on queue {quote(name)} by then: get() would wait for ever"
                return what, "put something before, or start a process that does"
        return "", ""

    def _writers(self, queue: str) -> list[str]:
        """Return the processes that are started and may put something on a queue."""
        found = []
        for process in self._draft.processes:
            if any(link.resource == queue and link.direction != "from" for link in process.links):
                found += [name for name in process.names() if name in self._started]
        return found

    def _problem_of_process(self, verb: str, name: str) -> tuple[str, str]:
        called = quote(name)
        if name in self._closed:
            return f"{called} was closed before: nothing can be done with it any more", "move this step up"
        if verb == "start" and name in self._started:
            return f"{called} was started before: a process is started once", "describe another process like it"
        if name not in self._started and verb in ("join", "terminate", "kill"):
            hint = f"write `start: {name}` before"
            return f"{verb}() needs a process that was started, and {called} was not", hint
        if verb == "close" and name in self._started - self._joined:
            what = f"{called} may still be running: close() needs a process that has ended"
            return what, f"write `join: {name}` before"
        return "", ""

    def _note(self, step: StepDraft, name: str) -> None:
        verb = step.verb.name
        if verb == "start":
            self._started.add(name)
        elif verb == "join" and "timeout" not in step.options:
            self._joined.add(name)
        elif verb == "close":
            self._closed.add(name)
        elif verb in ("put", "put_nowait"):
            self._put.add(name)

    def _warn_of_unstarted(self) -> None:
        for process in self._draft.processes:
            if not self._started.intersection(process.names()):
                called = quote(process.names()[0] if len(process.names()) == 1 else process.name)
                hint = f"write a step `start: {process.name or process.names()[0]}`, or drop it"
                self._problems.warn(process.span, f"{called} is never started", hint)

    def _warn_of_unused_pools(self, steps: list[StepDraft]) -> None:
        used = {name for step in steps if step.verb.name == "use" for name, _ in step.subjects}
        for pool in self._draft.sections["pools"].values():
            if pool.name not in used:
                self._problems.warn(
                    pool.span, f"pool {quote(pool.name)} is not used", f"write a step `use: {pool.name}`"
                )
