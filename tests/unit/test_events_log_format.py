"""Logs of older formats are read in the words of today's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from run_scenario import EventLog
from run_scenario.events.lines import parse_line, upgrade

FINISHED: dict[str, object] = {"event": "scenario.finished"}
COMMON = {"t": 0.5, "seq": 1, "run": "r", "process": "A"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"event": "queue.poisoned"}, {"event": "queue.abandoned"}),
        ({"event": "event.poisoned"}, {"event": "event.abandoned"}),
        ({"event": "condition.poisoned"}, {"event": "condition.abandoned"}),
        ({"event": "barrier.poisoned"}, {"event": "barrier.abandoned"}),
        (
            {"event": "scenario.finished", "outcome": "too_much"},
            {"event": "scenario.finished", "outcome": "limit_exceeded"},
        ),
        (
            {"event": "scenario.finished", "outcome": "broken"},
            {"event": "scenario.finished", "outcome": "internal_error"},
        ),
        ({"event": "process.exited", "cause": "swept"}, {"event": "process.exited", "cause": "stopped_by_runner"}),
        ({"event": "process.output", "text": "broken"}, {"event": "process.output", "text": "broken"}),
        (FINISHED | {"outcome": []}, FINISHED | {"outcome": []}),
    ],
)
def test_a_log_of_0_1_is_read(old: dict[str, object], new: dict[str, object], tmp_path: Path) -> None:
    """What was renamed has its new name, for commands and in Python; all else stays."""
    line = json.dumps({**old, **COMMON}).encode()
    assert {**new, **COMMON} == parse_line(line)
    (tmp_path / "log.jsonl").write_bytes(line + b"\n")
    assert {**new, **COMMON} == EventLog.read(tmp_path / "log.jsonl")[0]
    assert upgrade({**new, **COMMON}) == {**new, **COMMON}
