"""Parameters, matrices and replicas that differ: what is computed, before anything else looks at a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effort import examples
from run_scenario.bundled import schema_text
from run_scenario.loader import load_text
from run_scenario.loader.loading import ScenarioCache
from run_scenario.loader.reading import expansion
from run_scenario.loader.reading.structure import _of_computed
from run_scenario.scenario.model import Given, Scenario, Unread
from run_scenario.scenario.parameters import assignments


def read(text: str, **given: Any) -> Scenario:
    """Return the scenario of a text that has none of its parts but these."""
    return load_text(f"version: 1\n{text}", given=given, use_cache=False).require()


def problems(text: str, given: Given = {}) -> list[tuple[str, str]]:  # noqa: B006 (never changed)
    """Return what is wrong with a text, each with its way out."""
    loaded = load_text(f"version: 1\n{text}", given=given, use_cache=False)
    assert loaded.scenario is None
    return [(problem.what, problem.hint) for problem in loaded.errors]


SLEEPER = "processes: [{name: W, target: sleep, replicas: $n, kwargs: {seconds: $s}}]\n"


def test_a_text_that_is_one_expression_keeps_its_type() -> None:
    """Numbers, lists and mappings come as they are; in a longer text they are written into it."""
    text = """
params: {n: 2, s: 0.5, nest: [1, {a: $$5}], flag: true}
queues:
  q: {items: [$n, $nest, "${nest[0]}", "$n of $nest", $flag, "${{'a': n}}", $5, "$$n", "costs $", "${n / 4}"]}
processes: [{target: sleep}]
"""
    items = [2, [1, {"a": "$5"}], 1, "2 of [1, {'a': '$5'}]", True, {"a": 2}, "$5", "$n", "costs $", 0.5]
    assert items == list(read(text).queues[0].items)


def test_given_values_come_instead_of_those_in_the_file() -> None:
    """A parameter may read those above it, which then have the values that were given."""
    text = "params: {n: 2, s: '${n * 2}', t: '${s + n}'}\n" + SLEEPER
    assert {"n": 2, "s": 4, "t": 6} == read(text).params
    assert {"n": 3, "s": 6, "t": 9} == read(text, n=3).params
    assert {"n": 3, "s": 1, "t": 4} == read(text, n=3, s=1).params
    assert ["W-1", "W-2", "W-3"] == [process.name for process in read(text, n=3, s=1).processes]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("4", 4), ("0.5", 0.5), ("true", True), ("", None), ("four", "four"), ("'4'", "4"), ('"a\\tb"', "a\tb")),
        *(("[1, two]", [1, "two"]), ("{a: [1]}", {"a": [1]}), ("1e3", 1000.0), ("a: b", "a: b"), ("$x", "$x")),
    ],
)
def test_a_text_from_a_command_line_is_read_as_yaml(text: str, value: Any) -> None:
    """A scalar, and in brackets or quotes whatever YAML makes of it."""
    found = read("params: {s: 0}\nprocesses: [{target: print_info}]\n", s=Unread(text)).params["s"]
    assert (value, type(value)) == (found, type(found))


@pytest.mark.parametrize(
    ("given", "what", "hint"),
    [
        ({"ss": 1}, "there is no parameter 'ss' that could be set", "did you mean 's'?"),
        (
            {"n": Unread("yes")},
            "`n=yes`: a plain `yes` is true to some YAML readers and text to others",
            "write true, ",
        ),
        ({"n": Unread("[1")}, "`n=[1`: the [ on line 1 needs a , or a ] before the end of the file", ""),
        ({"n": (1, 2)}, "the value given for 'n' cannot be used: it is a tuple, which a file cannot have", ""),
        ({"n": [float("nan")]}, "the value given for 'n' cannot be used: nan is not a finite number", ""),
        ({"n": {1: 2}}, "the value given for 'n' cannot be used: the keys of a mapping are text", ""),
    ],
)
def test_a_value_that_cannot_be_given(given: dict[str, Any], what: str, hint: str) -> None:
    """It is an error at the parameter; that what reads it has no value is not another one."""
    found = problems("params: {n: 2, s: 0}\n" + SLEEPER, given)
    assert [what] == [each for each, _ in found]
    assert found[0][1].startswith(hint)


def test_nothing_can_be_given_to_a_file_without_parameters() -> None:
    """The hint says what to write."""
    found = problems("processes: [{target: sleep}]\n", {"n": 1})
    assert [("there is no parameter 'n' that could be set", "write `params: {n: …}` in the file")] == found


def test_each_combination_of_a_matrix() -> None:
    """All values of one name with all of the others, but of those that were given; a file is read with the first."""
    text = "matrix: {n: [1, 2], s: [0, 1]}\n" + SLEEPER
    found = read(text)
    assert ({"n": 1, "s": 0}, 4) == (found.params, len(found.matrix))
    assert [{"n": 1, "s": 0}, {"n": 1, "s": 1}, {"n": 2, "s": 0}, {"n": 2, "s": 1}] == list(found.matrix)
    assert ({"n": 5, "s": 0}, ({"s": 0}, {"s": 1})) == (read(text, n=5).params, read(text, n=5).matrix)
    assert ((), {"n": 2, "s": 1}) == (read(text, n=2, s=1).matrix, read(text, n=2, s=1).params)
    assert ["n=2", "s=1"] == list(assignments(read(text, n=2, s=1).params))


def test_the_value_of_a_name_of_the_matrix_in_params_is_the_usual_one() -> None:
    """Also for what is computed of it."""
    text = "params: {n: 7, s: '${n + 1}'}\nmatrix: {n: [1, 2]}\n" + SLEEPER
    assert ({"n": 7, "s": 8}, ({"n": 1}, {"n": 2})) == (read(text).params, read(text).matrix)


def test_dollars_act_in_values_only() -> None:
    """Not in texts for people, and not in names of targets; a function keeps its name whatever is set."""
    found = read("title: $n or ${n\ndescription: $x\nsource: $y\nprocesses: [{target: print_info}]\n")
    assert ("$n or ${n", "$x", "$y") == (found.title, found.description, found.source)
    what = "there is no built-in target '$t'"
    hint = "the name of a target is not computed: write it out"
    assert [(what, hint)] == problems("params: {t: sleep}\nprocesses: [{target: $t}]\n")


def test_replicas_that_are_alike_stay_one() -> None:
    """They share what they are given, as they do without parameters."""
    found = read("params: {n: 3, s: 1}\n" + SLEEPER).processes
    assert 1 == len({id(process.kwargs) for process in found})


def test_each_replica_has_its_own() -> None:
    """Arguments, resources, times: whatever reads the number, the name or how many there are."""
    text = """
queues: {q: {replicas: 3, type: JoinableQueue, maxsize: "${i * 10}"}}
sync: {s: {type: Semaphore, replicas: 2, value: $i}, b: {type: Barrier, parties: $replicas}}
pipes: {p: {replicas: 2, duplex: "${i == 1}"}}
shared: {v: {type: Value, typecode: i, value: "${i * replicas}", replicas: 2}}
processes:
  - {name: C, replicas: 3, target: consume, from: q-$i, delay: "${i / 10}", join_timeout: $i, daemon: "${i == 1}"}
  - {name: P, replicas: 3, target: produce, to: "q-${i % replicas + 1}", kwargs: {items: [$name, "$i/$replicas"]}}
  - {name: Guest $i, replicas: 2, target: use_slot, uses: {semaphore: s-$i}}
  - {name: E, replicas: 2, target: "m:f", uses: {end: p-$i.right, value: v-$i, line: b}, exitcode: $i}
"""
    found = read(text)
    assert [("q-1", 10), ("q-2", 20), ("q-3", 30)] == [(queue.name, queue.maxsize) for queue in found.queues]
    assert [("s-1", 1), ("s-2", 2)] == [(sync.name, sync.value) for sync in found.sync[:2]]
    assert 1 == found.sync[2].parties
    assert [("p-1", True), ("p-2", False)] == [(pipe.name, pipe.duplex) for pipe in found.pipes]
    assert [("v-1", 2), ("v-2", 4)] == [(shared.name, shared.value) for shared in found.shared]
    by_name = {process.name: process for process in found.processes}
    assert ["C-1", "C-2", "C-3", "P-1", "P-2", "P-3", "Guest 1", "Guest 2", "E-1", "E-2"] == list(by_name)
    assert ["q-2", 0.2, 2.0, False] == [
        by_name["C-2"].bindings[0].resource,
        by_name["C-2"].delay,
        by_name["C-2"].join_timeout,
        by_name["C-2"].daemon,
    ]
    assert by_name["C-1"].daemon
    assert "q-1" == by_name["P-3"].bindings[0].resource
    assert {"items": ["P-3", "3/3"]} == by_name["P-3"].kwargs
    assert ["p-2.right", "v-2", "b"] == [each.resource for each in by_name["E-2"].bindings]
    assert frozenset((2,)) == by_name["E-2"].exitcodes


def test_processes_without_a_name_have_pythons() -> None:
    """multiprocessing's, counted after those of managers, and threading's."""
    text = """
shared: {d: {type: dict}}
processes:
  - {target: sleep}
  - {replicas: 2, target: sleep, args: [0, $name]}
  - {replicas: 2, target: sleep, args: [0, $name], worker: thread}
"""
    found = load_text(f"version: 1\n{text}", use_cache=False)
    assert found.scenario is None  # `sleep` takes one argument
    found = load_text(f"version: 1\n{text}".replace("sleep, args: [0, $name]", "'m:f', args: [$name]"), use_cache=False)
    names = [process.name for process in found.require().processes]
    assert ["Process-2", "Process-3", "Process-4", "Thread-1 (f)", "Thread-2 (f)"] == names
    assert [(name,) for name in names[1:]] == [process.args for process in found.require().processes[1:]]


def test_processes_of_replicas_are_counted_through() -> None:
    """Whether they differ or not, and at any depth, each has the same name and number."""
    text = """
processes:
  - name: A
    replicas: 2
    target: print_info
    processes:
      - name: B
        replicas: 2
        target: ARGS
        processes: [{name: C, target: print_info}]
"""
    alike = read(text.replace("ARGS", "print_info"))
    differing = read(text.replace("ARGS", "'m:f'\n        args: [$i, $name, $replicas]"))
    assert [(p.name, p.parent) for p in alike.processes if p.name[0] == "A"] == [("A-1", ""), ("A-2", "")]
    assert {(p.name, p.parent) for p in alike.processes} == {(p.name, p.parent) for p in differing.processes}
    of_b = [p.args for p in differing.processes if p.name[0] == "B"]
    assert [(1, "B-1", 4), (2, "B-2", 4), (3, "B-3", 4), (4, "B-4", 4)] == of_b


def test_steps_know_parameters_and_their_own_names() -> None:
    """What reads nothing else is computed before; what a step has given a name is left to the step."""
    text = """
params: {n: 2, q: jobs}
queues: {jobs-1: {}, jobs-2: {}}
processes:
  - name: W
    replicas: $n
    steps:
      - {get: "$q-$i", as: item, timeout: $n}
      - print: $item of ${n + 1} for $name, $$5
main:
  - for: i
    in: ["${range(n)}", $n]
    steps: [{put: $i, to: "$q-${i + 1}"}]
"""
    found = read(text)
    get, say = found.processes[1].steps
    assert ("jobs-2", {"timeout": 2}) == (get.subject, get.options)
    assert {"n": 2, "q": "jobs", "i": 2, "name": "W-2", "replicas": 2} == found.processes[1].names
    assert "item" in repr(say.argument)
    assert (found.main or ())[0].argument == [[0, 1], 2]


def test_a_step_cannot_give_the_name_of_a_parameter() -> None:
    """It would mean one thing here and another there."""
    text = "params: {n: 2}\nqueues: {q: {items: [1]}}\nprocesses: [{name: W, steps: [{get: q, as: 'n'}]}]\n"
    assert [("'n' is a parameter: `$n` stands for it", "give it another name")] == problems(text)


def test_a_family_stands_for_its_members_in_expectations() -> None:
    """In a condition any of them is meant, in a pattern about one queue or lock each of them."""
    text = """
queues: {q: {replicas: 2, items: [1], poison_pills: true}}
sync: {l: {type: Lock, replicas: 2}}
processes:
  - {name: C, replicas: 2, target: consume_until_timeout, from: q-$i}
  - {name: L, replicas: 2, target: hold_lock, uses: {lock: l-$i}}
expect:
  - {count: {event: queue.get, queue: q}, is: 4}
  - {conserved: q, because: all}
  - {mutual_exclusion: l, after: {event: lock.acquired, lock: l-2}}
  - {exists: {event: lock.acquired, lock: {one_of: [l, l-1]}}}
"""
    count, conserved, exclusion, exists = read(text).expect
    assert ("one_of", ("q-1", "q-2")) == (
        count.matchers[0].conditions[1].operator,
        count.matchers[0].conditions[1].operand,
    )
    assert ("all_of", ["q-1", "q-2"], "all") == (
        conserved.pattern,
        [part.subject for part in conserved.parts],
        conserved.because,
    )
    assert ["lock 'l-1'", "lock 'l-2'"] == [part.intervals[0].name for part in exclusion.parts]
    assert all(part.after is not None for part in exclusion.parts)
    assert ("l-1", "l-2", "l-1") == exists.matchers[0].conditions[1].operand


@pytest.mark.parametrize(
    "items",
    [
        ", ".join(["'${sum(range(100000))}'"] * 9_000),
        ", ".join(["\"${'a' * 100000}\""] * 9_000),
        "'${[[1] * 100000] * 100000}'",
        "'${str([[1] * 100000] * 100000)}'",
        "'${sorted(range(10 ** 18))}', '${0.5 in range(10 ** 18)}', '${max(range(10 ** 18))}'",
        "'${sum([[1] * 100000] * 100000, [])}'",
        "'${range(100000)}'",
        "'${10 ** 10 ** 10}'",
    ],
)
def test_hostile_expressions_are_refused(items: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither thousands of them nor a single one can take the time or memory that they ask for."""
    monkeypatch.setattr(expansion, "MAX_SECONDS", 0.5)
    assert problems(f"queues: {{q: {{items: [{items}]}}}}\nprocesses: [{{target: consume_until_empty, from: q}}]\n")


@pytest.mark.parametrize(
    "text",
    [
        "params: {a: [1, 1], b: '${[a, a]}', " + ", ".join(f"c{n}: '${{[c{n - 1}] * 9}}'" for n in range(1, 9)) + "}\n",
        "queues: {q: {replicas: 2000, items: [" + "1, " * 100 + "]}}\n",
        "matrix: {" + ", ".join(f"a{n}: [1, 2, 3, 4, 5, 6, 7, 8, 9]" for n in range(9)) + "}\n",
        "sync: {" + ", ".join(f"a{n}: {{type: Lock, replicas: 2000}}" for n in range(30)) + "}\n",
    ],
)
def test_hostile_files_are_refused(text: str) -> None:
    """What a short file asks for in great numbers is not made."""
    assert problems(text.replace("c0", "a") + "processes: [{target: print_info}]\n")


@given(st.text(alphabet="$ni{}+*'\" [](),.5a#:", max_size=30))
@examples(400)
def test_any_text_is_computed_or_reported(text: str) -> None:
    """Whatever stands there, a text comes to a value or to problems within the file, and never to an exception."""
    written = json.dumps(text)
    found = load_text(f"version: 1\nparams: {{n: 2}}\nprocesses: [{{name: W, target: 'm:f', args: [{written}]}}]\n")
    assert (found.scenario is None) == bool(found.errors)
    for problem in found.problems:
        assert (4 if "processes" in problem.source else 1) <= problem.where.line + 1
        assert 1 <= problem.where.column <= len(problem.source) + 1


def test_the_cache_knows_the_values(tmp_path: Path) -> None:
    """What came of a text with other values is not taken for what comes of it with these."""
    text = b"version: 1\n"
    some, others = ScenarioCache(tmp_path, {"n": 1}), ScenarioCache(tmp_path, {"n": Unread("1")})
    some.put(text, "a.yaml", (None, ()))
    assert ((None, ()), None) == (some.get(text, "a.yaml"), others.get(text, "a.yaml"))


def test_the_schema_of_what_was_computed_has_no_expressions() -> None:
    """An editor takes `$n` for a number; what is left of it when all has been computed is a number, or wrong."""
    schema = json.loads(schema_text("scenario"))
    for found in _marked(_of_computed(schema)):
        assert "[$]" != found.get("pattern")
        assert {"$ref": "#/$defs/computed"} not in found.get("anyOf", ())
    for found in _marked(schema):
        kinds = found.get("type", "string")
        texts = "string" in ([kinds] if isinstance(kinds, str) else kinds)
        items = found.get("items", {})
        assert texts or items.get("$ref") == "#/$defs/expectation" or items.get("x-computed") is True


def _marked(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for each in schema for found in _marked(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("x-computed") is True else []
    return own + [found for each in schema.values() for found in _marked(each)]
