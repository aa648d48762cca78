"""Who does the work: what a thread cannot do, and the CPUs that the program is pinned to."""

from __future__ import annotations

from run_scenario import targets
from run_scenario.language.draft import Draft, ProcessDraft
from run_scenario.language.problems import Problems, Span, quote
from run_scenario.language.yaml_nodes import plain

_AS_PROCESS = "write `worker: process` for it"


def check_cpus(draft: Draft, problems: Problems) -> None:
    """Refuse a CPU that is listed twice; whether this machine has it is seen when the scenario is run."""
    seen = set()
    for node in draft.fields.items("cpus"):
        cpu = plain(node)
        if cpu in seen:
            problems.error(node.span, f"CPU {cpu} is listed twice", "list each CPU once")
        seen.add(cpu)


def check_threads(draft: Draft, problems: Problems) -> None:
    """Refuse what only a process can do; warn of targets that end the whole program, unless any end is said to do."""
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
        what = f"{quote(thread.target)} cannot run in a thread: only a main thread may say what a signal does"
        problems.error(_target_span(thread), what, _AS_PROCESS)
    elif exitcode != "any" and targets.ends_program(
        thread.target, fields.value("args", []), fields.value("kwargs", {})
    ):
        what = f"in a thread, {quote(thread.target)} ends the whole program, and every other thread with it"
        problems.warn(_target_span(thread), what, f"if only this one is to end, {_AS_PROCESS}")


def _target_span(process: ProcessDraft) -> Span:
    return process.fields.value_span("target")
