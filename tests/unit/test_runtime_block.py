"""A block is recorded only in a process that has numbers for what it makes; tests/acceptance has the rest."""

from __future__ import annotations

import multiprocessing

import pytest

from run_scenario import UsageError, record_block
from run_scenario.runtime.script import block


@pytest.mark.parametrize("numbered", [[65_000, 0], [0, 64_500]])
def test_a_process_runs_out_of_numbers(monkeypatch: pytest.MonkeyPatch, numbered: list[int]) -> None:
    """Rather than to give one twice, it refuses; nothing is replaced then."""
    monkeypatch.setattr(block, "_numbered", numbered)
    before = multiprocessing.Process.start
    with pytest.raises(UsageError, match="record the rest in another process"):
        with record_block():
            raise AssertionError("it has begun")
    assert before is multiprocessing.Process.start
