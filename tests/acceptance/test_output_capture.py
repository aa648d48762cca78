"""Whatever a target writes, by whatever way, is an event of its process; standard output carries the log alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import COMMAND, METHODS, PATIENCE, Result, run, scenario, search_path

import commands

Play = Callable[..., Result]


def lines(result: Result, process: str) -> list[tuple[str, str, str]]:
    """Return stream, way and text of all lines of a process."""
    return [(e["stream"], e["via"], e["text"]) for e in result.log.all("process.output", process)]


@pytest.mark.fault("F43", event="process.output", status=0)
def test_every_way_to_write(play: Play) -> None:
    """print, descriptors, subprocesses and warnings of two processes at once: each line is told of its writer, once."""
    result = play(scenario({"name": "Ann", "target": "actors:talk"}, {"name": "Bob", "target": "actors:talk"}))
    assert (0, "") == (result.status, result.stderr)
    for name in ("Ann", "Bob"):
        expected = [
            ("stdout", "print", f"{name} print"),
            ("stderr", "print", f"{name} print to stderr"),
            ("stdout", "descriptor", f"{name} descriptor 1"),
            ("stderr", "descriptor", f"{name} descriptor 2"),
            ("stdout", "descriptor", f"{name} subprocess"),
            ("stderr", "descriptor", f"{name} subprocess to stderr"),
            ("stdout", "print", f"{name} no newline"),
        ]
        assert sorted(expected) == sorted(lines(result, name))
        order = {e["via"]: e.get("order") for e in result.log.all("process.output", name)}
        assert {"print": None, "descriptor": "unknown"} == order
        warning = result.log.one("log.message", name)
        assert (f"{name} warning", "warnings", "warning", "UserWarning") == tuple(
            warning[key] for key in ("message", "via", "level", "logger")
        )
        assert warning["fields"]["file"].endswith("actors/output.py")
        exited = result.log.one("process.exited", name)["seq"]
        assert all(e["seq"] < exited for e in result.log.all("process.output", name))


def test_logging(play: Play) -> None:
    """Records are told at their own level, whether a handler has them or not; a handler's own text is output."""
    result = play(scenario({"name": "L", "target": "actors:log_at_all_levels"}))
    told = [(e["level"], e["message"]) for e in result.log.all("log.message", "L", via="logging", logger="actors")]
    levels = ["debug", "info", "warning", "error", "critical"]
    plain = [(level, f"plain {level}") for level in levels[2:]]  # logging's own default level is WARNING
    configured = [(level, f"configured {level}") for level in levels]
    assert [*plain, *configured, ("error", "with a traceback")] == told
    handled = [f"handled: configured {level}" for level in levels]
    assert handled == [text for text in result.log.output("L", "stderr") if "configured" in text]
    assert "ValueError: a reason" in result.log.all("log.message", "L")[-1]["fields"]["traceback"]
    assert [] == [text for text in result.log.output("L", "stderr") if text.startswith("plain")]


def test_structlog(play: Play) -> None:
    """structlog as it comes, imported inside the target, becomes events with their fields."""
    result = play(scenario({"name": "S", "target": "actors:log_by_structlog"}))
    told = result.log.all("log.message", "S", via="structlog")
    assert [("debug", "quiet"), ("info", "hello"), ("warning", "bound"), ("error", "bad")] == [
        (e["level"], e["message"]) for e in told
    ]
    assert (42, r"ä\ud800") == (told[1]["fields"]["answer"], told[1]["fields"]["text"])
    assert {"colour": "red"} == told[2]["fields"]
    assert [] == lines(result, "S")


@pytest.fixture(scope="module", params=METHODS)
def awkward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return a run whose target writes all that is awkward."""
    folder = tmp_path_factory.mktemp("awkward")
    process = {"name": "W", "target": "actors:write_awkward_text"}
    return run(folder, scenario(process), "--start-method", request.param)


def test_escapes_and_foreign_characters(awkward: Result) -> None:
    """Control characters, all of Unicode, stray bytes and half surrogates are in the log, escaped as ASCII."""
    texts = awkward.log.output("W")
    assert 0 == awkward.status
    assert "\x1b[31mred\x1b[0m \x07 \u202e bidi ä 日本 \U0001f600" in texts
    assert r"\ud800 surrogate" in texts
    assert r"\xff\xfe not UTF-8" in texts
    assert "\ttab\0nul" in texts
    assert "\\ud800 and \x1b[31m" == awkward.log.one("log.message", "W")["message"]
    assert "\x1b" not in awkward.stdout


def test_a_line_that_looks_like_an_event(awkward: Result) -> None:
    """What a target prints stays text: nobody can forge an event."""
    assert '{"event": "scenario.finished", "forged": true}' in awkward.log.output("W")


@pytest.mark.parametrize(("letter", "via"), [("L", "print"), ("M", "descriptor")])
def test_a_very_long_line(awkward: Result, letter: str, via: str) -> None:
    """Its beginning is kept, it is marked as cut, and it is one line: nothing is told that was not written."""
    told = awkward.log.all("process.output", "W", via=via, stream="stdout")
    long = [e for e in told if e["text"].startswith(letter * 100)]
    assert [True] == [e.get("truncated") for e in long]
    assert 1000 <= len(long[0]["text"]) < 10_000
    assert [] == [e for e in told if not e["text"]]


@pytest.mark.fault("F42", event="process.output", status=0)
def test_many_lines(play: Play) -> None:
    """Thousands of lines arrive complete and in order, whichever way they came."""
    result = play(scenario({"name": "M", "target": "actors:write_many_lines", "kwargs": {"count": 3000}}))
    for via in ("print", "descriptor"):
        numbers = [e["text"] for e in result.log.all("process.output", "M", via=via)]
        assert [str(number) for number in range(3000)] == numbers
    ways = [e["via"] for e in result.log.all("process.output", "M")]
    assert sorted(ways, reverse=True) == ways  # what was printed and flushed before comes before


def test_the_log_file_has_the_same_lines(tmp_path: Path) -> None:
    """--log takes what standard output gets."""
    path = tmp_path / "log.jsonl"
    result = run(tmp_path, scenario({"target": "write_output"}), "--log", str(path))
    assert result.stdout == path.read_text()


def test_the_console_shows_no_raw_escapes(tmp_path: Path) -> None:
    """What a target writes cannot reach into the terminal."""
    (tmp_path / "case.yaml").write_text(scenario({"name": "W", "target": "actors:write_awkward_text"}))
    done = commands.run(
        [*COMMAND, "case.yaml", "--allow", "actors", "--format", "console"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": search_path()},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "bidi ä 日本" in done.stdout
    assert set() == set(done.stdout) & set("\x1b\x07\u202e\0\t\r")
