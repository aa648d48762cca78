"""A scenario as a plain multiprocessing script: what a person would have written by hand.

    steps ──▶ python_scope ──▶ python_source     which functions are needed; the built-ins' own lines, inline
       └────▶ python_main ──▶ python_process     the steps as statements, replicas as loops
                    └───────▶ python_layout      quoting, and the breaking of long lines

Nothing that a scenario names is imported here, nor run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from run_scenario import model
from run_scenario.views.python_main import Main
from run_scenario.views.python_scope import Scope
from run_scenario.views.python_source import Import, docstring
from run_scenario.views.text import scrub

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
    """Return the script; `is_class` tells of a `package.module:name` whether it is a subclass of Process."""
    scope = Scope(steps, is_class)
    main = []
    if scenario.start_method:
        main = [f'    {scope.use("multiprocessing", "set_start_method")}("{scenario.start_method}")', ""]
    statements = Main(steps, scope)
    main += statements.lines() or ["    pass"]
    if rest := _rest(scenario):
        main += ["", f"    # The script ends here: {rest}."]
    definitions = [*scope.definitions.values(), *statements.shared.definitions]
    if any(
        isinstance(item, model.CallSpec) for step in steps if isinstance(step, model.PutItems) for item in step.items
    ):
        definitions.append(_CALL + (_CALLED if scope.has_own else ""))
    if any(isinstance(step, model.Start) and step.closes for step in steps):
        definitions.append(_CLOSE_THEN)
    guard = "\n".join(['if __name__ == "__main__":', *main])
    head = "\n".join([*docstring(_about(scenario)), "", *import_lines(scope.imports)])
    constants = [text for text in definitions if not text.startswith(("def ", "class "))]
    head = "\n\n".join([head, *constants])
    return "\n\n\n".join([head, *(text for text in definitions if text not in constants), guard]) + "\n"


def _about(scenario: model.Scenario) -> str:
    title = scrub(scenario.title.strip() or scenario.name)
    paragraphs = [title if title[-1:] in ".!?" else f"{title}."]
    if scenario.source:
        paragraphs.append(f"Source: {scrub(scenario.source)}")
    return "\n\n".join(paragraphs)


def _rest(scenario: model.Scenario) -> str:
    """Return what is done at the end of the main program with whoever may be left."""
    processes = [process for process in scenario.processes if process.worker == "process"]
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
