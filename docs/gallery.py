"""Render the pictures of the documentation from real runs: `python docs/gallery.py [NAME…]`.

For each scenario of the gallery: its timeline and its graph in `docs/pictures/`; then `docs/reference/gallery.md`, and
the timeline in text of the README. A test draws each again, from a run of its own, and compares what does not
depend on the run; what is said of a picture must hold for every run, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from run_scenario import bundled

DOCS = Path(__file__).resolve().parent
README = DOCS.parent / "README.md"
PAGE = DOCS / "reference" / "gallery.md"
IN_README = "two-forks"
"""The scenario whose timeline is in the README: its explanation is short, and every run ends so."""
BEGIN, END = "<!-- timeline: docs/gallery.py -->\n", "<!-- end of timeline -->\n"
MOST_TRIES = 60
"""Runs until one ends as the picture wants it."""


class Exhibit(NamedTuple):
    """A scenario of the gallery."""

    name: str
    outcome: str
    look: str
    """What to look for in its pictures."""
    because: str = ""
    """Words of the sentence that says how it ended, where it can end so in more than one way."""


EXHIBITS = (
    Exhibit(
        "consumers-until-empty",
        "stalled",
        "A consumer leaves as soon as `empty()` says True, and it says so before anything was put. Nobody "
        "takes what is left in `tasks`, and the main program waits in `tasks.join()` for ever.",
        because="task_done() is missing for 10 of 10 items",
    ),
    Exhibit("poison-pill", "passed", "Each consumer gets a pill of its own, and ends. Nothing is left in `tasks`."),
    Exhibit(
        "own-queue-each",
        "passed",
        "Each worker takes from a queue of its own, and all put on one: three queues that the file writes as one.",
    ),
    Exhibit(
        "daemon",
        "passed",
        "The daemon is cut off in its sleep when the main program ends, and that is allowed: no red.",
    ),
    Exhibit(
        "back-pressure",
        "passed",
        "As soon as `numbers` is full, the producer waits in `numbers.put()` until an item is taken.",
    ),
    Exhibit("two-forks", "stalled", "Each holds what the other waits for; the rows of the locks show who holds which."),
    Exhibit(
        "table-of-any-size",
        "passed",
        "Five philosophers and five forks, as many as a parameter says: the graph has one "
        "lock for each, between two neighbours.",
    ),
    Exhibit("one-at-a-time", "passed", "The row of the lock shows that nobody has it at the same time as another."),
    Exhibit("finish-line", "passed", "All wait at the barrier for the last one."),
    Exhibit("starting-gun", "passed", "All wait for one event, and go on together."),
    Exhibit(
        "ping-pong",
        "passed",
        "Each message is answered before the next is sent. It goes so quickly that a part of the time shows more: "
        "choose one with `--from` and `--to`.",
    ),
    Exhibit(
        "lost-worker",
        "stalled",
        "One worker is killed in the middle of a task. A new one takes its place, but nobody does the task again: the "
        "main program waits for its result for ever.",
    ),
    Exhibit("missing-pill", "stalled", "One pill too few: one worker waits for ever for an item from `tasks`."),
    Exhibit(
        "manager-list",
        "passed",
        "Two processes, the doors, append to one list, which is in a process of its own, the manager. Each call is a "
        "message to it: the graph has three calls of each door on `visitors`.",
    ),
    Exhibit(
        "lost-update",
        "passed",
        "Two processes read `counter` and write it back 50 times each, without its lock: the graph has 100 uses each. "
        "Where both read the same number before either writes, one of the two updates is lost.",
    ),
    Exhibit(
        "threads-wait-together",
        "passed",
        "Three threads of the main program sleep side by side: the run takes as long as one of them, not as three. "
        "Nothing is between them.",
    ),
)


def record(exhibit: Exhibit, log: Path) -> None:
    """Run the scenario until it ends as the picture wants it, and leave its log."""
    for _ in range(MOST_TRIES):
        log.unlink(missing_ok=True)
        # What is drawn shall not depend on the Python that draws: from 3.14 on, fork is not the default any more.
        run = command("run", exhibit.name, "--start-method", "fork", "--log", str(log))
        done = subprocess.run(run, capture_output=True)
        finished = json.loads(log.read_bytes().splitlines()[-1])
        if finished["outcome"] == exhibit.outcome and exhibit.because in done.stderr.decode():
            return
    raise SystemExit(f"{exhibit.name} did not end {exhibit.outcome} {exhibit.because} in {MOST_TRIES} runs".strip())


def command(*arguments: str) -> list[str]:
    """Return the command line of run-scenario."""
    return [sys.executable, "-m", "run_scenario", *arguments]


def draw(exhibit: Exhibit, folder: Path) -> str:
    """Draw the pictures of one scenario; return its timeline in text."""
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "run.jsonl"
        record(exhibit, log)
        show = command("show", str(log))
        subprocess.run([*show, "--output", folder / f"{exhibit.name}.svg"], check=True)
        graph = folder / f"{exhibit.name}-graph.svg"
        subprocess.run([*show, "--as", "graph", "--output", graph], check=True)
        text = folder / f"{exhibit.name}.txt"
        subprocess.run([*show, "--as", "timeline", "--width", "100", "--output", text], check=True)
    return text.read_text(encoding="utf-8")


def page() -> str:
    """Return the gallery as Markdown."""
    parts = [
        "# Gallery",
        "Bundled scenarios, drawn from real runs by `python docs/gallery.py`. Each of them is yours with "
        "`run-scenario show NAME`, and `--output NAME.svg` or `.html`.",
    ]
    for exhibit in EXHIBITS:
        found = bundled.find_scenario(exhibit.name)
        assert found is not None, exhibit.name
        link = f"../../scenarios/{found.parent.name}/{found.name}"
        parts += [
            f"## {exhibit.name}",
            f"{exhibit.look} ([{found.name}]({link}), [in text](../pictures/{exhibit.name}.txt))",
            f"![The timeline of {exhibit.name}](../pictures/{exhibit.name}.svg)",
            f"![What is between the processes of {exhibit.name}](../pictures/{exhibit.name}-graph.svg)",
        ]
    return "\n\n".join(parts) + "\n"


def put_into_readme(text: str) -> None:
    """Replace the timeline of the README."""
    whole = README.read_text(encoding="utf-8")
    before, _, rest = whole.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n```text\n{text}```\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Draw those named on the command line, or all."""
    names = [exhibit.name for exhibit in EXHIBITS]
    wanted = sys.argv[1:] or names
    if unknown := sorted(set(wanted) - set(names)):
        raise SystemExit(f"not in the gallery: {', '.join(unknown)}; it has {', '.join(names)}")
    for exhibit in EXHIBITS:
        if exhibit.name in wanted:
            text = draw(exhibit, DOCS / "pictures")
            if exhibit.name == IN_README:
                put_into_readme(text)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
