"""What the steps of `main` have done to each pool so far, and what therefore cannot be done next."""

from __future__ import annotations

from collections import Counter

from run_scenario.language.draft import Draft, Fields
from run_scenario.language.main_draft import StepDraft
from run_scenario.language.main_resources import Obstacle
from run_scenario.language.pool_checks import method_of
from run_scenario.language.problems import quote
from run_scenario.resources import NOT_WAITING

_ENDS = ("close", "terminate", "shutdown")


class MainPools:
    """Follows what the main program does to pools."""

    def __init__(self, draft: Draft) -> None:
        self._pools = {pool.name: pool for pool in draft.sections["pools"].values()}
        self._created: set[str] = set()
        self._used: set[str] = set()
        self._ended: set[str] = set()
        self._called: Counter[str] = Counter()
        self._pending: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        return name in self._pools

    def obstacle(self, step: StepDraft, name: str) -> Obstacle | None:
        """Return why a step cannot be done to a pool; None if it can."""
        verb, called = step.verb.name, quote(name)
        if verb == "use":
            if name in self._created - self._used:
                what = f"pool {called} was created before, and `use` creates it"
                return Obstacle(
                    what, f"write `call: {name}` for each of its calls, then `close` and `join`", waits=True
                )
            return None
        if verb == "create":
            if name in self._created:
                return Obstacle(f"pool {called} was created before", "describe another pool like it", waits=True)
            return None
        if name not in self._created:
            return Obstacle(f"pool {called} was not created by then", f"write `create: {name}` before", waits=True)
        if verb == "call" and name in self._ended and not self._expects(name):
            return Obstacle(f"pool {called} takes no calls any more by then", "move this step up", waits=True)
        if verb == "call" and self._called[name] >= len(self._calls(name)):
            return Obstacle(f"all calls of pool {called} are made by then", "add one to its `calls`", waits=True)
        if verb == "result" and not self._pending[name]:
            what = f"no result of pool {called} is left to be asked for by then"
            return Obstacle(what, f"write a step `call: {name}` before, of a call that does not wait", waits=True)
        if verb == "join" and name not in self._ended:
            return Obstacle(
                f"join() needs a pool that was closed, and {called} was not", f"write `close: {name}` before"
            )
        return None

    def note(self, step: StepDraft, name: str) -> None:
        """Take in that a step was done."""
        verb = step.verb.name
        if verb in ("create", "use"):
            self._created.add(name)
        if verb == "use":
            self._used.add(name)
        if verb in _ENDS or verb == "use":
            self._ended.add(name)
        if verb == "call":
            self._pending[name] += method_of(self._calls(name)[self._called[name]]) in NOT_WAITING
            self._called[name] += 1
        elif verb == "use":
            self._called[name] = len(self._calls(name))
        elif verb == "result":
            self._pending[name] -= 1

    def unended(self) -> set[str]:
        """Return the pools that live until the main program ends."""
        return {name for name in self._created - self._ended if self._pools[name].type == "Pool"}

    def _expects(self, name: str) -> bool:
        """Return whether the next call is expected to raise something."""
        calls = self._calls(name)[self._called[name] :]
        return bool(calls) and bool(calls[0].text("raises"))

    def _calls(self, name: str) -> list[Fields]:
        fields = self._pools[name].fields
        return [Fields(node, fields.bad) for node in fields.items("calls")]
