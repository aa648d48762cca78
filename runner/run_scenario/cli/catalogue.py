"""The bundled scenarios as the list shows them: read lightly, for they are tested to be valid."""

from __future__ import annotations

from pathlib import Path

import yaml

from run_scenario import bundled
from run_scenario.views.listing import Entry

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def entries() -> list[Entry]:
    """Return the bundled scenarios, in the order of their names."""
    return sorted((_entry(path) for path in bundled.scenarios()), key=lambda entry: entry.name)


def _entry(path: Path) -> Entry:
    document = yaml.load(path.read_bytes(), Loader=_LOADER)
    texts = {key: " ".join(str(document.get(key, "")).split()) for key in ("title", "source", "description")}
    return Entry(path.stem, **texts)
