"""Where the schemas and the bundled scenarios are: in a wheel, an editable install or a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder `schema` or `scenarios`.

    A wheel carries them inside the package; in a checkout they lie at its top, two levels above.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for candidate in (_PACKAGE / name, _PACKAGE.parent.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder {name!r} is missing from this installation of run-scenario; reinstall it")


def schema_text(name: str) -> str:
    """Return the text of the JSON Schema `scenario` or `event`."""
    return (folder("schema") / f"{name}.schema.json").read_text(encoding="utf-8")


def scenarios() -> list[Path]:
    """Return the bundled scenario files, ordered by name within their folder."""
    return sorted(folder("scenarios").rglob("*.yaml"))


def find_scenario(name: str) -> Path | None:
    """Return the bundled scenario called `name` (with or without `.yaml`), or None."""
    stem = name[:-5] if name.endswith(".yaml") else name
    return next((path for path in scenarios() if path.stem == stem), None)
