"""An editor's own helper for YAML, yaml-language-server, and what it offers and underlines in a file."""

from __future__ import annotations

import itertools
import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

_PATIENCE = 60
"""Seconds after which a server that does not answer is given up; it takes a tenth of one."""
_SETTINGS = {"validate": True, "completion": True, "schemaStore": {"enable": False}}


def found() -> str:
    """Return the command, or skip the tests, with a line that says why."""
    command = shutil.which("yaml-language-server")
    if command is None:
        pytest.skip("no yaml-language-server: install it with npm to test what an editor shows")
    return command


class Editor:
    """A folder with one open file at a time, as an editor shows it: over the Language Server Protocol, on pipes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [found(), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._numbers = itertools.count(1)
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        snippets = {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}
        capabilities = {"textDocument": {"completion": snippets, "publishDiagnostics": {}}, "workspace": {}}
        self._ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"yaml": _SETTINGS}}})

    def close(self) -> None:
        """End the server."""
        self._ask("shutdown", None)
        self._send({"method": "exit"})
        self._server.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        for stream in (self._server.stdin, self._server.stdout):
            assert stream is not None
            stream.close()

    def problems(self, text: str) -> list[tuple[int, str]]:
        """Return what is underlined: the line, from 1, and why."""
        uri = self._open(text)
        while True:
            message = self._next()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found = message["params"]["diagnostics"]
                return [(each["range"]["start"]["line"] + 1, each["message"]) for each in found]

    def offers(self, text: str) -> dict[str, str]:
        """Return what is offered where `text` has a `|`: what is shown, and what is inserted."""
        before, _, after = text.partition("|")
        line = before.count("\n")
        place = {"line": line, "character": len(before) - before.rfind("\n") - 1}
        uri = self._open(before + after)
        answer = self._ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        items = answer["items"] if isinstance(answer, dict) else answer
        return {each["label"]: each.get("insertText") or each["textEdit"]["newText"] for each in items}

    def _open(self, text: str) -> str:
        """Open a new file in a folder of its own, with the schema beside it."""
        uri = (self._folder / f"{next(self._numbers)}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def _ask(self, method: str, params: Any) -> Any:
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._server.stdin.flush()

    def _next(self) -> dict[str, Any]:
        """Return the next message; a question of the server is answered."""
        message = self._messages.get(timeout=_PATIENCE)
        assert message is not None, "the server has ended"
        if "method" in message and "id" in message:
            asked = message["params"].get("items", ()) if message["method"] == "workspace/configuration" else ()
            answers = [_SETTINGS if each.get("section") == "yaml" else {} for each in asked]
            self._send({"id": message["id"], "result": answers or None})
        return message

    def _read(self) -> None:
        stream = self._server.stdout
        assert stream is not None
        while True:
            length = 0
            while header := stream.readline().strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                self._messages.put(None)
                return
            self._messages.put(json.loads(stream.read(length)))
