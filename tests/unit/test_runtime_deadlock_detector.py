"""When looks that show the same make a deadlock: who goes on while strangers are looked for is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from run_scenario.recording import codes
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.supervisor.deadlock_detector import LOOKS, DeadlockDetector, Signature


def stuck(switches: int) -> Signature:
    """Return what a look shows of one thread that waits for an item, and was scheduled so often."""
    return ((1, 1, codes.W_GET, 0, 5, switches, 0),)


class Scripted(DeadlockDetector):
    """Sees one signature after the other, and the last one from then on."""

    def __init__(self, *seen: Signature | None) -> None:
        super().__init__("", "", Capabilities())
        self._seen = list(seen)

    def _segments(self) -> dict[int, str]:
        return {}

    def _is_waiting(self, segments: dict[int, str], pid: int) -> bool:
        return True

    def _signature(self, segments: dict[int, str], everybody: Callable[[], list[int]]) -> Signature | None:
        return self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]


@pytest.mark.parametrize(
    ("after", "looks"),
    [(stuck(1), [False] * (LOOKS - 1) + [True]), (stuck(2), [False] * 2 * (LOOKS - 1)), (None, [False] * LOOKS)],
)
def test_it_is_looked_once_more_after_strangers(after: Signature | None, looks: list[bool]) -> None:
    """A stranger may help and end before it is looked for: whoever it has helped has been scheduled since."""
    detector = Scripted(*[stuck(1)] * LOOKS, after)
    assert looks == [detector.is_deadlocked(1, list) for _ in looks]
