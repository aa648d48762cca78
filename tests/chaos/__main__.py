"""The long form: as many kills as one likes, from a seed, with what was hit and what came of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from chaos import assault
from chaos.assault import Assault
from run_scenario.cli.progress_bar import Bar


def main() -> int:
    """Run the campaign; return 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="signals that have to find somebody (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; the next has the next (default 1)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (default 2)")
    parser.add_argument("--record", action="store_true", help="hit programs that are recorded, not scenarios")
    options = parser.parse_args()
    return bool(campaign(options.kills, options.seed, options.jobs, recorded=options.record))


def campaign(kills: int, seed: int, jobs: int, *, recorded: bool) -> list[str]:
    """Carry out assaults until so many hits have landed; return what was wrong."""
    landed: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    pending: dict[Future[None], Assault] = {}
    total = runs = 0
    with ThreadPoolExecutor(jobs) as pool, tempfile.TemporaryDirectory() as folder, Bar(kills) as progress:
        while total < kills or pending:
            while total < kills and len(pending) < jobs:
                made = assault.make(seed, 3, recorded=recorded)
                own = Path(folder, str(seed))
                own.mkdir()
                pending[pool.submit(assault.carry_out, made, own)] = made
                seed += 1
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                made = pending.pop(future)
                runs += 1
                total += made.landed
                landed.update(f"{hit.number.name} {hit.role}" for hit in made.hits[: made.landed])
                outcomes[made.outcome or "nothing had begun"] += 1
                if error := future.exception():
                    failures.append(f"{made}\n  {type(error).__name__}: {error}"[:3000])
                    progress.erase()
                    print(failures[-1], flush=True)
            doing = f"{total} of {kills} kills, {runs} runs, {len(failures)} failed, next seed {seed}"
            progress.show(min(total, kills), doing)
    print(f"{total} kills in {runs} runs, {len(failures)} runs not as they must be; outcomes: {dict(outcomes)}")
    for what, count in sorted(landed.items()):
        print(f"  {count:5} {what}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
