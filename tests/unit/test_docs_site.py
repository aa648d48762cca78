"""The documentation: its links lead somewhere, generated pages are up to date, lists are complete, the site builds."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import run_scenario
from run_scenario.errors import Status

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
MOST_LINES_OF_THE_README = 150


def load(script: Path) -> ModuleType:
    """Return a script of the documentation as a module."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def identify(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def dead_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead to no file, or to no heading of a page."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page is to a file that is there, and to a heading that is in it."""
    assert [] == dead_links(page)


def test_blocks_are_blocks_on_the_site() -> None:
    """None is indented, as in a list: there, Python's Markdown takes it for text."""
    assert [] == [page for page in PAGES if re.search(r"^ +```", page.read_text(encoding="utf-8"), re.MULTILINE)]


def test_a_dead_link_is_noticed(tmp_path: Path) -> None:
    """A missing file, a missing heading and a heading within a block are dead; what leads away is not looked at."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`\n[a](page.md#one-two) [b](#one-two) [c](https://example.org/x)\n"
        "[d](nobody.md) [e](page.md#three) [f](#three)\n```\n# Three\n[g](none.md)\n```\n"
    )
    assert ["nobody.md", "page.md#three", "#three"] == dead_links(page)


def test_the_site_builds(tmp_path: Path) -> None:
    """mkdocs finds nothing to warn of, and no page fetches anything from another host."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install -e '.[docs]'")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert 0 == done.returncode, done.stderr
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(list(DOCS.rglob("*.md")))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert [] == re.findall(r'<(?:script|img|iframe|source)[^>]* src="(?:https?:)?//[^"]*"', text)
        assert [] == re.findall(r'<link[^>]* rel="(?!canonical)[^"]*"[^>]* href="(?:https?:)?//[^"]*"', text)


def test_the_command_lines_page_is_up_to_date() -> None:
    """It is what `python docs/command_line.py` writes."""
    script = load(DOCS / "command_line.py")
    assert script.page() == script.PAGE.read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    """It begins with what is needed first, and links to the rest."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES_OF_THE_README
    assert any(line.endswith("run-scenario daemon.yaml") for line in lines[:25])


def test_the_readme_leads_to_every_page() -> None:
    """Whoever begins there finds each page of the documentation."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"index.md"}
    assert set() == {page for page in pages if f"]({page})" not in index}
    assert set() == {page for page in pages - {"reference/report.md"} if f"](docs/{page})" not in readme}


def test_every_exit_status_is_explained() -> None:
    """The page about exit statuses has each of them, and no other page has the table."""
    page = DOCS / "reference" / "exit-statuses.md"
    rows = re.findall(r"^\| ([\d, ]+) \|", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(Status) == {int(number) for row in rows for number in row.split(",")}
    assert [page] == [each for each in PAGES if re.search(r"^\| 0 \| passed", each.read_text("utf-8"), re.MULTILINE)]


def test_the_python_api_is_complete() -> None:
    """Each public name can be imported, and is on its page; so is each method of a log that is no pattern."""
    text = (DOCS / "reference" / "python-api.md").read_text(encoding="utf-8")
    for name in run_scenario.__all__:
        assert hasattr(run_scenario, name)
        assert name == "__version__" or re.search(rf"\b{name}\b", text), name
    methods = {name for name in dir(run_scenario.EventLog) if not name.startswith("_")}
    language = (DOCS / "reference" / "language.md").read_text(encoding="utf-8")
    patterns = {name for name in methods if re.search(rf"^ +- {name.rstrip('_')}:", language, flags=re.MULTILINE)}
    assert set() == {name for name in methods - patterns if f"`{name}(" not in text and f"`{name}`" not in text} - {
        "read",  # a class method: `EventLog.read(…)`
        "index",  # of any sequence
        "all_of",  # stands within another in the example of the language
    }


INTERNALS = (DOCS / "explanation" / "cpython-internals.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in re.findall(r"^\| `.*\|$", INTERNALS, re.MULTILINE)
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0].strip('` ')}-{row[1][:40]}")
def test_what_cpython_keeps_private_is_there(row: list[str]) -> None:
    """Each private name of a row is in the source of its module in this Python; the files that use it are there."""
    modules, what, here, since, _ = row
    names = re.findall(r"\b(_[a-z_]+|[A-Z]\w+\._\w+)\b", " ".join(re.findall(r"`([^`]+)`", what)))
    named = re.findall(r"`([\w.]+)`", modules)
    sources = []
    for name in named:
        if name in ("atexit", "sys"):  # written in C
            assert all(hasattr(importlib.import_module(name), each) for each in names)
            return
        module = (
            name
            if name in ("threading", "queue", "runpy", "dataclasses", "pathlib") or "." in name
            else f"multiprocessing.{name}"
        )
        sources.append(inspect.getsource(importlib.import_module(module)))
    assert [] == [name for name in names if not any(name in source for source in sources)]
    assert [] == [path for path in re.findall(r"`([^`]+)`", here) if not (RUNTIME / path).is_file()]
    assert re.fullmatch(r"3\.\d+", since)


RUNTIME = ROOT / "runner" / "run_scenario" / "runtime"


def test_the_internals_are_in_a_table() -> None:
    """The test above is not empty."""
    assert len(ROWS) >= 25
    assert {5} == {len(row) for row in ROWS}
