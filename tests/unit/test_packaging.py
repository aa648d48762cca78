"""What is shipped: the data in the wheel, the commands in the README, the script that CI runs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.lower_bounds import lowest

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
    folders = ("schema", "scenarios", "exercises")
    assert {name: f"run_scenario/{name}" for name in folders} == wheel["force-include"]
    assert all((ROOT / source).is_dir() for source in wheel["force-include"])
    assert (ROOT / "runner/run_scenario/py.typed").is_file()


def test_source_folders_are_no_packages() -> None:
    """No top-level package called runner, schema or scenarios can come of a wheel."""
    assert [] == [
        name for name in ("runner", "schema", "scenarios", "exercises") if (ROOT / name / "__init__.py").exists()
    ]


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


@pytest.mark.parametrize("name", ["run", "refresh-constraints", "refresh-vendored"])
def test_ci_is_scripts(name: str) -> None:
    """All scripts of .ci are executable, stop at the first failure, and bash can read them."""
    script = CI.parent / name
    assert script.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)


REQUIREMENTS = [
    Requirement(text)
    for texts in (PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values())
    for text in texts
]
"""What pyproject.toml wants, in all extras."""


def test_ci_installs_what_is_allowed() -> None:
    """No version in .ci/constraints.txt contradicts pyproject.toml: where one does, run .ci/refresh-constraints."""
    lines = (CI.parent / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert len(pins) > 50
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    wanted = [(each, versions.get(canonicalize_name(each.name))) for each in REQUIREMENTS]
    assert [] == [f"{each}: {pin}" for each, pin in wanted if pin is not None and not each.specifier.contains(pin)]


def test_each_dependency_has_a_lowest_version() -> None:
    """The constraints for the lowest versions have each dependency of an extra once, at its bound."""
    found = list(lowest(PROJECT["project"], ["dev"]))
    bounds = [f"{each.name}==" for each in REQUIREMENTS if each.name != PROJECT["project"]["name"]]
    assert sorted(bounds) == sorted(re.sub("==.*", "==", line) for line in found)
    assert "msgspec==0.22" in found
    with pytest.raises(ValueError, match="b<2 has no lower bound"):
        list(lowest({"name": "a", "dependencies": ["b<2"], "optional-dependencies": {}}, []))


def test_what_is_checked_before_a_commit_is_checked_in_ci() -> None:
    """The hooks run the tools of the checkout, as .ci/run does, so that nothing has to be fetched."""
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert "local" == repo["repo"]
    entries = [hook["entry"] for hook in repo["hooks"] if hook["language"] == "system"]
    assert len(repo["hooks"]) == len(entries) > 2
    tools = [entry.split()[0].removeprefix(".venv/") for entry in entries if entry.startswith(".venv/")]
    assert {"bin/ruff", "bin/mypy"} == set(tools)
    assert all(f".venv-ci/{tool}" in CI.read_text(encoding="utf-8") for tool in tools)


@pytest.mark.parametrize("with_git", [True, False])
def test_ci_copies_what_belongs_to_it(tmp_path: Path, with_git: bool) -> None:
    """A copy for CI has the files of the checkout, also those that git does not know yet, or those of an sdist."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    for name in ("kept.py", "docs/new.md", ".ci/run", ".venv/lib/x.py", ".mypy_cache/x", "a/__pycache__/b.pyc"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("")
    (source / ".gitignore").write_text((ROOT / ".gitignore").read_text(encoding="utf-8"))
    if with_git:
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        subprocess.run(["git", "init", "-q", "."], cwd=source, check=True)
        subprocess.run(["git", "add", "kept.py"], cwd=source, check=True)
    function = re.search(r"^copy_to\(\) \{\n.*?^\}\n", CI.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert function is not None
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    command = f"set -euo pipefail; {function[0]} copy_to '{copy}'"
    subprocess.run(["bash", "-c", command], cwd=source, env=environment, check=True)
    found = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert {"kept.py", "docs/new.md", ".ci/run", ".gitignore"} == found


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
