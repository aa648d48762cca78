"""The bundled scenarios, as far as the built-ins are concerned: every name and value in them is one that exists."""

from __future__ import annotations

import functools
import inspect
import json
import re

import jsonschema
import pytest
import yaml

from run_scenario import bundled, targets

FIRST_LINE = "# yaml-language-server: $schema=../../schema/scenario.schema.json"
CHAPTER = [
    "count-down",
    "names",
    "pids",
    "daemon",
    "daemon-join",
    "single-worker",
    "consumers-until-empty",
    "poison-pill",
]
SOURCES = (
    "Mastering Concurrency in Python, chapter 6",
    "The documentation of multiprocessing, ",
    "E. W. Dijkstra, Hierarchical ordering of sequential processes (1971)",
    "E. W. Dijkstra, Hierarchical Ordering of Sequential Processes; ",
    "E. W. Dijkstra, Cooperating Sequential Processes; ",
    "Courtois, Heymans and Parnas, Concurrent Control with Readers and Writers; ",
    "D. G. Kendall, Stochastic Processes Occurring in the Theory of Queues; ",
    "G. Le Lann, Distributed Systems: Towards a Formal Approach; ",
    "J. Dean and S. Ghemawat, MapReduce; ",
    "The Little Book of Semaphores, ",
    "The Python logging cookbook, ",
    "The documentation of Erlang/OTP, ",
)
OWN = ["terminate", "crash-isolation", "outlives-its-join"]

TOP = bundled.folder("scenarios")
EVENTS = json.loads(bundled.schema_text("event"))
IN_THE_LOG_ALONE = {
    *EVENTS["properties"]["event"]["enum"],
    *(field for event in EVENTS["$defs"].values() for field in event.get("properties", ()) if "_" in field),
}
"""Names of events, and of fields that are no word of anybody's language."""
VALIDATOR = jsonschema.Draft202012Validator(json.loads(bundled.schema_text("scenario")))
every_scenario = pytest.mark.parametrize("path", bundled.scenarios(), ids=lambda path: path.stem)


@functools.cache
def document(path):
    """Return what a file says, which several tests look at."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*CHAPTER, *OWN])
def test_is_bundled(name):
    """These names stay valid."""
    assert bundled.find_scenario(name) is not None


@every_scenario
def test_is_found_by_its_name_and_chapter(path):
    """A name says which file is meant, in whatever chapter it stands; so does the chapter with the name."""
    chapter = path.parent.name

    assert path == bundled.find_scenario(path.stem)
    assert path == bundled.find_scenario(f"{chapter}/{path.stem}")
    assert path == bundled.find_scenario(f"{chapter}/{path.name}")
    assert bundled.find_scenario(f"elsewhere/{path.stem}") is None
    assert path.stem not in bundled.CHAPTERS


def test_there_is_nothing_but_scenarios():
    """Every file stands in a chapter that has a heading, and is a scenario."""
    files = [path for path in TOP.rglob("*") if path.is_file()]

    assert sorted(files) == sorted(bundled.scenarios())
    assert all(path.parent.parent == TOP for path in files)


@every_scenario
def test_tells_what_it_is_for(path):
    """Every scenario has completion in editors, a title, a source and a hint on what to look at."""
    text = path.read_text(encoding="utf-8")
    scenario = document(path)

    assert FIRST_LINE == text.splitlines()[0]
    assert scenario["title"]
    assert scenario["source"].startswith(SOURCES)
    assert "Watch for: " in scenario["description"]
    assert 0 < scenario["timeout"] <= 30


@every_scenario
def test_speaks_to_whoever_looks_at_the_run(path):
    """What to watch for is found in each view: it is not told by the names that things have in the log alone."""
    assert set() == set(re.findall(r"[a-z_.]+[a-z_]", document(path)["description"])) & IN_THE_LOG_ALONE


@every_scenario
def test_is_allowed_by_the_schema(path):
    """Every scenario obeys the schema that its first line names."""
    assert [] == [error.message for error in VALIDATOR.iter_errors(document(path))]


@every_scenario
def test_calls_its_targets_properly(path):
    """Every target takes the arguments and queues that the scenario gives it."""
    for process in _all(document(path).get("processes", [])):
        if "target" not in process:  # it has steps
            continue
        found = targets.find(process["target"])
        ends = {"inbox": "from", "outbox": "to"}
        resources = dict(process.get("uses", {}))
        for parameter, end in ends.items():
            given = process.get(end, {})
            resources |= given if isinstance(given, dict) else {parameter: given}
        function, args, kwargs = targets.bind(found.name, process.get("args", ()), process.get("kwargs", {}), _refuse)

        inspect.signature(function).bind(*args, **kwargs, **resources)


def _all(processes):
    """Yield processes, and those that they start."""
    for process in processes:
        yield process
        yield from _all(process.get("processes", []))


@every_scenario
def test_names_existing_work(path):
    """Every call among the items is one of a known work function, with arguments that it takes."""
    for queue in document(path).get("queues", {}).values():
        for item in queue.get("items", []):
            if isinstance(item, dict):
                found = targets.find_work(item["call"])
                inspect.signature(found.function).bind(*item.get("args", ()), **item.get("kwargs", {}))


def _refuse(reference: str) -> None:
    pytest.fail(f"{reference!r}: a bundled scenario needs nobody's consent")
