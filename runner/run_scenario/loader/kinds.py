"""What a file may be."""

from __future__ import annotations

from typing import Literal

Kind = Literal["scenario", "expectations", "either"]
"""A scenario; what is expected of a script, and nothing else; or either, by what is in it."""
