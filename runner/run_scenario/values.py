"""`Value`: the base of the product's frozen value types.

It gives what `dataclasses.dataclass(frozen=True, slots=True)` gives (a constructor, equality, a hash, a repr, pattern
matching, pickling; type checkers treat it as such a dataclass). But defining a class costs about 10 µs; the decorator,
which writes and compiles source code for each class, costs 600 to 700.

What the usual means would cost at every start-up, measured with all value types replaced (least of 32 runs each, 161 ms
for a run of single-worker, 61 for --version):

                       --version   validate   run        run, spawned children
    dataclass            +24 ms     +25 ms    +31 ms      +29 ms     each class, and the import of inspect
    msgspec.Struct       +17 ms     +14 ms     -2 ms      +11 ms     the import, which a run pays beside its processes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorated: decorated


@dataclass_transform(frozen_default=True)
class _Frozen(type):
    """Turns the annotations of a class body into slots, in order, with its assignments as their defaults."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _Frozen:
        annotations: dict[str, str] = namespace.get("__annotations__", {})
        fields = tuple(field for field, kind in annotations.items() if not kind.startswith("ClassVar"))
        defaults = {field: namespace.pop(field) for field in fields if field in namespace}
        namespace |= {"__slots__": fields, "__match_args__": fields, "_defaults": defaults}
        return super().__new__(mcs, name, bases, namespace)


class Value(metaclass=_Frozen):
    """A frozen value. Subclasses are not subclassed further; defaults are shared and so must be immutable in effect."""

    __match_args__: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the fields by position or by name.

        Raises:
            TypeError: a field is missing, unknown or given twice.
        """
        fields = self.__match_args__
        given = self._defaults | dict(zip(fields, args, strict=False)) | kwargs
        twice = args and kwargs and not kwargs.keys().isdisjoint(fields[: len(args)])
        if twice or len(args) > len(fields) or len(given) > len(fields):
            raise TypeError(f"{type(self).__name__}() takes {', '.join(fields)}, once each")
        try:
            for field in fields:
                object.__setattr__(self, field, given[field])
        except KeyError:
            raise TypeError(f"{type(self).__name__}() needs {field!r}") from None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return type(self)(**(dict(zip(self.__match_args__, self._values(), strict=True)) | changes))

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self.__match_args__)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make another one with replace({name}=…)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        pairs = zip(self.__match_args__, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{field}={value!r}' for field, value in pairs)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()
