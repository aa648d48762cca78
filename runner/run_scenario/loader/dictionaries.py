"""A scenario as a Python dictionary → its text: JSON, which is YAML.

Where data travels, it is written so that it arrives as what it is, `(1, 2)` as `{tuple: [1, 2]}`; what cannot be
written is refused. An item that is expected is written as the log has it. Everywhere else a tuple is a list like any
other. A function or class stands for its name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from run_scenario import targets
from run_scenario.events.fields import compared, holds
from run_scenario.scenario.expectation_data import comparisons

_LISTS = ("items", "args", "initargs", "over")
"""Keys under which each element is data."""
_VALUES = ("value", "put", "put_nowait", "send")
"""Keys under which there is data."""
_NAMES_CODE = ("call", "object")
"""Keys of data under which there may be a function or a class."""
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What JSON writes as it is, and YAML takes for a line break or does not take at all."""


class Written:
    """The text of a scenario that is a dictionary."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        """Write it.

        Raises:
            TypeError: something in it is neither plain data nor a function that can be imported by its name, or would
                not arrive as it is.
        """
        self.packages: set[str] = set()
        """The top-level packages of the functions and classes in it."""
        text = json.dumps(self._structure({"version": 1, **source}), ensure_ascii=False)
        self.text = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    def _structure(self, part: Any, target: Any = "") -> Any:
        """Return a part of the scenario in the words of JSON; `target` is that of the process that it belongs to."""
        match part:
            case Mapping():
                return {
                    self._key(key): self._entry(key, value, part.get("target", target)) for key, value in part.items()
                }
            case list() | tuple():
                return [self._structure(element, target) for element in part]
        return self._scalar(part)

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TypeError(f"{key!r} cannot be a key in a scenario: keys are text")
        return key

    def _entry(self, key: str, value: Any, target: Any) -> Any:
        if key == "expect":
            return self._structure_without_data(value)
        if key in _LISTS and isinstance(value, list | tuple):
            return [self._given(element, target, number) for number, element in enumerate(value)]
        if key == "kwargs" and isinstance(value, Mapping):
            return {self._key(name): self._given(each, target, name) for name, each in value.items()}
        return self._data(value) if key in _VALUES else self._structure(value, target)

    def _structure_without_data(self, part: Any) -> Any:
        """Return an expectation."""
        match part:
            case Mapping():
                is_matcher = "event" in part
                return {
                    self._key(key): self._compared(key, value) if is_matcher else self._structure_without_data(value)
                    for key, value in part.items()
                }
            case list() | tuple():
                return [self._structure_without_data(element) for element in part]
        return self._scalar(part)

    def _compared(self, field: str, written: Any) -> Any:
        """Return what a field of an event is compared with."""
        kind = holds(field.partition(".")[0])
        if not kind:
            return self._structure_without_data(written)
        operands = {
            self._key(operator): [self._expected(each) for each in operand]
            if isinstance(operand, tuple) and (operator == "one_of" or (kind == "items" and operator != "contains"))
            else self._expected(operand)
            for operator, operand in comparisons(written).items()
        }
        return operands["is"] if tuple(operands) == ("is",) and not isinstance(operands["is"], dict) else operands

    def _expected(self, value: Any) -> Any:
        """Return an item so that it is compared as what it is."""
        kind = type(value)
        if isinstance(value, Mapping):
            if all(type(key) is str for key in value):
                return {key: self._expected(each) for key, each in value.items()}
            return {"dict": [[self._expected(key), self._expected(each)] for key, each in value.items()]}
        if kind is list:
            return [self._expected(each) for each in value]
        if kind in (tuple, set, frozenset):
            return {kind.__name__: [self._expected(each) for each in value]}
        if kind is bytes:
            return {"hex": value.hex()}
        if value is None or kind in (bool, int, float, str) or callable(value):
            return self._scalar(value)
        try:
            form = compared("item", "is", value)
        except ValueError as error:
            raise TypeError(str(error)) from None
        return self._scalar(form) if form is value else form

    def _given(self, value: Any, target: Any, parameter: str | int) -> Any:
        """Return an argument; only that which a built-in calls a work function may be one."""
        return self._name_of(value) if callable(value) and _takes_work(target, parameter) else self._data(value)

    def _data(self, value: Any) -> Any:
        """Return data so that it arrives as it is."""
        kind = type(value)
        if kind is list:
            return [self._data(element) for element in value]
        if kind is tuple:
            return {"tuple": [self._data(element) for element in value]}
        if kind is set:
            return {"set": [self._data(element) for element in value]}
        if kind is bytes:
            return {"hex": value.hex()}
        if kind is dict:
            return self._dict(value)
        if kind.__module__ == "datetime" and kind.__name__ in ("date", "datetime"):
            return {kind.__name__: value.isoformat()}
        if value is None or kind in (bool, int, float, str):
            return self._scalar(value)
        if callable(value):
            raise TypeError(
                f"{value!r} cannot be data in a scenario: only where it is to be called a function stands for its name"
            )
        raise TypeError(
            f"{value!r} cannot stand in a scenario, of type {kind.__name__}: of an own class, write "
            '{"object": CLASS, "args": […]}'
        )

    def _dict(self, value: dict[Any, Any]) -> Any:
        if not all(type(key) is str for key in value):
            return {"dict": [[self._data(key), self._data(content)] for key, content in value.items()]}
        names_code = any(key in value for key in _NAMES_CODE)
        return {key: self._part(key, content, names_code=names_code) for key, content in value.items()}

    def _part(self, key: str, content: Any, *, names_code: bool) -> Any:
        if key in _NAMES_CODE and callable(content):
            return self._name_of(content)
        if key == "args" and names_code and isinstance(content, list | tuple):
            return [self._data(element) for element in content]
        return self._data(content)

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            raise TypeError(f"{value!r} cannot stand in a scenario: numbers are finite")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if callable(value):
            return self._name_of(value)
        raise TypeError(f"{value!r} cannot stand in a scenario: it is neither plain data nor a function")

    def _name_of(self, function: Callable[..., Any]) -> str:
        name = name_of(function)
        self.packages.add(name.partition(":")[0].partition(".")[0])
        return name


def _takes_work(target: Any, parameter: str | int) -> bool:
    known = targets.find(target) if isinstance(target, str) and ":" not in target else None
    if known is None:
        return False
    if isinstance(parameter, str):
        found = known.parameter(parameter)
        return found is not None and found.kind == "work"
    return parameter < len(known.parameters) and known.parameters[parameter].kind == "work"


def name_of(function: Callable[..., Any], noun: str = "a target") -> str:
    """Return how a function or class is named in a scenario.

    Raises:
        TypeError: it is none, or cannot be imported by its name.
    """
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not module or not name:
        raise TypeError(f"{function!r} cannot stand in a scenario: it is neither plain data nor a function")
    if "<" in name or module == "__main__":
        raise TypeError(f"{function!r} cannot be {noun}: processes import it, so it must be at the top of a module")
    return f"{module}:{name}"
