"""Items as they are shown in the log: small plain data, made without running anybody's code.

A description is None, a bool, an int of at most 64 bits, a finite float, a str, or a list or dict of those. What JSON
has no word for is a dict as `scenario.data` has it: `{"tuple": [1, 2]}`, `{"object": "shop:Order", "fields": {…}}`.
Calling `repr()` on a user's object could print, raise, take for ever or change what is measured. So an object is
described from what its class and its attributes hold, past whatever they define: what a subclass of a built-in type
consists of is asked of that type's own methods, what a class is called of `type`'s, and no module is imported for it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from types import GetSetDescriptorType, MappingProxyType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

from run_scenario.scenario.data import OBJECT, in_words

TEXT_LIMIT = 200
"""Longest text kept of one value, in characters."""
ELEMENTS_LIMIT = 16
"""Most elements kept of one container."""
DEPTH_LIMIT = 3
MOST_BYTES = 32
"""Most bytes that are shown; of more, only the number."""

_INT_LIMIT = 1 << 63
# By their ids: to look a class up, or to compare it, would ask its metaclass.
_PLAIN = frozenset(map(id, (type(None), bool, int, float, str, bytes)))
_CONTAINERS = frozenset(map(id, (dict, list, tuple, set, frozenset)))
_PRIMITIVES = "run_scenario.runtime.primitives."
_MEMORY = "multiprocessing.shared_memory"
_CALLS = "run_scenario.targets._call"


def describe(value: Any, depth: int = 0) -> Any:
    """Return the description of any object; never raises and runs no code of the object's class."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_INT_LIMIT <= value < _INT_LIMIT else f"<int of {value.bit_length()} bits>"
    if kind is float:
        return value if value - value == 0.0 else repr(value)
    if kind is str:
        return value if len(value) <= TEXT_LIMIT else f"{value[:TEXT_LIMIT]}… <{len(value)} characters>"
    if kind is bytes or kind is bytearray:
        return describe_bytes(len(value), kind.__name__) if len(value) > MOST_BYTES else bytes.__repr__(bytes(value))
    return _describe_container(value, kind, depth) if id(kind) in _CONTAINERS else _describe_object(value, kind, depth)


def describe_bytes(number: int, kind: str = "bytes") -> str:
    """Return the description of so many bytes, more than MOST_BYTES."""
    return f"<{kind} of {number}>"


def _describe_container(value: Any, kind: type, depth: int) -> Any:
    if depth >= DEPTH_LIMIT:
        return f"<{kind.__name__}>"
    if kind is dict:
        return _describe_mapping(value.items(), depth)
    if kind is list or kind is tuple:
        parts = [describe(element, depth + 1) for element in value[:ELEMENTS_LIMIT]]
        if len(value) > ELEMENTS_LIMIT:
            parts.append(f"… {len(value) - ELEMENTS_LIMIT} more")
        return parts if kind is list else {"tuple": parts}
    if len(value) > ELEMENTS_LIMIT:
        return f"<{kind.__name__} of {len(value)}>"
    # In an order that is the same in each process.
    return {kind.__name__: sorted((describe(element, depth + 1) for element in list(value)), key=in_words)}


def describe_elements(elements: Any) -> Any:
    """Return the description of a sequence as that of a list, without making one of all its elements."""
    total = len(elements)
    if total <= ELEMENTS_LIMIT:
        return describe(list(elements))
    return _describe_some([elements[at] for at in range(ELEMENTS_LIMIT)], total, 0)


def _describe_mapping(items: Any, depth: int) -> dict[str, Any]:
    # Copied in one step: another thread may be changing it.
    pairs = list(itertools.islice(items, ELEMENTS_LIMIT + 1))
    described = {}
    for position, (key, element) in enumerate(pairs):
        if position == ELEMENTS_LIMIT:
            described["…"] = f"{len(items) - ELEMENTS_LIMIT} more"
            break
        described[_describe_key(key)] = describe(element, depth + 1)
    return described


def _describe_key(key: Any) -> str:
    described = describe(key, DEPTH_LIMIT - 1)
    return described if type(described) is str else str(describe(in_words(described)))


def _describe_object(value: Any, kind: type, depth: int) -> Any:
    module = _module_of(kind)
    if module == _CALLS or module.startswith((_PRIMITIVES, _MEMORY)):
        return _describe_own(value, kind, depth)
    parts = parts_of(value)
    if parts is not None and (depth < DEPTH_LIMIT or all(id(type(part)) in _PLAIN for part in parts.values())):
        return {OBJECT: reference(kind)} | {key: _describe_part(part, depth) for key, part in parts.items()}
    attributes = None if parts is not None or depth >= DEPTH_LIMIT else _attributes(value, _mro_of(kind))
    if attributes is None:
        return f"<{_name(kind)}>"
    pairs = list(itertools.islice(attributes.items(), ELEMENTS_LIMIT))
    shown = [f"{key}={in_words(describe(element, DEPTH_LIMIT))}" for key, element in pairs if type(key) is str]
    text = f"{_name(kind)}({', '.join(shown)})"
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…"


def _describe_part(part: Any, depth: int) -> Any:
    """Return the description of a part: what an object consists of is on one level with its class."""
    if type(part) is Some:
        return _describe_some(part.first, part.total, depth)
    if type(part) is _ITEMS:
        return _describe_mapping(part, depth)
    return describe(part, depth if id(type(part)) in _CONTAINERS else depth + 1)


def _describe_some(first: Any, total: int, depth: int) -> Any:
    """Return the description of what is longer than is shown, of which there is the beginning."""
    if type(first) is str:
        return f"{first}… <{total} characters>"
    if type(first) is not list and type(first) is not tuple:
        return f"<{type(first).__name__} of {total}>"
    parts = [*(describe(element, depth + 1) for element in first), f"… {total - len(first)} more"]
    return parts if type(first) is list else {"tuple": parts}


def _describe_own(value: Any, kind: type, depth: int) -> str:
    """Return what an object of ours stands for: the call that a task makes, `is_prime(7)`, or multiprocessing's own."""
    if depth >= DEPTH_LIMIT:
        return f"<{_name(kind)}>"
    if _module_of(kind) != _CALLS:
        return f"<multiprocessing {kind.__name__}>"
    parts = [_in_code(part) for part in value.args[:ELEMENTS_LIMIT]]
    parts += [f"{key}={_in_code(part)}" for key, part in itertools.islice(value.kwargs.items(), ELEMENTS_LIMIT)]
    name = getattr(value.function, "__name__", None) or _name(type(value.function))
    return str(describe(f"{name}({', '.join(parts)})", depth))


def _in_code(value: Any) -> str:
    """Return the description of what is a part of something that is shown as Python code."""
    described = describe(value, DEPTH_LIMIT - 1)
    # What is none of these is described in words, without quotes.
    return described if type(described) is str and type(value) is not str else in_words(described)


# What an object consists of


class Some(NamedTuple):
    """The beginning of what is longer than is shown: nothing of bytes and sets, which are then not shown."""

    first: Any
    total: int


_ITEMS: type = type({}.items())


def parts_of(value: Any) -> dict[str, Any] | None:
    """Return what the log tells of an object beside its class, by the names of `forms.PARTS`; None if it has no form.

    They are values of built-in types, the items of a dict, or `Some` of many; what is in these may be anything.
    """
    kind = type(value)
    mro = _mro_of(kind)
    if not _is_genuine(kind):  # it is written in Python
        if _is_in(mro, _loaded("enum", "Enum")):
            attributes = _attributes(value, mro) or {}
            return {"name": attributes.get("_name_"), "value": attributes.get("_value_")}
        declared = _from_class(mro, "__dataclass_fields__")
        if type(declared) is dict:
            return {"fields": _fields(value, mro, declared.copy())}
    for base in mro:
        take = _OF_BUILTINS.get(id(base))
        if take is not None:
            names = _from_class(mro, "_fields") if base is tuple else None
            if type(names) is tuple and len(names) == tuple.__len__(value) and all(type(name) is str for name in names):
                return {"fields": dict(zip(names, tuple.__iter__(value), strict=True))}
            return {"value": take(value)}
        if _is_genuine(base):
            of_genuine = _OF_GENUINE.get((_module_of(base), base.__name__))
            if of_genuine is not None:
                return of_genuine(base, value)
    return _parts_of_path(value, kind)


def _fields(value: Any, mro: tuple[type, ...], declared: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a dataclass that are set, be they in its dictionary or in slots."""
    attributes = _attributes(value, mro) or {}
    field, of_instances = _loaded("dataclasses", "Field"), _loaded("dataclasses", "_FIELD")
    found = {}
    for name, each in declared.items():
        if type(name) is not str or type(each) is not field or each._field_type is not of_instances:
            continue  # a variable of the class
        if name in attributes:
            found[name] = attributes[name]
            continue
        of_class = _from_class(mro, name)
        if type(of_class) is MemberDescriptorType:
            try:
                found[name] = of_class.__get__(value)
            except AttributeError:
                continue
        elif of_class is not None and id(type(of_class)) in _PLAIN | _CONTAINERS:  # a default, of no slot
            found[name] = of_class
    return found


def _sequence(base: Any, most: int) -> Callable[[Any], Any]:
    """Return what returns the content of a sequence; of a longer one the beginning, unless it is bytes."""
    beginning = slice(0 if base in (bytes, bytearray) else most)

    def content(value: Any) -> Any:
        total = base.__len__(value)
        return (
            base.__getitem__(value, slice(most)) if total <= most else Some(base.__getitem__(value, beginning), total)
        )

    return content


def _collection(base: Any) -> Callable[[Any], Any]:
    # A copy of a set has the hashes of its elements: they are not asked again.
    copy = base().union
    return lambda value: copy(value) if base.__len__(value) <= ELEMENTS_LIMIT else Some(base(), base.__len__(value))


_OF_BUILTINS: dict[int, Callable[[Any], Any]] = {
    id(int): int.__pos__,
    id(float): float.__pos__,
    id(str): _sequence(str, TEXT_LIMIT),
    id(bytes): _sequence(bytes, MOST_BYTES),
    id(bytearray): _sequence(bytearray, MOST_BYTES),
    id(tuple): _sequence(tuple, ELEMENTS_LIMIT),
    id(list): _sequence(list, ELEMENTS_LIMIT),
    id(dict): dict.items,
    id(set): _collection(set),
    id(frozenset): _collection(frozenset),
}
"""Built-in type, by its id -> what returns the content of an instance of a subclass, as that type has it."""


def _iso_text(base: Any, value: Any) -> dict[str, Any] | None:
    """Return a date or a time as ISO 8601 has it, unless somebody's own class says in which zone that is."""
    zone = None if base.__name__ == "date" else base.tzinfo.__get__(value)
    kind = type(zone)
    if zone is not None and kind is not _loaded("datetime", "timezone") and kind is not _loaded("zoneinfo", "ZoneInfo"):
        return None
    return {"text": base.isoformat(value)}


def _scalar(base: Any, value: Any) -> dict[str, Any] | None:
    """Return what a number of numpy is to Python; a subclass of it, or what Python has no number for, is not read."""
    kind: Any = type(value)
    content = kind.item(value) if _is_genuine(kind) else value
    return None if type(content) is kind else {"value": content}


def _array(base: Any, value: Any) -> dict[str, Any]:
    """Return shape and type of an array, and its first elements in the order of rows, where these are numpy's own."""
    dtype, size = base.dtype.__get__(value), base.size.__get__(value)
    parts: dict[str, Any] = {"shape": list(base.shape.__get__(value))}
    if not 0 <= dtype.num < _NUMPY_TYPES:  # somebody's own, which has code of its own
        return parts | {"dtype": dtype.kind}
    name = _NUMBERS_OF_NUMPY.get(dtype.kind)
    parts["dtype"] = f"{name}{dtype.itemsize * 8 if name != 'bool' else ''}" if name else dtype.str.lstrip("<>=|")
    if dtype.kind in _READ and (dtype.kind != "f" or dtype.itemsize <= 8):
        elements = [base.item(value, at) for at in range(min(size, ELEMENTS_LIMIT))]
        parts["elements"] = elements if size <= ELEMENTS_LIMIT else Some(elements, size)
    return parts


_NUMPY_TYPES = 24
"""Types of numpy's own are numbered below it."""
_NUMBERS_OF_NUMPY = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}
_READ = "biufUSMmO"
"""Kinds of elements that are Python's own once they are read."""

_OF_GENUINE: dict[tuple[str, str], Callable[[Any, Any], dict[str, Any] | None]] = {
    ("datetime", "datetime"): _iso_text,
    ("datetime", "date"): _iso_text,
    ("datetime", "time"): _iso_text,
    ("datetime", "timedelta"): lambda base, value: {"seconds": base.total_seconds(value)},
    ("decimal", "Decimal"): lambda base, value: {"text": base.__str__(value)},
    ("numpy", "generic"): _scalar,
    ("numpy", "ndarray"): _array,
}
"""Module and name of a class that is written in C -> what returns the parts of an instance of it or of a subclass."""


def _parts_of_path(value: Any, kind: type) -> dict[str, Any] | None:
    """Return the text of a path of pathlib's own; None of anything else."""
    if not _is_in((kind,), *(_loaded("pathlib", name) for name in _PATHS)):
        return None
    # From Python 3.12 on it is made of what it was given when it is asked for; and that may have code of its own.
    given = getattr(value, "_raw_paths", ())
    return {"text": str(value)} if all(type(part) is str for part in given) else None


_PATHS = ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")


# What is known about classes, past whatever their metaclasses and modules say

_mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_namespace_of: Callable[[type], MappingProxyType[str, Any]] = type.__dict__["__dict__"].__get__
_flags_of: Callable[[type], int] = type.__dict__["__flags__"].__get__
_module_getter: Callable[[type], Any] = type.__dict__["__module__"].__get__
_qualname_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_IMMUTABLE = 1 << 8
"""The flag of classes that nobody can change, or make in Python."""


def _is_genuine(kind: type) -> bool:
    return bool(_flags_of(kind) & _IMMUTABLE)


def _is_in(mro: tuple[type, ...], *wanted: Any) -> bool:
    return any(base is each for base in mro for each in wanted)


def _from_class(mro: tuple[type, ...], name: str) -> Any:
    """Return what a class has under a name, as it stands there; None if there is nothing."""
    for base in mro:
        found = _namespace_of(base).get(name)
        if found is not None:
            return found
    return None


def _loaded(module: str, name: str) -> Any:
    """Return something of a module, if that is loaded; a module that loads itself when it is asked counts as not."""
    found = sys.modules.get(module)
    return found.__dict__.get(name) if type(found) is ModuleType else None


def _attributes(value: Any, mro: tuple[type, ...]) -> dict[Any, Any] | None:
    """Return an object's attributes; None if it has no dictionary, or one that its class computes."""
    slot = _from_class(mro, "__dict__")
    # That of a class is a proxy.
    found = slot.__get__(value) if type(slot) is GetSetDescriptorType else None
    return found if type(found) is dict else None


def reference(kind: type) -> str:
    """Return what the log calls a class: `module:Class`."""
    module = _module_of(kind)
    module = "pathlib" if module.startswith("pathlib.") else module  # where its classes are is pathlib's own affair
    return _cut(f"{module}:{_qualname_of(kind)}")


def _name(kind: type) -> str:
    module, name = _module_of(kind), _qualname_of(kind)
    return _cut(name if module == "builtins" else f"{module}.{name}")


def _module_of(kind: type) -> str:
    found = _module_getter(kind)
    if type(found) is not str:
        return "?"
    return found if found != "__mp_main__" else "__main__"  # the main module, where a process imports it anew


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…"
