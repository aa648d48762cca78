"""The commands that run nothing. Each imports what it needs when it is called: the others do not wait for it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from run_scenario.cli.streams import columns, complain, say
from run_scenario.errors import Status, UsageError

if TYPE_CHECKING:
    from run_scenario.cli.files import File
    from run_scenario.language import Loaded
    from run_scenario.model import Scenario

SCHEMAS = ("scenario", "event")
SHELLS = ("bash", "zsh", "tcsh")


def load(file: File) -> Loaded:
    """Load a scenario and print its problems."""
    from run_scenario import language
    from run_scenario.cli.problems import report

    loaded = language.load(file.path, file=file.name)
    report(loaded.problems)
    return loaded


def validate(options: Namespace) -> Status:
    """Check each file; say which ones are valid."""
    from run_scenario.cli.files import resolve
    from run_scenario.views.text import scrub

    status = Status.PASSED
    for name in options.files:
        try:
            (file,) = resolve([name])
        except UsageError as error:  # the others are to be checked all the same
            complain(f"run-scenario: {error}\n")
            status = Status.INVALID
            continue
        scenario = load(file).scenario
        if scenario is None:
            status = Status.INVALID
        else:
            say(f"{scrub(file.name)}: valid ({_size(scenario)})\n")
    return status


def _size(scenario: Scenario) -> str:
    """Return how many there are of what the scenario has."""
    from run_scenario.views.text import plural

    parts = (
        (scenario.processes, "process"),
        (scenario.queues, "queue"),
        (scenario.pipes, "pipe"),
        (scenario.sync, "synchronization primitive"),
        (scenario.shared, "shared object"),
        (scenario.pools, "pool"),
        (scenario.main or (), "step"),
        (scenario.expect, "expectation"),
    )
    return ", ".join(plural(len(part), noun) for part, noun in parts if part)


def plan(options: Namespace) -> Status:
    """Print the main program's steps."""
    from run_scenario.cli.files import resolve

    (file,) = resolve([options.files])
    scenario = load(file).scenario
    if scenario is None:
        return Status.INVALID
    from run_scenario import language
    from run_scenario.views.plan import numbered

    say(numbered(language.plan(scenario)))
    return Status.PASSED


def compare(options: Namespace) -> Status:
    """Run a scenario with different workers and compare the costs."""
    from run_scenario.cli.compare import compare

    return compare(options)


def recover(options: Namespace) -> Status:
    """List or tell what was recorded of runs whose run-scenario was killed."""
    from run_scenario.cli.recover import recover

    return recover(options)


def check(options: Namespace) -> Status:
    """Judge an existing log by a scenario's expectations."""
    from run_scenario.cli.check import check

    return check(options)


def show(options: Namespace) -> Status:
    """Show a log, or a scenario, as a picture."""
    from run_scenario.cli.show import show

    return show(options)


def python(options: Namespace) -> Status:
    """Print the scenario as a script of its own."""
    from run_scenario.cli.files import resolve

    (file,) = resolve([options.files])
    scenario = load(file).scenario
    if scenario is None:
        return Status.INVALID
    import sys
    from pathlib import Path

    from run_scenario import language
    from run_scenario.language.definitions import is_class
    from run_scenario.views.python_script import is_named_like_a_class, script

    folders = (*sys.path, str(Path(scenario.path).parent))

    def is_process_class(reference: str) -> bool:
        known = is_class(reference, folders)
        return is_named_like_a_class(reference) if known is None else known

    say(script(scenario, language.plan(scenario), is_process_class), encoding="utf-8")
    return Status.PASSED


def list_(options: Namespace) -> Status:
    """Print the bundled scenarios, those of a chapter, or the file of one."""
    from run_scenario import bundled

    if options.name is not None and options.name not in bundled.CHAPTERS:
        from run_scenario.cli.catalogue import text_for_editors

        if options.search:
            raise UsageError("'list NAME' prints one file: give it a NAME or --search, not both")
        say(text_for_editors(options.name))
        return Status.PASSED
    from run_scenario.cli.catalogue import entries
    from run_scenario.views import listing

    say(listing.scenarios(entries(options.name), options.search))
    return Status.PASSED


def targets(options: Namespace) -> Status:
    """Print the built-in targets, or all about one of them."""
    from run_scenario import targets as built_in
    from run_scenario.views import listing

    names, work_names = built_in.names(), built_in.work_names()
    if options.name is None:
        known = [target for name in names if (target := built_in.find(name))]
        work = [target for name in work_names if (target := built_in.find_work(name))]
        say(listing.targets(known, work))
        return Status.PASSED
    found = built_in.find(options.name) or built_in.find_work(options.name)
    if found is None:
        from run_scenario.cli.files import way_out

        hint = way_out(options.name, [*names, *work_names], "'run-scenario targets' shows them all")
        raise UsageError(f"there is no built-in target {options.name!r}; {hint}")
    say(listing.target(found, columns()))
    return Status.PASSED


def schema(options: Namespace) -> Status:
    """Print a JSON Schema."""
    if options.name not in SCHEMAS:
        raise UsageError(f"there is no schema {options.name!r}; there are {' and '.join(SCHEMAS)}")
    from run_scenario import bundled

    say(bundled.schema_text(options.name))
    return Status.PASSED


def completion(options: Namespace) -> Status:
    """Print a completion script."""
    if options.shell not in SHELLS:
        raise UsageError(f"there is no completion for {options.shell!r}; there is one for {', '.join(SHELLS)}")
    from run_scenario.cli.completion import script

    say(script(options.shell))
    return Status.PASSED
