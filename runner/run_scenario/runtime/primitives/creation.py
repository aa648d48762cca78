"""Creates what a scenario has besides processes, from its resources: what is in the modules beside this one.

All are made here, from the scenario's resources, so that another variant can take their place. Modules are imported
only when something of theirs is created, for each takes 4 to 11 ms; a spawned child imports those of the objects that
it is handed.
"""

from __future__ import annotations

from multiprocessing.context import BaseContext
from typing import Any

from run_scenario.scenario import model


def create(spec: model.Resource, index: int, ctx: BaseContext, others: dict[str, Any]) -> dict[str, Any]:
    """Create what `spec` describes; return it under the names by which it is handed to targets.

    `index` is its position among the scenario's resources: records name it so. `others` are those created before.

    Raises:
        OSError: out of file descriptors or semaphores.
    """
    match spec:
        case model.QueueSpec():
            from run_scenario.runtime.primitives.queues import create_queue

            return {spec.name: create_queue(spec, index, ctx)}
        case model.PipeSpec():
            from run_scenario.runtime.primitives.pipes import create_pipe

            return create_pipe(spec, index, ctx)
        case model.SyncSpec():
            if spec.is_managed:
                from run_scenario.runtime.primitives.managers import create_managed_sync

                return {spec.name: create_managed_sync(spec, index, others[MANAGER], others.get(spec.lock))}
            from run_scenario.runtime.primitives.sync import create_sync

            return {spec.name: create_sync(spec, index, ctx, others.get(spec.lock))}
        case model.SharedSpec():
            return _create_shared(spec, index, ctx, others)
    raise TypeError(f"unknown kind of resource: {spec!r}")


MANAGER = "\0manager"
"""Under this name, which no resource can have, is the manager that holds all that is not remote."""


def _create_shared(spec: model.SharedSpec, index: int, ctx: BaseContext, others: dict[str, Any]) -> dict[str, Any]:
    if spec.remote:
        from run_scenario.runtime.primitives.managers import serve

        manager = serve(spec, index)
        return {spec.name: manager.address, server_name(spec.name): manager}
    if spec.is_managed:
        from run_scenario.runtime.primitives.managers import create_managed_data

        return {spec.name: create_managed_data(spec, index, others[MANAGER])}
    if spec.type in ("SharedMemory", "ShareableList"):
        from run_scenario.runtime.primitives.memory import create_memory

        return {spec.name: create_memory(spec, index)}
    from run_scenario.runtime.primitives.shared import create_shared

    return {spec.name: create_shared(spec, index, ctx, others.get(spec.lock) if isinstance(spec.lock, str) else None)}


def server_name(resource: str) -> str:
    """Return the name, which no resource can have, of the manager that serves a remote one."""
    return f"\0manager of {resource}"
