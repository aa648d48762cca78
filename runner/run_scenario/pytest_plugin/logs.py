"""The logs of a test's runs: where they are, and which are kept.

Each is in a folder that pytest keeps for some time. With `--scenario-log DIR` they are in that folder, under the names
of their tests, and those of a test that has not failed are removed after it.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROPERTY = "scenario log"
"""Name of the property, in reports, that is the path of a run's log."""

_LONGEST = 150
"""Characters of a test's id that are in the name of a log."""
_has_failed = pytest.StashKey[bool]()


def add_option(parser: pytest.Parser) -> None:
    """Add the option that has logs kept."""
    parser.getgroup("run-scenario").addoption(
        "--scenario-log",
        metavar="DIR",
        help="keep the logs of scenarios and scripts that were run by tests that failed: in this folder, each under "
        "the name of its test",
    )


def kept(item: pytest.Item, number: int = 1) -> Path | None:
    """Return where the log of a test's run is to be kept if the test fails; None: nobody wants that.

    `number` counts the runs of a test. What an earlier test run has left there is removed.
    """
    folder = item.config.getoption("scenario_log")
    if folder is None:
        return None
    log = Path(item.config.invocation_params.dir, folder, _name(item.nodeid, number))
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return log


def _name(test: str, number: int) -> str:
    """Return the name of a log: that of its test and, as not all characters are taken over, a checksum of that."""
    words = re.sub(r"[^\w.=-]+", "-", test.replace("::", "-").replace(":", "="), flags=re.ASCII).strip("-")
    return f"{words[:_LONGEST]}-{zlib.crc32(test.encode()):08x}{f'-{number}' if number > 1 else ''}.jsonl"


@contextlib.contextmanager
def reported(item: pytest.Item, log: Path) -> Iterator[None]:
    """Have the reports of a test say where the log of a run is, however that ends."""
    try:
        yield
    finally:
        note(item, log)


def note(item: pytest.Item, log: Path) -> None:
    """Have the reports of a test say where the log of a run is, if there is one."""
    if log.is_file():
        item.user_properties.append((PROPERTY, str(log)))


def of(item: pytest.Item) -> list[Path]:
    """Return the logs of a test's runs so far."""
    return [Path(str(value)) for name, value in item.user_properties if name == PROPERTY]


def settle(item: pytest.Item, report: pytest.TestReport) -> None:
    """Once a test is over, remove its logs from the folder of `--scenario-log`, unless it has failed."""
    item.stash[_has_failed] = report.failed or item.stash.get(_has_failed, False)
    if report.when != "teardown" or item.stash[_has_failed] or item.config.getoption("scenario_log") is None:
        return
    for log in of(item):
        log.unlink(missing_ok=True)
    report.user_properties = [each for each in report.user_properties if each[0] != PROPERTY]
