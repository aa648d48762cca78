"""The exit codes that a main program never asks its fork server for."""

from __future__ import annotations

import os
import struct

import pytest

from run_scenario.runtime.platform import system
from run_scenario.runtime.supervisor.exits import ForkServerExitCodes

PID, INDEX = 4711, 3


def pipe() -> tuple[int, int, int]:
    """Return the ends of a pipe, and the number by which the system knows it."""
    reader, writer = os.pipe()
    return reader, writer, os.fstat(reader).st_ino


def test_a_code_that_nobody_has_read() -> None:
    """It is read when the main program is dead, whose end of the pipe is gone by then."""
    known, (reader, writer, number) = ForkServerExitCodes(), pipe()
    known.announce(PID, reader, number)
    known.hold(os.getpid(), INDEX, PID)
    os.write(writer, struct.pack("q", -9))
    os.close(reader)
    os.close(writer)
    assert [(INDEX, PID, -9)] == list(known.read())
    assert [] == list(known.read())


def test_a_code_that_the_main_program_has_read() -> None:
    """Nothing is left of it, and nothing is told."""
    known, (reader, writer, number) = ForkServerExitCodes(), pipe()
    known.announce(PID, reader, number)
    known.hold(os.getpid(), INDEX, PID)
    os.write(writer, struct.pack("q", 0))
    os.read(reader, 8)
    assert [] == list(known.read())
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(not system.IS_LINUX, reason="tee(2) is Linux's")
def test_a_code_that_is_seen_at_once() -> None:
    """What the supervisor looks at is still there for the main program."""
    known, (reader, writer, number) = ForkServerExitCodes(), pipe()
    known.announce(PID, reader, number)
    held = known.hold(os.getpid(), INDEX, PID)
    os.write(writer, struct.pack("q", 7))
    assert held is not None
    assert (INDEX, PID, 7) == known.look(held)
    assert None is known.look(held)
    assert [] == list(known.read())
    assert (7,) == struct.unpack("q", os.read(reader, 8))
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(not system.IS_LINUX, reason="tee(2) is Linux's")
def test_codes_that_are_unread() -> None:
    """They are told of those that are over alone, once, and only while the main program has not read them."""
    known, (reader, writer, number) = ForkServerExitCodes(), pipe()
    known.announce(PID, reader, number)
    assert [] == known.unread(os.getpid(), lambda pid: pid != PID)
    os.write(writer, struct.pack("q", 3))
    assert [(PID, 3)] == known.unread(os.getpid(), lambda pid: pid == PID)
    assert [] == known.unread(os.getpid(), lambda pid: True)
    known.announce(PID, reader, number)
    os.read(reader, 8)
    assert [] == known.unread(os.getpid(), lambda pid: True)
    assert [] == list(known.read())
    os.close(reader)
    os.close(writer)


def test_a_pipe_that_is_another() -> None:
    """Where the main program has closed it, and its descriptor leads elsewhere, that is left alone."""
    known, (reader, writer, number) = ForkServerExitCodes(), pipe()
    known.announce(PID, reader, number + 1)
    known.hold(os.getpid(), INDEX, PID)
    os.write(writer, struct.pack("q", 0))
    assert [] == list(known.read())
    known.announce(PID, 1_000_000, number)
    known.hold(os.getpid(), INDEX, PID)
    known.hold(os.getpid(), INDEX, PID + 1)
    assert [] == list(known.read())
    os.close(reader)
    os.close(writer)
