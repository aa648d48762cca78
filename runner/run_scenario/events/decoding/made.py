"""What a script has made, decoded: its parameters, and the names of what it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from run_scenario.events import types
from run_scenario.events.types import Argument, NamedResource
from run_scenario.recording.data import RecordedArgument, RecordedResource
from run_scenario.scenario.model import StartMethod
from run_scenario.scenario.resources import (
    PIPE_ENDS,
    PipeSpec,
    PoolSpec,
    QueueSpec,
    Resource,
    SharedSpec,
    SyncSpec,
)


class Call(NamedTuple):
    """What a process that a script has made is to call."""

    path: str
    arguments: list[Argument]
    start_method: StartMethod


def resource_made(
    spec: Resource, variable: str, file: str, line: int, more: dict[str, Any], resources: Sequence[Resource]
) -> types.ResourceMade:
    """Return the event; `more` are parameters that `spec` does not have."""
    managed = not isinstance(spec, QueueSpec | PipeSpec | PoolSpec) and spec.is_managed
    if "initargs" in more:
        more = {**more, "initargs": with_names(more["initargs"], resources)}
    return types.ResourceMade(
        resource=spec.name,
        type="Pipe" if isinstance(spec, PipeSpec) else spec.type,
        variable=variable,
        file=file,
        line=line,
        manager=managed,
        parameters=_parameters(spec) | more,
    )


def _parameters(spec: Resource) -> dict[str, Any]:
    match spec:
        case QueueSpec():
            return {"maxsize": spec.maxsize} if spec.maxsize > 0 else {}
        case PipeSpec():
            return {} if spec.duplex else {"duplex": False}
        case PoolSpec():
            return {"processes": spec.processes}
        case SharedSpec(type="ManagerQueue"):
            return {"size": spec.size} if spec.size > 1 else {}
        case SharedSpec(type="Array"):
            return {"size": spec.size} | ({} if isinstance(spec.lock, bool) else {"lock": spec.lock})
        case SharedSpec(type="SharedMemory"):
            return {"size": spec.size}
        case SharedSpec():
            return {} if isinstance(spec.lock, bool) else {"lock": spec.lock}
        case SyncSpec(type="Semaphore" | "BoundedSemaphore"):
            return {"value": spec.value}
        case SyncSpec(type="Barrier"):
            return {"parties": spec.parties}
        case SyncSpec():
            return {"lock": spec.lock} if spec.lock else {}


def with_names(arguments: list[RecordedArgument], resources: Sequence[Resource]) -> list[Argument]:
    """Return arguments with the names of resources in place of their numbers, and of ends in place of theirs.

    Raises:
        IndexError: there is no such resource.
    """
    return [_with_names(argument, resources) for argument in arguments]


def _with_names(argument: RecordedArgument, resources: Sequence[Resource]) -> Argument:
    named: Argument = {"name": argument["name"]}
    if "data" in argument:
        named["data"] = argument["data"]
    if "resource" in argument:
        named["resource"] = resources[argument["resource"]].name
    if "end" in argument:
        named["end"] = PIPE_ENDS[argument["end"]]
    if "resources" in argument:
        named["resources"] = [_named(each, resources) for each in argument["resources"]]
    if "value" in argument:
        named["value"] = argument["value"]
    return named


def handles(given: Sequence[RecordedResource], resources: Sequence[Resource]) -> list[str]:
    """Return the names of resources, and of a pipe that of its end: `NAME.left` or `NAME.right`.

    Raises:
        IndexError: there is no such resource.
    """
    named = [_named(each, resources) for each in given]
    return [f"{each['resource']}.{each['end']}" if "end" in each else each["resource"] for each in named]


def _named(given: RecordedResource, resources: Sequence[Resource]) -> NamedResource:
    name = resources[given["resource"]].name
    return {"resource": name, "end": PIPE_ENDS[given["end"]]} if "end" in given else {"resource": name}
