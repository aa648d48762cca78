"""Which code a scenario may run: the built-ins, and what the person running it has allowed by package name.

Nothing is imported before its package was found to be allowed, and then the object that the import led to is
checked, not its spelling: an allowed module's own imports (`mypkg.tools:os.system`) do not belong to the package. Not
even an attribute of theirs is asked for, as that may import or compute something. What is defended, and what is not,
stands in SECURITY.md.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from multiprocessing import util
from multiprocessing.process import BaseProcess
from types import FunctionType, ModuleType
from typing import Any

_LAZY = 0x20 | 0x80 | 0x200
"""Code flags of generators, coroutines and asynchronous generators (see the module inspect)."""


class RefusedError(Exception):
    """A target that may not be run, or is not there; the message is for the person who runs the scenario."""


class Resolver:
    """Finds the function or Process subclass behind `package.module:qualified.name`.

    `allow` holds package names (dotted ones allow only that part of a package). Modules are looked for on the
    ordinary import path first and in the scenario's own `folder` last.
    """

    def __init__(self, allow: frozenset[str], folder: str) -> None:
        self._allow = allow
        self._folder = folder

    def __call__(self, reference: str) -> Callable[..., Any]:
        """Return the object.

        Raises:
            RefusedError: it is not allowed, cannot be imported, or is not something a process can run.
        """
        module_name, _, qualified = reference.partition(":")
        if not self._is_allowed(module_name):
            package = module_name.partition(".")[0]
            raise RefusedError(
                f"{reference!r} would run code of the package {package!r}, which you have not allowed: "
                f"if you trust it, add --allow {package}"
            )
        found: Callable[..., Any] = self._walk(self._import(reference, module_name), reference, qualified)
        self._check(found, reference)
        return found

    def _is_allowed(self, module: str) -> bool:
        return any(module == name or module.startswith(f"{name}.") for name in self._allow)

    def _import(self, reference: str, module_name: str) -> Any:
        self._look_beside_the_scenario(module_name.partition(".")[0])
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            where = f"neither on the import path nor in {self._folder}"
            if error.name and not module_name.startswith(error.name):
                where = f"needed by {module_name}"
            raise RefusedError(f"cannot import {reference!r}: there is no module {error.name!r}, {where}") from error
        except (Exception, SystemExit) as error:
            kind, text = type(error).__name__, str(error)[:300]
            raise RefusedError(f"cannot import {reference!r}: {kind} while {module_name} was loaded: {text}") from error

    def _look_beside_the_scenario(self, package: str) -> None:
        """Append the scenario's folder to the import path if, and only if, that is where an allowed package lies.

        Otherwise a package installed elsewhere would find there what it imports if it can, and has not been allowed:
        `try: import faster_json`. Spawned children inherit the path from multiprocessing's own preparation.
        """
        from importlib.machinery import PathFinder
        from importlib.util import find_spec

        try:
            known = find_spec(package) is not None
        except ValueError:  # it has been imported, without a trace of where from
            known = True
        if not known and PathFinder.find_spec(package, [self._folder]) is not None:
            sys.path.append(self._folder)

    def _walk(self, found: Any, reference: str, qualified: str) -> Any:
        for part in qualified.split("."):
            self._check_owner(found, reference)
            try:
                found = getattr(found, part)
            except AttributeError:
                raise RefusedError(f"cannot find {reference!r}: {_name_of(found)} has no {part!r}") from None
            except (Exception, SystemExit) as error:
                kind, text = type(error).__name__, str(error)[:300]
                raise RefusedError(f"cannot find {reference!r}: {kind} at {part!r}: {text}") from error
        return found

    def _check_owner(self, found: Any, reference: str) -> None:
        """Check that a module or class whose attribute is wanted is itself the allowed package's own."""
        if isinstance(found, ModuleType):
            owner = name = found.__name__
        elif isinstance(found, type):
            owner, name = str(found.__module__), f"{found.__module__}.{found.__qualname__}"
        else:
            raise RefusedError(
                f"{reference!r} leads through {_article(type(found).__name__)}; a target is found in a module, "
                "or in a class of it"
            )
        if not self._is_allowed(owner):
            raise RefusedError(f"{reference!r} leads into {name}, which does not belong to a package you have allowed")

    def _check(self, found: Any, reference: str) -> None:
        is_process = isinstance(found, type) and issubclass(found, BaseProcess)
        if not is_process and not isinstance(found, FunctionType):
            raise RefusedError(
                f"{reference!r} is {_article(type(found).__name__)}; "
                "a target is an ordinary function or a subclass of multiprocessing.Process"
            )
        if not self._is_allowed(str(found.__module__)):
            raise RefusedError(
                f"{reference!r} leads to {found.__module__}.{found.__qualname__}, "
                "which does not belong to a package you have allowed"
            )
        if not is_process and found.__code__.co_flags & _LAZY:
            raise RefusedError(
                f"{reference!r} is a generator or an async function: calling it runs nothing of it; "
                "wrap it in an ordinary function that does"
            )
        if not is_process and found.__name__ == "<lambda>":
            raise RefusedError(
                f"{reference!r} is a <lambda>, which no spawned process can find again: write it with def"
            )
        if not is_process and "<locals>" in found.__qualname__:
            raise RefusedError(
                f"{reference!r} was made inside another function ({found.__qualname__}) and so cannot be handed "
                "to a process: define it at the top of its module"
            )


def check_call(reference: str, target: Callable[..., Any], args: Sequence[Any], names: Sequence[str]) -> None:
    """Check that a target can be called with these positional arguments and these keywords.

    Raises:
        RefusedError: it cannot; its signature says why.
    """
    if isinstance(target, FunctionType) and _plainly_fits(target, len(args), names):
        return
    import inspect  # 8 ms, where it is needed

    try:
        signature = inspect.signature(target)
    except (ValueError, TypeError):
        return  # written in C: only the call itself will tell
    try:
        signature.bind(*args, **dict.fromkeys(names))
    except TypeError as error:
        parameters = str(signature)[:300]  # its defaults may be anything
        raise RefusedError(
            f"{reference!r} cannot be called as the scenario says: {error}; its parameters are {parameters}"
        ) from error


def keep_helpers_out_of_this_folder() -> None:
    """Have the interpreters that multiprocessing starts look for no module in the current folder.

    They run `python -c`, which looks there first: a `pickle.py` beside a stranger's scenario would be run by every
    spawned child, fork server and resource tracker, whatever was allowed. What they import for the scenario is looked
    for on the path of the main program, as always.
    """
    arguments: Callable[[], list[str]] = util._args_from_interpreter_flags  # type: ignore[attr-defined]
    if not sys.flags.safe_path:
        util._args_from_interpreter_flags = lambda: [*arguments(), "-P"]  # type: ignore[attr-defined]


def _plainly_fits(target: FunctionType, given: int, names: Sequence[str]) -> bool:
    """Tell whether a function without *args and **kwargs surely takes so many arguments and these names besides."""
    code = target.__code__
    parameters = code.co_varnames[: code.co_argcount]
    required = parameters[given : code.co_argcount - len(target.__defaults__ or ())]
    return (
        given <= code.co_argcount
        and not code.co_posonlyargcount
        and not code.co_kwonlyargcount
        and not hasattr(target, "__wrapped__")  # inspect would look at that one
        and not hasattr(target, "__signature__")
        and set(required) <= set(names) <= set(parameters[given:])
    )


def _name_of(found: Any) -> str:
    return f"module {found.__name__!r}" if hasattr(found, "__file__") else repr(getattr(found, "__qualname__", found))


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun!r} object"
