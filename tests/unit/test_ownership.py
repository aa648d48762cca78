"""Whose a file is: what another user may have put there gives no consent, and is not written through."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_cli import COMMAND, QUICK, call

from run_scenario import ownership
from run_scenario.cli.settings import allowed
from run_scenario.errors import MachineryError
from run_scenario.loader.loading import default_folder
from run_scenario.ownership import ForeignFileError, check_to_write, open_to_write, read_own, why_foreign
from run_scenario.report.outputs import Output

ME, ROOT, STRANGER = 70_001, 0, 70_002
"""Users that no system has: their groups are nobody's own."""
FILE, FOLDER, STICKY = 0o100644, 0o040755, 0o041777
CONSENT = '[tool.run-scenario]\nallow = ["mine"]\n'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the files of another user")


def status(owner: int, mode: int, *, links: int = 1, group: int = 70_009) -> os.stat_result:
    """Return what stat() says of a file of this owner."""
    return os.stat_result((mode, 1, 1, links, owner, group, 0, 0, 0, 0))


def reason(found: os.stat_result, *, link: int = ME, **folders: os.stat_result) -> str:
    """Return why /up/in/pyproject.toml does not count for ME; folders are root's, if nothing else is said."""
    names = {"/": "top", "/up": "up", "/up/in": "inside"}

    def look(path: str) -> os.stat_result:
        return folders.get(names[path], status(ROOT, FOLDER))

    path = Path("/up/in/pyproject.toml")
    return why_foreign(path, found, user=ME, look=look, look_at_link=lambda _: status(link, stat.S_IFLNK | 0o777))


@pytest.mark.parametrize("owner", [ME, ROOT])
def test_a_file_of_ones_own_counts(owner: int) -> None:
    """A file of the user, or of root, counts where all folders above it belong to them."""
    assert "" == reason(status(owner, FILE), inside=status(ME, FOLDER))


def test_a_file_of_ones_own_in_a_sticky_folder_counts() -> None:
    """In a folder like /tmp the owner decides: others can neither replace nor move the file."""
    assert "" == reason(status(ME, FILE), up=status(ROOT, STICKY), inside=status(ROOT, STICKY))


@pytest.mark.parametrize(
    ("why", "found", "folders"),
    [
        ("it belongs to another user (uid 70002)", status(STRANGER, FILE), {}),
        ("others can write to it", status(ME, 0o100666), {}),
        ("others can write to it", status(ME, 0o100664), {}),
        ("its folder /up belongs to another user (uid 70002)", status(ME, FILE), {"up": status(STRANGER, FOLDER)}),
        ("its folder /up/in belongs to another user", status(ME, FILE), {"inside": status(STRANGER, STICKY)}),
        ("others can write to its folder /up", status(ME, FILE), {"up": status(ROOT, 0o040777)}),
        ("others can write to its folder /up", status(ME, FILE), {"up": status(ROOT, 0o040775)}),
        ("others can write to its folder /", status(ME, FILE), {"top": status(ROOT, 0o040777)}),
        ("it has a second name", status(ME, FILE, links=2), {"inside": status(ROOT, STICKY)}),
    ],
)
def test_what_others_may_have_written_does_not_count(
    why: str, found: os.stat_result, folders: dict[str, os.stat_result]
) -> None:
    """A stranger's file, or one that others can write to or put there, does not count, and it is said why."""
    assert reason(found, **folders).startswith(why)


def test_a_link_of_a_stranger_does_not_count() -> None:
    """A link that another user has made gives no consent, whatever it leads to."""
    assert "it is a link that another user has made" == reason(status(ME, FILE), link=STRANGER)


@pytest.mark.parametrize(("members", "name", "why"), [([], "me", ""), (["him"], "me", "oth"), ([], "staff", "oth")])
def test_the_private_group_of_a_user(monkeypatch: pytest.MonkeyPatch, members: list[str], name: str, why: str) -> None:
    """What its own private group may write to counts; a group with others in it does not."""
    import grp
    import pwd

    user = pwd.struct_passwd(("me", "x", ME, 70_009, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: user)
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group((name, "x", 70_009, members)))

    assert why == reason(status(ME, 0o100664))[:3]


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    """A FIFO is neither waited for nor read."""
    os.mkfifo(tmp_path / "pyproject.toml")

    with pytest.raises(ForeignFileError, match="not a regular file"):
        read_own(tmp_path / "pyproject.toml")


def test_consent_below_a_folder_open_to_all(tmp_path: Path) -> None:
    """A pyproject.toml in a folder that all can write to gives no consent; that, why and the way out are told."""
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses:\n  - target: mine:go\n")
    (tmp_path / "mine.py").write_text("def go():\n    print('gone')\n")
    (tmp_path / "pyproject.toml").write_text(CONSENT)
    (tmp_path / "mine").mkdir()
    tmp_path.chmod(0o777)

    done = call("../own.yaml", cwd=tmp_path / "mine")

    assert 2 == done.returncode
    assert f"{tmp_path}/pyproject.toml is ignored, because others can write to its folder {tmp_path}" in done.stderr
    assert "if you trust mine, name it yourself with --allow\n" in done.stderr
    assert [] == json.loads(done.stdout.splitlines()[0])["allowed"]


def test_who_has_consented_is_in_the_log(tmp_path: Path) -> None:
    """The first event names the file, or the option, that allows the code of a package."""
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses:\n  - target: mine:go\n")
    (tmp_path / "mine.py").write_text("def go():\n    print('gone')\n")
    (tmp_path / "pyproject.toml").write_text(CONSENT)

    by_file = json.loads(call("own.yaml", cwd=tmp_path).stdout.splitlines()[0])
    by_option = json.loads(call("own.yaml", "--allow", "mine", "--allow", "more", cwd=tmp_path).stdout.splitlines()[0])
    shown = call("own.yaml", "--format", "console", cwd=tmp_path).stdout.replace("\n", "")

    assert [{"package": "mine", "by": f"{tmp_path}/pyproject.toml"}] == by_file["allowed"]
    assert [{"package": "mine", "by": "--allow"}] == by_option["allowed"]
    assert "pyproject.toml allows mine" in " ".join(shown.split())


@as_root
def test_consent_by_a_stranger(tmp_path: Path) -> None:
    """As root, another user's pyproject.toml in a sticky folder above gives no consent: nothing of it is run."""
    (tmp_path / "pyproject.toml").write_text(CONSENT)
    os.chown(tmp_path / "pyproject.toml", STRANGER, STRANGER)
    tmp_path.chmod(0o1777)
    (tmp_path / "work").mkdir()

    found = allowed(frozenset({"mine"}), [], tmp_path / "work")

    assert {} == found.packages
    assert "is ignored, because it belongs to another user (uid 70002)" in found.not_counted


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return what makes a link another user's: it is given to him, or else this process acts as somebody else."""

    def give(link: Path) -> None:
        if os.geteuid() == 0:
            os.lchown(link, STRANGER, STRANGER)
        else:
            monkeypatch.setattr(ownership.os, "geteuid", lambda: ME)

    return give


def test_a_strangers_link_is_not_written_through(tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    """Neither --log nor --report touch what another user's link leads to, be it there or not."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to("precious")
    (tmp_path / "nowhere").symlink_to("new")
    give_away(tmp_path / "link")
    give_away(tmp_path / "nowhere")

    for name in ("link", "nowhere"):
        with pytest.raises(
            MachineryError, match=r"cannot write the log to .*: .* is a link that another user has made"
        ):
            Output.log(str(tmp_path / name))
        with pytest.raises(PermissionError, match="name the file itself"):
            open_to_write(str(tmp_path / name), os.O_WRONLY | os.O_TRUNC)
    assert "mine" == (tmp_path / "precious").read_text()
    assert not (tmp_path / "new").exists()


def test_a_link_that_leads_to_a_strangers_link(tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    """A link of one's own is followed up to the one that is not."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "his").symlink_to("precious")
    (tmp_path / "own").symlink_to("his")
    give_away(tmp_path / "his")

    with pytest.raises(PermissionError, match="a link that another user has made"):
        check_to_write(str(tmp_path / "own"))


def test_a_link_of_ones_own_is_followed(tmp_path: Path) -> None:
    """One's own links are followed as ever, to files that are there or not; so is /dev/stderr."""
    (tmp_path / "old").write_text("something longer")
    (tmp_path / "to-old").symlink_to("old")
    (tmp_path / "to-new").symlink_to(tmp_path / "new")
    for name in ("to-old", "to-new"):
        with os.fdopen(open_to_write(str(tmp_path / name), os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(b"text")
    (tmp_path / "quick.yaml").write_text(QUICK)
    done = subprocess.run(
        [COMMAND, "quick.yaml", "--log", "/dev/stderr"], cwd=tmp_path, capture_output=True, timeout=60
    )

    assert ("text", "text") == ((tmp_path / "old").read_text(), (tmp_path / "new").read_text())
    assert (0, done.stdout) == (done.returncode, done.stderr)


def test_a_second_name_in_a_folder_open_to_all(tmp_path: Path) -> None:
    """What has a second name is not written to where anybody may have given it that name."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "all").mkdir()
    os.link(tmp_path / "precious", tmp_path / "all" / "log")
    (tmp_path / "all").chmod(0o1777)

    with pytest.raises(PermissionError, match="is a second name of another file"):
        open_to_write(str(tmp_path / "all" / "log"), os.O_WRONLY | os.O_TRUNC)
    assert "mine" == (tmp_path / "precious").read_text()


@as_root
@pytest.mark.parametrize("kind", ["file", "fifo"])
def test_what_a_stranger_has_prepared_where_all_may_write(tmp_path: Path, kind: str) -> None:
    """No file or FIFO of another user is opened in a sticky folder that a third one owns; nor is it waited for."""
    made = tmp_path / "all" / "log"
    made.parent.mkdir()
    made.touch() if kind == "file" else os.mkfifo(made)
    os.chown(made, STRANGER, STRANGER)
    made.parent.chmod(0o1777)

    with pytest.raises(PermissionError, match="is another user's"):
        open_to_write(str(made), os.O_WRONLY)


@as_root
def test_a_report_is_refused_before_the_run(tmp_path: Path) -> None:
    """That the report would go through a stranger's link is told, with status 4, before anything is run."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    (tmp_path / "report.html").symlink_to("precious")
    os.lchown(tmp_path / "report.html", STRANGER, STRANGER)

    done = call("quick.yaml", "--report", "report.html", cwd=tmp_path)

    assert (4, "") == (done.returncode, done.stdout)
    assert "cannot write to report.html: report.html is a link that another user has made (uid 70002)" in done.stderr


def test_a_cache_that_others_can_write_to_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found valid before is believed only where nobody else can have written it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "run-scenario" / "scenarios"

    assert folder == default_folder()
    folder.mkdir(mode=0o700, parents=True)
    assert folder == default_folder()
    folder.chmod(0o777)
    assert default_folder() is None
