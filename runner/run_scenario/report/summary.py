"""The results of a run in words: its outcome, how each process ended, who has taken or done how much.

Every view takes them from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import UNSET

from run_scenario.counting import plural
from run_scenario.events.exit_status import has_passed
from run_scenario.events.history.resources import MOST_ITEMS, ConsumerStatistics
from run_scenario.events.types import ScenarioFinished, ScenarioStarted
from run_scenario.report.sentences import OUTCOMES
from run_scenario.report.text import sanitize, seconds

if TYPE_CHECKING:
    from run_scenario.events.history.history import History
    from run_scenario.events.history.lane import Lane

_CAUSES: dict[str, str] = {
    "returned": "returned",
    "exception": "failed",
    "sys.exit": "sys.exit()",
    "interrupted": "interrupted",
    "terminated": "terminated",
    "killed": "killed",
    "daemon": "terminated as a daemon",
    "signal": "ended by a signal",
    "crash": "crashed",
    "vanished": "exited abruptly",
    "stopped_by_runner": "stopped by run-scenario",
    "ended": "ended by itself",
    "cut_off": "cut off with its program",
    "unstarted": "did not reach its target",
    "unknown": "ended, it is not known how",
    "refused": "refused the scenario",
}
"""The causes of `process.exited`."""
_OF_ITS_OWN = frozenset(("returned", "sys.exit"))
"""Causes for which the process itself has decided to leave."""

_WATCH_FOR = "Watch for:"
IN_THE_LOG, IN_A_LOG = "in the log of the run", "in the log of a run"
"""Where a view says that there is to be seen what it shows not at all, or in other words; a plan: in any run."""

_NOT_THIS_TIME = "; it did not hang this time, but another run of it may"
_MOST_NAMED = 8
"""Processes of those who did or took something; of more, only their number is given."""


def outcome(history: History) -> str:
    """Return the outcome in one sentence: `passed after 3.01 s`; of a log without an end, that it has none."""
    stalled = "" if history.stall is None else history.stall.reason
    if history.end is not None:
        might = history.end.outcome == "passed" and history.started is not None and history.started.may_hang is True
        return verdict(history.end, stalled) + (_NOT_THIS_TIME if might else "")
    ends = f"the log ends after {seconds(history.last)}, before the run does"
    return sanitize(f"{ends}: {stalled}" if stalled else ends)


def verdict(end: ScenarioFinished | None, stalled: str = "") -> str:
    """Return the outcome in a `scenario.finished` as one sentence; `stalled` is why nothing moved, if that is known.

    Why a scenario was refused is left out: its problems are listed elsewhere, each with its place in the file.
    """
    if end is None:
        return "the run ended without a verdict"
    reasons = [] if end.outcome == "refused" else list(end.reasons)
    is_reason = bool(reasons) and end.outcome in ("stalled", "timed_out")
    if stalled and not is_reason:
        reasons.insert(0, stalled)
    why = _met(end) + (": " + "; ".join(reasons) if reasons else "")
    option = " (the deadline is that of --timeout, or of `timeout:`)" if end.outcome == "timed_out" else ""
    how = OUTCOMES.get(end.outcome, end.outcome)
    if has_passed(end) and end.outcome != "passed":
        how += " as expected"
    return sanitize(f"{how} after {seconds(end.duration)}{option}{why}")


def _met(end: ScenarioFinished) -> str:
    count = end.counts.get("expectations")
    return f", {plural(count, 'expectation')} met" if count and has_passed(end) else ""


def introduction(started: ScenarioStarted | None, seen_in: str = "") -> tuple[str, str]:
    """Return what a scenario says of itself: what it shows, and from "Watch for" on what to look at; may be empty.

    What it speaks of are the lines and tables of a run; a view that has others says where these are to be `seen_in`.
    """
    text = started.description if started is not None else UNSET
    return parted("" if text is UNSET else text, seen_in)


def parted(description: str, seen_in: str = "") -> tuple[str, str]:
    """Return the two parts of a scenario's description; see `introduction`."""
    shows, watch_for, what = " ".join(description.split()).partition(_WATCH_FOR)
    if watch_for and seen_in:
        watch_for = f"{watch_for.removesuffix(':')}, {seen_in}:"
    return sanitize(shows.strip()), sanitize(f"{watch_for}{what}")


def who_took(consumers: Mapping[str, ConsumerStatistics]) -> str:
    """Return who took how many items, and which if they are few; of many consumers, only the first."""
    few = sum(consumer.count for consumer in consumers.values()) <= MOST_ITEMS
    return _each({name: _taken(consumer, few) for name, consumer in consumers.items()})


def shares(counts: Mapping[str, int]) -> str:
    """Return who did how many: of many, only the first."""
    return _each({name: f"{count:,}" for name, count in counts.items()})


def _taken(consumer: ConsumerStatistics, few: bool) -> str:
    """Return how many items somebody took, which, and how many poison pills."""
    all_known = few and len(consumer.first) == consumer.count > 0
    named = f" ({', '.join(map(sanitize, consumer.first))})" if all_known else ""
    pills = f" + {plural(consumer.pills, 'pill')}" if consumer.pills else ""
    return f"{consumer.count:,}{named}{pills}"


def _each(texts: Mapping[str, str]) -> str:
    parts = [f"{sanitize(name)} {text}" for name, text in sorted(texts.items())]
    more = len(parts) - _MOST_NAMED
    return ", ".join(parts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def lane_exit(lane: Lane) -> str:
    """Return how the process of a lane ended: `failed: ValueError`."""
    if lane.end is None:
        return "no end was seen" if lane.seen else "was not started"
    words = _CAUSES.get(lane.end.cause, lane.end.cause)
    if lane.end.cause == "daemon" and lane.end.worker == "thread":
        words = "cut off as a daemon"
    details = [text for text in (lane.exception, lane.end.signal) if text]
    return f"{words}: {', '.join(details)}" if details else words


def lane_exit_and_why(lane: Lane) -> str:
    """Return how the process of a lane ended, and the empty queue that it left for."""
    found_empty = left_empty_queue(lane)
    return f"{lane_exit(lane)}: {found_empty}" if found_empty else lane_exit(lane)


def left_empty_queue(lane: Lane) -> str:
    """Return which queue a process found empty before it left, if it did nothing with any queue in between."""
    left = lane.end is not None and lane.end.cause in _OF_ITS_OWN and not lane.failed
    if lane.found_empty is None or not left:
        return ""
    queue, call = lane.found_empty
    return f"{queue}.get() got nothing" if call == "get" else f"{queue}.empty() said True"


def just_returned(lane: Lane) -> bool:
    """Return whether there is nothing remarkable about an end."""
    return lane.end is not None and lane.end.cause == "returned" and not lane.failed and not lane.found_empty
