"""The door for Python: run a scenario from a program or a test, and look at what happened.

    from run_scenario import run

    result = run("daemon")
    assert result.passed
    assert result.log.absent("process.finished", "Worker 1")

The run is the command's, in a process of its own: it cannot harm the program that called it, and is not harmed by its
threads. What that costs is the start of an interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from run_scenario import bundled, language
from run_scenario.errors import MachineryError, Status, UsageError
from run_scenario.expect import Verdict as Verdict
from run_scenario.expect.event_log import EventLog
from run_scenario.model import Scenario

Source = str | Path | Mapping[str, Any] | Scenario
"""A scenario: the path of a file or the name of a bundled one; its YAML text, of several lines; what that text says, as
a dictionary, in which a target may be a function; or what `load` has returned.
"""

_texts: dict[str, str] = {}
"""Digest -> text of the scenarios that were loaded from a text, for when they are run."""

_STOP_WITHIN = 20.0
"""Seconds that a run gets to stop in an orderly way when its caller is interrupted."""


class Run:
    """What came of a run."""

    def __init__(self, scenario: Scenario, status: int, log: EventLog, path: Path | None, stderr: str) -> None:
        self.scenario = scenario
        self.status = status
        """The exit status of the command: 0 passed, 1 failed, 3 stopped, 4 broken (see the README)."""
        self.log = log
        """Its events."""
        self.path = path
        """Where the log was written to, if it was to be kept."""
        self.stderr = stderr

    @property
    def outcome(self) -> str:
        """passed, failed, stalled, timed_out, too_much, interrupted, refused or broken."""
        return str(self.log[-1]["outcome"]) if self._ended else "broken"

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass, one sentence each."""
        return list(self.log[-1]["reasons"]) if self._ended else [self.stderr.strip()]

    @property
    def verdicts(self) -> EventLog:
        """The events that say what became of each expectation."""
        return EventLog(each for each in self.log if str(each["event"]).startswith("expectation."))

    @property
    def passed(self) -> bool:
        """Whether it went as the scenario says: it passed, or was stopped where that is expected in so many words."""
        if self.status == Status.PASSED:
            return True
        met = all(each["event"] == "expectation.passed" for each in self.verdicts)
        return self.status == Status.STOPPED and met and self._is_to_stop()

    @property
    def _ended(self) -> bool:
        return len(self.log) > 0 and self.log[-1]["event"] == "scenario.finished"

    def _is_to_stop(self) -> bool:
        meant = [m for each in self.scenario.expect if each.pattern != "absent" for m in each.matchers_meant()]
        return any(name in ("scenario.stalled", "scenario.timed_out") for m in meant for name in m.events or ())

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


def load(source: Source, *, file: str | None = None) -> Scenario:
    """Return a checked scenario; nothing that it names is imported. `file` is its name in messages.

    Raises:
        InvalidScenario: it is wrong; it carries all problems, each with its place.
        UsageError: there is no such file, and no bundled scenario of that name.
    """
    if isinstance(source, Scenario):
        return source
    text = _text_of(source)
    if text is not None:
        scenario = language.load_text(text, file=file or "scenario.yaml").require()
        _texts[scenario.digest] = text
        return scenario
    path = Path(str(source))
    if not path.is_file():
        found = bundled.find_scenario(str(source))
        if found is None:
            raise UsageError(f"there is no file {str(source)!r} here, and no bundled scenario of that name")
        path = found
    return language.load(path, file=file or str(source)).require()


def run(
    source: Source,
    *,
    allow: str | Iterable[str] = (),
    start_method: str | None = None,
    timeout: float | None = None,
    log: str | Path | None = None,
) -> Run:
    """Run a scenario and return what came of it; how it ends is no exception.

    Args:
        source: The scenario.
        allow: Top-level packages whose code it may run, as `--allow`. A function given as a target is allowed thereby.
        start_method: fork, spawn or forkserver, instead of what it says.
        timeout: Its deadline in seconds, instead of what it says.
        log: A file to which the log is appended.

    Code that may not be run is not: the outcome is then `refused`.

    Raises:
        InvalidScenario: it is wrong.
        UsageError: there is no such file, and no bundled scenario of that name.
        MachineryError: the command could not be run at all.
    """
    scenario = load(source)
    packages = {allow} if isinstance(allow, str) else set(allow)
    if isinstance(source, Mapping):
        packages |= {name.partition(".")[0] for name in _modules(source)}
    with contextlib.ExitStack() as stack:
        file, is_made = _file_of(scenario, stack)
        arguments = [str(file), "--format", "json", "--end-with-parent", str(os.getpid())]
        arguments += ["--temporary"] if is_made else []
        arguments += [part for name in sorted(packages) for part in ("--allow", name)]
        arguments += ["--start-method", start_method] if start_method else []
        arguments += ["--timeout", str(timeout)] if timeout is not None else []
        arguments += ["--log", str(log)] if log is not None else []
        status, stdout, stderr = _call([sys.executable, "-m", "run_scenario", "run", *arguments])
    events = [json.loads(line) for line in stdout.splitlines()]
    if not events:
        text = stderr.removeprefix("run-scenario: ").strip() or f"the command ended with status {status}"
        raise UsageError(text) if status == Status.INVALID else MachineryError(text)
    return Run(scenario, status, EventLog(events), Path(log) if log is not None else None, stderr)


def _call(command: list[str]) -> tuple[int, str, str]:
    """Run a command in a session of its own; whatever interrupts this ends it, in order."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate()
    except BaseException:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise
    return process.returncode, stdout, stderr


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
        return _written(source)
    return _dedented(source) if isinstance(source, str) and "\n" in source.strip() else None


def _dedented(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)


def _written(source: Mapping[str, Any]) -> str:
    """Return the text that a dictionary stands for: JSON is YAML."""
    return json.dumps({"version": 1, **source}, default=_reference, ensure_ascii=False)


def _reference(target: Callable[..., Any]) -> str:
    """Return how a function or class is named in a scenario.

    Raises:
        TypeError: it is none, or cannot be imported by its name.
    """
    module, name = getattr(target, "__module__", ""), getattr(target, "__qualname__", "")
    if not module or not name:
        raise TypeError(f"{target!r} cannot stand in a scenario: it is neither plain data nor a function")
    if "<" in name or module == "__main__":
        raise TypeError(f"{target!r} cannot be a target: processes import it, so it must be at the top of a module")
    return f"{module}:{name}"


def _modules(source: Mapping[str, Any]) -> Iterable[str]:
    for process in source.get("processes", ()):
        target = process.get("target") if isinstance(process, Mapping) else None
        if callable(target):
            yield target.__module__
