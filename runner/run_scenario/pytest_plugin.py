"""The door for pytest: scenario files are tests, and the fixture `scenario` runs them from tests in Python.

Nothing is imported for tests that need neither.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from run_scenario.api import Run, Source
    from run_scenario.model import Scenario

SUFFIXES = (".scenario.yaml", ".scenario.yml")

_MOST_SHOWN = 200_000
"""Characters of a log that are attached to a report."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options."""
    parser.addini("scenario_files", "more files that are scenarios, besides *.scenario.yaml: globs", type="args")
    parser.addini("scenario_allow", "top-level packages whose code scenarios may run", type="args")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take scenario files for tests."""
    globs = parent.config.getini("scenario_files")
    if file_path.name.endswith(SUFFIXES) or any(_fits(file_path, glob, parent.config.rootpath) for glob in globs):
        file: pytest.Collector = ScenarioFile.from_parent(parent, path=file_path)
        return file
    return None


def _fits(path: Path, glob: str, root: Path) -> bool:
    if "/" not in glob:
        return fnmatch.fnmatch(path.name, glob)
    return path.is_relative_to(root) and fnmatch.fnmatch(str(path.relative_to(root)), glob)


class ScenarioFile(pytest.File):
    """A scenario file: one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the test, with the marks that the file gives it; a wrong file is a test that fails."""
        from run_scenario import language

        name = self.path.name
        for suffix in (*SUFFIXES, ".yaml", ".yml"):
            name = name.removesuffix(suffix)
        item: ScenarioItem = ScenarioItem.from_parent(self, name=name)
        loaded = language.load(self.path, file=_shown(self.path, self.config))
        for mark in loaded.scenario.marks if loaded.scenario else ():
            item.add_marker(mark)
        yield item


def _shown(path: Path, config: pytest.Config) -> str:
    return str(path.relative_to(config.rootpath)) if path.is_relative_to(config.rootpath) else str(path)


class ScenarioItem(pytest.Item):
    """The run of a scenario, which fails where the scenario says so."""

    def runtest(self) -> None:
        """Run it.

        Raises:
            _Failed: it did not go as it is to go.
            RunScenarioError: it is wrong, or could not be run.
        """
        from run_scenario import api

        scenario = api.load(self.path, file=_shown(self.path, self.config))
        folder = _folder_for(self)
        log = folder / f"{self.name}.jsonl"
        run = api.run(scenario, allow=self.config.getini("scenario_allow"), log=log)
        _attach(self, run, log)
        if not run.passed:
            raise _Failed(run)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what a person needs: the expectation, the events that show it, where the log is; no traceback."""
        from run_scenario.errors import InvalidScenario, RunScenarioError

        error = excinfo.value
        if isinstance(error, _Failed):
            return report(error.run)
        if isinstance(error, InvalidScenario):
            from run_scenario.language import format_problem

            return "\n".join(format_problem(problem) for problem in error.problems)
        if isinstance(error, RunScenarioError):
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is."""
        return self.path, 0, f"scenario: {self.name}"


class _Failed(Exception):
    """A run did not go as it is to go."""

    def __init__(self, run: Run) -> None:
        super().__init__(repr(run))
        self.run = run


def report(run: Run) -> str:
    """Return what a failed run comes to, for a person: what was expected, what shows that it is not so, and the log."""
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
    lines += ["", f"the log: {run.path}"] if run.path else []
    return "\n".join(scrub(line) for line in lines)


def _folder_for(item: pytest.Item) -> Path:
    """Return a folder of the test's own, where tmp_path would be; pytest keeps those of the last runs."""
    factory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    folder: Path = factory.mktemp(re.sub(r"\W", "_", item.name)[:30])
    return folder


def _attach(item: pytest.Item, run: Run, log: Path) -> None:
    """Attach the log to the reports of the test."""
    item.user_properties.append(("scenario log", str(log)))
    if not run.passed:
        text = log.read_text(encoding="ascii") if log.is_file() else ""
        item.add_report_section("call", "scenario log", text[-_MOST_SHOWN:])


class ScenarioRunner:
    """What the fixture `scenario` is: call it with a scenario, and it runs."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._count = 0

    def __call__(
        self,
        source: Source,
        *,
        allow: str | Iterable[str] = (),
        start_method: str | None = None,
        timeout: float | None = None,
    ) -> Run:
        """Run a scenario (file, YAML text, dictionary or `load`ed) and return what came of it.

        A path is looked for beside the test's file as well. The test's own module may be run, what the ini option
        `scenario_allow` names, and what `allow` names. The log is in tmp_path.

        Raises:
            InvalidScenario: it is wrong.
        """
        from run_scenario import api

        self._count += 1
        log = self._folder / f"scenario-{self._count}.jsonl"
        packages = {allow} if isinstance(allow, str) else set(allow)
        packages |= {*self._request.config.getini("scenario_allow"), *self._own_package()}
        run = api.run(self._found(source), allow=packages, start_method=start_method, timeout=timeout, log=log)
        _attach(self._request.node, run, log)
        return run

    def load(self, source: Source) -> Scenario:
        """Return the checked scenario, without running it."""
        from run_scenario import api

        return api.load(self._found(source))

    def _own_package(self) -> set[str]:
        module = getattr(self._request.module, "__name__", "")
        return {module.partition(".")[0]} if module else set()

    def _found(self, source: Source) -> Source:
        if isinstance(source, str | Path) and "\n" not in str(source):
            beside = Path(self._request.path).parent / source
            if beside.is_file():
                return beside
        return source


@pytest.fixture
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> ScenarioRunner:
    """Run scenarios: `run = scenario("my.yaml")`, then `assert run.passed` and `assert run.log.exists(…)`."""
    return ScenarioRunner(request, tmp_path)
