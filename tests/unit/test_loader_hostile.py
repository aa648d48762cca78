"""Hostile inputs: each is answered in little time, with problems and never with a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effort import examples, in_part, is_cheap
from run_scenario.loader import format_problem, load, load_text
from run_scenario.loader.problems import MAX_PROBLEMS

BUDGET = 0.5
"""Seconds of processor time that any input may cost, jsonschema's import not counted."""


def _process(extra: str) -> str:
    return f"version: 1\nprocesses:\n  - target: sleep\n    kwargs: {{seconds: 1}}\n{extra}"


def _nested_aliases() -> str:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)]
    return "\n".join(lines)


def _steps(steps: str) -> str:
    return f"version: 1\nqueues: {{q: {{}}}}\nprocesses:\n  - name: P\n    steps: {steps}\n"


HOSTILE: dict[str, Callable[[], str]] = {
    "alias bomb": _nested_aliases,
    "merge bomb": lambda: "a: &a {k: v}\n" + "".join(f"b{n}:\n  <<: [{', '.join(['*a'] * 50)}]\n" for n in range(100)),
    "brackets, 30,000 deep": lambda: "[" * 30_000,
    "brackets on lines, 30,000 deep": lambda: "[\n" * 30_000,
    "braces, 30,000 deep": lambda: "{a: " * 30_000,
    "lists, 30,000 deep": lambda: "- " * 30_000,
    "question marks, 30,000 deep": lambda: "? " * 30_000,
    "100,000 scalars": lambda: "[" + "x," * 100_000 + "]",
    "10,000 items": lambda: _process("queues: {q: {items: [" + "1," * 9_900 + "]}}\n"),
    "3,000 calls": lambda: "version: 1\nqueues:\n  q:\n    items:\n" + "      - {call: is_prim}\n" * 3_000,
    "4,000 unknown keys": lambda: _process("".join(f"key{n}: 1\n" for n in range(4_000))),
    "1,500 unknown processes": lambda: "version: 1\nprocesses:\n" + "".join(f"  - tar{n}: x\n" for n in range(1_500)),
    "2,000 queues nobody finds": lambda: (
        "version: 1\nqueues:\n"
        + "".join(f"  queue-number-{n}: {{}}\n" for n in range(2_000))
        + "processes:\n"
        + "".join(f"  - {{target: call_method, from: queue-numbr-{n}}}\n" for n in range(1_000))
    ),
    "800 expectations of 1,000 queues": lambda: (
        "version: 1\nqueues:\n"
        + "".join(f"  q{n}:\n" for n in range(1_000))
        + "processes: [{target: hang}]\nexpect:\n"
        + "".join(f"  - exists: {{queue: q{n}}}\n" for n in range(800))
    ),
    "exit codes of 3,000 strangers": lambda: (
        "version: 1\nprocesses: [{target: hang}]\nexpect:\n  - exitcodes: {"
        + ", ".join(f"P{n}: 0" for n in range(3_000))
        + "}\n"
    ),
    "1,000 matchers of fields that are not there": lambda: (
        "version: 1\nprocesses: [{target: hang}]\nexpect:\n  - order: ["
        + ", ".join(f"{{event: process.exited, exitcod{n}: {n}}}" for n in range(1_000))
        + "]\n"
    ),
    "1,000 relays in a row": lambda: (
        "version: 1\nqueues:\n"
        + "".join(f"  q{n}: {{}}\n" for n in range(1_001))
        + "processes:\n"
        + "".join(f"  - {{target: relay, from: q{n}, to: q{n + 1}}}\n" for n in reversed(range(1_000)))
    ),
    "9,000 joins of strangers beside 2,000 replicas": lambda: (
        "version: 1\nprocesses: [{target: hang, replicas: 2000}]\nmain: [{join: ["
        + ", ".join(f"Q{n}" for n in range(9_000))
        + "]}]\n"
    ),
    "3,000 steps with 2,000 replicas, and a slip": lambda: (
        "version: 1\nprocesses: [{name: P, target: hang, replicas: 2000}]\nmain:\n"
        + "".join(f"  - {{start: P-{n}}}\n" for n in range(1, 2_001))
        + "".join(f"  - {{join: P-{n}}}\n" for n in range(1_000))
    ),
    "2,400 steps for each of 2,000 replicas": lambda: (
        "version: 1\nprocesses: [{name: A, target: print_info, replicas: 2000}]\nmain: [{start: A},"
        + "{is_alive: A}," * 2_400
        + "]\n"
    ),
    "4,000 uses of a pool of 800 calls": lambda: (
        "version: 1\npools: {p: {processes: 1, calls: ["
        + "{apply: square, args: [1]}," * 800
        + "]}}\nmain: [{use: ["
        + "p," * 4_000
        + "]}]\n"
    ),
    "1,200 calls over 100,000 numbers": lambda: (
        "version: 1\npools: {p: {processes: 1, calls: [" + "{map: square, over: {range: 100000}}," * 1_200 + "]}}\n"
    ),
    "2,000 exit codes, 1,000 times": lambda: (
        "version: 1\nprocesses: [{name: A, target: print_info, replicas: 2000}]\nexpect:\n"
        + ("  - all_of: [" + "exitcodes: {A: 0}," * 100 + "]\n") * 10
    ),
    "4,900 arguments for 2,000 replicas": lambda: (
        "version: 1\nprocesses: [{target: 'p:f', replicas: 2000, kwargs: {"
        + ", ".join(f"k{n}: 1" for n in range(4_900))
        + "}}]\n"
    ),
    "1,600 pipes between 2,001 processes": lambda: (
        "version: 1\npipes: {"
        + ", ".join(f"p{n}: " for n in range(1_600))
        + "}\nprocesses:\n  - {target: 'p:f', replicas: 2000, uses: {"
        + ", ".join(f"a{n}: p{n}.left" for n in range(1_600))
        + "}}\n  - {target: 'p:f', uses: {"
        + ", ".join(f"a{n}: p{n}.right" for n in range(1_600))
        + "}}\n"
    ),
    "800 gets beside 1,000 processes": lambda: (
        "version: 1\nqueues: {q: }\nprocesses:\n"
        + "  - {target: 'p:f', uses: q}\n" * 1_000
        + "main: ["
        + "{put: 1, to: q}," * 800
        + "{get: ["
        + "q," * 800
        + "]}]\n"
    ),
    "names of 95,000 characters": lambda: (
        "version: 1\nprocesses:\n  - {target: poll, to: " + "x" * 95_000 + "}\n"
        "  - {target: hold_lock, uses: " + "y" * 95_000 + "}\n"
    ),
    "steps in steps, 20 times": lambda: _steps("[" + "{repeat: 2, steps: [" * 20 + "{print: x}" + "]}" * 20 + "]"),
    "lists in a step, 40 times": lambda: _steps("[{put: " + "[" * 40 + "$i" + "]" * 40 + ", to: nowhere}]"),
    "an expression of 490 brackets": lambda: _steps("[{print: '${" + "(" * 490 + "}'}]"),
    "an expression of 240 parentheses": lambda: _steps("[{print: '${" + "(" * 240 + "i" + ")" * 240 + "}'}]"),
    "an expression with 480 signs": lambda: _steps("[{print: '${" + "-" * 480 + "i}'}]"),
    "2,000 expressions with unknown names": lambda: _steps(
        "[" + ", ".join(f"{{print: $name{n}}}" for n in range(2_000)) + "]"
    ),
    "lists that wander": lambda: "version: 1\nprocesses:\n" + "  - target: sleep\n" * 6_000 + " - target: sleep\n",
    "spaces are missing": lambda: "key:value\n" * 20_000 + "version: 1\n",
    "2,000 processes of one name": lambda: "version: 1\nprocesses:\n" + "  - {name: A, target: pids}\n" * 1_600,
    "5,000 errors of YAML": lambda: "version: 1\ntitle: [" + "yes," * 5_000 + "]",
    "duplicate keys": lambda: _process("title: x\n" * 4_000),
    "replicas times processes": lambda: (
        "version: 1\nprocesses:\n" + "  - {name: A, target: print_info, replicas: 2000}\n" * 1_200
    ),
    "2,000 replicas whose lock is not there": lambda: (
        "version: 1\nshared: {crew: {type: SharedMemory, size: 8, lock: x, replicas: 2000}}\n"
    ),
    "an integer of 200,000 digits": lambda: _process(f"timeout: {'9' * 200_000}"),
    "a float of 200,000 digits": lambda: _process(f"timeout: 0.{'9' * 200_000}"),
    "a key of 200,000 characters": lambda: _process(f"? {'k' * 200_000}\n: 1"),
    "a name of 200,000 characters": lambda: f"version: 1\nprocesses:\n  - name: {'n' * 200_000}\n    target: x\n",
    "a target of 200,000 characters": lambda: f"version: 1\nprocesses:\n  - target: {'n' * 200_000}\n",
    "a colon's worth of base 60": lambda: _process("timeout: 1" + ":59" * 80_000),
    "underscores": lambda: _process("timeout: 1" + "_" * 200_000),
    "a quote of blank lines": lambda: _process("title: '" + "\n" * 200_000),
    "comments": lambda: _process("# x\n" * 60_000),
    "spaces": lambda: _process(" " * 250_000),
    "tabs": lambda: _process("\t" * 250_000),
    "documents": lambda: "---\n" * 60_000,
    "too large": lambda: "x" * 300_000,
    "surrogates": lambda: _process("title: \ud800"),
}


HARMLESS = {"10,000 items", "1,000 relays in a row", "800 expectations of 1,000 queues", "comments", "spaces"}
HARMLESS |= {"800 gets beside 1,000 processes"}
"""What is only long."""


@pytest.mark.parametrize("name", in_part(HOSTILE, 3))
def test_hostile_text_is_cheap(name: str) -> None:
    """A hostile text costs less than half a second and gives bounded problems."""
    load_text("version: 2", use_cache=False)  # jsonschema is imported once
    text = HOSTILE[name]()
    loaded = load_text(text, use_cache=False)
    report = "".join(format_problem(problem) for problem in loaded.problems)

    assert is_cheap(lambda: [format_problem(each) for each in load_text(text, use_cache=False).problems], BUDGET)
    assert len(loaded.problems) <= MAX_PROBLEMS + 1
    assert len(report) < 100_000
    assert loaded.scenario is None or name in HARMLESS


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.endswith("deep")])
def test_too_deep_says_so(name: str) -> None:
    """Whether libyaml stops first or we do: what is wrong is that it is too deep."""
    problems = load_text(HOSTILE[name](), use_cache=False).problems

    assert ["lists and mappings are nested more than 48 deep here"] == [problem.what for problem in problems]


def test_a_key_beyond_the_reach_of_yaml() -> None:
    """Of a key whose colon YAML does not find, it is not said that the colon is missing."""
    problems = load_text(_process(f"{'k' * 5_000}: 1\n"), use_cache=False).problems

    assert ["this key has more than 1024 characters; the maximum is 200"] == [problem.what for problem in problems]


HEAVIEST = ("alias bomb", "3,000 calls", "2,000 queues nobody finds", "2,000 processes of one name", "10,000 items")
HEAVIEST += (
    "2,400 steps for each of 2,000 replicas",
    "1,200 calls over 100,000 numbers",
    "2,000 exit codes, 1,000 times",
)
HEAVIEST += ("4,900 arguments for 2,000 replicas", "replicas times processes")
MEMORY = 100
"""Megabytes that the whole command may take to refuse anything."""


@pytest.mark.campaign
def test_hostile_text_is_small(tmp_path: Path) -> None:
    """The command refuses the heaviest texts, all in one process, in less than 100 MB."""
    for number, name in enumerate(HEAVIEST):
        (tmp_path / f"{number}.yaml").write_text(HOSTILE[name]())
    command = [sys.executable, "-m", "run_scenario", "validate", *map(str, sorted(tmp_path.glob("*.yaml")))]
    # In a small process of its own: memory before exec counts, and that of the tests is large.
    code = "import resource, subprocess, sys; status = subprocess.run(sys.argv[1:], capture_output=True).returncode; "
    code += "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, timeout=60)

    status, megabytes = map(int, done.stdout.split())

    assert 2 == status
    assert megabytes < MEMORY


def test_many_problems_are_counted() -> None:
    """Beyond a hundred problems, one more says how many there are."""
    values = ",".join(f"0{number}" for number in range(1, 501))
    loaded = load_text(f"version: 1\ntitle: [{values}]", use_cache=False)

    assert MAX_PROBLEMS + 1 == len(loaded.problems)
    assert "and 402 more problems" == loaded.problems[-1].what  # 500 values, the title, the missing processes


def test_a_repeated_mistake_is_counted() -> None:
    """One kind of mistake is told three times, and then how often it is there, and where; others are told beside it."""
    text = "version: 1\nprocesses:\n" + "  - *a\n" * 90 + "  - target: slep\n"
    problems = load_text(text, use_cache=False).problems

    assert ["an alias (*a) is not allowed in a scenario"] * 3 == [problem.what for problem in problems[:3]]
    assert "87 more like the last: an alias (*a) is not allowed in a scenario" == problems[3].what
    assert problems[3].hint.startswith("on lines 6, 7, 8, ")
    assert ["there is no built-in target 'slep'"] == [problem.what for problem in problems[4:]]


def test_four_mistakes_of_a_kind_are_told() -> None:
    """To count a single mistake would take no fewer lines than telling it."""
    told = {
        count: len(load_text("version: 1\nprocesses: [" + "*a," * count + "]", use_cache=False).problems)
        for count in (3, 4, 5)
    }

    assert {3: 3, 4: 4, 5: 4} == told


def test_warnings_do_not_crowd_out_errors() -> None:
    """Where there are too many problems, errors are shown before warnings."""
    delays = "".join(f"  - {{target: sleep, args: [1], join_timeout: {n}}}\n" for n in range(100, 250))
    loaded = load_text(f"version: 1\ntimeout: 1\nprocesses:\n{delays}  - target: slep\n", use_cache=False)

    assert ["there is no built-in target 'slep'"] == [p.what for p in loaded.errors if "more problems" not in p.what]


@pytest.fixture
def special_files(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """A folder of things that are no ordinary files."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere.yaml")
    (tmp_path / "file").write_text("x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.yaml"))
        yield {
            "this is a named pipe, not a file": tmp_path / "pipe.yaml",
            "this is a folder, not a file": tmp_path / "folder.yaml",
            "this is a socket, not a file": tmp_path / "s.yaml",
            "this is a device, not a file": Path("/dev/zero"),
            "this path is a symbolic link that leads in a circle": tmp_path / "loop.yaml",
            "there is no such file": tmp_path / "dangling.yaml",
            "this file cannot be read: not a directory": tmp_path / "file" / "x.yaml",
            "this file cannot be read: file name too long": tmp_path / ("n" * 300),
            "this file cannot be read: it is not a valid path": tmp_path / "nul\0.yaml",
        }


def test_special_files(special_files: dict[str, Path]) -> None:
    """What is no ordinary file is refused unread, and nothing waits for a writer."""
    for what, path in special_files.items():
        loaded = load(path)
        assert (what, None) == (loaded.problems[0].what, loaded.scenario)


def test_a_missing_file_has_a_neighbour(tmp_path: Path) -> None:
    """For a missing file, one of a similar name in the same folder is suggested."""
    (tmp_path / "daemon.yaml").write_text("version: 1\n")

    assert "did you mean 'daemon.yaml'?" == load(tmp_path / "deamon.yaml").problems[0].hint
    assert "did you mean 'daemon.yaml'?" == load(tmp_path / "daemon.yml").problems[0].hint
    (tmp_path / "base.yaml").touch()
    assert "" == load(tmp_path / "nope.yaml").problems[0].hint  # only their suffixes are alike


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file of a gigabyte is refused at once."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(2**30)
    assert "this file is larger than 256 KiB, the maximum for a scenario" == load(path).problems[0].what
    assert is_cheap(lambda: load(path), BUDGET)


def test_utf_16_without_a_mark(tmp_path: Path) -> None:
    """UTF-16 is recognised by its NUL bytes, too."""
    path = tmp_path / "wide.yaml"
    path.write_bytes("version: 1".encode("utf-16-le"))

    assert "this file is in UTF-16 or UTF-32" == load(path).problems[0].what


@examples(150)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Any text gives a scenario or errors, never an exception."""
    loaded = load_text(text, use_cache=False)

    assert (loaded.scenario is None) == bool(loaded.errors)


_KEYS = ["name", "target", "args", "kwargs", "daemon", "delay", "join", "join_timeout", "terminate", "kill"]
_KEYS += ["exitcode", "replicas", "from", "to", "uses", "x"]
_QUEUE_KEYS = ["type", "maxsize", "items", "poison_pills", "collect", "close", "join_thread", "join", "x"]
_WORDS = ["version", "processes", "queues", "sleep", "consume", "tasks", "items", "call", "is_prime", "true", "yes"]
_WORDS += ["1", "-1", "1e3", "0644", "null", "~", "é", *"&*!-:,[]{}'|>#%@", "<<", '"', "\\", "\t"]
_words = st.sampled_from(_KEYS + _WORDS)
_lines = st.tuples(st.integers(0, 4), st.lists(_words, max_size=6)).map(lambda line: "  " * line[0] + " ".join(line[1]))


@examples(200)
@given(st.lists(_lines, max_size=12))
def test_any_words(lines: list[str]) -> None:
    """Any heap of the language's own words gives a scenario or errors, never an exception."""
    loaded = load_text("version: 1\n" + "\n".join(lines), use_cache=False)

    assert (loaded.scenario is None) == bool(loaded.errors)
    for problem in loaded.problems:
        assert all(line.isprintable() for line in format_problem(problem).split("\n"))


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(0, 5) | st.sampled_from(["sleep", "tasks", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["call", "args", "kwargs", "seconds", "work", "inbox", "name", "target", "tasks", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_scenarios = st.fixed_dictionaries(
    {"version": st.just(1), "processes": st.lists(st.dictionaries(st.sampled_from(_KEYS), _values, max_size=6))},
    optional={
        "queues": st.dictionaries(
            st.sampled_from(["tasks", "x", "1"]), st.dictionaries(st.sampled_from(_QUEUE_KEYS), _values) | _values
        ),
        "timeout": _values,
        "title": _values,
    },
)


@examples(250)
@given(_scenarios)
def test_any_structure(data: dict[str, object]) -> None:
    """Any value in any place gives a scenario or errors, never an exception."""
    loaded = load_text(json.dumps(data), use_cache=False)

    assert (loaded.scenario is None) == bool(loaded.errors)
