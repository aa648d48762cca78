"""A draft without errors → the frozen Scenario."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from run_scenario.expectations import Expectation
from run_scenario.language.draft import Draft, Fields, ProcessDraft, ResourceDraft, shared_type
from run_scenario.language.main_draft import groups, read_steps
from run_scenario.language.pool_checks import method_of
from run_scenario.language.problems import Problems
from run_scenario.language.yaml_nodes import Mapping, Node, plain
from run_scenario.model import (
    CallSpec,
    Connection,
    Cpus,
    Do,
    Item,
    PipeSpec,
    PoolCall,
    PoolSpec,
    PoolType,
    ProcessSpec,
    QueueSpec,
    QueueType,
    Scenario,
    SharedSpec,
    SharedType,
    StartMethod,
    StopMethod,
    SyncSpec,
    SyncType,
    Worker,
)


def build(draft: Draft, problems: Problems, *, name: str, path: str, digest: str) -> Scenario:
    """Return the scenario; `problems` (of which none is an error) knows the file's name for locations."""
    readers: dict[str, int] = {}
    for process in draft.processes:
        for queue in {link.resource for link in process.links if link.direction == "from"}:
            readers[queue] = readers.get(queue, 0) + process.replicas
    fields = draft.fields
    processes = [spec for process in draft.processes for spec in _processes(process, problems)]
    expect = _expect(draft, problems)
    of_main: frozenset[int] | None = frozenset()
    if expect:
        from run_scenario.language.intended_ends import allow, main_exitcodes

        processes, of_main = list(allow(processes, expect)), main_exitcodes(expect)
    return Scenario(
        name=name,
        file=problems.file,
        path=path,
        digest=digest,
        title=fields.text("title"),
        description=fields.text("description"),
        source=fields.text("source"),
        start_method=cast("StartMethod | None", fields.text("start_method") or None),
        timeout=draft.timeout,
        worker=cast("Worker", fields.text("worker") or "process"),
        cpus=_cpus(fields),
        cpus_where=problems.location(fields.value_span("cpus")) if fields.entry("cpus") else None,
        queues=tuple(_queue(queue, readers.get(queue.name, 0), problems) for queue in draft.queues.values()),
        pipes=tuple(_pipe(pipe, problems) for pipe in draft.sections["pipes"].values()),
        sync=tuple(_sync(sync, problems) for sync in draft.sections["sync"].values()),
        shared=tuple(_shared(shared, problems) for shared in draft.sections["shared"].values()),
        pools=tuple(_pool(pool, problems) for pool in draft.sections["pools"].values()),
        main=tuple(_steps(draft)) if fields.entry("main") is not None else None,
        marks=tuple(fields.value("marks", ())),
        expect=expect,
        main_exitcodes=of_main,
        processes=tuple(processes),
    )


def _expect(draft: Draft, problems: Problems) -> tuple[Expectation, ...]:
    if draft.fields.entry("expect") is None:
        return ()
    from run_scenario.language.expect_checks import read_expectations

    return read_expectations(draft, problems)


def _steps(draft: Draft) -> Iterator[Do]:
    """Yield the steps of `main`; one about replicas, or about several, becomes one for each."""
    known = groups(draft)
    for step in read_steps(draft):
        raises = step.fields.text("raises")
        subjects = [subject for name, _ in step.subjects for subject in known.get(name, [name])]
        for subject in subjects or [""]:
            yield Do(step.verb.name, subject, step.value, step.options, raises)


def _cpus(fields: Fields) -> Cpus | None:
    value: Any = fields.value("cpus")
    return tuple(value) if isinstance(value, list) else value


def _queue(queue: ResourceDraft, readers: int, problems: Problems) -> QueueSpec:
    fields = queue.fields
    return QueueSpec(
        name=queue.name,
        type=cast("QueueType", queue.type),
        maxsize=fields.whole("maxsize"),
        items=tuple(_item(node, fields, problems) for node in fields.items("items")),
        poison_pills=readers if fields.flag("poison_pills") else fields.whole("poison_pills"),
        collect=fields.whole("collect"),
        close=fields.flag("close"),
        join_thread=fields.flag("join_thread"),
        join=fields.flag("join", queue.type == "JoinableQueue"),
        where=problems.location(queue.span),
    )


def _pipe(pipe: ResourceDraft, problems: Problems) -> PipeSpec:
    fields = pipe.fields
    return PipeSpec(
        name=pipe.name,
        duplex=fields.flag("duplex", True),
        close_unused=fields.flag("close_unused", True),
        where=problems.location(pipe.span),
    )


def _sync(sync: ResourceDraft, problems: Problems) -> SyncSpec:
    fields = sync.fields
    return SyncSpec(
        name=sync.name,
        type=cast("SyncType", sync.type),
        value=fields.whole("value", 1),
        parties=fields.whole("parties"),
        timeout=fields.number("timeout"),
        lock=fields.text("lock"),
        where=problems.location(sync.span),
    )


def _shared(shared: ResourceDraft, problems: Problems) -> SharedSpec:
    fields = shared.fields
    return SharedSpec(
        name=shared.name,
        type=cast("SharedType", shared_type(fields)),
        typecode=fields.text("typecode"),
        value=fields.value("value"),
        size=fields.whole("size"),
        lock=fields.text("lock") or fields.flag("lock", True),
        remote=fields.flag("remote"),
        authkey=fields.text("authkey"),
        where=problems.location(shared.span),
    )


def _pool(pool: ResourceDraft, problems: Problems) -> PoolSpec:
    fields = pool.fields
    return PoolSpec(
        name=pool.name,
        type=cast("PoolType", pool.type),
        processes=None if fields.value("processes") == "cpu_count" else fields.value("processes"),
        maxtasksperchild=fields.value("maxtasksperchild"),
        initializer=fields.text("initializer"),
        initargs=tuple(fields.value("initargs", ())),
        calls=tuple(_pool_call(Fields(node, fields.bad), problems) for node in fields.items("calls")),
        end="terminate" if fields.text("end") == "terminate" else "close",
        where=problems.location(pool.span),
    )


def _pool_call(fields: Fields, problems: Problems) -> PoolCall:
    method = method_of(fields)
    over: Any = fields.value("over", ())
    items = range(over["range"]) if isinstance(over, dict) else over
    return PoolCall(
        method=method,
        function=fields.text(method),
        items=tuple(items),
        args=tuple(fields.value("args", ())),
        kwargs=dict(fields.value("kwargs", {})),
        chunksize=fields.value("chunksize"),
        timeout=fields.number("timeout"),
        raises=fields.text("raises"),
        where=problems.location(fields.span),
    )


def _item(node: Node, queue: Fields, problems: Problems) -> Item:
    if not isinstance(node, Mapping) or "call" not in node.entries:
        return plain(node)
    fields = Fields(node, queue.bad)
    return CallSpec(fields.text("call"), *_arguments(fields), where=problems.location(node.span))


def _processes(process: ProcessDraft, problems: Problems) -> Iterator[ProcessSpec]:
    """Yield one specification per replica."""
    fields = process.fields
    args, kwargs = _arguments(fields)
    where = problems.location(fields.span)
    target_where = problems.location(fields.value_span("target"))
    exitcodes, any_exitcode = _exitcodes(fields)
    connections = tuple(
        Connection(link.parameter, link.resource, link.direction, problems.location(link.resource_span))
        for link in process.links
    )
    stop: StopMethod | None = "kill" if fields.flag("kill") else "terminate" if fields.flag("terminate") else None
    for name in process.names():
        yield ProcessSpec(
            name=name,
            named=bool(process.name),
            target=process.target,
            args=args,
            kwargs=dict(kwargs),
            connections=connections,
            worker=process.worker,
            daemon=fields.flag("daemon"),
            delay=fields.number("delay") or 0.0,
            join=fields.flag("join", True),
            join_timeout=fields.number("join_timeout"),
            stop=stop,
            exitcodes=exitcodes,
            any_exitcode=any_exitcode,
            where=where,
            target_where=target_where,
        )


def _arguments(fields: Fields) -> tuple[tuple[Any, ...], dict[str, Any]]:
    kwargs = {entry.key: plain(entry.value) for entry in fields.mapping("kwargs")}
    return tuple(plain(node) for node in fields.items("args")), kwargs


def _exitcodes(fields: Fields) -> tuple[frozenset[int] | None, bool]:
    """Return the exit codes the file allows (None if it does not say), and whether it allows every end."""
    value: Any = fields.value("exitcode")
    if value is None or value == "any":
        return None, value == "any"
    return frozenset(value if isinstance(value, list) else [value]), False
