"""What trivial.yaml stands for."""

import multiprocessing

from workers import nothing

if __name__ == "__main__":
    process = multiprocessing.Process(target=nothing)
    process.start()
    process.join()
