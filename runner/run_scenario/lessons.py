"""The chapter that the bundled scenarios began with, as a path: what it says, in its order, and a scenario for each.

The chapter is the sixth of Mastering Concurrency in Python (Quan Nguyen). `claim` is what it says, in other words;
`here` is what is otherwise, or not the whole of it, and so can be seen in the run.
"""

from __future__ import annotations

from run_scenario.values import Value

CHAPTER = "Mastering Concurrency in Python, chapter 6: working with processes"


class Lesson(Value):
    """One claim of the chapter, and the scenario in which it can be looked at."""

    scenario: str
    """The name of the bundled scenario."""
    claim: str
    here: str = ""
    """What is otherwise here; empty where all is as the chapter says."""
    example: int | None = None
    """Which of the chapter's eight programs it is; None: a claim of its text."""
    may_hang: bool = False
    """Whether some of its runs hang, and others do not."""


class Section(Value):
    """A section of the chapter."""

    heading: str
    lessons: tuple[Lesson, ...]


SECTIONS = (
    Section(
        "What a process is",
        (
            Lesson(
                "own-resources",
                "A process is a program that is being executed. The system keeps for it: memory, files, an owner, "
                "a state.",
            ),
            Lesson(
                "start-methods",
                "Several processes can run the same program: each executes the code of its parent.",
                "How it comes by that code depends on the start method. Only fork copies the parent with all it has; "
                "spawn and forkserver import the code anew.",
            ),
        ),
    ),
    Section(
        "Processes and threads",
        (
            Lesson("processes-share-nothing", "Processes do not share memory."),
            Lesson("threads-share-memory", "Threads of one process share its memory and other resources."),
            Lesson(
                "start-up-cost",
                "A process needs more resources than a thread, which is called a lightweight process for that reason.",
                "How much more it costs to start depends on the start method: fork is the cheapest.",
            ),
            Lesson(
                "context-switches",
                "In a context switch the system saves the state of one task and resumes another. It takes longer "
                "between processes than between threads.",
                "The run counts the switches of each process. How long one of them takes, it does not show.",
            ),
        ),
    ),
    Section(
        "Multiprocessing",
        (
            Lesson(
                "one-core",
                "Multitasking switches between processes so fast that they seem to run at once. Multiprocessing needs "
                "more than one CPU, and is not possible without.",
                "On one CPU the same program runs as well, and nothing fails. What it lacks is the gain in time.",
            ),
            Lesson(
                "speed-up",
                "Processes make a program faster, if parts of it can be executed independently.",
                "They do where that many CPUs are free. Where they are not, the processes take turns.",
            ),
            Lesson(
                "threads-take-turns",
                "With threads, only one processor is used, and the system switches between tasks.",
                "So it is in an ordinary Python, by its global interpreter lock. A free-threaded Python runs threads "
                "on several.",
            ),
            Lesson(
                "message-or-memory",
                "Processes share nothing, so little or nothing has to be synchronised.",
                "True of messages. As soon as processes share a Value, updates of it get lost, as between threads, if "
                "they take no lock.",
            ),
            Lesson("crash-isolation", "The failure of one process does not affect the others, if it is handled."),
            Lesson(
                "dead-consumer",
                "The failure of one process does not affect the others only if it is handled.",
                "Nobody tells a process that the other one, for which it waits, has failed. It waits for ever.",
            ),
        ),
    ),
    Section(
        "A first program",
        (
            Lesson(
                "count-down",
                "Two processes count down at the same time, in half the time. The order of their lines differs from "
                "run to run.",
                "They only sleep. Threads would save the same time: `run-scenario threads-wait-together`.",
                example=1,
            ),
        ),
    ),
    Section(
        "The class Process",
        (
            Lesson(
                "is-alive",
                "A Process has start(), join(), isAlive(), terminate(), a name and a pid.",
                "The method is called is_alive(). It is True from start() until the end, also while the process only "
                "waits.",
            ),
            Lesson(
                "start-and-join-in-turn",
                "join() waits for the process to end before the program goes on.",
                "So the place of join() decides what runs at the same time. Here nothing does; compare "
                "`run-scenario start-all-then-join`.",
            ),
        ),
    ),
    Section(
        "The class Pool",
        (
            Lesson("pool-keeps-order", "Pool.map() returns its results in the order of the input."),
            Lesson(
                "apply-async",
                "apply() and map() block the main program until the work is done; apply_async() and map_async() "
                "do not.",
            ),
        ),
    ),
    Section(
        "The current process",
        (
            Lesson(
                "names",
                "current_process().name tells who runs a function; a process without a name is called Process-3, if it "
                "is the third.",
                example=2,
            ),
            Lesson(
                "pids",
                "os.getpid() and os.getppid() return the id of the process and that of its parent, the main program.",
                "Under the start method forkserver, which is Linux's default from Python 3.14 on, the parent is the "
                "fork server.",
                example=3,
            ),
        ),
    ),
    Section(
        "Waiting for processes",
        (
            Lesson(
                "never-joined",
                "join() is there to wait for a process.",
                "join() is not what keeps a process alive. At its end the program waits for every process that is no "
                "daemon, joined or not.",
            ),
            Lesson("daemon", "A daemon does not keep the program from ending.", example=4),
            Lesson(
                "daemon-cleanup",
                "Daemons are useful where it does no harm if their work is not completed.",
                "Nor does a daemon tidy up: when it is terminated, neither its finally nor its atexit is executed.",
            ),
            Lesson(
                "daemon-join",
                "join() with a timeout waits for a daemon, but not for ever; is_alive() says whether it has ended.",
                example=5,
            ),
        ),
    ),
    Section(
        "Terminating processes",
        (
            Lesson(
                "terminate",
                "After terminate(), finally and exit handlers are not executed. Call join() as well: is_alive() may "
                "be late.",
            ),
            Lesson(
                "orphan",
                "The children of a terminated process are not terminated; they are called orphans.",
                "A script leaves them running. run-scenario tells of them, and ends them after the run.",
            ),
            Lesson(
                "broken-lock",
                "Terminating a process that uses locks, semaphores, pipes or queues is likely to make them unusable "
                "for others.",
            ),
        ),
    ),
    Section(
        "Messages",
        (
            Lesson("ping-pong", "A pipe connects two processes."),
            Lesson("two-producers", "A queue has any number of producers and consumers."),
            Lesson(
                "broken-queue",
                "A queue is preferred over shared memory: if a process fails at its message, the other items remain "
                "intact.",
                "They remain, but nobody may get at them: a process that is terminated inside get() takes the queue's "
                "lock along.",
            ),
        ),
    ),
    Section(
        "A message for one worker",
        (
            Lesson(
                "single-worker",
                "An object is put on a queue; the worker gets it and calls its method.",
                "What the worker gets is a copy: the object was pickled, and is made anew there.",
                example=6,
            ),
        ),
    ),
    Section(
        "Messages for several workers",
        (
            Lesson("joined-queue", "A JoinableQueue counts: task_done() for each item, and join() waits for all."),
            Lesson(
                "consumers-until-empty",
                "Consumers take tasks until the queue is empty. All tasks are done, but some consumers do most "
                "of them.",
                "Often it hangs instead. That the queue is empty now says nothing about the next moment.",
                example=7,
                may_hang=True,
            ),
            Lesson(
                "poison-pill",
                "A poison pill for each consumer ends it. It also makes the consumers share the work more evenly.",
                "Pills end consumers, and that is all. Who gets which task is chance: see `got by` in the table above; "
                "with tasks as short as these, one of them often does nearly all.",
                example=8,
            ),
            Lesson(
                "even-shares",
                "With poison pills, the consumers share the work more evenly.",
                "What does that is the one queue for all, and only if tasks take long: who is free takes the next. "
                "Compare `run-scenario uneven-shares`.",
            ),
            Lesson(
                "missing-pill", "There is one pill for each consumer.", "With one too few, a consumer waits for ever."
            ),
        ),
    ),
)

LESSONS = tuple(lesson for section in SECTIONS for lesson in section.lessons)
"""All of them, in the chapter's order; they are numbered from 1."""
