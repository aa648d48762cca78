"""`Rows`: what a list of named tuples does, in columns."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from run_scenario.events.history.rows import Rows


class Row(NamedTuple):
    """One of each type of column."""

    t: float
    number: int
    text: str
    state: Literal["a", "b"]
    truth: bool
    item: Any


ROWS = st.builds(
    Row,
    st.sampled_from([0.0, 0.5, 1.0, 1e300, -2.5]),
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=2),
    st.sampled_from(["a", "b"]),
    st.booleans(),
    st.integers(),
)


@given(st.lists(ROWS, max_size=20))
def test_rows_are_a_list(rows: list[Row]) -> None:
    """They are read, compared, cut, sorted and taken off the end as those of a list are."""
    kept = Rows(Row, rows)
    assert rows == kept
    assert rows == list(kept)
    assert len(rows) == len(kept)
    assert rows[1:5] == kept[1:5]
    assert rows[::-1] == list(reversed(kept))
    assert sorted(rows) == list(kept.ascending())
    assert kept != [*rows, Row(0.0, 0, "", "a", False, None)]
    if rows:
        assert rows[-1] == kept[-1]
    kept.sort("t")
    assert sorted(rows, key=lambda row: row.t) == kept
    rows.sort(key=lambda row: row.t)
    while rows:
        assert rows.pop() == kept.pop()
    assert [] == kept


def test_a_number_without_end_is_the_largest() -> None:
    """A count that a damaged log has made up does not fit into a column, and is no reason to fail."""
    assert 2**63 - 1 == Rows(Row, [Row(0.0, 10**30, "", "a", True, None)])[0].number
