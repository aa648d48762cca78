"""Data that travels: what processes are given, put on queues, or hold in shared objects.

It is what YAML has (None, bool, int, float, str, list, dict) and what Python has besides (tuple, bytes, date, datetime,
dicts with other keys) as it is; and `Unmade` values, which only a run turns into what they stand
for. These may be anywhere in it: in a list, in a tuple, in a dict. The repr of each is Python code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from run_scenario.errors import Location
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.scenario.model import PoolSpec, Scenario


class CallSpec(Value):
    """Written as `{call: NAME, args: …, kwargs: …}`: put as a picklable object with a `process()` method."""

    function: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    where: Location | None = None

    def __repr__(self) -> str:
        return f"Call({', '.join((self.function.replace(':', '.'), *_arguments(self.args, self.kwargs)))})"


class ObjectSpec(Value):
    """Written as `{object: "package.module:Class", args: …, kwargs: …}`: what own code makes when it is called."""

    function: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    where: Location | None = None

    def __repr__(self) -> str:
        return f"{self.function.replace(':', '.')}({', '.join(_arguments(self.args, self.kwargs))})"


class SetSpec(Value):
    """Written as `{set: […]}`. A set would be shown in another order each time."""

    elements: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self.elements))}}}" if self.elements else "set()"


class LinesSpec(Value):
    """Written as `{file: PATH}`: the lines of a text file, as a list. The path is relative to the scenario's folder."""

    path: str
    where: Location | None = None

    def __repr__(self) -> str:
        return f"Path({self.path!r}).read_text('utf-8').splitlines()"


Items = Any
"""A tuple of data, or what stands for a list of texts: a `LinesSpec`."""

Unmade = CallSpec | ObjectSpec | SetSpec | LinesSpec
"""What only a run makes."""


def _arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[str]:
    yield from map(repr, args)
    yield from (f"{name}={value!r}" for name, value in kwargs.items())


def unmade(data: Any) -> Iterator[Unmade]:
    """Yield what has to be made, at any depth; what is inside comes first."""
    for part in parts(data):
        yield from unmade(part)
    if isinstance(data, Unmade):
        yield data


def parts(data: Any) -> Iterator[Any]:
    """Yield what is directly in data."""
    match data:
        case list() | tuple():
            yield from data
        case dict():
            yield from data.values()
        case SetSpec():
            yield from data.elements
        case CallSpec() | ObjectSpec():
            yield from data.args
            yield from data.kwargs.values()


def with_made(data: Any, make: Callable[[Unmade], Any]) -> Any:
    """Return data in which `make` has made what was to be made: it is called with the innermost ones first."""
    match data:
        case list():
            return [with_made(part, make) for part in data]
        case tuple():
            return tuple(with_made(part, make) for part in data)
        case dict():
            return {key: with_made(value, make) for key, value in data.items()}
        case SetSpec():
            return make(SetSpec(with_made(data.elements, make)))
        case CallSpec() | ObjectSpec():
            return make(data.replace(args=with_made(data.args, make), kwargs=with_made(data.kwargs, make)))
        case LinesSpec():
            return make(data)
    return data


def travelling(scenario: Scenario) -> Iterator[Any]:
    """Yield the data of a scenario that is there before its first step: arguments, items, initial values."""
    for process in scenario.processes:
        yield process.args
        yield process.kwargs
    for queue in scenario.queues:
        yield queue.items
    for shared in scenario.shared:
        yield shared.value
    for pool in scenario.pools:
        yield pool.initargs
        for call in pool.calls:
            yield (call.items, call.args, call.kwargs)


def with_all_made(scenario: Scenario, make: Callable[[Unmade], Any]) -> Scenario:
    """Return a scenario in which `make` has made what was to be made, but for its steps, which make it themselves."""

    def made(data: Any) -> Any:
        return with_made(data, make)

    def of_pool(pool: PoolSpec) -> PoolSpec:
        calls = (
            call.replace(items=made(call.items), args=made(call.args), kwargs=made(call.kwargs)) for call in pool.calls
        )
        return pool.replace(initargs=made(pool.initargs), calls=tuple(calls))

    return scenario.replace(
        processes=tuple(spec.replace(args=made(spec.args), kwargs=made(spec.kwargs)) for spec in scenario.processes),
        queues=tuple(queue.replace(items=made(queue.items)) for queue in scenario.queues),
        shared=tuple(shared.replace(value=made(shared.value)) for shared in scenario.shared),
        pools=tuple(map(of_pool, scenario.pools)),
    )
