"""What the acceptance tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import METHODS, Result, run


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Return each start method in turn."""
    return str(request.param)


@pytest.fixture
def play(tmp_path: Path, method: str):
    """Return a function that runs a scenario's text under the start method of this test."""

    def play(text: str, *arguments: str, allow: str = "actors") -> Result:
        return run(tmp_path, text, "--start-method", method, *arguments, allow=allow)

    return play
