"""YAML as a person writes a scenario: blocks outside, flow inside, comments; each text in such a way that it stays one.

Only what is made of letters, digits, `_`, `.`, `:` and `-` is written plainly; PyYAML writes everything else, in double
quotes. So nothing that comes from a log can become a key, a tag or a comment's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from run_scenario.report.text import sanitize, truncate

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?")
_EXPRESSION = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_MEANINGFUL = frozenset(["yes", "no", "on", "off", "true", "false", "null"])
"""What is no text for some YAML or other, in lower case."""
_LONGEST_COMMENT = 200
WIDTH = 118
"""Columns of a line that is not one long value."""


def text(value: str) -> str:
    """Return a text as a scalar."""
    plainly = _PLAIN.fullmatch(value) or _EXPRESSION.fullmatch(value)
    if plainly and value.lower() not in _MEANINGFUL:
        return value
    return str(yaml.safe_dump(value, default_style='"', allow_unicode=True, width=float("inf"))).rstrip("\n")


def flow(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{text(str(key))}: {flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(yaml.safe_dump(value)).partition("\n")[0]


def comment(words: str) -> str:
    """Return a comment, on one line."""
    return f"# {truncate(sanitize(words), _LONGEST_COMMENT)}"


def remark(line: str, words: str) -> str:
    """Return a line with a comment behind it; none, if there are no words."""
    return f"{line}  {comment(words)}" if words else line


def indented(lines: Iterable[str], by: int) -> list[str]:
    """Return lines moved to the right."""
    return [f"{' ' * by}{line}" if line else line for line in lines]


def escaped(value: Any) -> Any:
    """Return data in which each dollar is only that, where a scenario would compute."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [escaped(each) for each in value]
    if isinstance(value, dict):
        return {key: escaped(each) for key, each in value.items()}
    return value
