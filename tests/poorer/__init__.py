"""Makes this system as poor as others are: commands to put before another, and what imitates macOS and Windows.

denying.py    system calls fail, as in a container
macos/        on PYTHONPATH: Python lacks what it has not on macOS
kqueue.py     what it has there instead of a pidfd, imitated
windows.py    runs the command in a Python that lacks what it has not on Windows
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PIDFD_OPEN, PIDFD_SEND_SIGNAL, PRCTL = 434, 424, 157
"""Numbers of system calls (asm/unistd_64.h)."""
NO_PROC = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
"""Runs what follows with an empty folder for /proc."""
_HERE = Path(__file__).parent
WINDOWS = (sys.executable, str(_HERE / "windows.py"))
"""Runs run-scenario with the arguments that follow."""


def denying(error: str, *calls: int) -> tuple[str, ...]:
    """Return a command that runs what follows; these system calls fail with that error."""
    return sys.executable, str(_HERE / "denying.py"), error, ",".join(map(str, calls))


def like_macos() -> tuple[str, ...]:
    """Return a command that runs what follows as on macOS."""
    path = os.pathsep.join([str(_HERE / "macos"), str(_HERE.parent / "acceptance")])
    return *NO_PROC, *denying("ENOSYS", PRCTL), "env", f"PYTHONPATH={path}"


def works(shell: tuple[str, ...]) -> bool:
    """Return whether a command that runs what follows can be run here."""
    if "denying.py" in " ".join(shell) and os.uname().machine != "x86_64":
        return False
    return subprocess.run([*shell, "true"], check=False, capture_output=True).returncode == 0
