"""A standstill of locks, semaphores, events, conditions and barriers, put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from run_scenario.engine.waits import names
from run_scenario.model import Resource, SharedSpec, SyncSpec
from run_scenario.record import codes

if TYPE_CHECKING:
    from run_scenario.engine.standstill import Waiting
    from run_scenario.engine.sync_teller import SyncTeller


class SyncStandstill:
    """Explains who waits for what is held or not done by whom."""

    def __init__(self, resources: Sequence[Resource], sync: SyncTeller | None, waiting: Sequence[Waiting]) -> None:
        self._resources = resources
        self._sync = sync
        self._waiting = waiting

    def reason(self) -> str:
        """Return one sentence, or an empty text if no such object has to do with it."""
        for explain in (self._abandoned, self._itself, self._circle, self._held, self._barrier, self._unset):
            if text := explain():
                return text
        return ""

    def _of_kind(self, *kinds: int) -> list[tuple[Waiting, SyncSpec | SharedSpec]]:
        found = []
        for w in self._waiting:
            spec = self._resources[w.resource] if w.resource < len(self._resources) else None
            if w.kind in kinds and isinstance(spec, SyncSpec | SharedSpec):
                found.append((w, spec))
        return found

    def _holders(self, index: int) -> list[str]:
        return self._sync.holders(index) if self._sync else []

    def _gone(self, index: int) -> list[str]:
        return self._sync.abandoned.get(index, []) if self._sync else []

    def _poisoned(self, index: int) -> list[str]:
        return self._sync.poisoned.get(index, []) if self._sync else []

    def _together(self, index: int) -> str:
        together = [w.process for w, _ in self._of_kind(codes.W_ACQUIRE, codes.W_BARRIER) if w.resource == index]
        return f"{names(together)} {'waits' if len(together) == 1 else 'wait'}"

    def _abandoned(self) -> str:
        for w, spec in self._of_kind(codes.W_ACQUIRE):
            gone = self._gone(w.resource)
            if gone and len(gone) == len(self._holders(w.resource)):
                start = f"{self._together(w.resource)} for ever for {_called(spec)}"
                return f"{start}: {names(gone)} ended without releasing it"
        for w, spec in self._of_kind(codes.W_ANSWER):
            start = f"{names([w.process])} waits for ever inside {_called(spec)}"
            ended = self._poisoned(w.resource)
            who = names(ended) if ended else "one of them"
            return f"{start}: everybody who waited for it is asked to wake up, and {who} was ended before"
        return ""

    def _itself(self) -> str:
        for w, spec in self._of_kind(codes.W_ACQUIRE):
            if spec.type == "Lock" and self._holders(w.resource) == [w.process]:
                who = names([w.process])
                return (
                    f"{who} waits for ever for {_called(spec)}, which it holds itself: an RLock could be acquired again"
                )
        return ""

    def _circle(self) -> str:
        wants: Mapping[str, tuple[Waiting, SyncSpec | SharedSpec]] = {
            w.process: (w, s) for w, s in self._of_kind(codes.W_ACQUIRE)
        }
        for start in wants:
            path = [start]
            while True:
                holders = [name for name in self._holders(wants[path[-1]][0].resource) if name in wants]
                if not holders:
                    break
                if holders[0] in path:
                    return self._tell_circle(path[path.index(holders[0]) :], wants)
                path.append(holders[0])
        return ""

    def _tell_circle(self, path: list[str], wants: Mapping[str, tuple[Waiting, SyncSpec | SharedSpec]]) -> str:
        parts = []
        for before, process in zip([path[-1], *path[:-1]], path, strict=True):
            held, wanted = wants[before][1], wants[process][1]
            parts.append(f"{names([process])} holds '{held.name}' and waits for '{wanted.name}'")
        return f"deadlock: {', '.join(parts)}: none of them can go on"

    def _held(self) -> str:
        for w, spec in self._of_kind(codes.W_ACQUIRE):
            holders = self._holders(w.resource)
            start = f"{self._together(w.resource)} for ever for {_called(spec)}"
            if holders:
                return f"{start}, held by {names(holders)}, which will never release it"
            return f"{start}, and nobody is left who could release it"
        return ""

    def _barrier(self) -> str:
        for w, spec in self._of_kind(codes.W_BARRIER):
            assert isinstance(spec, SyncSpec)
            came = sum(o.resource == w.resource for o, _ in self._of_kind(codes.W_BARRIER))
            start = f"{self._together(w.resource)} for ever at {_called(spec)}"
            if ended := self._poisoned(w.resource):
                return f"{start}: {names(ended)} ended while it waited there, and all who come wait for its answer"
            return f"{start}: it opens when {spec.parties} have come, only {came} did, and nobody else is left"
        return ""

    def _unset(self) -> str:
        for w, spec in self._of_kind(codes.W_EVENT, codes.W_CONDITION):
            together = [o.process for o, _ in self._of_kind(w.kind) if o.resource == w.resource]
            verb = "waits" if len(together) == 1 else "wait"
            deed = "set" if w.kind == codes.W_EVENT else "notify"
            return f"{names(together)} {verb} for ever for {_called(spec)}: nobody is left who could {deed} it"
        return ""


def _called(spec: SyncSpec | SharedSpec) -> str:
    if isinstance(spec, SharedSpec):
        return f"the lock of {spec.type} '{spec.name}'"
    kind = {"Lock": "lock", "RLock": "lock"}.get(spec.type, "semaphore" if "Sem" in spec.type else spec.type.lower())
    return f"{kind} '{spec.name}'"
