"""A run as a page: one file for a browser, which needs no network and no other file.

    events ─▶ Columns                        all events, without loss, for the page to look things up in
       ├────▶ History ─▶ lanes(), waits()    what processes did; who waited for whom when nothing moved any more
       └────▶ sentences                      the texts
                         └──▶ page           page.html with page.css, js/*.js and vendor/ put into it

The page draws and answers; what it shows of a run is worked out here, or read from the events themselves.
"""

from __future__ import annotations

from run_scenario.report.html.page import render

__all__ = ["render"]
