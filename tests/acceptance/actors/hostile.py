"""What is made to confuse whoever reads of it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from typing import Any

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e\u2028\u2066\0\ud800\nforged"
HOSTILE_NAME = HOSTILE.replace("\0", "").replace("\ud800", "")  # classes may not be called everything


def be_hostile(outbox: Any) -> None:
    """Put what would steer a terminal into everything that has a name, a text or a message; then fail."""
    multiprocessing.current_process().name = HOSTILE
    outbox.put(HOSTILE)
    outbox.put({HOSTILE: [HOSTILE], HOSTILE.encode("utf-8", "surrogatepass"): 1})
    outbox.put(HOSTILE_NAME)
    print(HOSTILE_NAME)
    print(HOSTILE, file=sys.stderr)
    os.write(2, HOSTILE.encode("utf-8", "surrogatepass"))
    logging.getLogger(HOSTILE).error(HOSTILE)
    warnings.warn(HOSTILE, type(HOSTILE_NAME, (UserWarning,), {}), stacklevel=1)
    threading.Thread(target=signal.sigwait, args=([],), name=HOSTILE, daemon=True).start()
    raise type(HOSTILE_NAME, (Exception,), {"__module__": HOSTILE})(HOSTILE)


def put_and_note(outbox: Any, path: str, seconds: float = 0.8) -> None:
    """Put numbers for a while, and note in a file after each how many put() calls have returned."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    until, number = time.monotonic() + seconds, 0
    outbox.cancel_join_thread()
    while time.monotonic() < until:
        number += 1
        outbox.put(number)
        os.pwrite(file, number.to_bytes(8, "little"), 0)
        time.sleep(0.0005)
