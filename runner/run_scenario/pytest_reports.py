"""What pytest shows of a test that failed: what was expected of which run, the events that show it, where the log is.

Only for tests that have run scenarios, or asked a log, is anything imported.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from run_scenario.api import Run

PROPERTY = "scenario log"
"""Name of the property, in reports, that tells where the log of a run is."""

_ALLOW = "with pytest: name it in the ini option `scenario_allow`, or by `scenario(…, allow=…)`"
_MOST_EVENTS = 20
"""Events of a log that are listed."""
_MOST_ATTACHED = 1_000_000
"""Characters of a log that are attached to the JUnit report: the last ones."""


def report(run: Run) -> str:
    """Return what a run comes to, for a person: what was expected, what shows that it is not so, and the log."""
    from run_scenario.views.sentences import sentence
    from run_scenario.views.sentences_expectations import explanation
    from run_scenario.views.text import scrub

    lines = [f"{run.scenario.name}: {run.outcome}"]
    told = set()
    for verdict in run.verdicts:
        if verdict["event"] != "expectation.passed":
            lines.append("")
            file = None if verdict["file"] is None else run.scenario.file  # as it is known here
            lines.append(sentence({**verdict, "file": file}))
            lines += [f"    {line}" for line in explanation(verdict, sentence)]
            told.add(verdict["reason"])
    others = [reason for reason in run.reasons if not any(each in reason for each in told)]
    lines += ["", *others] if others else []
    lines += [_ALLOW] if run.outcome == "refused" else []
    lines += ["", f"the log: {run.path}"] if run.path else []
    return "\n".join(scrub(line) for line in lines)


def explain(report_: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Add to the report of a failed assertion what the answers and runs in it come to, in several lines each.

    pytest shows values in one line, of 240 characters at most.
    """
    told = list(dict.fromkeys(_told(_values(excinfo))))
    if told:
        report_.sections.append(("what the log says", "\n\n".join(told)))


def _values(excinfo: pytest.ExceptionInfo[BaseException]) -> Iterator[Any]:
    """Yield the values in the statement that failed: those with a name, and those that pytest has kept in between."""
    entry = excinfo.traceback[-1]
    try:
        names = set(re.findall(r"\w+", str(entry.statement)))
    except (OSError, IndexError):  # its source is not there
        names = set()
    for name, value in entry.locals.items():
        if name in names or name.startswith("@py_assert"):
            yield value


def _told(values: Iterable[Any]) -> Iterator[str]:
    api, logs = sys.modules.get("run_scenario.api"), sys.modules.get("run_scenario.expect.event_log")
    for value in values:
        if logs is not None and isinstance(value, logs.Check):
            yield str(value)
        elif logs is not None and isinstance(value, logs.EventLog) and 0 < len(value) <= _MOST_EVENTS:
            yield "\n  ".join([f"{value!r}:", *map(logs.in_one_line, value)])
        elif api is not None and isinstance(value, api.Run) and not value.passed:
            yield report(value)


class JUnit:
    """Attaches the logs of failed tests to pytest's JUnit report, where there is one.

    As text, and by the line that GitLab and Jenkins take for the path of an attachment.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the logs after the failure."""
        logs = [Path(str(value)) for name, value in report.user_properties if name == PROPERTY]
        if report.when != "call" or not report.failed or not logs:
            return
        from _pytest.junitxml import xml_key

        xml = self._config.stash.get(xml_key, None)
        if xml is not None:
            output = ElementTree.Element("system-out")
            output.text = "\n".join(_attachment(path) for path in logs)
            xml.node_reporter(report).append(output)


def _attachment(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii", errors="backslashreplace")
    except OSError:  # of a test on another machine
        text = ""
    return f"[[ATTACHMENT|{path}]]\n{text[-_MOST_ATTACHED:]}"
