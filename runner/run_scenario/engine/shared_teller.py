"""What is read from and written to shared memory, and asked of managers, told; and which updates were lost."""

from __future__ import annotations

from typing import Any

from run_scenario.engine.events import EventMaker, waited
from run_scenario.engine.exits import RUNNER, signal_of
from run_scenario.model import Resource, SharedSpec
from run_scenario.record.reader import Speaker

_GROUPS = {"Value": "value"}
"""Type -> what its events' names begin with, which is also the field with its name; of all others, `array`."""


class _Element:
    """One value, or one element of an array: who wrote it last, and who has read it since when."""

    def __init__(self) -> None:
        self.writes = 0
        self.writer = ""
        self.content: Any = None
        self.read: dict[str, int] = {}
        """Process -> how many writes there had been when it read it last."""


class SharedTeller:
    """Tells the events of shared data; its methods `on_NAME` take the records NAME."""

    def __init__(self, resources: tuple[Resource, ...], events: EventMaker) -> None:
        self._resources = resources
        self._make = events.make
        self._elements: dict[tuple[int, Any], _Element] = {}
        self._managers: dict[int, str] = {}
        """Process id -> name."""

    def _spec(self, index: int) -> SharedSpec:
        spec = self._resources[index]
        if not isinstance(spec, SharedSpec):
            raise IndexError(index)
        return spec

    def _tell(self, reader: Speaker, t: int, deed: str, f: list[Any], level: str = "debug", **fields: Any) -> None:
        spec = self._spec(f[0])
        group = _GROUPS.get(spec.type, "array")
        place = {} if group == "value" else {"index": f[1]}
        self._make(t, f"{group}.{deed}", reader.name, reader.pid, level, **{group: spec.name}, **place, **fields)

    def _read(self, reader: Speaker, t: int, f: list[Any]) -> None:
        element = self._elements.setdefault((f[0], f[1]), _Element())
        element.read[reader.name] = element.writes
        self._tell(reader, t, "read", f, content=f[2])

    def _written(self, reader: Speaker, t: int, f: list[Any]) -> None:
        """Tell a write; and, if it rests on what was read before somebody else wrote, that his update is lost."""
        element = self._elements.setdefault((f[0], f[1]), _Element())
        seen = element.read.pop(reader.name, None)
        self._tell(reader, t, "written", f, content=f[2])
        if seen is not None and seen < element.writes and element.writer != reader.name:
            self._tell(reader, t, "overwritten", f, "warning", lost=element.content, writer=element.writer)
        element.writes += 1
        element.writer, element.content = reader.name, f[2]

    on_value_read = on_array_read = _read
    on_value_written = on_array_written = _written

    def on_value_final(self, reader: Speaker, t: int, f: list[Any]) -> None:
        spec = self._spec(f[0])
        group = _GROUPS.get(spec.type, "array")
        self._make(t, f"{group}.final", reader.name, reader.pid, "info", **{group: spec.name}, content=f[1])

    def _memory(self, reader: Speaker, t: int, deed: str, f: list[Any], **fields: Any) -> None:
        place = {"memory": self._spec(f[0]).name}
        self._make(t, f"shared_memory.{deed}", reader.name, reader.pid, "debug", **place, **fields)

    def on_memory_created(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._memory(reader, t, "created", f, name=f[1], size=f[2])

    def on_memory_attached(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._memory(reader, t, "attached", f, name=f[1], size=f[2])

    def on_memory_closed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._memory(reader, t, "closed", f)

    def on_memory_unlinked(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._memory(reader, t, "unlinked", f)

    def on_manager_started(self, reader: Speaker, t: int, f: list[Any]) -> None:
        fields = {"manager": f[0], "manager_pid": f[1], "address": f[2]}
        self._managers[f[1]] = f[0]
        self._make(t, "manager.started", reader.name, reader.pid, "info", **fields)

    def on_manager_shut_down(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._make(t, "manager.shut_down", reader.name, reader.pid, "info", manager=f[0], manager_pid=f[1])

    def on_manager_lost(self, reader: Speaker, t: int, f: list[Any]) -> None:
        fields = {"manager": self._managers.get(f[0], f"pid {f[0]}"), "manager_pid": f[0]}
        fields |= {"exitcode": f[1], "signal": signal_of(f[1])}
        self._make(t, "manager.lost", RUNNER, reader.pid, "error", **fields)

    def on_manager_called(self, reader: Speaker, t: int, f: list[Any]) -> None:
        index, method, arguments, keywords, result, error, since = f
        fields = {"object": self._spec(index).name, "method": method, "arguments": arguments, "keywords": keywords}
        fields |= {"result": result, "error": error, "waited": waited(t, since)}
        self._make(t, "manager.called", reader.name, reader.pid, "debug", **fields)
