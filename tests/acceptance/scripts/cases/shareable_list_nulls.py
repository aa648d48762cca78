"""A ShareableList loses the zeros at the end of a text: what is read is not what was written."""

import multiprocessing as mp
import sys
from multiprocessing.shared_memory import ShareableList


def show(board):
    print(repr(list(board)))
    board[1] = "b\0\0"
    print(repr(board[1]))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    board = ShareableList(["\0a\0", "wide enough", "c"])
    process = mp.Process(target=show, args=(board,))
    process.start()
    process.join()
    board.shm.close()
    board.shm.unlink()
