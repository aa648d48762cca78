"""The event types: one class for each event, its fields typed and described.

`schema/event.schema.json`, the reference of events in the docs, and the names and fields that expectations may use
are generated from these classes (see `events.schema`).
"""

from __future__ import annotations

from msgspec import Struct

from run_scenario.events.types import expectations, pipes, pools, processes, queues, runs, shared, sync
from run_scenario.events.types.base import Argument as Argument
from run_scenario.events.types.base import Event as Event
from run_scenario.events.types.base import Level as Level
from run_scenario.events.types.base import NamedResource as NamedResource
from run_scenario.events.types.base import name_of as name_of
from run_scenario.events.types.expectations import *  # noqa: F403
from run_scenario.events.types.pipes import *  # noqa: F403
from run_scenario.events.types.pools import *  # noqa: F403
from run_scenario.events.types.processes import *  # noqa: F403
from run_scenario.events.types.queues import *  # noqa: F403
from run_scenario.events.types.runs import *  # noqa: F403
from run_scenario.events.types.shared import *  # noqa: F403
from run_scenario.events.types.sync import *  # noqa: F403
from run_scenario.scenario.resources import NAMED_BY

_MODULES = (runs, processes, queues, sync, pipes, shared, pools, expectations)
_STRUCTS: tuple[type[Struct], ...] = tuple(
    struct
    for module in _MODULES
    for struct in vars(module).values()
    if isinstance(struct, type) and issubclass(struct, Struct) and struct.__module__ == module.__name__
)

ALL: tuple[type[Event], ...] = tuple(
    struct for struct in _STRUCTS if issubclass(struct, Event) and "." in name_of(struct)
)
"""All events, in the order of the reference: a base class has no name in the log."""

RESOURCE_FIELDS = tuple(NAMED_BY)
"""Fields that name the resource that an event is about."""

NESTED: tuple[type, ...] = (Argument, NamedResource, *(kind for kind in _STRUCTS if not issubclass(kind, Event)))
"""What stands in fields of events."""
