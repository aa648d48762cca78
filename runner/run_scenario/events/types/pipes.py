"""Events of pipes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET

from run_scenario.events.types.base import (
    Data,
    Event,
    Item,
    Level,
    Ordinal,
    Timeout,
    Times,
    Until,
    Waited,
    about,
)


class PipeEvent(Event, kw_only=True):
    """What happens at one end of a pipe."""

    level: Level = "debug"
    pipe: Annotated[str, about("Name of the pipe.")]
    end: Annotated[Literal["left", "right"], about("Which of its two ends.")]


class PipeSent(PipeEvent, kw_only=True, tag="pipe.sent"):
    """The process sends an object: recorded just before it does, and so before it is received."""

    item_id: Annotated[Ordinal, about("Number of the object among those sent at this end: 1, 2, 3, …")]
    item: Item
    data: Data = UNSET


class PipeSendWaited(PipeEvent, kw_only=True, tag="pipe.send_waited"):
    """The send() recorded last at this end by this process has taken more than a millisecond: there was no room."""

    waited: Waited


class PipeReceived(PipeEvent, kw_only=True, tag="pipe.received"):
    """The process has received an object."""

    item_id: Annotated[
        Ordinal | None,
        about(
            "Number of the object among those sent at that end; null if it is not known which one it is: where several "
            "processes send or receive, nothing but its content tells."
        ),
    ]
    item: Item
    waited: Waited


class PipeEof(PipeEvent, kw_only=True, tag="pipe.eof"):
    """recv() raised EOFError: nothing more will come, for nobody has the other end any more."""

    waited: Waited


class PipeBroken(PipeEvent, kw_only=True, tag="pipe.broken"):
    """send() or recv() failed: the other end is gone."""

    level: Level = "warning"
    call: Annotated[Literal["send", "recv"], about("What failed.")]
    error: Annotated[str, about("The exception and its message.")]
    item_id: Annotated[Ordinal | None, about("Of send(): number of the object that did not arrive.")]


class PipePolled(PipeEvent, kw_only=True, tag="pipe.polled"):
    """The process has asked whether there is something to receive."""

    ready: Annotated[bool, about("What poll() answered.")]
    waited: Waited
    times: Times = UNSET
    until: Until = UNSET
    timeout: Timeout = UNSET


class PipeClosed(PipeEvent, kw_only=True, tag="pipe.closed"):
    """The process closes its end."""


class PipeLeftOver(PipeEvent, kw_only=True, tag="pipe.left_over"):
    """At the end, some of what was sent has not been received; `end` is where it would have been."""

    level: Level = "warning"
    count: Annotated[Ordinal, about("How many objects.")]
    items: Annotated[list[Any], about("The first of them.")]
