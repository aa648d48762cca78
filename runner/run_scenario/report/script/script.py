"""A scenario as a plain multiprocessing script: what a person would have written by hand.

    names ──▶ source                          which functions are needed; the built-ins' and helpers' own lines, inline
    functions                                 the steps of processes as functions, and what differs as parameters
    steps ──▶ processes ──▶ programs ──▶ pools ──▶ statements
                                              steps as statements; processes; loops over replicas; pools; all of main
    layout                                    quoting, and the breaking of long lines

Nothing that a scenario names is imported here, nor run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from run_scenario.report.script import names as script_names
from run_scenario.report.script import plan
from run_scenario.report.script.functions import StepFunction, functions, static_text
from run_scenario.report.script.layout import (
    Expression,
    Group,
    bytes_literal,
    call,
    flat,
    keyword,
    keywords,
    layout,
    literal,
)
from run_scenario.report.script.names import Import, Scope, docstring, functions_named, identifier, kind_of, word_for
from run_scenario.report.script.pools import PoolWriter
from run_scenario.report.script.processes import Members
from run_scenario.report.script.programs import separated, written
from run_scenario.report.script.steps import INDENT, range_of
from run_scenario.report.text import sanitize
from run_scenario.scenario import model
from run_scenario.scenario.parameters import assignments
from run_scenario.scenario.plan import Created, Manager, created, removed
from run_scenario.scenario.steps import everywhere, names_read

# The main program's steps


_PROXIES = {"dict": "DictProxy", "list": "ListProxy", "Namespace": "NamespaceProxy"}
_MEMORY = "multiprocessing.shared_memory"
_MANAGERS = "multiprocessing.managers"


class Statements(PoolWriter):
    """Writes what a main program creates, its steps, and what it removes, one after the other and none left out."""

    def __init__(
        self,
        scenario: model.Scenario,
        steps: Sequence[model.Step],
        scope: script_names.Scope,
        functions: Mapping[str, StepFunction],
        *,
        in_function: bool,
    ) -> None:
        """`steps`: with those that a `use` consists of in its place; `functions`: those of processes with steps;
        `in_function`: whether they will stand in one.
        """
        own = [spec for spec in scenario.processes if not spec.parent]
        super().__init__(scope, own, steps, functions, self._resource_of, scenario.pools)
        self.unread = self.unread if in_function else set()
        self._scenario = scenario
        self.shared = _SharedStatements(scope)

    def lines(self) -> list[str]:
        """Return the statements, indented once."""
        parts = [
            ("constants", self.assign(self.scope.constants(self.own_steps), INDENT) + self.seeding()),
            ("pin", self._pin()),
            ("creation", self._create_resources()),
            ("processes", self.create_processes()),
        ]
        statements = [*self.statements(self.own_steps)]
        if self._scenario.main is not None:  # they stay together, as they are written
            statements = [("written", lines) for _, lines in statements]
        known = self._own_name() + self.known()
        return separated([*parts, ("known", known), *statements, ("removal", self._remove(INDENT))])

    # Before the first step, and after the last

    def _pin(self) -> list[str]:
        if self._scenario.cpus is None:
            return []
        module = self.scope.use("os")
        chosen = plan.cpu_set(self._scenario.cpus, f"{module}.sched_getaffinity")
        return [f"    {module}.sched_setaffinity(0, {chosen})  # its children inherit it"]

    def _create_resources(self) -> list[str]:
        families = script_names.families(self._scenario.resources)
        listed = {member.name: (family, members) for family, members in families for member in members}
        written: list[str] = []
        for found in created(self._scenario):
            name = "" if isinstance(found, Manager) else found.name
            if name not in listed:
                written += self._create_resource(found)
            elif name == listed[name][1][0].name:
                written += self._create_list(*listed[name])
        return written

    def _create_list(self, family: str, members: Sequence[model.Resource]) -> list[str]:
        """Return the creation of resources as a list; of pipes, as the tuples of their left and of their right ends."""
        made = tuple(self._new(each) for each in members if not isinstance(each, model.PoolSpec))
        alike = len(set(map(flat, made))) == 1
        parts = (made[0], f"for _ in range({len(made)})") if alike else made
        called = []
        for handles in zip(*(model.handles([each]) for each in members), strict=True):
            many = self._resource(handles[0]).partition("[")[0]
            wanted = identifier(family, "resource"), word_for(kind_of(members[0]))
            self.groups[False, handles[0]] = Members((), handles, many, wanted)
            called.append(many)
        if len(called) == 1:
            return self.lay(Group("[", parts, "]", commas=not alike), INDENT, f"{called[0]} = ")
        pipes = Group("*(", parts, ")", commas=not alike)
        return self.lay(call("zip", pipes, "strict=True"), INDENT, f"{', '.join(called)} = ")

    def _create_resource(self, found: Created) -> list[str]:
        if isinstance(found, model.SharedSpec):
            return self.shared.create(found, INDENT)
        if isinstance(found, Manager):
            return self.lay(self._new(found), INDENT, f"{self.identifiers.own('manager')} = ")
        names = ", ".join(map(self._resource, model.handles([found])))
        return self.lay(self._new(found), INDENT, f"{names} = ")

    def _new(self, found: Created) -> Expression:
        """Return what creates a resource."""
        arguments: list[str] = []
        match found:
            case model.SharedSpec():
                return self.shared.made(found)
            case Manager():
                kind = "Manager"
            case model.PipeSpec():
                kind, arguments = "Pipe", [] if found.duplex else ["duplex=False"]
            case model.QueueSpec():
                kind, arguments = found.type, [plan.queue_size(found)] if found.maxsize else []
            case model.SyncSpec():
                kind, arguments = found.type, plan.sync_arguments(found, self._resource)
                if found.is_managed:
                    return call(f"{self.identifiers.own('manager')}.{kind}", *arguments)
        return call(self.scope.use("multiprocessing", kind), *arguments)

    def _own_name(self) -> list[str]:
        """Return the statement that gives the main program's name a name, if an expression reads it."""
        if not any(name == "name" for step in everywhere(self.own_steps) for name in names_read(step)):
            return []
        return [f"    name = {self.scope.use('multiprocessing', 'current_process')}().name"]

    def _remove(self, indent: int) -> list[str]:
        end_manager = [f"{self.identifiers.own('manager')}.shutdown()"]
        by_each = [end_manager if isinstance(e, Manager) else self.shared.release(e) for e in removed(self._scenario)]
        return [" " * indent + line for lines in by_each for line in lines]

    # Steps as the main program has them

    def _resource_of(self, step: model.Step) -> str:
        """Return the resource that a step is done to."""
        if isinstance(step.subject, str):
            return self._resource(step.subject)
        wanted = f"{identifier(static_text(step.subject), step.kind.lower())}_by_name"
        return self.listed(step, wanted, list(model.handles(self._scenario.resources)), self._resource)

    def unnamed(self, step: model.Step, made: Expression) -> Expression:
        """Return the statement for an answer that has no name: what the main program asks or collects is shown."""
        if step.verb in ("get", "get_nowait", "recv"):
            return call(self.scope.builtin("print"), made)
        return super().unnamed(step, made)

    def on_return(self, step: model.Step, indent: int) -> list[str]:
        """Return the line of a step of one word; before it returns, the program removes what it has to."""
        return [*(self._remove(indent) if step.verb == "return" else []), *super().on_return(step, indent)]

    def on_for(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a loop; a derived one puts items on a queue."""
        if step.where is not None or isinstance(step.argument, model.LinesSpec):
            return super().on_for(step, indent)
        (put,) = step.steps
        return self._put(self.subject(put), step.argument, indent)

    def on_repeat(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a loop; a derived one may put pills."""
        lines = super().on_repeat(step, indent)
        last = step.steps[-1] if step.steps and step.where is None else None
        pill = last is not None and last.verb == "put" and last.argument is None
        return [*lines[:-1], f"{lines[-1]}  # a poison pill"] if pill else lines

    def _put(self, queue: str, items: model.Items, indent: int) -> list[str]:
        first, variable = items[0], self.identifiers.own("item")
        if len(items) == 1:
            return self.lay(call(f"{queue}.put", self.literal(first)), indent)
        put, given = variable, list(items)
        if isinstance(first, model.CallSpec) and all(_calls_the_same(first, item) for item in items):
            # The same call on one argument after the other: the arguments are what is listed.
            put = f"{self.scope.helper('Call')}({self.scope.function(first.function)}, {variable})"
            given = [item.args[0] for item in items]
        head = self.lay(range_of(given) or self.literal(given), indent, f"for {variable} in ", ":")
        return [*head, f"{' ' * indent}    {queue}.put({put})"]


def _calls_the_same(first: model.CallSpec, item: Any) -> bool:
    same = isinstance(item, model.CallSpec) and item.function == first.function
    return same and len(item.args) == 1 and not item.kwargs


def in_place_of_use(steps: Iterable[model.Step]) -> Iterator[model.Step]:
    """Yield the steps, and instead of a `use` the steps that it consists of."""
    for step in steps:
        yield from step.steps if step.verb == "use" else (step,)


class _SharedStatements:
    """Writes the statements about shared data, and the definitions of the managers that serve remote ones."""

    def __init__(self, scope: script_names.Scope) -> None:
        self._scope = scope
        self.definitions: list[str] = []

    def create(self, spec: model.SharedSpec, indent: int) -> list[str]:
        """Return the statements that create it."""
        name = self._scope.identifiers.resource(spec.name)
        if spec.remote:
            return self._serve(spec, name, indent)
        lines = layout(self.made(spec), indent, f"{name} = ")
        if spec.type == "SharedMemory" and spec.value is not None:
            data = str(spec.value).encode()
            lines.append(f"{' ' * indent}{name}.buf[:{len(data)}] = {bytes_literal(data)}")
        return lines

    def made(self, spec: model.SharedSpec) -> Expression:
        """Return what creates it."""
        match spec.type:
            case "Value" | "Array":
                return self._in_memory(spec)
            case "SharedMemory":
                return call(self._scope.use(_MEMORY, spec.type), "create=True", f"size={plan.memory_size(spec)}")
            case "ShareableList":
                return call(self._scope.use(_MEMORY, spec.type), *self._content(spec))
        kind = f"{self._scope.identifiers.own('manager')}.{spec.type.replace('Manager', '')}"
        return call(kind, *self._content(spec))

    def _content(self, spec: model.SharedSpec) -> list[Expression]:
        """Return what something is created with."""
        if spec.type in ("ManagerValue", "ManagerArray"):
            return [literal(spec.typecode), plan.managed_content(spec, lambda data: flat(literal(data)))]
        if spec.type == "Namespace":
            return keywords({name: literal(content, self._scope) for name, content in (spec.value or {}).items()})
        if spec.type == "ManagerQueue":
            return [str(spec.size)] if spec.size else []
        return [] if spec.value is None else [literal(spec.value, self._scope)]

    def _in_memory(self, spec: model.SharedSpec) -> Expression:
        parts: list[Expression] = [literal(spec.typecode)]
        if spec.value is not None:
            parts.append(bytes_literal(str(spec.value).encode()) if spec.typecode == "c" else literal(spec.value))
        elif spec.type == "Array":
            parts.append(str(spec.size))
        if spec.lock is not True:
            lock = self._scope.identifiers.resource(spec.lock) if isinstance(spec.lock, str) else "False"
            parts.append(keyword("lock", lock))
        return call(self._scope.use("multiprocessing", spec.type), *parts)

    def release(self, spec: model.SharedSpec) -> list[str]:
        """Return the statements that remove it."""
        name = self._scope.identifiers.resource(spec.name)
        return plan.release(spec, f"{name}_manager" if spec.remote else name)

    def _serve(self, spec: model.SharedSpec, name: str, indent: int) -> list[str]:
        kind = "".join(word.capitalize() for word in name.split("_")) + "Manager"
        base = self._scope.use(_MANAGERS, "BaseManager")
        proxy = _PROXIES.get(spec.type)
        proxied = f", {self._scope.use(_MANAGERS, proxy)}" if proxy else ""
        called = spec.type.replace("Manager", "")
        self.definitions += [
            "\n".join(layout(self._held(spec), 0, f"{name}_held = ")),
            f"def get_{name}():\n    return {name}_held",
            f'class {kind}({base}):\n    """Serves a {called}, as get(), to those who know its address and its key."""'
            f'\n\n\n{kind}.register("get", get_{name}{proxied})',
        ]
        manager = f"{name}_manager"
        made = call(kind, '("127.0.0.1", 0)', bytes_literal(spec.authkey.encode()))
        margin = " " * indent
        return [
            *layout(made, indent, f"{manager} = "),
            f"{margin}{manager}.start()",
            f"{margin}{name} = {manager}.address",
        ]

    def _held(self, spec: model.SharedSpec) -> Expression:
        content = self._content(spec)
        if spec.type in ("Namespace", "ManagerQueue"):
            where = (_MANAGERS, "Namespace") if spec.type == "Namespace" else ("queue", "Queue")
            return call(self._scope.use(*where), *content)
        return content[0] if content else "{}" if spec.type == "dict" else "[]"


# The whole script


_IMPORT_WIDTH = 88
"""Import sorters break lines at their own default width."""

_CALLED = "\n\n    __call__ = process"
"""For code that is not shown here, which may use it so."""


def is_named_like_a_class(reference: str) -> bool:
    """Return whether `package.module:Name` is spelled as classes usually are."""
    return reference.rpartition(".")[2].rpartition(":")[2].lstrip("_")[:1].isupper()


def script(
    scenario: model.Scenario,
    steps: Sequence[model.Step],
    is_class: Callable[[str], bool] = is_named_like_a_class,
) -> str:
    """Return the script; `is_class` returns of a `package.module:name` whether it is a subclass of Process."""
    steps = list(in_place_of_use(steps))
    scope = Scope(scenario, steps, is_class)
    of_steps = functions(scenario, scope.identifiers, scope.taken | {found.bound for found in scope.imports}, scope)
    main = []
    if scenario.start_method:
        main = [f'    {scope.use("multiprocessing", "set_start_method")}("{scenario.start_method}")', ""]
    # A function can return, and has names of its own.
    returns = any(step.verb == "return" for step in everywhere(steps))
    in_function = returns or bool(scope.shadowing or scope.constants(steps))
    statements = Statements(scenario, steps, scope, of_steps, in_function=in_function)
    main += statements.lines() or ["    pass"]
    if rest := _rest(scenario):
        main += ["", f"    # The script ends here: {rest}."]
    of_processes = ["\n".join(written(each, scope, of_steps)) for each in dict.fromkeys(of_steps.values())]
    if "Call" in scope.definitions and any(":" in each for each in functions_named(scenario, steps)):
        scope.definitions["Call"] += _CALLED
    definitions = [*scope.definitions.values(), *statements.shared.definitions, *of_processes]
    if in_function:
        definitions.append("\n".join(["def main():", *main]))
        main = ["    main()"]
    parameters = statements.assign(scope.constants(), 0)
    head = "\n".join([*docstring(_about(scenario)), "", *import_lines(scope.imports)])
    constants = [text for text in definitions if not text.startswith(("def ", "class "))]
    head = "\n\n".join([head, *constants, *(["\n".join(parameters)] if parameters else [])])
    others = [text for text in (*definitions, "\n".join(scope.aliases)) if text and text not in constants]
    parts = [head, *others, "\n".join(['if __name__ == "__main__":', *main])]
    return ("\n\n\n" if len(parts) > 2 else "\n\n").join(parts) + "\n"


def _about(scenario: model.Scenario) -> str:
    title = sanitize(scenario.title.strip() or scenario.name)
    paragraphs = [title if title[-1:] in ".!?" else f"{title}."]
    if scenario.source:
        paragraphs.append(f"Source: {sanitize(scenario.source)}")
    if scenario.params:
        paragraphs.append(f"With {sanitize(', '.join(assignments(scenario.params)))}.")
    return "\n\n".join(paragraphs)


def _rest(scenario: model.Scenario) -> str:
    """Return what is done at the end of the main program with the processes that are left."""
    processes = [process for process in scenario.processes if process.worker == "process" and not process.parent]
    threads = [process for process in scenario.processes if process.worker == "thread"]
    words = ["terminates the daemons"] if any(process.daemon for process in processes) else []
    if any(not process.daemon and not process.join for process in processes):
        words.append("waits for the others" if words else "waits for the processes")
    ends = [f"multiprocessing {' and '.join(words)}"] if words else []
    if any(not thread.daemon and not thread.join for thread in threads):
        ends.insert(0, "Python waits for the other threads")
    if any(thread.daemon for thread in threads):
        ends.append("daemons among the threads are cut off" if processes else "daemons are cut off")
    return "; ".join(ends)


def import_lines(imports: Iterable[Import]) -> Iterator[str]:
    """Yield the imports: the standard library's, then those of the scenario's own targets."""
    standard = {found for found in imports if found.module.partition(".")[0] in sys.stdlib_module_names}
    for number, block in enumerate((standard, set(imports) - standard)):
        if block and number:
            yield ""
        ordered = sorted(block, key=lambda found: (bool(found.name), found.module, found.alias, found.name))
        for (is_from, module, alias), same in groupby(ordered, lambda each: (bool(each.name), each.module, each.alias)):
            names = [found.name for found in same]
            renamed = f" as {alias}" if alias else ""
            line = f"from {module} import {', '.join(names)}{renamed}" if is_from else f"import {module}{renamed}"
            wrapped = f"from {module} import (\n    " + ",\n    ".join(names) + ",\n)"
            yield line if len(line) <= _IMPORT_WIDTH or len(names) == 1 else wrapped
