"""Why a run has not passed, for whoever reads a failed test: the cause, what shows it, and then the rest, short.

    Scenario, log, outcome, reasons ──▶ failure() ──▶ Failure(cause, line, lines)

The cause is what went wrong first: a process that ended as it must not, or that nothing moved any more. Sentences,
tracebacks, stacks and output are those that the log has on a terminal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from run_scenario.counting import plural
from run_scenario.events.encoding import as_event
from run_scenario.events.exit_cause import MAIN_NAME, RUNNER
from run_scenario.report.sentences import OUTCOMES, explanation, sentence
from run_scenario.report.terminal.transcript import Transcript
from run_scenario.report.text import sanitize
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.outcome import OutcomeName
    from run_scenario.scenario.model import Scenario

Event = Mapping[str, Any]

_MOST_OUTPUT = 10
"""Lines of output that are shown: the last ones."""
_MOST_KEPT = 300
"""Lines of output that are looked through for these: on standard error, a traceback stands among them once more."""
_MOST_OTHERS = 5
"""Of what went wrong after the first, so much is shown."""

_STOPS = ("scenario.stalled", "scenario.timed_out", "scenario.interrupted", "scenario.limit_reached")
"""How processes end after these comes of them."""
_OF_OTHERS = ("stopped_by_runner", "cut_off", "refused")
"""Causes of an end that comes of something else that went wrong."""
_UNMET = ("expectation.failed", "expectation.inconclusive")


class Failure(Value):
    """Why a run has not passed."""

    cause: str
    """In one sentence."""
    line: int | None
    """The line of the scenario's file that it is about, from 1; None: it is about none."""
    lines: tuple[str, ...]
    """All there is to say, the cause first, in lines that are safe on a terminal."""


def failure(
    scenario: Scenario, log: Iterable[Event], outcome: OutcomeName, reasons: Sequence[str], written: str = ""
) -> Failure:
    """Return why a run of a scenario, or of a script, has not passed.

    `written` is what a script wrote to standard output, which its log does not have.
    """
    return _Failures(scenario, log, outcome, reasons, written).report()


class _Failures:
    """What went wrong in a run."""

    def __init__(
        self, scenario: Scenario, log: Iterable[Event], outcome: OutcomeName, reasons: Sequence[str], written: str
    ) -> None:
        self._scenario = scenario
        self._outcome = outcome
        self._reasons = reasons
        self._written = written
        self._transcript = Transcript()
        self._ends: list[Event] = []
        """What the run has failed by, in the order of the log."""
        self._unmet: list[Event] = []
        self._raised: dict[str, Event] = {}
        """Process -> its `process.failed`."""
        self._of_tasks: list[Event] = []
        """What went wrong in the workers of pools."""
        self._output: deque[Event] = deque(maxlen=_MOST_KEPT)
        self._output_of: dict[str, deque[Event]] = {}
        self._has_stopped = False
        self._shown_by: Sequence[Any] = ()
        """For each reason, the number of the event that shows it."""
        for event in log:
            self._see(event)

    def _see(self, event: Event) -> None:
        process = event.get("process", RUNNER)
        match event["event"]:
            case "process.output" | "log.message" | "process.failed" as name:
                self._output.append(event)
                self._output_of.setdefault(process, deque(maxlen=_MOST_KEPT)).append(event)
                if name == "process.failed":
                    self._raised[process] = event
            case "process.exited":
                if not (event.get("allowed", True) or self._has_stopped or event.get("cause") in _OF_OTHERS):
                    self._ends.append(event)
            case "pool.task_failed" | "pool.worker_lost" | "pool.worker_failed":
                self._of_tasks.append(event)
            case "scenario.refused" | "scenario.failed":
                self._ends.append(event)
            case "scenario.finished":
                self._shown_by = event.get("shown_by") or ()
            case name if name in _STOPS:
                self._ends.append(event)
                self._has_stopped = True
            case name if name in _UNMET:
                self._unmet.append(event)

    def report(self) -> Failure:
        """Return all of it."""
        causes = sorted(self._causes(), key=lambda event: int(event.get("seq") or 0))
        stops = [event for event in causes[1:] if event["event"] in _STOPS]
        others = [event for event in causes[1:] if event["event"] not in _STOPS]
        parts = [self._in_full(event) for event in (*causes[:1], *stops)]
        if causes:
            parts[0] += self._last_output(causes[0])
        parts.append([self._heading(event) for event in others[:_MOST_OTHERS]])
        if len(others) > _MOST_OTHERS:
            parts[-1].append(f"and {plural(len(others) - _MOST_OTHERS, 'more failure')}")
        parts += [self._verdict(event, with_evidence=not causes) for event in self._unmet]
        parts.append(self._untold(causes))
        shown = [part for part in parts if part]
        outcome = f"{self._scenario.name}: {OUTCOMES[self._outcome]}"
        lines = [outcome, *(line for part in shown for line in ("", *part))]
        first = next(iter((*causes, *self._unmet)), None)
        where = None if first is None else self._place(first)
        return Failure(
            cause=sanitize(self._cause(first) if first else next(iter(self._reasons), outcome)),
            line=where,
            lines=tuple(sanitize(line) for line in lines),
        )

    def _causes(self) -> Iterator[Event]:
        """Yield what the run has failed by: of an end by an exception, the exception."""
        for event in self._ends:
            raised = self._raised.get(event.get("process", RUNNER))
            if event["event"] != "process.exited" or event.get("cause") != "exception" or raised is None:
                yield event
                continue
            yield raised
            yield from (task for task in self._of_tasks if self._is_passed_on(task, raised))

    def _is_passed_on(self, task: Event, raised: Event) -> bool:
        """Return whether somebody who asked for the result of a task got this exception, and was ended by it."""
        if task["event"] == "pool.task_failed":
            return _what(task) == _what(raised)
        return raised.get("exception") == "BrokenProcessPool"

    # Sentences

    def _cause(self, event: Event) -> str:
        """Return what was wrong, in one sentence."""
        if event["event"] in _UNMET:
            return str(event.get("reason"))
        if event["event"] == "scenario.refused":
            return str(next(iter(event.get("problems") or ()), event.get("reason")))
        return self._heading(event)

    def _heading(self, event: Event) -> str:
        """Return what happened to whom; of an end that is not allowed, with the way to allow it."""
        process, name = event.get("process", RUNNER), event["event"]
        if name == "process.exited" and process != MAIN_NAME:
            of_it = (reason for reason, shown_by in self._shown_reasons() if shown_by == event.get("seq"))
            return next(of_it, f"{process} {sentence(event)}")
        return sentence(event) if process == RUNNER else f"{process} {sentence(event)}"

    def _in_full(self, event: Event) -> list[str]:
        """Return what happened, with its traceback or stacks; nothing if that was told before."""
        name = event["event"]
        if name == "scenario.refused":
            lines, problems = event.get("lines") or (), event.get("problems") or ()
            places = [f"{self._scenario.file}:{line}: " for line in lines] or [""] * len(problems)
            return [f"{place}{problem}" for place, problem in zip(places, problems, strict=False)]
        shown = event
        if name == "pool.task_failed":  # its traceback is in that of whoever asked for its result
            shown = next(each for each in self._raised.values() if _what(each) == _what(event))
        line = next(self._transcript.lines([as_event(shown)]), None)
        return [self._heading(event), *(f"    {detail}" for detail in line.details)] if line else []

    def _last_output(self, event: Event) -> list[str]:
        """Return the last lines that the process of an event wrote, or all processes; nothing if there are none."""
        process, transcript = event.get("process", RUNNER), Transcript()
        if self._scenario.script:
            process = RUNNER
        texts = [f"| {text}" for text in self._written.splitlines()[-_MOST_OUTPUT:]]
        for each in self._output if process == RUNNER else self._output_of.get(process, ()):
            lines = list(transcript.lines([as_event(each)]))  # it leaves out a traceback that comes again
            if each["event"] != "process.failed":
                texts += [line.text if process != RUNNER else f"{line.process} {line.text}" for line in lines]
        shown = [f"    {text}" for text in texts[-_MOST_OUTPUT:]]
        return [f"  {'the' if process == RUNNER else 'its'} last output:", *shown] if shown else []

    def _verdict(self, event: Event, *, with_evidence: bool) -> list[str]:
        """Return what was expected, and why it is not so."""
        is_of_file = event.get("file") is not None and not self._scenario.script
        named = {"file": self._scenario.file} if is_of_file else {}  # as it is known here
        evidence = {} if with_evidence else {"evidence": ()}
        return [sentence({**event, **named}), *(f"    {line}" for line in explanation({**event, **evidence}))]

    def _untold(self, causes: Iterable[Event]) -> list[str]:
        """Return the reasons of the outcome that nothing else has told."""
        told = {event.get("seq") for event in (*self._ends, *self._unmet, *causes)}
        return [reason for reason, shown_by in self._shown_reasons() if shown_by is None or shown_by not in told]

    def _shown_reasons(self) -> Iterator[tuple[str, Any]]:
        """Yield the reasons, each with the number of the event that shows it."""
        return zip_longest(self._reasons, self._shown_by[: len(self._reasons)])

    # Places

    def _place(self, event: Event) -> int | None:
        """Return the line of the file that an event is about."""
        if event["event"] in _UNMET:
            line = event.get("line")
            return line if isinstance(line, int) else None
        if event["event"] == "scenario.refused":
            return next(iter(event.get("lines") or ()), None)
        pool = next((pool for pool in self._scenario.pools if pool.name == event.get("pool")), None)
        if pool is not None:
            call = next((call for call in pool.calls if call.number == event.get("call")), pool)
            where = call.where or pool.where
            return where.line if where else None
        waits = (event.get("diagnosis") or {}).get("waits") or ()
        names = [event.get("process"), *(wait.get("process") for wait in waits)]
        found = (spec.where for name in names for spec in self._scenario.processes if spec.name == name)
        return next((where.line for where in found if where is not None), None)


def _what(event: Event) -> tuple[Any, Any]:
    """Return which exception an event tells of."""
    return event.get("exception"), event.get("message")
