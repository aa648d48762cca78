"""A script's log as a scenario: whatever a log says stays what it is, and the file is valid."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from effort import examples
from run_scenario import loader
from run_scenario.errors import UsageError
from run_scenario.recording.data import NotDataError, beyond_description, data_of
from run_scenario.report.scenario.code import Code, keywords, runs_when_imported
from run_scenario.report.scenario.layout import render, with_problems
from run_scenario.report.scenario.yaml_text import comment, flow, text

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
HOSTILE = st.sampled_from(
    (
        *("x: y", "- a", "# b", "a\n- start: x", "&a", "*a", "!!python/object:os.system", "<<", "{", "]", "'", '"'),
        *("yes", "No", "~", "null", "1e3", "0x1", "1_0", "12:30", "2026-01-31", "=", "", " a ", "\u2028", "\x85b"),
        *("$x", "${1 + 1}", "$$", "%", "@", "`", "|", ">", "? a", "---", "...", "é漢🎉", "\x1b[31m", "\u202e"),
    )
)
ANY = HOSTILE | TEXTS
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | ANY | st.binary(max_size=8) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(ANY)
@examples(400)
def test_a_text_is_a_text(value: str) -> None:
    """PyYAML reads it as it was, also as a key and in a list; a comment stays on its line."""
    assert value == yaml.safe_load(text(value))
    assert {value: [value, {"a": value}]} == yaml.safe_load(flow({value: [value, {"a": value}]}))
    assert {"a": 1} == yaml.safe_load(f"{comment(value)}\na: 1 {comment(value)}")


def log(**given: Any) -> list[dict[str, Any]]:
    """Return the log of a script; of some events, fields are given: `put={"item": 3}`."""
    events = {
        "scenario.started": {"file": "crawl.py", "script": True, "version": "1", "timestamp": "2026-11-30T06:00:00"},
        "resource.made": {
            "resource": "tasks (crawl.py:1)",
            "type": "Queue",
            "variable": "tasks",
            "file": "crawl.py",
            "line": 1,
            "manager": False,
            "parameters": {},
            "process": "MainProcess",
        },
        "process.starting": {
            "process": "Process-1",
            "by": "MainProcess",
            "target": "work",
            "daemon": False,
            "path": "__main__:work",
            "arguments": [{"name": "box", "resource": "tasks (crawl.py:1)"}],
        },
        "queue.put": {"process": "MainProcess", "queue": "tasks (crawl.py:1)", "item": 1, "waited": 0.0},
    }
    return [
        {"event": name, "t": 0.0, **fields, **given.get(name.partition(".")[2], {})} for name, fields in events.items()
    ]


def rendered(source: str | None = "", **given: Any) -> dict[str, Any]:
    """Return the scenario of a log, which has to be valid, as PyYAML reads it."""
    written = render(log(**given), source)
    assert () == loader.load_text(written, use_cache=False).errors, written
    found: dict[str, Any] = yaml.safe_load(written)
    return found


@given(DATA)
@examples(200)
def test_data_comes_back(value: Any) -> None:
    """What is put is, in a scenario, what was put."""
    try:
        form = data_of(value)
    except NotDataError:
        assert (None,) == beyond_description(value)
        return
    more = beyond_description(value)
    put = {"data": more[0]} if more else {"item": form}
    written = render(log(put=put), "")
    scenario = loader.load_text(written, use_cache=False).require()
    assert scenario.main is not None
    assert repr(value) == repr(scenario.main[-1].argument)


@given(ANY, ANY, ANY)
@examples(200)
def test_no_text_of_a_log_becomes_structure(one: str, two: str, three: str) -> None:
    """Names, targets, items and files are what they are, whatever they look like."""
    found = rendered(
        starting={"process": one or "x", "target": two, "path": "", "arguments": [{"name": None, "value": three}]},
        made={"variable": two},
        put={"item": three, "data": None},
        started={"file": f"{one}.py", "version": two, "script": True, "timestamp": three},
    )
    assert ["version", "title", "queues", "processes", "main"] == list(found)
    assert 1 == len(found["queues"]) == len(found["processes"])
    assert [
        {"start": found["processes"][0]["name"]},
        {"put": three.replace("$", "$$"), "to": next(iter(found["queues"]))},
    ] == (found["main"])


def test_a_process_is_described_by_what_it_was_given() -> None:
    """Data are keywords, resources have their direction."""
    given = [{"name": "box", "resource": "tasks (crawl.py:1)"}, {"name": "n", "data": {"tuple": [1, "$a"]}}]
    (process,) = rendered(starting={"arguments": given})["processes"]
    assert process == {
        "name": "Process-1",
        "target": "crawl:work",
        "uses": {"box": "tasks"},
        "kwargs": {"n": {"tuple": [1, "$$a"]}},
    }


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        ("def main():\n    pass\nmain()\n", True),
        ("for x in range(3):\n    print(x)\n", True),
        ("try:\n    import numpy\nexcept ImportError:\n    numpy = None\nif numpy:\n    numpy.seed()\n", True),
        ('"""Words."""\nimport os\nX = os.getpid()\nclass A: pass\n', False),
        ('def main(): ...\nif __name__ == "__main__":\n    main()\n', False),
        ('print(1)\nif "__main__" == __name__:\n    print(2)\n', False),
        ("this is no Python", False),
    ],
)
def test_what_runs_when_it_is_imported(source: str, runs: bool) -> None:
    """A script that has a guard is taken to have what it needs behind it."""
    assert runs == runs_when_imported(source)


@pytest.mark.parametrize(
    ("file", "path", "reference"),
    [
        ("a/crawl.py", "__main__:work", "crawl:work"),
        ("crawl.py", "__mp_main__:Own.work", "crawl:Own.work"),
        ("crawl.py", "tools.text:split", "tools.text:split"),
        ("package.module", "__main__:work", "package.module:work"),
        ("my-crawl.py", "__main__:work", ""),
        ("queue.py", "__main__:work", ""),
        ("class.py", "__main__:work", ""),
        ("crawl.py", "__main__:main.<locals>.work", ""),
        ("crawl.py", "", ""),
    ],
)
def test_how_code_is_named(file: str, path: str, reference: str) -> None:
    """By the script's name as a module, where it can be imported by that."""
    assert reference == Code(file, "", ()).function(path)[0]


def test_of_a_package_it_is_its_main_module() -> None:
    """`python -m package` runs `package/__main__.py`."""
    assert "package.__main__:work" == Code("package", "", ["/x/package/__main__.py"]).function("__main__:work")[0]


def test_who_has_no_name_is_given_by_position() -> None:
    """And so is what stands before; a resource cannot be."""
    unnamed, named, resource = {"name": None, "data": 1}, {"name": "n", "data": 2}, {"name": None, "resource": "x"}
    assert ({"args": [2, 1], "kwargs": {"n": 2}}, "") == keywords([named, unnamed, named])
    assert "whose name is not known" in keywords([resource])[1]
    assert "'n' is no data" in keywords([{"name": "n", "value": "<Foo>"}])[1]


def test_what_is_no_data() -> None:
    """An object, a number without an end, what is too much or too deep, and what cannot stand in a file."""
    deep: list[Any] = []
    for _ in range(20):
        deep = [deep]
    for value in (
        object(),
        float("inf"),
        1 << 64,
        list(range(2_000)),
        "x" * 5_000,
        deep,
        "\ud800",
        "\x1b",
        {(): object()},
    ):
        with pytest.raises(NotDataError):
            data_of(value)
    assert {"date": "2026-01-31"} == data_of(datetime.date(2026, 1, 31))


def test_the_log_of_a_scenario_is_refused() -> None:
    """It has its scenario already."""
    with pytest.raises(UsageError, match="only the log of a script"):
        render([{"event": "scenario.started", "file": "own.yaml", "t": 0.0}], None)


def stopped(cause: str, **blocked: Any) -> list[dict[str, Any]]:
    """Return the events of a deadlock in which the main program was blocked."""
    main = {"process": "MainProcess", "thread": None, "resource": None, "end": None} | blocked
    return [
        {"event": "scenario.stalled", "t": 0.5, "cause": cause, "processes": [main], "threads": []},
        *([{"event": "scenario.timed_out", "t": 0.5, "timeout": 6.0}] if cause == "deadline" else []),
        {"event": "queue.left_over", "t": 9.0, "process": "MainProcess", "queue": "tasks (crawl.py:1)", "pills": 1},
    ]


def written_after(end: list[dict[str, Any]], **given: Any) -> tuple[str, dict[str, Any]]:
    """Return the scenario of a log with these events at its end, which has to be valid; and as PyYAML reads it."""
    written = render([*log(**given), *end], "")
    assert () == loader.load_text(written, use_cache=False).errors, written
    return written, yaml.safe_load(written)


def test_a_wait_that_never_ended_is_the_last_step() -> None:
    """What the log has after that, when the runner stops everybody, is neither a step nor expected."""
    written, found = written_after(stopped("deadlock", operation="put", resource="tasks (crawl.py:1)"))
    assert [{"start": "Process-1"}, {"put": 1, "to": "tasks"}, {"put": None, "to": "tasks"}] == found["main"]
    assert "# here it waited for ever; with which item is not recorded" in written
    assert [{"event": "scenario.stalled", "cause": "deadlock"}] == [each["exists"] for each in found["expect"]]


def test_a_deadline_is_that_of_the_scenario() -> None:
    """The main program, which was in no wait, takes until then."""
    _, found = written_after(stopped("deadline", operation=None))
    assert (6.0, {"sleep": 3_600}) == (found["timeout"], found["main"][-1])
    assert [{"event": "scenario.timed_out"}] == [each["exists"] for each in found["expect"]]


def test_what_is_a_matter_of_time_is_only_allowed() -> None:
    """A lost item; and whom the main program has left by os._exit(), for whom that of a scenario waits."""
    main = {"process": "MainProcess", "exitcode": 0, "cause": "vanished", "signal": None, "allowed": False}
    _, found = written_after(
        [
            {"event": "queue.items_lost", "t": 0.1, "process": "Process-1", "queue": "tasks (crawl.py:1)", "count": 1},
            {"event": "process.orphaned", "t": 0.2, "process": "Process-1"},
            {"event": "process.exited", "t": 0.3, **main},
        ]
    )
    assert {"exit": 0} == found["main"][-1]
    allowed = ["scenario.stalled", "process.orphaned", "queue.items_lost"]
    assert [({"event": each}, 0) for each in allowed] == [(each["count"], each["at_least"]) for each in found["expect"]]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("<bytes of 500000>", "# no data, or too much of it: this is only what the log shows of it"),
        ("<not recorded>", "# not recorded (--no-payloads)"),
    ],
)
def test_what_stands_for_an_item_promises_no_deadlock(item: str, words: str) -> None:
    """A comment says so; the deadlock may come again, and need not."""
    written, found = written_after(stopped("deadlock", operation="join_queue"), put={"item": item, "data": None})
    assert words in written
    assert ({"event": "scenario.stalled"}, 0) == (found["expect"][0]["count"], found["expect"][0]["at_least"])
    assert ("not recorded" in item) == ("(--no-payloads): '<not recorded>' is for it" in written)


def test_what_the_validator_says_stands_in_the_head() -> None:
    """Errors, with the lines on which they are then, and otherwise warnings; no words if there are none."""
    valid = render(log(), "")
    invalid = f"{valid}  - get: nothing\n"
    headed = with_problems(invalid, loader.load_text(invalid, use_cache=False).problems)
    (error,) = loader.load_text(headed, use_cache=False).errors
    assert "# THIS FILE IS NOT VALID. What was recorded cannot be said like this; mend" in headed
    assert f"#   line {error.where.line}: {error.what}\n" in headed
    warnings = loader.load_text(valid, use_cache=False).warnings
    assert ("`run-scenario validate` warns of" in with_problems(valid, warnings)) == bool(warnings)
    assert valid == with_problems(valid, ())
