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
    """Return what is said with N in place of the numbers of descriptors, and one mark below the code that has them."""
    return re.sub(r"^( +)[~^]+$", r"\1^", re.sub(r"(_fd|_handle)=[0-9]+", r"\1=N", stderr), flags=re.MULTILINE)


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
        """
        import sys, threading
        def fail():
            raise OSError(9, "an executor's pipe, which another thread has just closed")
        threading._register_atexit(fail)
        sys.exit(3)
        """,
    ],
    ids=["no text", "too large", "far too large", "no descriptors", "a wait that fails"],
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


def test_what_leaves_the_start_method_open(tmp_path: Path) -> None:
    """A pipe is the same for all of them, a queue is not: after it, the method can no longer be set."""
    script = """
        import multiprocessing
        if __name__ == "__main__":
            multiprocessing.Pipe()
            multiprocessing.set_start_method("spawn")
            multiprocessing.Queue()
            try:
                multiprocessing.set_start_method("fork")
            except RuntimeError as error:
                print(error)
        """
    assert "context has already been set\n" == _alike(tmp_path, script).stdout


def test_what_a_script_leaves_to_the_interpreter(tmp_path: Path, method: str) -> None:
    """What is not closed is written at the end."""
    (tmp_path / "module.py").write_text("log = open('module.txt', 'a')\n")
    script = """
        import multiprocessing, os, signal, sys
        import module
        def handle(number, frame):
            pass
        def do():
            pass
        if __name__ == "__main__":
            multiprocessing.set_start_method(sys.argv[1])
            own, raw = open("own.txt", "a"), open("raw.txt", "ab")
            own.write("own")
            raw.write(b"raw")
            module.log.write("log")
            if "held" in sys.argv:
                signal.signal(signal.SIGUSR1, handle)
            process = multiprocessing.Process(target=do)
            process.start()
            process.join()
        """
    _alike(tmp_path, script, method)
    files = {name: (tmp_path / f"{name}.txt").read_text() for name in ("own", "raw", "module")}
    assert {"own": "own" * 2, "raw": "raw" * 2, "module": "log" * 2} == files, "once plainly, and once recorded"
    record(tmp_path, tmp_path / "script.py", method, "held")
    assert "logloglog" == (tmp_path / "module.txt").read_text()
    assert "own" * 3 == (tmp_path / "own.txt").read_text()


_GLOBALS = """
    import atexit, multiprocessing, os, signal, sys
    import helper
    class Loud:
        def __init__(self, name):
            self.name = name
        def __del__(self, write=os.write):
            write(1, f"{self.name} {_private} {public}\\n".encode())
            print("by print:", self.name, "beside", helper and helper.__name__)
    _private, public = "private", "public"
    first = Loud("first")
    in_a_circle = Loud("in a circle")
    in_a_circle.itself = in_a_circle
    atexit.register(lambda: print("at exit"))
    def handle(number, frame):
        print(first)
    def work(queue):
        queue.put(Loud("put").name)
    class Worker(multiprocessing.Process):
        def run(self):
            self.kept = Loud
    def main(how):
        local = Loud("local")
        queue = multiprocessing.Queue()
        process = multiprocessing.Process(target=work, args=[queue])
        process.start()
        process.join()
        print(queue.get())
        worker = Worker()
        worker.start()
        worker.join()
        if how == "handled":
            signal.signal(signal.SIGUSR1, handle)
        elif how == "held":
            sys.held = sys.modules["__main__"]
        elif how == "failed":
            raise ValueError(how)
    if __name__ == "__main__":
        multiprocessing.set_start_method(sys.argv[1])
        main(sys.argv[2])
    """


@pytest.mark.parametrize("how", ["returned", "handled", "held", "failed"])
def test_what_globals_do_when_they_are_gone(tmp_path: Path, method: str, how: str) -> None:
    """`__del__` is called as without: after what atexit calls, in the same order, with the same globals."""
    (tmp_path / "helper.py").write_text(
        # To another stream: what a collection finalizes first, of two modules, differs from Python to Python.
        "import os\nclass Loud:\n    def __del__(self, write=os.write):\n        write(2, b'of the helper\\n')\n"
        "loud = Loud()\n"
    )
    printed = _alike(tmp_path, _GLOBALS, method, how).stdout
    assert printed.count("at exit\n") == (3 if method == "spawn" else 1)
    assert "by print: first" in printed.partition("at exit\n")[2]


def test_globals_beside_a_thread_that_goes_on(tmp_path: Path, method: str) -> None:
    """They are left to it: it must not find them gone; Python would have stopped it before."""
    script = """
        import multiprocessing, os, sys, threading
        class Slow:
            def __del__(self):
                os.write(1, b"gone")
        slow, up = Slow(), threading.Event()
        def go_on():
            while len(sys.argv) > 1:
                up.set()
        if __name__ == "__main__":
            multiprocessing.set_start_method(sys.argv[1])
            threading.Thread(target=go_on, daemon=True).start()
            up.wait()
        """
    recorded = record(tmp_path, script, method)
    assert (0, "", "") == (recorded.status, recorded.stdout, recorded.stderr)


def test_queues_that_nobody_closes(tmp_path: Path, method: str) -> None:
    """They are collected, and their threads end: a program may make one for each of many tasks."""
    script = """
        import gc, multiprocessing, sys, threading, weakref
        class Refusing:
            def __reduce__(self):
                raise TypeError("it is not pickled")
        def use(make, *items):
            queue = make()
            for item in items:
                queue.put(item)
            queue.get()
            return weakref.ref(queue)
        if __name__ == "__main__":
            multiprocessing.set_start_method(sys.argv[1])
            kinds = multiprocessing.Queue, multiprocessing.JoinableQueue, multiprocessing.SimpleQueue
            used = [use(make, 1) for make in kinds for _ in range(3)]
            used.append(use(multiprocessing.Queue, Refusing(), 1))
            gc.collect()
            gone = {queue() is None for queue in used}
            print(gone)
            if gone == {True}:
                for thread in threading.enumerate():
                    if thread is not threading.current_thread():
                        thread.join()
        """
    assert "{True}\n" == _alike(tmp_path, script, method).stdout
