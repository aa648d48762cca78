"""What is known about each built-in, read from its signature, its annotations and its docstring.

signature, annotations  ──▶  Parameter: kind, default, direction, bounds
docstring               ──▶  summary, description, help of each parameter, example
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from run_scenario.targets._binding import target_function, work_function
from run_scenario.values import Value

Kind = Literal["integer", "number", "text", "boolean", "any", "items", "work", "queue", "resource"]
Function = Callable[..., Any]

MAX_SECONDS = 86_400.0
MAX_COUNT = 10_000_000
_ENDS = frozenset(("_exit", "kill", "abort", "raise_signal", "die_by"))
_SETS_HANDLERS = frozenset(("SIG_IGN", "SIG_DFL"))
"""Names in the code of targets that do not fit into a thread."""


_PLACEHOLDERS = {"Pipe": "PIPE.left", "SharedMemory": "MEMORY", "Server": "MANAGER"}
"""Of types whose name alone would not say it."""


class Parameter(Value):
    """One parameter of a built-in; `minimum` and `maximum` are included in what is allowed."""

    name: str
    kind: Kind
    required: bool
    default: Any
    help: str
    takes: tuple[str, ...] = ()
    """Of a queue or another resource: the types that it may have. Empty for everything else."""
    noun: str = ""
    """What such a resource is called: `queue`, `lock`."""
    direction: Literal["from", "to"] | None = None
    """For a queue: whether the target gets from it or puts on it."""
    task_done: bool = False
    """Whether the target, left to its defaults, calls `task_done()` on this queue, so that it must be joinable."""
    switch: str | None = None
    """The boolean parameter that decides whether it does, if the target has one."""
    until_pill: bool = False
    """Whether the target takes from this queue until a poison pill (None) comes."""
    passes_pills: bool = False
    """Whether a None that the target takes from a queue is put on this one."""
    locked: bool = False
    """Whether the target uses the lock of this value."""
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def is_resource(self) -> bool:
        """Whether it is given by `from`, `to` or `uses`, and not by arguments."""
        return self.kind in ("queue", "resource")

    @property
    def called(self) -> str:
        """What such a resource is called, with an article."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}" if self.noun else ""

    @property
    def placeholder(self) -> str:
        """What stands in a hint for the name of such a resource."""
        return _PLACEHOLDERS.get(self.takes[0], self.takes[0].upper())


class Target(Value):
    """A built-in target, or a work function."""

    name: str
    function: Function
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    example: str
    """YAML: an element of `processes`; of a work function, an element of `items`."""
    item: Parameter | None = None
    """Of a work function: its first parameter, which takes the item and is not among `parameters`."""
    steps: str = ""
    """YAML: the list of steps that do the same with the default of each parameter, where the resources are called as
    their parameters are, without those that may be left out; empty where no steps can do it."""

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter called `name`, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


@functools.cache
def find(name: str) -> Target | None:
    """Return the built-in target called `name`, or None."""
    function = target_function(name)
    return None if function is None else _describe(function, takes_item=False)


@functools.cache
def find_work(name: str) -> Target | None:
    """Return the work function called `name`, or None; its `parameters` are those beyond the item."""
    function = work_function(name)
    return None if function is None else _describe(function, takes_item=True)


def ends_program(target: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether a built-in ends the process it runs in, not only itself; False for what is no built-in."""
    if not _names(target) & _ENDS:
        return False
    # `exit` does so only where it is told to be hard.
    return target != "exit" or bool(args[1:2] == [True] or kwargs.get("hard"))


def in_main_thread_only(target: str) -> bool:
    """Return whether a built-in sets signal handlers itself, which only a process's main thread may."""
    return bool(_names(target) & _SETS_HANDLERS)


def _names(target: str) -> frozenset[str]:
    known = None if ":" in target else find(target)
    return frozenset() if known is None else frozenset(known.function.__code__.co_names)


_SIGNALS = (
    "SIGSEGV",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGILL",
    "SIGKILL",
    "SIGTERM",
    "SIGHUP",
    "SIGQUIT",
    "SIGALRM",
    "SIGUSR1",
    "SIGUSR2",
)
_EXCEPTIONS = (
    "Exception",
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BrokenPipeError",
    "ConnectionError",
    "EOFError",
    "FileNotFoundError",
    "IndexError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "NotImplementedError",
    "OSError",
    "PermissionError",
    "RecursionError",
    "RuntimeError",
    "TimeoutError",
    "TypeError",
    "ValueError",
    "ZeroDivisionError",
)
_QUEUE: dict[str, Any] = {
    "kind": "queue",
    "takes": ("Queue", "JoinableQueue", "SimpleQueue", "ManagerQueue"),
    "noun": "queue",
}
_END: dict[str, Any] = {"kind": "resource", "takes": ("Pipe",), "noun": "end of a pipe"}
# What an annotation says about its parameter, as arguments of Parameter.
_MEANINGS: dict[str, dict[str, Any]] = {
    "int": {"kind": "integer"},
    "float": {"kind": "number"},
    "str": {"kind": "text"},
    "bool": {"kind": "boolean"},
    "Any": {"kind": "any"},
    "Items": {"kind": "items"},
    "Inbox": _QUEUE | {"direction": "from"},
    "TaskInbox": _QUEUE | {"direction": "from", "task_done": True},
    "PillInbox": _QUEUE | {"direction": "from", "task_done": True, "until_pill": True},
    "Outbox": _QUEUE | {"direction": "to"},
    "PassingOutbox": _QUEUE | {"direction": "to", "passes_pills": True},
    "ReceivingEnd": _END | {"direction": "from"},
    "SendingEnd": _END | {"direction": "to"},
    "AnyEnd": _END,
    "AnyLock": {"kind": "resource", "takes": ("Lock", "RLock"), "noun": "lock"},
    "AnySemaphore": {"kind": "resource", "takes": ("Semaphore", "BoundedSemaphore"), "noun": "semaphore"},
    "AnyEvent": {"kind": "resource", "takes": ("Event",), "noun": "event"},
    "AnyCondition": {"kind": "resource", "takes": ("Condition",), "noun": "condition"},
    "AnyBarrier": {"kind": "resource", "takes": ("Barrier",), "noun": "barrier"},
    "AnyValue": {"kind": "resource", "takes": ("Value", "ManagerValue"), "noun": "value"},
    "LockedValue": {"kind": "resource", "takes": ("Value", "ManagerValue"), "noun": "value", "locked": True},
    "AnyArray": {"kind": "resource", "takes": ("Array", "ManagerArray", "ShareableList"), "noun": "array"},
    "AnyMemory": {"kind": "resource", "takes": ("SharedMemory",), "noun": "block of memory"},
    "AnyDict": {"kind": "resource", "takes": ("dict",), "noun": "manager's dict"},
    "AnyList": {"kind": "resource", "takes": ("list",), "noun": "manager's list"},
    "AnyNamespace": {"kind": "resource", "takes": ("Namespace",), "noun": "manager's namespace"},
    "AnyServer": {"kind": "resource", "takes": ("Server",), "noun": "remote manager"},
    "Work": {"kind": "work"},
    "Seconds": {"kind": "number", "minimum": 0.0, "maximum": MAX_SECONDS},
    "Count": {"kind": "integer", "minimum": 0, "maximum": MAX_COUNT},
    "ExitCode": {"kind": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "SignalName": {"kind": "text", "choices": _SIGNALS},
    "ExceptionName": {"kind": "text", "choices": _EXCEPTIONS},
}


def _describe(function: Function, *, takes_item: bool) -> Target:
    summary, description, helps, example, steps = _parse_docstring(inspect.getdoc(function) or "")
    signature = inspect.signature(function).parameters
    switch = signature.get("task_done")
    parameters = tuple(_parameter(p, helps, switch) for p in signature.values())
    item, parameters = (parameters[0], parameters[1:]) if takes_item else (None, parameters)
    return Target(function.__name__, function, summary, description, parameters, example, item, steps)


def _parameter(parameter: inspect.Parameter, helps: dict[str, str], switch: inspect.Parameter | None) -> Parameter:
    required = parameter.default is inspect.Parameter.empty
    meaning = _MEANINGS[parameter.annotation.removesuffix(" | None")]
    if switch is not None and meaning.get("task_done"):
        meaning = meaning | {"task_done": bool(switch.default), "switch": switch.name}
    return Parameter(
        name=parameter.name,
        required=required,
        default=None if required else parameter.default,
        help=helps.get(parameter.name, ""),
        **meaning,
    )


def _parse_docstring(text: str) -> tuple[str, str, dict[str, str], str, str]:
    """Take a docstring apart: summary, description, help of each parameter (`Args:`), YAML (`Example:`, `Steps:`)."""
    sections: dict[str, list[str]] = {"": []}
    current = sections[""]
    for line in text.splitlines():
        if line in ("Args:", "Example:", "Steps:"):
            current = sections.setdefault(line, [])
        else:
            current.append(line)
    summary, _, description = "\n".join(sections[""]).partition("\n\n")
    helps: dict[str, str] = {}
    for line in inspect.cleandoc("\n" + "\n".join(sections.get("Args:", []))).splitlines():
        name, colon, help_text = line.partition(": ")
        if colon and name.isidentifier():
            helps[name] = help_text
        elif line.startswith(" ") and helps:
            last = next(reversed(helps))
            helps[last] += " " + line.strip()
    example, steps = (inspect.cleandoc("\n" + "\n".join(sections.get(each, []))) for each in ("Example:", "Steps:"))
    return " ".join(summary.split()), _paragraphs(description), helps, example, steps


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
