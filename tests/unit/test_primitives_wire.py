"""The wire format is that of multiprocessing's own connections, byte for byte."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest

from run_scenario.runtime.primitives import wire
from run_scenario.runtime.primitives.wire import pickled, receiver, sender, unpickle

SIZES = [0, 1, 4, 4092, 4096, 16_383, 16_384, 16_385, 65_532, 70_000, 1_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_connection_reads_what_is_sent(size: int) -> None:
    """What `sender` writes, Connection.recv_bytes understands."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    data = os.urandom(size)
    thread = threading.Thread(target=sender(writer), args=(memoryview(data),))
    thread.start()
    assert data == reader.recv_bytes()
    thread.join()


@pytest.mark.parametrize("size", SIZES)
def test_what_a_connection_sends_is_read(size: int) -> None:
    """What Connection.send_bytes writes, `receiver` understands."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    data = os.urandom(size)
    thread = threading.Thread(target=writer.send_bytes, args=(data,))
    thread.start()
    assert data == receiver(reader)()
    thread.join()


@pytest.mark.parametrize(
    "item", [0, -1, 1 << 90, True, None, 1.5, "text", "\ud800", "ü" * 70_000, b"", b"x" * 70_000, [1]]
)
def test_what_is_plain_is_pickled_as_ever(item: Any) -> None:
    """Byte for byte."""
    assert bytes(ForkingPickler.dumps(item)) == bytes(pickled(item))


def test_large_messages_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer is used again only when what was in it has been unpickled, whatever the lengths."""
    monkeypatch.setattr(wire, "_spare", [])
    reader, writer = multiprocessing.Pipe(duplex=False)
    receive = receiver(reader)
    items = [os.urandom(size) for size in (50_000, 60_000, 20_000, 50_000)]

    def received(item: bytes) -> Any:
        thread = threading.Thread(target=writer.send, args=(item,))
        thread.start()
        message = receive()
        thread.join()
        return message

    first, second = received(items[0]), received(items[1])
    assert items[1] == unpickle(second)
    third, fourth = received(items[2]), received(items[3])
    assert [items[0], items[2], items[3]] == [unpickle(message) for message in (first, third, fourth)]
    assert 1 == len(wire._spare)


def test_a_message_that_cannot_be_unpickled_gives_its_buffer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is pickle's own."""
    monkeypatch.setattr(wire, "_spare", [])
    with pytest.raises(pickle.UnpicklingError):
        unpickle(memoryview(bytearray(b"nonsense")))
    assert 1 == len(wire._spare)


def test_the_bytes_are_the_same() -> None:
    """Both put the same bytes on the pipe, so the same number of items fits into it."""
    ours, plain = multiprocessing.Pipe(duplex=False), multiprocessing.Pipe(duplex=False)
    sender(ours[1])(b"hello")
    plain[1].send_bytes(b"hello")
    assert os.read(plain[0].fileno(), 100) == os.read(ours[0].fileno(), 100)


@pytest.mark.parametrize("cut", [1, 3, 4, 6])
def test_a_message_in_pieces_is_put_together(cut: int) -> None:
    """A reader waits for the rest of a length or of a message."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    message = b"\x00\x00\x00\x05hello"
    os.write(writer.fileno(), message[:cut])
    thread = threading.Timer(0.01, os.write, (writer.fileno(), message[cut:]))
    thread.start()
    assert b"hello" == receiver(reader)()
    thread.join()


def test_the_end_of_file_and_a_closed_connection_are_errors_as_ever() -> None:
    """EOFError where nobody can write any more, OSError for a closed connection."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    receive = receiver(reader)
    writer.close()
    with pytest.raises(EOFError):
        receive()
    reader.close()
    with pytest.raises(OSError, match="handle is closed"):
        receive()


def test_a_message_that_breaks_off_is_an_error() -> None:
    """A writer that died in the middle leaves no half item."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    os.write(writer.fileno(), b"\x00\x00\x00\x05he")
    writer.close()
    with pytest.raises((OSError, EOFError)):
        receiver(reader)()
