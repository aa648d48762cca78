"""Targets in processes of their own, whose output is read, and queues whose items are in their pipes already."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import resource
import select
import sys
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from typing import Any

DEADLINE = 30.0
"""Seconds after which a test gives up; none of them needs a tenth of it."""


fork = multiprocessing.get_context("fork")


def _on_pipe(fd: int, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    function(**kwargs)


class Running:
    """A target in a process called Worker, whose output comes through a pipe."""

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        self._reader, writer = os.pipe()
        self.process: ForkProcess = fork.Process(name="Worker", target=_on_pipe, args=(writer, function, kwargs))
        self.process.start()
        os.close(writer)
        self._text = b""

    def line(self) -> str:
        """Wait for the next line."""
        while b"\n" not in self._text:
            assert self._read(), "the process ended without another line"
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def lines(self) -> list[str]:
        """Wait for the end and return the lines not yet seen."""
        while self._read():
            pass
        self.exitcode()
        return self._text.decode().splitlines()

    def exitcode(self) -> int | None:
        """Wait for the end and return the exit code."""
        self.process.join(DEADLINE)
        return self.process.exitcode

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        os.close(self._reader)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._reader], [], [], DEADLINE)
        assert ready, "the process writes nothing and does not end"
        chunk = os.read(self._reader, 65536)
        self._text += chunk
        return bool(chunk)


def put_all(queue: Any, items: tuple[Any, ...]) -> None:
    """Put items."""
    for item in items:
        queue.put(item)
