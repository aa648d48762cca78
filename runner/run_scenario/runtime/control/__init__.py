"""Control of a run's processes from outside: each waits for its turn before whatever others can see.

What is replaced lies beneath multiprocessing: its semaphores, the reads and writes of its connections, the threads that
feed its queues, fork, wait, kill and the clock. Its own code, that of CPython, runs unchanged above.
"""
