"""Runs scripts by `run-scenario record`, and looks for whatever that may have left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support import COMMAND, KEPT, PATIENCE, Event, Log, check_log, is_readable, processes_with, read_events

import commands
from run_scenario.report.sentences import sentence

SCRIPTS = Path(__file__).parent / "scripts"


class Recorded(NamedTuple):
    """What came of a recorded script."""

    status: int
    stdout: str
    stderr: str
    log: Log

    def stall(self) -> Event:
        """Return the deadlock that it came to."""
        return self.log.one("scenario.stalled")


_going_on: list[Recording] = []
"""Those that nobody has waited for the end of."""


def abandon_recordings() -> None:
    """Kill what a test that has failed has left going on."""
    for recording in list(_going_on):
        recording.abandon()


class Recording:
    """A script while it runs, recorded, in a session of its own."""

    def __init__(
        self, folder: Path, script: Path | str, *arguments: str, options: tuple[str, ...] = (), stdin: int | None = None
    ) -> None:
        """Start a script: its file, or its text, which becomes `script.py` in `folder`."""
        if isinstance(script, str):
            path = folder / "script.py"
            path.write_text(textwrap.dedent(script))
            script = path
        self.folder = folder
        self._log = folder / f"{uuid.uuid4().hex[:8]}.jsonl"
        self._tmp = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))  # short: the fork server's socket lies in it
        name, value = "RUN_SCENARIO_TEST", uuid.uuid4().hex
        self._marker = f"{name}={value}"
        target = [] if script.name == "-m" else [script.name if script.parent == folder else str(script)]
        self.process = commands.Popen(
            [
                *COMMAND,
                "record",
                "--log",
                str(self._log),
                *options,
                *(() if script.name == "-m" else target),
                *arguments,
            ],
            cwd=folder,
            env={**os.environ, name: value, "TMPDIR": str(self._tmp)},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _going_on.append(self)

    def events(self) -> list[Event]:
        """Return what the log has by now."""
        text = self._log.read_text() if self._log.exists() else ""
        return read_events(text[: text.rfind("\n") + 1])

    def wait_for(self, event: str) -> None:
        """Wait until the log has such an event."""
        while not any(each["event"] == event for each in self.events()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"it has ended, with {self.process.wait(0.02)}, without {event}")

    def wait_for_nobody(self) -> dict[str, bytes]:
        """Wait until nobody of a killed recording lives; then nothing is left but what `recover` reads: return that."""
        for pid in processes_with(self._marker):
            with contextlib.suppress(ProcessLookupError):
                end = os.pidfd_open(pid)
                assert is_readable(end, PATIENCE)
                os.close(end)
        left = [name for name in os.listdir(self._tmp) if not name.startswith(KEPT)]
        kept = {file.name: file.read_bytes() for file in self._tmp.glob(f"{KEPT}*/*") if file.is_file()}
        self._is_over()
        assert [] == left
        return kept

    def abandon(self) -> None:
        """Kill everybody of it who lives, and remove what it has in its folder for temporary files."""
        while left := processes_with(self._marker):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        if self.process.returncode is None:
            self.process.communicate()
        self._is_over()

    def _is_over(self) -> None:
        shutil.rmtree(self._tmp, ignore_errors=True)
        _going_on.remove(self)

    def finish(self, given: str | None = None) -> Recorded:
        """Wait for the end; check that the log is in order, and that nothing is left."""
        try:
            stdout, stderr = self.process.communicate(given, PATIENCE)
            left = [*processes_with(self._marker), *os.listdir(self._tmp)]
            events = self.events()
            assert events, (self.process.returncode, stderr)
            run = events[0]["run"]
            assert [] == [*left, *(name for name in os.listdir("/dev/shm") if run in name)], (left, stderr)
        finally:
            self.abandon()
        check_log(events)
        assert [] == [text for text in _words(events, stderr) if _SCENARIO.search(text)]
        return Recorded(self.process.returncode, stdout, stderr, Log(events))


_SCENARIO = re.compile(r"(?<![\w./-])scenarios?(?![\w/]|\.\w)")
"""The word, which is no part of an event's name, of a path, or of the command."""


def _words(events: list[Event], stderr: str) -> Iterator[str]:
    """Yield the texts that a person reads of a script, in which nobody has to know what a scenario is."""
    yield stderr
    for event in events:
        yield sentence({**event, "scenario": "", "run": ""})
        yield from (str(event.get(field, "")) for field in ("reason", "hint", "waiting_for", "missing"))


def record(folder: Path, script: Path | str, *arguments: str, options: tuple[str, ...] = ()) -> Recorded:
    """Run a script to its end, recorded."""
    return Recording(folder, script, *arguments, options=options).finish()


def plainly(folder: Path, script: Path | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script as it is."""
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
    )
