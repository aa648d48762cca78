"""An item of a queue that is a call: the picklable task object of the textbooks, written in YAML."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def is_task(answer: object) -> bool:
    """Return whether an object of a class of somebody's own can process itself, or be called."""
    kind = type(answer)
    can_work = hasattr(kind, "process") or callable(answer)
    return can_work and not isinstance(answer, type) and kind.__module__ not in ("builtins", "functools")


class Call:
    """A function with its arguments, to be called by whoever takes it from a queue.

    It is pickled by reference to the function, which therefore has to be importable by name.
    """

    __slots__ = ("args", "function", "kwargs")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        self.function = function
        self.args = tuple(args)
        self.kwargs = dict(kwargs or {})

    def process(self) -> Any:
        """Call the function and return what it returns.

        Raises:
            TypeError: it returned another task, which would never be processed.
        """
        answer = self.function(*self.args, **self.kwargs)
        if is_task(answer):
            raise TypeError(
                f"{self!r} returned another task, a {type(answer).__qualname__}, which nobody asks to do its work; "
                "write `object` instead of `call` for an item that is this object itself"
            )
        return answer

    def __call__(self) -> Any:
        return self.process()

    def __reduce__(self) -> tuple[type[Call], tuple[Any, ...]]:
        return type(self), (self.function, self.args, self.kwargs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Call):
            return NotImplemented
        return (self.function, self.args, self.kwargs) == (other.function, other.args, other.kwargs)

    __hash__ = None  # type: ignore[assignment]  # its arguments may be lists

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", None) or repr(self.function)
        arguments = [repr(value) for value in self.args]
        arguments += [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{name}({', '.join(arguments)})"
