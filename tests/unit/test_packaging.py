"""What is shipped: the data in the wheel, the commands in the README, the script that CI runs."""

from __future__ import annotations

import importlib.metadata
import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import run_scenario
from effort import in_part
from run_scenario import bundled
from run_scenario.scenario.steps import VERBS

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


@pytest.mark.parametrize("name", ["scenario", "expectations", "event"])
def test_schemas_are_json(name: str) -> None:
    """All schemas are found and are of the draft they should be."""
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


LANGUAGE = (ROOT / "docs" / "reference" / "language.md").read_text(encoding="utf-8")
SCRIPT = Path(sys.executable).parent / "run-scenario"


def test_the_language_names_commands_in_passing() -> None:
    """The commands in its table of sections work, and show something."""
    named = re.findall(r"`run-scenario (list [\w-]+)`", LANGUAGE)
    assert len(named) >= 7
    for arguments in {*named, "list"}:
        done = subprocess.run([str(SCRIPT), *arguments.split()], capture_output=True, text=True, timeout=60)
        assert (0, "") == (done.returncode, done.stderr)
        assert done.stdout.count("\n") > 5


MODULES = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", LANGUAGE, flags=re.DOTALL | re.MULTILINE)
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", LANGUAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", in_part(EXAMPLES, 2), ids=lambda text: text.splitlines()[1])
def test_an_example_of_the_language(text: str, tmp_path: Path) -> None:
    """Each is a whole scenario without a warning, and passes, beside the files that it names."""
    (tmp_path / "example.yaml").write_text(text, encoding="utf-8")
    for name, code in MODULES:
        (tmp_path / name).write_text(code, encoding="utf-8")
    (tmp_path / "words.txt").write_text("one\ntwo\n", encoding="utf-8")
    command = [str(SCRIPT), "example.yaml", *(f"--allow={package}" for package in re.findall("--allow ([a-z]+)", text))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)


def test_the_language_has_all_sections_and_steps() -> None:
    """Its examples use every section, key and step that the schema has."""
    assert len(EXAMPLES) >= 8
    schema = json.loads(bundled.schema_text("scenario"))
    known = {*schema["properties"], *schema["$defs"]["process"]["properties"]} - {"description", "source", "marks"}
    assert set() == {key for key in known if not re.search(rf"\b{key}:", LANGUAGE)}
    assert set() == {verb for verb in VERBS if f"| `{verb}` |" not in LANGUAGE}
