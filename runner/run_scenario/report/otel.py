"""A run as a trace of OpenTelemetry: a span for the run, each process, each wait and each end of a message.

    History ──▶ spans() ──▶ the SDK's spans ──▶ json_lines(): OTLP in JSON Lines, or whoever sends them

Spans are made by OpenTelemetry's own SDK, with the ids and times that the log gives them: the same log makes the same
trace each time. The span of a get has a link to that of the put. The names of attributes are those of OpenTelemetry's
semantic conventions (process, thread, exception, messaging) where they have one; the others begin with `run_scenario.`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from run_scenario import __version__
from run_scenario.errors import UsageError
from run_scenario.events.history.history import History, read
from run_scenario.events.history.lane import Lane, Wait
from run_scenario.events.history.resources import Message
from run_scenario.report.sentences import Event
from run_scenario.report.summary import lane_exit, outcome
from run_scenario.report.text import sanitize, value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span, Tracer

MOST_SPANS = 4_000
"""Waits and messages that become spans, the first ones: no viewer of traces stands a million. The run's span has the
number of those left out, `run_scenario.spans_left_out`."""
BATCH = 500
"""Spans that are written, or sent, at once."""

_NANOSECONDS = 1_000_000_000


def spans(events: Iterable[Event]) -> Sequence[ReadableSpan]:
    """Return the spans of a run, children before the parents that end after them.

    Raises:
        UsageError: the SDK is not installed, or is disabled by the environment.
    """
    try:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    except ImportError:
        raise UsageError("a trace of OpenTelemetry needs its SDK: pip install 'run-scenario[otel]'") from None
    remaining = iter(events)
    first = next(remaining)
    history = read(chain((first,), remaining))
    exporter = InMemorySpanExporter()
    provider = _provider(str(first["run"]), str(first.get("scenario") or "run-scenario"))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    began = datetime.fromisoformat(first["timestamp"]).timestamp() - first["t"]
    _Trace(provider.get_tracer("run-scenario", __version__), history, first, round(began * 1e6) * 1000).make()
    found: Sequence[ReadableSpan] = exporter.get_finished_spans()
    if not found:
        raise UsageError("OpenTelemetry's SDK made no span: OTEL_SDK_DISABLED is set")
    return found


def batches(made: Sequence[ReadableSpan]) -> Iterator[Sequence[ReadableSpan]]:
    """Yield the spans, so many at once as are written or sent together."""
    for start in range(0, len(made), BATCH):
        yield made[start : start + BATCH]


def json_lines(events: Iterable[Event]) -> str:
    """Return a run as OpenTelemetry's collectors read it from files: OTLP in JSON, a batch of spans in each line.

    The format: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/

    Raises:
        UsageError: the SDK is not installed, or is disabled by the environment.
    """
    made = spans(events)
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    lines = []
    for batch in batches(made):
        document = MessageToDict(encode_spans(batch), use_integers_for_enums=True)
        for resource in document["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    for each in (span, *span.get("links", ())):
                        _with_hexadecimal_ids(each)
        lines.append(json.dumps(document, separators=(",", ":")) + "\n")
    return "".join(lines)


def _with_hexadecimal_ids(document: dict[str, Any]) -> None:
    """Write ids as OTLP wants them in JSON; protobuf's own way is Base64."""
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in document:
            document[name] = base64.b64decode(document[name]).hex()


def _provider(run: str, scenario: str) -> Any:
    """Return what makes spans whose ids follow from the run's, whatever the environment says of sampling."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    class FromTheRun(IdGenerator):
        """Numbers spans, and makes their ids of run and number."""

        def __init__(self) -> None:
            self._made = 0

        def generate_span_id(self) -> int:
            self._made += 1
            return _hashed(f"{run}/{self._made}", 8)

        def generate_trace_id(self) -> int:
            return _hashed(run, 16)

    given = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": sanitize(scenario)}
    return TracerProvider(
        resource=Resource.create({**given, "service.instance.id": run}),
        sampler=ALWAYS_ON,
        id_generator=FromTheRun(),
        shutdown_on_exit=False,
    )


def _hashed(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1


class _Moment(NamedTuple):
    """A wait, or a message that arrives, in the order in which they are over."""

    t: float
    process: str
    what: Wait | Message


class _Trace:
    """Makes the spans of one run."""

    def __init__(self, tracer: Tracer, history: History, first: Event, began: int) -> None:
        self._tracer = tracer
        self._history = history
        self._first = first
        self._began = began
        """Nanoseconds since 1970 at which the time of the log is 0."""
        self._of_lanes: dict[str, Span] = {}

    def make(self) -> None:
        """Make and end them all."""
        from opentelemetry.trace import Status, StatusCode

        history = self._history
        moments = sorted(self._moments(), key=lambda moment: moment.t)
        root = self._start(str(self._first.get("scenario")), 0.0, None, self._of_run(len(moments)))
        for name, lane in history.lanes.items():
            if lane.born is not None:
                parent = self._of_lanes.get(lane.parent, root)
                self._of_lanes[name] = self._start(name, lane.born, parent, dict(_of_process(lane)))
        self._make_moments(islice(moments, MOST_SPANS))
        for name, span in self._of_lanes.items():
            lane = history.lanes[name]
            if lane.exception:
                t = lane.over if lane.over is not None else history.last
                span.add_event("exception", {"exception.type": sanitize(lane.exception)}, self._time(t))
            if lane.failed:
                span.set_status(Status(StatusCode.ERROR, sanitize(lane.end.reason) if lane.end else lane_exit(lane)))
            span.end(self._time(history.last if lane.ended is None else lane.ended))
        if not history.passed:
            root.set_status(Status(StatusCode.ERROR, outcome(history)))
        root.end(self._time(history.last))

    def _of_run(self, moments: int) -> dict[str, Any]:
        started, end = self._history.started, self._history.end
        found: dict[str, Any] = {
            "run_scenario.run": str(self._first["run"]),
            "run_scenario.events": self._history.events,
        }
        if started is not None:
            found["run_scenario.title"] = started.title
            found["process.runtime.version"] = started.python
        if end is not None:
            found["run_scenario.outcome"] = end.outcome
            found["run_scenario.exit_status"] = end.exit_status
        if moments > MOST_SPANS:
            found["run_scenario.spans_left_out"] = moments - MOST_SPANS
        return found

    def _moments(self) -> Iterator[_Moment]:
        """Yield what is made a span of besides the processes; a get that waited is one with its wait."""
        gets = set()
        for message in self._history.messages:
            gets.add((message.consumer, message.got))
            yield _Moment(message.got, message.consumer, message)
        for name, lane in self._history.lanes.items():
            yield from (_Moment(wait.end, name, wait) for wait in lane.waits if (name, wait.end) not in gets)

    def _make_moments(self, moments: Iterable[_Moment]) -> None:
        waits = {(name, wait.end): wait for name, lane in self._history.lanes.items() for wait in lane.waits}
        for _, process, what in moments:
            parent = self._of_lanes.get(process)
            if isinstance(what, Message):
                self._make_message(what, waits)
            elif parent is not None:
                made = self._start(what.call, what.start, parent, {"run_scenario.resource": what.resource})
                made.end(self._time(what.end))

    def _make_message(self, message: Message, waits: Mapping[tuple[str, float], Wait]) -> None:
        """Make the two spans of a message; a call that waited began when its wait did."""
        from opentelemetry.trace import Link, SpanKind

        links: list[Link] = []
        for kind, process, t in (
            (SpanKind.PRODUCER, message.producer, message.put),
            (SpanKind.CONSUMER, message.consumer, message.got),
        ):
            parent = self._of_lanes.get(process)
            if parent is None:
                continue
            sends = kind is SpanKind.PRODUCER
            is_queue = message.channel in self._history.queues
            called = ("put" if sends else "get") if is_queue else ("send" if sends else "recv")
            wait = waits.get((process, t))
            attributes = {
                "messaging.system": "multiprocessing",
                "messaging.operation.type": "send" if sends else "receive",
                "messaging.operation.name": called,
                "messaging.destination.name": message.channel,
                "run_scenario.item": value(message.item),
            }
            name = f"{called} {message.channel}"
            made = self._start(name, t if wait is None else wait.start, parent, attributes, kind, links)
            made.end(self._time(t))
            links = [Link(made.get_span_context())]

    def _start(
        self, name: str, t: float, parent: Span | None, attributes: Mapping[str, Any], kind: Any = None, links: Any = ()
    ) -> Span:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context

        context = Context() if parent is None else set_span_in_context(parent, Context())
        safe = {key: sanitize(each) if isinstance(each, str) else each for key, each in attributes.items()}
        return self._tracer.start_span(sanitize(name), context, kind or SpanKind.INTERNAL, safe, links, self._time(t))

    def _time(self, t: float) -> int:
        return self._began + round(t * _NANOSECONDS)


def _of_process(lane: Lane) -> Iterator[tuple[str, Any]]:
    """Yield what is known of a process, under the names that OpenTelemetry has for it."""
    if lane.pid is not None:
        yield "process.pid", lane.pid
    if lane.worker == "thread":
        yield "thread.name", lane.name
    if lane.target:
        yield "run_scenario.target", lane.target
    yield "run_scenario.end", lane_exit(lane)
    if lane.end is not None:
        yield "run_scenario.cause", lane.end.cause
        if lane.end.exitcode is not None:
            yield "process.exit.code", lane.end.exitcode
    if lane.cpu is not None:
        yield "run_scenario.cpu_seconds", round(lane.cpu, 6)
    yield "run_scenario.waited_seconds", round(lane.waited, 6)
