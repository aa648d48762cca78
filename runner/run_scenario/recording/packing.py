"""Records as msgpack: by that library, and where it is not there, as in another interpreter, by a few lines of ours."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

_FLOAT, _BIG, _NEGATIVE = (struct.Struct(form).pack for form in (">Bd", ">BQ", ">Bq"))
_HEAD = struct.Struct(">BI").pack
_SMALL = [bytes((number,)) for number in range(128)]


def pack_plainly(value: Any) -> bytes:
    """Return a record as msgpack, in forms that need not be its shortest.

    Raises:
        TypeError: there is something in it that a record cannot have.
        struct.error: an integer has more than 64 bits.
    """
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
    elif isinstance(value, int):
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
        raise TypeError(f"a record cannot have a {type(value).__name__}")


def packer() -> Callable[[Any], bytes]:
    """Return what packs a record."""
    try:
        from msgpack import Packer
    except ImportError:
        return pack_plainly
    pack: Callable[[Any], bytes] = Packer(use_bin_type=True, unicode_errors="surrogatepass").pack
    return pack
