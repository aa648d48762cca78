"""The pytest plugin: scenario files are tests, and the fixture `scenario` runs them from tests in Python.

Nothing is imported for tests that need neither.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from run_scenario.pytest_plugin import logs
from run_scenario.pytest_plugin import reports as reports
from run_scenario.pytest_plugin import schedules as schedules_kept

if TYPE_CHECKING:
    from typing import Unpack

    from run_scenario.api import Exploration, ExploreOptions, Recording, Run, Source
    from run_scenario.scenario.model import Mark, Scenario, StartMethod

_WAY_TO_ALLOW = "name 'PKG' in pytest's ini option scenario_allow"
_OR_ALLOW = f'{_WAY_TO_ALLOW}, or write allow=["PKG"]'
SUFFIXES = (".scenario.yaml", ".scenario.yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    logs.add_option(parser)
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
    """Explain a failed assertion on a run or a log, and keep the logs of a test that failed."""
    report = yield
    logs.settle(item, report)
    crash = getattr(report.longrepr, "reprcrash", None)
    if report.failed and isinstance(item, ScenarioItem) and crash is not None and crash.path == str(item.path):
        file, _, name = report.location
        report.location = file, crash.lineno - 1, name  # where what annotates files puts it, such as in CI
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
        from run_scenario.scenario.parameters import assignments

        name = self.path.name
        for suffix in (*SUFFIXES, ".yaml", ".yml"):
            name = name.removesuffix(suffix)
        scenario = self._load({})
        ids: Counter[str] = Counter()
        for params in (scenario.matrix if scenario else ()) or ({},):
            # Of characters that may stand in the expression after -k.
            values = "-".join(each.replace("=", ":", 1) for each in assignments(params))
            ids[values] += 1
            if ids[values] > 1:  # of long values, only the beginnings are in it
                values = f"{values}-{ids[values]}"
            item: ScenarioItem = ScenarioItem.from_parent(self, name=f"{name}[{values}]" if values else name)
            item.params = params
            of_params = self._load(params) if scenario and scenario.marks and params else scenario
            for mark in of_params.marks if of_params else ():
                item.add_marker(_mark(mark))
            yield item

    def _load(self, params: Mapping[str, Any]) -> Scenario | None:
        from run_scenario import loader

        return loader.load(self.path, file=_shown(self.path, self.config), given=params).scenario


def _mark(mark: Mark) -> pytest.MarkDecorator:
    bare: pytest.MarkDecorator = getattr(pytest.mark, mark.name)
    return bare.with_args(*mark.args, **mark.kwargs) if mark.args or mark.kwargs else bare


def _shown(path: Path, config: pytest.Config) -> str:
    return str(path.relative_to(config.rootpath)) if path.is_relative_to(config.rootpath) else str(path)


class ScenarioItem(pytest.Item):
    """The run of a scenario, or many of them, if it says so; it fails where the scenario says so."""

    params: Mapping[str, Any]
    """The values of its matrix."""

    def runtest(self) -> None:
        """Run it, or explore its runs.

        Raises:
            _Failed: it did not go as the scenario says.
            RunScenarioError: it is wrong, or could not be run.
        """
        from run_scenario import api

        scenario = api.load(self.path, file=_shown(self.path, self.config), params=self.params)
        log = logs.kept(self) or _folder_for(self) / f"{self.name.replace('/', '_')[:100]}.jsonl"
        allow = self.config.getini("scenario_allow")
        came_of_it: Run | Exploration
        with logs.reported(self, log):
            if scenario.explore is None:
                came_of_it = api.run_with(_WAY_TO_ALLOW, scenario, allow, log=log)
            else:
                keep = schedules_kept.beside(self.path, self.name, log)
                came_of_it = api.explore_with(_WAY_TO_ALLOW, scenario, allow, {}, keep=keep, log=log)
                schedules_kept.warn_of(self, came_of_it, keep)
        if not came_of_it.passed:
            raise _Failed(came_of_it)
        if self.config.getini("tmp_path_retention_policy") == "failed" and not self.config.getoption("scenario_log"):
            shutil.rmtree(log.parent, ignore_errors=True)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what a person needs, without a traceback of what is not theirs; it begins with the cause."""
        from run_scenario.errors import InvalidScenario, RunScenarioError

        error = excinfo.value
        line = None
        if isinstance(error, _Failed):
            text, cause, line = reports.failure(error.what)
        elif isinstance(error, InvalidScenario):
            from run_scenario.loader import format_problem

            first = next((each for each in error.problems if each.severity == "error"), error.problems[0])
            text = "\n".join(format_problem(problem) for problem in error.problems)
            cause, line = first.what, first.where.line
        elif isinstance(error, RunScenarioError):
            text = cause = str(error)
        elif isinstance(error, pytest.fail.Exception):  # of pytest-timeout, for one
            cause = str(error)
            text = "\n\n".join([cause, *(reports.report(self._so_far(log)) for log in logs.of(self))])
        else:
            return super().repr_failure(excinfo, style)
        return reports.representation(text, self.path, line, cause)

    def _so_far(self, log: Path) -> Run:
        """Return a run that has been cut short, as far as its log goes."""
        from run_scenario.api import Run, load
        from run_scenario.errors import Status
        from run_scenario.expect.event_log import EventLog

        scenario = load(self.path, file=_shown(self.path, self.config), params=self.params)
        return Run(scenario, Status.TERMINATED, EventLog.read(log), log, stderr="")

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where it is."""
        return self.path, 0, f"scenario: {self.name}"


class _Failed(Exception):
    """A run, or one of those that were explored, did not go as the scenario says."""

    def __init__(self, what: Run | Exploration) -> None:
        super().__init__(repr(what))
        self.what = what


def _folder_for(item: pytest.Item) -> Path:
    """Return a folder of the test's own, where tmp_path would be; pytest keeps those of the last runs."""
    factory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    folder: Path = factory.mktemp(re.sub(r"\W", "_", item.name)[:30])
    return folder


class ScenarioRunner:
    """What the fixture `scenario` is: call it with a scenario, and it runs."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._count = self._explorations = 0

    def __call__(
        self,
        source: Source,
        *,
        params: Mapping[str, Any] | None = None,
        allow: str | Iterable[str] = (),
        start_method: StartMethod | None = None,
        timeout: float | None = None,
    ) -> Run:
        """Run a scenario (file, YAML text, dictionary or `load`ed) and return what came of it.

        A path is looked for beside the test's file as well. `params` are values for its parameters. The test's own
        module may be run, what the ini option `scenario_allow` names, and what `allow` names. The log is in tmp_path,
        or in the folder of `--scenario-log`.

        Raises:
            InvalidScenario: it is wrong.
        """
        from run_scenario import api
        from run_scenario.errors import RunScenarioError

        __tracebackhide__ = True
        log = self._log()
        try:
            with logs.reported(self._request.node, log):
                run = api.run_with(
                    _OR_ALLOW,
                    self._found(source),
                    self._packages(allow),
                    params=params,
                    start_method=start_method,
                    timeout=timeout,
                    log=log,
                )
        except (RunScenarioError, TypeError, pytest.fail.Exception) as error:
            raise error.with_traceback(None) from None  # it is the test's own line that matters
        self._request.node.add_report_section("call", "scenarios", f"{run.scenario.name}: {run.outcome}, {log}\n")
        return run

    def explore(
        self,
        source: Source,
        *arguments: str,
        params: Mapping[str, Any] | None = None,
        allow: str | Iterable[str] = (),
        timeout: float | None = None,
        expect: str | Path | None = None,
        **options: Unpack[ExploreOptions],
    ) -> Exploration:
        """Run a scenario or a script with many schedules, until one fails; return what they have shown.

        See `run_scenario.explore`; a scenario and what it may run are as in a call, and a script and the file of
        expectations are looked for beside the test's file, too. What is found is kept beside the test's file, and tried
        first the next time. The log of what is found is where that of a run is.
        """
        from run_scenario import api
        from run_scenario.errors import RunScenarioError

        __tracebackhide__ = True
        node, log = self._request.node, self._log()
        self._explorations += 1
        keep = schedules_kept.of_test(node, self._explorations, log)
        try:
            with logs.reported(node, log):
                explored = api.explore_with(
                    _OR_ALLOW,
                    self._found(source),
                    allow if api.is_a_script(source) else self._packages(allow),
                    options,
                    arguments,
                    params=params,
                    timeout=timeout,
                    expect=None if expect is None else self._beside(expect),
                    keep=keep,
                    log=log,
                )
        except (RunScenarioError, TypeError, pytest.fail.Exception) as error:
            raise error.with_traceback(None) from None  # it is the test's own line that matters
        schedules_kept.warn_of(node, explored, keep)
        node.add_report_section("call", "scenarios", f"{explored.scenario.name}: {explored.verdict}, {log}\n")
        return explored

    def record(
        self,
        script: str | Path | Callable[..., object],
        *arguments: Any,
        expect: str | Path | None = None,
        timeout: float | None = None,
        cwd: str | Path | None = None,
    ) -> Run:
        """Run a Python script as it is, or a function, recorded, and return what came of it.

        See `run_scenario.record`. Both paths are looked for beside the test's file as well. The log is where that of a
        scenario is, and the current folder is the test's, unless `cwd` is given.
        """
        from run_scenario import api
        from run_scenario.errors import RunScenarioError

        __tracebackhide__ = True
        log = self._log()
        found = script if callable(script) else self._beside(script)
        expected = None if expect is None else self._beside(expect)
        try:
            with logs.reported(self._request.node, log):
                run = api.record(found, *arguments, expect=expected, timeout=timeout, log=log, cwd=cwd)
        except (RunScenarioError, TypeError, pytest.fail.Exception) as error:
            raise error.with_traceback(None) from None  # it is the test's own line that matters
        self._request.node.add_report_section("call", "scenarios", f"{run.scenario.name}: {run.outcome}, {log}\n")
        return run

    def recording(self, *, expect: str | Path | None = None) -> Recording:
        """Record what the test itself does in a `with` block: `with scenario.recording() as run:`.

        See `run_scenario.record_block`. The file of expectations is looked for beside the test's file as well. The log
        is where that of a scenario is.
        """
        from run_scenario import api

        log = self._log()
        node = self._request.node

        def report(run: Run) -> None:
            logs.note(node, log)
            node.add_report_section("call", "scenarios", f"{run.scenario.name}: {run.outcome}, {log}\n")

        expected = None if expect is None else self._beside(expect)
        return api.Recording(node.name, Path(self._request.path), expected, log, report)

    def load(self, source: Source, *, params: Mapping[str, Any] | None = None) -> Scenario:
        """Return the checked scenario, without running it."""
        from run_scenario import api

        return api.load(self._found(source), params=params)

    def _log(self) -> Path:
        self._count += 1
        return logs.kept(self._request.node, self._count) or self._folder / f"scenario-{self._count}.jsonl"

    def _packages(self, allow: str | Iterable[str]) -> set[str]:
        packages = {allow} if isinstance(allow, str) else set(allow)
        return packages | {*self._request.config.getini("scenario_allow"), *self._own_package()}

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
