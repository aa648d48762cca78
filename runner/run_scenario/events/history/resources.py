"""What processes share, and what became of it.

Through a queue, or one direction of a pipe, items go: how many, who put and got them, what is on its way. Of everything
else it is known who used it: of locks and semaphores, who held them; of pools, what they have done.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import UNSET, Struct, field

from run_scenario.events.history.rows import Rows
from run_scenario.scenario.data import in_words

MOST_ITEMS = 12
"""Of one queue, that are named; of more, the counts say enough."""
_WIDEST = 16
"""Characters of an item that is named."""

P = TypeVar("P")


class Message(NamedTuple):
    """An item on its way through a queue or a pipe."""

    put: float
    got: float
    producer: str
    consumer: str
    channel: str
    item: Any


class Sent(NamedTuple):
    """An item that was put, as far as its get needs to know."""

    t: float
    producer: str
    item: Any


class Depth(NamedTuple):
    """That the length of a queue has changed."""

    t: float
    depth: int
    """What was put and not got yet."""


class ConsumerStatistics(Struct):
    """What one process took from one queue: poison pills are counted apart from items."""

    count: int = 0
    """Items but poison pills."""
    pills: int = 0
    first: list[str] = field(default_factory=list)
    """The first of these items, but those that are too long to be named."""

    def take(self, item: Any) -> None:
        """Note one more item, as the log has it: None is a poison pill."""
        if item is None:
            self.pills += 1
            return
        self.count += 1
        if self.count <= MOST_ITEMS:
            text = item if isinstance(item, str) else in_words(item)
            if len(text) <= _WIDEST:
                self.first.append(text)


class Channel(Struct, Generic[P]):
    """What went through a queue, or in one direction through a pipe.

    `P` is what a put is for whoever needs it when its item is got.
    """

    name: str
    kind: str = "queue"
    resource: str = ""
    """The queue or the pipe itself; the name of a pipe's direction has the end that sends, too."""
    maxsize: int = 0
    """How many it holds at most; 0: it has no bound."""
    put: int = 0
    got: int = 0
    missing: int = 0
    """Dropped or lost: put, but never arrived."""
    left: int | None = None
    items_left: list[Any] = field(default_factory=list)
    on_the_way: dict[Any, P] = field(default_factory=dict)
    """Id of an item -> its put, of those that were not got yet."""
    producers: Counter[str] = field(default_factory=Counter)
    consumers: defaultdict[str, ConsumerStatistics] = field(default_factory=lambda: defaultdict(ConsumerStatistics))
    depths: Rows[Depth] = field(default_factory=lambda: Rows(Depth))
    most: int = 0
    matched: int = 0
    """Gets whose put is known."""
    seconds_on_the_way: float = 0.0
    """That these items together spent between put and get."""
    longest: float = 0.0

    def add_put(self, item_id: object, put: P | None) -> None:
        """Note that an item was put; `put` is what its get is to be given, if anybody needs that."""
        self.put += 1
        if put is not None:
            self.on_the_way[item_id] = put

    def add_get(self, item_id: object) -> P | None:
        """Note that an item was got; return its put, if that is known."""
        self.got += 1
        return self.on_the_way.pop(item_id, None)

    def add_way(self, seconds: float) -> None:
        """Note how long an item was on its way."""
        self.matched += 1
        self.seconds_on_the_way += seconds
        if seconds > self.longest:
            self.longest = seconds

    @property
    def depth(self) -> int:
        """How many are in it: who could put one more than it holds was let in by a get that is logged only after it."""
        depth = self.put - self.got - self.missing
        if depth < 0:
            return 0
        return self.maxsize if 0 < self.maxsize < depth else depth

    def note_depth(self, t: float) -> None:
        """Note how long it is now."""
        depth = self.depth
        if depth > self.most:
            self.most = depth
        self.depths.append(Depth(t, depth))

    @property
    def remaining(self) -> int:
        """Items that nobody took."""
        return max(0, self.put - self.got - self.missing) if self.left is None else self.left

    @property
    def mean(self) -> float | None:
        """Seconds that an item was on its way, on average."""
        return self.seconds_on_the_way / self.matched if self.matched else None

    def levels(self, first: float, last: float) -> Iterator[tuple[float, float, int]]:
        """Yield from when to when it had which length, from `first` to `last`, and from its first event on."""
        start, depth = -math.inf, -1
        for t, after in chain(self.depths, [(math.inf, 0)]):
            begin, end = max(start, first), min(t, last)
            if depth >= 0 and begin <= end and (t > first or start >= first):
                yield begin, end, depth
            start, depth = t, after


class Resource(Struct):
    """Anything that processes share and that nothing goes through: a lock, an event, a value, a pool."""

    name: str
    kind: str
    users: Counter[str] = field(default_factory=Counter)
    """Process -> how often it used it: acquired a lock, passed a barrier, did a task of a pool; 0 if it only tried."""


class Content(Struct):
    """What a shared value or array holds, and what was done to it."""

    first: Any = UNSET
    """What it held when it was first seen; not set: it was not, as a whole."""
    last: Any = UNSET
    written: int = 0
    """How often it, or an element of it, was written."""
    overwritten: int = 0
    """How often that destroyed what another process had written meanwhile."""

    def see(self, content: Any) -> None:
        """Note what it holds."""
        self.last = content
        if self.first is UNSET:
            self.first = content


class LockHold(NamedTuple):
    """That a process held a lock or a semaphore."""

    resource: str
    holder: str
    start: float
    end: float
    released: bool = True


class PoolWork(Struct):
    """What a pool has done."""

    is_executor: bool = False
    tasks: int = 0
    failed: int = 0
    lost: int = 0
    """Tasks that were lost with their worker."""
    done_by: Counter[str] = field(default_factory=Counter)
