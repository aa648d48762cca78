"""Values in, text out: what a person sees of a scenario and of its log.

    events ──▶ jsonlines ──▶ outputs           one JSON object per line; structlog's processors
       ├─────▶ terminal.transcript             a line per event, repeats folded ──▶ terminal.console
       └─────▶ History ─┬─▶ terminal.live      the last lines, while it goes on ──┤
                        ├─▶ overview           its tables: short ones at the end ─┘
                        ├─▶ comparison         figures of several runs
                        └─▶ timeline, graph, html, traces
    steps  ──▶ plan                            the main program in the words of Python
       └─────▶ script                          the same as a script of its own
    names  ──▶ listing                         bundled scenarios, built-in targets

The words of all: `sentences` has the sentence of each event, `summary` how a run and its processes ended, `text` how
values are shown. `jsonlines` and `terminal.console` are sinks (see `runtime.run_follower`), all else is pure. Nothing
is imported here: each command pays only for the view that it shows.
"""
