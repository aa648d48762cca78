"""Values for the parameters of a file that come from outside it: from a command line, a program, a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Given = Mapping[str, Any]
"""Name of a parameter -> its value: plain data, or `Unread`."""

NOTHING: Given = {}


class Unread(str):
    """A value as it stands on a command line: it is still to be read as YAML, which is not imported for it before."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{super().__repr__()}>"
