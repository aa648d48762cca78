"""A scenario as a plain multiprocessing script: what a person would have written by hand.

    names ──▶ source                          which functions are needed; the built-ins' and helpers' own lines, inline
    functions                                 the steps of processes as functions, and what differs as parameters
    steps ──▶ processes ──▶ programs ──▶ pools ──▶ statements
                                              steps as statements; processes; loops over replicas; pools; all of main
    layout                                    quoting, and the breaking of long lines

Nothing that a scenario names is imported here, nor run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from run_scenario.report.script.functions import functions
from run_scenario.report.script.names import Scope, functions_named
from run_scenario.report.script.programs import written
from run_scenario.report.script.source import Import, docstring
from run_scenario.report.script.statements import Statements, in_place_of_use
from run_scenario.report.text import sanitize
from run_scenario.scenario import model
from run_scenario.scenario.parameters import assignments
from run_scenario.scenario.steps import everywhere

_IMPORT_WIDTH = 88
"""Import sorters break lines at their own default width."""

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
    of_steps = functions(scenario, scope.identifiers, scope.taken | {found.bound for found in scope.imports}, scope)
    main = []
    if scenario.start_method:
        main = [f'    {scope.use("multiprocessing", "set_start_method")}("{scenario.start_method}")', ""]
    # A function can return, and has names of its own.
    returns = any(step.verb == "return" for step in everywhere(steps))
    in_function = returns or bool(scope.shadowing or scope.constants(steps))
    statements = Statements(scenario, steps, scope, of_steps, in_function=in_function)
    main += statements.lines() or ["    pass"]
    if rest := _rest(scenario):
        main += ["", f"    # The script ends here: {rest}."]
    of_processes = ["\n".join(written(each, scope, of_steps)) for each in dict.fromkeys(of_steps.values())]
    if "Call" in scope.definitions and any(":" in each for each in functions_named(scenario, steps)):
        scope.definitions["Call"] += _CALLED
    definitions = [*scope.definitions.values(), *statements.shared.definitions, *of_processes]
    if in_function:
        definitions.append("\n".join(["def main():", *main]))
        main = ["    main()"]
    parameters = statements.assign(scope.constants(), 0)
    head = "\n".join([*docstring(_about(scenario)), "", *import_lines(scope.imports)])
    constants = [text for text in definitions if not text.startswith(("def ", "class "))]
    head = "\n\n".join([head, *constants, *(["\n".join(parameters)] if parameters else [])])
    others = [text for text in (*definitions, "\n".join(scope.aliases)) if text and text not in constants]
    parts = [head, *others, "\n".join(['if __name__ == "__main__":', *main])]
    return ("\n\n\n" if len(parts) > 2 else "\n\n").join(parts) + "\n"


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
    for number, block in enumerate((standard, set(imports) - standard)):
        if block and number:
            yield ""
        ordered = sorted(block, key=lambda found: (bool(found.name), found.module, found.alias, found.name))
        for (is_from, module, alias), same in groupby(ordered, lambda each: (bool(each.name), each.module, each.alias)):
            names = [found.name for found in same]
            renamed = f" as {alias}" if alias else ""
            line = f"from {module} import {', '.join(names)}{renamed}" if is_from else f"import {module}{renamed}"
            wrapped = f"from {module} import (\n    " + ",\n    ".join(names) + ",\n)"
            yield line if len(line) <= _IMPORT_WIDTH or len(names) == 1 else wrapped
