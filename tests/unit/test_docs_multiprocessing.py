"""docs/reference/multiprocessing.md: complete, compared with the Python that runs this, and true."""

from __future__ import annotations

import concurrent.futures
import importlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.managers
import multiprocessing.pool
import multiprocessing.shared_memory
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from run_scenario import bundled, targets
from run_scenario.scenario.steps import VERBS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "multiprocessing.md").read_text(encoding="utf-8")


class Row(NamedTuple):
    """One public name, and what is said about it."""

    name: str
    status: str
    text: str


def tables() -> dict[str, list[Row]]:
    """Return the rows of the page by heading."""
    found: dict[str, list[Row]] = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", body, flags=re.MULTILINE)
        assert len(rows) == body.count("\n| `"), f"a row of {heading} is not read"
        found[heading.strip()] = [Row(*row) for row in rows]
    return found


TABLES = tables()
ROWS = [(heading, row) for heading, rows in TABLES.items() for row in rows]


def public(thing: object) -> set[str]:
    """Return the names that something offers."""
    return {name for name in dir(thing) if not name.startswith("_")}


def submodules() -> set[str]:
    """Return the modules of the package, which are attributes of it as soon as somebody imports them."""
    return {module.name for module in pkgutil.iter_modules(multiprocessing.__path__) if module.name[0] != "_"}


def offered() -> dict[str, set[str]]:
    """Return the public names behind each heading. Objects are asked, where their methods are made by `__init__`."""
    modules = submodules()
    windows = {name for name in modules if "win32" in name}
    ends = multiprocessing.Pipe()
    block = multiprocessing.shared_memory.SharedMemory
    objects: dict[str, Any] = {
        "multiprocessing.Process": multiprocessing.Process(),
        "multiprocessing.Queue": multiprocessing.Queue(),
        "multiprocessing.JoinableQueue": multiprocessing.JoinableQueue(),
        "multiprocessing.SimpleQueue": multiprocessing.SimpleQueue(),
        "multiprocessing.connection.Connection": ends[0],
        "multiprocessing.Lock": multiprocessing.Lock(),
        "multiprocessing.RLock": multiprocessing.RLock(),
        "multiprocessing.Semaphore": multiprocessing.Semaphore(),
        "multiprocessing.BoundedSemaphore": multiprocessing.BoundedSemaphore(),
        "multiprocessing.Event": multiprocessing.Event(),
        "multiprocessing.Condition": multiprocessing.Condition(),
        "multiprocessing.Barrier": multiprocessing.Barrier(2),
        "multiprocessing.Value": multiprocessing.Value("i"),
        "multiprocessing.Array": multiprocessing.Array("i", 1),
        "multiprocessing.shared_memory.SharedMemory": block,
        "multiprocessing.shared_memory.ShareableList": multiprocessing.shared_memory.ShareableList,
        "multiprocessing.managers.SyncManager": multiprocessing.managers.SyncManager(),
        "multiprocessing.managers.DictProxy": multiprocessing.managers.DictProxy,
        "multiprocessing.managers.ListProxy": multiprocessing.managers.ListProxy,
        # What a proxy of a set has is what a set has, also before there is one.
        "multiprocessing.managers.SetProxy": getattr(multiprocessing.managers, "SetProxy", set),
        "multiprocessing.Pool": multiprocessing.pool.Pool,
        "multiprocessing.pool.AsyncResult": multiprocessing.pool.AsyncResult,
        "concurrent.futures.ProcessPoolExecutor": concurrent.futures.ProcessPoolExecutor,
        "concurrent.futures.Future": concurrent.futures.Future,
    }
    for end in ends:
        end.close()
    names = {heading: public(thing) for heading, thing in objects.items()}
    names["multiprocessing"] = (public(multiprocessing) | modules) - windows
    names["multiprocessing.RawValue"] = {"value"}  # a ctypes object, which names only itself
    for module in (
        *(f"multiprocessing.{name}" for name in ("connection", "shared_memory", "managers", "pool")),
        "concurrent.futures",
    ):
        names[module] = set(importlib.import_module(module).__all__)
    return names


OFFERED = offered()
MORE = {
    "multiprocessing.connection": {"Connection", "answer_challenge", "deliver_challenge"},
    "concurrent.futures": {"InvalidStateError"},  # in later versions it is offered
    "multiprocessing.managers.SyncManager": {"shutdown"},  # there as soon as it is started
    "multiprocessing.shared_memory.ShareableList": {"shm"},  # an attribute of the object
}
"""What is there although it is not offered in the way that `offered` looks for."""


def test_every_heading_is_known() -> None:
    """Each table is compared with something."""
    assert set(OFFERED) == set(TABLES)
    assert all(TABLES.values())


@pytest.mark.parametrize("heading", OFFERED)
def test_every_public_name_has_a_row(heading: str) -> None:
    """What this Python offers is in the table."""
    assert set() == OFFERED[heading] - {row.name for row in TABLES[heading]}


@pytest.mark.parametrize("heading", OFFERED)
def test_every_row_is_a_public_name(heading: str) -> None:
    """No name is there twice, and none is invented; what only another version of Python has says so."""
    names = [row.name for row in TABLES[heading]]
    assert len(set(names)) == len(names)
    known = OFFERED[heading] | MORE.get(heading, set())
    elsewhere = {row.name for row in TABLES[heading] if "Python 3.14" in row.text or "Python 2" in row.text}
    assert set() == set(names) - known - elsewhere


@pytest.mark.parametrize(("heading", "row"), ROWS, ids=lambda v: v.name if isinstance(v, Row) else v)
def test_a_row_says_what_is_true(heading: str, row: Row) -> None:
    """It says how, or why not, in words of the language: steps, targets, events, keys and scenarios that exist."""
    assert row.status in ("yes", "own code", "no")
    assert row.text.strip()
    steps = re.findall(r"the steps? ((?:`[^`]+`(?:,| and)? ?)+)", row.text)
    assert set() == {word.split(":")[0] for word in quoted(steps)} - set(VERBS)
    named = re.findall(r"targets? (?:such as )?((?:`\w+`(?:,| and)? ?)+)", row.text)
    assert set() == quoted(named) - set(targets.names())
    events = bundled.schema_text("event")
    for event in re.findall(r"`(\w+\.\w+)`", row.text):
        assert f'"{event}"' in events
    for key in re.findall(r"`(\w+):(?: [^`]*)?`", row.text):
        assert f'"{key}"' in bundled.schema_text("scenario")
    kinds = re.findall(r"`type: (\w+)`", row.text) + re.findall(r"types ((?:`\w+`(?:,| and)? ?)+)", row.text)
    for kind in (word for text in kinds for word in re.findall(r"\w+", text.replace(" and ", " "))):
        assert f'"{kind}"' in bundled.schema_text("scenario")
    for scenario in re.findall(r"the scenario `([\w-]+)`", row.text):
        assert bundled.find_scenario(scenario) is not None


def quoted(texts: Iterable[str]) -> set[str]:
    """Return the words in backticks."""
    return {word for text in texts for word in re.findall(r"`([^`]+)`", text)}
