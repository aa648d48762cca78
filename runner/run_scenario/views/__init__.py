"""Values in, text out: what a person sees of a scenario and of its log.

    events ──▶ jsonlines ──▶ outputs        one JSON object per line, rendered by structlog
       └─────▶ console                      a line per event, and a summary at the end
                  ├──▶ transcript ──▶ sentences, frames
                  ├──▶ layout               where lines break
                  ├──▶ summary ──▶ tables
                  └──▶ status               the last line, while nothing happens
       └─────▶ html                         a run as one file for a browser
    steps  ──▶ plan                         the main program in the words of Python
       └─────▶ python_script               the same as a script of its own
    names  ──▶ listing                      bundled scenarios, built-in targets

`jsonlines` and `console` are sinks (see `engine.sink`), all else is pure. Nothing is imported here: each command pays
only for the view that it shows.
"""
