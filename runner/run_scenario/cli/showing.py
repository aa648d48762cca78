"""The arguments of `show` that no other command has."""

from __future__ import annotations

import argparse
import math

from run_scenario.cli.pictures import ALIASES, PICTURES

NAMES = (*PICTURES, *ALIASES)
WIDTHS = (20, 1_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "subject",
        metavar="LOG|FILE",
        help="a log, as JSON Lines (-: standard input); or a scenario of built-in targets, which is run for it "
        "(for a graph it is not)",
    )
    parser.add_argument(
        "--as",
        dest="as_",
        metavar="FORMAT",
        choices=NAMES,
        help=f"{', '.join(NAMES)} (default: what the suffix of --output says, otherwise timeline)",
    )
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="write to this file; its suffix says as what: timeline and graph can be .svg or .png, too",
    )
    parser.add_argument("--run", metavar="ID", help="of a log with several runs, this one (default: the last)")
    parser.add_argument("--width", metavar="N", type=_width, help="columns of text (default: those of the terminal)")
    parser.add_argument("--from", dest="first", metavar="S", type=_moment, help="show a timeline from this second on")
    parser.add_argument("--to", dest="last", metavar="S", type=_moment, help="show a timeline up to this second")
    parser.add_argument("--no-pager", action="store_true", help="never page, however long it is")
    parser.add_argument("--no-color", action="store_true", help="no colours, even on a terminal (as NO_COLOR=1)")


def _width(text: str) -> int:
    least, most = WIDTHS
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of columns from {least} to {most}")
    return number


def _moment(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment of the run in seconds, such as 0 or 2.5")
    return number
