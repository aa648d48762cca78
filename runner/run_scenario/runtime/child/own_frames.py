"""Tracebacks as they are without the recording: what Python prints of an exception has none of our frames."""

from __future__ import annotations

import itertools
import os
from types import TracebackType

_RUNTIME = os.path.dirname(os.path.dirname(__file__)) + os.sep
_PRIMITIVES = f"{_RUNTIME}primitives"


def primitives_in(error: BaseException) -> list[str]:
    """Return through which modules of our primitives an exception has come, by their names: `pipes`."""
    found, trace = set(), error.__traceback__
    while trace is not None:
        folder, name = os.path.split(trace.tb_frame.f_code.co_filename)
        if folder == _PRIMITIVES:
            found.add(name.removesuffix(".py"))
        trace = trace.tb_next
    return sorted(found)


def leave_out_own_frames(error: BaseException) -> None:
    """Take our frames out of the traceback of an exception, and of those that it came from."""
    seen: set[int] = set()
    others: list[BaseException | None] = [error]
    while others:
        each = others.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = _without(each.__traceback__)
            others += [each.__cause__, each.__context__]


def _without(trace: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_RUNTIME):
            kept.append(trace)
        trace = trace.tb_next
    if not kept:
        return None
    for before, after in itertools.pairwise(kept):
        before.tb_next = after
    kept[-1].tb_next = None
    return kept[0]


def message_of(error: BaseException, most: int = 500) -> str:
    """Return the first characters of what an exception says, which own code makes: that may fail, too."""
    try:
        return str(error)[:most]
    except Exception:
        return "<its message cannot be made: __str__ failed>"
