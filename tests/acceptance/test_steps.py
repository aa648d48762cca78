"""Steps of processes: each does what the same line of Python does, under each start method and in a thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import METHODS, Result, run

from effort import in_part

Steps = list[Any]
Do = Callable[..., Result]


@pytest.fixture(params=[*METHODS, "thread"])
def do(request: pytest.FixtureRequest, tmp_path: Path) -> Do:
    """Return a function that runs a process with these steps; other keys of it, and sections, by their names."""
    how = str(request.param)

    def do(steps: Steps, process: dict[str, Any] | None = None, **sections: Any) -> Result:
        made = {"name": "P", "steps": steps, **(process or {})}
        if how == "thread":
            made["worker"] = "thread"
        text = json.dumps({"version": 1, "timeout": 30, "processes": [made], **sections})
        return run(tmp_path, text, *([] if how == "thread" else ["--start-method", how]), allow="actors")

    return do


def printed(result: Result, process: str = "P") -> list[str]:
    """Return what a process printed, which has to have ended as it should."""
    assert (0, "") == (result.status, result.stderr)
    return result.log.output(process, "stdout")


# Names and expressions


def test_expressions_keep_their_types(do: Do) -> None:
    """A text that is one expression has the value itself; in a longer text, the value is written into it."""
    values: list[Any] = [
        "$i",
        "${i + 1}",
        "${i / 2}",
        "${i == 1}",
        "${None}",
        "${[i, 'a', (1, 2)]}",
        "${{'a': i}}",
        "${'x' * 3}",
        "${max(i, 7) if i > 0 else 0}",
        "${[5, 6, 7][1:]}",
        "$name",
        "${name}2",
        "$i$i",
        "$$i costs $5 $ $$",
        {"deep": ["$i", {"deeper": "no. $i"}]},
        "i + 1",
    ]
    steps: Steps = [step for value in values for step in ({"put": value, "to": "q"}, {"get": "q", "as": "got"})]
    result = do(steps, queues={"q": {}})
    assert 0 == result.status
    assert [
        *(1, 2, 0.5, True, None, [1, "a", {"tuple": [1, 2]}], {"a": 1}, "xxx", 7, [6, 7]),
        *("P", "P2", "11", "$i costs $5 $ $", {"deep": [1, {"deeper": "no. 1"}]}, "i + 1"),
    ] == [event["item"] for event in result.log.all("queue.get")]


def test_answers_have_names(do: Do) -> None:
    """What a step answers is known by its name in all later steps; a name may be given again."""
    steps: Steps = [
        {"let": {"total": 0}},
        {"for": "x", "in": [1, 2, 3], "steps": [{"put": "$x", "to": "q"}]},
        {
            "repeat": 3,
            "steps": [{"get": "q", "as": "item"}, {"let": {"total": "${total + item}"}}],
        },
        {"get": "q", "timeout": 0, "raises": "Empty"},
        {"call": "square", "args": ["$total"], "as": "answer"},
        {"call": "power", "kwargs": {"base": 2, "exponent": "$item"}, "as": "other"},
        {"empty": "q", "as": "nothing"},
        {"print": "$total $item $answer $other $nothing"},
    ]
    result = do(steps, queues={"q": {}})
    assert ["6 3 36 8 True"] == printed(result)
    assert [36, 8] == [e["result"] for e in result.log.all("step.called", "P")]


@pytest.mark.parametrize(
    ("expression", "error"),
    in_part(
        [
            ("${10 ** i ** 100000}", "ValueError"),
            ("${9 ** 9 ** 9}", "ValueError"),
            ("${'x' * 99999 * 99999}", "ValueError"),
            ("${[0] * 100000 * 9}", "ValueError"),
            ("${list(range(10 ** 9))}", "ValueError"),
            ("${sum(range(10 ** 12))}", "ValueError"),
            ("${i + 'a'}", "TypeError"),
            ("${[1][7]}", "IndexError"),
        ]
    ),
)
def test_hostile_expressions_are_bounded(do: Do, expression: str, error: str) -> None:
    """What would take for ever, or all memory, fails at once, as an error of the process."""
    result = do([{"print": expression}], {"exitcode": "any"})
    assert error == result.log.one("process.failed", "P")["exception"]


DRAWING: Steps = [
    {"let": {"word": "${choice(words)}", "number": "${randint(1, 1000000)}"}},
    {"sleep": {"from": 0, "to": 0.001}},
    {"print": "$word $number ${random() < 1}"},
]


def drawn(play: Callable[..., Result], *arguments: str, **params: Any) -> list[list[str]]:
    """Return what three processes and the main program have drawn."""
    main: Steps = [{"print": "${[randint(1, 1000000), randint(1, 1000000)]}"}, {"start": "P"}, {"join": "P"}]
    process = {"name": "P", "replicas": 3, "steps": DRAWING}
    text = {"version": 1, "params": {"words": ["a", "b"], **params}, "processes": [process], "main": main}
    result = play(json.dumps(text), *arguments)
    assert (0, "") == (result.status, result.stderr)
    return [result.log.output(name, "stdout") for name in ("MainProcess", "P-1", "P-2", "P-3")]


@pytest.mark.campaign
def test_what_is_random_follows_from_the_seed(play: Callable[..., Result]) -> None:
    """With a parameter `seed` each program draws the same in each run, and no two draw alike; without, by chance."""
    first = drawn(play, seed=1)
    assert first == drawn(play, seed=1) == drawn(play, "--set", "seed=1", seed=2)
    assert 4 == len({line for lines in (*first, *drawn(play, seed=2)) for line in lines}) / 2
    assert drawn(play) != drawn(play)


def test_nothing_is_drawn_before_the_run(tmp_path: Path) -> None:
    """What a scenario consists of does not depend on chance."""
    text = {"version": 1, "processes": [{"target": "sleep", "args": ["${randint(1, 3)}"]}]}
    result = run(tmp_path, json.dumps(text))
    assert (2, True) == (result.status, "what is random is drawn while the scenario runs: in steps" in result.stderr)


# Control


def test_loops(do: Do) -> None:
    """repeat, for and while do their steps so often; break and continue mean what they mean in Python."""
    steps: Steps = [
        {"repeat": 2, "steps": [{"print": "twice"}]},
        {"repeat": "${i - 1}", "steps": [{"print": "never"}]},
        {"let": {"count": 0}},
        {
            "repeat": "forever",
            "steps": [
                {"let": {"count": "${count + 1}"}},
                {"if": "${count % 2 == 1}", "then": ["continue"]},
                {"if": "${count > 4}", "then": ["break"], "else": [{"print": "$count"}]},
            ],
        },
        {"while": "${count > 4}", "steps": [{"print": "while $count"}, {"let": {"count": "${count - 1}"}}]},
        {"for": "a", "in": "${range(2)}", "steps": [{"for": "b", "in": ["x", "y"], "steps": [{"print": "$a$b"}]}]},
    ]
    assert [
        *("twice", "twice", "2", "4", "while 6", "while 5", "0x", "0y", "1x", "1y"),
    ] == printed(do(steps))


def test_a_return_ends_the_steps(do: Do) -> None:
    """`return` ends the process properly, from within whatever it stands in."""
    steps: Steps = [{"with": "gate", "steps": [{"repeat": "forever", "steps": ["return"]}]}, {"print": "never"}]
    result = do(steps, sync={"gate": {"type": "Lock"}})
    assert [] == printed(result)
    assert 1 == len(result.log.all("lock.released", lock="gate"))


@pytest.mark.parametrize("code", [0, 3, "${i + 6}"])
def test_an_exit_code(play: Callable[..., Result], code: Any) -> None:
    """`exit` ends the process with its code, as sys.exit() does."""
    wanted = 7 if isinstance(code, str) else code
    text = {"name": "P", "exitcode": wanted, "steps": [{"exit": code}, {"print": "never"}]}
    result = play(json.dumps({"version": 1, "timeout": 30, "processes": [text]}))
    assert [] == printed(result)
    assert wanted == result.log.one("process.exited", "P")["exitcode"]


def test_exceptions(do: Do) -> None:
    """An exception goes to the part that names it or a base of it; `else` and `finally` follow as in Python."""

    def attempt(step: Any, handlers: Any) -> dict[str, Any]:
        return {
            "try": [step],
            "except": handlers,
            "else": [{"print": "fine"}],
            "finally": [{"print": "end"}],
        }

    steps: Steps = [
        attempt({"get_nowait": "q"}, {"Full": [{"print": "full"}], "Empty": [{"print": "empty"}]}),
        attempt({"put": 1, "to": "q"}, {"Empty": [{"print": "empty"}]}),
        attempt({"raise": "KeyError", "message": "no $i"}, {"LookupError": [{"print": "lookup"}]}),
        attempt({"print": "${1 // 0}"}, [{"print": "any"}]),
        {
            "try": [attempt({"raise": "ValueError"}, {"OSError": [{"print": "never"}]})],
            "except": {"ValueError": [{"print": "outside"}]},
        },
        {"get": "q"},
    ]
    assert [
        *("empty", "end", "fine", "end", "lookup", "end", "any", "end", "end", "outside"),
    ] == printed(do(steps, queues={"q": {}}))


def test_an_expected_exception(do: Do) -> None:
    """`raises` lets the process go on after the exception that it names, which the log has; any other ends it."""
    steps: Steps = [{"get_nowait": "q", "raises": "Empty"}, {"put": 1, "to": "q"}, {"get": "q"}, {"print": "on"}]
    result = do(steps, queues={"q": {}})
    assert ["on"] == printed(result)
    assert ("P", "Empty") == tuple(result.log.one("step.raised")[key] for key in ("process", "exception"))
    other = do([{"get_nowait": "q", "raises": "Full"}], {"exitcode": "any"}, queues={"q": {}})
    assert "Empty" == other.log.one("process.failed", "P")["exception"]


# What is done to things


def test_locks_and_their_kin(do: Do) -> None:
    """`with` and each verb of the section `sync` do what Python does."""
    steps: Steps = [
        *({"with": name, "steps": [{"print": name}]} for name in ("gate", "again", "seats", "door", "hits", "row")),
        {"with": "again", "steps": [{"with": "again", "steps": [{"print": "twice"}]}]},
        {"acquire": "gate", "timeout": 1, "as": "first"},
        {"acquire": "gate", "block": False, "as": "second"},
        {"release": "gate"},
        {"is_set": "go", "as": "before"},
        {"set": "go"},
        {"wait": "go", "timeout": 1, "as": "after"},
        {"clear": "go"},
        {"with": "door", "steps": [{"notify": "door", "n": "$i"}, {"wait": "door", "timeout": 0.01, "as": "told"}]},
        {"with": "door", "steps": [{"notify_all": "door"}]},
        {"wait": "line", "as": "place"},
        {"abort": "line"},
        {"wait": "line", "raises": "BrokenBarrierError"},
        {"reset": "line"},
        {"print": "$first $second $before $after $told $place"},
    ]
    result = do(
        steps,
        sync={
            "gate": {"type": "Lock"},
            "again": {"type": "RLock"},
            "seats": {"type": "Semaphore"},
            "door": {"type": "Condition"},
            "go": {"type": "Event"},
            "line": {"type": "Barrier", "parties": 1},
        },
        shared={
            "hits": {"type": "Value", "typecode": "i"},
            "row": {"type": "Array", "typecode": "i", "value": [1]},
        },
    )
    assert [
        *("gate", "again", "seats", "door", "hits", "row", "twice", "True False False True False 0"),
    ] == printed(result)
    held = result.log.all("lock.acquired", "P", lock="gate")
    assert len(held) == len(result.log.all("lock.released", "P", lock="gate"))


SHARED = {
    "hits": {"type": "Value", "typecode": "i", "value": 4},
    "row": {"type": "Array", "typecode": "i", "value": [1, 2, 3]},
    "board": {"type": "SharedMemory", "size": 32},
    "texts": {"type": "ShareableList", "value": ["a", 2]},
    "stock": {"type": "dict", "value": {"apples": 3}},
    "names": {"type": "list", "value": ["Ada"]},
    "space": {"type": "Namespace", "value": {"x": 1}},
}


def test_several_are_held_together(do: Do) -> None:
    """Of a `with` of several, or of all replicas, the steps are done once, while all are held."""
    sync = {"gate": {"type": "Lock"}, "fork": {"type": "Lock", "replicas": 2}}
    asked: Steps = [{"acquire": ["gate", "fork"], "block": False}, {"print": "once"}]
    result = do([{"with": ["gate", "fork"], "steps": asked}], sync=sync)
    assert ["once"] == printed(result)
    locks = [e["lock"] for e in result.log.all("lock.acquired")]
    assert ["gate", "fork-1", "fork-2"] == locks
    assert 3 == len(result.log.all("lock.released"))


def test_values(do: Do) -> None:
    """What is shared is read and written as a whole or at one place, by the words of Python."""

    def show(name: str, **at: Any) -> Steps:
        return [{"read": name, **at, "as": "seen"}, {"print": f"{name} $seen"}]

    steps: Steps = [
        {"write": "${4 + i}", "to": "hits"},
        *show("hits"),
        {"write": 9, "to": "row", "at": "$i"},
        *show("row"),
        *show("row", at=-1),
        {"write": [7, 8, 9], "to": "row"},
        *show("row"),
        {"len": "row", "as": "seen"},
        {"print": "$seen"},
        {"write": "hello $name", "to": "board"},
        *show("board"),
        *show("board", at=6),
        {"write": "b", "to": "texts", "at": 0},
        *show("texts"),
        {"write": 5, "to": "stock", "at": "pears"},
        {"update": {"figs": "$i"}, "to": "stock"},
        {"pop": "stock", "at": "apples", "as": "gone"},
        *show("stock"),
        *show("stock", at="pears"),
        {"append": "Bob", "to": "names"},
        {"extend": ["Cy", "$name"], "to": "names"},
        {"pop": "names", "at": 0, "as": "first"},
        *show("names"),
        {"len": "names", "as": "many"},
        {"write": "$many", "to": "space", "at": "y"},
        *show("space", at="y"),
        {"print": "$gone $first $many"},
    ]
    assert [
        *("hits 5", "row [1, 9, 3]", "row 3", "row [7, 8, 9]", "3", "board hello P", "board P", "texts ['b', 2]"),
        *("stock {'pears': 5, 'figs': 1}", "stock 5", "names ['Bob', 'Cy', 'P']", "space 3", "3 Ada 3"),
    ] == printed(do(steps, shared=SHARED))


def test_queues_and_pipes(do: Do) -> None:
    """The verbs of queues and pipes are the methods of their names."""
    steps: Steps = [
        {"put": "$i", "to": "jobs"},
        {"put_nowait": 2, "to": "jobs", "raises": "Full"},
        {"full": "jobs", "as": "full"},
        {"get": "jobs", "as": "job"},
        {"task_done": "jobs"},
        {"join_queue": "jobs"},
        {"put": [1, "$job"], "to": "simple"},
        {"get": "simple", "as": "pair"},
        {"send": {"pair": "$pair"}, "to": "rope.left"},
        {"poll": "rope.right", "timeout": 1, "as": "there"},
        {"recv": "rope.right", "as": "message"},
        {"close": "rope.right"},
        {"close": "rope.left"},
        {"print": "$full $job $there ${message['pair'][1]}"},
    ]
    result = do(
        steps,
        queues={"jobs": {"type": "JoinableQueue", "maxsize": 1}, "simple": {"type": "SimpleQueue"}},
        pipes={"rope": {}},
    )
    assert ["True 1 True 1"] == printed(result)


def test_functions(do: Do) -> None:
    """`call` calls a work function, or a function of one's own whose package is allowed; the answer is recorded."""
    steps: Steps = [
        {"call": "is_prime", "args": ["${6 + i}"], "as": "prime"},
        {"call": "actors.arithmetic:double", "args": ["$i"], "as": "doubled"},
        {"print": "$prime $doubled"},
        {"sleep": {"from": 0, "to": 0.01}},
        {"sleep": "${i / 1000}"},
    ]
    result = do(steps)
    assert ["True 2"] == printed(result)
    assert [("is_prime", True), ("actors.arithmetic:double", 2)] == [
        (e["method"], e["result"]) for e in result.log.all("step.called", "P")
    ]


def test_own_functions_need_consent(tmp_path: Path) -> None:
    """A function of one's own is not imported unless its package is allowed."""
    text = {"version": 1, "processes": [{"name": "P", "steps": [{"call": "actors.arithmetic:double", "args": [1]}]}]}
    result = run(tmp_path, json.dumps(text), allow="")
    assert (2, []) == (result.status, result.log.names("P"))
    assert "--allow actors" in result.stderr


# Replicas


def test_replicas_use_different_resources(play: Callable[..., Result]) -> None:
    """A name that depends on `$i` is another one in each replica, which gets no more than what it names."""
    ring = {
        "name": "Node",
        "replicas": 3,
        "steps": [
            {"put": "$name", "to": "q-${i % replicas + 1}"},
            {"get": "q-$i", "as": "before"},
            {"print": "after $before"},
        ],
    }
    result = play(
        json.dumps({"version": 1, "timeout": 30, "queues": {f"q-{i}": {} for i in (1, 2, 3)}, "processes": [ring]})
    )
    assert [["after Node-3"], ["after Node-1"], ["after Node-2"]] == [printed(result, f"Node-{i}") for i in (1, 2, 3)]


def test_a_condition_that_is_known_decides_what_a_replica_gets(play: Callable[..., Result]) -> None:
    """Who never sends has no end to send at: EOF arrives; and there are as many pills as there are who take one."""
    taking: Steps = [
        {"recv": "line.left", "as": "word"},
        {"try": [{"recv": "line.left"}], "except": {"EOFError": [{"print": "$word, and no more"}]}},
        {"if": "$extra", "then": [{"get": "tasks"}]},
    ]
    steps: Steps = [
        {
            "if": "${i == 1}",
            "then": [{"send": "hello", "to": "line.right"}],
            "else": [{"if": "${name == 'P-2'}", "then": taking, "else": [{"get": "tasks"}, {"get": "tasks"}]}],
        },
        *([{"get": "own-$i"}] * 2),
    ]
    queues = {
        "tasks": {"items": [1], "poison_pills": True},
        "own": {"replicas": 3, "items": [1], "poison_pills": True},
    }
    text = {
        "version": 1,
        "timeout": 30,
        "params": {"extra": False},
        "queues": queues,
        "pipes": {"line": {"duplex": False}},
        "processes": [{"name": "P", "replicas": 3, "steps": steps}],
    }
    result = play(json.dumps(text))
    assert (0, "", ["hello, and no more"]) == (result.status, result.stderr, result.log.output("P-2"))
    pills = [e["queue"] for e in result.log.all("queue.put", item=None)]
    assert ["tasks", "own-1", "own-2", "own-3"] == pills


@pytest.mark.parametrize("kind", ["queue", "pipe"])
def test_a_chain_has_ends(play: Callable[..., Result], kind: str) -> None:
    """The last names no next one, nor the first one before, where a condition keeps them from it, also with others."""
    into, out = {"queue": ("put", "get"), "pipe": ("send", "recv")}[kind]
    right, left = {"queue": ("", ""), "pipe": (".right", ".left")}[kind]
    onwards = f"hop-${{i}}{right}"
    steps: Steps = [
        {
            "if": "${i == 1}",
            "then": [{"let": {"x": 0}}],
            "else": [{out: f"hop-${{i - 1}}{left}", "as": "x"}],
        },
        {"if": "${x >= 0 and i < replicas}", "then": [{into: "${x + 1}", "to": onwards}]},
        {
            "if": "${i == replicas or x < 0}",
            "then": [{"print": "$x"}],
            "else": [{"if": "${x > 9}", "then": [{into: "never", "to": onwards}]}],
        },
    ]
    sections = {
        "queue": {"queues": {"hop": {"replicas": 2}}},
        "pipe": {"pipes": {"hop": {"replicas": 2, "duplex": False}}},
    }
    text = {"version": 1, "timeout": 30, **sections[kind], "processes": [{"name": "P", "replicas": 3, "steps": steps}]}
    result = play(json.dumps(text))
    assert (0, "", ["2"]) == (result.status, result.stderr, result.log.output("P-3", "stdout"))


def test_a_name_that_is_kept_in_a_value(play: Callable[..., Result]) -> None:
    """Where `let` alone decides it, and is known before the run, it is as if it stood in the step itself."""
    text = {
        "version": 1,
        "timeout": 30,
        "pipes": {"hop": {"duplex": False, "replicas": 3}},
        "queues": {
            "own": {"replicas": 3, "items": [1], "poison_pills": True},
            "odd": {"items": [1, 3], "poison_pills": True},
        },
        "processes": [
            {
                "name": "P",
                "replicas": 3,
                "steps": [
                    {"let": {"after": "${i % replicas + 1}", "mine": "own-$i", "is_odd": "${i % 2 == 1}"}},
                    {"let": {"next": "hop-$after.right"}},
                    {"send": "hello from $i", "to": "$next"},
                    {"close": "$next"},
                    {"recv": "hop-$i.left", "as": "greeting"},
                    {"try": [{"recv": "hop-$i.left"}], "except": {"EOFError": [{"print": "$greeting"}]}},
                    *([{"get": "$mine"}] * 2),
                    {"if": "$is_odd", "then": [{"get": "odd"}, {"get": "odd"}]},
                ],
            }
        ],
    }
    result = play(json.dumps(text))
    assert (0, "") == (result.status, result.stderr)
    assert [["hello from 3"], ["hello from 1"], ["hello from 2"]] == [
        result.log.output(f"P-{i}", "stdout") for i in (1, 2, 3)
    ]
    pills = [e["queue"] for e in result.log.all("queue.put", item=None)]
    assert ["own-1", "own-2", "own-3", "odd", "odd"] == pills


def test_a_name_that_only_the_run_knows(do: Do) -> None:
    """A name may also depend on what a step has answered."""
    steps: Steps = [
        {"for": "which", "in": ["b", "a"], "steps": [{"put": "$which", "to": "q-$which"}]},
        {"get": "q-a", "as": "first"},
        {"get": "q-${'b' if first == 'a' else 'a'}", "as": "second"},
        {"print": "$first $second"},
    ]
    assert ["a b"] == printed(do(steps, queues={"q-a": {}, "q-b": {}}))


def test_a_loop_may_take_the_name_of_the_number(do: Do) -> None:
    """`for: i` hides the number of the replica, as in Python."""
    steps: Steps = [
        {"for": "i", "in": [2, 1], "steps": [{"put": "$i", "to": "q-$i"}]},
        {"get": "q-1", "as": "one"},
        {"get": "q-2", "as": "two"},
        {"print": "$one $two"},
    ]
    assert ["1 2"] == printed(do(steps, queues={"q-1": {}, "q-2": {}}))


# Errors, and where they are


FAILING = """\
version: 1
timeout: 30
sync:
  gate: {type: Lock}
processes:
  - name: P
    exitcode: any
    steps:
      - let: {zero: 0}
      - repeat: 1
        steps:
          - with: gate
            steps:
              - print: ${1 // zero}
"""


def test_an_error_names_the_line_of_its_step(play: Callable[..., Result], tmp_path: Path) -> None:
    """The event and the traceback name the file and the line of the step that failed."""
    file = tmp_path / "failing.yaml"
    file.write_text(FAILING)
    result = play(str(file))
    failed = result.log.one("process.failed", "P")
    assert "ZeroDivisionError" == failed["exception"]
    place = [f'  File "{file}", line 14, in P', "    - print: ${1 // zero}"]
    assert place == failed["traceback"].splitlines()[1:3]
    assert place == result.log.output("P", "stderr")[-3:-1]


def test_a_deadlock_shows_the_line(play: Callable[..., Result], tmp_path: Path) -> None:
    """The stacks of a run that stalls show at which step each process waits."""
    file = tmp_path / "stalling.yaml"
    file.write_text(FAILING.replace("print: ${1 // zero}", "acquire: gate"))
    result = play(str(file))
    assert (3, "deadlock") == (result.status, result.log.one("scenario.stalled")["cause"])
    assert f"{file}:14" in json.dumps(result.log.one("scenario.stalled"))


# Expectations


def test_expectations_work_on_steps(play: Callable[..., Result]) -> None:
    """Conservation, mutual exclusion and distribution are found in what steps do, as in what targets do."""
    worker = {
        "name": "W",
        "replicas": 2,
        "steps": [
            {"get": "jobs", "as": "job"},
            {"with": "gate", "steps": [{"print": "$job"}]},
            {"put": "$job", "to": "done"},
        ],
    }
    patterns = [
        {"conserved": "jobs"},
        {"fifo": "jobs"},
        {"mutual_exclusion": "gate"},
        {"distribution": {"event": "lock.acquired", "lock": "gate"}, "is": 1, "workers": 2},
        {"happens_before": [{"event": "queue.get", "queue": "jobs"}, {"event": "queue.put", "queue": "done"}]},
    ]
    result = play(
        json.dumps(
            {
                "version": 1,
                "timeout": 30,
                "queues": {"jobs": {"items": [1, 2]}, "done": {"collect": 2}},
                "sync": {"gate": {"type": "Lock"}},
                "processes": [worker],
                "expect": patterns,
            }
        )
    )
    assert 0 == result.status, result.stderr
    assert 5 == len(result.log.all("expectation.passed"))


def test_a_lost_item_is_found(play: Callable[..., Result]) -> None:
    """What a step takes and never gives back is what the patterns are for: one that does not hold fails the run."""
    worker = {"name": "W", "steps": [{"get": "jobs"}]}
    text = {
        "version": 1,
        "timeout": 30,
        "queues": {"jobs": {"items": [1, 2]}},
        "processes": [worker],
        "expect": [{"distribution": {"event": "queue.get", "queue": "jobs"}, "is": 2, "workers": 1}],
    }
    assert 1 == play(json.dumps(text)).status
