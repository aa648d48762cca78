"""The chapter as a path: its lessons, what is shown of them, and the file that says which were run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from run_scenario import bundled
from run_scenario.cli.learned import Learned, usual_path
from run_scenario.errors import MachineryError, Status
from run_scenario.lessons import LESSONS, Lesson
from run_scenario.report.lessons import after, all_done, before, contents, next_lesson

NAMES = [lesson.scenario for lesson in LESSONS]
TRAP = NAMES.index("consumers-until-empty") + 1
AGREED = NAMES.index("daemon") + 1
OTHERWISE = NAMES.index("poison-pill") + 1


def written(scenario: str) -> dict[str, Any]:
    """Return the file of a bundled scenario."""
    path = bundled.find_scenario(scenario)
    assert path is not None, scenario
    return dict(yaml.safe_load(path.read_text()))


def source_of(scenario: str) -> str:
    """Return what a bundled scenario says of where it is from."""
    return str(written(scenario)["source"])


# The lessons


def test_what_may_hang_is_what_the_scenarios_say() -> None:
    """A lesson speaks of a run as the scenario itself does."""
    says = [bool(written(lesson.scenario).get("may_hang")) for lesson in LESSONS]
    assert says == [lesson.may_hang for lesson in LESSONS]


def test_the_eight_programs_of_the_book_come_in_their_order() -> None:
    """Each is the scenario whose source names it; no other lesson is one of them."""
    found = [(lesson.example, source_of(lesson.scenario)) for lesson in LESSONS]
    book = "Mastering Concurrency in Python, chapter 6, example"
    assert [(number, f"{book} {number}") for number in range(1, 9)] == [each for each in found if each[0]]
    assert not any(re.fullmatch(rf"{book} \d", source) for example, source in found if example is None)


def test_each_lesson_has_a_scenario_of_its_own() -> None:
    """None is shown twice, for it would be marked twice."""
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_commands_in_lessons_can_be_run(lesson: Lesson) -> None:
    """A scenario that a text refers to is a bundled one."""
    for name in re.findall(r"`run-scenario (.+?)`", f"{lesson.claim} {lesson.here}"):
        assert bundled.find_scenario(name), name


# What is shown


def test_the_list_marks_what_was_run_and_says_what_is_next() -> None:
    """A hook for each that was run, an arrow at the first that was not."""
    lines = contents({NAMES[0], NAMES[2], "no-lesson"}, 100).splitlines()
    assert f"2 of {len(LESSONS)} run. Next: run-scenario learn next   (2, {NAMES[1]})" == lines[1]
    marks = {int(line[1:4]): line[0] for line in lines if line[1:4].strip().isdecimal()}
    assert list(range(1, len(LESSONS) + 1)) == list(marks)
    assert {1: "✓", 2: "→", 3: "✓"} == {number: mark for number, mark in marks.items() if mark != " "}


def test_when_all_were_run_there_is_no_next() -> None:
    """It is said what can be done then."""
    assert next_lesson(NAMES) is None
    assert "All have been run." in contents(NAMES, 80)
    assert all_done().startswith("All have been run.")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    """Claims go on below their beginning."""
    text = contents((), width)
    texts = [text, *(before(n, width) + after(n, Status.PASSED, (), width) for n in range(1, len(LESSONS) + 1))]
    assert width >= max(len(line) for text in texts for line in text.splitlines())


def test_the_claim_comes_before_the_run_and_what_is_otherwise_after_it() -> None:
    """Who reads the claim can think about it first."""
    lesson = LESSONS[OTHERWISE - 1]
    asked, answered = before(OTHERWISE, None), after(OTHERWISE, Status.PASSED, (), None)
    assert "The book:  Example 8. A poison pill" in asked
    assert lesson.here not in " ".join(asked.split())
    assert lesson.here in " ".join(answered.split())


@pytest.mark.parametrize(
    ("number", "status", "said", "not_said"),
    [
        (AGREED, Status.PASSED, "It went as the book says.", "But here"),
        (AGREED, Status.FAILED, "This run did not go as its scenario says", "as the book says"),
        (OTHERWISE, Status.STOPPED, "This run did not go as its scenario says", "But here"),
        (TRAP, Status.STOPPED, "This time it hung.", "did not"),
        (TRAP, Status.PASSED, "This time it did not hang", "it hung"),
        (TRAP, Status.FAILED, "This run did not go as its scenario says", "This time"),
    ],
)
def test_what_is_said_of_a_run_is_what_it_did(number: int, status: Status, said: str, not_said: str) -> None:
    """A run that did not go as its scenario says confirms nothing; a trap that did not spring says so."""
    text = " ".join(after(number, status, (), None).split())
    assert said in text
    assert not_said not in text


def test_the_tutorial_quotes_what_is_shown() -> None:
    """Its numbers, and the lines that it shows, are those of the command."""
    text = (Path(__file__).parents[2] / "docs" / "tutorial" / "the-chapter.md").read_text()
    assert f"as {len(LESSONS)} lessons" in " ".join(text.split())
    number = NAMES.index("speed-up") + 1
    quoted = [block.strip("\n") for block in re.findall(r"```text\n(.+?)```", text, re.DOTALL)]
    shown = contents((), None) + after(number, Status.PASSED, (), None)
    assert 2 == len(quoted)
    assert all(f"\n{each}\n" in shown for each in quoted)
    assert f"learn {NAMES.index('names') + 1}\n" in text


# The file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the file will be: in folders that are not there yet."""
    return tmp_path / "state" / "run-scenario" / "learned"


def test_what_was_run_is_kept(file: Path) -> None:
    """The next command knows it; a second run of the same adds nothing."""
    for name in ("daemon", "names", "daemon"):
        Learned(file).add(name)
    assert {"daemon", "names"} == Learned(file).scenarios(NAMES)
    assert 2 == len(file.read_text().splitlines())


def test_without_a_file_nothing_was_run(file: Path) -> None:
    """That is no trouble, and makes no file."""
    learned = Learned(file)
    assert (set(), "", False) == (learned.scenarios(NAMES), learned.trouble, file.exists())


def test_the_file_is_the_users_alone_under_any_umask(file: Path) -> None:
    """With a umask of 0, another user could write to it otherwise, and it would not count."""
    before = os.umask(0)
    try:
        Learned(file).add("daemon")
    finally:
        os.umask(before)
    assert [0o600, 0o700, 0o700] == [path.stat().st_mode & 0o777 for path in (file, file.parent, file.parent.parent)]
    assert {"daemon"} == Learned(file).scenarios(NAMES)


def test_several_write_at_once(file: Path) -> None:
    """Each line is whole, and none is lost."""
    code = (
        "import sys; from pathlib import Path; from run_scenario.cli.learned import Learned\n"
        "for number in range(40): Learned(Path(sys.argv[1])).add(f'{sys.argv[2]}-{number}')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(file), str(each)]) for each in range(4)]
    assert [0] * 4 == [writer.wait() for writer in writers]
    names = [f"{writer}-{number}" for writer in range(4) for number in range(40)]
    assert set(names) == Learned(file).scenarios(names)
    assert len(names) == len(file.read_text().splitlines())


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff\xfe daemon\n2026-11-30T20:15:00Z names\n",
        b"{}\n\n[1, 2]\n2026-11-30T20:15:00Z names\nnonsense\n2026-11-30T20:15:00Z unheard-of\n",
        b"2026-11-30T20:15:00Z names\n2026-11-30T20:15:00Z dae",
    ],
)
def test_lines_that_are_none_are_passed_over(file: Path, content: bytes) -> None:
    """What is known stays known, also behind a line that was cut off when a disk was full."""
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    learned = Learned(file)
    found = learned.scenarios(NAMES)
    assert "names" in found
    learned.add("pids")
    assert found | {"pids"} == Learned(file).scenarios(NAMES)


def writable_for_all(file: Path) -> None:
    """Make it a file that another user could have written."""
    file.write_text("2026-11-30T20:15:00Z daemon\n")
    file.chmod(0o666)


def in_a_folder_of_all(file: Path) -> None:
    """Put it where another user could have put another one."""
    file.write_text("2026-11-30T20:15:00Z daemon\n")
    file.parent.chmod(0o777)


def too_big(file: Path) -> None:
    """Make it larger than it can be."""
    file.write_text("2026-11-30T20:15:00Z daemon\n" * 40_000)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (writable_for_all, "others can write to it"),
        (in_a_folder_of_all, "others can write to its folder"),
        (too_big, "more than 1,000,000 bytes"),
        (Path.mkdir, "is a directory"),
        (os.mkfifo, "it is not a regular file"),
        (lambda file: file.symlink_to("/dev/null"), "it is not a regular file"),
        (lambda file: file.symlink_to(file), "symbolic links"),
    ],
)
def test_a_file_that_is_not_the_users_own_is_left_alone(file: Path, make: Callable[[Path], object], why: str) -> None:
    """Nothing in it counts, nothing is written to it, and a sentence says why and what to do."""
    file.parent.mkdir(parents=True)
    make(file)
    status = os.lstat(file)
    learned = Learned(file)
    assert set() == learned.scenarios(NAMES)
    assert why in learned.trouble
    assert learned.trouble.endswith("XDG_STATE_HOME can name another folder")
    learned.add("names")
    assert (status.st_size, status.st_ino) == (os.lstat(file).st_size, os.lstat(file).st_ino)


@pytest.fixture
def unwritable(tmp_path: Path) -> Path:
    """Return a path below a file: also root can make no folder there."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "run-scenario" / "learned"


def test_where_nothing_can_be_kept_it_is_said(unwritable: Path) -> None:
    """The lessons can be run all the same."""
    learned = Learned(unwritable)
    learned.add("daemon")
    assert "not a directory" in learned.trouble


def test_the_folder_of_another_user_gets_no_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo` may have left root the home of somebody else, who could not write there from then on."""
    monkeypatch.setattr("os.geteuid", lambda: 70_001)
    learned = Learned(file)
    learned.add("daemon")
    assert "belongs to another user" in learned.trouble
    assert not file.parent.parent.exists()


def test_marks_can_be_taken_away(file: Path, unwritable: Path) -> None:
    """Whether there are any or not; what cannot be removed is an error."""
    Learned(file).forget()
    Learned(file).add("daemon")
    Learned(file).forget()
    assert set() == Learned(file).scenarios(NAMES)
    Learned(unwritable).forget()
    file.mkdir()
    with pytest.raises(MachineryError, match="cannot remove"):
        Learned(file).forget()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user a home, and no other folders."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def test_where_the_file_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the XDG base directory specification says; it wants relative paths to be ignored."""
    assert home / ".local/state/run-scenario/learned" == usual_path()
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert home / ".local/state/run-scenario/learned" == usual_path()
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert Path("/elsewhere/run-scenario/learned") == usual_path()


def test_a_user_without_a_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept, which is said; nothing fails."""
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    learned = Learned(usual_path())
    learned.add("daemon")
    learned.forget()
    assert set() == learned.scenarios(NAMES)
    assert "this user has no home" in learned.trouble
