"""`record --no-payloads`: what a program hands from one process to another is in no file of its run."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import pytest
from recorded import SCRIPTS, Recording, plainly

TEXT = "-".join(["hush", "now"])
NUMBER = 20_261_130 * 7_919
AS_TEXT = {TEXT.encode(), str(NUMBER // 1000).encode()}
AS_STORED = {
    TEXT.encode(),
    *(NUMBER.to_bytes(8, order) for order in ("big", "little")),
    *(crc32(data).to_bytes(8, "little") for data in map(pickle.dumps, (TEXT, NUMBER))),
}
"""The data, and what gives it away because it is made from it."""
CONFIDENTIAL = SCRIPTS / "confidential.py"


def found_in(contents: Iterable[bytes]) -> set[bytes]:
    """Return what of it is in files."""
    together = b"\0".join(contents)
    return {trace for trace in AS_TEXT | AS_STORED if trace in together}


def test_no_payloads_are_in_log_and_report(tmp_path: Path, method: str) -> None:
    """The program does what it does without; the log says what has happened, without any of its data."""
    options = ("--no-payloads", "--report", str(tmp_path / "report.html"))
    found = Recording(tmp_path, CONFIDENTIAL, method, options=options).finish()
    plain = plainly(tmp_path, CONFIDENTIAL, method)
    assert (plain.returncode, plain.stdout) == (found.status, found.stdout)
    assert [".html", ".jsonl"] == sorted(file.suffix for file in tmp_path.iterdir())
    assert set() == found_in(file.read_bytes() for file in tmp_path.iterdir())
    assert {"<not recorded>"} == {str(event["item"]) for event in found.log.all("queue.put")}
    assert {"ValueError: <not recorded>"} == {event["error"] for event in found.log.all("queue.item_dropped")}
    failed = found.log.one("process.failed", "MainProcess")
    assert ("ValueError", "<not recorded>") == (failed["exception"], failed["message"])
    assert "in main\nValueError: <not recorded>\n" in failed["traceback"]


@pytest.mark.parametrize(("options", "traces"), [(("--no-payloads",), set()), ((), AS_STORED)], ids=["without", "with"])
def test_no_payloads_are_in_what_is_kept(
    tmp_path: Path, method: str, options: tuple[str, ...], traces: set[bytes]
) -> None:
    """What a killed recording leaves for `recover` has no data, nor arguments; without the option it has."""
    recording = Recording(tmp_path, CONFIDENTIAL, method, TEXT, options=("--keep", *options))
    assert recording.process.stderr is not None
    while TEXT + "\n" != recording.process.stderr.readline():  # the last that it says before it waits
        pass
    recording.process.send_signal(signal.SIGKILL)
    recording.process.communicate()
    kept = recording.wait_for_nobody()
    assert "request" in kept
    assert traces == found_in(kept.values()) - {str(NUMBER // 1000).encode()}
