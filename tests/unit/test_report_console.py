"""The console view: exact text without colour, a real pseudo-terminal with it."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from example_events import blocked, event
from rich.console import Console

import run_scenario
from run_scenario.errors import MachineryError
from run_scenario.events.encoding import as_event
from run_scenario.events.history.history import read
from run_scenario.report.summary import verdict
from run_scenario.report.terminal.cells import wrap
from run_scenario.report.terminal.console import ConsoleView
from run_scenario.report.terminal.live import status
from run_scenario.report.terminal.overview import balances, ends, render_summary
from run_scenario.report.terminal.transcript import Transcript, shown_frames
from run_scenario.report.watcher import EndWatcher

FOLDER = Path.cwd()
THREADING = Path(threading.__file__)
TRACEBACK = """\
Traceback (most recent call last):
  File "workers.py", line 3, in work
    raise ValueError("boom")
ValueError: boom"""


def shown(*events: dict[str, Any], names: tuple[str, ...] = ()) -> str:
    """Return what the console shows where there is no terminal."""
    stream = io.StringIO()
    view = ConsoleView(stream, names=names)
    view.write([as_event(each) for each in events])
    view.close()
    return stream.getvalue()


def texts(*events: dict[str, Any]) -> list[str]:
    """Return the transcript's lines without their columns."""
    return [line.text for line in Transcript().lines([as_event(each) for each in events])]


def error_line(text: str) -> dict[str, Any]:
    """Return a line that the process wrote to standard error."""
    return event("process.output", stream="stderr", text=text)


def puts(*items: object, process: str = "MainProcess") -> list[dict[str, Any]]:
    """Return the puts of some items."""
    return [event("queue.put", process, item=item, item_id=index) for index, item in enumerate(items)]


def test_a_run_from_beginning_to_end() -> None:
    """Time, process and sentence stand in columns; a summary follows."""
    assert """\
   0.000  run-scenario  A daemon (fork, Python 3.11.7, deadline 10 s)
   0.002  Worker 1      runs as pid 12, child of MainProcess (pid 10)
   0.003  MainProcess   put 3 items on 'tasks': 2, 36, 'x'
   0.004  Worker 1      got 2 from 'tasks'
   0.005  Worker 1      | Hello
   2.000  Worker 1      ended with exit code 0

process    pid   how it ended   exit code      cpu   memory   switches   forced
Worker 1    12   returned               0   0.01 s     9 MB          3        0

    queue   put   got   left   got by
!   tasks     3     1      2   Worker 1 1 (2)

passed after 3.01 s
""" == shown(
        event("scenario.started"),
        event("process.started", t=0.002),
        *({**put, "t": 0.003} for put in puts(2, 36, "x")),
        event("queue.get", t=0.004, item=2),
        event("process.output", t=0.005, text="Hello"),
        event("process.exited", t=2.0),
        event("scenario.finished", t=3.0),
    )


def test_what_a_scenario_says_of_itself() -> None:
    """What it shows comes first, what to watch for last, after the outcome; of that, nothing is left out."""
    lines = shown(
        event("scenario.started", description="A daemon\nis ended. Watch for: \x1b it says\nno more. Watch for: that."),
        event("scenario.finished", t=3.0),
    ).splitlines()
    assert ["A daemon is ended."] == [line.strip() for line in lines if "is ended" in line] == [lines[1].strip()]
    assert ["passed after 3.01 s", "", "Watch for: \\x1b it says no more. Watch for: that."] == lines[-3:]
    assert "Watch" not in shown(event("scenario.started", description="Nothing."), event("scenario.finished"))


@pytest.mark.parametrize(
    ("may_hang", "outcome", "said"), [(True, "passed", True), (False, "passed", False), (True, "stalled", False)]
)
def test_a_trap_that_did_not_spring_says_so(may_hang: bool, outcome: str, said: bool) -> None:
    """Whoever sees such a run pass is not to believe that it always does."""
    about = {"may_hang": True} if may_hang else {}
    text = shown(event("scenario.started", **about), event("scenario.finished", t=1.0, outcome=outcome, duration=1.0))
    assert said == ("after 1 s; it did not hang this time, but another run of it may\n" in text)


def test_shared_values_have_a_table() -> None:
    """What each held at first and at last, how often it was written, and how many updates that has destroyed."""
    text = shown(
        event("value.read", value="hits", content=7),
        event("value.written", value="hits", content=8),
        event("value.overwritten", value="hits", lost=8, writer="A"),
        event("value.written", value="hits", content=9),
        event("array.written", array="row", index=1, content=5),
        event("array.final", array="row", content=[0, 5]),
        event("scenario.finished"),
    )
    table = [line.split() for line in text.partition("    value")[2].splitlines()[1:3]]
    assert [["!", "hits", "7", "9", "2", "1"], ["row", "[0,", "5]", "1", "0"]] == table


def test_a_stalled_run_shows_who_waits_for_what() -> None:
    """The reason stands in its line and again at the end; each process with what it waits for and where."""
    stuck = {
        "process": "MainProcess",
        "pid": 10,
        "state": "waiting",
        "waiting_for": "task_done() for every item of queue 'tasks'",
        "queue": "tasks",
        "on_process": None,
        "since": 0.1,
        "seconds": 0.9,
        "stack": [f"{THREADING}:320 in wait", *(f"{FOLDER}/workers.py:{n} in f{n}" for n in range(1, 5))],
    }
    text = shown(
        event("scenario.stalled", t=1.0, level="error", processes=[stuck]),
        event("scenario.finished", t=1.0, outcome="stalled", reasons=["nobody fills 'tasks' any more"]),
    )
    assert (
        """\
   1.000  run-scenario  stalled: nobody fills 'tasks' any more
                        MainProcess (pid 10): waits for task_done() for every item of queue 'tasks' (0.9 s)
                            workers.py:1 in f1
                            workers.py:2 in f2
                            workers.py:3 in f3

stalled after 3.01 s: nobody fills 'tasks' any more
"""
        == text
    )


def stuck(**fields: Any) -> dict[str, Any]:
    """Return one process of a `scenario.stalled`."""
    nothing = dict.fromkeys(("waiting_for", "queue", "on_process", "since", "seconds"))
    return {"process": "A", "pid": 12, "state": "sleeping", **nothing, "stack": [], **fields}


def test_a_deadline_is_shown_once() -> None:
    """That it has passed begins the report of who does what; scenario.timed_out and the summary do not say it again."""
    text = shown(
        event(
            "scenario.stalled",
            cause="deadline",
            reason="A sleeps",
            processes=[stuck(), stuck(process="B", state="running")],
        ),
        event("scenario.timed_out"),
        event("scenario.finished", outcome="timed_out", reasons=["A sleeps"]),
    )
    assert (
        """\
   0.000  run-scenario  at the deadline: A sleeps
                        A (pid 12): sleeps, or waits for something that is not recorded
                        B (pid 12): computes

timed out after 3.01 s (the deadline is that of --timeout, or of `timeout:`): A sleeps
"""
        == text
    )


def test_a_refusal_is_short() -> None:
    """Its problems are listed beside the view, each with its place in the file: here only that there were some."""
    text = shown(
        event("scenario.refused"),
        event("process.exited", "MainProcess", exitcode=2, cause="refused", reason="it did nothing", allowed=False),
        event("scenario.finished", outcome="refused", reasons=["'mypkg' is not allowed"]),
    )
    assert (
        """\
   0.000  run-scenario  refused: a target is not allowed
   0.000  MainProcess   ended with exit code 2

refused after 3.01 s
"""
        == text
    )


def test_frames_of_the_library_that_waits_are_left_out() -> None:
    """What is shown is the code of the scenario, from the nearest folder on; if there is none, the call that waits."""
    library = [f"{THREADING.parent}/multiprocessing/connection.py:395 in _recv", f"{THREADING}:320 in wait"]
    recorded = f"{Path(run_scenario.__file__).parent}/runtime/primitives/queues.py:164 in get"
    stack = [*library, recorded, "/home/me/workers.py:23 in read"]
    assert ["workers.py:23 in read"] == shown_frames(stack, ["/", "/home/me"])
    assert ["threading.py:320 in wait"] == shown_frames(library, [str(THREADING.parent)])
    elsewhere = [frame.replace(str(THREADING.parent), "/opt/lib/python3.99") for frame in stack]
    assert ["workers.py:23 in read"] == shown_frames(elsewhere, ["/", "/home/me"])
    assert [] == shown_frames([])


def test_frames_of_the_recorder_are_left_out_wherever_it_is_installed(tmp_path: Path) -> None:
    """In the packages of a virtual environment, too, which is another one's than the standard library."""
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "run_scenario").symlink_to(Path(run_scenario.__file__).parent)
    stack = [
        f"{packages}/run_scenario/runtime/primitives/queues.py:162 in _wait_for_room",
        "/home/me/a.py:3 in <module>",
    ]
    code = f"from run_scenario.report.terminal.transcript import shown_frames; print(shown_frames({stack}, []))"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "['/home/me/a.py:3 in <module>']\n" == shown.stdout


def test_what_logging_prints_is_shown_once() -> None:
    """A line that a handler of logging writes is the message that was just shown."""
    assert ["WARNING app: hi"] == texts(
        event("log.message", level="warning"),
        event("process.output", stream="stderr", via="logging", text="WARNING:app:hi"),
    )


@pytest.mark.parametrize(
    ("text", "room", "first", "expected"),
    [
        ("one two three four five six", 20, None, ["one two three four", "five six"]),
        ("one two three four five six", 20, 8, ["one two", "three four five six"]),
        ("one two three four five six", 20, 2, ["", "one two three four", "five six"]),
        ("    raise ValueError(text) from error", 28, None, ["    raise ValueError(text)", "    from error"]),
        ("/a/rather/long/path/of/workers.py:3", 24, None, ["/a/rather/long/path/of/", "workers.py:3"]),
        ("x" * 45, 20, None, ["x" * 20, "x" * 20, "x" * 5]),
        ("so " + "x" * 25, 20, None, ["so", "x" * 20, "x" * 5]),
        ("", 20, None, [""]),
    ],
)
def test_wrap(text: str, room: int, first: int | None, expected: list[str]) -> None:
    """Lines break between words, keep their indentation, and only what is longer than a line is broken itself."""
    assert expected == wrap(text, room, first)


def test_the_summary_of_a_narrow_terminal() -> None:
    """Columns that are good to know are left out before the others are broken, and no header is cut."""
    history = read(
        [
            event("process.exited", "MainProcess"),
            event("process.exited", exitcode=-15, cause="stopped_by_runner", signal="SIGTERM", allowed=False),
            event("scenario.finished"),
        ]
    )
    assert """
  process     pid how it ended exit code
  MainProcess  12 returned             0
✗ Worker 1     12 stopped by         -15
                  run-scenario
                  : SIGTERM
too narrow to show: cpu

passed after 3.01 s
""" == render_summary(history, Console(file=io.StringIO(), width=40))


def test_what_a_process_used_has_columns_where_there_is_room() -> None:
    """Memory and context switches stand in the table from 80 columns on, if they are known of any process."""
    known = event("process.exited", max_rss=117 << 20, voluntary_switches=1_100, involuntary_switches=4)
    unknown = event("process.exited", "Other", max_rss=None, voluntary_switches=None, involuntary_switches=None)

    def table(width: int, *events: dict[str, Any]) -> list[list[str]]:
        text = render_summary(read([*events, event("scenario.finished")]), Console(file=io.StringIO(), width=width))
        return [line.split()[-3:] for line in text.partition("\n\n")[0].splitlines() if line]

    assert [["memory", "switches", "forced"], ["MB", "1,100", "4"]] == table(80, known, unknown)[:2]
    assert ["exit", "code", "cpu"] == table(79, known, unknown)[0] == table(80, unknown)[0]


def test_what_is_to_be_watched_for_has_its_column() -> None:
    """What the description names by its header is there at any width; start-up only where it is named."""
    known = [
        event("process.starting", t=1.0),
        event("process.started", t=1.0125),
        event("process.exited", t=2.0, max_rss=117 << 20, voluntary_switches=1_100, involuntary_switches=4),
        event("scenario.finished", t=3.0),
    ]

    def headers(watch_for: str, width: int) -> str:
        about = event("scenario.started", description=f"Threads start-up. Watch for: {watch_for}.")
        text = render_summary(read([about, *known]), Console(file=io.StringIO(), width=width))
        return " ".join(text.partition("\n\n")[0].split())

    assert "memory switches forced" in headers("the end", 90)
    assert "start-up" not in headers("the end, and the start-ups", 90)
    assert "forced start-up" in headers("start-up", 90)
    assert "12.50 ms" in headers("start-up", 90)
    for width in (50, 60, 79):
        assert "start-up" in headers("start-up, in the table", width)
        assert "memory" not in headers("start-up, in the table", width)
        assert "memory" in headers("the memory", width)


def test_true_is_true_among_what_was_got() -> None:
    """Items are written as Python writes them."""
    items = [True, None, False, 2.5, {"a": [True]}, "text"]
    got = [event("queue.get", item=item, item_id=f"{at}") for at, item in enumerate(items)]
    (row,) = balances(read(got))
    assert "Worker 1 5 (True, False, 2.5, {'a': [True]}, text) + 1 pill" in row.cells


def test_a_long_name_is_cut_in_its_column() -> None:
    """The columns stay aligned."""
    text = shown(event("process.finished", "Worker " + "x" * 40), names=("Worker " + "x" * 40,))
    assert "   0.000  Worker xxxxxxxxxxxxxxxx…  finished: its target returned after 2 s\n" == text


def test_a_traceback_is_shown_once() -> None:
    """multiprocessing prints to standard error what process.failed already has: only what is new is shown."""
    lines = ["Process Worker 1:", "Traceback (most recent call last):", '  File "multiprocessing/process.py", line 314']
    events = [event("process.failed", traceback=TRACEBACK), *map(error_line, [*lines, "ValueError: boom", "after"])]
    assert ["failed with ValueError: boom", "! after"] == texts(*events)


def test_a_traceback_of_another_process_is_shown() -> None:
    """What one process failed with does not hide another's words."""
    other = {**error_line("ValueError: boom"), "process": "Worker 2"}
    assert ["failed with ValueError: boom", "! ValueError: boom"] == texts(
        event("process.failed", traceback=TRACEBACK), other
    )


def test_a_word_in_between_is_shown() -> None:
    """The first line that is not of the traceback ends the hiding."""
    events = [event("process.failed", traceback=TRACEBACK), error_line("careful"), error_line("ValueError: boom")]
    assert ["failed with ValueError: boom", "! careful", "! ValueError: boom"] == texts(*events)


def test_many_queue_events_are_counted() -> None:
    """Of a thousand items the first are shown, then there is one line a process, not two thousand lines."""
    mixed = [
        one for put in puts(*range(1000)) for one in (put, event("queue.get", item=put["item"], item_id=put["item_id"]))
    ]
    lines = texts(*mixed)
    assert ["put 997 items on 'tasks': 3 … 999", "got 997 items from 'tasks': 3 … 999"] == lines[6:]
    assert ["put 2 on 'tasks'", "got 2 from 'tasks'"] == lines[4:6]
    assert ["put 1,000 items on 'tasks': 0 … 999"] == texts(*puts(*range(1000)))


def test_hostile_names_are_inert() -> None:
    """A process's name cannot steer the terminal, in no column."""
    text = shown(
        event("process.exited", "\x1b]0;x\x07"),
        event("queue.put", "\u202ex", queue="\x1b[0m"),
        event("scenario.finished", reasons=["\x1b[31m"], outcome="failed"),
    )
    assert text.replace("\n", "").isprintable()


def test_the_summary_of_what_went_wrong() -> None:
    """Ends, lost items and who got how many are in the rows."""
    history = read(
        [
            event("process.starting", "Never"),
            event("process.failed", "Failing"),
            event("process.exited", "Failing", exitcode=1, cause="exception", allowed=False),
            event("process.exited", "Daemon", exitcode=-15, cause="daemon", signal="SIGTERM", cpu_user=None),
            *puts(*range(5)),
            event("queue.get", "B"),
            event("queue.get", "A"),
            event("queue.items_lost", count=2),
            event("queue.left_over", count=1),
        ]
    )
    assert [
        (("Never", "12", "was not started", "", "", "", "", "", ""), ""),
        (("Failing", "12", "failed: ValueError", "1", "0.01 s", "9 MB", "3", "0", ""), "✗"),
        (("Daemon", "12", "terminated as a daemon: SIGTERM", "-15", "", "9 MB", "3", "0", ""), ""),
    ] == [(row.cells, row.mark) for row in ends(history)]
    (balance,) = balances(history)
    assert (("tasks", "5", "2", "1 (2 lost)", "A 1 (7), B 1 (7)"), "!") == (balance.cells, balance.mark)


def test_the_verdict_is_the_last_event() -> None:
    """Where nobody sees the log, one sentence has how the run ended."""
    end = EndWatcher()
    last = event("scenario.finished", outcome="failed", reasons=["A failed"])
    end.write([as_event(event("process.finished")), as_event(last)])
    assert "failed after 3.01 s: A failed" == verdict(end.end)


@pytest.mark.parametrize(
    ("alive", "joined", "width", "expected"),
    [
        (["A", "B"], "", 60, "A, B alive · 1.2 of 10 s"),
        (["A", "B", "C", "D", "E", "F"], "", 60, "A, B, C, D and 2 more alive · 1.2 of 10 s"),
        ([], "A", 90, "no process alive · the main program waits for the end of A · 1.2 of 10 s"),
        (["A", "B"], "A", 77, "A, B alive · the main program waits for the end of A · 1.2 of 10 s"),
        (["A" * 9, "B"], "A", 65, "2 alive · the main program waits for the end of A · 1.2 of 10 s"),
        (["A", "B"], "A", 50, "2 alive · waits for the end of A · 1.2 of 10 s"),
        (["A", "B"], "A", 37, "waits for the end of A · 1.2 of 10 s"),
        (["A", "B"], "A" * 99, 37, "waits for the end of A… · 1.2 of 10 s"),
        (["A" * 99], "", 30, "1 alive · 1.2 of 10 s"),
    ],
)
def test_status(alive: list[str], joined: str, width: int, expected: str) -> None:
    """Who lives is shortened before what is waited for, and the time that is left never."""
    waits = {"MainProcess": blocked("MainProcess", "join", on_process=joined)} if joined else {}
    assert expected == status(SimpleNamespace(elapsed=1.23, timeout=10.0, alive=alive, waits=waits), width)


def on_terminal(colour: bool, monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> str:
    """Return the bytes that a terminal gets during a silent run of two events."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    leader, follower = pty.openpty()
    received = bytearray()

    def read() -> None:
        while True:
            try:
                received.extend(os.read(leader, 4096))
            except OSError:  # the other side was closed
                return

    reader = threading.Thread(target=read)
    reader.start()
    with open(follower, "w", encoding="utf-8") as stream:
        view = ConsoleView(stream, colour=colour)
        view.write([as_event(event("process.output", text="word " * 30))])
        view.tick(SimpleNamespace(elapsed=1.0, timeout=10.0, alive=["Worker 1"], waits={}))
        view.write([as_event(event("process.failed", level="error", traceback=TRACEBACK))])
        view.close()
    reader.join()
    os.close(leader)
    return received.decode()


def test_a_terminal_gets_colours_and_a_status_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are red, long lines wrap beside the columns, the status line comes and is erased."""
    text = on_terminal(True, monkeypatch)
    assert "\x1b[1;31mfailed with ValueError: boom\x1b[0m" in text
    assert "Worker 1 alive · 1.0 of 10 s" in text
    assert text.index("alive") < text.index("\x1b[2K") < text.index("failed")
    assert "\r\n                        word" in text
    assert "\x1b[K\r" in text, "what is typed meanwhile is drawn over"


def test_no_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """--no-color leaves the words."""
    text = on_terminal(False, monkeypatch)
    assert "failed with ValueError: boom" in text
    assert "\x1b[1;31m" not in text
    assert "\x1b[2m" not in text


def test_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 40 columns, text goes on below its columns; no line is longer than the terminal, none begins in column 0."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", on_terminal(False, monkeypatch, 40)).replace("\r\n", "\n")
    lines = [line for line in text.splitlines() if line and "alive" not in line]
    assert 40 >= max(map(len, lines))
    assert ["    "] == sorted({line[:4].replace("0.000", "") for line in lines if "0.000" not in line})
    assert "   0.000  Worker 1  failed with\n    ValueError: boom\n" in text


def test_a_full_disk_is_an_error_of_the_machinery() -> None:
    """What cannot be shown is not passed over in silence."""
    with contextlib.suppress(OSError), open("/dev/full", "w", encoding="utf-8") as stream:  # its close() fails too
        view = ConsoleView(stream)
        with pytest.raises(MachineryError, match="standard output: no space left"):
            view.write([as_event(event("process.finished"))])


def test_the_headers_of_a_table_do_not_run_together() -> None:
    """A column of text goes on in the next line before the columns touch each other."""
    takers = [event("queue.get", f"Consumer-{number}", t=1.0, item_id=number) for number in range(6)]
    history = read([*takers, event("scenario.finished")])
    shown = render_summary(history, Console(file=io.StringIO(), width=80))
    assert "put  got  left  got by" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
