"""A file of answers to what `predict` asks: read as other files are, each mistake with its line and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from run_scenario.errors import InvalidScenario
from run_scenario.suggestions import did_you_mean

if TYPE_CHECKING:
    from run_scenario.loader.problems import Problems, Span
    from run_scenario.loader.reading.yaml_parser import Node
    from run_scenario.report.prediction import Question

_EXAMPLE = "write a mapping such as `ends: hangs`"


def read_answers(path: str, asked: Sequence[Question]) -> dict[str, Any]:
    """Return the answers in a file, by the names of the questions; not all need to be answered.

    Raises:
        InvalidScenario: it cannot be read, or answers what is not asked, or not so.
    """
    from run_scenario.loader import source
    from run_scenario.loader.problems import Problems, Span
    from run_scenario.loader.reading import yaml_parser

    data, unreadable = source.read(path, path)
    if unreadable is None:
        text, unreadable = source.decode(data, path)
    if unreadable is not None:
        raise InvalidScenario(unreadable.ordered())
    problems = Problems(path, text)
    answers: dict[str, Any] = {}
    if not text.strip():
        problems.error(Span(1, 1), "this file is empty", _EXAMPLE)
    elif source.check_characters(text, problems) and (root := yaml_parser.parse(text, problems)) is not None:
        answers = _checked(root, {question.name: question for question in asked}, problems)
    if problems.has_errors:
        raise InvalidScenario(problems.ordered())
    return answers


def _checked(root: Node, known: Mapping[str, Question], problems: Problems) -> dict[str, Any]:
    from run_scenario.loader.problems import describe
    from run_scenario.loader.reading import yaml_parser

    if not isinstance(root, yaml_parser.Mapping):
        what = f"answers are a mapping, and this is {describe(yaml_parser.plain(root))}"
        problems.error(root.span, what, _EXAMPLE)
        return {}
    found: dict[str, Any] = {}
    for name, key_span, node in _answers(root):
        said = yaml_parser.plain(node)
        if name not in known:
            problems.error(key_span, f"nothing is asked about {name!r}", did_you_mean(name, known, _listed(known)))
        elif (choices := known[name].choices) and (isinstance(said, list | dict) or said not in choices):
            hint = did_you_mean(str(said), choices, _listed(choices))
            shown = describe(said) if isinstance(said, list | dict) else repr(said)
            problems.error(node.span, f"{name!r} cannot be {shown}", hint)
        else:
            found[name] = said
    return found


def _answers(root: Node) -> Iterator[tuple[str, Span, Node]]:
    """Yield each answer with its name, which may stand in two parts: `left: {tasks: 0}`."""
    from run_scenario.loader.reading.yaml_parser import Mapping

    if isinstance(root, Mapping):
        for entry in root.entries.values():
            if isinstance(entry.value, Mapping):
                for inner in entry.value.entries.values():
                    yield f"{entry.key}.{inner.key}", inner.key_span, inner.value
            else:
                yield entry.key, entry.key_span, entry.value


def _listed(known: Mapping[str, Any]) -> str:
    return f"there are {', '.join(known)}"
