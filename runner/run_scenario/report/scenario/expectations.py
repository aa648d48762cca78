"""What a scenario made of a script has to allow or to expect, so that it may end as the script did."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.report.scenario.recorded import Recorded
from run_scenario.report.scenario.yaml_text import flow, indented, text

_RECORDED = "that is what happened when it was recorded"
_BY_CHANCE = "an item is lost only if its process ends before it has left it"
_ABRUPT = "the script's main program left processes behind by os._exit(), and this one waits for them"


def expectations(recorded: Recorded, unlike: Sequence[str], by_code: Container[str]) -> list[str]:
    """Return the lines of the section; none, if all went well.

    `unlike` is why the scenario may go another way than the script did, `by_code` are the processes that run the
    script's own code.
    """
    lines: list[str] = []
    if recorded.main_exited.get("cause") == "vanished" and "process.orphaned" in recorded.faults:
        unlike = [*unlike, _ABRUPT]
        lines += _may_happen("scenario.stalled", _ABRUPT)
    for kind, processes in sorted(recorded.faults.items()):
        if kind == "queue.item_dropped" and not any(each in by_code for each in processes):
            continue  # the step that put it is left out
        lines += _about({"event": kind}, [_BY_CHANCE] if kind == "queue.items_lost" else unlike)
    if recorded.stalled:
        lost = [_BY_CHANCE] if "queue.items_lost" in recorded.faults else []
        stopped = {"event": "scenario.stalled", "cause": recorded.stalled}
        if recorded.deadline is not None:
            stopped = {"event": "scenario.timed_out"}
        lines += _about(stopped, [*unlike, *lost])
    elif code := recorded.main_exited.get("exitcode"):
        lines.append(f"- exitcodes: {flow({MAIN_NAME: code})}")
    return ["expect:", *indented(lines, 2)] if lines else []


def _about(event: dict[str, str], doubts: Iterable[str]) -> list[str]:
    """Return the expectation that something happens again; where that is doubtful, that it may."""
    doubts = list(dict.fromkeys(doubts))
    if not doubts:
        return [f"- exists: {flow(event)}", f"  because: {_RECORDED}"]
    return _may_happen(event["event"], f"{_RECORDED}; here it may be otherwise: {' and '.join(doubts)}")


def _may_happen(event: str, why: str) -> list[str]:
    return [f"- count: {flow({'event': event})}", "  at_least: 0  # it may be, and need not", f"  because: {text(why)}"]
