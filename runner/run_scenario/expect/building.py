"""Expectations written in Python: plain dictionaries, in the words that scenario files use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from run_scenario.expectations import (
    BOUNDS,
    OPERATORS,
    PATTERNS,
    Bounds,
    Condition,
    Expectation,
    Interval,
    Matcher,
    Operator,
)

Fields = Mapping[str, Any]

_SETTINGS = {*BOUNDS, "of", "workers", "within", "same", "because", "after", "before", "between"}


def event(name: str, process: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a matcher: events of this name, about this process, with these fields.

    A field is equal to its value, or compares as a mapping says: `event("process.exited", exitcode={"at_least": 1})`.
    """
    return {"event": name, **({} if process is None else {"process": process}), **fields}


def build(written: Fields) -> Expectation:
    """Return the expectation that a dictionary stands for, as it would stand in a scenario's `expect`.

    Raises:
        ValueError: it has not exactly one pattern, or something beside it that nobody understands.
    """
    found = [key for key in written if key in PATTERNS]
    unknown = [key for key in written if key not in PATTERNS and key not in _SETTINGS]
    if len(found) != 1 or unknown:
        told = f"unknown: {', '.join(unknown)}" if unknown else f"patterns: {', '.join(found) or 'none'}"
        raise ValueError(f"an expectation has one pattern ({', '.join(PATTERNS)}) and no unknown words; {told}")
    (pattern,) = found
    about = written[pattern]
    edges = written.get("between", (written.get("after"), written.get("before")))
    after, before = (None if edge is None else matcher(edge) for edge in edges)
    same = written.get("same", ())
    return Expectation(
        pattern,
        matchers=_matchers(pattern, about),
        intervals=_intervals(pattern, about),
        subject=about if pattern in ("conserved", "fifo") else "",
        bounds=_bounds(written),
        within=written.get("within"),
        same=(same,) if isinstance(same, str) else tuple(same),
        codes=_codes(about) if pattern == "exitcodes" else (),
        shares=tuple((name, _bounds_of(share)) for name, share in written.get("of", {}).items()),
        workers=_bounds_of(written["workers"]) if "workers" in written else (),
        parts=tuple(build(part) for part in ([about] if pattern == "not" else about))
        if pattern in ("all_of", "any_of", "not")
        else (),
        after=after,
        before=before,
        between="between" in written,
        because=written.get("because", ""),
        text=", ".join(f"{key}: {value!r}" for key, value in written.items() if key != "because"),
    )


def matcher(written: Fields) -> Matcher:
    """Return the matcher that a dictionary of fields stands for.

    Raises:
        ValueError: a field compares in a way that there is not.
    """
    if not isinstance(written, Mapping):
        raise ValueError(f"events are meant by a mapping of fields, such as event('queue.get'), not by {written!r}")
    conditions: list[Condition] = []
    for field, value in written.items():
        if isinstance(value, Mapping):
            for operator, operand in value.items():
                if operator not in OPERATORS:
                    raise ValueError(f"{field}: there is no {operator!r}; there is {', '.join(OPERATORS)}")
                kept = tuple(operand) if operator == "one_of" else operand
                conditions.append(Condition(field, cast("Operator", operator), kept))
        else:
            conditions.append(Condition(field, "is", value))
    return Matcher(tuple(conditions))


def _matchers(pattern: str, about: Any) -> tuple[Matcher, ...]:
    if pattern == "no_orphans":
        return (matcher({"event": "process.orphaned"}),)
    if pattern in ("exists", "absent", "count", "distribution"):
        return (matcher(about),)
    if pattern in ("order", "precedes", "leads_to", "happens_before"):
        return tuple(matcher(each) for each in about)
    return ()


def _intervals(pattern: str, about: Any) -> tuple[Interval, ...]:
    if pattern == "overlap":
        return tuple(_interval(each) for each in about)
    if pattern == "duration":
        return (_interval("MainProcess").replace(name="the run") if about == "run" else _interval(about),)
    if pattern == "mutual_exclusion" and isinstance(about, str):
        acquired, released = (matcher({"event": f"lock.{deed}", "lock": about}) for deed in ("acquired", "released"))
        return (Interval(acquired, released, f"lock '{about}'"),)
    return (_interval(about),) if pattern == "mutual_exclusion" else ()


def _interval(about: Any) -> Interval:
    if isinstance(about, str):
        started, exited = (matcher({"event": f"process.{deed}", "process": about}) for deed in ("started", "exited"))
        return Interval(started, exited, about)
    start, end = matcher(about["from"]), matcher(about["to"])
    return Interval(start, end, f"from {start} to {end}")


def _bounds(written: Fields) -> Bounds:
    return tuple((operator, written[operator]) for operator in BOUNDS if operator in written)


def _bounds_of(share: Any) -> Bounds:
    return _bounds(share) if isinstance(share, Mapping) else (("is", share),)


def _codes(about: Fields) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((name, tuple(code) if isinstance(code, Sequence) else (code,)) for name, code in about.items())
