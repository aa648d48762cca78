"""`python -m tools.release`: what it refuses to release. That it builds what it should is shown by a dry run in CI."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from tools.release import NotReadyError, check_contents, check_version, release, section, unready

CHANGELOG = """\
# Changelog

## [0.3.0] - Unreleased

## [0.2.0] - 2026-11-30

### Added

- Something.

## [0.1.0] - Unreleased

- The first.
"""


pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a checkout of version 0.2.0, all of it committed."""
    root = tmp_path / "checkout"
    package = root / "runner" / "run_scenario"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A package."""\n\n__version__ = "0.2.0"\n')
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "All")
    return root


def git(root: Path, *arguments: str) -> None:
    """Call git, as somebody."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.invalid"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)


def test_the_section_of_a_version(root: Path) -> None:
    """What has changed is what stands below the version's heading, up to the next version; it may not be missing."""
    assert ("2026-11-30", "### Added\n\n- Something.") == section(root, "0.2.0")
    for version in ("0.3.0", "0.20.0", "2.0"):
        with pytest.raises(NotReadyError, match=f"## .{version}. - YYYY-MM-DD"):
            section(root, version)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("0.2", "the package is 0.2.0: change __version__"),
        ("v0.2.0", "usually written 0.2.0"),
        ("two", "'two' is no version, such as 0.2.0"),
    ],
)
def test_another_version(root: Path, version: str, message: str) -> None:
    """A version is written as indexes write it, and is the package's own."""
    check_version(root, "0.2.0")
    with pytest.raises(NotReadyError, match=message):
        check_version(root, version)


def test_what_is_missing(root: Path, tmp_path: Path) -> None:
    """A release needs its day, a commit of everything, and a tag that is not there yet."""
    assert [] == list(unready(root, "0.2.0"))
    assert ["CHANGELOG.md has 'Unreleased' for the day of 0.1.0; write it as YYYY-MM-DD"] == list(
        unready(root, "0.1.0")
    )
    (root / "new.py").write_text("")
    git(root, "tag", "v0.2.0")
    changed, tagged = unready(root, "0.2.0")
    assert ("git has not everything", "the tag v0.2.0 is there already") == (changed.partition(":")[0], tagged)
    with pytest.raises(NotReadyError, match=r"git has not everything.*\n.*is there already"):
        release(root, "0.2.0", tmp_path / "dist", dry_run=False)
    assert not (tmp_path / "dist").exists()


DATA = tuple(f"run_scenario/{name}" for name in ("schema/a.json", "scenarios/a.yaml", "exercises/a/starter.yaml"))


def built(
    folder: Path, *, files: dict[str, int], readme: str = "", wheel: tuple[str, ...] = (), without: str = ""
) -> tuple[Path, Path]:
    """Return an sdist with files of these modes, and a wheel with this README and files, `without` one of them."""
    sdist, other = folder / "run_scenario-0.2.0.tar.gz", folder / "run_scenario-0.2.0-py3-none-any.whl"
    with tarfile.open(sdist, "w:gz") as archive:
        for name, mode in files.items():
            member = tarfile.TarInfo(f"run_scenario-0.2.0/{name}")
            member.mode = mode
            archive.addfile(member, io.BytesIO())
    with zipfile.ZipFile(other, "w") as archive_of_wheel:
        archive_of_wheel.writestr("run_scenario-0.2.0.dist-info/METADATA", f"Name: run-scenario\n\n{readme}")
        for name in (*DATA, *wheel):
            if name not in without:
                archive_of_wheel.writestr(name, "")
    return sdist, other


WHOLE = {
    **dict.fromkeys(("CHANGELOG.md", "LICENSE", "tests/conftest.py", "runner/run_scenario/__init__.py"), 0o644),
    ".ci/run": 0o755,
}


def test_what_was_built(root: Path, tmp_path: Path) -> None:
    """Links that lead out of the page, and parts of it, are right; an sdist has what git has, a wheel one package."""
    check_contents(root, *built(tmp_path, files=WHOLE, readme="[a](https://example.invalid/a) [b](#b)"))
    for files, readme, wheel, message in (
        ({**WHOLE, ".ci/run": 0o644}, "", (), ".ci/run cannot be executed"),
        ({name: mode for name, mode in WHOLE.items() if name != "CHANGELOG.md"}, "", (), "lacks CHANGELOG.md"),
        (WHOLE, "see [this](docs/this.md#that)", (), "lead nowhere: docs/this.md#that"),
        (WHOLE, "![a picture](docs/a.svg)", (), "lead nowhere: docs/a.svg"),
        (WHOLE, "", ("tools/release.py",), "has tools"),
    ):
        with pytest.raises(NotReadyError, match=message):
            check_contents(root, *built(tmp_path, files=files, readme=readme, wheel=wheel))
    for name, message in zip(DATA, ("no schema", "no scenarios", "no exercises"), strict=True):
        with pytest.raises(NotReadyError, match=message):
            check_contents(root, *built(tmp_path, files=WHOLE, without=name))
