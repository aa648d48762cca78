"""The plan in the words of Python, and the lists of what there is."""

from __future__ import annotations

import ast

import pytest

from run_scenario import loader, targets
from run_scenario.report import listing
from run_scenario.report.script import plan
from run_scenario.report.script.script import script
from run_scenario.scenario.model import CallSpec, Cpus, ProcessSpec, QueueSpec, ResourceBinding, Scenario, Step
from run_scenario.scenario.plan import _ITEM as ITEM
from run_scenario.scenario.steps import PROCESS, VERBS

NOTHING = Scenario("name", "file", "path", "digest")

CREATED: list[tuple[QueueSpec | ProcessSpec, str]] = [
    (QueueSpec("tasks"), "tasks = Queue()"),
    (QueueSpec("tasks", "JoinableQueue", maxsize=3), "tasks = JoinableQueue(maxsize=3)"),
    (
        ProcessSpec("Worker 1", True, "sleep", kwargs={"seconds": 4}, daemon=True),
        "worker_1 = Process(name='Worker 1', target=sleep, kwargs={'seconds': 4}, daemon=True)",
    ),
    (ProcessSpec("Process-3", False, "pids"), "process_3 = Process(target=pids)"),
    (
        ProcessSpec("A", True, "mypkg.work:Worker.go", args=(1, "x")),
        "a = Process(name='A', target=mypkg.work.Worker.go, args=(1, 'x'))",
    ),
    (ProcessSpec("A", True, "m:f", args=(1,)), "a = Process(name='A', target=m.f, args=(1,))"),
    (
        ProcessSpec(
            "C",
            True,
            "consume",
            kwargs={"work": "is_prime"},
            bindings=(ResourceBinding("inbox", "my tasks", "from"),),
        ),
        "c = Process(name='C', target=consume, kwargs={'inbox': my_tasks, 'work': is_prime})",
    ),
    (
        ProcessSpec("C", True, "consume", kwargs={"work": {"call": "fail_on", "kwargs": {"value": 3}}}),
        "c = Process(name='C', target=consume, kwargs={'work': partial(fail_on, value=3)})",
    ),
]


def _put(*items: object) -> Step:
    return Step("for", "item", argument=items, steps=(Step("put", "tasks", "Queue", ITEM),))


def _about(verb: str, process: str, timeout: float | None = None) -> Step:
    return Step(verb, process, PROCESS, options={} if timeout is None else {"timeout": timeout})


STEPS: list[tuple[Step, str]] = [
    (Step("sleep", argument=1.0), "time.sleep(1)"),
    (Step("sleep", argument=0.25), "time.sleep(0.25)"),
    (_about("start", "Worker 1"), "worker_1.start()"),
    (_put(7), "tasks.put(7)"),
    (_put(2, None, "x"), "for item in [2, None, 'x']: tasks.put(item)"),
    (_put(CallSpec("greet", ("Fancy",), {"loud": True})), "tasks.put(Call(greet, 'Fancy', loud=True))"),
    (
        _put(*range(1000, 2000)),
        "for item in [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, "
        "1016, ..., 1999]: tasks.put(item)  # 1,000 items",
    ),
    (Step("repeat", argument=1, steps=(Step("put", "tasks", "Queue", None),)), "tasks.put(None)"),
    (
        Step("repeat", argument=3, steps=(Step("put", "tasks", "Queue", None),)),
        "for _ in range(3): tasks.put(None)",
    ),
    (Step("close", "tasks", "Queue"), "tasks.close()"),
    (Step("join_thread", "tasks", "Queue"), "tasks.join_thread()"),
    (Step("join_queue", "tasks", "JoinableQueue"), "tasks.join()"),
    (Step("repeat", argument=10, steps=(Step("get", "results", "Queue"),)), "for _ in range(10): results.get()"),
    (_about("join", "Worker 1"), "worker_1.join()"),
    (_about("join", "Worker 1", 1.0), "worker_1.join(1)"),
    (_about("is_alive", "Worker 1"), "worker_1.is_alive()"),
    (_about("exitcode", "Worker 1"), "exitcode = worker_1.exitcode"),
    (Step("read", "sum", "Value"), "number = sum.value"),
    (Step("write", "sum", "Value", 3), "sum.value = 3"),
    (Step("print", argument="hello"), 'print("hello")'),
    (Step("cpu_count", argument=True), "cpu_count()"),
    (Step("put", "tasks", "Queue", 7, {"block": False}), "tasks.put(7, block=False)"),
    (
        Step(
            "if",
            "W",
            PROCESS,
            argument=_about("is_alive", "W"),
            steps=tuple(_about(verb, "W") for verb in ("kill", "is_alive", "join", "is_alive")),
        ),
        "if w.is_alive(): w.kill(); w.is_alive(); w.join(); w.is_alive()",
    ),
]


@pytest.mark.parametrize(("created", "line"), CREATED)
def test_a_creation_is_a_line_of_python(created: QueueSpec | ProcessSpec, line: str) -> None:
    """What is created reads as the script would have it, and is valid Python."""
    section = {"queues": (created,)} if isinstance(created, QueueSpec) else {"processes": (created,)}
    assert [line] == plan.lines(NOTHING.replace(**section), [])
    ast.parse(line)


@pytest.mark.parametrize(
    ("cpus", "line"),
    [(2, "os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])"), ((0, 3), "os.sched_setaffinity(0, {0, 3})")],
)
def test_cpus_are_chosen_first(cpus: Cpus, line: str) -> None:
    """Before anything is created, for all of it inherits them."""
    assert [line, "tasks = Queue()"] == plan.lines(NOTHING.replace(cpus=cpus, queues=(QueueSpec("tasks"),)), [])


@pytest.mark.parametrize(("step", "line"), STEPS)
def test_a_step_is_a_line_of_python(step: Step, line: str) -> None:
    """Each step reads as the script would have it, and is valid Python."""
    assert [line] == plan.lines(NOTHING, [step])
    ast.parse(line)


OF_POOLS = ("use", "create", "next_call", "result")
"""Verbs of steps that a pool's description belongs to."""


@pytest.mark.parametrize(
    "name",
    sorted(name for name, verb in VERBS.items() if verb.form not in ("block", "statement") and name not in OF_POOLS),
)
def test_the_table_is_enough_to_write_a_step(name: str) -> None:
    """What a verb calls, reads or assigns stands in its entry alone."""
    verb = VERBS[name]
    subject = ("it", verb.takes[0]) if verb.takes else ("", "")
    argument = {"call": "is_prime", "supervise": ("it",), "raise_signal": "SIGTERM"}.get(name, 1)
    (line,) = plan.lines(NOTHING, [Step(name, *subject, argument)])
    assert (argument if name == "call" else verb.called) in line
    ast.parse(line)


def test_processes_of_processes() -> None:
    """Whoever starts a process creates it in its own function; who is started again, and when, is one line."""
    text = """
version: 1
queues: {jobs: {collect: 1}}
processes:
- name: Foreman
  target: print_info
  processes: [{name: Worker, target: sleep, args: [0]}, {name: Clerk, steps: [{put: 1, to: jobs}]}]
- {name: Unlucky, restart: {max: 3, delay: 0.5}, steps: [{exit: 1}], exitcode: 1}
- {name: Busy, restart: {max: 1, when: always}, steps: [{print: done}]}
"""
    scenario = loader.load_text(text).require()
    assert plan.numbered(scenario, loader.plan(scenario)) == (
        "def foreman(jobs):\n"
        "    worker = Process(name='Worker', target=sleep, args=(0,))\n"
        "    clerk_process = Process(name='Clerk', target=clerk, args=(jobs,))\n"
        "    worker.start()\n"
        "    clerk_process.start()\n"
        "    print_info()\n"
        "    worker.join()\n"
        "    clerk_process.join()\n\n"
        "def clerk(jobs):\n"
        "    jobs.put(1)\n\n"
        "def unlucky():\n"
        "    sys.exit(1)\n\n"
        "def busy():\n"
        '    print("done")\n\n'
        " 1  jobs = Queue()\n"
        " 2  foreman_process = Process(name='Foreman', target=foreman, args=(jobs,))\n"
        " 3  unlucky_process = Process(name='Unlucky', target=unlucky)\n"
        " 4  busy_process = Process(name='Busy', target=busy)\n"
        " 5  foreman_process.start()\n"
        " 6  unlucky_process.start()\n"
        " 7  busy_process.start()\n"
        " 8  supervise(Restart(unlucky_process, most=3, delay=0.5), Restart(busy_process, most=1, always=True))\n"
        " 9  jobs.get()\n"
        "10  foreman_process.join()\n"
    )


def test_parameters_that_are_read() -> None:
    """They come first, and nothing else has their names."""
    text = """
version: 1
params: {step: 3, unread: 1}
processes: [{name: Step, steps: [{let: {me: 2}}, {print: "${me * step}"}]}]
"""
    scenario = loader.load_text(text).require()
    assert plan.numbered(scenario, loader.plan(scenario)) == (
        "step = 3\n\n"
        "def run_step():\n"
        "    me = 2\n"
        "    print(me * step)\n\n"
        "1  step_process = Process(name='Step', target=run_step)\n"
        "2  step_process.start()\n"
        "3  step_process.join()\n"
    )


@pytest.mark.parametrize(
    ("process", "name", "called"),
    [("Square", "run_square", "square"), ("Filter", "filter_", "is_prime"), ("Main", "run_main", "square")],
)
def test_a_process_is_called_as_in_its_script(process: str, name: str, called: str) -> None:
    """Its function has the same name in both, which is not that of a function that it calls."""
    text = f"version: 1\nprocesses: [{{name: {process}, steps: [{{call: {called}, args: [3], as: x}}]}}]\n"
    scenario = loader.load_text(text).require()
    steps = loader.plan(scenario)
    assert plan.numbered(scenario, steps).startswith(f"def {name}():\n    x = {called}(3)\n")
    assert f"\ndef {name}():\n    _x = {called}(3)\n" in script(scenario, steps)


def test_identifiers_are_valid_and_unique() -> None:
    """Whatever names a scenario gives, the lines tell its processes and queues apart."""
    names = ["Worker 1", "worker-1", "1", "class", "time", "😀", "\x1b", "Äpfel"]
    assert [
        *("worker_1", "worker_1_process", "process_1", "class_", "time_process", "process", "process_process", "äpfel")
    ] == [line.removesuffix(".start()") for line in plan.lines(NOTHING, [_about("start", name) for name in names])]


def test_a_queue_and_a_process_of_one_name() -> None:
    """They keep apart, wherever they come up again."""
    steps = [Step("close", "a", "Queue"), _about("start", "a"), Step("close", "a", "Queue")]
    assert ["a.close()", "a_process.start()", "a.close()"] == plan.lines(NOTHING, steps)


def test_lines_are_numbered() -> None:
    """Numbers stand below each other."""
    text = plan.numbered(NOTHING, [Step("sleep", argument=1.0)] * 10)
    assert " 1  time.sleep(1)\n" == text[:18]
    assert "10  time.sleep(1)\n" == text[-18:]


def test_hostile_names_are_inert() -> None:
    """No name steers a terminal."""
    process = ProcessSpec("\x1b[2J", True, "a:\u202eb", kwargs={"x": "\x1b"})
    assert plan.lines(NOTHING.replace(processes=(process,)), [])[0].isprintable()


def test_a_long_line_goes_on_below() -> None:
    """Between words, further in than it began; where there is no terminal, it stays one line."""
    scenario = NOTHING.replace(
        processes=tuple(ProcessSpec(name, True, "sleep", kwargs={"seconds": 1}) for name in ("A long name", "B"))
    )
    steps = loader.plan(scenario)
    whole = plan.numbered(scenario, steps)
    narrow = plan.numbered(scenario, steps, 40)
    assert """\
1  a_long_name = Process(name='A long
       name', target=sleep,
       kwargs={'seconds': 1})
""" == narrow[: narrow.index("2 ")]
    assert 40 >= max(map(len, narrow.splitlines()))
    assert whole.split() == narrow.split()
    assert whole == plan.numbered(scenario, steps, 200)


ENTRIES = [
    listing.Entry("daemon", "A daemon", "Some book", "It ends early.", "Daemons: early ends", ("sleep",)),
    listing.Entry("daemon-join", "Waiting for a daemon", heading="Daemons: early ends"),
    listing.Entry("relays", "A pipeline", heading="Queues: messages", uses=("relay", "queues", "Queue")),
]


def test_the_list_of_scenarios() -> None:
    """Names and titles in columns under the headings of their chapters, and what to do next."""
    assert """\
Daemons: early ends
  daemon       A daemon
  daemon-join  Waiting for a daemon

Queues: messages
  relays       A pipeline

3 scenarios. Run one: run-scenario daemon    Print one: run-scenario list daemon
""" == listing.scenarios(ENTRIES)


def test_a_search_looks_everywhere() -> None:
    """Name, title, source, description, targets and resources are searched, upper and lower case alike."""
    only = "Daemons: early ends\n  daemon  A daemon\n\n1 scenario."
    assert listing.scenarios(ENTRIES, ["EARLY", "book", "sleep"]).startswith(only)
    assert listing.scenarios(ENTRIES, ["queue", "pipeline"]).startswith("Queues: messages\n  relays  A pipeline\n")


@pytest.mark.parametrize("name", targets.names())
def test_each_target_is_shown_in_full(name: str) -> None:
    """What it does, each parameter and an example."""
    target = targets.find(name)
    assert target is not None
    text = listing.target(target)
    assert text.startswith(f"{name}: {target.summary}\n")
    assert all(f"\n  {parameter.name} " in text for parameter in target.parameters)
    assert f"target: {name}" in text


def test_the_list_of_targets() -> None:
    """Every target and every work function has its line."""
    known = [target for name in targets.names() if (target := targets.find(name))]
    work = [target for name in targets.work_names() if (target := targets.find_work(name))]
    text = listing.targets(known, work)
    assert {*targets.names(), *targets.work_names()} <= {line.split()[0] for line in text.splitlines() if line}


def test_a_target_on_a_narrow_terminal() -> None:
    """No line of its text is longer than the terminal."""
    known = targets.find("consume")
    assert known
    text = listing.target(known, 50).partition("\nExample\n")[0]
    assert 50 >= max(len(line) for line in text.splitlines()[1:])


def test_calls_on_pools_in_blocks() -> None:
    """Results have their names; where only the run knows which comes first, they are taken from a list."""
    text = """
version: 1
pools:
  crunch: {processes: 1, calls: [{map: square, over: [3]}, {apply_async: power, args: [$n, 2]}]}
main:
- with: crunch
  steps:
  - {next_call: crunch, as: squares}
  - for: n
    in: $squares
    steps:
    - next_call: crunch
    - {result: crunch, as: one, raises: LookupError}
"""
    scenario = loader.load_text(text).require()
    assert [
        "crunch_results = []",
        "with Pool(1) as crunch:",
        "    squares = crunch.map(square, [3])",
        "    for n in squares:",
        "        crunch_results.append(crunch.apply_async(power, (n, 2)))",
        "        one = crunch_results.pop(0).get()  # expected to raise LookupError",
    ] == plan.lines(scenario, loader.plan(scenario))
