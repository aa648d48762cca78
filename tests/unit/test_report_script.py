"""`run-scenario python`: what the scripts say. That they do it is tested in test_python_scripts."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from run_scenario import bundled, loader, targets
from run_scenario.loader.references import is_class
from run_scenario.report.script import layout as layout
from run_scenario.report.script.names import Inlined, docstring, identifier
from run_scenario.report.script.script import import_lines, is_named_like_a_class, script
from run_scenario.scenario import model
from run_scenario.scenario.steps import VERBS, everywhere

EXAMPLES = Path(__file__).parents[1] / "examples" / "python"
SCENARIOS = [*bundled.scenarios(), *EXAMPLES.glob("*.yaml")]
BUILT_INS = [*map(targets.find, targets.names()), *map(targets.find_work, targets.work_names())]

every_scenario = pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)


def made_from(path: Path) -> str:
    """Return the script of a scenario."""
    scenario = loader.load(str(path)).require()
    return script(scenario, loader.plan(scenario))


def made_of(text: str) -> str:
    """Return the script of a scenario without its first line, `version: 1`."""
    scenario = loader.load_text(f"version: 1\n{text}", file="test.yaml").require()
    return script(scenario, loader.plan(scenario))


@pytest.mark.parametrize("expected", sorted(EXAMPLES.glob("*.expected")), ids=lambda path: path.stem)
def test_golden_scripts(expected: Path) -> None:
    """The scripts are, letter by letter, those beside the examples."""
    path = expected.with_suffix(".yaml")
    path = path if path.exists() else bundled.find_scenario(expected.stem) or path
    assert expected.read_text(encoding="utf-8") == made_from(path)


@every_scenario
def test_scripts_are_plain_python(path: Path) -> None:
    """Each compiles without a warning, has lines of at most 100 characters, a docstring, and nothing of ours."""
    text = made_from(path)
    compile(text, path.name, "exec")
    assert [] == [line for line in text.splitlines() if len(line) > 100 or line != line.rstrip()]
    assert ast.get_docstring(ast.parse(text))
    assert "run_scenario" not in text


def test_scripts_are_clean(tmp_path: Path) -> None:
    """The usual checker finds nothing, and the usual formatter would change nothing."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    for path in SCENARIOS:
        (tmp_path / f"{path.stem}.py").write_text(made_from(path), encoding="utf-8")
    (tmp_path / "all_built_ins.py").write_text(everything(), encoding="utf-8")
    width = ["--line-length", "100"]
    rules = ["--target-version", "py311", "--select", "E,F,I,B,UP,SIM"]
    checked = subprocess.run(
        [ruff, "check", "--isolated", "--no-cache", *rules, *width, tmp_path], capture_output=True, text=True
    )
    assert "All checks passed!\n" == checked.stdout
    formatted = subprocess.run(
        [ruff, "format", "--isolated", "--no-cache", "--diff", *width, tmp_path], capture_output=True, text=True
    )
    assert "" == formatted.stdout


def everything() -> str:
    """Return a script in which every built-in stands."""
    inlined = Inlined()
    for built_in in BUILT_INS:
        inlined.add(built_in.function)
    return "\n\n\n".join(["\n".join(import_lines(inlined.imports)), *inlined.definitions.values()]) + "\n"


def test_every_built_in_can_be_shown() -> None:
    """All of them stand side by side in one script: short lines, no name used twice, no annotation left."""
    inlined = Inlined()
    for built_in in BUILT_INS:
        inlined.add(built_in.function)
    text = everything()
    tree = ast.parse(text)
    bound = [found.bound for found in inlined.imports]
    assert sorted({*bound, *inlined.definitions}) == sorted([*bound, *inlined.definitions])
    assert [] == [line for line in text.splitlines() if len(line) > 100]
    assert [] == [node for node in ast.walk(tree) if isinstance(node, ast.arg) and node.annotation is not None]


def test_the_examples_have_every_step() -> None:
    """What is tested of scripts that do the examples' steps is tested of each verb."""
    scenarios = [loader.load(str(path)).require() for path in SCENARIOS]
    programs = [each.steps for scenario in scenarios for each in scenario.processes]
    programs += [loader.plan(scenario) for scenario in scenarios]
    newer = {"interrupt"}  # Python 3.14: no example that is to be valid everywhere can have it
    assert newer == {*VERBS} - {step.verb for steps in programs for step in everywhere(steps)}


def test_only_the_helpers_that_are_needed() -> None:
    """A function brings what it calls, before it, and nothing else."""
    inlined = Inlined()
    function = targets.find_work("check_prime")
    assert function is not None
    inlined.add(function.function)
    assert ["is_prime", "check_prime"] == list(inlined.definitions)
    assert [("math", "isqrt")] == [(found.module, found.name) for found in inlined.imports]


def test_no_step_is_left_out() -> None:
    """Processes that are alike are not folded into a loop where other steps lie between."""
    text = made_of(
        "processes:\n"
        "- {name: W, replicas: 2, target: sleep, args: [1], delay: 1, join_timeout: 2}\n"
        "- {target: sleep, args: [1]}\n"
    )
    assert "    for w in ws:\n        time.sleep(1)\n        w.start()\n    process_3.start()\n" in text
    assert "    for w in ws:\n        w.join(2)\n        print(w.is_alive())" in text


@pytest.mark.parametrize("name", ["results", "item", "number", "error", "manager"])
def test_a_resource_keeps_its_name(name: str) -> None:
    """`plan` shows it under that name as well; variables of the script's own give way."""
    text = made_of(
        f"queues: {{{name}: {{type: JoinableQueue, items: [a, b, c]}}}}\n"
        "shared: {d: {type: dict}}\n"
        "pools: {p: {calls: [{imap: square, over: [1, 2], timeout: 9}, {map: fail_on, over: [1], raises: OwnError}]}}\n"
        "processes:\n"
        "- {name: W, replicas: 2, target: print_dict, uses: {mapping: d}}\n"
        f"- {{target: consume_until_empty, from: {name}}}\n"
    )
    compile(text, "script.py", "exec")
    assert f"    {name} = JoinableQueue()\n" in text
    used = {"results": "in range(2):\n        print(", "item": "for ", "number": "for ", "error": "as ", "manager": ""}
    for own, before in used.items():
        shown = {"number": "n"}.get(own, f"{own}_2") if own == name else own
        assert f"{before}{shown}" in text


IDIOMS = {
    "pools: {p: {type: executor, processes: 2, calls: [{submit: square, args: [3]}]}}": (
        "    with ProcessPoolExecutor(2) as p:\n        result = p.submit(square, 3)\n        print(result.result())\n"
    ),
    "pools: {p: {type: executor, calls: [{map: fail_on, over: [13], raises: ValueError}]}}": (
        "    with suppress(ValueError):  # expected\n        print(list(p.map(fail_on, [13])))\n\n    p.shutdown()\n"
    ),
    "processes: [{name: W, replicas: 2, target: hang}]\nmain: [{start: W}, {kill: W}, {join: W}, {is_alive: W-2}]": (
        "    for w in ws:\n        w.start()\n    for w in ws:\n        w.kill()\n"
        "    for w in ws:\n        w.join()\n    print(ws[1].is_alive())\n"
    ),
    "queues: {q: {replicas: 2, items: [1, 1, 1, 1], join: true, type: JoinableQueue}}\n"
    "processes: [{name: W, replicas: 2, target: consume, from: q-$i}]": (
        "    for q in qs:\n        for item in [1] * 4:\n            q.put(item)\n\n"
        "    for q in qs:\n        q.join()\n"
    ),
    "processes: [{name: W, restart: {max: 2, delay: 1}, steps: [{exit: 1}], exitcode: 1}]": (
        "    w_process.join()\n    for _ in range(2):\n        if w_process.exitcode == 0:\n            break\n"
        "        time.sleep(1)\n        w_process = new_w_process()\n        w_process.start()\n"
        "        w_process.join()\n"
    ),
    'processes: [{name: W, replicas: 3, target: "m:f", kwargs: {number: "${i * i}"}}]': (
        'from m import f\n\nif __name__ == "__main__":\n    its_numbers = [1, 4, 9]\n    ws = [\n'
        '        Process(name=f"W-{number}", target=f, kwargs={"number": its_number})\n'
        "        for number, its_number in enumerate(its_numbers, start=1)\n"
    ),
    "sync: {a: {type: Lock}}\nprocesses: [{name: W, steps: [{with: a, steps: [{release: a, raises: ValueError}]}]}]": (
        "    with a, suppress(ValueError):\n        a.release()\n"
    ),
    "processes: [{name: W, steps: [{let: {n: 0, s: []}}, {let: {n: '${n + 1}', s: '${s + [n]}'}}, {print: $s}]}]": (
        "    n = 0\n    s = []\n    n += 1\n    s = s + [n]\n"
    ),
    "processes: [{name: W, steps: [{let: {n: 0}}, {let: {n: '${n + randint(1, 6)}'}}, {print: $n}]}]": (
        "    n += random.randint(1, 6)\n"
    ),
    "queues: {q: {replicas: 2}}\nprocesses: [{name: W, steps: [{put: 1, to: 'q-${randint(1, 2)}'}]}]": (
        "import random\nfrom multiprocessing import Process, Queue\n\n\ndef w(qs):\n"
        '    qs[f"q-{random.randint(1, 2)}"].put(1)\n'
    ),
    "sync: {a: {type: Lock}}\npools: {p: {processes: 2, calls: [{apply: fail_on, args: [13]}]}}\n"
    "main: [{with: [a, p], steps: [{next_call: p, as: x, raises: ValueError}]}]": (
        "    with a, Pool(2) as p, suppress(ValueError):\n        x = p.apply(fail_on, (13,))\n"
    ),
    "pools: {p: {processes: 2, initializer: 'm:prepare', initargs: [a text of some length, "
    "and another of them], calls: [{map: square, over: [13]}]}}\n"
    "main: [{with: p, steps: [{next_call: p}]}]": (
        "    with Pool(\n"
        '        2, initializer=prepare, initargs=("a text of some length", "and another of them")\n'
        "    ) as p:\n        print(p.map(square, [13]))\n"
    ),
}


@pytest.mark.parametrize(("text", "expected"), IDIOMS.items())
def test_idioms(text: str, expected: str) -> None:
    """It is written as one writes it by hand; a list that others may have is never changed in place."""
    assert expected in made_of(text)


def test_true_is_not_one() -> None:
    """Two processes of which one has True where the other has 1 are not alike."""
    text = made_of('processes:\n- {target: "m:f", args: [1]}\n- {target: "m:f", args: [true]}\n')
    assert "process_1 = Process(target=f, args=(1,))\n    process_2 = Process(target=f, args=(True,))\n" in text


def test_long_numbers_of_items() -> None:
    """A thousand numbers in a row are a range."""
    text = made_of(f"queues: {{q: {{items: {list(range(1000))}}}}}\nprocesses:\n- {{target: call_method, from: q}}\n")
    assert "    for item in range(1000):\n        q.put(item)\n" in text


TITLES = ['ends with "quotes"', '"""', "\\", "back\\slash \\u", "x" * 200, "", "ünï✓", "\u202eright to left"]
TITLES += [" ", "\n\n", "\n\nx = 1", ' "quoted" ', 'x = 1\n\n\'"""']


@pytest.mark.parametrize("title", TITLES)
def test_any_title(title: str) -> None:
    """Whatever the title says, it stays in the docstring."""
    scenario = loader.load_text("version: 1\nprocesses: [{target: hang}]\n", file="a.yaml").require()
    scenario = scenario.replace(title=title, source=title)
    text = script(scenario, loader.plan(scenario))
    compile(text, "a.py", "exec")
    shown = " ".join(title.strip().replace("\n", "\\n").replace("\u202e", "\\u202e").split()) or "a"
    about = " ".join(ast.get_docstring(ast.parse(text)).split())  # type: ignore[union-attr]
    assert about.startswith(shown)
    assert title.strip() == "" or shown in about.partition("Source: ")[2]


@pytest.mark.parametrize(
    "value",
    [
        *("", "'", '"', "'\"", "\\", "\n", "\x1b", "\ud800", "😀", "{x}", "y" * 300, "\\" * 300, "'\"" * 100),
        *(None, True, -7, 1.5, 1e300, -0.0, 10**50, [], {}, [[]], {"a b": {"c": [1] * 60}}, {"'": "x" * 120}),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_plain_data_is_written_faithfully(value: object) -> None:
    """What is written, on one line or on many, is what Python reads again."""
    assert repr(value) == repr(eval(layout.flat(layout.literal(value))))
    lines = layout.layout(layout.literal(value), 4, "x = ")
    assert repr(value) == repr(eval("\n".join(lines).strip().removeprefix("x = ")))
    assert max(map(len, lines)) <= 100


def test_keywords_that_are_no_names() -> None:
    """An argument called `class`, or one that Python would rename, is unpacked from a dict."""
    written = layout.flat(layout.call("f", *layout.keywords({"a": "1", "class": "2", "ﬁ": "3"})))
    assert 'f(a=1, **{"class": 2, "ﬁ": 3})' == written


def test_a_docstring_of_several_lines() -> None:
    """Prose is filled, and the quotes stand alone."""
    assert ['    """' + "word " * 15 + "word", "    word word word word", '    """'] == docstring("word " * 20, 4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Worker 1", "worker_1"), ("x" * 100, "x" * 40), ("1", "queue_1"), ("😀", "queue"), ("_", "queue")],
)
def test_identifiers(name: str, expected: str) -> None:
    """They read like the name, as far as that is possible."""
    assert expected == identifier(name, "queue")


SOURCE = "def run(): ...\nclass lower: ...\ndef Upper(): ...\nclass Outer:\n    class Inner: ...\n    def f(): ...\n"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("mine:run", False),
        ("mine:lower", True),
        ("mine:Upper", False),
        ("mine:Outer.Inner", True),
        ("mine:Outer.f", False),
        ("mine:missing", None),
        ("other:x", None),
        ("broken:x", None),
        ("pkg.part:C", True),
    ],
)
def test_classes_are_distinguished_from_functions(reference: str, expected: bool | None, tmp_path: Path) -> None:
    """The source says which it is; nothing is imported for that."""
    (tmp_path / "mine.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "pkg" / "part").mkdir(parents=True)
    (tmp_path / "pkg" / "part" / "__init__.py").write_text("raise SystemExit\nclass C: ...\n")
    assert expected is is_class(reference, [str(tmp_path / "none"), str(tmp_path)])


def test_classes_by_their_names() -> None:
    """Where no source is to be had, the spelling decides."""
    assert [True, True, False, False] == [
        is_named_like_a_class(reference) for reference in ("m:Worker", "m.M:a._Worker", "M:worker", "m:Worker.run")
    ]


def test_parameters_that_are_read() -> None:
    """They are constants of the script; one that no expression reads at run time is none."""
    text = made_of(
        "params: {step: 3, names: [a, b], size: 2}\n"
        "queues: {step: {maxsize: $size}}\n"
        "processes:\n"
        "- {name: Step, steps: [{let: {me: 2}}, {print: '${names[me - step]}'}, {put: 1, to: step}]}\n"
        "main: [{start: Step}, {get: step, as: x}, {print: '${x + step}'}, {join: Step}]\n"
    )
    assert '\n\nstep = 3\nnames = ["a", "b"]\n\n\ndef run_step(step_queue):\n    me = 2\n' in text
    assert "    step_queue = Queue(maxsize=2)\n" in text
    assert "    x = step_queue.get()\n    print(x + step)\n" in text
    assert "size = 2" not in text


def test_a_parameter_that_is_called_as_a_function_of_the_script() -> None:
    """It has its name only where it is read: elsewhere that is the function."""
    text = made_of(
        "params: {square: 3}\n"
        "processes:\n"
        "- {name: A, steps: [{call: square, args: [2], as: x}, {print: '${x + square}'}]}\n"
        "- {name: B, steps: [{call: square, args: [4], as: x}, {print: '${x}'}]}\n"
    )
    assert "def a():\n    square = 3\n    x = call_square(2)\n    print(x + square)\n" in text
    assert "def b():\n    x = call_square(4)\n    print(x)\n" in text
    assert ["call_square = square"] == [line for line in text.splitlines() if line.endswith("= square")]


def test_a_step_without_a_statement() -> None:
    """A step that the view does not know is an error, not a gap."""
    scenario = loader.load_text("version: 1\nprocesses: [{target: hang}]\n", file="a.yaml").require()
    with pytest.raises(KeyError, match="dance"):
        script(scenario, [model.Step("dance")])
