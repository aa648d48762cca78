"""`explore`: many schedules of a scenario or a script, until one comes to what nobody wants; it is shrunk and kept."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario import bundled
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import (
    load_expectations,
    load_valid,
    read_schedule,
    remove_read,
    report,
    report_end,
)
from run_scenario.cli.options import given_by, limits_of, number
from run_scenario.cli.output_format import OutputFormat, json_lines
from run_scenario.cli.progress_bar import Bar
from run_scenario.cli.scripts import fix_hashes, script_runner, script_to_explore
from run_scenario.cli.settings import allowed_for, log_processors
from run_scenario.cli.signals import EndedBySignal, end_with, tidied
from run_scenario.cli.streams import write_stdout
from run_scenario.counting import plural
from run_scenario.errors import MachineryError, Status, UsageError, reason_of
from run_scenario.exploration.options import STRATEGIES, TIMES, TURNS
from run_scenario.runtime.platform.capabilities import check_fork
from run_scenario.runtime.script.frame import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from run_scenario.expect import Judge
    from run_scenario.exploration.schedule import Hazards
    from run_scenario.exploration.verdict import Explored
    from run_scenario.report.exploration import Kept
    from run_scenario.runtime.exploration.exploring import Plan
    from run_scenario.runtime.exploration.runs import Ended, Repeated, Runs, Supervision
    from run_scenario.runtime.run_follower import Sink
    from run_scenario.runtime.run_request import Script
    from run_scenario.scenario.model import Scenario

_STATUS = {"found": Status.FAILED, "not_found": Status.PASSED, "inconclusive": Status.FAILED}
_SCHEDULES = 200
_MOST_SCHEDULES = 10_000_000
_MOST_STEPS = 20_000
_USUAL = {"strategies": TURNS, "time": TIMES[0], "kill": False, "steps": _MOST_STEPS}
"""What is meant where neither the command nor the scenario says it."""
_SUFFIX = ".schedule.json"
_MOST_JOBS = 1_000
_PARTS = 1_000
"""Of what is to be done, for the progress bar."""
_PAUSE = 0.1
"""Seconds between two pictures of the progress."""


def explore(options: Namespace) -> Status:
    """Explore one scenario or script; return 0 if nothing was found."""
    check_fork(os.environ)
    shown = OutputFormat.chosen(options)
    if options.end_with_parent is not None:
        end_with(options.end_with_parent)
    script, supervisor = script_to_explore(options), None
    if script is not None:
        fix_hashes()
    else:
        from run_scenario.runtime.supervisor.client import start_supervisor

        # Before anything else is imported: each process of each run is a fork of it, and a copy of what it has.
        supervisor = start_supervisor()
    from run_scenario.runtime.exploration.runs import Supervision

    with Supervision(supervisor) as supervision:
        return _explore(options, shown, script, supervision)


def _explore(options: Namespace, shown: OutputFormat, script: Script | None, supervision: Supervision) -> Status:
    scenario, text = _scenario(script, options)
    _complete(options, scenario.explore or {})
    from run_scenario import loader
    from run_scenario.exploration import planted
    from run_scenario.exploration.schedule import NO_HAZARDS, Hazards
    from run_scenario.exploration.verdict import verdict
    from run_scenario.report import exploration
    from run_scenario.runtime.exploration import exploring, limits
    from run_scenario.runtime.exploration.runs import WholeRuns
    from run_scenario.runtime.exploration.scheduler import Scheduler

    first = None if options.replay_first is None else read_schedule(options.replay_first)
    hazards = Hazards(options.time == "any", options.kill, options.pipe_capacity)
    if first is not None:  # or it would not fit
        hazards = hazards.united(first.hazards)
    limits.check(scenario, hazards)
    hazards = limits.possible(hazards)
    allow = {} if script is not None else allowed_for([scenario], options.allow)
    path = _path(options.keep, scenario)
    if options.log is not None:
        from run_scenario.cli.pictures import check_writable

        check_writable(options.log)
    scenario, not_judged = limits.judged(scenario.replace(start_method=scenario.start_method or "fork"), hazards)
    plan = _plan(options, hazards)
    runs: Repeated
    runs_of_planted: Repeated
    if script is None:
        faulty = loader.load_text(planted.SCENARIO, file="planted.yaml").require().replace(start_method="fork")
        run_once = _runner(scenario, allow, options, hazards)
        runs = _runs(scenario, allow, options, supervision)
        runs_of_planted = _runs(faulty, {}, options, supervision)
    else:
        like = script.replace(path=planted.__file__, arguments=())
        run_once = script_runner(script, scenario, options.coverage, hazards)
        runs = WholeRuns(run_once)
        runs_of_planted = WholeRuns(script_runner(like, frame_of(like, None), "", NO_HAZARDS))
    with Scheduler() as scheduler, _Shown(plan) as progress, tidied():
        exploration_of = exploring.Exploration(scheduler, runs, scenario.timeout, plan, progress)
        try:
            is_in_control = exploring.finds_planted(scheduler, runs_of_planted, plan)
            explored = exploration_of.explore(not_judged, is_in_control=is_in_control, first=first)
            found = verdict(explored)
            if found.name == "found" and options.log is not None:
                exploration_of.run_found(explored, WholeRuns(_logging(run_once, options)))
        except EndedBySignal as ended:
            return ended.status
        except exploring.Refused as refused:
            progress.erase()
            report(refused.outcome.problems, text)
            report_end(refused.outcome)
            return refused.outcome.status
    is_kept = found.name == "found"
    kept = _keep(path, scenario, script, explored, options) if is_kept and path is not None else None
    if shown is OutputFormat.JSON:
        write_stdout(exploration.as_json(scenario.name, explored, found, kept))
    else:
        write_stdout("".join(f"{line}\n" for line in exploration.lines(scenario.name, explored, found, kept)))
    return _STATUS[found.name]


def _scenario(script: Script | None, options: Namespace) -> tuple[Scenario, str]:
    """Return what is explored, of a script the frame of its runs, and the text of its file."""
    from run_scenario.scenario.expected_ends import judged_by

    expected = load_expectations(options.expect)
    if script is not None:
        return frame_of(script, options.timeout, expected), ""
    scenario, text = load_valid(options.file, given_by(options))
    if options.temporary:
        remove_read(options.file)
    scenario = judged_by(expected, scenario)
    return (scenario if options.timeout is None else scenario.replace(timeout=options.timeout)), text


def _complete(options: Namespace, given: Mapping[str, object]) -> None:
    """Set what the command does not say to what the scenario says in `given`, or else to what is usual.

    How many are tried, and for how long, is one question: if the command answers half of it, the scenario is not asked.
    """
    bounds = {"schedules", "seconds"}
    if any(getattr(options, name) is not None for name in bounds):
        given = {name: value for name, value in given.items() if name not in bounds}
    for name in (*bounds, "strategies", "seed", "time", "kill", "pipe_capacity", "steps"):
        if getattr(options, name) is None:
            setattr(options, name, given.get(name, _USUAL.get(name)))
    if options.schedules is None:
        options.schedules = _SCHEDULES if options.seconds is None else _MOST_SCHEDULES


def _plan(options: Namespace, hazards: Hazards) -> Plan:
    from run_scenario.runtime.exploration.exploring import Plan

    return Plan(
        options.schedules,
        options.seconds,
        tuple(options.strategies),
        int.from_bytes(os.urandom(3), "little") if options.seed is None else options.seed,
        options.steps,
        options.replays,
        options.jobs,
        hazards,
    )


class _Shown:
    """Shows on a terminal how far it has come: as it can be read, and not each of a hundred schedules a second."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._bar = Bar(_PARTS)
        self._next = 0.0

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()

    def erase(self) -> None:
        """Show it no longer."""
        self._bar.erase()

    def show(self, schedules: int, orders: int, seconds: float, found: str, doing: str) -> None:
        """Show how far it has come."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _PAUSE
        done = schedules / self._plan.schedules
        if self._plan.seconds is not None:
            done = max(done, seconds / self._plan.seconds)
        if found:
            text = f"found ({found}) in schedule {schedules:,}; {doing}"
        else:
            rate = f", {schedules / seconds:.0f}/s" if seconds > 0 else ""
            text = f"schedule {schedules:,}{rate}, {plural(orders, 'order')}, 0 found"
        self._bar.show(int(done * _PARTS), text, is_last=bool(found))


def _runs(scenario: Scenario, allow: Mapping[str, str], options: Namespace, supervision: Supervision) -> Runs:
    """Return what runs a scenario again and again, and shows nothing of it."""
    from run_scenario import loader
    from run_scenario.report.reasons import Sentences, sentences
    from run_scenario.runtime.exploration.runs import Runs

    return Runs(
        scenario,
        loader.plan(scenario),
        supervision,
        allow=allow,
        limits=limits_of(options),
        way_to_allow=options.way_to_allow,
        coverage=options.coverage,
        wording=Sentences(),
        sentences=sentences,
        make_judge=lambda: _judge(scenario),
    )


def _judge(scenario: Scenario) -> Judge:
    from run_scenario.expect import Judge

    return Judge(scenario.expect, names_are_checked=True, not_implied=scenario.not_implied)


def _runner(scenario: Scenario, allow: Mapping[str, str], options: Namespace, hazards: Hazards) -> Callable[..., Ended]:
    """Return what runs a scenario once by itself, and shows nothing of it; it writes to `sinks`, if it is given any."""
    from run_scenario import loader
    from run_scenario.report.reasons import Sentences, sentences
    from run_scenario.runtime import runner
    from run_scenario.runtime.exploration.runs import Ended

    steps, limits = loader.plan(scenario), limits_of(options)

    def run_once(path: str, sinks: Sequence[Sink] = ()) -> Ended:
        with runner.start_supervisor() as supervisor:
            outcome = runner.run(
                scenario,
                steps,
                supervisor=supervisor,
                allow=allow,
                sinks=sinks,
                wording=Sentences(),
                make_judge=lambda: _judge(scenario),
                limits=limits,
                way_to_allow=options.way_to_allow,
                coverage=options.coverage,
                control=path,
                pipe_capacity=hazards.pipe_capacity,
            )
            return Ended(outcome, tuple(sentences(outcome)))

    return run_once


def _logging(run_once: Callable[..., Ended], options: Namespace) -> Callable[[str], Ended]:
    """Return what runs once, and appends the log to the file of --log."""
    from run_scenario.report.outputs import Output

    def run_logged(path: str) -> Ended:
        sinks = json_lines([Output.log(options.log)], log_processors(options.processors, options.allow))
        try:
            return run_once(path, sinks)
        finally:
            for sink in sinks:
                sink.close()

    return run_logged


def _path(given: str | None, scenario: Scenario) -> Path | None:
    """Return where a schedule is to be kept, None if nowhere: what is there is not written over, but for a schedule.

    Raises:
        UsageError: something else is there, or nothing can be written there.
    """
    if given == "":
        return None
    path = Path(given if given is not None else f"{scenario.name}{_SUFFIX}")
    if path.exists() and not _is_schedule(path):
        raise UsageError(
            f"{path} is there already, and is no schedule: what is found has to be kept elsewhere (--keep)"
        )
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"a schedule that is found cannot be kept in {path.parent}: say where it can be (--keep)")
    return path


def _is_schedule(path: Path) -> bool:
    try:
        read_schedule(str(path))
    except UsageError:
        return False
    return True


def _keep(path: Path, scenario: Scenario, script: Script | None, explored: Explored, options: Namespace) -> Kept | None:
    """Write the schedule that was found; return where it is, and how it is replayed.

    Raises:
        MachineryError: it cannot be written.
    """
    from run_scenario.exploration.schedule import KeptSchedule, encode
    from run_scenario.report.exploration import Kept

    finding = explored.finding
    if finding is None:
        return None
    bundled_one = bundled.find_scenario(scenario.name) if script is None else None
    is_bundled = bundled_one is not None and bundled_one.samefile(scenario.path)
    name = "" if options.temporary else scenario.name if is_bundled else os.path.relpath(scenario.path, path.parent)
    expect = "" if options.expect is None else os.path.relpath(options.expect, path.parent)
    how = finding.schedule, scenario.params, explored.hazards, expect
    schedule = KeptSchedule(name, scenario.digest, finding.outcome, *how)
    if script is not None:
        timeout = None if math.isinf(scenario.timeout) else scenario.timeout
        schedule = schedule.replace(is_script=True, arguments=script.arguments, timeout=timeout)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(encode(schedule), encoding="utf-8")
        beside.replace(path)  # another run of the same test may read it just now
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise MachineryError(f"cannot write {path}: {reason_of(error)}") from None
    shown = _from_here(path)
    more = [] if script is None else [_from_here(script.path)]
    more += [part for package in options.allow for part in ("--allow", package)]
    return Kept(shown, "" if options.temporary else shlex.join(["run-scenario", "replay", shown, *more]))


def _from_here(path: str | Path) -> str:
    """Return a path as it is written in the current folder, if it is below that."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative


def _strategies(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no strategy {unknown[0]!r}; there are {', '.join(STRATEGIES)}")
    return names


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="a scenario's path, the name of a bundled one, or a script (.py), run as it is"
    )
    parser.add_argument(
        "arguments", metavar="ARG", nargs="*", help="arguments of the script; behind -- if they begin with a hyphen"
    )
    parser.add_argument(
        "--schedules",
        metavar="N",
        type=number(int, lambda found: 0 < found <= _MOST_SCHEDULES, f"a number from 1 to {_MOST_SCHEDULES:,}"),
        help="how many schedules are tried at most (default: as the scenario's `explore` says, or else "
        f"{_SCHEDULES}; with --for, as many as there is time for)",
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        metavar="S",
        type=number(float, lambda found: found > 0, "a number of seconds above 0"),
        help="for how many seconds they are tried at most; what is found is shrunk and replayed after that",
    )
    parser.add_argument(
        "--strategy",
        dest="strategies",
        metavar="LIST",
        type=_strategies,
        help=f"how they are chosen, in turn (default: {','.join(TURNS)})",
    )
    parser.add_argument(
        "--jobs",
        metavar="K",
        type=number(int, lambda found: 0 < found <= _MOST_JOBS, f"a number from 1 to {_MOST_JOBS}"),
        default=1,
        help="how many are tried at a time; with --seed, the same are tried with any number (default: 1)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=number(int, lambda found: found >= 0, "a whole number, 0 or above"),
        help="the same schedules are tried with the same seed; it is printed (default: another one each time)",
    )
    parser.add_argument(
        "--time",
        choices=TIMES,
        help="when timeouts come: idle: when nobody else can move (default); any: whenever",
    )
    parser.add_argument(
        "--kill",
        action=argparse.BooleanOptionalAction,
        help="kill a process, too, by SIGKILL, before any of its operations: whether others wait for it for ever, and "
        "what is lost; of a script, only whether they wait, and what is expected",
    )
    shared.add_pipe_capacity(parser, "as many as the system gives it, mostly 64K")
    parser.add_argument(
        "--steps",
        metavar="N",
        type=number(int, lambda found: found > 0, "a number of steps above 0"),
        help=f"how many steps a run may have (default: {_MOST_STEPS:,})",
    )
    parser.add_argument(
        "--replays",
        metavar="N",
        type=number(int, lambda found: found > 0, "a number above 0"),
        default=100,
        help="how often what is found is replayed before it is claimed (default: 100)",
    )
    parser.add_argument(
        "--keep", metavar="PATH", help=f"where the schedule is kept that was found (default: SCENARIO{_SUFFIX})"
    )
    parser.add_argument(
        "--replay-first",
        metavar="SCHEDULE",
        help="try this one before all others: it was kept another time, perhaps of another version of the scenario",
    )
    parser.add_argument("--log", metavar="PATH", help="append the log of what is found to this file, as JSON Lines")
    shared.add_set(parser)
    shared.add_format(parser)
    shared.add_timeout(parser, "deadline of a run in seconds of its virtual clock, instead of what the scenario says")
    shared.add_expect(parser, "judge by this file of expectations, not by what the scenario expects, or a script loses")
    shared.add_allow(parser)
    shared.add_no_color(parser)
    # For programs that run this one, such as the Python API: see `run`.
    parser.add_argument("--end-with-parent", metavar="PID", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--temporary", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--processors", metavar="LIST", help=argparse.SUPPRESS)
    parser.add_argument("--way-to-allow", metavar="TEXT", default="", help=argparse.SUPPRESS)
    shared.add_coverage(parser)
    shared.add_limits(parser)


COMMAND = Command(
    "try many schedules of a scenario or a script, and keep one that fails",
    "  run-scenario explore consumers-until-empty\n"
    "  run-scenario explore poison-pill --schedules 1000\n"
    "  run-scenario explore my.yaml --for 60 --jobs 4\n"
    "  run-scenario explore my.yaml --kill --time any\n"
    "  run-scenario explore crawler.py -- --workers 4\n\n"
    "The processes are real, but one of them moves at a time: which one is decided before each operation that others\n"
    "can see. Time is virtual: a sleep is over when nobody else can move. What is found is shrunk to few switches,\n"
    "replayed 100 times, and kept in a file for `run-scenario replay`. The exit status is 1 if something is found or\n"
    "nothing can be said, 0 if nothing is found. What the command leaves out is as the scenario's `explore` says.",
    _add_arguments,
    explore,
)
