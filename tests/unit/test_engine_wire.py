"""The wire format is that of multiprocessing's own connections, byte for byte."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from run_scenario.engine.primitives.wire import receiver, sender

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
