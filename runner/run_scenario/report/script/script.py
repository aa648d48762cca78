"""A scenario as a plain multiprocessing script: what a person would have written by hand.

    steps ──▶ names ──▶ source             which functions are needed; the built-ins' own lines, inline
       └────▶ statements ──▶ processes     the steps as statements, replicas as loops
                  └────────▶ layout        quoting, and the breaking of long lines

Nothing that a scenario names is imported here, nor run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from run_scenario.report.script.functions import functions
from run_scenario.report.script.names import Scope, unread_names
from run_scenario.report.script.programs import written
from run_scenario.report.script.source import Import, docstring
from run_scenario.report.script.statements import Statements, in_place_of_use
from run_scenario.report.text import sanitize
from run_scenario.scenario import model
from run_scenario.scenario.data import travelling, unmade
from run_scenario.scenario.parameters import assignments
from run_scenario.scenario.steps import everywhere, unmade_in

_IMPORT_WIDTH = 88
"""Import sorters break lines at their own default width."""

_CALL = '''\
class Call:
    """A function with its arguments, to be called by whoever takes it from a queue."""

    def __init__(self, function, /, *args, **kwargs):
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def process(self):
        return self.function(*self.args, **self.kwargs)

    def __repr__(self):
        arguments = [repr(value) for value in self.args]
        arguments += [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{self.function.__name__}({', '.join(arguments)})"'''

_CLOSE_THEN = '''\
def close_then(ends, target, /, *args, **kwargs):
    """Close pipe ends that are not used here, or EOF would never come; call the target."""
    for end in ends:
        end.close()
    target(*args, **kwargs)'''

_RESTART = 'Restart = namedtuple("Restart", "process create most always delay", defaults=(False, 0))'

_SUPERVISE = '''\
def supervise(*restarts):
    """Wait until all have ended for good; start each again after a failure, or always, a number
    of times and after a delay. Return the last process of each.
    """
    processes = [restart.process for restart in restarts]
    left = [restart.most for restart in restarts]
    running = {process.sentinel: index for index, process in enumerate(processes)}
    due = {}
    while running or due:
        timeout = max(0, min(due.values()) - time.monotonic()) if due else None
        for sentinel in connection.wait(running, timeout):
            index = running.pop(sentinel)
            processes[index].join()
            if left[index] and (restarts[index].always or processes[index].exitcode != 0):
                left[index] -= 1
                due[index] = time.monotonic() + restarts[index].delay
        for index in [index for index, moment in due.items() if moment <= time.monotonic()]:
            del due[index]
            first, processes[index] = restarts[index].process, restarts[index].create()
            processes[index].name, processes[index].daemon = first.name, first.daemon
            processes[index].start()
            running[processes[index].sentinel] = index
    return processes'''

_RUN_WITH = '''\
def run_with(surroundings, target, /, *args, **kwargs):
    """Give this process its own environment, folder, arguments or input; call the target."""
    for name, value in surroundings.get("env", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.chdir(surroundings.get("cwd", "."))
    sys.argv = surroundings.get("argv", sys.argv)
    sys.stdin = io.StringIO(surroundings.get("stdin", ""))
    target(*args, **kwargs)'''
_MAIN = "main"

_CALLED = "\n\n    __call__ = process"
"""For code that is not shown here, which may use it so."""


def is_named_like_a_class(reference: str) -> bool:
    """Return whether `package.module:Name` is spelled as classes usually are."""
    return reference.rpartition(".")[2].rpartition(":")[2].lstrip("_")[:1].isupper()


def script(
    scenario: model.Scenario,
    steps: Sequence[model.Step],
    is_class: Callable[[str], bool] = is_named_like_a_class,
) -> str:
    """Return the script; `is_class` returns of a `package.module:name` whether it is a subclass of Process."""
    steps = list(in_place_of_use(steps))
    scope = Scope(scenario, steps, is_class)
    imported = {found.bound for found in scope.imports}
    of_steps = functions(scenario, scope.identifiers, scope.taken | imported)
    main = []
    if scenario.start_method:
        main = [f'    {scope.use("multiprocessing", "set_start_method")}("{scenario.start_method}")', ""]
    # A function can return, and has names of its own.
    has_own_names = bool(scope.shadowing or scope.own_constants(steps))
    in_function = has_own_names or any(step.verb == "return" for step in everywhere(steps))
    statements = Statements(scenario, steps, scope, of_steps, unread_names(steps) if in_function else ())
    main += statements.lines() or ["    pass"]
    if rest := _rest(scenario):
        main += ["", f"    # The script ends here: {rest}."]
    definitions = [*scope.definitions.values(), *statements.shared.definitions]
    of_all = (steps, *{id(each.steps): each.steps for each in scenario.processes}.values())
    made = [spec for data in travelling(scenario) for spec in unmade(data)]
    made += [spec for each in of_all for spec, _ in unmade_in(each)]
    if any(isinstance(spec, model.CallSpec) for spec in made):
        definitions.append(_CALL + (_CALLED if scope.has_own else ""))
    definitions += ["\n".join(written(each, scope, of_steps)) for each in dict.fromkeys(of_steps.values())]
    done = [step for each in (steps, *(each.steps for each in of_steps.values())) for step in everywhere(each)]
    if any(step.verb == "supervise" for step in done):
        tuples, connection = scope.use("collections", "namedtuple"), scope.use("multiprocessing", "connection")
        definitions.append(_RESTART.replace("namedtuple", tuples))
        definitions.append(
            _SUPERVISE.replace("connection.", f"{connection}.").replace("time.", f"{scope.use('time')}.")
        )
    if any(step.verb == "start" and (step.steps or step.argument) for step in done):
        definitions.append(_CLOSE_THEN)
    if any(process.surroundings is not None for process in scenario.processes):
        run_with = _RUN_WITH
        for module in ("io", "os", "sys"):
            run_with = run_with.replace(f" {module}.", f" {scope.use(module)}.")
        definitions.append(run_with)
    if in_function:
        definitions.append("\n".join([f"def {_MAIN}():", *main]))
        main = [f"    {_MAIN}()"]
    parameters = statements.assign(scope.constants, 0)
    guard = "\n".join(['if __name__ == "__main__":', *main])
    head = "\n".join([*docstring(_about(scenario)), "", *import_lines(scope.imports)])
    constants = [text for text in definitions if not text.startswith(("def ", "class "))]
    head = "\n\n".join([head, *constants, *(["\n".join(parameters)] if parameters else [])])
    others = [text for text in definitions if text not in constants]
    aliases = ["\n".join(scope.aliases)] if scope.aliases else []
    return "\n\n\n".join([head, *others, *aliases, guard]) + "\n"


def _about(scenario: model.Scenario) -> str:
    title = sanitize(scenario.title.strip() or scenario.name)
    paragraphs = [title if title[-1:] in ".!?" else f"{title}."]
    if scenario.source:
        paragraphs.append(f"Source: {sanitize(scenario.source)}")
    if scenario.params:
        paragraphs.append(f"With {sanitize(', '.join(assignments(scenario.params)))}.")
    return "\n\n".join(paragraphs)


def _rest(scenario: model.Scenario) -> str:
    """Return what is done at the end of the main program with the processes that are left."""
    processes = [process for process in scenario.processes if process.worker == "process" and not process.parent]
    threads = [process for process in scenario.processes if process.worker == "thread"]
    words = ["terminates the daemons"] if any(process.daemon for process in processes) else []
    if any(not process.daemon and not process.join for process in processes):
        words.append("waits for the others" if words else "waits for the processes")
    ends = [f"multiprocessing {' and '.join(words)}"] if words else []
    if any(not thread.daemon and not thread.join for thread in threads):
        ends.insert(0, "Python waits for the other threads")
    if any(thread.daemon for thread in threads):
        ends.append("daemons among the threads are cut off" if processes else "daemons are cut off")
    return "; ".join(ends)


def import_lines(imports: Iterable[Import]) -> Iterator[str]:
    """Yield the imports: the standard library's, then those of the scenario's own targets."""
    standard = {found for found in imports if found.module.partition(".")[0] in sys.stdlib_module_names}
    yield from _block(standard)
    if others := set(imports) - standard:
        yield ""
        yield from _block(others)


def _block(imports: set[Import]) -> Iterator[str]:
    for found in sorted((found for found in imports if not found.name), key=lambda found: found.module):
        yield f"import {found.module}" + (f" as {found.alias}" if found.alias else "")
    modules = sorted({found.module for found in imports if found.name})
    for module in modules:
        names = sorted(
            found.name + (f" as {found.alias}" if found.alias else "")
            for found in imports
            if found.name and found.module == module
        )
        line = f"from {module} import {', '.join(names)}"
        yield line if len(line) <= _IMPORT_WIDTH else f"from {module} import (\n    " + ",\n    ".join(names) + ",\n)"
