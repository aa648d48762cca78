"""What a process is given, and whether that is all."""

from __future__ import annotations

import functools
import multiprocessing
from typing import Any

import pytest

from run_scenario.recording.recorder import recorder
from run_scenario.runtime.primitives.sync import Condition, Lock
from run_scenario.runtime.script.belongings import belongings, recorded_in

FORK = multiprocessing.get_context("fork")
LOCK, OTHER = Lock(7, FORK), Lock(8, FORK)
EVERYTHING = [{"resource": 7}], True


class Holder:
    """Has something."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def use(self) -> None:
        """Stand for a target that is a method."""


class Reserved(Holder):
    """Says itself what a child gets of it."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class Worker(FORK.Process):  # type: ignore[name-defined, misc]
    """Uses what its module has."""

    def run(self) -> None:
        """Call another function of the module."""
        _use_other()


def _use_other() -> None:
    OTHER.acquire()


def _process(*args: Any, method: str = "spawn", **given: Any) -> Any:
    return multiprocessing.get_context(method).Process(args=args, **given)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "process",
    [
        _process(1, LOCK, LOCK),
        _process({"a": [(LOCK,)]}, None, "text"),
        _process(kwargs={"holder": Holder({LOCK})}),
        _process(target=Holder(LOCK).use),
        _process(target=functools.partial(print, LOCK)),
    ],
)
def test_each_is_found_once_wherever_it_lies(process: Any) -> None:
    """In containers, attributes, bound methods and partial functions."""
    assert EVERYTHING == belongings(process)


def test_an_attribute_of_a_subclass() -> None:
    """It may have been given what it has after it was made."""
    process = _process()
    process.lock = LOCK
    assert EVERYTHING == belongings(process)


def test_the_lock_of_a_condition() -> None:
    """Whoever has the one has the other."""
    assert ([{"resource": 9}, {"resource": 7}], True) == belongings(_process(Condition(9, FORK, LOCK)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_a_function_mentions_is_given_to_a_forked_process_alone(method: str) -> None:
    """Another one makes its own, as it imports the module."""
    expected = [{"resource": 8}] if method == "fork" else []
    assert (expected, True) == belongings(_process(target=_use_other, method=method))


def test_what_the_run_of_a_forked_subclass_mentions() -> None:
    """It is called in place of a target."""
    assert ([{"resource": 8}], True) == belongings(Worker())


@pytest.mark.parametrize("given", [Reserved(LOCK), [Holder(number) for number in range(3_000)]])
def test_what_cannot_be_looked_through_is_not_all(given: Any) -> None:
    """It says itself what it gives to a child, or there is too much of it."""
    assert ([], False) == recorded_in([given], forked=False)


def test_nothing_of_it_is_run() -> None:
    """No property, no `__getattr__`, no `__iter__` is called."""

    class Trap(Holder):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    assert EVERYTHING == recorded_in([Trap(LOCK)], forked=False)
    assert not recorder.run_ref.folder
