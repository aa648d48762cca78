"""The commands of the README and of the documentation, run as a reader would: page by page, with the files it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from effort import in_part

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md"), key=lambda page: (page.parent.name != "tutorial", page))]
PAGES += [ROOT / "README.md"]
"""The first of them is always tested; the last, whose comparison of CPUs takes as long as all others, is a campaign."""
SCRIPTS = Path(sys.executable).parent
ELSEWHERE = ("python3 -m venv ", "source ", "pytest")
"""How commands begin that are tested elsewhere: .ci/run installs, test_pytest_plugin goes through the first test."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and text of the fenced blocks of a page."""
    found = re.findall(r"^( *)```(\w+)\n(.*?)^ *```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [(language, textwrap.dedent(text)) for _, language, text in found]


def commands(page: Path) -> list[str]:
    """Return the commands that a page shows, one a line after `$ `."""
    lines = [line for language, text in blocks(page) if language == "console" for line in text.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ ")]


WITH_COMMANDS = [page for page in PAGES if any(not command.startswith(ELSEWHERE) for command in commands(page))]


@pytest.mark.parametrize(
    "page",
    in_part(WITH_COMMANDS, 6),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_commands_of_a_page(page: Path, tmp_path: Path) -> None:
    """Each works after those before it, in a folder with the files of the page, and ends with the status it should."""
    for _, text in blocks(page):
        if named := re.match(r"# ((?:[\w-]+/)?[\w.-]+\.(?:yaml|py|toml))\n", text):
            (tmp_path / named[1]).parent.mkdir(exist_ok=True)
            (tmp_path / named[1]).write_text(text, encoding="utf-8")
    kept = {"XDG_STATE_HOME": str(tmp_path / "state")}
    environment = {**os.environ, **kept, "TERM": "dumb", "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    for command in commands(page):
        if command.startswith(ELSEWHERE):
            continue
        status = re.search(r"# exit status (\d+)", command)
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert (int(status[1]) if status else 0) == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"


def test_pages_have_commands() -> None:
    """The test above is not empty."""
    assert len(WITH_COMMANDS) >= 8
    assert sum(len(commands(page)) for page in WITH_COMMANDS) >= 40
    assert len([command for command in commands(ROOT / "README.md") if command.startswith("run-scenario ")]) >= 8


def test_the_examples_of_the_python_api(tmp_path: Path) -> None:
    """They do what they say."""
    page = ROOT / "docs" / "reference" / "python-api.md"
    (tmp_path / "transfer.py").write_text("import sys\nassert sys.argv[1:] == ['--fast']\n")
    examples = [text for language, text in blocks(page) if language == "python"]
    assert 3 == len(examples)
    for example in examples:
        subprocess.run([sys.executable, "-c", example], cwd=tmp_path, check=True, timeout=60)
