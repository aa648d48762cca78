"""How processes are started where a scenario does not say."""

from __future__ import annotations

import sys


def default_start_method() -> str:
    """Return how multiprocessing starts processes here where a scenario does not say."""
    if not sys.platform.startswith("linux"):
        return "spawn"
    return "forkserver" if sys.version_info >= (3, 14) else "fork"
