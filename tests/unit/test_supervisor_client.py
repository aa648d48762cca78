"""What the runner hears from its supervisor."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.supervisor.client import DONE, SupervisorClient


@contextmanager
def client(*said: bytes) -> Iterator[tuple[SupervisorClient, int]]:
    """A client, a supervisor that has said this and is gone, and where signals would be heard."""
    answers, said_to = os.pipe()
    wake_up, woken_by = os.pipe()
    for word in said:
        os.write(said_to, word)
    os.close(said_to)
    try:
        yield SupervisorClient(os.getpid(), -1, answers, Capabilities()), wake_up
    finally:
        for descriptor in (answers, wake_up, woken_by):
            os.close(descriptor)


def test_the_first_word_is_the_default_start_method() -> None:
    """It may come together with the last one, and be asked for again, before that or never."""
    with client(b"spawn\ndone") as (supervisor, wake_up):
        assert ("spawn", "spawn") == (supervisor.default_start_method(), supervisor.default_start_method())
        assert DONE == supervisor.final_answer(wake_up)
    with client(b"spawn\n", b"OSError: no") as (supervisor, wake_up):
        assert "OSError: no" == supervisor.final_answer(wake_up)
        assert "spawn" == supervisor.default_start_method()
    with client(b"spawn\n") as (supervisor, wake_up):
        assert "" == supervisor.final_answer(wake_up)


def test_without_a_word_python_is_asked_here() -> None:
    """A supervisor that was killed at once says nothing: the log has a start method all the same."""
    with client() as (supervisor, wake_up):
        assert multiprocessing.get_all_start_methods()[0] == supervisor.default_start_method()
        assert "" == supervisor.final_answer(wake_up)


def test_the_supervisor_asks_python() -> None:
    """Its answer is that of the module itself, which the runner need not import."""
    code = (
        "import sys\n"
        "from run_scenario.runtime.supervisor.client import start_supervisor\n"
        "with start_supervisor() as supervisor: print(supervisor.default_start_method())\n"
        "print('multiprocessing' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert [multiprocessing.get_all_start_methods()[0], "False"] == done.stdout.split()
    assert "" == done.stderr
