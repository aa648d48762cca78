"""How many of something, in words."""

from __future__ import annotations

_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do"}
_HISSING = ("s", "x", "ch", "sh")


def plural(count: int, noun: str, verb: str = "") -> str:
    """Return `1 item`, `2 items`, `2 processes`; with a verb `1 item is`, `2 items are`, `1 thread waits`."""
    if count != 1:
        noun += "es" if noun.endswith(_HISSING) else "s"
        verb = _VERBS.get(verb, verb.removesuffix("s"))
    return f"{count:,} {noun} {verb}".rstrip(" ")
