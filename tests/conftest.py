"""What all tests share: compiled modules for the thousand commands that they start, and signals as in a terminal.

Where PYTHONDONTWRITEBYTECODE is set, each of those would compile the package anew: two fifths of what it costs.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background like this, and every process would inherit it: Ctrl-C could not
    # be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
