"""The data of a program in its records: where it stands, and how it is kept out of them.

Where payloads are withheld, no record has them on its way to the segment, so they are in no file of the run. What is
kept says that something happened, when, where, and by whom: names, numbers of messages and calls, lines of code, types
of exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.recording import codes, layout

WITHHELD = "<not recorded>"
"""Stands in an event for what was withheld."""
WITHHELD_VALUE = layout.V_WITHHELD, 0
"""The same in a fixed record: what the value is, and the value."""

Withhold = Callable[[Any], Any]


def _data(value: Any) -> Any:
    """Withhold data, whatever it is."""
    return WITHHELD


def _arguments(values: Any) -> Any:
    """Withhold several, in a list or a mapping by name; how many there were, too."""
    if not values:
        return values
    return [WITHHELD] if type(values) is list else {"…": WITHHELD}


def _text(value: Any) -> Any:
    """Withhold a text, and leave a number: an exit code."""
    return WITHHELD if type(value) is str else value


def _item(value: Any) -> Any:
    """Withhold an item, unless it is only said that it is the one that was put."""
    return value if value == codes.SAME else WITHHELD


def _message(value: Any) -> Any:
    """Withhold the message in `ValueError: message`."""
    return f"{value.partition(':')[0]}: {WITHHELD}" if value is not None else None


def _form(value: Any) -> None:
    """Withhold the form in which a scenario writes a value."""
    return


def _given(arguments: Any) -> Any:
    """Withhold what something is called with, but for what the program has made."""
    return [
        argument if "resource" in argument or "resources" in argument else {"name": argument["name"], "value": WITHHELD}
        for argument in arguments
    ]


def _parameters(more: Any) -> Any:
    """Withhold what shared memory holds at first, and what workers are given."""
    if "initargs" in more:
        more = {**more, "initargs": _given(more["initargs"])}
    return {key: value for key, value in more.items() if key != "value"}


PAYLOADS: Mapping[int, Mapping[int, Withhold]] = {
    codes.CONTENT: {2: _data},
    codes.FAILED: {2: _data},
    codes.EXITING: {1: _text},
    codes.START_FAILED: {2: _data},
    codes.OWN_THREAD_FAILED: {2: _data},
    codes.OUTPUT: {1: _data},
    codes.LOGGED: {3: _data, 4: _arguments},
    codes.RESOURCE_MADE: {7: _parameters},
    codes.PROCESS_MADE: {5: _given},
    codes.PUT: {2: _data, 5: _form},
    codes.GET: {2: _item},
    codes.DROPPED: {2: _data, 3: _message},
    codes.GET_FAILED: {2: _message},
    codes.PIPE_SENT: {2: _data, 4: _form},
    codes.PIPE_RECEIVED: {2: _data},
    codes.VALUE_READ: {2: _data},
    codes.VALUE_WRITTEN: {2: _data},
    codes.ARRAY_READ: {2: _data},
    codes.ARRAY_WRITTEN: {2: _data},
    codes.VALUE_FINAL: {1: _data},
    codes.MANAGER_CALLED: {2: _arguments, 3: _arguments, 4: _data, 5: _message},
    codes.POOL_WORKER_FAILED: {2: _data},
    codes.POOL_CALLED: {4: _given, 5: _form},
    codes.POOL_TASK_STARTED: {3: _arguments},
    codes.POOL_TASK_FINISHED: {3: _data},
    codes.POOL_TASK_FAILED: {4: _data},
    codes.POOL_RESULT: {3: _data},
    codes.POOL_RETURNED: {2: _data},
    codes.POOL_CALL_FAILED: {3: _data},
    codes.POOL_THREAD_FAILED: {4: _data},
    codes.POOL_CALLED_BACK: {3: _data},
    codes.POOL_CALL_BROKEN: {3: _data},
    codes.STEP_CALLED: {2: _data},
    codes.STEP_RAISED: {3: _data},
}
"""Code -> which of its fields are data of the program, the first after the code being 0, and how each is withheld."""
_CODE = (1 << layout.WORKER_BITS) - 1


def is_payload(code: int) -> bool:
    """Tell whether records with that code have data of the program."""
    return code in PAYLOADS


def withheld(record: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a record `(t, code, *fields)` without the data of the program."""
    places = PAYLOADS.get(record[1] & _CODE)
    if places is None:
        return record
    _, _, *fields = record
    for place, withhold in places.items():
        if place < len(fields):  # the form of an item is there only where its description is not the item
            fields[place] = withhold(fields[place])
    return (*record[:2], *fields)


def withholding(pack: Callable[..., None]) -> Callable[..., None]:
    """Return what stores fixed records as `pack` does, without the data of the program."""

    def pack_without(chunk: Any, at: int, t: int, code: int, kind: int, *more: int) -> None:
        if code in PAYLOADS and kind != layout.V_SAME:
            *place, _, since, mark = more
            kind, more = layout.V_WITHHELD, (*place, 0, since, mark)
        pack(chunk, at, t, code, kind, *more)

    return pack_without
