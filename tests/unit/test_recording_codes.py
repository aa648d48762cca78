"""The numbers of records: each is that of one record, which a decoder takes by its name."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest

from run_scenario.events.decoding import decoder, pipes, pools, processes, queues, shared, sync
from run_scenario.recording import codes

CODES = {name: value for name, value in vars(codes).items() if isinstance(value, int) and name.isupper()}
RECORDS = {name: value for name, value in CODES.items() if not name.startswith("W_")}
WAITS = {name: value for name, value in CODES.items() if name.startswith("W_")}
DECODERS = [
    found
    for module in (decoder, pipes, pools, processes, queues, shared, sync)
    for found in vars(module).values()
    if inspect.isclass(found) and found.__module__ == module.__name__ and found.__name__.endswith("Decoder")
]


@pytest.mark.parametrize("numbers", [RECORDS, WAITS], ids=["records", "waits"])
def test_a_number_is_given_once(numbers: dict[str, int]) -> None:
    """Two records of one number would be taken for each other."""
    several = [number for number, count in Counter(numbers.values()).items() if count > 1]
    assert [] == [name for name, number in numbers.items() if number in several]


def test_each_handler_has_its_record() -> None:
    """A method that no record is called like would never be called."""
    assert len(DECODERS) == 7
    handlers = {name for each in DECODERS for name in vars(each) if name.startswith("on_")}
    assert len(handlers) > 50
    assert set() == handlers - {f"on_{name.lower()}" for name in RECORDS}
