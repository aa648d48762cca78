"""The short form of the campaign in tests/live: of no program that goes on a deadlock is claimed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from live.programs import Program

FIRST, RUNS, ABREAST = 5000, 15, 5
"""Programs that one test runs, so many at a time: they spend their time asleep."""


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.campaign) for n in range(1, 10))])
def test_who_goes_on_is_let_go_on(tmp_path: Path, part: int) -> None:
    """Sockets, clocks, programs, signals, threads and managers move one, and that one all the others."""
    programs = [Program(FIRST + part * RUNS + n) for n in range(RUNS)]
    with ThreadPoolExecutor(ABREAST) as pool:
        runs = [pool.submit(_go, program, tmp_path / str(program.seed)) for program in programs]
    wrong = {str(program): run.exception() for program, run in zip(programs, runs, strict=True) if run.exception()}
    assert {} == wrong


def _go(program: Program, folder: Path) -> None:
    folder.mkdir()
    program.go(folder)
