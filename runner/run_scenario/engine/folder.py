"""The folder of a run: segments and output files, each with a name of ours, none of them nested."""

from __future__ import annotations

import contextlib
import os

from run_scenario.errors import MachineryError


def make_folder() -> str:
    """Make the folder of a run, for this user only, and return its absolute path.

    Raises:
        MachineryError: there is nowhere to make it.
    """
    for base in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp"):
        if base and os.path.isdir(base):
            folder = os.path.join(os.path.abspath(base), f"run-scenario-{os.urandom(8).hex()}")
            with contextlib.suppress(OSError):
                os.mkdir(folder, 0o700)
                return folder
    raise MachineryError("cannot make a temporary folder: set TMPDIR to a folder that can be written to")


def remove_folder(folder: str) -> None:
    """Remove a run's folder and the files in it; whatever cannot be removed is left without an error."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
        os.rmdir(folder)
