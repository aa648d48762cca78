"""What pools are handed to do: not a function itself but something that calls it, and records that.

With each item goes its number in the call.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from run_scenario.record import codes, layout
from run_scenario.record.describe import describe
from run_scenario.record.recorder import recorder

_MOST_ARGUMENTS = 4
_MANY = 64
"""Tasks of one call, from which on there are many."""
_SMALL = 1 << 63


class Task:
    """A function that a pool calls, recorded. It is called with the task's number (from 0) and the arguments."""

    def __init__(self, function: Callable[..., Any], index: int, call: int) -> None:
        self._function = function
        self._index = index
        self._call = call
        self._waits: Any = None
        self._word = 0

    def __getstate__(self) -> Any:
        return self._function, self._index, self._call, recorder.home

    def __setstate__(self, state: Any) -> None:
        function, index, call, home = state
        recorder.adopt(home)
        Task.__init__(self, function, index, call)

    def __call__(self, number: int, *args: Any, **kwargs: Any) -> Any:
        if recorder.waits is not self._waits:
            self._find_word()
        self._waits[self._word] = 0
        told = [describe(value) for value in (*args, *kwargs.values())[:_MOST_ARGUMENTS]]
        recorder.emit(codes.POOL_TASK_STARTED, self._index, self._call, number, told)
        try:
            result = self._function(*args, **kwargs)
        except BaseException as error:
            self._record_failure(number, error)
            raise
        else:
            recorder.emit(codes.POOL_TASK_FINISHED, self._index, self._call, number, describe(result))
            return result
        finally:
            recorder.waits[self._word] = monotonic_ns()

    def _find_word(self) -> None:
        """Find the word that says since when a worker has been waiting for a task."""
        self._word = recorder.wait_word(codes.W_POOL_TASK, self._index)
        self._waits = recorder.waits  # a fork makes new ones

    def _record_failure(self, number: int, error: BaseException) -> None:
        text = str(error)[:500]
        recorder.emit(codes.POOL_TASK_FAILED, self._index, self._call, number, type(error).__name__, text)


class PairedTask(Task):
    """A task that is called with one pair of number and argument: so `map` hands them over.

    Of many small ones each is recorded in the short form; where there are few, that would be one more file a worker.
    """

    def __call__(self, pair: Any) -> Any:
        number, argument = pair
        if number < _MANY or type(argument) is not int or not -_SMALL <= argument < _SMALL:
            return super().__call__(number, argument)
        index, place = self._index, self._call << layout.TASK_BITS | number
        if recorder.waits is not self._waits:
            self._find_word()
        self._waits[self._word] = 0
        recorder.fixed(codes.POOL_TASK_STARTED, layout.V_INT, index, place, argument, 0)
        try:
            result = self._function(argument)
        except BaseException as error:
            self._record_failure(number, error)
            raise
        else:
            if type(result) is int and -_SMALL <= result < _SMALL:
                recorder.fixed(codes.POOL_TASK_FINISHED, layout.V_INT, index, place, result, 0)
            else:
                recorder.emit(codes.POOL_TASK_FINISHED, index, self._call, number, describe(result))
            return result
        finally:
            recorder.waits[self._word] = monotonic_ns()
