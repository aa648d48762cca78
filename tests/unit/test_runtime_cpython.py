"""runtime/cpython.py: what CPython keeps private is where it is looked for, and is looked for in that module alone."""

from __future__ import annotations

import _multiprocessing
import ast
import atexit
import ctypes
import inspect
import multiprocessing
import os
import queue
import runpy
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import process as of_processes
from concurrent.futures import thread as of_threads
from multiprocessing import (
    connection,
    forkserver,
    managers,
    pool,
    popen_fork,
    popen_forkserver,
    popen_spawn_posix,
    process,
    queues,
    resource_tracker,
    shared_memory,
    sharedctypes,
    spawn,
    synchronize,
    util,
)
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

import run_scenario
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives import pipes, sync

PACKAGE = Path(run_scenario.__file__).parent
FORK: ForkContext = multiprocessing.get_context("fork")
OURS = {"_replace", "_fields", "_index", "_events", "_owned", "_values"}
"""Private names of this package's own classes that one object of a class reads of another, and a documented one."""
ALLOWED = {
    "cli/commands/completion.py": {"_SubParsersAction", "_actions"},  # argparse
    "pytest_plugin/__init__.py": {"_tmp_path_factory"},  # pytest
    "recording/describe.py": {"_field_type"},  # dataclasses
    "runtime/control/descriptors.py": {"_check_closed", "_recv", "_recv_bytes", "_send", "_send_bytes"},
    "runtime/control/processes.py": {"_bootstrap", "_cleanup", "_identity", "_launch"},
    "runtime/control/semaphores.py": {"_after_fork", "_count", "_get_value", "_is_mine", "_is_zero"},
    "runtime/control/threads.py": {
        *("_PySimpleQueue", "_active_limbo_lock", "_shutdown", "_shutdown_locks_lock", "_started"),
        "_threading_atexits",
    },
    "runtime/primitives/wire.py": {"_check_closed", "_handle", "_recv", "_send", "_send_bytes"},
}
"""Module -> what it leans on itself; see the docstring of runtime/cpython.py."""
NEEDED = {
    "threads_of_executors": [(of_threads, "_threads_queues"), (of_processes, "_threads_wakeups")],
    "run_as_main": [(runpy, "_run_module_as_main")],
    "note_managers": [(managers.BaseManager, "_finalize_manager")],
    "wait_for_threads": [(threading, "_shutdown")],
    "run_exit_functions": [(atexit, "_run_exitfuncs")],
    "forget_exit_functions": [(atexit, "_clear"), (util, "_exit_function")],
    "let_go_of_process_at_end": [(process, "_current_process")],
    "package_of_caller": [(sys, "_getframe")],
    "pool_thread_was": [(connection.Connection, "recv"), (pool.ApplyResult, "_set")],
    "was_taking_task": [(queues.SimpleQueue, "get"), (pool, "worker"), (of_processes, "_process_worker")],
    "interpreter_flags_with": [(util, "_args_from_interpreter_flags")],
    "set_semaphore_prefix, set_socket_folder": [(process.current_process(), "_config")],
    "when_threads_start": [(threading.Thread, "_set_native_id")],
    "keep_tracker_silent_after": [(util, "spawnv_passfds")],
    "resource_tracker_pid": [(resource_tracker, "_resource_tracker"), (resource_tracker._resource_tracker, "_pid")],
    "fork_server_pid": [(forkserver, "_forkserver"), (forkserver._forkserver, "_forkserver_pid")],
    "start_feeder_with": [(queues.Queue, "_feed"), (queues.Queue, "_start_thread"), (queues, "_ForkingPickler")],
    "name_memory_after_run": [(shared_memory, "_make_filename")],
    "memory_file, is_mapped": [(shared_memory.SharedMemory, "_fd"), (shared_memory.SharedMemory, "_mmap")],
    "lock_of, waiters_of": [(threading.Condition(), "_lock"), (threading.Condition(), "_waiters")],
    "is_zero": [(FORK.Lock(), "_semlock"), (FORK.Lock()._semlock, "_is_zero")],
    "manager_process, serve_under": [(managers.BaseManager, "_registry")],
    "before_manager_serves": [(FORK.Process(), "_args")],
    "proxy_call": [(managers.BaseProxy, "_callmethod")],
    "is_initialized, is_started, popen_of": [(FORK.Process(), "_popen")],
    "call_of": [(FORK.Process(), "_target"), (FORK.Process(), "_args"), (FORK.Process(), "_kwargs")],
    "start_method_of": [(FORK.Process(), "_start_method")],
    "in_memory_of": [(sharedctypes.RawValue("i"), "_wrapper"), (sharedctypes, "rebuild_ctype")],
    "typecode_of": [(ctypes.c_int, "_type_"), (ctypes.c_int * 2, "_type_")],
    "is_managers, target_of": [(FORK.Process(), "_target"), (managers.BaseManager, "_run_server")],
    "is_parent_of": [(FORK.Process(), "_parent_pid")],
    "bootstrap_of": [(BaseProcess, "_bootstrap")],
    "control": [  # see runtime/control, which replaces them all
        *(
            (_multiprocessing, "SemLock"),
            (_multiprocessing.SemLock, "_rebuild"),
            (popen_fork.Popen, "_launch"),
            (BaseProcess, "_bootstrap"),
        ),
        *((connection.Connection, "_recv"), (connection.Connection, "_send"), (connection, "wait")),
        *((threading, "_shutdown"), (process, "_cleanup"), (FORK.Process(), "_identity")),
        *((threading, "_allocate_lock"), (threading, "_CRLock"), (threading, "_active_limbo_lock")),
        *((threading, "_threading_atexits"), (threading.Thread(), "_started"), (queue, "_PySimpleQueue")),
        *((popen_spawn_posix.Popen, "_launch"), (popen_forkserver.Popen, "_launch")),
        *((connection.SocketListener, "accept"), (managers, "threading")),
    ],
    "prepare_children_with": [(spawn, "get_preparation_data")],
}
"""Function of runtime/cpython.py -> owner and name of each attribute that it takes for granted."""


@pytest.mark.parametrize("function", NEEDED)
def test_each_name_is_there(function: str) -> None:
    """What this Python does not have is named, with the function that would fail."""
    missing = [f"{owner!r} has no {name}" for owner, name in NEEDED[function] if not hasattr(owner, name)]
    assert [] == missing, f"cpython.{function} cannot work with this Python; see docs/explanation/cpython-internals.md"


def private_uses(tree: ast.AST) -> Iterator[str]:
    """Yield each private attribute that is read of, or written to, anything but `self`, `cls` and what they have.

    The methods of the module's own classes are left out, of those that have no base that could be another's.
    """
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and not node.bases]
    own = {method.name for each in classes for method in each.body if isinstance(method, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            root: ast.expr = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            name = ast.unparse(root)
            if node.attr not in own and name not in ("self", "cls", "super()") and (name, node.attr) != ("os", "_exit"):
                yield node.attr


MODULES = [str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.rglob("*.py")) if path.name != "cpython.py"]


def test_private_names_are_used_in_one_module() -> None:
    """Others call its functions."""
    for module in MODULES:
        found = set(private_uses(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))))
        unknown = found - OURS - ALLOWED.get(module, set())
        assert set() == unknown, f"{module}: say it in runtime/cpython.py, with the reason"


def test_the_check_would_notice() -> None:
    """It sees a private name that is read, one behind another, and one that is written."""
    source = "process._popen.poll\nqueue._a.b._c\nx._handle = None\nself._own._of_base\nos._exit(1)\nx.__dict__\n"
    source += "class A(B):\n  def _a(self): ...\nclass C:\n  def _d(self): ...\nx._d()"
    assert ["_a", "_c", "_handle", "_popen"] == sorted(private_uses(ast.parse(source)))


def test_a_started_process() -> None:
    """It has what it is waited for with; one whose constructor was not called has not."""
    child = FORK.Process(target=os.getpid)
    assert cpython.is_initialized(child)
    child.start()
    popen = cpython.popen_of(child)
    child.join()
    assert (child.pid, 0, "fork") == (popen.pid, popen.returncode, popen.method)
    assert not cpython.is_initialized(BaseProcess.__new__(BaseProcess))


def test_semaphores_and_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are named and put as was asked for."""
    monkeypatch.setattr(process.current_process(), "_config", dict(process.current_process()._config))  # type: ignore[attr-defined]
    cpython.set_semaphore_prefix("/mp-test")
    cpython.set_socket_folder(str(tmp_path))
    assert "/mp-test" == cpython.semaphore_prefix()
    assert synchronize.SemLock._make_name().startswith("/mp-test-")  # type: ignore[attr-defined]
    assert str(tmp_path) == util.get_temp_dir()


def test_flags_of_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """What spawn, fork server and resource tracker are started with has one more."""
    monkeypatch.setattr(util, "_args_from_interpreter_flags", util._args_from_interpreter_flags)  # type: ignore[attr-defined]
    cpython.interpreter_flags_with("-P")
    assert "-P" == util._args_from_interpreter_flags()[-1]  # type: ignore[attr-defined]
    assert "_args_from_interpreter_flags()" in inspect.getsource(resource_tracker)
    assert "_args_from_interpreter_flags()" in inspect.getsource(forkserver)


def test_what_a_pools_thread_failed_at() -> None:
    """Unpickling and a callback are told apart, by the frames of the traceback."""
    with FORK.Pool(1) as made:
        results = {thread: cpython.kind_of_pool_thread(made, thread) for thread in cpython.pool_threads(made)}
        assert {"workers", "tasks", "results"} == set(results.values())
        assert "" == cpython.kind_of_pool_thread(made, threading.current_thread())
        handler, failed = next(t for t, kind in results.items() if kind == "results"), threading.Event()
        seen: list[str] = []

        def hook(arguments: Any) -> None:
            seen.append(cpython.pool_thread_was(arguments.exc_traceback))
            failed.set()

        before, threading.excepthook = threading.excepthook, hook
        try:
            made.apply_async(abs, (1,), callback=lambda _: 1 / 0)
            assert failed.wait(30)
        finally:
            threading.excepthook = before
        handler.join(30)
        made._cache.clear()  # type: ignore[attr-defined]  # terminate() does not want any call to be left then
    assert ["callback"] == seen


def _register_and_tell(path: str) -> None:
    atexit.register(Path(path).write_text, "called")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_who_calls_what_is_registered_with_atexit(method: Any, tmp_path: Path) -> None:
    """It is as `calls_exit_functions` says of the process that multiprocessing has started."""
    process = multiprocessing.get_context(method).Process(target=_register_and_tell, args=(str(tmp_path / "told"),))
    process.start()
    process.join(30)
    assert (method == "spawn" or sys.version_info >= (3, 13)) == (tmp_path / "told").exists()


def test_a_semaphore_at_zero() -> None:
    """A lock is, while it is held."""
    lock = FORK.Lock()
    assert not cpython.is_zero(lock)
    with lock:
        assert cpython.is_zero(lock)
        assert not cpython.semlock_of(lock).acquire(False)


def test_a_connection_without_its_descriptor() -> None:
    """It is closed, and the descriptor is not."""
    reader, writer = FORK.Pipe(duplex=False)
    descriptor = cpython.take_descriptor(reader)
    assert reader.closed
    writer.send_bytes(b"x")
    assert b"\0\0\0\1x" == os.read(descriptor, 16)
    os.close(descriptor)
    writer.close()


class Shouting:
    """A pickler."""

    @staticmethod
    def dumps(item: Any) -> Any:
        """Pickle something else."""
        return queues._ForkingPickler.dumps(item.upper())  # type: ignore[attr-defined]


class ShoutingQueue(queues.Queue):  # type: ignore[type-arg]
    """A queue whose feeder uses that pickler."""

    def _start_thread(self) -> None:
        cpython.start_feeder_with(queues.Queue, Shouting)(self)


def test_a_feeder_with_another_pickler() -> None:
    """Whatever the feeder pickles, it pickles with that."""
    queue = ShoutingQueue(ctx=FORK)
    queue.put("item")
    assert "ITEM" == queue.get(timeout=10)
    queue.close()
    queue.join_thread()


def test_the_feeder_of_an_executor() -> None:
    """It is started by another thread, at some time after the first task was submitted, and told then."""
    executor, started = futures.ProcessPoolExecutor(1, FORK), threading.Event()
    fed: list[threading.Thread] = []
    cpython.when_feeder_starts(executor, lambda thread: (fed.append(thread), started.set()))
    with executor:
        assert 1 == executor.submit(abs, -1).result(30)
        assert started.wait(30)
    assert [True] == [thread.native_id is not None for thread in fed]


def test_the_threads_of_pools() -> None:
    """A Pool has three for itself; an executor has one, once it has something to do."""
    with FORK.Pool(1) as pool:
        assert 3 == len(list(cpython.pool_threads(pool)))
    with futures.ProcessPoolExecutor(1, FORK) as executor:
        assert [] == list(cpython.pool_threads(executor))
        executor.submit(os.getpid).result(timeout=10)
        assert 1 == len(list(cpython.pool_threads(executor)))


def test_what_a_manager_says_about_a_lock() -> None:
    """Its representation tells whether it can be released."""
    lock, semaphore = threading.Lock(), threading.BoundedSemaphore(2)
    condition = threading.Condition(lock)
    answers = [cpython.is_releasable(repr(each)) for each in (lock, condition, semaphore)]
    lock.acquire()
    semaphore.acquire()
    assert [False] * 3 == answers
    assert [True] * 3 == [cpython.is_releasable(repr(each)) for each in (lock, condition, semaphore)]


def test_a_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """It serves what was asked for, alone of its class; its proxies call what stands for their method."""
    plainly = cpython.proxy_call(managers.BaseProxy)
    monkeypatch.setattr(managers.BaseProxy, "_callmethod", plainly)
    called: list[str] = []

    def record(self: Any, method: str, *rest: Any) -> Any:
        called.append(method)
        return plainly(self, method, *rest)

    manager = managers.BaseManager(ctx=FORK)
    cpython.serve_under(manager, "get", lambda: [1], managers.ListProxy)
    assert "get" not in managers.BaseManager._registry  # type: ignore[attr-defined]
    manager.start()
    cpython.replace_proxy_call(managers.BaseProxy, record)
    token, _ = manager._create("get")  # type: ignore[attr-defined]
    proxy = managers.ListProxy(token, "pickle", authkey=process.current_process().authkey, exposed=("__len__",))
    assert (manager.address, token.id) == cpython.proxy_key(proxy)
    assert (1, ["__len__"]) == (len(proxy), called)
    assert multiprocessing.active_children() == [cpython.manager_process(manager)]
    del proxy
    manager.shutdown()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_before_a_manager_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """What is to be called first gets the manager's own initializer to call; of other processes nothing is changed."""
    assert not cpython.is_managers(FORK.Process(target=os.getpid))
    plainly, done = BaseProcess.start, []

    def start(self: BaseProcess) -> None:
        done.append(cpython.is_managers(self))
        cpython.before_manager_serves(self, _begin, tmp_path)
        plainly(self)

    monkeypatch.setattr(BaseProcess, "start", start)
    with managers.SyncManager(ctx=multiprocessing.get_context(method)) as manager:
        assert [1] == list(manager.list([1]))
    assert (["begun"], [True]) == ([path.name for path in tmp_path.iterdir()], done)


def _begin(folder: Path, initializer: Any, initargs: tuple[Any, ...]) -> None:
    assert (initializer, initargs) == (None, ())
    (folder / "begun").touch()


def test_a_fork_server() -> None:
    """Its process id and its tracker's are known once it runs; it hangs up on whoever asks too late."""
    context = multiprocessing.get_context("forkserver")
    child = context.Process(target=os.getpid)
    child.start()
    child.join()
    assert os.path.isdir(f"/proc/{cpython.fork_server_pid()}")
    assert os.path.isdir(f"/proc/{cpython.resource_tracker_pid()}")
    assert "struct.Struct('q')" in inspect.getsource(forkserver)
    assert cpython.FORKSERVER_EXITCODE.format == "q"
    os.kill(cpython.fork_server_pid(), signal.SIGKILL)


def test_a_fork_server_that_hangs_up() -> None:
    """An EOFError is taken for that where it was raised by the module that asks the fork server, and nowhere else."""
    code = compile("raise EOFError", popen_forkserver.__file__, "exec")
    with pytest.raises(EOFError) as there:
        exec(code)
    assert cpython.is_hang_up(there.value)
    assert not cpython.is_hang_up(EOFError())
    assert str(cpython.FORKSERVER_LOST) in inspect.getsource(popen_forkserver)


def test_methods_of_recorded_objects_are_named_as_multiprocessings() -> None:
    """Where a process is to call one, the log has the class that a program knows."""
    ctx = multiprocessing.get_context("fork")
    lock, end = sync.Lock(0, ctx), pipes.recorded_ends(0, ctx.Pipe())[0]
    assert "multiprocessing.synchronize:Lock.acquire" == cpython.name_of(lock.acquire)
    assert "multiprocessing.connection:Connection.close" == cpython.name_of(end.close)
