"""The short form of the campaigns in tests/chaos: whoever is hit and when, the run ends and is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import assault
from effort import often

SEEDS = range(9000, 9000 + often(8, 3))


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_is_hit(tmp_path: Path, seed: int) -> None:
    """Nobody and nothing is left, the log is in order and complete, the end is explained."""
    assault.carry_out(assault.make(seed, 2), tmp_path)


@pytest.mark.parametrize("seed", range(9100, 9100 + often(8, 2)))
def test_whoever_is_hit_of_a_recorded_program(tmp_path: Path, seed: int) -> None:
    """The same is true of it."""
    assault.carry_out(assault.make(seed, 2, recorded=True), tmp_path)
