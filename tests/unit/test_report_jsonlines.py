"""The log as JSON Lines: what is written, and what happens where it cannot be."""

from __future__ import annotations

import functools
import json
import math
import os
import subprocess
import sys
import threading
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import structlog
from example_events import event
from structlog.processors import JSONRenderer

from run_scenario.errors import MachineryError
from run_scenario.events.encoding import as_mapping, line_of, lines_of
from run_scenario.events.types import QueuePut
from run_scenario.report.jsonlines import JsonLines, Pipeline, Processor, render
from run_scenario.report.outputs import Output


class Kept:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.written.append(data)

    def close(self) -> None:
        """Note it."""
        self.closed = True


def test_each_event_is_one_line() -> None:
    """An event comes out as it went in, in ASCII, with its fields in order."""
    events = [event("process.output", text="naïve\n\u2028\u202e😀"), event("process.finished", t=0.125)]
    data = render(events)
    assert events == [json.loads(line) for line in data.decode("ascii").splitlines()]
    assert data.startswith(b'{"event":"process.output","level":"info","timestamp":')
    assert data.endswith(b"}\n")
    assert 2 == data.count(b"\n")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (math.nan, "nan"),
        ([1.5, -math.inf], [1.5, "-inf"]),
        ({1: {2.5: None}}, {"1": {"2.5": None}}),
        ({(1, 2): "x"}, {"(1, 2)": "x"}),
        pytest.param(10**5000, hex(10**5000), id="huge"),
        (b"\x00", "AA=="),
        ({"set": {1}}, {"set": [1]}),
        ((1, [2]), [1, [2]]),
        ("\ud800", r"\ud800"),
    ],
)
def test_odd_items_are_still_json(item: object, expected: object) -> None:
    """Whatever an item holds, the line is strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    line = render([event("queue.put", item=item)])
    assert expected == json.loads(line, parse_constant=refuse)["item"]


@pytest.mark.parametrize(
    "item", ["plain", "naïve", "\x1b\x7f\x00", "null", None, [0.25, 1e300, -0.0], {"a": [True]}, 2**70]
)
def test_a_line_is_as_structlog_renders_it(item: object) -> None:
    """An event type comes out byte for byte as structlog's JSON renderer writes the same fields, in ASCII."""
    kind = QueuePut(queue="tasks", item_id=3, item=item, waited=0.5)
    kind.timestamp, kind.t, kind.seq, kind.process = "2026-01-31T12:00:00.000000Z", 0.25, 7, "Worker 1"
    renderer = JSONRenderer(serializer=functools.partial(json.dumps, separators=(",", ":")))
    assert renderer(None, "", as_mapping(kind)) == line_of(kind).decode("ascii")


@pytest.mark.parametrize("number", [1e-7, 1.2e-05, 5e-324, 1e16, 123456789.123456])
def test_a_number_is_the_same_however_it_is_written(number: float) -> None:
    """The shortest text of a number may have another form than Python's; it is read as the same number."""
    assert number == json.loads(render([event("queue.put", item=number)]))["item"]


_PLAIN = [[1], ["a\nb"]]
_ODD = [["naïve", None], [math.nan, "\x7f"], [10**5000], ["null"], [{1}], ["\ud800"]]


@pytest.mark.parametrize("odd", [*_ODD, [*chain.from_iterable(_ODD)]])
@pytest.mark.parametrize("before", [0, 1, 255, 256, 700])
def test_many_lines_are_as_each_alone(odd: list[Any], before: int) -> None:
    """What is encoded at once has the same bytes as one event after another; an odd one changes no other line."""
    items: list[Any] = [_PLAIN[at % 2] for at in range(before)] + odd + _PLAIN
    events = [QueuePut(queue="tasks", item_id=at, item=item, waited=0.5) for at, item in enumerate(items)]
    assert b"".join(line_of(each) + b"\n" for each in events) == lines_of(events)


def test_an_item_that_contains_itself() -> None:
    """A cycle ends as text."""
    cycle: list[Any] = []
    cycle.append(cycle)
    assert b"\\u2026" in render([event("queue.put", item=cycle)])


def test_a_batch_is_rendered_once_and_written_once() -> None:
    """Two outputs get the same bytes, each in one piece; nothing is written for no events."""
    first, second = Kept(), Kept()
    sink = JsonLines([first, second])
    sink.write([])
    sink.write([event("process.finished"), event("process.finished")])
    sink.close()
    assert 1 == len(first.written)
    assert first.written == second.written
    assert first.closed
    assert second.closed


def test_rendering_imports_no_renderer() -> None:
    """The hot path needs neither structlog nor rich: they would cost a run more than its events do."""
    code = (
        "import sys; from run_scenario.report.jsonlines import render; render([{'event': 'x'}]); "
        "print({'structlog', 'rich', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ("set()\n", "") == (done.stdout, done.stderr)


def pipeline(*functions: Any) -> Pipeline:
    """Return a pipeline of processors."""
    names = (getattr(each, "__name__", "object") for each in functions)
    found = zip(names, functions, strict=True)
    return Pipeline([Processor(f"mine:{name}", "pyproject.toml:3", function) for name, function in found])


def keep(logger: object, method_name: str, event_dict: dict[str, Any]) -> dict[str, Any]:
    """Change nothing."""
    return event_dict


@pytest.mark.parametrize("item", ["naïve", None, 1e-7, math.nan, [{"a": b"x"}], "\ud800"])
def test_a_processor_that_changes_nothing(item: object) -> None:
    """The bytes are those of the hot path."""
    events = [event("queue.put", item=item), event("process.finished")]
    assert render(events) == pipeline(keep)(events)


def test_processors_are_called_in_order_as_structlog_calls_them() -> None:
    """Each has a logger, the level and what the one before has made of the event; the next reads that."""
    seen: list[Any] = []

    def first(logger: object, method_name: str, event_dict: dict[str, Any]) -> dict[str, Any]:
        seen.append((logger, method_name, event_dict["item"]))
        return {**event_dict, "more": {1, 2}}

    lines = pipeline(first, structlog.processors.EventRenamer("name"))([event("queue.put", item=3)])
    assert [(None, "info", 3)] == seen
    line = json.loads(lines)
    assert ("queue.put", [1, 2]) == (line["name"], line["more"])


def test_a_processor_changes_nobody_elses_event() -> None:
    """Whoever else reads an event, such as the judge, has it as it was, also what is inside it."""

    def redact(_: object, __: str, event_dict: dict[str, Any]) -> dict[str, Any]:
        event_dict["item"]["password"] = "***"
        return event_dict

    original = QueuePut(queue="tasks", item_id=3, item={"password": "secret"}, waited=0.5)
    assert b"secret" not in pipeline(redact)([original])
    assert {"password": "secret"} == original.item


def test_a_dropped_event_has_no_line() -> None:
    """DropEvent drops that line alone; what comes after is not called."""

    def drop(_: object, __: str, event_dict: dict[str, Any]) -> dict[str, Any]:
        if event_dict["event"] == "process.finished":
            raise structlog.DropEvent
        return event_dict

    events = [event("process.finished"), event("process.alive")]
    assert render(events[1:]) == pipeline(drop, keep)(events)
    assert b"" == pipeline(drop)(events[:1])


def test_a_processor_that_raises() -> None:
    """The error names the processor, who has added it, the event, the line of code and the way out."""

    def fail(_: object, __: str, event_dict: dict[str, Any]) -> Any:
        return event_dict["nothing"]

    with pytest.raises(MachineryError) as raised:
        pipeline(keep, fail)([event("process.finished", seq=12)])
    line = fail.__code__.co_firstlineno + 1
    assert (
        "cannot write the log: the processor 'mine:fail' of pyproject.toml:3 failed at event 12, process.finished: "
        f"KeyError: 'nothing' (test_report_jsonlines.py:{line}); correct it, or take it out of the processors"
    ) == str(raised.value)


def test_a_processor_that_fails_in_a_library() -> None:
    """The line is that of the processor's own module, which can be corrected."""

    def fail(_: object, __: str, event_dict: dict[str, Any]) -> Any:
        return json.loads("{")

    line = fail.__code__.co_firstlineno + 1
    with pytest.raises(MachineryError, match=rf"\(test_report_jsonlines\.py:{line}\); correct it"):
        pipeline(fail)([event("process.finished")])


def test_a_processor_that_cannot_be_called() -> None:
    """Where the call itself fails, no line of ours is named: the processor's own signature is wrong."""
    with pytest.raises(MachineryError) as raised:
        pipeline(lambda event_dict: event_dict)([event("process.finished", seq=12)])
    assert "jsonlines.py" not in str(raised.value)
    assert "takes 1 positional argument but 3 were given; correct it" in str(raised.value)


@pytest.mark.parametrize(
    ("returned", "shown"), [(None, "None"), ("a text", "an object of 'str'"), ([("event", "x")], "an object of 'list'")]
)
def test_a_processor_that_returns_no_dict(returned: object, shown: str) -> None:
    """Renderers are no processors here: the end of the pipeline is ours."""

    def wrong(_: object, __: str, event_dict: dict[str, Any]) -> Any:
        return returned

    with pytest.raises(MachineryError, match=f"'mine:wrong' .* returned {shown} instead of a dict"):
        pipeline(wrong)([event("process.finished")])


def test_nothing_is_written_after_a_processor_has_failed() -> None:
    """Not even what another processor would let pass: a secret does not get out because something is broken."""
    kept = Kept()

    def fail(_: object, __: str, event_dict: dict[str, Any]) -> Any:
        raise SystemExit(event_dict["event"])

    sink = JsonLines([kept], pipeline(fail))
    with pytest.raises(MachineryError, match="SystemExit: process"):
        sink.write([event("process.finished")])
    assert not sink.goes_on
    sink.write([event("process.finished")])
    sink.close()
    assert ([], True) == (kept.written, kept.closed)


def log(path: Path, *events: dict[str, Any]) -> None:
    """Write a log as the command does."""
    sink = JsonLines([Output.log(str(path))])
    sink.write(list(events))
    sink.close()


def test_a_log_is_appended_to(tmp_path: Path) -> None:
    """A second run goes on where the first ended."""
    path = tmp_path / "log.jsonl"
    log(path, event("process.finished"))
    log(path, event("process.alive"))
    assert ["process.finished", "process.alive"] == [
        json.loads(line)["event"] for line in path.read_bytes().splitlines()
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"event": "a"}\n{"event": "b', b'{"event": "a"}\n'),
        (b'{"event": "torn', b""),
        (b'{"event": "a"}', b'{"event": "a"}\n'),
        (b"my notes", b"my notes\n"),
        (b"", b""),
        (b"a\n", b"a\n"),
        pytest.param(b'{"x": "' + b"y" * (1 << 21), b'{"x": "' + b"y" * (1 << 21) + b"\n", id="too long to look at"),
    ],
)
@pytest.mark.fault("F45")
def test_a_torn_tail_is_healed(tmp_path: Path, before: bytes, after: bytes) -> None:
    """Half a record is removed, anything else only gets its newline: the next record is a line of its own."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(before)
    log(path, event("process.finished"))
    assert after + render([event("process.finished")]) == path.read_bytes()


def test_a_log_that_may_not_be_read(tmp_path: Path) -> None:
    """A named pipe or a write-only place takes the log too."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    log(path, event("process.finished"))
    reader.join()
    assert [render([event("process.finished")])] == received


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/full", "cannot write the log to /dev/full: no space left on device"),
        ("/nowhere/log.jsonl", "cannot write the log to /nowhere/log.jsonl: no such file or directory"),
        ("/", "cannot write the log to /: is a directory"),
    ],
)
def test_a_log_that_cannot_be_written(path: str, reason: str) -> None:
    """The error names the path and the reason; the status is that of the machinery."""
    with pytest.raises(MachineryError) as raised:
        log(Path(path), event("process.finished"))
    assert reason == str(raised.value)


def test_a_full_file_is_an_error_though_half_was_written(tmp_path: Path) -> None:
    """A short write is followed up until it is an error, never silence, and leaves no half line."""
    program = (
        "import resource, signal, sys\n"
        "from run_scenario.report.outputs import Output\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "Output.log(sys.argv[1]).write(b'{}\\n' * 5 + b'x' * 150)\n"
    )
    path = tmp_path / "log.jsonl"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert "{}\n" * 5 == path.read_text()
    assert f"cannot write the log to {path}: file too large" in done.stderr


def test_a_reader_that_left(tmp_path: Path) -> None:
    """A broken pipe is no fault of ours: it is passed on as what it is."""
    reader, writer = os.pipe()
    os.close(reader)
    output = Output(writer, "standard output")
    with pytest.raises(BrokenPipeError):
        output.write(b"x")
    os.close(writer)


def test_a_slow_reader_of_a_non_blocking_pipe() -> None:
    """All of a large batch arrives, however the pipe is set."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = os.urandom(1 << 20)
    received = bytearray()

    def read() -> None:
        while chunk := os.read(reader, 65536):
            received.extend(chunk)

    thread = threading.Thread(target=read)
    thread.start()
    Output(writer, "standard output").write(data)
    os.close(writer)
    thread.join()
    os.close(reader)
    assert data == received
