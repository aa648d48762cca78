"""The two decorators that make a function a built-in. Nothing is looked at here: `_descriptions` does, when asked."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

TARGETS: dict[str, FunctionType] = {}
WORK: dict[str, FunctionType] = {}


def target(function: Function) -> Function:
    """Register what a process can run: `target: NAME`."""
    TARGETS[function.__name__] = function  # type: ignore[assignment]
    return function


def work(function: Function) -> Function:
    """Register what a consumer can do with an item, its first argument: `work: NAME`, `call: NAME`."""
    WORK[function.__name__] = function  # type: ignore[assignment]
    return function
