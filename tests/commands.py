"""Starts the command run-scenario: with WARM=1 as a copy of a process that has imported it already.

Most acceptance tests run the command, and half of what a short run costs is to start Python and to import. So each
worker of pytest has a process that has done both (`warm.py`). It forks for each command, and the copy changes to the
folder, the environment and the streams of that command, and executes the same `__main__`. It differs in nothing but
what happens before. Whoever tests that (variables that Python reads when it starts, modules that hide others, a signal
at once) starts the command by `subprocess`. Without WARM=1, and with THOROUGH=1, everybody does.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from effort import WARM

MODULE = [sys.executable, "-m", "run_scenario"]
SCRIPT = [str(Path(sys.executable).parent / "run-scenario")]
_SERVER = str(Path(__file__).with_name("warm.py"))
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "COV")
"""How the names of variables begin that are read before the first line of a program."""
_IMPORTED_AT_START = ("sitecustomize", "usercustomize")
_AT_START = dict(os.environ)
_starting = threading.Lock()


class Popen(subprocess.Popen[Any]):
    """A `subprocess.Popen` whose process is a copy of a warm one, where that makes no difference."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
        **options: Any,
    ) -> None:
        environment = dict(os.environ if env is None else env)
        self._request: dict[str, Any] | None = None
        self._end: socket.socket | None = None
        self._looking = threading.Lock()
        if WARM and "preexec_fn" not in options and _is_usual(command, environment):
            self._request = {
                "command": list(command),
                "folder": str(Path.cwd() if cwd is None else cwd),
                "environment": environment,
                "session": start_new_session,
            }
        super().__init__(command, cwd=cwd, env=env, start_new_session=start_new_session, **options)

    def _execute_child(self, *arguments: Any) -> None:
        if self._request is None:
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        pipes = arguments[10:16]
        streams = [number if pipe == -1 else pipe for number, pipe in enumerate((pipes[0], pipes[3], pipes[5]))]
        with _starting:
            server = _server(self._request["environment"].get("PYTHONWARNINGS", ""))
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(server, [json.dumps(self._request).encode()], [*streams, theirs.fileno()])
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self.pid = int(self._end.recv(100))  # none, if it has failed before: then that is its status, and a ValueError
        self._child_created = True

    def _wait(self, timeout: float | None) -> int:
        if self._end is None:
            return int(super()._wait(timeout))  # type: ignore[misc]
        with self._looking:
            if self.returncode is None:
                poll = select.poll()
                poll.register(self._end, select.POLLIN)
                if not poll.poll(None if timeout is None else timeout * 1000):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
                self.returncode = os.waitstatus_to_exitcode(int(self._end.recv(100).removeprefix(b"=")))
                self._end.close()
            return self.returncode

    def _internal_poll(self, *arguments: Any, **options: Any) -> int | None:
        if self._end is None:
            status: int | None = super()._internal_poll(*arguments, **options)  # type: ignore[misc]
            return status
        try:
            return self._wait(0.0)
        except subprocess.TimeoutExpired:
            return None


def run(
    command: Sequence[str],
    *,
    timeout: float | None = None,
    check: bool = False,
    input: Any = None,
    capture_output: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, as `subprocess.run` does."""
    if input is not None:
        options["stdin"] = subprocess.PIPE
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(command, **options) as process:
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(list(command), process.returncode, stdout, stderr)
    if check:
        done.check_returncode()
    return done


def _is_usual(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether a command starts as a warm process has started."""
    if command[: len(MODULE)] != MODULE and command[: len(SCRIPT)] != SCRIPT:
        return False
    names = {name for name in {*_AT_START, *environment} if name.startswith(_READ_AT_START)}
    names -= {"PYTHONPATH", "PYTHONWARNINGS"}
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    if any(os.path.exists(os.path.join(folder, f"{name}.py")) for folder in folders for name in _IMPORTED_AT_START):
        return False
    return all(_AT_START.get(name) == environment.get(name) for name in names)


@functools.cache
def _server(warnings: str) -> socket.socket:
    """Start a process that has imported the command; return the way to it, at whose end it ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in _AT_START.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}
    if warnings:
        environment["PYTHONWARNINGS"] = warnings
    # Room for the arguments and variables of commands, which others read in /proc.
    room = "." * 32_000
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", _SERVER, str(theirs.fileno()), room],
            env={**environment, "ROOM": room},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(_end, process, ours, os.getpid())
    return ours


def _end(process: subprocess.Popen[bytes], way: socket.socket, owner: int) -> None:
    if owner == os.getpid():  # not in a copy that a test has made
        way.close()
        process.wait()
