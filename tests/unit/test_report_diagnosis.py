"""The sentences about deadlocks that are made by hand: they say what the facts decide, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from made import Q, make_scenario, spec
from stalls import Frame, happened, ledger, sentence, stall, waiting

from run_scenario.events.diagnosis.reports import Waiting, read_reports
from run_scenario.events.queue_ledger import QueueLedger
from run_scenario.recording import codes, layout
from run_scenario.recording.process_report import ProcessReport
from run_scenario.report.diagnosis import explain
from run_scenario.runtime.primitives import sync
from run_scenario.scenario.expressions import parse
from run_scenario.scenario.model import (
    PipeSpec,
    PoolCall,
    PoolSpec,
    QueueSpec,
    ResourceBinding,
    Scenario,
    SharedSpec,
    Step,
    SyncSpec,
)

JOINED = QueueSpec(name="q", type="JoinableQueue")
TAKER = spec("C", "consume", bindings=(ResourceBinding("inbox", "q", "from"),))
OTHER = spec("D", "consume", bindings=(ResourceBinding("inbox", "q", "from"),))
MAIN = waiting("MainProcess", codes.W_JOIN_PROCESS, 0, pid=2)


def unreadable(books: QueueLedger) -> QueueLedger:
    """Return the books after the last item was taken, and could not be unpickled."""
    books.record_unreadable(next(iter(books.outstanding)), "C")
    return books


REASONS = [
    (
        ledger(Q),
        [MAIN, waiting("C", codes.W_GET, 0)],
        [],
        "C waits for ever for an item from queue 'q', on which nobody ever put one",
    ),
    (ledger(Q, 3, 3), [waiting("C", codes.W_GET, 0)], [], "all 3 items put are taken"),
    (
        ledger(Q, 3, 3),
        [waiting("C", codes.W_GET, 0), waiting("D", codes.W_GET, 0)],
        [],
        "C and D wait for ever for an item",
    ),
    (
        ledger(Q, 3, 2, by=9),
        [waiting("C", codes.W_GET, 0)],
        [],
        "from queue 'q': of 3 put, 2 taken and 1 broken off while it was being written, and nobody is left",
    ),
    (ledger(Q, 3, 2, by=1), [waiting("C", codes.W_GET, 0)], [], "nobody can ever move again"),
    (
        unreadable(ledger(Q, 2, 1)),
        [waiting("C", codes.W_GET, 0)],
        [],
        "of 2 put, 1 taken and 1 taken and lost, because it could not be unpickled, and nobody is left",
    ),
    (
        ledger(JOINED, 3, 0),
        [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)],
        ["C"],
        "the main program waits in q.join() for ever: task_done() is missing for 3 of 3 items, "
        "and nobody is left to take them: C has already ended",
    ),
    (
        ledger(JOINED, 3, 3, 1),
        [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)],
        ["C"],
        "2 of 3 items: C ended without calling it for every item taken",
    ),
    (
        ledger(Q, 2, 0, by=7),
        [MAIN, waiting("P", codes.W_EXIT, pid=7)],
        [],
        "P cannot end: it has put items on queue 'q' that do not fit into its pipe",
    ),
    (
        ledger(QueueSpec(name="q", maxsize=2), 2),
        [MAIN, waiting("P", codes.W_PUT, 0)],
        ["C"],
        "P waits for ever for room in queue 'q' (maxsize 2, 2 in it): nobody is left who takes from it, "
        "since C has ended",
    ),
    (ledger(QueueSpec(name="q", type="SimpleQueue"), 2), [waiting("P", codes.W_PUT, 0)], ["C"], "its pipe is full"),
]


@pytest.mark.parametrize(("books", "who", "ended", "words"), REASONS)
def test_a_deadlock_is_explained(books: QueueLedger, who: list[Waiting], ended: list[str], words: str) -> None:
    """The sentence names who waits for what and why it will not come."""
    assert words in sentence(make_scenario(TAKER, queues=[books.spec]), who, ledgers=[books], ended=ended)


def test_what_the_facts_do_not_decide() -> None:
    """Where no rule applies, it is said who waits for what, and no cause is claimed."""
    stalled = stall(make_scenario(TAKER, queues=[Q]), [MAIN, waiting("C", codes.W_TASK, 0)], ledgers=[ledger(Q)])
    assert "unknown" == stalled.diagnosis.kind
    assert (
        "nobody can ever move again: the main program waits for the end of C; C waits for its turn to call task_done() "
        "on queue 'q'"
    ) == explain(stalled)[0]


def relay(name: str, inbox: str, outbox: str) -> Any:
    """Return a process that takes from one queue and puts on another."""
    return spec(
        name, "reply", bindings=(ResourceBinding("inbox", inbox, "from"), ResourceBinding("outbox", outbox, "to"))
    )


RELAYS = [relay("A", "a", "b"), relay("B", "b", "c"), relay("C", "c", "a")]


def test_a_circle_is_explained() -> None:
    """Processes that wait for an item from one another are told as a circle, and only while all of them wait."""
    queues = [QueueSpec(name=name) for name in "abc"]
    scenario = make_scenario(*RELAYS, queues=queues)
    who = [waiting(name, codes.W_GET, number) for number, name in enumerate("ABC")]
    books = [ledger(queue) for queue in queues]
    assert (
        "A, C and B wait for each other in a circle: A for an item from queue 'a', which C would put; "
        "C for an item from queue 'c', which B would put; B for an item from queue 'b', which A would put"
    ) == sentence(scenario, who, ledgers=books)
    assert "circle" not in sentence(scenario, who[:2], ledgers=books, ended=["C"])


def locked(*processes: Any, queues: Sequence[QueueSpec] = (), main: Any = None, **types: str) -> Scenario:
    """Return a scenario with synchronization objects, by their types."""
    objects = tuple(SyncSpec(name=name, type=kind) for name, kind in types.items())  # type: ignore[arg-type]
    return make_scenario(*processes, queues=queues).replace(sync=objects, main=main)


def test_a_circle_across_kinds() -> None:
    """Who holds a lock waits for room in a queue, and who would make room waits for the lock: both are named."""
    box = QueueSpec(name="box", maxsize=1)
    requester = spec("R", bindings=(ResourceBinding("lock", "gate", "uses"), ResourceBinding("box", "box", "to")))
    collector = spec("C", bindings=(ResourceBinding("lock", "gate", "uses"), ResourceBinding("box", "box", "from")))
    scenario = locked(requester, collector, queues=[box], gate="Lock")
    who = [MAIN, waiting("R", codes.W_PUT, 0), waiting("C", codes.W_ACQUIRE, 1)]
    assert (
        "R and C wait for each other in a circle: R for room in queue 'box' (maxsize 1, 1 in it), from which C would "
        "take; C for lock 'gate', which R holds"
    ) == sentence(scenario, who, ledgers=[ledger(box, 1)], holders={1: ["R"]})


def test_locks_in_a_circle() -> None:
    """Of locks it is said who holds which and waits for which."""
    scenario = locked(spec("A"), spec("B"), left="Lock", right="Lock")
    who = [waiting("A", codes.W_ACQUIRE, 1), waiting("B", codes.W_ACQUIRE, 0)]
    assert (
        "deadlock: A holds 'left' and waits for 'right', B holds 'right' and waits for 'left': none of them can go on"
    ) == sentence(scenario, who, holders={0: ["A"], 1: ["B"]})


def test_the_main_program_would_do_it_too_late() -> None:
    """What it still has to do is known: it would take from the queue, but waits for who waits for that."""
    results = QueueSpec(name="q", maxsize=3)
    devices = [spec(f"D-{n}", bindings=(ResourceBinding("results", "q", "to"),)) for n in (1, 2)]
    steps = (Step("start", "D-1"), Step("start", "D-2"), Step("join", "D-1"), Step("join", "D-2"), Step("get", "q"))
    who = [MAIN, waiting("D-1", codes.W_PUT, 0), waiting("D-2", codes.W_PUT, 0)]
    scenario = make_scenario(*devices, queues=[results]).replace(main=steps)
    assert (
        "D-1 and D-2 wait for ever for room in queue 'q' (maxsize 3, 3 in it): the main program would take from it, "
        "but first it waits for the end of D-1"
    ) == sentence(scenario, who, ledgers=[ledger(results, 3)])
    never = scenario.replace(main=steps[:-1])
    assert "nobody is left who takes from it" in sentence(never, who, ledgers=[ledger(results, 3)])


def test_it_is_not_known_whether_a_step_is_over() -> None:
    """Where the same is done twice, a step between the two is neither promised nor denied."""
    steps = (Step("join", "W", options={"timeout": 1}), Step("set", "go"), Step("join", "W"))
    scenario = locked(spec("W", bindings=(ResourceBinding("event", "go", "uses"),)), main=steps, go="Event")
    who = [MAIN, waiting("W", codes.W_EVENT, 0)]
    assert ("W waits for ever for event 'go': the main program, who could set it, waits for the end of W") == sentence(
        scenario, who
    )
    others = scenario.replace(processes=(spec("V"), *scenario.processes))
    repeated = others.replace(main=(Step("join", "V", options={"timeout": 1}), Step("set", "go"), Step("join", "V")))
    assert sentence(repeated, who) == (
        "W waits for ever for event 'go': it is not known whether the main program, which waits for the end of V, "
        "would set it"
    )


def test_a_held_lock_says_what_its_holder_waits_for() -> None:
    """That it is never released follows from what its holder is blocked in."""
    scenario = locked(spec("A"), spec("B"), gate="Lock", go="Event")
    who = [waiting("A", codes.W_ACQUIRE, 0), waiting("B", codes.W_EVENT, 1)]
    assert ("A waits for ever for lock 'gate', held by B, which waits for event 'go' to be set") == sentence(
        scenario, who, holders={0: ["B"]}
    )
    itself = sentence(scenario, [waiting("A", codes.W_ACQUIRE, 0)], holders={0: ["A"]})
    assert "A waits for ever for lock 'gate', which it holds itself: an RLock could be acquired again" == itself
    both = sentence(scenario, [waiting(name, codes.W_ACQUIRE, 0) for name in "BA"], holders={0: ["A"]})
    assert itself == both
    beside = sentence(scenario, [waiting("A", codes.W_ACQUIRE, 0).replace(threads=2)], holders={0: ["A"]})
    assert "A waits for ever for lock 'gate', which a thread of A itself holds" == beside
    ended = sentence(scenario, [waiting("A", codes.W_ACQUIRE, 0)], holders={0: ["B"]}, ended=["B"])
    assert "A waits for ever for lock 'gate': B ended without releasing it" == ended


@pytest.mark.parametrize(
    ("step", "could"),
    [
        (Step("acquire", "ready"), False),
        (Step("release", "other"), False),
        (Step("release", "ready"), True),
        (Step("with", "ready"), True),
        (Step("try", steps=(Step("repeat", steps=(Step("release", "ready"),)),)), True),
        (Step("try", otherwise=(Step("finally", steps=(Step("release", "ready"),)),)), True),
        (Step("release", parse("${name}")), True),
        (Step("call", argument="actors:anything"), True),
        (Step("call", argument="count_primes"), False),
        (None, True),
    ],
)
def test_steps_say_who_could_release(step: Step | None, could: bool) -> None:
    """A process with steps does what these do, and no more; of any other, and of what is computed, it is not known."""
    uses = (ResourceBinding("ready", "ready", "uses"),)
    other = spec("B", bindings=uses, steps=() if step is None else (step,))
    scenario = locked(spec("A", bindings=uses), other, ready="Semaphore", go="Event")
    who = "B, who could release it, waits for event 'go' to be set" if could else "nobody is left who could release it"
    assert f"A waits for ever for semaphore 'ready', and {who}" == sentence(
        scenario, [waiting("A", codes.W_ACQUIRE, 0), waiting("B", codes.W_EVENT, 1)]
    )


def test_a_chain_names_each_that_waits() -> None:
    """Who waits for whom is followed to its end, but no further than seven processes."""
    locks = {f"l{n}": "Lock" for n in range(9)}
    scenario = locked(*(spec(name) for name in "ABCDEFGHIJ"), **locks, go="Event")
    chain = [waiting(name, codes.W_ACQUIRE, n) for n, name in enumerate("ABCDEFGHI")]
    holders = {n: [name] for n, name in enumerate("BCDEFGHIJ")}
    short = [
        chain[0],
        waiting("B", codes.W_JOIN_PROCESS, 2),
        waiting("C", codes.W_ACQUIRE, 3),
        waiting("E", codes.W_EVENT, 9),
    ]
    assert sentence(scenario, short, holders={0: ["B"], 3: ["E"]}) == (
        "A waits for ever for lock 'l0', held by B, which waits for the end of C, which waits for 'l3', held by E, "
        "which waits for event 'go' to be set"
    )
    told = sentence(scenario, [*chain, waiting("J", codes.W_EVENT, 9)], holders=holders)
    assert told.endswith("which waits for 'l5', held by G, which waits for 'l6' to be released")


def test_the_main_program_holds_the_lock() -> None:
    """It waits for the end of who waits for the lock."""
    scenario = locked(spec("A"), gate="Lock")
    who = [MAIN, waiting("A", codes.W_ACQUIRE, 0)]
    assert ("A waits for ever for lock 'gate', held by the main program, which waits for the end of A") == sentence(
        scenario, who, holders={0: ["MainProcess"]}
    )
    steps = (Step("acquire", "gate"), Step("start", "A"), Step("join", "A"), Step("release", "gate"))
    assert (
        "A waits for ever for lock 'gate', held by the main program, which would release it, but first waits for the "
        "end of A"
    ) == sentence(scenario.replace(main=steps), who, holders={0: ["MainProcess"]})


def flag(deed: str, process: str, **fields: Any) -> dict[str, Any]:
    """Return an event about event 'go'."""
    return {"event": f"event.{deed}", "process": process, "flag": "go", **fields}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "W waits for ever for event 'go': nobody is left who could set it"),
        (
            [flag("set", "A"), flag("cleared", "B"), flag("waiting", "W")],
            "W waits for ever for event 'go': it was set by A after 1 s and cleared by B after 2 s, before W waited "
            "for it, and nobody is left who could set it again",
        ),
        (
            [flag("set", "A"), flag("waiting", "W"), flag("cleared", "B")],
            "W waits for ever for event 'go': it was set by A after 1 s and cleared by B after 3 s, and nobody is left "
            "who could set it again",
        ),
    ],
)
def test_an_event_that_was_set_too_early(events: list[dict[str, Any]], words: str) -> None:
    """That it was set and cleared before is said, and that it was before the wait only if it was."""
    scenario = locked(spec("W"), go="Event")
    assert words == sentence(scenario, [waiting("W", codes.W_EVENT, 0)], events=happened(*events))


def test_who_could_set_it_waits_for_something_else() -> None:
    """Somebody who lives and has the event is not passed over."""
    uses = (ResourceBinding("event", "go", "uses"),)
    scenario = locked(spec("W", bindings=uses), spec("S", bindings=uses), go="Event", gate="Barrier")
    who = [waiting("W", codes.W_EVENT, 0), waiting("S", codes.W_TASK, 9)]
    assert "nobody is left" not in sentence(scenario, who)
    assert "S, who could set it, waits for" in sentence(scenario, who)


def test_set_waits_for_its_own_process() -> None:
    """A signal handler calls set() in the middle of its own process's wait()."""
    here = str(sync.__file__)
    inside = waiting("W", codes.W_ANSWER, 0, frames=(Frame(here, 1, "set"),), around=((codes.W_EVENT, 0),))
    assert (
        "W waits for ever inside event 'go', in set(), which it called while it was itself waiting there, as a signal "
        "handler may: that call returns only when all who wait have woken up, and W cannot wake up before it returns"
    ) == sentence(locked(spec("W"), go="Event"), [inside])


def test_set_waits_for_who_is_gone() -> None:
    """Who was ended while it waited is named; where nobody is known to be, nobody is blamed."""
    scenario, who = locked(spec("S"), go="Event"), [waiting("S", codes.W_ANSWER, 0)]
    gone = happened(flag("abandoned", "W"))
    assert (
        "S waits for ever inside event 'go': everybody who waited for it is asked to wake up, and W was ended before"
    ) == sentence(scenario, who, events=gone)
    assert sentence(scenario, who).endswith("and one of them does not; which one is not recorded")


def notice(deed: str, process: str) -> dict[str, Any]:
    """Return an event about condition 'go'."""
    answer = {"answer": True} if deed == "waited" else {}
    return {"event": f"condition.{deed}", "process": process, "condition": "go", **answer}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([notice("waiting", "W")], ": nobody is left who could notify it"),
        (
            [notice("notified", "MainProcess"), notice("waiting", "W")],
            ": it was notified by the main program after 1 s, when nobody waited for it, and nobody is left who could "
            "notify it again",
        ),
        (
            [notice("waiting", "V"), notice("notified", "N"), notice("waited", "V"), notice("waiting", "W")],
            ": it was notified by N after 2 s, before W waited for it, and nobody is left who could notify it again",
        ),
        (
            [notice("waiting", "V"), notice("waiting", "W"), notice("notified", "N"), notice("waited", "V")],
            ": it was notified by N after 3 s (1 process at most), after which V woke up, and nobody is left who could "
            "notify it again",
        ),
        (
            [notice("waiting", "W"), notice("notified", "N"), notice("waited", "W"), notice("waiting", "W")],
            ": it was notified by N after 2 s, after which W woke up, and waits again, and nobody is left who could "
            "notify it again",
        ),
    ],
)
def test_a_notice_before_the_wait(events: list[dict[str, Any]], words: str) -> None:
    """Who notified, when, and whether anybody waited then."""
    scenario = locked(spec("W"), go="Condition")
    reason = sentence(scenario, [waiting("W", codes.W_CONDITION, 0)], events=happened(*events))
    assert f"W waits for ever for condition 'go'{words}" == reason


def test_a_barrier_counts() -> None:
    """How many have come, and of how many."""
    line = SyncSpec(name="line", type="Barrier", parties=3)
    scenario = make_scenario(spec("A"), spec("B")).replace(sync=(line,))
    who = [waiting("A", codes.W_BARRIER, 0), waiting("B", codes.W_BARRIER, 0)]
    assert (
        "A and B wait for ever at barrier 'line': it opens when 3 have come, only 2 did, and nobody else is left"
    ) == sentence(scenario, who)


def queue(deed: str, process: str, **fields: Any) -> dict[str, Any]:
    """Return an event about queue 'q'."""
    return {"event": f"queue.{deed}", "process": process, "queue": "q", **fields}


EMPTY = queue("empty", "C", empty=True, call="empty")


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (
            [EMPTY, queue("put", "P")],
            "C left as soon as empty() said True, before anything was put on the queue",
        ),
        (
            [queue("put", "P"), queue("get", "D"), EMPTY, queue("put", "P")],
            "C left as soon as empty() said True, when all that had been put by then was taken",
        ),
        (
            [queue("put", "P"), EMPTY],
            "C left as soon as empty() said True, which it also does while an item is still on its way into the queue",
        ),
        (
            [queue("empty", "C", empty=True, call="get"), queue("put", "P")],
            "C left as soon as get() gave up, before anything was put on the queue",
        ),
        ([EMPTY, queue("put", "P"), queue("get", "C"), queue("put", "P")], "C has already ended"),
        ([queue("put", "P"), queue("empty", "C", empty=False, call="empty")], "C has already ended"),
    ],
)
def test_the_trap_of_empty(events: list[dict[str, Any]], words: str) -> None:
    """What empty() meant follows from what had been put and got before it, and it is blamed only if it came last."""
    scenario = make_scenario(TAKER, queues=[JOINED])
    who = [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)]
    reason = sentence(scenario, who, ledgers=[ledger(JOINED, 2)], ended=["C"], events=happened(*events))
    assert reason.endswith(f"and nobody is left to take them: {words}")


def test_one_was_too_late() -> None:
    """Who was told that there is an item, which another then took, is told as such."""
    scenario = make_scenario(TAKER, OTHER, queues=[Q])
    look = queue("empty", "C", empty=False, call="empty")
    events = happened(queue("put", "P"), look, queue("get", "D"))
    late = sentence(scenario, [MAIN, waiting("C", codes.W_GET, 0)], ledgers=[ledger(Q, 1, 1)], events=events)
    assert ", the last one by D after empty() had said False to C, and nobody is left" in late
    events = happened(queue("put", "P"), look, queue("get", "C"))
    own = sentence(scenario, [MAIN, waiting("C", codes.W_GET, 0)], ledgers=[ledger(Q, 1, 1)], events=events)
    assert "empty()" not in own


def exited(process: str, exitcode: int, cause: str) -> dict[str, Any]:
    """Return the end of a process."""
    return {"event": "process.exited", "process": process, "exitcode": exitcode, "cause": cause, "signal": None}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (
            [exited("C", -15, "terminated")],
            "queue 'q' is broken: C, which was terminated, was inside get() and took the lock of the readers with it, "
            "so D can never get the 2 items that are there",
        ),
        (
            [exited("P", 0, "vanished"), queue("abandoned", "P", side="write", reason="…")],
            "queue 'q' is broken: P, which has ended, was writing an item and took the lock of the writers with it, so "
            "D can never get the 2 items that were put",
        ),
        ([exited("C", 0, "returned")], "nobody can ever move again: D waits for an item from queue 'q'"),
    ],
)
def test_a_broken_queue_is_explained(events: list[dict[str, Any]], words: str) -> None:
    """Who waits although items are there cannot have the lock: a process that a signal has ended took it along."""
    scenario = make_scenario(TAKER, OTHER, queues=[Q])
    who = [waiting("D", codes.W_GET, 0)]
    assert words == sentence(scenario, who, ledgers=[ledger(Q, 2)], ended=["C"], events=happened(*events))


def test_what_is_left_of_a_broken_queue_is_not_all_that_was_put() -> None:
    """Others were taken before."""
    scenario, who = make_scenario(TAKER, OTHER, queues=[Q]), [waiting("D", codes.W_GET, 0)]
    events = happened(exited("P", 0, "vanished"), queue("abandoned", "P", side="write", reason="…"))
    found = sentence(scenario, who, ledgers=[ledger(Q, 3, 2)], events=events)
    assert found.endswith("so D can never get the item that is left")


def test_an_initializer_that_raises_again_and_again_is_named_at_the_deadline() -> None:
    """Its pool starts another worker each time, and so everybody may still move."""
    scenario = make_scenario().replace(pools=(PoolSpec("crew", "Pool", 1),))
    failed = {"event": "pool.worker_failed", "process": "W", "pool": "crew", "exception": "OSError", "message": "full"}
    failed["doing"] = "initializer"
    who = [waiting("MainProcess", codes.W_POOL_RESULT, 0)]
    assert sentence(scenario, who, cause="deadline", events=happened(failed)) == (
        "the main program waits for a result of pool 'crew'; the initializer of pool 'crew' has raised OSError: full "
        "in W, and a Pool starts another worker in its place, again and again"
    )


def test_who_owes_task_done_is_named() -> None:
    """Of the takers that have ended, only those are named that took more than they have finished."""
    books = ledger(JOINED, 3, 2, 1, taker="C")
    books.record_get((1 << 40) + 2, "D")
    books.record_done("D")
    scenario = make_scenario(TAKER, OTHER, queues=[JOINED])
    who = [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)]
    assert "1 of 3 items: C ended without" in sentence(scenario, who, ledgers=[books], ended=["C", "D"])


def test_the_advice_fits_who_cannot_end() -> None:
    """Where nobody joins, nobody is advised to do something before join()."""
    scenario, books = make_scenario(spec("P"), queues=[Q]), ledger(Q, 2, 0, by=7)
    joined = sentence(scenario, [MAIN, waiting("P", codes.W_EXIT, pid=7)], ledgers=[books])
    assert joined.endswith("(2 of 2 are left); get them before you join()")
    failed = {"event": "process.failed", "process": "MainProcess", "exception": "Empty", "message": ""}
    who = [waiting("MainProcess", codes.W_EXIT, pid=7)]
    alone = sentence(scenario, who, ledgers=[books], events=happened(failed))
    assert alone.startswith("the main program cannot end after Empty: it has put items on queue 'q'")
    assert alone.endswith("have them taken before it ends, or give them up with cancel_join_thread()")


def closed(process: str, pid: int) -> dict[str, Any]:
    """Return the event of a process that closes rope.right."""
    return {"event": "pipe.closed", "process": process, "pid": pid, "pipe": "rope", "end": "right"}


def begun(process: str, method: str) -> list[dict[str, Any]]:
    """Return the events of a process that starts."""
    starting = {"event": "process.starting", "process": process}
    return [starting, {"event": "process.started", "process": process, "start_method": method}]


FORKED, SPAWNED = begun("R", "fork"), begun("R", "spawn")
NEVER = "'rope.right' is still open, for the main program never closed it"


@pytest.mark.parametrize(
    ("uses", "main", "events", "words"),
    [
        ("from", (), SPAWNED, f"but {NEVER}, and so EOF"),
        ("from", (), FORKED, f"but {NEVER}, and R itself has it open as well, and so EOF"),
        ("from", (), [*FORKED, closed("R", 9)], f"but {NEVER}, and so EOF"),
        ("from", (), [*FORKED, closed("MainProcess", 2)], "but R itself has 'rope.right' open, and so EOF"),
        ("both", (), [*SPAWNED, closed("MainProcess", 2)], "but R itself has 'rope.right' open, and so EOF"),
        ("from", (), [*SPAWNED, closed("MainProcess", 2)], "and nobody is left who sends at 'rope.right'"),
        ("from", (), [closed("MainProcess", 2), *FORKED], "and nobody is left who sends at 'rope.right'"),
        ("from", (), [*FORKED, closed("R", 9), closed("T", 2)], "and nobody is left who sends at 'rope.right'"),
        (
            "from",
            (Step("start", "R"), Step("join", "R"), Step("close", "rope.right", "Pipe")),
            SPAWNED,
            "for the main program would close it only later: first it waits for the end of R",
        ),
    ],
)
def test_who_has_an_end_open_is_what_was_recorded(
    uses: str, main: tuple[Step, ...], events: list[dict[str, Any]], words: str
) -> None:
    """Nobody who has closed it is blamed; whoever was forked before has it as well."""
    ends = [ResourceBinding("one", "rope.left", "from")]
    ends += [ResourceBinding("other", "rope.right", "uses")] if uses == "both" else []
    sender = spec("S", bindings=(ResourceBinding("out", "rope.right", "to"),))
    scenario = make_scenario(spec("R", bindings=tuple(ends)), sender)
    scenario = scenario.replace(pipes=(PipeSpec(name="rope", duplex=False, close_unused=False),), main=main or None)
    who = [waiting("R", codes.W_RECEIVE_LEFT, 0, pid=9), MAIN]
    assert words in sentence(scenario, who, ended=["S"], events=happened(*events))


POOL = PoolSpec(name="crunch", calls=(PoolCall(method="map", function="square"),))


def pooled(deed: str, **fields: Any) -> dict[str, Any]:
    """Return an event about pool 'crunch'."""
    return {"event": f"pool.{deed}", "process": "W-1", "pool": "crunch", **fields}


CALLED = pooled("called", call=1, method="map", tasks=3)
LOST = {"call": 1, "task": 2, "method": "map", "exitcode": -9, "signal": "SIGKILL"}
FAILED = {"call": 1, "task": 0, "method": "map", "exception": "Odd", "message": "x"}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (
            [pooled("worker_failed", exception="ValueError", message="no"), pooled("crash_loop", workers=12)],
            ": its workers end as soon as they are started (ValueError: no)",
        ),
        (
            [pooled("worker_lost", **LOST)],
            ": W-1 was ended by SIGKILL while it was doing task 2 of map(), and a Pool never gives a lost task to "
            "another worker",
        ),
        (
            [pooled("worker_lost", **{**LOST, "exitcode": 1, "signal": None, "exception": "SystemExit"})],
            ": W-1 ended with exit code 1 because task 2 of map() raised SystemExit, which ends a worker (an Exception "
            "would not), and a Pool never gives a lost task to another worker",
        ),
        (
            [pooled("task_failed", **FAILED), pooled("thread_failed", exception="TypeError", message="2 given")],
            ": the pool's thread that takes results has ended, because what a worker sent cannot be unpickled "
            "(TypeError: 2 given); task 0 of map() had raised Odd, and its result never came",
        ),
        (
            [pooled("thread_failed", doing="callback", exception="KeyError", message="x")],
            ": the pool's thread that takes results has ended, because a callback raised KeyError: x",
        ),
        (
            [pooled("thread_failed", doing="other", thread="tasks", exception="OSError", message="")],
            ": the pool's thread that hands out tasks has ended, because of OSError",
        ),
        ([pooled("task_failed", **FAILED)], None),
        (
            [pooled("worker_started"), pooled("worker_exited", exitcode=0, tasks=2)],
            ": none of its workers is left, and no other was started in their place (the last one, W-1, ended with "
            "exit code 0 after 2 tasks)",
        ),
        ([pooled("worker_started"), pooled("worker_started"), pooled("worker_exited", exitcode=0)], None),
        ([pooled("task_failed", **FAILED), pooled("call_failed", call=1)], None),
    ],
)
def test_a_pool_is_explained(events: list[dict[str, Any]], words: str | None) -> None:
    """Why a result of it will never come, by what its workers and tasks did."""
    scenario = make_scenario(spec("W")).replace(pools=(POOL,))
    reason = sentence(scenario, [waiting("MainProcess", codes.W_POOL_RESULT, 0)], events=happened(CALLED, *events))
    if words is None:
        assert reason.startswith("nobody can ever move again: the main program waits for a result of pool 'crunch'")
    else:
        assert reason.startswith(f"the main program waits for ever for pool 'crunch'{words}")


def called(number: int, method: str, tasks: int = 1) -> dict[str, Any]:
    """Return the event of a call."""
    return pooled("called", call=number, method=method, tasks=tasks)


def lost(number: int, task: int = 0) -> dict[str, Any]:
    """Return the event of a worker lost in a task of a call."""
    return pooled("worker_lost", **{**LOST, "call": number, "task": task})


GIVEN_UP = pooled("call_failed", call=1, method="apply_async", exception="TimeoutError")


@pytest.mark.parametrize(
    ("calls", "events", "blamed"),
    [
        (["apply_async", "apply_async"], [lost(1), GIVEN_UP], False),
        (["apply_async", "apply_async"], [lost(1)], True),
        (["apply_async", "apply_async"], [lost(2)], False),
        (["apply_async", "apply_async"], [lost(2), GIVEN_UP], True),
        (["apply_async", "apply"], [lost(1)], False),
        (["apply_async", "apply"], [lost(2)], True),
        (["apply_async", "imap"], [lost(1)], False),
        (["apply_async", "imap"], [lost(1), *[pooled("result", call=2, method="imap")] * 3], True),
        (["imap"], [lost(1, 1)], False),
        (["imap"], [lost(1, 1), pooled("result", call=1, method="imap")], True),
        (["imap_unordered"], [lost(1, 1)], True),
    ],
)
def test_a_loss_explains_the_wait_for_its_own_call(
    calls: list[str], events: list[dict[str, Any]], blamed: bool
) -> None:
    """What was lost of another call, or of a later result, is not what the main program waits for."""
    made = [PoolCall(method=method, function="f", number=number) for number, method in enumerate(calls, start=1)]
    begun = [called(call.number, call.method, 3 if "imap" in call.method else 1) for call in made]
    scenario = make_scenario(spec("W")).replace(pools=(POOL.replace(calls=tuple(made)),))
    main = waiting("MainProcess", codes.W_POOL_RESULT, 0)
    stalled = stall(scenario, [main], events=happened(*begun, *events))
    assert ("lost_pool_task" if blamed else "unknown") == stalled.diagnosis.kind
    assert blamed or "never gives a lost task" not in explain(stalled)[0]


IDLE = pooled("worker_lost", **{**LOST, "call": None, "task": None, "method": None})
TERMINATED = pooled("terminated")
AT_THE_DOOR = (Frame("/lib/synchronize.py", 95, "__enter__"), Frame("/lib/queues.py", 364, "get"))
INSIDE = (Frame("/lib/connection.py", 395, "_recv"), *[Frame("/lib/connection.py", 216, "recv_bytes")] * 2)
STUFFED = (Frame("/lib/pool.py", 1, "_help_stuff_finish"),)
WAITS, INSIDE_ITSELF = codes.W_POOL_TASK, codes.W_THREAD


@pytest.mark.parametrize(
    ("workers", "events", "main", "words"),
    [
        ([(WAITS, AT_THE_DOOR)] * 2, [IDLE], (), "W-1 was ended by SIGKILL while it waited for a task, and took the"),
        ([(WAITS, AT_THE_DOOR)], [IDLE, IDLE], (), "2 workers were ended by a signal while they had no task, and one"),
        ([(WAITS, AT_THE_DOOR)], [IDLE, TERMINATED], STUFFED, "W-1 was ended by SIGKILL while it waited for a task"),
        ([(WAITS, AT_THE_DOOR)], [IDLE, TERMINATED], (), None),
        ([(WAITS, AT_THE_DOOR), (WAITS, INSIDE)], [IDLE], (), None),
        ([(WAITS, AT_THE_DOOR), (INSIDE_ITSELF, ())], [IDLE], (), None),
        ([(WAITS, ())], [IDLE], (), None),
        ([(WAITS, AT_THE_DOOR)], [], (), None),
        ([], [IDLE], (), None),
    ],
)
def test_the_lock_of_a_pool_is_lost_if_nobody_has_it(
    workers: list[tuple[int, Any]], events: list[dict[str, Any]], main: Any, words: str | None
) -> None:
    """Who waits for a task has it. If several may have taken it along, which one did is not known."""
    scenario = make_scenario(spec("W")).replace(pools=(POOL,))
    started = [{**pooled("worker_started"), "process": f"W-{at}"} for at in range(len(workers))]
    who = [waiting(f"W-{at}", kind, 0, pid=at + 7, frames=frames) for at, (kind, frames) in enumerate(workers)]
    waits = codes.W_POOL_JOIN if TERMINATED in events else codes.W_POOL_RESULT
    who.append(waiting("MainProcess", waits, 0, frames=main))
    stalled = stall(scenario, who, events=happened(CALLED, *started, *events))
    assert (words is not None) == (stalled.diagnosis.kind == "lost_pool_lock")
    assert (words or "") in explain(stalled)[0]


def thread_failed(thread: str) -> dict[str, Any]:
    """Return the event of the end of one of the pool's own threads."""
    return pooled("thread_failed", thread=thread, doing="other", exception="OSError", message="")


@pytest.mark.parametrize(
    ("thread", "worker", "events", "kind"),
    [
        ("workers", None, [], "pool_thread_ended"),
        ("workers", INSIDE_ITSELF, [], "unknown"),
        ("workers", WAITS, [], "unknown"),
        ("workers", None, [lost(1)], "lost_pool_task"),
        ("tasks", WAITS, [], "pool_thread_ended"),
        ("tasks", INSIDE_ITSELF, [], "unknown"),
        ("results", INSIDE_ITSELF, [], "pool_thread_ended"),
    ],
)
def test_a_thread_of_a_pool_explains_the_wait_that_needs_it(
    thread: str, worker: int | None, events: list[dict[str, Any]], kind: str
) -> None:
    """A worker that has its task does not need who hands out tasks, or starts workers."""
    scenario = make_scenario(spec("W")).replace(pools=(POOL,))
    who = [waiting("MainProcess", codes.W_POOL_RESULT, 0, pid=2)]
    started = []
    if worker is not None:
        who.append(waiting("W-1", worker, 0, pid=7))
        started.append(pooled("worker_started"))
    stalled = stall(scenario, who, events=happened(CALLED, *started, thread_failed(thread), *events))
    assert kind == stalled.diagnosis.kind


def test_the_thread_that_is_missed_is_the_one_that_is_named() -> None:
    """Of two threads that have ended, the last one need not be what matters; of two failures neither is named."""
    scenario = make_scenario(spec("W")).replace(pools=(POOL,))
    failure = pooled("task_failed", **FAILED)
    torn = pooled("thread_failed", thread="results", doing="unpickling", exception="TypeError", message="")
    events = happened(CALLED, failure, failure, torn, thread_failed("workers"))
    reason = sentence(scenario, [waiting("MainProcess", codes.W_POOL_RESULT, 0)], events=events)
    assert "the pool's thread that takes results has ended, because what a worker sent cannot be unpickled" in reason
    assert "its result never came" not in reason


def test_what_the_end_of_a_pool_needs() -> None:
    """Close() and join() wait for every task, also of a call that was given up; terminate() waits for none."""
    scenario = make_scenario(spec("W")).replace(pools=(POOL,))
    main = waiting("MainProcess", codes.W_POOL_JOIN, 0)
    events = [called(1, "apply_async"), lost(1), GIVEN_UP]
    assert "lost_pool_task" == stall(scenario, [main], events=happened(*events)).diagnosis.kind
    terminated = happened(*events, pooled("terminated"))
    assert "unknown" == stall(scenario, [main], events=terminated).diagnosis.kind


def test_the_end_of_a_pool_is_explained() -> None:
    """Who waits for the end of workers: for those that SIGTERM has not ended, or, where none is left, for a thread."""
    scenario = make_scenario(spec("W")).replace(pools=(POOL,))
    frames = (Frame("/lib/multiprocessing/process.py", 149, "join"), Frame("/lib/pool.py", 7, "_terminate_pool"))
    main = waiting("MainProcess", codes.W_POOL_JOIN, 0, frames=frames)
    worker = waiting("W-1", codes.W_POOL_TASK, 0, pid=7)
    events = happened(pooled("worker_started"), {**pooled("terminated"), "process": "MainProcess"})
    reason = sentence(scenario, [main, worker], events=events)
    assert reason == (
        "the main program waits for ever in terminate() of pool 'crunch' for W-1, to which it has sent SIGTERM: it has "
        "a handler for it, or ignores it"
    )
    unknown = sentence(scenario, [waiting("MainProcess", codes.W_POOL_JOIN, 0), worker], events=events)
    assert unknown.startswith("nobody can ever move again: the main program waits for the end of the workers of pool")
    gone = happened(pooled("worker_started"), pooled("worker_exited", signal="SIGTERM", exitcode=-15, tasks=0))
    reason = sentence(scenario, [main], events=gone)
    assert (
        ": it has no worker any more, and so it is one of the pool's own threads that does not end (the last" in reason
    )


def test_who_is_alone_in_its_process_is_explained() -> None:
    """Which threads ran when it was forked is said; which of them had the lock, or that none had, is not known."""
    alone = waiting("U", codes.W_THREAD).replace(threads=1)
    scenario = make_scenario(spec("U"), spec("T"))
    reason = sentence(scenario, [MAIN, alone])
    assert reason.endswith("(a threading.Lock, an Event or the like), and there is no other thread in it")
    thread = {"event": "process.started", "process": "T", "worker": "thread", "start_method": None}
    forked = {"event": "process.started", "process": "U", "worker": "process", "start_method": "fork"}
    assert "it was forked while T was running in the main program" in sentence(
        scenario, [MAIN, alone], events=happened(thread, forked)
    )
    ended = {"event": "process.exited", "process": "T"}
    assert "forked" not in sentence(scenario, [MAIN, alone], events=happened(thread, ended, forked))


@pytest.mark.parametrize("cause", ["deadlock", "deadline"])
def test_who_was_forked_beside_threads_is_told_of_them(cause: str) -> None:
    """Of a script the threads of whoever forks are known by name; what they held, nobody there can ever release."""
    alone = waiting("U", codes.W_THREAD).replace(threads=1)
    starting = {"event": "process.starting", "process": "U", "by": "Parent", "threads": ["T-1", "T-2"]}
    told = (
        " was forked while thread 'T-1' and thread 'T-2' were running in Parent, and a lock that such a thread held "
        "then stays locked in the child for ever (unless it is one that the child itself has acquired)"
    )
    reason = sentence(make_scenario(spec("U")), [MAIN, alone], events=happened(starting), cause=cause)
    assert reason.endswith(told)
    beside = alone.replace(threads=2)
    assert "forked" not in sentence(make_scenario(spec("U")), [MAIN, beside], events=happened(starting), cause=cause)


def test_who_holds_a_lock_is_told_at_the_deadline() -> None:
    """Whoever has it may still release it: that it is held is told, and nothing else."""
    lock = SyncSpec(name="fork", type="Lock")
    who = [waiting("A", codes.W_ACQUIRE, 0), waiting("B", codes.W_ACQUIRE, 0)]
    scenario = make_scenario(spec("A"), spec("B")).replace(sync=(lock,))
    reason = sentence(scenario, who, holders={0: ["B"]}, cause="deadline")
    assert "A waits for 'fork' to be released, held by B; B waits for 'fork' to be released, held by itself" == reason


def test_the_deadline_is_explained() -> None:
    """At the deadline it is told what each was doing, of many only the first."""
    many = [waiting(f"W{number}") for number in range(9)]
    scenario = make_scenario(TAKER, queues=[Q])
    stalled = stall(scenario, [MAIN, *many], ledgers=[ledger(Q)], cause="deadline")
    reason = explain(stalled)[0]
    assert ("deadline", "unknown") == (stalled.diagnosis.cause, stalled.diagnosis.kind)
    assert reason.startswith("the main program waits for the end of C; W0 sleeps, or waits")
    assert reason.endswith("and 4 more")
    assert "no process of the run is left" in sentence(make_scenario(TAKER), [], cause="deadline")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("sleep", "W waits for the end of its sleep"),
        ("accept", "W waits for somebody to connect to its socket"),
        ("connect", "W waits for an answer to its connect()"),
        ("receive", "W waits for data at a socket"),
        ("send", "W waits for room in a socket, to send"),
        ("select", "W waits for something to do at sockets, pipes or other files"),
        ("lock", "W waits for a lock on a file"),
    ],
)
def test_what_the_system_shows_is_told(call: str, told: str) -> None:
    """With the place in its own code, not that in Python's."""
    frames = Frame("/lib/python3.11/socket.py", 294, "accept"), Frame("/home/me/serve.py", 5, "serve")
    asleep = waiting("W", codes.W_OUTSIDE, codes.OUTSIDE.index(call), frames=frames)
    assert f"{told} (in serve, serve.py:5)" == sentence(make_scenario(), [asleep], cause="deadline")


def test_who_is_stopped_does_not_sleep() -> None:
    """Neither the system's word nor the wait it is in says what it does: it could go on only after SIGCONT."""
    still = [waiting("W", state="T"), waiting("C", codes.W_GET, 0, state="t")]
    stalled = stall(make_scenario(TAKER, queues=[Q]), still, ledgers=[ledger(Q)], cause="deadline")
    assert ["stopped", "stopped"] == [each.state for each in stalled.processes]
    assert (
        "W is stopped (SIGSTOP or the like); C is stopped (SIGSTOP or the like) while it waits for an item from queue "
    ) in explain(stalled)[0]


def test_what_does_not_exist_is_waited_for() -> None:
    """Numbers that a process has written into its own header are not trusted."""
    wild = [waiting("C", kind, 999) for kind in (codes.W_GET, codes.W_PUT, codes.W_JOIN_QUEUE, codes.W_JOIN_PROCESS)]
    wild += [waiting("C", kind, 0) for kind in (codes.W_ACQUIRE, codes.W_EVENT, codes.W_BARRIER, codes.W_RECEIVE_LEFT)]
    wild += [waiting("C", codes.W_POOL_RESULT, 0), waiting("C", codes.W_SEND_RIGHT, 0), waiting("C", 200, 0)]
    for one in wild:
        reason, wanted = explain(stall(make_scenario(TAKER, queues=[Q]), [one], ledgers=[ledger(Q)]))
        assert reason
        assert len(wanted) == 1
    assert [None] * 2 == [each.on_process for each in stall(make_scenario(TAKER), wild[3:5]).processes]


# Scripts, of which it is not known who will do what


R = QueueSpec(name="r", maxsize=1)
SCRIPT = make_scenario(spec("C"), spec("D"), spec("E"), queues=(Q, R)).replace(script="made.py")
PUTTING = [waiting("D", codes.W_PUT, 1, pid=3), waiting("E", codes.W_PUT, 1, pid=4)]


def started(process: str, method: str) -> list[dict[str, Any]]:
    """Return the events of a start."""
    return [
        {"event": "process.starting", "process": process},
        {"event": "process.started", "process": process, "start_method": method},
    ]


@pytest.mark.parametrize(
    ("makers", "method", "expected"),
    [
        ({"q": "MainProcess"}, "fork", "and the main program, who could put one, waits for the end of C"),
        ({"q": "D"}, "spawn", "and D, who could put one, waits for room in queue 'r'"),
        ({}, "fork", "and it is not known whether D and E would put one"),
        ({}, "spawn", "and nobody is left who could put one"),
    ],
)
def test_who_might_have_moved_whom_in_a_script(makers: dict[str, str], method: str, expected: str) -> None:
    """Who has made a thing has it, and so may those that were forked: only of others is said that nobody is left."""
    events = happened(*started("C", method), *started("D", method), *started("E", method))
    who, ledgers = [MAIN, waiting("C", codes.W_GET, 0), *PUTTING], [ledger(Q), ledger(R, 1)]
    assert expected in sentence(SCRIPT, who, ledgers=ledgers, events=events, makers=makers)


def test_what_the_holder_of_a_lock_waits_for_is_followed() -> None:
    """That the main program could do it, and why it does not, is said as well."""
    scenario = SCRIPT.replace(sync=(SyncSpec(name="lock", type="Lock"),))
    who = [MAIN, waiting("C", codes.W_ACQUIRE, 2), *PUTTING]
    found = sentence(scenario, who, ledgers=[ledger(Q), ledger(R, 1)], holders={2: ["D"]}, makers={"r": "MainProcess"})
    assert found == (
        "C waits for ever for lock 'lock', held by D, which waits for room in queue 'r': the main program, who could "
        "take from it, waits for the end of C"
    )


def test_a_thread_of_the_same_process_might_have_moved_it() -> None:
    """It has all that its process has: that nobody is left is said of others alone."""
    who = [waiting("C", codes.W_GET, 0), waiting("C", codes.W_THREAD).replace(thread=9, thread_name="pump")]
    assert sentence(SCRIPT, who, ledgers=[ledger(Q), ledger(R)]).endswith(
        "nobody is left who could put one but thread 'pump' of C, which waits for another thread of its own process"
    )


def test_a_wait_beside_the_threads_of_a_pool_is_not_alone() -> None:
    """They call callbacks, and so may set what is waited for."""
    waits = [(codes.W_HELP, 0, 8, 5, 0), (codes.W_THREAD, layout.NO_RESOURCE, 7, 0, 0)]
    report = ProcessReport(7, "S", waits, "", [(7, "S"), (8, "S")])
    helped = read_reports([report], lambda _: "C", lambda _: {})
    assert "nobody can ever move again: C waits for another thread of its own process" == sentence(SCRIPT, helped)
    alone = read_reports([ProcessReport(7, "S", waits[1:], "", [(7, "S")])], lambda _: "C", lambda _: {})
    assert "and there is no other thread in it" in sentence(SCRIPT, alone)


def test_whoever_has_made_what_a_manager_holds_may_call_it() -> None:
    """It is not said that nobody is left while that process is, whatever it waits for."""
    held = SCRIPT.replace(shared=(SharedSpec("d", "dict"),))
    who = [MAIN, waiting("C", codes.W_MANAGER, 2)]
    assert sentence(held, who, ledgers=[ledger(Q), ledger(R)], makers={"d": "MainProcess"}).endswith(
        "which needs another call, and the main program, who could call it, waits for the end of C"
    )


CLOSED = {"event": "pipe.closed", "process": "MainProcess", "pid": 2, "pipe": "p", "end": "right"}
PIPED = SCRIPT.replace(queues=(), pipes=(PipeSpec("p", close_unused=False),))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*started("C", "fork"), CLOSED], ": C itself has 'p.right' open, and so EOF does not come"),
        ([CLOSED, *started("C", "fork")], ", and nobody is left who sends at 'p.right'"),
        ([*started("C", "spawn"), CLOSED], ", and nobody is left who sends at 'p.right'"),
        (started("C", "fork"), ", and the main program, who could send at 'p.right', waits for the end of C"),
    ],
)
def test_a_reader_that_was_forked_with_the_other_end_waits_for_itself(
    events: list[dict[str, Any]], expected: str
) -> None:
    """That it has it is certain only if the script closed its own after that: it may have dropped it before."""
    who, made = [MAIN, waiting("C", codes.W_RECEIVE_LEFT, 0, pid=3)], {"p": "MainProcess"}
    assert (
        sentence(PIPED, who, events=happened(*events), makers=made)
        == f"C waits for ever in recv() on 'p.left'{expected}"
    )


def test_a_forked_process_that_waits_for_this_one_does_not_move_it() -> None:
    """Whether it would is not open then: first, it waits for the end."""
    events = happened(*started("C", "fork"), *started("D", "fork"))
    who = [waiting("C", codes.W_GET, 0), waiting("D", codes.W_JOIN_PROCESS, 0, pid=3)]
    assert sentence(SCRIPT, who, ledgers=[ledger(Q), ledger(R)], events=events).endswith(
        "and D, who could put one, waits for the end of C"
    )
