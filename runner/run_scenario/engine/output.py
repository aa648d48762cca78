"""Output of the processes: lines put together from what was flushed, and files of what bypassed Python's streams."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from run_scenario.record.reader import SegmentReader

LINE_LIMIT = 4_096
"""Longest line told, in characters."""
_BLOCK = 1 << 16
_MOST_BYTES = 4
"""Of a character in UTF-8."""

TellCutOff = Callable[[int, int, str], None]
"""(t, pid, process)"""
TellLine = Callable[[int, int, str, int, str, str, bool], None]
"""(t, pid, process, stream, via, line, whether it was cut)"""


class LineJoiner:
    """Turns pieces of text into lines, separately for each process (or worker in it) and stream."""

    def __init__(self, tell: TellLine, tell_cut_off: TellCutOff, most: int) -> None:
        """Tell at most so many characters of each process, and once where there are more."""
        self._tell = tell
        self._tell_cut_off = tell_cut_off
        self._most = most
        self._taken: Counter[int] = Counter()
        self._open: dict[tuple[int, str, int, str], tuple[int, str]] = {}
        self._cut: set[tuple[int, str, int, str]] = set()
        """Streams in the middle of a line that is too long and was told already."""

    def add(self, pid: int, process: str, stream: int, via: str, t: int, text: str) -> None:
        """Take the next piece of a stream; tell each line that it completes."""
        before = self._taken[pid]
        self._taken[pid] = before + len(text)
        if before + len(text) > self._most:
            if before > self._most:
                return
            text = text[: self._most - before]
            self._take(pid, process, stream, via, t, text)
            self.flush(pid)
            self._tell_cut_off(t, pid, process)
            return
        self._take(pid, process, stream, via, t, text)

    def _take(self, pid: int, process: str, stream: int, via: str, t: int, text: str) -> None:
        key = (pid, process, stream, via)
        _, begun = self._open.pop(key, (0, ""))
        *lines, rest = (begun + text).split("\n")
        if lines and key in self._cut:  # the end of a line that was told, as far as it is told
            self._cut.discard(key)
            del lines[0]
        for line in lines:
            self._tell_cut(t, pid, process, stream, via, line)
        if key in self._cut:
            return
        if len(rest) > LINE_LIMIT:
            self._tell_cut(t, pid, process, stream, via, rest)
            self._cut.add(key)
        elif rest:
            self._open[key] = t, rest

    def flush(self, pid: int, process: str | None = None) -> None:
        """Tell the unfinished lines of a process that is over, or of one of its threads."""
        for key in [key for key in self._open if key[0] == pid and process in (None, key[1])]:
            t, rest = self._open.pop(key)
            self._tell_cut(t, *key, rest)

    def flush_all(self) -> None:
        """Tell all unfinished lines."""
        for pid in {key[0] for key in self._open}:
            self.flush(pid)

    def _tell_cut(self, t: int, pid: int, process: str, stream: int, via: str, line: str) -> None:
        self._tell(t, pid, process, stream, via, line[:LINE_LIMIT].rstrip("\r"), len(line) > LINE_LIMIT)


class OutputFollower:
    """Reads what has been added to the files behind descriptors 1 and 2 of each process."""

    def __init__(self, most: int) -> None:
        """Read of each file little more than so many characters: enough to see that there are more."""
        self._most = most * _MOST_BYTES
        self._read: dict[str, int] = {}

    def news(self, readers: Iterable[SegmentReader]) -> Iterator[tuple[SegmentReader, int, str]]:
        """Yield process, stream and text for all that is new."""
        for reader in readers:
            for stream, ending in ((1, "out"), (2, "err")):
                text = self._new_text(f"{reader.prefix}.{ending}")
                if text:
                    yield reader, stream, text

    def _new_text(self, path: str) -> str:
        known = self._read.get(path, 0)
        data = b""
        with contextlib.suppress(OSError):
            if known > self._most or os.stat(path).st_size <= known:
                return ""
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                while known + len(data) <= self._most and (block := os.pread(descriptor, _BLOCK, known + len(data))):
                    data += block
            finally:
                os.close(descriptor)
        self._read[path] = known + len(data)
        return data.decode("utf-8", "backslashreplace")
