"""The gaps of an exercise: what may be changed, and what is said of everything else."""

from __future__ import annotations

import pytest

from run_scenario.loader.gaps import check_filled, check_starter, check_unchanged

STARTER = """\
version: 1
processes:
  - name: Baker           # bakes
    steps:
      - ???
      - {put: ???, to: ???}
    kwargs: ???
main:
  - start: Baker
  # begin gap: how does it end?
  - join: Nobody
  # end gap
  - print: done
"""
FILLED = """\
version: 1
processes:
  - name: Baker           # bakes
    steps:
      - sleep: 1
      - {put: bread, to: shelf}
    kwargs: {a: 1}
main:
  - start: Baker
  # begin gap: how does it end?
  - join: Baker
  # end gap
  - print: done
"""


def changed(*replacements: tuple[str, str]) -> list[tuple[int, str, str]]:
    """Return line, message and hint of each problem of the filled starter, in which more was replaced."""
    text = FILLED
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return [(each.where.line, each.what, each.hint) for each in check_unchanged(STARTER, text, "anna.yaml")]


@pytest.mark.parametrize(
    "replacements",
    [
        [],
        [("- sleep: 1", "- repeat: 3\n        steps:\n          - sleep: 1")],
        [("kwargs: {a: 1}", "kwargs:\n      a: 1\n      b: [1,\n        2]")],
        [("kwargs: {a: 1}", "kwargs:\n    - 1\n    - 2")],
        [("put: bread", "put: {a: '}'}")],
        [("  - join: Baker\n", "")],
        [("  - join: Baker\n", "  - sleep: 1\n\n  - join: Baker\n")],
        [("# bakes", "# cakes"), ("version: 1\n", "# exercise: x\n\nversion: 1   # one\n")],
        [("# begin gap: how does it end?", "# begin gap")],
        [("to: shelf}", "to: shelf}  # '")],
    ],
    ids=str,
)
def test_what_may_be_changed(replacements: list[tuple[str, str]]) -> None:
    """What stands in a gap, with what belongs to that value; comments, blank lines and spaces at the end of a line."""
    assert [] == changed(*replacements)
    assert [] == [
        each for text in (FILLED.replace("\n", "\r\n"), FILLED.rstrip()) for each in check_unchanged(STARTER, text, "")
    ]


@pytest.mark.parametrize(
    ("replacements", "line", "what", "hint"),
    [
        ([("- start: Baker", "- start: Cook")], 9, "was changed", "put it back: `- start: Baker`"),
        ([("to: shelf}", "to: shelf, timeout: 1, x: y")], 6, "was changed", "put it back: `- {put: ???, to: ???}`"),
        ([("put: bread", "get: bread")], 6, "was changed", "put it back: `- {put: ???, to: ???}`"),
        ([("- sleep: 1", "- sleep: 1\n      - sleep: 2")], 6, "was added", "take it out"),
        ([("main:", "expect: []\nmain:")], 8, "was added", "take it out"),
        ([("  - print: done\n", "  - print: done\n  - print: more\n")], 14, "was added", "take it out"),
        ([("  - start: Baker\n", "")], 9, "is missing before this one", "put it back: `- start: Baker`"),
        ([("  - print: done\n", "")], 13, "is missing at the end", "put it back: `- print: done`"),
        ([("  # end gap\n", "")], 10, "has no end any more", "put a line `# end gap` back"),
        ([("  # begin gap: how does it end?\n", "")], 10, "is missing before this one", "put it back: `# begin gap`"),
    ],
)
def test_what_may_not(replacements: list[tuple[str, str]], line: int, what: str, hint: str) -> None:
    """Another part is told at its line, with what is to be done."""
    found = changed(*replacements)
    assert found, "nothing was found"
    assert line == found[0][0]
    assert what in found[0][1]
    assert found[0][2].startswith(hint)


def test_each_change_is_told() -> None:
    """What was changed, added and taken out is told at once, in the order of the lines, each in its place."""
    found = changed(("version: 1\n", ""), ("- start: Baker", "- start: Cook"), ("done\n", "done\nmore: 1\n"))
    assert [1, 8, 13] == [line for line, _, _ in found]
    assert ["missing", "changed", "added"] == [
        next(word for word in ("missing", "changed", "added") if word in what) for _, what, _ in found
    ]


def test_quotes_and_comments() -> None:
    """A `#` in quotes begins no comment, so that what follows it cannot be changed; neither does one behind a word."""
    starter = "a: 'x # y'\nb: c#d\ne: it's  # so\nf: ???\n"
    assert () == check_unchanged(starter, "a: 'x # y'  # more\nb: c#d\ne: it's\nf: 1\n", "x")
    assert 1 == len(check_unchanged(starter, starter.replace("# y", "# z"), "x"))
    assert 1 == len(check_unchanged(starter, starter.replace("c#d", "c#e"), "x"))


def test_python() -> None:
    """A script is compared as a scenario is."""
    starter = "def f(x):\n    # begin gap\n    pass\n    # end gap\n    return ???\n"
    assert () == check_unchanged(
        starter, "def f(x):\n    # begin gap\n    y = x\n    # end gap\n    return y + 1\n", "f.py"
    )
    (problem,) = check_unchanged(starter, starter.replace("(x)", "(x, y)"), "f.py")
    assert "f.py:1:1" == str(problem.where)


def test_a_hostile_hand_in() -> None:
    """A hundred thousand other lines are told of in a moment, and a few of them only."""
    starter = "\n".join(f"line {number}: ???" for number in range(1000))
    found = check_unchanged(starter, "x\n" * 100_000, "x")
    assert 11 == len(found)
    assert "there may be more changes from here on" == found[-1].what


def test_open_gaps() -> None:
    """What is still a gap is told, wherever it stands but in comments."""
    found = check_filled("a: 1\n  b: ???  # ???\n# ???\n# begin gap\nc: [1, ???]\n# end gap\n", "x.yaml")
    assert [("x.yaml:2:6", 3), ("x.yaml:5:8", 3)] == [(str(each.where), each.width) for each in found]
    assert () == check_filled(FILLED, "x")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\n# ???\n", 1, "has no gap"),
        ("a: 1\n  # begin gap\nb: 1\n", 2, "this gap has no end"),
        ("# begin gap\n# begin gap\n# end gap\n", 2, "in the one that line 1 begins"),
        ("a: ???\n# end gap\n", 2, "no gap begins before this end"),
    ],
)
def test_a_starter_that_is_none(text: str, line: int, what: str) -> None:
    """A starter without a gap, or with one that is not closed, is told with the way out."""
    (problem,) = check_starter(text, "starter.yaml")
    assert (line, True) == (problem.where.line, what in problem.what)
    assert "gap`" in problem.hint


def test_a_starter() -> None:
    """One with gaps of both kinds is sound."""
    assert () == check_starter(STARTER, "starter.yaml")
