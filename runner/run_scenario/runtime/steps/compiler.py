"""Steps → a Python function, whose lines are those of the file.

    steps ──▶ syntax tree ──▶ code, of which each line stands where the file has the step

Python itself runs them: a loop costs what a loop costs, tracebacks and stacks name the file and its line, and `break`,
`return`, `try` and `with` mean what they mean. The tree is made directly, never from text, so that nothing in a file
can become code by accident.

    - for: item                          for item in _resources… :
      in: [1, 2]
      steps:
        - {put: $item, to: tasks}            _resources["tasks"].put(item)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from run_scenario.scenario.data import CallSpec, ObjectSpec, SetSpec, unmade
from run_scenario.scenario.expressions import Expression, Template, global_name, is_computed, names_in, tree
from run_scenario.scenario.steps import POOLS, PROCESS, VERBS, Step

NO_FILE = "<steps>"
"""The file of steps that are derived: they stand nowhere."""

_AFTER_TRY = ("except", "else", "finally")


def compile_steps(
    steps: Sequence[Step], *, name: str, file: str, namespace: Mapping[str, Any], names: Mapping[str, Any]
) -> Callable[[], None]:
    """Return a function that does the steps.

    `name` is its own name, as stacks show it; `file` is the absolute path of the file. `namespace` has what steps need
    (see `namespace`), `names` what expressions know from the beginning.
    """
    compiled = _kept.get(_key(steps, name, file, names)) or _compiled(steps, name, file, names)
    made = FunctionType(compiled.code, {"__builtins__": {}, **namespace, **compiled.constants}, name)
    values = [names[each] for each in compiled.given]
    return (lambda: made(*values)) if values else made


def keep_compiled(steps: Sequence[Step], *, name: str, file: str, names: Mapping[str, Any]) -> None:
    """Compile steps now, for processes that are forked from this one and do these very steps: `compile_steps`."""
    if steps:
        _kept[_key(steps, name, file, names)] = _compiled(steps, name, file, names)


class _Compiled(NamedTuple):
    """The code of steps, but for what it is done to."""

    steps: Sequence[Step]
    code: CodeType
    given: list[str]
    """The names of its parameters."""
    constants: dict[str, Any]


_Key = tuple[int, str, str, tuple[str, ...]]
_kept: dict[_Key, _Compiled] = {}
"""As the steps are kept, too, no others have their identity."""


def _key(steps: Sequence[Step], name: str, file: str, names: Mapping[str, Any]) -> _Key:
    return id(steps), name, file, tuple(names)


def _compiled(steps: Sequence[Step], name: str, file: str, names: Mapping[str, Any]) -> _Compiled:
    coder = _Coder()
    body = coder.block(steps)
    given = sorted(names.keys() & _names_of(steps))
    parameters = ast.arguments([], [coder.placed(ast.arg, each) for each in given], None, [], [], None, [])
    function = coder.placed(ast.FunctionDef, name, parameters, body, [])
    if hasattr(ast, "TypeVar"):  # since 3.12
        function.type_params = []
    module = compile(ast.Module([function], []), file, "exec", dont_inherit=True)
    code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    return _Compiled(steps, code, given, coder.constants)


def _names_of(steps: Iterable[Step]) -> set[str]:
    found: set[str] = set()
    for step in steps:
        argument = step.argument
        found |= _names_of((argument,)) if isinstance(argument, Step) else set(names_in(argument))
        found |= {*names_in(step.subject), *names_in(step.options)}
        found |= _names_of(step.steps) | _names_of(step.otherwise)
        if step.verb == "let":
            found |= set(argument)
        found |= {step.name, step.subject} if step.verb == "for" else {step.name}
    return found


def _is_made(value: Any) -> bool:
    """Return whether a value is another one each time: there is something in it that is computed or made."""
    return is_computed(value) or any(True for _ in unmade(value))


class _Coder:
    """Makes the nodes of a syntax tree, each at the line of the step that is being coded."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        """What is no literal, by the global names that the code reads."""
        self._line = 1

    def placed(self, node: Any, *parts: Any) -> Any:
        """Return a node at the current line, without columns: a traceback shows the line alone."""
        line = self._line
        return node(*parts, lineno=line, end_lineno=line, col_offset=-1, end_col_offset=-1)

    # Expressions

    def _name(self, name: str) -> Any:
        return self.placed(ast.Name, name, ast.Load())

    def _call(self, function: str | Any, *arguments: Any, keywords: Sequence[Any] = ()) -> Any:
        called = self._name(function) if isinstance(function, str) else function
        return self.placed(ast.Call, called, list(arguments), list(keywords))

    def _attribute(self, owner: Any, name: str) -> Any:
        return self.placed(ast.Attribute, owner, name, ast.Load())

    def _item(self, owner: Any, index: Any) -> Any:
        return self.placed(ast.Subscript, owner, index, ast.Load())

    def value(self, value: Any) -> Any:
        """Return the expression for plain data in which expressions may stand."""
        match value:
            case Expression():
                return tree(value, self._line)
            case Template(parts):
                return self.placed(ast.JoinedStr, [self._part(part) for part in parts])
            case None | bool() | int() | float() | str():
                return self.placed(ast.Constant, value)
            case list() if _is_made(value):
                return self.placed(ast.List, [self.value(each) for each in value], ast.Load())
            case tuple() if _is_made(value):
                return self._tuple(value)
            case dict() if _is_made(value):
                return self.placed(ast.Dict, [*map(self.value, value)], [*map(self.value, value.values())])
            case SetSpec(elements):
                return self._call("_make_set", self._tuple(elements))
            case ObjectSpec(function, args, kwargs):
                return self._call(
                    "_make", self.value(function), *map(self.value, args), keywords=self._keywords(kwargs)
                )
            case CallSpec(function, args, kwargs):
                named = self.placed(ast.Dict, [*map(self.value, kwargs)], [*map(self.value, kwargs.values())])
                return self._call("_make_call", self.value(function), self._tuple(args), named)
        return self._constant(value)

    def _tuple(self, elements: Sequence[Any]) -> Any:
        return self.placed(ast.Tuple, [self.value(each) for each in elements], ast.Load())

    def _part(self, part: str | Expression) -> Any:
        if isinstance(part, str):
            return self.placed(ast.Constant, part)
        return self.placed(ast.FormattedValue, tree(part, self._line), -1, None)

    def _constant(self, value: Any) -> Any:
        name = f"_{len(self.constants)}"
        self.constants[name] = value
        return self._name(name)

    def _subject(self, step: Step) -> Any:
        return self._item(self._name("_processes" if step.kind == PROCESS else "_resources"), self.value(step.subject))

    def _keywords(self, options: Mapping[str, Any]) -> list[Any]:
        return [self.placed(ast.keyword, name, self.value(value)) for name, value in options.items()]

    def _expression(self, step: Step) -> Any:
        """Return what a step calls, reads or asks."""
        verb = VERBS[step.verb]
        special = _SPECIAL.get(step.verb)
        if special is not None:
            return special(self, step)
        if verb.form == "function":
            given = [] if verb.schema.get("const") else [self.value(step.argument)]
            return self._call(f"_{verb.name}", *given)
        if verb.form == "attribute":
            return self._attribute(self._subject(step), verb.called)
        method = self._attribute(self._subject(step), verb.called)
        given = [] if verb.value == "subject" else [self.value(step.argument)]
        options = dict(step.options)
        if step.verb == "acquire" and "block" in options:  # what a manager holds has another name for it
            given.append(self.value(options.pop("block")))
        return self._call(method, *given, keywords=self._keywords(options))

    def _recorded(self, step: Step) -> Any:
        """Return the expression of a step, whose answer is recorded where the object does not do that."""
        verb, made = VERBS[step.verb], self._expression(step)
        if not verb.records_answer:
            return made
        return self._call("_answered", self.value(step.subject), self.value(verb.called), made)

    # What is not as the table of verbs says

    def _start(self, step: Step) -> Any:
        if isinstance(step.argument, dict):  # by the names that the subject may be
            closes = {name: [inner.subject for inner in steps] for name, steps in step.argument.items()}
            return self._call("_start", self.value(step.subject), self._constant(closes))
        return self._call("_start", self.value(step.subject), self._constant([inner.subject for inner in step.steps]))

    def _supervise(self, step: Step) -> Any:
        return self._call("_supervise", self._constant(step.argument))

    def _is_alive(self, step: Step) -> Any:
        return self._call("_is_alive", self.value(step.subject))

    def _signal(self, step: Step) -> Any:
        """Interrupt, terminate or kill a process, or terminate a pool, which records that itself."""
        if step.kind != PROCESS:
            return self._call(self._attribute(self._subject(step), step.verb))
        return self._call("_signal", self.value(step.subject), self.value(step.verb))

    def _of_pool(self, step: Step) -> Any:
        given = [] if step.argument is None else [self._constant(step.argument)]
        return self._call(f"_{step.verb}", self.value(step.subject), *given, keywords=self._keywords(step.options))

    def _sleep(self, step: Step) -> Any:
        if isinstance(step.argument, dict):
            return self._call("_sleep_between", *map(self.value, (step.argument["from"], step.argument["to"])))
        return self._call("_sleep", self.value(step.argument))

    def _call_function(self, step: Step) -> Any:
        given, named = step.options.get("args", []), step.options.get("kwargs", {})
        arguments = [self.value(step.argument), *map(self.value, given)]
        return self._call("_call", *arguments, keywords=self._keywords(named))

    def _read(self, step: Step) -> Any:
        subject, at = self._subject(step), step.options.get("at")
        match step.kind:
            case "Value" | "ManagerValue":
                return self._attribute(subject, "value")
            case "SharedMemory":
                return self._call("_read_memory", subject, self.value(at))
            case "Namespace":
                return self._call("_getattr", subject, self.value(at))
        if at is not None:
            return self._item(subject, self.value(at))
        if step.kind == "dict":
            return self._call(self._attribute(subject, "copy"))
        if step.kind == "ShareableList":
            return self._call(global_name("list"), subject)
        whole = self._item(subject, self.placed(ast.Slice, None, None, None))
        return self._call(global_name("list"), whole) if step.kind == "ManagerArray" else whole

    def _pop(self, step: Step) -> Any:
        at = step.options.get("at")
        return self._call(self._attribute(self._subject(step), "pop"), *([] if at is None else [self.value(at)]))

    def _len(self, step: Step) -> Any:
        return self._call(global_name("len"), self._subject(step))

    # Statements

    def block(self, steps: Sequence[Step]) -> list[Any]:
        """Return the statements of steps; at least one."""
        statements = [statement for step in steps for statement in self._statements(step)]
        return statements or [self.placed(ast.Pass)]

    def _statements(self, step: Step) -> list[Any]:
        if step.where is not None:
            self._line = step.where.line
        make = _STATEMENTS.get(step.verb)
        statements = make(self, step) if make else [self._kept(step, self._recorded(step))]
        return [self._expecting(step, statements)] if step.raises else statements

    def _kept(self, step: Step, made: Any) -> Any:
        return self._assign(step.name, made) if step.name else self.placed(ast.Expr, made)

    def _assign(self, name: str, made: Any) -> Any:
        return self.placed(ast.Assign, [self.placed(ast.Name, name, ast.Store())], made)

    def _expecting(self, step: Step, statements: list[Any]) -> Any:
        """Return a `try` that records the exception which is expected, and lets others pass."""
        told = (step.subject, VERBS[step.verb].called, step.raises)
        record = self._call("_raised", *map(self.value, told), self._name("_error"))
        handler = self.placed(ast.ExceptHandler, self._name("_Exception"), "_error", [self.placed(ast.Expr, record)])
        return self.placed(ast.Try, statements, [handler], [], [])

    def _write(self, step: Step) -> list[Any]:
        subject, value, at = self._subject(step), self.value(step.argument), step.options.get("at")
        if step.kind == "SharedMemory":
            return [self.placed(ast.Expr, self._call("_write_memory", subject, value, self.value(at or 0)))]
        if step.kind == "Namespace":
            return [self.placed(ast.Expr, self._call("_setattr", subject, self.value(at), value))]
        if step.kind in ("Value", "ManagerValue"):
            target = self.placed(ast.Attribute, subject, "value", ast.Store())
        else:
            place = self.placed(ast.Slice, None, None, None) if at is None else self.value(at)
            target = self.placed(ast.Subscript, subject, place, ast.Store())
        return [self.placed(ast.Assign, [target], value)]

    def _let(self, step: Step) -> list[Any]:
        return [self._assign(name, self.value(value)) for name, value in step.argument.items()]

    def _raise(self, step: Step) -> list[Any]:
        message = self.value(step.options.get("message"))
        return [self.placed(ast.Raise, self._call("_exception", self.value(step.argument), message), None)]

    def _word(self, step: Step) -> list[Any]:
        nodes = {"break": (ast.Break,), "continue": (ast.Continue,), "return": (ast.Return, None)}
        return [self.placed(*nodes[step.verb])]

    # Blocks

    def _use(self, step: Step) -> list[Any]:
        return self.block(step.steps)

    def _for(self, step: Step) -> list[Any]:
        values = self.value(step.argument)
        return [self._loop(step.subject, values, step)]

    def _loop(self, name: str, values: Any, step: Step) -> Any:
        variable = self.placed(ast.Name, name, ast.Store())
        return self.placed(ast.For, variable, values, self.block(step.steps), [])

    def _repeat(self, step: Step) -> list[Any]:
        if step.argument is None:
            return self._while(step.replace(argument=True))
        return [self._loop("_", self._call(global_name("range"), self.value(step.argument)), step)]

    def _while(self, step: Step) -> list[Any]:
        return [self.placed(ast.While, self._condition(step.argument), self.block(step.steps), [])]

    def _if(self, step: Step) -> list[Any]:
        condition = self._condition(step.argument)
        otherwise = self.block(step.otherwise) if step.otherwise else []
        return [self.placed(ast.If, condition, self.block(step.steps), otherwise)]

    def _condition(self, argument: Any) -> Any:
        if not isinstance(argument, Step):
            return self.value(argument)
        # A question of the plan's own, which is not recorded.
        return self._call(self._attribute(self._subject(argument), VERBS[argument.verb].called))

    def _with(self, step: Step) -> list[Any]:
        held = self._subject(step) if step.kind not in POOLS else self._call("_pool", self.value(step.subject))
        if step.kind in ("Value", "Array"):
            held = self._call(self._attribute(held, "get_lock"))
        return [self.placed(ast.With, [ast.withitem(held, None)], self.block(step.steps))]

    def _try(self, step: Step) -> list[Any]:
        line = self._line
        body = self.block(step.steps)
        parts: dict[str, list[Step]] = {verb: [s for s in step.otherwise if s.verb == verb] for verb in _AFTER_TRY}
        handlers = []
        for part in parts["except"]:
            self._line = part.where.line if part.where else line
            named = self._call("_exceptions", self.value(part.subject))
            handlers.append(self.placed(ast.ExceptHandler, named, None, self.block(part.steps)))
        otherwise = [self.block(part.steps) for part in parts["else"]]
        finally_ = [self.block(part.steps) for part in parts["finally"]]
        self._line = line
        return [self.placed(ast.Try, body, handlers, *(each[0] if each else [] for each in (otherwise, finally_)))]


_SPECIAL: dict[str, Callable[[_Coder, Step], Any]] = {
    "start": _Coder._start,
    "supervise": _Coder._supervise,
    "is_alive": _Coder._is_alive,
    "interrupt": _Coder._signal,
    "terminate": _Coder._signal,
    "kill": _Coder._signal,
    "create": _Coder._of_pool,
    "next_call": _Coder._of_pool,
    "result": _Coder._of_pool,
    "sleep": _Coder._sleep,
    "call": _Coder._call_function,
    "read": _Coder._read,
    "pop": _Coder._pop,
    "len": _Coder._len,
}
_STATEMENTS: dict[str, Callable[[_Coder, Step], list[Any]]] = {
    "write": _Coder._write,
    "let": _Coder._let,
    "raise": _Coder._raise,
    "break": _Coder._word,
    "continue": _Coder._word,
    "return": _Coder._word,
    "use": _Coder._use,
    "for": _Coder._for,
    "repeat": _Coder._repeat,
    "while": _Coder._while,
    "if": _Coder._if,
    "with": _Coder._with,
    "try": _Coder._try,
}
"""What a verb needs beyond what the table of verbs says."""
