"""What the acceptance tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundled_runs import BundledRuns
from support import METHODS, Result, run


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Return each start method in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def bundled_runs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> BundledRuns:
    """Return the runs of the bundled scenarios, those that other workers of this session have made among them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "bundled-runs"
    folder.mkdir(exist_ok=True)
    return BundledRuns(folder)


@pytest.fixture
def play(tmp_path: Path, method: str):
    """Return a function that runs a scenario's text under the start method of this test."""

    def play(text: str, *arguments: str, allow: str = "actors") -> Result:
        return run(tmp_path, text, "--start-method", method, *arguments, allow=allow)

    return play
