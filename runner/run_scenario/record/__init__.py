"""The recorder: how each process writes down what happens in it, and how the front reads that.

    process A ── emit() ──> A's segment (memory-mapped file) ──┐
    process B ── emit() ──> B's segment                        ├──> Drain: all records, in causal order
    guard     ── emit() ──> its segment                        ──┘

Every process has a segment of its own: no lock is shared with anybody, nothing recorded is lost to SIGKILL (the
pages belong to the kernel), and a process that dies while it writes leaves at most one record that its checksum
marks as unfinished. This package must stay cheap to import: spawned children do.
"""
