"""Loading: what comes out, what is remembered, and that nothing a scenario names is ever imported."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from run_scenario import bundled
from run_scenario.errors import InvalidScenario, Problem
from run_scenario.language import check, load, load_text
from run_scenario.language.remembered import Memory
from run_scenario.language.stamps import MAX_STAMPS, Stamps, default_folder
from run_scenario.model import MAX_PROCESSES, CallSpec, Connection, Location, Scenario

VALID = "version: 1\nprocesses:\n  - target: print_info\n"
NO_STAMPS = Stamps(None)


def test_where_a_scenario_comes_from(tmp_path: Path) -> None:
    """A scenario knows its name, its file as given, its absolute path and its digest."""
    path = tmp_path / "my.daemon.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.encode())
    scenario = load(path, file="my.daemon.yaml", stamps=NO_STAMPS).require()

    assert ("my.daemon", "my.daemon.yaml", str(path)) == (scenario.name, scenario.file, scenario.path)
    assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == scenario.digest


def test_defaults() -> None:
    """What a file does not say is multiprocessing's own default."""
    scenario = load_text(VALID, file="a.yaml", stamps=NO_STAMPS).require()
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
        stamps=NO_STAMPS,
    ).require()

    assert ["A-1", "A-2", "Process-3", "Process-4", "B-1", "Process-6"] == [p.name for p in scenario.processes]


def test_replicas_as_many_as_processors() -> None:
    """`cpu_count` is multiprocessing's cpu_count()."""
    loaded = load_text(f"{VALID}    replicas: cpu_count\n", stamps=NO_STAMPS)

    assert (os.cpu_count() or 1) == len(loaded.require().processes)


def test_connections_and_calls_are_located() -> None:
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
        stamps=NO_STAMPS,
    ).require()

    assert CallSpec("square", (2,), {}, Location("a.yaml", 3, 15)) == scenario.queues[0].items[0]
    assert [
        (Connection("inbox", "q", "from", Location("a.yaml", 5, 33)),),
        (Connection("q", "q", "uses", Location("a.yaml", 6, 40)),),
    ] == [process.connections for process in scenario.processes]


def test_targets_are_located() -> None:
    """Each process knows where it stands and where the value of its target stands, replicas included."""
    scenario = load_text(
        "version: 1\nprocesses:\n  - {replicas: 2, target: sleep}\n  - name: A\n    target: 'mypkg.work:crawl'\n",
        file="a.yaml",
        stamps=NO_STAMPS,
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

    assert {"evil"} == load_text(text, stamps=NO_STAMPS).require().packages


def test_nothing_is_interpolated() -> None:
    """What looks like a variable is text."""
    assert (
        "${HOME} $HOME %(x)s {x}"
        == load_text(f"title: ${{HOME}} $HOME %(x)s {{x}}\n{VALID}", stamps=NO_STAMPS).require().title
    )


def test_the_most_processes() -> None:
    """Exactly as many processes as are allowed are allowed."""
    assert MAX_PROCESSES == len(
        load_text(f"{VALID}    replicas: {MAX_PROCESSES}\n", stamps=NO_STAMPS).require().processes
    )


def test_an_invalid_scenario_raises_when_required(tmp_path: Path) -> None:
    """Whoever needs the scenario gets all problems in one exception."""
    (tmp_path / "a.yaml").write_text("version: 1\n")

    with pytest.raises(InvalidScenario, match=r"a.yaml:1:1: a scenario needs the key 'processes'"):
        load(tmp_path / "a.yaml", stamps=NO_STAMPS).require()
    assert 1 == len(check(tmp_path / "a.yaml", stamps=NO_STAMPS))


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
from run_scenario.language import load
loaded = load("a.yaml")
assert loaded.scenario is not None, loaded.problems
assert "evil" not in sys.modules
assert {"evil"} == loaded.scenario.packages
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    assert not marker.exists()


def test_a_text_is_compared_with_the_schema_once(tmp_path: Path) -> None:
    """A text that was found to fit is not compared again: jsonschema is not even imported."""
    (tmp_path / "a.yaml").write_text(VALID)
    code = """
import sys
from run_scenario.language import load
assert load("a.yaml").scenario is not None
print("jsonschema" in sys.modules, "difflib" in sys.modules)
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, check=True, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        ).stdout

    assert "True" == run().split()[0]
    assert ["False", "False"] == run().split()
    (tmp_path / "a.yaml").write_text(VALID + "# changed\n")
    assert "True" == run().split()[0]


def test_an_invalid_text_is_not_stamped(tmp_path: Path) -> None:
    """What does not fit is compared, and refused, each time."""
    stamps = Stamps(tmp_path)
    for text in (f"{VALID}x: 1\n", f"{VALID}    daemon: yes\n"):
        assert load_text(text, stamps=stamps).scenario is None
        assert load_text(text, stamps=stamps).scenario is None
    assert [] == list(tmp_path.iterdir())


def test_a_stamped_text_is_checked_all_the_same(tmp_path: Path) -> None:
    """A stamp says that the shape is right; whether the parts fit together is looked at each time."""
    stamps = Stamps(tmp_path)
    text = "version: 1\nprocesses:\n  - target: slep\n"

    assert load_text(text, stamps=stamps).problems == load_text(text, stamps=stamps).problems
    assert 1 == len(list(tmp_path.iterdir()))


def test_a_forged_stamp_makes_no_traceback(tmp_path: Path) -> None:
    """Even if a text that does not fit was stamped, loading it raises nothing."""

    class Forged(Stamps):
        def has(self, key: str) -> bool:
            return True

    for text in (
        "version: 1\nprocesses: [1, {target: [x], args: 3, from: {a: [1]}, replicas: x}]\nqueues: 3\n",
        "5",
        "[]",
    ):
        load_text(text, stamps=Forged(tmp_path))


def test_stamps_are_pruned(tmp_path: Path) -> None:
    """There are never more than some hundred stamps."""
    stamps = Stamps(tmp_path)
    for number in range(MAX_STAMPS + 20):
        stamps.add(f"{number:064x}")

    assert len(list(tmp_path.iterdir())) <= MAX_STAMPS
    assert stamps.has(f"{MAX_STAMPS + 19:064x}")


def test_a_cache_that_cannot_be_used_is_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that is a file, or a path that is none, changes nothing."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "nul\0", tmp_path / ("n" * 300)):
        assert load_text(VALID, stamps=Stamps(folder)).scenario is not None

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / ".cache" / "run-scenario" / "fits-schema" == default_folder()


def test_a_sound_text_is_read_once(tmp_path: Path) -> None:
    """What came of it is remembered, warnings included, and is the same under another name, where it now lies."""
    taker = "  - {target: consume, from: q, kwargs: {task_done: false}}\n"
    text = f"title: a.yaml\n{VALID}{taker}queues: {{q: {{items: [1]}}}}\n"
    memory = Memory(tmp_path / "cache")
    scenario, warnings = _sound(text, "a.yaml")
    memory.remember(text.encode(), scenario.file, (scenario, warnings))

    assert _sound(text, "another.yaml") == memory.recall(text.encode(), "another.yaml")
    assert "a.yaml" == scenario.title
    assert warnings
    assert None is memory.recall(f"{text}# changed\n".encode(), "a.yaml")
    assert [0o600] == [path.stat().st_mode & 0o777 for path in (tmp_path / "cache").iterdir()]


def _sound(text: str, file: str) -> tuple[Scenario, tuple[Problem, ...]]:
    loaded = load_text(text, file="".join([*file]), stamps=NO_STAMPS)
    return loaded.require().replace(name="", path=""), loaded.problems


def test_each_file_is_what_it_was_when_it_is_loaded_again() -> None:
    """The second time, a scenario is recalled: with the same values, locations and warnings."""
    for path in bundled.scenarios()[::7]:
        first = load(path, file="first.yaml")
        assert load(path, file="again.yaml", stamps=NO_STAMPS) == load(path, file="again.yaml")
        assert first == load(path, file="first.yaml")


def test_what_is_remembered_can_only_be_values(tmp_path: Path) -> None:
    """A file in the cache that would run something, or is damaged, is as if it were not there."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    memory = Memory(tmp_path / "cache")
    sound = _sound(VALID, "a.yaml")
    memory.remember(VALID.encode(), "a.yaml", sound)
    (kept,) = (tmp_path / "cache").iterdir()
    for content in (pickle.dumps((Evil(), ())), kept.read_bytes()[:-20], b"", pickle.dumps((1, 2))):
        kept.write_bytes(content)
        assert None is memory.recall(VALID.encode(), "a.yaml")
    assert not (tmp_path / "made").exists()
