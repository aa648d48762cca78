"""What is measured, by name: each takes the options and yields its lines of the table."""

from __future__ import annotations

import contextlib
import json
import mmap
import operator
import os
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import (
    HERE,
    Options,
    Result,
    alone,
    command,
    compare,
    compare_program,
    environment,
    own_seconds,
    run,
    run_command,
    script_command,
    wall,
    write_scenario,
)
from benchmarks.programs import PROGRAMS

METHODS = ("fork", "forkserver", "spawn")
Measurement = Callable[[Options], Iterable[Result]]


def start_up(options: Options) -> Iterable[Result]:
    """Compare the whole command on a trivial scenario with the script, both from the outside: again, and as new."""
    path = write_scenario(options, "start", 1)
    script = partial(wall, script_command("start", 1))
    pairs = 2 * options.pairs
    again = partial(wall, run_command(path))
    yield compare("start-up, warm", again, script, pairs=pairs, goal=60, difference="ms", factor=1000)
    yield compare("start-up, warm, as a ratio", again, script, pairs=options.pairs, goal=3, gross=10)

    def first() -> float:
        path.write_text(f"{path.read_text()}# {time.time_ns()}\n")  # another text is as new as another file
        return again()

    yield compare(
        "start-up, text never seen before", first, script, pairs=pairs, goal=200, difference="ms", factor=1000
    )


def commands(options: Options) -> Iterable[Result]:
    """Compare the commands that run nothing with a Python that does nothing."""
    script = partial(wall, [sys.executable, "-c", "pass"])
    for arguments in ("validate daemon", "plan daemon", "list", "--help", "--version"):
        scenario = partial(wall, command(*arguments.split()))
        yield compare(arguments, scenario, script, pairs=options.pairs, goal=150, difference="ms", factor=1000)


def queues(options: Options) -> Iterable[Result]:
    """Pass small, middle and large items through one queue, with every put and get recorded."""
    part = 20 if options.short else 1
    for putters, takers in ((1, 1), (4, 4)) if options.short else ((1, 1), (1, 4), (4, 1), (4, 4)):
        for what, count, size, goal in (
            ("integers", 100_000, 0, 1.10),
            ("items of 1 kB", 40_000, 1000, 1.10),
            ("items of 1 MB", 800, 1_000_000, 1.02),
        ):
            title = f"queue {putters} → {takers}, {count // part:,} {what}"
            yield compare_program(title, options, "queue", putters, takers, count // part, size, goal=goal)


def others(options: Options) -> Iterable[Result]:
    """Tasks that are done, messages, a lock that is wanted, tiny tasks."""
    part = 10 if options.short else 1
    count = 100_000 // part
    yield compare_program(f"steps: a queue, {count:,} integers", options, "steps", count, goal=2)
    yield compare_program(f"JoinableQueue, {count:,} tasks", options, "tasks", count, goal=1.15)
    yield compare_program(f"pipe, {count:,} messages", options, "pipe", count, goal=1.15)
    yield compare_program(f"lock, 4 processes, {count:,} times each", options, "lock", 4, count, goal=1.15, gross=10)
    yield compare_program(f"pool.map, {count:,} tiny tasks", options, "pool", 2, count, goal=1.15, gross=10)


def starting(options: Options) -> Iterable[Result]:
    """Start processes that do nothing, under each start method."""
    count = 20 if options.short else 500
    for method in METHODS:
        title = f"starting {count} processes, {method}"
        yield compare_program(title, options, "start", count, goal=1.15, method=method)


def alive(options: Options) -> Iterable[Result]:
    """Have a thousand processes live at the same time."""
    count, seconds = (50, 1) if options.short else (1000, 5)
    yield compare_program(f"{count:,} live processes", options, "alive", count, seconds, goal=1.15)


def ends(options: Options) -> Iterable[Result]:
    """Measure how soon nobody is left when one of the runner's own is killed, and how soon an exit is seen."""
    tries = 3 if options.short else 4 * options.pairs
    for method in METHODS:
        for who in ("runner", "supervisor", "main program"):
            spent = [_killed(options, who, method) * 1000 for _ in range(tries)]
            yield alone(f"{who} killed, {method}: nobody left after", "ms", spent, 50)
        path = options.folder / "leave.yaml"
        processes = [{"target": "workers:leave", "delay": 0.02, "exitcode": 0}] * (5 if options.short else 50)
        path.write_text(json.dumps({"version": 1, "processes": processes}))
        events = [json.loads(line) for line in run(run_command(path, "--start-method", method)).splitlines()]
        said = {e["process"]: e["t"] for e in events if e["event"] == "process.output" and e["text"] == "leaving"}
        seen = [e["t"] - said[e["process"]] for e in events if e["event"] == "process.exited" and e["process"] in said]
        yield alone(f"an exit is seen, {method}: after", "ms", [seconds * 1000 for seconds in seen], 10)


def _killed(options: Options, who: str, method: str) -> float:
    """Kill one of a run's own processes, and return after how many seconds all others are gone."""
    path = options.folder / "hang.yaml"
    path.write_text(json.dumps({"version": 1, "processes": [{"target": "hang", "replicas": 4}]}))
    command, env = run_command(path, "--start-method", method), environment()
    runner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
    assert runner.stdout
    started: list[dict[str, Any]] = []
    while len(started) < 5:
        event = json.loads(runner.stdout.readline())
        started += [event] if event["event"] == "process.started" else []
    main = next(event for event in started if event["process"] == "MainProcess")
    killed = {"runner": runner.pid, "supervisor": main["ppid"], "main program": main["pid"]}[who]
    others = {runner.pid, main["ppid"], *(event["pid"] for event in started)} - {killed}
    if who != "runner":
        others.discard(runner.pid)  # it has still to tell the log
    waiting = [os.pidfd_open(pid) for pid in others]
    began = time.perf_counter()
    os.kill(killed, signal.SIGKILL)
    for descriptor in waiting:
        select.select([descriptor], [], [])
    spent = time.perf_counter() - began
    for descriptor in waiting:
        os.close(descriptor)
    runner.stdout.read()
    runner.wait()
    return spent


def scripts(options: Options) -> Iterable[Result]:
    """Compare the same script with and without `record`."""
    count = 10_000 if options.short else 100_000
    programs: list[tuple[str, str, tuple[int, ...]]] = [
        (f"record: a queue, {count:,} integers", "queue", (1, 1, count, 0)),
        (f"record: pool.map, {count:,} tiny tasks", "pool", (2, count)),
    ]
    for title, name, numbers in programs:
        plain = script_command(name, *numbers)
        for processor in (False, True):
            recorded = partial(own_seconds, [*command("record"), *plain[1:]], processor=processor)
            bare = partial(own_seconds, plain, processor=processor)
            what = f"{title}: CPU" if processor else title
            yield compare(what, recorded, bare, pairs=options.pairs, goal=1.10, gross=6)
    plain = script_command("start", 1)
    yield compare(
        "record: start-up",
        partial(wall, [*command("record"), *plain[1:]]),
        partial(wall, plain),
        pairs=2 * options.pairs,
        goal=100,
        difference="ms",
        factor=1000,
    )


def explore(options: Options) -> Iterable[Result]:
    """Compare a schedule of five processes of 20 steps with a script that lets the same five do so, in CPU time.

    What the command and the script take besides, such as their start, is that of a single one, and is not counted.
    """
    processes, count = 5, 20
    many = 20 if options.short else 100
    path = options.folder / "rounds.yaml"
    path.write_text(json.dumps(PROGRAMS["rounds"](processes, count)))

    def explored(schedules: int) -> tuple[float, int]:
        """Return the CPU seconds of that, and how many decisions were made."""
        began = _of_children()
        arguments = ("--schedules", str(schedules), "--seed", "1", "--format", "json")
        told = json.loads(run(command("explore", str(path), *arguments)))
        assert told["schedules"] == schedules, told
        return _of_children() - began, told["steps"]

    def schedule() -> float:
        (all_of_them, decisions), (single, first) = explored(many), explored(1)
        spent = all_of_them - single
        each.append(spent / (decisions - first) * 1e6)
        return spent / (many - 1) * 1000

    def script() -> float:
        spent = [own_seconds(script_command("rounds", times, processes, count), processor=True) for times in (many, 1)]
        return (spent[0] - spent[1]) / (many - 1) * 1000

    each: list[float] = []
    name = f"explore: a schedule of {processes} × {count} steps: CPU"
    result = compare(name, schedule, script, pairs=options.pairs, goal=2, gross=20, unit="ms")
    yield result
    rates = 1000 / result.scenario, 1e6 / statistics.median(each)
    yield alone(f"explore: {rates[0]:.0f} schedules, {rates[1]:,.0f} decisions/s: each", "µs", each, 180)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def record(options: Options) -> Iterable[Result]:
    """Time recording one event, in this process, in microseconds of CPU; the script's column is an empty call."""
    from run_scenario.recording import codes, layout
    from run_scenario.recording.recorder import Recorder

    count = 200_000
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "floor").open("w+b") as file:
            file.truncate(_LEAST.size * count)
            floor = mmap.mmap(file.fileno(), 0)
        recorder = Recorder()
        recorder.attach(folder, "benchmark", 1)

        store, monotonic_ns = _LEAST.pack_into, time.monotonic_ns

        def timed(call: Callable[[int], object]) -> float:
            began = time.thread_time()
            for i in range(count):
                call(i)
            return (time.thread_time() - began) / count * 1e6

        for name, call in (
            ("the floor: a time and a number in a mapped file", lambda i: store(floor, i * 16, monotonic_ns(), i)),
            ("recording one put or get", lambda i: recorder.fixed(codes.PUT, layout.V_INT, 0, i, i, 0)),
            ("recording one event with text", lambda i: recorder.emit(codes.OUTPUT, 1, "Worker 1 processing task\n")),
        ):
            yield compare(
                name,
                partial(timed, call),
                lambda: timed(lambda i: None),
                pairs=options.pairs,
                goal=1.0,
                unit="µs",
                difference="µs",
            )


_LEAST = struct.Struct("<qq")
"""The least that a record can be which survives its process: when, and what of some table."""


def polling(options: Options) -> Iterable[Result]:
    """Time asking the same again and again, in nanoseconds; the script's column is the plain object."""
    from multiprocessing import get_context, sharedctypes
    from queue import Empty

    from run_scenario.recording.recorder import recorder
    from run_scenario.runtime.primitives import pipes, queues, shared, sync
    from run_scenario.scenario.model import PipeSpec

    def get_nowait(queue: Any) -> None:
        with contextlib.suppress(Empty):
            queue.get_nowait()

    def timed(ask: Callable[[Any], object], it: Any) -> float:
        began = time.perf_counter()
        for _ in range(_ASKED):
            ask(it)
        return (time.perf_counter() - began) / _ASKED * 1e9

    context = get_context()
    lock, held = sync.Lock(0, context), context.Lock()
    lock.acquire()
    held.acquire()
    whole, elements = sharedctypes.RawValue("i", 0), sharedctypes.RawArray("i", 4)
    ends = pipes.create_pipe(PipeSpec(name="rope"), 0, context)
    plain_ends = context.Pipe()
    asked: list[tuple[str, Callable[[Any], object], Any, Any]] = [
        ("Value.value", _VALUE, shared.Value(whole, sync.RLock(1, context), context, 1), context.Value("i", 0)),
        ("RawValue.value", _VALUE, shared.RawValue(whole, 2), whole),
        (
            "an element of an Array",
            operator.itemgetter(1),
            shared.Array(elements, sync.RLock(3, context), context, 3),
            context.Array("i", 4),
        ),
        ("Event.is_set()", operator.methodcaller("is_set"), sync.Event(4, context), context.Event()),
        ("Lock.acquire(False)", operator.methodcaller("acquire", False), lock, held),
        ("Queue.full()", operator.methodcaller("full"), queues.Queue(0, context), context.Queue()),
        ("Queue.empty()", operator.methodcaller("empty"), queues.Queue(0, context), context.Queue()),
        ("Queue.get_nowait()", get_nowait, queues.Queue(0, context), context.Queue()),
        ("Connection.poll()", operator.methodcaller("poll"), ends["rope.left"], plain_ends[0]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        recorder.attach(folder, "benchmark", 1)
        for name, ask, recorded, plain in asked:
            yield compare(
                f"polling {name}",
                partial(timed, ask, recorded),
                partial(timed, ask, plain),
                pairs=options.pairs,
                goal=2,
                unit="ns",
            )


_ASKED = 20_000
_VALUE = operator.attrgetter("value")


def judge(options: Options) -> Iterable[Result]:
    """Time judging an event by an expectation that is about it, in microseconds; the script's column is a bare loop.

    Each event is one that every one of the expectations looks at: others cost next to nothing.
    """
    from run_scenario import loader
    from run_scenario.expect import Judge

    loaded = loader.load(HERE / "judged.yaml").require()
    count, about = 20_000, len(loaded.expect)
    events = [
        {"event": f"queue.{deed}", "t": n * 1e-4, "seq": n, "process": who, "queue": "q", "item_id": n, "item": n}
        for n in range(1, count // 2 + 1)
        for deed, who in (("put", "P"), ("get", "C"))
    ]

    def judged() -> float:
        judge = Judge(loaded.expect)
        began = time.perf_counter()
        judge.take(events)
        spent = time.perf_counter() - began
        assert all(verdict.result == "passed" for verdict in judge.finish(True))
        return spent / count / about * 1e6

    def nothing() -> float:
        began = time.perf_counter()
        for _ in events:
            pass
        return (time.perf_counter() - began) / count / about * 1e6

    name = f"judging one event by one of {about} expectations"
    yield compare(name, judged, nothing, pairs=options.pairs, goal=1.0, unit="µs", difference="µs")


def tell(options: Options) -> Iterable[Result]:
    """Time what makes a line of JSON of one recorded put or get, in this process's microseconds of CPU."""
    yield alone("telling one event", "µs", [_tell_once(options, 50_000) for _ in range(options.pairs)], 3.0)


def _tell_once(options: Options, pairs: int) -> float:
    from run_scenario import loader
    from run_scenario.recording import codes, layout
    from run_scenario.recording.recorder import Recorder
    from run_scenario.recording.streams import remove
    from run_scenario.report.jsonlines import JsonLines
    from run_scenario.report.reasons import Sentences
    from run_scenario.runtime.run_follower import RunFollower
    from run_scenario.runtime.run_request import RunRequest

    class Nowhere:
        def write(self, data: bytes) -> None:
            pass

        def close(self) -> None:
            pass

    scenario = loader.load(write_scenario(options, "queue", 1, 1, pairs, 0)).require()
    sink = JsonLines([Nowhere()])
    sink.open()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic_ns(), time.time_ns()
        recorder = Recorder()
        recorder.attach(folder, "both", 1)
        for number in range(pairs):
            recorder.fixed(codes.PUT, layout.V_INT, 0, number + 1, number, 0)
            recorder.fixed(codes.GET, layout.V_SAME, 0, number + 1, 0, 0)
        request = RunRequest(scenario, (), "benchmark", folder, began, {})
        follower = RunFollower(request, os.getpid(), [sink], "fork", discard=remove, wording=Sentences())
        spent = time.process_time()
        while follower.advance(0):
            pass
        return (time.process_time() - spent) / (2 * pairs) * 1e6


def follow(options: Options) -> Iterable[Result]:
    """Measure, for longer and longer runs, how late the log is complete, and the runner's memory.

    Then for runs that leave the runner a processor, and say less and less.
    """
    for events in (2_000, 20_000) if options.short else (10_000, 100_000, 1_000_000):
        yield from _follow(options, events)
    count = 10_000 if options.short else 100_000
    for pause in (10e-6, 20e-6, 40e-6):
        path = options.folder / "chat.yaml"
        put = {"target": "workers:put_in_turn", "to": "q", "kwargs": {"count": count, "pause": pause}}
        get = {"target": "workers:get", "from": "q", "kwargs": {"count": count}}
        path.write_text(
            json.dumps({"version": 1, "timeout": 3600, "cpus": 1, "queues": {"q": {}}, "processes": [put, get]})
        )
        found = [_followed(path) for _ in range(min(3, options.pairs))]
        rate = statistics.median(each[2] for each in found) / 1000
        yield alone(f"{rate:,.0f},000 events a second: log complete after", "%", [each[0] for each in found], 10)


def follow_long(options: Options) -> Iterable[Result]:
    """Do the same with ten million events."""
    yield from _follow(options, 10_000_000)


def _follow(options: Options, events: int) -> Iterable[Result]:
    path = write_scenario(options, "queue", 1, 1, events // 2, 0, 1000)  # an item on its way is remembered
    late, memory = [], []
    for _ in range(1 if events > 100_000 else min(3, options.pairs)):
        lateness, peak, _ = _followed(path)
        late.append(lateness)
        memory.append(peak)
    yield alone(f"{events:,} events: log complete after", "%", late, 10)
    yield alone(f"{events:,} events: peak memory of the runner", "MB", memory, 80)


def _followed(path: Path) -> tuple[float, float, float]:
    """Run it; return by how many per cent of its duration the log was late, the runner's peak MB, events a second."""
    process = subprocess.Popen(run_command(path, "--max-log", "64G"), stdout=subprocess.PIPE, env=environment())
    assert process.stdout
    end, peak = 0.0, 0
    for number, line in enumerate(process.stdout):
        if number % 1000 == 0:
            peak = max(peak, _peak_kilobytes(process.pid))
        if b'"process.exited"' in line and b'"MainProcess"' in line:
            event: dict[str, Any] = json.loads(line)
            end = event["t"]
        elif b'"scenario.finished"' in line:
            took = json.loads(line)
    assert process.wait() == 0, path
    return (took["duration"] - end) / end * 100, peak / 1024, took["counts"]["events"] / end


def _peak_kilobytes(pid: int) -> int:
    """Return the most memory that a process has used until now (VmHWM in proc(5)); 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def load(options: Options) -> Iterable[Result]:
    """Load and check files of more and more processes, none of them seen before; more than there may be are refused."""
    from run_scenario import loader

    for count in (10, 100) if options.short else (10, 100, 1000, 2000, 10_000):
        lines = [f"  - {{name: Worker {i}, target: sleep, kwargs: {{seconds: 1}}}}" for i in range(count)]
        text = "\n".join(["version: 1", "processes:", *lines, ""])
        if count > 1000:
            text = f"version: 1\nprocesses:\n  - {{target: sleep, replicas: {count}}}\n"

        def once(text: str = text, count: int = count) -> float:
            began = time.perf_counter()
            loaded = loader.load_text(text, use_cache=False)
            assert (loaded.scenario is None) == (count > 2000)
            return time.perf_counter() - began

        once()
        goal = max(0.1, 0.5 * count / 1000)
        yield alone(
            f"{'loading' if count <= 2000 else 'refusing'} {count:,} processes",
            "s",
            [once() for _ in range(options.pairs)],
            goal,
        )


_READERS = {
    "run() in a test, and an event found": "len(run(given[0], allow='workers').log.of('process.exited'))",
    "EventLog.read(), and all events": "sum(1 for _ in EventLog.read(given[1]))",
    "EventLog.check()": "assert EventLog.read(given[1]).fifo('items')",
    "EventLog.records()": "sum(1 for _ in EventLog.read(given[1]).records())",
    "EventLog.of().to_polars()": "len(EventLog.read(given[1]).of('queue.get').to_polars())",
    "check": "assert not main(['check', given[1], given[2]])",
    "show --as timeline": "assert not main(['show', given[1], '--as', 'timeline', '--output', given[1] + '.txt'])",
    "show --as table": "assert not main(['show', given[1], '--as', 'table', '--output', given[1] + '.txt'])",
    "show --as html": "assert not main(['show', given[1], '--as', 'html', '--output', given[1] + '.html'])",
    "show --as perfetto": "assert not main(['show', given[1], '--as', 'perfetto', '--output', given[1] + '.json'])",
}
"""What reads a log -> how, with `given`: a scenario, its log, and what is expected of it."""
_READ = """
import sys
from run_scenario import EventLog, run
from run_scenario.cli import main

given = sys.argv[1:]
{reader}
status = open("/proc/self/status").read()  # not ru_maxrss, which begins with that of the parent
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


def readers(options: Options) -> Iterable[Result]:
    """Measure the memory of whatever reads the log of a million events: of each, in a process of its own."""
    count = 20_000 if options.short else 1_000_000
    scenario = write_scenario(options, "queue", 1, 1, count // 2, 0, 1000)
    log, expected = options.folder / "readers.jsonl", options.folder / "readers.yaml"
    expected.write_text(json.dumps({"version": 1, "expect": [{"conserved": "items"}, {"fifo": "items"}]}))
    run([*run_command(scenario), "--log", str(log), "--format", "console"])
    for name, reader in _READERS.items():
        command = [sys.executable, "-c", _READ.format(reader=reader), str(scenario), str(log), str(expected)]
        yield alone(f"{count:,} events: {name}", "MB", [int(run(command).split()[-1]) / 1024], 300)


MEASUREMENTS: dict[str, Measurement] = {
    "start-up": start_up,
    "commands": commands,
    "queues": queues,
    "others": others,
    "starting": starting,
    "alive": alive,
    "ends": ends,
    "scripts": scripts,
    "explore": explore,
    "record": record,
    "polling": polling,
    "judge": judge,
    "tell": tell,
    "follow": follow,
    "load": load,
    "readers": readers,
}
SHORT = ("start-up", "queues", "others", "starting")
"""What has a ratio that can be grossly wrong: the short form's, unless others are named."""
ON_DEMAND: dict[str, Measurement] = {"follow-long": follow_long}
"""What takes minutes: measured when it is named."""
