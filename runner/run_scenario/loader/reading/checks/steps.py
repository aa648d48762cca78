"""Steps, of the main program and of processes: is each possible by itself, and does it know what it names?

Whether their order is possible is checked in `main_order`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import accumulate
from keyword import iskeyword
from typing import Any

from run_scenario import targets
from run_scenario.counting import plural
from run_scenario.loader.problems import Problems, Span, either, quote, shorten, there_are
from run_scenario.loader.reading.checks.calls import find_work
from run_scenario.loader.reading.checks.main_order import check_order
from run_scenario.loader.reading.checks.pools import method_of
from run_scenario.loader.reading.checks.resources import describe, report_guess, value_mismatch
from run_scenario.loader.reading.draft import Draft, ProcessDraft, with_article
from run_scenario.loader.reading.steps import (
    BESIDE,
    StepDraft,
    data_nodes,
    everywhere,
    meaning,
    reachable,
    resolved,
    texts_with_expressions,
    verbs_of,
)
from run_scenario.loader.reading.yaml_parser import Fields, Mapping, Node, Scalar, plain, walk
from run_scenario.scenario.expressions import (
    FUNCTIONS,
    Expression,
    ExpressionError,
    Template,
    candidates,
    is_computed,
    parse,
    without_dollar,
)
from run_scenario.scenario.model import MAX_STEPS
from run_scenario.scenario.resources import NOT_WAITING
from run_scenario.scenario.steps import OPTIONS, PARTS, VERBS, exception_names

MAX_BLOCKS = 18
"""Most blocks that stand in each other: Python allows 20."""

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
_OF_TARGET = ("target", "args", "kwargs")


def check_steps(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the steps of processes."""
    for process in draft.processes:
        if process.steps is None:
            continue
        fields = process.fields
        for key in _OF_TARGET:
            if fields.entry(key) is not None:
                what = f"`{key}` has no effect beside `steps`: a process has a target, or steps"
                problems.error(fields.key_span(key), what, "leave one of the two out")
        _check_shapes(fields, "steps", problems)
        names = _Names({"i", "name", "replicas"}, draft, problems)
        known = _Known(draft, process)
        _Checker(known, names, problems).check(process.steps)
    _check_number(
        [(step, process.replicas) for process in draft.processes for step in everywhere(process.steps or ())],
        "the processes have",
        problems,
    )


def check_main(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the steps of the main program, if there are any."""
    if draft.main is None:
        return
    shapely = _check_shapes(draft.fields, "main", problems)
    _check_keys(draft, problems)
    sizes = {name: len(names) for name, names in draft.groups().items()}
    uses = {pool.name: 2 + 2 * len(pool.fields.items("calls")) for pool in draft.sections["pools"].values()}
    steps = [(step, _size(step, uses if step.verb.name == "use" else sizes)) for step in everywhere(draft.main)]
    if not _check_number(steps, "`main` has", problems):  # to look at each would take as long as they are many
        return
    checker = _Checker(_Known(draft), _Names({"name"}, draft, problems), problems)
    if checker.check(draft.main) and shapely:
        check_order(draft, draft.main, problems)
    if not problems.has_errors:
        checker.warn_of_calls_not_made(draft.main)


def _check_number(steps: list[tuple[StepDraft, int]], who: str, problems: Problems) -> bool:
    """Return whether there are not too many steps: a short file may ask for millions, one for each of its replicas."""
    totals = list(accumulate(size for _, size in steps))
    for (step, _), total in zip(steps, totals, strict=True):
        if total > MAX_STEPS:
            what = f"{who} {plural(totals[-1], 'step')} in all, replicas and calls counted one by one; "
            what += f"the maximum is {MAX_STEPS:,}"
            hint = "lower `replicas`, name fewer processes in a step, or leave steps out"
            problems.error(step.span, what, hint)
            return False
    return True


def _size(step: StepDraft, sizes: dict[str, int]) -> int:
    """Return how many steps one becomes: each of its subjects is so many, or one."""
    return sum(sizes.get(name, 1) if isinstance(name, str) else 1 for name, _ in step.subjects) or 1


def _check_shapes(fields: Fields, key: str, problems: Problems, depth: int = 0) -> bool:
    """Check that each step in a list, and in those in it, has one verb; return whether all have."""
    valid = True
    for node in fields.items(key):
        if isinstance(node, Scalar):
            valid &= node not in fields.invalid
            continue
        step = Fields(node, fields.invalid)
        valid &= step.valid and isinstance(node, Mapping) and _check_shape(node, step, problems)
        inner = [(step, each) for each in (*PARTS, "try") if each != "except"]
        handlers = step.mapping("except")
        inner += [(handlers, entry.key) for entry in handlers] if not step.items("except") else [(step, "except")]
        if any(of.items(each) for of, each in inner) and depth >= MAX_BLOCKS:
            what = f"steps stand in each other more than {MAX_BLOCKS} deep"
            problems.error(step.span, what, "call a function of your own by `call`")
            return False
        for of, each in inner:
            valid &= _check_shapes(of, each, problems, depth + 1)
    return valid


def _check_shape(node: Mapping, step: Fields, problems: Problems) -> bool:
    found = verbs_of(step)
    if len(found) > 1:
        what = f"a step has one verb, this one has {len(found)}: {either(found, 'and')}"
        block = next((verb for verb in found if VERBS[verb].form == "block"), "")
        other = next(verb for verb in found if verb != block)
        hint = f"write `{other}` as a step below `{_inside(block)}:`" if block else "make a step of each"
        problems.error(node.entries[found[1]].key_span, what, hint)
    elif not found and step.complete and all(key in BESIDE for key in node.entries):
        belongs = next((_BELONGS[key] for key in node.entries if key in _BELONGS), "")
        hint = (
            f"write it in the step of its {belongs}, without a `-`" if belongs else "write `start: NAME`, for example"
        )
        problems.error(node.span, "a step needs a verb", hint)
    return len(found) == 1 and not step.is_invalid(found[0])


_BELONGS = {
    "then": "`if`",
    "else": "`if` or `try`",
    "except": "`try`",
    "finally": "`try`",
    "steps": "`repeat`, `for`, `while` or `with`",
}


def _inside(block: str) -> str:
    """Return the key below which the steps of a block stand."""
    return {"if": "then", "try": "try"}.get(block, "steps")


def _check_keys(draft: Draft, problems: Problems) -> None:
    """With steps of its own, the main program does nothing that a process's or a queue's keys ask for."""
    for process in draft.of_main():
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

    def __init__(self, draft: Draft, process: ProcessDraft | None = None) -> None:
        """`process`: whose steps they are; None: the main program's."""
        self.draft = draft
        self.process = process
        self.types = draft.types()
        self.of_others: dict[str, str] = {}
        """Processes that others start, and pools, which only the main program has."""
        own: dict[str, str] = {}
        for each in draft.processes:
            mine = not each.parents if process is None else each.parents == tuple(process.names())
            kinds = {name: each.worker for name in (*each.names(), each.name) if name}
            (own if mine else self.of_others).update(kinds)
        pools = {pool.name: pool.type for pool in draft.sections["pools"].values()}
        (own if process is None else self.of_others).update(pools)
        self.types = {name: kind for name, kind in self.types.items() if name not in self.of_others} | own
        self._fitting: dict[tuple[str, ...], tuple[list[str], str]] = {}
        self._reaching: dict[int, list[dict[str, Any]]] = {}
        """Step with a computed name, by its identity -> what each replica that may come to it knows before the run."""
        steps = (draft.main if process is None else process.steps) or ()
        if any(step.computed for step in everywhere(steps)):
            for names in process.names_before() if process else ({},):
                for step in reachable(steps, names):
                    if step.computed:
                        self._reaching.setdefault(id(step), []).append(names)

    def has_all(self, kinds: tuple[str, ...]) -> bool:
        """Return whether all names of these kinds could be read: otherwise one that is missing has been reported."""
        processes = {"process", "thread"}
        return (self.draft.knows_processes or processes.isdisjoint(kinds)) and (
            self.draft.knows_resources or processes.issuperset(kinds)
        )

    def fitting(self, kinds: tuple[str, ...]) -> tuple[list[str], str]:
        """Return the names of everything of these kinds, and the hint that lists them."""
        if kinds not in self._fitting:
            names = [name for name, kind in self.types.items() if kind in kinds]
            hint = there_are(names) if names else f"describe {_kinds(kinds)} of that name"
            self._fitting[kinds] = names, hint
        return self._fitting[kinds]

    def meant_by(self, subject: str | Template | Expression, step: StepDraft) -> list[str]:
        """Return the names that a subject of a step may stand for; of a computed one, as it is for each replica.

        Where conditions exclude all replicas, any name will do that is like it, and fits.
        """
        if isinstance(subject, str):
            return [subject]
        if id(step) not in self._reaching:
            like = candidates(subject, self.types)
            return [name for name in like if self.types[name] in step.verb.takes][:1] or like
        found: dict[str, None] = {}
        for names in self._reaching[id(step)]:
            name = resolved(subject, names)
            found |= dict.fromkeys([name] if isinstance(name, str) else candidates(name, self.types))
        return list(found)

    def is_guess(self, subject: str | Template | Expression, step: StepDraft) -> bool:
        """Return whether a subject of a step may be any name, as far as is known before the run."""
        return any(isinstance(resolved(subject, names), Expression) for names in self._reaching.get(id(step), ()))


class _Names:
    """The names that expressions may read, as far as the steps before have given them."""

    def __init__(self, known: set[str], draft: Draft, problems: Problems) -> None:
        """`known`: what the program knows from the beginning, besides the parameters."""
        self._parameters = draft.parameters.values
        self.known = known | self._parameters.keys()
        self._resources = draft.types()
        self.called: set[str] = set()
        """The functions that the expressions before have called: no value can have their name, as in Python."""
        self._problems = problems

    def give(self, step: StepDraft) -> bool:
        """Take in the names that a step gives; return whether they can be names."""
        valid = True
        for name in step.gives:
            key = "as" if step.fields.text("as") == name else step.verb.name
            span = step.fields.value_span(key)
            if name in self.called:
                self._problems.error(span, *_function_and_value(name))
                valid = False
            if name in self._parameters:
                what = f"{quote(name)} is a parameter: `${name}` stands for it"
                self._problems.error(span, what, "give it another name")
                valid = False
            if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
                what = f"{quote(name)} cannot be the name of a value"
                hint = _name_hint(key, name)
                if iskeyword(name):
                    what, hint = f"{quote(name)} has a meaning of its own in expressions", "give it another name"
                self._problems.error(span, what, hint)
                valid = False
            self.known.add(name)
        return valid

    def check(self, node: Node, all_names: set[str]) -> bool:
        """Check the expressions in a node; `all_names`: those that any step gives."""
        valid = True
        for text in texts_with_expressions(node):
            valid &= self._check_text(text, all_names)
        return valid

    def _check_text(self, text: Scalar, all_names: set[str]) -> bool:
        written = str(text.value)
        try:
            found = parse(written)
        except ExpressionError as error:
            span = self._problems.within(text.span, written, error.offset, error.width)
            self._problems.error(span, error.what, error.hint)
            return False
        if isinstance(found, str):
            return True
        parts = found.parts if isinstance(found, Template) else (found,)
        expressions = [part for part in parts if isinstance(part, Expression)]
        unknown = [name for expression in expressions for name in expression.names if name not in self.known]
        called = [name for expression in expressions for name in expression.calls]
        hidden = [name for name in called if name in self.known]
        self.called.update(called)
        for name in hidden:
            span = self._problems.name_within(text.span, written, name)
            self._problems.error(span, *_function_and_value(name))
        for name in unknown:
            span = self._problems.name_within(text.span, written, name)
            if name in all_names:
                self._problems.error(span, f"`{name}` has no value yet at this step", "give it one in a step before")
            elif name in _PYTHON:
                self._problems.error(span, f"there is no value called {quote(name)}", f"write {_PYTHON[name]}")
            elif name in self._resources:
                what = f"{quote(name)} is {with_article(self._resources[name])}: an expression knows values alone"
                self._problems.error(span, what, _value_hint(name, self._resources[name]))
            elif name in FUNCTIONS:
                self._problems.error(span, f"`{name}` is a function: it needs its arguments", f"write `{name}(…)`")
            else:
                hint = self._problems.did_you_mean(name, self.known, _names_hint(self.known, name))
                self._problems.error(span, f"there is no value called {quote(name)}", hint)
        return not unknown and not hidden


def _name_hint(key: str, written: str) -> str:
    """Return the way out for what cannot be the name of a value."""
    name, has_values, _ = written.partition(" in ")
    if key == "for" and has_values:
        return f"write `for: {shorten(name, 30)}` and, below it, `in:` with the values"
    name = re.sub(r"\W+", "_", written.strip(" $"))
    if name.isidentifier() and not iskeyword(name) and not name.startswith("_"):
        return f"write `{shorten(name, 60)}`"
    return "use letters, digits and _, and begin with a letter"


def _function_and_value(name: str) -> tuple[str, str]:
    return f"{quote(name)} is called as a function, and is the name of a value", "give the value another name"


_PYTHON = {"true": "True", "false": "False", "null": "None", "none": "None"}
"""What YAML, and others, call what an expression calls as Python does."""


def _value_hint(name: str, kind: str) -> str:
    """Return by which step the value is had that a resource has."""
    for verb in ("read", "get", "recv", "is_set"):
        if kind in VERBS[verb].takes:
            return f"write a step before it: `{{{verb}: {name}, as: {re.sub(r'[^A-Za-z0-9]', '_', name)}_now}}`"
    return "only steps can be about it"


def _names_hint(known: set[str], name: str) -> str:
    return f"{there_are(sorted(known))}; a dollar that is meant as text is written `$${name}`"


class _Checker:
    """Checks the steps of one program."""

    def __init__(self, known: _Known, names: _Names, problems: Problems) -> None:
        self._known = known
        self._names = names
        self._problems = problems
        self._all_names: set[str] = set()
        self._calls = {
            name: [Fields(node, pool.fields.invalid) for node in pool.fields.items("calls")]
            for name, pool in known.draft.sections["pools"].items()
        }
        """Pool -> its calls."""
        self._made: Counter[str] = Counter()
        """Pool -> how many of its calls the steps so far make."""
        self._depth = 0
        """In how many blocks the step stands that is being checked."""

    def check(self, steps: tuple[StepDraft, ...]) -> bool:
        """Return whether all steps are valid."""
        self._all_names = {name for step in everywhere(steps) for name in step.gives}
        return self._check_all(steps, in_loop=False)

    def _check_all(self, steps: Iterable[StepDraft], *, in_loop: bool) -> bool:
        return _all(self._check(step, in_loop=in_loop) for step in steps)

    def _check(self, step: StepDraft, *, in_loop: bool) -> bool:
        """Check one step by itself, and those in it."""
        verb, fields = step.verb, step.fields
        valid = self._check_keys(step)
        if verb.name in ("break", "continue") and not in_loop:
            what = f"`{verb.name}` stands in no loop"
            self._problems.error(step.span, what, "write it below the `steps` of a `repeat`, `for` or `while`")
            valid = False
        loop = verb.is_loop
        if loop:  # what a turn gives is known in the next one
            for inner in everywhere(step.inner):
                self._names.known.update(inner.gives)
        if verb.name == "for":
            valid &= self._names.give(step)
        for entry in fields:
            if entry.key not in (*PARTS, "as", "for") and verb.name != "try":
                valid &= self._names.check(entry.value, self._all_names)
        if valid:
            self._warn_of_missing_dollar(step)
        valid &= self._check_calls(step)
        # What a `with` of several holds are as many blocks in each other.
        blocks = max(1, len(step.subjects)) if verb.form == "block" else 0
        self._depth += blocks
        if blocks > 1 and self._depth > MAX_BLOCKS:
            what = f"this holds {blocks} at once, and stands {self._depth - blocks} deep; together at most {MAX_BLOCKS}"
            self._problems.error(step.span, what, "write a step `acquire`, and `release` under `finally`")
            valid = False
        valid &= self._check_all(step.inner, in_loop=in_loop or loop)
        self._depth -= blocks
        if verb.name != "for":
            valid &= self._names.give(step)
        if fields.text("call") in self._known.draft.sections["pools"]:
            name = fields.text("call")
            what = f"`call` calls a function, and {quote(name)} is a pool"
            self._problems.error(
                fields.value_span("call"), what, f"write `next_call: {name}` for the next of its calls"
            )
            return False
        valid &= _check_python(step, self._problems)
        check = _CHECKS.get(verb.name)
        if valid and check is not None:
            valid &= check(step, self._problems)
        if valid:
            valid = self._check_subjects(step)
        if valid and verb.name == "with":
            self._warn_of_waiting_for_itself(step)
        return valid

    def _warn_of_missing_dollar(self, step: StepDraft) -> None:
        """Warn of texts that would be expressions over known names, if they were written as such."""
        printed = step.fields.entry("print")
        nodes = (*data_nodes(step), *((printed.value,) if printed else ()))
        at = step.fields.entry("at")
        for text in (each for node in nodes if at is None or node is not at.value for each in walk(node)):
            if not isinstance(text, Scalar) or not isinstance(text.value, str):
                continue
            # There may be thousands of texts, and most of them have none of these names in them.
            mentions = any(name in text.value for name in self._names.known)
            found = without_dollar(text.value) if mentions else None
            if found is None or not found.names or not self._names.known.issuperset(found.names):
                continue
            what = f"{quote(found.text)} is a text here, and is not computed"
            if not found.text.isidentifier():
                self._problems.warn(text.span, what, f"write `'${{{found.text}}}'`")
            elif found.text in self._all_names:
                self._problems.warn(text.span, what, f"write `${found.text}`, if the value of that name is meant")

    # Calls of pools

    def _check_calls(self, step: StepDraft) -> bool:
        """Check that there are the calls of pools that a step makes, and what they compute then."""
        valid = True
        for name, span in step.subjects:
            if name not in self._calls or step.verb.name not in ("next_call", "use"):
                continue
            calls, first = self._calls[str(name)], 0
            if step.verb.name == "next_call":
                first = self._made[str(name)]
                self._made[str(name)] += 1
                calls = calls[first : first + 1]
                if not calls:
                    what = f"all calls of pool {quote(str(name))} are made before this step"
                    self._problems.error(span, what, "add one to its `calls`")
                    valid = False
            for call in calls:
                valid &= self._check_call_of_pool(call, step)
        return valid

    def _check_call_of_pool(self, call: Fields, step: StepDraft) -> bool:
        method = method_of(call)
        if method in NOT_WAITING and step.fields.entry("as") is not None:
            what = f"{method}() returns before there is a result that could be called {quote(step.fields.text('as'))}"
            hint = f"write `{{result: {step.fields.text('next_call')}, as: …}}` in a later step"
            self._problems.error(step.fields.key_span("as"), what, hint)
            return False
        computed = [entry.value for entry in call if entry.key in ("over", "args", "kwargs")]
        return _all(self._names.check(node, self._all_names) for node in computed)

    def warn_of_calls_not_made(self, steps: tuple[StepDraft, ...]) -> None:
        """Warn of pools of which some calls are made step by step, and others never."""
        making = (step for step in everywhere(steps) if step.verb.name == "next_call")
        for name, span in {name: span for step in making for name, span in step.subjects}.items():
            calls, made = len(self._calls.get(str(name), ())), self._made[str(name)]
            if 0 < made < calls:
                what = f"no step makes {calls - made} of the {calls} calls of pool {quote(str(name))}"
                hint = "write a `next_call` for each; in a loop, it makes the same call in each turn"
                self._problems.warn(span, what, hint)

    def _warn_of_waiting_for_itself(self, step: StepDraft) -> None:
        """Warn of a value that is read or written while its lock is held, if that is a Lock: it acquires it again."""
        shared = self._known.draft.sections["shared"]
        locks = {name: shared[name].fields.text("lock") for name in shared if shared[name].type in ("Value", "Array")}
        held = {locks.get(name) or name for name, _ in step.subjects if isinstance(name, str)}
        held = {name for name in held if self._known.types.get(name) == "Lock"}
        for inner in everywhere(step.inner) if held else ():
            for name, span in inner.subjects if inner.verb.name in ("read", "write") else ():
                if isinstance(name, str) and (lock := locks.get(name, "")) in held:
                    what = f"{quote(name)} acquires its lock {quote(lock)}, which is held here: it waits for itself"
                    self._problems.warn(span, what, f"write `{shorten(lock, 40)}: {{type: RLock}}`")

    def _check_keys(self, step: StepDraft) -> bool:
        verb, fields, valid = step.verb, step.fields, True
        allowed = [*verb.options, *verb.keys]
        for entry in fields:
            if entry.key in BESIDE and entry.key not in (*allowed, "to", "as", "raises"):
                hint = f"it takes {either(allowed, 'and')}" if allowed else "leave it out"
                if verb.form == "block" and entry.key in ("steps", "then"):
                    hint = f"write `{_inside(verb.name)}`"
                if verb.name == "acquire" and entry.key == "steps":
                    held = fields.entry("acquire")
                    written = self._problems.text_at(held.value.span) if held else ""
                    hint = f"write `with: {shorten(written, 40) or 'NAME'}`, which releases it as well"
                self._problems.error(entry.key_span, f"`{verb.name}` takes no `{entry.key}`", hint)
                valid = False
        if fields.entry("as") is not None and not verb.answers:
            what = f"`{verb.name}` has no answer that could be called {quote(fields.text('as'))}"
            self._problems.error(fields.key_span("as"), what, "leave `as` out")
            valid = False
        if fields.entry("raises") is not None and verb.form == "block":
            what = f"`{verb.name}` takes no `raises`"
            self._problems.error(
                fields.key_span("raises"), what, "write it beside the step in it that raises, or use `try`"
            )
            valid = False
        valid &= self._check_expression(step)
        for key in verb.needs:
            if fields.entry(key) is None and not fields.is_invalid(key) and fields.complete and valid:
                what = f"`{verb.name}` needs `{key}`"
                self._problems.error(step.span, what, _EXAMPLES[key])
                valid = False
        if verb.name == "try" and not any(fields.entry(key) or fields.is_invalid(key) for key in ("except", "finally")):
            self._problems.error(step.span, "`try` needs `except` or `finally`", "write `except: {Empty: [ … ]}`")
            valid = False
        to = fields.entry("to")
        if to is not None and verb.value != "argument":
            hint = f"write `{verb.name}: NAME`" if verb.takes else "leave it out"
            self._problems.error(to.key_span, f"`{verb.name}` takes no `to`", hint)
            return False
        if verb.value == "argument" and to is None and not fields.is_invalid("to"):
            if fields.complete:  # otherwise it is misspelt
                what = f"`{verb.name}` needs `to`: the name of {_kinds(verb.takes)}"
                self._problems.error(step.span, what, f"write `to: NAME` below `{verb.name}`")
            return False
        return valid

    def _check_expression(self, step: StepDraft) -> bool:
        """Check that what is to be a number, a list or a condition is one expression, and not a text with one in it."""
        name = step.verb.name
        entry = step.fields.entry("in" if name == "for" else name)
        if entry is None or not (step.verb.is_loop or name in ("if", "sleep", "exit")):
            return True
        written = plain(entry.value)
        if not isinstance(written, str) or "$" not in written or not isinstance(meaning(entry.value), str | Template):
            return True
        try:
            parse(written)
        except ExpressionError:  # which is reported as such
            return True
        what = "this is a text, " + _NOT_TEXT.get(name, "not a number")
        self._problems.error(entry.value.span, what, _as_expression(written))
        return False

    # Whom it is done to

    def _check_subjects(self, step: StepDraft) -> bool:
        """Check whom a step is done to; of a family, the first that does not fit is reported."""
        mismatched: set[Span] = set()
        for subject, span in step.subjects:
            if span not in mismatched and not self._check_subject(subject, span, step):
                mismatched.add(span)
        return not mismatched

    def _check_subject(self, subject: str | Template | Expression, span: Span, step: StepDraft) -> bool:
        if not isinstance(subject, str) and step.verb.name in _OF_POOLS:
            what = f"`{step.verb.name}` needs the name of a pool as it is, and not a computed one"
            self._problems.error(span, what, "write a step for each pool")
            return False
        meant = self._known.meant_by(subject, step)
        if not meant:
            what = f"no resource has a name such as {quote(self._problems.text_at(span).strip(_QUOTES))}"
            self._problems.error(span, what, self._known.fitting(step.verb.takes)[1])
            return False
        kinds = {self._known.types[name] for name in meant if name in self._known.types}
        if len(kinds) > 1 and self._known.is_guess(subject, step):
            report_guess(span, self._problems)
            return False
        if len(kinds) > 1:
            what = f"{quote(self._problems.text_at(span))} may be of several types: {either(sorted(kinds), 'and')}"
            self._problems.error(span, what, "write a step for each type")
            return False
        return _all(self._check_name(name, span, step) for name in meant)

    def _check_name(self, name: str, span: Span, step: StepDraft) -> bool:
        takes, known, draft, problems = step.verb.takes, self._known, self._known.draft, self._problems
        if name not in known.types:
            fitting, otherwise = known.fitting(takes)
            if not fitting and "process" not in takes:
                otherwise = describe(name, takes, draft)
            if name in known.of_others:
                what = f"{quote(name)} can be used by the main program alone"
                hint = f"write the step `{step.verb.name}` under `main:`"
                if known.process is not None and name in known.process.called:
                    what, hint = f"{quote(name)} is this process itself", "write the step where it is started"
                    if step.verb.name in _OWN_SIGNALS:
                        hint = f"write `raise_signal: {_OWN_SIGNALS[step.verb.name]}`, which sends a signal to itself"
                elif name not in draft.sections["pools"]:
                    what = f"{quote(name)} is started by another: only who starts a process can do something to it"
                    hint = "write the step where it is started, or describe it under the `processes:` of this one"
                problems.error(span, what, hint)
                return False
            if name in draft.sections["pipes"] and "Pipe" in takes:
                otherwise = f"it is a pipe: name one of its ends, {either((f'{name}.left', f'{name}.right'))}"
                problems.error(span, f"{quote(name)} has two ends", otherwise)
                return False
            if not known.has_all(takes):
                return False
            nouns = "process" if set(takes) <= {"process", "thread"} else "resource"
            problems.error(span, f"there is no {nouns} {quote(name)}", problems.did_you_mean(name, fitting, otherwise))
            return False
        kind = known.types[name]
        if not kind:  # its type is wrong or missing, which has been reported
            return False
        return self._check_kind(name, kind, span, step)

    def _check_kind(self, name: str, kind: str, span: Span, step: StepDraft) -> bool:
        takes, problems = step.verb.takes, self._problems
        if kind not in takes:
            what = f"`{step.verb.name}` is for {_kinds(takes)}, and {quote(name)} is {with_article(kind)}"
            others = [verb for verb in VERBS.values() if kind in verb.takes]
            hint = f"{with_article(kind)} has {either([verb.name for verb in others], 'and')}" if others else ""
            # What multiprocessing calls by the same name has one of its own here for each kind of thing.
            if meant := next((verb.name for verb in others if verb.called == step.verb.called), ""):
                hint = f"write `{meant}`"
            problems.error(span, what, hint)
            return False
        fields = self._known.draft.handles()[name].fields if kind in ("Value", "Array", "ManagerValue") else step.fields
        is_plain = kind in ("Value", "ManagerValue") and step.verb.name == "write" and not is_computed(step.value)
        if is_plain and (why := value_mismatch(fields, step.value)):
            hint = "write another value, or give it another `typecode`"
            problems.error(step.fields.value_span("write"), why, hint)
            return False
        if step.verb.name == "with" and kind in ("Value", "Array") and fields.value("lock") is False:
            problems.error(span, f"{quote(name)} has no lock", "leave `lock: false` out")
            return False
        return self._check_options(name, kind, step)

    def _check_options(self, name: str, kind: str, step: StepDraft) -> bool:
        problems, options = self._problems, [key for key in step.options if key in OPTIONS]
        if kind == "Pool" and options:
            what = f"{step.verb.called}() of a Pool has no `{options[0]}`"
            problems.error(step.span, what, "leave it out: the scenario's own `timeout` ends what takes too long")
            return False
        if kind == "SimpleQueue" and options:
            problems.error(step.span, f"a SimpleQueue has no `{options[0]}`", "leave it out, or write `type: Queue`")
            return False
        at = step.fields.entry("at")
        if kind in ("Value", "ManagerValue") and at is not None:
            problems.error(at.key_span, f"`at`: {quote(name)} is one value, without elements", "leave it out")
            return False
        needed = _NEEDS_PLACE.get(step.verb.name, ())
        if kind in needed and at is None:
            place, example = ("position", "0") if kind == "ManagerArray" else ("name", "NAME")
            what = f"`{step.verb.name}` needs `at` for {with_article(kind)}: the {place} of the element"
            problems.error(step.span, what, f"write `at: {example}` below `{step.verb.name}`")
            return False
        return True


_QUOTES = "'\""
_NEEDS_PLACE = {"read": ("Namespace",), "write": ("Namespace", "dict", "ManagerArray"), "pop": ("dict",)}
"""Verb -> types of which it needs an element."""
_OWN_SIGNALS = {"interrupt": "SIGINT", "terminate": "SIGTERM", "kill": "SIGKILL"}
_OF_POOLS = ("use", "create", "next_call", "result")
_NOT_TEXT = {"if": "which is always true", "while": "which is always true", "for": "not a list"}


def _as_expression(written: str) -> str:
    """Return the way out where an expression was wanted, and something follows the first `$`: all of it in braces."""
    whole = "${" + re.sub(r"[$](?:[{]([^}]*)[}]|(\w+))", lambda found: found[1] or found[2], written) + "}"
    try:
        parse(whole)
    except ExpressionError:
        return "write one expression, as in `${item + 1}`"
    return f"write `{shorten(whole, 60)}`"


_EXAMPLES = {
    "steps": "write `steps:` and below it a list of steps",
    "in": "write `in: [1, 2, 3]`, for example",
    "then": "write `then:` and below it a list of steps",
}


def _all(valid: Iterable[bool]) -> bool:
    """Return whether all are valid; all are checked, also after one that is not."""
    return all(list(valid))


def _check_python(step: StepDraft, problems: Problems) -> bool:
    name, since = step.verb.name, step.verb.since
    if sys.version_info >= since:
        return True
    here, wanted = (".".join(map(str, version)) for version in (sys.version_info[:2], since))
    what = f"`{name}` needs Python {wanted}, and run-scenario is run by Python {here}"
    problems.error(step.span, what, f"run it by Python {wanted} or later" + _IN_PLACE_OF.get(name, ""))
    return False


_IN_PLACE_OF = {"interrupt": ", or write `terminate`, which sends SIGTERM"}
"""What does nearly the same on an older Python."""


def _check_call(step: StepDraft, problems: Problems) -> bool:
    name = step.fields.text("call")
    if name in FUNCTIONS:
        span, what = step.fields.value_span("call"), f"{quote(name)} is a function of expressions, not a work function"
        problems.error(span, what, f"write it in an expression, as in `${{{name}(x)}}`")
        return False
    if name in VERBS and targets.find_work(name) is None:
        what, hint = f"{quote(name)} is a step, not a work function", f"write the step itself, as in `- {name}: …`"
        problems.error(step.fields.value_span("call"), what, hint)
        return False
    return ":" in name or find_work(name, step.fields.value_span("call"), problems) is not None


def _check_raise(step: StepDraft, problems: Problems) -> bool:
    return _is_exception(step.fields.text("raise"), step.fields.value_span("raise"), problems)


def _check_try(step: StepDraft, problems: Problems) -> bool:
    return _all(_is_exception(name, span, problems) for name, span, _ in step.handlers)


def _is_exception(name: str, span: Span, problems: Problems) -> bool:
    known = exception_names()
    if name in known:
        return True
    hint = "Python's own are known, and Empty, Full, BrokenBarrierError and the like"
    problems.error(span, f"there is no exception {quote(name)}", problems.did_you_mean(name, known, hint))
    return False


_CHECKS: dict[str, Callable[[StepDraft, Problems], bool]] = {
    "call": _check_call,
    "raise": _check_raise,
    "try": _check_try,
}


def _kinds(takes: tuple[str, ...]) -> str:
    if set(takes) >= {"Queue", "JoinableQueue"} and "process" not in takes:
        return "a queue"
    like = {
        "ManagerQueue": "Queue",
        "ManagerValue": "Value",
        "ManagerArray": "Array",
        "SimpleQueue": "Queue",
        "executor": "Pool",
    }  # not named beside these
    words = [with_article(kind) for kind in takes if like.get(kind) not in takes]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
