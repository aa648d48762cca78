"""What the forked guard does before and after its run: leave the terminal, get the program, be gone."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal

from run_scenario.engine import platform
from run_scenario.engine.guard import Guard
from run_scenario.engine.program import Program


def serve(orders: int, answers: int) -> None:
    """Be the guard of one run: wait for the program, run it; never returns.

    The program comes as eight bytes of length (0: there will be none) and a pickle from the front, whose fork this is.
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    if nothing > 2:
        os.close(nothing)
    platform.become_subreaper()
    platform.die_with_parent(signal.SIGCONT)  # it does not die of it, but wakes up, should it have been stopped
    length = int.from_bytes(_read_exactly(orders, 8), "little")
    if length:
        program: Program = pickle.loads(_read_exactly(orders, length))
        try:
            os.makedirs(program.folder, 0o700, exist_ok=True)
            Guard(program, orders, answers).run()
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.write(answers, f"{type(error).__name__}: {error}"[:500].encode())
            for pid in reversed(platform.descendants(os.getpid())):
                platform.send_signal(pid, signal.SIGKILL)
            os._exit(1)
    os._exit(0)


def _read_exactly(descriptor: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        block = os.read(descriptor, length - len(data))
        if not block:
            os._exit(0)  # the front ended before it gave us anything to do
        data += block
    return data
