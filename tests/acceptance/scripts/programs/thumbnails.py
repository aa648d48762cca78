"""Makes small pictures of large ones: one process lists them, several shrink them, one writes an index."""

import multiprocessing as mp
import pathlib
import sys
import zlib


def read(path):
    data = path.read_bytes()
    _, size, _, pixels = data.split(b"\n", 3)
    width, height = map(int, size.split())
    return width, height, pixels


def shrink(path, folder, factor):
    width, height, pixels = read(path)
    rows = [pixels[row * width : (row + 1) * width : factor] for row in range(0, height, factor)]
    small = b"P5\n%d %d\n255\n" % (len(rows[0]), len(rows)) + b"".join(rows)
    (folder / path.name).write_bytes(small)
    return zlib.crc32(small)


def list_pictures(folder, pictures, workers):
    for path in sorted(folder.glob("*.pgm")):
        pictures.put(path)
    for _ in range(workers):
        pictures.put(None)


def work(pictures, done, folder):
    while (path := pictures.get()) is not None:
        try:
            done.put((path.name, shrink(path, folder, 4)))
        except ValueError as error:
            done.put((path.name, f"{type(error).__name__}"))
    done.put(None)


def main():
    mp.set_start_method(sys.argv[1])
    large, small = pathlib.Path("large"), pathlib.Path("small")
    large.mkdir()
    small.mkdir()
    for n in range(12):
        pixels = bytes((x * y * n) % 256 for x in range(64) for y in range(64))
        (large / f"{n:02}.pgm").write_bytes(b"P5\n64 64\n255\n" + pixels)
    (large / "broken.pgm").write_bytes(b"P5\n")
    pictures, done = mp.JoinableQueue(2), mp.Queue()
    processes = [mp.Process(target=list_pictures, args=(large, pictures, 3))]
    processes += [mp.Process(target=work, args=(pictures, done, small)) for _ in range(3)]
    for process in processes:
        process.start()
    index, ended = {}, 0
    while ended < 3:
        result = done.get()
        if result is None:
            ended += 1
        else:
            index.update([result])
    for process in processes:
        process.join()
    pathlib.Path("index.txt").write_text("".join(f"{name} {crc}\n" for name, crc in sorted(index.items())))
    print(pathlib.Path("index.txt").read_text(), end="")


if __name__ == "__main__":
    main()
