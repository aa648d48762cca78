"""The Python API: run a scenario from a program or a test, and look at what happened.

    from run_scenario import run

    result = run("daemon")
    assert result.passed
    assert result.log.absent("process.finished", "Worker 1")

The run is the command's, in a process of its own: it cannot harm the program that called it, and is not harmed by its
threads. What that costs is the start of an interpreter. Only `record_block` records the program itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, TypeGuard, Unpack

from run_scenario import bundled, loader
from run_scenario.errors import MachineryError, RunScenarioError, Status, UsageError, reason_of
from run_scenario.events.lines import Lines
from run_scenario.events.outcome import Outcome, OutcomeName
from run_scenario.expect import Verdict as Verdict
from run_scenario.expect.event_log import EventLog
from run_scenario.expect.late_judge import LateJudge
from run_scenario.exploration.options import ExploreOptions as ExploreOptions
from run_scenario.exploration.options import as_arguments
from run_scenario.exploration.verdict import VerdictName
from run_scenario.limits import MAX_TIMEOUT
from run_scenario.loader.dictionaries import Written, name_of
from run_scenario.report.reasons import Sentences, sentences
from run_scenario.runtime import coverage
from run_scenario.runtime.platform.capabilities import check_fork
from run_scenario.runtime.run_request import Script
from run_scenario.runtime.script.frame import frame_of, is_script
from run_scenario.scenario.expected_ends import judged_by
from run_scenario.scenario.model import START_METHODS, Given, Scenario, StartMethod

Source = str | Path | Mapping[str, Any] | Scenario
"""A scenario: the path of a file or the name of a bundled one; its YAML text, of several lines; what that text says, as
a dictionary, in which a function or class may stand wherever one is named; or what `load` has returned.
"""

Processor = Callable[[Any, str, dict[str, Any]], Mapping[str, Any]]
"""A processor as structlog has them: called with a logger, the name of a method and the event, it returns an event."""

_texts: dict[str, str] = {}
"""Digest -> text of the scenarios that were loaded from a text, for when they are run."""

_STOP_WITHIN = 20.0
"""Seconds that a run gets to stop in an orderly way when its caller is interrupted."""


class Run:
    """What came of a run."""

    def __init__(
        self,
        scenario: Scenario,
        status: int,
        log: EventLog,
        path: Path | None,
        stderr: str,
        stdout: str = "",
    ) -> None:
        self.scenario = scenario
        self.status = status
        """The exit status of the command: 0 passed, 1 failed, 3 stopped, 4 run-scenario failed; or that of a script."""
        self._outcome = Outcome.read(log[-1] if log else None, None if scenario.script else status, stderr.strip())
        self.stdout = stdout
        """What a recorded script has written there."""
        self.log = log
        """Its events."""
        self.path = path
        """Where the log was written to, if it was to be kept."""
        self.stderr = stderr

    @property
    def outcome(self) -> OutcomeName:
        """passed, failed, stalled, timed_out, limit_exceeded, interrupted, refused or internal_error."""
        return self._outcome.outcome

    @property
    def reasons(self) -> list[str]:
        """Why it ended like that, one sentence each; empty if the outcome is passed."""
        return sentences(self._outcome)

    @property
    def verdicts(self) -> EventLog:
        """The events that say what became of each expectation."""
        return EventLog(each for each in self.log if str(each["event"]).startswith("expectation."))

    @property
    def passed(self) -> bool:
        """Whether it went as the scenario says: the exit status is 0, also where the scenario expects it to stall."""
        return self._outcome.status is Status.PASSED

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        reasons = "" if self.passed else f": {'; '.join(self.reasons)}"
        return f"<run of {self.scenario.name}: {self.outcome}{reasons}>"

    def __str__(self) -> str:
        """Return the outcome, why, and where the log is, in several lines."""
        reasons = [] if self.passed else self.reasons
        where = [f"the log: {self.path}"] if self.path else []
        return "\n".join([f"{self.scenario.name}: {self.outcome}", *(f"  {each}" for each in reasons), *where])


def load(source: Source, *, file: str | None = None, params: Given | None = None) -> Scenario:
    """Return a checked scenario; nothing that it names is imported. `file` is its name in messages.

    `params` are values for its parameters. Of what its `matrix` has several of and no value is given for, it has the
    first; its attribute `matrix` has all combinations.

    Raises:
        InvalidScenario: it is wrong; it carries all problems, each with its place.
        UsageError: there is no such file, and no bundled scenario of that name.
    """
    given = params or {}
    if isinstance(source, Scenario) and not given:
        return source
    if isinstance(source, Scenario):
        given, file = {**source.params, **given}, file or source.file
        source = _texts.get(source.digest) or source.path
    text = _text_of(source)
    if text is not None:
        scenario = loader.load_text(text, file=file or "scenario.yaml", given=given).require()
        _texts[scenario.digest] = text
        return scenario
    path = Path(str(source))
    if not path.is_file():
        found = bundled.find_scenario(str(source))
        if found is None:
            raise UsageError(f"there is no file {str(source)!r} here, and no bundled scenario of that name")
        path = found
    return loader.load(path, file=file or str(source), given=given).require()


def run(
    source: Source,
    *,
    params: Given | None = None,
    allow: str | Iterable[str] = (),
    start_method: StartMethod | None = None,
    timeout: float | None = None,
    log: str | Path | None = None,
    processors: Iterable[str | Processor] | None = None,
) -> Run:
    """Run a scenario and return what came of it; how it ends is no exception.

    Args:
        source: The scenario.
        params: Values for its parameters, as `--set`: plain data. It is run once, even with a `matrix`: see `load`.
        allow: Top-level packages whose code it may run, as `--allow`. A function or class given in a dictionary is
            allowed thereby.
        start_method: fork, spawn or forkserver, instead of what it says.
        timeout: Its deadline in seconds, instead of what it says.
        log: A file to which the log is appended.
        processors: What the lines of that file go through, in this order, instead of what pyproject.toml names:
            functions of structlog's protocol at the top of a module, allowed thereby, or their names
            `package.module:function`, whose packages `allow` has to name. The events of the `Run` are as they happened.

    Code that may not be run is not: the outcome is then `refused`.

    Raises:
        InvalidScenario: it is wrong.
        UsageError: there is no such file, and no bundled scenario of that name; or a processor is not there, may not be
            run, or has no log to process.
        TypeError: a processor is no function that can be imported by its name.
        MachineryError: the command could not be run at all.
    """
    return run_with(
        'write allow=["PKG"]',
        source,
        allow,
        params=params,
        start_method=start_method,
        timeout=timeout,
        log=log,
        processors=processors,
    )


def run_with(
    way_to_allow: str,
    source: Source,
    allow: str | Iterable[str],
    *,
    params: Given | None = None,
    start_method: StartMethod | None = None,
    timeout: float | None = None,
    log: str | Path | None = None,
    processors: Iterable[str | Processor] | None = None,
) -> Run:
    """Run a scenario, as `run` does; `way_to_allow` says how a package `PKG` is allowed here, where one is not."""
    if start_method is not None and start_method not in START_METHODS:
        raise UsageError(f"start_method is one of {', '.join(map(repr, START_METHODS))}, not {start_method!r}")
    _check_timeout(timeout)
    scenario = load(source, params=params)
    given = None if processors is None else list(processors)
    if given and log is None:
        raise UsageError("processors change the lines of the log's file: say by log=… where it is to be")
    packages = _packages(source, allow)
    packages |= {each.__module__.partition(".")[0] for each in given or () if not isinstance(each, str)}
    with contextlib.ExitStack() as stack:
        arguments = ["--for-program", *_arguments(scenario, packages, way_to_allow, timeout, stack)]
        if given is not None:
            names = (each if isinstance(each, str) else name_of(each, "a processor") for each in given)
            arguments += [f"--processors={','.join(names)}"]
        arguments += ["--start-method", start_method] if start_method else []
        arguments += ["--log", str(log)] if log is not None else []
        written = stack.enter_context(_kept_log())
        status, _, stderr = _call([sys.executable, "-m", "run_scenario", "run", *arguments], stdout=written)
        events = Lines.read(written, "the log of the run")
    if not events:
        raise _failed(status, stderr)
    return Run(scenario, status, EventLog(events), Path(log) if log is not None else None, stderr)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not 0 < timeout <= MAX_TIMEOUT:
        raise UsageError(f"timeout is a number of seconds above 0 and up to {MAX_TIMEOUT}, not {timeout!r}")


def _packages(source: Source, allow: str | Iterable[str]) -> set[str]:
    """Return the packages whose code may be run: those that are named, and that of what a dictionary has itself.

    Raises:
        UsageError: what is named is no package.
    """
    packages = {allow} if isinstance(allow, str) else set(allow)
    if isinstance(source, Mapping):
        packages |= Written(source).packages
    for name in packages:
        if not name.isidentifier():
            raise UsageError(f"allow has the names of top-level packages, such as 'mypackage', and not {name!r}")
    return packages


def _arguments(
    scenario: Scenario, packages: Iterable[str], way_to_allow: str, timeout: float | None, stack: contextlib.ExitStack
) -> list[str]:
    """Return what every command that runs a scenario gets, first its file.

    A file that is made for it is there until the stack ends.
    """
    file, is_made = _file_of(scenario, stack)
    return [
        *(str(file), f"--way-to-allow={way_to_allow}", *(["--temporary"] if is_made else [])),
        # All parameters, so that of a matrix only these are run.
        *_of_each_run(packages, scenario.params, timeout),
    ]


def _of_each_run(packages: Iterable[str], params: Given, timeout: float | None) -> list[str]:
    """Return what commands get for a scenario and a script alike; what is not for a script is refused there."""
    return [
        *("--format", "json", "--end-with-parent", str(os.getpid())),
        f"--coverage={coverage.settings_for_processes()}",
        *(part for name in sorted(packages) for part in ("--allow", name)),
        *(f"--set={name}={json.dumps(value)}" for name, value in params.items()),
        *(["--timeout", str(timeout)] if timeout is not None else []),
    ]


def _failed(status: int, stderr: str) -> RunScenarioError:
    """Return the error that says why a command has written nothing."""
    text = stderr.removeprefix("run-scenario: ").strip() or f"the command ended with status {status}"
    return UsageError(text) if status == Status.INVALID else MachineryError(text)


class Exploration:
    """What many schedules of a scenario have shown."""

    def __init__(self, scenario: Scenario, answer: Mapping[str, Any], run: Run | None, path: Path | None) -> None:
        """`answer` is that of the command."""
        finding = answer["finding"] or {}
        self.scenario = scenario
        self.verdict: VerdictName = answer["verdict"]
        """found, not_found or inconclusive."""
        self.schedules: int = answer["schedules"]
        """How many were tried."""
        self.orders: int = answer["orders"]
        """How many different orders of operations were among them."""
        self.steps: int = answer["steps"]
        """Of all of them together."""
        self.seconds: float = answer["seconds"]
        self.seed: int = answer["seed"]
        """With it the same schedules are tried."""
        self.most_chance_of_fault: float | None = answer["most_chance_of_fault"]
        """With 95 % confidence, a schedule chosen like these fails with at most this chance; None: one has failed."""
        self.reasons: list[str] = finding.get("reasons") or answer["reasons"]
        """Why what was found has not passed, or why nothing can be said; one sentence each."""
        self.switches: list[str] = finding.get("switches") or []
        """What the schedule that was found decides, in words."""
        self.not_judged: list[str] = answer["not_judged"]
        """Expectations about the machine, which were left out."""
        self.replayed_first: dict[str, str | None] | None = answer["replayed_first"]
        """What came of the schedule that was kept before: `outcome_before`, `outcome`, and where it `differs`."""
        self.run = run
        """The run by the schedule that was found, with its log; None: nothing was found."""
        self.path = path
        """Where that schedule is kept."""
        self._text: str = answer["text"]

    @property
    def passed(self) -> bool:
        """Whether nothing was found, and everything was in control."""
        return self.verdict == "not_found"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<exploration of {self._text.partition(chr(10))[0]}>"

    def __str__(self) -> str:
        """Return what it comes to, in several lines."""
        return self._text


def explore(
    source: Source,
    *arguments: str,
    params: Given | None = None,
    allow: str | Iterable[str] = (),
    timeout: float | None = None,
    expect: str | Path | None = None,
    keep: str | Path | None = None,
    log: str | Path | None = None,
    **options: Unpack[ExploreOptions],
) -> Exploration:
    """Run a scenario or a script with many schedules, until one fails; return what they have shown: no exception.

    Args:
        source: The scenario; one that asks for another start method than fork cannot be explored. Or the path of a
            script (.py), which runs as it is: to name it is to allow it.
        arguments: What a script gets as `sys.argv[1:]`.
        params: Values for its parameters, as `--set`.
        allow: Top-level packages whose code it may run, as `--allow`; what a dictionary has itself is allowed thereby.
        timeout: Its deadline in seconds of its virtual clock, instead of what it says.
        expect: The path of a file of expectations, by which it is judged instead of by its own.
        keep: A file in which the schedule that is found is kept; one that is there is tried first.
        log: A file to which the log of what is found is appended.
        options: How it is explored: `schedules`, `seconds`, `strategies`, `seed`, `jobs`, `time`, `kill`,
            `pipe_capacity`, `steps` and `replays` (see `ExploreOptions`).

    Raises:
        InvalidScenario: it, or the file of expectations, is wrong, or the latter is not there.
        UsageError: there is no such file, and no bundled scenario of that name; it cannot be explored; its code may not
            be run; `keep` is no schedule; an option cannot be so, or is not for scripts, or for them alone.
        TypeError: there is no such option.
        MachineryError: the command could not be run at all, or a run did not come to an end.
    """
    return explore_with(
        'write allow=["PKG"]',
        source,
        allow,
        options,
        arguments,
        params=params,
        timeout=timeout,
        expect=expect,
        keep=keep,
        log=log,
    )


def explore_with(
    way_to_allow: str,
    source: Source,
    allow: str | Iterable[str],
    options: ExploreOptions,
    arguments: tuple[str, ...] = (),
    *,
    params: Given | None = None,
    timeout: float | None = None,
    expect: str | Path | None = None,
    keep: str | Path | None = None,
    log: str | Path | None = None,
) -> Exploration:
    """Explore a scenario or a script, as `explore` does; `way_to_allow` is as that of `run_with`."""
    _check_timeout(timeout)
    how = as_arguments(options)
    expected = _expectations(expect)
    packages = _packages(source, allow)
    with contextlib.ExitStack() as stack:
        environment: dict[str, str] | None = None
        if is_a_script(source):
            scenario = frame_of(Script(str(source), "", arguments), timeout, expected)
            how += _of_each_run(packages, params or {}, timeout)
            file, environment = str(source), dict(os.environ)  # nothing but the script's own folder is on its sys.path
        else:
            scenario = judged_by(expected, load(source, params=params))
            file, *more = _arguments(scenario, packages, way_to_allow, timeout, stack)
            how += more
        how += ["--expect", expected.path] if expected else []
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="run-scenario-", ignore_cleanup_errors=True))
        path = Path(log or Path(folder, "log.jsonl"))
        before = path.stat().st_size if path.exists() else 0
        how += ["--log", str(path), *([] if log else ["--processors="])]
        how += [f"--keep={keep or ''}", *([f"--replay-first={keep}"] if keep and Path(keep).exists() else [])]
        command = [sys.executable, "-m", "run_scenario", "explore", *how, file, "--", *arguments]
        status, stdout, stderr = _call(command, environment)
        if not stdout:
            raise _failed(status, stderr)
        run = None
        if path.exists():
            with path.open("rb") as written:
                events = EventLog(Lines.read(written, str(path), start=before))
            if events:
                run = Run(
                    scenario, events[-1].get("exit_status", status), events, None if log is None else path, stderr
                )
    answer = json.loads(stdout)
    return Exploration(scenario, answer, run, Path(keep) if keep and answer["verdict"] == "found" else None)


def is_a_script(source: Source) -> TypeGuard[str | Path]:
    """Tell whether what is to be explored is a script, and no scenario."""
    return isinstance(source, str | Path) and _text_of(source) is None and is_script(str(source))


def _expectations(path: str | Path | None) -> Scenario | None:
    return None if path is None else loader.load(path, kind="expectations").require()


def record(
    script: str | Path | Callable[..., object],
    *arguments: Any,
    expect: str | Path | None = None,
    timeout: float | None = None,
    log: str | Path | None = None,
    cwd: str | Path | None = None,
) -> Run:
    """Run a Python script as it is, or a function, recorded, and return what came of it; how it ends is no exception.

    It passes if the script ends with exit code 0, no process of it in a way that nobody has asked for, and all is as
    expected.

    Args:
        script: The path of its file; or a function at the top of a module, which is then called in a script of its own.
        arguments: What a script gets as `sys.argv[1:]`, texts; what a function is called with, data that JSON has.
        expect: The path of a file of expectations.
        timeout: Seconds after which it is stopped; None: as the expectations say, or else all the time it takes.
        log: A file to which the log is appended.
        cwd: The folder that it runs in; None: the current one.

    Raises:
        InvalidScenario: the file of expectations is wrong, or not there.
        UsageError: there is no such script.
        TypeError: a function cannot be imported by its name, or an argument of it is no such data.
        MachineryError: it could not be run at all.
    """
    _check_timeout(timeout)
    expected = _expectations(expect)
    with tempfile.TemporaryDirectory(prefix="run-scenario-", ignore_cleanup_errors=True) as folder:
        file = Path(folder, "log.jsonl") if log is None else Path(log)
        before = file.stat().st_size if file.exists() else 0
        options = ["--log", str(file.absolute()), "--end-with-parent", str(os.getpid())]
        options += [f"--coverage={coverage.settings_for_processes()}"]
        options += ["--timeout", str(timeout)] if timeout is not None else []
        options += ["--expect", expected.path] if expected else []
        environment: dict[str, str] | None = dict(os.environ)
        if callable(script):
            text = _script_calling(script, arguments)
            path = Path(folder, f"{script.__name__}.py")
            path.write_text(text, encoding="utf-8")
            arguments, environment = (), None  # its module is looked for where it was found here
        else:
            path = Path(script).absolute()
        command = [sys.executable, "-m", "run_scenario", "record", *options, str(path), *arguments]
        status, stdout, stderr = _call(command, environment, cwd)
        events = Lines.of(b"", str(file))
        if file.exists():
            with file.open("rb") as written:
                events = Lines.read(written, str(file), start=before)
    if not events:
        raise _failed(status, stderr)
    called = path.stem if callable(script) else str(script)
    told = expected.expect if expected else ()
    frame = Scenario(path.stem, called, str(path), events[0]["digest"], expect=told, script=called)
    return Run(frame, status, EventLog(events), Path(log) if log is not None else None, stderr, stdout)


class _Block(Run):
    """What came of a block of this process: it is known when the block has been left."""

    def __init__(self) -> None:
        """Know nothing yet."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name!r} is known only when the recorded block has been left")

    def __repr__(self) -> str:
        return super().__repr__() if "scenario" in vars(self) else "<run of a block that goes on>"

    def __str__(self) -> str:
        return super().__str__() if "scenario" in vars(self) else repr(self)


class _KeptLines:
    """Keeps the lines of a log until it has its end."""

    def __init__(self) -> None:
        self._file = _kept_log()

    def write(self, data: bytes) -> None:
        """Keep some more.

        Raises:
            MachineryError: there is no space for them.
        """
        try:
            self._file.write(data)
        except OSError as error:
            raise _cannot_keep(error) from None

    def close(self) -> None:
        """Nothing: they are kept."""

    def discard(self) -> None:
        """Keep them no longer."""
        self._file.close()

    def read(self) -> Lines:
        """Return the events; nothing can be written any more."""
        with self._file as file:
            file.flush()
            return Lines.read(file, "the log of the block")


def _kept_log() -> IO[bytes]:
    """Open a file for a log that nobody else is to read.

    Raises:
        MachineryError: there is no room for it.
    """
    try:
        return tempfile.TemporaryFile(prefix="run-scenario-")
    except OSError as error:
        raise _cannot_keep(error) from None


def _cannot_keep(error: OSError) -> MachineryError:
    return MachineryError(f"cannot keep the log of the run: {reason_of(error)}")


class Recording:
    """A `with` block, of which what it does in this very process is recorded; see `record_block`."""

    def __init__(
        self, name: str, path: Path, expect: str | Path | None, log: Path | None, then: Callable[[Run], object]
    ) -> None:
        """Call the run by a name, of the code in a file; `then` is called with it when the block has been left."""
        self._frame = name, path
        self._expect = expect
        self._log = log
        self._then = then

    def __enter__(self) -> Run:
        check_fork(os.environ)
        from run_scenario.report.jsonlines import JsonLines
        from run_scenario.report.outputs import Output
        from run_scenario.runtime.script.block import Block

        expected = _expectations(self._expect)
        name, path = self._frame
        try:
            text = path.read_bytes()
        except OSError:  # of an interactive program
            text = b""
        self._scenario = Scenario(
            name=name,
            file=str(path),
            path=str(path),
            digest=f"sha256:{hashlib.sha256(text).hexdigest()}",
            title=expected.title if expected else "",
            timeout=math.inf,
            main=(),
            expect=expected.expect if expected else (),
            script=str(path),
        )
        self._run = _Block()
        self._block = Block(self._scenario)
        self._lines = _KeptLines()
        files = [] if self._log is None else [Output.log(str(self._log))]
        self._sink = JsonLines([self._lines, *files])
        try:
            self._block.begin()
        except BaseException:
            self._sink.close()
            self._lines.discard()
            raise
        return self._run

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self._block.is_of_this_process:
            return
        self._block.end(error)
        try:
            self._conclude()
        except RunScenarioError as failure:
            if error is None:
                raise
            error.add_note(f"The block's log is not there: {failure}")

    def _conclude(self) -> None:
        judge = LateJudge(self._scenario.expect) if self._expect is not None else None
        try:
            outcome = self._block.conclude([self._sink], Sentences(), judge)
        except BaseException:
            self._lines.discard()
            raise
        finally:
            self._sink.close()
        Run.__init__(self._run, self._scenario, outcome.status, EventLog(self._lines.read()), self._log, "")
        self._then(self._run)


def record_block(*, expect: str | Path | None = None, log: str | Path | None = None) -> Recording:
    """Record what the code in a `with` block does in this very process: `with record_block() as run:`.

    What multiprocessing makes there, and the processes that are started there, have the events that `record` gives
    them. The block is the main program of the run: an exception that leaves it fails the run, and goes on. `run` is a
    `Run` that is known when the block has been left. Everything is then as it was, and what was made in the block goes
    on, unrecorded. Nobody ends what stands still, or what the block leaves behind; output is not captured.

    Args:
        expect: The path of a file of expectations.
        log: A file to which the log is appended.

    Raises (as the block is entered, or left by no exception):
        InvalidScenario: the file of expectations is wrong, or not there.
        UsageError: this process is recorded already; a block within a block is.
        MachineryError: there is no room for the recording, the log cannot be written, or this system cannot fork.
    """
    from run_scenario.runtime.cpython import frames_of_caller

    code = next(frames_of_caller()).f_code
    path = Path(code.co_filename)
    name = path.stem if code.co_name == "<module>" else code.co_name
    return Recording(name, path, expect, Path(log) if log is not None else None, lambda run: None)


def _script_calling(function: Callable[..., object], arguments: tuple[Any, ...]) -> str:
    """Return a script that calls a function with these arguments."""
    module, _, name = name_of(function, "recorded").partition(":")
    written = json.dumps(arguments, default=repr)
    if json.loads(written) != list(arguments):
        raise TypeError(f"{arguments!r} cannot be the arguments of what is recorded: give it data that JSON has")
    call = f"{module}.{name}(*json.loads({written!r}))"
    return f"import json\n\nimport {module}\n\nif __name__ == '__main__':\n    {call}\n"


def _call(
    command: list[str],
    environment: dict[str, str] | None = None,
    cwd: str | Path | None = None,
    stdout: IO[bytes] | None = None,
) -> tuple[int, str, str]:
    """Run a command in a session of its own; whatever interrupts this ends it, in order.

    Returns its exit status, and what it wrote to standard output, unless that went into a file, and to standard error.
    """
    if environment is None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
        cwd=cwd,
    )
    try:
        written, complained = process.communicate()
    except BaseException:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise
    return process.returncode, written or "", complained


def _file_of(scenario: Scenario, stack: contextlib.ExitStack) -> tuple[Path, bool]:
    """Return a file that holds the scenario, and whether it was made for that, in a folder of its own.

    The command removes both as soon as it has read the file, lest they stay behind if this process is killed.
    """
    text = _texts.get(scenario.digest)
    if text is None:
        return Path(scenario.path), False
    temporary = tempfile.TemporaryDirectory(prefix="run-scenario-", ignore_cleanup_errors=True)
    made = Path(stack.enter_context(temporary), "scenario.yaml")
    made.write_text(text, encoding="utf-8")
    return made, True


def _text_of(source: Source) -> str | None:
    """Return the text that a source is, or stands for; None if it is the name of a file."""
    if isinstance(source, Mapping):
        return Written(source).text
    return textwrap.dedent(source) if isinstance(source, str) and "\n" in source.strip() else None
