"""Who waits while other threads of the same process run."""

from __future__ import annotations

import threading
import time
from typing import Any


def hang_beside_runners(count: int) -> None:
    """Sleep for ever, beside so many threads that call and return without a pause."""
    for _ in range(count):
        threading.Thread(target=_run, daemon=True).start()
    hang_here()


def hang_here() -> None:
    """Sleep for ever."""
    while True:
        time.sleep(60)


def _run() -> None:
    while True:
        eval("(lambda n: [n for _ in range(3)])(1)", {})
        _deep(20)


def _deep(depth: int) -> Any:
    return _deep(depth - 1) if depth else time.monotonic()


def compute_in_threads() -> None:
    """Compute for ever in some threads, the main one included."""
    for _ in range(4):
        threading.Thread(target=_run, daemon=True).start()
    _run()
