"""What is measured, by name: each takes the number of pairs and yields its lines of the table."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.harness import HERE, Result, compare, main_program_seconds, scenario_command, script_seconds, wall

ALLOW = ("--allow", "workers")


def start_up(pairs: int) -> Iterable[Result]:
    """Compare the whole command on a trivial scenario with the script, both from the outside."""
    yield compare(
        "start-up, one process",
        partial(wall, scenario_command("trivial.yaml", *ALLOW)),
        partial(wall, [sys.executable, str(HERE / "trivial_script.py")]),
        pairs=2 * pairs,
        goal=150,
        difference=True,
    )


def queue(pairs: int) -> Iterable[Result]:
    """Compare passing 100,000 small integers through one queue, with every put and get recorded."""
    yield compare(
        "queue, 100,000 integers",
        partial(main_program_seconds, "queue.yaml", *ALLOW),
        partial(script_seconds, "queue_script.py"),
        pairs=pairs,
        goal=1.25,
    )


def record(pairs: int) -> Iterable[Result]:
    """Time recording one event, in this process, in microseconds; the script's column is an empty call."""
    from run_scenario.record import codes, layout
    from run_scenario.record.recorder import Recorder

    count = 200_000
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder()
        recorder.attach(folder, "benchmark", 1)

        def timed(call: Callable[[int], object]) -> float:
            began = time.perf_counter()
            for i in range(count):
                call(i)
            return (time.perf_counter() - began) / count * 1e6

        def nothing() -> float:
            return timed(lambda i: None)

        for name, call in (
            ("one put or get", lambda i: recorder.fixed(codes.PUT, layout.V_INT, 0, i, i, 0)),
            ("one event with text", lambda i: recorder.emit(codes.OUTPUT, 1, "Worker 1 processing task: 101\n")),
        ):
            result = compare(name, partial(timed, call), nothing, pairs=pairs, goal=2.0, difference=True)
            yield _in_microseconds(result)


def judge(pairs: int) -> Iterable[Result]:
    """Time judging an event by an expectation that is about it, in microseconds; the script's column is a bare loop.

    Each event is one that every one of the expectations looks at: others cost next to nothing.
    """
    from run_scenario import language
    from run_scenario.expect import Judge

    loaded = language.load(HERE / "judged.yaml").require()
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

    name = f"one event, one of {about} expectations"
    yield _in_microseconds(compare(name, judged, nothing, pairs=pairs, goal=1.0, difference=True))


def _in_microseconds(result: Result) -> Result:
    """Undo the factor of a thousand of a difference between two figures that already are microseconds."""
    return Result(
        name=result.name,
        unit="µs",
        scenario=result.scenario,
        script=result.script,
        comparison="+µs",
        median=result.median / 1000,
        lowest=result.lowest / 1000,
        highest=result.highest / 1000,
        goal=result.goal,
        pairs=result.pairs,
    )


MEASUREMENTS: dict[str, Callable[[int], Iterable[Result]]] = {
    "start-up": start_up,
    "queue": queue,
    "record": record,
    "judge": judge,
}
