"""Whose file is it? What another user may have put there gives no consent, and is not written through.

A user is trusted if it is the one this process acts as (the effective one), or root, who can do everything anyhow.
Where files have no such owners, on Windows, nobody is: nothing there gives consent, and nobody is kept from writing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

Stat = Callable[[str], os.stat_result]
"""How to look at a path: os.stat or os.lstat, or what a test puts in their place."""

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40
"""Links in a row; the kernel follows no more."""
_OWNERS = hasattr(os, "geteuid")
"""Whether files belong to users, by numbers."""
_DO_NOT_WAIT = getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class ForeignFileError(Exception):
    """A file that another user may have written; the message says why, as the end of a sentence about it."""

    def __init__(self, why: str, content: bytes = b"") -> None:
        super().__init__(why)
        self.content = content
        """What is in it: to say what does not count, never to act on it."""


def read_own(path: Path) -> bytes:
    """Return what is in a file that nobody but the user and root can have written.

    It is the file that was opened which is looked at: another one cannot be put into its place in between.

    Raises:
        ForeignFileError: somebody else may have written it, or put it there.
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | _DO_NOT_WAIT)  # a FIFO is not waited for
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ForeignFileError("it is not a regular file")
        content = file.read()
        why = why_foreign(path, status)
        if why:
            raise ForeignFileError(why, content)
        return content


def why_foreign(
    path: Path,
    status: os.stat_result,
    *,
    user: int | None = None,
    look: Stat = os.stat,
    look_at_link: Stat = os.lstat,
) -> str:
    """Return why an open file may be the work of another user; empty if it cannot.

    The file and all folders above it have to belong to the user (by default the effective one) or root, and must not
    be writable for others; so must be where it lies in truth, if there are links on the way. In a folder like /tmp
    (sticky), others can neither replace nor move what is not theirs: there, the owners decide.
    """
    if not _OWNERS:
        return "this system does not say whose it is"
    trusted = {os.geteuid() if user is None else user, 0}
    real = Path(os.path.realpath(path))
    try:
        why = _why(status, "it", trusted)
        if not why and look_at_link(str(path)).st_uid not in trusted:
            why = "it is a link that another user has made"
        for folder in dict.fromkeys([*path.absolute().parents, *real.parents]):
            why = why or _why(look(str(folder)), f"its folder {folder}", trusted, is_folder=True)
        for folder in dict.fromkeys([path.absolute().parent, real.parent]):
            if not why and status.st_nlink > 1 and look(str(folder)).st_mode & _OTHERS_WRITE:
                why = f"it has a second name, and others can give names in its folder {folder}"
    except OSError as error:
        return f"it cannot be found out whose it is: {error.strerror}"
    return why


def _why(status: os.stat_result, what: str, trusted: set[int], *, is_folder: bool = False) -> str:
    if status.st_uid not in trusted:
        return f"{what} belongs to another user ({_name(status.st_uid)})"
    if is_folder and status.st_mode & stat.S_ISVTX:
        return ""
    by_others = status.st_mode & _OTHERS_WRITE
    if by_others == stat.S_IWGRP and _is_private(status.st_gid, status.st_uid):
        by_others = 0
    return f"others can write to {what}" if by_others else ""


def _is_private(group: int, user: int) -> bool:
    """Return whether a group is its user's alone: many systems give everybody one, and make files writable for it."""
    import grp
    import pwd

    try:
        owner, found = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    return owner.pw_gid == group and found.gr_name == owner.pw_name and set(found.gr_mem) <= {owner.pw_name}


def _name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"


def is_own_folder(path: Path) -> bool:
    """Return whether a folder is the user's alone to write to, and no link; also if it is not there yet."""
    if not _OWNERS:
        return False
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return True
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE


def make_own_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, each for this user alone.

    Raises:
        PermissionError: the nearest one that is there is another user's: `sudo` may have left us somebody's home.
        OSError: it cannot be made.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    owner = folder.stat().st_uid
    if missing and _OWNERS and owner != os.geteuid():
        raise PermissionError(errno.EACCES, f"its folder {folder} belongs to another user ({_name(owner)})")
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def open_to_write(path: str, flags: int) -> int:
    """Open a file as os.open does, made if it is not there; return the descriptor.

    No link is followed that another user has made, and in a folder where all may write (/tmp) no file, FIFO or device
    of another user is opened: what he has prepared there may lead to a file of ours, or to himself. The kernel does
    the same where fs.protected_symlinks and its like are set.

    Raises:
        OSError: it cannot be opened, or may not.
    """
    linked = check_to_write(path)
    no_follow = 0 if linked else _NO_LINK
    # Emptied only when it is known whose it is.
    descriptor = os.open(path, flags & ~os.O_TRUNC | os.O_CREAT | no_follow, 0o666)
    try:
        status = os.fstat(descriptor)
        _check_file(status, os.path.realpath(path) if linked else path)
        if flags & os.O_TRUNC and stat.S_ISREG(status.st_mode):
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_to_write(path: str) -> bool:
    """Return whether a path is a link; nothing is opened.

    Raises:
        PermissionError: another user has made it, or one that it leads to; or the file lies where all may write.
    """
    linked = False
    if not _OWNERS:
        return Path(path).is_symlink()
    for place, status in _on_the_way(path):
        if not stat.S_ISLNK(status.st_mode):
            _check_file(status, place)
        elif status.st_uid not in (os.geteuid(), 0):
            what = f"{place} is a link that another user has made ({_name(status.st_uid)})"
            raise PermissionError(errno.EACCES, f"{what}; name the file itself, or another one")
        else:
            linked = True
    return linked


def _on_the_way(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield a path, and what it leads to from link to link, as far as there is something."""
    for _ in range(_MOST_LINKS):
        try:
            status = os.lstat(path)
            yield path, status
            path = str(Path(path).parent / Path(path).readlink())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno == errno.EINVAL:  # no link
                return
            raise


def _check_file(status: os.stat_result, path: str) -> None:
    if not _OWNERS:
        return
    folder = Path(path).parent.stat()
    if not (folder.st_mode & stat.S_ISVTX and folder.st_mode & _OTHERS_WRITE):
        return
    what = ""
    if status.st_uid not in (os.geteuid(), folder.st_uid, 0):
        what = f"{path} is another user's ({_name(status.st_uid)})"
    elif stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        what = f"{path} is a second name of another file"
    if what:
        raise PermissionError(errno.EACCES, f"{what}, in a folder where all may write; name a file elsewhere")
