"""A request brings along the queue for its answer, which cannot be pickled: put() does not say so."""

import multiprocessing as mp
import sys


def ask(requests, answers):
    requests.put(("double", 21, answers))
    print("answer:", answers.get(), flush=True)


def serve(requests):
    _, number, answers = requests.get()
    answers.put(number * 2)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    requests, answers = mp.Queue(), mp.Queue()
    client = mp.Process(target=ask, args=(requests, answers), name="Client")
    server = mp.Process(target=serve, args=(requests,), name="Server")
    client.start()
    server.start()
    client.join()
    server.join()
