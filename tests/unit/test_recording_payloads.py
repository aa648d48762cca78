"""Which fields of records are data of the program, and that they can be kept out of them."""

from __future__ import annotations

import struct

from run_scenario.recording import codes, layout, payloads

WITHOUT = {
    *(codes.STARTING, codes.STARTED, codes.FINISHED, codes.JOINING, codes.JOINED, codes.JOIN_TIMED_OUT, codes.ALIVE),
    *(codes.INTERRUPTING, codes.TERMINATING, codes.KILLING, codes.REAPED, codes.EXIT_SEEN, codes.ORPHANED),
    *(codes.SWEEPING,),
    *(codes.START_RETURNED, codes.NOT_ENDED, codes.LINGERING, codes.MISREPORTED, codes.ATEXIT_MISSED),
    *(
        codes.RAISING_SIGNAL,
        codes.FORKING,
        codes.WAITED_FOR,
        codes.POOL_CALL_MADE,
        codes.NOT_RECORDED,
        codes.THREAD_NAMED,
    ),
    *(codes.RESTARTING, codes.THREAD_STARTED, codes.THREAD_ENDED, codes.EMPTY, codes.FULL, codes.TASK_DONE),
    *(codes.QUEUE_JOINING, codes.QUEUE_JOINED, codes.CLOSED, codes.THREAD_JOINED, codes.PIPE_EOF, codes.PIPE_BROKEN),
    *(codes.PIPE_POLLED, codes.PIPE_CLOSED, codes.PIPE_SEND_WAITED),
    *(codes.ACQUIRED, codes.NOT_ACQUIRED, codes.ACQUIRING, codes.RELEASED, codes.EVENT_SET, codes.EVENT_CLEARED),
    *(codes.EVENT_ASKED, codes.EVENT_WAITING, codes.EVENT_WAITED, codes.CONDITION_WAITING, codes.CONDITION_WOKEN),
    *(codes.CONDITION_NOTIFIED, codes.BARRIER_WAITING, codes.BARRIER_PASSED, codes.BARRIER_BROKEN),
    *(codes.BARRIER_ABORTED, codes.BARRIER_RESET),
    *(codes.MEMORY_CREATED, codes.MEMORY_ATTACHED, codes.MEMORY_CLOSED, codes.MEMORY_UNLINKED, codes.MEMORY_LEFT),
    *(codes.MANAGER_STARTED, codes.MANAGER_SHUT_DOWN, codes.MANAGER_FAILED, codes.MANAGER_LOST),
    *(codes.POOL_CREATED, codes.POOL_WORKER_STARTED, codes.POOL_WORKER_REAPED, codes.POOL_CRASH_LOOP),
    *(codes.POOL_CLOSED, codes.POOL_TERMINATED, codes.POOL_JOINED),
    *(codes.REFUSED, codes.STALL, codes.SIGNALLED, codes.TIMED_OUT, codes.STOPPING, codes.MAIN_EXITED, codes.LEAKED),
    *(codes.MAIN_FORKED, codes.LIMIT, codes.TROUBLE, codes.STACKS_ASKED, codes.HELPER_LOST),
}
"""Codes of records that have names, numbers and places alone; and texts that the system or we have made."""


def test_of_each_record_it_is_known_whether_it_has_data() -> None:
    """A new code is to be added to `payloads.PAYLOADS`, or to those without."""
    known = {value for name, value in vars(codes).items() if name.isupper() and name[:2] != "W_" and name != "MOVING"}
    known -= {codes.SAME, codes.UNKNOWN, codes.OUTSIDE}
    assert known == WITHOUT | payloads.PAYLOADS.keys()
    assert not WITHOUT & payloads.PAYLOADS.keys()


def test_data_is_withheld_and_the_rest_is_left() -> None:
    """What a field always is, it remains: a list, a mapping, an exception before its message, an exit code."""
    assert (1, codes.PUT, 2, 3, "<not recorded>", 4) == payloads.withheld((1, codes.PUT, 2, 3, "secret", 4))
    assert (1, codes.GET, 2, 3, codes.SAME, 4) == payloads.withheld((1, codes.GET, 2, 3, codes.SAME, 4))
    assert (1, codes.EXITING, -1, 3, None) == payloads.withheld((1, codes.EXITING, -1, 3, None))
    assert (1, codes.EXITING, -1, "<not recorded>", None) == payloads.withheld((1, codes.EXITING, -1, "why", None))
    called = payloads.withheld((1, codes.MANAGER_CALLED, 0, "put", ["a", 5], {"k": 1}, None, "KeyError: 'k'", 7))
    assert called[4:] == (["<not recorded>"], {"…": "<not recorded>"}, "<not recorded>", "KeyError: <not recorded>", 7)
    put = (1, codes.PUT, 2, 3, "(1, 2)", 4, False, {"tuple": [1, 2]})
    assert (1, codes.PUT, 2, 3, "<not recorded>", 4, False, None) == payloads.withheld(put)
    by_thread = codes.PUT | 3 << layout.WORKER_BITS
    assert (1, by_thread, 2, 3, "<not recorded>", 4) == payloads.withheld((1, by_thread, 2, 3, "secret", 4))
    assert (1, codes.CLOSED, 2) == payloads.withheld((1, codes.CLOSED, 2))


def test_what_is_given_to_a_process_is_withheld() -> None:
    """What the program has made is told, its data is not."""
    arguments = [{"name": "n", "data": 1}, {"name": "tasks", "resource": 2}, {"name": "f", "value": "<lambda>"}]
    made = payloads.withheld((1, codes.PROCESS_MADE, 0, "Worker", "work", False, "m:work", arguments, "fork"))
    given = [{"name": "n", "value": "<not recorded>"}, arguments[1], {"name": "f", "value": "<not recorded>"}]
    assert (0, "Worker", "work", False, "m:work", given, "fork") == made[2:]
    more = {"typecode": "i", "value": 7}
    value = payloads.withheld((1, codes.RESOURCE_MADE, 0, "Value", "n", "m.py", 1, 0, -1, more))
    assert {"typecode": "i"} == value[-1]


def test_fixed_records_have_no_data_either() -> None:
    """The value is gone in both forms of a record; that an item is the one that was put is left."""
    for layout_, by in ((layout.FIXED, ()), (layout.FIXED_BY, (1,))):
        stored = bytearray(struct.calcsize(layout_.format))
        pack = payloads.withholding(layout_.pack_into)
        pack(stored, 0, 10, codes.PUT, layout.V_INT, 2, *by, 3, 4711, 5, 1)
        assert (10, codes.PUT, layout.V_WITHHELD, 2, *by, 3, 0, 5, 1) == layout_.unpack(stored)
        pack(stored, 0, 10, codes.GET, layout.V_SAME, 2, *by, 3, 0, 5, 1)
        assert (10, codes.GET, layout.V_SAME, 2, *by, 3, 0, 5, 1) == layout_.unpack(stored)
        pack(stored, 0, 10, codes.EVENT_ASKED, layout.V_TRUE, 2, *by, 3, 0, 5, 1)
        assert (10, codes.EVENT_ASKED, layout.V_TRUE, 2, *by, 3, 0, 5, 1) == layout_.unpack(stored)
