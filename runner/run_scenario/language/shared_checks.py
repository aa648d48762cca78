"""Shared data: which key belongs to which type, and whether what it holds in the beginning fits."""

from __future__ import annotations

from typing import Any

from run_scenario.language.draft import Draft, Fields, ResourceDraft, shared_type
from run_scenario.language.problems import Problems, either, quote
from run_scenario.model import MANAGED

_KEYS = {
    "typecode": ("Value", "Array"),
    "lock": ("Value", "Array"),
    "size": ("Array", "SharedMemory", "ManagerQueue"),
    "value": ("Value", "Array", "SharedMemory", "ShareableList", "dict", "list", "Namespace"),
    "remote": MANAGED,
    "authkey": MANAGED,
}
"""Key -> types that have it."""

_BITS = {"b": 8, "B": 8, "h": 16, "H": 16, "i": 32, "I": 32, "l": 64, "L": 64, "q": 64, "Q": 64}
"""Type code of a whole number -> its bits; the capital ones have no sign."""
_LOCKS = ("Lock", "RLock")
_KINDS: dict[str, tuple[type, str]] = {
    "SharedMemory": (str, "a text"),
    "ShareableList": (list, "a list"),
    "dict": (dict, "a mapping"),
    "list": (list, "a list"),
    "Namespace": (dict, "a mapping of names to values"),
}


def check_shared(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each object of the section `shared`."""
    for shared in draft.sections["shared"].values():
        kind = shared_type(shared.fields)
        if kind and not shared.fields.is_refused("type"):
            _check_keys(shared, kind, problems)
            _check_lock(shared.fields, draft, problems)
            _check_value(shared, kind, problems)


def _check_keys(shared: ResourceDraft, kind: str, problems: Problems) -> None:
    fields, called = shared.fields, "a manager's Queue" if kind == "ManagerQueue" else _a(kind)
    for key, owners in _KEYS.items():
        if fields.entry(key) is not None and kind not in owners:
            problems.error(fields.key_span(key), f"`{key}`: {called} has none", "leave it out")
    if kind in ("Value", "Array") and not fields.text("typecode") and not fields.is_refused("typecode"):
        what = f"{_a(kind)} needs a `typecode`: the kind of number that {quote(shared.name)} holds"
        problems.error(shared.span, what, "write `typecode: i` for whole numbers, or `typecode: d` for others")
    if kind in ("Array", "SharedMemory") and not any(key in _given(fields) for key in ("size", "value")):
        what = f"{_a(kind)} needs a `size`, or a `value` that it is filled with"
        problems.error(shared.span, what, "write `size: 10`, for example")
    if kind == "ShareableList" and "value" not in _given(fields):
        problems.error(shared.span, "a ShareableList needs a `value`: it cannot grow", "write `value: [1, 2, 3]`")
    if "authkey" in _given(fields) and not fields.flag("remote"):
        problems.error(fields.key_span("authkey"), "`authkey` needs `remote: true`", "write it as well, or drop both")
    if fields.flag("remote") and "authkey" not in _given(fields):
        what = f"{quote(shared.name)} needs an `authkey`: whoever connects to its manager has to know it"
        problems.error(shared.span, what, "write `authkey: open sesame`, for example")


def _given(fields: Fields) -> set[str]:
    return {entry.key for entry in fields}


def _check_lock(fields: Fields, draft: Draft, problems: Problems) -> None:
    name = fields.text("lock")
    if not name:
        return
    known = [sync.name for sync in draft.sections["sync"].values() if sync.type in _LOCKS]
    if name not in known:
        there_are = f"there is {either(known, 'and')}" if known else "write true for a lock of its own"
        what = f"there is no lock {quote(name)} in the section `sync`"
        problems.error(fields.value_span("lock"), what, problems.did_you_mean(name, known, there_are))


def _check_value(shared: ResourceDraft, kind: str, problems: Problems) -> None:
    fields = shared.fields
    if fields.entry("value") is None:
        return
    value: Any = fields.value("value")
    span, code = fields.value_span("value"), fields.text("typecode")
    if kind == "Array" and fields.entry("size") is not None:
        problems.error(fields.key_span("size"), "`size` and `value` both say how long it is", "leave `size` out")
    if kind in ("Value", "Array"):
        if code and (why := _misfit(kind, code, value)):
            problems.error(span, why, "give another value, or another `typecode`")
        return
    wanted, words = _KINDS.get(kind, (object, ""))
    if not issubclass(type(value), wanted):
        problems.error(span, f"the value of {_a(kind)} is {words}", "write it so")
    elif kind == "Namespace" and not all(str(key).isidentifier() and key[:1] != "_" for key in value):
        problems.error(span, "what a Namespace holds has names as Python has them", "use letters, digits and _")
    elif kind == "ShareableList" and any(isinstance(element, list | dict) for element in value):
        problems.error(
            span, "a ShareableList holds numbers, texts, true, false and null", "leave lists and mappings out"
        )


def misfit(fields: Fields, value: Any) -> str:
    """Return why a value cannot be written to a Value; empty if it can."""
    code = fields.text("typecode")
    return _misfit("Value", code, value) if code else ""


def _misfit(kind: str, code: str, value: Any) -> str:
    """Return why a value does not fit a type code; empty if it does."""
    if kind == "Array" and code not in "cu":
        if not isinstance(value, list):
            return "the value of an Array is a list"
        return next((why for element in value if (why := _misfit("Value", code, element))), "")
    if code in "cu":
        single = kind == "Value"
        fits = isinstance(value, str) and (not single or len(value) == 1) and (code == "u" or value.isascii())
        letters = "a character" if single else "a text"
        return "" if fits else f"with the typecode {quote(code)} it is {letters}" + (" in ASCII" if code == "c" else "")
    if code in _BITS:
        bits = _BITS[code]
        least, most = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        if type(value) is not int or not least <= value <= most:
            return f"with the typecode {quote(code)} it is a whole number from {least} to {most}"
        return ""
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if fits else f"with the typecode {quote(code)} it is a number"


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIO' else 'a'} {kind}"
