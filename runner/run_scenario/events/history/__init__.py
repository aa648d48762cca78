"""What is true of a run after each of its events: the one fold over a log.

    log lines ─reading.as_event()─▶ events ─History.add()─▶ lanes, queues, pools, resources ─▶ summary, live table,
    a run that goes on ───────────────┘                                                        timelines, graph, HTML

An expectation that counts what goes through a queue has a `Channel` of its own: it may be about a part of the log.
"""
