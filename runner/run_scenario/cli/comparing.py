"""The arguments of `compare` that no other command has: lists of what is to be compared."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeVar

from run_scenario.model import START_METHODS

WORKERS = ("process", "thread", "serial")
MAX_RUNS = 10_000
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--workers",
        metavar="LIST",
        type=_listed("workers", _one_of(WORKERS), "process,thread"),
        default=list(WORKERS),
        help="what runs the targets: of process, thread, serial (default: all three)",
    )
    parser.add_argument(
        "--start-methods",
        metavar="LIST",
        type=_listed("start methods", _one_of(START_METHODS), "fork,spawn"),
        help="how processes are started: of fork, spawn, forkserver (default: what the scenario says)",
    )
    parser.add_argument(
        "--cpus",
        metavar="LIST",
        type=_listed("numbers of CPUs", _positive, "1,2"),
        default=[],
        help="on how many CPUs, one comparison for each number (default: what the scenario says)",
    )
    parser.add_argument("--runs", metavar="N", type=_runs, default=5, help="how often each combination is run (5)")


def _listed(kind: str, parse_one: Callable[[str], T], example: str) -> Callable[[str], list[T]]:
    """Return a function that takes apart `a,b,c`."""

    def parse_all(text: str) -> list[T]:
        try:
            return list(dict.fromkeys(parse_one(part.strip()) for part in text.split(",")))
        except ValueError:
            message = f"{text!r} is not a list of {kind} with commas between, such as {example}"
            raise argparse.ArgumentTypeError(message) from None

    return parse_all


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def parse_one(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return parse_one


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_RUNS:
        raise ValueError(text)
    return number


def _runs(text: str) -> int:
    try:
        return _positive(text)
    except ValueError:
        message = f"{text!r} is not a number of runs from 1 to {MAX_RUNS}"
        raise argparse.ArgumentTypeError(message) from None
