"""Pipes: which end sends, which receives, and who has it."""

from __future__ import annotations

from run_scenario.language.draft import Draft, Link, ProcessDraft, ResourceDraft
from run_scenario.language.main_draft import read_steps
from run_scenario.language.problems import Problems, quote
from run_scenario.targets import find

_ONE_WAY = {"from": ("right", "left", "sends", "receive"), "to": ("left", "right", "receives", "send")}
"""Direction -> the end of a one-way pipe that has the other one, the end that has it, and the verbs."""


def check_pipes(draft: Draft, problems: Problems) -> None:
    """Add which ends are used the wrong way round."""
    for pipe in draft.sections["pipes"].values():
        for process in draft.processes:
            for link in process.links:
                if link.resource in pipe.handles() and not pipe.fields.flag("duplex", True):
                    _check_direction(link, pipe, process, problems)


def check_ends(draft: Draft, problems: Problems) -> None:
    """Warn of ends that several processes have, and of those that nobody gets."""
    users: dict[str, list[Link]] = {h: [] for pipe in draft.sections["pipes"].values() for h in pipe.handles()}
    for process in draft.processes:
        for link in process.links:
            if link.resource in users:
                users[link.resource] += [link] * process.replicas
    by_main = {name for step in read_steps(draft) for name, _ in step.subjects}
    for handle, links in users.items():
        if len(links) > 1:
            what = f"{len(links)} processes get the same end {quote(handle)}"
            hint = "give each a pipe of its own: what two read or write at the same time may be corrupted"
            problems.warn(links[1].resource_span, what, hint)
    for pipe in draft.sections["pipes"].values():
        unused = [handle for handle in pipe.handles() if not users[handle] and handle not in by_main]
        if len(unused) == 1:
            what = f"nobody gets the end {quote(unused[0])}"
            problems.warn(pipe.span, what, f"give it to a process, as in `uses: {{PARAMETER: {unused[0]}}}`")


def _check_direction(link: Link, pipe: ResourceDraft, process: ProcessDraft, problems: Problems) -> None:
    """Check that a pipe with `duplex: false` is not used the wrong way round."""
    target = find(process.target) if process.target and ":" not in process.target else None
    parameter = target.parameter(link.parameter) if target else None
    direction = link.direction if link.direction != "uses" else parameter.direction if parameter else None
    if direction is None:
        return
    wrong, right, does, verb = _ONE_WAY[direction]
    if link.resource == f"{pipe.name}.{wrong}":
        who = f"the parameter {quote(link.parameter)} is to {verb}"
        what = f"{quote(link.resource)} only {does}, as the {wrong} end of a pipe with `duplex: false`, but {who}"
        problems.error(link.resource_span, what, f"write `{pipe.name}.{right}`, or leave `duplex: false` out")
