"""Steps as Python statements: those of the main program, and those of processes; in scripts, and in plans.

What they are done to, and what they call, is named by whoever asks for them (`StepWriter`'s own methods).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from run_scenario.report.script.layout import (
    WIDTH,
    Expression,
    Group,
    bytes_literal,
    call,
    flat,
    keyword,
    keywords,
    layout,
    literal,
    quoted,
)
from run_scenario.report.script.names import Identifiers
from run_scenario.report.text import number
from run_scenario.scenario.exceptions import MODULES
from run_scenario.scenario.expressions import Expression as Computed
from run_scenario.scenario.expressions import Template, is_computed
from run_scenario.scenario.processes import Restart
from run_scenario.scenario.steps import VERBS, Step, draws_in, seed_of

INDENT = 4
_SHORTEST_RANGE = 4
"""Fewest numbers in a row that a file lists and a script writes as a range."""
_QUESTIONS = ("is_alive", "exitcode", "empty", "full", "qsize", "is_set", "poll", "read", "len")
_ALONE = ("join", "wait", "poll", "notify")
"""Verbs whose only option needs no keyword."""


class Scope(Protocol):
    """What the functions and classes that are not the steps' own are called."""

    def function(self, reference: str) -> str:
        """Return the expression that stands for a function."""

    def use(self, module: str, name: str = "") -> str:
        """Return the expression that stands for a module, or for what it defines."""

    def builtin(self, name: str) -> str:
        """Return the expression that stands for a built-in."""


class StepWriter:
    """Writes the steps of one program."""

    def __init__(
        self, scope: Scope, identifiers: Identifiers, subject: Callable[[Step], str], unread: Iterable[str] = ()
    ) -> None:
        """Write what a step is done to as `subject` returns it.

        `unread`: names that the steps give, and which nothing reads; a checker wants to see that it is so.
        """
        self.scope = scope
        self.identifiers = identifiers
        self.subject = subject
        self.restarts: Mapping[str, Restart] = {}
        """When the processes are started again that it supervises, by their names."""
        self._unread = frozenset(unread)

    # What depends on the program

    def literal(self, data: Any) -> Expression:
        """Return data as the program writes it."""
        return literal(data, self.scope)

    def lay(self, expression: Expression, indent: int, before: str = "", after: str = "") -> list[str]:
        """Return the lines of a statement."""
        return layout(expression, indent, before, after)

    def unnamed(self, step: Step, made: Expression) -> Expression:
        """Return the statement for an answer that has no name: what is asked is shown."""
        if step.verb in _QUESTIONS or VERBS[step.verb].module == "multiprocessing":
            return call(self.scope.builtin("print"), made)
        return made

    def expecting(self, raised: str, write: Callable[[int], list[str]], indent: int) -> list[str]:
        """Return the lines that `write` returns for an indent, in a statement that lets an exception pass."""
        body = write(indent + INDENT)
        margin = " " * indent
        module, _, _ = raised.rpartition(".")
        if not module and raised not in MODULES and not hasattr(builtins, raised):
            # Neither Python's nor multiprocessing's: it is known by its name alone, as in the scenario.
            error = self.identifiers.own("error")
            rest = [
                f"except Exception as {error}:",
                f'    if "{raised}" not in [base.__name__ for base in type({error}).__mro__]:',
                "        raise",
            ]
            return [f"{margin}try:", *body, *(margin + line for line in rest)]
        if module:
            self.scope.use(module)
        kind = raised if module else self._exception(raised)
        return [f"{margin}try:", *body, f"{margin}except {kind}:", f"{margin}    pass  # as it should"]

    def seeding(self, steps: Sequence[Step], params: Mapping[str, Any], indent: int) -> list[str]:
        """Return the statement by which the random numbers of a program are those of the scenario, if it has a seed."""
        if "seed" not in params or not draws_in(steps):
            return []
        name = f"{self.scope.use('multiprocessing', 'current_process')}().name"
        seed = seed_of(params, "").replace("{", "{{").replace("}", "}}")
        return [f"{' ' * indent}{self.scope.use('random')}.seed(f{quoted(seed)[:-1]}{{{name}}}{quoted(seed)[-1]})"]

    # Statements

    def block(self, steps: Sequence[Step], indent: int) -> list[str]:
        """Return the statements of steps that stand in another; at least one."""
        written = []
        for before, step in zip((None, *steps), steps, strict=False):
            written += self.statement(step, indent, before)
        return written or [f"{' ' * indent}pass"]

    def statement(self, step: Step, indent: int, before: Step | None = None) -> list[str]:
        """Return the lines of a step that comes after another, if it does."""
        del before
        write = _STATEMENTS.get(step.verb, StepWriter.simple)
        if step.raises:
            return self.expecting(step.raises, lambda inner: write(self, step, inner), indent)
        return write(self, step, indent)

    def simple(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a step that is one expression, whose answer may have a name."""
        made = self.expression(step)
        if step.name:
            return self.lay(made, indent, f"{self.variable(step.name)} = ")
        return self.lay(self.unnamed(step, made), indent)

    def variable(self, name: str) -> str:
        """Return what a name that a step gives is in the script."""
        return f"_{name}" if name in self._unread else name

    def supervise(self, step: Step, indent: int) -> list[str]:
        """Return the statement that waits for processes and starts them again."""
        entries = [restarted(self.restarts.get(name), self.identifiers.process(name)) for name in step.argument]
        return self.lay(call("supervise", *entries), indent)

    def _write(self, step: Step, indent: int) -> list[str]:
        subject, at, given = self.subject(step), step.options.get("at"), self.literal(step.argument)
        match step.kind:
            case "SharedMemory":
                return self._write_memory(step, subject, indent)
            case "Namespace" if not _is_attribute(at):
                return self.lay(call("setattr", subject, self.literal(at), given), indent)
            case "Namespace":
                target = f"{subject}.{at}"
            case "Value":
                target = f"{subject}.value"
            case _:
                target = f"{subject}[{':' if at is None else flat(self.literal(at))}]"
        return self.lay(given, indent, f"{target} = ")

    def _write_memory(self, step: Step, subject: str, indent: int) -> list[str]:
        start, given = step.options.get("at") or 0, step.argument
        if not is_computed(start) and not is_computed(given):
            data = str(given).encode()
            first = str(start) if start else ""
            return self.lay(bytes_literal(data), indent, f"{subject}.buf[{first}:{start + len(data)}] = ")
        data_name, at = self.identifiers.own("data"), flat(self.literal(start))
        end = f"len({data_name})" if start == 0 else f"{at} + len({data_name})"
        place = f":{end}" if start == 0 else f"{at} : {end}"
        text = flat(self.literal(given if isinstance(given, str | Template | Computed) else str(given)))
        spelled = f"str({text})" if isinstance(given, Computed) else text
        return [
            *self.lay(f"{spelled}.encode()", indent, f"{data_name} = "),
            f"{' ' * indent}{subject}.buf[{place}] = {data_name}",
        ]

    def assign(self, values: Mapping[str, Any], indent: int) -> list[str]:
        """Return the statements that give values their names."""
        return [
            line
            for name, value in values.items()
            for line in self.lay(self.literal(value), indent, f"{self.variable(name)} = ")
        ]

    def _let(self, step: Step, indent: int) -> list[str]:
        return self.assign(step.argument, indent)

    def _raise(self, step: Step, indent: int) -> list[str]:
        kind, message = self._exception(step.argument), step.options.get("message")
        return self.lay(kind if message is None else call(kind, self.literal(message)), indent, "raise ")

    def _exception(self, name: str) -> str:
        return self.scope.use(MODULES[name], name) if name in MODULES else self.scope.builtin(name)

    def word(self, step: Step, indent: int) -> list[str]:
        """Return the line of a step that is a statement of one word."""
        return [" " * indent + step.verb]

    # Blocks

    def _use(self, step: Step, indent: int) -> list[str]:
        return self.block(step.steps, indent)

    def repeat(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a loop that counts, or of one without end."""
        if step.argument is None:
            head = "while True:"
        elif step.argument == 1 and step.where is None:
            return self.block(step.steps, indent)
        else:
            head = f"for _ in range({flat(self.literal(step.argument))}):"
        return [" " * indent + head, *self.block(step.steps, indent + INDENT)]

    def loop(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a loop over values."""
        items = step.argument
        as_range = range_of(items) if isinstance(items, list) and len(items) >= _SHORTEST_RANGE else None
        head = self.lay(as_range or self.literal(items), indent, f"for {step.subject} in ", ":")
        return [*head, *self.block(step.steps, indent + INDENT)]

    def _while(self, step: Step, indent: int) -> list[str]:
        head = self.lay(self.literal(step.argument), indent, "while ", ":")
        return [*head, *self.block(step.steps, indent + INDENT)]

    def condition(self, step: Step, indent: int, word: str = "if") -> list[str]:
        """Return the lines of an `if`, or of an `elif`."""
        asked = self.expression(step.argument) if isinstance(step.argument, Step) else self.literal(step.argument)
        lines = [*self.lay(asked, indent, f"{word} ", ":"), *self.block(step.steps, indent + INDENT)]
        if not step.otherwise:
            return lines
        if len(step.otherwise) == 1 and step.otherwise[0].verb == "if":
            return lines + self.condition(step.otherwise[0], indent, "elif")
        return [*lines, f"{' ' * indent}else:", *self.block(step.otherwise, indent + INDENT)]

    def _with(self, step: Step, indent: int) -> list[str]:
        held: list[Expression] = []
        before: list[str] = []
        steps: tuple[Step, ...] = (step,)
        while len(steps) == 1 and steps[0].verb == "with" and not steps[0].raises:  # as one statement: the usual way
            held.append(self.held(steps[0]))
            before += self.before_with(steps[0], indent)
            steps = steps[0].steps
        line = f"{' ' * indent}with {', '.join(map(flat, held))}:"
        lines = [line] if len(line) <= WIDTH else self.lay(Group("with (", tuple(held), ")"), indent, after=":")
        return [*before, *lines, *self.block(steps, indent + INDENT)]

    def held(self, step: Step) -> Expression:
        """Return what stands after `with`."""
        return f"{self.subject(step)}{'.get_lock()' if step.kind in ('Value', 'Array') else ''}"

    def before_with(self, step: Step, indent: int) -> list[str]:
        """Return the lines that a `with` needs before it."""
        del step, indent
        return []

    def _try(self, step: Step, indent: int) -> list[str]:
        margin = " " * indent
        lines = [f"{margin}try:", *self.block(step.steps, indent + INDENT)]
        for part in step.otherwise:
            head = f"except {self._exception(part.subject)}" if part.verb == "except" else part.verb
            lines += [f"{margin}{head}:", *self.block(part.steps, indent + INDENT)]
        return lines

    # Expressions

    def expression(self, step: Step) -> Expression:
        """Return what a step calls, reads or asks."""
        verb = VERBS[step.verb]
        special = _EXPRESSIONS.get(step.verb)
        if special is not None:
            return special(self, step)
        if verb.form == "function":
            function = self.scope.builtin(verb.called)
            if verb.module == "multiprocessing":
                function = self.scope.use(verb.module, verb.called)
            elif verb.module:
                function = f"{self.scope.use(verb.module)}.{verb.called}"
            return call(function, *([] if verb.schema.get("const") else [self.literal(step.argument)]))
        if verb.form == "attribute":
            return f"{self.subject(step)}.{verb.called}"
        method = f"{self.subject(step)}.{verb.called}"
        given = [] if verb.value == "subject" else [self.literal(step.argument)]
        return call(method, *given, *self._options(step))

    def _options(self, step: Step) -> list[Expression]:
        alone = len(step.options) == 1 and step.verb in _ALONE
        written = {key: _option(value) for key, value in step.options.items()}
        return [value if alone else keyword(key, value) for key, value in written.items()]

    def _end_of_pool(self, step: Step) -> Expression:
        """Return the end of a pool, of an executor, which has no other method for it, or of a process."""
        if step.kind != "executor":
            return call(f"{self.subject(step)}.{step.verb}")
        early = ("wait=False", "cancel_futures=True") if step.verb == "terminate" else ()
        return call(f"{self.subject(step)}.shutdown", *early)

    def _join(self, step: Step) -> Expression:
        if step.kind == "executor":
            return self._end_of_pool(step)
        return call(f"{self.subject(step)}.join", *self._options(step))

    def _sleep(self, step: Step) -> Expression:
        seconds: Expression = _option(step.argument)
        if isinstance(step.argument, dict):
            least, most = (_option(step.argument[key]) for key in ("from", "to"))
            seconds = call(f"{self.scope.use('random')}.uniform", least, most)
        return call(f"{self.scope.use('time')}.sleep", seconds)

    def _raise_signal(self, step: Step) -> Expression:
        module = self.scope.use("signal")
        return call(f"{module}.raise_signal", f"{module}.{step.argument}")

    def _call(self, step: Step) -> Expression:
        given, named = step.options.get("args", []), step.options.get("kwargs", {})
        arguments = keywords({name: self.literal(value) for name, value in named.items()})
        return call(self.scope.function(step.argument), *map(self.literal, given), *arguments)

    def _read(self, step: Step) -> Expression:
        subject, at = self.subject(step), step.options.get("at")
        match step.kind:
            case "Value":
                return f"{subject}.value"
            case "SharedMemory":
                bounds = f".buf[{flat(self.literal(at))}:]" if at else ".buf"
                return f'bytes({subject}{bounds}).partition(b"\\0")[0].decode(errors="replace")'
            case "Namespace" if _is_attribute(at):
                return f"{subject}.{at}"
            case "Namespace":
                return call("getattr", subject, self.literal(at))
        if at is not None:
            return f"{subject}[{flat(self.literal(at))}]"
        if step.kind == "dict":
            return f"{subject}.copy()"
        return call("list", subject) if step.kind == "ShareableList" else f"{subject}[:]"

    def _pop(self, step: Step) -> Expression:
        at = step.options.get("at")
        return call(f"{self.subject(step)}.pop", *([] if at is None else [self.literal(at)]))

    def _len(self, step: Step) -> Expression:
        return call("len", self.subject(step))

    def active_children(self, step: Step) -> Expression:
        """Return the names of the children that are alive."""
        verb = VERBS[step.verb]
        children = f"child.name for child in {self.scope.use(verb.module, verb.called)}()"
        return call("sorted", children)


_EXPRESSIONS: dict[str, Callable[[StepWriter, Step], Expression]] = {
    "join": StepWriter._join,
    "terminate": StepWriter._end_of_pool,
    "shutdown": StepWriter._end_of_pool,
    "sleep": StepWriter._sleep,
    "raise_signal": StepWriter._raise_signal,
    "call": StepWriter._call,
    "read": StepWriter._read,
    "pop": StepWriter._pop,
    "len": StepWriter._len,
    "active_children": lambda writer, step: writer.active_children(step),
}
_STATEMENTS: dict[str, Callable[[StepWriter, Step, int], list[str]]] = {
    "supervise": lambda writer, step, indent: writer.supervise(step, indent),
    "write": StepWriter._write,
    "let": StepWriter._let,
    "raise": StepWriter._raise,
    "break": StepWriter.word,
    "continue": StepWriter.word,
    "return": lambda writer, step, indent: writer.word(step, indent),
    "use": StepWriter._use,
    "for": lambda writer, step, indent: writer.loop(step, indent),
    "repeat": lambda writer, step, indent: writer.repeat(step, indent),
    "while": StepWriter._while,
    "if": lambda writer, step, indent: writer.condition(step, indent),
    "with": StepWriter._with,
    "try": StepWriter._try,
}
"""What a verb needs beyond what the table of verbs says."""


def restarted(restart: Restart | None, process: Expression, *create: Expression) -> Expression:
    """Return the expression that says of a process when it is started again; `create` creates it anew."""
    if restart is None:
        return call("Restart", process, "None", "most=0") if create else process
    named = {"always": "True"} if restart.always else {}
    named |= {"delay": number(restart.delay)} if restart.delay else {}
    return call(
        "Restart", process, *create, f"most={restart.most}", *(keyword(key, each) for key, each in named.items())
    )


def range_of(items: Sequence[Any]) -> str | None:
    """Return items as a `range`; None if they are not whole numbers in order without gaps."""
    if not items or any(type(item) is not int for item in items):
        return None
    if list(items) != list(range(items[0], items[0] + len(items))):
        return None
    return f"range({items[0]}, {items[-1] + 1})" if items[0] else f"range({len(items)})"


def _option(value: Any) -> Expression:
    return number(value) if isinstance(value, float) else literal(value)


def _is_attribute(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier()
