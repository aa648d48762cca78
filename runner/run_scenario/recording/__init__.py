"""The recorder: how each process writes down what happens in it, and how the runner reads that.

    process A  ── emit() ──> A's segment (memory-mapped file) ──┐
    process B  ── emit() ──> B's segment                        ├──> Drain: all records, in causal order
    supervisor ── emit() ──> its segment                      ──┘

Every process has a segment of its own: no lock is shared with anybody, nothing recorded is lost to SIGKILL (the
pages belong to the kernel). A process that dies while it writes leaves records that it had begun, at most one for
each of its threads: they have no checksum or last byte, and are counted. This package must stay cheap to import:
spawned children do.
"""
