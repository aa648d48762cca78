"""What reads a long log holds a small part of it: measured as the memory of a process of its own, never by time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EVENTS = 100_000
READ = """
import sys
from run_scenario import EventLog, event
from run_scenario.cli import main

def peak():
    lines = open("/proc/self/status").read().splitlines()  # not ru_maxrss, which begins with the parent's
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

def show(path, picture):
    assert 0 == main(["show", path, "--as", picture, "--output", path + "." + picture.replace("perfetto", "json")])

def log(path):
    log = EventLog.read(path)
    assert log.of("queue.get") and log.exists("queue.get", "C") and all(log)

def records(path):
    assert all(EventLog.read(path).records())

html = lambda path: show(path, "html")
perfetto = lambda path: show(path, "perfetto")
name, short, long = sys.argv[1:]
read = globals()[name]
read(short)  # imports all that it needs
before = peak()
read(long)
print(peak() - before)
"""
LINE = (
    '{{"event":"queue.{verb}","level":"debug","timestamp":"2026-01-31T12:00:{t:09.6f}Z","t":{t:.6f},"seq":{seq},'
    '"run":"3f2a","scenario":"made","process":"{who}","pid":{pid},"n":{n},"queue":"q","item_id":{n},"item":{n},'
    '"waited":{waited}}}\n'
)


def lines(count: int) -> Iterator[str]:
    """Yield the log of somebody who puts so many items, and of somebody who waits for every other."""
    for n in range(1, count // 2 + 1):
        yield LINE.format(verb="put", t=n * 1e-4, seq=2 * n - 1, who="P", pid=7, n=n, waited=0.0)
        waited = 5e-5 * (n % 2)
        yield LINE.format(verb="get", t=n * 1e-4 + 4e-5, seq=2 * n, who="C", pid=8, n=n, waited=waited)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return a short log and a long one."""
    folder = tmp_path_factory.mktemp("logs")
    found = [folder / "short.jsonl", folder / "long.jsonl"]
    for path, count in zip(found, (100, EVENTS), strict=True):
        with path.open("w") as file:
            file.writelines(lines(count))
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here that shows a process's memory")
@pytest.mark.parametrize(
    ("reader", "most"),
    [
        ("log", 900),  # 2,000 as a list; 40 MB at any length are events of blocks that are kept decoded
        ("records", 900),  # 3,600 as a list
        ("perfetto", 400),  # 1,500 with a tuple for each wait and each message, and the document as one text
        ("html", 300),  # 500 with a list for each column
    ],
)
def test_bytes_for_an_event(logs: list[Path], reader: str, most: int) -> None:
    """A reader takes a part of what each event would take as a dictionary, or as objects of its own."""
    done = subprocess.run(
        [sys.executable, "-c", READ, reader, *map(str, logs)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout.split()[-1]) * 2**20 / EVENTS < most
