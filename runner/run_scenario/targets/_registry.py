"""What is known about each built-in, read from its signature, its annotations and its docstring.

signature, annotations  ──▶  Parameter: kind, default, direction, bounds
docstring               ──▶  summary, description, help of each parameter, example
"""

from __future__ import annotations

import functools
import importlib
import inspect
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from run_scenario.model import CallSpec
from run_scenario.targets import _register
from run_scenario.targets._call import Call
from run_scenario.values import Value

Kind = Literal["integer", "number", "text", "boolean", "any", "work", "queue", "resource"]
Function = Callable[..., Any]
Resolve = Callable[[str], Function]

MAX_SECONDS = 86_400.0
MAX_COUNT = 10_000_000

_TARGET_MODULES = (
    "_basics",
    "_queues",
    "_endings",
    "_faults",
    "_resources",
    "_memory",
    "_output",
    "_pipes",
    "_sync",
    "_shared",
)
_WORK_MODULES = ("_work",)


class Parameter(Value):
    """One parameter of a built-in; `minimum` and `maximum` are included in what is allowed."""

    name: str
    kind: Kind
    required: bool
    default: Any
    help: str
    takes: tuple[str, ...] = ()
    """Of a queue or another resource: the types that it may have. Empty for everything else."""
    called: str = ""
    """What such a resource is called: `a queue`, `a lock`."""
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

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter called `name`, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


def names() -> list[str]:
    """Return the names of the built-in targets, in the order in which they are documented."""
    return list(_registered(_TARGET_MODULES, _register.TARGETS))


def work_names() -> list[str]:
    """Return the names of the work functions, in the order in which they are documented."""
    return list(_registered(_WORK_MODULES, _register.WORK))


@functools.cache
def find(name: str) -> Target | None:
    """Return the built-in target called `name`, or None."""
    function = _lookup(name, _TARGET_MODULES, _register.TARGETS)
    return None if function is None else _describe(function, takes_item=False)


@functools.cache
def find_work(name: str) -> Target | None:
    """Return the work function called `name`, or None; its `parameters` are those beyond the item."""
    function = _lookup(name, _WORK_MODULES, _register.WORK)
    return None if function is None else _describe(function, takes_item=True)


def bind(
    target: str, args: Sequence[Any], kwargs: Mapping[str, Any], resolve: Resolve
) -> tuple[Function, tuple[Any, ...], dict[str, Any]]:
    """Turn a target and its arguments, as a scenario has them, into a function and what it takes.

    The value of a `work` parameter becomes the function itself. `resolve` is called for everything that is spelled
    `package.module:function`, and is the one to refuse it. The arguments of a target that is not a built-in are
    passed on as they are. All of it can be pickled if the arguments can.

    Raises:
        ValueError: there is no such target, or no such work function.
    """
    if ":" in target:
        return resolve(target), tuple(args), dict(kwargs)
    known = find(target)
    if known is None:
        raise ValueError(_unknown("target", target, names()))
    order = [parameter.name for parameter in known.parameters]
    works = {parameter.name for parameter in known.parameters if parameter.kind == "work"}
    positional = tuple(
        _work(value, resolve) if works.intersection(order[index : index + 1]) else value
        for index, value in enumerate(args)
    )
    named = {name: _work(value, resolve) if name in works else value for name, value in kwargs.items()}
    return known.function, positional, named


def make_item(spec: CallSpec, resolve: Resolve) -> Call:
    """Return the task object that an item `{call: …}` stands for.

    Raises:
        ValueError: there is no such work function.
    """
    return Call(_function(spec.function, resolve), spec.args, spec.kwargs)


def find_function(name: str, resolve: Resolve) -> Function:
    """Return the work function of that name, or what `resolve` finds for `package.module:function`.

    Raises:
        ValueError: there is no such work function.
    """
    return _function(name, resolve)


def _work(value: Any, resolve: Resolve) -> Any:
    """Turn `is_prime` or `{call: fail_on, kwargs: {value: 3}}` into a function of one item."""
    if isinstance(value, str):
        return _function(value, resolve)
    if isinstance(value, Mapping) and "call" in value:
        if value.get("args"):
            raise ValueError(
                f"the only positional argument of the work function {value['call']!r} is the item; "
                "give it kwargs, not args"
            )
        return functools.partial(_function(value["call"], resolve), **value.get("kwargs", {}))
    return value


def _function(name: str, resolve: Resolve) -> Function:
    if ":" in name:
        return resolve(name)
    known = find_work(name)
    if known is None:
        raise ValueError(_unknown("work function", name, work_names()))
    return known.function


def _unknown(what: str, name: str, known: list[str]) -> str:
    import difflib  # only where something is wrong anyway

    close = difflib.get_close_matches(name, known, n=1)
    way_out = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}, and package.module:function"
    return f"there is no {what} {name!r}; {way_out}"


def _lookup(name: str, modules: tuple[str, ...], registry: dict[str, Function]) -> Function | None:
    """Find a function by name, importing no more modules than it takes."""
    for module in modules:
        if name in registry:
            break
        _import(module)
    return registry.get(name)


def _import(module: str) -> None:
    importlib.import_module(f"run_scenario.targets.{module}")


def _registered(modules: tuple[str, ...], registry: dict[str, Function]) -> dict[str, Function]:
    for module in modules:
        _import(module)
    # A module may have been imported before, on its own: the order is that of the modules, then of their functions.
    order = {f"run_scenario.targets.{module}": index for index, module in enumerate(modules)}
    return dict(sorted(registry.items(), key=lambda pair: order[pair[1].__module__]))


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
    "called": "a queue",
}
_END: dict[str, Any] = {"kind": "resource", "takes": ("Pipe",), "called": "an end of a pipe"}
# What an annotation says about its parameter, as arguments of Parameter.
_MEANINGS: dict[str, dict[str, Any]] = {
    "int": {"kind": "integer"},
    "float": {"kind": "number"},
    "str": {"kind": "text"},
    "bool": {"kind": "boolean"},
    "Any": {"kind": "any"},
    "Items": {"kind": "any"},
    "Inbox": _QUEUE | {"direction": "from"},
    "TaskInbox": _QUEUE | {"direction": "from", "task_done": True},
    "PillInbox": _QUEUE | {"direction": "from", "task_done": True, "until_pill": True},
    "Outbox": _QUEUE | {"direction": "to"},
    "PassingOutbox": _QUEUE | {"direction": "to", "passes_pills": True},
    "ReceivingEnd": _END | {"direction": "from"},
    "SendingEnd": _END | {"direction": "to"},
    "AnyEnd": _END,
    "AnyLock": {"kind": "resource", "takes": ("Lock", "RLock"), "called": "a lock"},
    "AnySemaphore": {"kind": "resource", "takes": ("Semaphore", "BoundedSemaphore"), "called": "a semaphore"},
    "AnyEvent": {"kind": "resource", "takes": ("Event",), "called": "an event"},
    "AnyCondition": {"kind": "resource", "takes": ("Condition",), "called": "a condition"},
    "AnyBarrier": {"kind": "resource", "takes": ("Barrier",), "called": "a barrier"},
    "AnyValue": {"kind": "resource", "takes": ("Value",), "called": "a value"},
    "LockedValue": {"kind": "resource", "takes": ("Value",), "called": "a value", "locked": True},
    "AnyArray": {"kind": "resource", "takes": ("Array", "ShareableList"), "called": "an array"},
    "AnyMemory": {"kind": "resource", "takes": ("SharedMemory",), "called": "a block of memory"},
    "AnyDict": {"kind": "resource", "takes": ("dict",), "called": "a manager's dict"},
    "AnyList": {"kind": "resource", "takes": ("list",), "called": "a manager's list"},
    "AnyNamespace": {"kind": "resource", "takes": ("Namespace",), "called": "a manager's namespace"},
    "AnyServer": {"kind": "resource", "takes": ("Server",), "called": "a remote manager"},
    "Work": {"kind": "work"},
    "Seconds": {"kind": "number", "minimum": 0.0, "maximum": MAX_SECONDS},
    "Count": {"kind": "integer", "minimum": 0, "maximum": MAX_COUNT},
    "ExitCode": {"kind": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "SignalName": {"kind": "text", "choices": tuple(name for name in _SIGNALS if hasattr(signal, name))},
    "ExceptionName": {"kind": "text", "choices": _EXCEPTIONS},
}


def _describe(function: Function, *, takes_item: bool) -> Target:
    summary, description, helps, example = _parse_docstring(inspect.getdoc(function) or "")
    signature = inspect.signature(function).parameters
    switch = signature.get("task_done")
    parameters = tuple(_parameter(p, helps, switch) for p in signature.values())
    item, parameters = (parameters[0], parameters[1:]) if takes_item else (None, parameters)
    return Target(function.__name__, function, summary, description, parameters, example, item)


def _parameter(parameter: inspect.Parameter, helps: dict[str, str], switch: inspect.Parameter | None) -> Parameter:
    required = parameter.default is inspect.Parameter.empty
    meaning = _MEANINGS[parameter.annotation.removesuffix(" | None")]
    if switch is not None and meaning.get("task_done"):
        meaning = meaning | {"task_done": switch.default, "switch": switch.name}
    return Parameter(
        name=parameter.name,
        required=required,
        default=None if required else parameter.default,
        help=helps.get(parameter.name, ""),
        **meaning,
    )


def _parse_docstring(text: str) -> tuple[str, str, dict[str, str], str]:
    """Take a docstring apart: summary, description, help of each parameter (`Args:`), YAML snippet (`Example:`)."""
    sections: dict[str, list[str]] = {"": []}
    current = sections[""]
    for line in text.splitlines():
        if line in ("Args:", "Example:"):
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
    example = inspect.cleandoc("\n" + "\n".join(sections.get("Example:", [])))
    return " ".join(summary.split()), _paragraphs(description), helps, example


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
