"""A log as a table: as docs/how-to/log-as-a-table.md shows it, with items of all kinds, by the libraries themselves."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from run_scenario import EventLog, UsageError, run

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "log-as-a-table.md").read_text(encoding="utf-8")
ITEMS = [1, "two", [3, 4], {"five": 6}, 2.5, True, None]


def block(kind: str, which: int = 0) -> str:
    """Return a block of the page."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[which]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's log."""
    path = tmp_path_factory.mktemp("table")
    assert run(block("yaml"), log=path / "kinds.jsonl").passed
    return path


def test_duckdb_on_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's own statements find each item as it is, and who took it."""
    duckdb = pytest.importorskip("duckdb", reason="no duckdb: pip install duckdb")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(block("python"), names)
    assert "taken_by" in capsys.readouterr().out
    found = duckdb.sql(names["WAYS"]).fetchall()
    assert ["1", '"two"', "[3,4]", '{"five":6}', "2.5", "true", None] == [row[0] for row in found]
    assert {"Worker"} == {row[2] for row in found}
    assert all(row[3] >= 0 for row in found)
    assert [("two",)] == duckdb.sql("SELECT DISTINCT item ->> '$' FROM events WHERE item = '\"two\"'").fetchall()
    assert [("6",)] == duckdb.sql(
        "SELECT DISTINCT item ->> '$.five' FROM events WHERE item ->> '$.five' = 6"
    ).fetchall()


def test_duckdb_leaves_a_torn_line_out(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the option that the page names; without, it is an error."""
    duckdb = pytest.importorskip("duckdb", reason="no duckdb: pip install duckdb")
    text = (folder / "kinds.jsonl").read_text()
    (tmp_path / "torn.jsonl").write_text(text[:-20])
    read = "SELECT count(event) FROM read_ndjson('torn.jsonl', columns = {event: 'VARCHAR'}"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(duckdb.Error):
        duckdb.sql(f"{read})").fetchall()
    assert [(text.count("\n") - 1,)] == duckdb.sql(f"{read}, ignore_errors = true)").fetchall()


def test_polars(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's lines show a frame in which mixed items are text."""
    pytest.importorskip("polars", reason="no polars: pip install 'run-scenario[frames]'")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(block("python", 1), names)
    assert "waited" in capsys.readouterr().out
    gets = names["gets"]
    assert ["1", "two", "[3, 4]", None, "2.5", "true", None] == gets["item"].to_list()
    assert [None, None, None, 6, None, None, None] == gets["item.five"].to_list()
    log = names["log"]
    frame = log.to_polars()
    assert len(log) == len(frame)
    assert [each["event"] for each in log] == frame["event"].to_list()
    assert log.records() == [{**row} for row in frame.iter_rows(named=True)]


def test_the_types_of_a_frame() -> None:
    """Integers and fractions are numbers; what is of several kinds, or too long for a column, is text."""
    polars = pytest.importorskip("polars", reason="no polars: pip install 'run-scenario[frames]'")
    rows = [
        {"a": 1, "b": 1, "c": [1, 2], "d": [0, 1.5, None], "e": 2**63, "f": True, "g": "x", "h": None, "i": [], "j": 1},
        {"a": 2, "b": 0.5, "c": [], "d": None, "e": 1, "f": None, "g": "y", "h": None, "i": [], "j": "1", "k": 0},
    ]
    frame = EventLog(rows).to_polars()
    expected = {
        "a": polars.Int64, "b": polars.Float64, "c": polars.String, "d": polars.List(polars.Float64),
        "e": polars.String, "f": polars.Boolean, "g": polars.String, "h": polars.String,
        "i": polars.List(polars.String), "j": polars.String, "k": polars.Int64,
    }  # fmt: skip
    assert expected == dict(frame.schema)
    assert [["[1, 2]", "[]"], [str(2**63), "1"]] == [frame[column].to_list() for column in "ce"]
    assert [[[0.0, 1.5, None], None], [None, 0]] == [frame[column].to_list() for column in "dk"]
    assert (0, 0) == EventLog([]).to_polars().shape


def test_a_frame_of_many_events() -> None:
    """It is made of some at a time, and is the same as if it were made of all; a column may come up late."""
    pytest.importorskip("polars", reason="no polars: pip install 'run-scenario[frames]'")
    rows = [{"event": "queue.put", "seq": n, "item": n if n < 15_000 else str(n)} for n in range(25_000)]
    rows[-1]["late"] = 0.5
    frame = EventLog(rows).to_polars()
    assert list(range(25_000)) == frame["seq"].to_list()
    assert [str(n) for n in range(25_000)] == frame["item"].to_list()
    assert [0.5] == frame["late"].drop_nulls().to_list()


def test_pandas(folder: Path) -> None:
    """The records are what a data frame is made of."""
    pandas = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    log = EventLog.read(folder / "kinds.jsonl").of("queue.get")
    assert [each["item_id"] for each in log] == list(pandas.DataFrame(log.records())["item_id"])


def test_without_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UsageError, match=r"to_polars\(\) needs polars: pip install 'run-scenario\[frames\]'"):
        EventLog([]).to_polars()
