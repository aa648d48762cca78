"""The log as JSON Lines: ASCII only, finite numbers, one object per line, rendered by structlog.

structlog's renderer is called directly with a serializer that is built once: about 3 µs an event, where a logger per
event with its processors and its own write costs 15. Where orjson is installed (the extra `fast`), it is 1 µs.
"""

from __future__ import annotations

import functools
import json.encoder
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from run_scenario.errors import MachineryError

if TYPE_CHECKING:
    from structlog.processors import JSONRenderer

_DEEPEST = 50
"""Levels of nesting beyond which an odd value is written as text."""


class Writer(Protocol):
    """What takes the rendered lines: an `outputs.Output`, or a list in a test."""

    def write(self, data: bytes) -> None:
        """Write all of `data`."""

    def close(self) -> None:
        """Finish."""


class JsonLines:
    """A sink that renders each batch once and writes it to every output with one call each."""

    shows_progress = False

    def __init__(self, outputs: Sequence[Writer]) -> None:
        self._outputs = list(outputs)
        self._failed: list[Writer] = []
        self._renderer: JSONRenderer | None = None
        self.written = 0
        """Bytes of log so far."""

    @property
    def goes_on(self) -> bool:
        """Whether there are outputs that have not failed."""
        return bool(self._outputs)

    def open(self) -> None:
        """Import structlog, while the processes start."""
        if self._renderer is None:
            self._renderer = _renderer()

    def write(self, events: list[dict[str, Any]]) -> None:
        """Render and write the events; an output that fails is not written to again, the others are.

        Raises:
            MachineryError: one of them could not be written.
            BrokenPipeError: nobody reads one of them any more.
        """
        if not events or not self._outputs:
            return
        self.open()
        data = render(events, self._renderer)
        self.written += len(data)
        failure: Exception | None = None
        for output in tuple(self._outputs):
            try:
                output.write(data)
            except (MachineryError, BrokenPipeError) as error:
                self._outputs.remove(output)
                self._failed.append(output)
                failure = failure or error
        if failure is not None:
            raise failure

    def tick(self, state: object) -> None:
        """Nothing: a program that reads the log is not told that nothing happens."""

    def close(self) -> None:
        """Close the outputs."""
        for output in (*self._outputs, *self._failed):
            output.close()


def render(events: Sequence[dict[str, Any]], renderer: JSONRenderer | None = None) -> bytes:
    """Return the events as JSON Lines."""
    renderer = renderer or _renderer()
    lines = [str(renderer(None, "", event)) for event in events]
    lines.append("")
    return "\n".join(lines).encode("ascii")


def _renderer() -> JSONRenderer:
    return _import_renderer()(serializer=_serializer())


def _import_renderer() -> type[JSONRenderer]:
    """Import structlog, without rich and asyncio if nobody has imported those yet.

    structlog imports rich, where it is installed, for tracebacks, and asyncio for loggers that are awaited: neither is
    used here, and together they cost twice as much as the rest. None in `sys.modules` is Python's documented way to say
    "not installed"; asyncio is needed by name, and so is imported by its stand-in should it ever be asked for anything
    but whether a task is running, which `logging` asks of each record from Python 3.12 on.
    """
    asyncio = _lazy("asyncio")
    asyncio.current_task = lambda: None  # type: ignore[attr-defined]
    stand_ins = {"rich": None, "asyncio": asyncio} if "structlog" not in sys.modules else {}
    absent = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        from structlog.processors import JSONRenderer
    finally:
        for name, module in absent.items():
            if sys.modules.get(name) is module:
                sys.modules.pop(name, None)
    return JSONRenderer


def _lazy(name: str) -> ModuleType:
    """Return what looks like a module, and imports the real one when something of it is used.

    It may stand in for that one in `sys.modules` and then makes room for it: otherwise it would import itself.
    """
    module = ModuleType(name)

    def of_the_real_one(attribute: str) -> Any:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    module.__getattr__ = of_the_real_one  # type: ignore[method-assign]
    return module


def _serializer() -> Callable[..., str]:
    """Return what turns an event into a line; it never raises, whatever the event holds."""
    encode, fast = _encoder(), _fast_encoder()

    def serialize(event: dict[str, Any], **_: Any) -> str:
        try:
            return encode(event)
        except (ValueError, TypeError, RecursionError):
            return encode(_finite(event))

    if fast is None:
        return serialize

    def serialize_fast(event: dict[str, Any], **_: Any) -> str:
        try:
            line = fast(event)
        except (ValueError, TypeError, RecursionError):
            return serialize(event)
        # It escapes only what JSON demands, not even DEL, and says null for a nan: such events, and some that only look
        # like it, go the other way.
        # The bytes are not kept: each was made in a block of a kilobyte, and thousands of those cost 5 µs each.
        plain = line.isascii() and b"null" not in line and b"\x7f" not in line
        return line.decode("ascii") if plain else serialize(event)

    return serialize_fast


def _fast_encoder() -> Callable[[Any], bytes] | None:
    """Return orjson's encoder for plain data; None where it is not installed."""
    try:
        import orjson
    except ImportError:
        return None
    option = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
    return functools.partial(orjson.dumps, option=option)


def _encoder() -> Callable[[Any], str]:
    # json.dumps and JSONEncoder.encode build a new C encoder for each call; this one is built once. Without the C
    # accelerator (PyPy), the ordinary encoder serves.
    make_encoder = getattr(json.encoder, "c_make_encoder", None)
    if make_encoder is None:
        return json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=repr).encode
    c_encode = make_encoder(None, repr, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False)
    return lambda event: "".join(c_encode(event, 0))


def _finite(item: Any, depth: int = 0) -> Any:
    """Return `item` with everything that JSON cannot say (nan, infinities, odd keys, cycles) as text."""
    if item is None or isinstance(item, bool | str):
        return item
    if isinstance(item, int):
        return item if item.bit_length() <= 1024 else hex(item)
    if isinstance(item, float):
        return item if math.isfinite(item) else repr(item)
    if depth > _DEEPEST:
        return "…"
    if isinstance(item, Mapping):
        return {key if isinstance(key, str) else repr(key): _finite(value, depth + 1) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_finite(value, depth + 1) for value in item]
    return repr(item)
