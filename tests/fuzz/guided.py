"""The two ways in which bytes become texts to examine; as a program, the search that atheris guides for one of them."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

_EXAMPLES = Path(__file__).parent.parent / "tests" / "examples" / "invalid"
MOST_BYTES = 8_192
_PACKAGES = ["run_scenario.loader", "run_scenario.report", "run_scenario.expect", "run_scenario.scenario.steps"]


def structure() -> Callable[[bytes], object]:
    """Return what makes a text of bytes, by the strategies, and examines it."""
    from hypothesis import HealthCheck, given, settings

    from fuzz import oracle, strategies

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategies.texts())
    def examine(text: str) -> None:
        try:
            oracle.examine(text)
        except Exception as error:
            _keep(text.encode("utf-8", "surrogatepass"), error)
            raise

    oracle.warm_up()
    fuzz: Callable[[bytes], object] = examine.hypothesis.fuzz_one_input
    return fuzz


def plain_bytes() -> Callable[[bytes], object]:
    """Return what examines the bytes of a file."""
    from fuzz import oracle
    from run_scenario.loader.source import decode

    def examine(data: bytes) -> None:
        try:
            text, undecodable = decode(data, "fuzzed.yaml")
            if undecodable is None:
                oracle.examine(text)
        except Exception as error:
            _keep(data, error)
            raise

    oracle.warm_up()
    return examine


def _keep(data: bytes, error: Exception) -> None:
    path = Path(f"finding-{hashlib.sha256(data).hexdigest()[:12]}.yaml")
    path.write_bytes(data)
    traceback.print_exception(error)
    print(f"found: {type(error).__name__}: {error}; the text is in {path}", flush=True)


def _search(name: str, seconds: float, seed: int) -> None:
    """Search; libFuzzer ends the process, with status 0 if nothing was found."""
    import atheris

    with atheris.instrument_imports(include=_PACKAGES, enable_loader_override=False):
        examine = structure() if name == "structure" else plain_bytes()
    with tempfile.TemporaryDirectory() as corpus:
        if name == "bytes":
            from run_scenario import bundled

            for path in (*bundled.scenarios(), *_EXAMPLES.glob("*.yaml")):
                (Path(corpus) / path.name).write_bytes(path.read_bytes())
        limits = [
            f"-max_total_time={max(1, int(seconds))}",
            f"-max_len={MOST_BYTES}",
            "-timeout=20",
            "-rss_limit_mb=0",
            "-len_control=0",
        ]
        atheris.Setup(["fuzz", corpus, *limits, f"-seed={seed % 2**31 or 1}", "-artifact_prefix=finding-"], examine)
        atheris.Fuzz()


if __name__ == "__main__":
    _search(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
