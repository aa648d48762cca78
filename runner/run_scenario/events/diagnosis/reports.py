"""What the supervisor reports of each process when nothing moves: what its threads wait for, and their stacks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from run_scenario.recording import codes, layout
from run_scenario.recording.process_report import ProcessReport
from run_scenario.scenario.model import PipeSpec, PoolSpec, Resource, Scenario
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.types.runs import BlockedOperation, Operation

_FRAME = re.compile(r'^  File "(?P<file>[^"\n]*)", line (?P<line>\d+) in (?P<function>.*)$')
_MOST_FRAMES = 20
_RUNTIME = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "runtime") + os.sep
_PRIMITIVES = os.path.join(_RUNTIME, "primitives") + os.sep
"""The recorded objects stand for multiprocessing's own: their calls are the scenario's."""
_LAUNCHING = {
    ("process.py", "run"),
    ("process.py", "_bootstrap"),
    ("bootstrap.py", "__call__"),
    ("program.py", "_do"),
    ("program.py", "run"),
    ("program.py", "_run_file"),
    ("program.py", "become_script"),
    ("<frozen runpy>", "_run_code"),
    ("threading.py", "run"),
    ("threading.py", "_bootstrap_inner"),
}
"""Where multiprocessing or the main program's plan calls what the scenario names."""

_OPERATIONS: dict[int, Operation] = {
    codes.W_GET: "get",
    codes.W_GET_TIMED: "get",
    codes.W_PUT: "put",
    codes.W_JOIN_QUEUE: "join_queue",
    codes.W_TASK: "task_done",
    codes.W_JOIN_THREAD: "join_thread",
    codes.W_ACQUIRE: "acquire",
    codes.W_EVENT: "wait",
    codes.W_CONDITION: "wait",
    codes.W_BARRIER: "wait",
    codes.W_ANSWER: "wake",
    codes.W_RECEIVE_LEFT: "recv",
    codes.W_RECEIVE_RIGHT: "recv",
    codes.W_SEND_LEFT: "send",
    codes.W_SEND_RIGHT: "send",
    codes.W_MANAGER: "call",
    codes.W_POOL_TASK: "next_task",
    codes.W_POOL_RESULT: "result",
    codes.W_POOL_JOIN: "join_pool",
    codes.W_JOIN_PROCESS: "join",
    codes.W_SLEEP: "sleep",
    codes.W_EXIT: "exit",
    codes.W_THREAD: "thread",
    codes.W_OWN: "own",
    codes.W_OUTSIDE: "outside",
    codes.W_SERVE: "serve",
}
_SEEN = (codes.W_THREAD, codes.W_OWN, codes.W_OUTSIDE)
"""Waits of which nothing more is known than what the system shows."""
_PASSIVE = (codes.W_FEED, codes.W_HELP, codes.W_NO_MORE, *_SEEN)
"""What threads wait for that serve others in their process, or of which nothing more is known."""
_WAKING: tuple[Operation, ...] = ("set", "clear", "is_set", "notify")
WITHOUT_RESOURCE = ("join", "sleep", "exit", "thread", "own", "outside", "serve")
"""What is no wait at a resource of the scenario."""
_ENDS: dict[int, Literal["left", "right"]] = {
    codes.W_RECEIVE_LEFT: "left",
    codes.W_SEND_LEFT: "left",
    codes.W_RECEIVE_RIGHT: "right",
    codes.W_SEND_RIGHT: "right",
}


class Frame(NamedTuple):
    """One call of a Python stack."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


class Waiting(Value):
    """One process, or one of its threads that is a worker, when nothing moves."""

    process: str
    pid: int
    state: str
    """As in proc(5)."""
    kind: int
    """A code of `recording.codes`, 0 where it is not known to wait."""
    resource: int
    """Position among the scenario's resources; for a join, among its processes. A process may have written anything."""
    since: int
    """Monotonic ns, as `until`."""
    until: int
    """When it gives up; 0: never."""
    frames: tuple[Frame, ...] = ()
    around: tuple[tuple[int, int], ...] = ()
    """Kind and resource of the waits in the middle of which it began this one."""
    threads: int = 0
    """How many its process has, without those that only serve others; 0: not known."""
    helpers: int = 0
    """How many threads of pools its process has besides: they call callbacks."""
    thread: int = 0
    """Native id of a thread that is neither the main thread nor a worker's."""
    thread_name: str = ""
    on_process: str = ""
    """The process it waits for, where that is none that the scenario names."""
    call: int = 0
    """The number of the call on a pool whose result it waits for; 0: it waits for none, or not for ever."""

    @property
    def operation(self) -> Operation | None:
        """What it is blocked in."""
        operation = _OPERATIONS.get(self.kind)
        if operation == "wake":
            calls = {frame.function for frame in self.frames if frame.file.startswith(_PRIMITIVES)}
            return next((name for name in _WAKING if name in calls), operation)
        return operation

    @property
    def is_alone(self) -> bool:
        """Whether it waits for another thread of its own process, and there is none that could run its code."""
        return self.operation == "thread" and self.threads == 1 and not self.helpers

    @property
    def method(self) -> str | None:
        """Of a call on what a manager holds: the proxy's method; of a wait for another thread: join, or alone.

        Of a call to the system, what it does.
        """
        if self.operation == "outside":
            return codes.OUTSIDE[self.resource] if self.resource < len(codes.OUTSIDE) else None
        if self.operation == "thread":
            if self.is_alone:
                return "alone"
            joins = ("threading.py", "join") in [(_base(frame.file), frame.function) for frame in self.frames]
            return "join" if joins else None
        if self.operation != "call":
            return None
        callers = zip(self.frames, self.frames[1:], strict=False)
        called = [above for frame, above in callers if (_base(frame.file), frame.function) == ("managers.py", "_call")]
        return next((frame.function for frame in called if _base(frame.file) in ("managers.py", "<string>")), None)

    @property
    def end(self) -> Literal["left", "right"] | None:
        """Of a pipe: the end at which it waits."""
        return _ENDS.get(self.kind)


def read_reports(
    reports: Sequence[ProcessReport],
    name_of: Callable[[int], str],
    threads_of: Callable[[int], Mapping[int, str]],
    thread_names: Mapping[tuple[int, int], str] = {},
) -> list[Waiting]:
    """Return what the supervisor has found out about each process, and about those of its threads that wait.

    `threads_of(pid)` names those that are workers: native thread id -> name; `thread_names` others.
    """
    found = []
    for report in reports:
        pid, state, waits, stack = report.pid, report.state, report.waits, report.stack
        states = dict(report.threads)
        threads = {pid: name_of(pid), **threads_of(pid)}
        serving = {w[2] for w in waits if w[0] in _PASSIVE and w[0] not in _SEEN and w[2] in states}
        others = {w[2] for w in waits if w[0] not in _PASSIVE and w[2] in states}
        if all(w[0] != codes.W_SERVE for w in waits):  # of a manager nobody needs to know how it serves
            others |= {native for native in states if f"Thread {native} " in stack}
        others -= serving
        helpers = {w[2] for w in waits if w[0] == codes.W_HELP and w[2] in states}
        for native, name in (threads | {other: name_of(pid) for other in others if other not in threads}).items():
            # A wait may take place inside another: the one that began last is what the thread is in.
            own = sorted((w for w in waits if w[2] == native), key=lambda wait: abs(wait[3]))
            kind, resource, _, since, until = own[-1] if own else (codes.MOVING, layout.NO_RESOURCE, 0, 0, 0)
            at = states.get(native, state)
            if native == pid and kind == codes.MOVING and at == "S" and "R" in states.values():
                at = "R"  # its main thread waits for the interpreter, with which another one computes
            around = tuple((w[0], w[1]) for w in own[:-1])
            frames = read_stack(stack, native)
            found.append(
                Waiting(
                    name,
                    pid,
                    at,
                    kind,
                    resource,
                    since,
                    max(until, 0),
                    frames,
                    around,
                    threads=len(states) - len(serving),
                    helpers=len(helpers),
                    thread=0 if native in threads else native,
                    thread_name="" if native in threads else thread_names.get((pid, native), ""),
                    on_process=name_of(-until) if until < 0 and kind == codes.W_JOIN_PROCESS else "",
                    call=-until if until < 0 and kind == codes.W_POOL_RESULT else 0,
                )
            )
    return found


def read_stack(text: str, native: int) -> tuple[Frame, ...]:
    """Return the frames of the thread with that native id, the most recent call first.

    What lies below the target, and the recording but for the queues' own methods, is left out: it is not the scenario's
    code.
    """
    block: list[Frame] = []
    ours = below = False
    for line in text.splitlines():
        if "most recent call first" in line:
            ours = line.startswith(f"Thread {native} ")
        elif ours and (match := _FRAME.match(line)):
            file, function = match["file"], match["function"]
            below = below or (os.path.basename(file), function) in _LAUNCHING
            if not below and (not file.startswith(_RUNTIME) or file.startswith(_PRIMITIVES)):
                block.append(Frame(file, int(match["line"]), function))
    return tuple(block[:_MOST_FRAMES])


def blocked_operation(w: Waiting, scenario: Scenario, seconds: Callable[[int], float]) -> BlockedOperation:
    """Return what a process is blocked in, by names; `seconds` turns monotonic ns into seconds of the log."""
    from run_scenario.events.types.runs import BlockedOperation

    operation = w.operation
    resources, processes = scenario.resources, scenario.processes
    spec = resources[w.resource] if operation not in WITHOUT_RESOURCE and w.resource < len(resources) else None
    joined = processes[w.resource] if operation == "join" and w.resource < len(processes) else None
    if operation is None:
        spec = None
    calls = spec.calls if isinstance(spec, PoolSpec) else ()
    call = next((each for each in calls if each.number == w.call), None)
    return BlockedOperation(
        process=w.process,
        operation=operation,
        resource=spec.name if spec else None,
        resource_type=type_of(spec) if spec else None,
        end=w.end,
        on_process=joined.name if joined else w.on_process or None,
        method=call.method if call else w.method,
        call=w.call or None,
        function=call.function if call and call.place else None,
        place=call.place or None if call else None,
        thread=w.thread or None,
        thread_name=w.thread_name or None,
        since=max(0.0, seconds(w.since)) if w.kind and w.since else None,
    )


def _base(file: str) -> str:
    return os.path.basename(file)


def type_of(spec: Resource) -> str:
    """Return a resource's type: the name of its class in multiprocessing, or of its type in the language."""
    return "Pipe" if isinstance(spec, PipeSpec) else spec.type
