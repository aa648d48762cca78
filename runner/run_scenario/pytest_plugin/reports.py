"""What pytest shows of a test that failed: why its run has not passed, what shows that, where the log is.

Only for tests that have run scenarios, or asked a log, is anything imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from run_scenario.pytest_plugin.logs import PROPERTY

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from run_scenario.api import Exploration, Run
    from run_scenario.report.failure import Failure

_MOST_EVENTS = 20
"""Events of a log that are listed."""
_MOST_ATTACHED = 1_000_000
"""Characters of a log that are attached to the JUnit report: the last ones."""


def why(run: Run) -> Failure:
    """Return why a run has not passed."""
    from run_scenario.report.failure import failure

    return failure(run.scenario, run.log, run.outcome, run.reasons, run.stdout)


def failure(what: Run | Exploration) -> tuple[str, str, int | None]:
    """Return why a run has not passed, or the exploration of many.

    In several lines for a person, in one sentence, and the line of the scenario that it is about.
    """
    run = _run_of(what)
    if run is None:
        return report(what), next(iter(what.reasons), ""), None
    cause = why(run)
    return report(what), cause.cause, cause.line


def report(what: Run | Exploration) -> str:
    """Return why it has not passed, for a person: the cause first, and last where the log is."""
    run = _run_of(what)
    if run is what:
        lines = list(why(run).lines)
    else:
        lines = [str(what), *(["This test tries it first from now on."] if what.path else [])]
    return "\n".join([*lines, *(["", f"the log: {run.path}"] if run is not None and run.path else [])])


def _run_of(what: Run | Exploration) -> Run | None:
    """Return a run itself, or the one that was found."""
    from run_scenario.api import Run

    return what if isinstance(what, Run) else what.run


def representation(text: str, path: Path, line: int | None, cause: str) -> TerminalRepr:
    """Return a failure as pytest has them: `text` is shown, and `cause`, with its line of the file, in summaries."""
    from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

    traceback = ReprTraceback([ReprEntryNative([f"{text}\n"])], None, "native")
    return ReprExceptionInfo(traceback, ReprFileLocation(str(path), line or 1, cause))


def explain(report_: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Add to the report of a failed assertion what the answers and runs in it come to, in several lines each.

    pytest shows values in one line, of 240 characters at most.
    """
    values = list(_values(excinfo))
    explanations = list(dict.fromkeys(_explanations(values))) if values else []
    if explanations:
        report_.sections.append(("what the log says", "\n\n".join(explanations)))


def _values(excinfo: pytest.ExceptionInfo[BaseException]) -> Iterator[Any]:
    """Yield our values in the statement that failed: those with a name, and those that pytest has kept in between."""
    entry = excinfo.traceback[-1]
    try:
        names = set(re.findall(r"\w+", str(entry.statement)))
    except (OSError, IndexError):  # its source is not there
        names = set()
    for name, value in entry.locals.items():
        is_ours = type(value).__module__.partition(".")[0] == "run_scenario"
        if is_ours and (name in names or name.startswith("@py_assert")):
            yield value


def _explanations(values: Iterable[Any]) -> Iterator[str]:
    from run_scenario.api import Exploration, Run
    from run_scenario.expect.event_log import EventLog
    from run_scenario.expect.verdicts import Check, in_one_line

    for value in values:
        if isinstance(value, Check):
            yield str(value)
        elif isinstance(value, EventLog) and 0 < len(value) <= _MOST_EVENTS:
            yield "\n  ".join([f"{value!r}:", *map(in_one_line, value)])
        elif isinstance(value, Run | Exploration) and not value.passed:
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
