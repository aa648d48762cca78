"""Runs the real command in a process of its own, reads its log, and looks for whatever a run may have left behind."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

import commands
from run_scenario import bundled, loader

HERE = Path(__file__).parent
_ENVIRONMENT = dict(os.environ)
"""As it was in the beginning: pytest changes it for each test, while threads of the tests start their runs."""
METHODS = ("fork", "spawn", "forkserver")
COMMAND = commands.MODULE
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
"""A pytest of its own; without hypothesis, whose import takes it longer than all the rest."""

PATIENCE = 120.0
"""Seconds after which a test gives up waiting; no run here should need a tenth of it."""

KEPT = "run-scenario-kept-"
Event = dict[str, Any]

_SCHEMA = json.loads(bundled.schema_text("event"))


def scenario(*processes: dict[str, Any], queues: dict[str, Any] | None = None, **more: Any) -> str:
    """Return a scenario's text; JSON is YAML too."""
    return json.dumps({"version": 1, "timeout": 30, "queues": queues or {}, "processes": list(processes), **more})


def expects(event: str) -> list[dict[str, Any]]:
    """Return what makes an event the point of a scenario, which would otherwise fail because of it."""
    return [{"exists": {"event": event}}]


def run_pytest(folder: Path, *arguments: str, ini: str = "", mark: str = "") -> tuple[int, str]:
    """Run pytest in a folder; return its status and what it printed."""
    (folder / "pytest.ini").write_text(f"[pytest]\nmarkers = slow: takes its time\n{ini}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [*PYTEST, "--basetemp", str(folder / "tmp"), *arguments],
        cwd=folder,
        env={**environment, "COLUMNS": "160", "RUN_SCENARIO_MARK": mark},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout + done.stderr


def is_readable(descriptor: int, seconds: float) -> bool:
    """Wait until there is something to read; return whether there is. select() would know no more than 1,024 files."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


@dataclass(frozen=True)
class Log:
    """The events of a run, in the order of their lines."""

    events: list[Event] = field(repr=False)

    def all(self, event: str, process: str | None = None, **fields: Any) -> list[Event]:
        """Return the events of that name (and about that process) that have these fields."""
        wanted = {"event": event, **({} if process is None else {"process": process}), **fields}
        return [e for e in self.events if all(k in e and e[k] == v for k, v in wanted.items())]

    def one(self, event: str, process: str | None = None, **fields: Any) -> Event:
        """Return the only such event."""
        found = self.all(event, process, **fields)
        assert 1 == len(found), f"{len(found)} events {event!r} of {process} with {fields}:\n{self.text()}"
        return found[0]

    def names(self, process: str | None = None) -> list[str]:
        """Return the names of all events (about that process), in order."""
        return [e["event"] for e in self.events if process in (None, e["process"])]

    def output(self, process: str, stream: str | None = None) -> list[str]:
        """Return the lines that a process wrote."""
        return [e["text"] for e in self.all("process.output", process) if stream is None or e["stream"] == stream]

    def text(self) -> str:
        """Return the log for a person who looks for the reason of a failed test."""
        common = {"event", "level", "timestamp", "seq", "run", "scenario", "n"}
        return "\n".join(
            f"{e['event']} { ({k: v for k, v in e.items() if k not in common}) }"[:300] for e in self.events[-40:]
        )

    @property
    def finished(self) -> Event:
        """The last event: what the run came to."""
        return self.events[-1]


@dataclass(frozen=True)
class Result:
    """What came of a run of the command."""

    status: int
    log: Log
    stdout: str = field(repr=False)
    stderr: str
    seconds: float

    @property
    def outcome(self) -> str:
        """The outcome that the log's last event tells."""
        return str(self.log.finished["outcome"]) if self.log.events else f"no run: {self.stderr}"


_looked_at = threading.local()


def looked_at() -> list[Result]:
    """Return the results that this thread has looked at."""
    if not hasattr(_looked_at, "results"):
        _looked_at.results = []
    found: list[Result] = _looked_at.results
    return found


def look_at(result: Result) -> Result:
    """Return a result, noted as one that this test has looked at; another thread may have run it."""
    looked_at().append(result)
    return result


def search_path() -> str:
    """Return a PYTHONPATH on which the tests' targets are found."""
    return os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])


def read_events(text: str) -> list[Event]:
    """Return the events of a log, each line of which must be one JSON object in ASCII."""
    assert text.isascii()
    assert text == "" or text.endswith("\n")
    events = [json.loads(line, parse_constant=_refuse_constant) for line in text.splitlines()]
    assert all(type(event) is dict for event in events)
    return events


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@functools.cache
def _validator(event: str) -> jsonschema.Draft202012Validator:
    """Return a validator for events of one name; of the schema's many conditions it has the only one that applies."""
    applying = [rule for rule in _SCHEMA["allOf"] if rule["if"]["properties"]["event"]["const"] == event]
    assert 1 == len(applying), event
    return jsonschema.Draft202012Validator({**_SCHEMA, "allOf": applying})


def check_schema(events: list[Event], *, every: bool = False) -> None:
    """Check events against the schema: every one, or of many alike only the first."""
    seen = set()
    for event in events:
        shape = event["event"], event["level"], *((key, type(value).__name__) for key, value in event.items())
        if every or shape not in seen:
            seen.add(shape)
            errors = [error.message for error in _validator(event["event"]).iter_errors(event)]
            assert [] == errors, event


def check_numbers(events: list[Event]) -> None:
    """Check that seq and n count without gaps and t never goes back."""
    assert list(range(1, len(events) + 1)) == [e["seq"] for e in events]
    counts: Counter[str] = Counter()
    latest = 0.0
    for event in events:
        counts[event["process"]] += 1
        assert counts[event["process"]] == event["n"], event
        assert latest <= event["t"], event
        latest = max(latest, event["t"])
    assert 1 == len({(e["run"], e["scenario"]) for e in events})


_LIFE = ["process.starting", "process.started", "process.finished", "process.exited", "process.joined"]


def check_order(events: list[Event]) -> None:
    """Check causal order: a life from start to end, a put before its get, the run's first and last words."""
    names = [e["event"] for e in events]
    assert ("scenario.started", "scenario.finished") == (names[0], names[-1])
    assert (1, 1) == (names.count("scenario.started"), names.count("scenario.finished"))
    own = events[0]["pid"]
    assert [] == [e for e in events if e["event"] == "process.exited" and e["pid"] == own]  # the supervisor
    lives: dict[tuple[str, int], list[str]] = {}
    restarts: Counter[str] = Counter()
    put: dict[tuple[str, int], Any] = {}
    got = set()
    mutated = {(e["queue"], e["item_id"]) for e in events if e["event"] == "queue.item_mutated"}
    for event in events:
        name = event["event"]
        if name in _LIFE:
            lives.setdefault((event["process"], restarts[event["process"]]), []).append(name)
        elif name == "process.restarting":
            restarts[event["process"]] += 1
        elif name == "queue.put":
            key = event["queue"], event["item_id"]
            assert key not in put, event
            put[key] = event["item"]
        elif name == "queue.get":
            key = event["queue"], event["item_id"]
            assert key in put, event
            assert key not in got, event
            assert (put[key] == event["item"]) != (key in mutated), event
            got.add(key)
    misreported = {e["process"] for e in events if e["event"] == "process.misreported"}
    for (process, _), life in lives.items():
        if process not in misreported:  # of which join() returns before they end
            assert sorted(life, key=_LIFE.index) == life, (process, life)
        once = [name for name in life if name != "process.joined"]  # whoever likes may join again
        assert len(set(once)) == len(once), (process, life)


def check_books(events: list[Event]) -> None:
    """Check that of each queue's items none is unaccounted for: put = got + left over + lost + dropped."""
    counts: dict[str, Counter[str]] = {}
    for e in events:
        if e["event"].startswith("queue."):
            counts.setdefault(e["queue"], Counter())[e["event"]] += e.get("count", 1)
    for queue, c in counts.items():
        gone = c["queue.get"] + c["queue.left_over"] + c["queue.items_lost"] + c["queue.item_dropped"]
        gone += c["queue.get_failed"]
        assert c["queue.put"] == gone, (queue, c)
    total: Counter[str] = sum(counts.values(), Counter())
    told = events[-1]["counts"]
    assert len(events) == told["events"]
    for key, name in (("put", "put"), ("got", "get"), ("dropped", "item_dropped")):
        assert total[f"queue.{name}"] == told[key], key
    assert total["queue.items_lost"] + total["queue.get_failed"] == told["lost"]
    assert total["queue.left_over"] == told["left"]


def check_log(events: list[Event]) -> None:
    """Check all that is true of every log of a run that is over."""
    check_schema(events)
    check_numbers(events)
    check_order(events)
    missing = [event["missing"] for event in events if event["event"] == "recording.incomplete"]
    if not any("what comes after" in each or "--max-log" in each for each in missing):  # otherwise it breaks off
        check_books(events)


class Running:
    """The command while it runs, with a TMPDIR and an environment of its own to find its processes by."""

    def __init__(
        self,
        folder: Path,
        text: str,
        *arguments: str,
        allow: str = "actors",
        cwd: Path | None = None,
        shell: tuple[str, ...] = (),
    ) -> None:
        self.marker = f"RUN_SCENARIO_TEST={uuid.uuid4().hex}"
        self.folder = folder / uuid.uuid4().hex[:8]
        self.folder.mkdir(parents=True)
        self.tmp = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))  # short: the fork server's socket lies in it
        command = self._command(text, *arguments, allow=allow)
        name, _, value = self.marker.partition("=")
        environment = {
            **_ENVIRONMENT,
            name: value,
            "TMPDIR": str(self.tmp),
            "PYTHONPATH": search_path(),
            "PYTHONWARNINGS": "default",
        }
        self._began = time.monotonic()
        with (self.folder / "stderr").open("wb") as stderr:
            self.process = commands.Popen(
                [*shell, *command],
                cwd=cwd or self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self._received = bytearray()
        self._looked = 0
        self.events: list[Event] = []
        """The events that `wait_for` has read so far."""
        self.recovered: list[Event] = []
        """Those of the recording that a killed runner has left, where `finish` has found one."""

    def _command(self, text: str, *arguments: str, allow: str) -> list[str]:
        """Return what is to be run: that of a scenario's text, path or bundled name."""
        if text.startswith("{"):
            (self.folder / "case.yaml").write_text(text)
            text = str(self.folder / "case.yaml")
            # Read here, it is in the cache: a thousand commands need not import jsonschema for it, 0.1 s each.
            loader.load(text)
        return [*COMMAND, text, *(["--allow", allow] if allow else []), *arguments]

    def wait_for(self, event: str, process: str | None = None, **fields: Any) -> Event:
        """Read the log until such an event was told."""
        while True:
            while self._looked < len(self.events):
                found = self.events[self._looked]
                self._looked += 1
                if Log([found]).all(event, process, **fields):
                    return found
            assert self._read(), f"the log ended without {event} of {process}:\n{Log(self.events).text()}"

    def _read(self) -> bool:
        assert self.process.stdout
        descriptor = self.process.stdout.fileno()
        left = self._began + PATIENCE - time.monotonic()
        if not is_readable(descriptor, max(0.0, left)):
            self.abandon()
            raise AssertionError(f"the run does not end:\n{Log(self.events).text()}")
        block = os.read(descriptor, 1 << 20)
        start = self._received.rfind(b"\n") + 1
        self._received += block
        if b"\n" in block:
            self.events += [json.loads(line) for line in self._received[start:].split(b"\n")[:-1]]
        return bool(block)

    def abandon(self) -> None:
        """Kill everything of this run."""
        for pid in self.survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def survivors(self) -> list[int]:
        """Return all processes of this run that live."""
        return processes_with(self.marker)

    def zombies(self) -> list[str]:
        """Return the processes that ended in the supervisor's session and that nobody has waited for."""
        supervisor = self.events[0]["pid"] if self.events else None
        stats = [_read(f"/proc/{pid}/stat").decode() for pid in _processes()]
        return [stat for stat in stats if stat and int(stat.rpartition(")")[2].split()[3]) == supervisor]

    def left_behind(self, *, by_init: bool = False) -> dict[str, Any]:
        """Return everything that should not be there after the run, by kind; `by_init` waits for ended orphans."""
        run = self.events[0]["run"] if self.events else "no run"
        found = {
            "processes": [(pid, _read(f"/proc/{pid}/cmdline")) for pid in self.survivors()],
            "zombies": [] if by_init else self.zombies(),
            "files": sorted(os.listdir(self.tmp)),
            "shared memory": [name for name in os.listdir("/dev/shm") if run in name],
        }
        return {kind: things for kind, things in found.items() if things}

    def finish(self, *, whole: bool = True, by_init: bool = False) -> Result:
        """Wait for the end; check that nothing is left behind and (unless it was cut off) that the log is in order."""
        while self._read():
            pass
        assert self.process.stdout
        self.process.stdout.close()
        status = self.process.wait(PATIENCE)
        seconds = time.monotonic() - self._began
        if not whole:
            self.recover()
        left = self.left_behind(by_init=by_init or not whole)  # whose runner was killed goes to init, too
        if left:
            self.abandon()
        else:
            self.tmp.rmdir()
        assert {} == left, f"{left}\n{Log(self.events).text()}"
        stderr = (self.folder / "stderr").read_text()
        self._check_stderr(stderr)
        stdout = self._received.decode()
        if whole:
            events = read_events(stdout)
            if events:
                check_log(events)
                self._check_status(status, events[-1])
        return look_at(Result(status, Log(self.events), stdout, stderr, seconds))

    def _check_stderr(self, stderr: str) -> None:
        """Check that nothing of ours has failed."""
        assert "Traceback" not in stderr, stderr

    def _check_status(self, status: int, finished: Event) -> None:
        """Check that the exit status is the one that the log ends with."""
        assert finished["exit_status"] == status

    def wait_for_survivors(self) -> None:
        """Wait until nobody of this run lives."""
        for pid in self.survivors():
            with contextlib.suppress(ProcessLookupError):
                end = os.pidfd_open(pid)
                is_readable(end, PATIENCE)
                os.close(end)

    def recover(self) -> None:
        """Have the recording that a killed runner has left told, which removes it; its log must be in order."""
        self.wait_for_survivors()
        kept = [name for name in os.listdir(self.tmp) if name.startswith(KEPT)]
        assert len(kept) <= 1, kept
        for name in kept:
            command = [*COMMAND, "recover", name.removeprefix(KEPT), "--format", "json"]
            environment = {**_ENVIRONMENT, "TMPDIR": str(self.tmp)}
            for keep in (["--keep"], []):  # to read it takes nothing away
                done = commands.run(
                    [*command, *keep], env=environment, capture_output=True, text=True, timeout=PATIENCE
                )
                assert 0 == done.returncode, done.stderr
                events = read_events(done.stdout)
                assert not self.recovered or events == self.recovered
                self.recovered = events
            check_log(self.recovered)


def run(folder: Path, text: str, *arguments: str, allow: str = "actors", cwd: Path | None = None) -> Result:
    """Run a scenario (JSON text, path or bundled name) to its end, and check what is always true."""
    return Running(folder, text, *arguments, allow=allow, cwd=cwd).finish()


def stopped_at_its_deadline(play: Callable[[str], Result], text: str) -> Result:
    """Run a scenario that has to be stopped; again with more time, if its processes were not there long before.

    So a machine may be as slow as it likes, and one that is not need not wait.
    """
    described = json.loads(text)
    names = {"MainProcess"}
    for process in described["processes"]:
        count = process.get("replicas", 1)
        names |= {process["name"]} if count == 1 else {f"{process['name']}-{n}" for n in range(1, count + 1)}
    for _ in range(3):
        result = play(json.dumps(described))
        begun = [e["process"] for e in result.log.all("process.started") if e["t"] <= described["timeout"] / 2]
        if names <= set(begun):
            break
        described["timeout"] *= 3
    return result


def processes_with(marker: str) -> list[int]:
    """Return the processes, other than this one, that have `NAME=VALUE` in their environment and live."""
    return [pid for pid in _processes() if marker.encode() in _read(f"/proc/{pid}/environ").split(b"\0")]


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
