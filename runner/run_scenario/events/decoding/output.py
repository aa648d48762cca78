"""Output of the processes: lines put together from what was flushed, and files of what bypassed Python's streams."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from run_scenario.recording.segment_reader import SegmentReader

Via = Literal["print", "descriptor", "logging"]

LINE_LIMIT = 4_096
"""Longest line emitted, in characters."""
_BLOCK = 1 << 16
_MOST_BYTES = 4
"""Of a character in UTF-8."""

EmitCutOff = Callable[[int, int, str], None]
"""(t, pid, process)"""
EmitLine = Callable[[int, int, str, int, Via, str, bool], None]
"""(t, pid, process, stream, via, line, whether it was cut)"""


class LineJoiner:
    """Turns pieces of text into lines, separately for each process (or worker in it) and stream."""

    def __init__(self, emit: EmitLine, emit_cut_off: EmitCutOff, most: int) -> None:
        """Emit at most so many characters of each process, and once where there are more."""
        self._emit = emit
        self._emit_cut_off = emit_cut_off
        self._most = most
        self._taken: Counter[int] = Counter()
        self._open: dict[tuple[int, str, int, Via], tuple[int, str]] = {}
        self._cut: set[tuple[int, str, int, Via]] = set()
        """Streams in the middle of a line that is too long and was emitted already."""

    def add(self, pid: int, process: str, stream: int, via: Via, t: int, text: str) -> None:
        """Take the next piece of a stream; emit each line that it completes."""
        before = self._taken[pid]
        self._taken[pid] = before + len(text)
        if before + len(text) > self._most:
            if before > self._most:
                return
            text = text[: self._most - before]
            self._take(pid, process, stream, via, t, text)
            self.flush(pid)
            self._emit_cut_off(t, pid, process)
            return
        self._take(pid, process, stream, via, t, text)

    def _take(self, pid: int, process: str, stream: int, via: Via, t: int, text: str) -> None:
        key = (pid, process, stream, via)
        _, begun = self._open.pop(key, (0, ""))
        *lines, rest = (begun + text).split("\n")
        if lines and key in self._cut:  # the end of a line that was emitted, as far as it is
            self._cut.discard(key)
            del lines[0]
        for line in lines:
            self._emit_cut(t, pid, process, stream, via, line)
        if key in self._cut:
            return
        if len(rest) > LINE_LIMIT:
            self._emit_cut(t, pid, process, stream, via, rest)
            self._cut.add(key)
        elif rest:
            self._open[key] = t, rest

    def flush(self, pid: int, process: str | None = None) -> None:
        """Emit the unfinished lines of a process that is over, or of one of its threads."""
        for key in [key for key in self._open if key[0] == pid and process in (None, key[1])]:
            t, rest = self._open.pop(key)
            self._emit_cut(t, *key, rest)

    def flush_all(self) -> None:
        """Emit all unfinished lines."""
        for pid in {key[0] for key in self._open}:
            self.flush(pid)

    def _emit_cut(self, t: int, pid: int, process: str, stream: int, via: Via, line: str) -> None:
        self._emit(t, pid, process, stream, via, line[:LINE_LIMIT].rstrip("\r"), len(line) > LINE_LIMIT)


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
