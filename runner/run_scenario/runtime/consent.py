"""Which code a scenario may run: the built-ins, and what the person running it has allowed by package name.

Nothing is imported before its package was found to be allowed, and then the object that the import led to is
checked, not its spelling: an allowed module's own imports (`mypkg.tools:os.system`) do not belong to the package. Not
even an attribute of theirs is asked for, as that may import or compute something. What is defended, and what is not,
stands in SECURITY.md.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from operator import itemgetter
from types import FunctionType, MethodType, ModuleType
from typing import Any, ClassVar

from run_scenario.runtime import cpython
from run_scenario.runtime.refusal import RefusedError
from run_scenario.suggestions import did_you_mean

_MOST_NAMES = 6
"""Names that a hint lists."""
_LONGEST = 60
"""Characters of a name in a hint."""
_LAZY = 0x20 | 0x80 | 0x200
"""Code flags of generators, coroutines and asynchronous generators (see the module inspect)."""


class Resolver:
    """Finds the function or Process subclass behind `package.module:qualified.name`.

    `allow` holds package names (dotted ones allow only that part of a package). Modules are looked for on the
    ordinary import path first and in the `project_folders` of the scenario's own `folder` last. `way_to_allow` says how
    `PKG` can be allowed.
    """

    _noun: ClassVar[str] = "a target"
    _or: ClassVar[str] = "subclass of multiprocessing.Process"

    def __init__(self, allow: frozenset[str], folder: str, way_to_allow: str = "") -> None:
        self._allow = allow
        self._folders = project_folders(folder)
        self._way_to_allow = way_to_allow or "add --allow PKG"

    def __call__(self, reference: str) -> Callable[..., Any]:
        """Return the object.

        Raises:
            RefusedError: it is not allowed, cannot be imported, or is not something a process can run.
        """
        module_name, _, qualified = reference.partition(":")
        if not self._is_allowed(module_name):
            package = module_name.partition(".")[0]
            raise RefusedError(
                f"{reference!r} would run code of the package {package!r}, which you have not allowed",
                f"if you trust it, {self._way_to_allow.replace('PKG', package)}",
                kind="not_allowed",
                package=package,
            )
        found: Callable[..., Any] = self._walk(self._import(reference, module_name), reference, qualified)
        self._check(found, reference)
        return found

    def _is_allowed(self, module: str) -> bool:
        return any(module == name or module.startswith(f"{name}.") for name in self._allow)

    def _import(self, reference: str, module_name: str) -> Any:
        self._look_in_the_project(module_name.partition(".")[0])
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            where = f"neither on the import path nor in {', '.join(self._folders)}"
            hint = "correct the name, or install its package"
            if error.name and not module_name.startswith(error.name):
                where, hint = f"needed by {module_name}{_line_of(error, module_name)}", "install it"
            what = f"cannot import {reference!r}: there is no module {error.name!r}, {where}"
            raise RefusedError(what, hint, kind="not_found") from error
        except (Exception, SystemExit) as error:
            name, text, where = type(error).__name__, str(error)[:300], _line_of(error, module_name)
            what = f"cannot import {reference!r}: {name} while {module_name} was loaded{where}: {text}"
            raise RefusedError(what, "correct it there" if where else "", kind="import_failed") from error

    def _look_in_the_project(self, package: str) -> None:
        """Append a folder of the project to the import path if, and only if, that is where an allowed package lies.

        Otherwise a package installed elsewhere would find there what it imports if it can, and has not been allowed:
        `try: import faster_json`. Spawned children inherit the path from multiprocessing's own preparation.
        """
        from importlib.machinery import PathFinder
        from importlib.util import find_spec

        try:
            known = find_spec(package) is not None
        except ValueError:  # it has been imported, without a trace of where from
            known = True
        if known:
            return
        specs = ((PathFinder.find_spec(package, [folder]), folder) for folder in self._folders)
        # A folder that only has the package's name and no __init__.py, such as that of its tests, comes last.
        found = [(spec.origin is None, folder) for spec, folder in specs if spec is not None]
        if found:
            sys.path.append(min(found, key=itemgetter(0))[1])

    def _walk(self, found: Any, reference: str, qualified: str) -> Any:
        parts = qualified.split(".")
        for number, part in enumerate(parts, start=1):
            if number < len(parts) or not self._is_own_object(found):
                self._check_owner(found, reference)
            try:
                found = getattr(found, part)
            except AttributeError:
                what = f"cannot find {reference!r}: {_name_of(found)} has no {part!r}"
                raise RefusedError(what, _meant(part, found), kind="not_found") from None
            except (Exception, SystemExit) as error:
                kind, text = type(error).__name__, str(error)[:300]
                what = f"cannot find {reference!r}: {kind} at {part!r}: {text}"
                raise RefusedError(what, kind="not_found") from error
        return found

    def _is_own_object(self, found: Any) -> bool:
        """Return whether something is an object of a class of an allowed package: its methods are that package's."""
        kind = type(found)  # isinstance would ask a stranger's object for its class
        return self._is_allowed(str(kind.__module__)) and not issubclass(kind, ModuleType | type)

    def _check_owner_of_method(self, owner: Any, reference: str) -> None:
        """Check that the object or class that a method is bound to is the allowed package's own."""
        kind = owner if issubclass(type(owner), type) else type(owner)
        if not self._is_allowed(str(kind.__module__)):
            what = f"{reference!r} is a method of {kind.__module__}.{kind.__qualname__}"
            raise RefusedError(f"{what}, which does not belong to a package you have allowed", kind="not_allowed")

    def _check_owner(self, found: Any, reference: str) -> None:
        """Check that a module or class whose attribute is wanted is itself the allowed package's own."""
        if isinstance(found, ModuleType):
            owner = name = found.__name__
        elif isinstance(found, type):
            owner, name = str(found.__module__), f"{found.__module__}.{found.__qualname__}"
        else:
            raise RefusedError(
                f"{reference!r} leads through {_kind_of(found)}",
                f"{self._noun} is found in a module, or in a class of it",
            )
        if not self._is_allowed(owner):
            what = f"{reference!r} leads into {name}, which does not belong to a package you have allowed"
            raise RefusedError(what, kind="not_allowed")

    def _check(self, found: Any, reference: str) -> None:
        is_process = isinstance(found, type) and issubclass(found, BaseProcess)
        # What runs of a partial or a bound method is the function in it, whatever it is called.
        while type(found) is partial:
            found = found.func
        if type(found) is MethodType:
            self._check_owner_of_method(found.__self__, reference)
            found = found.__func__
        if not is_process and not isinstance(found, FunctionType):
            hint = f"{self._noun} is an ordinary function, a method or a {self._or}"
            if isinstance(found, type) and self._is_allowed(str(found.__module__)):
                hint += f"; for an object of that class, as an item or an argument, write `{{object: {reference!r}}}`"
            raise RefusedError(f"{reference!r} is {_kind_of(found)}", hint)
        if not self._is_allowed(str(found.__module__)):
            raise RefusedError(
                f"{reference!r} leads to {found.__module__}.{found.__qualname__}, "
                "which does not belong to a package you have allowed",
                kind="not_allowed",
            )
        if not is_process and found.__code__.co_flags & _LAZY:
            raise RefusedError(
                f"{reference!r} is a generator or an async function: calling it runs none of its code",
                "wrap it in an ordinary function that runs it",
            )
        if not is_process and found.__name__ == "<lambda>":
            raise RefusedError(
                f"{reference!r} is a <lambda>, which no spawned process can find again", "write it with def"
            )
        if not is_process and "<locals>" in found.__qualname__:
            raise RefusedError(
                f"{reference!r} was made inside another function ({found.__qualname__}) and so cannot be handed "
                "to a process",
                "define it at the top of its module",
            )


class ObjectResolver(Resolver):
    """Finds what makes an object that travels: a class of an allowed package, or a function."""

    _noun = "what makes an object"
    _or = "class"

    def _check(self, found: Any, reference: str) -> None:
        if not isinstance(found, type):
            super()._check(found, reference)
        elif not self._is_allowed(str(found.__module__)):
            raise RefusedError(
                f"{reference!r} leads to {found.__module__}.{found.__qualname__}, "
                "which does not belong to a package you have allowed",
                kind="not_allowed",
            )
        elif "<locals>" in found.__qualname__:
            raise RefusedError(
                f"{reference!r} was made inside a function ({found.__qualname__}): no process can find it again",
                "define it at the top of its module",
            )


class ProcessorResolver(Resolver):
    """Finds the function, or another object that can be called, that events are processed with."""

    _noun = "a processor"

    def __init__(self, allow: frozenset[str], folder: str) -> None:
        super().__init__(allow, folder, "name 'PKG' in 'allow' as well")

    def _check(self, found: Any, reference: str) -> None:
        if isinstance(found, type):
            raise RefusedError(f"{reference!r} is a class; a processor is a function", "name an object of that class")
        if not callable(found):
            raise RefusedError(f"{reference!r} is {_kind_of(found)}, which cannot be called")
        owner = found if isinstance(found, FunctionType) else type(found)
        if not self._is_allowed(str(owner.__module__)):
            raise RefusedError(
                f"{reference!r} leads to {owner.__module__}.{owner.__qualname__}, "
                "which does not belong to a package you have allowed"
            )
        if error := call_error(found, (None, "info", {}), ()):
            raise RefusedError(
                f"{reference!r} cannot be called as a processor is: {error}",
                "write its parameters as (logger, method_name, event_dict)",
            )


def project_folders(folder: str) -> list[str]:
    """Return the folders in which a scenario's own modules are looked for, after the import path, in this order.

    They are where pytest finds those of a project: the scenario's `folder`, the current one, and `src` in each.
    """
    folders = [folder]
    with contextlib.suppress(OSError):  # it was removed
        folders.append(os.getcwd())
    folders += [os.path.join(each, "src") for each in folders]
    return [*filter(os.path.isdir, dict.fromkeys(folders))]


def check_call(
    reference: str,
    target: Callable[..., Any],
    args: Sequence[Any],
    names: Sequence[str],
    keys: str = "`args`, `kwargs`, `from`, `to` or `uses`",
) -> None:
    """Check that something can be called with these positional arguments and keywords, given under `keys`.

    Raises:
        RefusedError: it cannot; its signature says why.
    """
    if error := call_error(target, args, names):
        what = f"{reference!r} cannot be called as the scenario says: {error}"
        raise RefusedError(what, _instead(target, names, keys), kind="arguments")


def call_error(target: Callable[..., Any], args: Sequence[Any], names: Sequence[str]) -> str:
    """Return why something cannot be called with these positional arguments and keywords; empty if it can."""
    if isinstance(target, FunctionType) and _plainly_fits(target, len(args), names):
        return ""
    import inspect  # 8 ms, where it is needed

    try:
        signature = inspect.signature(target)
    except (ValueError, TypeError):
        return ""  # written in C: only the call itself will show it
    try:
        signature.bind(*args, **dict.fromkeys(names))
    except TypeError as error:
        parameters = str(signature)[:300]  # its defaults may be anything
        return f"{error}; its parameters are {parameters}"
    return ""


def _instead(target: Callable[..., Any], names: Sequence[str], keys: str) -> str:
    """Return what was probably meant by a keyword that a function does not take."""
    import inspect

    parameters = list(inspect.signature(target).parameters)
    unknown = next((name for name in names if name not in parameters), None)
    otherwise = f"give what it takes under {keys}"
    return otherwise if unknown is None else did_you_mean(unknown, parameters) or otherwise


def _meant(name: str, owner: Any) -> str:
    """Return which function or class of its own a module or class has that was probably meant, or all of them."""
    module = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    own = [
        key
        for key, value in vars(owner).items()
        # isinstance would ask an object for its class, and some other package may have made it.
        if type(value) in (FunctionType, type)
        and value.__module__ == module
        and key[:1] != "_"
        and len(key) <= _LONGEST
    ]
    return did_you_mean(name, own) or (f"it has {', '.join(own[:_MOST_NAMES])}" if own else "")


def _line_of(error: BaseException, module: str) -> str:
    """Return in which line of its own package a module could not be loaded, such as ` (spool.py:3)`."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({os.path.basename(error.filename)}:{error.lineno})"
    package, found, traceback = module.partition(".")[0], "", error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            found = f" ({os.path.basename(frame.f_code.co_filename)}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return found


def keep_interpreters_out_of_this_folder() -> None:
    """Have the interpreters that multiprocessing starts look for no module in the current folder.

    They run `python -c`, which looks there first: a `pickle.py` beside a stranger's scenario would be run by every
    spawned child, fork server and resource tracker, whatever was allowed. What they import for the scenario is looked
    for on the path of the main program, as always.
    """
    if not sys.flags.safe_path:
        cpython.interpreter_flags_with("-P")


def _plainly_fits(target: FunctionType, given: int, names: Sequence[str]) -> bool:
    """Return whether a function without *args and **kwargs surely takes so many arguments and these names besides."""
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


def _kind_of(found: Any) -> str:
    if isinstance(found, type):
        return "a class"
    noun = type(found).__name__
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun!r} object"
