"""From a path to text: regular files only, bounded, strict UTF-8, printable characters."""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import Literal

from run_scenario.loader.problems import Problems, Span, quote
from run_scenario.suggestions import nearest_file

Kind = Literal["scenario", "expectations", "either"]
"""What a file may be: a scenario; what is expected of a script, and nothing else; or either, by what is in it."""

MAX_BYTES = 256 * 1024
"""Largest scenario file."""

_REGULAR_ONLY = "a scenario is an ordinary file of text"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_NAMES = {
    "\0": "a NUL character",
    "\x85": "the line break U+0085",
    "\u2028": "the line break U+2028",
    "\u2029": "the line break U+2029",
    "\ufeff": "a byte order mark that is not at the beginning",
}
_ODD = "[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]"
_ODD_SPACE = re.compile(rf"[ -]*(?:[\w.][\w.-]*: *)?(?P<inner>{_ODD}+)|[^#'\"]*\S(?P<last>{_ODD}+) *$")
_LONGEST_LINE = 300
"""Most characters of a line in which they are looked for: who types one does not write longer lines."""
_ODD_COLON = re.compile(r"[ -]*[\w.][\w.-]* *([\uff1a\ufe55\ua789\u2236])")
_START = Span(1, 1)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def read(path: str, file: str) -> tuple[bytes, Problems | None]:
    """Return the bytes of the file at `path`, at most `MAX_BYTES`, or the problem with it.

    Never blocks: what is not an ordinary file is not opened.
    """
    problems = Problems(file, "")
    try:
        # stat before open: opening some devices already does something; fstat after: the path may have changed.
        _reject_special(Path(path).stat().st_mode)
        with open(path, "rb", opener=_open_without_waiting) as stream:
            _reject_special(os.fstat(stream.fileno()).st_mode)
            data = stream.read(MAX_BYTES + 1)
    except _SpecialFileError as error:
        problems.error(_START, f"this is {error}, not a file", _REGULAR_ONLY)
    except FileNotFoundError:
        problems.error(_START, "there is no such file", _neighbour(path))
    except (OSError, ValueError) as error:
        problems.error(_START, *_unreadable(error))
    else:
        if len(data) <= MAX_BYTES:
            return data, None
        report_size(problems)
    return b"", problems


def report_size(problems: Problems) -> None:
    """Add the problem of a text with more than `MAX_BYTES`."""
    what = f"this file is larger than {MAX_BYTES // 1024} KiB, the maximum for a scenario"
    problems.error(_START, what, "let a target make large inputs from a parameter instead of writing them out")


def decode(data: bytes, file: str) -> tuple[str, Problems | None]:
    """Return the text of UTF-8 `data` without its byte order mark, or the problem with it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:2]:
        problems = Problems(file, "")
        problems.error(_START, "this file is in UTF-16 or UTF-32", "save it as UTF-8")
        return "", problems
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", errors="replace")
        before = _LINE_BREAK.split(error.object[: error.start].decode("utf-8-sig", errors="replace"))
        problems = Problems(file, text.removeprefix("\ufeff"))
        what = f"byte {error.start + 1} of this file, 0x{error.object[error.start]:02x}, is not UTF-8"
        problems.error(Span(len(before), len(before[-1]) + 1), what, "save the file as UTF-8")
        return "", problems
    return text, None


def check_characters(text: str, problems: Problems) -> bool:
    """Return whether `text` has only printable characters; the first other one is a problem."""
    # A set of the characters, and no regular expression: compiling that one takes longer than reading most files.
    places = [text.index(character) for character in set(text) if not _is_allowed(character)]
    if not places:
        return True
    first = min(places)
    before = _LINE_BREAK.split(text[:first])
    character = text[first]
    name = _NAMES.get(character, f"the control character U+{ord(character):04X}")
    escape = {"\0": "\\0", "\x85": "\\N"}.get(character, f"\\u{ord(character):04x}")
    hint = f'leave it out, or write "{escape}" inside double quotes where the value needs it'
    problems.error(Span(len(before), len(before[-1]) + 1), f"this text contains {name}", hint)
    return False


def lookalikes(text: str, file: str) -> Problems:
    """Return the problems with characters that look like YAML's spaces and colons, but are none.

    Within a text they are no problem; an editor or a web page may have put them elsewhere.
    """
    problems = Problems(file, text)
    if text.isascii():
        return problems
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        if line.isascii() or len(line) > _LONGEST_LINE:
            continue
        if found := _ODD_COLON.match(line):
            what = (
                f"this is a {unicodedata.name(found[1]).lower()} (U+{ord(found[1]):04X}), not the colon that YAML needs"
            )
            problems.error(Span(number, found.start(1) + 1), what, "write `: `, a colon and a space")
        elif found := _ODD_SPACE.match(line):
            group = "inner" if found["inner"] else "last"
            character = found[group][0]
            name = unicodedata.name(character).lower()
            what = f"this is {'an' if name[0] in 'aeiou' else 'a'} {name} (U+{ord(character):04X}), "
            what += "not the space that YAML needs here"
            hint = "replace it by a space" if group == "inner" else "leave it out"
            problems.error(Span(number, found.start(group) + 1, len(found[group])), what, hint)
    return problems


def _is_allowed(character: str) -> bool:
    """Return whether a character may stand in a scenario.

    These are YAML 1.2's printable characters, without the three that YAML 1.1 takes for line breaks and 1.2 does
    not, and without a byte order mark inside the text: editors, PyYAML and people would count lines differently.
    """
    code = ord(character)
    if code < 0xA0:
        return 0x20 <= code <= 0x7E or character in "\t\n\r"
    return not (code in (0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF) or 0xD800 <= code <= 0xDFFF)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _SpecialFileError(Exception):
    pass


def _reject_special(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _SpecialFileError(next((kind for test, kind in _KINDS if test(mode)), "a special file"))


def _unreadable(error: OSError | ValueError) -> tuple[str, str]:
    if isinstance(error, PermissionError):
        return "this file may not be read", "give yourself the permission: `chmod u+r`"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "this path is a symbolic link that leads in a circle", ""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "it is not a valid path"
    return f"this file cannot be read: {reason[0].lower()}{reason[1:]}", ""


def _neighbour(path: str) -> str:
    """Return a hint that names a file of a similar name in the same folder, or nothing."""
    folder = os.path.split(path)[0]
    if folder and not Path(folder).is_dir():
        return f"there is no folder {quote(folder)} either"
    close = nearest_file(path, (".yaml", ".yml"))
    return f"did you mean {quote(Path(close).name)}?" if close else ""
