"""A step as it is to be written, and how several that belong together become one: `with`, `repeat`, `for`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from run_scenario.report.scenario.yaml_text import WIDTH, comment, flow, indented, parts, remark

_FEWEST = 3
"""Steps that are alike, from which on they are written as a loop."""
_LONGEST_PERIOD = 4
_ITEM = "item"


@dataclass
class Step:
    """One step; without `data` it is only a comment."""

    data: dict[str, Any] = field(default_factory=dict)
    words: str = ""
    """A comment on it."""
    steps: list[Step] = field(default_factory=list)
    locks: str = ""
    """The lock that it acquires, waiting for it."""
    unlocks: str = ""
    only_with: bool = False
    """Whether the lock can be acquired by `with` alone: that of a Value or an Array."""

    def size(self) -> int:
        """Return how many values are in it."""
        return parts(self.data) + sum(step.size() for step in self.steps)

    def lines(self) -> list[str]:
        """Return the lines of it."""
        if not self.data:
            return [comment(self.words)]
        if self.steps:
            (first, value), *others = self.data.items()
            head = [remark(f"- {first}: {flow(value)}", self.words)]
            return [
                *head,
                *(f"  {key}: {flow(each)}" for key, each in others),
                "  steps:",
                *indented(written(self.steps), 4),
            ]
        line = f"- {flow(self.data)}" if len(self.data) > 1 else f"- {flow(self.data)[1:-1]}"
        if self.words and len(line) + len(self.words) > WIDTH - 20:
            return [comment(self.words), line]
        return [remark(line, self.words)]


def written(steps: Sequence[Step]) -> list[str]:
    """Return the lines of steps, of which at least one is more than a comment, as a list needs it."""
    filler = [] if any(step.data for step in steps) else [Step({"sleep": 0}, "nothing else is recorded here")]
    return [line for step in (*steps, *filler) for line in step.lines()]


def arranged(steps: list[Step], families: Mapping[str, list[str]]) -> list[Step]:
    """Return steps in blocks: what is done while a lock is held, and what is done over and over.

    What is done to all of a family, one after the other, is one step.
    """
    for family, names in families.items():
        steps = list(_to_families(steps, family, names))
    return _looped(_nested(steps))


def _to_families(steps: list[Step], family: str, names: list[str]) -> Iterator[Step]:
    at = 0
    while at < len(steps):
        verb, *more = steps[at].data or [""]
        same = [steps[at].data | {verb: name} for name in names]
        if [step.data for step in steps[at : at + len(names)]] == same and not any(
            step.words for step in steps[at : at + len(names)]
        ):
            yield Step({verb: family} | {key: steps[at].data[key] for key in more})
            at += len(names)
        else:
            yield steps[at]
            at += 1


def _nested(steps: Iterable[Step]) -> list[Step]:
    """Return steps with those between acquire and release of a lock in a block of their own."""
    open_blocks: list[tuple[Step | None, list[Step]]] = [(None, [])]

    def dissolve() -> list[Step]:
        acquired, inside = open_blocks.pop()
        assert acquired is not None
        return [_alone(acquired), *inside]

    for step in steps:
        if step.locks:
            open_blocks.append((step, []))
        elif step.unlocks and any(block and block.locks == step.unlocks for block, _ in open_blocks):
            while (innermost := open_blocks[-1][0]) is not None and innermost.locks != step.unlocks:
                inside = dissolve()
                open_blocks[-1][1].extend(inside)
            acquired, inside = open_blocks.pop()
            if inside:
                open_blocks[-1][1].append(Step({"with": step.unlocks}, acquired.words if acquired else "", inside))
            elif acquired is not None:
                open_blocks[-1][1].extend([_alone(acquired), _alone(step)])
        else:
            open_blocks[-1][1].append(_alone(step))
    while len(open_blocks) > 1:
        inside = dissolve()
        open_blocks[-1][1].extend(inside)
    return open_blocks[0][1]


def _alone(step: Step) -> Step:
    """Return a step outside of a block, where a Value's own lock cannot be acquired."""
    if not step.only_with:
        return step
    done = "acquired" if step.locks else "released"
    return Step(words=f"here the lock of {step.locks or step.unlocks} was {done}")


def _looped(steps: list[Step]) -> list[Step]:
    """Return steps with those that are the same, or puts of single values, as loops."""
    for step in steps:
        step.steps = _looped(step.steps)
    found: list[Step] = []
    at = 0
    while at < len(steps):
        period, times = _repetition(steps, at)
        values = list(_values(steps[at:]))
        if period * times >= max(_FEWEST, len(values)):
            found.append(Step({"repeat": times}, steps=steps[at : at + period]))
            at += period * times
        elif len(values) >= _FEWEST:
            (key, _), (_, to) = steps[at].data.items()
            found.append(Step({"for": _ITEM, "in": values}, steps=[Step({key: f"${_ITEM}", "to": to})]))
            at += len(values)
        else:
            found.append(steps[at])
            at += 1
    return found


def _repetition(steps: list[Step], at: int) -> tuple[int, int]:
    """Return how many steps from here on are repeated, and how often they stand there; (1, 1): they are not."""
    best = 1, 1
    for period in range(1, _LONGEST_PERIOD + 1):
        block = steps[at : at + period]
        if len(block) < period or any(not step.data or "next_call" in step.data for step in block):
            break
        times = 1
        while steps[at + period * times : at + period * (times + 1)] == block:
            times += 1
        if times >= _FEWEST and period * times > best[0] * best[1]:
            best = period, times
    return best


def _values(steps: Iterable[Step]) -> Iterator[Any]:
    """Yield the values that are put, one after the other, in the same place."""
    first: Step | None = None
    for step in steps:
        key = next(iter(step.data), "")
        if key not in ("put", "send") or list(step.data) != [key, "to"] or step.words or step.steps:
            return
        value = step.data[key]
        if isinstance(value, dict | list) or (first is not None and step.data["to"] != first.data["to"]):
            return
        if first is not None and key not in first.data:
            return
        first = first or step
        yield value
