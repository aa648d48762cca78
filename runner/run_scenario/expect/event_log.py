"""`EventLog`: the events of a run, to be looked through and asserted on."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from run_scenario.events import fields as event_fields
from run_scenario.events.log_format import parse_line
from run_scenario.events.outcome import Outcome
from run_scenario.expect.check import Check, in_one_line
from run_scenario.expect.judge import Judge
from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.names import LogNames
from run_scenario.expect.patterns import PatternChecks
from run_scenario.expect.verdicts import Event
from run_scenario.scenario.expectation_data import Builder, Fields, event
from run_scenario.scenario.expectations import JUDGED_LATER, Matcher
from run_scenario.scenario.forms import elements_of, is_object
from run_scenario.suggestions import did_you_mean

if TYPE_CHECKING:
    from run_scenario.scenario.event_names import EventName

_NAMED = 3
"""Events that a log shows by name."""
_LISTED = 20
"""Events that are listed where one was wanted."""


class EventLog(PatternChecks, Sequence[Event]):  # type: ignore[misc]  # `count` is the pattern's
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
            found = parse_line(line)
            if found is not None:
                events.append(found)
            elif number < len(lines):
                raise ValueError(f"{path}:{number}: this line is no event of a log of run-scenario")
        wanted = run if run is not None or not events else events[-1]["run"]
        return cls(each for each in events if each["run"] == wanted)

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

    def of(self, name: EventName | None = None, process: str | None = None, **fields: Any) -> EventLog:
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

    def one(self, name: EventName, process: str | None = None, **fields: Any) -> Event:
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
        return self._names.processes

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dictionary an event, all with the same keys: `pandas.DataFrame(log.records())`.

        polars has to look at all of them for the types: `polars.DataFrame(log.records(), infer_schema_length=None)`.
        What is in a mapping becomes a column of its own, with a dot: `counts.processes`; a form such as
        `{"tuple": [1, 2]}` is one value. A column in which there are
        texts and numbers, or lists of more than plain values, such as `item` may be, is text: JSON.
        """
        return _records_of(self._events)

    # Patterns

    def check(self, **written: Any) -> Check:
        """Judge any expectation, in the words of a scenario's `expect`: `log.check(fifo="tasks", because="…")`.

        What is a word of Python has a line below it: `is_=3`, `not_={…}`. The name of replicas stands for each of them,
        and a script's variable for what it has made: `tasks` for `tasks (script.py:12)`.

        Raises:
            ValueError: it is none, or it can never match: there is no such event, or no such field.
        """
        __tracebackhide__ = True
        expectation = self._builder.expectation({key.removesuffix("_"): value for key, value in written.items()})
        for matcher in expectation.all_matchers():
            self._check_names(matcher, judged=True)
        judge = Judge([expectation])
        judge.take(self._events)
        verdicts = judge.finish(Outcome.read(self._events[-1] if self._events else None).is_complete)
        return Check(next(verdict for verdict in verdicts if verdict.expectation is expectation))

    # Names

    @functools.cached_property
    def _names(self) -> LogNames:
        names = LogNames()
        for each in self._events:
            names.see(each)
        return names

    @functools.cached_property
    def _builder(self) -> Builder:
        return self._names.builder()

    def _check_names(self, matcher: Matcher, *, judged: bool = False) -> None:
        """Refuse what can never match, so that `absent` cannot hold because of a slip of the pen.

        Raises:
            ValueError: there is no such event or field, neither in this version's logs nor in this one.
        """
        __tracebackhide__ = True
        for name in matcher.events or ():
            if judged and name in JUDGED_LATER:
                raise ValueError(f"{name!r} comes after all has been judged: look for it with log.of({name!r})")
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
    hint = did_you_mean(name, known)
    raise ValueError(f"there is no {kind} {name!r}{where}" + (f"; {hint}" if hint else ""))


def _records_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return one record an event; a column whose values are of several kinds is text, for it can have one type only."""
    flat = [dict(_flattened(each)) for each in events]
    kinds: dict[str, set[str]] = {}
    for record in flat:
        for column, value in record.items():
            kinds.setdefault(column, set()).add(_kind(value))
    mixed = {column for column, found in kinds.items() if len(found - {""}) > 1 or _OTHER in found}
    columns = {column: (_as_text if column in mixed else _unchanged) for column in kinds}
    return [{column: show(record.get(column)) for column, show in columns.items()} for record in flat]


def _flattened(each: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in each.items():
        if isinstance(value, Mapping) and value and not is_object(value) and elements_of(value) is None:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_OTHER = "something else"
_KINDS: dict[type, str] = {bool: "truth", int: "number", float: "number", str: "text", type(None): ""}


def _kind(value: Any) -> str:
    """Return what a value is; empty for nothing."""
    if isinstance(value, list):
        inner = {_KINDS.get(type(each), _OTHER) for each in value} - {""}
        return _OTHER if len(inner) > 1 or _OTHER in inner else " ".join(("list of", *inner))
    return _KINDS.get(type(value), _OTHER)


def _unchanged(value: Any) -> Any:
    return value


def _as_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=repr)
