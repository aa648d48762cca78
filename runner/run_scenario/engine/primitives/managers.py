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
from typing import TYPE_CHECKING, Any

from run_scenario.engine import platform
from run_scenario.record import codes
from run_scenario.record.describe import describe
from run_scenario.record.recorder import recorder

if TYPE_CHECKING:
    from run_scenario.model import SharedSpec

Key = tuple[Any, str | None]
"""A manager's address, and an object's id there; None for all of them."""

_MOST_ARGUMENTS = 4

_known: dict[Key, int] = {}
"""Which resource, by its position, is behind an address and an id."""

_call_plainly: Callable[..., Any] = managers.BaseProxy._callmethod


def watch(known: dict[Key, int]) -> None:
    """Record from now on, in this process, the calls of proxies that stand for these resources."""
    _known.update(known)
    managers.BaseProxy._callmethod = _call  # type: ignore[method-assign]


def known() -> dict[Key, int]:
    """Return what a spawned child has to be told, to `watch` it as well."""
    return dict(_known)


def _call(self: Any, methodname: str, args: tuple[Any, ...] = (), kwds: dict[str, Any] = {}) -> Any:  # noqa: B006 (its signature)
    index = _known.get((self._token.address, self._id), _known.get((self._token.address, None)))
    if index is None:
        return _call_plainly(self, methodname, args, kwds)
    since = recorder.waiting(codes.W_MANAGER, index)
    error = result = None
    try:
        result = _call_plainly(self, methodname, args, kwds)
    except BaseException as raised:
        error = ": ".join(filter(None, (type(raised).__name__, str(raised))))[:500]
        raise
    finally:
        recorder.moving()
        told = [describe(value) for value in args[:_MOST_ARGUMENTS]]
        named = {key: describe(kwds[key]) for key in list(kwds)[:_MOST_ARGUMENTS]}
        name = "_getvalue" if methodname == "#GETVALUE" else methodname
        recorder.emit(codes.MANAGER_CALLED, index, name, told, named, describe(result), error, since)
    return result


def start_manager() -> managers.SyncManager:
    """Return a manager, started in a process of its own, that is still to be filled.

    Raises:
        OSError: out of processes or file descriptors.
    """
    manager = multiprocessing.Manager()
    _record_start(manager)
    return manager


def _record_start(manager: Any) -> None:
    recorder.emit(codes.MANAGER_STARTED, manager._process.name, manager._process.pid, _shown(manager.address))


def _shown(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)


def create_managed(spec: SharedSpec, index: int, manager: managers.SyncManager) -> Any:
    """Return the proxy of what `spec` describes."""
    match spec.type:
        case "dict":
            made: Any = manager.dict(spec.value or {})
        case "list":
            made = manager.list(spec.value or [])
        case "Namespace":
            made = manager.Namespace(**(spec.value or {}))
        case _:
            made = manager.Queue(spec.size)
    watch({(made._token.address, made._id): index})
    return made


def shut_down(manager: Any) -> None:
    """Stop a manager's process and wait for its end."""
    name, pid = manager._process.name, manager._process.pid
    manager.shutdown()
    recorder.emit(codes.MANAGER_SHUT_DOWN, name, pid)


class _OwnServer(managers.Server):
    """A manager's server that lets nobody in but who runs it: its key stands in a file that others may have read."""

    def handle_request(self, conn: Any) -> None:
        with socket.socket(fileno=os.dup(conn.fileno())) as end:
            try:
                user = platform.user_behind(end.getsockname(), end.getpeername())
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
    # As register() notes it, but for this manager alone: others serve something else under the same name.
    entry = _Held(spec.type, spec.value, spec.size), getattr(proxy, "_exposed_", None), None, proxy
    manager._registry = {**RemoteManager._registry, "get": entry}  # type: ignore[attr-defined]
    manager.start()
    _record_start(manager)
    watch({(manager.address, None): index})
    return manager
