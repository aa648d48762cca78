"""A look at a program from outside, as text for a person or as JSON: the tree, what follows, what is unknown."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from run_scenario.inspection.conclusions import Certainty, conclude
from run_scenario.inspection.facts import ProcessFacts, Program, Role, Semaphore, ThreadFacts
from run_scenario.report.inspection.sentences import lines, unknown
from run_scenario.report.inspection.waits import how_ended, names, thing, title
from run_scenario.report.text import sanitize, seconds, truncate
from run_scenario.values import Value

_MOST_THREADS = 20
_MOST_FRAMES = 6
_MOST_INNER_FRAMES = 3
"""Frames that are shown of a thread that runs none of the program's own code."""
_COMMAND = 100
_ROLES: dict[Role, str] = {
    "resource_tracker": "multiprocessing's resource tracker",
    "fork_server": "multiprocessing's fork server",
    "forked_by_server": "a process that the fork server has forked",
    "spawned": "a process that multiprocessing has spawned",
    "forked": "a fork of its parent",
}
_CERTAINTY: dict[Certainty, str] = {
    "certain": "Certain",
    "as_far_as_seen": "As far as can be seen",
    "possible": "Possible",
    "may_go_on": "May go on",
    "seen": "Seen",
}
_STATES = {
    "R": "runs, or is ready to",
    "S": "sleeps",
    "D": "sleeps so that nothing can wake it (a disk, a network file system)",
    "T": "is stopped",
    "t": "is stopped by a debugger",
    "Z": "has ended",
    "X": "has ended",
    "I": "sleeps",
}
_OF_PYTHON = ("/multiprocessing/", "/concurrent/futures/", "/threading.py:", "/queue.py:", "/selectors.py:", "<frozen ")
"""Parts of the paths of modules in which a process waits on behalf of its own code, or is started."""
_STARTS = ("<string>:1 in <module>",)
"""How a process begins that multiprocessing starts with `python -c`."""


def as_json(program: Program) -> str:
    """Return all of it as one JSON document; what follows has its sentences, too."""
    conclusions = [
        {
            "kind": each.kind,
            "certainty": each.certainty,
            "actors": [{"pid": pid, "thread": thread} for pid, thread in each.actors],
            "others": list(each.others),
            "key": each.key,
            "doubts": _plain(each.doubts),
            "text": lines(program, each),
        }
        for each in conclude(program)
    ]
    document = {**_plain(program), "conclusions": conclusions, "unknown": list(unknown(program))}
    return json.dumps(document, indent=2) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return {field: _plain(getattr(value, field)) for field in value.__match_args__}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def as_text(program: Program, width: int) -> str:
    """Return all of it for a person, in lines of at most `width` columns where that can be."""
    out: list[str] = []
    if program.run:
        out += [*_filled(_of_run(program), "", width), ""]
    for process in program.processes:
        out += _process(program, process, width)
    if program.stacks.tool:
        out += _filled(f"(lines of Python: by {program.stacks.tool})", "", width)
    if program.semaphores:
        out += ["", "Semaphores that are waited for:"]
        for semaphore in program.semaphores:
            out += _filled(_semaphore(program, semaphore), "  ", width, "    ")
    found = conclude(program)
    out.append("")
    out.append("What follows:")
    for conclusion in found:
        first, *rest = lines(program, conclusion)
        out += _filled(f"{_CERTAINTY[conclusion.certainty]}: {first}", "  ", width, "    ")
        for line in rest:
            out += _filled(line, "    - ", width, "      ")
    if not found:
        out += _filled("nothing that the system shows: no process waits for another one", "  ", width)
    out += ["", "What cannot be known from outside:"]
    for line in unknown(program):
        out += _filled(line, "  - ", width, "    ")
    return "\n".join(out) + "\n"


def _of_run(program: Program) -> str:
    where = f"its log, {' and '.join(program.logs)}," if program.logs else f"its recording, in {program.folder},"
    return f"This program belongs to run {program.run} of run-scenario: {where} knows more, and why it stands still."


def _filled(text: str, indent: str, width: int, further: str | None = None) -> list[str]:
    after = indent if further is None else further
    return textwrap.wrap(
        sanitize(text),
        width,
        initial_indent=indent,
        subsequent_indent=after,
        break_on_hyphens=False,
        break_long_words=False,
    )


# The tree


def _process(program: Program, process: ProcessFacts, width: int) -> Iterator[str]:
    indent = "  " * process.depth
    what = _ROLES.get(process.role) or truncate(process.command, _COMMAND)
    where = "" if process.inside else " (not below it, but shares what is waited for)"
    age = f"{_age(process.age)} old, {seconds(process.cpu)} of processor time"
    yield from _filled(f"pid {process.pid}{where}: {what}; {age}", indent, width, f"{indent}    ")
    if process.is_over:
        yield from _filled(f"{how_ended(process)}; its parent has not waited for it", f"{indent}    ", width)
    for thread in process.threads[:_MOST_THREADS]:
        yield from _filled(_does(program, process, thread), f"{indent}    ", width)
        for frame in _own_frames_first(thread.stack):
            yield f"{indent}        {sanitize(frame)}"
    if len(process.threads) > _MOST_THREADS:
        yield f"{indent}    and {len(process.threads) - _MOST_THREADS} more threads"


def _age(age: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if age >= 2 * length:
            return f"{age / length:.0f} {unit}"
    return seconds(age)


def _does(program: Program, process: ProcessFacts, thread: ThreadFacts) -> str:
    who = f"{title(process, thread)} " if len(process.threads) > 1 else ""
    if thread.wait is None:
        return f"{who}{_STATES.get(thread.state, f'is in state {thread.state}')}"
    how = f"{_STATES[thread.state]}{f' in {thread.wait.call}()' if thread.wait.call else ''}"
    if process.role in ("resource_tracker", "fork_server"):
        return f"{who}{how}: waits for requests"
    return f"{who}{how}: waits for {thing(program, thread.wait)}"


def _own_frames_first(stack: Sequence[str]) -> list[str]:
    """Return the frames that say most: those of the program itself, and if there are none, the innermost."""
    own = [frame for frame in stack if not any(part in frame for part in _OF_PYTHON) and frame not in _STARTS]
    return [_short(frame) for frame in (own[:_MOST_FRAMES] or stack[:_MOST_INNER_FRAMES])]


def _short(frame: str) -> str:
    place, separator, function = frame.rpartition(" in ")
    return f"{place.rpartition('/')[2]}{separator}{function}"


def _semaphore(program: Program, semaphore: Semaphore) -> str:
    value = "its value cannot be read" if semaphore.value is None else f"value {semaphore.value}"
    shared = [each.pid for each in program.with_key(semaphore.key)]
    return f"{semaphore.name or 'memory without a name'}: {value}; shared by {names(shared)}"
