"""Whoever is no process of the run, and helps it on after a while: with an answer, a signal, a lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import threading
from types import TracebackType


class Helper:
    """Listens at a socket, and does what it is asked for `seconds` later; each request is a word and an argument."""

    def __init__(self, folder: str, seconds: float, *, network: bool) -> None:
        self._seconds = seconds
        self._listener = socket.socket(socket.AF_INET if network else socket.AF_UNIX)
        self._listener.bind(("127.0.0.1", 0) if network else f"{folder}/helper")
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}" if network else f"{folder}/helper"
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Helper:
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it is closed at the end
            while True:
                connection, _ = self._listener.accept()
                self._start(self._help, connection)

    def _help(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request, descriptors, _, _ = socket.recv_fds(connection, 1000, 1)
            word, _, argument = request.decode().strip().partition(" ")
            if word == "lock":
                with open(argument, "w", encoding="ascii") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    connection.sendall(b"!")
                    self._over.wait(self._seconds)
                return
            self._over.wait(self._seconds)
            if word == "answer":
                connection.sendall(b"!")
            elif word == "write":
                with open(argument, "wb") as file:
                    file.write(b"!")
            elif word == "signal":
                os.kill(int(argument), signal.SIGUSR1)
            elif word == "send":  # what a Connection receives: its length, and a pickled None
                os.write(descriptors[0], b"\0\0\0\4\x80\4N.")
            for descriptor in descriptors:
                os.close(descriptor)
