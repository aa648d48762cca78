"""Keys that are called otherwise here: those of other programs, and what a first guess would be."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from run_scenario import targets
from run_scenario.loader.problems import counting, shorten
from run_scenario.loader.reading.yaml_parser import Entry, Mapping, Node, Scalar, Sequence, plain
from run_scenario.loader.references import is_name
from run_scenario.scenario.steps import VERBS


class Part(Enum):
    """What a mapping of a scenario describes; the value is what messages call it."""

    TOP = "the top level"
    PROCESS = "a process"
    QUEUE = "a queue"
    PIPE = "a pipe"
    SYNC = "a synchronization object"
    SHARED = "a shared object"
    POOL = "a pool"
    POOL_CALL = "a call on a pool"
    CALL = "a call"
    EXPLORATION = "`explore`"
    STEP = "a step"
    EXPECTATION = "an expectation"
    INTERVAL = "a stretch of time"
    NUMBER = "a number"
    MATCHER = "a matcher"
    CONDITION = "a condition"

    @property
    def where(self) -> str:
        """Where a key in it is."""
        return f"{'at' if self is Part.TOP else 'in'} {self.value}"


class Instead(NamedTuple):
    """What is written instead of a key: the key it stands for (empty if there is none), and the hint."""

    key: str
    hint: str


_PLACES: dict[Part, dict[str, str]] = {
    Part.TOP: {
        "processes": "workers services jobs programs",
        "pools": "executor executors",
        "main": "steps main_program script",
        "expect": "expected expectations assert asserts assertions check checks test tests",
        "title": "name label",
        "description": "comment comments notes doc",
        "timeout": "deadline max_time time_limit",
        "start_method": "method context mp_context",
    },
    Part.EXPLORATION: {
        "schedules": "runs count number n times",
        "seconds": "for timeout time_limit max_time",
        "strategies": "strategy",
        "pipe_capacity": "capacity",
        "kill": "kills",
    },
    Part.PROCESS: {
        "target": "function func fn run command cmd action do call behaviour behavior method task job execute",
        "kwargs": "arguments parameters params options with keyword_arguments settings config",
        "from": "input inputs in inbox reads read_from get_from consumes",
        "to": "output outputs out outbox writes write_to put_on produces",
        "replicas": "count counts instances copies n num number scale amount workers processes repeat",
        "delay": "wait wait_before start_delay sleep_before",
        "exitcode": "exit exit_code exit_codes code returns return_code",
        "name": "id label",
    },
    Part.QUEUE: {
        "maxsize": "size max capacity limit maxlen max_items bound length buffer buffer_size",
        "items": "values contents content data elements initial messages tasks put",
        "poison_pills": "pills pill sentinel sentinels poison stop",
        "collect": "get results read take receive",
    },
    Part.SYNC: {
        "manager": "managed in_manager by_manager",
        "value": "count size slots permits capacity max initial tokens seats limit places n",
    },
    Part.SHARED: {
        "manager": "managed in_manager by_manager",
        "typecode": "code ctype format dtype",
        "value": "initial init initial_value default content data values",
        "size": "length len count n",
    },
    Part.POOL: {
        "processes": "workers max_workers size count replicas n number",
        "calls": "tasks jobs work",
    },
    Part.POOL_CALL: {
        "over": "items iterable inputs input data values list",
    },
    Part.STEP: {
        "print": "log echo say output message",
        "sleep": "pause delay",
        "repeat": "loop times",
        "for": "foreach for_each each",
        "if": "when",
        "let": "assign var variable variables define",
        "as": "into store store_as save save_as result",
        "except": "catch rescue",
        "raise": "throw",
        "exit": "quit",
        "raise_signal": "signal send_signal kill_self",
        "start": "run launch begin",
        "terminate": "stop",
        "acquire": "lock",
        "release": "unlock",
        "recv": "receive",
    },
    Part.EXPECTATION: {
        "exists": "eventually sometimes",
        "absent": "never",
        "because": "message reason why comment",
        "is": "equals equal eq value exactly times",
        "at_least": "min minimum ge",
        "at_most": "max maximum le",
        "less_than": "lt below under",
        "more_than": "gt greater greater_than above over",
    },
}
"""Part, key -> words for it."""

_KEYS = {place: {word: key for key, words in keys.items() for word in words.split()} for place, keys in _PLACES.items()}

_DECLARED = {
    "lock": ("sync", "gate", "{type: Lock}"),
    "mutex": ("sync", "gate", "{type: Lock}"),
    "rlock": ("sync", "gate", "{type: RLock}"),
    "semaphore": ("sync", "seats", "{type: Semaphore, value: 2}"),
    "bounded_semaphore": ("sync", "seats", "{type: BoundedSemaphore, value: 2}"),
    "event": ("sync", "gun", "{type: Event}"),
    "condition": ("sync", "door", "{type: Condition}"),
    "barrier": ("sync", "line", "{type: Barrier, parties: 2}"),
    "value": ("shared", "counter", "{type: Value, typecode: i}"),
    "counter": ("shared", "counter", "{type: Value, typecode: i}"),
    "array": ("shared", "numbers", "{type: Array, typecode: i, size: 10}"),
    "shared_memory": ("shared", "board", "{type: SharedMemory, size: 64}"),
    "manager": ("shared", "stock", "{type: dict}"),
    "dict": ("shared", "stock", "{type: dict}"),
    "list": ("shared", "stock", "{type: list}"),
    "namespace": ("shared", "settings", "{type: Namespace}"),
    "joinable_queue": ("queues", "tasks", "{type: JoinableQueue}"),
    "simple_queue": ("queues", "tasks", "{type: SimpleQueue}"),
    "channel": ("pipes", "rope", "{}"),
    "connection": ("pipes", "rope", "{}"),
}
"""Kind of resource -> its section, a name, and how it is described."""

_ORDER = ("depends_on", "needs", "requires", "after", "start_after", "waits_for", "wait_for")
_RESTART = ("restarts", "restart_policy", "retry", "retries", "max_restarts")
_NAMES_CODE = "code of your own is named where it is used, as in `target: package.module:function`"


def instead_of(key: str, entry: Entry, owner: dict[str, Entry], inside: Part) -> Instead | None:
    """Return what is written instead of an unknown key.

    `owner`: all entries of its mapping; `inside`: what that describes.
    """
    if key.startswith("//"):
        return Instead("", "a comment begins with #")
    word = key.casefold().replace("-", "_")
    special = {Part.TOP: _at_top, Part.PROCESS: _in_process}.get(inside, _elsewhere)
    if found := special(word, entry.value, owner, inside):
        return found
    meant = _KEYS.get(inside, {}).get(word)
    if meant is None or meant in owner:
        return None
    return Instead(meant, f"write `{meant}: {shown}`" if (shown := _plain(entry.value)) else f"write `{meant}:`")


def _at_top(word: str, value: Node, _owner: dict[str, Entry], _inside: Part) -> Instead | None:
    kind = next((kind for kind in _singular(word) if kind in _DECLARED), "")
    if kind:
        section, usual, description = _DECLARED[kind]
        name = next((name for name in _names(value) if is_name(name.replace("-", "_"))), usual)
        counts = [plain(entry.value) for entry in value.entries.values()] if isinstance(value, Mapping) else []
        if counts and type(counts[0]) is int:
            description = description.replace(" 2}", f" {counts[0]}}}")
        return Instead(section, f"write `{section}: {{{shorten(name, 30)}: {description}}}`")
    if word == "threads":
        return Instead("processes", "write `processes:` and, for all of them, `worker: thread`")
    if word in ("import", "imports", "modules"):
        return Instead("", _NAMES_CODE)
    return None


def _in_process(word: str, value: Node, owner: dict[str, Entry], _inside: Part) -> Instead | None:
    if word in _ORDER:
        return Instead("", _in_order(_plain_of(owner, "name"), value))
    if word in _RESTART:
        return Instead("restart", "write `restart: {when: failure, max: 3}`")
    if word == "timeout":
        hint = "`join_timeout: 2` is how long it is waited for; `timeout` at the top level is the deadline of the run"
        return Instead("join_timeout", hint)
    if word in ("type", "kind", "thread"):
        return Instead("worker", "write `worker: thread`, or `worker: process`")
    if word == "background":
        return Instead("daemon", "write `daemon: true`")
    if word in ("signal", "stop", "end"):
        return Instead("terminate", "write `join_timeout: 1` and `terminate: true`, or `kill: true`")
    if word == "queue" and not isinstance(value, Mapping):
        name = next(_names(value), "NAME")
        return Instead("", f"write `from: {name}` if it takes from the queue, `to: {name}` if it puts on it")
    kind = next((kind for kind in _singular(word) if kind in _DECLARED), "")
    if kind and not isinstance(value, Mapping):
        return Instead("uses", f"write `uses: {{{_parameter(kind, owner)}: {next(_names(value), 'NAME')}}}`")
    if word in _KEYS[Part.PROCESS] and _KEYS[Part.PROCESS][word] == "kwargs" and isinstance(value, Sequence):
        return Instead("args", "write `args:`")
    return None


def _elsewhere(word: str, value: Node, owner: dict[str, Entry], inside: Part) -> Instead | None:
    match inside, word:
        case Part.SYNC, "count" | "size" | "n" | "number" if _plain_of(owner, "type") == "Barrier":
            return Instead("parties", f"write `parties: {_plain(value) or 2}`")
        case Part.QUEUE | Part.SYNC | Part.SHARED | Part.POOL, "kind" | "class":
            return Instead("type", f"write `type: {_plain(value) or 'NAME'}`")
        case Part.QUEUE, "joinable":
            return Instead("type", "write `type: JoinableQueue`")
        case Part.POOL, "map" | "starmap" | "imap" | "imap_unordered" | "apply" | "apply_async" | "submit":
            return Instead("calls", f"write `calls: [{{{word}: …}}]`")
        case (
            Part.STEP,
            "map" | "starmap" | "imap" | "imap_unordered" | "apply" | "apply_async" | "map_async" | "submit",
        ):
            calls = f"`pools: {{crew: {{calls: [{{{word}: …}}]}}}}`"
            return Instead(
                "next_call", f"a pool's calls are written as {calls}, and made by the step `next_call: crew`"
            )
        case Part.POOL_CALL, "function" | "func" | "fn" | "target" | "call" | "do" | "work":
            return Instead("", f"write the method of the pool before it, as in `map: {_plain(value) or 'square'}`")
        case Part.POOL_CALL, _ if targets.find_work(word):
            return Instead("", f"write `map: {word}` and, beside it, `over: […]`")
        case Part.STEP, "elif" | "elseif" | "else_if":
            return Instead("else", "write `else:` with a step `if:` in it")
        case Part.STEP, "times" | "count" | "range" | "until" | "number" if "for" in owner:
            count = _plain(value)
            return Instead("in", counting(int(count) if count.isdecimal() else 3))
        case Part.STEP, "do" | "body" | "block" | "begin" if owner.keys() & VERBS:
            key = "then" if "if" in owner else "steps"
            return Instead(key, f"write `{key}:`")
        case Part.STEP, "increment" | "increase" | "inc" | "decrement" | "add":
            name = _plain(value) if not isinstance(plain(value), int) else _plain_of(owner, "to")
            read = f"{{read: {name or 'NAME'}, as: number}}"
            return Instead(
                "write", f"write two steps: `{read}` and `{{write: '${{number + 1}}', to: {name or 'NAME'}}}`"
            )
        case Part.STEP, "work" | "compute" | "calculate" | "process":
            taken = plain(value)
            return Instead("", f"write `sleep: {taken}`" if type(taken) in (int, float) else "write `call: FUNCTION`")
        case Part.STEP, "assert" | "expect" | "check":
            return Instead("", "what must be true is written in `expect:`, beside `main:`")
        case Part.EXPECTATION, "if" | "when" | "unless":
            return Instead("", "let a value depend on it instead, as in `at_most: '${0 if locked else 1000}'`")
        case Part.EXPECTATION, "value" if isinstance(value, Mapping) and value.entries:
            name, entry = next(iter(value.entries.items()))
            content = _plain(entry.value) or "…"
            what = f"exists: {{event: value.final, value: {shorten(name, 30)}, content: {content}}}"
            return Instead("exists", f"write `{what}`")
        case Part.EXPECTATION, "event":
            return Instead("", f"write `exists: {{event: {_plain(value) or 'NAME'}}}`")
        case Part.EXPECTATION, "exit_code" | "exit_codes" | "exitcode":
            return Instead("exitcodes", "write `exitcodes: {NAME: 0}`")
        case Part.EXPECTATION, "no_deadlock" | "no_stall":
            return Instead("", "write `absent: {event: scenario.stalled}`")
        case Part.EXPECTATION, "output" | "prints" | "printed" | "stdout":
            text = _plain(value) or "TEXT"
            return Instead("", f"write `exists: {{event: process.output, text: {{contains: {text}}}}}`")
    return None


def _in_order(name: str, first: Node) -> str:
    """Return how the end of one process is waited for before another one starts."""
    before, after = next(_names(first), "A"), name or "B"
    steps = f"[{{start: {before}}}, {{join: {before}}}, {{start: {after}}}, {{join: {after}}}]"
    return f"they start in the order of the list; to wait for the end of one, write `main: {steps}`"


def _parameter(kind: str, owner: dict[str, Entry]) -> str:
    """Return the parameter of a process's target that takes a resource of this kind."""
    known = targets.find(_plain_of(owner, "target"))
    section, _, described = _DECLARED[kind]
    wanted = described.removeprefix("{type: ").partition(",")[0].rstrip("}") if section != "pipes" else "Pipe"
    fitting = [parameter.name for parameter in known.parameters if wanted in parameter.takes] if known else []
    return fitting[0] if fitting else "PARAMETER"


def _singular(word: str) -> Iterator[str]:
    yield word
    if word.endswith("s"):
        yield word.removesuffix("s")
        yield word.removesuffix("es")


def _names(value: Node) -> Iterator[str]:
    """Yield the names in a value: the text itself, those in a list, or the keys of a mapping."""
    if isinstance(value, Mapping):
        yield from value.entries
        return
    for node in value.items if isinstance(value, Sequence) else (value,):
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
            yield shorten(node.value, 30)


def _plain(value: Node) -> str:
    """Return a short value as it may be written; empty for any other."""
    if not isinstance(value, Scalar) or not value.valid or value.value is None:
        return ""
    text = {True: "true", False: "false"}[value.value] if isinstance(value.value, bool) else str(value.value)
    return text if len(text) <= 40 and text.isprintable() else ""


def _plain_of(owner: dict[str, Entry], key: str) -> str:
    return _plain(owner[key].value) if key in owner else ""
