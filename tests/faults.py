"""The rows of docs/reference/faults.md: each fault in words, and, from the marks of the tests, what shows it.

    python tests/faults.py        write the table into docs/reference/faults.md anew

A test says which row it shows by `@fault("F01", event="queue.abandoned", status=3)`. Nothing of the table's last three
columns is written by hand, and tests/unit/test_docs_faults.py compares the file with what this makes.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "reference" / "faults.md"
BEGIN, END = "<!-- begin: made by tests/faults.py -->", "<!-- end -->"
METHODS = ("fork", "spawn", "forkserver")
_UNDER_EACH = {"play", "method", "get", "running", "awkward"}
"""Fixtures that run a test under each start method."""


@dataclass(frozen=True)
class Fault:
    """One row: what goes wrong, what a plain script has of it, and what is made of it here."""

    what: str
    plain: str
    here: str


@dataclass(frozen=True)
class Shown:
    """A test that shows a row."""

    row: str
    file: str
    test: str
    event: str | None
    statuses: tuple[int, ...]
    methods: tuple[str, ...]


ROWS = {
    "F01": Fault(
        "A consumer is killed while it waits in `get()`",
        "it takes the lock of the readers along: the others see Empty though an item is there, or hang (gh-96062)",
        "reported at its end: which side of which queue is broken; a deadlock because of it is detected and names it",
    ),
    "F02": Fault(
        "A producer is killed in the midst of an item",
        "the reader hangs over half an item, and no timeout helps: it bounds the beginning of reading only",
        "reported at its end; the deadlock names it",
    ),
    "F03": Fault(
        "An item that cannot be pickled is put",
        "`put()` succeeds, the item vanishes, exit code 0 (gh-84376)",
        "the item, its queue and the reason are reported",
    ),
    "F04": Fault(
        "A process puts many items and is killed, or leaves by `os._exit()`",
        "almost none of them arrive; the exit code may be 0",
        "how many had left the process is known: the rest is reported as lost",
    ),
    "F05": Fault(
        "An item is changed after it was put",
        "what arrives is the changed item: it is pickled later, in another thread",
        "what was put and what was got are compared",
    ),
    "F06": Fault(
        "Workers loop `while not queue.empty()`",
        "hangs in about half of all runs",
        "detected at once; the report names the queue and who left early",
    ),
    "F07": Fault(
        "`join()` before the queue was drained",
        "works up to 64 kB, hangs beyond",
        "detected: who cannot end because of which items",
    ),
    "F08": Fault(
        "A worker is killed before `task_done()`; a process that waits in the queue's `join()` is killed",
        "`JoinableQueue.join()`, or the last `task_done()`, hangs",
        "detected, with the count of unfinished tasks",
    ),
    "F09": Fault(
        "An item cannot be unpickled",
        "the item is gone, `get()` raises",
        "which item it was, and the failure of the process that got it with the traceback, are reported",
    ),
    "F10": Fault(
        "A process that holds a lock is killed",
        "nobody can acquire it any more",
        "owners are known: who has abandoned which lock is reported",
    ),
    "F11": Fault(
        "A waiter of an Event or a Condition is killed",
        "`set()`, `is_set()` and `notify()` hang (gh-75158)",
        "reported at its end; the deadlock names it. run-scenario itself uses no such objects",
    ),
    "F12": Fault(
        "A party of a Barrier is killed",
        "the others hang (gh-123899)",
        "reported; the deadlock names how many have come and who is missing",
    ),
    "F13": Fault(
        "Ends of a pipe stay open where nobody uses them",
        "EOFError never comes",
        "a process gets the ends it is given, and the others are closed in it",
    ),
    "F14": Fault(
        "`value.value += 1` without the lock",
        "updates are lost",
        "reported: whose update was lost, and who overwrote it",
    ),
    "F15": Fault(
        "What cannot be handed to a spawned process: lambdas, objects of another context",
        "an error in `start()`, or later",
        "cannot be written in a scenario: arguments are plain data and targets have names; a name that stands for a "
        "lambda is refused before anything starts",
    ),
    "F16": Fault(
        "`terminate()` and SIGKILL",
        "no finally, no atexit, and an exit code that does not say who",
        "the exit event has who sent which signal, and why",
    ),
    "F17": Fault(
        "Exit codes lie: 0 after an exception in a thread or `sys.exit(256)`, 44 after `os._exit(300)`",
        "only the number",
        "the cause comes from the code and from what the process recorded itself",
    ),
    "F18": Fault("SIGTERM is ignored, or the process is stopped", "it survives", "SIGTERM, a grace, SIGKILL"),
    "F19": Fault(
        "A daemon ignores SIGTERM",
        "its parent hangs at its own end",
        "bounded by the deadline, and by the sweep that follows it",
    ),
    "F20": Fault("A thread outlives the target", "the process does not end", "the threads are named"),
    "F21": Fault("A daemon starts a process", "AssertionError", "the same, reported as that process's failure"),
    "F22": Fault(
        "A process in the middle of the tree is killed", "its children go on", "reported as orphans, then swept"
    ),
    "F23": Fault(
        "The parent of all is killed or terminated",
        "its daemons survive (gh-80180)",
        "supervisor and runner watch each other: whichever is killed, the other ends all processes",
    ),
    "F24": Fault(
        "A parent-death signal fires when a *thread* ends, and is not inherited",
        "–",
        "only the main program has one, armed in its only thread, with a look at its parent afterwards; everybody else "
        "is found by the supervisor, which adopts orphans",
    ),
    "F25": Fault(
        "`parent_process().sentinel` is kept open by a younger sibling",
        "nobody notices that the parent has died",
        "ends are seen by pidfd",
    ),
    "F26": Fault(
        "A grandchild inherits the sentinel",
        "`join(3)` waits three seconds for a dead child",
        "it does so here as well, but the log has the end when it came, before the join that missed it",
    ),
    "F27": Fault(
        "Somebody else waits for a child (`waitpid(-1)`)",
        "exitcode None for ever",
        "Python's answer cannot be corrected; the end itself is reported, with its code if it could be seen",
    ),
    "F28": Fault(
        "A process is never joined", "a zombie", "it stays one as long as the main program; none is left then"
    ),
    "F29": Fault("Ctrl-C", "a traceback from each process", "one event, one orderly end, status 130"),
    "F30": Fault(
        "A fork while threads run",
        "the child may deadlock; Python 3.12 and later warn of it",
        "the process that forks here has one thread; where the scenario itself does it, the warning is an event",
    ),
    "F31": Fault(
        "The fork server is killed",
        "exitcode 255 of a child that lives",
        "reported as unknown, and, when it comes, the real end",
    ),
    "F32": Fault(
        "No main guard under spawn",
        "RuntimeError in the child",
        "targets are imported by their module, never through `__main__`",
    ),
    "F33": Fault(
        "A process id is used again",
        "a stranger gets the signal",
        "a signal goes only to a process that still has the start time of the one that was meant",
    ),
    "F34": Fault(
        "A pool's worker is killed, or exits, in a task", "`map()` hangs for ever", "worker and task are named"
    ),
    "F35": Fault(
        "An idle worker of a pool is killed", "its replacement lives, the next task hangs", "the worker is named"
    ),
    "F36": Fault(
        "An exception that cannot be unpickled leaves a pool's task",
        "the pool hangs (gh-79492)",
        "detected: which task has raised what",
    ),
    "F37": Fault("A pool's initializer raises", "hundreds of workers, one after the other", "capped, with the reason"),
    "F38": Fault(
        "No more processes or file descriptors",
        "the first put raises, the second one vanishes (gh-109047)",
        "checked before anything starts; what fails later ends the run with status 4, and nothing is left behind",
    ),
    "F39": Fault(
        "Everybody is killed, the resource tracker too",
        "semaphores and shared memory stay behind",
        "found by the run's id in their names, removed and reported",
    ),
    "F40": Fault(
        "A manager is killed", "BrokenPipeError, ConnectionRefusedError", "the same, and what was lost is reported"
    ),
    "F41": Fault(
        "The system kills a process (out of memory)",
        "a bare -9",
        "the cause `signal`: sent by nobody of the run",
    ),
    "F42": Fault("Several write to one pipe", "lines longer than 4 kB are torn", "each process has a file of its own"),
    "F43": Fault("Several write to one stdout", "lines are torn", "output is captured per process"),
    "F45": Fault(
        "run-scenario is killed, or the disk is full, in the middle of writing the log",
        "half a record, which spoils the next one too",
        "the torn tail is cut off when the log is opened again; a short write is an error, status 4",
    ),
    "F46": Fault(
        "What a forked child has written to a buffer",
        "is lost at its end",
        "the recorder has no buffer of its own: what was recorded belongs to the kernel",
    ),
    "F47": Fault("Clocks differ", "–", "one monotonic clock for all; causes come before their effects"),
    "F48": Fault(
        "A process ends while it waits for a manager's lock",
        "its manager acquires the lock in its place: nobody else ever gets it",
        "`lock.abandoned` with the reason; the deadlock is explained by it",
    ),
}


@functools.cache
def shown() -> list[Shown]:
    """Return what the marks of all tests say, by row, file and test."""
    files = sorted([*HERE.glob("acceptance/test_*.py"), *HERE.glob("unit/test_*.py")])
    found = [entry for file in files for entry in _marks(file)]
    return sorted(found, key=lambda s: (s.row, s.file, s.test, s.event or ""))


def _marks(file: Path) -> Iterator[Shown]:
    text = file.read_text(encoding="utf-8")
    for node in ast.parse(text).body if "fault(" in text else ():
        if not isinstance(node, ast.FunctionDef):
            continue
        methods = _methods(node)
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in ("fault", "pytest.mark.fault"):
                (row,) = map(ast.literal_eval, decorator.args)
                given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords}
                status = given.get("status", ())
                statuses = status if isinstance(status, tuple) else (status,)
                yield Shown(row, f"{file.parent.name}/{file.name}", node.name, given.get("event"), statuses, methods)


def _methods(node: ast.FunctionDef) -> tuple[str, ...]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize"):
            names, values = decorator.args[:2]
            if ast.unparse(names) == "'method'" and isinstance(values, ast.List):
                return tuple(ast.literal_eval(values))
    return METHODS if _UNDER_EACH & {argument.arg for argument in node.args.args} else ()


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        "| | what goes wrong | plain multiprocessing | run-scenario | event | exit status | test |",
        "|---|---|---|---|---|---|---|",
    ]
    tests = shown()
    for row, fault in ROWS.items():
        own = [entry for entry in tests if entry.row == row]
        events = _listed(f"`{entry.event}`" for entry in own if entry.event)
        statuses = _listed(str(status) for entry in own for status in entry.statuses)
        names = _listed(f"`{entry.file}` {entry.test[5:].replace('_', ' ')}{_under(entry)}" for entry in own)
        cells = (row, fault.what, fault.plain, fault.here, events, statuses, names)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _listed(texts: Iterator[str]) -> str:
    return "<br>".join(dict.fromkeys(texts)) or "–"


def _under(entry: Shown) -> str:
    if not entry.methods:
        return ""
    return " (each start method)" if entry.methods == METHODS else f" ({', '.join(entry.methods)})"


def document() -> str:
    """Return docs/reference/faults.md with the table made anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:before]}\n\n{table()}\n\n{text[after:]}"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
