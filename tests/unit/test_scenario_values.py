"""`Value`: as a frozen dataclass, but cheap to define."""

from __future__ import annotations

import pickle

import pytest

from run_scenario.values import Value


class Point(Value):
    x: int
    y: int = 0
    label: str = ""


class Place(Value):
    x: int
    y: int = 0
    label: str = ""


def test_fields_come_by_position_by_name_and_by_default() -> None:
    """What is not given has its default."""
    assert (1, 2, "") == (Point(1, y=2).x, Point(1, y=2).y, Point(1, y=2).label)


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, "", 4), {}), ((1,), {"x": 2}), ((1,), {"z": 2}), ((), {"z": 2})]
)
def test_wrong_fields_are_refused(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    """A missing, surplus, doubled or unknown field is a TypeError."""
    with pytest.raises(TypeError, match=r"Point\(\)"):
        Point(*args, **kwargs)  # type: ignore[arg-type]


def test_equality_and_hash_are_by_type_and_fields() -> None:
    """Equal fields of another type do not make it equal."""
    assert Point(1, 2) == Point(1, 2)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1, 2) != Point(2, 1)
    assert Point(1, 2) != Place(1, 2)


def test_it_is_frozen() -> None:
    """Neither setting nor deleting works, and there is no room for other attributes."""
    point = Point(1)
    for change in (lambda: setattr(point, "x", 2), lambda: delattr(point, "x"), lambda: setattr(point, "z", 2)):
        with pytest.raises(AttributeError, match="frozen"):
            change()


def test_replace_makes_another_one() -> None:
    """The original stays as it was."""
    point = Point(1, 2)
    assert (Point(1, 3), Point(1, 2)) == (point.replace(y=3), point)


def test_it_survives_pickling_and_shows_its_fields() -> None:
    """Values travel from the runner to the supervisor."""
    point = Point(1, 2, "a")
    assert (point, "Point(x=1, y=2, label='a')") == (pickle.loads(pickle.dumps(point)), repr(point))


def test_it_matches_by_position() -> None:
    """The main program's steps are taken apart by `match`."""
    match Point(1, 2, "a"):
        case Point(x, y, label):
            assert (1, 2, "a") == (x, y, label)
        case _:
            pytest.fail("did not match")
