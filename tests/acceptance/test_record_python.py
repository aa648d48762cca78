"""`record --python`: a script of another environment, in which nothing of ours is, nor comes in its way."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from recorded import SCRIPTS, record
from support import COMMAND, PATIENCE

DEADLOCK = """
import multiprocessing, sys

def wait(lock):
    lock.acquire()

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    lock = multiprocessing.Lock()
    lock.acquire()
    process = multiprocessing.Process(target=wait, args=(lock,), name="waiter")
    process.start()
    process.join()
"""
MODULES = """
import multiprocessing, sys

def main(results=None):
    ours = sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)
    reachable = [path for path in sys.path if (__import__("pathlib").Path(path) / "run_scenario").exists()]
    results.put((ours, reachable, sys.prefix)) if results else print(ours, reachable, sys.prefix)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
    results = multiprocessing.Queue()
    process = multiprocessing.Process(target=main, args=(results,))
    process.start()
    print(*results.get())
    process.join()
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a virtual environment that has no packages at all."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def plainly(folder: Path, interpreter: Path | str, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script as it is, by that interpreter."""
    command = [str(interpreter), str(script), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
    )


@pytest.mark.parametrize("name", ["everything", "pools"])
def test_it_does_what_it_does_without(tmp_path: Path, method: str, name: str, elsewhere: Path) -> None:
    """Same output, errors and exit code, and a log of the processes in there."""
    file = SCRIPTS / f"{name}.py"
    recorded = record(tmp_path, file, method, options=("--python", str(elsewhere)))
    plain = plainly(tmp_path, elsewhere, file, method)
    assert (plain.returncode, plain.stdout, plain.stderr) == (recorded.status, recorded.stdout, recorded.stderr)
    assert recorded.log.all("pool.task_finished" if name == "pools" else "queue.get")


def test_nothing_of_ours_is_there(tmp_path: Path, method: str, elsewhere: Path) -> None:
    """In no process is any library of ours imported, or any path of ours; only this package itself is known."""
    recorded = record(tmp_path, MODULES, method, options=("--python", str(elsewhere)))
    there = str(elsewhere.parent.parent)
    for line in recorded.stdout.splitlines():
        assert line.endswith(f" [] {there}")
        assert "'run_scenario'" in line
        assert not {"msgpack", "msgspec", "yaml", "structlog"} & {*line.split("'")}
    assert 2 == len(recorded.stdout.splitlines())
    assert sys.version.split()[0] == recorded.log.events[0]["python"]


def test_a_deadlock_is_explained(tmp_path: Path, method: str, elsewhere: Path) -> None:
    """With the lines of the script alone."""
    recorded = record(tmp_path, DEADLOCK, method, options=("--python", str(elsewhere)))
    assert 3 == recorded.status
    assert recorded.stall()["reason"].startswith("waiter waits for ever for lock 'lock (script.py:9)', held by")
    shown = set(re.findall(r"^ {20,}(\S+ in .*)", recorded.stderr, re.M))
    assert {"script.py:13 in <module>", "script.py:5 in wait"} <= shown
    assert "run_scenario" not in recorded.stderr


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_another_version_of_python(tmp_path: Path, method: str, version: str) -> None:
    """It is recorded as well; the log has its version."""
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"there is no Python {version}")
    file = SCRIPTS / "everything.py"
    recorded = record(tmp_path, file, method, options=("--python", python))
    plain = plainly(tmp_path, python, file, method)
    assert (plain.returncode, plain.stdout) == (recorded.status, recorded.stdout)
    assert recorded.log.events[0]["python"].startswith(version)
    assert recorded.log.all("queue.get")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "echo run-scenario cpython 3 10 3.10.13 fork",
            "is Python 3.10.13: record needs CPython 3.11",
        ),
        ("echo run-scenario pypy 3 11 3.11.9 fork", "is pypy 3.11.9: record needs CPython 3.11"),
        ("echo hello", "is no Python: name an interpreter, such as .venv/bin/python"),
        (None, "there is no such program; name an interpreter, such as .venv/bin/python"),
        ("", "is a folder: name the program in it"),
    ],
    ids=["old", "another", "none", "missing", "folder"],
)
def test_what_cannot_be_recorded_is_refused(tmp_path: Path, program: str | None, said: str) -> None:
    """In words, before anything runs."""
    path = tmp_path / "python"
    if program:
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
    elif program is not None:
        path.mkdir()
    (tmp_path / "script.py").write_text("print('it runs')\n")
    command = [*COMMAND, "record", "--python", str(path), "script.py"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (2, "") == (refused.returncode, refused.stdout)
    assert said in " ".join(refused.stderr.split())
