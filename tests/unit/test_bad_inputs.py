"""Bad inputs, one of each kind: a clear error with the way out. What they cost is measured in test_loader_hostile."""

from __future__ import annotations

import pytest

from effort import is_cheap
from run_scenario.expect.matching import compile_matcher
from run_scenario.loader import load_text

GOOD = "version: 1\nprocesses:\n  - target: sleep\n    kwargs: {seconds: 1}\n"

BAD = {
    "B01 alias": (GOOD + "title: *t\n", "an alias"),
    "B02 self-reference": (GOOD + "queues: &q {x: *q}\n", "an anchor"),
    "B03 merge key": (GOOD + "queues: {q: {<<: {maxsize: 1}}}\n", "merge key"),
    "B04 depth": (GOOD + "title: " + "[" * 60 + "]" * 60, "nested more than 48 deep"),
    "B05 size": (GOOD + "#" * 300_000, "larger than 256 KiB"),
    "B06 duplicate keys": (GOOD + "title: a\ntitle: b\n", "is repeated here; the first is on line 5"),
    "B07 ambiguous": (GOOD + "title: yes\n", "is true to some YAML readers and text to others"),
    "B08 tag": (GOOD + "title: !!python/object:os.system x\n", "is not allowed in a scenario"),
    "B09 not finite": (GOOD + "timeout: .nan\n", "is not a finite number"),
    "B10 long number": (GOOD + f"timeout: {'9' * 5_000}\n", "has 5000 characters"),
    "B11 key no text": (GOOD + "queues: {1: {}}\n", "this key is a number"),
    "B12 trailing newline": (GOOD + 'queues: {"q\\n": {}}\n', "cannot be the name of a queue"),
    "B12 1.0 is no integer": (GOOD + "queues: {q: {maxsize: 1.0}}\n", "whole number"),
    "B14 processes of one name": (GOOD + "  - {name: A, target: hang}\n" * 3_00, "two processes would be called 'A'"),
    "B15 reference": (GOOD + "$ref: http://127.0.0.1:9/x.json\n", "unknown key '$ref'"),
    "B16 target by a dotted name": (GOOD.replace("target: sleep", "target: os.system"), "there is no built-in target"),
    "B20 several documents": (GOOD + "---\n" + GOOD, "second document"),
    "B20 empty": ("", "this file is empty"),
    "B20 NUL": (GOOD + "title: a\0b\n", "this text contains a NUL character"),
    "B21 huge wrong value": (GOOD + f"timeout: {'x' * 90_000}\n", "must be a number"),
    "B22 replicas": (GOOD + "    replicas: 1000000\n", "2000"),
    "B22 delay": (GOOD + "    delay: 1.0e+300\n", "from 0 to 86400"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(kind: str) -> None:
    """It is no scenario, and one of a few short messages says why."""
    text, words = BAD[kind]
    loaded = load_text(text, use_cache=False)
    messages = [problem.what for problem in loaded.errors]
    assert loaded.scenario is None
    assert any(words in message for message in messages), messages[:3]
    assert all(len(message) < 300 for message in messages)


def test_nothing_is_interpolated() -> None:
    """B17: `${HOME}` is five characters and two braces."""
    scenario = load_text(GOOD + "title: ${HOME} {{x}} %(y)s\n", use_cache=False).require()
    assert "${HOME} {{x}} %(y)s" == scenario.title


def test_names_make_no_paths() -> None:
    """B18: what would be a path cannot be the name of a queue, and of a process it is only shown."""
    errors = load_text(GOOD + 'queues: {"../../x": {}}\n', use_cache=False).errors
    assert ["'../../x' cannot be the name of a queue"] == [error.what for error in errors]


def test_a_pattern_is_no_regular_expression() -> None:
    """B13: `matches` takes * and ?, and a pattern made to go back again and again costs next to nothing."""
    text = GOOD + f"expect: [{{exists: {{event: process.output, text: {{matches: '{'*a' * 95}b(a+)+$'}}}}}}]\n"
    (expectation,) = load_text(text, use_cache=False).require().expect
    (matcher,) = expectation.matchers
    matches = compile_matcher(matcher)
    unlike = {"event": "process.output", "text": "a" * 16_384}

    assert not matches(unlike)
    assert is_cheap(lambda: matches(unlike), 0.5)
