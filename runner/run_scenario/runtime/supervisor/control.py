"""The supervisor's side of a scheduler: who decides which process moves knows when none can."""

from __future__ import annotations

import contextlib
import marshal
import os
import socket

DEADLOCK, DEADLINE = "deadlock", "deadline"
"""What it may say: nobody can move any more; the virtual clock has reached the deadline."""
LOOK = "look"
"""What it says when a process has ended: nobody moves until the supervisor has seen what came of it, and answers."""
SUPERVISOR = "supervisor"
"""The token with which a supervisor says hello."""


class Control:
    """The connection to the scheduler."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(path)
        self._socket.send(marshal.dumps(("hello", SUPERVISOR, "", os.getpid())))
        self.said = ""
        """Why the run is to be ended; empty: it goes on."""
        self.is_asked = False
        """Whether it waits for an answer."""

    @property
    def descriptor(self) -> int:
        """Becomes readable when it has said something, or is gone."""
        return self._socket.fileno()

    def hear(self) -> bool:
        """Take what it has said; return whether it is still there."""
        word = self._socket.recv(64).decode("ascii")
        if word == LOOK:
            self.is_asked = True
        else:
            self.said = word
        return bool(word)

    def answer(self) -> None:
        """Say that all is seen."""
        self.is_asked = False
        with contextlib.suppress(OSError):
            self._socket.send(LOOK.encode())

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()
