"""Which lessons the user has run: a small file in the folder where a user's programs keep their state.

It has a line for each, with the time of its first run, and is only ever added to: who else writes at the same moment
loses nothing. What is no such line is passed over. The file only says what is marked in a list: whatever is
wrong with it, lessons can be run, and a sentence says what is not known or not kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path

from run_scenario.errors import MachineryError, reason_of
from run_scenario.ownership import ForeignFileError, make_own_folder, open_to_write, read_own, why_foreign
from run_scenario.report.text import sanitize

_MOST_BYTES = 1_000_000
"""Of the file: it has a short line for each lesson that was run."""
_ELSEWHERE = "XDG_STATE_HOME can name another folder"


def usual_path() -> Path | None:
    """Return where the file is; None for a user who has no home."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The XDG base directory specification: relative paths are to be ignored.
    if not base.is_absolute():
        try:
            base = Path.home() / ".local" / "state"
        except RuntimeError:
            return None
    return base / "run-scenario" / "learned"


class Learned:
    """What was run, as the file at `path` has it; without a path nothing is known, and nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.trouble = "" if path else f"this user has no home, so what is run is not kept; {_ELSEWHERE}"
        """Why it is not known what was run, or why a run was not kept; empty if all is well."""
        self._text = self._read()

    def scenarios(self, known: Collection[str]) -> set[str]:
        """Return those of `known` that were run."""
        lines = (line.split() for line in self._text.splitlines())
        return {words[1] for words in lines if len(words) == 2 and words[1] in known}

    def add(self, scenario: str) -> None:
        """Keep that a scenario was run; `trouble` says so if that fails."""
        if self.trouble or self._path is None:  # what is there may be another's, or something else
            return
        if self.scenarios([scenario]):
            return
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {scenario}\n"
        if self._text and not self._text.endswith("\n"):  # a disk was full
            line = f"\n{line}"
        try:
            why = _append(self._path, line.encode())
        except (OSError, ValueError) as error:
            why = reason_of(error) if isinstance(error, OSError) else str(error)
        if why:
            self.trouble = f"{self._name()} cannot be written, so this run is not marked: {why}; {_ELSEWHERE}"
        else:
            self._text += line

    def forget(self) -> None:
        """Remove the file.

        Raises:
            MachineryError: it cannot be removed.
        """
        try:
            if self._path is not None:
                self._path.unlink(missing_ok=True)
        except NotADirectoryError:
            pass  # then there is none
        except (OSError, ValueError) as error:
            why = reason_of(error) if isinstance(error, OSError) else str(error)
            raise MachineryError(f"cannot remove {self._name()}: {why}") from None

    def _read(self) -> str:
        """Return what is in the file, or nothing; `trouble` then says why."""
        if self._path is None:
            return ""
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                why = f"it has more than {_MOST_BYTES:,} bytes, and so is something else"
            else:
                return read_own(self._path).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except ForeignFileError as error:
            why = str(error)
        except (OSError, ValueError) as error:
            why = reason_of(error) if isinstance(error, OSError) else str(error)
        self.trouble = f"{self._name()} is not read, so it is not known what was run: {why}; {_ELSEWHERE}"
        return ""

    def _name(self) -> str:
        return sanitize(str(self._path))


def _append(path: Path, line: bytes) -> str:
    """Add a line to a file that nobody else could have written; return why not, if it is not so.

    Raises:
        OSError: it cannot be written.
    """
    make_own_folder(path.parent)
    descriptor = open_to_write(str(path), os.O_WRONLY | os.O_APPEND)
    try:
        if os.fstat(descriptor).st_size == 0:
            os.fchmod(descriptor, 0o600)  # with a umask of 0, it would not count the next time
        why = why_foreign(path, os.fstat(descriptor))
        if not why and os.write(descriptor, line) < len(line):
            why = "no space left on device"
        return why
    finally:
        os.close(descriptor)
