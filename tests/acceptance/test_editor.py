"""What an editor shows: yaml-language-server itself completes and underlines a file that lies beside the schema."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from editor import Editor

from run_scenario import bundled, targets
from run_scenario.targets import Parameter

SCHEMA = json.loads(bundled.schema_text("scenario"))


def printed(*arguments: str) -> str:
    """Return what a command prints."""
    command = [sys.executable, "-m", "run_scenario", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor in a folder with the schema, as `run-scenario schema > scenario.schema.json` writes it."""
    folder: Path = tmp_path_factory.mktemp("exercises")
    (folder / "scenario.schema.json").write_text(printed("schema"), encoding="utf-8")
    opened = Editor(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def head() -> str:
    """The first two lines of a file that `run-scenario list NAME` prints, and the version."""
    return "".join(printed("list", "daemon").splitlines(keepends=True)[:2]) + "version: 1\n"


def test_what_list_prints_is_right(editor: Editor) -> None:
    """In a file that `list NAME` prints, nothing is underlined."""
    assert [] == editor.problems(printed("list", "poison-pill"))


def test_all_targets_are_offered(editor: Editor, head: str) -> None:
    """Behind `target:`, all built-in targets are offered, each under its own name."""
    offered = editor.offers(f"{head}processes:\n  - target: |")

    assert set(targets.names()) <= set(offered)
    assert all(offered[name] == name for name in targets.names())


@pytest.mark.parametrize("name", targets.names())
def test_what_a_target_takes_is_offered(editor: Editor, head: str, name: str) -> None:
    """Under `kwargs`, `from`, `to` and `uses` the parameters of the target are offered, and no others."""
    found = targets.find(name)
    assert found is not None
    offered = {
        key: set(editor.offers(f"{head}processes:\n  - target: {name}\n    {key}:\n      |"))
        for key in ("kwargs", "from", "to", "uses")
    }

    def fitting(key: str, parameter: Parameter) -> bool:
        return parameter.is_resource and (key == "uses" or parameter.direction in (key, None))

    assert {each.name for each in found.parameters if not each.is_resource} == offered["kwargs"]
    for key in ("from", "to", "uses"):
        assert {each.name for each in found.parameters if fitting(key, each)} == offered[key]


def test_work_functions_are_offered(editor: Editor, head: str) -> None:
    """Behind `work:`, and behind a method of a pool, all work functions are offered."""
    by_process = editor.offers(f"{head}processes:\n  - target: consume\n    kwargs:\n      work: |")
    by_pool = editor.offers(f"{head}pools:\n  crunch:\n    calls:\n      - map: |")

    assert set(targets.work_names()) <= set(by_process)
    assert set(targets.work_names()) <= set(by_pool)


@pytest.mark.parametrize(
    ("line", "why", "process"),
    [
        (5, "Value must be", "target: slep"),
        (6, "secons is not allowed", "target: sleep\n    kwargs: {secons: 3}"),
        (6, "does not match the pattern", "target: sleep\n    kwargs: {seconds: long}"),
        (6, "inbx is not allowed", "target: consume\n    from: {inbx: tasks}"),
        (6, "from is not allowed", "target: sleep\n    from: tasks"),
        (6, "lokc is not allowed", "target: hold_lock\n    uses: {lokc: gate}"),
        (6, "Value must be", "target: consume\n    kwargs: {work: is_prim}"),
        (6, "tragte is not allowed", "target: sleep\n    tragte: sleep"),
    ],
)
def test_what_is_wrong_is_underlined(editor: Editor, head: str, line: int, why: str, process: str) -> None:
    """A target, parameter, value or key that there is not is underlined in its line."""
    found = editor.problems(f"{head}processes:\n  - {process}\n")

    assert [line] == [where for where, _ in found]
    assert why in found[0][1]


@pytest.mark.parametrize(
    "process",
    ['target: "mypkg.work:go"\n    uses: {anything: gate}\n    kwargs: {what: ever}', "target: sleep\n    args: [1]"],
)
def test_what_is_right_is_not_underlined(editor: Editor, head: str, process: str) -> None:
    """Own code may take anything, and arguments may be given by position."""
    assert [] == editor.problems(f"{head}processes:\n  - {process}\n")


PLACES = {
    "": SCHEMA,
    "processes:\n  - target: consume\n    ": SCHEMA["$defs"]["process"],
    "queues:\n  tasks:\n    ": SCHEMA["$defs"]["queue"],
    "pipes:\n  rope:\n    ": SCHEMA["$defs"]["pipe"],
    "sync:\n  gate:\n    ": SCHEMA["$defs"]["sync"],
    "shared:\n  hits:\n    ": SCHEMA["$defs"]["shared"],
    "pools:\n  crunch:\n    ": SCHEMA["$defs"]["pool"],
    "pools:\n  crunch:\n    calls:\n      - ": SCHEMA["$defs"]["poolCall"],
    "main:\n  - ": SCHEMA["$defs"]["stepMapping"],
    "expect:\n  - ": SCHEMA["$defs"]["expectation"],
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_offered_is_text(editor: Editor, head: str, place: str) -> None:
    """Nowhere is an object offered that an editor can only call [object Object], neither for a key nor for a value."""
    texts = [f"{place}|", *(f"{place}{key}: |" for key in PLACES[place]["properties"])]
    for text in texts:
        offered = editor.offers(head + text)
        assert "[object" not in json.dumps(offered), text
