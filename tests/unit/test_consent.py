"""Ways to have code run that nobody has allowed, tried on what decides about it: each is refused."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import util
from pathlib import Path

import pytest

from run_scenario.cli import main
from run_scenario.cli.parser import COMMANDS
from run_scenario.runtime.consent import Resolver, check_call, keep_interpreters_out_of_this_folder
from run_scenario.runtime.refusal import RefusedError
from run_scenario.scenario.model import CallSpec
from run_scenario.targets import bind, find_function, make_item

TRUSTED = '''\
import collections, contextlib, functools, multiprocessing, os, stranger, subprocess, types
from stranger import steal, Thief

def work(x=1):
    """What the person has allowed to be run."""

alias = os.system
borrowed = subprocess.run
partial = functools.partial(os.system, "true")
wrapped_partial = functools.partialmethod(steal)
bound = Thief().steal
instance = Thief()
table = {"steal": steal}
Tuple = collections.namedtuple("Tuple", "a b")

class Own(multiprocessing.Process):
    stolen = staticmethod(steal)
    hidden = Thief
    module = os

    def run(self):
        pass

class Counter:
    module = os
    stolen = staticmethod(steal)

    def count(self, number=1):
        return number

    def lazy(self):
        yield 1

    @classmethod
    def count_all(cls):
        return 0

class Like(functools.partial):
    pass

counter = Counter()
own = Own()
counting = functools.partial(counter.count, 2)
working = functools.partial(functools.partial(work), x=2)
partial_of_partial = functools.partial(functools.partial(steal))
partial_of_class = functools.partial(Own)
partial_of_lambda = functools.partial(lambda: 1)
like_a_partial = Like(work)
bound_to_a_thief = types.MethodType(work, Thief())

class Callable:
    def __call__(self):
        os.system("true")

callable_instance = Callable()
'''
STRANGER = '''\
"""A package that the trusted one imports, and that nobody has allowed."""
import multiprocessing
from pathlib import Path

def steal():
    (Path(__file__).parent / "STOLEN").touch()

class Thief(multiprocessing.Process):
    steal = steal

class _Meta(type):
    def __getattr__(cls, name):
        steal()
        raise AttributeError(name)

class Trap(metaclass=_Meta):
    pass

def __getattr__(name):
    if not name.startswith("__"):
        steal()
    raise AttributeError(name)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, with a package that is allowed and one that is not."""
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "trusted_one.py").write_text(TRUSTED)
    (installed / "stranger.py").write_text(STRANGER)
    (installed / "trusted_one_more.py").write_text("from stranger import steal\nsteal()\n")
    path = sys.path[:]
    sys.path.insert(0, str(installed))
    importlib.invalidate_caches()
    yield installed
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(installed)):
            del sys.modules[name]


ATTACKS = {
    # spelled as another package, or as none
    "stranger:steal": "which you have not allowed",
    "os:popen": "which you have not allowed",
    "trusted_one_more:steal": "which you have not allowed",
    "TRUSTED_ONE:work": "which you have not allowed",
    "trusted_one\N{FULLWIDTH FULL STOP}x:work": "which you have not allowed",
    ".trusted_one:work": "which you have not allowed",
    "__main__:work": "which you have not allowed",
    # through what an allowed module has imported
    "trusted_one:os.popen": "leads into os",
    "trusted_one:subprocess.run": "leads into subprocess",
    "trusted_one:stranger.steal": "leads into stranger",
    "trusted_one:stranger.anything": "leads into stranger",
    "trusted_one:stranger.Trap.anything": "leads into stranger",
    "trusted_one:steal": "leads to stranger.steal",
    "trusted_one:Thief": "leads to stranger.Thief",
    "trusted_one:Thief.steal": "leads into stranger.Thief",
    "trusted_one:multiprocessing.Process": "leads into multiprocessing",
    # under another name
    "trusted_one:alias": "is a 'builtin_function_or_method' object",
    "trusted_one:borrowed": "leads to subprocess.run",
    "trusted_one:partial": "is a 'builtin_function_or_method' object",
    "trusted_one:partial_of_partial": "leads to stranger.steal",
    "trusted_one:partial_of_class": "is a class",
    "trusted_one:partial_of_lambda": "is a <lambda>",
    "trusted_one:like_a_partial": "is a 'Like' object",
    "trusted_one:partial.func": "leads through a 'partial' object",
    "trusted_one:wrapped_partial": "is a 'partialmethod' object",
    "trusted_one:bound": "is a method of stranger.Thief",
    "trusted_one:bound_to_a_thief": "is a method of stranger.Thief",
    "trusted_one:counter.stolen": "leads to stranger.steal",
    "trusted_one:counter.lazy": "is a generator",
    "trusted_one:counter.module": "is a 'module' object",
    "trusted_one:counter.module.popen": "leads through a 'Counter' object",
    "trusted_one:counter.__class__": "is a class",
    "trusted_one:counter.__init_subclass__": "is a 'builtin_function_or_method' object",
    "trusted_one:own.start": "leads to multiprocessing.process.BaseProcess.start",
    "trusted_one:bound.__func__": "leads through a 'method' object",
    "trusted_one:instance.steal": "leads through a 'Thief' object",
    "trusted_one:callable_instance": "is a 'Callable' object",
    "trusted_one:callable_instance.__class__.__call__.__globals__": "leads through a 'Callable' object",
    "trusted_one:table.get": "leads through a 'dict' object",
    # through attributes that every function, class and module has
    "trusted_one:work.__globals__": "leads through a 'function' object",
    "trusted_one:work.__globals__.get": "leads through a 'function' object",
    "trusted_one:work.__class__": "leads through a 'function' object",
    "trusted_one:work.__code__.replace": "leads through a 'function' object",
    "trusted_one:__builtins__.exec": "leads through a 'dict' object",
    "trusted_one:__loader__.load_module": "leads through a 'SourceFileLoader' object",
    "trusted_one:__spec__.loader": "leads through a 'ModuleSpec' object",
    "trusted_one:Own.__base__": "leads to multiprocessing.context.Process",
    "trusted_one:Own.__mro__": "is a 'tuple' object",
    "trusted_one:Own.mro": "is a 'builtin_function_or_method' object",
    "trusted_one:Own.start": "leads to multiprocessing.process.BaseProcess.start",
    "trusted_one:Own._Popen": "leads to multiprocessing.context.Process._Popen",
    "trusted_one:Own.__reduce_ex__": "is a 'method_descriptor' object",
    "trusted_one:Own.__subclasses__": "is a 'builtin_function_or_method' object",
    "trusted_one:Own.__init_subclass__": "is a 'builtin_function_or_method' object",
    "trusted_one:Own.stolen": "leads to stranger.steal",
    "trusted_one:Own.hidden.steal": "leads into stranger.Thief",
    "trusted_one:Own.module.popen": "leads into os",
    "trusted_one:Tuple._replace": "leads to collections.Tuple._replace",
    "trusted_one:": "has no ''",
    "trusted_one:work..x": "leads through a 'function' object",
}


@pytest.mark.parametrize("reference", ATTACKS)
def test_an_attack_is_refused(folder: Path, reference: str) -> None:
    """No other code is reached from an allowed package, and nothing of a stranger's is even asked for an attribute."""
    resolve = Resolver(frozenset({"trusted_one"}), str(folder))
    with pytest.raises(RefusedError) as refused:
        resolve(reference)
    assert ATTACKS[reference] in str(refused.value)
    assert not (folder / "STOLEN").exists()


@pytest.mark.parametrize("reference", ["counter.count", "Counter.count_all", "counting", "working"])
def test_methods_and_partials_are_found(folder: Path, reference: str) -> None:
    """A method of an object or class of the module itself, and a partial of such, or of its functions, are targets."""
    assert callable(Resolver(frozenset({"trusted_one"}), str(folder))(f"trusted_one:{reference}"))


@pytest.mark.parametrize("reference", ["trusted_one:work", "trusted_one:Own", "trusted_one:Own.run"])
def test_what_is_allowed_is_found(folder: Path, reference: str) -> None:
    """The same module's own functions and classes are targets."""
    found = Resolver(frozenset({"trusted_one"}), str(folder))(reference)
    assert "trusted_one" == found.__module__


def test_every_way_to_name_code_asks(folder: Path) -> None:
    """Targets, work functions (with arguments or not), items that are calls, initializers: one decides."""
    resolve = Resolver(frozenset({"trusted_one"}), str(folder))
    name = "trusted_one:steal"
    ways = (
        lambda: bind(name, (), {}, resolve),
        lambda: bind("consume", (), {"work": name}, resolve),
        lambda: bind("consume", (), {"work": {"call": name, "kwargs": {}}}, resolve),
        lambda: bind("produce", (), {"items": [1, CallSpec(name)]}, resolve),
        lambda: make_item(CallSpec(name), resolve),
        lambda: find_function(name, resolve),
    )
    refused = 0
    for way in ways:
        with pytest.raises(RefusedError):
            way()
        refused += 1
    assert len(ways) == refused


def test_names_that_are_no_reference_are_built_ins_or_nothing(folder: Path) -> None:
    """Without a colon only the register is asked: nothing is evaluated or looked up elsewhere."""
    resolve = Resolver(frozenset({"trusted_one"}), str(folder))
    for name in (
        "exec",
        "builtins.exec",
        "__import__",
        "trusted_one.steal",
        "_descriptions",
        "time",
        "consume.__globals__",
    ):
        with pytest.raises(ValueError, match="there is no"):
            bind(name, (), {}, resolve)
        with pytest.raises(ValueError, match="there is no"):
            find_function(name, resolve)


def test_a_dotted_consent_is_for_that_part_alone(folder: Path) -> None:
    """`pkg.part` allows neither the rest of `pkg` nor what begins with the same letters."""
    resolve = Resolver(frozenset({"pkg.part"}), str(folder))
    for reference in ("pkg:f", "pkg.other:f", "pkg.partial:f"):
        with pytest.raises(RefusedError, match="which you have not allowed"):
            resolve(reference)


def test_the_scenarios_folder_lends_nothing_to_an_installed_package(folder: Path, tmp_path: Path) -> None:
    """What an allowed package imports if it is there is not found beside a stranger's scenario."""
    (folder / "polite.py").write_text("try:\n    import faster_json\nexcept ImportError:\n    pass\ndef work(): pass\n")
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "faster_json.py").write_text(f"open({str(folder / 'STOLEN')!r}, 'w')\n")
    (beside / "polite.py").write_text("raise SystemExit('the wrong one')\n")

    found = Resolver(frozenset({"polite"}), str(beside))("polite:work")

    assert "polite" == found.__module__
    assert not (folder / "STOLEN").exists()
    assert str(beside) not in sys.path


def test_an_installed_namespace_is_not_widened(folder: Path, tmp_path: Path) -> None:
    """A folder of the same name beside the scenario does not become a part of an allowed namespace package."""
    (folder / "space" / "one").mkdir(parents=True)
    beside = tmp_path / "beside"
    (beside / "space").mkdir(parents=True)
    (beside / "space" / "two.py").write_text(f"open({str(folder / 'STOLEN')!r}, 'w')\n")

    with pytest.raises(RefusedError, match=r"there is no module 'space\.two'"):
        Resolver(frozenset({"space"}), str(beside))("space.two:f")

    assert not (folder / "STOLEN").exists()


def test_a_trap_in_an_allowed_module_is_told_in_words(folder: Path) -> None:
    """Allowed code may do anything when it is asked for an attribute; raising is no traceback of ours."""
    (folder / "trap.py").write_text("def __getattr__(name):\n    raise RuntimeError('no \\x1b[31m reason')\n")
    with pytest.raises(RefusedError, match="cannot find 'trap:f': RuntimeError at 'f'"):
        Resolver(frozenset({"trap"}), str(folder))("trap:f")


def test_a_huge_signature_is_cut(folder: Path) -> None:
    """The defaults of an allowed function's parameters do not flood the message."""
    (folder / "big.py").write_text(f"def work(x={'x' * 10_000!r}): pass\n")
    with pytest.raises(RefusedError) as refused:
        check_call("big:work", Resolver(frozenset({"big"}), str(folder))("big:work"), (1, 2, 3), ())
    assert len(str(refused.value)) < 500


def test_helpers_import_nothing_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreters that multiprocessing starts do not take a module of the current folder for one of Python's."""
    (tmp_path / "multiprocessing.py").write_text("raise SystemExit('the wrong one')\n")
    monkeypatch.setattr(util, "_args_from_interpreter_flags", util._args_from_interpreter_flags)
    monkeypatch.chdir(tmp_path)
    keep_interpreters_out_of_this_folder()

    arguments = util._args_from_interpreter_flags()
    code = "import multiprocessing; print(multiprocessing.__file__)"
    done = subprocess.run([sys.executable, *arguments, "-c", code], capture_output=True, text=True, timeout=60)

    assert multiprocessing.__file__ == done.stdout.strip(), done.stderr
    assert os.getcwd() == str(tmp_path)


RUNNING = {"run", "record", "compare", "grade", "exercise", "predict", "learn", "explore", "replay"}
"""The commands that are there to run code."""
LOOKING = {
    "validate": ["own.yaml"],
    "plan": ["own.yaml"],
    "python": ["own.yaml"],
    "check": ["log.jsonl", "own.yaml"],
    "recover": [],
    "inspect": [str(os.getpid())],
    "show": ["log.jsonl"],
    "list": ["--search", "canary"],
    "targets": ["canary"],
    "schema": [],
    "completion": ["bash"],
}
"""All others, with arguments that name what must not be imported; of `show` a test of its own has more."""
CANARY = """\
version: 1
start_method: spawn
queues: {q: {items: [{call: "canary:work"}], poison_pills: true}}
processes:
  - {target: "canary:Own"}
  - {target: consume, from: q, kwargs: {work: "canary:work"}}
  - {target: produce, to: q, kwargs: {items: [{call: "canary:work"}]}}
pools: {p: {initializer: "canary:work", calls: [{map: "canary:work", over: [1], raises: CanaryError}]}}
expect: [{exitcodes: {Process-1: 0}}]
"""


def test_looking_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No command but those that run scenarios imports what a scenario names, though it is there and allowed."""
    (tmp_path / "canary.py").write_text("raise SystemExit('the canary was imported')\n")
    (tmp_path / "own.yaml").write_text(CANARY)
    event = '{"event": "scenario.started", "t": 0, "seq": 1, "run": "r", "process": "run-scenario", "pid": 1}\n'
    (tmp_path / "log.jsonl").write_text(event)
    (tmp_path / "pyproject.toml").write_text('[tool.run-scenario]\nallow = ["canary"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    assert set(COMMANDS) == RUNNING | set(LOOKING), "say of a new command whether it runs code"
    for command, arguments in LOOKING.items():
        status = main([command, *arguments])
        assert (status == 0) == (command not in ("check", "targets")), (command, capfd.readouterr().err)
    assert "canary" not in sys.modules
    assert "the canary was imported" not in "".join(capfd.readouterr())
    assert ["canary.py", "log.jsonl", "own.yaml", "pyproject.toml"] == sorted(os.listdir(tmp_path))


def test_showing_runs_nothing_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A graph is drawn without a run; what needs a run is refused where somebody's code would run, allowed or not."""
    (tmp_path / "canary.py").write_text("raise SystemExit('the canary was imported')\n")
    (tmp_path / "own.yaml").write_text(CANARY)
    (tmp_path / "pyproject.toml").write_text('[tool.run-scenario]\nallow = ["canary"]\n')
    monkeypatch.chdir(tmp_path)

    assert 0 == main(["show", "own.yaml", "--as", "graph"])
    assert 2 == main(["show", "own.yaml", "--as", "table"])
    told = capfd.readouterr().err
    assert "own.yaml names code of canary" in told
    assert "run-scenario run own.yaml --allow canary --timeline" in told
    assert "canary" not in sys.modules
