"""A file → a checked Scenario, or everything that is wrong with it.

    path ─source─▶ text ─cache─▶ known? ─reading─▶ Scenario
             └──────── Problems ◀──────────┘

What came of a text is cached. No code that a scenario names is ever imported here.
"""

from __future__ import annotations

from pathlib import Path

from run_scenario.errors import InvalidScenario, Problem
from run_scenario.loader.cache import ScenarioCache, default_folder
from run_scenario.loader.kinds import Kind
from run_scenario.loader.source import decode, read
from run_scenario.scenario.given import NOTHING, Given
from run_scenario.scenario.model import Scenario
from run_scenario.values import Value


class Loaded(Value):
    """What came of a file: a scenario, unless a problem is an error."""

    scenario: Scenario | None
    problems: tuple[Problem, ...]
    """Errors and warnings, ordered by position."""
    text: str
    """The file's text; empty where it could not be read."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are errors."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that are warnings."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def require(self) -> Scenario:
        """Return the scenario.

        Raises:
            InvalidScenario: there is none; it carries the errors and warnings.
        """
        if self.scenario is None:
            raise InvalidScenario(self.problems)
        return self.scenario


def load(
    path: str | Path,
    *,
    file: str | None = None,
    given: Given = NOTHING,
    use_cache: bool = True,
    kind: Kind = "scenario",
) -> Loaded:
    """Read and check the scenario at `path`; `file` is its name in messages, by default the path as given.

    `given` are values for its parameters. What `matrix` has several of, and no value is given for, has its first value.
    What comes of a file of expectations is a scenario with nothing to run, and with no deadline if the file has none.

    Never raises for what is in the file, or for a file that cannot be read. What comes of a text is kept in the user's
    cache, so that it is read and checked once, unless `use_cache` is false.
    """
    file = str(path) if file is None else file
    data, unreadable = read(str(path), file)
    if unreadable:
        return Loaded(None, unreadable.ordered(), "")
    text, undecodable = decode(data, file)
    if undecodable:
        return Loaded(None, undecodable.ordered(), "")
    return _load(text, data, file, _absolute(path), given, use_cache, kind)


def load_text(
    text: str,
    *,
    file: str = "scenario.yaml",
    path: str | Path | None = None,
    given: Given = NOTHING,
    use_cache: bool = True,
    kind: Kind = "scenario",
) -> Loaded:
    """Check a scenario's text; `file` is its name in messages, `path` (by default `file`) is its place."""
    data = text.encode("utf-8", errors="surrogatepass")
    return _load(text, data, file, _absolute(path or file), given, use_cache, kind)


def check(path: str | Path, *, file: str | None = None, use_cache: bool = True) -> tuple[Problem, ...]:
    """Return all problems of the scenario at `path`, ordered by position; empty if there are none."""
    return load(path, file=file, use_cache=use_cache).problems


def _absolute(path: str | Path) -> str:
    # Not resolved: a link keeps its own folder, beside which its modules are looked for.
    return str(Path.cwd() / path)


def _load(text: str, data: bytes, file: str, path: str, given: Given, use_cache: bool, kind: Kind) -> Loaded:
    cache = ScenarioCache(default_folder() if use_cache else None, given, kind)
    outcome = cache.get(data, file)
    if outcome is None:
        file = "".join([*file])  # an object that nothing else has: the cache can leave it out
        # Another package, which brings PyYAML and jsonschema: 150 ms that a text in the cache does without.
        from run_scenario.loader.reading import read_scenario

        outcome = read_scenario(text, data, file, given, kind)
        cache.put(data, file, outcome)
    scenario, problems = outcome
    return Loaded(scenario and scenario.replace(name=_name(file), path=path), problems, text)


def _name(file: str) -> str:
    name = Path(file).name
    for suffix in (".yaml", ".yml", ".scenario"):
        name = name.removesuffix(suffix)
    return name
