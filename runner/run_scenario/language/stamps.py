"""Which texts have already been found to fit the schema, so that checking them again costs nothing.

A stamp is an empty file whose name is a digest of text, schema and version. It only ever saves time: whatever goes
wrong with the folder is silently harmless.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from run_scenario import __version__

MAX_STAMPS = 500
"""When there are more, the older half is removed."""


def default_folder() -> Path | None:
    """Return the folder of stamps in the user's cache, or None where there is none."""
    return cache("fits-schema")


def cache(name: str) -> Path | None:
    """Return the product's folder of that name in the user's cache, or None where there is none."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG base directory specification: relative paths are to be ignored.
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:  # this user has no home
            return None
    return base / "run-scenario" / name


class Stamps:
    """The stamps in `folder`; without a folder, nothing is remembered."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def has(self, key: str) -> bool:
        """Return whether `key` was stamped before."""
        try:
            return self._folder is not None and (self._folder / key).exists()
        except (OSError, ValueError):
            return False

    def add(self, key: str) -> None:
        """Stamp `key`; failing to is harmless."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._folder / key, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            prune(self._folder, MAX_STAMPS)
        except (OSError, ValueError):  # ValueError: the path has a NUL in it
            pass


def prune(folder: Path, most: int) -> None:
    """Remove the older half of the files in `folder` if there are more than `most`."""
    with os.scandir(folder) as entries:
        files = list(entries)
    if len(files) > most:
        files.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
        for entry in files[: len(files) - most // 2]:
            Path(entry.path).unlink()


def key_of(text: str, schema: str) -> str:
    """Return the name of the stamp for `text` under `schema` and this version."""
    return digest(*(part.encode("utf-8", errors="surrogatepass") for part in (__version__, schema, text)))


def digest(*parts: bytes) -> str:
    """Return a name for just these parts, in this order."""
    try:
        # hashlib has the same function, and loads OpenSSL for it: 3 ms.
        whole = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256()
    except ImportError:
        whole = import_module("hashlib").sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return str(whole.hexdigest())
