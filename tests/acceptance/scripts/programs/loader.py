"""A loader as of a training: workers prefetch batches, each from a queue of its own, and they come in order."""

import itertools
import multiprocessing as mp
import random
import sys


class Squares:
    def __len__(self):
        return 50

    def __getitem__(self, index):
        return index, index * index


def collate(items):
    return tuple(map(list, zip(*items, strict=True)))


def loop(dataset, indices, batches, done, number, seed):
    random.seed(seed + number)
    try:
        while (task := indices.get()) is not None:
            position, chosen = task
            batches.put((position, collate([dataset[index] for index in chosen])))
    finally:
        if not done.is_set():
            batches.put((-1, "ended early"))
        batches.close()


class Loader:
    def __init__(self, dataset, size, workers, prefetch=2):
        self.dataset, self.size, self.prefetch = dataset, size, prefetch
        self.done, self.batches = mp.Event(), mp.Queue()
        self.indices = [mp.Queue() for _ in range(workers)]
        self.workers = [
            mp.Process(target=loop, args=(dataset, queue, self.batches, self.done, n, 42), daemon=True)
            for n, queue in enumerate(self.indices)
        ]
        for worker in self.workers:
            worker.start()

    def __iter__(self):
        order = random.Random(7).sample(range(len(self.dataset)), len(self.dataset))
        chosen = iter([order[at : at + self.size] for at in range(0, len(order), self.size)])
        tasks = enumerate(chosen)
        queues = itertools.cycle(self.indices)
        under_way = 0
        for task in itertools.islice(tasks, self.prefetch * len(self.workers)):
            next(queues).put(task)
            under_way += 1
        early = {}
        for position in itertools.count():
            if not under_way:
                return
            while position not in early:
                early.update([self.batches.get(timeout=60)])
            under_way -= 1
            for task in itertools.islice(tasks, 1):
                next(queues).put(task)
                under_way += 1
            yield early.pop(position)

    def close(self):
        self.done.set()
        for queue in self.indices:
            queue.put(None)
            queue.close()
        for worker in self.workers:
            worker.join()


def main():
    mp.set_start_method(sys.argv[1])
    loader = Loader(Squares(), 8, 2)
    for epoch in range(2):
        for indices, squares in loader:
            print(epoch, indices, sum(squares))
    loader.close()
    print([worker.exitcode for worker in loader.workers])


if __name__ == "__main__":
    main()
