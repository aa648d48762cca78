"""The main program's steps as numbered lines, in the words of Python code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from run_scenario import model, targets
from run_scenario.views import plan_main, plan_pools
from run_scenario.views.identifiers import Identifiers
from run_scenario.views.python_layout import flat
from run_scenario.views.text import number, plural, scrub, value

_LONGEST_ITEM = 60
_LONGEST_LIST = 100
"""Characters of a list of items beyond which it is abbreviated."""

_TAKEN = frozenset(
    (
        *("item", "os", "time", "sleep", "Call", "partial", "range", "Process", "Thread"),
        *("Queue", "JoinableQueue", "SimpleQueue", "Pipe"),
        *(
            "Value",
            "Array",
            "SharedMemory",
            "ShareableList",
            "Pool",
            "exitcode",
            "number",
            "Manager",
            "manager",
            "serve",
        ),
        *("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Barrier"),
    )
)
"""Names that the lines use for something else."""


def lines(steps: Iterable[model.Step]) -> list[str]:
    """Return one line per step, such as `worker_1.join(1)`."""
    return _Writer().lines(steps)


def numbered(steps: Iterable[model.Step]) -> str:
    """Return the steps as text, one numbered line each."""
    written = lines(steps)
    width = len(str(len(written)))
    return "".join(f"{position:>{width}}  {line}\n" for position, line in enumerate(written, start=1))


class _Writer:
    """Writes the steps, with an identifier for each process and resource."""

    def __init__(self) -> None:
        identifiers = Identifiers(_TAKEN)
        self.resource, self.process, self.result = identifiers.resource, identifiers.process, identifiers.result
        self._kinds: dict[str, model.PoolType] = {}
        self._known: set[str] = set()
        """Names of the processes."""

    def written(self, step: model.Do) -> str:
        name = (self.process if step.subject in self._known else self.resource)(step.subject) if step.subject else ""
        line = flat(plan_main.written(step, name))
        return f"{line}  # expected to raise {step.raises}" if step.raises else line

    def note_pool(self, pool: model.PoolSpec) -> None:
        self._kinds[pool.name] = pool.type

    def pool_call(self, step: model.CallPool) -> str:
        name, result = self.resource(step.pool), self.result(step.pool, step.number) if not step.call.waits else ""
        line = plan_pools.called(name, step, self._kinds[step.pool], result)
        return _on_one_line(line, step.call)

    def pool_result(self, step: model.GetResult) -> str:
        return _on_one_line(plan_pools.got(step, self.result(step.pool, step.number)), step.call)

    def pool_end(self, step: model.EndPool) -> str:
        return "; ".join(plan_pools.ended(self.resource(step.pool), step.method, self._kinds[step.pool]))

    def lines(self, steps: Iterable[model.Step]) -> list[str]:
        steps = list(steps)
        self._known = {step.process.name for step in steps if isinstance(step, model.CreateProcess)}
        return [_WRITERS[type(step)](self, step) for step in steps]


def _item(item: model.Item) -> str:
    """Return one item as Python writes it; a call is the task object that the consumer's `process()` runs."""
    if isinstance(item, model.CallSpec):
        arguments = [value(argument) for argument in item.args]
        arguments += [f"{name}={value(argument)}" for name, argument in item.kwargs.items()]
        return f"Call({', '.join((_function(item.function), *arguments))})"
    return value(item, _LONGEST_ITEM)


def _on_one_line(line: str, call: model.PoolCall) -> str:
    return f"{line}  # expected to raise {call.raises}" if call.raises else line


def _items(items: Sequence[model.Item]) -> tuple[str, str]:
    """Return the items as a list, abbreviated in the middle if it is long, and a comment that says how many."""
    written = []
    length = 0
    for item in items[:_LONGEST_LIST]:
        written.append(_item(item))
        length += len(written[-1]) + 2
        if length > _LONGEST_LIST and len(items) - len(written) > 1:
            return f"[{', '.join((*written, '...', _item(items[-1])))}]", f"  # {plural(len(items), 'item')}"
    if len(written) < len(items):
        written += ["...", _item(items[-1])]
    return f"[{', '.join(written)}]", ""


def _function(reference: str) -> str:
    return scrub(reference.replace(":", "."))


def _argument(target: str, name: str, given: Any) -> str:
    """Return a keyword argument's value: the name of a work function stands for the function itself."""
    known = targets.find(target)
    parameter = known.parameter(name) if known else None
    if parameter is None or parameter.kind != "work":
        return value(given)
    if isinstance(given, dict) and "call" in given:
        keywords = "".join(f", {key}={value(content)}" for key, content in (given.get("kwargs") or {}).items())
        return f"partial({_function(str(given['call']))}{keywords})"
    return _function(given) if isinstance(given, str) else value(given)


def _create(writer: _Writer, step: model.Create) -> str:
    match step.resource:
        case model.QueueSpec() as queue:
            size = f"maxsize={queue.maxsize}" if queue.maxsize else ""
            return f"{writer.resource(queue.name)} = {queue.type}({size})"
        case model.PoolSpec() as pool:
            writer.note_pool(pool)
            return f"{writer.resource(pool.name)} = {plan_pools.created(pool)}"
        case model.PipeSpec() as pipe:
            left, right = (writer.resource(f"{pipe.name}.{end}") for end in model.PIPE_ENDS)
            return f"{left}, {right} = Pipe({'' if pipe.duplex else 'duplex=False'})"
        case model.SharedSpec() as shared:
            return f"{writer.resource(shared.name)} = {shared_expression(shared, writer.resource)}"
        case model.SyncSpec() as sync:
            return f"{writer.resource(sync.name)} = {sync.type}({', '.join(sync_arguments(sync, writer.resource))})"
    raise TypeError(f"a plan cannot say {step!r}")


def sync_arguments(sync: model.SyncSpec, resource: Callable[[str], str]) -> list[str]:
    """Return the arguments of a synchronization object's constructor as Python writes them."""
    match sync.type:
        case "Semaphore" | "BoundedSemaphore":
            return [] if sync.value == 1 else [str(sync.value)]
        case "Barrier":
            return [str(sync.parties)] + ([] if sync.timeout is None else [f"timeout={number(sync.timeout)}"])
        case "Condition":
            return [resource(sync.lock)] if sync.lock else []
    return []


def shared_expression(shared: model.SharedSpec, resource: Callable[[str], str]) -> str:
    """Return what creates something shared, as Python writes it."""
    value = "" if shared.value is None else repr(shared.value)
    if shared.remote:
        return f"serve({shared.type.replace('Manager', '')}, authkey={shared.authkey.encode()!r})"
    match shared.type:
        case "Value" | "Array":
            if shared.typecode == "c" and value:
                value = repr(str(shared.value).encode())
            lock = f", lock={resource(shared.lock)}" if isinstance(shared.lock, str) else ""
            lock = ", lock=False" if shared.lock is False else lock
            given = value or (str(shared.size) if shared.type == "Array" else "")
            return f'{shared.type}("{shared.typecode}"{", " if given else ""}{given}{lock})'
        case "SharedMemory":
            size = max(shared.size, len(str(shared.value or "").encode()))
            return f"SharedMemory(create=True, size={size})"
        case "ManagerQueue":
            return f"manager.Queue({shared.size or ''})"
        case "ShareableList":
            return f"ShareableList({value})"
        case "Namespace":
            arguments = ", ".join(f"{name}={content!r}" for name, content in (shared.value or {}).items())
            return f"manager.Namespace({arguments})"
    return f"manager.{shared.type}({value})"


def release(shared: model.SharedSpec, name: str) -> list[str]:
    """Return the calls by which something shared is removed at the end."""
    if shared.remote:
        return [f"{name}.shutdown()"]
    block = f"{name}.shm" if shared.type == "ShareableList" else name
    return [f"{block}.close()", f"{block}.unlink()"]


def _create_process(writer: _Writer, step: model.CreateProcess) -> str:
    process = step.process
    arguments = [f"name={process.name!r}"] if process.named else []
    arguments.append(f"target={_function(process.target)}")
    if process.args:
        comma = "," if len(process.args) == 1 else ""
        arguments.append(f"args=({', '.join(value(argument) for argument in process.args)}{comma})")
    keywords = [
        f"{connection.parameter!r}: {writer.resource(connection.resource)}" for connection in process.connections
    ]
    keywords += [f"{name!r}: {_argument(process.target, name, given)}" for name, given in process.kwargs.items()]
    if keywords:
        arguments.append(f"kwargs={{{', '.join(keywords)}}}")
    if process.daemon:
        arguments.append("daemon=True")
    kind = "Thread" if process.worker == "thread" else "Process"
    return f"{writer.process(process.name)} = {kind}({', '.join(arguments)})"


def _put_items(writer: _Writer, step: model.PutItems) -> str:
    queue = writer.resource(step.queue)
    if len(step.items) == 1:
        return f"{queue}.put({_item(step.items[0])})"
    items, comment = _items(step.items)
    return f"for item in {items}: {queue}.put(item){comment}"


def cpu_set(cpus: model.Cpus, usable: str) -> str:
    """Return the CPUs as Python writes them; `usable` is the function that returns those that may be used."""
    if isinstance(cpus, int):
        return f"sorted({usable}(0))[:{cpus}]"
    return f"{{{', '.join(map(str, cpus))}}}"


def _times(count: int, call: str) -> str:
    return call if count == 1 else f"for _ in range({count}): {call}"


def _stop(writer: _Writer, step: model.StopIfAlive) -> str:
    name = writer.process(step.process)
    calls = (f"{name}.{step.method}()", f"{name}.is_alive()", f"{name}.join()", f"{name}.is_alive()")
    return f"if {name}.is_alive(): {'; '.join(calls)}"


def _join(writer: _Writer, step: model.Join) -> str:
    timeout = "" if step.timeout is None else number(step.timeout)
    return f"{writer.process(step.process)}.join({timeout})"


def _start(writer: _Writer, step: model.Start) -> str:
    closes = "; ".join(f"{writer.resource(end)}.close()" for end in step.closes)
    return f"{writer.process(step.process)}.start()" + (
        f"  # if it is forked, it begins with {closes}" if closes else ""
    )


_WRITERS: dict[type, Callable[[_Writer, Any], str]] = {
    model.Pin: lambda _, step: f"os.sched_setaffinity(0, {cpu_set(step.cpus, 'os.sched_getaffinity')})",
    model.Create: _create,
    model.Do: lambda writer, step: writer.written(step),
    model.CallPool: lambda writer, step: writer.pool_call(step),
    model.GetResult: lambda writer, step: writer.pool_result(step),
    model.EndPool: lambda writer, step: writer.pool_end(step),
    model.StartManager: lambda _, __: "manager = Manager()",
    model.ShutDownManager: lambda _, __: "manager.shutdown()",
    model.Release: lambda writer, step: "; ".join(release(step.resource, writer.resource(step.resource.name))),
    model.CreateProcess: _create_process,
    model.Sleep: lambda _, step: f"time.sleep({number(step.seconds)})",
    model.Start: _start,
    model.CloseEnd: lambda writer, step: f"{writer.resource(step.end)}.close()",
    model.PutItems: _put_items,
    model.PutPills: lambda writer, step: _times(step.count, f"{writer.resource(step.queue)}.put(None)"),
    model.CloseQueue: lambda writer, step: f"{writer.resource(step.queue)}.close()",
    model.JoinThread: lambda writer, step: f"{writer.resource(step.queue)}.join_thread()",
    model.JoinQueue: lambda writer, step: f"{writer.resource(step.queue)}.join()",
    model.Collect: lambda writer, step: _times(step.count, f"{writer.resource(step.queue)}.get()"),
    model.Join: _join,
    model.IsAlive: lambda writer, step: f"{writer.process(step.process)}.is_alive()",
    model.StopIfAlive: _stop,
}
