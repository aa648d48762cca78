"""Steps: what a program does, one after the other, and the table of all that a step can do.

There is one type. `Step` is what a file writes under `main:` and under the `steps:` of a process, and what
`scenario.plan` derives for a main program of which the file writes nothing: start, put, close, collect, join. `VERBS`
has one entry for each verb; the checks, the schema, `plan`, `python` and the runtime take it from here. The words are
those of the multiprocessing documentation, and of Python.

What a step does several times, or only if something is so, is a step that holds steps (of the form "block"): all
items of a queue are a `for` over one `put`, pills and what is collected are a `repeat`, "terminate it if it is still
alive" is an `if`. So a plan stays as short as the file, and each of its lines remains one step. `use` holds the calls
of its pool.

What a step is given may be an expression over the names that its program knows (see `expressions`).

What a program creates before its first step and removes after its last is no step: it follows from what the scenario
describes, in whatever order its steps stand (`scenario.plan.created` and `removed`).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from run_scenario.errors import Location
from run_scenario.scenario.data import Unmade, unmade, with_made
from run_scenario.scenario.expressions import draws, names_in
from run_scenario.values import Value

# Exceptions


EXCEPTION_MODULES = {
    "AuthenticationError": "multiprocessing",
    "BrokenBarrierError": "threading",
    "BrokenExecutor": "concurrent.futures",
    "BrokenProcessPool": "concurrent.futures.process",
    "BufferTooShort": "multiprocessing",
    "CancelledError": "concurrent.futures",
    "Empty": "queue",
    "Full": "queue",
    "MaybeEncodingError": "multiprocessing.pool",
    "PicklingError": "pickle",
    "ProcessError": "multiprocessing",
    "RemoteError": "multiprocessing.managers",
    "UnpicklingError": "pickle",
}
"""Exceptions that are no built-ins -> the module that a script imports them from."""


def exception_names() -> list[str]:
    """Return the names of all exceptions that a step may name without a module."""
    own = [name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)]
    return [*own, *EXCEPTION_MODULES]


# Steps


Kind = Literal["subject", "argument", "plain"]
Form = Literal["method", "attribute", "assignment", "function", "statement", "block"]
Effect = Literal["put", "take", "task_done", "release", "set", "notify", "arrive", "send", "receive", "close"]

PROCESS = "process"
"""The type of whatever runs a target: also of a thread, in a step that is about it."""
_WORKERS = ("process", "thread")
_QUEUES = ("Queue", "JoinableQueue", "SimpleQueue", "ManagerQueue")
_SIZED = ("Queue", "JoinableQueue", "ManagerQueue")
_FED = ("Queue", "JoinableQueue")
_HELD = ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition")
_INDEXED = ("Array", "ManagerArray", "ShareableList", "dict", "list", "Namespace")
_STORED = ("Value", "ManagerValue", *_INDEXED, "SharedMemory")
POOLS = ("Pool", "executor")
"""The types of pools."""

SIGNALS = (
    *("SIGABRT", "SIGALRM", "SIGBUS", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGKILL", "SIGQUIT"),
    *("SIGSEGV", "SIGTERM", "SIGTRAP", "SIGUSR1", "SIGUSR2"),
)
"""The signals that a process may send to itself, all of which end it, unless it handles them."""

COMPUTED = {"type": "string", "pattern": "[$]"}
"""JSON Schema of a text that has an expression in it."""
_SECONDS = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 86400},
        COMPUTED,
        {
            "type": "object",
            "required": ["from", "to"],
            "additionalProperties": False,
            "properties": {
                "from": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 86400,
                    "description": "How many seconds at least.",
                },
                "to": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 86400,
                    "description": "How many seconds at most.",
                },
            },
        },
    ],
    "x-expected": "a number of seconds, from 0 to 86400 (a day), or a range such as `{from: 0.1, to: 0.5}`",
}
_ITEM = {"if": {"type": "object", "required": ["call"]}, "then": {"$ref": "#/$defs/call"}}
"""As an item of a queue: a mapping with the key `call` is an object that makes a call."""
_TRUE = {"const": True, "x-expected": "`true`"}
_STEPS = {"$ref": "#/$defs/steps"}
_CONDITION = {
    "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^[$]"}],
    "x-expected": "a condition, as in `${item > 3}`",
}


class Verb(Value):
    """One thing that a step can do."""

    name: str
    takes: tuple[str, ...]
    """Types of what it is done to; empty where it is done to nothing."""
    python: str = ""
    """What is called, read or assigned; empty if it is called like the verb."""
    value: Kind = "subject"
    """What follows the verb: a name; an argument, with the name under `to`; or an argument alone."""
    options: tuple[str, ...] = ()
    """Other keys that the step may have: keyword arguments of the method."""
    keys: tuple[str, ...] = ()
    """Other keys that the step may have, which are none: a block's steps, the place in a list."""
    needs: tuple[str, ...] = ()
    """Those of them that it must have."""
    is_loop: bool = False
    """Whether a block is done over and over."""
    form: Form = "method"
    """How Python writes it: `subject.python(…)`, `subject.python`, `subject.python = …`, `python(…)`, or as a statement
    or block of its own."""
    module: str = ""
    """Where a function comes from, if it is no built-in."""
    answers: bool = False
    """Whether its answer can be given a name, by `as`."""
    answer: str = ""
    """What a script calls the answer, if it keeps one that has no name."""
    records_answer: bool = False
    """Whether the step itself records the answer, because the object does not record that call."""
    effect: Effect | None = None
    """What it does for others, who may wait for that."""
    waits: tuple[str, ...] = ()
    """What the log calls it while it waits; empty if it is called like the verb."""
    schema: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    """JSON Schema of an argument that is not just any value."""
    since: tuple[int, int] = (3, 11)
    """The first version of Python that has it."""
    help: str = ""

    @property
    def called(self) -> str:
        """The name of the method, attribute or function."""
        return self.python or self.name


_ALL = (
    Verb("start", _WORKERS, help="Start it."),
    Verb(
        "join",
        (*_WORKERS, "Pool"),
        options=("timeout",),
        waits=("join", "join_pool"),
        help="Wait for its end, with `timeout` for so many seconds at most.",
    ),
    Verb(
        "supervise",
        ("process",),
        waits=("join",),
        help="Wait for the end of processes, and start each again as its `restart` says.",
    ),
    Verb("is_alive", _WORKERS, answers=True, help="Ask whether it runs; the answer is in the log."),
    Verb(
        "exitcode",
        ("process",),
        form="attribute",
        answer="exitcode",
        records_answer=True,
        answers=True,
        help="Ask for its exit code: none while it runs.",
    ),
    Verb(
        "interrupt", ("process",), since=(3, 14), help="Send it SIGINT, and go on without waiting (from Python 3.14)."
    ),
    Verb("terminate", ("process", "Pool"), help="Send it SIGTERM, and go on without waiting."),
    Verb("kill", ("process",), help="Send it SIGKILL, and go on without waiting."),
    Verb(
        "put",
        _QUEUES,
        value="argument",
        schema=_ITEM,
        options=("block", "timeout"),
        effect="put",
        help="Put this on the queue named by `to`.",
    ),
    Verb(
        "put_nowait",
        _SIZED,
        value="argument",
        schema=_ITEM,
        effect="put",
        help="Put this on the queue named by `to`, or raise Full at once.",
    ),
    Verb(
        "get",
        _QUEUES,
        options=("block", "timeout"),
        effect="take",
        answers=True,
        help="Get the next item from a queue.",
    ),
    Verb(
        "get_nowait",
        _SIZED,
        effect="take",
        answers=True,
        help="Get the next item from a queue, or raise Empty at once.",
    ),
    Verb("empty", _QUEUES, answers=True, help="Ask whether a queue is empty; the answer is in the log."),
    Verb("full", _SIZED, answers=True, help="Ask whether a queue is full; the answer is in the log."),
    Verb("qsize", _SIZED, records_answer=True, answers=True, help="Ask how many items are on a queue, about."),
    Verb(
        "task_done",
        ("JoinableQueue", "ManagerQueue"),
        effect="task_done",
        help="Say that an item got from the queue is worked off.",
    ),
    Verb("join_queue", ("JoinableQueue", "ManagerQueue"), "join", help="Wait until all items are worked off."),
    Verb(
        "close",
        (*_FED, "SimpleQueue", "Pipe", "process", "Pool"),
        effect="close",
        help="Close a queue, an end of a pipe, a process, or a pool.",
    ),
    Verb("join_thread", _FED, help="Wait until all that was put has been written to the pipe of a closed queue."),
    Verb("cancel_join_thread", _FED, records_answer=True, help="Do not wait for that at the end: items may be lost."),
    Verb(
        "acquire",
        _HELD,
        options=("block", "timeout"),
        answers=True,
        help="Acquire a lock, a semaphore, or a condition's lock.",
    ),
    Verb("release", _HELD, effect="release", help="Release it."),
    Verb("set", ("Event",), effect="set", help="Set an event: who waits for it goes on."),
    Verb("clear", ("Event",), help="Clear an event."),
    Verb("is_set", ("Event",), answers=True, help="Ask whether an event is set; the answer is in the log."),
    Verb(
        "wait",
        ("Event", "Condition", "Barrier"),
        options=("timeout",),
        effect="arrive",
        answers=True,
        help="Wait for it.",
    ),
    Verb(
        "notify",
        ("Condition",),
        options=("n",),
        effect="notify",
        help="Wake up one who waits on a condition, or `n` of them.",
    ),
    Verb("notify_all", ("Condition",), effect="notify", waits=("notify",), help="Wake up all who wait on a condition."),
    Verb("abort", ("Barrier",), help="Break a barrier: whoever waits gets a BrokenBarrierError."),
    Verb("reset", ("Barrier",), help="Make a barrier as new."),
    Verb(
        "send",
        ("Pipe",),
        value="argument",
        effect="send",
        schema=_ITEM,
        help="Send this at the end of a pipe named by `to`.",
    ),
    Verb("recv", ("Pipe",), effect="receive", answers=True, help="Receive an object at an end of a pipe."),
    Verb(
        "poll",
        ("Pipe",),
        options=("timeout",),
        waits=("recv",),
        answers=True,
        help="Ask whether there is something to receive.",
    ),
    Verb(
        "read",
        _STORED,
        "value",
        keys=("at",),
        form="attribute",
        answers=True,
        answer="number",
        help="Read a value, or an element `at` a position, key or name; without `at`, all of it.",
    ),
    Verb(
        "write",
        _STORED,
        "value",
        "argument",
        keys=("at",),
        form="assignment",
        help="Write this to the value named by `to`, or to its element `at` a position, key or name.",
    ),
    Verb("append", ("list",), value="argument", help="Append this to the list named by `to`."),
    Verb("extend", ("list",), value="argument", help="Append all of these to the list named by `to`."),
    Verb("update", ("dict",), value="argument", help="Store all of these in the dict named by `to`."),
    Verb("pop", ("dict", "list"), keys=("at",), answers=True, help="Remove the element `at` a position or key."),
    Verb("len", _INDEXED[:-1], form="function", answers=True, help="Ask how many elements something has."),
    Verb("use", POOLS, help="Create a pool, make its calls, close and join it."),
    Verb("create", POOLS, help="Create a pool: its workers start."),
    Verb(
        "next_call",
        POOLS,
        waits=("result",),
        answers=True,
        help="Make the next of a pool's `calls`, in the order of the file; in a loop, the same one in each turn.",
    ),
    Verb("result", POOLS, answers=True, help="Ask for the result of the first call not asked for yet."),
    Verb("shutdown", ("executor",), waits=("join_pool",), help="Shut an executor down, and wait for its workers."),
    Verb(
        "sleep",
        (),
        value="plain",
        form="function",
        module="time",
        schema=_SECONDS,
        help="Sleep for so many seconds, or for a time between two.",
    ),
    Verb(
        "print",
        (),
        value="plain",
        form="function",
        schema={"type": ["string", "number", "boolean"], "maxLength": 1000, "x-expected": "a text"},
        help="Print a text, on standard output.",
    ),
    Verb(
        "call",
        (),
        value="plain",
        form="function",
        keys=("args", "kwargs"),
        answers=True,
        schema={"type": "string", "minLength": 1, "maxLength": 200, "x-expected": "the name of a function"},
        help="Call a work function, or `package.module:function` of your own, with `args` and `kwargs`.",
    ),
    Verb(
        "active_children",
        (),
        value="plain",
        form="function",
        module="multiprocessing",
        records_answer=True,
        schema=_TRUE,
        answers=True,
        help="Ask which children are alive: `active_children: true`.",
    ),
    Verb(
        "cpu_count",
        (),
        value="plain",
        form="function",
        module="multiprocessing",
        records_answer=True,
        schema=_TRUE,
        answers=True,
        help="Ask how many CPUs there are: `cpu_count: true`.",
    ),
    Verb(
        "let",
        (),
        value="plain",
        form="statement",
        schema={
            "type": "object",
            "minProperties": 1,
            "maxProperties": 20,
            "x-expected": "names and their values, as in `{total: 0}`",
        },
        help="Give values names: `let: {total: 0}`, and later `let: {total: '${total + item}'}`.",
    ),
    Verb(
        "repeat",
        (),
        value="plain",
        keys=("steps",),
        needs=("steps",),
        is_loop=True,
        form="block",
        schema={
            "anyOf": [{"type": "integer", "minimum": 0, "maximum": 1_000_000_000}, {"const": "forever"}, COMPUTED],
            "x-expected": "how often, or `forever`",
        },
        help="Do its `steps` so many times, or `forever`.",
    ),
    Verb(
        "for",
        (),
        value="plain",
        keys=("in", "steps"),
        needs=("in", "steps"),
        is_loop=True,
        form="block",
        schema={"$ref": "#/$defs/variable"},
        help="Do its `steps` for each of the values `in` a list, under this name: `for: item`.",
    ),
    Verb(
        "while",
        (),
        value="plain",
        keys=("steps",),
        needs=("steps",),
        is_loop=True,
        form="block",
        schema=_CONDITION,
        help="Do its `steps` as long as this is so.",
    ),
    Verb(
        "if",
        (),
        value="plain",
        keys=("then", "else"),
        needs=("then",),
        form="block",
        schema=_CONDITION,
        help="If this is so, do the steps under `then`, otherwise those under `else`.",
    ),
    Verb(
        "with",
        (*_HELD, "Value", "Array", *POOLS),
        keys=("steps",),
        needs=("steps",),
        form="block",
        effect="release",
        waits=("acquire", "join_pool"),
        help="Do its `steps` while holding a lock, a semaphore, or the lock of a condition, value or array; or with a "
        "pool, which is created before, and in the end terminated (a Pool) or shut down (an executor).",
    ),
    Verb(
        "try",
        (),
        value="plain",
        keys=("except", "else", "finally"),
        form="block",
        schema=_STEPS,
        help="Do these steps; of an exception, those that stand by its name under `except`; in the end, `finally`.",
    ),
    Verb("break", (), value="plain", form="statement", schema=_TRUE, help="Leave the innermost loop."),
    Verb("continue", (), value="plain", form="statement", schema=_TRUE, help="Go on with the loop's next turn."),
    Verb("return", (), value="plain", form="statement", schema=_TRUE, help="End here, as a function that returns."),
    Verb(
        "exit",
        (),
        value="plain",
        form="function",
        module="sys",
        schema={
            "anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, COMPUTED],
            "x-expected": "an exit code from 0 to 255",
        },
        help="End the process with this exit code, as sys.exit() does.",
    ),
    Verb(
        "raise_signal",
        (),
        value="plain",
        form="function",
        module="signal",
        schema={"enum": list(SIGNALS), "x-expected": "the name of a signal, such as SIGTERM"},
        help="Send a signal to the process that does this: `raise_signal: SIGKILL` ends it at once.",
    ),
    Verb(
        "raise",
        (),
        value="plain",
        keys=("message",),
        form="statement",
        schema={"type": "string", "minLength": 1, "maxLength": 100, "x-expected": "the name of an exception"},
        help="Raise an exception, with a `message`.",
    ),
)

VERBS = {verb.name: verb for verb in _ALL}
"""All verbs, by name."""

WORDS = tuple(verb.name for verb in _ALL if verb.schema is _TRUE)
"""Verbs that say all by themselves: a step may be the bare word."""

PARTS = ("steps", "then", "else", "except", "finally")
"""Keys of a block under which steps stand."""

OPTIONS = ("block", "timeout", "n")
"""All keys of steps that are keyword arguments."""


class Step(Value):
    """One thing that is done: what a verb describes, done to `subject`."""

    verb: str
    subject: Any = ""
    """Name of a process or resource, or of a pipe's end; empty where the verb needs none. A `Template` where it depends
    on names that are known only when the step is done. Of a `for`, the name that each of the values has in its steps;
    of an `except`, the exception's name."""
    kind: str = ""
    """What the subject is: `PROCESS`, or the type of the resource, since a process and a queue may share a name."""
    argument: Any = None
    """What is put, sent, written or printed, in which expressions may stand; of `next_call` and `result`, the
    `PoolCall` (of a `result`, None where only the run knows it); of a `start` whose subject only the run knows, the
    `steps` of each process that it may start, by name. Of a `for`, the values; of `repeat`, how often (None: for ever);
    of a `while` and an `if`, the condition, or a step that asks; of `let`, the values by their names; of `call`, the
    function."""
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    """Keyword arguments; also `at`, `message`, `args` and `kwargs` of `call`, and what a `next_call` computes."""
    raises: str = ""
    """Name of the exception that is expected; the program then goes on."""
    steps: tuple[Step, ...] = ()
    """The steps that it consists of; of `start`, what a forked process does before it calls its target: it closes the
    ends of pipes that it inherits and does not use."""
    otherwise: tuple[Step, ...] = ()
    """Of an `if`, the steps that are done if it is not so. What follows a `try`: steps of the verbs `except`, `else`
    and `finally`, each of which holds steps."""
    name: str = ""
    """By which name later steps know its answer."""
    where: Location | None = None
    """Where the file has it; None if it is derived."""


def everywhere(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps, each followed by those that stand in it; a question that an `if` asks is one of them."""
    for step in steps:
        yield step
        if isinstance(step.argument, Step):
            yield step.argument
        yield from everywhere(step.steps)
        yield from everywhere(step.otherwise)


def seed_of(names: Mapping[str, Any], program: str) -> str:
    """Return what all that is random in a program follows from: the parameter `seed`, and its name; empty: chance."""
    return f"{names['seed']}/{program}" if "seed" in names else ""


def draws_in(steps: Iterable[Step]) -> bool:
    """Return whether something in steps is random."""
    return any(
        draws((step.subject, step.argument, step.options)) or (step.verb == "sleep" and isinstance(step.argument, dict))
        for step in everywhere(steps)
    )


def uncertain_pools(steps: Iterable[Step]) -> set[str]:
    """Return the pools of which only the run knows whose result a step asks for."""
    return {step.subject for step in everywhere(steps) if step.verb == "result" and step.argument is None}


def names_given(step: Step) -> tuple[str, ...]:
    """Return the names that a step gives to values."""
    named = (step.name,) if step.name else ()
    if step.verb == "for":
        return (*named, step.subject)
    return (*named, *step.argument) if step.verb == "let" else named


def names_read(step: Step) -> Iterator[str]:
    """Yield the names that the expressions of a step read, but not those of the steps in it."""
    for value in (step.subject, step.argument, step.options):
        yield from names_in(value)


def unfolded(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps in order, and instead of those that consist of others, these; a `with` comes before its steps."""
    for step in steps:
        if step.verb == "with":
            yield step
        if step.verb in ("use", "except", "else", "finally") or VERBS[step.verb].form == "block":
            yield from unfolded(step.steps)
            yield from unfolded(step.otherwise)
        else:
            yield step


def unmade_in(steps: Iterable[Step]) -> Iterator[tuple[Unmade, Location | None]]:
    """Yield what steps have to make, each with the place of its step."""
    for step in everywhere(steps):
        for data in (step.argument, step.options):
            yield from ((spec, step.where) for spec in unmade(data))


def with_made_in(steps: tuple[Step, ...], make: Callable[[Unmade], Any]) -> tuple[Step, ...]:
    """Return the steps, with what `make` returns in place of what is to be made."""
    return tuple(
        step.replace(
            argument=with_made(step.argument, make),
            options=with_made(step.options, make),
            steps=with_made_in(step.steps, make),
            otherwise=with_made_in(step.otherwise, make),
        )
        for step in steps
    )
