"""What scenarios are made of besides processes: multiprocessing's own objects, which also record.

All are made here, from the scenario's resources, so that another variant can take their place. Modules are imported
only when something of theirs is created: a spawned child imports those of the objects that it is handed.
"""

from __future__ import annotations

from multiprocessing.context import BaseContext
from typing import Any

from run_scenario import model


def create(spec: model.Resource, index: int, ctx: BaseContext, others: dict[str, Any]) -> dict[str, Any]:
    """Create what `spec` describes; return it under the names by which it is handed to targets.

    `index` is its position among the scenario's resources: records name it so. `others` are those created before.

    Raises:
        OSError: out of file descriptors or semaphores.
    """
    match spec:
        case model.QueueSpec():
            from run_scenario.engine.primitives.queues import create_queue

            return {spec.name: create_queue(spec, index, ctx)}
        case model.PipeSpec():
            from run_scenario.engine.primitives.pipes import create_pipe

            return create_pipe(spec, index, ctx)
        case model.SyncSpec():
            from run_scenario.engine.primitives.sync import create_sync

            return {spec.name: create_sync(spec, index, ctx, others.get(spec.lock))}
    raise TypeError(f"nobody knows how to create {spec!r}")
