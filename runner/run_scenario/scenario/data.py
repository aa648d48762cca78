"""Data that travels: what processes are given, put on queues, or hold in shared objects.

It is what YAML has (None, bool, int, float, str, list, dict) and what Python has besides (tuple, bytes, date, datetime,
dicts with other keys) as it is; and `Unmade` values, which only a run turns into what they stand
for. These may be anywhere in it: in a list, in a tuple, in a dict. The repr of each is Python code.

What JSON has no word for is written in a log and in expectations as a form: `(1, 2)` as `{"tuple": [1, 2]}`. A
*collection* is `{"tuple": […]}`, `{"set": […]}` or `{"frozenset": […]}`. An *object* is `{"object": "module:Class", …}`
with what it consists of: `fields`, `value`, `text`, and so on. `recording.describe` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from run_scenario.errors import Location
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.scenario.model import PoolSpec, Scenario


# In the log


COLLECTIONS = ("tuple", "set", "frozenset")
WRITTEN = (*COLLECTIONS, "dict", "bytes", "hex", "date", "datetime")
"""Keys by which a mapping that has this key alone is known to stand for something else, where it is expected."""
OBJECT = "object"
PARTS: tuple[tuple[str, ...], ...] = (
    ("fields",),
    ("value",),
    ("text",),
    ("seconds",),
    ("name", "value"),
    ("shape", "dtype"),
    ("shape", "dtype", "elements"),
)
"""What an object can have beside its class."""
KEYS = frozenset((*WRITTEN, OBJECT, *(key for parts in PARTS for key in parts)))
"""All keys of mappings that stand for something else."""
_DEEPEST = 50


def is_object(form: Any) -> bool:
    """Return whether a form is that of an object."""
    return isinstance(form, Mapping) and isinstance(form.get(OBJECT), str) and ":" in form[OBJECT] and len(form) > 1


def is_form(written: Any) -> bool:
    """Return whether a mapping, as an expectation writes it, stands for what JSON has no word for."""
    return is_object(written) or (isinstance(written, Mapping) and len(written) == 1 and next(iter(written)) in WRITTEN)


def elements_of(form: Any) -> list[Any] | None:
    """Return the elements of a collection; None if it is none."""
    if isinstance(form, Mapping) and len(form) == 1:
        ((key, elements),) = form.items()
        if key in COLLECTIONS and isinstance(elements, list):
            return elements
    return None


def in_words(form: Any, depth: int = 0) -> str:
    """Return plain data, and the forms in it, in one line of Python; dates and times as ISO 8601 has them."""
    if depth > _DEEPEST:
        return "…"
    if isinstance(form, list):
        return f"[{_listed(form, depth)}]"
    if not isinstance(form, Mapping):
        return repr(form)
    elements = elements_of(form)
    if elements is not None:
        return _collection(next(iter(form)), elements, depth)
    if is_object(form):
        return _object(form, depth)
    return f"{{{', '.join(f'{key!r}: {in_words(value, depth + 1)}' for key, value in form.items())}}}"


def _listed(elements: list[Any], depth: int) -> str:
    return ", ".join(in_words(element, depth + 1) for element in elements)


def _collection(kind: str, elements: list[Any], depth: int) -> str:
    listed = _listed(elements, depth)
    if kind == "tuple":
        return f"({listed},)" if len(elements) == 1 else f"({listed})"
    if not elements:
        return f"{kind}()"
    return f"{{{listed}}}" if kind == "set" else f"frozenset({{{listed}}})"


def _object(form: Mapping[str, Any], depth: int) -> str:
    module, _, name = form[OBJECT].partition(":")
    parts = {key: value for key, value in form.items() if key != OBJECT}
    name = name if module == "builtins" else f"{module}.{name}"
    if tuple(parts) == ("text",) and module == "datetime":
        return str(parts["text"])
    if tuple(parts) == ("name", "value") and isinstance(parts["name"], str):
        return f"{name}.{parts['name']}"
    listed = [in_words(parts.pop(key), depth + 1) for key in ("text", "value", "elements") if key in parts]
    fields = parts.pop("fields", {})
    named = {**(fields if isinstance(fields, Mapping) else {"fields": fields}), **parts}
    return f"{name}({', '.join([*listed, *(f'{key}={in_words(value, depth + 1)}' for key, value in named.items())])})"


# In a scenario


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
