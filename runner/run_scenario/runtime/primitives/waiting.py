"""The time that a thread spends in a wait with waits of its own inside, such as that for a condition's lock."""

from __future__ import annotations

from run_scenario.recording.recorder import recorder


class Waiting:
    """A wait that has begun, in the middle of whatever this thread waited for before."""

    def __init__(self, kind: int, index: int, timeout: float | None) -> None:
        self._before = recorder.current_wait()
        self.since = recorder.begin_wait(kind, index, timeout)
        self._word = recorder.current_wait()

    def over(self) -> None:
        """Note that it is over."""
        recorder.finish_wait(self._word, self._before)
