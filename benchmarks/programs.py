"""The programs of plain.py once more, as scenarios: each function takes the same numbers and returns what YAML says."""

from __future__ import annotations

from typing import Any

Scenario = dict[str, Any]


def _scenario(*processes: dict[str, Any], **resources: Any) -> Scenario:
    return {"version": 1, "title": "A benchmark", "timeout": 3600, "processes": list(processes), **resources}


def _target(name: str, replicas: int = 1, resource: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    return {"name": name, "target": f"workers:{name}", "replicas": replicas, "kwargs": kwargs, **(resource or {})}


def queue(putters: int, takers: int, count: int, size: int, most: int = 0) -> Scenario:
    """Pass items from some processes to others through one queue, which holds at `most` so many."""
    return _scenario(
        _target("put", putters, {"to": {"outbox": "items"}}, count=count // putters, size=size),
        _target("get", takers, {"from": {"inbox": "items"}}, count=count // takers),
        queues={"items": {"maxsize": most}},
    )


def steps(count: int) -> Scenario:
    """Pass integers from one process to another, both written as steps."""
    put = {"for": "number", "in": f"${{range({count})}}", "steps": [{"put": "$number", "to": "items"}]}
    get = {"repeat": count, "steps": [{"get": "items"}]}
    return _scenario({"name": "put", "steps": [put]}, {"name": "get", "steps": [get]}, queues={"items": {}})


def tasks(count: int) -> Scenario:
    """Pass items through a JoinableQueue, each of which is said to be done."""
    return _scenario(
        _target("put", 1, {"to": {"outbox": "items"}}, count=count, size=0),
        _target("finish", 1, {"from": {"inbox": "items"}}, count=count),
        queues={"items": {"type": "JoinableQueue"}},
    )


def pipe(count: int) -> Scenario:
    """Send messages from one end of a pipe to the other."""
    return _scenario(
        _target("send", 1, {"uses": {"connection": "line.left"}}, count=count),
        _target("receive", 1, {"uses": {"connection": "line.right"}}, count=count),
        pipes={"line": {}},
    )


def lock(processes: int, count: int) -> Scenario:
    """Have some processes want the same lock."""
    return _scenario(
        _target("contend", processes, {"uses": {"lock": "shared"}}, count=count), sync={"shared": {"type": "Lock"}}
    )


def rounds(processes: int, count: int) -> Scenario:
    """Have some processes want the same lock: one of the rounds."""
    taken: list[dict[str, Any]] = [{"acquire": "shared"}, {"release": "shared"}]
    steps = [{"repeat": count, "steps": taken}]
    return _scenario({"name": "contend", "replicas": processes, "steps": steps}, sync={"shared": {"type": "Lock"}})


def start(count: int) -> Scenario:
    """Start so many processes that do nothing."""
    return _scenario(_target("nothing", count))


def alive(count: int, seconds: int) -> Scenario:
    """Have so many processes live at the same time."""
    return _scenario(_target("nap", count, seconds=seconds))


def pool(processes: int, count: int) -> Scenario:
    """Map a tiny function over so many numbers."""
    calls = [{"map": "workers:square", "over": {"range": count}}]
    return {"version": 1, "timeout": 3600, "pools": {"crew": {"processes": processes, "calls": calls}}}


PROGRAMS = {f.__name__: f for f in (queue, steps, tasks, pipe, lock, rounds, start, alive, pool)}
