"""A handler sets the event that its own process waits for: set() waits for the sleeper to wake up, which is itself."""

import multiprocessing as mp
import signal
import sys


def serve(stop, ready):
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    ready.send("ready")
    stop.wait()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    stop = mp.Event()
    ours, theirs = mp.Pipe()
    server = mp.Process(target=serve, args=(stop, theirs), name="Server", daemon=True)
    server.start()
    ours.recv()
    while not stop._cond._sleeping_count.get_value():  # until it waits
        pass
    server.terminate()
    server.join()
