"""The log as JSON Lines: what is written, and what happens where it cannot be."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from views_events import event

from run_scenario.errors import MachineryError
from run_scenario.views import jsonlines
from run_scenario.views.jsonlines import JsonLines, render
from run_scenario.views.outputs import Output


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
        (b"\x00", "b'\\x00'"),
        ({"set": {1}}, {"set": "{1}"}),
        ((1, [2]), [1, [2]]),
        ("\ud800", "\ud800"),
    ],
)
def test_odd_items_are_still_json(item: object, expected: object) -> None:
    """Whatever an item holds, the line is strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    line = render([event("queue.put", item=item)])
    assert expected == json.loads(line, parse_constant=refuse)["item"]


@pytest.mark.parametrize("item", ["plain", "naïve", "\x1b\x7f\x00", "null", None, math.nan, [1e-7, 1e300, -0.0], 2**70])
def test_the_fast_encoder_says_the_same(item: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """With orjson and without it, an event's line is ASCII and means the same."""
    told = event("queue.put", item=item)
    fast = render([told])
    monkeypatch.setattr(jsonlines, "_fast_encoder", lambda: None)
    assert json.loads(render([told])) == json.loads(fast.decode("ascii"))


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


def test_rendering_does_not_import_rich() -> None:
    """structlog is imported without rich, which stays importable."""
    program = (
        "import sys; from run_scenario.views.jsonlines import render; render([{'event': 'x'}]); "
        "print('structlog' in sys.modules, any(m.startswith('rich') for m in sys.modules)); import rich.console"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "True False" == done.stdout.strip()


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
        "from run_scenario.views.outputs import Output\n"
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


IMPORTING = """
import sys
from run_scenario.views import jsonlines

asked = []
jsonlines.import_module = asked.append
jsonlines._renderer()
print(asked, sorted({"asyncio", "rich"} & set(sys.modules)))
"""


def test_structlog_comes_alone() -> None:
    """It is imported without rich and asyncio; not even `logging`, which asks for the running task, needs it."""
    done = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, text=True, timeout=60)
    assert ("[] []\n", "") == (done.stdout, done.stderr)


def test_a_stand_in_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for anything while it stands in, it imports the real module, and not itself."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    stand_in = jsonlines._lazy("colorsys")
    monkeypatch.setitem(sys.modules, "colorsys", stand_in)
    assert (0.5, 0.5, 0.5) == stand_in.hsv_to_rgb(0.0, 0.0, 0.5)
    assert stand_in is not sys.modules["colorsys"]
