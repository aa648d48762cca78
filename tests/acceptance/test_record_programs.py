"""Programs such as people write run under `record` as they do without: output, exit code, and the files that they make.

Those in scripts/programs are written after the examples of Python's documentation, and after what is common elsewhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from recorded import SCRIPTS, record
from support import PATIENCE

PROGRAMS = SCRIPTS / "programs"
ALWAYS = ("log_parser", "managers", "thumbnails")
"""Those that are run where there is little time, too."""

LEFT = {"pool": "1 of 1 task of pool 'pool (pool.py:42)' was not done when its `with` block ended"}
"""Is said of the task whose result a program does not wait for."""


def _plainly(folder: Path, *command: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _made(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, by its paths."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".jsonl"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _both(tmp_path: Path, *command: str) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    """Run a program in a folder each, without and with `record`; both have made the same files there."""
    plain, recorded = tmp_path / "plain", tmp_path / "recorded"
    plain.mkdir()
    recorded.mkdir()
    expected = _plainly(plain, *command)
    run = record(recorded, Path(command[0]), *command[1:])
    assert _made(plain) == _made(recorded)
    return expected, (run.status, run.stdout, run.stderr)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=[] if path.stem in ALWAYS else [pytest.mark.campaign])
        for path in sorted(PROGRAMS.glob("*.py"))
        if path.stem != "suite"
    ],
)
def test_a_program(tmp_path: Path, method: str, name: str) -> None:
    """All is the same; `record` has nothing to add but what a program has not waited for."""
    plain, recorded = _both(tmp_path, str(PROGRAMS / f"{name}.py"), method)
    assert plain[:2] == recorded[:2]
    said = recorded[2].removeprefix(plain[2])
    assert plain[2] + said == recorded[2]
    assert LEFT.get(name, "") in said
    assert (name in LEFT) == bool(said)
    assert said.count("\n") == (name in LEFT)
    assert 0 == plain[0] or name == "log_parser"


@pytest.mark.campaign
def test_a_test_suite(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest passes, fails and skips as it does without; what it says differs in seconds alone."""
    monkeypatch.setenv("METHOD", method)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for folder in ("plain", "recorded"):
        (tmp_path / folder).mkdir()
        shutil.copy(PROGRAMS / "suite.py", tmp_path / folder)
    options = ["-m", "pytest", "-v", "-p", "no:cacheprovider", "--basetemp", "made", "suite.py"]
    plain = _plainly(tmp_path / "plain", *options)
    run = record(tmp_path / "recorded", Path("-m"), *options)
    assert (1, _comparable(plain[1])) == (run.status, _comparable(run.stdout))
    assert 1 == len(run.log.all("pool.task_failed")), "only the one that is asked for"


def _comparable(text: str) -> str:
    """Return what pytest says without seconds, addresses, process ids and the name of the folder."""
    text = re.sub(r"=+(.* in )[0-9.]+s =+", r"\1", text)
    return re.sub(r"(0x|pid=)[0-9a-f]+", r"\1", text).replace("/recorded", "/plain")


@pytest.mark.campaign
def test_a_module_of_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of compileall compile as they do without; its output and its files are the same."""
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    source = tmp_path / "source"
    source.mkdir()
    for number in range(8):
        (source / f"module_{number}.py").write_text(f"value = {number}\n")
    (source / "wrong.py").write_text("value = \n")
    command = ["-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash", "."]
    shutil.copytree(source, tmp_path / "plain")
    shutil.copytree(source, tmp_path / "recorded")
    plain = _plainly(tmp_path / "plain", *command)
    run = record(tmp_path / "recorded", Path("-m"), *command)
    assert plain == (1, run.stdout, run.stderr)
    assert "SyntaxError" in run.stdout
    assert _made(tmp_path / "plain") == _made(tmp_path / "recorded")
    assert 8 == len(_made(tmp_path / "recorded")) - len(_made(source))
    assert 1 == len(run.log.all("pool.created", type="executor"))


LOKY = """
import sys
from loky import get_reusable_executor

def double(number):
    return 2 * number

if __name__ == "__main__":
    executor = get_reusable_executor(max_workers=2, context=sys.argv[1])
    print(list(executor.map(double, range(8))), executor.submit(double, 21).result())
    executor.shutdown()
"""


@pytest.mark.campaign
@pytest.mark.parametrize("context", ["loky", "spawn"])
def test_loky(tmp_path: Path, context: str) -> None:
    """An executor of its own goes on as without; that it is not recorded is said once."""
    if find_spec("loky") is None:
        pytest.skip("loky is not installed: pip install loky")
    (tmp_path / "script.py").write_text(LOKY)
    plain = _plainly(tmp_path, "script.py", context)
    run = record(tmp_path, tmp_path / "script.py", context)
    assert plain[:2] == (run.status, run.stdout) == (0, f"{[2 * number for number in range(8)]} 42\n")
    assert 1 == len(run.log.all("recording.incomplete"))
