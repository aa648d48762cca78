"""Records as msgpack: by that library, and where it is not there, as in another interpreter, by a few lines of ours."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import Any

_FLOAT, _BIG, _NEGATIVE = (struct.Struct(form).pack for form in (">Bd", ">BQ", ">Bq"))
_HEAD = struct.Struct(">BI").pack
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_LARGE = 1 << 62
_SMALL = [bytes((number,)) for number in range(128)]


def pack_plainly(value: Any) -> bytes:
    """Return a record as msgpack, in forms that need not be its shortest."""
    parts: list[bytes] = []
    _add(value, parts.append)
    return b"".join(parts)


def _add(value: Any, add: Callable[[bytes], None]) -> None:
    kind = type(value)  # what most values are comes first, by their type: this is in the way of every record
    if kind is int and 0 <= value < 128:
        add(_SMALL[value])
    elif kind is str or isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        add(_HEAD(0xDB, len(data)) + data)
    elif value is None:
        add(b"\xc0")
    elif kind is bool:
        add(b"\xc3" if value else b"\xc2")
    elif isinstance(value, int) and _LEAST <= value <= _MOST:
        add(_BIG(0xCF, value) if value >= 0 else _NEGATIVE(0xD3, value))
    elif isinstance(value, float):
        add(_FLOAT(0xCB, value))
    elif isinstance(value, bytes):
        add(_HEAD(0xC6, len(value)) + value)
    elif isinstance(value, list | tuple):
        add(_HEAD(0xDD, len(value)))
        for element in value:
            _add(element, add)
    elif isinstance(value, dict):
        add(_HEAD(0xDF, len(value)))
        for key, element in value.items():
            _add(key, add)
            _add(element, add)
    else:
        _add(packable(value), add)


def packable(value: Any) -> int | float | str:
    """Return what a record has in place of what msgpack does not take: a program goes on, whatever it has given.

    That is its number, be it an own class's, or its type alone: data may have to be withheld.
    """
    for number_of in (operator.index, float):
        try:
            number = number_of(value)
        except Exception:  # of the program's own
            continue
        if isinstance(number, float) or _LEAST <= number <= _MOST:
            return number
        break
    return f"<{type(value).__name__}>"


def whole_number(size: Any) -> int | None:
    """Return a number of any type as an integer that a record can have; None if it is no number."""
    if isinstance(size, str):  # of which int() would make one
        return None
    try:
        return max(-_LARGE, min(int(size), _LARGE))
    except (TypeError, ValueError, OverflowError):
        return None


def packer() -> Callable[[Any], bytes]:
    """Return what packs a record."""
    try:
        from msgpack import Packer
    except ImportError:
        return pack_plainly
    pack: Callable[[Any], bytes] = Packer(use_bin_type=True, unicode_errors="surrogatepass", default=packable).pack
    return pack
