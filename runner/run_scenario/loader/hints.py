"""What was probably meant by a value: a number with a unit, a key without its space, a signal.

The hints for a value that does not fit the schema are made in `structure`, with the help of these.
"""

from __future__ import annotations

import re
from signal import Signals
from typing import Any

from run_scenario.loader.messages import shorten

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
