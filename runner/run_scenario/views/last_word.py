"""How the run ended, for whoever is not shown its log."""

from __future__ import annotations

from typing import Any

from run_scenario.views.watcher import Watcher


class LastWord(Watcher):
    """A sink that only remembers how the run ended."""

    def __init__(self) -> None:
        self._last: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The outcome in one sentence."""
        if self._last is None:
            return "the run ended without a verdict"
        from run_scenario.views.summary import verdict  # mostly nobody asks

        return verdict(self._last)

    def write(self, events: list[dict[str, Any]]) -> None:
        """Look at the last event: `scenario.finished` is the last of all."""
        if events and events[-1].get("event") == "scenario.finished":
            self._last = events[-1]
