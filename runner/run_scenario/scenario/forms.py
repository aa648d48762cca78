"""What JSON has no word for, as the log and expectations write it: `(1, 2)` as `{"tuple": [1, 2]}`.

A *collection* is `{"tuple": […]}`, `{"set": […]}` or `{"frozenset": […]}`. An *object* is `{"object":
"module:Class", …}` with what it consists of: `fields`, `value`, `text`, and so on. `recording.describe` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
