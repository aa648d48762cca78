"""Resources of every kind: their names, and the names by which processes mention them."""

from __future__ import annotations

import re

from run_scenario.language.draft import KINDS, Draft, Link, ResourceDraft
from run_scenario.language.main_draft import read_steps
from run_scenario.language.problems import Problems, either, quote
from run_scenario.model import PIPE_ENDS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


def check_resources(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each resource's name, and with each mention of one."""
    owners: dict[str, ResourceDraft] = {}
    for resource in draft.resources:
        if not _NAME.fullmatch(resource.name):
            what = f"{quote(resource.name)} cannot be the name of a {KINDS[resource.section]}"
            problems.error(resource.span, what, "use letters, digits, _ and -, and begin with a letter")
        owner = owners.setdefault(resource.name, resource)
        if owner is not resource:
            what = f"there is already a {KINDS[owner.section]} called {quote(owner.name)}, on line {owner.span.line}"
            problems.error(resource.span, what, "give one of them another name")
    if not any(draft.fields.is_refused(section) for section in draft.sections):
        _check_mentions(draft, problems)


def _check_mentions(draft: Draft, problems: Problems) -> None:
    handles = draft.handles()
    noun = "queue" if len(draft.resources) == len(draft.queues) else "resource"
    verb = "is only" if len(handles) == 1 else "are"
    all_names = f"there {verb} {either(handles, 'and')}" if handles else "describe it under `queues:`"
    for process in draft.processes:
        for link in process.links:
            if link.resource not in handles:
                hint = _what_it_is(link, draft) or problems.did_you_mean(link.resource, handles, all_names)
                problems.error(link.resource_span, f"there is no {noun} {quote(link.resource)}", hint)


def _what_it_is(link: Link, draft: Draft) -> str:
    pipe, dot, _ = link.resource.partition(".")
    if pipe in draft.sections["pipes"]:
        ends = either((f"{pipe}.{end}" for end in PIPE_ENDS), "and" if dot else "or")
        return f"pipe {quote(pipe)} has the ends {ends}" if dot else f"it is a pipe: name one of its ends, {ends}"
    if link.resource in draft.sections["pools"]:
        return "it is a pool: only the main program uses it, in its `calls`"
    return ""


def check_use(draft: Draft, problems: Problems) -> None:
    """Warn about what is described and never used. Queues are looked at more closely elsewhere."""
    used = {link.resource for process in draft.processes for link in process.links}
    used |= {name for step in read_steps(draft) for name, _ in step.subjects}
    used |= {resource.fields.text("lock") for resource in draft.resources}
    for resource in draft.resources:
        if resource.section in ("queues", "pools"):
            continue
        if not used.intersection(resource.handles()):
            hint = f"give it to a process, as in `uses: {{PARAMETER: {resource.handles()[0]}}}`, or drop it"
            problems.warn(resource.span, f"{resource.called} is not used", hint)
