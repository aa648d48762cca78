"""`EventLog`: the events of a run, to be looked through and asserted on; and `Records`, the same as rows of a table."""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from run_scenario.counting import plural
from run_scenario.errors import UsageError
from run_scenario.events import fields as event_fields
from run_scenario.events.lines import Lines, Selection
from run_scenario.events.outcome import Outcome
from run_scenario.expect.judge import Judge
from run_scenario.expect.late_judge import LogNames
from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.observer import Names, names_of
from run_scenario.expect.patterns import PatternChecks
from run_scenario.expect.verdicts import Check, Event, in_one_line
from run_scenario.scenario.data import elements_of, is_object
from run_scenario.scenario.expectation_data import Builder, Fields, event
from run_scenario.scenario.expectations import JUDGED_LATER, Matcher
from run_scenario.suggestions import did_you_mean

if TYPE_CHECKING:
    import polars

    from run_scenario.scenario.event_names import EventName

_NAMED = 3
"""Events that a log shows by name."""
_LISTED = 20
"""Events that are listed where one was wanted."""
_AT_ONCE = 1_000
"""Events that are judged together."""


class EventLog(PatternChecks, Sequence[Event]):  # type: ignore[misc]  # `count` is the pattern's
    """The events of one run, in the order of the log.

    It is a sequence of dictionaries. `of` and `one` find events; the patterns of a scenario's `expect` are methods that
    answer with a `Check`, so that `assert log.exists("process.finished", "Worker")` explains itself when it fails.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._events: Sequence[Event]
        if isinstance(events, EventLog):
            self._events = events._events
        else:
            self._events = events if isinstance(events, Lines | Selection) else list(events)

    @classmethod
    def read(cls, path: str | Path, run: str | None = None) -> EventLog:
        """Read the JSON Lines of a log; of several runs in it the last one, or the one called `run`.

        A torn last line is left out. Of a long log the events stay in its file, which is read again for them: it may be
        appended to meanwhile, or be removed. If it was changed otherwise, they raise a MachineryError.

        Raises:
            OSError: the file cannot be read.
            ValueError: another line is no event.
        """
        with Path(path).open("rb") as file:
            return cls(Lines.read(file, str(path), run))

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
        if not isinstance(other, EventLog):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        """Return the events alone: what was worked out of them is worked out again in a copy."""
        return {"_events": self._events}

    def __repr__(self) -> str:
        shown = ", ".join(str(each["event"]) for each in self._events[:_NAMED])
        more = ", …" if len(self) > _NAMED else ""
        return f"<{plural(len(self), 'event')}{': ' if shown else ''}{shown}{more}>"

    # Looking for events

    def of(self, name: EventName | None = None, process: str | None = None, **fields: Any) -> EventLog:
        """Return the events of that name, about that process, with these fields (as `event` takes them)."""
        __tracebackhide__ = True
        meant = {"event": name, "process": process}
        matcher = self._matcher({key: value for key, value in meant.items() if value is not None} | fields)
        return self._where(compile_matcher(matcher), names_of([matcher]))

    def _where(self, test: Callable[[Event], bool], names: Names) -> EventLog:
        """Return the events that pass a test, which no event of another name than these can pass."""
        if isinstance(self._events, Lines | Selection):
            return EventLog(self._events.where(test, names))
        return EventLog(filter(test, self._events))

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

    def records(self) -> Records:
        """Return one flat dictionary an event, all with the same keys: `pandas.DataFrame(log.records())`.

        What is in a mapping becomes a column of its own, with a dot: `counts.processes`; a form such as
        `{"tuple": [1, 2]}` is one value. A column in which there are texts and numbers, lists of more than plain values
        or integers of more than 64 bits, such as `item` may be, is text: JSON. They are a sequence, of which each is
        made when it is asked for.
        """
        return Records(self._events)

    def to_polars(self) -> polars.DataFrame:
        """Return a data frame of polars with the columns of `records()`.

        Raises:
            UsageError: polars is not installed.
        """
        return self.records().to_polars()

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
        events = iter(self._events)
        while batch := list(islice(events, _AT_ONCE)):
            judge.take(batch)
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


# As a table


Record = dict[str, Any]

_ROWS_AT_ONCE = 10_000
"""Records that are put into a data frame together."""


class Records(Sequence[Record]):
    """One flat dictionary an event, all with the same keys; each is made when it is asked for.

    What is in a mapping has a column of its own, with a dot: `counts.processes`; a form such as `{"tuple": [1, 2]}` is
    one value. A column in which there are texts and numbers, lists of more than plain values, or integers of more than
    64 bits, such as `item` may be, is text, JSON: a column of a data frame has one type.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        """Take the events; all of them are looked at to find the columns."""
        self._events = events
        kinds: dict[str, set[str]] = {}
        for each in events:
            for column, value in _flattened(each):
                found = kinds.get(column)
                if found is None:
                    found = kinds[column] = set()
                found.add(_kind(value))
        self._kinds = {column: _common(found) for column, found in kinds.items()}

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        found = self._events[index]
        return self._record(found) if isinstance(found, Mapping) else [self._record(each) for each in found]

    def _record(self, event: Event) -> Record:
        flat = dict(_flattened(event))
        return {
            column: _as_text(flat.get(column)) if kind == _OTHER else flat.get(column)
            for column, kind in self._kinds.items()
        }

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self._events)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{plural(len(self), 'record')} of {plural(len(self._kinds), 'column')}>"

    def to_polars(self) -> polars.DataFrame:
        """Return a data frame, made of some records at a time (see `EventLog.to_polars`)."""
        try:
            import polars
        except ImportError:
            raise UsageError("to_polars() needs polars: pip install 'run-scenario[frames]'") from None
        types = {"truth": polars.Boolean, "integer": polars.Int64, "number": polars.Float64, "text": polars.String}
        schema: dict[str, Any] = {}
        for column, kind in self._kinds.items():
            plain = types.get(kind.removeprefix(_LIST).strip(), polars.String)
            schema[column] = polars.List(plain) if kind.startswith(_LIST) else plain
        frames = [polars.DataFrame(schema=schema)]
        events = iter(self._events)
        while some := list(islice(events, _ROWS_AT_ONCE)):
            frames.append(polars.DataFrame(self._columns(some), schema=schema))
        return polars.concat(frames)

    def _columns(self, events: list[Event]) -> dict[str, list[Any]]:
        """Return what these events have in each column."""
        found: dict[str, list[Any]] = {column: [None] * len(events) for column in self._kinds}
        for row, each in enumerate(events):
            for column, value in _flattened(each):
                found[column][row] = value
        for column, kind in self._kinds.items():
            if kind == _OTHER:
                found[column] = list(map(_as_text, found[column]))
            elif kind == f"{_LIST} number":  # polars takes no integers among these
                found[column] = [value and [_as_float(each) for each in value] for value in found[column]]
        return found


def _flattened(each: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in each.items():
        if isinstance(value, Mapping) and value and not is_object(value) and elements_of(value) is None:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_OTHER = "something else"
_LIST = "list of"
_KINDS: dict[type, str] = {bool: "truth", int: "integer", float: "number", str: "text", type(None): ""}


def _kind(value: Any) -> str:
    """Return what a value is; empty for nothing."""
    if isinstance(value, list):
        inner = _common(map(_kind, value))
        return _OTHER if inner == _OTHER or inner.startswith(_LIST) else f"{_LIST} {inner}".rstrip()
    kind = _KINDS.get(type(value), _OTHER)
    return _OTHER if kind == "integer" and not -(2**63) <= value < 2**63 else kind


def _common(kinds: Iterable[str]) -> str:
    """Return what all of these are."""
    found = {*kinds} - {""}
    for number, integer in (("number", "integer"), (f"{_LIST} number", f"{_LIST} integer")):
        if number in found:
            found.discard(integer)
    return found.pop() if len(found) == 1 else _OTHER if found else ""


def _as_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=repr)


def _as_float(value: float | None) -> float | None:
    return None if value is None else float(value)
