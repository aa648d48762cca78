"""How many of something, in words: one of it is never several."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import run_scenario
from run_scenario.counting import plural

PACKAGE = Path(run_scenario.__file__).parent
SEVERAL = (
    r"(times|items|threads|events|steps|schedules|processes|tasks|workers|results|runs|calls|queues|messages|switches"
    r"|orders)"
)


@pytest.mark.parametrize(
    ("words", "one", "several"),
    [
        (("item",), "1 item", "1,000 items"),
        (("process",), "1 process", "1,000 processes"),
        (("context switch",), "1 context switch", "1,000 context switches"),
        (("item", "is"), "1 item is", "1,000 items are"),
        (("pill", "was"), "1 pill was", "1,000 pills were"),
        (("worker", "has"), "1 worker has", "1,000 workers have"),
        (("thread", "waits"), "1 thread waits", "1,000 threads wait"),
    ],
)
def test_the_noun_and_its_verb_agree(words: tuple[str, ...], one: str, several: str) -> None:
    """Both are singular for one, and for no other number."""
    assert (one, several) == (plural(1, *words), plural(1000, *words))
    assert several.removeprefix("1,00") == plural(0, *words)


def test_no_number_has_its_noun_written_beside_it() -> None:
    """A formatted number (`{count:,} times`) may be one, so its noun comes from `plural`; but for bounds."""
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(rf"\{{[^{{}}]*(:,|len\([^{{}}]*\))\}} {SEVERAL}\b", line) and "more than" not in line
    ]
    assert [] == [each for each in found if not any(known in each for known in ALWAYS_SEVERAL)]


ALWAYS_SEVERAL = (
    'f" (in {part:,} of {whole:,} runs)" if whole > 1',
    "combinations",
    "({count:,} times)",  # of events that were folded: there are more than three
    "the ranges of all calls on pools have",  # more than a million
)
