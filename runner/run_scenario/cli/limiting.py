"""The options that limit a run, one for each of `LIMITS`."""

from __future__ import annotations

import argparse

from run_scenario.errors import UsageError
from run_scenario.limits import DEFAULTS, LIMITS, Limits, parse_size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    group = parser.add_argument_group("limits", "the most that a run may have; sizes are written as 300K, 64M or 2G")
    for limit in LIMITS.values():
        default = getattr(DEFAULTS, limit.name)
        most = "what the shell allows" if default is None else limit.shown(default)
        group.add_argument(
            limit.option,
            metavar="SIZE" if limit.unit else "N",
            type=_most,
            default=default,
            help=f"{limit.what}; beyond, {limit.when} (default: {most})",
        )


def _most(text: str) -> int:
    """Return the number that a limit is; those that are no size may be written as one, too."""
    try:
        number = parse_size(text)
    except ValueError:
        number = 0
    if not 0 < number < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0, such as 500, 64K, 10M or 2G")
    return number


def limits_of(options: argparse.Namespace) -> Limits:
    """Return the limits of a run.

    Raises:
        UsageError: the system does not allow so much.
    """
    from run_scenario.engine.platform import most_descriptors

    wanted, most = options.max_open_files, most_descriptors()
    if wanted is not None and most is not None and wanted > most:
        raise UsageError(f"--max-open-files {wanted}: the system allows {most:,} (ulimit -Hn)")
    return Limits(**{name: getattr(options, f"max_{name}") for name in LIMITS})
