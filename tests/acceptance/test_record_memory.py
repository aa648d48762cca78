"""Shared memory of a recorded script: who creates, attaches to, closes and removes it, and what is left of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from recorded import Recorded, plainly, record
from support import Log

HEAD = """
import inspect, multiprocessing, os, pickle, sys
from multiprocessing import resource_tracker, shared_memory
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import ShareableList, SharedMemory
"""
GUARD = 'if __name__ == "__main__":\n    multiprocessing.set_start_method(sys.argv[1])\n    main()\n'


def recorded(folder: Path, body: str, *arguments: str) -> Recorded:
    """Record a script; return what came of it."""
    script = folder / "script.py"
    script.write_text(f"{HEAD}{body}\n{GUARD}")
    return record(folder, script, *arguments)


def line(folder: Path, text: str) -> int:
    """Return the number of the script's line that begins so."""
    lines = (folder / "script.py").read_text().splitlines()
    return next(number for number, each in enumerate(lines, 1) if each.strip().startswith(text))


def deeds(log: Log, memory: str) -> list[tuple[str, str]]:
    """Return who has done what with a block, in order."""
    events = [event for event in log.events if event.get("memory") == memory]
    return [(event["process"], event["event"].rpartition(".")[2]) for event in events]


USED = """
def use(block, name, row):
    block.buf[0] = 7
    other = SharedMemory(name)
    other.close()
    other.close()
    block.close()
    row[-1] = row[0] + len(row)

def main():
    block = SharedMemory(create=True, size=100)
    row = ShareableList([1, "two", 3])
    process = multiprocessing.Process(target=use, args=(block, block.name, row), name="User")
    process.start()
    process.join()
    print(block.buf[0], row[2], list(row), process.exitcode)
    for each in (block, row.shm):
        each.close()
        each.unlink()
"""


def test_blocks_and_lists(tmp_path: Path, method: str) -> None:
    """Each is named after the variable and the line that has made it, in whichever process, whatever it came by."""
    found = recorded(tmp_path, USED, method)
    assert (0, "7 4 [1, 'two', 4] 0\n", "") == (found.status, found.stdout, found.stderr)
    log = found.log
    block, row = (f"{name} (script.py:{line(tmp_path, f'{name} =')})" for name in ("block", "row"))
    assert [("MainProcess", "created"), ("MainProcess", "closed"), ("MainProcess", "unlinked")] == [
        deed for deed in deeds(log, block) if deed[0] == "MainProcess"
    ]
    # A forked process is attached already; what it creates in addition is a view of its own.
    attached = ["attached"] if method == "fork" else ["attached", "attached"]
    assert [*attached, "closed", "closed"] == [deed for process, deed in deeds(log, block) if process == "User"]
    assert ([] if method == "fork" else ["attached"]) == [deed for who, deed in deeds(log, row) if who == "User"]
    assert {"SharedMemory": {"size": 100}, "ShareableList": {"value": [1, "two", 3]}} == {
        made["type"]: made["parameters"] for made in log.all("resource.made")
    }
    assert (2, 4) == tuple(log.one("array.written", "User", array=row)[key] for key in ("index", "content"))
    reads = log.all("array.read", "MainProcess", array=row)
    assert {2: 4, 0: 1, 1: "two"} == {event["index"]: event["content"] for event in reads}
    assert 4 == sum(event.get("times", 1) for event in reads)
    given = log.one("process.starting", "User")["arguments"]
    assert [block, row] == [each["resource"] for each in given if "resource" in each]
    assert [] == log.all("shared_memory.left_over") == log.all("ipc.leaked") == log.all("recording.incomplete")


LOOKED_AT = """
class Own(SharedMemory):
    pass

def look(thing):
    print(type(thing), type(thing).__mro__, sorted(dir(thing)), sorted(vars(thing)), repr(thing))
    for name in dir(thing):
        if callable(getattr(type(thing), name, None)) and name not in ("__class__", "__subclasshook__"):
            with_signature = getattr(thing, name)
            try:
                print(name, inspect.signature(with_signature), with_signature.__doc__)
            except ValueError:
                pass
    print(pickle.dumps(thing), type(pickle.loads(pickle.dumps(thing))))

def tried(call, *args, **kwargs):
    try:
        print(call(*args, **kwargs))
    except Exception as error:
        print(type(error), error)

def main():
    name = sys.argv[2]
    blocks = SharedMemory(name, True, 4096), shared_memory.SharedMemory(name=name), Own(name)
    row = ShareableList([1, 2.5, None, "text", b"bytes"], name=name + "row")
    for thing in (*blocks, row):
        look(thing)
    memoryview(blocks[0].buf)[:4] = b"abcd"
    print(bytes(blocks[2].buf[:4]), isinstance(blocks[2], SharedMemory), blocks[0].size)
    print(row.count(2.5), row.index("text"), list(row), len(row), row.format)
    for args in ((name, True, 8), (name + "x",), (), (None, True, 0), (None, True, -1), (1,)):
        tried(SharedMemory, *args)
    for position, value in ((9, 1), (-9, 1), (0, "too long for an integer"), (3, "x" * 99), (0, 1 << 70), ("a", 1)):
        tried(row.__setitem__, position, value)
        tried(row.__getitem__, position)
    view = blocks[1].buf[:1]
    tried(blocks[1].close)
    view.release()
    for each in (*blocks, row.shm):
        tried(each.close)
        tried(each.close)
    for each in (*blocks, row.shm):
        tried(each.unlink)
"""


def test_they_are_what_they_are_without(tmp_path: Path, method: str) -> None:
    """Classes, names, attributes, signatures, pickles, buffers and errors are the same."""
    name = f"rs-test-{os.getpid()}"
    found = recorded(tmp_path, LOOKED_AT, method, name)
    plain = plainly(tmp_path, tmp_path / "script.py", method, name)
    assert (plain.returncode, plain.stdout, plain.stderr) == (found.status, found.stdout, found.stderr)
    # Of what has failed, nothing is told.
    assert {"ShareableList", "SharedMemory"} == {made["type"] for made in found.log.all("resource.made")}
    assert 2 == len(found.log.all("shared_memory.created")) == len(found.log.all("shared_memory.unlinked"))
    assert [] == found.log.all("array.written")


LEFT = """
def main():
    block = SharedMemory(sys.argv[2] or None, create=True, size=10)
    if sys.argv[3:]:
        resource_tracker.unregister(block._name, "shared_memory")
"""


@pytest.mark.parametrize(("own_name", "remains"), [(True, True), (False, True), (True, False), (False, False)])
def test_what_is_left(tmp_path: Path, method: str, own_name: bool, remains: bool) -> None:
    """The resource tracker removes what it knows of; what has a name of the script's own stays, as it does without."""
    name = f"rs-test-{os.getpid()}-{remains}" if own_name else ""
    found = recorded(tmp_path, LEFT, method, name, *(("unregister",) if remains else ()))
    left = found.log.one("shared_memory.left_over")
    assert ("MainProcess", "block", remains) == (left["process"], left["memory"].split()[0], left["remains"])
    assert found.log.one("shared_memory.created")["name"] == left["name"]
    assert ([left["name"]] if remains and not own_name else []) == [
        leaked for event in found.log.all("ipc.leaked") for leaked in event["names"]
    ]
    assert (remains and own_name) == os.path.exists(f"/dev/shm/{left['name']}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"/dev/shm/{left['name']}")
    assert ("it was still there" if remains else "it was gone in the end") in found.stderr


def test_a_block_of_another_program(tmp_path: Path, method: str) -> None:
    """It is named where the script attaches to it, and nobody is said to have created it, or left it behind."""
    body = """
def look(name):
    there = SharedMemory(name=name)
    print(bytes(there.buf[:5]))
    there.close()

def main():
    process = multiprocessing.Process(target=look, args=(sys.argv[2],))
    process.start()
    process.join()
"""
    block = Path("/dev/shm", f"another-program-{os.urandom(4).hex()}")
    block.write_bytes(b"hello".ljust(10))
    found = recorded(tmp_path, body, method, block.name)
    block.unlink(missing_ok=True)  # the script's own resource tracker has, up to 3.12
    assert (0, "b'hello'\n") == (found.status, found.stdout)
    there = f"there (script.py:{line(tmp_path, 'there =')})"
    assert [("Process-1", "attached"), ("Process-1", "closed")] == deeds(found.log, there)
    assert block.name == found.log.one("resource.made")["parameters"]["name"]


def test_a_manager_of_shared_memory(tmp_path: Path, method: str) -> None:
    """What it makes is named after the script's own line; it is removed by the manager's process."""
    body = """
def main():
    with SharedMemoryManager() as manager:
        block = manager.SharedMemory(size=10)
        row = manager.ShareableList([1, 2])
        row[0] = 3
        block.close()
        row.shm.close()
"""
    found = recorded(tmp_path, body, method)
    assert 0 == found.status
    [manager] = {event["manager"] for event in found.log.all("manager.started")}
    removed = [(manager, deed) for deed in ("attached", "closed", "unlinked")]
    for name in ("block", "row"):
        made = f"{name} (script.py:{line(tmp_path, f'{name} =')})"
        assert [("MainProcess", "created"), ("MainProcess", "closed"), *removed] == deeds(found.log, made)
    assert [] == found.log.all("shared_memory.left_over")


def test_a_block_that_another_resource_tracker_removes(tmp_path: Path) -> None:
    """Who is forked before there is a tracker has one of its own, which removes what its process had attached to."""
    body = """
def use(end):
    SharedMemory(end.recv()).close()

def main():
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=use, args=(theirs,), name="User")
    process.start()
    block = SharedMemory(create=True, size=10)
    ours.send(block.name)
    process.join()
    while os.path.exists("/dev/shm/" + block.name):
        os.sched_yield()
    block.close()
    block.unlink()
"""
    found = recorded(tmp_path, body, "fork")
    failed = found.log.one("process.failed", "MainProcess")
    made = found.log.one("shared_memory.created")["memory"]
    assert f"User had attached to shared memory '{made}' with a resource tracker of its own" in failed["hint"]
    assert failed["hint"] in found.stderr
    assert False is found.log.one("shared_memory.left_over")["remains"]


def test_a_block_that_is_removed_already(tmp_path: Path, method: str) -> None:
    """Who looks for it in vain is told who has removed it."""
    body = """
def use(name):
    SharedMemory(name)

def main():
    block = SharedMemory(create=True, size=10)
    block.close()
    block.unlink()
    process = multiprocessing.Process(target=use, args=(block.name,), name="User")
    process.start()
    process.join()
"""
    log = recorded(tmp_path, body, method).log
    failed, removed = log.one("process.failed", "User"), log.one("shared_memory.unlinked")
    assert f"the main program had removed shared memory '{removed['memory']}'" in failed["hint"]
    assert removed["seq"] == failed["hint_seq"]


def test_a_name_that_is_given_again(tmp_path: Path) -> None:
    """Another block is another one, whatever it is called."""
    body = """
def main():
    for _ in range(2):
        block = SharedMemory(sys.argv[2], create=True, size=10)
        other = SharedMemory(sys.argv[2])
        for each in (block, other):
            each.close()
        other.unlink()
"""
    log = recorded(tmp_path, body, "fork", f"rs-test-{os.getpid()}").log
    names = [event["resource"] for event in log.all("resource.made")]
    assert 2 == len(set(names)) == len(names)
    assert {("created", "attached", "closed", "closed", "unlinked")} == {
        tuple(deed for _, deed in deeds(log, name)) for name in names
    }
