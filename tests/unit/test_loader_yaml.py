"""What plain YAML values mean, and where nodes stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from run_scenario.loader.problems import Problems, Span
from run_scenario.loader.reading.scalars import AmbiguousError, resolve, resolve_key
from run_scenario.loader.reading.yaml_parser import Mapping, Scalar, Sequence, parse, plain

INVALID = sorted((Path(__file__).parent.parent / "examples" / "invalid").glob("*.yaml"))
EXAMPLES = sorted((Path(__file__).parent.parent / "examples" / "valid").glob("*.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("NULL", None),
        ("True", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+12", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("18446744073709551615", 2**64 - 1),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E-2", -0.015),
        ("1:99", "1:99"),
        ("1.2.3", "1.2.3"),
        ("192.168.0.1", "192.168.0.1"),
        ("2001-12", "2001-12"),
        ("tRUE", "tRUE"),
        ("nope", "nope"),
        ("y", "y"),
        ("N", "N"),
        ("1e", "1e"),
        ("0o8", "0o8"),
        ("-", "-"),
        ("...", "..."),
        ("a" * 200, "a" * 200),
    ],
)
def test_core_types(text: str, value: object) -> None:
    """A plain scalar is what the core schema of YAML 1.2 says."""
    resolved = resolve(text)

    assert (type(value), value) == (type(resolved), resolved)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("yes", "write true, or 'yes' if it is meant as text"),
        ("NO", "write false, or 'NO' if it is meant as text"),
        ("On", "write true, or 'On' if it is meant as text"),
        ("0644", "write 644 or 0o644, or '0644' if it is meant as text"),
        ("-0644", "write -644, or '-0644' if it is meant as text"),
        ("089", "write 89, or '089' if it is meant as text"),
        ("00", "write 0 or 0o0, or '00' if it is meant as text"),
        ("1_000.5", "write 1000.5, or '1_000.5' if it is meant as text"),
        ("0b101", "write 5, or '0b101' if it is meant as text"),
        ("-0x10", "write -16, or '-0x10' if it is meant as text"),
        ("1:30", "write 90, or '1:30' if it is meant as text"),
        ("12:30:45", "write 45045, or '12:30:45' if it is meant as text"),
        ("-1:30.5", "write -90.5, or '-1:30.5' if it is meant as text"),
        ("2001-12-14t21:59:43.10-05:00", "write '2001-12-14t21:59:43.10-05:00' in quotes"),
        ("2001-12-14", "write '2001-12-14' in quotes"),
        ("-.INF", "write a number, or '-.INF' if it is meant as text"),
        ("=", "write '=' in quotes"),
        ("-9223372036854775809", "write a smaller one, or put it in quotes if it is meant as text"),
        ("0x" + "f" * 200, "put it in quotes if it is meant as text"),
    ],
)
def test_ambiguous(text: str, hint: str) -> None:
    """What readers of YAML 1.1 take for something else is refused, with what to write instead."""
    with pytest.raises(AmbiguousError) as caught:
        resolve(text)

    assert hint == caught.value.hint


def test_what_yaml_1_1_reads_differently_is_refused() -> None:
    """No text is read in silence as a value that PyYAML's own YAML 1.1 reader would give another meaning."""
    samples = [f"{sign}{body}" for sign in ("", "-", "+") for body in _NUMBER_LIKE]
    for sample in samples:
        try:
            value = resolve(sample)
        except AmbiguousError:
            continue
        older = yaml.safe_load(sample)
        # YAML 1.2 has more floats and the octal 0o17; PyYAML reads these as text, and no reader as another number.
        assert value == older or isinstance(older, str), sample


_NUMBER_LIKE = (
    *("0", "00", "07", "08", "0o7", "0x7", "0b1", "1", "12", "1_2", "1__", "1_", "0_7", "0x_f", "0b_1", "1:2", "1:59"),
    *("1:60", "1_0:30", "1:2:3", "1:2.5", "0:0", ".5", "1.", "1.5", "1_0.5", "1.5_0", "1e3", "1e+3", "1.5e3", "1.5e+3"),
    *(".5e+1", ".inf", ".Inf", ".INF", ".nan", ".NaN", "2001-1-1", "2001-01-01", "2001-01-01 1:02:03", "1-2", "e3"),
)


def test_keys_may_be_called_y() -> None:
    """`y` and `n` are ordinary names of parameters, and PyYAML reads them as text as well."""
    assert ["y", "N"] == [resolve_key("y"), resolve_key("N")]


@pytest.mark.parametrize("key", ["1", "true", "", "1.5", "on", "1:30", "~"])
def test_keys_are_text(key: str) -> None:
    """A plain key that is no text is refused."""
    with pytest.raises(AmbiguousError, match=r"keys are text|to some YAML readers"):
        resolve_key(key)


def test_nodes_know_where_they_stand() -> None:
    """Keys and values carry line, column and width, counted in characters from 1."""
    problems = Problems("f", "")
    root = parse("é: 1\nlist:\n  - 'two'\n  - {k: [3]}\n", problems)

    assert isinstance(root, Mapping)
    assert Span(1, 1, 1) == root.entries["é"].key_span
    assert Span(1, 4, 1) == root.entries["é"].value.span
    items = root.entries["list"].value
    assert isinstance(items, Sequence)
    assert Span(3, 5, 5) == items.items[0].span
    assert Span(4, 5, 8) == items.items[1].span
    assert {"é": 1, "list": ["two", {"k": [3]}]} == plain(root)


def test_an_empty_value_is_pointed_at_by_its_key() -> None:
    """A missing value has no place of its own."""
    root = parse("key:\n", Problems("f", ""))

    assert isinstance(root, Mapping)
    assert isinstance(root.entries["key"].value, Scalar)
    assert root.entries["key"].key_span == root.entries["key"].value.span


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_both_loaders_agree(path: Path) -> None:
    """Without libyaml, PyYAML's own scanner gives the same data."""
    text = path.read_text(encoding="utf-8-sig")

    def data(loader: type[Any]) -> object:
        root = parse(text, Problems("f", text), loader)
        assert root is not None
        return plain(root)

    assert data(yaml.SafeLoader) == data(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def test_bad_syntax_is_refused_by_the_slower_loader_too() -> None:
    """Without libyaml, what cannot be read is refused with a problem as well."""
    taken, refused = set(), set()
    for path in INVALID:
        text = path.read_text(encoding="utf-8", errors="replace")
        if parse(text, Problems("f", text)) is None:
            problems = Problems("f", text)
            parse(text, problems, yaml.SafeLoader)
            (refused if problems.has_errors else taken).add(path.stem)

    # PyYAML's own scanner takes `{key:}` for a key without a value, which the schema then refuses.
    assert {"yaml-no-space-after-colon"} == taken
    assert len(refused) > 20
