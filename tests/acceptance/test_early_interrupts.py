"""Signals before the command has handlers for a run: it ends at once, and shows nothing of its inside."""

from __future__ import annotations

import os
import random
import select
import signal
from pathlib import Path

import pytest
from support import Running, scenario, search_path

from effort import rounds

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
HOOK = """
import os, sys

class Hook:
    command = os.getpid()

    def find_spec(self, name, path, target=None):
        if name == os.environ["MOMENT"] and os.getpid() == self.command:
            sys.meta_path.remove(self)
            if "NUMBER" in os.environ:
                os.kill(os.getpid(), int(os.environ["NUMBER"]))
            else:
                open(os.environ["LOG_WRITTEN"], "w").close()

sys.meta_path.insert(0, Hook())
"""
"""A sitecustomize: when the command imports a certain module, it gets a signal, or it is told."""
SHORT = scenario({"target": "sleep", "kwargs": {"seconds": 0.1}})


def command(tmp_path: Path, moment: str, **variables: object) -> Running:
    """Return a run whose file was never read before, with a hook where a module is imported."""
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join([str(tmp_path), search_path()])
    variables |= {"MOMENT": moment, "PYTHONPATH": path, "XDG_CACHE_HOME": tmp_path / "cache"}
    return Running(tmp_path, SHORT, shell=("env", *(f"{name}={value}" for name, value in variables.items())))


def end_of(running: Running) -> int:
    """Return the exit status of a run as a shell tells it; check that nothing of its inside was shown."""
    result = running.finish(whole=False)  # who dies of a signal is no whole run: its supervisor sees that, and goes
    assert "ignored" not in result.stderr
    assert "fault of run-scenario" not in result.stderr
    return result.status if result.status >= 0 else 128 - result.status


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize(
    "moment",
    [
        "signal",
        "run_scenario.cli.entry_point",
        "argparse",
        "run_scenario.cli.parser",
        "run_scenario.cli.commands.run",
        "run_scenario.runtime.runner",
        "run_scenario.loader",
        "yaml",
        "run_scenario.report.watcher",
        "run_scenario.runtime.run_request",
        "run_scenario.runtime.run_follower",
    ],
)
def test_a_signal_while_a_module_is_imported(tmp_path: Path, moment: str, number: int, status: int) -> None:
    """Whatever is imported just then, the end is that of any program that gets the signal."""
    assert status == end_of(command(tmp_path, moment, NUMBER=int(number)))


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_at_any_moment(tmp_path: Path, number: int, status: int) -> None:
    """From the first import of our own on, no moment is a bad one."""
    os.mkfifo(tmp_path / "told")
    chance = random.Random(7)
    for _ in range(rounds(200)):
        running = command(tmp_path, "run_scenario.cli.entry_point", LOG_WRITTEN=tmp_path / "told")
        (tmp_path / "told").read_bytes()
        end = os.pidfd_open(running.process.pid)
        select.select([end], [], [], chance.uniform(0, 0.15))
        signal.pidfd_send_signal(end, number)
        os.close(end)
        assert end_of(running) in (0, status)  # it may have been over before
