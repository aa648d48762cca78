"""A draft without errors → the frozen Scenario."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, cast

from run_scenario import targets
from run_scenario.loader.problems import Problems
from run_scenario.loader.reading.checks.expectations import read_expectations
from run_scenario.loader.reading.checks.pools import method_of
from run_scenario.loader.reading.data import DataReader, read_data, read_item
from run_scenario.loader.reading.draft import BindingDraft, Draft, ProcessDraft, ResourceDraft, shared_type
from run_scenario.loader.reading.steps import StepDraft, resolved, text_or_expression
from run_scenario.loader.reading.yaml_parser import Entry, Fields, Mapping, Sequence, plain
from run_scenario.scenario.expectations import Expectation
from run_scenario.scenario.expected_ends import with_expectations
from run_scenario.scenario.expressions import candidates, is_computed
from run_scenario.scenario.model import (
    Cpus,
    PipeSpec,
    PoolCall,
    PoolSpec,
    PoolType,
    ProcessSpec,
    QueueSpec,
    QueueType,
    ResourceBinding,
    Restart,
    Scenario,
    SharedSpec,
    SharedType,
    StartMethod,
    Step,
    StopMethod,
    Surroundings,
    SyncSpec,
    SyncType,
    Worker,
    mark_of,
)
from run_scenario.scenario.plan import with_ends_closed
from run_scenario.scenario.steps import PROCESS


def build(draft: Draft, problems: Problems, data: bytes) -> Scenario:
    """Return the scenario of the text `data`, without name and path; `problems` has the file's name, and no errors."""
    readers: dict[str, int] = {}
    for process in draft.processes:
        for bindings, replicas in process.uses(draft.queues):
            for queue in {binding.resource for binding in bindings if binding.direction == "from"}:
                readers[queue] = readers.get(queue, 0) + replicas
    fields = draft.fields
    scenario = Scenario(
        name="",
        file=problems.file,
        path="",
        digest=f"sha256:{sha256(data).hexdigest()}",
        title=fields.text("title"),
        description=fields.text("description"),
        source=fields.text("source"),
        may_hang=fields.value("may_hang", False),
        start_method=cast("StartMethod | None", fields.text("start_method") or None),
        timeout=draft.timeout,
        worker=cast("Worker", fields.text("worker") or "process"),
        cpus=_cpus(fields),
        cpus_where=problems.location(fields.value_span("cpus")) if fields.entry("cpus") else None,
        queues=tuple(_queue(queue, readers.get(queue.name, 0), problems) for queue in draft.queues.values()),
        pipes=tuple(_pipe(pipe, problems) for pipe in draft.sections["pipes"].values()),
        sync=tuple(_sync(sync, problems) for sync in draft.sections["sync"].values()),
        shared=tuple(_shared(shared, problems) for shared in draft.sections["shared"].values()),
        pools=tuple(_pool(pool, draft, problems) for pool in draft.sections["pools"].values()),
        main=None if draft.main is None else _Builder(draft, problems, {}).all(draft.main),
        marks=tuple(map(mark_of, fields.value("marks", ()))),
        explore=_explore(fields.entry("explore")),
        params=draft.parameters.values,
        matrix=draft.parameters.matrix,
        processes=tuple(spec for process in draft.processes for spec in _processes(process, draft, problems)),
    )
    return with_ends_closed(with_expectations(scenario, _expect(draft, problems)))


def _explore(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    given = plain(entry.value)
    return given if isinstance(given, dict) else {"schedules": given}


def build_expectations(draft: Draft, problems: Problems, data: bytes) -> Scenario:
    """Return what a file of expectations says, as a scenario with nothing to run; without a deadline it has none."""
    return Scenario(
        name="",
        file=problems.file,
        path="",
        digest=f"sha256:{sha256(data).hexdigest()}",
        title=draft.fields.text("title"),
        description=draft.fields.text("description"),
        source=draft.fields.text("source"),
        timeout=draft.fields.number("timeout") or math.inf,
        expect=read_expectations(draft, problems),
        hints=tuple(draft.fields.value("hints", ())),
    )


def _expect(draft: Draft, problems: Problems) -> tuple[Expectation, ...]:
    if draft.fields.entry("expect") is None:
        return ()
    return read_expectations(draft, problems)


class _Builder:
    """Makes the steps of one program: the main program, or one replica of a process."""

    def __init__(self, draft: Draft, problems: Problems, names: dict[str, Any], program: str = "") -> None:
        """`program`: the process whose steps they are; empty: the main program."""
        self._processes, self._types = draft.groups_of(program), draft.types()
        self._problems, self._names = problems, names

    def all(self, steps: Iterable[StepDraft]) -> tuple[Step, ...]:
        """Return the steps; one about replicas, or about several, becomes one for each."""
        return tuple(made for step in steps for made in self._of(step))

    def _of(self, step: StepDraft) -> Iterator[Step]:
        verb, parts = step.verb.name, {key: self.all(steps) for key, steps in step.parts.items()}
        argument: Any = step.value
        where = self._problems.location(step.span)
        inner = parts.get("steps") or parts.get("then") or parts.get("try") or ()
        otherwise = parts.get("else", ())
        if verb == "try":
            handlers = [
                Step("except", name, steps=self.all(steps), where=self._problems.location(span))
                for name, span, steps in step.handlers
            ]
            rest = [Step(key, steps=parts[key], where=where) for key in ("else", "finally") if key in parts]
            otherwise = (*handlers, *rest)
        if verb == "repeat" and argument == "forever":
            argument = None
        made = Step(
            verb,
            "",
            "",
            argument,
            step.options,
            step.fields.text("raises"),
            inner,
            otherwise,
            step.fields.text("as"),
            where,
        )
        if verb == "for":
            made = made.replace(subject=step.value, argument=step.values)
        if verb == "supervise":
            names = [each for name, _ in step.subjects for each in self._processes.get(str(name), (str(name),))]
            yield made.replace(subject=names[0], kind=PROCESS, argument=tuple(names))
            return
        if verb == "for":
            yield made
            return
        one_each = (each for subject, _ in step.subjects or (("", None),) for each in self._about(made, subject))
        if verb != "with":
            yield from one_each
            return
        *outer, innermost = one_each
        for each in reversed(outer):  # held together, as in `with a, b:`
            innermost = each.replace(steps=(innermost,))
        yield innermost

    def _about(self, made: Step, subject: Any) -> Iterator[Step]:
        """Yield a step for each that it is done to."""
        name = resolved(subject, self._names)
        first = name if isinstance(name, str) else ""
        if first not in self._types and first not in self._processes:
            # Known in the run alone, or of a step that a condition keeps from this replica: of the kind of its like.
            first = next(iter(candidates(subject, [*self._types, *self._processes])), "")
            name = subject if first in self._processes else name
        kind = PROCESS if first in self._processes else self._types.get(first, "")
        for each in self._processes.get(name, (name,)) if isinstance(name, str) else (name,):
            yield made.replace(subject=each, kind=kind)


def _cpus(fields: Fields) -> Cpus | None:
    value: Any = fields.value("cpus")
    return tuple(value) if isinstance(value, list) else value


def _queue(queue: ResourceDraft, readers: int, problems: Problems) -> QueueSpec:
    fields = queue.fields
    return QueueSpec(
        name=queue.name,
        type=cast("QueueType", queue.type),
        maxsize=fields.whole("maxsize"),
        items=_items(fields, "items", problems),
        poison_pills=readers if fields.flag("poison_pills") else fields.whole("poison_pills"),
        collect=fields.whole("collect"),
        close=fields.flag("close"),
        join_thread=fields.flag("join_thread"),
        join=fields.flag("join", queue.type == "JoinableQueue"),
        family=queue.family,
        where=problems.location(queue.span),
    )


def _pipe(pipe: ResourceDraft, problems: Problems) -> PipeSpec:
    fields = pipe.fields
    return PipeSpec(
        name=pipe.name,
        duplex=fields.flag("duplex", True),
        close_unused=fields.flag("close_unused", True),
        family=pipe.family,
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
        is_managed=fields.flag("manager"),
        family=sync.family,
        where=problems.location(sync.span),
    )


def _shared(shared: ResourceDraft, problems: Problems) -> SharedSpec:
    fields = shared.fields
    return SharedSpec(
        name=shared.name,
        type=cast("SharedType", shared_type(fields)),
        typecode=fields.text("typecode"),
        value=_data(fields, "value", problems),
        size=fields.whole("size"),
        lock=fields.text("lock") or fields.flag("lock", True),
        remote=fields.flag("remote"),
        authkey=fields.text("authkey"),
        family=shared.family,
        where=problems.location(shared.span),
    )


def _pool(pool: ResourceDraft, draft: Draft, problems: Problems) -> PoolSpec:
    fields = pool.fields
    return PoolSpec(
        name=pool.name,
        type=cast("PoolType", pool.type),
        processes=None if fields.value("processes") == "cpu_count" else fields.value("processes"),
        maxtasksperchild=fields.value("maxtasksperchild"),
        initializer=fields.text("initializer"),
        initargs=tuple(read_data(node, problems) for node in fields.items("initargs")),
        uses=tuple(name for of, name, _ in draft.given_to_workers() if of is pool),
        calls=tuple(
            _pool_call(Fields(node, fields.invalid), number, problems)
            for number, node in enumerate(fields.items("calls"), start=1)
        ),
        end="terminate" if fields.text("end") == "terminate" else "close",
        where=problems.location(pool.span),
    )


def _pool_call(fields: Fields, number: int, problems: Problems) -> PoolCall:
    method = method_of(fields)
    length = fields.mapping("over").entry("range")
    given: dict[str, Any] = {
        "items": _of_call(fields, "over", problems) if length is None else tuple(range(plain(length.value))),
        "args": _of_call(fields, "args", problems),
        "kwargs": _of_call(fields, "kwargs", problems) or {},
    }
    computed = {name: value for name, value in given.items() if is_computed(value)}
    return PoolCall(
        method=method,
        function=fields.text(method),
        **{name: value for name, value in given.items() if name not in computed},
        computed=computed,
        chunksize=fields.value("chunksize"),
        timeout=fields.number("timeout"),
        raises=fields.text("raises"),
        callback=fields.text("callback"),
        error_callback=fields.text("error_callback"),
        number=number,
        where=problems.location(fields.span),
    )


def _of_call(fields: Fields, key: str, problems: Problems) -> Any:
    """Return data of a call on a pool, in which expressions may stand: a list as a tuple."""
    entry, reader = fields.entry(key), DataReader(problems, text_or_expression)
    if entry is None:
        return ()
    if isinstance(entry.value, Sequence):
        return tuple(map(reader.read, entry.value.items))
    named = key == "kwargs" and isinstance(entry.value, Mapping)
    return reader.mapping(cast("Mapping", entry.value)) if named else reader.read(entry.value)


def _items(fields: Fields, key: str, problems: Problems) -> Any:
    """Return the elements of a list, or what stands for one."""
    entry = fields.entry(key)
    if entry is None:
        return ()
    if not isinstance(entry.value, Sequence):
        return read_data(entry.value, problems)
    return tuple(
        read_item(node, problems) if key == "items" else read_data(node, problems) for node in entry.value.items
    )


def _data(fields: Fields, key: str, problems: Problems) -> Any:
    entry = fields.entry(key)
    return None if entry is None else read_data(entry.value, problems)


def _processes(process: ProcessDraft, draft: Draft, problems: Problems) -> Iterator[ProcessSpec]:
    """Yield one specification per replica."""
    fields = process.fields
    args, kwargs = _arguments_of_target(process, problems)
    where = problems.location(fields.span)
    target_where = problems.location(fields.value_span("target"))
    exitcodes, any_exitcode = _exitcodes(fields, "exitcode")
    of_children, any_of_children = _exitcodes(fields, "children_exitcode")
    surroundings = _surroundings(fields)
    bindings = _bindings(process.bindings, problems)
    stop: StopMethod | None = None
    if fields.flag("kill"):
        stop = "kill"
    elif fields.flag("terminate"):
        stop = "terminate"
    steps: tuple[Step, ...] = ()
    starts = process.fields.entry("processes") is not None and process.replicas > 1
    varies = process.steps is not None and (process.varies or starts)
    each = process.replicas // max(1, len(process.parents))
    replicas = zip(process.names(), process.names_before(), process.own_names(), strict=True)
    for number, (name, known, own) in enumerate(replicas, start=1):
        if process.steps is not None and (varies or number == 1):
            steps = _Builder(draft, problems, known, name).all(process.steps)
        if varies:
            bindings = _bindings(process.bindings_of(known, draft.handles()), problems)
        yield ProcessSpec(
            name=name,
            named=bool(process.name),
            target=process.target,
            args=args,
            kwargs=kwargs,
            bindings=bindings,
            worker=process.worker,
            daemon=fields.flag("daemon"),
            delay=fields.number("delay") or 0.0,
            join=fields.flag("join", True),
            join_timeout=fields.number("join_timeout"),
            stop=stop,
            exitcodes=exitcodes,
            any_exitcode=any_exitcode,
            children_exitcodes=None if any_of_children else of_children or frozenset(),
            family=process.name if fields.entry("replicas") is not None else "",
            where=where,
            parent=process.parents[(number - 1) // each] if process.parents else "",
            restart=_restart(fields.mapping("restart")) if fields.entry("restart") is not None else None,
            surroundings=surroundings,
            steps=steps,
            names=own if steps else {},
            target_where=target_where,
        )


def _surroundings(fields: Fields) -> Surroundings | None:
    if all(fields.entry(key) is None for key in ("env", "cwd", "argv", "stdin")):
        return None
    argv = None if fields.entry("argv") is None else tuple(fields.value("argv"))
    return Surroundings(fields.value("env", {}), fields.text("cwd"), argv, fields.value("stdin"))


def _restart(fields: Fields) -> Restart:
    return Restart(fields.whole("max"), fields.text("when") == "always", fields.number("delay") or 0.0)


def _bindings(drafts: Iterable[BindingDraft], problems: Problems) -> tuple[ResourceBinding, ...]:
    return tuple(
        ResourceBinding(
            each.parameter, each.resource, each.direction, problems.location(each.resource_span), each.listed
        )
        for each in drafts
    )


def _arguments(fields: Fields, problems: Problems) -> tuple[tuple[Any, ...], dict[str, Any]]:
    kwargs = {entry.key: read_data(entry.value, problems) for entry in fields.mapping("kwargs")}
    return tuple(read_data(node, problems) for node in fields.items("args")), kwargs


def _arguments_of_target(process: ProcessDraft, problems: Problems) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments; a list that a built-in puts on a queue may have calls among its items."""
    args, kwargs = _arguments(process.fields, problems)
    target = targets.find(process.target) if ":" not in process.target else None
    for parameter in target.parameters if target else ():
        entry = process.fields.mapping("kwargs").entry(parameter.name) if parameter.kind == "items" else None
        if entry is not None and isinstance(entry.value, Sequence):
            kwargs[parameter.name] = [read_item(node, problems) for node in entry.value.items]
    return args, kwargs


def _exitcodes(fields: Fields, key: str) -> tuple[frozenset[int] | None, bool]:
    """Return the exit codes the file allows (None if it names none), and whether it allows every end."""
    value: Any = fields.value(key)
    if value is None or value == "any":
        return None, value == "any"
    return frozenset(value if isinstance(value, list) else [value]), False
