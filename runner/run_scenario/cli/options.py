"""The options that several commands have: each is added, read and checked here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from run_scenario.cli import github
from run_scenario.cli.output_format import FORMATS
from run_scenario.errors import UsageError
from run_scenario.limits import DEFAULTS, LIMITS, MAX_PIPE_CAPACITY, MAX_TIMEOUT, Limit, Limits, parse_size
from run_scenario.scenario.model import START_METHODS, Given, Unread

N = TypeVar("N", int, float)


def number(parse: Callable[[str], N], is_valid: Callable[[N], bool], what: str) -> Callable[[str], N]:
    """Return a function for argparse that parses a number; `what` is what its text has to be, for the error."""

    def parse_valid(text: str) -> N:
        try:
            found = parse(text)
            valid = is_valid(found)
        except ValueError:
            valid = False
        if not valid:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return found

    return parse_valid


_SECONDS = number(
    float,
    lambda seconds: 0 < seconds <= MAX_TIMEOUT,
    f"a number of seconds above 0 and up to {MAX_TIMEOUT}, such as 10 or 2.5",
)
_PIPE_CAPACITY = number(
    parse_size, lambda size: 0 < size <= MAX_PIPE_CAPACITY, "a number of bytes from 1 to 1G, such as 4096 or 4K"
)
_MOST = number(parse_size, lambda most: 0 < most < 2**63, "a whole number above 0, such as 500, 64K, 10M or 2G")
"""The number that a limit is; those that are no size may be written as one, too."""


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add FILE, one or more."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a scenario's path, or the name of a bundled one")


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add FILE, exactly one."""
    parser.add_argument("file", metavar="FILE", help="a scenario's path, or the name of a bundled one")


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add --set, which may be repeated; `given_by` returns its values."""
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        type=_assignment,
        action="append",
        default=[],
        help="a value for a parameter, instead of the scenario's own; may be repeated",
    )


def _assignment(text: str) -> tuple[str, Unread]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE, as in workers=4")
    return name.strip(), Unread(value)


def given_by(options: argparse.Namespace) -> Given:
    """Return the values that --set gives, by name."""
    return dict(options.set)


def add_format(parser: argparse.ArgumentParser, *, annotated: bool = False) -> None:
    """Add --format: see `output_format`; `annotated`: what goes wrong can be annotated."""
    parser.add_argument(
        "--format",
        choices=(*FORMATS, github.FORMAT) if annotated else FORMATS,
        default="auto",
        help="on standard output: console, json, or auto (console on a terminal, json piped; default)"
        + ("; github: console, and annotations of what goes wrong" if annotated else ""),
    )


def add_no_color(parser: argparse.ArgumentParser) -> None:
    """Add --no-color."""
    parser.add_argument("--no-color", action="store_true", help="no colours, even on a terminal (as NO_COLOR=1)")


def add_start_method(parser: argparse.ArgumentParser) -> None:
    """Add --start-method."""
    parser.add_argument(
        "--start-method",
        choices=START_METHODS,
        help="how processes are started, instead of what the scenario says",
    )


def add_timeout(
    parser: argparse.ArgumentParser, what: str = "deadline of a run in seconds, instead of what the scenario says"
) -> None:
    """Add --timeout."""
    parser.add_argument("--timeout", metavar="S", type=_SECONDS, help=what)


def add_allow(parser: argparse.ArgumentParser) -> None:
    """Add --allow, which may be repeated."""
    parser.add_argument(
        "--allow",
        metavar="PKG",
        type=_package,
        action="append",
        default=[],
        help="let targets of this package run its code; may be repeated (or: allow = [...] under [tool.run-scenario] "
        "in pyproject.toml)",
    )


def _package(text: str) -> str:
    if not text.isidentifier():
        top = text.removesuffix(".py").partition(".")[0].partition(":")[0]
        hint = f": {top}" if top.isidentifier() else ", such as mypackage"
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a top-level package{hint}")
    return text


def add_expect(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --expect."""
    parser.add_argument("--expect", metavar="FILE", help=what)


def add_coverage(parser: argparse.ArgumentParser) -> None:
    """Add --coverage, for programs that run this one and are measured themselves: see `runtime.coverage`."""
    parser.add_argument("--coverage", metavar="SETTINGS", default="", help=argparse.SUPPRESS)


def add_pipe_capacity(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """Add --pipe-capacity; `otherwise`: what counts without it."""
    parser.add_argument(
        "--pipe-capacity",
        metavar="SIZE",
        type=_PIPE_CAPACITY,
        help="how many bytes a pipe holds, also that of a queue: some programs hang only when one is full; a power of "
        f"two of whole pages, such as 4K (default: {otherwise})",
    )


def add_limits(parser: argparse.ArgumentParser, defaults: Limits = DEFAULTS) -> None:
    """Add the options that limit a run, one for each of `LIMITS`."""
    group = parser.add_argument_group("limits", "the most that a run may have; sizes are written as 300K, 64M or 2G")
    for limit in LIMITS.values():
        add_limit(group.add_argument, limit, defaults=defaults)


def add_limit(add: Callable[..., object], limit: Limit, when: str = "", defaults: Limits = DEFAULTS) -> None:
    """Add the option of one limit, `when`: what happens beyond, if not the same as in a scenario."""
    default = getattr(defaults, limit.name)
    most = limit.unlimited if default is None else limit.shown(default)
    add(
        limit.option,
        metavar="SIZE" if limit.unit else "N",
        type=_MOST,
        default=default,
        help=f"{limit.what}; beyond, {when or limit.when} (default: {most})",
    )


def limits_of(options: argparse.Namespace) -> Limits:
    """Return the limits of a run.

    Raises:
        UsageError: the system does not allow so much.
    """
    from run_scenario.runtime.platform.system import most_descriptors

    wanted, most = options.max_open_files, most_descriptors()
    if wanted is not None and most is not None and wanted > most:
        raise UsageError(f"--max-open-files {wanted}: the system allows {most:,} (ulimit -Hn)")
    return Limits(**{name: getattr(options, f"max_{name}") for name in LIMITS})
