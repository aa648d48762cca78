"""A fault that was planted: two processes that add one to the same number may lose an update; as both kinds of program.

It is explored before anything else: where it is not found, schedules decide about nothing. This module is the script.
"""

import multiprocessing
import sys
from multiprocessing.sharedctypes import Synchronized

SCENARIO = """\
version: 1
title: Two processes that add one to the same number may lose an update
timeout: 60
shared:
  counter: {type: Value, typecode: i}
processes:
  - name: Adder
    replicas: 2
    target: increment
    uses: {counter: counter}
    kwargs: {times: 1, pause: 0}
expect:
  - exists: {event: value.final, value: counter, content: 2}
"""


def _add(counter: "Synchronized[int]") -> None:
    found = counter.value
    counter.value = found + 1


if __name__ == "__main__":
    number = multiprocessing.Value("i")
    adders = [multiprocessing.Process(target=_add, args=(number,)) for _ in range(2)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    sys.exit(number.value != len(adders))
