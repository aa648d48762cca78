"""The main program: the script that the scenario stands for.

It runs in a process of its own, single-threaded, as multiprocessing's MainProcess, and does one step of the plan
after the other with ordinary `Process` and queue objects. What is recorded about them is recorded around the calls.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from run_scenario import targets
from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython, preflight
from run_scenario.runtime.child import output_capture
from run_scenario.runtime.child.bootstrap import (
    exitcode_of,
    own_usage,
    record_failure,
    record_lingering,
    target_frames,
)
from run_scenario.runtime.child.children import Children, Program, Setup
from run_scenario.runtime.child.output_capture import Streams
from run_scenario.runtime.child.reports import (
    LOST_MANAGER,
    MANAGER,
    Report,
    exitcode_of_ended,
    report_auxiliary_processes,
)
from run_scenario.runtime.consent import (
    ObjectResolver,
    Resolver,
    check_call,
)
from run_scenario.runtime.cpus import choose_cpus
from run_scenario.runtime.main_program import workers
from run_scenario.runtime.main_program.data import DataMaker
from run_scenario.runtime.platform import system
from run_scenario.runtime.primitives import creation
from run_scenario.runtime.refusal import RefusedError
from run_scenario.runtime.run_request import RunRequest
from run_scenario.runtime.steps.compiler import NO_FILE, compile_steps
from run_scenario.runtime.steps.namespace import namespace
from run_scenario.runtime.steps.target import StepsTarget
from run_scenario.scenario import model
from run_scenario.scenario.data import LinesSpec, SetSpec, Unmade, travelling, unmade, with_all_made
from run_scenario.scenario.plan import Manager, around_target, created, plan, removed
from run_scenario.scenario.steps import seed_of, unfolded, unmade_in, with_made_in

_OUT_OF_RESOURCES = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC}

MAIN_PROCESS = "MainProcess"
"""Its name, which is multiprocessing's."""
MAIN = -1
"""The main program's number where records name a process by its position in the scenario."""


class MainProgram:
    """Executes the steps. `report` sends the supervisor a letter and a process id."""

    def __init__(self, request: RunRequest, report: Report, private: tuple[int, ...]) -> None:
        self._request = request
        self._report = report
        self._private = private
        self._proc = request.capabilities.proc
        self.index = {spec.name: i for i, spec in enumerate(request.scenario.processes)}
        self._pools: dict[str, model.PoolSpec] = {}
        self._resource_index = {spec.name: i for i, spec in enumerate(request.scenario.resources)}
        self.resources: dict[str, Any] = {}
        """By the names under which they are handed to targets."""
        self._by_parent: dict[str, list[model.ProcessSpec]] = {}
        for spec in request.scenario.processes:
            self._by_parent.setdefault(spec.parent, []).append(spec)
        scenario = request.scenario
        managed = bool(scenario.managed) or any(spec.remote for spec in scenario.shared)
        setup = Setup(*recorder.run_ref[:2], self._proc, managed, os.path.dirname(scenario.path))
        self._children = Children(setup, self.resources, report, private)
        self._bound: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {}
        self.functions: dict[int, Callable[..., Any]] = {}
        """Of the calls on pools, and of their initializers (by the pool), by the id of what names them."""
        self._called: dict[str, Callable[..., Any]] = {}
        """The functions and classes that steps call, and that pools call back, by the names that they have there."""
        self._has_lines = False
        """Whether there are lines of files among the data of steps."""

    def run(self) -> int:
        """Execute the plan and end as a script would; return the exit code."""
        if self._request.scenario.start_method:
            multiprocessing.set_start_method(self._request.scenario.start_method, force=True)
        if multiprocessing.get_start_method() == "forkserver":
            # What each child would import of ours, the fork server has for all of them: most of what a start costs.
            preloaded = ["__main__", "run_scenario.runtime.child.bootstrap"]
            if self._request.scenario.packages:
                preloaded += ["run_scenario.runtime.script.processes", "run_scenario.runtime.script.variables"]
            multiprocessing.set_forkserver_preload(preloaded)
        if not self._resolve():
            return 2
        # What there was enough of for the first run of an exploration, it has given back.
        if self._request.number <= 1 and (missing := self._shortage()):
            recorder.emit(codes.TROUBLE, f"the machine has too little for this scenario: {missing}")
            return 1
        if not self._request.sockets and preflight.needs_sockets(self._request.scenario):
            recorder.emit(codes.TROUBLE, preflight.NO_SOCKETS)
            return 1
        recorder.emit(codes.STARTED, MAIN, os.getpid(), os.getppid(), "", False)
        code = self._execute()
        if creation.MANAGER in self.resources:  # it has failed before it would have shut it down
            self._record_final()
        for spec in self._request.scenario.shared:
            if spec.type in ("Value", "Array") and spec.name in self.resources:
                from run_scenario.runtime.primitives import shared  # ctypes, which is there by now

                shared.record_final(self.resources[spec.name])
        record_lingering(MAIN)
        recorder.begin_wait(codes.W_EXIT)
        cpython.wait_for_threads()
        self._children.record_end_of_daemons()
        cpython.run_exit_functions()  # daemons are terminated, other children joined, queues flushed
        return code

    def _resolve(self) -> bool:
        """Find all code, and make the data that needs some, before anything is created; record what may not be run."""
        scenario = self._request.scenario
        folder = os.path.dirname(scenario.path)
        consent = frozenset(self._request.allow), folder, self._request.way_to_allow
        resolve = Resolver(*consent)
        refusals = _Refusals()
        if scenario.cpus is not None:
            with refusals.noted(scenario.cpus_where):
                choose_cpus(scenario.cpus, affinity=self._request.capabilities.affinity)
        maker = DataMaker(resolve, ObjectResolver(*consent), folder)
        self._check_steps(resolve, maker, refusals)
        self._find_functions(resolve, refusals)
        specs = [spec for data in travelling(scenario) for spec in unmade(data)]
        for spec in specs:
            with refusals.noted(_place(spec)):
                maker.check(spec)
        if (specs or self._has_lines) and not refusals.found:
            self._make_data(maker, refusals)
            self._find_functions(resolve, refusals)
        if refusals.found:
            recorder.emit(codes.REFUSED, sorted(refusals.found, key=lambda each: each[:2]))
        return not refusals.found

    def _shortage(self) -> str:
        return preflight.shortage(self._request.scenario, self._request.folder, proc=self._proc)

    def _make_data(self, maker: DataMaker, refusals: _Refusals) -> None:
        """Make what the scenario's data only describes; in steps, what is in files: the rest they make themselves."""

        def make(spec: Unmade) -> Any:
            with refusals.noted(_place(spec)):
                return maker.make(spec)

        def read(spec: Unmade) -> Any:
            return make(spec) if isinstance(spec, LinesSpec) else spec

        scenario = with_all_made(self._request.scenario, make)
        if self._has_lines:
            of_processes = {id(spec.steps): with_made_in(spec.steps, read) for spec in scenario.processes}
            processes = tuple(spec.replace(steps=of_processes[id(spec.steps)]) for spec in scenario.processes)
            scenario = scenario.replace(processes=processes)
        steps = plan(scenario)
        self._request = self._request.replace(
            scenario=scenario, steps=with_made_in(steps, read) if self._has_lines else steps
        )

    def _find_functions(self, resolve: Resolver, refusals: _Refusals) -> None:
        """Find targets, and what pools call."""
        for spec in self._request.scenario.processes:
            with refusals.noted(spec.target_where or spec.where):
                self._bound[spec.name] = self._bind(spec, resolve)
        for pool in self._request.scenario.pools:
            self._pools[pool.name] = pool
            called = ((call, call.function, call.where) for call in pool.calls)
            for what, name, place in ((pool, pool.initializer, pool.where), *called):
                if name:
                    with refusals.noted(place or pool.where):
                        self.functions[id(what)] = targets.find_function(name, resolve)
            for call in pool.calls:
                for name in call.callbacks.values():
                    with refusals.noted(call.where or pool.where):
                        self._called[name] = targets.find_function(name, resolve)

    def _check_steps(self, resolve: Resolver, maker: DataMaker, refusals: _Refusals) -> None:
        """Find the functions that steps call, and check what they make."""
        scenario = self._request.scenario
        for steps in (self._request.steps, *{id(spec.steps): spec.steps for spec in scenario.processes}.values()):
            for step in unfolded(steps):
                if step.verb == "call" and step.argument not in self._called:
                    with refusals.noted(step.where):
                        self._called[step.argument] = targets.find_function(step.argument, resolve)
                if step.verb == "qsize" and step.kind != "ManagerQueue":  # that one counts in its manager
                    with refusals.noted(step.where):
                        _check_qsize(step.subject)
            for spec, place in unmade_in(steps):
                with refusals.noted(place):
                    maker.check(spec)
                    if isinstance(spec, model.CallSpec | model.ObjectSpec):
                        self._called[spec.function] = maker.function(spec)
                    self._has_lines |= isinstance(spec, LinesSpec)

    def _bind(self, spec: model.ProcessSpec, resolve: Resolver) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        if spec.steps:
            called = {step.argument for step in unfolded(spec.steps) if step.verb == "call"}
            made = (each for each, _ in unmade_in(spec.steps))
            called |= {each.function for each in made if isinstance(each, model.CallSpec | model.ObjectSpec)}
            # What is missing has been refused.
            functions = {name: self._called[name] for name in called if name in self._called}
            path = self._request.scenario.path
            return StepsTarget(spec.steps, spec.name, path, spec.names, functions), (), {}
        if spec.is_builtin:
            return targets.bind(spec.target, spec.args, spec.kwargs, resolve)
        target = resolve(spec.target)
        names = list(dict.fromkeys(binding.parameter for binding in spec.bindings))
        check_call(spec.target, target, spec.args, [*spec.kwargs, *names])
        if isinstance(target, type) and spec.name in self._by_parent:
            raise RefusedError(
                f"{spec.target!r} is a subclass of multiprocessing.Process: what it starts, it starts itself",
                "leave `processes` out, or give a function",
            )
        if isinstance(target, type) and spec.surroundings is not None:
            keys = ", ".join(f"`{key}`" for key in spec.surroundings.given)
            raise RefusedError(
                f"{spec.target!r} is a subclass of multiprocessing.Process, which has to set {keys} itself",
                f"leave {keys} out, or give a function",
            )
        if isinstance(target, type) and spec.worker != "process":
            raise RefusedError(
                f"{spec.target!r} is a subclass of multiprocessing.Process, and so no thread can run it",
                "write `worker: process` for it, or give a function",
            )
        return target, spec.args, dict(spec.kwargs)

    def _execute(self) -> int:
        try:
            self._create_all()
            self._do_steps()
            self._remove_all()
        except SystemExit as end:
            recorder.emit(codes.EXITING, MAIN, exitcode_of(end), own_usage())
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException as error:
            if _is_shortage(error):
                text = f"{type(error).__name__}: {error}"
                recorder.emit(codes.TROUBLE, f"the machine has no more resources for this scenario ({text})")
                os._exit(1)  # no orderly end is possible with half a graph: the supervisor sweeps
            record_failure(MAIN, error)
            sys.excepthook(type(error), error, target_frames(error))
            return 1
        recorder.emit(codes.FINISHED, MAIN, own_usage())
        return 0

    def _do_steps(self) -> None:
        given = {
            **namespace(self.resources, self._called, seed_of(self._request.scenario.params, MAIN_PROCESS)),
            **self._children.namespace(),
            "_create": self.create_pool,
            "_pool": self._with_pool,
            "_next_call": self._call_pool,
            "_result": lambda name, call=None: self.resources[name].result(call),
        }
        compile_steps(self._request.steps, namespace=given, **own_steps(self._request.scenario))()

    def _create_all(self) -> None:
        """Create what the steps are about: all but the pools."""
        if self._request.scenario.cpus is not None:
            system.pin_to_cpus(choose_cpus(self._request.scenario.cpus))
        for found in created(self._request.scenario):
            if isinstance(found, Manager):
                from run_scenario.runtime.primitives import managers  # 10 ms, where it is needed

                manager = self.resources[creation.MANAGER] = managers.start_manager()
                self._report_manager(manager)
                continue
            index = self._resource_index[found.name]
            made = creation.create(found, index, multiprocessing.get_context(), self.resources)
            self.resources |= made
            if (server := creation.server_name(found.name)) in made:
                self._report_manager(made[server])
            report_auxiliary_processes(self._report)
        for program in self._programs():
            if program.spec.worker == "process":
                self._children.create(program)
            else:
                target, args, kwargs = program.target, program.args, program.own(self.resources)
                worker = workers.create(program.spec, program.position, target, args, kwargs)
                self._children.add(program.spec.name, program.position, worker)

    def _programs(self, parent: str = "") -> tuple[Program, ...]:
        """Return what the processes run that are started by this one, or by the main program."""
        return tuple(
            Program(
                spec,
                self.index[spec.name],
                *self._bound[spec.name],
                self._programs(spec.name),
                *around_target(self._request.scenario, spec),
            )
            for spec in self._by_parent.get(parent, ())
        )

    def _remove_all(self) -> None:
        """Remove what would outlive this program."""
        for found in removed(self._request.scenario):
            if isinstance(found, Manager):
                self._shut_down(creation.MANAGER)
            elif (server := creation.server_name(found.name)) in self.resources:
                self._shut_down(server)
            else:
                self.resources[found.name].release()

    def create_pool(self, name: str) -> None:
        """Create the pool of that name: its workers start."""
        from run_scenario.runtime.primitives.pools import Calls

        spec = self._pools[name]
        setup = *recorder.run_ref[:2], self._private, output_capture.wanted()
        index, initializer = self._resource_index[spec.name], self.functions.get(id(spec))
        given = [self.resources[each] for each in spec.uses]
        self.resources[name] = Calls(
            spec, index, multiprocessing.get_context(), setup, initializer, self._report, given
        )
        report_auxiliary_processes(self._report)

    @contextlib.contextmanager
    def _with_pool(self, name: str) -> Iterator[None]:
        """Be what a pool is in a `with` statement."""
        self.create_pool(name)
        try:
            yield
        finally:
            if self._pools[name].type == "Pool":
                self.resources[name].terminate()
            else:
                self.resources[name].shutdown()

    def _call_pool(self, name: str, call: model.PoolCall, **computed: Any) -> Any:
        """Make a call, of which some data has just been computed; return its result, if it waits for that."""
        function = self.functions[id(call)]
        callbacks = {keyword: self._called[each] for keyword, each in call.callbacks.items()}
        result = self.resources[name].call(call.replace(**computed), function, callbacks)
        report_auxiliary_processes(self._report)  # an executor starts its workers now
        return result

    def _report_manager(self, manager: Any) -> None:
        self._report(MANAGER, cpython.manager_process(manager).pid)
        report_auxiliary_processes(self._report)

    def _shut_down(self, name: str) -> None:
        """Shut a manager down, which is then no loss; `name` is that of the resource that stands for it."""
        from run_scenario.runtime.primitives import managers

        manager = self.resources[name]
        if name == creation.MANAGER:
            self._record_final()
        process = cpython.manager_process(manager)
        exitcode = exitcode_of_ended(process, proc=self._proc)
        if not exitcode:
            self._report("-", process.pid)
        else:  # the supervisor, which may see both at once, would not know which came first
            self._report(LOST_MANAGER, process.pid, exitcode)
        managers.shut_down(manager)
        del self.resources[name]

    def _record_final(self) -> None:
        """Record what the manager's values and arrays hold, as long as it can be asked."""
        from run_scenario.runtime.primitives import managers

        for spec in self._request.scenario.managed:
            if spec.name in self.resources:
                managers.finish(self.resources[spec.name])


def own_steps(scenario: model.Scenario) -> dict[str, Any]:
    """Return how the steps of the main program are compiled: its name, its file, what its expressions know."""
    file = NO_FILE if scenario.main is None else scenario.path
    return {"name": MAIN_PROCESS, "file": file, "names": {**scenario.params, "name": MAIN_PROCESS}}


def _place(spec: Unmade) -> model.Location | None:
    return None if isinstance(spec, SetSpec) else spec.where


def _check_qsize(queue: object) -> None:
    """Check that a queue can be asked for its size: it counts by a semaphore that says its value.

    Raises:
        RefusedError: it cannot, on macOS for instance.
    """
    try:
        multiprocessing.Semaphore().get_value()
    except NotImplementedError:
        what = f"`qsize: {queue}` needs qsize(), which this system does not have (macOS has not)"
        raise RefusedError(
            what, "ask whether it is `empty`, or describe it under `shared`, where a manager has it"
        ) from None


class _Refusals:
    """What a scenario is refused for, each reason once."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, str, str, str]] = []
        """Line and column in the file, the kind of refusal, why, and the way out."""
        self._known: set[Any] = set()

    @contextlib.contextmanager
    def noted(self, place: model.Location | None) -> Iterator[None]:
        """Note what is refused inside, of something that stands at `place`."""
        try:
            yield
        except RefusedError as refusal:
            # Replicas stand at the same place of the file, and one consent is enough for a package.
            key = refusal.package or (place, str(refusal))
            if key not in self._known:
                self._known.add(key)
                line, column = (place.line, place.column) if place else (0, 0)
                self.found.append((line, column, refusal.kind, refusal.what, refusal.hint))


def streams_for(request: RunRequest) -> Streams:
    """Return what becomes of the standard streams of a run's processes."""
    if request.script is not None:
        return Streams.PLAIN
    return Streams.CAPTURED if request.captured else Streams.SHARED


def _is_shortage(error: BaseException) -> bool:
    if isinstance(error, RuntimeError):
        return str(error) == "can't start new thread"
    if isinstance(error, OSError):
        return error.errno in _OUT_OF_RESOURCES
    return isinstance(error, MemoryError) or cpython.is_hang_up(error)
