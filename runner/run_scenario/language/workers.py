"""The same scenario with other workers: processes become threads, or plain calls, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from run_scenario.language.draft import default_name
from run_scenario.model import ProcessSpec, Scenario, Worker


class CannotConvertError(Exception):
    """The scenario asks for something that such workers cannot do; the message says what."""


def with_workers(scenario: Scenario, worker: Worker) -> Scenario:
    """Return the scenario with all its targets run by this kind of worker.

    A worker without a name gets the one that Python gives such a worker. Where a process may end with a certain exit
    code other than 0, a thread, which has none, may end in any way.

    Raises:
        CannotConvertError: there is something that only a process can do.
    """
    return scenario.replace(worker=worker, processes=tuple(_converted(scenario.processes, worker)))


def _converted(processes: tuple[ProcessSpec, ...], worker: Worker) -> Iterator[ProcessSpec]:
    unnamed = 0
    for position, spec in enumerate(processes, start=1):
        if spec.worker == worker:
            changed = spec
        elif worker == "process":
            changed = spec.replace(worker=worker)
        else:
            if spec.stop is not None and worker == "thread":
                raise CannotConvertError(f"{spec.name} is to be ended by {spec.stop}(), which a thread cannot be")
            failing = spec.exitcodes is not None and spec.exitcodes != {0}
            changed = spec.replace(worker=worker, exitcodes=None, any_exitcode=spec.any_exitcode or failing)
        if not spec.named:
            unnamed += 1
            changed = changed.replace(
                name=default_name(worker, unnamed if worker == "thread" else position, spec.target)
            )
        yield changed
