"""The bundled scenarios as the list shows them: read lightly, for they are tested to be valid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from run_scenario import bundled
from run_scenario.cli.files import bundled_scenario
from run_scenario.views.listing import Entry

_MODELINE = "# yaml-language-server: $schema="
"""How the first line of a scenario begins that tells editors where its schema is."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_TYPES = {"queues": "Queue", "pipes": "Pipe", "sync": "", "shared": "", "pools": "Pool"}
"""The kinds of resources, and the type of one that does not tell its own."""


def entries(chapter: str | None = None) -> list[Entry]:
    """Return the bundled scenarios, or those of one chapter, in their order."""
    return [_entry(path) for path in bundled.scenarios() if chapter in (None, path.parent.name)]


def text_for_editors(name: str) -> str:
    """Return the text of a bundled scenario; its first line names the schema where it lies on this machine.

    In the file itself that is a path beside it, which leads nowhere from where a copy is put.

    Raises:
        UsageError: there is no scenario of that name.
    """
    text = bundled_scenario(name).read_text(encoding="utf-8")
    schema = (bundled.folder("schema") / "scenario.schema.json").as_uri()
    first, end, rest = text.partition("\n")
    return f"{_MODELINE}{schema}{end}{rest}" if first.startswith(_MODELINE) else text


def _entry(path: Path) -> Entry:
    document = yaml.load(path.read_bytes(), Loader=_LOADER)
    texts = {key: " ".join(str(document.get(key, "")).split()) for key in ("title", "source", "description")}
    uses = tuple(dict.fromkeys(_uses(document)))
    return Entry(path.stem, **texts, heading=bundled.CHAPTERS[path.parent.name], uses=uses)


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
