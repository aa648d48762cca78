"""Processes: their number, names and arguments, how they are joined, what a thread cannot do, the CPUs, the time."""

from __future__ import annotations

import re
from itertools import accumulate

from run_scenario import targets
from run_scenario.loader.problems import Problems, Span, quote
from run_scenario.loader.reading.draft import Draft, ProcessDraft
from run_scenario.loader.reading.synonyms import Part, instead_of
from run_scenario.loader.reading.yaml_parser import Entry, Mapping, Node, Scalar, Sequence, plain, walk
from run_scenario.scenario.model import MAX_ARGUMENTS, MAX_PROCESSES

_RUNNING = ("processes", "pools")
_RESERVED = {"MainProcess": "of the main program", "run-scenario": "of the runner itself"}


def check_not_empty(draft: Draft, problems: Problems) -> bool:
    """Add a problem if the scenario has neither processes nor pools, for nothing would run; return whether it has."""
    fields = draft.fields
    if not fields.valid or not {entry.key for entry in fields}.isdisjoint(_RUNNING):
        return True
    if any(_stands_for_processes(entry, problems) for entry in fields):
        return True
    hint = "write `processes:` and below it a list, as in `- target: sleep`"
    if fields.entry("expect") is not None:
        hint += "; what is expected of a script is for `run-scenario record --expect`, and for `check`"
    problems.error(fields.span, "a scenario needs the key 'processes'", hint)
    return False


def _stands_for_processes(entry: Entry, problems: Problems) -> bool:
    meant = instead_of(entry.key, entry, {}, Part.TOP)
    return bool(problems.nearest(entry.key, _RUNNING)) or (meant is not None and meant.key in _RUNNING)


def check_trees(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with processes that others start."""
    for process in draft.processes:
        fields = process.fields
        if fields.entry("processes") is None and not process.parents:
            continue
        if process.worker == "thread" and not process.parents:
            what = "a thread cannot have processes: they would be the main program's"
            problems.error(fields.key_span("processes"), what, _AS_PROCESS)
        elif fields.text("worker") == "thread":
            what = "a process that another one starts cannot be a thread"
            problems.error(fields.key_span("worker"), what, _AS_PROCESS)
        if process.parents and not process.name and fields.valid and not fields.is_invalid("name"):
            problems.error(fields.span, "a process that another one starts needs a name", "write `name: Child`")
        if fields.flag("daemon") and fields.entry("processes") is not None:
            what = "a daemon may not have children: multiprocessing raises an AssertionError where it starts one"
            problems.warn(fields.key_span("daemon"), what, "leave `daemon` out, unless this is what is to be seen")


def check_restarts(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with processes that are to be started again."""
    supervised = {name for name, step in draft.named_by_main() if step.verb.name == "supervise"}
    for process in draft.processes:
        fields = process.fields
        if fields.entry("restart") is None:
            continue
        span = fields.key_span("restart")
        if process.worker != "process":
            problems.error(span, "a thread cannot be started again", _AS_PROCESS)
        for key in ("join", "join_timeout", "terminate", "kill"):
            if fields.entry(key) is not None:
                what = f"`{key}` has no effect beside `restart`: whoever supervises a process waits until it has ended"
                problems.error(fields.key_span(key), what, "leave one of the two out")
        if not process.name and fields.valid and not fields.is_invalid("name"):
            problems.error(fields.span, "a process with `restart` needs a name", "write `name: Worker`, for example")
        if draft.main is not None and not process.parents and not supervised.intersection(process.called):
            what = "`restart` has no effect beside `main:`, in which no step supervises this process"
            problems.error(span, what, f"write a step `supervise: {process.name or process.names()[0]}`")


def check_count(draft: Draft, problems: Problems) -> bool:
    """Return whether there are not too many processes: a short file may ask for millions."""
    total = 0
    for process in draft.processes:
        total += process.replicas
        if total > MAX_PROCESSES:
            span = process.fields.value_span("replicas")
            what = f"this makes {draft.total} processes in all; the maximum is {MAX_PROCESSES}"
            problems.error(span, what, "lower `replicas`")
            return False
    return True


def check_arguments(draft: Draft, problems: Problems) -> None:
    """Add a problem if there are too many arguments: each replica gets all that its process names."""
    totals = list(accumulate(process.replicas * _arguments(process) for process in draft.processes))
    for process, total in zip(draft.processes, totals, strict=True):
        if total > MAX_ARGUMENTS:
            what = f"the processes get {totals[-1]:,} arguments and resources in all, replicas counted one by one; "
            what += f"the maximum is {MAX_ARGUMENTS:,}"
            problems.error(process.span, what, "lower `replicas`, or let the target make what it needs")
            return


def _arguments(process: ProcessDraft) -> int:
    values = (entry.value for key in ("args", "kwargs") if (entry := process.fields.entry(key)))
    return len(process.bindings) + sum(map(_values, values))


def _values(node: Node) -> int:
    """Return how many values there are in one, at any depth."""
    if isinstance(node, Mapping):
        return sum(_values(entry.value) for entry in node.entries.values())
    return sum(map(_values, node.items)) if isinstance(node, Sequence) else 1


def check_joins(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with how each process is joined."""
    for process in draft.processes:
        _check_join(process, problems)


def check_names(draft: Draft, problems: Problems, *, countable: bool) -> None:
    valid = [p for p in draft.processes if p.fields.valid and not p.fields.is_invalid("name")]
    for process in valid:
        _check_name(process, problems)
    if not countable:
        return
    owners: dict[str, ProcessDraft] = {}
    for process in valid:
        for name in process.names():
            owner = owners.setdefault(name, process)
            if owner is not process:
                what = f"two processes would be called {quote(name)}: this one and the one on line {owner.span.line}"
                problems.error(process.span, what, "give one of them another name")
                break


def _check_name(process: ProcessDraft, problems: Problems) -> None:
    name = process.name
    if not name:
        return
    if not name.isprintable() or name != name.strip():
        what = f"the name {quote(name)} has invisible characters"
        problems.error(process.span, what, "use printable characters, without spaces at either end")
    if name.endswith(","):
        problems.warn(process.span, f"the name {quote(name)} ends with a comma", "leave the comma out")
    # A replica's name has a number behind it, so that the reserved ones cannot come about.
    if name in _RESERVED and process.fields.entry("replicas") is None:
        problems.error(process.span, f"{quote(name)} is the name {_RESERVED[name]}", "give the process another name")


def _check_join(process: ProcessDraft, problems: Problems) -> None:
    fields = process.fields
    joined, timed = fields.flag("join", True), fields.entry("join_timeout") is not None
    if timed and not joined:
        what = "`join_timeout` is ignored if `join` is false"
        problems.error(fields.key_span("join_timeout"), what, "leave one of the two out")
    stops = [key for key in ("terminate", "kill") if fields.flag(key)]
    if len(stops) == 2:
        later = max(stops, key=fields.key_span)
        problems.error(fields.key_span(later), "a process is either terminated or killed, not both", "leave one out")
    elif stops and not timed and not fields.is_invalid("join_timeout"):
        what = f"`{stops[0]}` needs a `join_timeout`: without one, join() waits until the process has ended"
        problems.error(fields.key_span(stops[0]), what, "write `join_timeout: 1`, for example")


def check_time(draft: Draft, problems: Problems) -> None:
    """Warn about waiting that cannot come to its end before the deadline of the run."""
    timeout, start = draft.timeout, 0.0
    too_late = False
    for process in draft.processes:
        fields = process.fields
        start += (fields.number("delay") or 0.0) * process.replicas
        if start > timeout and not too_late:
            too_late = True
            what = f"this start comes after {start:g} s of delays, but the run is stopped after {timeout:g} s"
            problems.warn(fields.value_span("delay"), what, "raise the scenario's `timeout`, or lower the delays")
        patience = fields.number("join_timeout")
        if patience is not None and patience > timeout:
            what = f"this waits for up to {patience:g} s, but the run is stopped after {timeout:g} s"
            problems.warn(fields.value_span("join_timeout"), what, "raise the scenario's `timeout`, or lower this one")


_AS_PROCESS = "write `worker: process` for it"


def check_cpus(draft: Draft, problems: Problems) -> None:
    """Add a CPU that is listed twice; whether this machine has it is checked when the scenario is run."""
    seen = set()
    for node in draft.fields.items("cpus"):
        cpu = plain(node)
        if cpu in seen:
            problems.error(node.span, f"CPU {cpu} is listed twice", "list each CPU once")
        seen.add(cpu)


_DECISIVE = re.compile(r"(PYTHON|LD_|DYLD_|RUN_SCENARIO|GLIBC_|MALLOC_).*|PATH|IFS|BASH_ENV|SHELL|TMPDIR")
"""Environment variables that decide which programs and libraries are run, or belong to a run itself."""


def check_surroundings(draft: Draft, problems: Problems) -> None:
    """Add environment variables that cannot be, or must not be, given to a process; what a thread cannot have."""
    for process in draft.processes:
        fields = process.fields
        for entry in fields.mapping("env"):
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", entry.key):
                what = f"{quote(entry.key)} cannot be the name of an environment variable"
                problems.error(entry.key_span, what, "use letters, digits and _")
            elif _DECISIVE.fullmatch(entry.key.upper()):
                what = f"{quote(entry.key)} decides which programs or libraries are run, or where the run is kept"
                hint = "leave it out; set it for the command, where all of the run is to have it"
                problems.error(entry.key_span, what, hint)
        for key in ("env", "cwd", "argv", "stdin"):
            found = fields.entry(key)
            if found is None:
                continue
            if process.worker == "thread":
                what = f"a thread has no `{key}` of its own: it shares that of the main program"
                problems.error(found.key_span, what, f"leave `{key}` out, or {_AS_PROCESS}")
            for node in walk(found.value):
                if key != "stdin" and isinstance(node, Scalar) and "\0" in str(node.value):
                    problems.error(node.span, f"there is a NUL in `{key}`, which ends a text there", "leave it out")


def check_threads(draft: Draft, problems: Problems) -> None:
    """Add what a thread cannot do; warn of targets that end the whole program, unless any exit code is allowed."""
    for process in draft.processes:
        if process.worker == "thread":
            _check_thread(process, problems)


def _check_thread(thread: ProcessDraft, problems: Problems) -> None:
    fields = thread.fields
    for key in ("terminate", "kill"):
        if fields.flag(key):
            what = f"a thread cannot be ended from outside: it has no {key}()"
            problems.error(fields.key_span(key), what, f"leave `{key}` out, or {_AS_PROCESS}")
    exitcode = fields.value("exitcode", 0)
    if exitcode not in (0, "any"):
        what = "a thread has no exit code"
        hint = f"write `exitcode: any` if it may fail, or {_AS_PROCESS}"
        problems.error(fields.value_span("exitcode"), what, hint)
    if targets.in_main_thread_only(thread.target):
        what = f"{quote(thread.target)} cannot run in a thread: only the main thread can set a signal handler"
        problems.error(_target_span(thread), what, _AS_PROCESS)
    elif exitcode != "any" and targets.ends_program(
        thread.target, fields.value("args", []), fields.value("kwargs", {})
    ):
        what = f"in a thread, {quote(thread.target)} ends the whole program, and every other thread with it"
        problems.warn(_target_span(thread), what, f"if only this one is to end, {_AS_PROCESS}")


def _target_span(process: ProcessDraft) -> Span:
    return process.fields.value_span("target")
