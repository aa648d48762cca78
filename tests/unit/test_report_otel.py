"""Traces for OpenTelemetry: which spans there are, what ties them together, and that they are always the same."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from example_events import event
from test_cli import call
from test_report_graph import FED, HOSTILE

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind, StatusCode

from run_scenario.cli import main
from run_scenario.errors import UsageError
from run_scenario.report import otel


def by_name(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the spans of a log by their names, which are all different."""
    made = otel.spans(events)
    found = {span.name: span for span in made}
    assert len(made) == len(found)
    return found


def lines_of(text: str) -> list[dict[str, Any]]:
    """Return the spans of OTLP in JSON Lines."""
    documents = [json.loads(line) for line in text.splitlines()]
    scopes = [scope for each in documents for of in each["resourceSpans"] for scope in of["scopeSpans"]]
    return [span for scope in scopes for span in scope["spans"]]


FEW = [each for each in FED if each.get("item_id") != 2]
"""One message, from Main to A, which has waited for it."""


def test_a_span_for_each_process_and_message() -> None:
    """Each is in the one above it and has its times; the get began when its wait did, and leads to the put."""
    found = by_name(FEW)
    root, program, child = found["daemon"], found["Main"], found["A"]
    put, got = found["put tasks"], found["get tasks"]
    joined = found["A.join()"]
    assert {"daemon", "Main", "A", "put tasks", "get tasks", "A.join()"} == set(found)
    assert root.parent is None
    above = {"Main": root, "A": root, "put tasks": program, "get tasks": child, "A.join()": program}
    for name, parent in above.items():
        assert parent.context.span_id == found[name].parent.span_id, name
        assert root.context.trace_id == found[name].context.trace_id
    began = root.start_time
    times = {name: ((each.start_time - began) / 1e9, (each.end_time - began) / 1e9) for name, each in found.items()}
    assert {
        "daemon": (0.0, 4.5),
        "Main": (0.0, 4.5),
        "A": (0.5, 4.0),
        "put tasks": (2.0, 2.0),
        "get tasks": (2.0, 3.0),
        "A.join()": (4.0, 4.5),
    } == times
    assert [put.context] == [link.context for link in got.links]
    assert (SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.INTERNAL) == (put.kind, got.kind, joined.kind)
    assert ("tasks", "'x'") == (got.attributes["messaging.destination.name"], got.attributes["run_scenario.item"])
    assert 11 == child.attributes["process.pid"]


def test_who_started_whom() -> None:
    """A process is in the span of the one that started it."""
    started = [event("process.started", "B", t=1.5, pid=12, parent="A", worker="process")]
    found = by_name([*FEW[:4], *started, *FEW[4:]])
    assert found["A"].context.span_id == found["B"].parent.span_id


def test_failures() -> None:
    """A process that ended as it must not is an error, with why; so is a run that has not passed, and only these."""
    failing = [
        *FEW[:-3],
        event("process.failed", "A", t=3.9, exception="ValueError", message="no"),
        event("process.exited", "A", t=4.0, pid=11, cause="exception", exitcode=1, allowed=False, reason="it raised"),
        event("scenario.finished", t=5.0, outcome="failed", exit_status=1, reasons=["A raised"]),
    ]
    found = by_name(failing)
    assert {"A", "daemon"} == {name for name, span in found.items() if span.status.status_code is StatusCode.ERROR}
    assert "it raised" == found["A"].status.description
    assert "A raised" in found["daemon"].status.description
    (raised,) = found["A"].events
    assert ("exception", "ValueError") == (raised.name, raised.attributes["exception.type"])
    assert 1 == found["A"].attributes["process.exit.code"]


def test_the_same_log_makes_the_same_trace() -> None:
    """Ids follow from the run's: what is exported twice is there once; another run is another trace."""
    assert otel.json_lines(FED) == otel.json_lines(FED)
    other = otel.spans([{**each, "run": "other"} for each in FED])
    first = otel.spans(FED)
    assert not {span.context.span_id for span in first} & {span.context.span_id for span in other}
    assert first[0].context.trace_id != other[0].context.trace_id


def test_otlp_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are hexadecimal, as OTLP has them, in links as well; a batch of spans is a line."""
    monkeypatch.setattr(otel, "BATCH", 4)
    text = otel.json_lines(FED)
    spans = lines_of(text)
    made = otel.spans(FED)
    assert (len(made) + 3) // 4 == len(text.splitlines())
    assert [f"{span.context.span_id:016x}" for span in made] == [span["spanId"] for span in spans]
    assert {f"{made[0].context.trace_id:032x}"} == {span["traceId"] for span in spans}
    ids = {span["spanId"] for span in spans}
    assert {span["parentSpanId"] for span in spans if "parentSpanId" in span} <= ids
    assert {link["spanId"] for span in spans for link in span.get("links", ())} <= ids
    assert all(isinstance(span["kind"], int) for span in spans)


def test_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many waits and messages the first ones are spans, and the run's span has the number of the others."""
    assert "run_scenario.spans_left_out" not in by_name(FEW)["daemon"].attributes
    monkeypatch.setattr(otel, "MOST_SPANS", 1)
    found = by_name(FEW)
    assert {"daemon", "Main", "A", "put tasks", "get tasks"} == set(found)
    assert 1 == found["daemon"].attributes["run_scenario.spans_left_out"]


def test_hostile_names() -> None:
    """No control character of a stranger's log is in a span."""
    text = otel.json_lines(HOSTILE)
    (line,) = text.splitlines()
    told: list[str] = []
    json.loads(line, object_pairs_hook=lambda pairs: told.extend(each for _, each in pairs if isinstance(each, str)))
    assert 5 < sum("<script>" in each for each in told)
    assert all(each.isprintable() for each in told)


def test_a_real_run(tmp_path: Path) -> None:
    """Each get of a run has a link to the span of its put."""
    assert 0 == call("poison-pill", "--log", "run.jsonl", cwd=tmp_path).returncode
    assert 0 == call("show", "run.jsonl", "--as", "otlp", "--output", "trace.jsonl", cwd=tmp_path).returncode
    events = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    spans = lines_of((tmp_path / "trace.jsonl").read_text())
    gets = [each for each in events if each["event"] == "queue.get"]
    puts = {span["spanId"] for span in spans if span["kind"] == SpanKind.PRODUCER.value + 1}
    linked = [link["spanId"] for span in spans for link in span.get("links", ())]
    assert len(gets) == len(linked) == len(set(linked)) > 10
    assert set(linked) <= puts
    processes = {each["process"] for each in events if each["event"] == "process.started"}
    assert processes <= {span["name"] for span in spans}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Return what is posted to the collector that the environment names."""
    posted: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield posted
    server.shutdown()
    thread.join()
    server.server_close()


def test_sent_to_a_collector(tmp_path: Path, collector: list[bytes], capfd: pytest.CaptureFixture[str]) -> None:
    """--send posts the same spans to the collector, and says how many, to whom; nothing is on standard output."""
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in FED))
    assert 0 == main(["show", str(log), "--as", "otlp", "--send"])
    out, err = capfd.readouterr()
    made = otel.spans(FED)
    assert ("", True) == (out, f"sent {len(made)} spans to http://127.0.0.1:" in err)
    (body,) = collector
    request = ExportTraceServiceRequest.FromString(body)
    taken = [span for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]
    assert [span.context.span_id for span in made] == [int.from_bytes(span.span_id) for span in taken]


def test_nobody_takes_it(
    tmp_path: Path, collector: list[bytes], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A collector that refuses, and an address that is none, are told in one sentence, without a password."""
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in FED))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/elsewhere")
    assert 4 == main(["show", str(log), "--as", "otlp", "--send"])
    assert re.search(r"^run-scenario: could not send the trace to http://127.*404", capfd.readouterr().err)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "none://me:secret@nowhere")
    assert 4 == main(["show", str(log), "--as", "otlp", "--send"])
    err = capfd.readouterr().err
    assert err.startswith("run-scenario: could not send the trace to none://nowhere (OTEL_EXPORTER_OTLP_ENDPOINT): ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--send"], "--send sends a trace to a collector of OpenTelemetry: show it --as otlp"),
        (["--as", "otlp", "--send", "--output", "x.jsonl"], "leave out --output"),
        (["--as", "otlp", "--output", "x.svg"], "write it to a file that ends in .jsonl"),
        (["--output", "x.jsonl"], "nothing can be written as .jsonl"),
    ],
)
def test_what_contradicts_itself(arguments: list[str], expected: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Options that would do nothing are refused before the log is read."""
    assert 2 == main(["show", "no-such.jsonl", *arguments])
    assert expected in capfd.readouterr().err


def test_a_log_is_not_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The log that is shown is no place for its trace, whatever path leads to it."""
    log, link = tmp_path / "log.jsonl", tmp_path / "link.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in FED))
    link.symlink_to(log)
    before = log.read_bytes()
    assert 2 == main(["show", str(log), "--as", "otlp", "--output", str(link)])
    assert f"--output would write over {log} itself" in capfd.readouterr().err
    assert before == log.read_bytes()


def test_the_extra_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the SDK, the message says how to get it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(UsageError, match=r"pip install 'run-scenario\[otel\]'"):
        otel.json_lines(FED)


def test_the_sdk_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that switches the SDK off is named, instead of an empty trace being written."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with pytest.raises(UsageError, match="OTEL_SDK_DISABLED"):
        otel.spans(FED)
