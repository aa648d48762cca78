"""A refusal: what a scenario asks for, and this run must not or cannot do."""

from __future__ import annotations

from typing import Literal

Refusal = Literal["not_allowed", "not_found", "import_failed", "unfit", "arguments", "not_made", "no_file", "cpus"]
"""Why something is refused; `unfit`: no process can run it; `not_made`: own code could not make an object."""


class RefusedError(Exception):
    """A target that may not be run, or is not there; the message is for the person who runs the scenario."""

    def __init__(self, what: str, hint: str = "", *, kind: Refusal = "unfit", package: str = "") -> None:
        super().__init__(f"{what}; {hint}" if hint else what)
        self.what = what
        self.hint = hint
        """The way out, if one is known."""
        self.kind = kind
        self.package = package
        """The package that has not been allowed, if that is why."""
