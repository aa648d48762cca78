"""Imports run-scenario, and does commands: `python -P warm.py SOCKET ROOM`, which `commands.py` starts.

A request is the command as JSON, with its three streams and a socket for the answers: the copy's process id as soon as
it looks like a fresh process, also in /proc; and, at its end, `=` and its status, as the system has it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import runpy
import select
import socket
import sys
from collections.abc import Sequence
from typing import Any

from run_scenario.cli.command import COMMANDS

WARM = (
    *(f"run_scenario.cli.commands.{name}" for name in COMMANDS),
    "run_scenario.events.decoding.decoder",
    "run_scenario.expect",
    "run_scenario.expect.patterns",
    "run_scenario.loader.reading",
    "run_scenario.report.jsonlines",
    "run_scenario.report.listing",
    "run_scenario.report.outputs",
    "run_scenario.runtime.main_program.entry",
    "run_scenario.runtime.run_follower",
    "run_scenario.runtime.runner",
    "run_scenario.runtime.supervisor.supervisor",
)
"""What most commands import, with all that these import."""

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def serve(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request, until nobody is left who could make one; in a copy, return its request and streams."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready != control.fileno():
                poll.unregister(ready)
                os.close(ready)
                pid, answer = running.pop(ready)
                status = os.waitpid(pid, 0)[1]
                with answer, contextlib.suppress(ConnectionError):  # who has asked may have gone
                    answer.send(f"={status}".encode())
                continue
            data, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 4)
            if not data:
                sys.exit()
            pid = os.fork()
            if pid == 0:
                return json.loads(data), descriptors
            *streams, place = descriptors
            for stream in streams:
                os.close(stream)
            end = os.pidfd_open(pid)
            poll.register(end, select.POLLIN)
            running[end] = pid, socket.socket(fileno=place)


def become(request: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Change to the folder, the environment and the streams of a request; then tell its socket who this is."""
    if request["session"]:
        os.setsid()
    os.chdir(request["folder"])
    command, environment = request["command"], request["environment"]
    is_script = command[1:2] != ["-m"]
    os.environ.clear()
    os.environ.update(environment)
    sys.orig_argv = [sys.executable, *command] if is_script else command
    sys.argv = command if is_script else command[2:]
    if is_script:
        with open("/proc/self/comm", "w") as file:
            file.write(os.path.basename(command[0]))
    given = [os.path.abspath(folder) for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path[:0] = [os.path.dirname(command[0]) if is_script else os.getcwd(), *given]
    stat = _read("/proc/self/stat").rpartition(")")[2].split()
    _show(int(stat[45]), int(stat[46]), sys.orig_argv)
    _show(int(stat[47]), int(stat[48]), [f"{name}={value}" for name, value in environment.items()])
    *streams, place = descriptors
    for (name, mode), (number, stream) in zip(_STREAMS, enumerate(streams), strict=True):
        os.dup2(stream, number)
        _open(name, mode, number)
    os.write(place, str(os.getpid()).encode())
    os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _show(begin: int, end: int, words: Sequence[str]) -> None:
    """Write what others read in /proc of this process, which is where the system has put what the server was given."""
    block = b"".join(os.fsencode(word) + b"\0" for word in words)
    assert len(block) <= end - begin, "there is not enough room for it"
    ctypes.memmove(begin, block.ljust(end - begin, b"\0"), end - begin)


def _open(name: str, mode: str, number: int) -> None:
    """Open a standard stream, as Python does when it starts."""
    before = getattr(sys, name)
    buffer = open(number, mode + "b", closefd=False)  # noqa: SIM115
    lines = name == "stderr" or os.isatty(number)
    stream = io.TextIOWrapper(buffer, before.encoding, before.errors, newline="\n", line_buffering=lines)
    getattr(buffer, "raw", buffer).name = f"<{name}>"
    stream.mode = mode  # type: ignore[attr-defined]
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    for module in WARM:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # copies need not look through it
    wanted, given = serve(socket.socket(fileno=int(sys.argv[1])))
    become(wanted, given)
    if wanted["command"][1:2] == ["-m"]:
        runpy.run_module("run_scenario", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(wanted["command"][0], run_name="__main__")
