"""Processors of the log's lines, at both doors: what they change is the log, and nothing else."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
from support import COMMAND

import commands
from run_scenario import UsageError, run

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "process-the-log.md"
MY_LOGGING = """\
import structlog

def redact(logger, method_name, event_dict):
    if event_dict["event"] == "scenario.finished":
        raise structlog.DropEvent
    if "item" in event_dict:
        event_dict["item"] = "***"
    return event_dict
"""
FED = """\
version: 1
queues: {q: {items: [1, 2], poison_pills: 1}}
processes:
  - {name: W, target: consume, from: q, kwargs: {task_done: false, work: square}}
expect:
  - exists: {event: queue.get, item: 2}
  - exists: {event: queue.get, item: "***"}
"""
"""Of its expectations, one is met by the events as they happened, the other by the lines as they are written."""


def test_processors_in_pyproject(tmp_path: Path) -> None:
    """The file's lines are processed; expectations, status and summary are of the events as they happened."""
    (tmp_path / "fed.yaml").write_text(FED)
    (tmp_path / "my_logging.py").write_text(MY_LOGGING)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.run-scenario]\nallow = ["my_logging"]\nprocessors = ["my_logging:redact"]\n'
    )
    command = [*COMMAND, "fed.yaml", "--log", "kept.jsonl", "--format", "console"]
    done = commands.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (1, "") == (done.returncode, done.stderr)
    assert "failed after" in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert {"***"} == {line["item"] for line in lines if "item" in line}
    assert ["expectation.passed", "expectation.failed"] == [line["event"] for line in lines[-2:]]


LEFT_OVER = """\
version: 1
queues: {q: {items: [433785907, {key: [433785907]}]}}
processes:
  - {name: P, target: produce, to: q, kwargs: {items: [433785907]}}
  - {name: F, target: fail, kwargs: {message: it was 433785907}}
expect:
  - absent: {event: queue.put, item: 433785907}
"""


@pytest.mark.parametrize("scenario", ["poison-pill", "left-over.yaml"])
def test_the_recipe_leaves_nothing_of_a_secret(tmp_path: Path, scenario: str) -> None:
    """What the page shows takes it out of evidence, output, messages and what was left over; the log can be read."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in re.findall(r"^```\w+\n# ([\w.]+)\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(text)
    (tmp_path / "left-over.yaml").write_text(LEFT_OVER)
    for arguments in ((scenario, "--log", "kept.jsonl", "--format", "console"), ("show", "kept.jsonl")):
        done = commands.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
    log = (tmp_path / "kept.jsonl").read_text()
    assert "***" in log
    assert "433785907" not in log


def test_processors_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function given to run() changes the file's lines; the run, its events and its verdicts are as they were."""
    (tmp_path / "my_logging.py").write_text(MY_LOGGING)
    monkeypatch.syspath_prepend(tmp_path)
    redact = importlib.import_module("my_logging").redact
    kept = tmp_path / "kept.jsonl"
    result = run(FED, processors=[redact], log=kept)
    assert (1, "failed") == (result.status, result.outcome)
    assert ["expectation.passed", "expectation.failed"] == [each["event"] for each in result.verdicts]
    assert [1, 2, None] == [each["item"] for each in result.log.of("queue.get", "W")]
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {"***"} == {line["item"] for line in lines if "item" in line}
    assert [each["seq"] for each in result.log][:-1] == [line["seq"] for line in lines]


def test_processors_that_cannot_be(tmp_path: Path) -> None:
    """By name, a package has to be allowed; a function must be found by its name; there must be a log."""
    kept = tmp_path / "kept.jsonl"
    with pytest.raises(UsageError, match="'json:loads' would run code of the package 'json'"):
        run(FED, processors=["json:loads"], log=kept)
    with pytest.raises(UsageError, match="'json' is not the name of a processor"):
        run(FED, processors=["json"], log=kept)
    with pytest.raises(TypeError, match="cannot be a processor"):
        run(FED, processors=[lambda *_: {}], log=kept)
    with pytest.raises(UsageError, match="log="):
        run(FED, processors=[json.loads])
    assert not kept.exists()
