"""The pools of a script, and the calls on them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from run_scenario.report.scenario.code import Code, keywords
from run_scenario.report.scenario.step import Step
from run_scenario.report.scenario.yaml_text import bounded, comment, flow, indented, text
from run_scenario.report.sentences import Event
from run_scenario.scenario.resources import NOT_WAITING

_MAPS = ("map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered")


class Calls:
    """The calls on pools, in the order in which they were made."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._made: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        """Pool -> number -> the call, of those that a scenario can make."""
        self._waiting: dict[str, list[int]] = defaultdict(list)
        """Pool -> those whose result was not asked for yet."""

    def made(self, event: Event, name: str) -> Step:
        """Return the step that makes a call on the pool of this name; a comment, if no scenario can make it."""
        call, number, method = event["pool"], event["call"], event["method"]
        found, why = self._call(event)
        if not found:
            return Step(words=f"here {name}.{method}() called {event['function']}, which cannot be said: {why}")
        self._made[call][number] = found
        if method in NOT_WAITING:
            self._waiting[call].append(number)
        return Step({"next_call": name}, self._call_back(event, found))

    def _call_back(self, event: Event, call: dict[str, Any]) -> str:
        """Note in a call what it calls back; return a comment if that cannot be said."""
        words = ""
        for keyword, path in (event.get("callbacks") or {}).items():
            function, why = self._code.function(path)
            if why:
                words = f"its {keyword} is left out: {why}"
            else:
                call[keyword] = function
        return words

    def _call(self, event: Event) -> tuple[dict[str, Any], str]:
        function, why = self._code.function(event.get("path") or "")
        if why:
            return {}, why
        call: dict[str, Any] = {event["method"]: function}
        if event["method"] in _MAPS:
            over, too_much = bounded(event.get("over"))
            if over is None or too_much:
                return {}, "what it goes over is not known, no data, or too much of it"
            starred = event["method"].startswith("starmap")
            call["over"] = [each.get("tuple", each) if starred and isinstance(each, dict) else each for each in over]
            if event.get("chunksize"):
                call["chunksize"] = event["chunksize"]
            return call, ""
        given, why = keywords(event.get("arguments") or [])
        if why or any("resource" in argument for argument in event.get("arguments") or []):
            return {}, why or "a pool's call can be given data only"
        return call | given, ""

    def is_result_left(self, pool: str) -> bool:
        """Return whether there is a call on a pool that has not waited itself, and whose result nobody asked for."""
        return bool(self._waiting[pool])

    def returned(self, event: Event, name: str) -> Step | None:
        """Return the step that asks for a result; none where the call itself has waited for it."""
        call, number = event["pool"], event["call"]
        if number not in self._made[call]:
            return None
        raised = event.get("exception", "")
        if raised == "TimeoutError":
            most = f", {event['timeout']:g} s" if "timeout" in event else ""
            return Step(words=f"here the script waited for a result of {name} in vain{most}")
        if raised:
            self._made[call][number]["raises"] = raised.rpartition(".")[2]
        if number not in self._waiting[call]:
            return None
        if self._waiting[call][0] != number:
            return Step(words=f"here the script asked for the result of call {number} on {name}, out of their order")
        self._waiting[call].pop(0)
        return Step({"result": name})

    def entry(self, made: Event, name: str, resource: Any) -> list[str]:
        """Return the lines of a pool in the section `pools`."""
        parameters = made["parameters"]
        lines = [f"{text(name)}:"]
        if made["type"] == "executor":
            lines.append("  type: executor")
        lines.append(f"  processes: {flow(parameters['processes'])}")
        if "maxtasksperchild" in parameters:
            lines.append(f"  maxtasksperchild: {flow(parameters['maxtasksperchild'])}")
        lines += indented(self._initializer(parameters, resource), 2)
        calls = list(self._made[made["resource"]].values())
        if calls:
            lines += ["  calls:", *(f"    - {flow(call)}" for call in calls)]
        return lines

    def _initializer(self, parameters: dict[str, Any], resource: Any) -> list[str]:
        if "initializer" not in parameters:
            return []
        function, why = self._code.function(parameters["initializer"])
        arguments = parameters["initargs"]
        data = [bounded(argument["data"])[0] for argument in arguments if "data" in argument]
        resources = [resource(argument) for argument in arguments[len(data) :] if "resource" in argument]
        if why or len(data) + len(resources) < len(arguments):
            return [comment(f"its workers begin with what cannot be said: {why or 'an argument that is no data'}")]
        lines = [f"initializer: {text(function)}"]
        if data:
            lines.append(f"initargs: {flow(data)}")
        return lines + ([f"uses: {flow(resources)}"] if resources else [])
