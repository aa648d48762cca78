"""What runner and supervisor say to each other, besides the request and the signals that the runner has got."""

from __future__ import annotations

LIMIT_EXCEEDED = 255
"""Stands for a signal's number where the run is to be ended because of a limit, which the runner has reported."""
LOG_FAILED = 254
"""Stands for a signal's number where the run is to be ended because its log cannot be written any more."""
NO_SPACE = 253
"""Stands for a signal's number where the run is to be ended because there is no room for what it records."""
LOG_WRITTEN = b"\0"
"""The runner's last order: the log is written. A runner that is killed does not give it."""
DONE = "done"
"""The supervisor's answer when nothing of the run is left."""
