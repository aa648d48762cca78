"""What the main program does as numbered lines, in the words of Python code.

An exported script (`script`) has the same statements in full; what both write alike is public here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from run_scenario import targets
from run_scenario.counting import plural
from run_scenario.report.script.functions import StepFunction, functions, head
from run_scenario.report.script.layout import Expression, FullNames, call, flat, literal, preceded, tuple_of
from run_scenario.report.script.names import Identifiers, functions_named, parameters_read
from run_scenario.report.script.steps import INDENT, StepWriter, range_of
from run_scenario.report.terminal.cells import width_of, wrap
from run_scenario.report.text import number, sanitize, value
from run_scenario.scenario import model
from run_scenario.scenario.expressions import is_computed
from run_scenario.scenario.plan import Created, Manager, created, removed
from run_scenario.scenario.processes import by_parameter
from run_scenario.scenario.steps import POOLS, PROCESS, VERBS, uncertain_pools

_LONGEST_ITEM = 60
_LONGEST_LIST = 100
"""Characters of a list of items beyond which it is abbreviated."""
_MOST_SHOWN = 6
"""Items that a pool works on; of more, the last one is shown, too."""

_RESERVED = frozenset(
    (
        *("item", "os", "time", "sleep", "Call", "partial", "range", "Process", "Thread", "supervise", "Restart"),
        *("Queue", "JoinableQueue", "SimpleQueue", "Pipe", "Pool", "exitcode", "number"),
        *("Value", "Array", "SharedMemory", "ShareableList", "Manager", "manager", "serve"),
        *("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Barrier"),
    )
)
"""Names that the lines use for something else."""


def lines(scenario: model.Scenario, steps: Iterable[model.Step]) -> list[str]:
    """Return the lines of what the main program creates, does and removes, such as `worker_1.join(1)`."""
    steps = list(steps)
    return _Writer(scenario, steps).lines(steps)


def numbered(scenario: model.Scenario, steps: Iterable[model.Step], columns: int | None = None) -> str:
    """Return the lines as text, each with its number; before them, the parameters that expressions read, and the
    steps of processes, as functions.

    On a terminal of so many columns, a long line goes on below, between two words.
    """
    steps = list(steps)
    writer = _Writer(scenario, steps)
    written_ = writer.lines(steps)
    width = len(str(len(written_)))
    parts = [parameters] if (parameters := writer.assign(parameters_read(scenario, steps), 0)) else []
    before = "".join(
        "".join(_broken("", line, columns) for line in lines) + "\n" for lines in (*parts, *writer.functions())
    )
    return before + "".join(
        _broken(f"{position:>{width}}  ", line, columns) for position, line in enumerate(written_, start=1)
    )


def _broken(head: str, line: str, columns: int | None) -> str:
    """Return a line behind its head; what has no room beside it, below it and further in."""
    if columns is None or width_of(head + line) <= columns:
        return f"{head}{line}\n"
    first, *more = wrap(line, columns - len(head) - INDENT, columns - len(head))
    return f"{head}{first}\n" + "".join(" " * (len(head) + INDENT) + f"{part}\n" for part in more)


class _Scope(FullNames):
    """What is not the steps' own is called by its plain name."""

    def function(self, reference: str) -> str:
        """Return what a function is called."""
        return _function(reference)


class _StepWriter(StepWriter):
    """Writes steps on lines that are as long as they are."""

    def lay(self, expression: Expression, indent: int, before: str = "", after: str = "") -> list[str]:
        """Return the line of a statement."""
        return [" " * indent + before + flat(expression) + after]

    def passing(self, raised: str) -> str:
        """Return nothing: what is expected is said behind the step."""
        return ""

    def expecting(self, raised: str, write: Callable[[int], list[str]], indent: int) -> list[str]:
        """Return the lines, and which exception is expected."""
        *others, last = write(indent)
        return [*others, f"{last}  # expected to raise {raised}"]

    def unnamed(self, step: model.Step, made: Expression) -> Expression:
        """Return the statement for an answer that has no name."""
        answer = VERBS[step.verb].answer
        return preceded(f"{answer} = ", made) if answer else made

    def statements(self, steps: Sequence[model.Step]) -> list[str]:
        """Return the lines of the steps of a function."""
        return self.block(steps, INDENT) if steps else []

    def statement(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a step, and what a process that is started begins with."""
        lines = super().statement(step, indent)
        if step.verb != "start" or not step.steps:
            return lines
        # Each of a thousand processes may have a thousand of them.
        closes = "; ".join([f"{self.subject(close)}.close()" for close in step.steps])
        return [*lines[:-1], f"{lines[-1]}  # if it is forked, it begins with {closes}"]

    def made_active_children(self, step: model.Step) -> Expression:
        """Return what is asked."""
        return call(step.verb)


def _subject(function: StepFunction, step: model.Step) -> str:
    """Return what a step of a function is done to."""
    if step.kind != PROCESS:
        return function.subject(step)
    if isinstance(step.subject, str):
        return function.identifiers.process(step.subject)
    return f"processes[{flat(literal(step.subject))}]"


class _Writer(_StepWriter):
    """Writes the lines, with an identifier for each process and resource."""

    def __init__(self, scenario: model.Scenario, steps: Sequence[model.Step]) -> None:
        known = {*_RESERVED, *functions_named(scenario, steps), *parameters_read(scenario, steps)}
        identifiers = Identifiers(known)
        super().__init__(_Scope(), identifiers, self._named)
        self.resource, self.process, self.result = identifiers.resource, identifiers.process, identifiers.result
        self._scenario = scenario
        self._pools = {pool.name: pool for pool in scenario.pools}
        self._uncertain = uncertain_pools(steps)
        self.restarts = {spec.name: spec.restart for spec in scenario.processes if spec.restart is not None}
        for name in (spec.name for spec in scenario.resources if any(each.steps for each in scenario.processes)):
            self.resource(name)
        self._functions = functions(scenario, identifiers, known)

    def functions(self) -> Iterator[list[str]]:
        """Yield the lines of the functions of processes with steps."""
        for function in dict.fromkeys(self._functions.values()):
            body = _StepWriter(self.scope, function.identifiers, partial(_subject, function))
            body.restarts = self.restarts
            lines = [*head(function, body), *self._children(function), *body.statements(function.before)]
            lines += body.statements(function.specs[0].steps) or self._call_target(function)
            yield lines + body.statements(function.after)

    def lines(self, steps: Iterable[model.Step]) -> list[str]:
        """Return all lines."""
        return [*self.creation(), *(line for step in steps for line in self.step(step)), *self.removal()]

    def creation(self) -> Iterator[str]:
        """Yield the lines before the first step."""
        if self._scenario.cpus is not None:
            yield f"os.sched_setaffinity(0, {cpu_set(self._scenario.cpus, 'os.sched_getaffinity')})"
        for found in created(self._scenario):
            yield self._create(found)
        for process in self._scenario.processes:
            if not process.parent:
                yield self._create_process(process, self.identifiers)

    def removal(self) -> Iterator[str]:
        """Yield the lines after the last step."""
        for found in removed(self._scenario):
            if isinstance(found, Manager):
                yield "manager.shutdown()"
            else:
                yield "; ".join(release(found, self.resource(found.name)))

    def step(self, step: model.Step) -> list[str]:
        """Return the lines of a step: one, unless it is a block of the file."""
        if step.verb == "use":  # its end is nothing by itself
            made = [inner for inner in step.steps if inner.verb in ("create", "next_call", "result")]
            end = "; ".join(line for inner in step.steps if inner not in made for line in self.statement(inner, 0))
            return [*(line for inner in made for line in self.statement(inner, 0)), end]
        lines = self.statement(step, 0)
        if step.where is None and len(lines) > 1:
            return [f"{lines[0]} {'; '.join(map(str.strip, lines[1:]))}"]
        return lines

    def _named(self, step: model.Step) -> str:
        """Return what a step is done to."""
        if isinstance(step.subject, str):
            return self.process(step.subject) if step.kind == PROCESS else self.resource(step.subject)
        kind = "processes" if step.kind == PROCESS else "resources"
        return f"{kind}[{flat(literal(step.subject))}]"

    def statement(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a step."""
        margin = " " * indent
        match step.verb:
            case "create":
                made = f"{margin}{self.resource(step.subject)} = {self._new_pool(step)}"
                return [made, *self._list_of_results(step, indent)]
            case "next_call" if step.argument is not None:
                made = self._call_pool(step, step.argument.replace(**step.options))
            case "result" if step.argument is not None:
                made = pool_result(step.argument, self.result(step.subject, step.argument.number))
            case "result":
                method = "result" if step.kind == "executor" else "get"
                made = f"{self.resource(step.subject)}_results.pop(0).{method}()"
            case _:
                return super().statement(step, indent)
        made = f"{margin}{step.name} = {made}" if step.name else margin + made
        raised = step.raises or (step.argument.raises if step.argument is not None else "")
        return self.expecting(raised, lambda _: [made], indent) if raised else [made]

    def _new_pool(self, step: model.Step) -> str:
        return _pool_expression(self._pools[step.subject], self.resource)

    def _list_of_results(self, step: model.Step, indent: int) -> list[str]:
        """Return the line that makes the list of what calls return that do not wait, if there is one."""
        if step.subject not in self._uncertain:
            return []
        return [f"{' ' * indent}{self.resource(step.subject)}_results = []"]

    def before_with(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines that a `with` needs before it."""
        return self._list_of_results(step, indent) if step.kind in POOLS else []

    def held(self, step: model.Step) -> Expression:
        """Return what stands after `with`."""
        if step.kind not in POOLS:
            return super().held(step)
        return f"{self._new_pool(step)} as {self.resource(step.subject)}"

    def on_for(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a loop over items; a derived one is abbreviated, or the one item that there is."""
        if step.where is not None or isinstance(step.argument, model.LinesSpec):
            return super().on_for(step, indent)
        if len(step.argument) > 1:
            shown, comment = _items(step.argument)
            *others, last = self.block(step.steps, indent + 4)
            return [f"{' ' * indent}for {step.subject} in {shown}:", *others, last + comment]
        (put,) = step.steps
        return [f"{' ' * indent}{self.subject(put)}.{put.verb}({value(step.argument[0], _LONGEST_ITEM)})"]

    def _create(self, found: Created) -> str:
        match found:
            case Manager():
                return "manager = Manager()"
            case model.QueueSpec() as queue:
                return f"{self.resource(queue.name)} = {queue.type}({queue_size(queue)})"
            case model.PipeSpec() as pipe:
                left, right = (self.resource(f"{pipe.name}.{end}") for end in model.PIPE_ENDS)
                return f"{left}, {right} = Pipe({'' if pipe.duplex else 'duplex=False'})"
            case model.SharedSpec() as shared:
                return f"{self.resource(shared.name)} = {_shared_expression(shared, self.resource)}"
            case model.SyncSpec() as sync:
                arguments = ", ".join(sync_arguments(sync, self.resource))
                manager = "manager." if sync.is_managed else ""
                return f"{self.resource(sync.name)} = {manager}{sync.type}({arguments})"

    def _children(self, parent: StepFunction) -> list[str]:
        """Return the lines that create the processes that a process starts itself."""
        return [f"    {self._create_process(each, parent.identifiers)}" for each in parent.children]

    def _call_target(self, parent: StepFunction) -> list[str]:
        spec = parent.specs[0]
        arguments = [*map(value, spec.args)]
        bound = by_parameter(spec.bindings, parent.identifiers.resource)
        arguments += [f"{name}={_listed(each)}" for name, each in bound.items()]
        arguments += [f"{name}={_argument(spec.target, name, given)}" for name, given in spec.kwargs.items()]
        return [f"    {_function(spec.target)}({', '.join(arguments)})"]

    def _create_process(self, process: model.ProcessSpec, names: Identifiers) -> str:
        arguments = [f"name={process.name!r}"] if process.named else []
        if function := self._functions.get(process.name):
            arguments.append(f"target={function.name}")
            if given := function.arguments(process, names.resource):
                arguments.append(f"args={flat(tuple_of(given))}")
            return self._created(process, arguments, names)
        arguments.append(f"target={_function(process.target)}")
        if process.args:
            arguments.append(f"args={_tuple(process.args)}")
        bound = by_parameter(process.bindings, names.resource)
        keywords = [f"{name!r}: {_listed(each)}" for name, each in bound.items()]
        keywords += [f"{name!r}: {_argument(process.target, name, given)}" for name, given in process.kwargs.items()]
        if keywords:
            arguments.append(f"kwargs={{{', '.join(keywords)}}}")
        return self._created(process, arguments, names)

    def _created(self, process: model.ProcessSpec, arguments: list[str], names: Identifiers) -> str:
        if process.daemon:
            arguments.append("daemon=True")
        kind = "Thread" if process.worker == "thread" else "Process"
        line = f"{names.process(process.name)} = {kind}({', '.join(arguments)})"
        if process.surroundings is None:
            return line
        return f"{line}  # it has its own {', '.join(f'{k}={value(v)}' for k, v in process.surroundings.given.items())}"

    def _call_pool(self, step: model.Step, given: model.PoolCall) -> str:
        name, kind = self.resource(step.subject), self._pools[step.subject].type
        made = f"{name}.{given.method}({', '.join(_pool_arguments(given, kind))})"
        if not given.waits and step.subject in self._uncertain:
            return f"{name}_results.append({made})"
        if not given.waits:
            return f"{self.result(step.subject, given.number)} = {made}"
        lazy = given.method in ("imap", "imap_unordered")
        if step.name:
            return f"list({made})" if lazy or kind == "executor" else made
        if lazy and given.timeout is not None:
            over = given.items
            counted = f"range({len(over)})" if isinstance(over, tuple) else _given(over)
            return f"results = {made}; for _ in {counted}: results.next({number(given.timeout)})"
        return f"for _ in {made}: pass" if lazy or kind == "executor" else made


# Parts that a script writes, too


def queue_size(queue: model.QueueSpec) -> str:
    """Return the argument of a queue's constructor, if it needs one."""
    return f"maxsize={queue.maxsize}" if queue.maxsize else ""


def sync_arguments(sync: model.SyncSpec, resource: Callable[[str], str]) -> list[str]:
    """Return the arguments of a synchronization object's constructor."""
    match sync.type:
        case "Semaphore" | "BoundedSemaphore":
            return [] if sync.value == 1 else [str(sync.value)]
        case "Barrier":
            return [str(sync.parties)] + ([] if sync.timeout is None else [f"timeout={number(sync.timeout)}"])
        case "Condition":
            return [resource(sync.lock)] if sync.lock else []
    return []


def memory_size(shared: model.SharedSpec) -> int:
    """Return the bytes of a block of shared memory: those that are asked for, or as many as its value needs."""
    return max(shared.size, len(str(shared.value or "").encode()))


def managed_content(shared: model.SharedSpec, written: Callable[[Any], str]) -> str:
    """Return what a manager's Value or Array begins with; `written` writes data."""
    if shared.value is None and shared.type == "ManagerArray":
        return f"[{written(shared.initial[0])}] * {shared.size}"
    return written(shared.initial)


def release(shared: model.SharedSpec, name: str) -> list[str]:
    """Return the calls by which something shared is removed at the end."""
    if shared.remote:
        return [f"{name}.shutdown()"]
    block = f"{name}.shm" if shared.type == "ShareableList" else name
    return [f"{block}.close()", f"{block}.unlink()"]


def pool_result(given: model.PoolCall, result: str) -> str:
    """Return the line that asks for the result of a call."""
    method = "result" if given.method == "submit" else "get"
    return f"{result}.{method}({'' if given.timeout is None else number(given.timeout)})"


def cpu_set(cpus: model.Cpus, usable: str) -> str:
    """Return the CPUs as Python writes them; `usable` is the function that returns those that may be used."""
    if isinstance(cpus, int):
        return f"sorted({usable}(0))[:{cpus}]"
    return f"{{{', '.join(map(str, cpus))}}}"


# Parts of a line


def _function(reference: str) -> str:
    return sanitize(reference.replace(":", "."))


def _listed(names: str | list[str]) -> str:
    return names if isinstance(names, str) else f"[{', '.join(names)}]"


def _tuple(values: Sequence[Any]) -> str:
    return f"({', '.join(map(_given, values))}{',' if len(values) == 1 else ''})"


def _keywords(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_given(content)}" for name, content in values.items()]


def _given(data: Any) -> str:
    """Return data as Python writes it, with the expressions in it."""
    return flat(literal(data)) if is_computed(data) else value(data)


def _argument(target: str, name: str, given: Any) -> str:
    """Return a keyword argument's value: the name of a work function stands for the function itself."""
    known = targets.find(target)
    parameter = known.parameter(name) if known else None
    if isinstance(given, list) and any(isinstance(item, model.CallSpec) for item in given):
        return _items(given)[0]
    if parameter is None or parameter.kind != "work":
        return value(given)
    if isinstance(given, dict) and "call" in given:
        arguments = (_function(str(given["call"])), *_keywords(given.get("kwargs") or {}))
        return f"partial({', '.join(arguments)})"
    return _function(given) if isinstance(given, str) else value(given)


def _items(items: Sequence[Any]) -> tuple[str, str]:
    """Return the items as a list, abbreviated in the middle if it is long, and a comment that says how many."""
    written = []
    length = 0
    for item in items[:_LONGEST_LIST]:
        written.append(value(item, _LONGEST_ITEM))
        length += len(written[-1]) + 2
        if length > _LONGEST_LIST and len(items) - len(written) > 1:
            return (
                f"[{', '.join((*written, '...', value(items[-1], _LONGEST_ITEM)))}]",
                f"  # {plural(len(items), 'item')}",
            )
    if len(written) < len(items):
        written += ["...", value(items[-1], _LONGEST_ITEM)]
    return f"[{', '.join(written)}]", ""


def _shared_expression(shared: model.SharedSpec, resource: Callable[[str], str]) -> str:
    content = "" if shared.value is None else repr(shared.value)
    if shared.remote:
        return f"serve({shared.type.replace('Manager', '')}, authkey={shared.authkey.encode()!r})"
    match shared.type:
        case "Value" | "Array":
            return f"{shared.type}({', '.join(_memory_arguments(shared, resource))})"
        case "SharedMemory":
            return f"SharedMemory(create=True, size={memory_size(shared)})"
        case "ManagerQueue":
            return f"manager.Queue({shared.size or ''})"
        case "ManagerValue" | "ManagerArray":
            kind = shared.type.removeprefix("Manager")
            return f'manager.{kind}("{shared.typecode}", {managed_content(shared, repr)})'
        case "ShareableList":
            return f"ShareableList({content})"
        case "Namespace":
            attributes = ", ".join(f"{name}={each!r}" for name, each in (shared.value or {}).items())
            return f"manager.Namespace({attributes})"
    return f"manager.{shared.type}({content})"


def _memory_arguments(shared: model.SharedSpec, resource: Callable[[str], str]) -> list[str]:
    """Return the arguments of `Value` and `Array`."""
    arguments = [f'"{shared.typecode}"']
    if shared.value is not None:
        arguments.append(repr(str(shared.value).encode() if shared.typecode == "c" else shared.value))
    elif shared.type == "Array":
        arguments.append(str(shared.size))
    if isinstance(shared.lock, str):
        arguments.append(f"lock={resource(shared.lock)}")
    elif shared.lock is False:
        arguments.append("lock=False")
    return arguments


def _pool_expression(pool: model.PoolSpec, resource: Callable[[str], str]) -> str:
    executor = pool.type == "executor"
    arguments = [] if pool.processes is None else [str(pool.processes)]
    if pool.initializer:
        arguments.append(f"initializer={_function(pool.initializer)}")
    if pool.initargs or pool.uses:
        given = [*map(value, pool.initargs), *map(resource, pool.uses)]
        arguments.append(f"initargs=({', '.join(given)}{',' if len(given) == 1 else ''})")
    if pool.maxtasksperchild:
        arguments.append(f"{'max_tasks_per_child' if executor else 'maxtasksperchild'}={pool.maxtasksperchild}")
    return f"{'ProcessPoolExecutor' if executor else 'Pool'}({', '.join(arguments)})"


def _pool_arguments(given: model.PoolCall, kind: model.PoolType) -> list[str]:
    function = _function(given.function)
    back = [f"{keyword}={_function(name)}" for keyword, name in given.callbacks.items()]
    if given.method in ("apply", "apply_async"):
        args = _tuple(given.args) if isinstance(given.args, tuple) else _given(given.args)
        return [function, args, *([_given(given.kwargs)] if given.kwargs else []), *back]
    if given.method == "submit":
        listed = [*map(_given, given.args)] if isinstance(given.args, tuple) else [f"*{_given(given.args)}"]
        named = _keywords(given.kwargs) if isinstance(given.kwargs, dict) else [f"**{_given(given.kwargs)}"]
        return [function, *listed, *named]
    arguments = [function, _work_items(given.items)]
    if given.chunksize is not None:
        arguments.append(f"chunksize={given.chunksize}")
    if kind == "executor" and given.method == "map" and given.timeout is not None:
        arguments.append(f"timeout={number(given.timeout)}")
    return arguments + back


def _work_items(items: model.Items) -> str:
    """Return what a call goes over: a range where it is one, a list abbreviated in the middle if it is long."""
    if not isinstance(items, tuple):
        return _given(items)
    as_range = range_of(items)
    if as_range is not None and len(items) > 3:
        return as_range
    shown = [_given(item) for item in items[:_MOST_SHOWN]]
    if len(items) > _MOST_SHOWN:
        shown += ["...", _given(items[-1])]
    return f"[{', '.join(shown)}]"
