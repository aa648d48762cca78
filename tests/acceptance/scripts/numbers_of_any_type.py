"""Gives multiprocessing numbers that are no int, and what it refuses; prints what comes of each."""

import multiprocessing as mp
import operator
import threading
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from fractions import Fraction


class Number:
    """As numpy's integers are: no int, but it has an index, and can be reckoned with."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value

    def __float__(self):
        return float(self.value)

    def __hash__(self):
        return hash(self.value)


class Busy(Number):
    """Makes something while something is made with it, as a signal handler may."""

    def __index__(self):
        mp.Lock()
        return self.value


def _by(does):
    return lambda self, other: does(self.value, other)


def _by_reflected(does):
    return lambda self, other: does(other, self.value)


for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _by(getattr(operator, _name)))
for _name in ("add", "sub", "mul", "floordiv", "mod"):
    setattr(Number, f"__{_name}__", _by(getattr(operator, _name)))
    setattr(Number, f"__r{_name}__", _by_reflected(getattr(operator, _name)))


def tell(make, *args, **kwargs):
    try:
        made = make(*args, **kwargs)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    else:
        print(made if isinstance(made, bool | int | list) else type(made).__name__, flush=True)


def refuse():
    tell(mp.Queue, "5")
    tell(mp.Queue, None)


def negative(number):
    return -number


if __name__ == "__main__":
    mp.set_start_method("fork")
    two = Number(2)
    refuse()
    process = mp.Process(target=refuse, name=5)
    process.start()
    tell(process.join, Number(60))
    print(process.exitcode)

    for factory in (mp.Queue, mp.JoinableQueue, mp.Semaphore, mp.BoundedSemaphore):
        for size in (two, -1.5, 2.5, 2**40):
            tell(factory, size)
    tell(mp.Semaphore, Busy(2))
    for parties in (two, 2.0, "2"):
        tell(mp.Barrier, parties)
    for timeout in (two, "x"):
        tell(mp.Barrier, 2, timeout=timeout)
    with mp.Manager() as manager:
        tell(manager.Semaphore, two)
    for duplex in (None, "x", 0):
        tell(mp.Pipe, duplex)
        tell(mp.Pipe, duplex=duplex)
    for factory in (mp.Lock, mp.RLock, mp.Event, mp.SimpleQueue):
        tell(factory, "x")
    tell(mp.Condition, "x")
    tell(mp.Value, "i", "x")
    tell(mp.Value, "i", lock=5)
    tell(mp.Value, "i", lock=threading.Lock())
    tell(mp.Array, "i", "x")
    tell(mp.Pool, 0)
    tell(mp.Pool, "x")
    tell(mp.Pool, 1, "x")
    tell(mp.Pool, 1, maxtasksperchild=0)
    tell(ProcessPoolExecutor, 0)
    tell(ProcessPoolExecutor, "x")
    tell(ProcessPoolExecutor, 1, initializer="x")

    for timeout in (Decimal("0.01"), Fraction(1, 100), Number(0)):
        tell(mp.Event().wait, timeout)
    tell(mp.Event().wait, "x")
    condition = mp.Condition()
    with condition:
        for number in (two, 2.5, -(2**80), "x"):
            tell(condition.notify, number)

    array = mp.Array("i", 3)
    array[Number(1)] = 7
    print(array[Number(1)], array[Number(-2)], array[Number(1) : Number(2)])
    tell(array.__getitem__, "x")

    with mp.Pool(two) as pool:
        tell(pool.map, negative, [1, 2, 3], two)
        print(list(pool.imap(negative, [1, 2, 3], two)))
    with ProcessPoolExecutor(two) as executor:
        print(list(executor.map(negative, [1, 2, 3], chunksize=two)))
