"""The ends of pipes: multiprocessing's own connections, which also record.

What travels is what a plain connection sends, byte for byte. A send is recorded before it is made, so that its receipt
comes later; should it fail, that is recorded too.
"""

from __future__ import annotations

import io
from _thread import get_ident
from collections.abc import Callable
from multiprocessing import connection, context, reduction
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes, layout
from run_scenario.recording.data import beyond_description
from run_scenario.recording.describe import MOST_BYTES, describe
from run_scenario.recording.recorder import packed_timeout, recorder, until
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives.plain_repr import shown_plainly
from run_scenario.runtime.primitives.wire import SMALL, check_size, loads, pickled, receiver, sender, unpickle

if TYPE_CHECKING:
    from run_scenario.scenario.model import PipeSpec

_SMALL = 1 << 63
_KINDS = {None: layout.V_NONE, False: layout.V_FALSE, True: layout.V_TRUE}
_RECEIVING = (codes.W_RECEIVE_LEFT, codes.W_RECEIVE_RIGHT)
_SENDING = (codes.W_SEND_LEFT, codes.W_SEND_RIGHT)
_NOTHING = object()
_NOTABLE_NS = 1_000_000
"""A send() that takes longer is recorded as one that waited; most take a few microseconds."""

_Word = tuple[Any, int, int]
"""The recorder's wait words at the time (a fork makes new ones), the thread, and the index of its word."""


def create_pipe(spec: PipeSpec, index: int, ctx: context.BaseContext) -> dict[str, Connection]:
    """Return the two ends of the pipe that `spec` describes, as `NAME.left` and `NAME.right`.

    Raises:
        OSError: out of file descriptors.
    """
    from run_scenario.scenario.model import PIPE_ENDS

    ends = recorded_ends(index, ctx.Pipe(spec.duplex))
    return {f"{spec.name}.{name}": end for name, end in zip(PIPE_ENDS, ends, strict=True)}


def recorded_ends(index: int, plain: tuple[Any, Any]) -> tuple[Connection, Connection]:
    """Return the two ends of a pipe, recorded, in place of the plain ones, which are closed then."""
    left, right = (
        # The descriptor is ours from here on.
        Connection(index, number, cpython.take_descriptor(end), end.readable, end.writable)
        for number, end in enumerate(plain)
    )
    return left, right


def _word(kind: int, index: int) -> _Word:
    return recorder.waits, get_ident(), recorder.wait_word(kind, index)


def _rebuild(index: int, end: int, run_ref: Any, duplicate: Any, readable: bool, writable: bool) -> Connection:
    recorder.join_run(run_ref)
    return Connection(index, end, duplicate.detach(), readable, writable)


@shown_plainly
class Connection(connection.Connection):
    """`multiprocessing.connection.Connection`, recorded; `end` is 0 for the left one and 1 for the right one."""

    _handle: int | None

    def __init__(self, index: int, end: int, handle: int, readable: bool, writable: bool) -> None:
        super().__init__(handle, readable, writable)
        self._index = index
        self._end = end
        self._write = sender(self)
        self._read = receiver(self)
        self._sending: _Word = None, 0, 0
        self._receiving: _Word = None, 0, 0
        self._polled = recorder.polled(codes.PIPE_POLLED, index, end)

    def __reduce__(self) -> Any:
        duplicate = reduction.DupFd(self.fileno())
        return _rebuild, (self._index, self._end, recorder.run_ref, duplicate, self.readable, self.writable)

    def send(self, obj: Any) -> None:
        self._check_closed()  # type: ignore[attr-defined]
        self._check_writable()  # type: ignore[attr-defined]
        self._send_bytes(pickled(obj), obj)

    def _send_bytes(self, buf: Any, obj: Any = _NOTHING) -> None:
        """Write one message; `obj` is what was pickled, if it was."""
        check_size(buf)
        if obj is not _NOTHING:
            self._record_object(codes.PIPE_SENT, obj, 0)
        elif len(buf) > MOST_BYTES:
            recorder.fixed(codes.PIPE_SENT, layout.V_BYTES, self._index, self._end, len(buf), 0)
        else:
            recorder.emit(codes.PIPE_SENT, self._index, self._end, describe(bytes(buf)), 0)
        waits, ident, word = self._sending
        if waits is not recorder.waits or ident != get_ident():
            waits, _, word = self._sending = _word(_SENDING[self._end], self._index)
        waits[word] = since = monotonic_ns()
        try:
            if len(buf) > SMALL:  # the wire would come back to this method
                super()._send_bytes(buf)  # type: ignore[misc]
            else:
                self._write(buf)
        except OSError as error:
            self._record_broken(error, sending=True)
            raise
        finally:
            waits[word] = 0
        if monotonic_ns() - since > _NOTABLE_NS:
            recorder.emit(codes.PIPE_SEND_WAITED, self._index, self._end, None, since)

    def recv(self) -> Any:
        self._check_closed()  # type: ignore[attr-defined]
        self._check_readable()  # type: ignore[attr-defined]
        data, since = self._receive(self._read)
        try:
            obj = loads(data) if type(data) is bytes else unpickle(data)
        except Exception as error:
            self._record_described(f"<cannot be unpickled: {type(error).__name__}>", since)
            raise
        self._record_object(codes.PIPE_RECEIVED, obj, since)
        return obj

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        data = super().recv_bytes(maxlength)
        self._record_object(codes.PIPE_RECEIVED, data, self._since)
        return data

    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        size = super().recv_bytes_into(buf, offset)
        self._record_described(f"<bytes of {size}>", self._since)
        return size

    def _recv_bytes(self, maxsize: int | None = None) -> io.BytesIO:
        data: io.BytesIO
        data, self._since = self._receive(super()._recv_bytes, maxsize)  # type: ignore[misc]
        return data

    def _receive(self, read: Callable[..., Any], *maxsize: int | None) -> tuple[Any, int]:
        """Read one message; return it, and when it began to wait for it (monotonic, ns)."""
        waits, ident, word = self._receiving
        if waits is not recorder.waits or ident != get_ident():
            waits, _, word = self._receiving = _word(_RECEIVING[self._end], self._index)
        waits[word + 1] = 0  # a poll() may have left its timeout there
        since = waits[word] = monotonic_ns()
        try:
            return read(*maxsize), since
        except EOFError:
            recorder.fixed(codes.PIPE_EOF, layout.V_NONE, self._index, self._end, 0, since)
            raise
        except OSError as error:
            self._record_broken(error, sending=False)
            raise
        finally:
            waits[word] = 0

    def _record_object(self, code: int, obj: Any, since: int) -> None:
        # Both ends record what it is: where several send, the next one to arrive need not be the next one sent.
        kind = type(obj)
        if kind is int and -_SMALL <= obj < _SMALL:
            recorder.fixed(code, layout.V_INT, self._index, self._end, obj, since)
        elif obj is None or kind is bool:
            recorder.fixed(code, _KINDS[obj], self._index, self._end, 0, since)
        elif kind is bytes and len(obj) > MOST_BYTES:
            recorder.fixed(code, layout.V_BYTES, self._index, self._end, len(obj), since)
        else:
            form = beyond_description(obj) if code == codes.PIPE_SENT else ()
            recorder.emit(code, self._index, self._end, describe(obj), since, *form)

    def _record_described(self, text: str, since: int) -> None:
        recorder.emit(codes.PIPE_RECEIVED, self._index, self._end, text, since)

    def _record_broken(self, error: OSError, *, sending: bool) -> None:
        text = f"{type(error).__name__}: {error}"[:500]
        recorder.emit(codes.PIPE_BROKEN, self._index, self._end, text, sending)

    def poll(self, timeout: float | None = 0.0) -> bool:
        waits, ident, word = self._receiving
        if waits is not recorder.waits or ident != get_ident():
            waits, _, word = self._receiving = _word(_RECEIVING[self._end], self._index)
        since = monotonic_ns()
        waits[word + 1] = until(since, timeout)
        waits[word] = since
        try:
            answer = super().poll(timeout)
        finally:
            waits[word] = 0
        if timeout is None or timeout <= 0:
            self._polled.note(answer, since)
        else:
            recorder.note_answer(
                (codes.PIPE_POLLED, self._index, self._end + 2 * packed_timeout(timeout)), answer, since
            )
        return answer

    def close(self) -> None:
        if self._handle is not None:
            recorder.fixed(codes.PIPE_CLOSED, layout.V_NONE, self._index, self._end, 0, 0)
        super().close()
