"""Arrays and numbers of numpy: their shape, their type, and their first elements."""

from __future__ import annotations

from typing import Any

import pytest

from run_scenario.recording.describe import ELEMENTS_LIMIT, describe

numpy: Any = pytest.importorskip("numpy")


def array(dtype: str, shape: list[int], *elements: Any, kind: str = "numpy:ndarray") -> dict[str, Any]:
    """Return the form of an array."""
    return {"object": kind, "shape": shape, "dtype": dtype, "elements": list(elements)}


class Unused(numpy.ndarray):  # type: ignore[misc]
    """A subclass that must not be asked."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("code of the item was run")

    __array_finalize__ = __getitem__ = __len__ = __iter__ = __repr__ = item = tolist = _refuse
    shape = dtype = size = flat = property(_refuse)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.array([[1, 2], [3, 4]], dtype="int64"), array("int64", [2, 2], 1, 2, 3, 4)),
        (numpy.array([[1, 2], [3, 4]], dtype="int64").T, array("int64", [2, 2], 1, 3, 2, 4)),
        (numpy.array([1.5, numpy.nan], dtype=">f4"), array("float32", [2], 1.5, "nan")),
        (numpy.array(True), array("bool", [], True)),
        (numpy.array([], dtype="uint8"), array("uint8", [0])),
        (numpy.array(["ab"]), array("U2", [1], "ab")),
        (numpy.array([b"ab"]), array("S2", [1], "b'ab'")),
        (numpy.array([None, (1,)], dtype=object)[1:], array("O", [1], {"tuple": [1]})),
        (
            numpy.array(["2026-01-31"], dtype="M8[D]"),
            array("M8[D]", [1], {"object": "datetime:date", "text": "2026-01-31"}),
        ),
        (numpy.arange(100, dtype="int8"), array("int8", [100], *range(ELEMENTS_LIMIT), "… 84 more")),
        (numpy.array([1j]), {"object": "numpy:ndarray", "shape": [1], "dtype": "complex128"}),
        (
            numpy.zeros(2, dtype=[("x", "i4"), ("y", "f8")]),
            {"object": "numpy:ndarray", "shape": [2], "dtype": "V12"},
        ),
        (numpy.int32(5), {"object": "numpy:int32", "value": 5}),
        (numpy.float64(1.5), {"object": "numpy:float64", "value": 1.5}),
        (numpy.str_("x"), {"object": "numpy:str_", "value": "x"}),
        (numpy.longdouble(1), "<numpy.longdouble>"),
        ([[[numpy.array([1])]]], [[["<numpy.ndarray>"]]]),
    ],
)
def test_numpy(value: Any, expected: Any) -> None:
    """What numpy has of its own is told in the types of Python."""
    assert expected == describe(value)


def test_a_subclass_is_not_asked() -> None:
    """It is told as the array that it is, past everything that it overrides."""
    value = numpy.ndarray.__new__(numpy.ndarray, (2,), "int64", b"\1" + b"\0" * 15)
    kind = f"{__name__}:Unused"
    made = numpy.ndarray.view(value, type("Late", (numpy.ndarray,), {}))
    made.__class__ = Unused
    assert array("int64", [2], 1, 0, kind=kind) == describe(made)
