"""Pieces of output become lines, those of each process and stream apart."""

from __future__ import annotations

import pytest

from run_scenario.events.decoding.output import LINE_LIMIT, LineJoiner
from run_scenario.limits import DEFAULTS


class Lines:
    """A joiner and what it has told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, str, str, bool]] = []
        self.joiner = LineJoiner(self._tell, lambda t, pid, process: None, DEFAULTS.output)

    def _tell(self, t: int, pid: int, process: str, stream: int, via: str, line: str, cut: bool) -> None:
        self.told.append((pid, stream, via, line, cut))

    def add(self, text: str, *, pid: int = 1, stream: int = 1, via: str = "print") -> None:
        """Add a piece of text."""
        self.joiner.add(pid, "W", stream, via, 0, text)

    @property
    def texts(self) -> list[str]:
        """The lines told."""
        return [line for _, _, _, line, _ in self.told]


def test_pieces_become_lines() -> None:
    """A line is told when it is complete, however many pieces it came in."""
    lines = Lines()
    for piece in ("a", "b\nc", "", "d\n\ne"):
        lines.add(piece)
    assert ["ab", "cd", ""] == lines.texts
    lines.joiner.flush(1)
    assert ["ab", "cd", "", "e"] == lines.texts
    lines.joiner.flush(1)
    assert 4 == len(lines.told)


def test_streams_are_not_mixed() -> None:
    """Processes, streams and ways of writing have each their own unfinished line."""
    lines = Lines()
    lines.add("a")
    lines.add("b", pid=2)
    lines.add("c", stream=2)
    lines.add("d", via="descriptor")
    lines.joiner.flush(2)
    assert [(2, 1, "print", "b", False)] == lines.told
    lines.joiner.flush_all()
    assert ["a", "b", "c", "d"] == sorted(lines.texts)


def test_carriage_returns() -> None:
    """Those at the end of a line belong to the line's end; those within are kept."""
    lines = Lines()
    lines.add("a\r\nb\rc\n")
    assert ["a", "b\rc"] == lines.texts


@pytest.mark.parametrize("cuts", [(), (LINE_LIMIT,), (LINE_LIMIT + 1,), (8192,), (5000, 6000, 9000), (1, 2, 3)])
def test_a_long_line_is_one_line(cuts: tuple[int, ...]) -> None:
    """A line longer than the limit is told once, cut, in whatever pieces it comes; the next one is whole."""
    lines = Lines()
    text = "x" * 10_000 + "\nnext\n"
    for start, end in zip((0, *cuts), (*cuts, len(text)), strict=True):
        lines.add(text[start:end])
    assert [("x" * LINE_LIMIT, True), ("next", False)] == [(line, cut) for _, _, _, line, cut in lines.told]
