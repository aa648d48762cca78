"""Sends the trace of a run to a collector of OpenTelemetry, as the variables OTEL_EXPORTER_OTLP_… say.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/ has them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from run_scenario.counting import plural
from run_scenario.errors import MachineryError
from run_scenario.report.otel import batches, spans
from run_scenario.report.text import sanitize


def send(events: Iterable[Mapping[str, Any]]) -> str:
    """Send a run, and return what was sent to whom.

    Raises:
        UsageError: the SDK is not installed, or is disabled by the environment.
        MachineryError: nobody took it.
    """
    made = spans(events)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    with _complaints() as said:
        try:
            exporter = OTLPSpanExporter()
            taken = all(exporter.export(batch) is SpanExportResult.SUCCESS for batch in batches(made))
        except Exception as error:  # whatever the libraries below think of an address that is none
            said, taken = [f"{type(error).__name__}: {error}"], False
    if not taken:
        why = f": {sanitize(said[0])}" if said else ""
        raise MachineryError(f"could not send the trace to {_collector()} (OTEL_EXPORTER_OTLP_ENDPOINT){why}")
    return f"sent {plural(len(made), 'span')} to {_collector()}"


def _collector() -> str:
    """Return whom the exporter sends to, without a password."""
    of_traces, of_all = (os.environ.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT") for name in ("TRACES_", ""))
    return sanitize(re.sub("//[^/]*@", "//", of_traces or of_all or "http://localhost:4318"))


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    """Have what the exporter logs in a list, instead of on standard error."""
    said: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage().splitlines()[0])

    logger, keeper = logging.getLogger("opentelemetry"), Keeper()
    logger.addHandler(keeper)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(keeper)
        logger.propagate = True
