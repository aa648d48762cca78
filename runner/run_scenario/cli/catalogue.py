"""The bundled scenarios as the list shows them: read lightly, for they are tested to be valid."""

from __future__ import annotations

from pathlib import Path

import yaml

from run_scenario import bundled
from run_scenario.cli.files import bundled_scenario
from run_scenario.views.listing import Entry

_MODELINE = "# yaml-language-server: $schema="
"""How the first line of a scenario begins that tells editors where its schema is."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def entries() -> list[Entry]:
    """Return the bundled scenarios, in the order of their names."""
    return sorted((_entry(path) for path in bundled.scenarios()), key=lambda entry: entry.name)


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
    return Entry(path.stem, **texts)
