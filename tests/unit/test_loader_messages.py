"""How a problem is printed."""

from __future__ import annotations

import pytest

from run_scenario.errors import Problem
from run_scenario.loader import format_problem
from run_scenario.loader.problems import MAX_COLUMNS, escape
from run_scenario.scenario.model import Location


def _problem(source: str, column: int, width: int = 1, **more: str) -> Problem:
    return Problem(Location("a.yaml", 7, column), more.get("what", "wrong"), more.get("hint", ""), source, width)


def _lines(problem: Problem) -> list[str]:
    return format_problem(problem).split("\n")


def test_the_form() -> None:
    """Place, severity and sentence; the line with a caret; the way out."""
    problem = _problem("    tragte: sleep", 5, 6, what="unknown key 'tragte'", hint="did you mean 'target'?")

    assert [
        "a.yaml:7:5: error: unknown key 'tragte'",
        "    7 |     tragte: sleep",
        "      |     ^^^^^^",
        "   did you mean 'target'?",
    ] == _lines(problem)


def test_a_blank_line_is_not_shown() -> None:
    """Where there is nothing to see, there is no excerpt."""
    assert ["a.yaml:7:1: error: wrong"] == _lines(_problem("  ", 1))


@pytest.mark.parametrize(
    ("source", "column", "shown", "caret"),
    [
        ("\tx", 2, "    x", "    ^"),
        ("漢字 x", 4, "漢字 x", "     ^"),
        ("e\u0301 x", 4, "e\u0301 x", "  ^"),
        ("a\x1b[31m x", 8, "a\\x1b[31m x", "          ^"),
        ("\u202ex", 2, "\\u202ex", "      ^"),
        ("x", 2, "x", " ^"),
    ],
)
def test_the_caret_stands_under_its_character(source: str, column: int, shown: str, caret: str) -> None:
    """Tabs, wide, combining and escaped characters do not move the caret away."""
    assert [f"    7 | {shown}", f"      | {caret}"] == _lines(_problem(source, column))[1:]


@pytest.mark.parametrize("column", [1, 60, 119, 120, 121, 200, 5_000, 9_999, 10_001])
@pytest.mark.parametrize("width", [1, 50, 119, 120, 10_000])
def test_a_long_line_is_cut_around_the_caret(column: int, width: int) -> None:
    """However long the line, about 120 columns are shown, and the caret is among them."""
    source = "".join(chr(ord("a") + n % 26) for n in range(10_000))
    shown, caret = (line[8:] for line in _lines(_problem(source, column, width))[1:])

    assert len(shown) <= MAX_COLUMNS
    assert len(caret) <= MAX_COLUMNS
    if column <= len(source):
        assert source[column - 1] == shown[caret.index("^")]


def test_controls_and_bidi_are_escaped() -> None:
    """Nothing in a message can steer a terminal; ordinary letters of any language stay."""
    assert r"\x1b[2J\x07 \u202e\u2066 \U000e0001 \udc80 é 漢" == escape(
        "\x1b[2J\x07 \u202e\u2066 \U000e0001 \udc80 é 漢"
    )


def test_file_names_are_escaped() -> None:
    """A hostile file name cannot steer the terminal either."""
    problem = Problem(Location("\x1b]0;x\x07.yaml", 1, 1), "wrong")

    assert r"\x1b]0;x\x07.yaml:1:1: error: wrong" == format_problem(problem)
