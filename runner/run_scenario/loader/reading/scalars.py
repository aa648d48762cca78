"""What a plain scalar means: YAML 1.2 core types, and an error where YAML 1.1 would read it differently.

Sources: https://yaml.org/spec/1.2.2/#103-core-schema and, for what older readers take for booleans, base 60,
octal numbers and dates, https://yaml.org/type/ (bool, int, float, timestamp).

And what was probably meant by a value that is not right: a number with a unit, a key without its space, a signal.
"""

from __future__ import annotations

import math
import re
from signal import Signals
from typing import Any

from run_scenario.loader.problems import shorten

MAX_TEXT = 100_000
"""Longest text, in characters."""

MAX_NUMBER = 100
"""Longest number, in characters."""

MAX_KEY = 200
"""Longest key, in characters."""

PROSE = ("name", "title", "description", "source", "because", "print", "message", "text")
"""Keys whose values are prose."""

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1

_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# Patterns for re.fullmatch, which compiles and caches each when it is first needed: most files need few of them.
_INTEGER = r"[-+]?[0-9]+"
_OCTAL = r"0o[0-7]+"
_HEXADECIMAL = r"0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_NON_FINITE = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"

OLD_BOOLEANS = {"y": "true", "yes": "true", "on": "true", "n": "false", "no": "false", "off": "false"}
"""What YAML 1.1 took for truth values."""
_LEADING_ZERO = r"([-+]?)0+([0-9][0-9_]*)"
_UNDERSCORES = r"[-+]?(?:0[bx][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?)"
_BINARY = r"([-+]?)0b([01]+)"
_SIGNED_HEXADECIMAL = r"([-+])0x([0-9a-fA-F]+)"
_BASE_60 = r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?"


class AmbiguousError(Exception):
    """A plain scalar that is not allowed; `what` and `hint` are ready for a message."""

    def __init__(self, what: str, hint: str) -> None:
        self.what, self.hint = what, hint
        super().__init__(what)


def resolve(text: str) -> bool | int | float | str | None:
    """Return the value of the plain scalar `text`.

    A plain `y` or `n` is text: names are often called so, and PyYAML reads them as text, too.

    Raises:
        AmbiguousError: YAML 1.1 and 1.2 read it differently, or it is not a finite number of a sensible length.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > MAX_NUMBER:
        if re.fullmatch(_INTEGER, text) or re.fullmatch(_HEXADECIMAL, text) or re.fullmatch(_FLOAT, text):
            raise AmbiguousError(
                f"this number has {len(text)} characters; the maximum is {MAX_NUMBER}",
                "put it in quotes if it is meant as text",
            )
        return text
    if text[0] in "+-.0123456789":
        return _number(text)
    if text == "=":
        raise AmbiguousError("a plain = means something else in YAML 1.1", "write '=' in quotes")
    meant = OLD_BOOLEANS.get(text.lower())
    if meant is not None and len(text) > 1:
        raise AmbiguousError(
            f"a plain `{text}` is {meant} to some YAML readers and text to others",
            f"write {meant}, or '{text}' if it is meant as text",
        )
    return text


def resolve_key(text: str) -> str:
    """Return the plain scalar `text` as a key.

    Raises:
        AmbiguousError: it is not text.
    """
    try:
        value = resolve(text)
    except AmbiguousError as error:
        raise AmbiguousError(error.what, f"keys are text: write '{shorten(text)}' in quotes") from None
    if isinstance(value, str):
        return value
    kind = "a truth value" if isinstance(value, bool) else "a number"
    if value is None:
        kind = "nothing"
    shown = shorten(text)
    raise AmbiguousError(f"this key is {kind}; keys are text", f"write '{shown}' in quotes" if text else "write a name")


def _number(text: str) -> int | float | str:
    """Return the number `text` is, or `text` itself; it begins with a digit, a sign or a point."""
    if text.isascii() and text.isdigit() and (text[0] != "0" or text == "0"):
        return _bounded(int(text), text)
    _refuse_ambiguous(text)
    if "." in text and re.fullmatch(_NON_FINITE, text):
        raise AmbiguousError(f"{text} is not a finite number", f"write a number, or '{text}' if it is meant as text")
    if re.fullmatch(_INTEGER, text):
        return _bounded(int(text), text)
    if re.fullmatch(_OCTAL, text) or re.fullmatch(_HEXADECIMAL, text):
        return _bounded(int(text, 0), text)
    if re.fullmatch(_FLOAT, text):
        value = float(text)
        if math.isinf(value):
            raise AmbiguousError(
                f"{text} is too large for a number", f"write a number, or '{text}' if it is meant as text"
            )
        return value
    return text


def _bounded(value: int, text: str) -> int:
    if _INT_MIN <= value <= _INT_MAX:
        return value
    raise AmbiguousError(
        f"the whole number {shorten(text, 30)} does not fit into 64 bits",
        "write a smaller one, or put it in quotes if it is meant as text",
    )


def _refuse_ambiguous(text: str) -> None:
    """Raise AmbiguousError where YAML 1.1 reads `text` as another number, or as a date."""
    as_text = f"'{text}' if it is meant as text"
    if text.lstrip("+-").startswith("0") and (found := re.fullmatch(_LEADING_ZERO, text)):
        sign, digits = found[1], found[2].replace("_", "")
        octal = f" or {sign.strip('+')}0o{digits}" if digits.strip("01234567") == "" and sign != "-" else ""
        raise AmbiguousError(
            f"{text} is octal to some YAML readers and decimal to others",
            f"write {sign}{digits.lstrip('0') or '0'}{octal}, or {as_text}",
        )
    if "_" in text and re.fullmatch(_UNDERSCORES, text):
        raise AmbiguousError(
            f"{text} is a number to some YAML readers and text to others",
            f"write {text.replace('_', '')}, or {as_text}",
        )
    if "0b" in text and (found := re.fullmatch(_BINARY, text)):
        raise AmbiguousError(
            f"{text} is a number to some YAML readers and text to others", f"write {int(text, 2)}, or {as_text}"
        )
    if "0x" in text and re.fullmatch(_SIGNED_HEXADECIMAL, text):
        raise AmbiguousError(
            f"{text} is a number to some YAML readers and text to others", f"write {int(text, 16)}, or {as_text}"
        )
    if ":" in text and re.fullmatch(_BASE_60, text):
        raise AmbiguousError(
            f"{text} is a number in base 60 to some YAML readers and text to others",
            f"write {_from_base_60(text)}, or {as_text}",
        )
    if "-" in text[1:] and re.fullmatch(_DATE, text):
        raise AmbiguousError(f"{text} is a date to some YAML readers and text to others", f"write '{text}' in quotes")


def _from_base_60(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    total = 0.0
    for part in text.lstrip("+-").replace("_", "").split(":"):
        total = total * 60 + float(part)
    return f"{sign}{total:.15g}"


# What was probably meant


_QUOTED_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{0,15})?"
_DECIMAL_COMMA = r"([-+]?[0-9]{1,15}),([0-9]{1,15})"
_DURATION = r"([0-9]{1,9}(?:[.,][0-9]{1,9})?) *([a-z]{1,7})"
_ASSIGNMENT = r"([A-Za-z_]\w{0,60}) *= *([^ =].*)"
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_UNITS = {
    1e-3: ("ms", "msec", "msecs"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3600.0: ("h", "hour", "hours"),
}


def number_hint(text: str, *, seconds: bool, fraction: bool) -> str:
    """Return the hint for a text that should be a number: of seconds or not, a whole one or with a fraction."""
    text = text.strip()
    if re.fullmatch(_QUOTED_NUMBER, text) and (fraction or "." not in text):
        return f"leave the quotes out: {text}"
    if text.lower() in _NUMBERS:
        return f"write {_NUMBERS.index(text.lower())}"
    if fraction and (found := re.fullmatch(_DECIMAL_COMMA, text)):
        return f"write {found[1]}.{found[2]}"
    if seconds and (found := re.fullmatch(_DURATION, text.lower())):
        for factor, names in _UNITS.items():
            if found[2] in names:
                return f"write {float(found[1].replace(',', '.')) * factor:.15g}, the number of seconds"
    return ""


def missing_space(text: str, keys: Any = None) -> str:
    """Return the hint for `key:value` or `key = value`, which is one text; with `keys`, only if it begins with one."""
    if (found := re.fullmatch(_ASSIGNMENT, text)) and (keys is None or found[1] in keys):
        return f"a key is followed by a colon, not by =; write `{found[1]}: {shorten(found[2], 30)}`"
    key, colon, value = text.partition(":")
    if not colon or not value or value[0] in ":/ " or not key.isidentifier() or (keys is not None and key not in keys):
        return ""
    return f"a space is missing after `{key}:`; write `{key}: {shorten(value, 30)}`"


def exitcode_hint(value: Any) -> str:
    """Return the hint for signals that are given by name: their numbers, negative."""
    texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    named = [(text.removeprefix("-"), number) for text in texts if (number := _signal(text))]
    return "write " + " and ".join(f"{-number} for {text}" for text, number in named[:3]) if named else ""


def _signal(text: str) -> int:
    """Return the number of the signal that a text names, with or without SIG; 0 if it names none."""
    name = text.strip().upper().removeprefix("-").removeprefix("SIGNALS.") if len(text) < 30 else ""
    numbers = Signals.__members__
    return int(numbers.get(name) or numbers.get(f"SIG{name}") or 0)
