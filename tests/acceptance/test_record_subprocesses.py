"""`record --subprocesses`: the Python programs that a script starts are recorded as well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recorded import plainly, record

OTHER = """
import multiprocessing, os, sys

def double(number):
    return 2 * number

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    queue = multiprocessing.Queue()
    queue.put(sys.argv[2])
    queue.get()
    with multiprocessing.Pool(1) as pool:
        print(pool.map(double, [4]), sys.path, sys.argv, "sitecustomize" in sys.modules, flush=True)
"""
STARTS = """
import multiprocessing, os, subprocess, sys

def start(name):
    subprocess.run([sys.executable, "other.py", sys.argv[1], name], check=True)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    start("by subprocess")
    process = multiprocessing.Process(target=start, args=("by a process",))
    process.start()
    process.join()
    command = [sys.executable, "other.py", sys.argv[1]]
    os.waitpid(os.posix_spawn(sys.executable, [*command, "by posix_spawn"], os.environ), 0)
    os.execv(sys.executable, [*command, "by exec"])
"""
UNHEARD = """
import os, subprocess, sys

for _ in range(2):
    subprocess.run([sys.executable, {options} "-c", "print('hello')"], check=True, {environment})
"""
STANDS_STILL = """
import subprocess, sys

if sys.argv[1:] == ["again"]:
    import multiprocessing
    lock = multiprocessing.Lock()
    lock.acquire()
    lock.acquire()
else:
    subprocess.run([sys.executable, __file__, "again"])
"""


def test_programs_that_it_starts_are_recorded(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However they are started; they have the path and the modules that they have without, and their sitecustomize."""
    (tmp_path / "other.py").write_text(OTHER)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("print('their own sitecustomize', flush=True)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    recorded = record(tmp_path, STARTS, method, options=("--subprocesses",))
    plain = plainly(tmp_path, tmp_path / "script.py", method)
    # Of the interpreter of the script itself it is the one that records it which says so.
    assert plain.stdout == recorded.stdout
    assert plain.returncode == recorded.status
    put = {event["item"]: event["process"] for event in recorded.log.all("queue.put")}
    assert ["by a process", "by exec", "by posix_spawn", "by subprocess"] == sorted(put)
    assert all(re.fullmatch(r"other\.py-\d+", name) for name in put.values())
    assert 4 == len(recorded.log.all("pool.task_finished", result=8))
    assert not recorded.log.all("recording.incomplete")


@pytest.mark.parametrize(
    ("asked", "options", "environment", "said"),
    [
        ((), "", "", "Python programs that it starts are not recorded; with --subprocesses they are"),
        (("--subprocesses",), "'-I',", "", "a Python program that it starts with -E, -I or -S"),
        (("--subprocesses",), "'-uS',", "", "a Python program that it starts with -E, -I or -S"),
        (("--subprocesses",), "", "env={'LANG': 'C'}", "or with another environment, is not recorded"),
    ],
    ids=["not asked for", "isolated", "without site", "another environment"],
)
def test_those_that_are_not_recorded_are_named_once(
    tmp_path: Path, asked: tuple[str, ...], options: str, environment: str, said: str
) -> None:
    """In the log, with the way out; they do what they do without."""
    recorded = record(tmp_path, UNHEARD.format(options=options, environment=environment), options=asked)
    assert (0, "hello\nhello\n") == (recorded.status, recorded.stdout)
    assert said in recorded.log.one("recording.incomplete")["missing"]


def test_what_mentions_multiprocessing_is_recorded(tmp_path: Path) -> None:
    """Only the programs that multiprocessing starts itself join the recording in another way."""
    text = """
import subprocess, sys
code = "from multiprocessing.shared_memory import SharedMemory as M; m = M(create=True, size=9); m.close(); m.unlink()"
subprocess.run([sys.executable, "-c", code], check=True)
"""
    recorded = record(tmp_path, text, options=("--subprocesses",))
    assert (0, "") == (recorded.status, recorded.stderr)
    assert recorded.log.one("shared_memory.created")["process"].startswith("python -c-")


def test_a_deadlock_in_one_of_them_is_explained(tmp_path: Path) -> None:
    """The script waits for its end."""
    recorded = record(tmp_path, STANDS_STILL, options=("--subprocesses",))
    assert 3 == recorded.status
    assert re.match(r"script\.py-\d+ waits for ever for lock 'lock \(script\.py:6\)'", recorded.stall()["reason"])
