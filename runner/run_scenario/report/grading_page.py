"""What became of a folder of hand-ins, as one HTML page without scripts: for a screen, a narrow one, and for paper.

The rows are told to be rows: on a narrow screen they are laid out as blocks, and a screen reader would lose the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from run_scenario.report.grading import Check, Graded, summary
from run_scenario.report.text import sanitize

_MARKS = {"passed": ("✓", "met"), "failed": ("✗", "not met"), "inconclusive": ("?", "could not be judged")}
_MOST_REASONS = 5
"""Shown of one run: a file may have a hundred mistakes, and a row is not to be longer than a sheet of paper."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --good: light-dark(#176b36, #79d397); --bad: light-dark(#b3150b, #ff9a8f);
  --line: light-dark(#d5dae0, #3a424c); --quiet: light-dark(#57606a, #a3adb8); }}
body {{ font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem;
  color: light-dark(#1b1f24, #e8ebef); background: light-dark(#ffffff, #1b2027); }}
h1 {{ font-size: 1.4rem; margin: 0; }}
h2 {{ font-size: 1.1rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); }}
th[scope=row] {{ font-weight: 600; overflow-wrap: break-word; max-width: 16rem; }}
thead th {{ color: var(--quiet); font-weight: 400; }}
.mark {{ text-align: center; width: 1.2rem; box-sizing: content-box; }}
.good {{ color: var(--good); }}
.bad {{ color: var(--bad); }}
.why {{ overflow-wrap: anywhere; min-width: 14rem; }}
.why div + div {{ margin-top: .3rem; }}
.quiet {{ color: var(--quiet); }}
code {{ font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; overflow-wrap: anywhere; }}
.unseen {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
@media (max-width: 40rem) {{ tr {{ display: flex; flex-wrap: wrap; border-bottom: 1px solid var(--line); }}
  th, td {{ border: 0; }} th:first-child {{ flex: 1; }} th:last-child {{ display: none; }}
  .result {{ flex: 0 0 6rem; }}
  .why {{ flex-basis: 100%; }} .why:empty {{ display: none; }} }}
@media print {{ :root {{ color-scheme: light; }} body {{ max-width: none; padding: 0; font-size: 10pt; }}
  tr {{ break-inside: avoid; }} thead {{ display: table-header-group; }} }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="quiet">{summary}, {date}</p>
<div class="scroll"><table role="table" aria-label="{summary}">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">hand-in</th>
<th role="columnheader" scope="col" class="result">result</th>{numbers}
<th role="columnheader" scope="col">why not</th></tr></thead>
<tbody role="rowgroup">
{rows}
</tbody>
</table></div>
<h2>The checks</h2>
<ol>
{checks}
</ol>
<p class="quiet">✓ met, ✗ not met, ? could not be judged: the run ended before, or what it is about never took part.</p>
{left_out}
</main>
</body>
</html>
"""


def render(graded: Sequence[Graded], title: str, date: str, left_out: Sequence[str]) -> str:
    """Return the page; `date`: when it was made; `left_out`: the files that were no hand-ins."""
    # Which checks there are, a hand-in that was run knows; one that could not be run has none.
    known: dict[tuple[int, str], Check] = {}
    for each in graded:
        known |= {(check.line, check.expectation): check for check in each.checks}
    checks = [known[key] for key in sorted(known)]
    return _PAGE.format(
        title=_shown(title),
        summary=_shown(summary(graded)),
        date=_shown(date),
        numbers="".join(
            f'<th role="columnheader" scope="col" class="mark" title="{_shown(check.because or check.expectation)}">'
            f"{number}</th>"
            for number, check in enumerate(checks, start=1)
        ),
        rows="\n".join(_row(each, checks) for each in graded),
        checks="\n".join(map(_check, checks)),
        left_out=f'<p class="quiet">Left out: {", ".join(map(_shown, left_out))}</p>' if left_out else "",
    )


def _row(graded: Graded, checks: Iterable[Check]) -> str:
    found = {(check.line, check.expectation): check for check in graded.checks}
    cells = "".join(_cell(found.get((check.line, check.expectation))) for check in checks)
    result = "passed" if graded.passed else graded.outcome.replace("_", " ")
    reasons = list(graded.reasons[:_MOST_REASONS])
    if len(graded.reasons) > _MOST_REASONS:
        reasons.append(f"and {len(graded.reasons) - _MOST_REASONS} more")
    why = "".join(f"<div>{_shown(reason)}</div>" for reason in reasons)
    return (
        f'<tr role="row"><th role="rowheader" scope="row">{_shown(graded.name)}</th>'
        f'<td role="cell" class="result {_colour(graded.passed)}">{_shown(result)}</td>{cells}'
        f'<td role="cell" class="why">{why}</td></tr>'
    )


def _cell(check: Check | None) -> str:
    if check is None:
        return '<td role="cell" class="mark"></td>'
    mark, words = _MARKS[check.result]
    colour = _colour(check.result == "passed")
    shown = f'<span aria-hidden="true">{mark}</span><span class="unseen">{words}</span>'
    return f'<td role="cell" class="mark {colour}">{shown}</td>'


def _check(check: Check) -> str:
    because = f"<br>{_shown(check.because)}" if check.because else ""
    line = f'<span class="quiet">line {check.line}</span>'
    return f"<li><code>{_shown(check.expectation)}</code> {line}{because}</li>"


def _colour(good: bool) -> str:
    return "good" if good else "bad"


def _shown(text: str) -> str:
    return escape(sanitize(text))
