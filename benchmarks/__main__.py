"""`python -m benchmarks [NAME…] [--short] [--pairs N] [--json FILE]`: measure and print the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import harness
from benchmarks.measurements import MEASUREMENTS, ON_DEMAND, SHORT
from run_scenario.cli.progress_bar import Bar


def main() -> int:
    """Measure what is named on the command line, or everything; return the exit status."""
    names = [*MEASUREMENTS, *ON_DEMAND]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(names)}")
    parser.add_argument("--pairs", type=int, help="how many pairs (default: 7; with --short 3)")
    parser.add_argument("--short", action="store_true", help="small programs; fail only if a ratio is grossly wrong")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in names]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]!r}; there are {', '.join(names)}")
    print(f"{'':<46} {'scenario':>9} {'script':>9}     {'median':>8}      {'lowest … highest':>18}")
    results = []
    chosen = given.names or list(SHORT if given.short else MEASUREMENTS)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder, Bar(len(chosen)) as progress:
        options = harness.Options(given.pairs or (3 if given.short else 7), given.short, Path(folder))
        for done, name in enumerate(chosen):
            progress.show(done, f"{name}, {done + 1} of {len(chosen)}")
            for result in (MEASUREMENTS | ON_DEMAND)[name](options):
                results.append(result)
                progress.erase()
                print(result.row(), flush=True)
                progress.show(done, f"{name}, {done + 1} of {len(chosen)}")
    if given.json:
        harness.write_json(given.json, results)
    gross = [result for result in results if given.short and result.is_gross]
    for result in gross:
        print(f"{result.name}: {result.median:.2f} × is beyond {result.gross:g} ×, which no busy machine explains")
    return 1 if gross else 0


if __name__ == "__main__":
    sys.exit(main())
