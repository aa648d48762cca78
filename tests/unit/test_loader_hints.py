"""Hints: what was probably meant is written out, and where nothing was, nothing is."""

from __future__ import annotations

import signal

import pytest

from run_scenario.events import types
from run_scenario.loader import load_text
from run_scenario.loader.problems import Problems
from run_scenario.loader.reading.scalars import exitcode_hint, missing_space, number_hint


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("sleep", "slep"),
        ("sleep", "Sleep"),
        ("consume", "consumer"),
        ("count_down", "countdown"),
        ("count_down", "coutn_down"),
        ("poison_pills", "poison"),
        ("target", "tragte"),
        (None, "prnt"),
        (None, "print"),
        (None, "x" * 100),
        (None, ""),
    ],
)
def test_nearest(expected: str | None, name: str) -> None:
    """A name is taken for another only if a few slips of the pen lead there."""
    choices = ("sleep", "consume", "count_down", "spin", "poison_pills", "target")

    assert expected == Problems("a.yaml", "").nearest(name, choices)


def test_the_same_letters_are_nearest() -> None:
    """Of two names that are as alike, the one with the very same letters was meant."""
    assert ["relay", "reply"] == [Problems("", "").nearest(name, ("reply", "relay")) for name in ("realy", "repyl")]


_OF_RESOURCES = [
    (types.name_of(kind), field)
    for kind in types.ALL
    for field in (*types.RESOURCE_FIELDS, "subject")
    if field in kind.__struct_fields__
]


@pytest.mark.parametrize(("event", "field"), _OF_RESOURCES)
def test_a_misspelt_resource_in_an_expectation(event: str, field: str) -> None:
    """What no resource is called is an error in each field that names one, lest `absent` hold because of it."""
    start = "version: 1\nprocesses: [{target: print_info}]\nqueues: {q: {}}\nexpect:\n"
    for value in ("insde", "{one_of: [insde]}"):
        loaded = load_text(f"{start}  - absent: {{event: {event}, {field}: {value}}}\n", use_cache=False)
        (problem,) = loaded.errors
        assert problem.what.startswith(("there is no ", "no step is about ")), problem
        assert "'insde'" in problem.what


@pytest.mark.parametrize("name", ["print", "open", "len", "exec"])
def test_functions_of_python_are_no_slips(name: str) -> None:
    """Who writes the name of one of Python's own functions did not misspell a target."""
    loaded = load_text(f"version: 1\nprocesses: [{{target: {name}}}]\n", use_cache=False)

    assert ["`run-scenario targets` lists them; code of your own is named `package.module:function`"] == [
        problem.hint for problem in loaded.problems
    ]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("leave the quotes out: 5", "5"),
        ("leave the quotes out: 1.5", "1.5"),
        ("write 1.5", "1,5"),
        ("write 3", "three"),
        ("write 10", "Ten"),
        ("write -1.5", "-1,5"),
        ("write 10, the number of seconds", "10s"),
        ("write 0.25, the number of seconds", "250 ms"),
        ("write 90, the number of seconds", "1.5 Minutes"),
        ("write 7200, the number of seconds", "2h"),
        ("", "2 fortnights"),
        ("", "1,000,000"),
        ("", "soon"),
        ("", "9" * 300),
        ("", "s"),
        ("", ""),
    ],
)
def test_numbers(expected: str, text: str) -> None:
    """A number in quotes, with a comma or with a unit is written as YAML and the scenario have it."""
    assert expected == number_hint(text, seconds=True, fraction=True)


@pytest.mark.parametrize("text", ["1.5", "1,5", "10s"])
def test_whole_numbers(text: str) -> None:
    """Where a count is asked for, neither a fraction nor a duration is suggested."""
    assert "" == number_hint(text, seconds=False, fraction=False)


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (f"write {-signal.SIGTERM} for SIGTERM", "SIGTERM"),
        (f"write {-signal.SIGKILL} for kill", "kill"),
        (f"write {-signal.SIGTERM} for SIGTERM", "-SIGTERM"),
        (f"write {-signal.SIGKILL} for SIGKILL and {-signal.SIGINT} for INT", [0, "SIGKILL", "INT"]),
        ("", "SIGNOTHING"),
        ("", "any"),
        ("", [True, None, {}, 7]),
        ("", {}),
    ],
)
def test_signals(expected: str, value: object) -> None:
    """A signal's name is answered with its exit code."""
    assert expected == exitcode_hint(value)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("a space is missing after `name:`; write `name: A`", "name:A"),
        ("a key is followed by a colon, not by =; write `seconds: 2`", "seconds = 2"),
        ("a key is followed by a colon, not by =; write `seconds: 2`", "seconds=2"),
        ("", "a == b"),
        ("", "= 2"),
        ("", "name: A"),
        ("", "name:"),
        ("", "name"),
        ("", "http://example.org"),
        ("", "my.module:function"),
        ("", "12:30"),
    ],
)
def test_missing_space(expected: str, text: str) -> None:
    """A key that sticks to its value is recognised, other colons are left alone."""
    assert expected == missing_space(text)
