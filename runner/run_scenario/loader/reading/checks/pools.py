"""Pools and the calls on them: which method takes what, and does the function take what it is given?"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from run_scenario import targets
from run_scenario.loader.problems import Problems, either, quote, there_are
from run_scenario.loader.reading.checks.calls import check_value, find_work
from run_scenario.loader.reading.data import elements_of
from run_scenario.loader.reading.draft import Draft, ResourceDraft
from run_scenario.loader.reading.steps import meaning
from run_scenario.loader.reading.yaml_parser import Fields, Node, Scalar
from run_scenario.scenario.expressions import Expression, ExpressionError, is_computed, parse
from run_scenario.scenario.model import MAX_POOL_ITEMS
from run_scenario.targets import Target

METHODS = {
    "Pool": (
        *("map", "map_async", "imap", "imap_unordered", "starmap", "starmap_async"),
        *("apply", "apply_async"),
    ),
    "executor": ("map", "submit"),
}
"""Type of pool -> the calls that it has."""

_OF_TASKS = ("over", "args", "kwargs")
"""Keys with what tasks are given."""
_SINGLE = ("apply", "apply_async", "submit")
"""Calls of one task: they take `args` and `kwargs`; all others go `over` a list."""
_STAR = ("starmap", "starmap_async")
_CALLING_BACK = ("map_async", "starmap_async", "apply_async")
"""Methods of a Pool that can call back."""
_UNTIMED = ("map", "starmap", "apply")
"""Methods of a Pool that wait for ever."""
_ONE_BY_ONE = ("imap", "imap_unordered")


def method_of(call: Fields) -> str:
    """Return the method that a call names: the key that is one; empty if none or several are."""
    found = [entry.key for entry in call if entry.key in (*METHODS["Pool"], *METHODS["executor"])]
    return found[0] if len(found) == 1 else ""


def check_pools(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each pool and each call on it."""
    for pool in draft.sections["pools"].values():
        if pool.fields.is_invalid("type"):
            continue
        _check_initializer(pool, problems)
        _check_uses(pool, draft, problems)
        limit = pool.fields.entry("maxtasksperchild")
        if pool.type == "executor" and limit is not None and draft.fields.text("start_method") in ("", "fork"):
            what = "an executor can have `maxtasksperchild` only where its workers are not forked"
            problems.error(limit.key_span, what, "write `start_method: spawn` for the scenario, or leave it out")
        for node in pool.fields.items("calls"):
            if node not in pool.fields.invalid:
                _check_call(Fields(node, pool.fields.invalid), pool, problems)
    _check_items(draft, problems)


def _check_items(draft: Draft, problems: Problems) -> None:
    """A line of a file may ask for a hundred thousand items: all together are bounded."""
    pools = draft.sections["pools"].values()
    calls = [Fields(node, pool.fields.invalid) for pool in pools for node in pool.fields.items("calls")]
    totals = list(accumulate(call.mapping("over").whole("range") for call in calls))
    for call, total in zip(calls, totals, strict=True):
        if total > MAX_POOL_ITEMS:
            what = f"the ranges of all calls on pools have {totals[-1]:,} items together; "
            what += f"the maximum is {MAX_POOL_ITEMS:,}"
            problems.error(call.mapping("over").span, what, "lower `range`, or make fewer such calls")
            return


def _check_initializer(pool: ResourceDraft, problems: Problems) -> None:
    name = pool.fields.text("initializer")
    if pool.fields.entry("initargs") is not None and not name and not pool.fields.is_invalid("initializer"):
        problems.error(pool.fields.key_span("initargs"), "`initargs` needs an `initializer`", "name one, or drop it")
    if not name:
        return
    known = find_work(name, pool.fields.value_span("initializer"), problems)
    if known is not None:
        _check_arguments(known, pool.fields, "initargs", problems)


def _check_uses(pool: ResourceDraft, draft: Draft, problems: Problems) -> None:
    """Do the resources exist that the workers are given, and is there a function that keeps them?"""
    fields, name = pool.fields, pool.fields.text("initializer")
    if fields.entry("uses") is None:
        return
    own = "a function of your own that keeps what it is given for the functions that the pool calls"
    if not name and fields.complete and not fields.is_invalid("initializer"):
        what = f"`uses` needs an `initializer`: {own}"
        problems.error(fields.key_span("uses"), what, "write `initializer: package.module:function`")
    elif name and ":" not in name and targets.find_work(name) is not None:
        what = f"{quote(name)} takes no resources: with `uses`, the initializer is {own}"
        problems.error(fields.value_span("initializer"), what, "write `initializer: package.module:function`")
    handles, families = draft.handles(), draft.families
    fitting = [handle for handle, resource in handles.items() if resource.section != "pipes"]
    for of, used, span in draft.given_to_workers():
        if of is not pool:
            continue
        if used in draft.sections["pipes"] or (used in handles and handles[used].section == "pipes"):
            what = f"{quote(used)} is of a pipe, whose ends workers cannot share: what several write or read is torn"
            problems.error(span, what, "give them a queue")
        elif used in families:
            problems.error(span, f"{quote(used)} stands for {len(families[used])} of them", "name each")
        elif used not in handles and draft.knows_resources:
            problems.error(
                span, f"there is no resource {quote(used)}", problems.did_you_mean(used, fitting, there_are(fitting))
            )


def _check_call(call: Fields, pool: ResourceDraft, problems: Problems) -> None:
    method = method_of(call)
    if not method and not call.complete:
        return  # it is misspelt
    if not method:
        methods = either(METHODS[pool.type], "or")
        problems.error(
            call.span, f"a call on a pool names exactly one of {methods}", "write `map: square`, for example"
        )
        return
    span = call.key_span(method)
    if method not in METHODS[pool.type]:
        kind = "an executor" if pool.type == "executor" else "a Pool"
        problems.error(span, f"{kind} has no {method}()", f"it has {either(METHODS[pool.type], 'and')}")
        return
    for key in ("over", "chunksize"):
        if call.entry(key) is not None and method in _SINGLE:
            hint = "write `args: […]`" if key == "over" else "leave it out"
            problems.error(call.key_span(key), f"`{key}`: {method}() is a single task", hint)
            return
    for key in ("args", "kwargs"):
        if call.entry(key) is not None and method not in _SINGLE:
            problems.error(call.key_span(key), f"`{key}`: {method}() goes over a list", "write `over: […]`")
    if method not in _SINGLE and call.entry("over") is None and call.complete and not call.is_invalid("over"):
        problems.error(span, f"{method}() needs `over`: what it goes over", "write `over: [1, 2, 3]`")
    if call.entry("timeout") is not None and pool.type == "Pool":
        _check_timeout(call, method, problems)
    for key in ("callback", "error_callback"):
        if call.entry(key) is not None:
            _check_callback(key, call, method, problems)
    for key in _OF_TASKS:
        _check_expression(key, call, problems)
    _check_function(call, method, problems)


def _is_text_with_expression(node: Node) -> bool:
    return isinstance(node, Scalar) and is_computed(meaning(node))


def _check_expression(key: str, call: Fields, problems: Problems) -> None:
    """Check that what is no list or mapping is one expression, which may become one."""
    entry = call.entry(key)
    if entry is None or not isinstance(entry.value, Scalar) or isinstance(meaning(entry.value), Expression):
        return
    try:
        parse(str(entry.value.value))
    except ExpressionError:  # which is reported as such
        return
    wanted = "mapping" if key == "kwargs" else "list"
    problems.error(entry.value.span, f"this is a text, not a {wanted}", "write one expression, as in `$items`")


def _check_callback(key: str, call: Fields, method: str, problems: Problems) -> None:
    """Is something called back at all, and can it be called with one argument?"""
    if method not in _CALLING_BACK:
        hint = f"leave it out, or write `{method}_async`" if f"{method}_async" in _CALLING_BACK else "leave it out"
        problems.error(call.key_span(key), f"{method}() has no `{key}`", hint)
        return
    span = call.value_span(key)
    known = find_work(call.text(key), span, problems)
    if known is not None and (problem := _count(known, 1, 0)):
        problems.error(span, problem, "a callback is called with the result, or with the exception, alone")


def _check_timeout(call: Fields, method: str, problems: Problems) -> None:
    """Can one wait for what this method of a Pool returns, but not for ever?"""
    span = call.key_span("timeout")
    if method in _UNTIMED:
        what = f"`timeout`: {method}() of a Pool waits for ever"
        problems.error(span, what, f"leave it out, or write `{method}_async`, whose get() has a timeout")
    elif method in _ONE_BY_ONE and call.whole("chunksize", 1) > 1:
        what = f"`timeout`: with a `chunksize` above 1, {method}() returns a plain generator, which waits for ever"
        problems.error(span, what, "leave out one of the two")


def _check_function(call: Fields, method: str, problems: Problems) -> None:
    if not call.text(method):
        return
    known = find_work(call.text(method), call.value_span(method), problems)
    if known is None:
        return
    if method in _SINGLE:
        if not any(_is_text_with_expression(entry.value) for entry in call if entry.key in _OF_TASKS):
            _check_arguments(known, call, "args", problems)
        return
    for node in call.items("over"):
        if is_computed(meaning(node)):
            continue
        if method in _STAR:
            elements = elements_of(node)
            if elements is None:
                what = f"{method}() takes the arguments of each task from a list"
                problems.error(node.span, what, "write `over: [[1, 2], [3, 4]]`")
                return
            if problem := _count(known, len(elements), 0):
                problems.error(node.span, problem, "")
                return
        elif known.item is not None:
            check_value(known.name, known.item, node, problems)


def _check_arguments(known: Target, fields: Fields, key: str, problems: Problems) -> None:
    """Check a call with positional arguments under `key`, and keyword arguments under `kwargs` if it is a call."""
    given: Any = fields.mapping("kwargs") if key == "args" else ()
    names = [entry.key for entry in given]
    parameters = [*([known.item] if known.item else []), *known.parameters]
    span = fields.value_span(key)
    for entry in given:
        if entry.key not in [parameter.name for parameter in parameters]:
            what = f"{quote(known.name)} has no parameter {quote(entry.key)}"
            hint = problems.did_you_mean(entry.key, [p.name for p in parameters], "leave it out")
            problems.error(entry.key_span, what, hint)
            return
    if fields.is_invalid(key) or fields.is_invalid("kwargs") or not fields.complete:
        return  # what has been reported may be the arguments that are missing
    if problem := _count(known, len(fields.items(key)), len(names)):
        problems.error(span, problem, "")
        return
    for parameter, node in zip(parameters, fields.items(key), strict=False):
        if key != "args" or not is_computed(meaning(node)):
            check_value(known.name, parameter, node, problems)


def _count(known: Target, positional: int, named: int) -> str:
    """Return what is wrong with the number of arguments; empty if nothing is."""
    parameters = [*([known.item] if known.item else []), *known.parameters]
    required = sum(parameter.required for parameter in parameters)
    given = positional + named
    if required <= given <= len(parameters):
        return ""
    most = f"{required}" if required == len(parameters) else f"{required} to {len(parameters)}"
    return f"{quote(known.name)} takes {most} argument{'s' if most != '1' else ''}, not {given}"
