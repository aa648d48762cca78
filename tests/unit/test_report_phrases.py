"""The sentences of a page: each is written once, with holes, and reads in the page as it does in all other views."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from example_events import NAMES, event

from report_logs import long_log
from run_scenario.report import html
from run_scenario.report.html import phrases
from run_scenario.report.html.phrases import Hole, Phrases, filled, phrase_of
from run_scenario.report.json_parts import json_parts
from run_scenario.report.sentences import Event, sentence
from run_scenario.report.text import seconds, value

FOLDER = Path(html.__file__).parent / "js"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: install it to run the page's code")

READ = """
const { data, events } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const known = new Phrases(data);
const rows = {};
console.log(JSON.stringify(events.map((event) => {
  const row = (rows[event.event] = (rows[event.event] ?? -1) + 1);
  return known.sentence(event.event, row, (name) => event[name]) ?? null;
})));
"""
"""What the page says of each event, from its phrases and the event's fields."""


def run_own(code: str, given: Any) -> Any:
    """Return what code prints that has the page's own at its disposal, and `given` as its input."""
    own = "".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("words", "dom", "phrases"))
    done = subprocess.run(
        ["node", "--eval", own + code], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def data_of(events: list[Event]) -> Any:
    """Return the phrases of events as the page has them."""
    known = Phrases()
    for each in events:
        known.add(each)
    return json.loads("".join(json_parts(known.to_json(), json.dumps)))


def test_a_hole_is_where_a_field_stands() -> None:
    """A sentence says by itself which fields it is made of, and in which form; all else stays as it is."""
    put = event("queue.put", item="a", queue="tasks", waited=0.0)
    assert ("put ", Hole("item", "value"), " on ", Hole("queue", "value"), "") == phrase_of(put, sentence(put))
    done = event("queue.task_done", queue="it's", unfinished=1234)
    assert (
        "task_done() on '",
        Hole("queue", "text"),
        "', ",
        Hole("unfinished", "count"),
        " unfinished",
    ) == phrase_of(done, sentence(done))


@pytest.mark.parametrize("name", NAMES)
def test_a_phrase_says_what_its_sentence_says(name: str) -> None:
    """Of each event: what is found out about its sentence gives that sentence again."""
    each = event(name)
    phrase = phrase_of(each, sentence(each))
    assert sentence(each) == (filled(phrase, each) if len(phrase) > 1 else phrase[0])


@needs_node
def test_the_page_says_what_all_views_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event of every kind, and a thousand puts of all sorts of items, in the words of the other views."""
    items: list[Any] = [
        *(None, True, False, 0, -7, 2**40, 1.0, -0.5, 1e-05, 1e22, 123456.789, "a", "", "it's", 'say "no"'),
        *("both ' and \"", "ü €", "back\\slash", "new\nline", "x" * 80, "it's " * 20),
        *([], [1, "a", None], [1.0], {"a": [True]}, {"a": 1.5}),
        *({"tuple": [1, 2]}, {"set": [1]}, {"object": "datetime:date", "text": "2026-01-31"}, list(range(99))),
    ]  # fmt: skip
    waits = [0.0, 0.0625, 0.1, 0.105, 0.125, 0.155, 0.375, 1.0, 12.345, 99.996, 100.5, 101.5]
    puts = [event("queue.put", queue="q", item=item, waited=waited) for item in items for waited in waits]
    calls = [event("pool.task_started", task=n, arguments=[item]) for n, item in enumerate(items)]
    joined = [event("process.joined", waited=waited) for waited in waits]
    events = [event(name) for name in NAMES] * 3 + puts + calls + joined
    monkeypatch.setattr(phrases, "_FEW", 1)
    assert [sentence(each) for each in events] == run_own(READ, {"data": data_of(events), "events": events})


def test_of_a_million_alike_there_is_one() -> None:
    """Thousands of items have one phrase; who has waited has one more, as the sentence says so."""
    puts = [event("queue.put", queue="q", item=n, waited=0.25 if n % 100 == 0 else 0.0) for n in range(10_000)]
    found = data_of(puts)["queue.put"]
    usual = ["put ", ["item", "value"], " on ", ["queue", "value"], ""]
    waited = ["put ", ["item", "value"], " on ", ["queue", "value"], " after waiting ", ["waited", "seconds"], ""]
    assert sorted([usual, waited]) == sorted(found["phrases"][200:])
    assert usual == found["phrases"][found["most"]]
    assert 200 + 98 == len(found["places"])


def test_too_many_different_sentences_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no holes and is never the same ends at some number: the page then shows the fields."""
    monkeypatch.setattr(phrases, "_MOST", 300)
    texts = [event("process.output", text=f"a\n{n}") for n in range(400)]
    found = data_of(texts)["process.output"]
    assert 300 == len(found["phrases"])
    assert [65535] == list(dict.fromkeys(found["numbers"][300:]))


def test_a_long_log_has_a_sentence_for_every_event() -> None:
    """No event is without a phrase, however many there are of its kind."""
    for known in data_of(long_log(12_000)).values():
        numbers = known.get("numbers") or [known["most"], *known["others"]]
        assert max(numbers) < len(known["phrases"])


@needs_node
def test_durations_are_rounded_alike() -> None:
    """Also those just between two, which Python rounds to the even one; and floats are written alike."""
    chance = random.Random(7)
    any_size = [chance.random() * 10 ** (n % 9 - 5) for n in range(2_000)]
    numbers = [*any_size, *(n / 16 for n in range(2_000)), *(n / 1000 for n in range(2_000))]
    code = """
const numbers = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(numbers.map((x) => [seconds(x), float(x)])));
"""
    assert [[seconds(each), value(each)] for each in numbers] == run_own(code, numbers)
