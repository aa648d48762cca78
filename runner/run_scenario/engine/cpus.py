"""Which CPUs a scenario runs on: `cpus` compared with what this machine lets its processes use."""

from __future__ import annotations

from run_scenario.engine import platform
from run_scenario.engine.consent import RefusedError
from run_scenario.model import Cpus


def choose(wanted: Cpus) -> tuple[int, ...]:
    """Return the ids of the CPUs: those listed, or so many of the lowest ones that are allowed.

    Raises:
        RefusedError: there are not so many, one is not allowed, or this platform cannot pin a process to CPUs.
    """
    allowed = platform.usable_cpus()
    if allowed is None:
        raise RefusedError(
            "this platform cannot pin a program to CPUs (it has no os.sched_setaffinity): leave `cpus` out"
        )
    there = f"this program may use {_count(len(allowed))}: {', '.join(map(str, allowed))}"
    if isinstance(wanted, int):
        if wanted > len(allowed):
            raise RefusedError(f"{_count(wanted)} cannot be had; {there}")
        return allowed[:wanted]
    missing = [str(cpu) for cpu in wanted if cpu not in allowed]
    if missing:
        raise RefusedError(f"CPU {', '.join(missing)} cannot be had; {there}")
    return wanted


def chosen(wanted: Cpus | None) -> list[int] | None:
    """Return the CPUs that a main program will be pinned to; None: to none, or it will refuse the scenario."""
    if wanted is None:
        return None
    try:
        return list(choose(wanted))
    except RefusedError:
        return None


def _count(number: int) -> str:
    return "1 CPU" if number == 1 else f"{number} CPUs"
