"""A file → a checked Scenario, or everything that is wrong with it.

    path ─source_text─▶ text ─yaml_nodes─▶ tree ─structure─▶ fits? ─draft, checks─▶ sound? ─build─▶ Scenario
                          └───────────────── Problems ◀──────────────────┘

Everything heavy (PyYAML, and jsonschema below it) is imported when the first text is loaded, so that importing this
room costs nothing. No code that a scenario names is ever imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.errors import InvalidScenario, Problem
from run_scenario.model import Scenario
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.language.draft import Draft
    from run_scenario.language.problems import Problems
    from run_scenario.language.remembered import Sound
    from run_scenario.language.stamps import Stamps
    from run_scenario.language.yaml_nodes import Node


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


def load(path: str | Path, *, file: str | None = None, stamps: Stamps | None = None) -> Loaded:
    """Read and check the scenario at `path`; `file` is its name in messages, by default the path as given.

    Never raises for what is in the file, or for a file that cannot be read. By default the user's cache remembers what
    came of a text, so that it is read and checked once; with `stamps` only those remember, and only which texts fit the
    schema.
    """
    from run_scenario.language.source_text import decode, read

    file = str(path) if file is None else file
    data, unreadable = read(str(path), file)
    if unreadable:
        return Loaded(None, unreadable.ordered(), "")
    text, undecodable = decode(data, file)
    if undecodable:
        return Loaded(None, undecodable.ordered(), "")
    return _load(text, data, file, _absolute(path), stamps)


def load_text(
    text: str, *, file: str = "scenario.yaml", path: str | Path | None = None, stamps: Stamps | None = None
) -> Loaded:
    """Check a scenario's text; `file` is its name in messages, `path` (by default `file`) where it lies."""
    data = text.encode("utf-8", errors="surrogatepass")
    return _load(text, data, file, _absolute(path or file), stamps)


def check(path: str | Path, *, file: str | None = None, stamps: Stamps | None = None) -> tuple[Problem, ...]:
    """Return all problems of the scenario at `path`, ordered by position; empty if there are none."""
    return load(path, file=file, stamps=stamps).problems


def _absolute(path: str | Path) -> str:
    # Not resolved: a link keeps its own folder, beside which its modules are looked for.
    return str(Path.cwd() / path)


def _load(text: str, data: bytes, file: str, path: str, stamps: Stamps | None) -> Loaded:
    from run_scenario.language.remembered import Memory, default_memory

    memory = default_memory() if stamps is None else Memory(None)
    known = memory.recall(data, file)
    if known is None:
        file = "".join([*file])  # an object that nothing else has: what is remembered can leave it out
        known, problems = _read(text, data, file, stamps)
        if known is None:
            return Loaded(None, problems, text)
        memory.remember(data, file, known)
    scenario, problems = known
    return Loaded(scenario.replace(name=_name(file), path=path), problems, text)


def _name(file: str) -> str:
    name = Path(file).name
    for suffix in (".yaml", ".yml", ".scenario"):
        name = name.removesuffix(suffix)
    return name


def _read(text: str, data: bytes, file: str, stamps: Stamps | None) -> tuple[Sound | None, tuple[Problem, ...]]:
    """Return the scenario without name and path, if it is one, and all problems."""
    from hashlib import sha256

    from run_scenario.language.build import build
    from run_scenario.language.problems import Problems
    from run_scenario.language.source_text import MAX_BYTES, check_characters, refuse_size
    from run_scenario.language.stamps import Stamps, default_folder
    from run_scenario.language.yaml_nodes import parse

    problems = Problems(file, text)
    if len(data) > MAX_BYTES:
        refuse_size(problems)
    elif check_characters(text, problems) and (root := parse(text, problems)) is not None:
        draft = _checked(root, text, Stamps(default_folder()) if stamps is None else stamps, problems)
        if not problems.has_errors:
            scenario = build(draft, problems, name="", path="", digest=f"sha256:{sha256(data).hexdigest()}")
            return (scenario, problems.ordered()), ()
    return None, problems.ordered()


def _checked(root: Node, text: str, stamps: Stamps, problems: Problems) -> Draft:
    from run_scenario.bundled import schema_text
    from run_scenario.language.checks import check
    from run_scenario.language.draft import read
    from run_scenario.language.structure import check_structure

    bad = check_structure(root, text, schema_text("scenario"), stamps, problems)
    draft = read(root, bad)
    check(draft, problems)
    return draft
