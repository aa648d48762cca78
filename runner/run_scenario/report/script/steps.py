"""Steps as Python statements: those of the main program, and those of processes; in scripts, and in plans.

What they are done to, and what they call, is named by whoever asks for them (`StepWriter`'s own methods).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from run_scenario.report.script.layout import (
    WIDTH,
    Expression,
    Group,
    Names,
    bytes_literal,
    call,
    flat,
    keyword,
    keywords,
    layout,
    literal,
)
from run_scenario.report.script.names import Identifiers, unread_names
from run_scenario.report.text import number
from run_scenario.scenario.expressions import Expression as Computed
from run_scenario.scenario.expressions import Template, is_computed
from run_scenario.scenario.processes import Restart
from run_scenario.scenario.steps import EXCEPTION_MODULES, VERBS, Step, everywhere, names_given

INDENT = 4
_SHORTEST_RANGE = 4
"""Fewest numbers in a row that a file lists and a script writes as a range."""
_QUESTIONS = ("is_alive", "exitcode", "empty", "full", "qsize", "is_set", "poll", "read", "len")
_ALONE = ("join", "wait", "poll", "notify")
"""Verbs whose only option needs no keyword."""


class StepWriter:
    """Writes the steps of one program."""

    def __init__(
        self, scope: Names, identifiers: Identifiers, subject: Callable[[Step], str], steps: Iterable[Step] = ()
    ) -> None:
        """Write what a step is done to as `subject` returns it; `steps`: all those of a function."""
        self.scope = scope
        self.identifiers = identifiers
        self.subject = subject
        self.restarts: Mapping[str, Restart] = {}
        """When the processes are started again that it supervises, by their names."""
        steps = tuple(steps)
        self.unread = unread_names(steps)
        """Names that the steps give, and which nothing reads: a checker wants to see that it is so."""
        self._counters = counters(steps)

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
        margin = " " * indent
        body = write(indent + INDENT)
        if passing := self.passing(raised):
            return [f"{margin}with {passing}:  # expected", *body]
        # Neither Python's nor multiprocessing's: it is known by its name alone, as in the scenario.
        error = self.identifiers.own("error")
        rest = [
            f"except Exception as {error}:",
            f'    if "{raised}" not in [base.__name__ for base in type({error}).__mro__]:',
            "        raise",
        ]
        return [f"{margin}try:", *body, *(margin + line for line in rest)]

    def passing(self, raised: str) -> str:
        """Return what lets an exception pass; nothing, if it is not known where that is from."""
        module, _, _ = raised.rpartition(".")
        if not module and raised not in EXCEPTION_MODULES and not hasattr(builtins, raised):
            return ""
        if module:
            self.scope.use(module)
        return f"{self.scope.use('contextlib', 'suppress')}({raised if module else self._exception(raised)})"

    # Statements

    def block(self, steps: Sequence[Step], indent: int) -> list[str]:
        """Return the statements of steps that stand in another; at least one."""
        return [line for step in steps for line in self.statement(step, indent)] or [f"{' ' * indent}pass"]

    def statement(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a step."""
        if step.raises and not (step.verb == "with" and self.passing(step.raises)):
            return self.expecting(step.raises, lambda inner: self._done(step, inner), indent)
        return self._done(step, indent)

    def _done(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a step, whatever it may raise."""
        write: Callable[[Step, int], list[str]] = getattr(self, f"on_{step.verb}", self.simple)
        return write(step, indent)

    def simple(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a step that is one expression, whose answer may have a name."""
        made = self.expression(step)
        if step.name:
            return self.lay(made, indent, f"{self.variable(step.name)} = ")
        return self.lay(self.unnamed(step, made), indent)

    def variable(self, name: str) -> str:
        """Return what a name that a step gives is in the script."""
        return f"_{name}" if name in self.unread else name

    def on_supervise(self, step: Step, indent: int) -> list[str]:
        """Return the statement that waits for processes and starts them again."""
        entries = [restarted(self.restarts.get(name), self.identifiers.process(name)) for name in step.argument]
        return self.lay(call("supervise", *entries), indent)

    def on_write(self, step: Step, indent: int) -> list[str]:
        """Return the assignment that writes a value, or an element of one."""
        at, given = step.options.get("at"), self.literal(step.argument)
        if step.kind == "SharedMemory":
            return self._write_memory(step, self.subject(step), indent)
        if step.kind == "Namespace" and not _is_attribute(at):
            return self.lay(call("setattr", self.subject(step), self.literal(at), given), indent)
        return self.lay(given, indent, f"{self._element(step)} = ")

    def _element(self, step: Step) -> str:
        """Return the expression for a value, for an element of one, or for all of them."""
        subject, at = self.subject(step), step.options.get("at")
        if step.kind in ("Value", "ManagerValue", "Namespace"):
            return f"{subject}.{at or 'value'}"
        return f"{subject}[{':' if at is None else flat(self.literal(at))}]"

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
        lines = []
        for name, value in values.items():
            operator, rest = (_own_more(name, value) if name in self._counters else None) or ("", value)
            lines += self.lay(self.literal(rest), indent, f"{self.variable(name)} {operator}= ")
        return lines

    def on_let(self, step: Step, indent: int) -> list[str]:
        """Return the assignments that give values names."""
        return self.assign(step.argument, indent)

    def on_raise(self, step: Step, indent: int) -> list[str]:
        """Return the statement that raises an exception."""
        kind, message = self._exception(step.argument), step.options.get("message")
        return self.lay(kind if message is None else call(kind, self.literal(message)), indent, "raise ")

    def _exception(self, name: str) -> str:
        return self.scope.use(EXCEPTION_MODULES[name], name) if name in EXCEPTION_MODULES else self.scope.builtin(name)

    def on_return(self, step: Step, indent: int) -> list[str]:
        """Return the line of a step that is a statement of one word."""
        return [" " * indent + step.verb]

    on_break = on_continue = on_return

    # Blocks

    def on_use(self, step: Step, indent: int) -> list[str]:
        """Return the steps that the use of a pool consists of."""
        return self.block(step.steps, indent)

    def on_repeat(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a loop that counts, or of one without end."""
        if step.argument is None:
            head = "while True:"
        elif step.argument == 1 and step.where is None:
            return self.block(step.steps, indent)
        else:
            head = f"for _ in range({flat(self.literal(step.argument))}):"
        return [" " * indent + head, *self.block(step.steps, indent + INDENT)]

    def on_for(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a loop over values."""
        items = step.argument
        as_range = range_of(items) if isinstance(items, list) and len(items) >= _SHORTEST_RANGE else None
        head = self.lay(as_range or self.literal(items), indent, f"for {step.subject} in ", ":")
        return [*head, *self.block(step.steps, indent + INDENT)]

    def on_while(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a loop as long as something is so."""
        head = self.lay(self.literal(step.argument), indent, "while ", ":")
        return [*head, *self.block(step.steps, indent + INDENT)]

    def on_if(self, step: Step, indent: int, word: str = "if") -> list[str]:
        """Return the lines of an `if`, or of an `elif`."""
        asked = self.expression(step.argument) if isinstance(step.argument, Step) else self.literal(step.argument)
        lines = [*self.lay(asked, indent, f"{word} ", ":"), *self.block(step.steps, indent + INDENT)]
        if not step.otherwise:
            return lines
        if len(step.otherwise) == 1 and step.otherwise[0].verb == "if":
            return lines + self.on_if(step.otherwise[0], indent, "elif")
        return [*lines, f"{' ' * indent}else:", *self.block(step.otherwise, indent + INDENT)]

    def on_with(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a statement that holds locks, or lets an exception pass, or both."""
        held: list[Expression] = []
        before: list[str] = []
        body: list[str] = []
        steps: tuple[Step, ...] = (step,)
        while len(steps) == 1 and (steps[0].verb == "with" or steps[0].raises):  # as one statement: the usual way
            (first,) = steps
            passing = self.passing(first.raises) if first.raises else ""
            if first.raises and not passing and first is not step:
                break
            held += [passing] if passing else []
            if first.verb != "with":
                body = self._done(first, indent + INDENT)
                break
            held.append(self.held(first))
            before += self.before_with(first, indent)
            steps = first.steps
        line = f"{' ' * indent}with {', '.join(map(flat, held))}:"
        if len(line) <= WIDTH:
            lines = [line]
        elif len(held) == 1:
            lines = self.lay(held[0], indent, "with ", ":")
        else:
            lines = self.lay(Group("with (", tuple(held), ")"), indent, after=":")
        return [*before, *lines, *(body or self.block(steps, indent + INDENT))]

    def held(self, step: Step) -> Expression:
        """Return what stands after `with`."""
        return f"{self.subject(step)}{'.get_lock()' if step.kind in ('Value', 'Array') else ''}"

    def before_with(self, step: Step, indent: int) -> list[str]:
        """Return the lines that a `with` needs before it."""
        del step, indent
        return []

    def on_try(self, step: Step, indent: int) -> list[str]:
        """Return the lines of a `try`; without anything to do for an exception, of a `suppress()`."""
        margin = " " * indent
        if step.otherwise and all(part.verb == "except" and not part.steps for part in step.otherwise):
            passing = [self._exception(part.subject) for part in step.otherwise]
            made = call(self.scope.use("contextlib", "suppress"), *passing)
            return [*self.lay(made, indent, "with ", ":"), *self.block(step.steps, indent + INDENT)]
        lines = [f"{margin}try:", *self.block(step.steps, indent + INDENT)]
        for part in step.otherwise:
            head = f"except {self._exception(part.subject)}" if part.verb == "except" else part.verb
            lines += [f"{margin}{head}:", *self.block(part.steps, indent + INDENT)]
        return lines

    # Expressions

    def expression(self, step: Step) -> Expression:
        """Return what a step calls, reads or asks."""
        verb = VERBS[step.verb]
        special: Callable[[Step], Expression] | None = getattr(self, f"made_{step.verb}", None)
        if special is not None:
            return special(step)
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
        # What a manager holds has another name for whether acquire() is to wait.
        first = [written.pop("block")] if step.verb == "acquire" and "block" in written else []
        return [*first, *(value if alone else keyword(key, value) for key, value in written.items())]

    def made_terminate(self, step: Step) -> Expression:
        """Return the end of a pool, of a process, or of an executor, which has one method for all."""
        if step.kind != "executor":
            return call(f"{self.subject(step)}.{step.verb}", *self._options(step))
        early = ("wait=False", "cancel_futures=True") if step.verb == "terminate" else ()
        return call(f"{self.subject(step)}.shutdown", *early)

    made_join = made_shutdown = made_terminate

    def made_sleep(self, step: Step) -> Expression:
        """Return how long it sleeps, in a call."""
        seconds: Expression = _option(step.argument)
        if isinstance(step.argument, dict):
            least, most = (_option(step.argument[key]) for key in ("from", "to"))
            seconds = call(f"{self.scope.use('random')}.uniform", least, most)
        return call(f"{self.scope.use('time')}.sleep", seconds)

    def made_raise_signal(self, step: Step) -> Expression:
        """Return the call by which a process sends a signal to itself."""
        module = self.scope.use("signal")
        return call(f"{module}.raise_signal", f"{module}.{step.argument}")

    def made_call(self, step: Step) -> Expression:
        """Return the call of a function."""
        given, named = step.options.get("args", []), step.options.get("kwargs", {})
        arguments = keywords({name: self.literal(value) for name, value in named.items()})
        return call(self.scope.function(step.argument), *map(self.literal, given), *arguments)

    def made_read(self, step: Step) -> Expression:
        """Return what reads a value, or an element of one."""
        subject, at = self.subject(step), step.options.get("at")
        if step.kind == "SharedMemory":
            bounds = f".buf[{flat(self.literal(at))}:]" if at else ".buf"
            return f'bytes({subject}{bounds}).partition(b"\\0")[0].decode(errors="replace")'
        if step.kind == "Namespace" and not _is_attribute(at):
            return call("getattr", subject, self.literal(at))
        if at is None and step.kind in ("dict", "ShareableList"):
            return f"{subject}.copy()" if step.kind == "dict" else call("list", subject)
        if at is None and step.kind == "ManagerArray":
            return call("list", self._element(step))
        return self._element(step)

    def made_pop(self, step: Step) -> Expression:
        """Return the call that removes an element."""
        at = step.options.get("at")
        return call(f"{self.subject(step)}.pop", *([] if at is None else [self.literal(at)]))

    def made_len(self, step: Step) -> Expression:
        """Return the call that counts elements."""
        return call("len", self.subject(step))

    def made_active_children(self, step: Step) -> Expression:
        """Return the names of the children that are alive."""
        verb = VERBS[step.verb]
        children = f"child.name for child in {self.scope.use(verb.module, verb.called)}()"
        return call("sorted", children)


def restarted(restart: Restart | None, process: Expression, *create: Expression) -> Expression:
    """Return the expression that says of a process when it is started again; `create` creates it anew."""
    if restart is None:
        return call("Restart", process, "None", "most=0") if create else process
    named = {"always": "True"} if restart.always else {}
    named |= {"delay": number(restart.delay)} if restart.delay else {}
    return call(
        "Restart", process, *create, f"most={restart.most}", *(keyword(key, each) for key, each in named.items())
    )


def counters(steps: Iterable[Step]) -> set[str]:
    """Return the names whose values are numbers or texts for certain, which `+=` never changes in place."""
    found = list(everywhere(steps))
    lets = [each for step in found if step.verb == "let" for each in step.argument.items()]
    others = {name for step in found if step.verb != "let" for name in names_given(step)}
    plain = {name for name, value in lets if type(value) in (int, float, str)}
    return plain - others - {n for n, value in lets if type(value) not in (int, float, str) and not _own_more(n, value)}


def _own_more(name: str, value: Any) -> tuple[str, Computed] | None:
    """Return the operator and the rest of an expression that begins with a name; None if it is another one."""
    tree = ast.parse(value.text, mode="eval").body if isinstance(value, Computed) else None
    match tree:
        case ast.BinOp(left=ast.Name(id=own), right=right) if own == name:
            whole, rest = ast.unparse(tree), ast.unparse(right)
            operator = whole.removeprefix(name).split()[0]
            return operator, value.replace(text=rest)
    return None


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
