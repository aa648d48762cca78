"""What is replaced while something is recorded is put back as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from run_scenario.recording import replacements
from run_scenario.recording.replacements import put_back, replace, when_put_back


class Base:
    def inherited(self) -> str:
        return "base"


class Owner(Base):
    @staticmethod
    def static() -> str:
        return "static"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave alone what others have replaced."""
    ways_back: list[Callable[[], object]] = []
    monkeypatch.setattr(replacements, "_ways_back", ways_back)


def test_all_is_as_it_was() -> None:
    """A static method is one again, and what a class has inherited is not its own."""
    before = dict(vars(Owner))
    calls: list[str] = []
    for number in range(2):
        replace(Owner, "static", staticmethod(lambda number=number: f"other {number}"))
        replace(Owner, "inherited", lambda self: "own")
        when_put_back(lambda: calls.append("called"))
    assert ("other 1", "own") == (Owner.static(), Owner().inherited())
    put_back()
    assert before == dict(vars(Owner))
    assert ["called", "called"] == calls
    put_back()
    assert before == dict(vars(Owner))


def test_what_somebody_else_has_replaced_since_stays() -> None:
    """It is his."""
    owner: Any = type("Own", (), {"name": 1})
    replace(owner, "name", 2)
    owner.name = 3
    put_back()
    assert 3 == owner.name
