"""What all events have in common: who, when, where in the log; and how an event type describes its fields."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import UNSET, Meta, Struct, UnsetType

from run_scenario.scenario.resources import PipeEnd

Level = Literal["debug", "info", "warning", "error", "critical"]
Worker = Annotated[
    Literal["process", "thread", "serial"],
    Meta(
        description="What runs the target: a process of its own, a thread of the main program, or (in a comparison) "
        "the main program itself. An event of a thread has the thread's name and the pid of its program."
    ),
]


def about(description: str, **constraints: Any) -> Meta:
    """Describe a field of an event; `constraints` are those of `msgspec.Meta`."""
    return Meta(description=description, **constraints)


def _unit(unit: str) -> Meta:
    return Meta(ge=0, extra_json_schema={"unit": unit})


Seconds = Annotated[float, _unit("s")]
Bytes = Annotated[int, _unit("bytes")]
Count = Annotated[int, Meta(ge=0)]
Ordinal = Annotated[int, Meta(ge=1)]
"""A number that counts from 1."""
NonEmpty = Annotated[str, Meta(min_length=1)]

Item = Annotated[
    Any,
    about(
        'The item itself where JSON can say it; else its form, such as {"tuple": [1, 2]} or {"object": "shop:Order", '
        '"fields": {"id": 1}}, or a text that describes it.'
    ),
]
Data = Annotated[
    Any | UnsetType,
    about(
        "Where `item` is not what a scenario writes for the item, or only a part of it: what a scenario writes, such "
        'as {"bytes": "ab"}; null if it is no data, or too much of it.'
    ),
]
Path = Annotated[
    str | UnsetType,
    about("In the log of a script: where it is found, as `module:function`; empty if its module has no such name."),
]


class NamedResource(TypedDict):
    """A resource that is given to a process or a function, with others."""

    resource: Annotated[str, about("Its name.")]
    end: NotRequired[Annotated[PipeEnd, about("Of a pipe: which end it is.")]]


class Argument(TypedDict):
    """One thing that a process or a function of a script is given: by `name`, one of the others; `end` is of a pipe."""

    name: Annotated[str | None, about("Of the parameter; null if it is not known.")]
    data: NotRequired[Annotated[Any, about("If it is data: what a scenario writes for it.")]]
    resource: NotRequired[Annotated[str, about("If it is a resource: its name.")]]
    end: NotRequired[Annotated[PipeEnd, about("Of a pipe: which end it is.")]]
    resources: NotRequired[Annotated[list[NamedResource], about("If it is a list of resources: these.")]]
    value: NotRequired[Annotated[Any, about("If it is anything else: what is like it.")]]


Arguments = Annotated[list[Argument] | UnsetType, about("In the log of a script: what it is given.")]
CalledFunction = Annotated[str | UnsetType, about("Of a call that own code has made: what the workers are to call.")]
Place = Annotated[str | UnsetType, about("Where own code has made the call, as `script.py:12`.")]
Waited = Annotated[Seconds, about("Seconds that it waited.")]
CallTime = Annotated[Seconds, about("Seconds that the call took.")]
Timeout = Annotated[
    Seconds | UnsetType, about("Most seconds to wait, as the call was given it; not there: it was given none.")
]
Reason = Annotated[str, about("Why, in one sentence.")]
ExceptionName = Annotated[str, about("Name of the exception.")]
Message = Annotated[str, about("Its message.")]
Holders = Annotated[list[str], about("Names of the processes that hold it.")]

Times = Annotated[
    Ordinal | UnsetType,
    about(
        "How many answers, one after another, this stands for; not there: one. As long as a thread asks the same, is "
        "answered the same, and does nothing else that is recorded, its answers are counted; it may ask several things "
        "in turn. Where that goes on for long, or others have something to log meanwhile, what was counted is logged, "
        "and the further answers are another event: all their `times` together are how often it was asked. Of a "
        "process that was killed, the last answer may be missing."
    ),
]
"""Of an event that is an answer which may be given over and over."""
Until = Annotated[
    Seconds | UnsetType,
    about(
        "With `times`: when the last of these answers was given, to about a millisecond; the first was at `t`. Others "
        "may have written the object in between."
    ),
]
Hint = Annotated[
    str | UnsetType, about("What explains it, where its own words do not and a fact in this log does; in words.")
]
HintSeq = Annotated[Ordinal | UnsetType, about("Number of the event that explains it.")]

ThreadsLeftOut = Annotated[
    list[str] | UnsetType,
    about(
        "Names of the other threads of the process that forks it, of many only the first. It has none of them, and "
        "what they hold stays held in it. Not there where there are none, or where that is not recorded."
    ),
]


class Event(Struct, kw_only=True, tag_field="event", gc=False):
    """One event of a log. A subclass is one kind of event; its tag is the event's name.

    The fields here are the same for all. A decoder gives the others, and the level where it is not the usual one;
    `EventFactory` fills in the rest when the event takes its place in the log.
    """

    level: Annotated[Level, about("How much attention it wants.")] = "info"
    timestamp: Annotated[
        str,
        about(
            "When, UTC, to the microsecond.",
            pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
            max_length=27,
        ),
    ] = ""
    t: Annotated[Seconds, about("When: seconds since the run began, by a clock that never goes back.")] = 0.0
    seq: Annotated[Ordinal, about("Line number within the run: 1, 2, 3, …")] = 0
    run: Annotated[NonEmpty, about("Identifies the run.")] = ""
    scenario: Annotated[
        NonEmpty, about("Short name of the scenario: its file's name without .yaml or .scenario.yaml.")
    ] = ""
    process: Annotated[
        NonEmpty, about("Name of the process that the event is about; run-scenario for the run as a whole.")
    ] = ""
    pid: Annotated[Ordinal | None, about("Its process id; null where it has none (yet).")] = None
    n: Annotated[Ordinal, about("Counts the events of this process: 1, 2, 3, …")] = 0


def name_of(kind: type[Event]) -> str:
    """Return the name that an event type has in the log."""
    return str(kind.__struct_config__.tag)


@functools.cache
def optional_fields(kind: type[Event]) -> tuple[str, ...]:
    """Return the fields that an event of this type may be without, in the order of the class."""
    # Not by `msgspec.structs.fields`: it works out the types of all fields, too, in half a millisecond for each class.
    defaults = kind.__struct_defaults__
    names = kind.__struct_fields__[len(kind.__struct_fields__) - len(defaults) :]
    return tuple(name for name, default in zip(names, defaults, strict=True) if default is UNSET)
