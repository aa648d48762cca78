"""The patterns against their definitions, written down naively, on random logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from effort import examples
from expecting import expectations, log
from run_scenario.expect import Judge
from run_scenario.scenario.expectations import Expectation

Event = dict[str, Any]
Naive = Callable[[list[Event], bool], str]

NAMES = {"a": "process.finished", "b": "queue.joined", "c": "event.set", "d": "queue.closed"}
A, B, C, D = (f"{{event: {name}}}" for name in NAMES.values())


def is_(letter: str) -> Callable[[Event], bool]:
    """Return a test for events of a letter."""
    return lambda event: event["event"] == NAMES[letter]


def decided(holds: bool, complete: bool, *, by_prefix: str = "") -> str:
    """Return the verdict; `by_prefix`: the one that no continuation of the log could change."""
    verdict = "passed" if holds else "failed"
    return verdict if complete or verdict == by_prefix else "inconclusive"


def exists(events: list[Event], complete: bool) -> str:
    """Some event is an a."""
    return decided(any(map(is_("a"), events)), complete, by_prefix="passed")


def absent(events: list[Event], complete: bool) -> str:
    """No event is an a."""
    return decided(not any(map(is_("a"), events)), complete, by_prefix="failed")


def count(events: list[Event], complete: bool) -> str:
    """There are two or three a."""
    number = sum(map(is_("a"), events))
    return decided(2 <= number <= 3, complete, by_prefix="failed" if number > 3 else "")


def order(events: list[Event], complete: bool) -> str:
    """a, b, a is a subsequence."""
    found = any(
        is_("a")(x) and is_("b")(y) and is_("a")(z)
        for i, x in enumerate(events)
        for j, y in enumerate(events[i + 1 :], i + 1)
        for z in events[j + 1 :]
    )
    return decided(found, complete, by_prefix="passed")


def precedes(events: list[Event], complete: bool) -> str:
    """Every b has an a before it."""
    holds = all(any(map(is_("a"), events[:i])) for i, e in enumerate(events) if is_("b")(e))
    return decided(holds, complete, by_prefix="failed")


def precedes_same(events: list[Event], complete: bool) -> str:
    """Every b has an a of the same process before it."""
    holds = all(
        any(is_("a")(f) and f["process"] == e["process"] for f in events[:i])
        for i, e in enumerate(events)
        if is_("b")(e)
    )
    return decided(holds, complete, by_prefix="failed")


def leads_to(events: list[Event], complete: bool) -> str:
    """Every a has a b after it."""
    holds = all(any(map(is_("b"), events[i + 1 :])) for i, e in enumerate(events) if is_("a")(e))
    return decided(holds, complete)


def leads_to_within(events: list[Event], complete: bool) -> str:
    """Every a has a b after it, at most 0.25 s later; too late is too late, however the log goes on."""
    end = events[-1]["t"] if events else 0.0
    late = False
    waiting = False
    for i, e in enumerate(events):
        if is_("a")(e):
            answered = any(is_("b")(f) and f["t"] - e["t"] <= 0.25 for f in events[i + 1 :])
            late |= not answered and end - e["t"] > 0.25
            waiting |= not answered
    return decided(not waiting, complete, by_prefix="failed" if late else "")


def same_item(events: list[Event], complete: bool) -> str:
    """Every a is followed by a b of the same process."""
    holds = all(
        any(is_("b")(f) and f["process"] == e["process"] for f in events[i + 1 :])
        for i, e in enumerate(events)
        if is_("a")(e)
    )
    return decided(holds, complete)


def after(events: list[Event], complete: bool) -> str:
    """After the first c there is an a."""
    starts = [i for i, e in enumerate(events) if is_("c")(e)]
    return exists(events[starts[0] + 1 :], complete) if starts else "inconclusive"


def before(events: list[Event], complete: bool) -> str:
    """Before the first d there is no a."""
    ends = [i for i, e in enumerate(events) if is_("d")(e)]
    return absent(events[: ends[0]], True) if ends else "inconclusive"


def stretches(events: list[Event]) -> Iterator[tuple[list[Event], bool]]:
    """Yield what lies from each c to the next d, and whether that d is there."""
    inside: list[Event] | None = None
    for event in events:
        if inside is None:
            inside = [] if is_("c")(event) else None
        elif is_("d")(event):
            yield inside, True
            inside = None
        else:
            inside.append(event)
    if inside is not None:
        yield inside, False


def between(events: list[Event], complete: bool) -> str:
    """In each stretch there is an a; one that is open counts for nothing, but in a log that was cut short."""
    found = list(stretches(events))
    verdicts = [exists(inside, True) for inside, closed in found if closed]
    if "failed" in verdicts:
        return "failed"
    still_open = any(not closed for _, closed in found)
    return "passed" if verdicts and (complete or not still_open) else "inconclusive"


def exclusion(events: list[Event], complete: bool) -> str:
    """From each c to the next d of the same process, no other process has a c without a d; without a c, who knows."""
    inside: set[str] = set()
    for event in events:
        if is_("d")(event):
            inside.discard(event["process"])
        if is_("c")(event):
            inside.add(event["process"])
        if len(inside) > 1:
            return "failed"
    return decided(True, complete) if any(is_("c")(event) for event in events) else "inconclusive"


def concurrency(events: list[Event], complete: bool) -> str:
    """The most processes that were, at one time, between a c and their next d are two; without a c, who knows."""
    inside: list[set[str]] = [set()]
    for event in events:
        ended = {event["process"]} if is_("d")(event) else set()
        began = {event["process"]} if is_("c")(event) else set()
        inside.append(inside[-1] - ended | began)
    most = max(map(len, inside))
    return decided(most == 2, complete, by_prefix="failed" if most > 2 else "") if most else "inconclusive"


def distribution(events: list[Event], complete: bool) -> str:
    """Nobody has more than two a, and somebody has one."""
    numbers = [sum(is_("a")(e) for e in events if e["process"] == name) for name in "ABC"]
    if max(numbers) > 2:
        return "failed"
    return decided(sum(numbers) > 0, complete)


DEFINITIONS: dict[str, Naive] = {
    f"- exists: {A}": exists,
    f"- absent: {A}": absent,
    f"- {{count: {A}, at_least: 2, at_most: 3}}": count,
    f"- order: [{A}, {B}, {A}]": order,
    f"- precedes: [{A}, {B}]": precedes,
    f"- {{precedes: [{A}, {B}], same: process}}": precedes_same,
    f"- leads_to: [{A}, {B}]": leads_to,
    f"- {{leads_to: [{A}, {B}], within: 0.25}}": leads_to_within,
    f"- {{leads_to: [{A}, {B}], same: process}}": same_item,
    f"- {{exists: {A}, after: {C}}}": after,
    f"- {{absent: {A}, before: {D}}}": before,
    f"- {{exists: {A}, between: [{C}, {D}]}}": between,
    f"- mutual_exclusion: {{from: {C}, to: {D}}}": exclusion,
    f"- {{concurrency: {{from: {C}, to: {D}}}, is: 2}}": concurrency,
    f"- {{distribution: {A}, at_most: 2}}": distribution,
}
KLEENE = {
    "all_of": lambda x, y: "failed" if "failed" in (x, y) else "inconclusive" if "inconclusive" in (x, y) else "passed",
    "any_of": lambda x, y: "passed" if "passed" in (x, y) else "inconclusive" if "inconclusive" in (x, y) else "failed",
}
COMPILED: dict[Expectation, Naive] = {expectations(text)[0]: naive for text, naive in DEFINITIONS.items()}
LOGS = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("abcd")), max_size=14)


def made(letters: list[tuple[str, str]]) -> list[Event]:
    """Return a log of letters."""
    return log(*((process, NAMES[letter]) for process, letter in letters))


@examples(400)
@given(LOGS, st.booleans(), st.integers(1, 14))
@example([("A", "c"), ("A", "a"), ("A", "d"), ("A", "c"), ("A", "d")], True, 2)
def test_every_pattern_is_what_it_is_defined_to_be(letters: list[tuple[str, str]], complete: bool, batch: int) -> None:
    """One pass, in whatever batches the events come, finds what the definition says of the whole log."""
    events = made(letters)
    judge = Judge(list(COMPILED), names_are_checked=True)
    for i in range(0, len(events), batch):
        judge.take(events[i : i + batch])
    verdicts = {v.expectation: v.result for v in judge.finish(complete)}
    assert {e: naive(events, complete) for e, naive in COMPILED.items()} == {e: verdicts[e] for e in COMPILED}


@examples(200)
@given(LOGS, st.booleans(), st.sampled_from(sorted(KLEENE)), st.sampled_from(range(4)), st.sampled_from(range(4)))
def test_logic(letters: list[tuple[str, str]], complete: bool, pattern: str, first: int, second: int) -> None:
    """all_of, any_of and not are those of three-valued logic."""
    simple = [(text.removeprefix("- "), naive) for text, naive in list(DEFINITIONS.items())[:6]]
    (x_text, x), (y_text, y) = simple[first], simple[second]
    x_text, y_text = (t if t.startswith("{") else f"{{{t}}}" for t in (x_text, y_text))
    both, negated = expectations(f"- {pattern}: [{x_text}, {y_text}]\n- not: {x_text}")
    events = made(letters)
    judge = Judge([both, negated])
    judge.take(events)
    results = [v.result for v in judge.finish(complete)]
    opposite = {"passed": "failed", "failed": "passed", "inconclusive": "inconclusive"}
    expected = [KLEENE[pattern](x(events, complete), y(events, complete)), opposite[x(events, complete)]]
    assert expected == results


PUTS = st.lists(st.tuples(st.sampled_from(("put", "get")), st.sampled_from("AB"), st.integers(1, 5)), max_size=12)


@examples(150)
@given(PUTS)
def test_queues_are_kept_book_of(deeds: list[tuple[str, str, int]]) -> None:
    """conserved and fifo find what counting by hand finds."""
    events, known = [], set()
    for deed, who, number in deeds:
        if deed == "put" and number in known:
            continue  # an item's number is given once
        known |= {number} if deed == "put" else set()
        events.append((who, f"queue.{deed}", {"queue": "q", "item_id": number}))
    judge = Judge(expectations("- conserved: q\n- fifo: q"))
    judge.take(log(*events))
    conserved, fifo = (v.result for v in judge.finish(True))
    conserved_so_far, fifo_so_far = (v.result for v in judge.finish(False))
    seen = [(e[1], e[2]["item_id"]) for e in events]
    puts = [i for e, i in seen if e == "queue.put"]
    gets = [i for e, i in seen if e == "queue.get"]
    balanced = sorted(puts) == sorted(gets) and all(
        seen.index(("queue.put", i)) < seen.index(("queue.get", i)) for i in puts
    )
    if not seen:  # the queue never took part
        assert ("inconclusive", "inconclusive") == (conserved, fifo)
        return
    assert ("passed" if balanced else "failed") == conserved
    invented = any(
        deed == "queue.get" and (("queue.put", i) not in seen[:index] or ("queue.get", i) in seen[:index])
        for index, (deed, i) in enumerate(seen)
    )
    assert ("failed" if invented else "inconclusive") == conserved_so_far
    in_order = True
    for consumer in "AB":
        for producer in "AB":
            lines: list[int] = []
            taken: set[int] = set()
            for index, (who, event, fields) in enumerate(events):
                number = fields["item_id"]
                put = next((k for k, e in enumerate(events[:index]) if e[1:] == ("queue.put", fields)), None)
                if event == "queue.get" and put is not None and number not in taken:
                    taken.add(number)
                    if who == consumer and events[put][0] == producer:
                        lines.append(put)
            in_order &= all(a < b for a, b in pairwise(lines))
    assert ("passed" if in_order else "failed") == fifo
    assert ("inconclusive" if in_order else "failed") == fifo_so_far


LIVES = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(("started", "exited", "output"))), max_size=12)


def intervals(events: list[Event], process: str, end: float) -> Iterator[tuple[float, float, bool]]:
    """Yield beginning and end of each life of a process, and whether it came to its end."""
    began: float | None = None
    for each in events:
        if each["process"] != process:
            continue
        if each["event"] == "process.started" and began is None:
            began = each["t"]
        elif each["event"] == "process.exited" and began is not None:
            yield began, each["t"], True
            began = None
    if began is not None:
        yield began, end, False


@examples(300)
@given(LIVES, st.booleans())
def test_lives(deeds: list[tuple[str, str]], complete: bool) -> None:
    """overlap and duration are what comparing every life with every other says."""
    events = log(*((who, f"process.{deed}", {"exitcode": 0}) for who, deed in deeds), ("C", "process.output"))
    end = events[-1]["t"]
    first, second = (list(intervals(events, name, end)) for name in "AB")
    together = any(min(a[1], b[1]) > max(a[0], b[0]) for a in first for b in second)
    assert decided(together, complete, by_prefix="passed") == judge("- overlap: [A, B]", events, complete)
    opposite = {"passed": "failed", "failed": "passed", "inconclusive": "inconclusive"}
    both = judge("- not: {overlap: [A, B]}", events, complete)
    lived = first and second  # otherwise nothing could have overlapped
    assert both == (opposite[decided(together, complete, by_prefix="passed")] if lived else "inconclusive")
    too_long = any(stop - start > 0.25 for start, stop, _ in first)
    done = bool(first) and all(ended for *_, ended in first)
    expected = "failed" if too_long else decided(done, complete)
    assert expected == judge("- {duration: A, at_most: 0.25}", events, complete)


def judge(text: str, events: list[Event], complete: bool, *, names_are_checked: bool = False) -> str:
    """Return the verdict on an expectation."""
    judge = Judge(expectations(text), names_are_checked=names_are_checked)
    judge.take(events)
    return judge.finish(complete)[0].result


@examples(200)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from((0, 1, -9))), max_size=5), st.booleans())
def test_exit_codes_of_restarted_processes(ends: list[tuple[str, int]], complete: bool) -> None:
    """Where each end but the last is followed by another start, exitcodes judges the last one."""
    last = dict(ends)
    events = []
    for index, (who, code) in enumerate(ends):
        events.append((who, "process.exited", {"exitcode": code}))
        if who in dict(ends[index + 1 :]):
            events.append((who, "process.restarting", {"exitcode": code}))
    wrong = any(code not in {"A": (0,), "B": (0, 1)}[who] for who, code in last.items())
    expected = "failed" if wrong else "passed" if len(last) == 2 else decided(False, complete)
    assert expected == judge("- exitcodes: {A: 0, B: [0, 1]}", log(*events), complete)


@examples(200)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from((0, 1, -9))), max_size=5), st.booleans())
def test_exit_codes(ends: list[tuple[str, int]], complete: bool) -> None:
    """exitcodes fails with the first wrong one, and waits for those that are missing."""
    events = log(*((who, "process.exited", {"exitcode": code}) for who, code in ends))
    right = {"A": (0,), "B": (0, 1)}
    wrong = any(code not in right[who] for who, code in ends)
    missing = {"A", "B"} - {who for who, _ in ends}
    expected = "failed" if wrong else "passed" if not missing else decided(False, complete)
    assert expected == judge("- exitcodes: {A: 0, B: [0, 1]}", events, complete)
    orphans = log(*((who, "process.orphaned") for who, code in ends if code == -9))
    assert decided(not orphans, complete, by_prefix="failed") == judge("- no_orphans: true", orphans, complete)


_DEEDS = ("put", "get", "released", "acquired", "cause", "effect")
CAUSES = st.lists(
    st.tuples(
        st.sampled_from("ABC"), st.sampled_from(("put", "get", "released", "acquired", "x", "y")), st.integers(1, 3)
    ),
    max_size=14,
)


DEPENDENT = [
    ("queue.put", "lock.acquired", ""),
    ("lock.released", "queue.get", "process"),
    ("queue.put", "queue.get", "item_id"),
]
"""Earlier event, later event, field that they share: of both there may be many."""


def caused(events: list[Event], earlier: int, later: int) -> bool:
    """Return whether one event is among the causes of another: by a path through the whole graph of causes."""
    reached = {earlier}
    for j in range(earlier + 1, later + 1):
        b = events[j]
        for i in range(j):
            a = events[i]
            same_process = a["process"] == b["process"]
            name, other = a["event"], b["event"]
            item = (name, other) == ("queue.put", "queue.get") and a["item_id"] == b["item_id"]
            lock = (name, other) == ("lock.released", "lock.acquired")
            if i in reached and (same_process or item or lock):
                reached.add(j)
    return later in reached


@examples(500)
@given(st.sampled_from("AB"), CAUSES, st.sampled_from("ABC"))
@example("A", [("A", "put", 1), ("B", "get", 1), ("B", "released", 1), ("C", "acquired", 1)], "C")
def test_causes(first: str, between: list[tuple[str, str, int]], last: str) -> None:
    """happens_before is reachability in the graph of causes."""
    deeds = [(first, "cause", 1), *between, (last, "effect", 1)]
    made: list[tuple[str, str, dict[str, Any]]] = []
    put: set[int] = set()
    got: set[int] = set()
    for who, deed, number in deeds:
        if deed in ("cause", "effect"):
            made.append((who, "process.output", {"text": deed}))
        elif deed in ("released", "acquired"):
            made.append((who, f"lock.{deed}", {"lock": "gate"}))
        elif (deed == "put" and number not in put) or (deed == "get" and number in put - got):
            (put if deed == "put" else got).add(number)
            made.append((who, f"queue.{deed}", {"queue": "q", "item_id": number}))
    events = log(*made)
    x, y = ([i for i, e in enumerate(events) if e.get("text") == letter] for letter in ("cause", "effect"))
    holds = all(any(i < j and caused(events, i, j) for i in x) for j in y)
    text = "- happens_before: [{event: process.output, text: cause}, {event: process.output, text: effect}]"
    assert ("passed" if holds else "failed") == judge(text, events, True, names_are_checked=True)
    for earlier, later, same in DEPENDENT:
        x, y = ([i for i, e in enumerate(events) if e["event"] == name] for name in (earlier, later))
        holds = all(
            any(events[i][same] == events[j][same] and caused(events, i, j) for i in x if i < j)
            if same
            else any(caused(events, i, j) for i in x if i < j)
            for j in y
        )
        shared = f", same: {same}" if same else ""
        text = f"- {{happens_before: [{{event: {earlier}}}, {{event: {later}}}]{shared}}}"
        assert decided(holds, True) == judge(text, events, True, names_are_checked=True)
        found = judge(text, events, False, names_are_checked=True)
        assert decided(holds, False, by_prefix="failed") == found
