"""A schedule: which actor moves at each step, said by the switches from what would happen without any.

Without a switch, the actor that moved last goes on as long as it can, and then the first of those that can, in the
order in which they began; after many steps in a row it is the turn of the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from run_scenario.limits import MAX_PIPE_CAPACITY
from run_scenario.values import Value

FORMAT = 1
"""The number of the form in which schedules are kept."""
MOST_IN_A_ROW = 200
"""Steps after which it is the turn of the others, where nobody says anything else: so nobody polls for ever."""


class Hazards(Value):
    """What may happen to the actors besides their own moves, and how much room they have."""

    early: bool = False
    """Whether a timeout may come, and a sleep be over, whenever: as if all others were slow."""
    kill: bool = False
    """Whether one process, not the main program, may be killed, before any of its operations."""
    pipe_capacity: int | None = None
    """How many bytes a pipe of multiprocessing holds; None: as many as the system has given it."""

    def united(self, other: Hazards) -> Hazards:
        """Return what may happen here or there; of the capacities its own counts."""
        capacity = other.pipe_capacity if self.pipe_capacity is None else self.pipe_capacity
        return Hazards(self.early or other.early, self.kill or other.kill, capacity)


NO_HAZARDS = Hazards()
TIME_IS_UP = ", as its time is up"
"""What stands behind an operation that is given up, or a sleep that is over."""


class Switch(Value):
    """One decision against what would happen without it."""

    actor: str
    """Who has just moved."""
    steps: int
    """How many steps that one has made so far."""
    to: str
    """Who moves then, or is killed."""
    before: str = ""
    """The operation that this one does first."""
    instead: str = ""
    """The operation that the other was about to do; empty: it could do nothing."""
    kills: bool = False
    """Whether `to` is killed before its operation, by SIGKILL; who moves then is another decision."""

    @property
    def decision(self) -> tuple[str, int, str, bool]:
        """When it is taken, and what it is."""
        return self.actor, self.steps, self.to, self.kills


class Schedule(Value):
    """The switches of one run, in their order."""

    switches: tuple[Switch, ...] = ()

    def without(self, left_out: Iterable[int]) -> Schedule:
        """Return it without the switches at these positions."""
        out = set(left_out)
        return Schedule(tuple(each for at, each in enumerate(self.switches) if at not in out))

    def postponed(self, position: int) -> Schedule:
        """Return it with one switch a step later."""
        switches = list(self.switches)
        switches[position] = switches[position].replace(steps=switches[position].steps + 1, before="", instead="")
        return Schedule(tuple(switches))

    def is_like(self, other: Schedule) -> bool:
        """Return whether the decisions are the same, whatever the operations are before which they are taken."""
        return [each.decision for each in self.switches] == [each.decision for each in other.switches]


class KeptSchedule(Value):
    """What is kept in a file: a schedule, of which scenario, and what it leads to."""

    scenario: str
    """The path of the scenario's file, as seen from the folder of the schedule's; or a bundled scenario's name.

    Empty: it is no file, but a text or a dictionary of a program.
    """
    digest: str
    """The scenario's digest, see `Scenario`."""
    outcome: str
    """The outcome of the run, as `scenario.finished` says it."""
    schedule: Schedule
    params: Mapping[str, Any] = {}
    """Given values of its parameters."""
    hazards: Hazards = NO_HAZARDS
    """Under which it was found."""
    expect: str = ""
    """The path of the file of expectations that it was judged by, as seen from there; empty: by its own."""
    is_script: bool = False
    """Whether it is a script, and no scenario."""
    arguments: tuple[str, ...] = ()
    """Of the script."""
    timeout: float | None = None
    """The deadline of a script by the virtual clock; None: it has none."""


def encode(kept: KeptSchedule) -> str:
    """Return the text of a schedule's file."""
    switches = [
        {
            "after": each.actor,
            "steps": each.steps,
            "kill" if each.kills else "run": each.to,
            "before": each.before,
            "instead_of": each.instead,
        }
        for each in kept.schedule.switches
    ]
    of_script = {"arguments": list(kept.arguments), "timeout": kept.timeout}
    hazards = {
        "timeouts": "any" if kept.hazards.early else "",
        "kill": kept.hazards.kill,
        "pipe_capacity": kept.hazards.pipe_capacity,
    }
    data = {
        "schedule": FORMAT,
        "script" if kept.is_script else "scenario": kept.scenario,
        "digest": kept.digest,
        **(of_script if kept.is_script else {"params": dict(kept.params)}),
        **{key: value for key, value in hazards.items() if value},
        **({"expect": kept.expect} if kept.expect else {}),
        "outcome": kept.outcome,
        "switches": [{key: value for key, value in each.items() if value != ""} for each in switches],
    }
    return json.dumps(data, indent=2) + "\n"


def decode(text: str) -> KeptSchedule:
    """Return what the text of a schedule's file says.

    Raises:
        ValueError: it is no such text; the message says what is wrong.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("schedule") != FORMAT:
        raise ValueError(f'it has no "schedule": {FORMAT}: run-scenario explore writes such files')
    try:
        switches = tuple(
            Switch(
                _text(each["after"]),
                _number(each["steps"]),
                _text(each["kill"] if "kill" in each else each["run"]),
                _text(each.get("before", "")),
                _text(each.get("instead_of", "")),
                "kill" in each,
            )
            for each in _list(data["switches"])
        )
        is_script = "script" in data
        names = ("script" if is_script else "scenario", "digest", "outcome")
        scenario, digest, outcome = (_text(data[name]) for name in names)
        arguments = tuple(map(_text, _list(data.get("arguments", []))))
        timeout = data.get("timeout")
        if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
            raise ValueError(f"a timeout is a number of seconds, not {json.dumps(timeout)}")
        params = data.get("params", {})
        if not isinstance(params, dict):
            raise ValueError(f'"params" must be an object, not {json.dumps(params)}')
        timeouts, kill = data.get("timeouts", ""), data.get("kill", False)
        if timeouts not in ("", "any") or type(kill) is not bool:
            raise ValueError('"timeouts" can be "any", and "kill" true or false')
        capacity = data.get("pipe_capacity")
        if capacity is not None and not (type(capacity) is int and 0 < capacity <= MAX_PIPE_CAPACITY):
            raise ValueError(f'"pipe_capacity" is a number of bytes, not {json.dumps(capacity)}')
        hazards = Hazards(timeouts == "any", kill, capacity)
        how = Schedule(switches), params, hazards, _text(data.get("expect", ""))
        return KeptSchedule(scenario, digest, outcome, *how, is_script, arguments, timeout)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"there is something missing or of another kind: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"there must be a text, not {json.dumps(value)}")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"there must be a number of steps, not {json.dumps(value)}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"there must be a list, not {json.dumps(value)}")
    return value
