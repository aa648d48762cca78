"""What exploring cannot decide about: scenarios with that are not explored, expectations about it not judged."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

from run_scenario.errors import UsageError, reason_of
from run_scenario.events.exit_status import expects_stop
from run_scenario.exploration.schedule import NO_HAZARDS, Hazards
from run_scenario.runtime.platform import capabilities
from run_scenario.runtime.platform.system import possible_pipe_capacity
from run_scenario.scenario.expectations import Expectation, spoken_of
from run_scenario.scenario.model import Scenario

_ABOUT_THE_MACHINE = frozenset({"duration", "distribution", "overlap"})
"""Patterns that say how fast something is, who does how much, or what happens at the same time."""

_MEASURED = frozenset({"t", "since", "until", "duration", "waited", "cpu_user", "cpu_system", "max_rss"}) | frozenset(
    {"voluntary_switches", "involuntary_switches", "start_up"}
)
"""Fields of events that say what the system and its clock have measured."""


_WHOEVER_IS_KILLED = frozenset({"conserved", "fifo", "mutual_exclusion", "concurrency"})
"""Patterns that say what has to hold even where a process is killed."""
_OF_SCRIPT = "how the processes of the script end, and what they lose"
"""What is not judged where a process of a script is killed."""


def check_platform() -> None:
    """Check that processes can be controlled here.

    Raises:
        UsageError: they cannot.
    """
    found_here = capabilities.find(os.environ)
    if sys.platform != "linux" or not (found_here.pidfd and found_here.proc):
        raise UsageError(
            "exploring needs Linux, with pidfd_open() and /proc: only so it is known when a process is over"
        )


def possible(hazards: Hazards) -> Hazards:
    """Return hazards as this system has them.

    Raises:
        UsageError: it has no such pipes.
    """
    if hazards.pipe_capacity is None:
        return hazards
    try:
        return hazards.replace(pipe_capacity=possible_pipe_capacity(hazards.pipe_capacity))
    except OSError as error:
        raise UsageError(f"no pipe here holds {hazards.pipe_capacity:,} bytes: {reason_of(error)}") from None


def check(scenario: Scenario, hazards: Hazards = NO_HAZARDS) -> None:
    """Check that all that happens in a scenario can be decided about.

    Raises:
        UsageError: something cannot.
    """
    check_platform()
    if hazards.kill and any(map(expects_stop, scenario.expect)):
        raise UsageError(
            f"{scenario.file} expects that it is stopped, which a kill may bring about, too: explore it without --kill"
        )
    found = list(_uncontrolled(scenario))
    if found:
        raise UsageError(f"{scenario.file} cannot be explored: {'; '.join(found)}. `run-scenario run` runs it as it is")


def _uncontrolled(scenario: Scenario) -> Iterator[str]:
    for memory in scenario.shared:
        if memory.type in ("SharedMemory", "ShareableList"):
            yield f"`{memory.name}` is raw memory, of which nobody sees when it is read and written"


def judged(scenario: Scenario, hazards: Hazards = NO_HAZARDS) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario with those expectations alone that are judged, and the text of the others.

    Of what these others speak nothing is implied, either. Where somebody is killed, the ends by that are allowed, and
    those of the processes that are left behind; pills may be left over. Of a script all ends are allowed then: which of
    them are right nobody knows.
    """

    def is_judged(expectation: Expectation) -> bool:
        holds = not hazards.kill or all(each in _WHOEVER_IS_KILLED for each in _patterns(expectation))
        return holds and not _is_about_machine(expectation)

    kept = tuple(filter(is_judged, scenario.expect))
    left_out = tuple(each.text for each in scenario.expect if not is_judged(each))
    not_implied = spoken_of(each for each in scenario.expect if not is_judged(each))
    if hazards.kill:
        not_implied |= {"process.orphaned", "queue.left_over"}
        killed = frozenset({-signal.SIGKILL, -signal.SIGTERM})
        processes = (each.replace(also_exitcodes=each.also_exitcodes | killed) for each in scenario.processes)
        scenario = scenario.replace(processes=tuple(processes))
        left_out += (_OF_SCRIPT,) if scenario.script else ()
    return scenario.replace(expect=kept, not_implied=frozenset(not_implied)), left_out


def _patterns(expectation: Expectation) -> Iterator[str]:
    if not expectation.parts:
        yield expectation.pattern
    for part in expectation.parts:
        yield from _patterns(part)


def _is_about_machine(expectation: Expectation) -> bool:
    return (
        expectation.pattern in _ABOUT_THE_MACHINE
        or any(each.field in _MEASURED for matcher in expectation.all_matchers() for each in matcher.conditions)
        or expectation.within is not None
        or any(map(_is_about_machine, expectation.parts))
    )
