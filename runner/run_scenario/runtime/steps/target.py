"""The target of a process that has steps: it does them, in whatever process or thread it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.scenario.steps import Step, seed_of, unfolded


class StepsTarget:
    """What a process with steps runs; it can be pickled, and compiles the steps where they are done."""

    __name__ = "steps"

    def __init__(
        self,
        steps: tuple[Step, ...],
        name: str,
        file: str = "",
        names: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        """`names`: what expressions know from the beginning; `functions`: those that `call` names."""
        self._steps = steps
        self._name = name
        self._file = file
        self._names = names or {}
        self._functions = functions or {}

    def __call__(self, /, **resources: Any) -> None:
        """Do the steps, to the resources that are given by their names."""
        self.run(resources, {})

    def extended(self, before: tuple[Step, ...], after: tuple[Step, ...]) -> StepsTarget:
        """Return the same with other steps around its own, unless these start processes themselves."""
        if any(step.verb == "start" for step in unfolded(self._steps)):
            return self
        steps = (*before, *self._steps, *after)
        return StepsTarget(steps, self._name, self._file, self._names, self._functions)

    def run(self, resources: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        """Do the steps; `more`: what they need besides the resources."""
        if not self._steps:
            return
        from run_scenario.runtime.steps.compiler import NO_FILE, compile_steps  # for processes with steps alone
        from run_scenario.runtime.steps.namespace import namespace

        given = {**namespace(resources, self._functions, seed_of(self._names, self._name)), **more}
        file = self._file or NO_FILE
        compile_steps(self._steps, name=self._name, file=file, namespace=given, names=self._names)()
