"""What is written about exercises: the file that a pupil begins with, hints, and what came of a check."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from run_scenario.counting import plural
from run_scenario.report.grading import Check, Graded
from run_scenario.report.terminal.cells import wrap
from run_scenario.report.text import sanitize
from run_scenario.values import Value

_WIDTH = 80
"""Columns of the file that is handed out."""
_MOST_COLUMNS = 100
"""Of texts on a terminal: longer lines are hard to read."""
_COMMAND = "run-scenario exercise"
_MARKS = ("✓ ", "✗ ", "? ")


class Tried(Value):
    """What came of a file that was run with many schedules."""

    verdict: str
    """As `explore` says it; or `refused`: it cannot be explored."""
    reasons: tuple[str, ...]
    schedules: int = 0
    orders: int = 0
    """How many different orders of operations were among them."""
    kept: str = ""
    """The file with the schedule that makes it fail."""
    not_judged: tuple[str, ...] = ()
    """Checks that are about the machine, and not about the order of things."""

    @property
    def is_found(self) -> bool:
        """Whether there is a schedule with which it fails."""
        return self.verdict == "found"


def listing(exercises: Sequence[tuple[str, str]]) -> str:
    """Return a line for each exercise, of its name and its title; and what to do."""
    width = max(len(name) for name, _ in exercises)
    lines = [f"  {number:>2}  {name:<{width}}  {title}\n" for number, (name, title) in enumerate(exercises, start=1)]
    first = exercises[0][0]
    return f"{''.join(lines)}\n{plural(len(exercises), 'exercise')}. Begin one: {_COMMAND} new {first}\n"


def handed_out(reference: str, file: str, title: str, description: str, starter: str) -> str:
    """Return the text of the file that a pupil begins with: what is to be done, as comments, and the starter."""
    # Indented, so that no line of it looks like a mark of a gap.
    paragraphs = [title, *description.strip().split("\n\n")]
    told = [textwrap.wrap(" ".join(each.split()), _WIDTH - 4) for each in paragraphs if each.strip()]
    told.append([f"Check it: {_COMMAND} check {file}", f"A hint:   {_COMMAND} hint {file}"])
    lines = [f"# exercise: {sanitize(reference)}"]
    for paragraph in told:
        lines += ["#", *(f"#   {sanitize(line)}" for line in paragraph)]
    return "\n".join([*lines, "", starter])


def begun(title: str, file: str, columns: int) -> str:
    """Return what a pupil is told who has just got the file, in lines of so many columns."""
    file = sanitize(file)
    told = [sanitize(title), "", f"{file} says what is to be done. Edit it, then:"]
    return _in_lines(told, columns, [f"  {_COMMAND} check {file}"])


def hint(hints: Sequence[str], step: int, subject: str, columns: int) -> str:
    """Return one of the hints, and how to get the next, in lines of so many columns."""
    lines = [f"Hint {step} of {len(hints)}", "", sanitize(" ".join(hints[step - 1].split()))]
    next_ = [f"The next: {_COMMAND} hint {sanitize(subject)} {step + 1}"] if step < len(hints) else []
    return _in_lines([*lines, *([""] if next_ else [])], columns, next_)


def _in_lines(texts: Iterable[str], columns: int, commands: Iterable[str] = ()) -> str:
    """Return texts as lines of so many columns at most; what goes on in the next line is indented behind a mark.

    Below them are lines with commands, which are not broken: they are to be copied.
    """
    columns = min(columns, _MOST_COLUMNS)
    lines: list[str] = []
    for text in texts:
        mark = text[:2] if text[:2] in _MARKS else ""
        first, *others = wrap(" " * len(mark) + text[len(mark) :], columns) or [""]
        lines += [mark + first[len(mark) :], *others]
    return "".join(f"{line}\n" for line in (*lines, *commands))


def verdict(graded: Sequence[Graded], tried: Tried | None, file: str, hints: int, columns: int) -> str:
    """Return what came of a hand-in: a line for each check, and what to do next; in lines of so many columns."""
    file = sanitize(file)
    lines = [_check(checks) for checks in _by_check(graded)]
    stopped = [each for each in graded if not each.passed and _is_about_the_run(each)]
    if stopped:
        # First, for it is often why other checks are not met.
        lines.insert(0, f"✗ it runs to its end{_share(len(graded) - len(stopped), len(graded))}: {_reason(stopped[0])}")
    passed = sum(each.passed for each in graded)
    lines += _schedules(tried)
    if tried is not None and tried.is_found:
        hint_ = f"a hint: {_COMMAND} hint {file}" if hints else ""
        ways = [f"see it happen: run-scenario replay {sanitize(tried.kept)}", hint_]
        lines += ["", "not yet: it can fail"]
        return _in_lines(lines, columns, [f"  {way}" for way in ways if way])
    if passed == len(graded):
        return _in_lines([*lines, "", f"passed{_share(passed, passed)}: well done"], columns)
    ways = [f"see what happens: run-scenario {'record' if file.endswith('.py') else 'show'} {file}"]
    ways.append(f"a hint: {_COMMAND} hint {file}" if hints else "")
    lines += ["", f"not yet{_share(passed, len(graded))}"]
    return _in_lines(lines, columns, [f"  {way}" for way in ways if way])


def _by_check(graded: Iterable[Graded]) -> Iterator[list[Check]]:
    """Yield for each check what was found about it in each run."""
    found: dict[tuple[int, str], list[Check]] = {}
    for each in graded:
        for check in each.checks:
            found.setdefault((check.line, check.expectation), []).append(check)
    yield from found.values()


def _check(found: Sequence[Check]) -> str:
    first = found[0]
    unmet = [check for check in found if check.result != "passed"]
    said = sanitize(first.because or first.expectation)
    if not unmet:
        return f"✓ {said}{_share(len(found), len(found))}"
    return f"✗ {said}{_share(len(found) - len(unmet), len(found))}: {sanitize(unmet[0].reason)}"


def _schedules(tried: Tried | None) -> list[str]:
    """Return what is said about a file that was run with many schedules."""
    if tried is None:
        return []
    first = sanitize(tried.reasons[0]) if tried.reasons else tried.verdict
    if tried.is_found:
        found = f"✗ it fails with a schedule that was found: {first}"
    elif tried.verdict == "not_found":
        orders = f"{tried.orders:,} different order{'' if tried.orders == 1 else 's'}"
        found = f"✓ it passes with each of {plural(tried.schedules, 'schedule')} that were tried, {orders}"
    else:
        return [f"? it was not found out whether it passes with each schedule: {first}"]
    return [found, *(f"  leaving out, as about the machine: {sanitize(each)}" for each in tried.not_judged)]


def _share(part: int, whole: int) -> str:
    """Return in how many of several runs something was so; nothing if there was only one."""
    return f" (in {part:,} of {whole:,} runs)" if whole > 1 else ""


def _is_about_the_run(graded: Graded) -> bool:
    """Whether a run has not passed for another reason than its checks."""
    return graded.outcome != "failed" or not any(check.result != "passed" for check in graded.checks)


def _reason(graded: Graded) -> str:
    return sanitize(graded.reasons[0] if graded.reasons else graded.outcome)


def proof(
    failing: Mapping[str, Sequence[Graded]],
    solution: Sequence[Graded],
    tried: Tried | None,
    title: str,
    columns: int,
) -> str:
    """Return what the author's check has found, in lines of so many columns.

    Args:
        failing: The files that must fail, and what came of each run.
        solution: What came of each run of the solution.
        tried: What came of the solution with many schedules.
        title: That of the exercise.
        columns: The most of a line.
    """
    lines = [sanitize(title)]
    for name, graded in failing.items():
        passed = sum(each.passed for each in graded)
        unjudged = [each for each in graded if not each.is_judged]
        name = sanitize(name)
        if unjudged:
            lines.append(f"✗ {name} could not be judged: {_reason(unjudged[0])}")
        elif passed:
            why = "the checks do not ask for what is missing or wrong in it"
            lines.append(f"✗ {name} passes{_share(passed, len(graded))}: {why}")
        else:
            lines.append(f"✓ {name} fails{_share(len(graded), len(graded))}: {_reason(graded[0])}")
    failed = [each for each in solution if not each.passed]
    if failed:
        lines.append(f"✗ the solution fails{_share(len(failed), len(solution))}: {_reason(failed[0])}")
        lines.append("  mend it; or the checks, if they ask for more than the exercise does")
    else:
        lines.append(f"✓ the solution passes{_share(len(solution), len(solution))}, and changes nothing but the gap")
        lines += _schedules(tried)
    ways = [f"  see it happen: run-scenario replay {sanitize(tried.kept)}"] if tried is not None and tried.kept else []
    return _in_lines(lines, columns, ways)
