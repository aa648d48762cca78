"""Loading: what comes out, what is cached, and that nothing a scenario names is ever imported."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from run_scenario import bundled
from run_scenario.errors import InvalidScenario
from run_scenario.loader import check, load, load_text, loading
from run_scenario.loader.loading import MAX_ENTRIES, Outcome, ScenarioCache, default_folder
from run_scenario.loader.problems import Problems
from run_scenario.loader.reading.checks import check_scenario
from run_scenario.loader.reading.draft import read_draft
from run_scenario.loader.reading.yaml_parser import InvalidNodes, parse
from run_scenario.scenario.model import MAX_PROCESSES, CallSpec, Location, ResourceBinding

VALID = "version: 1\nprocesses:\n  - target: print_info\n"


def test_where_a_scenario_comes_from(tmp_path: Path) -> None:
    """A scenario knows its name, its file as given, its absolute path and its digest."""
    path = tmp_path / "my.daemon.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.encode())
    scenario = load(path, file="my.daemon.yaml", use_cache=False).require()

    assert ("my.daemon", "my.daemon.yaml", str(path)) == (scenario.name, scenario.file, scenario.path)
    assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == scenario.digest


def test_defaults() -> None:
    """What a file does not say is multiprocessing's own default."""
    scenario = load_text(VALID, file="a.yaml", use_cache=False).require()
    process = scenario.processes[0]

    assert (None, 60.0, "", ()) == (scenario.start_method, scenario.timeout, scenario.title, scenario.queues)
    assert ("Process-1", False, False, 0.0, True) == (
        process.name,
        process.named,
        process.daemon,
        process.delay,
        process.join,
    )
    assert (None, None, None, False) == (process.join_timeout, process.stop, process.exitcodes, process.any_exitcode)


def test_names_by_position() -> None:
    """An unnamed process gets the number of its position, replicas counted one by one."""
    scenario = load_text(
        """
version: 1
processes:
  - {name: A, replicas: 2, target: print_info}
  - {target: print_info, replicas: 2}
  - {name: B, target: print_info, replicas: 1}
  - {target: print_info}
""",
        use_cache=False,
    ).require()

    assert ["A-1", "A-2", "Process-3", "Process-4", "B-1", "Process-6"] == [p.name for p in scenario.processes]


def test_replicas_as_many_as_processors() -> None:
    """`cpu_count` is multiprocessing's cpu_count()."""
    loaded = load_text(f"{VALID}    replicas: cpu_count\n", use_cache=False)

    assert (os.cpu_count() or 1) == len(loaded.require().processes)


def test_bindings_and_calls_are_located() -> None:
    """Queues that are handed over, and items that are calls, keep their place."""
    scenario = load_text(
        """version: 1
queues:
  q: {items: [{call: square, args: [2]}]}
processes:
  - {target: call_method, from: q}
  - {target: "mypkg.work:crawl", uses: q}
""",
        file="a.yaml",
        use_cache=False,
    ).require()

    assert CallSpec("square", (2,), {}, Location("a.yaml", 3, 15)) == scenario.queues[0].items[0]
    assert [
        (ResourceBinding("inbox", "q", "from", Location("a.yaml", 5, 33)),),
        (ResourceBinding("q", "q", "uses", Location("a.yaml", 6, 40)),),
    ] == [process.bindings for process in scenario.processes]


def test_targets_are_located() -> None:
    """Each process knows where it stands and where the value of its target stands, replicas included."""
    scenario = load_text(
        "version: 1\nprocesses:\n  - {replicas: 2, target: sleep}\n  - name: A\n    target: 'mypkg.work:crawl'\n",
        file="a.yaml",
        use_cache=False,
    ).require()

    first, last = Location("a.yaml", 3, 27), Location("a.yaml", 5, 13)
    assert [first, first, last] == [process.target_where for process in scenario.processes]


@pytest.mark.parametrize(
    "process",
    [
        "{target: 'evil.sub:run'}",
        "{target: consume, from: q, kwargs: {work: 'evil:run'}}",
        "{target: consume, from: q, kwargs: {work: {call: 'evil:run'}}}",
    ],
)
def test_packages_are_known_before_the_run(process: str) -> None:
    """Wherever a scenario names code of somebody's own, its package is listed, so that consent can be asked for."""
    text = f"version: 1\nqueues: {{q: {{type: JoinableQueue}}}}\nprocesses: [{process}]\n"

    assert {"evil"} == load_text(text, use_cache=False).require().packages


def test_nothing_is_interpolated() -> None:
    """What looks like a variable is text."""
    assert (
        "${HOME} $HOME %(x)s {x}"
        == load_text(f"title: ${{HOME}} $HOME %(x)s {{x}}\n{VALID}", use_cache=False).require().title
    )


def test_the_most_processes() -> None:
    """Exactly as many processes as are allowed are allowed."""
    assert MAX_PROCESSES == len(
        load_text(f"{VALID}    replicas: {MAX_PROCESSES}\n", use_cache=False).require().processes
    )


def test_an_invalid_scenario_raises_when_required(tmp_path: Path) -> None:
    """Whoever needs the scenario gets all problems in one exception."""
    (tmp_path / "a.yaml").write_text("version: 1\n")

    with pytest.raises(InvalidScenario, match=r"a.yaml:1:1: a scenario needs the key 'processes'"):
        load(tmp_path / "a.yaml", use_cache=False).require()
    assert 1 == len(check(tmp_path / "a.yaml", use_cache=False))


def test_nothing_is_imported(tmp_path: Path) -> None:
    """A module beside the file that a scenario names everywhere is not imported, nor anything in its package."""
    marker = tmp_path / "imported"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\ndef run(*args, **kwargs): pass\n")
    (tmp_path / "a.yaml").write_text(
        """version: 1
queues: {q: {type: JoinableQueue, items: [{call: "evil:run"}]}}
processes:
  - {target: "evil:run"}
  - {target: consume, from: q, kwargs: {work: "evil:run"}}
  - {target: relay, from: q, to: q, kwargs: {work: {call: "evil:run"}}}
"""
    )
    code = """
import sys
from run_scenario.loader import load
loaded = load("a.yaml")
assert loaded.scenario is not None, loaded.problems
assert "evil" not in sys.modules
assert {"evil"} == loaded.scenario.packages
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    assert not marker.exists()


def test_a_text_is_read_and_checked_once(tmp_path: Path) -> None:
    """What came of a text is found in the cache, valid or not: neither PyYAML nor jsonschema is even imported."""
    path = tmp_path / "a.yaml"
    code = """
import sys
from run_scenario.loader import load
loaded = load("a.yaml")
print(loaded.problems)
print("yaml" in sys.modules, "jsonschema" in sys.modules)
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run() -> list[str]:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, check=True, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()

    for text in (VALID, VALID + "# changed\n", VALID.replace("print_info", "slep"), "version: 1\nx: 1\n"):
        path.write_text(text)
        first, again = run(), run()
        assert ["True True", "False False"] == [first[1], again[1]]
        assert first[0] == again[0]


def test_an_invalid_text_is_refused_each_time(tmp_path: Path) -> None:
    """The cache has its problems, which are the same under another name, and no scenario."""
    cache = ScenarioCache(tmp_path / "cache")
    text = f"{VALID}x: 1\n".encode()
    outcome = _outcome(text.decode(), "a.yaml")
    cache.put(text, outcome[1][0].where.file, outcome)

    assert None is outcome[0]
    assert _outcome(text.decode(), "another.yaml") == cache.get(text, "another.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nprocesses: [1, {target: [x], args: 3, from: {a: [1]}, replicas: x}]\nqueues: 3\n",
        "5",
        "[]",
    ],
)
def test_checks_are_lenient(text: str) -> None:
    """Even if nodes that do not fit the schema were not recognised as such, checking them raises nothing."""
    problems = Problems("a.yaml", text)
    root = parse(text, problems)
    assert root is not None
    check_scenario(read_draft(root, InvalidNodes()), problems)


def test_the_cache_is_pruned(tmp_path: Path) -> None:
    """There are never more than some hundred entries; the newest stay."""
    cache = ScenarioCache(tmp_path)
    texts = [f"{VALID}# {number}\n".encode() for number in range(MAX_ENTRIES + 20)]
    outcome = _outcome(VALID, "a.yaml")
    for text in texts:
        cache.put(text, "a.yaml", outcome)

    assert len(list(tmp_path.iterdir())) <= MAX_ENTRIES
    assert outcome == cache.get(texts[-1], "a.yaml")
    assert None is cache.get(texts[0], "a.yaml")


def test_a_cache_that_cannot_be_used_is_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that is a file, or a path that is none, changes nothing."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "nul\0", tmp_path / ("n" * 300)):
        cache = ScenarioCache(folder)
        cache.put(VALID.encode(), "a.yaml", _outcome(VALID, "a.yaml"))
        assert None is cache.get(VALID.encode(), "a.yaml")
        monkeypatch.setattr(loading, "default_folder", lambda folder=folder: folder)
        assert load_text(VALID).scenario is not None

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / ".cache" / "run-scenario" / "scenarios" == default_folder()


def test_a_cached_scenario_is_the_same(tmp_path: Path) -> None:
    """Its warnings are cached with it, and both are as if the text had been read under the name it now has."""
    taker = "  - {target: consume, from: q, kwargs: {task_done: false}}\n"
    text = f"title: a.yaml\n{VALID}{taker}queues: {{q: {{items: [1]}}}}\n"
    cache = ScenarioCache(tmp_path / "cache")
    scenario, warnings = _outcome(text, "a.yaml")
    assert scenario is not None
    cache.put(text.encode(), scenario.file, (scenario, warnings))

    assert _outcome(text, "another.yaml") == cache.get(text.encode(), "another.yaml")
    assert "a.yaml" == scenario.title
    assert warnings
    assert None is cache.get(f"{text}# changed\n".encode(), "a.yaml")
    assert [0o600] == [path.stat().st_mode & 0o777 for path in (tmp_path / "cache").iterdir()]


def _outcome(text: str, file: str) -> Outcome:
    loaded = load_text(text, file="".join([*file]), use_cache=False)
    return loaded.scenario and loaded.scenario.replace(name="", path=""), loaded.problems


def test_another_text_in_an_entry_is_noticed(tmp_path: Path) -> None:
    """Two texts may have the same name in the cache; what is found is only ever that of the very text."""
    cache = ScenarioCache(tmp_path / "cache")
    texts = [f"{VALID}# {number}\n".encode() for number in range(2)]
    for text in texts:
        cache.put(text, "a.yaml", _outcome(text.decode(), "a.yaml"))
    first, second = (tmp_path / "cache").iterdir()
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)

    assert [None, None] == [cache.get(text, "a.yaml") for text in texts]


def test_each_file_is_what_it_was_when_it_is_loaded_again() -> None:
    """The second time, a scenario comes from the cache: with the same values, locations and warnings."""
    for path in bundled.scenarios()[::7]:
        first = load(path, file="first.yaml")
        assert load(path, file="again.yaml", use_cache=False) == load(path, file="again.yaml")
        assert first == load(path, file="first.yaml")


def test_an_entry_of_the_cache_can_only_be_values(tmp_path: Path) -> None:
    """A file in the cache that would run something, or is damaged, is as if it were not there."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    cache = ScenarioCache(tmp_path / "cache")
    cache.put(VALID.encode(), "a.yaml", _outcome(VALID, "a.yaml"))
    (entry,) = (tmp_path / "cache").iterdir()
    for content in (pickle.dumps((Evil(), ())), entry.read_bytes()[:-20], b"", pickle.dumps((1, 2))):
        entry.write_bytes(content)
        assert None is cache.get(VALID.encode(), "a.yaml")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("written", "expected"), [("3", {3}), ("[3, -15]", {3, -15}), ("any", None), ("$code", {4})])
def test_exit_codes_of_children(written: str, expected: set[int] | None) -> None:
    """Besides 0; None: any. They are read as those of the process itself."""
    text = f"version: 1\nparams: {{code: 4}}\nprocesses:\n  - {{target: 'm:f', children_exitcode: {written}}}\n"
    scenario = load_text(text, file="a.yaml", use_cache=False).require()
    assert expected == scenario.processes[0].children_exitcodes
