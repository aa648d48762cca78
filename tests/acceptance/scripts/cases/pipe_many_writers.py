"""Three write to one end of a pipe without a lock: small messages arrive whole, in an order that nobody knows."""

import multiprocessing as mp
import sys


def write(line, name, size, count):
    for number in range(count):
        line.send((name, number, name * size))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    left, right = mp.Pipe(False)
    writers = [mp.Process(target=write, args=(right, name, 300, 50), name=name) for name in "abc"]
    for writer in writers:
        writer.start()
    right.close()
    received = [left.recv() for _ in range(150)]
    for writer in writers:
        writer.join()
    print(sorted({(name, size) for name, _, text in received for size in [len(text)] if set(text) == {name}}))
