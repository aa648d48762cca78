"""Who closes which end of a pipe, and when: EOF arrives only when nobody has the other end open any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from run_scenario.model import PIPE_ENDS, ProcessSpec, Scenario


class PipeEnds:
    """The ends that the main program has open while it starts one process after the other."""

    def __init__(self, scenario: Scenario, order: Iterable[ProcessSpec], used: Collection[str] = ()) -> None:
        """Know in which order the processes are started, and which ends (or pipes) the main program uses itself."""
        names = [f"{pipe.name}.{end}" for pipe in scenario.pipes if pipe.close_unused for end in PIPE_ENDS]
        self._open = dict.fromkeys(names)
        self._last: dict[str, str] = {}
        self._kept = {name for name in names if name in used}
        for process in order:
            for end in _ends_of(process):
                self._last[end] = process.name
                if process.worker != "process":  # it runs in the main program
                    self._kept.add(end)

    def unused(self) -> list[str]:
        """Return the ends that no process gets; they are closed from now on."""
        return self._close([end for end in self._open if end not in self._last and end not in self._kept])

    def inherited(self, process: ProcessSpec) -> tuple[str, ...]:
        """Return the ends that a process started now would inherit without using them."""
        own = _ends_of(process)
        return tuple(end for end in self._open if end not in own) if process.worker == "process" else ()

    def handed_over(self, process: ProcessSpec) -> list[str]:
        """Return the ends that nobody started later gets, once this process has been started; they are closed now."""
        own = _ends_of(process)
        done = [end for end in own if end in self._open and self._last[end] == process.name and end not in self._kept]
        return self._close(done)

    def _close(self, ends: list[str]) -> list[str]:
        for end in ends:
            del self._open[end]
        return ends


def _ends_of(process: ProcessSpec) -> list[str]:
    return [connection.resource for connection in process.connections]
