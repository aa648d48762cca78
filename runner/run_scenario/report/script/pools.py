"""The steps about pools as statements: their creation, the calls on them, and the results of these."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from run_scenario.report.script import plan
from run_scenario.report.script.functions import StepFunction
from run_scenario.report.script.layout import (
    Expression,
    Group,
    call,
    dictionary,
    flat,
    keyword,
    keywords,
    preceded,
    tuple_of,
)
from run_scenario.report.script.names import Scope
from run_scenario.report.script.programs import Program
from run_scenario.report.script.steps import INDENT, range_of
from run_scenario.report.text import number
from run_scenario.scenario import model
from run_scenario.scenario.steps import POOLS, everywhere, uncertain_pools

_REFUSALS = ("BrokenProcessPool", "BrokenExecutor", "RuntimeError", "Exception")
"""What `submit()` itself raises when the executor is broken by then, and all that it is a kind of."""


class PoolWriter(Program):
    """Writes what the main program does with pools, besides what it does with processes."""

    def __init__(
        self,
        scope: Scope,
        processes: Sequence[model.ProcessSpec],
        steps: Sequence[model.Step],
        functions: Mapping[str, StepFunction],
        subject: Callable[[model.Step], str],
        pools: Iterable[model.PoolSpec],
    ) -> None:
        super().__init__(scope, processes, steps, functions, subject)
        self._resource = scope.identifiers.resource
        self._pools = {pool.name: pool for pool in pools}
        uncertain = sorted(uncertain_pools(steps))
        self._lists = {name: self.identifiers.new(f"{self._resource(name)}_results") for name in uncertain}
        """Pool -> the list of what its calls that do not wait return, if only the run knows which is the first."""
        self._pending: dict[str, list[model.PoolCall]] = {name: [] for name in self._lists}
        """Pool -> these calls."""
        for step in everywhere(steps):
            if step.verb == "next_call" and step.subject in self._lists and not step.argument.waits:
                self._pending[step.subject].append(step.argument)
        certain = [pool for name, pool in self._pools.items() if name not in self._lists]
        later = [(pool.name, given.number) for pool in certain for given in pool.calls if not given.waits]
        self._only = later[0] if len(later) == 1 else None
        """The only call whose result has a variable until it is asked for: its pool, and its number."""

    # Its life

    def next_ones(self, steps: Sequence[model.Step], position: int, indent: int) -> tuple[list[str], int]:
        """Return the statements for the next steps, and how many these are; an executor's own are in a `with`."""
        first, rest = steps[position], steps[position + 1 :] if steps[position].verb == "create" else ()
        own = [*itertools.takewhile(lambda step: step.verb in ("next_call", "result"), rest)]
        ends = [step.verb for step in rest[len(own) : len(own) + 1]] == ["shutdown"]
        # What is expected of a single call is a `with` by itself.
        if first.where is not None or not ends or (len(own) == 1 and own[0].argument.raises):
            return super().next_ones(steps, position, indent)
        made = self.lay(self.held(first), indent, "with ", ":")
        return made + self.block(own, indent + INDENT), len(own) + 2

    def on_create(self, step: model.Step, indent: int) -> list[str]:
        """Return the statement that creates a pool."""
        made = self.lay(self._pool(self._pools[step.subject]), indent, f"{self._resource(step.subject)} = ")
        return made + self.before_with(step, indent)

    def held(self, step: model.Step) -> Expression:
        """Return what stands after `with`; a pool is created there."""
        if step.kind not in POOLS:
            return super().held(step)
        made = self._pool(self._pools[step.subject])
        return made.replace(closing=f"{made.closing} as {self._resource(step.subject)}")

    def before_with(self, step: model.Step, indent: int) -> list[str]:
        """Return the statement that makes the list of results of a pool, if there is one."""
        listed = self._lists.get(step.subject) if step.kind in POOLS else None
        return [f"{' ' * indent}{listed} = []"] if listed else []

    def _pool(self, pool: model.PoolSpec) -> Group:
        """Return what creates a pool."""
        parts: list[Expression] = [] if pool.processes is None else [str(pool.processes)]
        if pool.initializer:
            parts.append(keyword("initializer", self.scope.function(pool.initializer)))
        if pool.initargs or pool.uses:
            given = [*map(self.literal, pool.initargs), *map(self._resource, pool.uses)]
            parts.append(keyword("initargs", tuple_of(given)))
        if pool.maxtasksperchild:
            limit = "max_tasks_per_child" if pool.type == "executor" else "maxtasksperchild"
            parts.append(f"{limit}={pool.maxtasksperchild}")
        executor = pool.type == "executor"
        module, kind = ("concurrent.futures", "ProcessPoolExecutor") if executor else ("multiprocessing", "Pool")
        return call(self.scope.use(module, kind), *parts)

    # Calls

    def on_next_call(self, step: model.Step, indent: int) -> list[str]:
        """Return the statements that make a call."""
        pool, given = self._pools[step.subject], step.argument.replace(**step.options)
        name = self.variable(step.name) if step.name else ""
        first = _unset(name, given.raises, indent)
        refusable = _is_refusable(pool, given)
        if not given.waits and pool.name not in self._lists:
            name = self._result(pool, given)
            first = _unset(name, given.raises, indent) if refusable else []
        write = partial(self._call, pool, given, name)
        # What is asked for later is what fails; an executor that is broken takes nothing any more.
        return first + (self._guarded(pool, given, write, indent) if given.waits or refusable else write(indent))

    def on_result(self, step: model.Step, indent: int) -> list[str]:
        """Return the statements that ask for a result."""
        pool, given = self._pools[step.subject], step.argument
        name = self.variable(step.name) if step.name else ""
        if given is None:
            return self._next_result(pool, name, indent)
        result = self._result(pool, given)
        first = [f"{' ' * indent}if {result} is not None:"] if _is_refusable(pool, given) else []
        write = partial(self._shown, plan.pool_result(given, result), name)
        asked = self._guarded(pool, given, write, indent + INDENT * len(first))
        return _unset(name, given.raises, indent) + first + asked

    def _result(self, pool: model.PoolSpec, given: model.PoolCall) -> str:
        """Return the variable of what a call returns that does not wait."""
        is_only = (pool.name, given.number) == self._only
        return self.identifiers.result(pool.name, 0 if is_only else given.number)

    def _call(self, pool: model.PoolSpec, given: model.PoolCall, name: str, indent: int) -> list[str]:
        """Return the statements that make a call, and take its results where they come one by one.

        `name`: what the result is called, or what there is of it for now; empty: it is shown.
        """
        executor, lazy = pool.type == "executor", given.method in ("imap", "imap_unordered")
        made = call(f"{self._resource(pool.name)}.{given.method}", *self._arguments(given, executor))
        if not given.waits and pool.name in self._lists:
            return self.lay(call(f"{self._lists[pool.name]}.append", self._entry(pool, given, made)), indent)
        if not given.waits:
            return self.lay(made, indent, f"{name} = ")
        if lazy and given.timeout is not None:
            results, over, margin = self.identifiers.own("results"), given.items, " " * indent
            counted = f"range({len(over)})" if isinstance(over, tuple) else flat(self._items(over))
            taken = f"{results}.next({number(given.timeout)})"
            begun = self.lay(made, indent, f"{results} = ")
            if name:
                return [*begun, f"{margin}{name} = [{taken} for _ in {counted}]"]
            return [*begun, f"{margin}for _ in {counted}:", *self._shown(taken, "", indent + INDENT)]
        return self._shown(call("list", made) if executor or lazy else made, name, indent)

    def _shown(self, answer: Expression, name: str, indent: int) -> list[str]:
        """Return the statement that gives a result its name, or shows it."""
        if name:
            return self.lay(answer, indent, f"{name} = ")
        return self.lay(call(self.scope.builtin("print"), answer), indent)

    def _entry(self, pool: model.PoolSpec, given: model.PoolCall, made: Expression) -> Expression:
        """Return what is kept of a call in the list: with how long its result is waited for, if that differs."""
        if len({each.timeout for each in self._pending[pool.name]}) < 2:
            return made
        return Group("(", (made, "None" if given.timeout is None else number(given.timeout)), ")")

    def _next_result(self, pool: model.PoolSpec, name: str, indent: int) -> list[str]:
        """Return the statements that ask for the first result not asked for yet."""
        first, lines = f"{self._lists[pool.name]}.pop(0)", []
        timeouts = {each.timeout for each in self._pending[pool.name]}
        seconds = "".join(number(each) for each in timeouts if each is not None)
        if len(timeouts) > 1:
            entry, (first, seconds) = first, map(self.identifiers.own, ("answer", "seconds"))
            lines = [f"{' ' * indent}{first}, {seconds} = {entry}"]
        raising = {each.raises: each for each in self._pending[pool.name] if each.raises}
        method = "result" if pool.type == "executor" else "get"
        write = partial(self._shown, f"{first}.{method}({seconds})", name)
        for given in reversed(raising.values()):
            write = partial(self._guarded, pool, given, write)
        return lines + _unset(name, "".join(raising), indent) + write(indent)

    def _guarded(
        self, pool: model.PoolSpec, given: model.PoolCall, write: Callable[[int], list[str]], indent: int
    ) -> list[str]:
        """Return the lines that `write` returns, in a statement that lets pass what is expected of a call."""
        if not given.raises:
            return write(indent)
        # A Pool that is asked with a timeout has an exception of its own, which is not the built-in of that name.
        own = given.raises == "TimeoutError" and given.timeout is not None and pool.type != "executor"
        return self.expecting("multiprocessing.TimeoutError" if own else given.raises, write, indent)

    # Arguments

    def _arguments(self, given: model.PoolCall, executor: bool) -> list[Expression]:
        function = self.scope.function(given.function)
        back = [keyword(key, self.scope.function(name)) for key, name in given.callbacks.items()]
        if given.method in ("submit", "apply", "apply_async"):
            return [function, *(self._unpacked(given) if given.method == "submit" else self._packed(given)), *back]
        parts: list[Expression] = [function, self._items(given.items)]
        if given.chunksize is not None:
            parts.append(f"chunksize={given.chunksize}")
        if executor and given.timeout is not None:
            parts.append(f"timeout={number(given.timeout)}")
        return parts + back

    def _unpacked(self, given: model.PoolCall) -> list[Expression]:
        """Return the arguments of a function as those of a call; each may be an expression as a whole."""
        listed = isinstance(given.args, tuple)
        positional = [*map(self.literal, given.args)] if listed else [preceded("*", self.literal(given.args))]
        if not isinstance(given.kwargs, dict):
            return [*positional, preceded("**", self.literal(given.kwargs))]
        return [*positional, *keywords({name: self.literal(value) for name, value in given.kwargs.items()})]

    def _packed(self, given: model.PoolCall) -> list[Expression]:
        """Return the same as a tuple and a dict."""
        args = self.literal(given.args)
        if isinstance(given.args, tuple):
            args = tuple_of([*map(self.literal, given.args)]) if given.args else "()"
        named = self.literal(given.kwargs)
        if isinstance(given.kwargs, dict):
            named = dictionary({name: self.literal(value) for name, value in given.kwargs.items()})
        return [args, named] if given.kwargs else [args]

    def _items(self, items: model.Items) -> Expression:
        if not isinstance(items, tuple):
            return self.literal(items)
        return (range_of(items) if len(items) > 3 else None) or self.literal(list(items))


def _is_refusable(pool: model.PoolSpec, given: model.PoolCall) -> bool:
    """Whether the scenario goes on if an executor does not even take the call, whose result is then not asked for."""
    return pool.type == "executor" and not given.waits and given.raises in _REFUSALS


def _unset(name: str, raises: str, indent: int) -> list[str]:
    """Return the statement that gives a result its value where the exception is raised that is expected."""
    return [f"{' ' * indent}{name} = None"] if name and raises else []
