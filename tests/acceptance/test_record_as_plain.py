"""A script does, recorded, what it does without, be what it gives to multiprocessing unusual, or refused."""

from __future__ import annotations

import re
import textwrap
import zipapp
from pathlib import Path

import pytest
from recorded import SCRIPTS, Recorded, plainly, record


def _alike(folder: Path, script: Path | str, *arguments: str) -> Recorded:
    """Run a script plainly, and recorded; check that it ends and prints the same, and return the latter."""
    if isinstance(script, str):
        path = folder / "script.py"
        path.write_text(textwrap.dedent(script))
        script = Path(path.name)
    plain = plainly(folder, script, *arguments)
    recorded = record(folder, folder / script, *arguments)
    assert (plain.returncode, plain.stdout) == (recorded.status, recorded.stdout), recorded.stderr
    said = _numbered_alike(_AT_THE_END.sub("", plain.stderr))
    assert said == _numbered_alike(recorded.stderr)[: len(said)]
    assert "run_scenario" not in recorded.stderr
    return recorded


_AT_THE_END = re.compile(
    r"Exception ignored on threading shutdown.*|OverflowError: Python int too large to convert to C long\n", re.DOTALL
)
"""What Python 3.12 and later say at their end of an exit code that is no C long; recorded, they need not."""


def _numbered_alike(stderr: str) -> str:
    """Return what is said with N in place of the numbers of descriptors."""
    return re.sub(r"(_fd|_handle)=[0-9]+", r"\1=N", stderr)


def test_numbers_of_any_type_and_what_is_refused(tmp_path: Path) -> None:
    """Whatever multiprocessing takes is recorded as a number; what it refuses is not recorded, nor said otherwise."""
    recorded = _alike(tmp_path, SCRIPTS / "numbers_of_any_type.py")
    made = [event for event in recorded.log.events if event["event"] == "resource.made"]
    assert [
        *[("Queue", 2), ("Queue", None), ("JoinableQueue", 2), ("JoinableQueue", None)],
        *[("Semaphore", 2), ("BoundedSemaphore", 2), ("Semaphore", 2), ("Barrier", 2), ("Barrier", 2)],
        *[("Barrier", 2), ("Semaphore", 2)],
    ] == [(event["type"], next(iter(event["parameters"].values()), None)) for event in made[:11]]
    assert [2, 2] == [event["parameters"]["processes"] for event in made if event["type"] in ("Pool", "executor")]
    assert [1] == [event["index"] for event in recorded.log.events if event["event"] == "array.written"]


@pytest.mark.parametrize(
    "script",
    [
        """
        import multiprocessing, sys
        class Code:
            def __str__(self):
                raise RuntimeError
        def leave(code):
            sys.exit(code)
        if __name__ == "__main__":
            multiprocessing.set_start_method("fork")
            process = multiprocessing.Process(target=leave, args=(Code(),))
            process.start()
            process.join()
            print(process.exitcode)
            sys.exit(Code())
        """,
        "import sys; sys.exit(2**40)",
        "import sys; sys.exit(2**80)",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); open('/dev/null')",
    ],
    ids=["no text", "too large", "far too large", "no descriptors"],
)
def test_unusual_ends(tmp_path: Path, script: str) -> None:
    """The exit code is the one that Python makes of it."""
    _alike(tmp_path, script)


def test_what_python_prints_of_an_exception_has_no_lines_of_the_recorder(tmp_path: Path) -> None:
    """In a queue's feeder thread, in a child that starts processes while it is imported, and in a Pool refused."""
    _alike(
        tmp_path,
        """
        import multiprocessing
        class Unpicklable:
            def __reduce__(self):
                raise ValueError("never")
        def nothing():
            pass
        if __name__ == "__main__":
            queue = multiprocessing.Queue()
            queue.put(Unpicklable())
            queue.close()
            queue.join_thread()
            try:
                multiprocessing.Pool(0)
            except ValueError as error:
                print(error)
        process = multiprocessing.get_context("spawn").Process(target=nothing)
        process.start()
        process.join()
        print(process.exitcode)
        """,
    )


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip file"])
def test_a_folder_or_zip_file_with_a_main_module(tmp_path: Path, packed: bool) -> None:
    """It is run as `python FOLDER` runs it, and its processes are recorded."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "__main__.py").write_text(
        textwrap.dedent("""
        import multiprocessing, sys
        import beside
        if __name__ == "__main__":
            print(sys.argv, sys.path[0], __file__, __name__, __spec__.name, flush=True)
            multiprocessing.set_start_method("fork")
            process = multiprocessing.Process(target=beside.greet)
            process.start()
            process.join()
        """)
    )
    (folder / "beside.py").write_text("def greet():\n    print('hello', __file__, flush=True)\n")
    if packed:
        zipapp.create_archive(folder, tmp_path / "app.pyz")
    recorded = _alike(tmp_path, Path("app.pyz" if packed else "app"), "x")
    assert "beside:greet" == recorded.log.one("process.starting")["target"]
