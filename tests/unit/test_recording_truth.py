"""Everything that was recorded is read, once and as it was, held against ledgers that the recording processes keep.

Every operation notes the time before and after it in a shared map of its own, which has nothing to do with recording.
"""

from __future__ import annotations

import mmap
import random
import signal
import sys
import threading
from collections.abc import Iterator
from time import monotonic_ns
from typing import Any

import pytest
from segments import fork

from effort import often
from run_scenario.recording import codes, layout
from run_scenario.recording.drain import Drain
from run_scenario.recording.recorder import Recorder

THREADS = 3
"""Of each process; what its signal handler does is one more actor."""
ACTORS = THREADS + 1
BITS = 32
"""In a stamp, the actor stands so many bits up, over the number of its operation."""


def value_of(actor: int, number: int) -> int:
    """Return a value whose every byte depends on the operation."""
    return (number * 0x9E3779B97F4A7C15 + actor * 0xC2B2AE3D27D4EB4F) % (1 << 63)


class Ledger:
    """What one process itself knows of its operations: when each was begun, and when it was over."""

    def __init__(self, process: int, count: int) -> None:
        self.first = process * ACTORS
        self.count = count
        self._words = memoryview(mmap.mmap(-1, ACTORS * count * 16)).cast("q")

    def perform(self, recorder: Recorder, actor: int, number: int) -> None:
        """Do one operation: record something small, or now and then something with text."""
        at = 2 * (actor * self.count + number)
        who = self.first + actor
        self._words[at] = monotonic_ns()
        if number % 16:
            recorder.fixed(codes.PUT, layout.V_INT, 0, who << BITS | number, value_of(who, number), number)
        else:
            recorder.emit(codes.TROUBLE, who << BITS | number, value_of(who, number), "x" * (number % 300))
        self._words[at + 1] = monotonic_ns()

    def times(self, who: int, number: int) -> tuple[int, int]:
        """Return when an operation began and was over; 0 if it did not, or was not."""
        at = 2 * ((who - self.first) * self.count + number)
        return self._words[at], self._words[at + 1]

    def stamps(self, end: int) -> Iterator[int]:
        """Yield the stamps of operations that were begun (`end` 0) or were over (1)."""
        for actor in range(ACTORS):
            for number in range(self.count):
                if self._words[2 * (actor * self.count + number) + end]:
                    yield (self.first + actor) << BITS | number


def work(folder: str, ledger: Ledger, is_killed: bool) -> None:
    """Perform all operations, with threads that often take turns and a signal handler that records, too."""
    recorder = Recorder()
    recorder.attach(folder, "Worker", 1)
    sys.setswitchinterval(5e-4)
    handled = iter(range(ledger.count))

    def interrupt(signum: int, frame: Any) -> None:
        for number in handled:
            ledger.perform(recorder, THREADS, number)
            break

    def run(actor: int) -> None:
        for number in range(ledger.count):
            ledger.perform(recorder, actor, number)

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    threads = [threading.Thread(target=run, args=(actor,)) for actor in range(1, THREADS)]
    for thread in threads:
        thread.start()
    run(0)
    for thread in threads:
        thread.join()
    while is_killed:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)


def follow(drain: Drain, folder: str, ledgers: list[Ledger], kill_at: list[int]) -> list[list[Any]]:
    """Read what the processes of these ledgers record while they do; kill each once it has come so far."""
    killed = [kill < ledger.count for ledger, kill in zip(ledgers, kill_at, strict=True)]
    processes = [fork.Process(target=work, args=(folder, *each)) for each in zip(ledgers, killed, strict=True)]
    for process in processes:
        process.start()
    living = list(zip(processes, ledgers, kill_at, strict=True))
    records: list[list[Any]] = []
    while living:
        records += [record for _, _, record in drain.round()]
        for process, ledger, kill in living:
            if kill < ledger.count and ledger.times(ledger.first, kill)[1]:
                process.kill()
        for each in [each for each in living if each[0].exitcode is not None]:
            living.remove(each)
            drain.note_ended(each[0].pid or 0, monotonic_ns())
    while released := drain.rest():
        records += [record for _, _, record in released]
    assert [-signal.SIGKILL if each else 0 for each in killed] == [process.exitcode for process in processes]
    return records


def check(records: list[list[Any]], ledgers: list[Ledger]) -> None:
    """Hold what was read against what the processes know: all of it, once, as it was, causes before effects."""
    seen: dict[int, int] = {}
    latest, before = 0, dict.fromkeys(range(len(ledgers) * ACTORS), -1)
    for record in records:
        stamp, value, rest = record[3:6] if record[1] == codes.PUT else record[2:5]
        who, number = stamp >> BITS, stamp & (1 << BITS) - 1
        assert value_of(who, number) == value
        assert rest == (number if record[1] == codes.PUT else "x" * (number % 300))
        began, over = ledgers[who // ACTORS].times(who, number)
        assert 0 < began <= record[0]
        assert over == 0 or latest <= over, "an operation was over before one began that was told earlier"
        assert over == 0 or record[0] <= over
        assert stamp not in seen, "told twice"
        assert before[who] < number or who % ACTORS == THREADS, "out of turn"  # the handler may interrupt itself
        latest = max(latest, began)
        before[who] = number
        seen[stamp] = over
    acknowledged = {stamp for ledger in ledgers for stamp in ledger.stamps(1)}
    assert set() == acknowledged - seen.keys(), "lost"


def check_nothing_else(drain: Drain, killed: bool) -> None:
    """Check that nothing is told to be lost, and only what a kill has interrupted to be unfinished."""
    for reader in drain.readers:
        assert (0, 0, 0) == (reader.damaged, reader.missing, reader.lost)
        assert reader.unfinished <= (ACTORS if killed else 0)
        assert reader.is_closed


@pytest.mark.parametrize("seed", range(often(12)))
def test_nothing_is_lost_without_a_kill(folder: str, drain: Drain, seed: int) -> None:
    """Two processes with threads and signal handlers, and a reader beside them."""
    ledgers = [Ledger(process, 25_000) for process in range(2)]
    records = follow(drain, folder, ledgers, [25_000] * 2)
    check(records, ledgers)
    assert 2 * THREADS * 25_000 <= len(records)
    check_nothing_else(drain, False)


@pytest.mark.fault("F46")
@pytest.mark.parametrize("seed", range(often(24)))
def test_nothing_acknowledged_is_lost_to_a_kill(folder: str, drain: Drain, seed: int) -> None:
    """Each of four processes is killed somewhere in its work; what was over by then is read."""
    random_ = random.Random(seed)
    ledgers = [Ledger(process, 25_000) for process in range(4)]
    records = follow(drain, folder, ledgers, [random_.randrange(20_000) for _ in ledgers])
    check(records, ledgers)
    check_nothing_else(drain, True)
