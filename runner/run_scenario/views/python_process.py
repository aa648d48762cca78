"""How a script creates its processes: one by one, or replicas as a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from run_scenario import model
from run_scenario.views.python_layout import (
    Expression,
    Group,
    call,
    dictionary,
    keyword,
    keywords,
    layout,
    literal,
    preceded,
    quoted,
    tuple_of,
)
from run_scenario.views.python_scope import Scope, takes_work

Replicas = Sequence[model.ProcessSpec]
"""Processes that differ in nothing but their names, which are NAME-1, NAME-2 and so on, or multiprocessing's own."""


def replicas(steps: Sequence[model.Step]) -> Iterator[Replicas]:
    """Yield the processes, two or more, that are created right after each other and are alike."""
    run: list[model.ProcessSpec] = []
    for step in (*steps, None):
        spec = step.process if isinstance(step, model.CreateProcess) else None
        if spec is not None and run and _continues(run, spec):
            run.append(spec)
            continue
        if len(run) > 1:
            yield run
        run = [spec] if spec is not None and (not spec.named or spec.name.endswith("-1")) else []


def base_name(spec: model.ProcessSpec) -> str:
    """Return what the names of replicas have in common: nothing, if they are multiprocessing's own."""
    return spec.name.rpartition("-")[0] if spec.named else ""


def _continues(run: Replicas, spec: model.ProcessSpec) -> bool:
    first = run[0]
    # Compared as they are written, since to Python True equals 1.
    if repr(first.replace(name="", where=None)) != repr(spec.replace(name="", where=None)):
        return False
    return not spec.named or spec.name == f"{base_name(first)}-{len(run) + 1}"


class Creation:
    """Writes the statements that create processes."""

    def __init__(self, scope: Scope, indent: int, closes: Mapping[str, Sequence[str]]) -> None:
        """`closes`: process -> the ends of pipes that it has to close before it calls its target."""
        self._scope = scope
        self._indent = indent
        self._closes = closes

    def one(self, spec: model.ProcessSpec, name: str) -> list[str]:
        """Return the statements that create a process called `name` in the script."""
        lines = layout(self._made(spec, literal(spec.name)), self._indent, f"{name} = ")
        return lines + self._settings(spec, name, literal(spec.name), self._indent)

    def many(self, group: Replicas, single: str, many: str) -> list[str]:
        """Return the statements that create a list of processes, called `many`; one of them is `single`."""
        first, count = group[0], len(group)
        name = _numbered(base_name(first))
        counts = first.named and not self._is_class(first)
        numbers = f"for number in range(1, {count + 1})" if counts else f"for _ in range({count})"
        parts = (self._made(first, name), numbers)
        lines = layout(Group("[", parts, "]", commas=False), self._indent, f"{many} = ")
        settings = self._settings(first, single, name, self._indent + 4)
        if settings:
            head = f"number, {single} in enumerate({many}, start=1)" if first.named else f"{single} in {many}"
            lines += [" " * self._indent + f"for {head}:", *settings]
        return lines

    def _is_class(self, spec: model.ProcessSpec) -> bool:
        return not spec.is_builtin and self._scope.is_class(spec.target)

    def _made(self, spec: model.ProcessSpec, name: Expression) -> Expression:
        target = self._scope.function(spec.target)
        args = [self._argument(spec.target, index, value) for index, value in enumerate(spec.args)]
        kwargs: dict[str, Expression] = {
            c.parameter: self._scope.identifiers.resource(c.resource) for c in spec.connections
        }
        kwargs |= {
            key: self._argument(spec.target, key, value) for key, value in spec.kwargs.items() if key not in kwargs
        }
        if self._is_class(spec):
            return call(target, *args, *keywords(kwargs))
        if closes := self._closes.get(spec.name):
            ends = tuple_of([self._scope.identifiers.resource(end) for end in closes])
            target, args = "close_then", [ends, target, *args]
        parts = [keyword("name", name)] if spec.named else []
        parts.append(keyword("target", target))
        if args:
            parts.append(keyword("args", tuple_of(args)))
        if kwargs:
            parts.append(keyword("kwargs", dictionary(kwargs)))
        if spec.daemon:
            parts.append("daemon=True")
        if spec.worker == "thread":
            return call(self._scope.use("threading", "Thread"), *parts)
        return call(self._scope.use("multiprocessing", "Process"), *parts)

    def _settings(self, spec: model.ProcessSpec, process: str, name: Expression, indent: int) -> list[str]:
        """Return what is set on an object of a Process subclass, whose constructor takes the arguments alone."""
        if not self._is_class(spec):
            return []
        lines = layout(preceded(f"{process}.name = ", name), indent) if spec.named else []
        return [*lines, f"{' ' * indent}{process}.daemon = True"] if spec.daemon else lines

    def _argument(self, target: str, name: str | int, value: Any) -> Expression:
        """Return an argument; the name of a work function stands for the function itself."""
        if not takes_work(target, name):
            return literal(value)
        if isinstance(value, dict) and "call" in value:
            given = {key: literal(content) for key, content in (value.get("kwargs") or {}).items()}
            partial = self._scope.use("functools", "partial")
            return call(partial, self._scope.function(value["call"]), *keywords(given))
        return self._scope.function(value) if isinstance(value, str) else literal(value)


def _numbered(base: str) -> str:
    literal_part = quoted(base.replace("{", "{{").replace("}", "}}"))
    return f"f{literal_part[:-1]}-{{number}}{literal_part[-1]}"
