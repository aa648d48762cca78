"""Schedules and verdicts as values; strategies, with actors that do nothing."""

from __future__ import annotations

import argparse
import itertools
import random
from array import array
from collections import Counter
from operator import mul
from types import SimpleNamespace
from typing import Any

import pytest

from run_scenario.cli.commands import explore
from run_scenario.exploration.comparison import Place, Step, compare
from run_scenario.exploration.options import STRATEGIES, TURNS
from run_scenario.exploration.schedule import Hazards, KeptSchedule, Schedule, Switch, decode, encode
from run_scenario.exploration.verdict import KEPT, Explored, Finding, First, verdict
from run_scenario.report import exploration
from run_scenario.runtime.exploration.portfolio import DFS, RARE, DelayBounded, Deviating, Rare
from run_scenario.runtime.exploration.scheduler import BySchedule, Kill, Trace
from run_scenario.runtime.exploration.strategies import BY_CHANCE, Killing
from run_scenario.scenario.expectations import Condition, Expectation, Matcher
from run_scenario.scenario.model import Scenario

SWITCHES = (
    Switch("MainProcess", 12, "Consumer-1", "tasks.empty()", "tasks.put()"),
    Switch("Consumer-1", 3, "MainProcess"),
)
EXPLORED = Explored(100, 2.0, 40, 10, 3000, 7, by_chance=100)
FINDING = Finding(3, "walk", "stalled", ("nobody can move",), Schedule(SWITCHES), 9, 100, 100)


def test_a_schedule_is_kept() -> None:
    """What is written is read again; a switch is left out by its place."""
    kill = Switch("MainProcess", 12, "Consumer-2", "tasks.get()", kills=True)
    schedule, hazards = Schedule((*SWITCHES, kill)), Hazards(early=True, kill=True, pipe_capacity=8192)
    kept = KeptSchedule("my.yaml", "sha256:0", "stalled", schedule, {"workers": 3}, hazards)
    assert kept == decode(encode(kept))
    assert '"kill": "Consumer-2"' in encode(kept)
    assert Hazards() == decode(encode(kept.replace(hazards=Hazards()))).hazards
    assert Hazards(early=True, kill=True, pipe_capacity=4096) == Hazards(True, False, 4096).united(hazards)
    assert hazards == Hazards().united(hazards)
    assert Schedule(SWITCHES[1:]) == Schedule(SWITCHES).without([0])


@pytest.mark.parametrize(
    ("explored", "name"),
    [
        (EXPLORED, "not_found"),
        (EXPLORED.replace(finding=FINDING), "found"),
        (EXPLORED.replace(finding=FINDING, lost=("something",)), "found"),
        (EXPLORED.replace(finding=FINDING.replace(replays_alike=99)), "inconclusive"),
        (EXPLORED.replace(lost=("something",)), "inconclusive"),
        (EXPLORED.replace(is_in_control=False), "inconclusive"),
        (EXPLORED.replace(schedules=0), "inconclusive"),
    ],
)
def test_the_verdict(explored: Explored, name: str) -> None:
    """Nothing is claimed that was not seen; what is not claimed has a reason."""
    found = verdict(explored)
    assert name == found.name
    assert bool(found.reasons) == (name == "inconclusive")
    text = "\n".join(exploration.lines("it", explored, found, exploration.Kept("it.schedule.json")))
    assert {"not_found": "nothing found", "found": "found (stalled)", "inconclusive": "inconclusive"}[name] in text
    assert all(reason in text for reason in found.reasons)


@pytest.mark.parametrize(
    ("explored", "sentence"),
    [
        (EXPLORED.replace(first=First("stalled", "passed")), "(stalled) still fits; its run comes to `passed` now"),
        (EXPLORED.replace(first=First("stalled", "passed", "after 3")), "(stalled) does not fit any more: after 3"),
        (
            EXPLORED.replace(schedules=0, first=First("stalled", "stalled"), finding=FINDING.replace(strategy=KEPT)),
            "it: found (stalled) by the schedule that was kept",
        ),
    ],
)
def test_what_was_kept(explored: Explored, sentence: str) -> None:
    """What became of it is said once: as what was found, or beside what else there is to say."""
    text = exploration.lines("it", explored, verdict(explored))
    assert [sentence in line for line in text].count(True) == 1
    assert ["that was kept" in line for line in text].count(True) == 1


def test_the_bound() -> None:
    """A hundred tries without any: at most 2.95 %, which is about 3 in 100; of new orders, 10 in 100."""
    found = verdict(EXPLORED)
    assert (0.1, 0.0295) == (found.chance_of_new, round(found.most_chance or 0, 4))
    assert (1 - (found.most_chance or 0)) ** 100 == pytest.approx(0.05)


def test_a_switch_in_words() -> None:
    """Who stops where, and who goes on."""
    first, second = (exploration.said(each) for each in SWITCHES)
    assert "MainProcess stops before `tasks.put()`, after 12 steps; Consumer-1 goes on, with `tasks.empty()`" == first
    assert "Consumer-1 stops when it can do no more, after 3 steps; MainProcess goes on" == second
    late = exploration.said(Switch("Worker", 1, "Worker", "tasks.get(), as its time is up"))
    assert "after 1 step, Worker goes on, with `tasks.get()`, as its time is up" == late
    kill = Switch("Main", 1, "Worker", "gate.release()", kills=True)
    assert "Worker is killed before `gate.release()`, when Main has made 1 step" == exploration.said(kill)
    own = exploration.said(kill.replace(actor="Worker", steps=2))
    assert "Worker is killed before `gate.release()`, when it has made 2 steps" == own


def test_which_schedules_were_tried() -> None:
    """Nothing is said of a chance where nothing was left to chance, nor that it is no proof where it is one."""
    systematic = EXPLORED.replace(by_chance=0, delays=2, hazards=Hazards(kill=True))
    said = exploration.lines("it", systematic, verdict(systematic))
    delay = "one passes over whoever is to move next, or kills a process"
    assert f"  All schedules with at most 2 delays were tried; {delay}." in said
    assert "  40 different orders of operations" in said
    assert any(line.startswith("  This is no proof") for line in said)
    whole = exploration.lines("it", systematic.replace(is_complete=True), verdict(systematic))
    assert not any("no proof" in line for line in whole)
    assert any("All schedules were tried" in line for line in whole)


def actors(*names: str) -> list[Any]:
    """Return actors of these names that are ready."""
    common = {"steps": 0, "operation": "op", "move": "op", "operation_number": 1, "subjects": ("lock",)}
    return [SimpleNamespace(name=name, **common) for name in names]


@pytest.mark.parametrize("strategy", BY_CHANCE)
def test_a_strategy(strategy: str) -> None:
    """It chooses one of those that are ready, the same with the same chance, and in the end each of them first."""
    ready = actors("A", "B", "C")
    counts = {"A": 5, "B": 5, "C": 5}

    def chosen(seed: int) -> list[str]:
        policy = BY_CHANCE[strategy](random.Random(seed), counts)
        names = []
        for each in ready:
            each.steps = 0
        for number in range(15):
            actor = policy.choose(ready, None, ready)
            policy.done(actor)
            actor.steps, actor.operation_number = actor.steps + 1, number + 2
            names.append(actor.name)
        return names

    runs = [chosen(seed) for seed in range(100)]
    assert runs == [chosen(seed) for seed in range(100)]
    assert {"A", "B", "C"} == {name for run in runs for name in run}
    assert len({tuple(run) for run in runs}) >= 20
    firsts = Counter(run[0] for run in runs)
    assert len(firsts) >= 2


@pytest.mark.parametrize(
    ("arguments", "said", "schedules"),
    [
        ([], None, 200),
        ([], {"schedules": 30}, 30),
        ([], {"seconds": 2}, 10_000_000),
        ([], {"kill": True}, 200),
        (["--for", "2"], {"schedules": 30}, 10_000_000),
        (["--for", "2", "--schedules", "7"], {"schedules": 30}, 7),
        (["--schedules", "7"], {"schedules": 30, "seconds": 2}, 7),
    ],
)
def test_how_many_schedules(arguments: list[str], said: dict[str, Any] | None, schedules: int) -> None:
    """As the command says, or the scenario, or as there is time for."""
    parser = argparse.ArgumentParser()
    explore.COMMAND.add_arguments(parser)
    options = parser.parse_args(["it.yaml", *arguments])
    explore._complete(options, said or {})
    assert schedules == explore._plan(options, Hazards()).schedules
    says_seconds = arguments or [each for each in (said or {}) if each == "seconds"]
    assert (options.seconds == 2) == (bool({"--for", "seconds"} & set(says_seconds)))


def test_all_strategies_take_turns() -> None:
    """The names that the command knows are those that something is called."""
    assert {*BY_CHANCE, RARE, DFS} == set(STRATEGIES) == set(TURNS)


class Program:
    """Stands for a run: each actor makes so many steps; a policy decides, and who has moved last goes on by itself."""

    def __init__(self, *steps: int) -> None:
        self._steps = steps

    def run(self, policy: Any) -> tuple[str, Any]:
        """Return who has moved, a letter for each step; and what each decision had to offer."""
        left = dict(zip("ABC", self._steps, strict=False))
        order, offered, last = "", array("H"), None
        while any(left.values()):
            ready = actors(*(name for name, steps in left.items() if steps))
            usual = sorted(ready, key=lambda actor: (actor.name != last, actor.name))
            offered.extend((len(ready), len(ready)))
            last = policy.choose(ready, None, usual).name
            left[last] -= 1
            order += last
        return order, offered


@pytest.mark.parametrize("steps", [(2, 2), (3, 2), (2, 2, 2), (1, 1, 3), (4,)])
def test_all_schedules_with_few_delays(steps: tuple[int, ...]) -> None:
    """All orders are made, each once, those with few delays first; and then it knows that there are no more."""
    tree, program, made = DelayBounded(random.Random(1)), Program(*steps), list[str]()
    deviations: Any = ()
    delays = list[int]()
    while deviations is not None:
        order, offered = program.run(Deviating(deviations))
        made.append(order)
        delays.append(sum(choice for _, choice in deviations))
        tree.learn(deviations, offered)
        assert tree.bound is not None
        assert tree.bound >= delays[-1] - 1
        deviations = tree.next()
    everything = {"".join(each) for each in itertools.permutations("".join(map(mul, "ABC", steps)))}
    assert everything == set(made)
    assert len(everything) == len(made)
    assert sorted(delays) == delays
    assert (True, False) == (tree.is_complete, tree.differs)


def test_what_does_not_go_the_same_way_again() -> None:
    """Then nothing is claimed of all schedules."""
    tree = DelayBounded(random.Random(1))
    tree.learn((), array("H", (1, 1, 2, 2)))
    deviations = tree.next()
    assert ((1, 1),) == deviations
    tree.learn(deviations, array("H", (3, 3, 1, 1)))
    assert tree.differs


def test_somebody_is_killed() -> None:
    """Any of those that may be, after any number of its steps."""
    ready = actors("A", "B")
    seen = set()
    for seed in range(300):
        policy = Killing(BY_CHANCE["walk"](random.Random(seed), {}), random.Random(seed), {"A": 3, "B": 3})
        for each in ready:
            each.steps, each.pid = 0, each.name
        for _ in range(6):
            chosen = policy.choose(ready, None, [*ready, *map(Kill, ready)])
            if isinstance(chosen, Kill):
                seen.add((chosen.name, chosen.victim.steps))
                break
            chosen.steps += 1
            policy.done(chosen)
    assert {(name, steps) for name in "AB" for steps in range(4)} <= seen


def test_what_was_rare_is_tried_again() -> None:
    """A schedule is remembered if it has shown something new; the rarer that is, the sooner it is taken."""
    rare = Rare()
    assert rare.choose(random.Random(1)) is None
    for name, orders in (("common", ["A", "B"]), ("rare", ["B", "A"]), *[("common", ["A", "B"])] * 8):
        trace = Trace()
        trace.orders["lock"] = orders
        trace.steps = [Step(each, "op", ("lock",)) for each in orders]
        trace.switches = [Switch(name, 1, "B")]
        rare.learn(trace)
    found = [rare.choose(random.Random(seed)) for seed in range(200)]
    names = Counter(each[0].switches[0].actor for each in found if each is not None)
    assert 200 == names["common"] + names["rare"]
    assert names["rare"] > 5 * names["common"] > 0
    assert {0, 1, 2} == {each[1] for each in found if each is not None}


def test_where_causes_differ() -> None:
    """Independent steps may be swapped; the first that comes after another step is told, or that it does not come."""
    one, other = Step("A", "one.acquire()", ("one",)), Step("B", "two.acquire()", ("two",))
    taken = Step("B", "one.acquire()", ("one",))
    assert compare([one, other], [other, one]) is None
    difference = compare([other, one, taken], [other, taken, one])
    assert difference is not None
    assert ("A", 1, "one", 1) == (difference.actor, difference.number, difference.subject, difference.alike)
    assert (None, Place("B", 2, "one.acquire()")) == (difference.bad.after, difference.good.after)
    said = [exploration.said_of_cause(cause, difference) for cause in (difference.bad, difference.good)]
    assert said == ["`one.acquire()`, and nobody has used one before", "`one.acquire()`, after `one.acquire()` of B"]
    unclear = compare([one, taken], [one, one, taken])
    assert unclear is not None
    said = [exploration.said_of_cause(cause, unclear) for cause in (unclear.bad, unclear.good)]
    assert said == [f"`one.acquire()`, after `one.acquire()` of A (its step {number})" for number in (1, 2)]
    missing = compare([one], [one, taken])
    assert missing is not None
    assert ("B", 1, None) == (missing.actor, missing.number, missing.bad.does)
    killed = compare([one, Step("A", "SIGKILL", ("A",))], [one, Step("A", "one.release()", ("one",))])
    assert killed is not None
    assert ("SIGKILL", "one.release()") == (killed.bad.does, killed.good.does)


def test_a_walk_prefers_who_has_the_most_to_do() -> None:
    """A hundred steps against one: nearly always the hundred."""
    ready = actors("Long", "Short")
    policy = BY_CHANCE["walk"](random.Random(1), {"Long": 100, "Short": 1})
    assert Counter(policy.choose(ready, None, ready).name for _ in range(200))["Long"] > 180


def test_a_schedule_is_followed() -> None:
    """A switch that fits is made; of one that does not, it is said why; so it is of one that it does not come to."""
    one, two = actors("One", "Two")
    one.steps = 2
    fits = BySchedule(Schedule((Switch("One", 2, "Two", "op"),)))
    assert two is fits.choose([one, two], one, [one, two])
    assert one is fits.choose([one, two], two, [one, two])
    assert "" == fits.differs()
    for switch, why in (
        (Switch("One", 2, "Two", "other"), "that one is about to do `op` then"),
        (Switch("One", 2, "Nobody"), "that one cannot move then"),
        (Switch("One", 9, "Two"), "it does not come to that"),
    ):
        policy = BySchedule(Schedule((switch,)))
        policy.choose([one, two], one, [one, two])
        assert f"after {switch.steps} steps of One it is the turn of {switch.to}" in policy.differs()
        assert policy.differs().endswith(why)


def test_a_kill_and_a_turn_at_the_same_moment() -> None:
    """First the one, then the other."""
    one, two = actors("One", "Two")
    one.steps = 2
    killed, turn = Switch("One", 2, "Two", "op", kills=True), Switch("One", 2, "Two", "op")
    policy = BySchedule(Schedule((killed, turn)))
    first = policy.choose([one, two], one, [one, two, Kill(two)])
    assert isinstance(first, Kill)
    assert two is policy.choose([one, two], one, [one, two])
    assert "" == policy.differs()
    cannot = BySchedule(Schedule((killed,)))
    cannot.choose([one, two], one, [one, two])
    assert "after 2 steps of One Two is killed before `op`: that one cannot be killed then" == cannot.differs()


def test_expectations_about_the_machine() -> None:
    """Also those in a part of another, and what has to follow within some seconds."""
    from run_scenario.runtime.exploration.limits import judged

    about_order = Expectation("exists", text="exists")
    about_time = (
        Expectation("duration", text="duration"),
        Expectation("any", parts=(about_order, Expectation("distribution")), text="any"),
        Expectation("leads_to", within=1.0, text="leads_to"),
        Expectation("exists", matchers=(Matcher((Condition("waited", "at_least", 0.1),)),), text="waited"),
    )
    scenario = Scenario("it", "it.yaml", "/it.yaml", "sha256:0", expect=(about_order, *about_time))
    kept, left_out = judged(scenario)
    assert ((about_order,), ("duration", "any", "leads_to", "waited")) == (kept.expect, left_out)


def test_expectations_where_somebody_is_killed() -> None:
    """What has to hold all the same is judged; of what the others speak, nothing is implied; the kill is allowed."""
    from run_scenario.expect import Judge
    from run_scenario.runtime.exploration.limits import judged
    from run_scenario.scenario.model import Scenario
    from run_scenario.scenario.processes import ProcessSpec

    conserved = Expectation("conserved", subject="tasks", text="conserved")
    both = Expectation("any_of", parts=(conserved, Expectation("exists", text="exists")), text="both")
    lost = Expectation("exists", matchers=(Matcher((Condition("event", "is", "queue.items_lost"),)),), text="lost")
    scenario = Scenario(
        "it",
        "it.yaml",
        "/it.yaml",
        "sha256:0",
        processes=(ProcessSpec("A", named=True, target="steps"),),
        expect=(conserved, both, lost),
    )
    kept, left_out = judged(scenario, Hazards(kill=True))
    assert ((conserved,), ("both", "lost")) == (kept.expect, left_out)
    assert {"process.orphaned", "queue.left_over", "queue.items_lost"} == kept.not_implied
    assert kept.processes[0].also_exitcodes >= {-9}
    orphaned = {"event": "process.orphaned", "t": 0.1, "process": "A"}
    for not_implied, verdicts in ((frozenset[str](), 1), (kept.not_implied, 0)):
        judge = Judge((), not_implied=not_implied)
        judge.take([orphaned])
        assert verdicts == len(judge.finish(complete=True))
    assert scenario == judged(scenario)[0]
