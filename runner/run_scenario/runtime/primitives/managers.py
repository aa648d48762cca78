"""What managers hold: multiprocessing's own managers and proxies; the calls of their proxies are recorded.

A proxy's call is recorded where every proxy makes it, in `BaseProxy._callmethod`, which is replaced in the processes of
a scenario that has a manager. Which resource a proxy stands for is known by its token, or, of a remote manager, by its
address alone: who connects there by himself gets proxies that nobody else knows.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing import managers
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.child.own_frames import message_of
from run_scenario.runtime.platform import system
from run_scenario.runtime.primitives.managed import Held, record_final, recorded

if TYPE_CHECKING:
    from run_scenario.scenario.model import SharedSpec, SyncSpec

Key = tuple[Any, str | None]
"""A manager's address, and an object's id there; None for all of them."""

_MOST_ARGUMENTS = 4

_known: dict[Key, Held] = {}
"""Which resource is behind an address and an id."""

_call_plainly: Callable[..., Any] = cpython.proxy_call(managers.BaseProxy)


def watch(known: dict[Key, Held]) -> None:
    """Record from now on, in this process, the calls of proxies that stand for these resources."""
    _known.update(known)
    cpython.replace_proxy_call(managers.BaseProxy, _call)


def known() -> dict[Key, Held]:
    """Return what a spawned child needs, to `watch` it as well."""
    return dict(_known)


def _call(self: Any, methodname: str, args: tuple[Any, ...] = (), kwds: dict[str, Any] = {}) -> Any:  # noqa: B006 (its signature)
    address, identity = cpython.proxy_key(self)
    held = _known.get((address, identity), _known.get((address, None)))
    if held is None:
        return _call_unnamed(self, address, methodname, args, kwds)
    make = recorded(held, methodname)
    if make is None:
        return _call_recorded(self, held.position, methodname, args, kwds)
    try:
        return make(held, _caller(self), *args, **kwds)
    except BrokenBarrierError:  # which is recorded
        raise
    except Exception as error:
        _record_call(held.position, methodname, args, kwds, None, error, 0)
        raise


def _caller(proxy: Any) -> Callable[..., Any]:
    return lambda method, *given: _call_plainly(proxy, method, given)


def _call_recorded(self: Any, index: int, methodname: str, args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
    before = recorder.current_wait()  # it may be made in the middle of another wait
    since = recorder.begin_wait(codes.W_MANAGER, index)
    word = recorder.current_wait()
    error = result = None
    try:
        result = _call_plainly(self, methodname, args, kwds)
    except BaseException as raised:
        error = raised
        raise
    finally:
        recorder.finish_wait(word, before)
        _record_call(index, methodname, args, kwds, result, error, since)
    return result


def _record_call(
    index: int,
    methodname: str,
    args: tuple[Any, ...],
    kwds: dict[str, Any],
    result: Any,
    error: BaseException | None,
    since: int,
) -> None:
    positional = [describe(value) for value in args[:_MOST_ARGUMENTS]]
    named = {key: describe(kwds[key]) for key in list(kwds)[:_MOST_ARGUMENTS]}
    name = "_getvalue" if methodname == "#GETVALUE" else methodname
    raised = None if error is None else ": ".join(filter(None, (type(error).__name__, message_of(error))))[:500]
    recorder.emit(codes.MANAGER_CALLED, index, name, positional, named, describe(result), raised, since)


def _call_unnamed(self: Any, address: Any, *call: Any) -> Any:
    """Make a call on what the scenario does not name; that it waits is known if the manager is one of the run."""
    if not isinstance(address, str) or os.path.dirname(address) != cpython.socket_folder():
        return _call_plainly(self, *call)
    before = recorder.current_wait()
    recorder.begin_wait(codes.W_MANAGER)
    word = recorder.current_wait()
    try:
        return _call_plainly(self, *call)
    finally:
        recorder.finish_wait(word, before)


def start_manager() -> managers.SyncManager:
    """Return a manager, started in a process of its own, that is still to be filled.

    Raises:
        OSError: out of processes or file descriptors.
    """
    manager = managers.SyncManager(ctx=multiprocessing.get_context())
    cpython.mark_as_described(manager)
    manager.start()
    record_start(manager)
    return manager


def record_start(manager: Any) -> None:
    """Record that a manager has a process and an address."""
    process = cpython.manager_process(manager)
    recorder.emit(codes.MANAGER_STARTED, process.name, process.pid, _shown(manager.address))


def _shown(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)


def create_managed_data(spec: SharedSpec, index: int, manager: managers.SyncManager) -> Any:
    """Return the proxy of what `spec` describes."""
    match spec.type:
        case "dict":
            made: Any = manager.dict(spec.value or {})
        case "list":
            made = manager.list(spec.value or [])
        case "Namespace":
            made = manager.Namespace(**(spec.value or {}))
        case "ManagerValue":
            made = manager.Value(spec.typecode, spec.initial)
        case "ManagerArray":
            made = manager.Array(spec.typecode, spec.initial)
        case _:
            made = manager.Queue(spec.size)
    size = len(made) if spec.type == "ManagerArray" else 0
    watch({cpython.proxy_key(made): Held(index, spec.type, typecode=spec.typecode, size=size)})
    return made


def create_managed_sync(spec: SyncSpec, index: int, manager: managers.SyncManager, lock: Any = None) -> Any:
    """Return the proxy of what `spec` describes; `lock` is that of the lock that a condition was given."""
    given: tuple[Any, ...] = ()
    match spec.type:
        case "Semaphore" | "BoundedSemaphore":
            given = (spec.value,)
        case "Barrier":
            given = (spec.parties, None, spec.timeout)
        case "Condition" if lock is not None:
            given = (lock,)
    made = getattr(manager, spec.type)(*given)
    own = index, "RLock" if spec.type == "Condition" else spec.type
    of_lock = own if lock is None else (_known[cpython.proxy_key(lock)].position, "Lock")
    watch({cpython.proxy_key(made): Held(index, spec.type, *of_lock, spec.timeout)})
    return made


def finish(proxy: Any) -> None:
    """Record what a value or an array holds at the end of the main program."""
    held = _known[cpython.proxy_key(proxy)]
    if held.type in ("ManagerValue", "ManagerArray"):
        record_final(held, _caller(proxy))


def shut_down(manager: Any) -> None:
    """Stop a manager's process and wait for its end."""
    process = cpython.manager_process(manager)
    name, pid = process.name, process.pid
    manager.shutdown()
    recorder.emit(codes.MANAGER_SHUT_DOWN, name, pid)


class _OwnServer(managers.Server):
    """A manager's server that lets nobody in but who runs it: its key stands in a file that others may have read."""

    def handle_request(self, conn: Any) -> None:
        with socket.socket(fileno=os.dup(conn.fileno())) as end:
            try:
                user = system.user_behind(end.getsockname(), end.getpeername())
            except OSError:  # it has hung up already
                user = -1
        if user in (None, os.getuid()):
            super().handle_request(conn)
        else:
            conn.close()


class RemoteManager(managers.BaseManager):
    """A manager that serves one object, under the name `get`, to who runs it and knows its address and its key."""

    _Server = _OwnServer


class _Held:
    """What a remote manager's process holds: made there, at the first call."""

    def __init__(self, kind: str, value: Any, size: int) -> None:
        self._kind, self._value, self._size = kind, value, size
        self._made: Any = None

    def __call__(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> Any:
        match self._kind:
            case "dict":
                return dict(self._value or {})
            case "list":
                return list(self._value or [])
            case "Namespace":
                return managers.Namespace(**(self._value or {}))
        from queue import Queue

        return Queue(self._size)


_PROXIES: dict[str, Any] = {
    "dict": managers.DictProxy,
    "list": managers.ListProxy,
    "Namespace": managers.NamespaceProxy,  # type: ignore[attr-defined]
}


def serve(spec: SharedSpec, index: int) -> RemoteManager:
    """Return a started manager that serves what `spec` describes, at a free port of the loopback interface.

    Raises:
        OSError: out of processes, file descriptors or ports.
    """
    manager = RemoteManager(("127.0.0.1", 0), spec.authkey.encode())
    proxy = _PROXIES.get(spec.type, managers.AutoProxy)  # type: ignore[attr-defined]
    cpython.serve_under(manager, "get", _Held(spec.type, spec.value, spec.size), proxy)
    cpython.mark_as_described(manager)
    manager.start()
    record_start(manager)
    watch({(manager.address, None): Held(index)})
    return manager
