"""What goes without saying: nothing is lost, nobody is left behind. Unless the scenario says that this is its point."""

from __future__ import annotations

from collections.abc import Sequence

from run_scenario.expectations import Condition, Expectation, Matcher


def _absent(event: str, because: str, *conditions: Condition) -> Expectation:
    matcher = Matcher((Condition("event", "is", event), *conditions))
    return Expectation("absent", matchers=(matcher,), because=because, text=f"absent: {{event: {event}}}")


_IMPLIED = (
    _absent("queue.items_lost", "items that were put on a queue never arrived: their process ended too early"),
    _absent("queue.item_dropped", "an item put on a queue never arrived: it could not be pickled, or was too large"),
    _absent("process.orphaned", "a process was left behind without its parent"),
    _absent("queue.left_over", "a poison pill was left over: nobody took it", Condition("pills", "more_than", 0)),
)


def implied(expectations: Sequence[Expectation]) -> tuple[Expectation, ...]:
    """Return what is expected of every run; what an expectation speaks of by name is its own matter."""
    spoken = {name for each in expectations for matcher in each.matchers_meant() for name in matcher.events or ()}
    if any(_is(each, "no_orphans") for each in expectations):
        spoken.add("process.orphaned")
    return tuple(each for each in _IMPLIED if not spoken.issuperset(each.matchers[0].events or ()))


def _is(expectation: Expectation, pattern: str) -> bool:
    return expectation.pattern == pattern or any(_is(part, pattern) for part in expectation.parts)
