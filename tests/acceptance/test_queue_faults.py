"""What goes wrong on queues is told, and of every item it is known what became of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import Result, expects, scenario

Play = Callable[..., Result]


@pytest.mark.fault("F03", event="queue.item_dropped", status=0)
def test_an_item_that_cannot_be_pickled(play: Play) -> None:
    """put() takes it, the feeder thread drops it: the log says which and why, and the others arrive."""
    result = play(
        scenario(
            {"name": "P", "target": "actors:put_unpicklable", "to": "q", "from": "ack"},
            {"name": "C", "target": "actors:take", "from": "q", "to": {"done": "ack"}, "kwargs": {"count": 2}},
            queues={"q": {}, "ack": {}},
            expect=expects("queue.item_dropped"),
        )
    )
    dropped = result.log.one("queue.item_dropped", "P")
    assert ("q", 2) == (dropped["queue"], dropped["item_id"])
    assert "<lambda>" in dropped["error"]
    assert ["before", "after"] == [e["item"] for e in result.log.all("queue.get", "C")]
    assert (4, 3, 1) == tuple(result.log.finished["counts"][key] for key in ("put", "got", "dropped"))
    assert 0 == result.status


@pytest.mark.parametrize("after", [0, 3])
def test_an_item_that_cannot_be_pickled_at_the_end(play: Play, after: int) -> None:
    """Where the process is already ending, nobody is told: it is dropped, and what comes after it lost."""
    process = {"name": "P", "target": "actors:put_odd_and_return", "to": "q", "kwargs": {"after": after}}
    result = play(scenario(process, queues={"q": {"collect": 1}}, expect=expects("queue.item_dropped")))
    assert 1 == result.log.one("queue.get", "MainProcess")["item_id"]
    assert [] == result.log.all("queue.item_mutated")
    dropped = result.log.one("queue.item_dropped", "P")
    assert ("q", 2) == (dropped["queue"], dropped["item_id"])
    assert "<lambda>" in dropped["error"]
    assert dropped["seq"] < result.log.one("process.exited", "P")["seq"]
    assert after == sum(e["count"] for e in result.log.all("queue.items_lost"))
    assert (2 + after, 1, 1, after) == tuple(
        result.log.finished["counts"][key] for key in ("put", "got", "dropped", "lost")
    )


def test_an_item_whose_pickling_ends_the_thread(play: Play) -> None:
    """SystemExit while an item is pickled ends the queue's thread: it is dropped, and what comes after it lost."""
    processes = (
        {"name": "P", "target": "actors:put_leaving", "to": "q"},
        {"name": "C", "target": "actors:take", "from": "q", "to": {"done": "ack"}, "kwargs": {"count": 2}},
    )
    result = play(scenario(*processes, queues={"q": {}, "ack": {}}))
    dropped = result.log.one("queue.item_dropped", "P")
    assert ("q", 2, "SystemExit: not now") == (dropped["queue"], dropped["item_id"], dropped["error"])
    assert 1 == result.log.one("queue.items_lost", "P")["count"]
    assert (
        "1 dropped, because it could not be pickled (SystemExit: not now)"
        in result.log.one("scenario.stalled")["reason"]
    )


@pytest.mark.parametrize(
    ("before", "words"), [(0, ""), (1, ", although all others were taken and R already waits for")]
)
def test_a_join_for_what_cannot_be_pickled(play: Play, before: int, words: str) -> None:
    """Nobody has taken it, and that is not said of it; who waits in join() learns why it never came."""
    process = {"name": "P", "target": "actors:put_numbers_and_odd", "to": "q", "kwargs": {"count": before}}
    taker = {"name": "R", "steps": [{"repeat": "forever", "steps": [{"get": "q"}, {"task_done": "q"}]}]}
    main = [{"start": "P"}, {"join": "P"}, {"start": "R"}, {"join_queue": "q"}]
    result = play(scenario(process, taker, queues={"q": {"type": "JoinableQueue"}}, main=main))
    stalled = result.log.one("scenario.stalled")
    assert "unfinished_join" == stalled["diagnosis"]["kind"]
    items = "1 of 1 item" if not before else "1 of 2 items"
    assert stalled["reason"].startswith(
        f"the main program waits in q.join() for ever: task_done() is missing for {items}, 1 of which never arrived "
        "(TypeError: cannot pickle 'generator' object), so that nobody can call it for that one"
    )
    assert words in stalled["reason"]
    assert bool(words) == ("taken" in stalled["reason"])


def test_a_question_that_cannot_be_pickled(play: Play) -> None:
    """It is the first thing on its queue, and nobody can go on without it: that is seen at once, with the reason."""
    result = play(
        scenario(
            {
                "name": "Asks",
                "target": "actors:ask_oddly",
                "to": {"requests": "requests"},
                "from": {"answers": "answers"},
            },
            {
                "name": "Answers",
                "target": "actors:answer",
                "from": {"requests": "requests"},
                "to": {"answers": "answers"},
            },
            queues={"requests": {}, "answers": {}},
        )
    )
    stalled, dropped = result.log.one("scenario.stalled"), result.log.one("queue.item_dropped", "Asks")
    assert ("deadlock", "starved_get", 3) == (stalled["cause"], stalled["diagnosis"]["kind"], result.status)
    assert stalled["reason"].startswith("Answers waits for ever for an item from queue 'requests': of 1 put, 1 dropped")
    assert dropped["error"] in stalled["reason"]
    assert dropped["seq"] in {fact["seq"] for fact in stalled["diagnosis"]["facts"]}


def test_an_item_that_cannot_be_done(play: Play) -> None:
    """join() of a JoinableQueue waits for it as for any other: nobody gets it, and nobody can call task_done()."""
    odd = {"name": "P", "target": "actors:put_odd_and_join", "uses": "q"}
    result = play(scenario(odd, queues={"q": {"type": "JoinableQueue"}}))
    stalled = result.log.one("scenario.stalled")
    assert ("deadlock", "unfinished_join") == (stalled["cause"], stalled["diagnosis"]["kind"])
    assert "1 of which never arrived (TypeError: " in stalled["reason"]
    assert "), so that nobody can call it for that one" in stalled["reason"]


@pytest.mark.fault("F04", event="queue.items_lost", status=0)
def test_an_exit_right_after_many_puts(play: Play) -> None:
    """os._exit(0) looks like success and loses items: how many is told, and the sum is right."""
    process = {"name": "P", "target": "actors:put_and_vanish", "kwargs": {"count": 20_000}, "to": "q", "exitcode": 0}
    result = play(scenario(process, queues={"q": {}}, expect=expects("queue.items_lost")))
    log = result.log
    assert (0, "vanished") == (result.status, log.one("process.exited", "P")["cause"])
    lost = log.one("queue.items_lost", "P")["count"]
    left = sum(e["count"] for e in log.all("queue.left_over"))
    assert 20_000 == lost + left == len(log.all("queue.put", "P"))
    assert lost > 0


def test_an_end_that_the_file_does_not_allow(play: Play) -> None:
    """Without `exitcode: 0` the same is no proper end: nothing says that the target returned."""
    process = {"name": "P", "target": "actors:put_and_vanish", "kwargs": {"count": 10}, "to": "q"}
    result = play(scenario(process, queues={"q": {}}))
    assert (1, "failed") == (result.status, result.outcome)


def test_items_that_nobody_takes(play: Play) -> None:
    """They are told at the end, pills among them."""
    process = {"name": "P", "target": "produce", "kwargs": {"count": 12, "poison_pills": 2}, "to": "q"}
    result = play(scenario(process, queues={"q": {}}, expect=expects("queue.left_over")))
    left = result.log.one("queue.left_over")
    assert ("q", 14, 2, list(range(10))) == tuple(left[key] for key in ("queue", "count", "pills", "items"))
    assert (0, "passed") == (result.status, result.outcome)


@pytest.mark.parametrize("kind", ["Queue", "JoinableQueue", "SimpleQueue"])
def test_items_of_all_kinds(play: Play, kind: str) -> None:
    """Every item is shown alike by its put and its get, as JSON in ASCII, whatever it is."""
    queue = {"type": kind, "collect": 12, **({"join": False} if kind == "JoinableQueue" else {})}
    result = play(scenario({"name": "P", "target": "actors:put_many_kinds", "to": "q"}, queues={"q": queue}))
    put, got = result.log.all("queue.put", "P"), result.log.all("queue.get", "MainProcess")
    assert [e["item"] for e in put] == [e["item"] for e in got]
    plain = [None, True, False, 0, -1, 2**62, "<int of 71 bits>", 1.5, "inf", "ä\\ud800\x1b[31m", r"b'\xff'"]
    assert plain == [e["item"] for e in got[:-1]]
    assert [type(item) for item in plain] == [type(e["item"]) for e in got[:-1]]
    assert [1, {"a": {"tuple": []}}] == got[-1]["item"]
    assert list(range(1, 13)) == [e["item_id"] for e in got]


def test_a_timeout_is_told(play: Play) -> None:
    """A get() and a put() that give up say that the queue was empty, or full."""
    result = play(
        scenario(
            {"name": "T", "target": "actors:take_with_timeout", "from": "e", "kwargs": {"seconds": 0.1}},
            {"name": "P", "target": "actors:put_with_timeout", "to": "f", "kwargs": {"seconds": 0.1}},
            queues={"e": {}, "f": {"maxsize": 1}},
        )
    )
    empty, full = result.log.one("queue.empty", "T"), result.log.one("queue.full", "P")
    assert (True, "get", "e") == (empty["empty"], empty["call"], empty["queue"])
    assert (True, "put", "f") == (full["full"], full["call"], full["queue"])
    assert (["Empty"], ["Full"]) == (result.log.output("T"), result.log.output("P"))


def test_waiting_is_measured(play: Play) -> None:
    """A get() that had to wait says for how long; so does a put() that waited for room."""
    result = play(
        scenario(
            {"name": "P", "target": "actors:sleep_then_put", "to": "q", "kwargs": {"seconds": 0.4}},
            {"name": "F", "target": "actors:announce_and_put_two", "to": {"outbox": "b", "told": "told"}},
            {"name": "C", "target": "actors:take_from_who_waits", "from": {"inbox": "b", "told": "told"}},
            queues={"q": {"collect": 1}, "b": {"maxsize": 1}, "told": {}},
        )
    )
    assert 0 == result.status
    assert 0 < result.log.one("queue.put", "F", item="second")["waited"] < result.log.finished["duration"]
    assert 0 == result.log.one("queue.put", "F", item="first")["waited"]


@pytest.mark.campaign
def test_many_items_pass_in_order(play: Play) -> None:
    """Twenty thousand items from two processes arrive once each, each process's own in order."""
    each = 10_000
    result = play(
        scenario(
            {"name": "A", "target": "produce", "to": "q", "kwargs": {"count": each}},
            {"name": "B", "target": "produce", "to": "q", "kwargs": {"count": each}},
            queues={"q": {"collect": 2 * each}},
        )
    )
    by_id = {e["item_id"]: e["process"] for e in result.log.all("queue.put")}
    got: dict[str, list[int]] = {"A": [], "B": []}
    for event in result.log.all("queue.get"):
        got[by_id[event["item_id"]]].append(event["item"])
    assert {"A": list(range(each)), "B": list(range(each))} == got
