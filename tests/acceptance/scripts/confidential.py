"""A script whose data travels every way that is recorded; with a second argument it then waits for ever."""

import concurrent.futures
import multiprocessing
import sys
from multiprocessing.shared_memory import ShareableList

TEXT = "-".join(["hush", "now"])
NUMBER = 20_261_130 * 7_919


class Secretive:
    def __init__(self):
        self.text = TEXT

    def __reduce__(self):
        raise ValueError(TEXT)


def fail(argument):
    raise ValueError(argument)


def same(argument):
    return argument


def work(tasks, results, end, value, letters):
    for item in (tasks.get(), tasks.get()):
        results.put(item)
    for item in ({TEXT: [NUMBER]}, TEXT.encode(), 10 * TEXT.encode(), Secretive()):
        results.put(item)
    print(end.recv(), end.recv_bytes(), end.recv())
    end.send((TEXT, NUMBER))
    for _ in range(100):
        assert value.value == NUMBER
    value.value += 1
    letters[0] = letters[0]
    letters[1:3] = letters[1:3]
    results.close()
    results.join_thread()
    sys.exit(TEXT)


def main():
    tasks, results = multiprocessing.JoinableQueue(), multiprocessing.Queue()
    ours, theirs = multiprocessing.Pipe()
    value, letters = multiprocessing.Value("q", NUMBER), multiprocessing.Array("c", TEXT.encode())
    worker = multiprocessing.Process(target=work, args=(tasks, results, theirs, value, letters))
    worker.start()
    for item in (TEXT, NUMBER):
        tasks.put(item)
        ours.send(item)
        if item == TEXT:
            ours.send_bytes(TEXT.encode())
    print([results.get() for _ in range(5)], ours.recv())
    worker.join()
    print(letters.value, value.value)
    failing = multiprocessing.Process(target=fail, args=(TEXT,))
    failing.start()
    failing.join()
    with multiprocessing.Pool(2) as pool:
        pool.map(same, [NUMBER + i for i in range(100)])
        pool.apply(same, (), {"argument": TEXT})
        print(list(pool.imap(same, [TEXT])))
        pool.apply_async(same, (TEXT,), callback=print).get()
        pool.apply_async(fail, (TEXT,), error_callback=print).wait()
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        print(executor.submit(same, TEXT).result(), executor.submit(fail, TEXT).exception())
    with multiprocessing.Manager() as manager:
        mapping, shared = manager.dict({TEXT: NUMBER}), manager.Value("q", NUMBER)
        mapping.update(**{TEXT: TEXT})
        shared.value = NUMBER + 1
        try:
            mapping.pop(NUMBER)
        except KeyError as error:
            print(error)
    row = ShareableList([TEXT, NUMBER])
    row[0] = row[0]
    print(list(row))
    row.shm.close()
    row.shm.unlink()
    print(TEXT, file=sys.stderr)
    if sys.argv[2:]:
        multiprocessing.Event().wait()
    raise ValueError(TEXT)


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
