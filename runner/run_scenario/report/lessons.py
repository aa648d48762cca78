"""The chapter as a path: what there is to run, what was run, and what to look at in each step."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from run_scenario.errors import Status
from run_scenario.lessons import CHAPTER, LESSONS, SECTIONS, Lesson
from run_scenario.report.terminal.cells import PROSE, wrap

_DONE, _NEXT = "✓", "→"
_BOOK, _HERE = "The book:  ", "But here:  "
_COMMAND = "run-scenario learn"


def next_lesson(done: Collection[str]) -> int | None:
    """Return the number of the first lesson whose scenario was not run; None if all were."""
    return next((number for number, each in enumerate(LESSONS, start=1) if each.scenario not in done), None)


def contents(done: Collection[str], width: int | None) -> str:
    """Return all lessons, marked; at the top what is next, at the end what there is besides."""
    columns = _columns(width)
    names = max(len(lesson.scenario) for lesson in LESSONS)
    count = sum(lesson.scenario in done for lesson in LESSONS)
    upcoming = next_lesson(done)
    lines = [
        *wrap(CHAPTER, columns),
        *wrap(
            _what_next(None) if upcoming is None else f"{count} of {len(LESSONS)} run. {_what_next(upcoming)}", columns
        ),
    ]
    number = 0
    for section in SECTIONS:
        lines += ["", section.heading]
        for lesson in section.lessons:
            number += 1
            mark = _DONE if lesson.scenario in done else _NEXT if number == upcoming else " "
            head = f"{mark} {number:2}  {lesson.scenario:<{names}}  "
            lines += _beside(head, _claim(lesson), columns)
    last = f"{_COMMAND} 7 or {_COMMAND} one-core runs another, or one again; {_COMMAND} --reset takes the marks away."
    return _text([*lines, "", *wrap(last, columns)])


def before(number: int, width: int | None) -> str:
    """Return what stands before the run of a lesson."""
    lesson = LESSONS[number - 1]
    section = next(each for each in SECTIONS if lesson in each.lessons)
    head = f"{number} of {len(LESSONS)}: {section.heading}"
    return _text([*wrap(head, _columns(width)), *_beside(_BOOK, _claim(lesson), _columns(width)), ""])


def after(number: int, status: Status, done: Collection[str], width: int | None) -> str:
    """Return what stands after it: what is otherwise than the book says, and what is next."""
    lesson, columns = LESSONS[number - 1], _columns(width)
    if lesson.may_hang and status is Status.STOPPED:
        lines = _beside(_HERE, f"{lesson.here} This time it hung.", columns)
    elif status is not Status.PASSED:
        lines = wrap("This run did not go as its scenario says; the reason stands above.", columns)
    elif lesson.may_hang:
        again = f"This time it did not hang, since the trap does not spring in every run: {_COMMAND} {number}"
        lines = _beside(_HERE, f"{lesson.here} {again}", columns)
    elif lesson.here:
        lines = _beside(_HERE, lesson.here, columns)
    else:
        lines = ["It went as the book says."]
    return _text(["", *lines, "", *wrap(_what_next(next_lesson(done)), columns)])


def all_done() -> str:
    """Return what there is to say where no lesson is left."""
    return _text([_what_next(None)])


def _what_next(number: int | None) -> str:
    if number is None:
        return f"All have been run. {_COMMAND} --reset begins anew; run-scenario list has more scenarios."
    return f"Next: {_COMMAND} next   ({number}, {LESSONS[number - 1].scenario})"


def _claim(lesson: Lesson) -> str:
    return lesson.claim if lesson.example is None else f"Example {lesson.example}. {lesson.claim}"


def _columns(width: int | None) -> int:
    return min(width or PROSE, PROSE)


def _beside(head: str, text: str, columns: int) -> list[str]:
    """Return a text in lines beside its head; below it, indented, where there is not enough room."""
    indent = len(head) if columns - len(head) >= len(head) // 2 else 4
    first, *more = wrap(text, columns - indent, columns - len(head))
    return [f"{head}{first}".rstrip(), *(" " * indent + line for line in more)]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
