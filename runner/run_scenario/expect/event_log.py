"""`EventLog`: the events of a run, to be looked through and asserted on."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from run_scenario import event_fields
from run_scenario.expect.judge import Judge
from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.records import records_of
from run_scenario.expect.verdicts import Event, Verdict
from run_scenario.expectation_data import Builder, Fields, event
from run_scenario.expectations import JUDGED_LATER, Matcher

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
            except (ValueError, KeyError, TypeError, RecursionError):
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
        __tracebackhide__ = True
        meant = {"event": name, "process": process}
        matcher = self._matcher({key: value for key, value in meant.items() if value is not None} | fields)
        test = compile_matcher(matcher)
        return EventLog(each for each in self._events if test(each))

    def _matcher(self, written: Fields) -> Matcher:
        __tracebackhide__ = True
        matcher = self._builder.matcher(written)
        self._check_names(matcher)
        return matcher

    def one(self, name: str, process: str | None = None, **fields: Any) -> Event:
        """Return the only such event.

        Raises:
            LookupError: there is none, or more than one.
        """
        __tracebackhide__ = True  # pytest shows the line that asked
        found = self.of(name, process, **fields)
        if len(found) != 1:
            shown = "".join(f"\n  {in_one_line(each)}" for each in found[:_LISTED])
            meant = self._builder.matcher(event(name, process, **fields))
            raise LookupError(f"there is not one {meant}, but {len(found):,}{':' if shown else ''}{shown}")
        return found[0]

    def output(self, process: str | None = None, stream: str | None = None) -> list[str]:
        """Return the lines that a process, or all of them, wrote."""
        return [each["text"] for each in self.of("process.output", process, **({"stream": stream} if stream else {}))]

    @functools.cached_property
    def processes(self) -> list[str]:
        """The names of all processes, in the order in which they came up."""
        return list(dict.fromkeys(each["process"] for each in self._events if each["process"] != "run-scenario"))

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dictionary an event, all with the same keys: `pandas.DataFrame(log.records())`.

        polars has to look at all of them for the types: `polars.DataFrame(log.records(), infer_schema_length=None)`.
        What is in a mapping becomes a column of its own, with a dot: `counts.processes`. A column in which there are
        texts and numbers, or lists of more than plain values, such as `item` may be, is text: JSON.
        """
        return records_of(self._events)

    # Patterns

    def check(self, **written: Any) -> Check:
        """Judge any expectation, in the words of a scenario's `expect`: `log.check(fifo="tasks", because="…")`.

        What is a word of Python has a line below it: `is_=3`, `not_={…}`. The name of replicas stands for each of them.

        Raises:
            ValueError: it is none, or it can never match: there is no such event, or no such field.
        """
        __tracebackhide__ = True
        expectation = self._builder.expectation({key.removesuffix("_"): value for key, value in written.items()})
        for matcher in expectation.all_matchers():
            self._check_names(matcher, judged=True)
        judge = Judge([expectation])
        judge.take(self._events)
        complete = not any(each["event"] in ("scenario.timed_out", "scenario.interrupted") for each in self._events)
        ended = bool(self._events) and self._events[-1]["event"] == "scenario.finished"
        verdicts = judge.finish(complete and ended)
        return Check(next(verdict for verdict in verdicts if verdict.expectation is expectation))

    def exists(self, name: str | Fields, process: str | None = None, **fields: Any) -> Check:
        """There is such an event."""
        return self.check(exists=event(name, process, **fields))

    def absent(self, name: str | Fields, process: str | None = None, **fields: Any) -> Check:
        """There is no such event."""
        return self.check(absent=event(name, process, **fields))

    def count(self, meant: Fields, **settings: Any) -> Check:  # type: ignore[override]
        """So many events are like this: `is_=3`, `at_least=1`. (To count them, take `len(log.of(…))`.)"""
        return self.check(count=meant, **settings)

    def order(self, *meant: Fields | list[Fields], **settings: Any) -> Check:
        """Events like these come in this order, with others in between; they may also come as one list."""
        first = meant[0] if len(meant) == 1 else None
        return self.check(order=first if isinstance(first, list) else list(meant), **settings)

    def precedes(self, earlier: Fields, later: Fields, **settings: Any) -> Check:
        """Before an event like the second one there was one like the first."""
        return self.check(precedes=[earlier, later], **settings)

    def leads_to(self, cause: Fields, effect: Fields, **settings: Any) -> Check:
        """Every event like the first one is followed by one like the second (`within`, `same`)."""
        return self.check(leads_to=[cause, effect], **settings)

    def happens_before(self, earlier: Fields, later: Fields, **settings: Any) -> Check:
        """Every event like the second one depends on one like the first."""
        return self.check(happens_before=[earlier, later], **settings)

    def overlap(self, first: str | Fields, second: str | Fields, **settings: Any) -> Check:
        """Two processes, or intervals `{"from": …, "to": …}`, were under way at the same time."""
        return self.check(overlap=[first, second], **settings)

    def mutual_exclusion(self, of: str | Fields, **settings: Any) -> Check:
        """Never two processes held this lock, or were in this interval, at the same time."""
        return self.check(mutual_exclusion=of, **settings)

    def conserved(self, queue: str, **settings: Any) -> Check:
        """All that was put on the queue was got or left over."""
        return self.check(conserved=queue, **settings)

    def fifo(self, queue: str, **settings: Any) -> Check:
        """Whoever gets from the queue gets each producer's items in their order."""
        return self.check(fifo=queue, **settings)

    def exitcodes(self, codes: Mapping[str, int | Sequence[int]], **settings: Any) -> Check:
        """Each of these processes ended with this exit code."""
        return self.check(exitcodes=codes, **settings)

    def distribution(self, meant: Fields, **settings: Any) -> Check:
        """Each process has so many events like this: `at_least=1`, `of={"Worker-1": 3}`, `workers=2`."""
        return self.check(distribution=meant, **settings)

    def duration(self, of: str | Fields = "run", **settings: Any) -> Check:
        """The run, a process or an interval took so long: `at_most=2.5`."""
        return self.check(duration=of, **settings)

    def no_orphans(self, **settings: Any) -> Check:
        """Nobody was left behind without a parent."""
        return self.check(no_orphans=True, **settings)

    def all_of(self, *parts: Fields, **settings: Any) -> Check:
        """All of these expectations hold: `{"exists": event("queue.put")}`, and so on."""
        return self.check(all_of=list(parts), **settings)

    def any_of(self, *parts: Fields, **settings: Any) -> Check:
        """At least one of these expectations holds."""
        return self.check(any_of=list(parts), **settings)

    def not_(self, part: Fields, **settings: Any) -> Check:
        """This expectation does not hold; where it cannot be judged, neither can this."""
        return self.check(not_=part, **settings)

    # Names

    @functools.cached_property
    def _builder(self) -> Builder:
        return Builder(self._named)

    def _named(self, name: str) -> tuple[str, ...]:
        """Return the processes of a name: itself, or the replicas called `NAME-1`, `NAME-2` and so on."""
        if name in self.processes:
            return (name,)
        prefix = f"{name}-"
        found = [each for each in self.processes if each.startswith(prefix) and each.removeprefix(prefix).isdecimal()]
        return tuple(found) or (name,)

    def _check_names(self, matcher: Matcher, *, judged: bool = False) -> None:
        """Refuse what can never match, so that `absent` cannot hold because of a slip of the pen.

        Raises:
            ValueError: there is no such event or field, neither in this version's logs nor in this one.
        """
        __tracebackhide__ = True
        for name in matcher.events or ():
            if judged and name in JUDGED_LATER:
                raise ValueError(f"{name!r} is told when all has been judged: ask for it with log.of({name!r})")
            if name not in event_fields.names():
                _refuse("event", name, event_fields.names(), (str(each["event"]) for each in self._events))
        for field in (condition.field.partition(".")[0] for condition in matcher.conditions):
            known = [field for name in matcher.events or event_fields.names() for field in event_fields.fields(name)]
            if field not in known:
                own = (key for each in self._events for key in each)
                _refuse("field", field, dict.fromkeys(known), own, f" in {matcher.events[0]}" if matcher.events else "")


def _refuse(kind: str, name: str, known: Iterable[str], seen: Iterable[str], where: str = "") -> None:
    __tracebackhide__ = True
    if name in seen:  # in the log of another version
        return
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1)
    raise ValueError(f"there is no {kind} {name!r}{where}" + (f"; did you mean {close[0]!r}?" if close else ""))


def in_one_line(each: Event) -> str:
    """Return an event in one line, with the fields that are its own."""
    more = ", ".join(f"{field} {value!r}" for field, value in each.items() if field not in _SHOWN)
    text = f"{each.get('seq')}: {each.get('t', 0.0):.3f} s {each.get('process')} {each.get('event')} {more}".rstrip()
    return text if len(text) <= 200 else text[:199] + "…"
