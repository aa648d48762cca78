"""What the main program does, step by step, derived from a scenario; and what it creates before, and removes after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from run_scenario.scenario.expressions import Expression, candidates
from run_scenario.scenario.model import (
    PIPE_ENDS,
    PipeSpec,
    PoolCall,
    PoolSpec,
    ProcessSpec,
    QueueSpec,
    Scenario,
    SharedSpec,
    SyncSpec,
    handles,
)
from run_scenario.scenario.steps import PROCESS, Step, everywhere
from run_scenario.values import Value

_ITEM = Expression("item", ("item",))
"""What is put in a `for` over the items of a queue."""


class Manager(Value):
    """The manager that holds all that is not remote; what is remote has one of its own."""


Created = Manager | QueueSpec | PipeSpec | SyncSpec | SharedSpec


def created(scenario: Scenario) -> Iterator[Created]:
    """Yield what is created first, in order; then come the processes, and the pools where a step says so.

    Pools come late because their workers are numbered after the processes.
    """
    first = next(iter(scenario.managed), None)
    for resource in scenario.resources:
        if isinstance(resource, PoolSpec):
            continue
        if resource is first:
            yield Manager()
        yield resource


def removed(scenario: Scenario) -> Iterator[SharedSpec | Manager]:
    """Yield what is left after the last step and would outlive the program, in the order in which it is removed."""
    for spec in scenario.shared:
        if spec.has_to_be_released:
            yield spec
    if scenario.managed:
        yield Manager()


def plan(scenario: Scenario) -> tuple[Step, ...]:
    """Return the main program's steps: those of `main`, or else those that textbook scripts have, in their order.

    Start each process after its delay, and close the ends of pipes that only the started processes use; put items, then
    pills; close; join queues; collect results; use the pools, one after the other; join the processes. All in file
    order.
    """
    if scenario.main is not None:
        return tuple(_Written(scenario, scenario.main).steps())
    own = tuple(process for process in scenario.processes if not process.parent)
    ends = _PipeEnds(scenario, own)
    return (
        *_start(own, ends),
        *_serve(scenario.queues, [*_supervise(own), *ends.of_restarted()]),
        *(Step("use", pool.name, pool.type, steps=tuple(_use(pool))) for pool in scenario.pools),
        *_end(own),
    )


def with_ends_closed(scenario: Scenario) -> Scenario:
    """Return a scenario in which the steps of processes that start others close the ends of pipes that nobody uses.

    With steps of its own the main program does the same, see `plan`.
    """
    parents = {process.parent for process in scenario.processes}
    starting = {
        process.name
        for process in scenario.processes
        if process.name in parents and any(step.verb == "start" for step in everywhere(process.steps))
    }
    if not scenario.pipes or not starting:
        return scenario
    below = _below(scenario)
    processes = []
    for process in scenario.processes:
        if process.name in starting:
            held = {*below[process.name], *(binding.resource for binding in process.bindings)}
            steps = tuple(_Written(scenario, process.steps, process.name, held).steps())
            processes.append(process.replace(steps=steps))
        else:
            processes.append(process)
    return scenario.replace(processes=tuple(processes))


def around_target(scenario: Scenario, parent: ProcessSpec) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return what a process does before and after its target with the processes that it starts itself: start, join."""
    own = tuple(process for process in scenario.processes if process.parent == parent.name)
    if not own:
        return (), ()
    used = [binding.resource for binding in parent.bindings]
    ends = _PipeEnds(scenario, own, used, {*used, *_below(scenario)[parent.name]})
    return tuple(_start(own, ends)), (*_supervise(own), *ends.of_restarted(), *_end(own))


def _start(processes: tuple[ProcessSpec, ...], ends: _PipeEnds) -> Iterator[Step]:
    yield from ends.unused()
    for process in processes:
        if process.delay > 0:
            yield Step("sleep", argument=process.delay)
        yield Step("start", process.name, PROCESS, steps=ends.inherited(process))
        yield from ends.handed_over(process)


def _supervise(processes: tuple[ProcessSpec, ...]) -> Iterator[Step]:
    if names := tuple(process.name for process in processes if process.restart):
        yield Step("supervise", names[0], PROCESS, names)


def _serve(queues: tuple[QueueSpec, ...], supervise: Iterable[Step]) -> Iterator[Step]:
    for queue in queues:
        if queue.items:
            put = Step("put", queue.name, queue.type, _ITEM)
            yield Step("for", _ITEM.text, argument=queue.items, steps=(put,))
    for queue in queues:
        if queue.poison_pills:
            pill = Step("put", queue.name, queue.type, None)
            yield Step("repeat", argument=queue.poison_pills, steps=(pill,))
    for queue in queues:
        # close() also closes the main program's reading end: what it still collects from stays open.
        if not queue.collect:
            yield from _close(queue)
    # Whoever is started again has to do its work before others are waited for that need it.
    yield from supervise
    for queue in queues:
        if queue.join:
            yield Step("join_queue", queue.name, queue.type)
    for queue in queues:
        if queue.collect:
            yield Step("repeat", argument=queue.collect, steps=(Step("get", queue.name, queue.type),))
            yield from _close(queue)


def _use(pool: PoolSpec) -> Iterator[Step]:
    """Yield the life of a pool: its calls in order, the results of the calls that did not wait, its end."""
    yield Step("create", pool.name, pool.type)
    for call in pool.calls:
        yield Step("next_call", pool.name, pool.type, call, call.computed)
    for call in pool.calls:
        if not call.waits:
            yield Step("result", pool.name, pool.type, call)
    if pool.type == "executor" and pool.end == "close":
        yield Step("shutdown", pool.name, pool.type)
    else:
        yield Step(pool.end, pool.name, pool.type)
        yield Step("join", pool.name, pool.type)


def _close(queue: QueueSpec) -> Iterator[Step]:
    if queue.close:
        yield Step("close", queue.name, queue.type)
    if queue.join_thread:
        yield Step("join_thread", queue.name, queue.type)


def _end(processes: tuple[ProcessSpec, ...]) -> Iterator[Step]:
    # Thousands of replicas have the same timeout.
    timeouts = {process.join_timeout: {"timeout": process.join_timeout} for process in processes}
    for process in processes:
        if not process.join or process.restart:
            continue
        name, is_alive = process.name, Step("is_alive", process.name, PROCESS)
        if process.join_timeout is None:
            yield Step("join", name, PROCESS)
        else:
            yield Step("join", name, PROCESS, None, timeouts[process.join_timeout])
            yield is_alive
        if process.stop is not None:
            ended = (Step(process.stop, name, PROCESS), is_alive, Step("join", name, PROCESS), is_alive)
            yield Step("if", name, PROCESS, is_alive, steps=ended)


class _Written:
    """Steps of a program that starts processes, with what goes with them: calls of pools, and ends of pipes."""

    def __init__(
        self, scenario: Scenario, steps: tuple[Step, ...], parent: str = "", held: Collection[str] = ()
    ) -> None:
        """`parent`: the process whose steps they are, and `held` the resources that it has; empty: the main program."""
        self._steps = steps
        self._specs = {process.name: process for process in scenario.processes if process.parent == parent}
        self._pools = {pool.name: pool for pool in scenario.pools}
        self._calls = {pool.name: iter(pool.calls) for pool in scenario.pools}
        self._pending: dict[str, list[PoolCall]] = {pool.name: [] for pool in scenario.pools}
        inside = (step for block in steps for step in everywhere((*block.steps, *block.otherwise)))
        self._uncertain = {step.subject for step in inside if step.verb in ("next_call", "result")}
        """Pools of which only the run knows which call is the first not asked for yet."""
        handles_ = dict.fromkeys(handles(scenario.resources))
        used = {name for step in everywhere(steps) if step.kind != PROCESS for name in _meant(step, handles_)}
        self._last = {name: step for step in steps for name in self._started(step)}
        """Process -> the last step, among those that stand in no other, that may start it."""
        starts = (step for step in everywhere(steps) if step.verb == "start")
        order = [self._specs[name] for step in starts for name in _meant(step, self._specs)]
        self._ends = _PipeEnds(scenario, order, used, held if parent else None)

    def steps(self) -> Iterator[Step]:
        """Yield them."""
        yield from self._ends.unused()
        for step in self._steps:
            yield self._with_calls(step)
            for name in self._started(step):
                if self._last[name] is step:
                    yield from self._ends.handed_over(self._specs[name])

    def _started(self, step: Step) -> list[str]:
        """Return the processes that a step may start, or a step in it."""
        starts = (each for each in everywhere((step,)) if each.verb == "start" and not each.raises)
        return list(dict.fromkeys(name for each in starts for name in _meant(each, self._specs)))

    def _with_calls(self, step: Step) -> Step:
        match step.verb:
            case "start" if not step.raises:
                return self._start(step)
            case "use":
                return step.replace(steps=tuple(_use(self._pools[step.subject])))
            case "next_call":
                call = next(self._calls[step.subject])
                if not call.waits:
                    self._pending[step.subject].append(call)
                return step.replace(argument=call, options=call.computed)
            case "result" if step.subject not in self._uncertain:
                return step.replace(argument=self._pending[step.subject].pop(0))
        if not step.steps and not step.otherwise:
            return step
        steps = tuple(map(self._with_calls, step.steps))
        return step.replace(steps=steps, otherwise=tuple(map(self._with_calls, step.otherwise)))

    def _start(self, step: Step) -> Step:
        """Return a step that starts a process, with the ends of pipes that the process closes if it is forked."""
        closed = {name: self._ends.inherited(self._specs[name]) for name in _meant(step, self._specs)}
        if isinstance(step.subject, str):
            inherited = closed[step.subject]
            return step.replace(steps=inherited) if inherited else step
        return step.replace(argument=closed) if any(closed.values()) else step


def _meant(step: Step, names: Collection[str]) -> list[str]:
    """Return what a step may be done to, of these names."""
    return [name for name in candidates(step.subject, names) if name in names]


class _PipeEnds:
    """The ends that a parent has open while it starts one process after the other."""

    def __init__(
        self,
        scenario: Scenario,
        order: Iterable[ProcessSpec],
        used: Collection[str] = (),
        held: Collection[str] | None = None,
    ) -> None:
        """Know in which order the processes are started, and which ends (or pipes) their parent uses itself.

        `held`: the ends that it has; None: all.
        """
        names = [f"{pipe.name}.{end}" for pipe in scenario.pipes if pipe.close_unused for end in PIPE_ENDS]
        names = names if held is None else [name for name in names if name in held]
        self._open = {name: Step("close", name, "Pipe") for name in names}
        self._last: dict[str, str] = {}
        self._below = _below(scenario)
        self._restarted: list[str] = []
        self._kept = {name for name in names if name in used}
        # Replicas share their bindings, and there may be thousands of both: each are gone through once.
        last: dict[int | str, ProcessSpec] = {}
        for process in order:
            last.pop(self._key(process), None)
            last[self._key(process)] = process
        for process in last.values():
            for end in self._ends_of(process):
                self._last[end] = process.name
                if process.worker != "process" or process.restart:  # it runs in the main program, or is started again
                    self._kept.add(end)
                    self._restarted += [end] if process.restart and end not in self._restarted else []
        self._done: dict[str, list[str]] = {}
        """Process -> the ends that no process started later gets."""
        for process in last.values():
            mine = [
                end
                for end in dict.fromkeys(self._ends_of(process))
                if end in self._open and self._last[end] == process.name
            ]
            self._done[process.name] = [end for end in mine if end not in self._kept]
        self._inherited: dict[int | str, tuple[Step, ...]] = {}
        """What was found out for these bindings since an end was closed last."""

    def unused(self) -> list[Step]:
        """Return the closing of the ends that no process gets; they are closed from now on."""
        return self._close([end for end in self._open if end not in self._last and end not in self._kept])

    def inherited(self, process: ProcessSpec) -> tuple[Step, ...]:
        """Return the closing of the ends that a process started now would inherit without using them."""
        if process.worker != "process":
            return ()
        key = self._key(process)
        if key not in self._inherited:
            own = set(self._ends_of(process))
            self._inherited[key] = tuple(step for end, step in self._open.items() if end not in own)
        return self._inherited[key]

    def handed_over(self, process: ProcessSpec) -> list[Step]:
        """Return the closing of the ends that no process started after this one gets; they are closed now."""
        return self._close([end for end in self._done.get(process.name, ()) if end in self._open])

    def of_restarted(self) -> list[Step]:
        """Return the closing of the ends that were kept for processes that are started again; they are closed now."""
        return self._close([end for end in self._restarted if end in self._open])

    def _key(self, process: ProcessSpec) -> int | str:
        """Return what processes have in common that need the same."""
        return process.name if process.name in self._below else id(process.bindings)

    def _ends_of(self, process: ProcessSpec) -> list[str]:
        return [binding.resource for binding in process.bindings] + self._below.get(process.name, [])

    def _close(self, ends: list[str]) -> list[Step]:
        if ends:
            self._inherited.clear()
        return [self._open.pop(end) for end in ends]


def _below(scenario: Scenario) -> dict[str, list[str]]:
    """Return for each process that has processes of its own the resources of all below it."""
    found: dict[str, list[str]] = {}
    for process in reversed(scenario.processes):  # those of a process come after it
        if process.parent:
            mine = [binding.resource for binding in process.bindings] + found.get(process.name, [])
            found[process.parent] = mine + found.get(process.parent, [])
    return found
