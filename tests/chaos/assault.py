"""One run, of a scenario or of a recorded program, and what is done to it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import programs, scenarios

ACCEPTANCE = Path(__file__).parents[1] / "acceptance"
sys.path.insert(0, str(ACCEPTANCE))

from support import Log, Running, looked_at  # noqa: E402 (it lies beside)

SIGNALS = (*[signal.SIGKILL] * 6, signal.SIGSTOP, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Killing is what it is about; the others come now and then."""
FATAL = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
STATUSES = {0, 1, 3, 4, 129, 130, 143, 141}


@dataclass
class Hit:
    """One signal: to whom, when, and for how long (of SIGSTOP; None: for good)."""

    role: str
    number: signal.Signals
    after_events: int | None
    after_seconds: float
    pause: float | None

    def __str__(self) -> str:
        moment = f"{self.after_seconds:.3f} s" if self.after_events is None else f"event {self.after_events}"
        pause = "" if self.number != signal.SIGSTOP else f" ({self.pause or 'for good'})"
        return f"{self.number.name}{pause} to the {self.role} after {moment}"


@dataclass
class Assault:
    """A scenario, or a program that is recorded, and the hits on its run, all made of one seed."""

    seed: int
    recorded: bool = False
    hits: list[Hit] = field(default_factory=list)
    landed: int = 0
    """How many of them found somebody to hit."""
    watcher_hit: int = 0
    """The runner or the supervisor, if one of them got a signal that ends it."""
    status: int | None = None
    outcome: str = ""

    def __str__(self) -> str:
        return f"seed {self.seed}{' of record' * self.recorded}: {'; '.join(map(str, self.hits))}"


ROLES = ("runner", "supervisor", "main program", "process", "process", "resource tracker", "fork server", "anybody")


def make(seed: int, most: int, *, recorded: bool = False) -> Assault:
    """Return what a seed stands for: one to three hits, the same ones every time."""
    rng = random.Random(seed)
    assault = Assault(seed, recorded)
    for _ in range(min(most, rng.choice([1, 1, 2, 3]))):
        role, number = rng.choice(ROLES), rng.choice(SIGNALS)
        pause = rng.choice([0.05, 0.3, None])
        events = rng.choice([None, rng.randrange(1, 12), rng.randrange(1, 80)])
        assault.hits.append(Hit(role, number, events, rng.random() ** 2 * 0.5, pause))
    return assault


def carry_out(assault: Assault, folder: Path) -> None:
    """Run it.

    Raises:
        AssertionError: something is not as it must be.
    """
    rng = random.Random(assault.seed)
    noted = folder / "noted"
    noted.unlink(missing_ok=True)
    running = programs.run(rng, folder, noted) if assault.recorded else Running(folder, scenarios.make(rng, noted))
    try:
        for hit in assault.hits:
            _hit(running, hit, rng, assault)
        result = running.finish(whole=not _is_runner_gone(running))
    except BaseException:
        running.abandon()
        raise
    looked_at().clear()
    assault.status = result.status
    _check(assault, result.status, Log(running.recovered or result.log.events), noted)


def _hit(running: Running, hit: Hit, rng: random.Random, assault: Assault) -> None:
    if hit.after_events is not None:
        while len(running.events) < hit.after_events and running._read():
            continue
    else:
        time.sleep(hit.after_seconds)
    pids = _pids(running, hit.role) or _pids(running, "anybody")
    if not pids:
        return  # the run was over before
    pid = rng.choice(pids)
    watchers = {running.process.pid, _supervisor_of(running)}
    if pid in watchers and (hit.number in FATAL or hit.pause is None):
        if assault.watcher_hit and assault.watcher_hit != pid:
            return  # only one of the two: if both are killed, or the last one is stopped, nobody is left to clear up
        if hit.number in FATAL:
            assault.watcher_hit = pid
    if pid == running.process.pid and hit.number == signal.SIGINT and not running.events:
        return  # Python itself, while it starts, answers with a traceback
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, hit.number)
        assault.landed += 1
    pause = hit.pause
    if pause is None and pid == running.process.pid:
        pause = 0.1  # a command that was suspended waits until it is resumed: that is what it is for
    if hit.number == signal.SIGSTOP and pause is not None:
        time.sleep(pause)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _pids(running: Running, role: str) -> list[int]:
    """Return who plays a role now, of those that live."""
    if role == "runner":
        return [running.process.pid] if running.process.poll() is None else []
    living = running.survivors()
    supervisor = _supervisor_of(running)
    main = _children(supervisor)[:1]
    helpers = {pid: _helper(pid) for pid in living}
    if role in ("resource tracker", "fork server"):
        return [pid for pid in living if helpers[pid] == role]
    own = {"supervisor": {supervisor}, "main program": main}.get(role)
    if own is not None:
        return [pid for pid in living if pid in own]
    others = [pid for pid in living if pid not in (supervisor, running.process.pid, *main) and not helpers[pid]]
    return others if role == "process" else living


_supervisors: dict[int, int] = {}
"""Process id of a runner -> that of its supervisor: once the runner is dead, it has no children any more."""


def _supervisor_of(running: Running) -> int:
    runner = running.process.pid
    if running.process.poll() is None and (children := _children(runner)):
        _supervisors[runner] = children[0]
    return running.events[0]["pid"] if running.events else _supervisors.get(runner, 0)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _helper(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        flags = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[6])
    except (OSError, IndexError):
        return ""
    if flags & 0x40:  # forked and not executed: it has only inherited its command line
        return ""
    if b"multiprocessing.resource_tracker" in command:
        return "resource tracker"
    return "fork server" if b"multiprocessing.forkserver import" in command else ""


def _is_runner_gone(running: Running) -> bool:
    """Read to the end; tell whether the runner died of a signal, so that its log was cut off."""
    while running._read():
        continue
    return running.process.wait(60) < 0


def _check(assault: Assault, status: int, log: Log, noted: Path) -> None:
    killed = status < 0
    assert killed or status in STATUSES or (assault.recorded and status > 128), f"status {status}"
    if not log.events:  # before the run had begun
        assert killed or status in (4, 129, 130, 143), status
        return
    finished = log.finished
    assault.outcome = str(finished["outcome"])
    assert finished["event"] == "scenario.finished"
    assert finished["outcome"] == "passed" or finished["reasons"], finished
    ended: dict[str, Any] = {event["process"]: event for event in log.all("process.exited")}
    for event in log.all("process.started"):
        assert ended[event["process"]]["reason"], event
    acknowledged = int.from_bytes(noted.read_bytes(), "little") if noted.exists() else 0
    put = len(log.all("queue.put", "Noting"))
    assert acknowledged <= put, f"{acknowledged} puts had returned, {put} are in the log"
