"""A scenario of what a recorded script did: its file, section by section."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from run_scenario.counting import plural
from run_scenario.errors import Problem, UsageError
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.recording.payloads import WITHHELD
from run_scenario.report.scenario.actions import UNTIL_ENDED, Actions
from run_scenario.report.scenario.code import Code, keywords
from run_scenario.report.scenario.pools import Calls
from run_scenario.report.scenario.recorded import Names, Process, Recorded, read
from run_scenario.report.scenario.step import Step, arranged, written
from run_scenario.report.scenario.yaml_text import WIDTH, comment, escaped, flow, indented, remark, text
from run_scenario.report.sentences import Event
from run_scenario.scenario.model import DEFAULT_TIMEOUT
from run_scenario.scenario.steps import POOLS, SIGNALS

# What it has to allow or to expect


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


# The file


_MOST_VALUES = 7_000
"""Values in all steps together; a scenario may have 10,000."""
_MANY_KEYS = 4
_TYPED = ("Value", "Array", "ManagerValue", "ManagerArray")
_TYPECODES = "bBhHiIlLqQfdcu"
_NOBODY = ["  # the script started none, and a scenario has one", "  - {name: Nobody, target: print_info}"]
_SENT = ("interrupted", "terminated", "killed", "daemon", "signal")
"""Causes of an end that came from elsewhere, while the process went on."""
_BODY = "\nversion: 1\n"
_MOST_PROBLEMS = 10
_SECTIONS = {
    **dict.fromkeys(("Queue", "JoinableQueue", "SimpleQueue"), "queues"),
    "Pipe": "pipes",
    **dict.fromkeys(("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Barrier"), "sync"),
    **dict.fromkeys(POOLS, "pools"),
}
"""Type of a resource -> where a scenario describes it; all else is shared."""


def render(events: Iterable[Event], source: str | None) -> str:
    """Return the scenario, not yet validated; `source` is the script's text, where it is known.

    Raises:
        UsageError: the log is not that of a script.
    """
    recorded = read(events)
    if not _is_of_script(recorded):
        raise UsageError("only the log of a script can become a scenario (see `run-scenario record`); this is none")
    return _Layout(recorded, source).text()


def with_problems(scenario: str, problems: Iterable[Problem]) -> str:
    """Return a scenario with what the validator says of it in its head, by the lines on which its body then is."""
    problems = sorted(problems, key=lambda problem: problem.severity)
    if not problems:
        return scenario
    if problems[0].severity == "error":
        head = "THIS FILE IS NOT VALID. What was recorded cannot be said like this; mend these places by hand:"
    else:
        head = "`run-scenario validate` warns of these places; they are as they were recorded:"
    shown, more = problems[:_MOST_PROBLEMS], len(problems) - _MOST_PROBLEMS
    added = 1 + len(shown) + (more > 0)
    words = [head, *(f"  line {problem.where.line + added}: {problem.what}" for problem in shown)]
    words += [f"  and {more} more"] if more > 0 else []
    return scenario.replace(_BODY, "".join(f"\n{comment(each)}" for each in words) + _BODY, 1)


def _is_of_script(recorded: Recorded) -> bool:
    return recorded.started.get("event") == "scenario.started" and bool(recorded.started.get("script"))


class _Layout:
    def __init__(self, recorded: Recorded, source: str | None) -> None:
        self._recorded = recorded
        self._names = Names(recorded)
        self._file = str(recorded.started.get("file"))
        self._code = Code(self._file, source, (made["file"] for made in recorded.resources.values()))
        self._calls = Calls(self._code)
        self._run_by_code: dict[str, tuple[str, dict[str, Any]]] = {}
        """Processes whose target can be named -> that, and their arguments."""
        self._why: dict[str, str] = {}
        """The others -> why not."""
        for process in recorded.processes.values():
            self._find_target(process)
        self._done_with = self._find_directions()
        self._processes = {name: each for name, each in recorded.processes.items() if self._is_described(each)}
        self._resources = {
            name: made for name, made in recorded.resources.items() if self._has_maker(made) and _is_sayable(made)
        }
        self._families = self._find_families()
        self._room = _MOST_VALUES
        self._unlike: list[str] = []
        """Why it may go another way than the script did."""

    def text(self) -> str:
        """Return the file."""
        recorded = self._recorded
        main = self._main()
        children = self._children(MAIN_NAME)
        replicas = {name for names in self._families.values() for name in names[1:]}
        shown = [each for each in children if self._names.process(each.name) not in replicas]
        processes = self._between(map(self._process, shown))
        if not processes and not any(made["type"] in POOLS for made in self._resources.values()):
            processes = _NOBODY
        sections = [
            *self._resource_sections(),
            ["processes:", *processes] if processes else [],
            main,
            expectations(recorded, self._unlike, self._run_by_code),
        ]
        head = self._head()
        return "\n\n".join("\n".join(lines) for lines in [head, *sections] if lines) + "\n"

    # Who and what is in it

    def _find_target(self, process: Process) -> None:
        starting = process.starting
        function, why = self._code.function(starting.get("path") or "")
        given, not_said = keywords(starting.get("arguments") or [])
        not_said = not_said or self._name_of_memory(starting)
        not_said = not_said or next(filter(None, map(self._why_not_given, _resources_in(starting))), "")
        if why or not_said:
            self._why[process.name] = f"{starting['target']}, but {why or not_said}"
        else:
            self._run_by_code[process.name] = function, given

    def _find_directions(self) -> dict[tuple[str, str], set[str]]:
        """Return which of put and get is done by some process with what a parameter of its target is given."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for process in self._recorded.processes.values():
            for argument in process.starting.get("arguments") or []:
                used = self._recorded.used.get((process.name, argument.get("resource", "")), set())
                found[process.starting["path"], argument["name"]] |= used
        return found

    def _why_not_given(self, resource: str) -> str:
        made = self._recorded.resources.get(resource)
        return "" if made is not None and _is_sayable(made) else f"it is given {resource}, which no scenario has"

    def _name_of_memory(self, starting: Event) -> str:
        """Return why it cannot be given the same, if that is the name of shared memory: it is another in each run."""
        for argument in starting.get("arguments") or []:
            data = argument.get("data")
            if isinstance(data, str) and data.lstrip("/") in self._recorded.blocks:
                return f"it is given the name of {self._recorded.blocks[data.lstrip('/')]}: another in each run"
        return ""

    def _is_described(self, process: Process) -> bool:
        """Return whether a process is started by the main program, or by one of which all steps are written."""
        parent = self._recorded.processes.get(process.parent)
        if parent is None:
            return process.parent == MAIN_NAME
        return parent.name not in self._run_by_code and self._is_described(parent)

    def _has_maker(self, made: Event) -> bool:
        maker = made["process"]
        if made["type"] in POOLS or maker == MAIN_NAME:
            return bool(maker == MAIN_NAME)
        return maker in self._processes and maker not in self._run_by_code

    def _children(self, parent: str) -> list[Process]:
        return [each for each in self._processes.values() if each.parent == parent]

    def _find_families(self) -> dict[str, list[str]]:
        """Return the names of processes that are alike but for their numbers, by what they have in common."""
        found: dict[str, list[Process]] = defaultdict(list)
        for process in self._children(MAIN_NAME):
            found[self._names.process(process.name).rpartition("-")[0]].append(process)
        families = {}
        for base, members in found.items():
            names = [
                name
                for number, each in enumerate(takewhile(partial(self._is_like, members[0]), members), 1)
                if (name := self._names.process(each.name)) == f"{base}-{number}"
            ]
            if len(names) > 1 and names[-1] == f"{base}-{len(names)}" and self._names.is_free(base):
                families[base] = names
        return families

    def _is_like(self, first: Process, other: Process) -> bool:
        return other.name in self._run_by_code and self._entry(other) == self._entry(first)

    # Sections

    def _head(self) -> list[str]:
        started = self._recorded.started
        when = str(started.get("timestamp"))[:16].replace("T", " ")
        allow = " ".join(f"--allow {package}" for package in sorted(self._code.packages))
        lines = [
            comment(f"What {self._file} did when it was recorded: {when} UTC, run-scenario {started.get('version')}."),
            comment("It has what the script made of multiprocessing, and who did what, in the order of that one run."),
            comment("The script's functions are called where they have a name. What else it does is not in here: its"),
            comment("loops and conditions, what it computes and prints, its threads and files."),
        ]
        if allow:
            beside = f" beside {self._file}" if self._file.endswith(".py") else ""
            lines.append(comment(f"To run it{beside}, allow its code: run-scenario run FILE {allow}"))
        if self._code.unusable:
            lines.append(comment(f"No code of {self._file} is named: {self._code.unusable}."))
            lines.append(comment("So the processes have their recorded steps instead of it."))
        elif self._code.is_unseen and self._code.module in self._code.packages:
            lines.append(comment(f"Make sure that {self._code.module} does nothing when it is imported."))
        if self._recorded.is_withheld:
            lines.append(
                comment(f"What was put, sent and given was not recorded (--no-payloads): {WITHHELD!r} is for it.")
            )
        lines += [comment(f"Not recorded: {what}") for what in self._recorded.missing]
        lines += ["version: 1", f"title: {text(f'What {self._file} did')}"]
        methods = self._recorded.start_methods
        if methods:
            others = f"other processes: {', '.join(methods[1:])}" if len(methods) > 1 else ""
            lines.append(remark(f"start_method: {methods[0]}", others))
        if self._recorded.deadline is not None:
            lines.append(f"timeout: {flow(self._recorded.deadline)}")
        elif self._recorded.lasted * 2 > DEFAULT_TIMEOUT:
            lines.append(f"timeout: {math.ceil(self._recorded.lasted * 2)}")
        return lines

    def _resource_sections(self) -> list[list[str]]:
        found: dict[str, list[str]] = {"queues": [], "pipes": [], "sync": [], "shared": [], "pools": []}
        for name, made in self._recorded.resources.items():
            lines = found[_SECTIONS.get(made["type"], "shared")]
            if name in self._resources:
                lines += indented(self._resource(name, made), 2)
            elif self._has_maker(made):
                words = f"no scenario has a {made['type']} such as {name}: what was done with it is left out"
                lines.append(f"  {comment(words)}")
        return [[f"{section}:", *lines] for section, lines in found.items() if lines]

    def _resource(self, name: str, made: Event) -> list[str]:
        called = self._names.resource(name)
        if made["type"] in POOLS:
            return self._calls.entry(made, called, self._argument)
        kind, manager = made["type"], {}
        if made["manager"]:
            kind = kind.removeprefix("Manager")
            manager = {} if kind in ("dict", "list", "Namespace", "Queue") else {"manager": True}
        parameters = escaped(made["parameters"])
        if "lock" in parameters:
            parameters["lock"] = self._names.resource(made["parameters"]["lock"])
        words = ""
        if parameters.get("typecode") == "c" and isinstance(parameters.get("value"), dict):
            characters = parameters.pop("value").get("bytes", "")
            parameters |= {"value": characters} if characters.isascii() and characters else {}
        if kind == "SharedMemory":
            words = "what is read and written there is not recorded; it is closed and unlinked at the end"
        elif kind == "ShareableList":
            words = "closed and unlinked at the end"
        if "value" in parameters:
            parameters.pop("size", None)
        elif kind == "Array":
            words = "what it began with is not recorded"
        if kind == "Pipe":
            parameters["close_unused"] = False  # a script's ends are closed by itself alone
        entry = ({} if kind in ("Queue", "Pipe") and not made["manager"] else {"type": kind}) | parameters | manager
        return [remark(f"{text(called)}: {flow(entry)}", words)]

    def _argument(self, argument: dict[str, Any]) -> str:
        name = self._names.resource(argument["resource"])
        return f"{name}.{argument['end']}" if "end" in argument else name

    # Processes

    def _between(self, entries: Iterable[list[str]]) -> list[str]:
        """Return entries of a list, with an empty line around those that are long."""
        found: list[str] = []
        for entry in entries:
            if found and (len(entry) > 1 or found[-1].startswith("   ")):
                found.append("")
            found += indented(entry, 2)
        return found

    def _process(self, process: Process) -> list[str]:
        name = self._names.process(process.name)
        ended = process.exited or {}
        family = name.rpartition("-")[0]
        head: dict[str, Any] = {"name": name}
        if name in self._families.get(family, ()):
            head = {"name": family, "replicas": len(self._families[family])}
        entry = head | self._entry(process)
        if process.name in self._run_by_code:
            return [*self._own_children(process), *_laid_out(entry)]
        lines = [comment(f"it ran {self._why[process.name]}: these are the steps that it took")]
        lines += _laid_out(entry, long=True)
        steps = self._steps(process.name, self._recorded.begun.get(process.name)) + _endings(ended)
        lines += ["  steps:", *indented(written(steps), 4)]
        children = self._children(process.name)
        if children:
            lines += ["  processes:", *indented(self._between(map(self._process, children)), 2)]
        return lines

    def _entry(self, process: Process) -> dict[str, Any]:
        """Return what a process has but for its name and its steps."""
        entry: dict[str, Any] = {}
        ended = process.exited or {}
        if process.name in self._run_by_code:
            function, given = self._run_by_code[process.name]
            entry |= {"target": function} | self._bindings(process) | given
        if process.starting.get("daemon"):
            entry["daemon"] = True
        if _is_own_failure(ended):
            entry["exitcode"] = ended["exitcode"]
        if process.name in self._run_by_code:
            ends = [each.exited for each in self._descendants(process.name) if each.exited]
            codes = {ended["exitcode"] for ended in ends if _is_own_failure(ended)} - {0}  # which is always right
            if codes:
                entry["children_exitcode"] = sorted(codes) if len(codes) > 1 else codes.pop()
        return entry

    def _descendants(self, ancestor: str) -> Iterator[Process]:
        for process in self._recorded.processes.values():
            if process.parent == ancestor:
                yield process
                yield from self._descendants(process.name)

    def _own_children(self, process: Process) -> list[str]:
        names = [each.name for each in self._recorded.processes.values() if each.parent == process.name]
        return [comment(f"its own code starts {', '.join(names)}")] if names else []

    def _bindings(self, process: Process) -> dict[str, dict[str, Any]]:
        """Return which parameters get which resources, by direction."""
        found: dict[str, dict[str, Any]] = {"from": {}, "to": {}, "uses": {}}
        for argument in process.starting.get("arguments") or []:
            if "resource" in argument:
                done = self._done_with[process.starting["path"], argument["name"]]
                direction = {"get": "from", "put": "to"}.get(" ".join(done), "uses")
                found[direction][argument["name"]] = self._argument(argument)
            elif "resources" in argument:
                found["uses"][argument["name"]] = [self._argument(each) for each in argument["resources"]]
        return {direction: given for direction, given in found.items() if given}

    # Steps

    def _main(self) -> list[str]:
        steps = self._steps(MAIN_NAME, None) + _endings(self._recorded.main_exited)
        return ["main:", *indented(written(steps), 2)]

    def _steps(self, process: str, begun: float | None) -> list[Step]:
        recorded = self._recorded
        actions = Actions(self._names, self._resources, self._processes, self._calls, recorded)
        done = actions.steps(self._recorded.did[process], begun)
        if process in self._recorded.stuck:
            done += actions.stuck(self._recorded.stuck[process])
        steps = self._fitting(arranged(done, self._families))
        if recorded.left_out[process]:
            steps.append(Step(words="there is no room for all that it did"))
        if actions.has_stand_ins:
            self._unlike.append("an item is not what it was in the script")
        if not all(step.data for step in (*done, *steps)):
            self._unlike.append("not all that was done is in here")
        if process in recorded.threads_stuck:
            self._unlike.append("the script's threads are not in here")
        return steps

    def _fitting(self, steps: list[Step]) -> list[Step]:
        """Return the steps for which there is room in the file, and a comment if that is not all of them."""
        for number, step in enumerate(steps):
            self._room -= step.size()
            if self._room < 0:
                left = plural(len(steps) - number, "step")
                return [*steps[:number], Step(words=f"there is no room for what follows here: {left}")]
        return steps


def _resources_in(starting: Event) -> list[str]:
    """Return the names of the resources that a process is given."""
    arguments = starting.get("arguments") or []
    listed = [each["resource"] for argument in arguments for each in argument.get("resources", ())]
    return listed + [argument["resource"] for argument in arguments if "resource" in argument]


def _is_sayable(made: Event) -> bool:
    if made["type"] in ("SharedMemory", "ShareableList"):
        return not made["parameters"].keys() & {"name"} and bool(made["parameters"].keys() & {"size", "value"})
    return made["type"] not in _TYPED or made["parameters"].get("typecode") in tuple(_TYPECODES)


def _is_own_failure(ended: Event) -> bool:
    """Return whether a process ended by itself in a way that a scenario has to allow; os._exit(0) is one, too."""
    if ended.get("cause") in ("vanished", "unstarted", "ended"):
        return True
    return bool(ended.get("exitcode")) and ended.get("cause") in ("exception", "sys.exit", "signal", "crash")


def _endings(ended: Event) -> list[Step]:
    """Return how a process ends, after its steps, that came to no end of its own."""
    cause, signal = ended.get("cause"), str(ended.get("signal"))
    if cause in ("signal", "crash") and signal in SIGNALS:
        return [Step({"raise_signal": signal}, "whoever sent that is not known" if cause == "signal" else "it crashed")]
    if cause in ("vanished", "ended"):  # ended: a copy by os.fork()
        return [Step({"exit": ended["exitcode"]}, "by os._exit() or the like, which waits for nobody")]
    if cause in _SENT:
        return [Step({"sleep": UNTIL_ENDED}, f"until {signal} ends it; what it did meanwhile is not recorded")]
    return []


def _laid_out(entry: dict[str, Any], *, long: bool = False) -> list[str]:
    """Return an entry of a list on one line, if it fits, otherwise with one for each key."""
    line = f"- {flow(entry)}"
    if len(line) <= WIDTH - 20 and not long and len(entry) < _MANY_KEYS:
        return [line]
    return [f"{'  ' if number else '- '}{key}: {flow(value)}" for number, (key, value) in enumerate(entry.items())]
