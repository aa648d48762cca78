"""Polling: answers that are the same again and again, folded into one record.

`while not flag.is_set(): pass` asks a million times a second, and a record of each answer would fill any disk. So an
answer is a *poll*, a record that can count: the first one is stored like any other; as long as the same thread gets the
same answer from the same method of the same object, and records nothing else than such answers, only the record's
counter goes up. Polls of several objects can go on at the same time, so that two that are asked in turn fold as well.

A poll is over when its answer changes, or when its thread records anything else: that is an effect, for all we know,
and what was asked before it must not be counted after it.

How it is stored (`layout.POLL`). The counter is one word of eight bytes at a multiple of eight, stored at once: whoever
is killed leaves it as it was or as it is, and has lost at most the poll that he did not come back from. The number
itself comes from an `itertools.count`, so that a signal handler that asks the same cannot make one disappear. To take
the time costs as much as the rest, so it is taken often enough for `until` to be right to a millisecond where polling
is quick, and each time where it is slow. When a poll is over its count is stored once more, in a word of its own,
which says so: whatever a thread that was interrupted in the middle of counting stores later is not looked at, and that
thread notices, and records its answer anew.

How it is read. `streams.PollStream` looks at the polls that are not over in each round, and `Drain` decides when one is
released. It takes its place in the log by its first answer, so what comes later has to wait for it; but not for long.
A poll that nobody waits for is released after a second, one that others wait for as soon as it seems to rest, or after
a second as well. What is counted after that is a record of its own, a continuation, which takes its place by the time
of the look before: later than all that was released, and earlier than whatever the process recorded after it. The
`times` of a poll and its continuations are, together, exactly how often the answer was given. While nothing else
happens, each continuation is given twice the time of the one before: an hour makes a dozen.

That others write the object in between does not end a poll if the answer stays the same: no process knows of the
records of another. `until` says when the answer was last seen.
"""

from __future__ import annotations

import itertools
from _thread import get_ident
from collections.abc import Callable
from struct import Struct
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from run_scenario.recording import layout

if TYPE_CHECKING:
    from run_scenario.recording.recorder import Recorder

MOST_OPEN = 256
"""Polls of one thread that can go on at the same time; with one more, all are over."""
_MOST_UNTIMED = 16
"""Polls of which at most one takes the time."""
_QUICK_NS = 1_000_000
_SMALL = 1 << 63
_NOTHING: Any = object()

_as_float = Struct("<d").pack


class Fold:
    """One poll that goes on: the answer, where its counter is, and whose it is."""

    __slots__ = ("_answer_type", "_step", "_timed_at", "count", "due", "final", "ident", "known", "words")

    def __init__(self, words: Any, at: int, answer: Any, ident: int, now: int) -> None:
        self.words = words[at + layout.POLL_TIMES : at + layout.POLL_TIMES + 3]
        """How often, until when, and how often in all."""
        self.known = answer
        self._answer_type = type(answer)
        self.ident = ident
        """The thread; 0 once it is over."""
        self.count: Callable[[], int] = itertools.count(2).__next__
        self.due = 2
        """From which number on the time is to be taken again."""
        self.final = 0
        self._step = 1
        self._timed_at = now

    def is_same(self, answer: Any) -> bool:
        """Return whether an answer is this one again."""
        known = self.known
        return type(answer) is self._answer_type and bool(answer == known or (answer != answer and known != known))

    def count_on(self) -> bool:
        """Count one more; False if it came too late."""
        number = self.count()
        self.words[0] = number
        return number < self.due or self.look_up(number)

    def look_up(self, number: int) -> bool:
        """Take the time at the poll with this number, and decide when to do so next; False if it came too late."""
        if not self.ident:
            return number <= self.final
        now = monotonic_ns()
        self.words[1] = now
        quick = now - self._timed_at < _QUICK_NS
        self._step = min(2 * self._step, _MOST_UNTIMED) if quick else 1
        self._timed_at = now
        self.due = number + self._step
        return True

    def close(self) -> None:
        """Let no more be counted, unless a signal handler has closed it meanwhile: its count is as it was then."""
        if not self.ident:
            return
        self.ident = 0
        self.known = _NOTHING
        self.final = self.count() - 1
        self.due = 0
        self.words[2] = self.final


NO_FOLD = Fold(memoryview(bytearray(72)).cast("q"), 0, _NOTHING, 0, 0)


class Polled:
    """A method whose answers may be asked for over and over: of one object, or of one element of it.

    `note` records an answer. It may be pickled along with the object, and forked.
    """

    __slots__ = ("_recorder", "fold", "key")

    def __init__(self, recorder: Recorder, code: int, resource: int, place: Any = 0) -> None:
        """Record with this code, position of the resource, and further number."""
        self._recorder = recorder
        self.fold = NO_FOLD
        """The last one that was counted here, perhaps of another thread."""
        self.key = code, resource, place

    def __reduce__(self) -> Any:
        return Polled, (self._recorder, *self.key)

    def note(self, answer: Any, since: int = 0) -> None:
        """Record that this was answered; `since` is when it was asked, if it may have taken its time."""
        fold = self.fold  # taken at once: another thread may put its own in its place
        if answer == fold.known and get_ident() == fold.ident:
            fold.words[0] = number = fold.count()
            if number < fold.due or fold.look_up(number):
                return
        self.note_anew(answer, since)

    def note_anew(self, answer: Any, since: int = 0) -> None:
        """Record an answer that is not that of `fold` again."""
        self.fold = self._recorder.note_answer(self.key, answer, since)


def packed(answer: Any) -> tuple[int, int] | None:
    """Return an answer as a fixed record has it: what it is, and its value; None if it has no room for it."""
    kind = type(answer)
    if kind is int and -_SMALL <= answer < _SMALL:
        return layout.V_INT, answer
    if kind is bool:
        return layout.V_TRUE if answer else layout.V_FALSE, 0
    if answer is None:
        return layout.V_NONE, 0
    if kind is float and answer - answer == 0.0:
        return layout.V_FLOAT, int.from_bytes(_as_float(answer), "little", signed=True)
    return None
