"""The live table: what stands on a terminal while a run goes on, and that nothing of it is left."""

from __future__ import annotations

import io
import os
import pty
import re
import select
from types import SimpleNamespace
from typing import Any

import pytest
from example_events import blocked, event
from rich.console import Console

from run_scenario.cli.progress_bar import Bar
from run_scenario.events.encoding import as_event
from run_scenario.events.history.history import History
from run_scenario.report.terminal.console import ConsoleView
from run_scenario.report.terminal.live import LiveTable, StatusLine, _Shown

EVENTS = [
    event("process.started", "MainProcess", t=0.0),
    event("process.started", "Worker", t=1.0),
    event("queue.put", "MainProcess", t=1.0),
    event("queue.put", "MainProcess", t=1.0),
    event("queue.get", "Worker", t=2.0),
]


def has_more(descriptor: int) -> bool:
    """Return whether something can be read from a terminal."""
    poll = select.poll()  # select() knows no descriptors from 1,024 on
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def history_of(events: list[dict[str, Any]]) -> History:
    """Return what is known of a run while it goes on."""
    history = History(detailed=False)
    for each in events:
        history.add(as_event(each))
    return history


def rows(
    events: list[dict[str, Any]], waits: dict[str, Any], alive: tuple[str, ...] = ("MainProcess", "Worker")
) -> Any:
    """Return the rows five seconds after the beginning."""
    return LiveTable(history_of(events)).rows(5.0, alive, waits)


def test_each_process_and_queue_has_a_row() -> None:
    """A process that is known to wait says for what; another, what it did last; a queue, how much is in it."""
    assert [
        "  MainProcess  waits for the end of Worker",
        "  Worker       got 7 from 'tasks' (3 s ago)",
        "  tasks        1 item in it, of 2 put",
    ] == rows(EVENTS, {"MainProcess": blocked("MainProcess", "join", on_process="Worker")})


def test_what_is_lost_is_not_in_the_queue() -> None:
    """An item that was dropped, and those that were lost, are not counted as being in it."""
    gone = [event("queue.item_dropped", "MainProcess", t=2.0), event("queue.put", "MainProcess", t=2.0)]
    lost = [*EVENTS, *gone, event("queue.items_lost", "MainProcess", t=3.0, count=1)]
    assert "  tasks        0 items in it, of 3 put" in rows(lost, {})


def test_a_bounded_queue_holds_no_more_than_it_can() -> None:
    """A get that emptied a place is logged after the put that waited for it."""
    bounded = [event("scenario.started", maxsize={"tasks": 1}), *EVENTS[:4]]
    assert "1 item in it, of 2 put" in rows(bounded, {})[-1]


def test_who_has_ended_has_no_row() -> None:
    """Only the living are shown, and a lone process needs no table."""
    assert [] == rows([EVENTS[0], EVENTS[1], event("process.exited", "Worker")], {}, ("MainProcess",))


def test_many_are_counted() -> None:
    """Of very many only the first are shown."""
    names = tuple(f"W{number}" for number in range(40))
    assert "  and 28 more" == rows([event("process.started", name) for name in names], {}, names)[-1]


def test_hostile_names_are_inert() -> None:
    """No control character of a name reaches the terminal."""
    bad = "\x1b[2J\n"
    waits = {bad: blocked(bad, "get", resource=bad)}
    shown = rows([event("process.started", bad), event("queue.put", bad, queue=bad)], waits, (bad, bad))
    assert all(character.isprintable() for row in shown for character in row)


class _Terminal:
    """A terminal of 60 columns, that understands the few sequences that are used."""

    def __init__(self, rows: int = 8) -> None:
        self.lines = [" " * 60 for _ in range(rows)]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        """Take what is written to it."""
        for sequence, character in re.findall(r"(\x1b\[\d*[AKJ])|([^\x1b])", text):
            if sequence:
                self._obey(sequence[2:-1], sequence[-1])
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self._down()
            else:
                line = self.lines[self.row]
                self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
                self.column += 1

    def _obey(self, number: str, command: str) -> None:
        if command == "A":
            self.row -= int(number or 1)
        elif command == "K" and number == "2":
            self.lines[self.row] = " " * 60
        else:
            self.lines[self.row] = self.lines[self.row][: self.column].ljust(60)
            if command == "J":
                self.lines[self.row + 1 :] = [" " * 60 for _ in self.lines[self.row + 1 :]]

    def _down(self) -> None:
        if self.row == len(self.lines) - 1:
            self.lines = [*self.lines[1:], " " * 60]
        else:
            self.row += 1

    def shown(self) -> list[str]:
        """Return what is to be read."""
        return [line.rstrip() for line in self.lines if line.strip()]


def test_it_is_drawn_over_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn again, it takes the same place; fewer rows leave none behind; erased, what was above is all there is."""
    monkeypatch.setenv("TERM", "xterm")
    leader, follower = pty.openpty()
    terminal = _Terminal()
    state = SimpleNamespace(elapsed=1.0, timeout=10.0, alive=["A"], waits={})
    with open(follower, "w", encoding="utf-8") as stream:
        line = StatusLine(Console(file=stream, width=60, height=8, force_terminal=True), History())
        below: list[str] = []
        monkeypatch.setattr(line, "_table", SimpleNamespace(rows=lambda *_: below))

        def show(*rows: str) -> None:
            below[:] = rows
            line.show(state)

        def screen() -> list[str]:
            received = b""
            while not received.endswith((b"A\r", b"\x1b[2K")):  # how a drawing ends, and an erasure
                received += os.read(leader, 65536)
            terminal.feed(received.decode().replace("\r\n", "\n"))
            return terminal.shown()

        stream.write("above\n")
        stream.flush()
        show("  one", "  two")
        assert ["above", "⠋ A alive · 1.0 of 10 s", "  one", "  two"] == screen()
        show("  three")
        assert ["above", "⠙ A alive · 1.0 of 10 s", "  three"] == screen()
        show(*(f"  {number}" for number in range(20)))
        assert 8 == len(screen())
        line.erase()
        assert ["above"] == screen()
        line.erase()  # it is not there: nothing is written
        assert not has_more(leader)
    os.close(leader)


def test_it_stands_below_a_log_that_does_not_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are printed above it, each time in one write with what erases it and draws it again; at the end it is gone.

    In between, a signal handler erases it while lines are on their way.
    """
    for name, value in (("TERM", "xterm"), ("COLUMNS", "60"), ("LINES", "14")):
        monkeypatch.setenv(name, value)
    leader, follower = pty.openpty()
    terminal = _Terminal(14)
    state = SimpleNamespace(elapsed=1.0, timeout=10.0, alive=["Main", "Worker"], waits={})

    def screen(end: str = r"A\r") -> list[str]:
        received = ""
        while not re.search(rf"{end}\Z", received):  # a terminal may hand on a write in parts
            received += os.read(leader, 65536).decode()
        terminal.feed(received)
        return terminal.shown()

    with open(follower, "w", encoding="utf-8") as stream:
        view = ConsoleView(stream, colour=False)
        view.write([as_event(event("process.started", name, t=0.1)) for name in state.alive])
        screen(r"pid 10\)(?s:.*)pid 10\)\r\n")
        view.tick(SimpleNamespace(**{**vars(state), "elapsed": 0.1}))
        assert not has_more(leader), "a short run would have a flash of it"
        view.tick(state)
        screen()
        for number in range(1, 4):
            view.write([as_event(event("queue.put", "Worker", t=0.9, item=number, item_id=number))])
            assert [
                f"   0.900  Worker        put {number} on 'tasks'",
                "⠋ Main, Worker alive · 1.0 of 10 s",
                "  Main      runs as pid 12, child of MainProcess (pid 10…",
                f"  Worker    put {number} on 'tasks' (0.1 s ago)",
                f"  tasks     {number} item{'s' if number > 1 else ''} in it, of {number} put",
            ] == screen()[-5:]
        emit = view._emit

        def interrupted(text: str) -> None:
            emit(text)
            view._opened().status._shown = _Shown()  # as its erase() leaves it

        monkeypatch.setattr(view, "_emit", interrupted)
        view.write([as_event(event("process.output", "Worker", t=0.9, text="hello"))])
        assert any("alive" in line for line in screen())
        view.write([as_event(event("scenario.finished", t=1.0))])
        view.close()
        shown = screen(r"passed after [^\n]*\n")
        assert not any("alive" in line or "in it" in line for line in shown)
    os.close(leader)


def test_few_rows_are_shared_between_processes_and_queues() -> None:
    """Where not all rows fit, both have some, and how many more there are is shown."""
    names = [f"W{number}" for number in range(9)]
    events = [event("process.started", name) for name in names]
    events += [event("queue.put", "W0", queue=f"q{number}") for number in range(9)]
    shown = LiveTable(history_of(events)).rows(1.0, names, {name: blocked(name, "sleep") for name in names}, 6)
    assert ["W0", "W1", "and", "q0", "q1", "and"] == [row.split()[0] for row in shown]
    assert ["  and 7 more", "  and 7 more queues"] == [row for row in shown if "more" in row]


def test_without_rows_it_is_one_line() -> None:
    """No cursor movement is written where there is nothing below the line."""
    line = StatusLine(Console(file=io.StringIO(), width=60), History())
    assert "" == line._below([])


def test_a_bar_of_many_runs() -> None:
    """It says how much is done, what is under way and how long the rest takes; piped, it says nothing."""
    now = iter([0.0, 6.0])
    piped = io.StringIO()
    bar = Bar(8, piped, clock=lambda: next(now))
    assert "[#####...............] run 3 of 8: fork · about 18 s left" == bar.line(2, "run 3 of 8: fork", 79)
    bar.show(2, "run 3 of 8: fork")
    bar.erase()
    assert "" == piped.getvalue()


@pytest.mark.parametrize(("terminal", "shown"), [("xterm", True), ("dumb", False)])
def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: str, shown: bool) -> None:
    """It is drawn over itself, where the terminal can take a line back."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", terminal)
    stream = Terminal()
    with Bar(8, stream) as bar:
        bar.show(2, "run 3 of 8: fork")
    assert shown == ("run 3 of 8" in stream.getvalue()) == ("\x1b" in stream.getvalue())
