"""Can the steps of `main` be done in this order? Followed one by one, without running anything."""

from __future__ import annotations

from run_scenario.language.draft import Draft
from run_scenario.language.main_draft import StepDraft, groups
from run_scenario.language.main_pools import MainPools
from run_scenario.language.main_resources import MainResources, Obstacle
from run_scenario.language.problems import Problems, quote


def check_order(draft: Draft, steps: list[StepDraft], problems: Problems) -> None:
    """Add a problem for the first step that cannot be done at its place, or warn of what is never used."""
    if _Order(draft, problems).follow(steps):
        _warn_of_unused_pools(draft, steps, problems)


class _Order:
    """Follows the steps and finds what cannot be done at its place."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._draft = draft
        self._problems = problems
        self._groups = groups(draft)
        self._started: set[str] = set()
        self._joined: set[str] = set()
        self._closed: set[str] = set()
        self._pools = MainPools(draft)
        self._resources = MainResources(draft, self._started, self._closed)

    def follow(self, steps: list[StepDraft]) -> bool:
        """Return whether every step can be done, or is expected to raise what it raises then."""
        for step in steps:
            for name, span in step.subjects:
                for subject in self._groups.get(name, [name]):
                    obstacle = self._obstacle(step, subject)
                    if obstacle is None:
                        self._note(step, subject)
                    elif obstacle.waits or not step.fields.text("raises"):
                        self._problems.error(span, obstacle.what, obstacle.hint)
                        return False
        self._warn_of_unstarted()
        self._warn_of_unended_pools(steps)
        return True

    def _obstacle(self, step: StepDraft, name: str) -> Obstacle | None:
        if name in self._groups:
            return self._obstacle_of_process(step.verb.name, name)
        if name in self._pools:
            return self._pools.obstacle(step, name)
        return self._resources.obstacle(step, name)

    def _obstacle_of_process(self, verb: str, name: str) -> Obstacle | None:
        called = quote(name)
        if name in self._closed:
            return Obstacle(f"{called} was closed before: nothing can be done with it any more", "move this step up")
        if verb == "start" and name in self._started:
            return Obstacle(
                f"{called} was started before: a process is started once", "describe another process like it"
            )
        if name not in self._started and verb in ("join", "terminate", "kill"):
            hint = f"write `start: {name}` before"
            return Obstacle(f"{verb}() needs a process that was started, and {called} was not", hint)
        if verb == "close" and name in self._started - self._joined:
            what = f"{called} may still be running: close() needs a process that has ended"
            return Obstacle(what, f"write `join: {name}` before")
        return None

    def _note(self, step: StepDraft, name: str) -> None:
        verb = step.verb.name
        if name in self._pools:
            self._pools.note(step, name)
        elif verb == "start":
            self._started.add(name)
        elif verb == "join" and "timeout" not in step.options:
            self._joined.add(name)
        elif verb == "close":
            self._closed.add(name)
        elif name not in self._groups:
            self._resources.note(step, name)

    def _warn_of_unended_pools(self, steps: list[StepDraft]) -> None:
        unended = self._pools.unended()
        for step in steps:
            for name, span in step.subjects if step.verb.name == "create" else ():
                if name in unended:
                    what = f"pool {quote(name)} is never closed: its workers are terminated when the main program ends"
                    self._problems.warn(span, what, f"write `close: {name}` and `join: {name}` in the end")

    def _warn_of_unstarted(self) -> None:
        for process in self._draft.processes:
            if not self._started.intersection(process.names()):
                called = quote(process.names()[0] if len(process.names()) == 1 else process.name)
                hint = f"write a step `start: {process.name or process.names()[0]}`, or drop it"
                self._problems.warn(process.span, f"{called} is never started", hint)


def _warn_of_unused_pools(draft: Draft, steps: list[StepDraft], problems: Problems) -> None:
    used = {name for step in steps if step.verb.name in ("use", "create") for name, _ in step.subjects}
    for pool in draft.sections["pools"].values():
        if pool.name not in used:
            problems.warn(pool.span, f"pool {quote(pool.name)} is not used", f"write a step `use: {pool.name}`")
