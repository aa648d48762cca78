"""The plan in the words of Python, and the lists of what there is."""

from __future__ import annotations

import ast

import pytest

from run_scenario import targets
from run_scenario.model import (
    CallSpec,
    CloseQueue,
    Collect,
    Connection,
    Create,
    CreateProcess,
    IsAlive,
    Join,
    JoinQueue,
    JoinThread,
    Pin,
    ProcessSpec,
    PutItems,
    PutPills,
    QueueSpec,
    Sleep,
    Start,
    Step,
    StopIfAlive,
)
from run_scenario.views import listing, plan

STEPS: list[tuple[Step, str]] = [
    (Create(QueueSpec("tasks")), "tasks = Queue()"),
    (Create(QueueSpec("tasks", "JoinableQueue", maxsize=3)), "tasks = JoinableQueue(maxsize=3)"),
    (
        CreateProcess(ProcessSpec("Worker 1", True, "sleep", kwargs={"seconds": 4}, daemon=True)),
        "worker_1 = Process(name='Worker 1', target=sleep, kwargs={'seconds': 4}, daemon=True)",
    ),
    (CreateProcess(ProcessSpec("Process-3", False, "pids")), "process_3 = Process(target=pids)"),
    (
        CreateProcess(ProcessSpec("A", True, "mypkg.work:Worker.go", args=(1, "x"))),
        "a = Process(name='A', target=mypkg.work.Worker.go, args=(1, 'x'))",
    ),
    (CreateProcess(ProcessSpec("A", True, "m:f", args=(1,))), "a = Process(name='A', target=m.f, args=(1,))"),
    (
        CreateProcess(
            ProcessSpec(
                "C",
                True,
                "consume",
                kwargs={"work": "is_prime"},
                connections=(Connection("inbox", "my tasks", "from"),),
            )
        ),
        "c = Process(name='C', target=consume, kwargs={'inbox': my_tasks, 'work': is_prime})",
    ),
    (
        CreateProcess(ProcessSpec("C", True, "consume", kwargs={"work": {"call": "fail_on", "kwargs": {"value": 3}}})),
        "c = Process(name='C', target=consume, kwargs={'work': partial(fail_on, value=3)})",
    ),
    (Pin(2), "os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])"),
    (Pin((0, 3)), "os.sched_setaffinity(0, {0, 3})"),
    (Sleep(1.0), "time.sleep(1)"),
    (Sleep(0.25), "time.sleep(0.25)"),
    (Start("Worker 1"), "worker_1.start()"),
    (PutItems("tasks", (7,)), "tasks.put(7)"),
    (PutItems("tasks", (2, None, "x")), "for item in [2, None, 'x']: tasks.put(item)"),
    (PutItems("tasks", (CallSpec("greet", ("Fancy",), {"loud": True}),)), "tasks.put(Call(greet, 'Fancy', loud=True))"),
    (
        PutItems("tasks", tuple(range(1000, 2000))),
        "for item in [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, "
        "1016, ..., 1999]: tasks.put(item)  # 1,000 items",
    ),
    (PutPills("tasks", 1), "tasks.put(None)"),
    (PutPills("tasks", 3), "for _ in range(3): tasks.put(None)"),
    (CloseQueue("tasks"), "tasks.close()"),
    (JoinThread("tasks"), "tasks.join_thread()"),
    (JoinQueue("tasks"), "tasks.join()"),
    (Collect("results", 10), "for _ in range(10): results.get()"),
    (Join("Worker 1"), "worker_1.join()"),
    (Join("Worker 1", 1.0), "worker_1.join(1)"),
    (IsAlive("Worker 1"), "worker_1.is_alive()"),
    (
        StopIfAlive("W", "kill"),
        "if w.is_alive(): w.kill(); w.is_alive(); w.join(); w.is_alive()",
    ),
]


@pytest.mark.parametrize(("step", "line"), STEPS)
def test_a_step_is_a_line_of_python(step: Step, line: str) -> None:
    """Each step reads as the script would have it, and is valid Python."""
    assert [line] == plan.lines([step])
    ast.parse(line)


def test_identifiers_are_valid_and_unique() -> None:
    """Whatever names a scenario gives, the lines tell its processes and queues apart."""
    names = ["Worker 1", "worker-1", "1", "class", "time", "😀", "\x1b", "Äpfel"]
    assert ["worker_1", "worker_1_2", "process_1", "class_2", "time_2", "process", "process_2", "äpfel"] == [
        line.removesuffix(".start()") for line in plan.lines([Start(name) for name in names])
    ]


def test_a_queue_and_a_process_of_one_name() -> None:
    """They keep apart, wherever they come up again."""
    steps: list[Step] = [CloseQueue("a"), Start("a"), CloseQueue("a")]
    assert ["a.close()", "a_2.start()", "a.close()"] == plan.lines(steps)


def test_lines_are_numbered() -> None:
    """Numbers stand below each other."""
    text = plan.numbered([Sleep(1.0)] * 10)
    assert " 1  time.sleep(1)\n" == text[:18]
    assert "10  time.sleep(1)\n" == text[-18:]


def test_hostile_names_are_inert() -> None:
    """No name steers a terminal."""
    process = ProcessSpec("\x1b[2J", True, "a:\u202eb", kwargs={"x": "\x1b"})
    assert plan.lines([CreateProcess(process)])[0].isprintable()


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
