"""The main program's steps as the statements of a script; what replicas have in common becomes a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from run_scenario.report import plan
from run_scenario.report.script import names as script_names
from run_scenario.report.script.functions import StepFunction, plural_of, static_text
from run_scenario.report.script.layout import (
    Expression,
    Group,
    bytes_literal,
    call,
    dictionary,
    flat,
    keyword,
    keywords,
    layout,
    literal,
    preceded,
    tuple_of,
)
from run_scenario.report.script.names import identifier
from run_scenario.report.script.programs import Program, separated
from run_scenario.report.script.steps import INDENT, range_of
from run_scenario.report.text import number
from run_scenario.scenario import model
from run_scenario.scenario.plan import Created, Manager, created, removed
from run_scenario.scenario.steps import POOLS, everywhere, names_read, uncertain_pools

_REFUSALS = ("BrokenProcessPool", "BrokenExecutor", "RuntimeError", "Exception")
"""What `submit()` itself raises when the executor is broken by then, and all that it is a kind of."""

_PROXIES = {"dict": "DictProxy", "list": "ListProxy", "Namespace": "NamespaceProxy"}
_MEMORY = "multiprocessing.shared_memory"
_MANAGERS = "multiprocessing.managers"


class Statements(Program):
    """Writes what a main program creates, its steps, and what it removes, one after the other and none left out."""

    def __init__(
        self,
        scenario: model.Scenario,
        steps: Sequence[model.Step],
        scope: script_names.Scope,
        functions: Mapping[str, StepFunction],
        unread: Iterable[str] = (),
    ) -> None:
        """`steps`: with those that a `use` consists of in its place; `functions`: those of processes with steps."""
        own = [spec for spec in scenario.processes if not spec.parent]
        super().__init__(scope, own, steps, functions, self._resource_of, unread)
        self.restarts = {spec.name: spec.restart for spec in own if spec.restart is not None}
        self._scenario = scenario
        self._resource = scope.identifiers.resource
        self._constants = scope.own_constants(steps)
        self.shared = _SharedStatements(scope)
        self._pools = _PoolStatements(scope, scenario.pools, steps, self.expecting, self.variable)

    def lines(self) -> list[str]:
        """Return the statements, indented once."""
        constants = self.assign(self._constants, INDENT) + self.seeding(self._steps, self._scenario.params, INDENT)
        parts = [
            ("constants", constants),
            ("pin", self._pin()),
            ("creation", self._create_resources()),
            ("processes", self.create_processes()),
        ]
        statements = [*self.statements(self._steps)]
        known = self._own_name() + self.known()
        return separated([*parts, ("known", known), *statements, ("removal", self._remove(INDENT))])

    # Before the first step, and after the last

    def _pin(self) -> list[str]:
        if self._scenario.cpus is None:
            return []
        module = self.scope.use("os")
        chosen = plan.cpu_set(self._scenario.cpus, f"{module}.sched_getaffinity")
        return [f"{' ' * INDENT}{module}.sched_setaffinity(0, {chosen})  # its children inherit it"]

    def _create_resources(self) -> list[str]:
        written: list[str] = []
        families: dict[str, list[Created]] = {}
        for found in created(self._scenario):
            listed = found.family if isinstance(found, model.QueueSpec | model.SyncSpec) else ""
            families.setdefault(listed, []).append(found)
        for found in created(self._scenario):
            listed = found.family if isinstance(found, model.QueueSpec | model.SyncSpec) else ""
            if not listed:
                written += self._create_resource(found)
            elif found is families[listed][0]:
                written += self._create_list(listed, families[listed])
        return written

    def _create_list(self, family: str, members: Sequence[Created]) -> list[str]:
        """Return the creation of replicas as a list."""
        # Each is written as if it stood alone, for the sake of what it is made by.
        made = [line.partition(" = ")[2] for each in members for line in self._create_resource(each)]
        alike = len(set(made)) == 1
        parts = (made[0], f"for _ in range({len(made)})") if alike else tuple(made)
        name = f"{self.identifiers.list_of(family)} = "
        return layout(Group("[", parts, "]", commas=not alike), INDENT, name)

    def _create_resource(self, found: Created) -> list[str]:
        margin = " " * INDENT
        match found:
            case model.SharedSpec() as shared:
                return self.shared.create(shared, INDENT)
            case Manager():
                manager = self.identifiers.own("manager")
                return [f"{margin}{manager} = {self.scope.use('multiprocessing', 'Manager')}()"]
            case model.PipeSpec() as pipe:
                names = ", ".join(self._resource(f"{pipe.name}.{end}") for end in model.PIPE_ENDS)
                kind, arguments = "Pipe", "" if pipe.duplex else "duplex=False"
            case model.QueueSpec() as queue:
                names, kind, arguments = self._resource(queue.name), queue.type, plan.queue_size(queue)
            case model.SyncSpec() as sync:
                names, kind = self._resource(sync.name), sync.type
                arguments = ", ".join(plan.sync_arguments(sync, self._resource))
        return [f"{margin}{names} = {self.scope.use('multiprocessing', kind)}({arguments})"]

    def _own_name(self) -> list[str]:
        """Return the statement that gives the main program's name a name, if an expression reads it."""
        if not any(name == "name" for step in everywhere(self._steps) for name in names_read(step)):
            return []
        return [f"{' ' * INDENT}name = {self.scope.use('multiprocessing', 'current_process')}().name"]

    def _remove(self, indent: int) -> list[str]:
        written: list[str] = []
        for found in removed(self._scenario):
            written += (
                [f"{self.identifiers.own('manager')}.shutdown()"]
                if isinstance(found, Manager)
                else self.shared.release(found)
            )
        return [" " * indent + line for line in written]

    # Steps as the main program has them

    def _resource_of(self, step: model.Step) -> str:
        """Return the resource that a step is done to."""
        if isinstance(step.subject, str):
            return self._resource(step.subject)
        wanted = plural_of(identifier(static_text(step.subject), step.kind.lower()))
        return self.listed(step, wanted, list(model.handles(self._scenario.resources)), self._resource)

    def statement(self, step: model.Step, indent: int, before: model.Step | None = None) -> list[str]:
        """Return the lines of a step that comes after another, if it does."""
        if step.verb in ("create", "next_call", "result"):
            return self._pools.statement(step, indent)
        return super().statement(step, indent, before)

    def held(self, step: model.Step) -> Expression:
        """Return what stands after `with`."""
        return self._pools.held(step.subject) if step.kind in POOLS else super().held(step)

    def before_with(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines that a `with` needs before it."""
        return self._pools.results(step.subject, indent) if step.kind in POOLS else []

    def unnamed(self, step: model.Step, made: Expression) -> Expression:
        """Return the statement for an answer that has no name: what the main program asks or collects is shown."""
        if step.verb in ("get", "get_nowait", "recv"):
            return call(self.scope.builtin("print"), made)
        return super().unnamed(step, made)

    def word(self, step: model.Step, indent: int) -> list[str]:
        """Return the line of a step of one word; before it returns, the program removes what it has to."""
        return [*(self._remove(indent) if step.verb == "return" else []), *super().word(step, indent)]

    def loop(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a loop; a derived one puts items on a queue."""
        if step.where is not None or isinstance(step.argument, model.LinesSpec):
            return super().loop(step, indent)
        (put,) = step.steps
        return self._put(self._resource(put.subject), step.argument, indent)

    def repeat(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of a loop; a derived one may put pills."""
        lines = super().repeat(step, indent)
        last = step.steps[-1] if step.steps and step.where is None else None
        pill = last is not None and last.verb == "put" and last.argument is None
        return [*lines[:-1], f"{lines[-1]}  # a poison pill"] if pill else lines

    def _put(self, queue: str, items: model.Items, indent: int) -> list[str]:
        margin = " " * indent
        if len(items) == 1:
            return layout(call(f"{queue}.put", self.literal(items[0])), indent)
        put = variable = self.identifiers.own("item")
        given = items
        first = items[0]
        if isinstance(first, model.CallSpec) and all(_calls_the_same(first, item) for item in items):
            # The same call on one argument after the other: the arguments are what is listed.
            put, given = f"Call({self.scope.function(first.function)}, {variable})", [item.args[0] for item in items]
        elements = range_of(given) or Group("[", tuple(map(self.literal, given)), "]")
        return [
            *layout(preceded(f"for {variable} in ", elements), indent, after=":"),
            f"{margin}    {queue}.put({put})",
        ]


def _calls_the_same(first: model.CallSpec, item: Any) -> bool:
    same = isinstance(item, model.CallSpec) and item.function == first.function
    return same and len(item.args) == 1 and not item.kwargs


def in_place_of_use(steps: Iterable[model.Step]) -> Iterator[model.Step]:
    """Yield the steps, and instead of a `use` the steps that it consists of."""
    for step in steps:
        yield from step.steps if step.verb == "use" else (step,)


class _PoolStatements:
    """Writes the statements about pools."""

    def __init__(
        self,
        scope: script_names.Scope,
        pools: Iterable[model.PoolSpec],
        steps: Sequence[model.Step],
        expecting: Callable[[str, Callable[[int], list[str]], int], list[str]],
        variable: Callable[[str], str],
    ) -> None:
        """`expecting`, `variable`: see `StepWriter`."""
        self._scope = scope
        self._expecting = expecting
        self._variable = variable
        self._specs = {pool.name: pool for pool in pools}
        self._lists = {
            name: scope.identifiers.new(f"{self._name(name)}_results") for name in sorted(uncertain_pools(steps))
        }
        """Pool -> the list of what its calls that do not wait return, if only the run knows which is the first."""
        self._pending: dict[str, list[model.PoolCall]] = {name: [] for name in self._lists}
        """Pool -> these calls."""
        for step in everywhere(steps):
            if step.verb == "next_call" and step.subject in self._lists and not step.argument.waits:
                self._pending[step.subject].append(step.argument)

    def statement(self, step: model.Step, indent: int) -> list[str]:
        """Return the statements that create a pool, make a call, or ask for a result."""
        spec = self._specs[step.subject]
        if step.verb == "create":
            made = layout(self._create(spec), indent, f"{self._name(spec.name)} = ")
            return [*made, *self.results(spec.name, indent)]
        name = self._variable(step.name) if step.name else ""
        if step.verb == "next_call":
            return self._call(spec, step.argument.replace(**step.options), indent, name)
        if step.argument is None:
            return self._next_result(spec, indent, name)
        return self._get(spec, step.argument, indent, name)

    def held(self, pool: str) -> Expression:
        """Return what stands after `with`."""
        return f"{flat(self._create(self._specs[pool]))} as {self._name(pool)}"

    def results(self, pool: str, indent: int) -> list[str]:
        """Return the statement that makes the list of results, if there is one."""
        return [f"{' ' * indent}{self._lists[pool]} = []"] if pool in self._lists else []

    def _create(self, pool: model.PoolSpec) -> Group:
        """Return the expression that creates a pool."""
        parts: list[Expression] = [] if pool.processes is None else [str(pool.processes)]
        if pool.initializer:
            parts.append(keyword("initializer", self._scope.function(pool.initializer)))
        if pool.initargs:
            parts.append(keyword("initargs", tuple_of(list(map(self._scope.literal, pool.initargs)))))
        if pool.maxtasksperchild:
            limit = "max_tasks_per_child" if pool.type == "executor" else "maxtasksperchild"
            parts.append(f"{limit}={pool.maxtasksperchild}")
        if pool.type == "executor":
            made = self._scope.use("concurrent.futures", "ProcessPoolExecutor")
        else:
            made = self._scope.use("multiprocessing", "Pool")
        return call(made, *parts)

    def _name(self, pool: str) -> str:
        return self._scope.identifiers.resource(pool)

    def _result(self, pool: model.PoolSpec, given: model.PoolCall) -> str:
        return self._scope.identifiers.result(pool.name, given.number)

    def _call(self, pool: model.PoolSpec, given: model.PoolCall, indent: int, name: str) -> list[str]:
        """Return the statements that make a call, and take its results where they come one by one.

        `name`: what the result is called; empty: it is shown.
        """
        executor = pool.type == "executor"
        made = call(f"{self._name(pool.name)}.{given.method}", *self._arguments(given, executor))
        # What is asked for later is what fails; an executor that is broken takes nothing any more.
        refusable = _is_refusable(given, executor)
        show = self._scope.builtin("print")

        def write(indent: int) -> list[str]:
            lazy = given.method in ("imap", "imap_unordered")
            if not given.waits and pool.name in self._lists:
                return layout(call(f"{self._lists[pool.name]}.append", self._pending_entry(pool, made, given)), indent)
            if not given.waits:
                return layout(made, indent, f"{self._result(pool, given)} = ")
            if lazy and given.timeout is not None:
                results, margin = self._scope.identifiers.own("results"), " " * indent
                over = given.items
                counted = f"range({len(over)})" if isinstance(over, tuple) else flat(self._over(over))
                taken = f"{results}.next({number(given.timeout)})"
                begun = layout(made, indent, f"{results} = ")
                if name:
                    return [*begun, f"{margin}{name} = [{taken} for _ in {counted}]"]
                return [*begun, f"{margin}for _ in {counted}:", f"{margin}    {show}({taken})"]
            result = call("list", made) if executor or lazy else made
            return layout(result, indent, f"{name} = ") if name else layout(call(show, result), indent)

        listed = pool.name in self._lists
        first = [f"{' ' * indent}{self._result(pool, given)} = None"] if refusable and not listed else []
        first += _unset(name, given.raises, indent)
        return first + self._guarded(write, given, indent, executor) if given.waits or refusable else write(indent)

    def _arguments(self, given: model.PoolCall, executor: bool) -> list[Expression]:
        function = self._scope.function(given.function)
        computed = [preceded("**", self._scope.literal(given.kwargs))] if not isinstance(given.kwargs, dict) else []
        named = {} if computed else {name: self._scope.literal(value) for name, value in given.kwargs.items()}
        positional = [*map(self._scope.literal, given.args)] if isinstance(given.args, tuple) else []
        if not isinstance(given.args, tuple):
            positional = [preceded("*", self._scope.literal(given.args))]
        back = [keyword(key, self._scope.function(name)) for key, name in given.callbacks.items()]
        if given.method == "submit":
            return [function, *positional, *keywords(named), *computed]
        if given.method in ("apply", "apply_async"):
            args: Expression = tuple_of(positional) if positional else "()"
            if not isinstance(given.args, tuple):
                args = self._scope.literal(given.args)
            options = self._scope.literal(given.kwargs) if computed else dictionary(named)
            return [function, args, *([options] if given.kwargs else []), *back]
        parts: list[Expression] = [function, self._over(given.items)]
        if given.chunksize is not None:
            parts.append(f"chunksize={given.chunksize}")
        if executor and given.timeout is not None:
            parts.append(f"timeout={number(given.timeout)}")
        return parts + back

    def _over(self, items: model.Items) -> Expression:
        if not isinstance(items, tuple):
            return self._scope.literal(items)
        as_range = range_of(items) if len(items) > 3 else None
        return as_range or self._scope.literal(list(items))

    def _get(self, pool: model.PoolSpec, given: model.PoolCall, indent: int, name: str) -> list[str]:
        """Return the statement that asks for a result."""
        executor, result = pool.type == "executor", self._result(pool, given)
        condition = [f"{' ' * indent}if {result} is not None:"] if _is_refusable(given, executor) else []
        asked = self._asked(plan.pool_result(given, result), name)
        lines = self._guarded(lambda inner: [" " * inner + asked], given, indent + 4 * len(condition), executor)
        return _unset(name, given.raises, indent) + condition + lines

    def _asked(self, answer: str, name: str) -> str:
        return f"{name} = {answer}" if name else f"{self._scope.builtin('print')}({answer})"

    def _pending_entry(self, pool: model.PoolSpec, made: Expression, given: model.PoolCall) -> Expression:
        """Return what is kept of a call in the list: with how long its result is waited for, if that differs."""
        if len({each.timeout for each in self._pending[pool.name]}) < 2:
            return made
        return Group("(", (made, "None" if given.timeout is None else number(given.timeout)), ")")

    def _next_result(self, pool: model.PoolSpec, indent: int, name: str) -> list[str]:
        """Return the statements that ask for the first result not asked for yet."""
        listed, executor = self._lists[pool.name], pool.type == "executor"
        timeouts = {each.timeout for each in self._pending[pool.name]}
        method, first = "result" if executor else "get", f"{listed}.pop(0)"
        lines: list[str] = []
        seconds = "".join(number(each) for each in timeouts if each is not None) if len(timeouts) == 1 else ""
        if len(timeouts) > 1:
            first, seconds = self._scope.identifiers.own("answer"), self._scope.identifiers.own("seconds")
            lines.append(f"{' ' * indent}{first}, {seconds} = {listed}.pop(0)")
        raising = {each.raises: each for each in self._pending[pool.name] if each.raises}
        asked = self._asked(f"{first}.{method}({seconds})", name)

        def write(indent: int, others: Sequence[model.PoolCall] = tuple(raising.values())) -> list[str]:
            if not others:
                return [" " * indent + asked]
            return self._guarded(lambda inner: write(inner, others[1:]), others[0], indent, executor)

        return lines + _unset(name, "".join(raising), indent) + write(indent)

    def _guarded(
        self, write: Callable[[int], list[str]], given: model.PoolCall, indent: int, executor: bool
    ) -> list[str]:
        if not given.raises:
            return write(indent)
        # A Pool that is asked with a timeout has an exception of its own, which is not the built-in of that name.
        own = given.raises == "TimeoutError" and given.timeout is not None and not executor
        return self._expecting("multiprocessing.TimeoutError" if own else given.raises, write, indent)


def _unset(name: str, raises: str, indent: int) -> list[str]:
    """Return the statement that gives a result its value where the exception is raised that is expected."""
    return [f"{' ' * indent}{name} = None"] if name and raises else []


def _is_refusable(given: model.PoolCall, executor: bool) -> bool:
    """Whether the scenario goes on if an executor does not even take the call, whose result is then not asked for."""
    return executor and not given.waits and given.raises in _REFUSALS


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
        lines = layout(self._made(spec), indent, f"{name} = ")
        if spec.type == "SharedMemory" and spec.value is not None:
            data = str(spec.value).encode()
            lines.append(f"{' ' * indent}{name}.buf[:{len(data)}] = {bytes_literal(data)}")
        return lines

    def _made(self, spec: model.SharedSpec) -> Expression:
        manager = self._scope.identifiers.own("manager")
        match spec.type:
            case "Value" | "Array":
                return self._in_memory(spec)
            case "SharedMemory":
                return call(self._scope.use(_MEMORY, spec.type), "create=True", f"size={plan.memory_size(spec)}")
            case "ShareableList":
                return call(self._scope.use(_MEMORY, spec.type), self._scope.literal(spec.value))
            case "ManagerQueue":
                return call(f"{manager}.Queue", *([str(spec.size)] if spec.size else []))
            case "Namespace":
                return call(f"{manager}.Namespace", *self._attributes(spec))
        return call(f"{manager}.{spec.type}", *([] if spec.value is None else [self._scope.literal(spec.value)]))

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
        return plan.release(spec, _manager(name) if spec.remote else name)

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
        manager = _manager(name)
        made = call(kind, '("127.0.0.1", 0)', bytes_literal(spec.authkey.encode()))
        margin = " " * indent
        return [
            *layout(made, indent, f"{manager} = "),
            f"{margin}{manager}.start()",
            f"{margin}{name} = {manager}.address",
        ]

    def _attributes(self, spec: model.SharedSpec) -> Iterable[Expression]:
        return keywords({name: self._scope.literal(content) for name, content in (spec.value or {}).items()})

    def _held(self, spec: model.SharedSpec) -> Expression:
        if spec.type == "Namespace":
            return call(self._scope.use(_MANAGERS, "Namespace"), *self._attributes(spec))
        if spec.type == "ManagerQueue":
            return call(self._scope.use("queue", "Queue"), *([str(spec.size)] if spec.size else []))
        empty: Any = {} if spec.type == "dict" else []
        return self._scope.literal(empty if spec.value is None else spec.value)


def _manager(name: str) -> str:
    return f"{name}_manager"
