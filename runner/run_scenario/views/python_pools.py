"""How a script uses pools."""

from __future__ import annotations

from run_scenario import model
from run_scenario.views import plan_pools
from run_scenario.views.python_layout import Expression, call, dictionary, keyword, keywords, layout, literal, tuple_of
from run_scenario.views.python_raises import expecting
from run_scenario.views.python_scope import Scope
from run_scenario.views.text import number

_REFUSALS = ("BrokenProcessPool", "BrokenExecutor", "RuntimeError", "Exception")
"""What `submit()` itself raises when the executor is broken by then, and all that it is a kind of."""


class PoolParts:
    """Writes the statements about pools."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._kinds: dict[str, model.PoolType] = {}

    def create(self, pool: model.PoolSpec, indent: int) -> list[str]:
        """Return the statements that create a pool."""
        self._kinds[pool.name] = pool.type
        parts: list[Expression] = [] if pool.processes is None else [str(pool.processes)]
        if pool.initializer:
            parts.append(keyword("initializer", self._scope.function(pool.initializer)))
        if pool.initargs:
            parts.append(keyword("initargs", tuple_of([literal(value) for value in pool.initargs])))
        if pool.maxtasksperchild:
            limit = "max_tasks_per_child" if pool.type == "executor" else "maxtasksperchild"
            parts.append(f"{limit}={pool.maxtasksperchild}")
        if pool.type == "executor":
            made = self._scope.use("concurrent.futures", "ProcessPoolExecutor")
        else:
            made = self._scope.use("multiprocessing", "Pool")
        return layout(call(made, *parts), indent, f"{self._name(pool.name)} = ")

    def _name(self, pool: str) -> str:
        return self._scope.identifiers.resource(pool)

    def _result(self, step: model.CallPool | model.GetResult) -> str:
        return self._scope.identifiers.result(step.pool, step.number)

    def call(self, step: model.CallPool, indent: int) -> list[str]:
        """Return the statements that make a call, and take its results where they come one by one."""
        given, executor = step.call, self._kinds[step.pool] == "executor"
        made = call(f"{self._name(step.pool)}.{given.method}", *self._arguments(given, executor))
        # What is asked for later is what fails; an executor that is broken takes nothing any more.
        refusable = _is_refusable(given, executor)
        at_once = given.waits or refusable
        inner = indent + (4 if given.raises and at_once else 0)
        margin = " " * inner
        if not given.waits:
            lines = layout(made, inner, f"{self._result(step)} = ")
        elif given.method in ("imap", "imap_unordered") and given.timeout is not None:
            lines = layout(made, inner, "results = ")
            lines += [f"{margin}for _ in range({len(given.items)}):"]
            lines += [f"{margin}    results.next({number(given.timeout)})"]
        elif executor or given.method in ("imap", "imap_unordered"):
            lines = layout(made, inner, "results = ")
            lines += [f"{margin}list(results)  # they come one by one"]
        else:
            lines = layout(made, inner, "results = ")
        first = [f"{' ' * indent}{self._result(step)} = None"] if refusable else []
        return first + self._guarded(lines, given, indent, executor) if at_once else lines

    def _arguments(self, given: model.PoolCall, executor: bool) -> list[Expression]:
        function = self._scope.function(given.function)
        named = {name: literal(value) for name, value in given.kwargs.items()}
        positional = [literal(value) for value in given.args]
        if given.method == "submit":
            return [function, *positional, *keywords(named)]
        if given.method in ("apply", "apply_async"):
            args: Expression = tuple_of(positional) if positional else "()"
            return [function, args, *([dictionary(named)] if named else [])]
        text = plan_pools.items(given.items)
        parts: list[Expression] = [function, text if text.startswith("range") else literal(list(given.items))]
        if given.chunksize is not None:
            parts.append(f"chunksize={given.chunksize}")
        if executor and given.timeout is not None:
            parts.append(f"timeout={number(given.timeout)}")
        return parts

    def get(self, step: model.GetResult, indent: int) -> list[str]:
        """Return the statement that asks for a result."""
        executor, result = self._kinds[step.pool] == "executor", self._result(step)
        condition = [f"{' ' * indent}if {result} is not None:"] if _is_refusable(step.call, executor) else []
        outer = indent + 4 * len(condition)
        inner = outer + (4 if step.call.raises else 0)
        return condition + self._guarded([" " * inner + plan_pools.got(step, result)], step.call, outer, executor)

    def end(self, step: model.EndPool, indent: int) -> list[str]:
        """Return the statements at a pool's end."""
        lines = plan_pools.ended(self._name(step.pool), step.method, self._kinds[step.pool])
        return [" " * indent + line for line in lines]

    def _guarded(self, lines: list[str], given: model.PoolCall, indent: int, executor: bool) -> list[str]:
        if not given.raises:
            return lines
        # A Pool that is asked with a timeout has an exception of its own, which is not the built-in of that name.
        own = given.raises == "TimeoutError" and given.timeout is not None and not executor
        return expecting("multiprocessing.TimeoutError" if own else given.raises, lines, indent, self._scope)


def _is_refusable(given: model.PoolCall, executor: bool) -> bool:
    """Whether the scenario goes on if an executor does not even take the call, whose result is then not asked for."""
    return executor and not given.waits and given.raises in _REFUSALS
