"""The pytest plugin: scenario files are tests, and the fixture `scenario` runs them from tests in Python.

Nothing is imported for tests that need neither.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from run_scenario.pytest_plugin import reports as reports

if TYPE_CHECKING:
    from run_scenario.api import Recording, Run, Source
    from run_scenario.scenario.model import Scenario

_WAY_TO_ALLOW = "name 'PKG' in pytest's ini option scenario_allow"
SUFFIXES = (".scenario.yaml", ".scenario.yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options."""
    parser.addini("scenario_files", "more files that are scenarios, besides *.scenario.yaml: globs", type="args")
    parser.addini("scenario_allow", "top-level packages whose code scenarios may run", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Have the logs attached to the JUnit report, by the process that writes it."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(reports.JUnit(config), "run-scenario-junit")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Explain a failed assertion on a run or a log."""
    report = yield
    if call.when == "call" and call.excinfo is not None and call.excinfo.errisinstance(AssertionError):
        reports.explain(report, call.excinfo)
    return report


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
    """A scenario file: one test, or one for each combination of its matrix."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the tests, with the marks that the file gives them; a wrong file is a test that fails."""
        from run_scenario import loader
        from run_scenario.scenario.parameters import assignments

        name = self.path.name
        for suffix in (*SUFFIXES, ".yaml", ".yml"):
            name = name.removesuffix(suffix)
        scenario = loader.load(self.path, file=_shown(self.path, self.config)).scenario
        for params in (scenario.matrix if scenario else ()) or ({},):
            # Of characters that may stand in the expression after -k.
            values = "-".join(each.replace("=", ":", 1) for each in assignments(params))
            item: ScenarioItem = ScenarioItem.from_parent(self, name=f"{name}[{values}]" if values else name)
            item.params = params
            for mark in scenario.marks if scenario else ():
                item.add_marker(mark)
            yield item


def _shown(path: Path, config: pytest.Config) -> str:
    return str(path.relative_to(config.rootpath)) if path.is_relative_to(config.rootpath) else str(path)


class ScenarioItem(pytest.Item):
    """The run of a scenario, which fails where the scenario says so."""

    params: Mapping[str, Any]
    """The values of its matrix."""

    def runtest(self) -> None:
        """Run it.

        Raises:
            _Failed: it did not go as the scenario says.
            RunScenarioError: it is wrong, or could not be run.
        """
        from run_scenario import api

        scenario = api.load(self.path, file=_shown(self.path, self.config), params=self.params)
        folder = _folder_for(self)
        log = folder / f"{self.name.replace('/', '_')[:100]}.jsonl"
        with _log_reported(self, log):
            run = api.run_with(_WAY_TO_ALLOW, scenario, self.config.getini("scenario_allow"), log=log)
        if not run.passed:
            raise _Failed(run)
        if self.config.getini("tmp_path_retention_policy") == "failed":
            shutil.rmtree(folder, ignore_errors=True)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what a person needs: the expectation, the events that show it, where the log is; no traceback."""
        from run_scenario.errors import InvalidScenario, RunScenarioError

        error = excinfo.value
        if isinstance(error, _Failed):
            return reports.report(error.run)
        if isinstance(error, InvalidScenario):
            from run_scenario.loader import format_problem

            return "\n".join(format_problem(problem) for problem in error.problems)
        if isinstance(error, RunScenarioError):
            return str(error)
        if isinstance(error, pytest.fail.Exception):  # of pytest-timeout, for one
            logs = (f"the log: {value}" for name, value in self.user_properties if name == reports.PROPERTY)
            return "\n".join([str(error), *logs])
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is."""
        return self.path, 0, f"scenario: {self.name}"


class _Failed(Exception):
    """A run did not go as the scenario says."""

    def __init__(self, run: Run) -> None:
        super().__init__(repr(run))
        self.run = run


def _folder_for(item: pytest.Item) -> Path:
    """Return a folder of the test's own, where tmp_path would be; pytest keeps those of the last runs."""
    factory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    folder: Path = factory.mktemp(re.sub(r"\W", "_", item.name)[:30])
    return folder


@contextlib.contextmanager
def _log_reported(item: pytest.Item, log: Path) -> Iterator[None]:
    """Have the reports of the test say where the log is, however the run ends."""
    try:
        yield
    finally:
        if log.is_file():
            item.user_properties.append((reports.PROPERTY, str(log)))


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
        params: Mapping[str, Any] | None = None,
        allow: str | Iterable[str] = (),
        start_method: str | None = None,
        timeout: float | None = None,
    ) -> Run:
        """Run a scenario (file, YAML text, dictionary or `load`ed) and return what came of it.

        A path is looked for beside the test's file as well. `params` are values for its parameters. The test's own
        module may be run, what the ini option `scenario_allow` names, and what `allow` names. The log is in tmp_path.

        Raises:
            InvalidScenario: it is wrong.
        """
        from run_scenario import api
        from run_scenario.errors import RunScenarioError

        __tracebackhide__ = True
        self._count += 1
        log = self._folder / f"scenario-{self._count}.jsonl"
        packages = {allow} if isinstance(allow, str) else set(allow)
        packages |= {*self._request.config.getini("scenario_allow"), *self._own_package()}
        try:
            with _log_reported(self._request.node, log):
                run = api.run_with(
                    f'{_WAY_TO_ALLOW}, or write allow=["PKG"]',
                    self._found(source),
                    packages,
                    params=params,
                    start_method=start_method,
                    timeout=timeout,
                    log=log,
                )
        except (RunScenarioError, TypeError, pytest.fail.Exception) as error:
            raise error.with_traceback(None) from None  # it is the test's own line that matters
        self._request.node.add_report_section("call", "scenarios", f"{run.scenario.name}: {run.outcome}, {log}\n")
        return run

    def record(
        self,
        script: str | Path | Callable[..., object],
        *arguments: Any,
        expect: str | Path | None = None,
        timeout: float | None = None,
        cwd: str | Path | None = None,
    ) -> Run:
        """Run a Python script as it is, or a function, recorded, and return what came of it.

        See `run_scenario.record`. Both paths are looked for beside the test's file as well. The log is in tmp_path, and
        the current folder is the test's, unless `cwd` is given.
        """
        from run_scenario import api
        from run_scenario.errors import RunScenarioError

        __tracebackhide__ = True
        self._count += 1
        log = self._folder / f"scenario-{self._count}.jsonl"
        found = script if callable(script) else self._beside(script)
        expected = None if expect is None else self._beside(expect)
        try:
            with _log_reported(self._request.node, log):
                run = api.record(found, *arguments, expect=expected, timeout=timeout, log=log, cwd=cwd)
        except (RunScenarioError, TypeError, pytest.fail.Exception) as error:
            raise error.with_traceback(None) from None  # it is the test's own line that matters
        self._request.node.add_report_section("call", "scenarios", f"{run.scenario.name}: {run.outcome}, {log}\n")
        return run

    def recording(self, *, expect: str | Path | None = None) -> Recording:
        """Record what the test itself does in a `with` block: `with scenario.recording() as run:`.

        See `run_scenario.record_block`. The file of expectations is looked for beside the test's file as well. The log
        is in tmp_path.
        """
        from run_scenario import api

        self._count += 1
        log = self._folder / f"scenario-{self._count}.jsonl"
        node = self._request.node

        def report(run: Run) -> None:
            node.user_properties.append((reports.PROPERTY, str(log)))
            node.add_report_section("call", "scenarios", f"{run.scenario.name}: {run.outcome}, {log}\n")

        expected = None if expect is None else self._beside(expect)
        return api.Recording(node.name, Path(self._request.path), expected, log, report)

    def load(self, source: Source, *, params: Mapping[str, Any] | None = None) -> Scenario:
        """Return the checked scenario, without running it."""
        from run_scenario import api

        return api.load(self._found(source), params=params)

    def _own_package(self) -> set[str]:
        module = getattr(self._request.module, "__name__", "")
        return {module.partition(".")[0]} if module else set()

    def _found(self, source: Source) -> Source:
        return self._beside(source) if isinstance(source, str | Path) and "\n" not in str(source) else source

    def _beside(self, path: str | Path) -> str | Path:
        """Return the path of a file beside the test's, if it is there."""
        beside = Path(self._request.path).parent / path
        return beside if beside.is_file() else path


@pytest.fixture
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> ScenarioRunner:
    """Run scenarios: `run = scenario("my.yaml")`, then `assert run.passed` and `assert run.log.exists(…)`."""
    return ScenarioRunner(request, tmp_path)
