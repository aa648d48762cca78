"""The built-in behaviours: what a scenario's `target`, `work` and `call` can name, and what is known about each.

The behaviours are plain functions in this package's modules, registered by a decorator:

    _basics, _queues, _endings, _output    targets: what a process runs
    _faults, _resources                    more of them: what goes wrong on queues, what a process has to itself
    _pipes                                 those at the ends of pipes
    _sync                                  and those that use locks, semaphores, events, conditions, barriers
    _shared                                and those that share data, in memory or in a manager
    _work                                  work functions: what a consumer does with an item
    _call                                  Call: an item that is a call, with a `process()` method
    _binding                               bind() and all that finds a function by its name
    _descriptions                          Target, Parameter, find(): all that is derived from them
    schema                                 what they take as JSON Schema, for editors

Importing this package imports none of them: a spawned child imports only the module of the function it runs.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs a spawned child its import
if TYPE_CHECKING:
    from run_scenario.targets._binding import bind, find_function, make_item, names, work_names
    from run_scenario.targets._call import Call
    from run_scenario.targets._descriptions import (
        Kind,
        Parameter,
        Target,
        ends_program,
        find,
        find_work,
        in_main_thread_only,
    )

__all__ = [
    "Call",
    "Kind",
    "Parameter",
    "Target",
    "bind",
    "ends_program",
    "find",
    "find_function",
    "find_work",
    "in_main_thread_only",
    "make_item",
    "names",
    "work_names",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "Call":
        from run_scenario.targets import _call as module
    elif name in ("bind", "find_function", "make_item", "names", "work_names"):
        from run_scenario.targets import _binding as module  # type: ignore[no-redef]
    else:
        from run_scenario.targets import _descriptions as module  # type: ignore[no-redef]
    value: object = getattr(module, name)
    globals()[name] = value
    return value
