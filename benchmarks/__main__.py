"""`python -m benchmarks [NAME…] [--pairs N] [--json FILE]`: measure and print the table."""

from __future__ import annotations

import argparse
import sys

from benchmarks import harness
from benchmarks.measurements import MEASUREMENTS
from run_scenario.cli.bar import Bar


def main() -> int:
    """Measure what is named on the command line, or everything; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--pairs", type=int, default=7, help="how many pairs (default: 7)")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}")
    print(f"{'':<34} {'scenario':>10} {'script':>10}     {'median':>8}      {'lowest … highest':>18}")
    results = []
    names = options.names or list(MEASUREMENTS)
    with Bar(len(names)) as progress:
        for done, name in enumerate(names):
            progress.show(done, f"{name}, {done + 1} of {len(names)}")
            for result in MEASUREMENTS[name](options.pairs):
                results.append(result)
                progress.erase()
                print(result.row(), flush=True)
                progress.show(done, f"{name}, {done + 1} of {len(names)}")
    if options.json:
        harness.write_json(options.json, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
