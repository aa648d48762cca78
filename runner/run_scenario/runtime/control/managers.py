"""Managers, controlled: their processes are as others, and so are what they read and write, and their threads."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from run_scenario.runtime.child.output_capture import hook_when_imported


class _PatientEvent(threading.Event):
    """The event that ends a manager, for which that looks each second: time would pass where nobody can move."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait()


def _be_patient(module: Any) -> None:
    module.threading = SimpleNamespace(**{**vars(threading), "Event": _PatientEvent})


def install() -> None:
    """Have the managers controlled that are started from now on."""
    hook_when_imported({"multiprocessing.managers": _be_patient})
