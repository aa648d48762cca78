"""Hand-made scenarios, and the ids and moments of their processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from run_scenario.scenario.model import ProcessSpec, QueueSpec, Scenario

SUPERVISOR, MAIN_PID, FIRST = 10, 11, 12
SECOND = 1_000_000_000


def spec(name: str, target: str = "sleep", **more: Any) -> ProcessSpec:
    """Return a process."""
    return ProcessSpec(name=name, named=True, target=target, **more)


def make_scenario(*processes: ProcessSpec, queues: Sequence[QueueSpec] = ()) -> Scenario:
    """Return a scenario of these."""
    return Scenario(
        name="made",
        file="made.yaml",
        path="/nowhere/made.yaml",
        digest="sha256:0",
        processes=tuple(processes),
        queues=tuple(queues),
    )


Q = QueueSpec(name="q")
