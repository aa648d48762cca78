"""How processes begin, end, are waited for and killed, controlled."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Collection, Iterable, Iterator
from multiprocessing import forkserver, popen_fork, popen_forkserver, popen_spawn_posix, process
from typing import Any
from weakref import WeakSet

from run_scenario.runtime import cpython
from run_scenario.runtime.control import actors, threads

_fork, _wait4, _kill = os.fork, os.wait4, os.kill
_launch: Any = popen_fork.Popen._launch  # type: ignore[attr-defined]
_bootstrap: Any = process.BaseProcess._bootstrap  # type: ignore[attr-defined]
_cleanup: Any = process._cleanup  # type: ignore[attr-defined]
_preload: Any = forkserver.set_forkserver_preload
_ANY = -1
_OURS = "run_scenario."
_FOR_CHILDREN = f"{_OURS}runtime.control.joining"
"""What a child needs that is to be controlled."""
_copies: set[int] = set()
"""Children of this process that are controlled, and that nobody has waited for."""
_served: WeakSet[Any] = WeakSet()
"""By what this process waits for those that a fork server has started for it."""
_is_launching = False
"""Whether multiprocessing forks, and so the copy says hello when it knows its name."""


def fork() -> int:
    """Fork as `os.fork` does: the copy is an actor of its own."""
    if actors.current() is None:
        return _fork()
    copy_of = actors.own_key("fork ")
    pid = _fork()
    if pid:
        actors.note_started(pid)
        _copies.add(pid)
        return pid
    _copies.clear()
    actors.forget()
    threads.forget()
    if not _is_launching:
        actors.begin_process(copy_of)
    return 0


def _launch_controlled(self: Any, process_obj: Any) -> None:
    global _is_launching
    _is_launching = True
    try:
        _launch(self, process_obj)
    finally:
        _is_launching = False


def _started_by(launch: Any) -> Callable[[Any, Any], None]:
    """Return how a child that is not forked is started: it has been told by the data that prepare it whom to ask."""

    def launch_controlled(self: Any, process_obj: Any) -> None:
        launch(self, process_obj)
        if actors.current() is not None:
            actors.note_started(self.pid)
            if self.method == "forkserver":
                _served.add(self)
            else:
                _copies.add(self.pid)

    return launch_controlled


def await_exit_codes(waited_for: Collection[Any]) -> None:
    """Of processes that are over and are waited for, wait until their fork server, which is no actor, has said so."""
    for popen in _those_of_server(waited_for):
        if _is_over(popen.pid):
            exit_code = select.poll()
            exit_code.register(popen.sentinel, select.POLLIN)
            exit_code.poll()


def key_of_only(waited_for: Collection[Any]) -> str:
    """Return the key of the process that is waited for, if that is all; nothing if no fork server has started it."""
    found = next(_those_of_server(waited_for), None) if len(waited_for) == 1 else None
    return "" if found is None else f"process {found.pid}"


def _those_of_server(waited_for: Collection[Any]) -> Iterator[Any]:
    return (popen for popen in _served if popen.finalizer.still_active() and popen.sentinel in waited_for)


def _is_over(pid: int) -> bool:
    """Tell whether a process is over, whoever is to wait for it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        end = select.poll()
        end.register(descriptor, select.POLLIN)
        return bool(end.poll(0))
    finally:
        os.close(descriptor)


def _preload_ours(modules: Iterable[str]) -> None:
    """Have a fork server import what is ours alone: the rest each process does itself, when it is controlled."""
    _preload([*(name for name in modules if name.startswith(_OURS)), _FOR_CHILDREN])


def _bootstrap_controlled(self: Any, *args: Any, **kwargs: Any) -> Any:
    global _is_launching
    _is_launching = False
    actors.begin_process(self.name)
    return _bootstrap(self, *args, **kwargs)


def wait4(pid: int, options: int) -> tuple[int, int, Any]:
    """Wait for a process, or look whether it is over, when it is this actor's turn."""
    actor = actors.current()
    if actor is None or (pid not in _copies if pid > 0 else pid != _ANY or _has_others()):
        return _wait4(pid, options)  # another program's, of which nobody knows when it moves
    blocks = not options & os.WNOHANG

    def attempt() -> tuple[int, int, Any] | None:
        found = _wait4(pid, options | os.WNOHANG)
        _copies.discard(found[0])
        return found if found[0] else None

    key = "" if pid == _ANY else f"process {pid}"
    return actor.perform("join" if blocks else "look at", key, attempt, blocks=blocks) or (0, 0, None)


def _has_others() -> bool:
    """Tell whether this process has children that are not controlled."""
    known = _copies | {cpython.resource_tracker_pid(), cpython.fork_server_pid()}
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        return not known.issuperset(map(int, children.read().split()))


def waitpid(pid: int, options: int) -> tuple[int, int]:
    """Do as `wait4`."""
    return wait4(pid, options)[:2]


def wait() -> tuple[int, int]:
    """Do as `wait4`, for any child."""
    return wait4(_ANY, 0)[:2]


def kill(pid: int, number: int) -> None:
    """Send a signal when it is this actor's turn; who dies of it is waited for before anybody moves."""
    actor = actors.current()
    if actor is None or not number:
        _kill(pid, number)
        return

    def attempt() -> bool:
        ends = _ends_by(pid, number)
        _kill(pid, number)
        if ends:
            actors.note_killed(pid)
        return True

    actor.perform("kill", f"process {pid}", attempt)


def _ends_by(pid: int, number: int) -> bool:
    """Tell whether a signal will end a process: it has no handler for it, and neither ignores nor blocks it."""
    if number == signal.SIGKILL:
        return True
    if number in (signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGURG, signal.SIGWINCH):
        return False
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            masks = dict(line.split(":", 1) for line in status if line.startswith("Sig"))
    except OSError:
        return False
    bit = 1 << (number - 1)
    return not any(int(masks.get(name, "0"), 16) & bit for name in ("SigCgt", "SigIgn", "SigBlk"))


def _hash(self: Any) -> int:
    """Have a set of processes, such as that of the children, the same order in each run with the same schedule."""
    return hash(self._identity)


def _clean_up() -> None:
    """Stand for what forgets children that are over, whenever another is started: nobody sees that."""
    actor = actors.current()
    if actor is None or actor.inside:
        _cleanup()
        return
    actor.inside = True
    try:
        _cleanup()
    finally:
        actor.inside = False


def install() -> None:
    """Have this process and its children controlled."""
    global _bootstrap
    _bootstrap = process.BaseProcess._bootstrap  # type: ignore[attr-defined]  # coverage.py's, if that measures
    functions: tuple[Callable[..., Any], ...] = (fork, wait4, waitpid, wait, kill)
    for function in functions:
        setattr(os, function.__name__, function)
    process._cleanup = _clean_up  # type: ignore[attr-defined]
    process.BaseProcess.__hash__ = _hash  # type: ignore[method-assign]
    popen_fork.Popen._launch = _launch_controlled  # type: ignore[attr-defined]
    popen_forkserver.Popen._launch = _started_by(popen_forkserver.Popen._launch)  # type: ignore[attr-defined]
    forkserver.set_forkserver_preload = _preload_ours  # type: ignore[assignment]
    _preload_ours(())
    popen_spawn_posix.Popen._launch = _started_by(popen_spawn_posix.Popen._launch)  # type: ignore[attr-defined]
    process.BaseProcess._bootstrap = _bootstrap_controlled  # type: ignore[attr-defined]
