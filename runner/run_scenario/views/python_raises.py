"""How a script expects an exception: what is caught, and from where a script knows it."""

from __future__ import annotations

import builtins

from run_scenario.views.python_scope import Scope

_HOMES = {
    "AuthenticationError": "multiprocessing",
    "BrokenBarrierError": "threading",
    "BrokenExecutor": "concurrent.futures",
    "BrokenProcessPool": "concurrent.futures.process",
    "BufferTooShort": "multiprocessing",
    "CancelledError": "concurrent.futures",
    "Empty": "queue",
    "Full": "queue",
    "MaybeEncodingError": "multiprocessing.pool",
    "PicklingError": "pickle",
    "ProcessError": "multiprocessing",
    "RemoteError": "multiprocessing.managers",
    "UnpicklingError": "pickle",
}
"""Exceptions that are no built-ins -> the module that a script imports them from."""


def expecting(raised: str, lines: list[str], indent: int, scope: Scope) -> list[str]:
    """Return a statement that does `lines`, indented once more than it, and lets an exception of this name pass.

    An exception that is neither Python's nor multiprocessing's is known by its name alone, as in the scenario.
    """
    module, _, _ = raised.rpartition(".")
    if module:
        scope.use(module)
    elif raised in _HOMES:
        scope.use(_HOMES[raised], raised)
    elif not hasattr(builtins, raised):
        rest = [
            "except Exception as error:",
            f'    if "{raised}" not in [base.__name__ for base in type(error).__mro__]:',
            "        raise",
        ]
        return [f"{' ' * indent}try:", *lines, *(" " * indent + line for line in rest)]
    return [f"{' ' * indent}try:", *lines, f"{' ' * indent}except {raised}:", f"{' ' * indent}    pass  # as it should"]
