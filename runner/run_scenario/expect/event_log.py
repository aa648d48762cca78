"""`EventLog`: the events of a run, to be looked through and asserted on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from run_scenario.expect.judge import Judge
from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.verdicts import Event, Verdict
from run_scenario.expectation_data import Builder, Fields, event

_BUILDER = Builder()
_UNMET = {"failed": "not as expected", "inconclusive": "could not be judged"}
_NAMED = 3
"""Events that a log shows by name."""
_LISTED = 20
"""Events that are listed where one was wanted."""
_SHOWN = frozenset(("level", "timestamp", "run", "scenario", "pid", "n", "event", "process", "seq", "t"))


class Check:
    """What came of asking a log: true if it holds. Its `repr` says why or why not, its `str` shows the events too."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def __bool__(self) -> bool:
        return self.verdict.result == "passed"

    @property
    def evidence(self) -> tuple[Event, ...]:
        """The events that show it."""
        return self.verdict.evidence

    @property
    def reason(self) -> str:
        """Why it holds or does not, in one sentence."""
        return self.verdict.reason

    def __repr__(self) -> str:
        because = self.verdict.expectation.because
        told = f" ({because})" if because and not self else ""
        return f"<{'as expected' if self else self.verdict.result}{told}: {self.reason}>"

    def __str__(self) -> str:
        """Return what was expected, why it holds or does not, and the events that show it, in several lines."""
        expectation = self.verdict.expectation
        told = [expectation.because] if expectation.because else []
        head = f"{'as expected' if self else _UNMET[self.verdict.result]}: {expectation.text}"
        return "\n    ".join([head, *told, self.reason, *(f"  {in_one_line(each)}" for each in self.evidence)])


class EventLog(Sequence[Event]):
    """The events of one run, in the order of the log.

    It is a sequence of dictionaries. `of` and `one` find events; the patterns of a scenario's `expect` are methods that
    answer with a `Check`, so that `assert log.exists("process.finished", "Worker")` explains itself when it fails.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = list(events)

    @classmethod
    def read(cls, path: str | Path, run: str | None = None) -> EventLog:
        """Read the JSON Lines of a log; of several runs in it the last one, or the one called `run`.

        A torn last line is left out.

        Raises:
            OSError: the file cannot be read.
            ValueError: another line is no event.
        """
        events: list[Event] = []
        lines = Path(path).read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            try:
                found = json.loads(line)
                found["event"], found["seq"], found["process"]
            except (ValueError, KeyError, TypeError):
                if number == len(lines):
                    break
                raise ValueError(f"{path}:{number}: this line is no event of a log of run-scenario") from None
            events.append(found)
        wanted = run if run is not None or not events else events[-1].get("run")
        return cls(each for each in events if each.get("run") == wanted)

    # A sequence

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> EventLog: ...

    def __getitem__(self, index: int | slice) -> Event | EventLog:
        return EventLog(self._events[index]) if isinstance(index, slice) else self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __eq__(self, other: object) -> bool:
        return self._events == other._events if isinstance(other, EventLog) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(str(each["event"]) for each in self._events[:_NAMED])
        more = ", …" if len(self) > _NAMED else ""
        return f"<{len(self):,} events{': ' if shown else ''}{shown}{more}>"

    # Looking for events

    def of(self, name: str | None = None, process: str | None = None, **fields: Any) -> EventLog:
        """Return the events of that name, about that process, with these fields (as `event` takes them)."""
        meant = {"event": name, "process": process, **fields}
        test = compile_matcher(_BUILDER.matcher({key: value for key, value in meant.items() if value is not None}))
        return EventLog(each for each in self._events if test(each))

    def one(self, name: str, process: str | None = None, **fields: Any) -> Event:
        """Return the only such event.

        Raises:
            LookupError: there is none, or more than one.
        """
        __tracebackhide__ = True  # pytest shows the line that asked
        found = self.of(name, process, **fields)
        if len(found) != 1:
            shown = "".join(f"\n  {in_one_line(each)}" for each in found[:_LISTED])
            meant = _BUILDER.matcher(event(name, process, **fields))
            raise LookupError(f"there is not one {meant}, but {len(found):,}{':' if shown else ''}{shown}")
        return found[0]

    def output(self, process: str | None = None, stream: str | None = None) -> list[str]:
        """Return the lines that a process, or all of them, wrote."""
        return [each["text"] for each in self.of("process.output", process, **({"stream": stream} if stream else {}))]

    @property
    def processes(self) -> list[str]:
        """The names of all processes, in the order in which they came up."""
        return list(dict.fromkeys(each["process"] for each in self._events if each["process"] != "run-scenario"))

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dictionary an event, all with the same keys: `pandas.DataFrame(log.records())`.

        What is in a mapping becomes a column of its own, with a dot: `counts.processes`; a list stays one.
        """
        flat = [dict(_flattened(each)) for each in self._events]
        columns = dict.fromkeys(key for record in flat for key in record)
        return [{column: record.get(column) for column in columns} for record in flat]

    # Patterns

    def check(self, **written: Any) -> Check:
        """Judge any expectation, in the words of a scenario's `expect`: `log.check(fifo="tasks", because="…")`.

        What is a word of Python stands in a dictionary: `log.check(**{"not": {…}})`.

        Raises:
            ValueError: it is none.
        """
        expectation = _BUILDER.expectation(written)
        judge = Judge([expectation])
        judge.take(self._events)
        complete = not any(each["event"] in ("scenario.timed_out", "scenario.interrupted") for each in self._events)
        ended = bool(self._events) and self._events[-1]["event"] == "scenario.finished"
        verdicts = judge.finish(complete and ended)
        return Check(next(verdict for verdict in verdicts if verdict.expectation is expectation))

    def exists(self, name: str, process: str | None = None, **fields: Any) -> Check:
        """There is such an event."""
        return self.check(exists=event(name, process, **fields))

    def absent(self, name: str, process: str | None = None, **fields: Any) -> Check:
        """There is no such event."""
        return self.check(absent=event(name, process, **fields))

    def in_order(self, *meant: Fields, **settings: Any) -> Check:
        """Events like these come in this order, with others in between."""
        return self.check(order=list(meant), **settings)

    def precedes(self, earlier: Fields, later: Fields, **settings: Any) -> Check:
        """Before an event like the second one there was one like the first."""
        return self.check(precedes=[earlier, later], **settings)

    def leads_to(self, cause: Fields, effect: Fields, **settings: Any) -> Check:
        """Every event like the first one is followed by one like the second (`within`, `same`)."""
        return self.check(leads_to=[cause, effect], **settings)

    def happens_before(self, earlier: Fields, later: Fields, **settings: Any) -> Check:
        """Every event like the second one depends on one like the first."""
        return self.check(happens_before=[earlier, later], **settings)

    def overlap(self, first: str | Fields, second: str | Fields) -> Check:
        """Two processes, or intervals `{"from": …, "to": …}`, were under way at the same time."""
        return self.check(overlap=[first, second])

    def mutual_exclusion(self, of: str | Fields) -> Check:
        """Never two processes held this lock, or were in this interval, at the same time."""
        return self.check(mutual_exclusion=of)

    def conserved(self, queue: str) -> Check:
        """All that was put on the queue was got or left over."""
        return self.check(conserved=queue)

    def fifo(self, queue: str) -> Check:
        """Whoever gets from the queue gets each producer's items in their order."""
        return self.check(fifo=queue)

    def exitcodes(self, codes: Mapping[str, int | Sequence[int]]) -> Check:
        """Each of these processes ended with this exit code."""
        return self.check(exitcodes=codes)

    def distribution(self, meant: Fields, **settings: Any) -> Check:
        """Each process has so many events like this: `at_least=1`, `of={"Worker-1": 3}`, `workers=2`."""
        return self.check(distribution=meant, **settings)

    def duration(self, of: str | Fields = "run", **bounds: float) -> Check:
        """The run, a process or an interval took so long: `at_most=2.5`."""
        return self.check(duration=of, **bounds)

    def no_orphans(self) -> Check:
        """Nobody was left behind without a parent."""
        return self.check(no_orphans=True)


def in_one_line(each: Event) -> str:
    """Return an event in one line, with the fields that are its own."""
    more = ", ".join(f"{field} {value!r}" for field, value in each.items() if field not in _SHOWN)
    text = f"{each.get('seq')}: {each.get('t', 0.0):.3f} s {each.get('process')} {each.get('event')} {more}".rstrip()
    return text if len(text) <= 200 else text[:199] + "…"


def _flattened(each: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in each.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
