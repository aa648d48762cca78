"""What all tests need of their surroundings."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background like this, and every process would inherit it: Ctrl-C could not
    # be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
