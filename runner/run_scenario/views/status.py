"""The line at the bottom of a terminal while nothing happens: who lives, what is waited for, how much time is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from run_scenario.views.text import scrub, seconds, shorten

if TYPE_CHECKING:
    from rich.console import Console

_MOST_NAMES = 4
_SPINNER_WIDTH = 3


class State(Protocol):
    """Where a run stands; what `engine.sink.RunState` has."""

    @property
    def elapsed(self) -> float: ...
    @property
    def timeout(self) -> float: ...
    @property
    def alive(self) -> Sequence[str]: ...
    @property
    def waiting(self) -> str: ...


def status(state: State, width: int) -> str:
    """Return the status in at most `width` characters; what is cut off is never the time."""
    alive = list(state.alive)
    more = len(alive) - _MOST_NAMES
    names = ", ".join(alive[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
    parts = [f"{names} alive" if alive else "no process alive"]
    if state.waiting:
        parts.append(f"the main program waits for {state.waiting}")
    time = f"{state.elapsed:.1f} of {seconds(state.timeout)}"
    room = max(1, width - len(time) - len(" · "))
    return f"{shorten(scrub(' · '.join(parts)), room)} · {time}"


class StatusLine:
    """A spinner and the status, drawn again with each `show()` and gone after `erase()`."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._width = console.width - _SPINNER_WIDTH
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            self._spinner,
            console=console,
            auto_refresh=False,  # no thread: the process that draws this may yet fork
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def show(self, state: State) -> None:
        """Draw it."""
        from rich.text import Text

        self._spinner.update(text=Text(status(state, self._width)))
        self._live.refresh()

    def erase(self) -> None:
        """Remove it from the screen."""
        self._live.stop()
