"""A standstill at pipes, put into words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from run_scenario.engine.exits import MAIN_NAME
from run_scenario.engine.waits import names, subject
from run_scenario.model import PIPE_ENDS, PipeSpec, Scenario
from run_scenario.record import codes

if TYPE_CHECKING:
    from run_scenario.engine.standstill import Waiting

_RECEIVING = {codes.W_RECEIVE_LEFT: 0, codes.W_RECEIVE_RIGHT: 1}
_SENDING = {codes.W_SEND_LEFT: 0, codes.W_SEND_RIGHT: 1}
"""Kind of waiting -> the end at which it waits."""


class PipeStandstill:
    """Explains who waits at which end of a pipe, and why nothing will come."""

    def __init__(self, scenario: Scenario, waiting: Sequence[Waiting], ended: Collection[str]) -> None:
        self._scenario = scenario
        self._waiting = waiting
        self._ended = ended

    def reason(self) -> str:
        """Return one sentence, or an empty text if no pipe has to do with it."""
        for explain in (self._both_send, self._both_receive, self._no_room, self._nothing_comes):
            if text := explain():
                return text
        return ""

    def _at(self, kinds: dict[int, int]) -> list[tuple[Waiting, PipeSpec, int]]:
        """Return who waits so, at which pipe, and at which of its ends."""
        resources, found = self._scenario.resources, []
        for w in self._waiting:
            spec = resources[w.resource] if w.kind in kinds and w.resource < len(resources) else None
            if isinstance(spec, PipeSpec):
                found.append((w, spec, kinds[w.kind]))
        return found

    def _pair(self, kinds: dict[int, int]) -> tuple[PipeSpec, list[str]] | None:
        """Return a pipe at whose two ends two processes wait so, and these."""
        waiting = self._at(kinds)
        for w, spec, end in waiting:
            others = [o.process for o, of, at in waiting if of is spec and at != end and o.process != w.process]
            if others:
                return spec, [w.process, others[0]]
        return None

    def _both_send(self) -> str:
        if found := self._pair(_SENDING):
            spec, both = found
            return (
                f"deadlock: {names(both)} both wait in send() on pipe '{spec.name}': it is full in both directions, "
                "and neither receives before it has sent"
            )
        return ""

    def _both_receive(self) -> str:
        if found := self._pair(_RECEIVING):
            spec, both = found
            return (
                f"deadlock: {names(both)} both wait in recv() on pipe '{spec.name}', each for the other to send first"
            )
        return ""

    def _no_room(self) -> str:
        for w, spec, end in self._at(_SENDING):
            start = f"{subject(w.process)} waits for ever in send() on '{spec.name}.{PIPE_ENDS[end]}': the pipe is full"
            return f"{start}, and {self._who_is_there(spec, 1 - end, w.process, 'receives')}"
        return ""

    def _nothing_comes(self) -> str:
        for w, spec, end in self._at(_RECEIVING):
            here, there = f"{spec.name}.{PIPE_ENDS[end]}", f"{spec.name}.{PIPE_ENDS[1 - end]}"
            start = f"{subject(w.process)} waits for ever in recv() on '{here}'"
            gone = [name for name in self._users(spec, 1 - end) if name in self._ended]
            if not spec.close_unused and len(gone) == len(self._users(spec, 1 - end)):
                ended = f"{names(gone)} {'has' if len(gone) == 1 else 'have'} ended, but " if gone else ""
                who = f"{subject(MAIN_NAME)} never closed it"
                return f"{start}: {ended}'{there}' is still open, for {who}, and so EOF does not come"
            return f"{start}, and {self._who_is_there(spec, 1 - end, w.process, 'sends')}"
        return ""

    def _who_is_there(self, spec: PipeSpec, end: int, but: str, verb: str) -> str:
        there = [name for name in self._users(spec, end) if name not in self._ended and name != but]
        if not there:
            return f"nobody is left who {verb} at '{spec.name}.{PIPE_ENDS[end]}'"
        not_done = {"receives": "receive", "sends": "send"}[verb]
        return f"{names(there)}, who could {not_done} at '{spec.name}.{PIPE_ENDS[end]}', waits for something else"

    def _users(self, spec: PipeSpec, end: int) -> list[str]:
        handle = f"{spec.name}.{PIPE_ENDS[end]}"
        return [p.name for p in self._scenario.processes if any(c.resource == handle for c in p.connections)]
