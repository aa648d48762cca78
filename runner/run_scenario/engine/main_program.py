"""The main program: the script that the scenario stands for.

It runs in a process of its own, single-threaded, as multiprocessing's MainProcess, and does one step of the plan
after the other with ordinary `Process` and queue objects. What is recorded about them is recorded around the calls.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import multiprocessing.util
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from run_scenario import model, targets
from run_scenario.engine import cpus, main_steps, platform, preflight, workers
from run_scenario.engine.bootstrap import RecordedRun, join_run, own_usage, record_failure, record_lingering
from run_scenario.engine.consent import RefusedError, Resolver, check_call, keep_helpers_out_of_this_folder
from run_scenario.engine.helpers import MANAGER
from run_scenario.engine.primitives import creation, wire
from run_scenario.engine.program import Program, semaphore_prefix
from run_scenario.engine.reaping import helper_pid, join, record_reaping, terminate_daemon
from run_scenario.record import codes
from run_scenario.record.recorder import recorder

_OUT_OF_RESOURCES = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC}

_FORK_SERVER = os.path.join("multiprocessing", "popen_forkserver.py")
_LONGEST_FOLDER = 85
"""Characters of a folder in which a socket can still be made: its whole path has 107 (unix(7))."""

MAIN = -1
"""The main program's number where records name a process by its position in the scenario."""


class MainProgram:
    """Executes the steps. `report` tells the guard about processes: a letter and a process id."""

    def __init__(self, program: Program, report: Callable[..., None], private: tuple[int, ...]) -> None:
        self._program = program
        self._report = report
        self._private = private
        self._specs = {spec.name: spec for spec in program.scenario.processes}
        self.index = {spec.name: i for i, spec in enumerate(program.scenario.processes)}
        self._resource_index = {spec.name: i for i, spec in enumerate(program.scenario.resources)}
        self.resources: dict[str, Any] = {}
        """By the names under which they are handed to targets."""
        self.processes: dict[str, Any] = {}
        self._bound: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {}
        self._items: dict[int, Any] = {}
        self._announced: set[int] = set()
        self._functions: dict[int, Callable[..., Any]] = {}
        """Of the calls on pools, and of their initializers (by the pool), by the id of what names them."""

    def run(self) -> int:
        """Execute the plan and end as a script would; return the exit code."""
        if self._program.scenario.start_method:
            multiprocessing.set_start_method(self._program.scenario.start_method, force=True)
        if multiprocessing.get_start_method() == "forkserver":
            # What each child would import of ours, the fork server has for all of them: most of what a start costs.
            multiprocessing.set_forkserver_preload(["__main__", "run_scenario.engine.bootstrap"])
        if not self._resolve():
            return 2
        if missing := preflight.shortage(self._program.scenario, self._program.folder):
            recorder.emit(codes.TROUBLE, f"there is no room for this scenario: {missing}")
            return 1
        recorder.emit(codes.STARTED, MAIN, os.getpid(), os.getppid(), "", False)
        code = self._execute()
        for spec in self._program.scenario.shared:
            if spec.type in ("Value", "Array") and spec.name in self.resources:
                self.resources[spec.name].final()
        record_lingering(MAIN)
        recorder.waiting(codes.W_EXIT)
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons, as Python does
        for process in multiprocessing.active_children():
            if process.daemon and process.name in self.index:
                popen = process._popen  # type: ignore[attr-defined]
                popen.terminate = partial(terminate_daemon, self.index[process.name], popen.terminate)
        # As at the end of every script: daemons are terminated, other children joined, queues flushed.
        atexit._run_exitfuncs()
        return code

    def _resolve(self) -> bool:
        """Find all targets before anything is created; record what may not be run."""
        scenario = self._program.scenario
        resolve = Resolver(self._program.allow, os.path.dirname(scenario.path))
        refused: list[tuple[int, int, str]] = []
        if scenario.cpus is not None:
            try:
                cpus.choose(scenario.cpus)
            except RefusedError as refusal:
                refused.append((-1, -1, str(refusal)))
        told = set()
        for index, spec in enumerate(scenario.processes):
            try:
                self._bound[spec.name] = self._bind(spec, resolve)
            except RefusedError as refusal:
                place = spec.target_where or spec.where or index
                if (place, str(refusal)) not in told:  # replicas stand at the same place of the file
                    refused.append((index, -1, str(refusal)))
                told.add((place, str(refusal)))
        for index, queue in enumerate(scenario.queues):
            for item in queue.items:
                try:
                    if isinstance(item, model.CallSpec):
                        self._items[id(item)] = targets.make_item(item, resolve)
                except RefusedError as refusal:
                    refused.append((-1, index, str(refusal)))
        for pool in scenario.pools:
            for what, name in ((pool, pool.initializer), *((call, call.function) for call in pool.calls)):
                try:
                    if name:
                        self._functions[id(what)] = targets.find_function(name, resolve)
                except RefusedError as refusal:
                    refused.append((-1, self._resource_index[pool.name], str(refusal)))
        if refused:
            recorder.emit(codes.REFUSED, refused)
        return not refused

    def _bind(self, spec: model.ProcessSpec, resolve: Resolver) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        if spec.is_builtin:
            return targets.bind(spec.target, spec.args, spec.kwargs, resolve)
        target = resolve(spec.target)
        names = [connection.parameter for connection in spec.connections]
        check_call(spec.target, target, spec.args, [*spec.kwargs, *names])
        if isinstance(target, type) and spec.worker != "process":
            raise RefusedError(
                f"{spec.target!r} is a subclass of multiprocessing.Process, and so no thread can run it: "
                "write `worker: process` for it, or give a function"
            )
        return target, spec.args, dict(spec.kwargs)

    def _execute(self) -> int:
        try:
            for step in self._program.steps:
                self._do(step)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException as error:
            if _is_shortage(error):
                text = f"{type(error).__name__}: {error}"
                recorder.emit(codes.TROUBLE, f"the machine has no more room for this scenario ({text})")
                os._exit(1)  # no orderly end is possible with half a graph: the guard sweeps
            record_failure(MAIN, error)
            sys.excepthook(type(error), error, error.__traceback__)
            return 1
        recorder.emit(codes.FINISHED, MAIN, own_usage())
        return 0

    def _do(self, step: model.Step) -> None:
        match step:
            case model.Pin(wanted):
                platform.pin_to_cpus(cpus.choose(wanted))
            case model.Create(model.PoolSpec() as pool):
                self.resources[pool.name] = self._create_pool(pool)
                self._announce_helpers()
            case model.Create(spec):
                index = self._resource_index[spec.name]
                made = creation.create(spec, index, multiprocessing.get_context(), self.resources)
                self.resources |= made
                if (server := creation.server_name(spec.name)) in made:
                    self._announce_manager(made[server])
                self._announce_helpers()
            case model.Do():
                main_steps.do(step, self)
            case model.CallPool(pool, number, call):
                function, kwargs = self._functions[id(call)], dict(call.kwargs)
                self.resources[pool].call(number, call, function, kwargs)
            case model.GetResult(pool, number, call):
                self.resources[pool].result(number, call)
            case model.EndPool(pool, method):
                (self.resources[pool].terminate if method == "terminate" else self.resources[pool].close)()
                self.resources[pool].join()
            case model.StartManager():
                from run_scenario.engine.primitives import managers

                manager = self.resources[creation.MANAGER] = managers.start_manager()
                self._announce_manager(manager)
            case model.ShutDownManager():
                self._shut_down(creation.MANAGER)
            case model.Release(spec):
                if (server := creation.server_name(spec.name)) in self.resources:
                    self._shut_down(server)
                else:
                    self.resources[spec.name].release()
            case model.CreateProcess(process):
                self.processes[process.name] = self._create(process)
            case model.Sleep(seconds):
                recorder.waiting(codes.W_SLEEP, timeout=seconds)
                time.sleep(seconds)
                recorder.moving()
            case model.Start(name, closes):
                self.start(name, closes)
            case model.CloseEnd(end):
                self.resources[end].close()
            case model.PutItems(queue, items):
                for item in items:
                    self.resources[queue].put(self._items.get(id(item), item))
            case model.PutPills(queue, count):
                for _ in range(count):
                    self.resources[queue].put(None)
            case model.CloseQueue(queue):
                self.resources[queue].close()
            case model.JoinThread(queue):
                self.resources[queue].join_thread()
            case model.JoinQueue(queue):
                self.resources[queue].join()
            case model.Collect(queue, count):
                for _ in range(count):
                    self.resources[queue].get()
            case model.Join(name, timeout):
                self.processes[name].join(timeout)
            case model.IsAlive(name):
                self.ask_whether_alive(name)
            case model.StopIfAlive(name, method):
                self._stop_if_alive(name, method)

    def _create_pool(self, spec: model.PoolSpec) -> Any:
        from run_scenario.engine.primitives.pools import Calls

        home = self._program.folder, len(self._program.scenario.queues), self._private
        index, initializer = self._resource_index[spec.name], self._functions.get(id(spec))
        return Calls(spec, index, multiprocessing.get_context(), home, initializer)

    def _create(self, spec: model.ProcessSpec) -> Any:
        target, args, kwargs = self._bound[spec.name]
        kwargs = kwargs | {c.parameter: self.resources[c.resource] for c in spec.connections}
        if spec.worker != "process":
            return workers.create(spec, self.index[spec.name], target, args, kwargs)
        if isinstance(target, type):  # a subclass of Process: its constructor gets the arguments
            process = target(*args, **kwargs)
            if not hasattr(process, "_popen"):
                raise TypeError(f"{spec.target} is no process yet: its __init__ has to call super().__init__()")
            if spec.named:
                process.name = spec.name
            if spec.daemon:
                process.daemon = True
        else:
            name = spec.name if spec.named else None
            daemon = True if spec.daemon else None
            process = multiprocessing.Process(target=target, name=name, args=args, kwargs=kwargs, daemon=daemon)
        forked = multiprocessing.get_start_method() == "fork"
        process.run = RecordedRun(
            process,
            self.index[spec.name],
            self._program.folder,
            len(self._program.scenario.queues),
            self._private if forked else (),
        )
        if not forked and any(spec.is_managed for spec in self._program.scenario.shared):
            from run_scenario.engine.primitives import managers

            process.run.managed = managers.known()
        return process

    def start(self, name: str, closes: tuple[str, ...] = ()) -> None:
        index, process = self.index[name], self.processes[name]
        if process.ident is not None:  # it was started before: that is an error, and no start to be told
            process.start()
        if closes and multiprocessing.get_start_method() == "fork":  # otherwise it inherits nothing
            process.run.closing = [self.resources[end] for end in closes]
        recorder.emit(codes.STARTING, index, process.name)
        try:
            process.start()
        except Exception as error:
            recorder.emit(codes.START_FAILED, index, type(error).__name__, str(error)[:500])
            raise
        if isinstance(process, workers.InMainProgram):
            return
        if process._popen.method == "forkserver":
            self._report("c", process.pid, process.sentinel, os.fstat(process.sentinel).st_ino)
        self._report("+", index, process.pid)
        recorder.emit(codes.START_RETURNED, index, process.pid)
        self._announce_helpers()
        record_reaping(process._popen, index)
        process.join = partial(join, process, index, type(process).join)

    def _announce_helpers(self) -> None:
        """Tell the guard which children are multiprocessing's own, so that they are not taken for orphans."""
        for letter, module, variable, attribute in (
            ("t", "resource_tracker", "_resource_tracker", "_pid"),
            ("f", "forkserver", "_forkserver", "_forkserver_pid"),
        ):
            pid = helper_pid(module, variable, attribute)
            if pid and pid not in self._announced:
                self._announced.add(pid)
                self._report(letter, pid)

    def _announce_manager(self, manager: Any) -> None:
        self._report(MANAGER, manager._process.pid)
        self._announce_helpers()

    def _shut_down(self, name: str) -> None:
        """Shut a manager down, which is then no loss; `name` is that of the resource that stands for it."""
        from run_scenario.engine.primitives import managers

        manager = self.resources[name]
        self._report("-", manager._process.pid)
        managers.shut_down(manager)

    def ask_whether_alive(self, name: str) -> bool:
        alive: bool = self.processes[name].is_alive()
        recorder.emit(codes.ALIVE, self.index[name], alive)
        return alive

    def _stop_if_alive(self, name: str, method: model.StopMethod) -> None:
        process, index = self.processes[name], self.index[name]
        if not process.is_alive():
            return
        recorder.emit(codes.KILLING if method == "kill" else codes.TERMINATING, index, "step")
        (process.kill if method == "kill" else process.terminate)()
        self.ask_whether_alive(name)
        process.join()
        self.ask_whether_alive(name)


def _is_shortage(error: BaseException) -> bool:
    if isinstance(error, RuntimeError):
        return str(error) == "can't start new thread"
    if isinstance(error, EOFError):  # the fork server, which could not fork, hangs up
        frames = error.__traceback__
        while frames is not None and not frames.tb_frame.f_code.co_filename.endswith(_FORK_SERVER):
            frames = frames.tb_next
        return frames is not None
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES)


def become_main_program(program: Program, report_to: int) -> int:
    """Turn this freshly forked process into the main program and run it; return its exit code."""
    main = ModuleType("__main__")  # with no file: a spawned child has nothing of ours to import again
    sys.modules["__main__"] = main
    sys.argv = [program.scenario.file]
    atexit._clear()
    atexit.register(multiprocessing.util._exit_function)  # type: ignore[attr-defined]
    keep_helpers_out_of_this_folder()
    if program.limits.open_files is not None:
        platform.set_descriptor_limit(program.limits.open_files)
    wire.most_bytes = program.limits.payload
    # The run's semaphores can be told by their names, should anything survive everybody who could remove them.
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    config["semprefix"] = semaphore_prefix(program.run)
    if len(program.folder) < _LONGEST_FOLDER:
        config["tempdir"] = program.folder  # where the fork server listens; what is made elsewhere may stay behind
    scenario = program.scenario
    join_run(program.folder, "MainProcess", len(scenario.queues), threads=scenario.has_threads)

    def report(letter: str, *numbers: int) -> None:
        with contextlib.suppress(OSError):  # the guard is dead, and so is this process in a moment
            os.write(report_to, f"{letter} {' '.join(map(str, numbers))}\n".encode())

    return MainProgram(program, report, (report_to,)).run()
