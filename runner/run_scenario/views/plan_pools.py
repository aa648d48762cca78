"""A pool and the calls on it, as Python writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from run_scenario import model
from run_scenario.views.text import number, scrub, value

_MOST_SHOWN = 6


def items(given: Sequence[Any]) -> str:
    """Return what a call goes over: a range where it is one, a list abbreviated in the middle if it is long."""
    whole = all(type(item) is int for item in given)
    if whole and len(given) > 3 and list(given) == list(range(given[0], given[0] + len(given))):
        return f"range({given[0]}, {given[-1] + 1})" if given[0] else f"range({len(given)})"
    shown = [value(item) for item in given[:_MOST_SHOWN]]
    if len(given) > _MOST_SHOWN:
        shown += ["...", value(given[-1])]
    return f"[{', '.join(shown)}]"


def created(pool: model.PoolSpec) -> str:
    """Return the expression that creates a pool."""
    arguments = [] if pool.processes is None else [str(pool.processes)]
    if pool.initializer:
        arguments.append(f"initializer={scrub(pool.initializer.replace(':', '.'))}")
    if pool.initargs:
        comma = "," if len(pool.initargs) == 1 else ""
        arguments.append(f"initargs=({', '.join(map(value, pool.initargs))}{comma})")
    if pool.maxtasksperchild:
        name = "max_tasks_per_child" if pool.type == "executor" else "maxtasksperchild"
        arguments.append(f"{name}={pool.maxtasksperchild}")
    return f"{'ProcessPoolExecutor' if pool.type == 'executor' else 'Pool'}({', '.join(arguments)})"


def called(name: str, step: model.CallPool, kind: model.PoolType, result: str) -> str:
    """Return the line that makes a call; `result` is the name of what is asked for later."""
    call = step.call
    function = scrub(call.function.replace(":", "."))
    if call.method in ("apply", "apply_async"):
        comma = "," if len(call.args) == 1 else ""
        arguments = [function, f"({', '.join(map(value, call.args))}{comma})"]
        arguments += [repr(call.kwargs)] if call.kwargs else []
    elif call.method == "submit":
        keywords = [f"{key}={value(content)}" for key, content in call.kwargs.items()]
        arguments = [function, *map(value, call.args), *keywords]
    else:
        arguments = [function, items(call.items)]
        if call.chunksize is not None:
            arguments.append(f"chunksize={call.chunksize}")
    if kind == "executor" and call.method == "map" and call.timeout is not None:
        arguments.append(f"timeout={number(call.timeout)}")
    made = f"{name}.{call.method}({', '.join(arguments)})"
    if not call.waits:
        return f"{result} = {made}"
    if call.method in ("imap", "imap_unordered") and call.timeout is not None:
        return f"results = {made}; for _ in range({len(call.items)}): results.next({number(call.timeout)})"
    lazy = call.method in ("imap", "imap_unordered") or kind == "executor"
    return f"for _ in {made}: pass" if lazy else made


def got(step: model.GetResult, result: str) -> str:
    """Return the line that asks for a result."""
    call = step.call
    method = "result" if call.method == "submit" else "get"
    return f"{result}.{method}({'' if call.timeout is None else number(call.timeout)})"


def ended(name: str, method: str, kind: model.PoolType) -> list[str]:
    """Return the calls at a pool's end."""
    if kind == "executor":
        early = [f"{name}.shutdown(wait=False, cancel_futures=True)"] if method == "terminate" else []
        return [*early, f"{name}.shutdown()"]
    return [f"{name}.{method}()", f"{name}.join()"]
