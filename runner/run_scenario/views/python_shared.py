"""How a script creates what its processes share, and removes it: values, blocks of memory, managers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from run_scenario import model
from run_scenario.views.plan import release
from run_scenario.views.python_layout import Expression, call, keyword, keywords, layout, literal, quoted
from run_scenario.views.python_scope import Scope

_PROXIES = {"dict": "DictProxy", "list": "ListProxy", "Namespace": "NamespaceProxy"}
_MEMORY = "multiprocessing.shared_memory"
_MANAGERS = "multiprocessing.managers"


class SharedParts:
    """Writes the statements about shared data, and the definitions of the managers that serve remote ones."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.definitions: list[str] = []

    def create(self, spec: model.SharedSpec, indent: int) -> list[str]:
        """Return the statements that create it."""
        name = self._scope.identifiers.resource(spec.name)
        if spec.remote:
            return self._serve(spec, name, indent)
        lines = layout(self._made(spec), indent, f"{name} = ")
        if spec.type == "SharedMemory" and spec.value is not None:
            data = str(spec.value).encode()
            lines.append(f"{' ' * indent}{name}.buf[:{len(data)}] = {_bytes(data)}")
        return lines

    def _made(self, spec: model.SharedSpec) -> Expression:
        match spec.type:
            case "Value" | "Array":
                return self._in_memory(spec)
            case "SharedMemory":
                size = max(spec.size, len(str(spec.value or "").encode()))
                return call(self._scope.use(_MEMORY, spec.type), "create=True", f"size={size}")
            case "ShareableList":
                return call(self._scope.use(_MEMORY, spec.type), literal(spec.value))
            case "ManagerQueue":
                return call("manager.Queue", *([str(spec.size)] if spec.size else []))
            case "Namespace":
                return call("manager.Namespace", *_attributes(spec))
        return call(f"manager.{spec.type}", *([] if spec.value is None else [literal(spec.value)]))

    def _in_memory(self, spec: model.SharedSpec) -> Expression:
        parts: list[Expression] = [literal(spec.typecode)]
        if spec.value is not None:
            parts.append(_bytes(str(spec.value).encode()) if spec.typecode == "c" else literal(spec.value))
        elif spec.type == "Array":
            parts.append(str(spec.size))
        if spec.lock is not True:
            lock = self._scope.identifiers.resource(spec.lock) if isinstance(spec.lock, str) else "False"
            parts.append(keyword("lock", lock))
        return call(self._scope.use("multiprocessing", spec.type), *parts)

    def release(self, spec: model.SharedSpec) -> list[str]:
        """Return the statements that remove it."""
        name = self._scope.identifiers.resource(spec.name)
        return release(spec, _manager(name) if spec.remote else name)

    def start_manager(self) -> list[str]:
        """Return the statement that starts the manager of all others."""
        return [f"manager = {self._scope.use('multiprocessing', 'Manager')}()"]

    def _serve(self, spec: model.SharedSpec, name: str, indent: int) -> list[str]:
        kind = "".join(word.capitalize() for word in name.split("_")) + "Manager"
        base = self._scope.use(_MANAGERS, "BaseManager")
        proxy = _PROXIES.get(spec.type)
        proxied = f", {self._scope.use(_MANAGERS, proxy)}" if proxy else ""
        called = spec.type.replace("Manager", "")
        self.definitions += [
            "\n".join(layout(self._held(spec), 0, f"{name}_held = ")),
            f"def get_{name}():\n    return {name}_held",
            f'class {kind}({base}):\n    """Serves a {called}, as get(), to whoever knows its address and its key."""'
            f'\n\n\n{kind}.register("get", get_{name}{proxied})',
        ]
        manager = _manager(name)
        made = call(kind, '("127.0.0.1", 0)', _bytes(spec.authkey.encode()))
        margin = " " * indent
        return [
            *layout(made, indent, f"{manager} = "),
            f"{margin}{manager}.start()",
            f"{margin}{name} = {manager}.address",
        ]

    def _held(self, spec: model.SharedSpec) -> Expression:
        if spec.type == "Namespace":
            return call(self._scope.use(_MANAGERS, "Namespace"), *_attributes(spec))
        if spec.type == "ManagerQueue":
            return call(self._scope.use("queue", "Queue"), *([str(spec.size)] if spec.size else []))
        empty: Any = {} if spec.type == "dict" else []
        return literal(empty if spec.value is None else spec.value)


def _attributes(spec: model.SharedSpec) -> Iterable[Expression]:
    return keywords({name: literal(content) for name, content in (spec.value or {}).items()})


def _bytes(data: bytes) -> str:
    return "b" + quoted(data.decode()) if data.isascii() else repr(data)


def _manager(name: str) -> str:
    return f"{name}_manager"
