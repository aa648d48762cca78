"""How the run ended, for whoever is not shown its log."""

from __future__ import annotations

from typing import Any


class LastWord:
    """A sink that only remembers how the run ended."""

    written = 0
    """Nothing of the log is kept here."""
    goes_on = False

    def __init__(self) -> None:
        self._last: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The outcome in one sentence."""
        if self._last is None:
            return "the run ended without a verdict"
        from run_scenario.views.summary import verdict  # mostly nobody asks

        return verdict(self._last)

    def open(self) -> None:
        """Nothing."""

    def write(self, events: list[dict[str, Any]]) -> None:
        """Look at the last event: `scenario.finished` is the last of all."""
        if events and events[-1].get("event") == "scenario.finished":
            self._last = events[-1]

    def tick(self, state: object) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
