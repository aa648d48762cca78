"""A campaign that kills, stops and interrupts whatever belongs to a run, at random moments of random scenarios.

    PYTHONPATH=tests python -m chaos --kills 1000 --seed 1

What must be true of each run, whoever was hit and when: it ends in time; no process, zombie, file, semaphore or block
of shared memory is left; each line of the log is an event, in order; every put() that had returned is in it; and the
end is explained. If the runner itself was killed, all this is asked of the log that `run-scenario recover` tells.
"""
