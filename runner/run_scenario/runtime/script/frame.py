"""The frame of a script's run: what stands where that of a scenario has its file."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.errors import UsageError, reason_of
from run_scenario.scenario.model import Scenario

if TYPE_CHECKING:
    from run_scenario.runtime.run_request import Script


def is_script(name: str) -> bool:
    """Tell whether the name of a file is that of a script, where there may be a scenario as well."""
    return name.endswith(".py")


def source_of(script: Script) -> str:
    """Return the text of a script; empty for a module, a folder and a zip file."""
    if not script.path or Path(script.path).is_dir():
        return ""
    try:
        text = Path(script.path).read_text("utf-8", "replace")
        return "" if "\0" in text else text
    except OSError as error:
        raise UsageError(f"the script {script.path!r} cannot be read: {reason_of(error)}") from error


def frame_of(script: Script, timeout: float | None, expected: Scenario | None = None) -> Scenario:
    """Return the frame of a script's run: its name, its deadline, and what is expected of it."""
    file = script.path or script.module
    if timeout is None:
        timeout = expected.timeout if expected else math.inf
    return Scenario(
        name=(Path(file).name or Path(file).absolute().name).removesuffix(".py"),
        file=file,
        path=str(Path(script.path).absolute()),
        digest=f"sha256:{hashlib.sha256(source_of(script).encode()).hexdigest()}",
        title=expected.title if expected else "",
        timeout=timeout,
        main=(),
        expect=expected.expect if expected else (),
        script=file,
        start_method=script.interpreter.start_method if script.interpreter else None,
    )
