"""The long form: as many live programs as one likes, from a seed, and the bound that their number gives."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from live.programs import Program
from run_scenario.cli.progress_bar import Bar


def main() -> int:
    """Run the campaign; return 1 if a deadlock was claimed, or a program did not end as it should."""
    parser = argparse.ArgumentParser(prog="python -m live", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="how many programs to run (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first; the next has the next (default 1)")
    parser.add_argument("--jobs", type=int, default=4, help="runs at the same time (default 4)")
    options = parser.parse_args()
    return bool(campaign(options.runs, options.seed, options.jobs))


def campaign(runs: int, seed: int, jobs: int) -> list[str]:
    """Run so many programs; return what was wrong."""
    kinds: Counter[str] = Counter()
    failures: list[str] = []
    pending: dict[Future[None], Program] = {}
    last = seed + runs
    with ThreadPoolExecutor(jobs) as pool, tempfile.TemporaryDirectory() as folder, Bar(runs) as progress:
        while seed < last or pending:
            while seed < last and len(pending) < jobs:
                program = Program(seed)
                pending[pool.submit(_go, program, Path(folder, str(seed)))] = program
                seed += 1
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                program = pending.pop(future)
                kinds[program.kind] += 1
                if error := future.exception():
                    failures.append(f"{program}\n  {type(error).__name__}: {error}"[:3000])
                    progress.erase()
                    print(failures[-1], flush=True)
            over = kinds.total()
            progress.show(over, f"{over} of {runs} runs, {len(failures)} not as they must be, next seed {seed}")
    over = kinds.total()
    bound = f"; at 95 %, less than {3 / over:.2g} of such runs are (3/n)" if over and not failures else ""
    print(f"{over} runs of {len(kinds)} kinds, {len(failures)} not as they must be{bound}")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:5} {kind}")
    return failures


def _go(program: Program, folder: Path) -> None:
    folder.mkdir()
    try:
        program.go(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
