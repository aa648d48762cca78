"""The main program fails, and cannot end: nobody reads what it has put, which is more than a pipe holds."""

import multiprocessing as mp
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    big, none = mp.Queue(), mp.Queue()
    big.put("x" * 50_000)
    big.put("x" * 50_000)
    none.get(timeout=0.1)
