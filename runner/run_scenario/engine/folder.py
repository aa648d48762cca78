"""The folder of a run: segments and output files, each with a name of ours, none of them nested."""

from __future__ import annotations

import contextlib
import os


def remove_folder(folder: str) -> None:
    """Remove a run's folder and the files in it; whatever cannot be removed is left without an error."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
        os.rmdir(folder)
