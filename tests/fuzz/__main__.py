"""`python -m fuzz [--seconds N]`: examine hostile scenario files until something is found, or the time is over.

Coverage is the guide, and atheris (pip install atheris) measures it. Two kinds of text take turns with equal shares of
the time: what is written after the schema or made from bundled scenarios (hypothesis decides how, fed with the fuzzer's
bytes), and plain bytes, which begin as the bundled scenarios and the invalid examples.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import time

from fuzz.guided import MOST_BYTES, structure

WAY_OUT = "install it (pip install atheris), or search without coverage: python -m fuzz --unguided"


def main(arguments: list[str] | None = None) -> int:
    """Search; return 0 if nothing was found, 1 if something was, 2 if it cannot be searched so."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.partition("\n\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="for a search that can be repeated")
    parser.add_argument("--unguided", action="store_true", help="by chance alone, without atheris")
    options = parser.parse_args(arguments)
    seed = random.randrange(2**31) if options.seed is None else options.seed
    if options.unguided:
        return _by_chance(options.seconds, seed)
    if importlib.util.find_spec("atheris") is None:
        print(f"python -m fuzz: atheris, which guides the search, is not installed here; {WAY_OUT}", file=sys.stderr)
        return 2
    print(f"seed {seed}", flush=True)
    return max(_guided(name, options.seconds / 2, seed) for name in ("structure", "bytes"))


# By chance


def _by_chance(seconds: float, seed: int) -> int:
    examine, chance = structure(), random.Random(seed)
    until, count, kinds = time.monotonic() + seconds, 0, set()
    while time.monotonic() < until:
        count += 1
        try:
            examine(chance.randbytes(chance.choice((64, 512, 2_048, MOST_BYTES))))
        except Exception as error:
            kinds.add(f"{type(error).__name__}: {error}"[:200])
    print(f"{count} texts examined with seed {seed}; {len(kinds)} kinds of findings", *sorted(kinds), sep="\n  ")
    return 1 if kinds else 0


# Guided by coverage


def _guided(name: str, seconds: float, seed: int) -> int:
    """Search in a process of its own: libFuzzer ends the process that it runs in."""
    print(f"{name}: {seconds:g} s", flush=True)
    done = subprocess.run([sys.executable, "-m", "fuzz.guided", name, str(seconds), str(seed)], check=False)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
