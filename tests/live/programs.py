"""Random programs, each from a seed: a bundled scenario that goes on, or one that waits, and who waits for it."""

from __future__ import annotations

import json
import random
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intended import STALLING, TRAP
from live.helper import Helper
from run_scenario import bundled

sys.path.insert(0, str(Path(__file__).parents[1] / "acceptance"))

import support
from support import METHODS, run

_WAITS = (
    *("wait_for_answer", "wait_for_answer_at_exit", "wait_for_answer_in_thread", "wait_for_fifo", "wait_for_file_lock"),
    *(
        "wait_for_passed_pipe",
        "wait_for_passed_end",
        "wait_for_signal",
        "wait_for_blocked_signal",
        "wait_for_alarm",
        "wait_for_timer",
    ),
    *("wait_for_select", "wait_for_poll", "wait_for_program", "wait_for_output", "wait_for_program_in_thread"),
    *("wait_for_child", "wait_for_copy", "wait_for_own_manager", "wait_for_child_at_manager", "wait_for_thread_pool"),
    *("wait_for_own_queue", "wait_for_own_lock", "wait_for_inherited_pipe", "wait_for_deadly_alarm", "compute"),
)
_BY_PATH = ("wait_for_fifo", "wait_for_file_lock", "wait_for_passed_pipe", "wait_for_passed_end")
_CATALOGUE = 0.25
"""Share of the runs that are of bundled scenarios."""
_SECONDS = 0.8, 1.6
"""How long it takes until one goes on: a deadlock is seen after 0.6 s."""
_SYNC = {"gate": "Lock", "event": "Event"}
_DEADLINE = 600
"""Seconds, also of a run that is given next to no processor."""


class Program:
    """One program: what it is called, and how it is run."""

    def __init__(self, seed: int) -> None:
        choice = random.Random(seed)
        self.seed = seed
        self.method = choice.choice(METHODS)
        self.seconds = choice.uniform(*_SECONDS)
        self.network = choice.random() < 0.5
        bundled_ones = [path.stem for path in bundled.scenarios() if path.stem not in {*STALLING, TRAP}]
        is_bundled = choice.random() < _CATALOGUE
        self.kind = choice.choice(bundled_ones if is_bundled else _WAITS)
        self.text = self.kind if is_bundled else ""
        self._waiters = choice.choices(("gate", "event", "inbox", "shared"), k=choice.randrange(4))
        self._of_manager = choice.random() < 0.3
        """Whether the lock and the event are a manager's."""

    def __str__(self) -> str:
        of = ", of a manager" if self._of_manager else ""
        return (
            f"seed {self.seed}: {self.kind}, {self.method}, others wait for {self._waiters}{of}, {self.seconds:.2f} s"
        )

    def go(self, folder: Path) -> None:
        """Run it.

        Raises:
            AssertionError: a deadlock was claimed, or it has not ended as it should.
        """
        if self.text:
            self._check(folder, self.text, allow="")
            return
        with TemporaryDirectory(prefix="live-") as sockets:
            network = self.network and self.kind not in _BY_PATH
            with Helper(sockets, self.seconds, network=network) as helper:
                self._check(folder, self._scenario(helper.place), allow="actors")

    def _check(self, folder: Path, text: str, allow: str) -> None:
        support.PATIENCE = max(support.PATIENCE, _DEADLINE)
        result = run(folder, text, "--start-method", self.method, "--timeout", f"{_DEADLINE}", allow=allow)
        assert [] == result.log.all("scenario.stalled"), result.log.all("scenario.stalled")[0]["reason"]
        assert 0 == result.status, result.log.finished["reasons"]

    def _scenario(self, place: str) -> str:
        uses = {"gate": "gate", "event": "event"}
        managed = {"shared": "shared"} if "shared" in self._waiters else {}
        wait = {"how": self.kind, "place": place, "seconds": self.seconds}
        one: dict[str, Any] = {"name": "Live", "target": "actors:live", "kwargs": wait}
        if self.kind == "wait_for_deadly_alarm":
            one["children_exitcode"] = -signal.SIGALRM
        one |= {
            "uses": uses | managed | {"mine": "rope.left", "other": "rope.right"},
            "to": {"outbox": "box"},
            "from": {"never": "never"},
        }
        others = [
            {"name": f"W{n}", "target": "actors:wait_for_live", "kwargs": {"what": what}, "from": {"inbox": "box"}}
            | {"uses": uses | managed}
            for n, what in enumerate(self._waiters)
        ]
        for n, what in enumerate(self._waiters):
            if what in ("inbox", "shared") and what in self._waiters[:n]:
                others[n]["kwargs"] = {"what": "event"}  # there is one item
        sync = {name: {"type": kind, "manager": self._of_manager} for name, kind in _SYNC.items()}
        shared = {"shared": {"shared": {"type": "Queue"}}} if managed else {}
        scenario = {"version": 1, "queues": {"box": {}, "never": {}}, "sync": sync, **shared}
        return json.dumps({**scenario, "pipes": {"rope": {}}, "processes": [one, *others]})
