"""Whether a process is still there, by the only means that every POSIX system has."""

from __future__ import annotations

import os


def pid_exists(pid: int) -> bool:
    """Return whether there is such a process; one that has ended is there until somebody has waited for it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
