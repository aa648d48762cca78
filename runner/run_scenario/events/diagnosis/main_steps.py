"""What the main program still has to do: which of its plan's steps come after the one that it is blocked in.

The log does not count its steps. Which one it is in follows from what it waits for, if only one step waits for that.
Otherwise the steps after the last such one are certain to come, and those after the first may come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from run_scenario.scenario import model
from run_scenario.scenario.plan import plan
from run_scenario.scenario.steps import VERBS, Effect, Step, everywhere, unfolded
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.types.runs import BlockedOperation

Did = tuple[Effect, str]
"""What a step does for others, and the name of what it is done to; of a pipe, that of the end."""


class RemainingSteps(Value):
    """What the main program does in the steps to come."""

    certain: frozenset[Did]
    possible: frozenset[Did]
    """Those that may still come: it is not known in which of several steps it is."""


def remaining_steps(scenario: model.Scenario, blocked: BlockedOperation | None) -> RemainingSteps:
    """Return what comes after the step that the main program is blocked in; nothing if it has ended or is ending."""
    if blocked is None or blocked.operation == "exit":
        return RemainingSteps(frozenset(), frozenset())
    steps = list(unfolded(plan(scenario)))
    at = [number for number, step in enumerate(steps) if _is_blocked_in(step, blocked)]
    if not at:
        return RemainingSteps(frozenset(), frozenset(did for step in steps for did in _done_by(step)))
    later = [frozenset(did for step in steps[number + 1 :] for did in _done_by(step)) for number in (at[-1], at[0])]
    return RemainingSteps(*later)


def may_do(steps: Iterable[Step], action: str, handle: str | None) -> bool:
    """Tell whether one of the steps may do this.

    Where a name that is computed, or a function of the user's, decides, that is not excluded.
    """
    for step in everywhere(steps):
        if step.verb == "call" and ":" in str(step.argument):
            return True
        verb = VERBS.get(step.verb)  # the parts of a `try` are none
        if verb and verb.effect == action and (step.subject == handle or not isinstance(step.subject, str)):
            return True
    return False


def _done_by(step: Step) -> Iterator[Did]:
    effect = VERBS[step.verb].effect
    if effect is not None:
        yield effect, step.subject


def _is_blocked_in(step: Step, blocked: BlockedOperation) -> bool:
    """Tell whether a step may be the one in which the main program waits so."""
    if blocked.operation not in (VERBS[step.verb].waits or (step.verb,)):
        return False
    name = f"{blocked.resource}.{blocked.end}" if blocked.end else blocked.resource
    return not step.subject or step.subject in (name, blocked.on_process)
