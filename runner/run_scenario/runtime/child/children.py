"""The processes that one process creates and starts: real ones, with records around what is done to them.

The main program has them, and any process that has processes of its own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any, NamedTuple

from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.child.bootstrap import RecordedRun
from run_scenario.runtime.child.own_frames import message_of
from run_scenario.runtime.child.reaping import join, record_reaping, terminate_daemon
from run_scenario.runtime.child.reports import Report, report_auxiliary_processes, report_started
from run_scenario.runtime.child.surroundings import packed
from run_scenario.runtime.steps.target import StepsTarget
from run_scenario.scenario.model import ProcessSpec, Step
from run_scenario.scenario.processes import by_parameter


class Setup(NamedTuple):
    """What all processes of a run need to know."""

    folder: str
    """Where the segments lie."""
    queues: int
    """How many queues there are."""
    proc: bool
    """Whether /proc can be read."""
    managed: bool
    """Whether there is something that a manager holds."""
    beside: str = ""
    """The scenario's folder."""


class Program(NamedTuple):
    """What a process runs, found and checked: its target and arguments, and the processes that it starts itself."""

    spec: ProcessSpec
    position: int
    """Where it stands in the scenario."""
    target: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    children: tuple[Program, ...] = ()
    before: tuple[Step, ...] = ()
    """The steps that start its processes, before its target is called."""
    after: tuple[Step, ...] = ()
    """The steps that wait for them, after it."""

    def resources(self) -> set[str]:
        """Return the names of all that it needs, for itself and for the processes below it."""
        return {binding.resource for binding in self.spec.bindings}.union(*(each.resources() for each in self.children))

    def call(self, setup: Setup, resources: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Return what its process is to call, and with what."""
        if self.children:
            return Parent(self, setup), (), {name: resources[name] for name in self.resources()}
        return self.target, self.args, self.own(resources)

    def own(self, resources: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of its target."""
        return {**self.kwargs, **by_parameter(self.spec.bindings, resources.__getitem__)}


class Parent:
    """The target of a process that has processes of its own: it starts them, calls its target, and waits for them.

    If it has steps that start any, these alone say what is done.
    """

    def __init__(self, program: Program, setup: Setup) -> None:
        self._program = program
        self._setup = setup

    def __call__(self, /, **resources: Any) -> None:
        """Be the parent, with these resources for the target and for the processes below."""
        program = self._program
        children = Children(self._setup, resources)
        for child in program.children:
            children.create(child)
        target, given = program.target, program.own(resources)
        try:
            if isinstance(target, StepsTarget):
                # Those of the processes below are closed as well, where they are ends of pipes.
                target.extended(program.before, program.after).run({**resources, **given}, children.namespace())
                return
            StepsTarget(program.before, program.spec.name).run(resources, children.namespace())
            target(*program.args, **given)
            StepsTarget(program.after, program.spec.name).run(resources, children.namespace())
        finally:
            children.record_end_of_daemons()


class Children:
    """The processes that this process creates and starts.

    `report` sends the supervisor a letter and numbers; without it, the supervisor sees them when it looks.
    """

    def __init__(
        self,
        setup: Setup,
        resources: Mapping[str, Any],
        report: Report | None = None,
        private: tuple[int, ...] = (),
    ) -> None:
        """`private`: descriptors of this process that a forked child must not keep open."""
        self._setup = setup
        self._resources = resources
        self._report = report
        self._private = private
        self.processes: dict[str, Any] = {}
        """By name; also workers of other kinds."""
        self.index: dict[str, int] = {}
        """Positions in the scenario, by name."""
        self._programs: dict[str, Program] = {}
        self._closes: dict[str, Sequence[str]] = {}
        """What each has closed when it was started, to be started again so."""

    def namespace(self) -> dict[str, Any]:
        """Return what the code of steps about processes needs."""
        return {
            "_processes": self.processes,
            "_start": self.start,
            "_is_alive": self.ask_whether_alive,
            "_signal": self.signal,
            "_supervise": self.supervise,
        }

    def create(self, program: Program) -> None:
        """Create a process."""
        spec, (target, args, kwargs) = program.spec, program.call(self._setup, self._resources)
        self._programs[spec.name] = program
        if isinstance(target, type):  # a subclass of Process: its constructor gets the arguments
            process = target(*args, **kwargs)
            if not cpython.is_initialized(process):
                raise TypeError(f"{spec.target} is not a process yet: its __init__ must call super().__init__()")
            if spec.named:
                process.name = spec.name
            if spec.daemon:
                process.daemon = True
        else:
            name = spec.name if spec.named else None
            daemon = True if spec.daemon else None
            process = multiprocessing.Process(target=target, name=name, args=args, kwargs=kwargs, daemon=daemon)
        forked = multiprocessing.get_start_method() == "fork"
        private = self._private if forked else ()
        process.run = RecordedRun(process, program.position, self._setup.folder, self._setup.queues, private)
        process.run.surroundings = packed(spec.surroundings, self._setup.beside)
        if not forked and self._setup.managed:
            from run_scenario.runtime.primitives import managers

            process.run.managed = managers.known()
        self.add(spec.name, program.position, process)

    def add(self, name: str, index: int, process: Any) -> None:
        """Take in a worker that has been created."""
        self.processes[name], self.index[name] = process, index

    def start(self, name: str, closes: Sequence[str] | Mapping[str, Sequence[str]] = ()) -> None:
        """Start the process of that name, which, if it is forked, first closes these ends of pipes; or those of it."""
        if isinstance(closes, Mapping):
            closes = closes.get(name, ())
        index: int = self.index[name]
        process: Any = self.processes[name]
        if process.ident is not None:  # it was started before: that is an error, and no start to be recorded
            process.start()
        if closes and multiprocessing.get_start_method() == "fork":  # otherwise it inherits nothing
            process.run.closing = [self._resources[end] for end in closes]
        self._closes[name] = closes
        recorder.emit(codes.STARTING, index, process.name)
        try:
            process.start()
        except Exception as error:
            recorder.emit(codes.START_FAILED, index, type(error).__name__, message_of(error))
            raise
        if not _is_process(process):  # a worker in this very process
            return
        popen = cpython.popen_of(process)
        report_started(self._report, index, popen)
        recorder.emit(codes.START_RETURNED, index, process.pid)
        report_auxiliary_processes(self._report)
        record_reaping(popen, index, self._setup.proc)
        process.join = partial(join, process, index, type(process).join)

    def ask_whether_alive(self, name: str) -> bool:
        """Return, and record, whether the process of that name is alive."""
        alive: bool = self.processes[name].is_alive()
        recorder.note_answer((codes.ALIVE, self.index[name], 0), alive)
        return alive

    def signal(self, name: str, method: str) -> None:
        """Interrupt, terminate or kill the process of that name."""
        process = self.processes[name]
        if process.is_alive():
            recorder.emit(_SENDING[method], self.index[name], "step")
        getattr(process, method)()

    def supervise(self, names: Sequence[str]) -> None:
        """Wait until all these processes have ended for good; start each again as its `restart` says."""
        from multiprocessing import connection  # 15 ms, for tempfile and what it needs: where somebody supervises

        ends = dict.fromkeys(names, 0)
        """Of those that run or wait to be started: how often they were started again."""
        due: dict[str, float] = {}
        while ends:
            running = {self.processes[name].sentinel: name for name in ends if name not in due}
            seconds = max(0.0, min(due.values()) - monotonic()) if due else None
            if running:
                recorder.begin_wait(codes.W_JOIN_PROCESS, self.index[next(iter(running.values()))], seconds)
            else:
                recorder.begin_wait(codes.W_SLEEP, timeout=seconds)
            ended = [running[each] for each in connection.wait([*running], seconds)]
            recorder.end_wait()
            for name in ended:
                self.processes[name].join()
                delay = self._delay_before_restart(name, ends[name])
                if delay is None:
                    del ends[name]
                else:
                    ends[name] += 1
                    due[name] = monotonic() + delay
            for name in [name for name, at in due.items() if at <= monotonic()]:
                del due[name]
                self.create(self._programs[name])
                self.start(name, self._closes[name])

    def _delay_before_restart(self, name: str, before: int) -> float | None:
        """Return in how many seconds a process that has ended is started again, and record that; None: it is not."""
        restart, code = self._programs[name].spec.restart, self.processes[name].exitcode
        if restart is None or before >= restart.most or not (restart.always or code != 0):
            return None
        recorder.emit(codes.RESTARTING, self.index[name], before, code)
        return restart.delay

    def record_end_of_daemons(self) -> None:
        """Have it recorded that daemons are terminated, which multiprocessing does when this process ends."""
        for process in multiprocessing.active_children():
            if process.daemon and process.name in self.index:
                popen = cpython.popen_of(process)
                popen.terminate = partial(terminate_daemon, self.index[process.name], popen.terminate)


_SENDING = {"interrupt": codes.INTERRUPTING, "terminate": codes.TERMINATING, "kill": codes.KILLING}


def _is_process(worker: Any) -> bool:
    return isinstance(worker, BaseProcess)
