"""Records are packed alike, whether msgpack is there or not."""

from __future__ import annotations

import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_scenario.recording.packing import pack_plainly

_TEXTS = st.text(st.characters(min_codepoint=0, max_codepoint=0xFFFF), max_size=40)
_PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | _TEXTS | st.binary()
)
_DATA = st.recursive(_PLAIN, lambda inside: st.lists(inside) | st.dictionaries(_TEXTS, inside), max_leaves=20)


@given(st.lists(_DATA).map(tuple))
def test_what_is_packed_is_what_msgpack_reads(record: tuple[object, ...]) -> None:
    """Each value comes back as it does from msgpack's own packer."""
    options = {"strict_map_key": False, "unicode_errors": "surrogatepass"}
    by_msgpack = msgpack.packb(record, use_bin_type=True, unicode_errors="surrogatepass")
    assert msgpack.unpackb(by_msgpack, **options) == msgpack.unpackb(pack_plainly(record), **options)


@pytest.mark.parametrize(
    ("value", "error"), [(object(), TypeError), (2**64, struct.error), (-(2**63) - 1, struct.error)]
)
def test_what_a_record_cannot_have_is_refused(value: object, error: type[Exception]) -> None:
    """As msgpack refuses it."""
    with pytest.raises(error):
        pack_plainly((1, value))
