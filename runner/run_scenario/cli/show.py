"""`show`: a log, or a run that is made for it, as a picture; and the pictures that `run` makes of its runs.

A log is read line by line and never held as a whole here: what a view keeps of it is the view's matter.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

from run_scenario.cli import logs
from run_scenario.cli.pictures import Event, Look, Material, Picture, choose
from run_scenario.cli.streams import complain, say
from run_scenario.errors import MachineryError, Status, UsageError
from run_scenario.views.text import scrub

if TYPE_CHECKING:
    from run_scenario.engine.outcome import Outcome
    from run_scenario.model import Scenario

_UNMEASURED = 100
"""Columns of text where there is no terminal, and COLUMNS does not say."""
_UNSHOWN = (Status.INVALID, Status.MACHINERY, Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)
"""What a run made for a picture ends with that leaves nothing to be shown."""


def show(options: Namespace) -> Status:
    """Show a log, or a scenario; return 0 if it could be shown, however the run ended."""
    picture, shape = choose(options.as_, options.output)
    _check_options(picture, options)
    if options.output is not None:
        check_writable(options.output)
    if logs.is_log(options.subject):
        with logs.seekable(options.subject) as log:
            try:
                _show(logs.one_run(log, options.subject, options.run), picture, shape, options)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                what = f"an event of '{options.subject}' is not as events are: {type(error).__name__}: {error}"
                raise UsageError(scrub(what)) from error
        return Status.PASSED
    if options.run is not None:
        raise UsageError("--run chooses one run of a log; a scenario's is the one that is made now")
    return _show_scenario(picture, shape, options)


def _check_options(picture: Picture, options: Namespace) -> None:
    """Refuse options that would do nothing.

    Raises:
        UsageError: there is one.
    """
    if not picture.windowed and (options.first is not None or options.last is not None):
        raise UsageError("--from and --to choose a part of a timeline; nothing else is shown in parts")
    if options.first is not None and options.last is not None and options.first >= options.last:
        raise UsageError("--from must be before --to")


def _show_scenario(picture: Picture, shape: str, options: Namespace) -> Status:
    from run_scenario.cli.commands import load
    from run_scenario.cli.files import resolve

    (file,) = resolve([options.subject])
    loaded = load(file)
    if loaded.scenario is None:
        return Status.INVALID
    if picture.planned:
        drawn = picture.draw(Material((), loaded.text, loaded.scenario), _look(shape, options))
        _deliver(drawn, shape, options)
        return Status.PASSED
    _refuse_own_code(loaded.scenario, options.subject)
    from run_scenario.cli.run import run_for_its_log

    with spool() as log:
        outcome = run_for_its_log((loaded.scenario, loaded.text), options, log)
        if outcome.status in _UNSHOWN:
            _explain(outcome)
            return outcome.status
        log.seek(0)
        _show(logs.events(log, options.subject), picture, shape, options, loaded.text)
    return Status.PASSED


def _refuse_own_code(scenario: Scenario, subject: str) -> None:
    """Leave it to `run` to run anybody's code: who wants to look at a file has not agreed to that.

    Raises:
        UsageError: the scenario names such code.
    """
    if scenario.packages:
        package, name = min(scenario.packages), scrub(subject)
        raise UsageError(
            f"{name} names code of {scrub(package)}, and `show` runs built-in targets only; let `run` make the "
            f"picture: run-scenario run {name} --allow {scrub(package)} --timeline (or --report FILE.html)"
        )


def _explain(outcome: Outcome) -> None:
    if outcome.reasons and not outcome.problems:
        complain(f"run-scenario: {scrub('; '.join(outcome.reasons))}\n")


def _show(events: Iterator[Event], picture: Picture, shape: str, options: Namespace, text: str | None = None) -> None:
    first = next(events)
    if text is None:
        text = _source(first)
    drawn = picture.draw(Material(chain([first], events), text, None), _look(shape, options))
    _deliver(drawn, shape, options)


def _source(event: Event) -> str | None:
    """Return the text of the scenario that a log is of, if it is still where the run found it, and the same."""
    import hashlib

    from run_scenario import bundled

    name = event.get("file")
    if event["event"] != "scenario.started" or not isinstance(name, str):
        return None
    for path in (Path(name), bundled.find_scenario(name)):
        try:
            data = path.read_bytes() if path is not None and path.is_file() else b""
        except (OSError, ValueError):
            continue
        if f"sha256:{hashlib.sha256(data).hexdigest()}" == event.get("digest"):
            return data.decode("utf-8-sig", "replace")
    return None


def _look(shape: str, options: Namespace) -> Look:
    direct = options.output is None
    terminal = direct and sys.stdout.isatty()
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "") if direct else "utf8"
    colour = terminal and not options.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Look(shape, options.width or _columns(direct), colour, encoding == "utf8", options.first, options.last)


def _columns(direct: bool) -> int:
    if direct:
        with contextlib.suppress(OSError, ValueError):
            return os.get_terminal_size(sys.stdout.fileno()).columns or _UNMEASURED
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and 20 <= int(given) <= 1_000 else _UNMEASURED


def _deliver(drawn: str | bytes, shape: str, options: Namespace) -> None:
    if options.output is not None:
        write(drawn, options.output)
    elif isinstance(drawn, bytes):
        _say_bytes(drawn)
    elif shape == "txt":
        from run_scenario.cli.pager import page

        page(drawn, wanted=not options.no_pager)
    else:
        say(drawn, encoding="utf-8")


def _say_bytes(drawn: bytes) -> None:
    if sys.stdout.isatty():
        raise UsageError("a terminal cannot show this file; write it to one with --output")
    sys.stdout.flush()
    from run_scenario.views.outputs import Output

    Output(sys.stdout.fileno(), "standard output").write(drawn)


def check_writable(path: str) -> None:
    """Find out before a run that its picture could not be written after it.

    Raises:
        MachineryError: it could not.
    """
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise MachineryError(f"cannot write to {scrub(path)}: it is a folder")
    if not folder.is_dir():
        raise MachineryError(f"cannot write to {scrub(path)}: there is no folder {scrub(str(folder))}")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise MachineryError(f"cannot write to {scrub(path)}: permission denied")


def write(drawn: str | bytes, path: str) -> None:
    """Write a picture to a file.

    Raises:
        MachineryError: that failed.
    """
    try:
        Path(path).write_bytes(drawn.encode("utf-8", "backslashreplace") if isinstance(drawn, str) else drawn)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MachineryError(f"cannot write to {scrub(path)}: {reason[:1].lower()}{reason[1:]}") from None


@contextlib.contextmanager
def spool() -> Iterator[IO[bytes]]:
    """Open a file that a run's log can be kept in for as long as this lasts.

    Raises:
        MachineryError: there is no room for it.
    """
    try:
        with tempfile.TemporaryFile(prefix="run-scenario-") as file:
            yield file
    except OSError as error:
        raise MachineryError(f"cannot keep the log for its picture: {error.strerror or error}") from None


def draw_run(log: IO[bytes], text: str, options: Namespace) -> None:
    """Draw what `run` was asked to draw of a run that has just ended."""
    if options.report is not None:
        picture, shape = choose(None, options.report)
        log.seek(0)
        drawn = picture.draw(Material(logs.events(log, "the run's log"), text, None), _file_look(shape))
        write(drawn, options.report)
        if sys.stderr.isatty():
            complain(f"run-scenario: the report is in {scrub(options.report)}\n")
    if options.timeline:
        _timeline_after_run(log, options)


def _file_look(shape: str) -> Look:
    return Look(shape, _columns(direct=False))


def _timeline_after_run(log: IO[bytes], options: Namespace) -> None:
    """Print the timeline behind the console view; behind JSON Lines, where standard error goes."""
    from run_scenario.cli.pictures import PICTURES

    log.seek(0)
    shown = options.format == "console" or (options.format == "auto" and sys.stdout.isatty())
    stream = sys.stdout if shown else sys.stderr
    colour = stream.isatty() and not options.no_color and not os.environ.get("NO_COLOR")
    try:
        width = os.get_terminal_size(stream.fileno()).columns or _UNMEASURED
    except (OSError, ValueError):
        width = _columns(direct=False)
    unicode = (stream.encoding or "ascii").lower().replace("-", "") == "utf8"
    look = Look("txt", width, colour, unicode)
    drawn = PICTURES["timeline"].draw(Material(logs.events(log, "the run's log"), None, None), look)
    text = f"\n{drawn if isinstance(drawn, str) else ''}"
    say(text) if shown else complain(text)
