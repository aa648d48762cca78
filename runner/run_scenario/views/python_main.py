"""The main program's steps as the statements of a script; what replicas have in common becomes a loop."""

from __future__ import annotations

from collections.abc import Sequence

from run_scenario import model
from run_scenario.views.identifiers import identifier
from run_scenario.views.plan import cpu_set, sync_arguments
from run_scenario.views.plan_main import written
from run_scenario.views.python_layout import Expression, call, keywords, layout, literal, preceded
from run_scenario.views.python_pools import PoolParts
from run_scenario.views.python_process import Creation, Replicas, base_name, replicas
from run_scenario.views.python_raises import expecting
from run_scenario.views.python_scope import Scope
from run_scenario.views.python_shared import SharedParts
from run_scenario.views.text import number

_INDENT = 4
_LONGEST_BLOCK = 4
"""Most steps that are looked at as the body of a loop."""

_PHASES: tuple[tuple[type, ...], ...] = (
    (model.Pin,),
    (model.StartManager, model.Create),
    (model.CreateProcess,),
    (model.Sleep, model.Start, model.CloseEnd),
    (model.PutItems, model.PutPills, model.CloseQueue, model.JoinThread),
    (model.JoinQueue, model.Collect),
    (model.CallPool, model.GetResult),
    (model.EndPool,),
    (model.Join, model.IsAlive, model.StopIfAlive),
    (model.Release, model.ShutDownManager),
)
"""Steps that belong together; between them is an empty line."""


class Main:
    """Writes the steps, one after the other and none left out."""

    def __init__(self, steps: Sequence[model.Step], scope: Scope) -> None:
        self._steps = steps
        self._scope = scope
        self._resource = scope.identifiers.resource
        self.shared = SharedParts(scope)
        self._pools = PoolParts(scope)
        closes = {step.process: step.closes for step in steps if isinstance(step, model.Start) and step.closes}
        self._create = Creation(scope, _INDENT, closes)
        self._groups = {group[0].name: group for group in replicas(steps)}
        self._processes: dict[str, str] = {}
        """What each process is called at this place: a name, or an element of a list."""
        self._lists: dict[str, tuple[str, str]] = {}
        """What one of a group is called in a loop, and the list of all, by the name of the first."""

    def lines(self) -> list[str]:
        """Return the statements, indented once."""
        written: list[str] = []
        phase: tuple[type, ...] = ()
        position = 0
        while position < len(self._steps):
            kind = type(self._steps[position])
            if phase and kind not in phase:
                written.append("")
            phase = next((kinds for kinds in _PHASES if kind in kinds), (kind,))
            lines, length = self._next(position)
            written += lines
            position += length
        return written

    def _next(self, position: int) -> tuple[list[str], int]:
        """Return the statements for the next steps, and how many steps these are."""
        step = self._steps[position]
        if isinstance(step, model.CreateProcess):
            group = self._groups.get(step.process.name)
            return (self._create_group(group), len(group)) if group else (self._create_one(step.process), 1)
        for group in self._groups.values():
            if length := _repeated(self._steps, position, group):
                return self._loop(group, self._steps[position : position + length]), length * len(group)
        return self._statement(step, _INDENT), 1

    def _create_one(self, spec: model.ProcessSpec) -> list[str]:
        name = self._processes[spec.name] = self._scope.identifiers.process(spec.name)
        return self._create.one(spec, name)

    def _create_group(self, group: Replicas) -> list[str]:
        base = identifier(base_name(group[0]), "process")
        many = self._scope.identifiers.new(f"{base}es" if base.endswith("s") else f"{base}s")
        single = self._scope.identifiers.new(base)
        self._lists[group[0].name] = single, many
        self._processes |= {spec.name: f"{many}[{index}]" for index, spec in enumerate(group)}
        return self._create.many(group, single, many)

    def _loop(self, group: Replicas, block: Sequence[model.Step]) -> list[str]:
        """Return a loop over the group whose body are the steps for the first of them."""
        first = group[0].name
        single, many = self._lists[first]
        indexed, self._processes[first] = self._processes[first], single
        body = [line for step in block for line in self._statement(step, 2 * _INDENT)]
        self._processes[first] = indexed
        return [f"{' ' * _INDENT}for {single} in {many}:", *body]

    def _statement(self, step: model.Step, indent: int) -> list[str]:
        """Return the lines of any step but the creation of a process."""
        margin = " " * indent
        match step:
            case model.Create(model.QueueSpec() as spec):
                made = self._scope.use("multiprocessing", spec.type)
                size = f"maxsize={spec.maxsize}" if spec.maxsize else ""
                return [f"{margin}{self._resource(spec.name)} = {made}({size})"]
            case model.Pin(cpus):
                module = self._scope.use("os")
                chosen = cpu_set(cpus, f"{module}.sched_getaffinity")
                return [f"{margin}{module}.sched_setaffinity(0, {chosen})  # its children inherit it"]
            case model.Create(model.PipeSpec() as pipe):
                ends = ", ".join(self._resource(f"{pipe.name}.{end}") for end in model.PIPE_ENDS)
                made = self._scope.use("multiprocessing", "Pipe")
                return [f"{margin}{ends} = {made}({'' if pipe.duplex else 'duplex=False'})"]
            case model.CloseEnd(end):
                return [f"{margin}{self._resource(end)}.close()"]
            case model.Do():
                return self._written(step, indent)
            case model.Create(model.PoolSpec() as pool):
                return self._pools.create(pool, indent)
            case model.CallPool():
                return self._pools.call(step, indent)
            case model.GetResult():
                return self._pools.get(step, indent)
            case model.EndPool():
                return self._pools.end(step, indent)
            case model.Create(model.SharedSpec() as shared):
                return self.shared.create(shared, indent)
            case model.Release(shared):
                return [margin + line for line in self.shared.release(shared)]
            case model.StartManager():
                return [margin + line for line in self.shared.start_manager()]
            case model.ShutDownManager():
                return [f"{margin}manager.shutdown()"]
            case model.Create(model.SyncSpec() as sync):
                made = self._scope.use("multiprocessing", sync.type)
                return [
                    f"{margin}{self._resource(sync.name)} = {made}({', '.join(sync_arguments(sync, self._resource))})"
                ]
            case model.Sleep(seconds):
                return [f"{margin}{self._scope.use('time')}.sleep({number(seconds)})"]
            case model.Start(name):  # what it closes is said where it is created
                return [f"{margin}{self._processes[name]}.start()"]
            case model.PutItems(queue, items):
                return self._put(self._resource(queue), items, indent)
            case model.PutPills(queue, count):
                return _times(count, f"{self._resource(queue)}.put(None)  # a poison pill", margin)
            case model.CloseQueue(queue):
                return [f"{margin}{self._resource(queue)}.close()"]
            case model.JoinThread(queue):
                return [f"{margin}{self._resource(queue)}.join_thread()"]
            case model.JoinQueue(queue):
                return [f"{margin}{self._resource(queue)}.join()"]
            case model.Collect(queue, count):
                return _times(count, f"{self._resource(queue)}.get()", margin)
            case model.Join(name, timeout):
                return [f"{margin}{self._processes[name]}.join({'' if timeout is None else number(timeout)})"]
            case model.IsAlive(name):
                return [f"{margin}{self._processes[name]}.is_alive()  # true if it outlived the wait"]
            case model.StopIfAlive(name, method):
                return [margin + line for line in _stop(self._processes[name], method)]
        raise TypeError(f"a script cannot say {step!r}")

    def _written(self, step: model.Do, indent: int) -> list[str]:
        """Return the lines of a step that the scenario itself asks for."""
        if step.verb in ("active_children", "cpu_count"):
            self._scope.use("multiprocessing", step.verb)
        subject = self._processes.get(step.subject) or (self._resource(step.subject) if step.subject else "")
        statement = written(step, subject) if step.verb != "start" else f"{subject}.start()"
        if not step.raises:
            return layout(statement, indent)
        return expecting(step.raises, layout(statement, indent + _INDENT), indent, self._scope)

    def _put(self, queue: str, items: Sequence[model.Item], indent: int) -> list[str]:
        margin = " " * indent
        if len(items) == 1:
            return layout(call(f"{queue}.put", self._item(items[0])), indent)
        put, given = "item", items
        first = items[0]
        if isinstance(first, model.CallSpec) and all(_calls_the_same(first, item) for item in items):
            # The same call on one argument after the other: the arguments are what is listed.
            put, given = f"Call({self._scope.function(first.function)}, item)", [item.args[0] for item in items]
        elements: Expression = call("", *map(self._item, given)).replace(opening="[", closing="]", is_call=False)
        if all(type(item) is int for item in given) and list(given) == list(range(given[0], given[0] + len(given))):
            elements = f"range({given[0]}, {given[-1] + 1})" if given[0] else f"range({len(given)})"
        return [*layout(preceded("for item in ", elements), indent, after=":"), f"{margin}    {queue}.put({put})"]

    def _item(self, item: model.Item) -> Expression:
        if not isinstance(item, model.CallSpec):
            return literal(item)
        arguments = {key: literal(value) for key, value in item.kwargs.items()}
        return call(
            "Call", self._scope.function(item.function), *(literal(value) for value in item.args), *keywords(arguments)
        )


def _calls_the_same(first: model.CallSpec, item: model.Item) -> bool:
    same = isinstance(item, model.CallSpec) and item.function == first.function
    return same and len(item.args) == 1 and not item.kwargs


def _times(count: int, statement: str, margin: str) -> list[str]:
    if count == 1:
        return [margin + statement]
    return [f"{margin}for _ in range({count}):", f"{margin}    {statement}"]


def _stop(process: str, method: model.StopMethod) -> list[str]:
    return [
        f"if {process}.is_alive():",
        f"    {process}.{method}()",
        f"    {process}.is_alive()  # may still be true: {method}() sends a signal and does not wait",
        f"    {process}.join()",
        f"    {process}.is_alive()  # now it is false",
    ]


def _repeated(steps: Sequence[model.Step], position: int, group: Replicas) -> int:
    """Return how many steps are done for each of the group in turn, from this position on; 0 if none."""
    names = [spec.name for spec in group]
    for length in range(1, _LONGEST_BLOCK + 1):
        block = steps[position : position + length]
        if len(block) < length or not all(_is_about(step, names[0]) for step in block):
            return 0
        if all(isinstance(step, model.Sleep) for step in block):
            continue
        expected = [_for(step, name) for name in names for step in block]
        if list(steps[position : position + len(expected)]) == expected:
            return length
    return 0


def _is_about(step: model.Step, name: str) -> bool:
    """Whether the step may stand in a loop over processes of which this is the first."""
    if isinstance(step, model.Start | model.Join | model.IsAlive | model.StopIfAlive):
        return step.process == name
    return isinstance(step, model.Sleep)


def _for(step: model.Step, name: str) -> model.Step:
    if isinstance(step, model.Start | model.Join | model.IsAlive | model.StopIfAlive):
        return step.replace(process=name)
    return step
