"""Records are packed alike, whether msgpack is there or not."""

from __future__ import annotations

from decimal import Decimal

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from run_scenario.recording.packing import pack_plainly, packer

_TEXTS = st.text(st.characters(min_codepoint=0, max_codepoint=0xFFFF), max_size=40)
_PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | _TEXTS | st.binary()
)
_DATA = st.recursive(_PLAIN, lambda inside: st.lists(inside) | st.dictionaries(_TEXTS, inside), max_leaves=20)


@settings(deadline=None)  # it is no test of how busy the machine is
@given(st.lists(_DATA).map(tuple))
def test_what_is_packed_is_what_msgpack_reads(record: tuple[object, ...]) -> None:
    """Each value comes back as it does from msgpack's own packer."""
    options = {"strict_map_key": False, "unicode_errors": "surrogatepass"}
    by_msgpack = msgpack.packb(record, use_bin_type=True, unicode_errors="surrogatepass")
    assert msgpack.unpackb(by_msgpack, **options) == msgpack.unpackb(pack_plainly(record), **options)


class _Index:
    def __index__(self) -> int:
        return 5


class _Refusing:
    def __index__(self) -> int:
        raise RuntimeError("not now")

    __float__ = __str__ = __index__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "has"),
    [
        (_Index(), 5),
        (Decimal("0.5"), 0.5),
        (object(), "<object>"),
        (_Refusing(), "<_Refusing>"),
        (2**64, "<int>"),
        (-(2**63) - 1, "<int>"),
    ],
)
def test_what_a_record_cannot_have_is_its_number_or_its_type(value: object, has: object) -> None:
    """Whatever a program gives, it never fails for being recorded; by msgpack or without it."""
    assert [1, {"of": has}] == msgpack.unpackb(pack_plainly((1, {"of": value})))
    assert [1, {"of": has}] == msgpack.unpackb(packer()((1, {"of": value})))
