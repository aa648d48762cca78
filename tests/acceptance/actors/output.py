"""Ways to write and to log."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys
import warnings
from typing import Any


def talk() -> None:
    """Write in every way there is; each line names the process."""
    name = multiprocessing.current_process().name
    print(f"{name} print")
    print(f"{name} print to stderr", file=sys.stderr)
    sys.stdout.flush()
    os.write(1, f"{name} descriptor 1\n".encode())
    os.write(2, f"{name} descriptor 2\n".encode())
    subprocess.run(["echo", f"{name} subprocess"], check=True)
    subprocess.run(["sh", "-c", f"echo '{name} subprocess to stderr' >&2"], check=True)
    warnings.warn(f"{name} warning", stacklevel=1)
    print(f"{name} no newline", end="")


def talk_in_turns(inbox: Any, outbox: Any, word: str) -> None:
    """Write half a line, let another thread do the same, write the rest; then log and warn."""
    inbox.get()
    print(word, end="")
    outbox.put("go on")
    inbox.get()
    print(word)
    outbox.put("go on")
    logging.getLogger(word).error("logged %s", word)
    warnings.warn(f"warned {word}", stacklevel=1)
    print(f"{word} on stderr", file=sys.stderr)
    print(f"{word} without an end", end="")


def log_at_all_levels() -> None:
    """Log by logging: first with its defaults, then with a level and a handler of one's own."""
    logger = logging.getLogger("actors")
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("plain %s", level)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("handled: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("configured %s", level)
    try:
        raise ValueError("a reason")
    except ValueError:
        logger.exception("with a traceback")
    logger.warning("wrong %d", "argument") if not logging.raiseExceptions else None


def log_by_structlog() -> None:
    """Log by structlog, imported here as a worker would."""
    import structlog

    logger = structlog.get_logger("actors")
    logger.debug("quiet")
    logger.info("hello", answer=42, thing=object, text="ä\ud800")
    logger.bind(colour="red").warning("bound")
    logger.error("bad")


def write_awkward_text() -> None:
    """Write what a log must neither lose nor pass on raw."""
    print("\x1b[31mred\x1b[0m \x07 \u202e bidi ä 日本 \U0001f600")
    print("\ud800 surrogate", file=sys.stderr)
    os.write(1, b"\xff\xfe not UTF-8\n")
    print("L" * 10_000)
    sys.stdout.flush()
    os.write(1, b"M" * 100_000 + b"\n")
    print("carriage\rreturn\r\n\ttab\0nul")
    logging.getLogger("actors").warning("\ud800 and \x1b[31m")
    print('{"event": "scenario.finished", "forged": true}')


def write_many_lines(count: int) -> None:
    """Write many lines by print and, in between, by descriptor."""
    for number in range(count):
        print(number)
    sys.stdout.flush()
    for number in range(count):
        os.write(1, b"%d\n" % number)
