"""The folder of a run: segments and output files, each with a name of ours, none of them nested."""

from __future__ import annotations

import contextlib
import os

from run_scenario.errors import MachineryError


def folder_for(run: str) -> str:
    """Return the absolute path of the folder that a run will have; it is not made yet.

    Raises:
        MachineryError: there is nowhere to make it.
    """
    for base in bases():
        if os.access(base, os.W_OK | os.X_OK):
            return os.path.join(base, f"run-scenario-{run}")
    raise MachineryError("cannot make a temporary folder: set TMPDIR to a folder that can be written to")


def bases() -> list[str]:
    """Return the folders in which that of a run may be, the one that is tried first at the front."""
    found = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp")
    return list(dict.fromkeys(os.path.abspath(base) for base in found if base and os.path.isdir(base)))


def remove_folder(folder: str) -> None:
    """Remove a run's folder with all in it, following no links; what cannot be removed is left without an error."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        remove_folder(entry.path)
                    else:
                        os.unlink(entry.path)
        os.rmdir(folder)
