"""Makes a release: checks, builds, checks what was built, and tags the commit. Nothing is published.

    python -m tools.release 0.2.0         leaves both files in dist/, and the tag v0.2.0 with the changelog's section
    python -m tools.release --dry-run     the same for the version that is in the checkout, without the tag

Before it, write the version into `runner/run_scenario/__init__.py` and its day into CHANGELOG.md, commit, and let CI
pass. A dry run only tells what a release must have besides: a day, a commit of everything, a new tag.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]

_VERSION = re.compile(r'^__version__ = "([^"]*)"$', re.MULTILINE)
_SECTION = r"^## \[{}\] - (.*)\n((?:(?!## ).*\n?)*)"
_LINK = re.compile(r"\]\((?!https?://|#)([^)]*)\)")
"""A link in Markdown that leads nowhere on the page of an index."""
_DATA = ("schema", "scenarios", "exercises")
"""The folders of the checkout that the wheel carries inside the package."""


class NotReadyError(Exception):
    """What cannot be released as it is."""


def written_version(root: Path) -> str:
    """Return the version that the package has.

    Raises:
        NotReadyError: it has none.
    """
    found = _VERSION.search((root / "runner/run_scenario/__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise NotReadyError("runner/run_scenario/__init__.py has no __version__")
    return found[1]


def section(root: Path, version: str) -> tuple[str, str]:
    """Return the day of a version in the changelog, as it is written, and what has changed.

    Raises:
        NotReadyError: there is no such section, or nothing in it.
    """
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(_SECTION.format(re.escape(version)), text, re.MULTILINE)
    if found is None or not found[2].strip():
        raise NotReadyError(f"CHANGELOG.md has nothing below a heading '## [{version}] - YYYY-MM-DD'")
    return found[1].strip(), found[2].strip()


def check_version(root: Path, version: str) -> None:
    """Check that a version is written as versions are, and is the package's.

    Raises:
        NotReadyError: it is not.
    """
    try:
        usual = str(Version(version))
    except InvalidVersion:
        raise NotReadyError(f"{version!r} is no version, such as 0.2.0 or 0.2.0rc1") from None
    if usual != version:
        raise NotReadyError(f"{version!r} is usually written {usual}")
    if (written := written_version(root)) != version:
        raise NotReadyError(f"the package is {written}: change __version__ in runner/run_scenario/__init__.py")


def unready(root: Path, version: str) -> Iterator[str]:
    """Yield what a checkout still needs before it can be released; for a dry run it may go without."""
    day, _ = section(root, version)
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        yield f"CHANGELOG.md has '{day}' for the day of {version}; write it as YYYY-MM-DD"
    try:
        changes = _git(root, "status", "--porcelain")
        tags = _git(root, "tag", "--list", f"v{version}")
    except (OSError, subprocess.CalledProcessError):
        yield "this is no checkout of git: there is nothing to tag"
        return
    if changes:
        yield f"git has not everything: {len(changes.splitlines())} files were changed or are new"
    if tags:
        yield f"the tag v{version} is there already"


def check_contents(root: Path, sdist: Path, wheel: Path) -> None:
    """Check that what was built has all it should have, and that the links of its README lead somewhere.

    Raises:
        NotReadyError: a file of the checkout is not in the sdist; the wheel lacks its data; a link is relative.
    """
    top = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {name.removeprefix(f"{top}/"): archive.getmember(name).mode for name in archive.getnames()}
    try:
        tracked = _git(root, "ls-files", "-z").split("\0")[:-1]
    except (OSError, subprocess.CalledProcessError):
        tracked = []
    missing = [name for name in (*tracked, ".ci/run", "LICENSE", "tests/conftest.py") if name not in packed]
    if missing:
        raise NotReadyError(f"{sdist.name} lacks {', '.join(missing[:5])}")
    if not packed[".ci/run"] & 0o100:
        raise NotReadyError(f"in {sdist.name}, .ci/run cannot be executed")
    with zipfile.ZipFile(wheel) as archive_of_wheel:
        names = archive_of_wheel.namelist()
        metadata = archive_of_wheel.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    foreign = {
        name.partition("/")[0] for name in names if not re.match(r"run_scenario(/|-[^/]*\.(dist-info|data)/)", name)
    }
    lacking = [f"no {data}" for data in _DATA if not any(name.startswith(f"run_scenario/{data}/") for name in names)]
    if foreign or lacking:
        raise NotReadyError(f"{wheel.name} has {', '.join([*sorted(foreign), *lacking])}")
    relative = _LINK.findall(metadata)
    if relative:
        raise NotReadyError(f"on the page of an index, links of the README lead nowhere: {', '.join(relative[:5])}")


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def _run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise NotReadyError(f"{command[0]} failed:\n{done.stdout}")


def release(root: Path, version: str, folder: Path, *, dry_run: bool) -> None:
    """Check and build a version, into a folder that is empty or not there; unless it is a dry run, tag it.

    Raises:
        NotReadyError: it cannot be released as it is.
    """
    check_version(root, version)
    _, changes = section(root, version)
    needed = list(unready(root, version))
    if needed and not dry_run:
        raise NotReadyError("\n".join(needed))
    if folder.is_dir() and any(folder.iterdir()):
        raise NotReadyError(f"{folder} is not empty")
    _run("build", "--outdir", str(folder), str(root))
    built = sorted(folder.iterdir(), key=lambda path: path.suffix)
    names = [f"run_scenario-{version}.tar.gz", f"run_scenario-{version}-py3-none-any.whl"]
    if names != [path.name for path in built]:
        raise NotReadyError(f"{', '.join(path.name for path in built)} was built instead of {', '.join(names)}")
    _run("twine", "check", "--strict", *map(str, built))
    check_contents(root, *built)
    print(f"{version}\n\n{changes}\n")
    print(*(f"{path} ({path.stat().st_size:,} bytes)" for path in built), sep="\n")
    if dry_run:
        print(
            *(f"before a release: {each}" for each in needed), "dry run: all checks passed, nothing is tagged", sep="\n"
        )
        return
    _git(root, "tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--message", f"{version}\n\n{changes}")
    print(f"tagged as v{version}; to publish it: git push origin v{version}, twine upload {folder}/*")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", nargs="?", help="the version, as it is in the package and the changelog")
    parser.add_argument("--dry-run", action="store_true", help="leave nothing behind, and tag nothing")
    parser.add_argument("--outdir", type=Path, help="where the files go (default: dist; of a dry run, nowhere)")
    options = parser.parse_args()
    if options.version is None and not options.dry_run:
        parser.error("say which VERSION, or --dry-run")
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.outdir or (Path(temporary) if options.dry_run else ROOT / "dist")
            release(ROOT, options.version or written_version(ROOT), folder, dry_run=options.dry_run)
    except NotReadyError as error:
        sys.exit(f"not ready: {error}")


if __name__ == "__main__":
    main()
