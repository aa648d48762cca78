"""Limits: their defaults, how they are written, what is said of them, and what is asked for before a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from run_scenario.events.decoding.output import LineJoiner
from run_scenario.limits import DEFAULTS, GIBI, KIBI, LIMITS, MEBI, Limits, parse_size, size
from run_scenario.loader import load_text
from run_scenario.runtime import preflight

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "limits.md"


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
        assert number == parse_size(
            size(number).replace(" ", "").replace(",", "").removesuffix("s").removesuffix("byte")
        )


def test_every_limit_is_documented() -> None:
    """Each has a row in docs/reference/limits.md, with its option and its default."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(Limits.__match_args__) == set(LIMITS)
    for limit in LIMITS.values():
        default = getattr(DEFAULTS, limit.name)
        assert f"| `{limit.option}` | {limit.unlimited if default is None else limit.shown(default)}" in text


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


FREE = "MemAvailable: 6 kB\n"


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"/proc/meminfo": f"{FREE}SwapFree: 1 kB\n"}, "7 KiB"),
        (
            {
                "/proc/meminfo": FREE,
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/b/memory.max": "max",
                "/sys/fs/cgroup/a/memory.max": "4096",
            },
            "4 KiB",
        ),
        (
            {
                "/proc/meminfo": FREE,
                "/proc/self/cgroup": "3:cpu:/\n4:memory:/a\n",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "3072",
            },
            "3 KiB",
        ),
    ],
)
def test_room_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], most: str) -> None:
    """An array that has no room would end in a kill by the system: the message says how much there is."""
    text = "version: 1\nshared: {row: {type: Array, typecode: d, size: 1000}, flag: {type: Value, typecode: i}}\n"
    scenario = load_text(f"{text}processes: [{{target: print_info}}]\n").require()
    monkeypatch.setattr(preflight, "_read", lambda path: files.get(path, ""))
    words = f"needs {size(8 * 1000 + 4)} of memory for its values and arrays, and can have at most {most}"
    assert words in preflight.shortage(scenario, str(tmp_path))
    assert "" == preflight.shortage(scenario, str(tmp_path), proc=False)
    monkeypatch.undo()
    assert "" == preflight.shortage(scenario, str(tmp_path))


def test_a_machine_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every semaphore is in /dev/shm: what needs none runs without it, anything else is told before it is begun."""
    monkeypatch.setattr(preflight, "_SHARED_MEMORY", str(tmp_path / "not there"))
    bare = load_text("version: 1\nprocesses: [{target: print_info}]\n").require()
    assert "" == preflight.shortage(bare, str(tmp_path))
    for more in ("sync: {gate: {type: Lock}}", "queues: {q: {items: [1], collect: 1}}"):
        text = f"version: 1\n{more}\nprocesses: [{{target: print_info}}]\n"
        scenario = load_text(text).scenario
        assert scenario is not None
        assert "which is not there or cannot be written to: mount it" in preflight.shortage(scenario, str(tmp_path))


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
