"""What is shipped: the data in the wheel, the commands in the README, the script that CI runs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import run_scenario
from run_scenario import bundled
from run_scenario.verbs import VERBS

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = ROOT / ".ci" / "run"

RUN = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/run-scenario daemon.yaml"
TEST = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -q"


def commands() -> list[str]:
    """Return the commands that the README shows, one a line after `$ `; a backslash continues a line."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return [line[2:] for block in blocks for line in block.replace("\\\n", "").splitlines() if line.startswith("$ ")]


def test_the_wheel_gets_its_data() -> None:
    """What pyproject.toml forces into the wheel is there, and where the package looks for it."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert ["runner/run_scenario"] == wheel["packages"]
    assert {"schema": "run_scenario/schema", "scenarios": "run_scenario/scenarios"} == wheel["force-include"]
    assert all((ROOT / source).is_dir() for source in wheel["force-include"])
    assert (ROOT / "runner/run_scenario/py.typed").is_file()


def test_source_folders_are_no_packages() -> None:
    """No top-level package called runner, schema or scenarios can come of a wheel."""
    assert [] == [name for name in ("runner", "schema", "scenarios") if (ROOT / name / "__init__.py").exists()]


def test_the_version_is_one() -> None:
    """The package, its metadata and the newest entry of the changelog agree."""
    assert run_scenario.__version__ == importlib.metadata.version("run-scenario")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{run_scenario.__version__}]" in changelog


@pytest.mark.parametrize("name", ["scenario", "event"])
def test_schemas_are_json(name: str) -> None:
    """Both schemas are found and are of the draft they should be."""
    assert "https://json-schema.org/draft/2020-12/schema" == json.loads(bundled.schema_text(name))["$schema"]


def test_the_readme_has_the_two_commands() -> None:
    """One line runs the main job, one passes the tests; .ci/run runs both as they stand there."""
    assert RUN in commands()
    assert TEST in commands()
    script = CI.read_text(encoding="utf-8")
    assert RUN in script
    assert TEST in script


def test_ci_is_a_script() -> None:
    """.ci/run is executable, stops at the first failure, and bash can read it."""
    assert CI.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in CI.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(CI)], check=True)


SCRIPT = Path(sys.executable).parent / "run-scenario"
LOG = "".join(
    json.dumps({"event": name, "t": 0.1, "seq": number, "run": "r", "scenario": "s", "process": who, **fields}) + "\n"
    for number, (name, who, fields) in enumerate(
        [
            *[("queue.get", "Worker-1", {"queue": "tasks", "item_id": n, "item": n}) for n in (1, 2, 3)],
            *[("process.exited", f"Worker-{n}", {"exitcode": 0}) for n in (1, 2)],
            ("scenario.finished", "run-scenario", {"outcome": "passed"}),
        ],
        1,
    )
)
"""A log that fulfils the expectations of the README's scenario."""
STATUS = {"consumers-until-empty": {0, 3}, "two-forks": {3}, "lost-worker": {3}}
"""Statuses of scenarios in the README that are not to pass, or not always."""
OWN = [command for command in commands() if command.startswith("run-scenario ")]


def test_the_readme_shows_commands() -> None:
    """The test below is not empty."""
    assert len(OWN) >= 8


@pytest.mark.parametrize("command", OWN)
def test_a_command_of_the_readme(command: str, tmp_path: Path) -> None:
    """Each command that the README shows works in a folder that holds the files it shows, with the status it tells."""
    (tmp_path / "greet.yaml").write_text(block("yaml", "version: 1"), encoding="utf-8")
    (tmp_path / "own.yaml").write_text(block("yaml", "workers:"), encoding="utf-8")
    (tmp_path / "workers.py").write_text(block("python", "def "), encoding="utf-8")
    (tmp_path / "counted.scenario.yaml").write_text(block("yaml", "# counted"), encoding="utf-8")
    for name in ("counted", "pills"):
        (tmp_path / f"{name}.jsonl").write_bytes(LOG.encode())
    done = subprocess.run(
        command.replace("run-scenario", shlex.quote(str(SCRIPT)), 1),
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    allowed = STATUS.get(shlex.split(command)[1], {0})
    assert done.returncode in allowed, done.stderr


def test_the_readme_names_commands_in_passing() -> None:
    """The commands in its table are there too, and show something."""
    named = re.findall(r"`run-scenario (list [\w-]+)`", README)
    assert len(named) >= 7
    for arguments in {*named, "list"}:
        done = subprocess.run([str(SCRIPT), *arguments.split()], capture_output=True, text=True, timeout=60)
        assert (0, "") == (done.returncode, done.stderr)
        assert done.stdout.count("\n") > 5


LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", LANGUAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.splitlines()[1])
def test_an_example_of_the_language(text: str, tmp_path: Path) -> None:
    """Each is a whole scenario without a warning, and passes."""
    (tmp_path / "example.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run([str(SCRIPT), "example.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)


def test_the_language_has_all_sections_and_steps() -> None:
    """Its examples use every section, key and step that the schema has."""
    assert len(EXAMPLES) >= 8
    schema = json.loads(bundled.schema_text("scenario"))
    known = {*schema["properties"], *schema["$defs"]["process"]["properties"]} - {"description", "source", "marks"}
    assert set() == {key for key in known if not re.search(rf"\b{key}:", LANGUAGE)}
    assert set() == {verb for verb in VERBS if f"| `{verb}` |" not in LANGUAGE}


def block(language: str, mark: str) -> str:
    """Return the README's first fenced block of a language that contains a mark."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return next(text for text in blocks if mark in text)
