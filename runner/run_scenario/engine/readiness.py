"""Waiting for many descriptors at once, at a cost that does not grow with those at which nothing happens."""

from __future__ import annotations

import select
from collections.abc import Iterable


class Readiness:
    """Which of the registered descriptors can be read from, or have come to an end."""

    def __init__(self) -> None:
        self._epoll = select.epoll() if hasattr(select, "epoll") else None  # epoll(7): Linux
        self._poll = select.poll() if self._epoll is None else None

    def register(self, descriptor: int) -> None:
        """Watch a descriptor."""
        if self._epoll is not None:
            self._epoll.register(descriptor, select.EPOLLIN)
        elif self._poll is not None:
            self._poll.register(descriptor, select.POLLIN)

    def unregister(self, descriptor: int) -> None:
        """Watch it no longer; to be called before it is closed."""
        (self._epoll or self._poll).unregister(descriptor)  # type: ignore[union-attr]

    def wait(self, seconds: float) -> Iterable[int]:
        """Return those with news, at the latest after so many seconds."""
        if self._epoll is not None:
            return [descriptor for descriptor, _ in self._epoll.poll(max(0.0, seconds))]
        assert self._poll is not None
        return [descriptor for descriptor, _ in self._poll.poll(max(0, int(seconds * 1000) + 1))]

    def close(self) -> None:
        """Watch nothing any more; also in a forked child, where it would watch on for its parent."""
        if self._epoll is not None:
            self._epoll.close()
