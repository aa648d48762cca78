"""No code runs when an item is described: none of its class, of that class's class, or of a module that it needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import Enum
from types import ModuleType
from typing import Any

import pytest

from run_scenario.recording.describe import describe

_DUNDERS = (
    *("repr", "str", "bytes", "format", "len", "iter", "next", "contains", "getitem", "bool", "hash", "eq", "ne"),
    *("lt", "le", "int", "float", "index", "pos", "add", "or", "call", "getattr", "getattribute", "dir", "reduce"),
    *("reduce_ex", "getstate", "copy", "deepcopy", "fspath", "get", "set_name", "instancecheck", "subclasscheck"),
    *("array", "array_interface", "array_finalize", "del", "length_hint", "reversed", "missing", "sizeof"),
)
armed: list[str] = []
"""What has run while something was described."""
is_armed = False


def _trap(name: str, otherwise: Callable[..., Any] = lambda *args, **kwargs: None) -> Any:
    """Return what is noticed while something is described, and does something else before and after."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        if not is_armed:
            return otherwise(*args, **kwargs)
        armed.append(name)
        raise AssertionError(f"{name} of the item was run")

    return refuse


def _traps() -> dict[str, Any]:
    """Return the namespace of a class whose every special method, and every property, would be noticed."""
    own: dict[str, Any] = {"hash": object.__hash__, "eq": object.__eq__, "getattribute": object.__getattribute__}
    own |= {"repr": object.__repr__, "str": object.__repr__, "dir": object.__dir__}
    traps = {f"__{name}__": _trap(name, *([own[name]] if name in own else [])) for name in _DUNDERS}
    public = ("isoformat", "tzinfo", "total_seconds", "items", "keys", "values", "copy", "name", "value")
    return traps | {name: property(_trap(name)) for name in public}


class _Meta(type):
    """A class of classes that answers nothing."""

    __eq__ = _trap("metaclass eq", type.__eq__)
    __hash__ = _trap("metaclass hash", type.__hash__)  # type: ignore[assignment]
    __getattribute__ = _trap("metaclass getattribute", type.__getattribute__)
    __instancecheck__ = _trap("metaclass instancecheck", type.__instancecheck__)
    __subclasscheck__ = _trap("metaclass subclasscheck", type.__subclasscheck__)
    __mro__ = property(_trap("metaclass mro"))  # type: ignore[assignment]
    __module__ = property(_trap("metaclass module", lambda kind: "hostile"))  # type: ignore[assignment]
    __name__ = property(_trap("metaclass name", lambda kind: "Hostile"))  # type: ignore[assignment]
    __dict__ = property(_trap("metaclass dict", lambda kind: {}))  # type: ignore[assignment]
    __flags__ = property(_trap("metaclass flags"))  # type: ignore[assignment]


def _of(*bases: type, metaclass: type = type, **more: Any) -> Any:
    return metaclass("Hostile", bases, {"__module__": "hostile", **_traps(), **more})


def _made(base: type, content: Any, metaclass: type = type) -> Any:
    """Return an instance of a hostile subclass of a built-in type."""
    return base.__new__(_of(base, metaclass=metaclass), content)


def _filled(base: type, content: Any, metaclass: type = type) -> Any:
    made = base.__new__(_of(base, metaclass=metaclass))
    base.__init__(made, content)  # type: ignore[misc]
    return made


def _date(metaclass: type = type) -> Any:
    return date.__new__(_of(date, metaclass=metaclass), 2026, 1, 31)


def _dataclass() -> Any:
    @dataclass
    class Hostile:
        x: int

    made = Hostile(1)
    Hostile.__module__ = "hostile"
    Hostile.__qualname__ = "Hostile"
    for name, trap in _traps().items():
        setattr(Hostile, name, trap)
    return made


def _enum() -> Any:
    class Hostile(Enum):
        X = 1

    made = Hostile.X
    Hostile.__module__ = "hostile"
    Hostile.__qualname__ = "Hostile"
    for name, trap in _traps().items():
        type.__setattr__(Hostile, name, trap)
    return made


def _named_tuple() -> Any:
    return tuple.__new__(_of(tuple, _fields=("x",)), (1,))


CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "int": (lambda: _made(int, 5), {"value": 5}),
    "float": (lambda: _made(float, 1.5), {"value": 1.5}),
    "str": (lambda: _made(str, "x"), {"value": "x"}),
    "bytes": (lambda: _made(bytes, b"x"), {"value": "b'x'"}),
    "tuple": (lambda: _made(tuple, (1,)), {"value": {"tuple": [1]}}),
    "frozenset": (lambda: _made(frozenset, [1]), {"value": {"frozenset": [1]}}),
    "list": (lambda: _filled(list, [1]), {"value": [1]}),
    "set": (lambda: _filled(set, [1]), {"value": {"set": [1]}}),
    "dict": (lambda: _filled(dict, {"a": 1}), {"value": {"a": 1}}),
    "bytearray": (lambda: _filled(bytearray, b"x"), {"value": "b'x'"}),
    "date": (_date, {"text": "2026-01-31"}),
    "timedelta": (lambda: timedelta.__new__(_of(timedelta), 0, 1), {"seconds": 1.0}),
    "a named tuple": (_named_tuple, {"fields": {"x": 1}}),
    "a dataclass": (_dataclass, {"fields": {"x": 1}}),
    "an enum": (_enum, {"name": "X", "value": 1}),
    "int of a hostile metaclass": (lambda: _made(int, 5, _Meta), {"value": 5}),
    "tuple of a hostile metaclass": (lambda: _made(tuple, (1,), _Meta), {"value": {"tuple": [1]}}),
    "dict of a hostile metaclass": (lambda: _filled(dict, {"a": 1}, _Meta), {"value": {"a": 1}}),
    "date of a hostile metaclass": (lambda: _date(_Meta), {"text": "2026-01-31"}),
}


def told(value: Any) -> Any:
    """Return the description of a value; what runs meanwhile is noticed, even if somebody catches what it raises."""
    global is_armed
    armed.clear()
    gc.disable()  # it would run `__del__` of what earlier cases have left, in circles
    is_armed = True
    try:
        return describe(value)
    finally:
        is_armed = False
        gc.enable()
        assert not armed


@pytest.mark.parametrize("case", CASES)
def test_the_base_type_tells_what_it_holds(case: str) -> None:
    """Of a subclass that overrides everything, be it an item or in one, what its built-in type has is told."""
    make, expected = CASES[case]
    form = {"object": "hostile:Hostile", **expected}
    assert form == told(make())
    assert [form, {"tuple": [form]}, {"k": form}] == told([make(), (make(),), {"k": make()}])
    assert [[[]]] != told([[[make()]]])
    assert told(Holder(make())).startswith(f"{__name__}.Holder(held=")


class Holder:
    """Any object with an attribute."""

    def __init__(self, held: Any) -> None:
        self.held = held


def test_elements_of_sets_are_not_asked() -> None:
    """Neither for their hash nor whether they are equal: a set is read, not made anew."""
    kind = type("Element", (), {"__module__": "hostile", "__hash__": lambda self: 1})
    elements = {kind(), kind()}
    of_subclass = _filled(set, elements)
    kind.__hash__ = _trap("hash")  # type: ignore[assignment]
    kind.__eq__ = _trap("eq")  # type: ignore[assignment]
    expected = {"set": ["hostile.Element()", "hostile.Element()"]}
    assert expected == told(elements)
    assert {"object": "hostile:Hostile", "value": expected} == told(of_subclass)


def test_a_zone_is_not_asked() -> None:
    """A date and time whose zone is of somebody's own class is told in words."""
    zone = type("Zone", (tzinfo,), {**_traps(), "utcoffset": _trap("utcoffset")})()
    assert "<datetime.datetime>" == told(datetime(2026, 1, 31, tzinfo=zone))


def test_no_module_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that loads itself when something of it is asked for stays as it is."""
    lazy = type("Lazy", (ModuleType,), {"__getattribute__": _trap("lazy module", ModuleType.__getattribute__)})("numpy")
    monkeypatch.setitem(sys.modules, "numpy", lazy)
    monkeypatch.setitem(sys.modules, "pathlib", lazy)
    before = set(sys.modules)
    assert {"object": "hostile:Hostile", "value": 5} == told(_made(int, 5))
    assert f"{__name__}.Holder(held=1)" == told(Holder(1))
    assert before == set(sys.modules)


def test_what_names_itself_numpy() -> None:
    """A class that only calls itself numpy's array is an object like any other."""
    kind = type("ndarray", (), {"__module__": "numpy", "shape": property(_trap("shape"))})
    assert "numpy.ndarray()" == told(kind())
