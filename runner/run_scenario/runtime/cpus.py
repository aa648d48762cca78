"""The CPUs that a main program is pinned to."""

from __future__ import annotations

from run_scenario.counting import plural
from run_scenario.runtime.platform import system
from run_scenario.runtime.refusal import RefusedError
from run_scenario.scenario.model import Cpus


def choose_cpus(wanted: Cpus, *, affinity: bool = True) -> tuple[int, ...]:
    """Return the ids of the CPUs: those listed, or so many of the lowest ones that are allowed.

    Without `affinity` there is no way to pin a program.

    Raises:
        RefusedError: there are not so many, one is not allowed, or this platform cannot pin a process to CPUs.
    """
    allowed = system.usable_cpus() if affinity else None
    if allowed is None:
        raise RefusedError(
            "this platform cannot pin a program to CPUs (it has no os.sched_setaffinity)",
            "leave `cpus` out",
            kind="cpus",
        )
    there = f"this program may use {plural(len(allowed), 'CPU')}: {', '.join(map(str, allowed))}"
    if isinstance(wanted, int):
        if wanted > len(allowed):
            raise RefusedError(f"{plural(wanted, 'CPU', 'is')} not available", there, kind="cpus")
        return allowed[:wanted]
    missing = [str(cpu) for cpu in wanted if cpu not in allowed]
    if missing:
        raise RefusedError(f"CPU {', '.join(missing)} is not available", there, kind="cpus")
    return wanted


def chosen_cpus(wanted: Cpus | None, *, affinity: bool) -> list[int] | None:
    """Return the CPUs that a main program will be pinned to; None: to none, or it will refuse the scenario."""
    if wanted is None:
        return None
    try:
        return list(choose_cpus(wanted, affinity=affinity))
    except RefusedError:
        return None
