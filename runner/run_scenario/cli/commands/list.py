"""`list`: the bundled scenarios, or the file of one."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run_scenario import bundled
from run_scenario.cli.command import Command
from run_scenario.cli.files import bundled_scenario
from run_scenario.cli.pager import page
from run_scenario.cli.streams import columns, write_stdout
from run_scenario.errors import Status, UsageError
from run_scenario.lessons import LESSONS

if TYPE_CHECKING:
    from run_scenario.report.listing import Entry

_MODELINE_BEGINS = "# yaml-language-server: $schema="
"""How the first line of a scenario begins that tells editors where its schema is."""
_MODELINE = (
    f"{_MODELINE_BEGINS}scenario.schema.json\n"
    "# So that an editor finds it beside this file: run-scenario schema > scenario.schema.json\n"
)

_TYPES = {"queues": "Queue", "pipes": "Pipe", "sync": "", "shared": "", "pools": "Pool"}
"""The kinds of resources, and the type of one that does not name its own."""


def list_scenarios(options: Namespace) -> Status:
    """Print the bundled scenarios, those of a chapter, or the file of one."""
    if options.name is not None and options.name not in bundled.CHAPTERS:
        if options.search:
            raise UsageError("'list NAME' prints one file: give it a NAME or --search, not both")
        write_stdout(_text_for_editors(options.name))
        return Status.PASSED
    from run_scenario.report import listing

    page(listing.scenarios(_entries(options.name), options.search, columns(), _scripts), wanted=True)
    return Status.PASSED


def _scripts() -> dict[str, str]:
    """Return the bundled scenarios as scripts, by their names: they have every name of multiprocessing that is used."""
    from run_scenario import loader
    from run_scenario.report.script.script import is_named_like_a_class, script

    loaded = (loader.load(str(path)).require() for path in bundled.scenarios())
    return {each.name: script(each, loader.plan(each), is_named_like_a_class) for each in loaded}


def _entries(chapter: str | None = None) -> list[Entry]:
    """Return the bundled scenarios, or those of one chapter, in their order."""
    return [_entry(path) for path in bundled.scenarios() if chapter in (None, path.parent.name)]


def _text_for_editors(name: str) -> str:
    """Return the text of a bundled scenario; its first line names a schema beside it.

    The next line says how it comes there. The path in the file itself leads nowhere from where a copy is put, and one
    of this machine would lead nowhere on another.

    Raises:
        UsageError: there is no scenario of that name.
    """
    text = bundled_scenario(name).read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    return f"{_MODELINE}{rest}" if first.startswith(_MODELINE_BEGINS) else text


def _entry(path: Path) -> Entry:
    """Return what the list has of a file: read lightly, for the bundled ones are tested to be valid."""
    import yaml

    from run_scenario.report.listing import Entry

    document = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    texts = {key: " ".join(str(document.get(key, "")).split()) for key in ("title", "source", "description")}
    uses = (*dict.fromkeys(_uses(document)), *_topics(path.stem, document), *_claims(path.stem))
    return Entry(path.stem, **texts, heading=bundled.CHAPTERS[path.parent.name], uses=uses)


def _topics(name: str, document: dict[str, Any]) -> Iterator[str]:
    """Yield the topics of a scenario; one that is to stall shows how a program hangs."""
    yield from (topic for topic, names in bundled.TOPICS.items() if name in names)
    if "scenario.stalled" in str(document.get("expect")):
        yield "hang"


def _claims(name: str) -> Iterator[str]:
    """Yield what a book's chapter says of it, and what is otherwise here."""
    yield from (text for each in LESSONS if each.scenario == name for text in (each.claim, each.here))


def _uses(document: dict[str, Any]) -> Iterator[str]:
    """Yield the targets, the work functions, the kinds of resources and their types."""
    yield from _functions(document)
    for section, usual in _TYPES.items():
        resources = document.get(section) or {}
        if resources:
            yield section
        for resource in resources.values():
            yield str((resource or {}).get("type", usual))


def _functions(value: Any) -> Iterator[str]:
    """Yield the names that stand under `target`, `work` or `call`, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("target", "work", "call") and isinstance(inner, str):
                yield inner
            yield from _functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _functions(inner)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="print this bundled scenario; or the list of one chapter"
    )
    parser.add_argument(
        "--search",
        metavar="TEXT",
        nargs="+",
        action="extend",
        default=[],
        help="only those that mention every TEXT: in name, title, description, source, targets, kinds of resources, in "
        "what a book claims of them, or else in what they are as scripts",
    )


COMMAND = Command(
    "the bundled scenarios; with NAME, print one",
    "  run-scenario list\n"
    "  run-scenario list queues                the chapter about queues\n"
    "  run-scenario list --search daemon join\n"
    "  run-scenario list --search 'race condition'\n"
    "  run-scenario list --search getppid      also a name of multiprocessing, or of Python\n"
    "  run-scenario list daemon > my.yaml      a start for your own",
    _add_arguments,
    list_scenarios,
)
