"""Valid, unique Python identifiers for what a scenario names freely."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable

_LONGEST = 40
"""Characters beyond which a name is cut: it is to be read in a line of code."""


class Identifiers:
    """Gives each process and resource an identifier of its own, the same one whenever it comes up again."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._used = set(taken)
        self._known: dict[tuple[str, str], str] = {}

    def resource(self, name: str) -> str:
        """Return the identifier of the queue, lock or other resource called `name`; of a pipe's end, `jobs.left`."""
        return self._of("resource", name)

    def process(self, name: str) -> str:
        """Return the identifier of the process called `name`."""
        return self._of("process", name)

    def result(self, pool: str, number: int) -> str:
        """Return the identifier of what will be the result of a pool's call, of which that is the number."""
        key = f"result {number}", pool
        if key not in self._known:
            wanted = f"result_{number}"
            self._known[key] = self.new(wanted if self.is_free(wanted) else f"{self.resource(pool)}_{wanted}")
        return self._known[key]

    def is_free(self, name: str) -> bool:
        """Return whether nothing has that name yet, and something may."""
        return name not in self._used and not keyword.iskeyword(name)

    def new(self, wanted: str) -> str:
        """Return an identifier that nothing else has: `wanted`, or with a number behind it."""
        candidate, number = wanted, 2
        while not self.is_free(candidate):
            candidate, number = f"{wanted}_{number}", number + 1
        self._used.add(candidate)
        return candidate

    def _of(self, kind: str, name: str) -> str:
        known = self._known.get((kind, name))
        if known is None:
            known = self._known[kind, name] = self.new(identifier(name, kind))
        return known


def identifier(name: str, kind: str) -> str:
    """Return an identifier that reads like `name`, or at least like the `kind` of thing that it names."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())
    words = "".join(character if character.isalnum() else " " for character in plain).split()
    joined = "_".join(words)[:_LONGEST].rstrip("_")
    if joined.isidentifier():
        return joined
    longer = f"{kind}_{joined}"
    return longer if words and longer.isidentifier() else kind
