"""The pictures of the documentation are those that the scenarios have now, and what is said of them is true.

Times, numbers and who came first differ from run to run; names, rows, ends, kinds, labels, the meanings of signs and
the final sentence do not. A picture that was drawn before one of them was changed is out of date.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from effort import in_part
from run_scenario.report.timeline import text as timeline

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
MOST_RUNS = 3
"""On a busy machine one may go another way than usual; a picture that is out of date differs from all."""
NAME = r"(?:[^\W\d]|-)[\w.-]*"
VARYING = (
    r"N(\.N)?",  # a moment on the axis
    r".*…",  # cut where there was no room
    rf"{NAME}( N)?\.\w+\(\)",  # a call that waited, where there was room for it, or where one waited at all
    r"sleep\(N(\.N)?\)|N left|returned",
    rf"held by {NAME}",
    r"(the next task of|a result of|an item from|task_done\(\) for) .*",
    rf"{NAME} put .* on .*, {NAME} got .*",
    rf"{NAME}( N)?: .*, N\.N to N\.N s",  # what a bar says when it is pointed at
    rf"{NAME} held {NAME}, N\.N to N\.N s",
    rf"{NAME}: at most N items?",
)
"""Texts that one run has in its picture and another has not."""


def load() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["gallery"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GALLERY = load()
EXHIBITS = {exhibit.name: exhibit for exhibit in GALLERY.EXHIBITS}


def normal(text: str) -> str:
    """Return a text without its numbers, but for those that are a part of a name."""
    return re.sub(r"\bitems?\b", "items", re.sub(r"(?<![\w-])\d[\d,]*|(?<=-)\d+", "N", " ".join(text.split())))


def words(text: str) -> Counter[str]:
    """Return the words of a text: who is named first is chance."""
    return Counter(re.findall(r"[\w()'.-]+", normal(text)))


class Timeline(NamedTuple):
    """What of a timeline in text does not depend on the run."""

    about: tuple[str, ...]
    """Its title, and what the scenario says of itself."""
    rows: frozenset[str]
    ends: frozenset[str]
    """How processes ended, where that was not as usual."""
    stuck: frozenset[str]
    verdict: Counter[str]


def parts_of(text: str) -> tuple[tuple[str, ...], list[str]]:
    """Return title, description and what to watch for, of a timeline in text; and its chart and what stands below."""
    parts = [*text.strip().split("\n\n"), ""]
    chart = next((at for at, part in enumerate(parts) if part.startswith("seconds ")), 1)
    watch_for = [part for part in parts if part.startswith("Watch for, ")]
    return (*parts[:chart], *watch_for), [part for part in parts[chart:] if part not in watch_for]


def timeline_of(text: str) -> Timeline:
    """Return what a timeline in text says."""
    about, (chart, *notes) = parts_of(text)
    axis = next((line.index("┬") for line in chart.splitlines() if "┬" in line), 0)
    rows = {line[:axis].strip() for line in chart.splitlines() if axis} - {"", "seconds"}
    ends = {normal(end) for end in re.findall(r"(?:┤|✗) ([^\W\d].*)", chart)} - {"returned"}
    beside = [note.partition(": ")[2] for note in notes if "stopped by" in note and "when nothing" not in note]
    stuck = [line for note in notes if note.startswith("when nothing") for line in note.splitlines()[1:]]
    return Timeline(
        about,
        frozenset(rows),
        frozenset(ends | {normal(each) for each in beside if each}),
        frozenset(map(normal, stuck)),
        words(" ".join(notes[-2:])),
    )


def legend_of(text: str) -> set[str]:
    """Return the meanings of the signs below a timeline in text."""
    entries = [entry for line in parts_of(text)[1][1].splitlines() for entry in line.split("   ") if " " in entry]
    return {entry.split(" ", 1)[1] for entry in entries if not entry[0].isdigit()}  # those count what is not drawn


def texts_of(path: Path, names: frozenset[str] = frozenset()) -> set[str]:
    """Return what stands in an SVG picture, and what it says when something in it is pointed at; names as they are."""
    tags = ("{http://www.w3.org/2000/svg}text", "{http://www.w3.org/2000/svg}title")
    texts = [element.text or "" for element in ElementTree.parse(path).iter() if element.tag in tags]
    return {text if text in names else normal(text) for text in texts}


def surplus(one: set[str], other: set[str]) -> list[str]:
    """Return the texts that only the first has, but for those that differ from run to run."""
    known = {*timeline.MEANINGS.values(), *other}
    sentences = "\n".join(sorted(other))
    told = words(sentences).keys()
    return [
        text
        for text in sorted(one - known)
        if not any(re.fullmatch(pattern, text) for pattern in VARYING)
        and not (len(text.split()) > 3 and words(text).keys() <= told)  # a sentence that was broken elsewhere
    ]


def labels(texts: set[str]) -> set[str]:
    """Return the parts of the labels on edges: whether one of a pair waits is chance, that one does is not."""
    return {
        part for text in texts for part in (text.split(", ") if re.fullmatch(r"(N×?)?(, )?(waits)?", text) else [text])
    }


def differences(name: str, fresh: Path, kept: Path) -> Iterator[str]:
    """Yield how the pictures of one folder differ from those of another in what should be alike."""
    texts = [(folder / f"{name}.txt").read_text(encoding="utf-8") for folder in (fresh, kept)]
    now, then = map(timeline_of, texts)
    yield from (
        f"{name}.txt: {field}: {getattr(then, field)}, now {getattr(now, field)}"
        for field in Timeline._fields
        if getattr(then, field) != getattr(now, field)
    )
    for suffix in (".svg", "-graph.svg"):
        one, other = (labels(texts_of(folder / f"{name}{suffix}", now.rows)) for folder in (fresh, kept))
        yield from (f"{name}{suffix} has no longer: {text}" for text in surplus(other, one))
        yield from (f"{name}{suffix} has not yet: {text}" for text in surplus(one, other))


@pytest.mark.parametrize("name", in_part(EXHIBITS))
def test_what_is_committed_is_what_is_drawn(name: str, tmp_path: Path) -> None:
    """A fresh run gives the pictures that are there, but for what differs from run to run."""
    found: list[str] = []
    for _ in range(MOST_RUNS):
        text = GALLERY.draw(EXHIBITS[name], tmp_path)
        assert all("pid " not in line for line in text.splitlines())
        assert 3 == len(list(tmp_path.iterdir()))
        found = list(differences(name, tmp_path, PICTURES))
        if not found:
            break
    assert [] == found


@pytest.mark.parametrize("suffix", [".txt", ".svg", "-graph.svg"])
@pytest.mark.parametrize("how", ["empty", "another's", "a row less"])
def test_a_picture_that_is_out_of_date_is_noticed(suffix: str, how: str, tmp_path: Path) -> None:
    """An empty picture is, one of another scenario, and one in which something is missing."""
    for each in (".txt", ".svg", "-graph.svg"):
        (tmp_path / f"daemon{each}").write_bytes((PICTURES / f"daemon{each}").read_bytes())
    assert [] == list(differences("daemon", PICTURES, tmp_path))
    old = {
        "empty": "<svg/>" if suffix != ".txt" else "nonsense",
        "another's": (PICTURES / f"two-forks{suffix}").read_text(encoding="utf-8"),
        "a row less": (PICTURES / f"daemon{suffix}").read_text(encoding="utf-8").replace("Worker 1", "Worker 2"),
    }[how]
    (tmp_path / f"daemon{suffix}").write_text(old, encoding="utf-8")
    assert [] != list(differences("daemon", PICTURES, tmp_path))


def test_the_page_is_the_one_that_is_written() -> None:
    """So is the picture of the README; the folder has no others."""
    assert GALLERY.page() == GALLERY.PAGE.read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (PICTURES / f"{GALLERY.IN_README}.txt").read_text(encoding="utf-8") in readme
    wanted = {f"{name}{suffix}" for name in EXHIBITS for suffix in (".svg", "-graph.svg", ".txt")}
    assert wanted == {path.name for path in PICTURES.iterdir()}


@pytest.mark.parametrize("name", EXHIBITS)
def test_what_is_said_of_a_picture_is_in_it(name: str) -> None:
    """What a caption puts into backticks can be seen, but for options; it names no process by a number."""
    look = EXHIBITS[name].look
    seen = (PICTURES / f"{name}.txt").read_text(encoding="utf-8")
    seen += " ".join(texts_of(PICTURES / f"{name}-graph.svg"))
    assert [] == [code for code in re.findall("`(.+?)`", look) if code not in seen and not code.startswith("--")]
    assert not re.search(r"\b(first|second|third|fourth) (worker|consumer|process)|\w-\d|--from \d", look)


def test_the_signs_are_explained_in_the_words_of_today() -> None:
    """Each legend has meanings that the timeline still gives."""
    folder = Path(timeline.__file__).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    for name in EXHIBITS:
        meanings = legend_of((PICTURES / f"{name}.txt").read_text(encoding="utf-8"))
        assert meanings
        assert [] == [meaning for meaning in meanings if f'"{meaning}"' not in sources]


def test_the_touchstone() -> None:
    """The first picture says who left early, what was left, and who waits for what."""
    first = (PICTURES / f"{GALLERY.EXHIBITS[0].name}.txt").read_text(encoding="utf-8")
    for words in (
        "Consumer-1",
        "returned: tasks.empty() said True",
        "10 left",
        "tasks.join() ░",
        "waits for task_done()",
    ):
        assert words in first
