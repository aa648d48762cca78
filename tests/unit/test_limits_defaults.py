"""Limits: their defaults, how they are written, what is said of them, and what is asked for before a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from run_scenario.engine import preflight
from run_scenario.engine.output import LineJoiner
from run_scenario.language import load_text
from run_scenario.limits import DEFAULTS, GIBI, KIBI, LIMITS, MEBI, Limits, parse_size, size

DOCUMENT = Path(__file__).parents[2] / "docs" / "limits.md"


@pytest.mark.parametrize(
    ("text", "number"),
    [("5000", 5_000), ("64K", 64 * KIBI), ("64k", 64 * KIBI), ("10MB", 10 * MEBI), ("2GiB", 2 * GIBI), ("7b", 7)],
)
def test_sizes(text: str, number: int) -> None:
    """Sizes are written with or without a unit, in either case."""
    assert number == parse_size(text)


@pytest.mark.parametrize("text", ["", "K", "-1", "1.5M", "1T", "ten", "1 M", "0x10", "٣", "9" * 20, "1KK", "1iB", "5i"])
def test_no_sizes(text: str) -> None:
    """Everything else is refused."""
    with pytest.raises(ValueError, match=r".*"):
        parse_size(text)


def test_sizes_are_shown_as_they_are_written() -> None:
    """What a message says can be given to the option."""
    for number in (1, 300, 64 * KIBI, 10 * MEBI, GIBI):
        assert number == parse_size(size(number).replace(" ", "").replace(",", "").removesuffix("bytes"))


def test_every_limit_is_documented() -> None:
    """Each has a row in docs/limits.md, with its option and its default."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(Limits.__match_args__) == set(LIMITS)
    for limit in LIMITS.values():
        default = getattr(DEFAULTS, limit.name)
        assert f"| `{limit.option}` | {'what the shell allows' if default is None else limit.shown(default)}" in text


def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a run its records need room: the message says how much, how much there is, and the way out."""
    scenario = load_text("version: 1\nprocesses: [{target: hang, replicas: 30}]\n").require()
    assert "" == preflight.shortage(scenario, str(tmp_path))
    full = os.statvfs_result((4096, 4096, 500, 256, 256, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda folder: full)
    assert "has 1 MiB left: make room, or set TMPDIR" in preflight.shortage(scenario, str(tmp_path))


def test_room_for_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that has no room would be a SIGBUS for whoever writes into it."""
    text = "version: 1\nshared: {board: {type: SharedMemory, size: 3000000}}\n"
    scenario = load_text(
        f"{text}processes: [{{target: write_memory, uses: {{memory: board}}, kwargs: {{text: x}}}}]\n"
    ).require()
    assert "" == preflight.shortage(scenario, str(tmp_path))
    full = os.statvfs_result((4096, 4096, 500, 256, 256, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda folder: full)
    assert "/dev/shm has 1 MiB left: make room there" in preflight.shortage(scenario, str(tmp_path))


@pytest.mark.parametrize(
    ("method", "more", "needed"),
    [
        ("fork", "processes: [{target: hang, replicas: 3}]", 4),
        ("spawn", "processes: [{target: hang, replicas: 3}]", 5),
        ("forkserver", "processes: [{target: hang, replicas: 3}]", 6),
        ("fork", "queues: {q: {items: [1]}, r: {}}\nprocesses: [{target: relay, from: q, to: r}]", 4),
        ("fork", "shared: {d: {type: dict}}\nprocesses: [{PUT, replicas: 2}]", 8),
        ("fork", "pools: {p: {processes: 2, calls: [{map: square, over: [1]}]}}", 6),
    ],
)
def test_room_for_processes_and_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, more: str, needed: int
) -> None:
    """Processes, threads of queues, pools and managers, and multiprocessing's helpers, beside what is there already."""
    more = more.replace("PUT", "target: put_into, uses: {mapping: d}, kwargs: {key: a, value: 1}")
    scenario = load_text(f"version: 1\nstart_method: {method}\n{more}\n").require()
    monkeypatch.setattr(preflight, "_taken_by_user", lambda: 10)
    monkeypatch.setattr(preflight, "_most_of_user", lambda: 10 + needed)
    assert "" == preflight.shortage(scenario, str(tmp_path))
    monkeypatch.setattr(preflight, "_most_of_user", lambda: 9 + needed)
    assert f"needs {needed} processes and threads" in preflight.shortage(scenario, str(tmp_path))


def test_output_is_cut_off_once() -> None:
    """Up to the limit all is told, then that there is more, then nothing; other processes are not concerned."""
    told: list[tuple[int, str]] = []
    joiner = LineJoiner(
        lambda t, pid, process, stream, via, line, cut: told.append((pid, line)),
        lambda t, pid, process: told.append((pid, "CUT OFF")),
        10,
    )
    for pid, text in ((1, "12345\n"), (1, "6789abc\nx\n"), (1, "more\n"), (2, "other\n")):
        joiner.add(pid, "P", 1, "print", 0, text)
    assert [(1, "12345"), (1, "6789"), (1, "CUT OFF"), (2, "other")] == told
