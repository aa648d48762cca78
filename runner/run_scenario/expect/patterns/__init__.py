"""The patterns of expectations: a class for each, which watches the log for one expectation of that pattern.

Below the classes of each module, the same patterns are methods, in which a log is asked for them.

occurrence      exists, absent, no_orphans, count, order
precedence      precedes, leads_to, happens_before
intervals       overlap, mutual_exclusion, concurrency, duration
queues          conserved, fifo
processes       exitcodes, distribution
logic           all_of, any_of, not
scopes          after, before, between: where in the log any of them has to hold

What can be written after a pattern's name, for YAML and Python alike, is in `scenario.expectations`.
"""

from __future__ import annotations

from run_scenario.expect.patterns.intervals import IntervalChecks
from run_scenario.expect.patterns.logic import LogicChecks
from run_scenario.expect.patterns.occurrence import OccurrenceChecks
from run_scenario.expect.patterns.precedence import PrecedenceChecks
from run_scenario.expect.patterns.processes import ProcessChecks
from run_scenario.expect.patterns.queues import QueueChecks


class PatternChecks(OccurrenceChecks, PrecedenceChecks, IntervalChecks, QueueChecks, ProcessChecks, LogicChecks):
    """All patterns, as methods of a log. To import their modules registers them, too: see `observer.pattern`."""
