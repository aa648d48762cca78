"""Records of shared data and of managers, decoded; and which updates were lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, Owner, waited
from run_scenario.events.exit_cause import RUNNER, signal_of
from run_scenario.events.types import Event
from run_scenario.recording.segment_reader import Source
from run_scenario.recording.streams import Content
from run_scenario.scenario.model import Resource, SharedSpec, SyncSpec


class _Element:
    """One value, or one element of an array: who wrote it last, and who has read it since when."""

    def __init__(self) -> None:
        self.writes = 0
        self.writer = ""
        self.content: Any = None
        self.read: dict[str, tuple[int, bool, Any]] = {}
        """Process -> how many writes there had been when it first read this; whether it read it again; and what."""

    def is_unseen(self, reader: str, writes: int, folded: bool, content: Any) -> bool:
        """Return whether what was written last is another's, and came after a process had read it.

        Of reads that are one event, the last may have been of what was written, if that is the same.
        """
        if writes == self.writes or self.writer == reader:
            return False
        return not folded or self.content != content


def _without_zeros(written: str) -> str:
    """Return a text, or bytes as they are described, without the zeros at its end."""
    if written.startswith(("b'", 'b"')):
        end = written[-1]
        while written.endswith("\\x00" + end):
            written = written[:-5] + end
        return written
    return written.rstrip("\0")


class SharedDecoder:
    """Emits the events of shared data; its methods `on_NAME` take the fields of the records NAME."""

    def __init__(self, resources: Sequence[Resource], events: EventFactory) -> None:
        self._resources = resources
        self._emit = events.emit
        self._emit_with = events.emit_with
        self._contents: dict[tuple[int, int], tuple[Any, Any]] = {}
        """Process id, number -> place and content, of polls that could not hold them."""
        self._elements: dict[tuple[int, Any], _Element] = {}
        self.managers: dict[int, str] = {}
        """Process id -> name."""
        self._described = len(resources)
        """How many resources the scenario describes: what comes after them is made by own code."""
        self._blocks: dict[int, str] = {}
        """Blocks of own code that nobody has unlinked, by their names for the system."""
        self._remaining: set[int] = set()
        """Those that are still there at the end."""

    def _spec(self, index: int) -> SharedSpec:
        spec = self._resources[index]
        if not isinstance(spec, SharedSpec):
            raise IndexError(index)
        return spec

    def _of_element(self, value: type[Event], array: type[Event], index: int, place: Any, **fields: Any) -> Event:
        """Return the event of a value, or of an element of an array or list."""
        spec = self._spec(index)
        if spec.type in ("Value", "ManagerValue"):
            return value(value=spec.name, **fields)  # type: ignore[call-arg]  # each such event names it
        return array(array=spec.name, index=place, **fields)  # type: ignore[call-arg]

    def on_content(self, source: Source, t: int, number: int, place: Any, content: Any) -> None:
        self._contents[source.pid, number] = place, content

    def on_value_read(
        self, source: Source, t: int, index: int, place: Any, content: Any, since: int, times: int = 1, until: int = 0
    ) -> None:
        if isinstance(content, Content):
            if content.found is None:  # otherwise this goes on
                content.found = self._contents.pop((source.pid, content.number))
            place, content = content.found
        element = self._elements.setdefault((index, place), _Element())
        element.read[source.name] = element.writes, times > 1, content
        event = self._of_element(types.ValueRead, types.ArrayRead, index, place, content=content)
        self._emit_with(t, source.name, source.pid, event, (times, until))
        written = element.content if element.writes else self._initial(index, place)
        if isinstance(written, str) and written != content and _without_zeros(written) == content:
            stripped = types.ArrayStripped(array=self._spec(index).name, index=place, written=written, read=content)
            self._emit(t, source.name, source.pid, stripped)

    def _initial(self, index: int, place: Any) -> Any:
        """Return what an element of a ShareableList was in the beginning; None of anything else."""
        spec = self._spec(index)
        if spec.type != "ShareableList" or not isinstance(place, int) or not isinstance(spec.value, list | tuple):
            return None
        return spec.value[place] if -len(spec.value) <= place < len(spec.value) else None

    def on_value_written(self, source: Source, t: int, index: int, place: Any, content: Any, since: int) -> None:
        """Emit a write; and, if it rests on what was read before somebody else wrote, that his update is lost."""
        element = self._elements.setdefault((index, place), _Element())
        seen = element.read.pop(source.name, None)
        event = self._of_element(types.ValueWritten, types.ArrayWritten, index, place, content=content)
        self._emit(t, source.name, source.pid, event)
        if seen is not None and element.is_unseen(source.name, *seen):
            lost = {"lost": element.content, "writer": element.writer}
            event = self._of_element(types.ValueOverwritten, types.ArrayOverwritten, index, place, **lost)
            self._emit(t, source.name, source.pid, event)
        element.writes += 1
        element.writer, element.content = source.name, content

    on_array_read = on_value_read
    on_array_written = on_value_written

    def on_value_final(self, source: Source, t: int, index: int, content: Any) -> Event:
        spec = self._spec(index)
        if spec.type in ("Value", "ManagerValue"):
            return types.ValueFinal(value=spec.name, content=content)
        return types.ArrayFinal(array=spec.name, content=content)

    def on_memory_created(self, source: Source, t: int, index: int, name: str, size: int) -> Event:
        if index >= self._described:
            self._blocks[index] = name
        return types.SharedMemoryCreated(memory=self._spec(index).name, name=name, size=size)

    def on_memory_attached(self, source: Source, t: int, index: int, name: str, size: int) -> Event:
        return types.SharedMemoryAttached(memory=self._spec(index).name, name=name, size=size)

    def on_memory_closed(self, source: Source, t: int, index: int) -> Event:
        return types.SharedMemoryClosed(memory=self._spec(index).name)

    def on_memory_unlinked(self, source: Source, t: int, index: int) -> Event:
        self._blocks.pop(index, None)
        return types.SharedMemoryUnlinked(memory=self._spec(index).name)

    def on_memory_left(self, source: Source, t: int, index: int) -> None:
        self._remaining.add(index)

    def emit_left_over(self, t: int, owner: Callable[[str], Owner]) -> None:
        """Emit, when everybody is gone, which blocks of own code nobody has unlinked."""
        for index, name in self._blocks.items():
            memory, remains = self._spec(index).name, index in self._remaining
            self._emit(t, *owner(memory), types.SharedMemoryLeftOver(memory=memory, name=name, remains=remains))

    def on_manager_started(self, source: Source, t: int, name: str, pid: int, address: str) -> Event:
        self.managers[pid] = name
        return types.ManagerStarted(manager=name, manager_pid=pid, address=address)

    def on_manager_shut_down(self, source: Source, t: int, name: str, pid: int) -> Event | None:
        if self.managers.pop(pid, None) is None:
            return None  # an earlier block of the same program has started it
        return types.ManagerShutDown(manager=name, manager_pid=pid)

    def on_manager_lost(self, source: Source, t: int, pid: int, exitcode: int | None) -> None:
        self._emit(t, RUNNER, source.pid, self._lost(pid, exitcode))

    def on_manager_failed(self, source: Source, t: int, pid: int, exitcode: int) -> Event:
        return self._lost(pid, exitcode)

    def _lost(self, pid: int, exitcode: int | None) -> types.ManagerLost:
        return types.ManagerLost(
            manager=self.managers.get(pid, f"pid {pid}"),
            manager_pid=pid,
            exitcode=exitcode,
            signal=signal_of(exitcode),
        )

    def on_manager_called(
        self,
        source: Source,
        t: int,
        index: int,
        method: str,
        arguments: list[Any],
        keywords: dict[str, Any],
        result: Any,
        error: str | None,
        since: int,
    ) -> Event:
        spec = self._resources[index]
        if not isinstance(spec, SharedSpec | SyncSpec):
            raise IndexError(index)
        return types.ManagerCalled(
            object=spec.name,
            method=method,
            arguments=arguments,
            keywords=keywords,
            result=result,
            error=error,
            waited=waited(t, since),
        )
