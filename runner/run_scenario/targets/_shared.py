"""Targets that share data: values and arrays in shared memory, and what a manager holds."""

from __future__ import annotations

import time
from multiprocessing import current_process
from multiprocessing.managers import BaseManager
from typing import Any

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import (
        AnyArray,
        AnyBarrier,
        AnyDict,
        AnyList,
        AnyMemory,
        AnyNamespace,
        AnyServer,
        AnyValue,
        Count,
        Items,
        LockedValue,
        Seconds,
    )


@target
def increment(counter: AnyValue, times: Count = 50, pause: Seconds = 0.001, barrier: AnyBarrier | None = None) -> None:
    """Read a number, add one and write it back, again and again, without holding a lock meanwhile.

    Two processes that do so at the same time read the same number, and one of the two updates is lost.

    Args:
        counter: A value in shared memory.
        times: How often.
        pause: Seconds between the reading and the writing.
        barrier: Where it waits before it begins for others, who then begin at the same time.

    Example:
        - target: increment
          replicas: 2
          uses: {counter: hits}

    Steps:
        - repeat: 50
          steps:
            - {read: counter, as: number}
            - sleep: 0.001
            - {write: "${number + 1}", to: counter}
    """
    if barrier is not None:
        barrier.wait()
    for _ in range(times):
        number = counter.value
        time.sleep(pause)
        counter.value = number + 1


@target
def increment_with_lock(counter: LockedValue, times: Count = 50, pause: Seconds = 0.001) -> None:
    """Read a number, add one and write it back, again and again, holding the value's lock meanwhile.

    Args:
        counter: A value in shared memory that has a lock.
        times: How often.
        pause: Seconds between the reading and the writing.

    Example:
        - target: increment_with_lock
          replicas: 2
          uses: {counter: hits}

    Steps:
        - repeat: 50
          steps:
            - with: counter
              steps:
                - {read: counter, as: number}
                - sleep: 0.001
                - {write: "${number + 1}", to: counter}
    """
    for _ in range(times):
        with counter.get_lock():
            number = counter.value
            time.sleep(pause)
            counter.value = number + 1


@target
def square_elements(array: AnyArray, first: Count = 0, last: Count | None = None) -> None:
    """Square some elements of an array in shared memory.

    Args:
        array: The array.
        first: Index of the first element.
        last: Index of the last one; without it, that of the array's last.

    Example:
        - target: square_elements
          uses: {array: numbers}
          kwargs: {first: 0, last: 4}
    """
    end = len(array) if last is None else last + 1
    for index in range(first, end):
        array[index] **= 2
    print(f"{current_process().name} has squared the elements {first} to {end - 1}")


@target
def write_memory(memory: AnyMemory, text: str) -> None:
    """Write a text to the beginning of a block of shared memory.

    Args:
        memory: The block.
        text: What is written, in UTF-8, with a zero byte behind it.

    Example:
        - target: write_memory
          uses: {memory: board}
          kwargs: {text: hello}
    """
    data = text.encode() + b"\0"
    memory.buf[: len(data)] = data
    print(f"{current_process().name} has written {text!r}")


@target
def read_memory(memory: AnyMemory) -> None:
    """Print the text at the beginning of a block of shared memory.

    Args:
        memory: The block.

    Example:
        - target: read_memory
          uses: {memory: board}
    """
    text = bytes(memory.buf).partition(b"\0")[0].decode()
    print(f"{current_process().name} reads {text!r}")


@target
def put_into(mapping: AnyDict, key: str, value: Any) -> None:
    """Put something into a manager's dict under a key.

    Args:
        mapping: The dict.
        key: The key.
        value: What is put.

    Example:
        - target: put_into
          uses: {mapping: stock}
          kwargs: {key: apples, value: 3}
    """
    mapping[key] = value
    print(f"{current_process().name} puts {key}: {value!r}")


@target
def print_dict(mapping: AnyDict) -> None:
    """Print what is in a manager's dict, in the order of its keys.

    Args:
        mapping: The dict.

    Example:
        - target: print_dict
          uses: {mapping: stock}
    """
    for key, value in sorted(mapping.items()):
        print(f"{key}: {value}")


@target
def append_inside(mapping: AnyDict, key: str, item: Any) -> None:
    """Append to a list inside a manager's dict: in vain, for what comes out of the dict is a copy.

    Args:
        mapping: The dict.
        key: Where the list is.
        item: What is appended.

    Example:
        - target: append_inside
          uses: {mapping: guests}
          kwargs: {key: friday, item: Ada}
    """
    mapping[key].append(item)
    print(f"{current_process().name} finds {mapping[key]}")


@target
def append_and_assign(mapping: AnyDict, key: str, item: Any) -> None:
    """Take a list out of a manager's dict, append to it, and put it back.

    Args:
        mapping: The dict.
        key: Where the list is.
        item: What is appended.

    Example:
        - target: append_and_assign
          uses: {mapping: guests}
          kwargs: {key: friday, item: Ada}
    """
    copy = mapping[key]
    copy.append(item)
    mapping[key] = copy
    print(f"{current_process().name} finds {mapping[key]}")


@target
def extend_list(sequence: AnyList, items: Items) -> None:
    """Append objects to a manager's list, one after the other.

    Args:
        sequence: The list.
        items: What is appended.

    Example:
        - target: extend_list
          uses: {sequence: visitors}
          kwargs: {items: [Ada, Grace]}
    """
    for item in items:
        sequence.append(item)
    print(f"{current_process().name} has appended {len(items)}")


@target
def set_attribute(namespace: AnyNamespace, name: str, value: Any) -> None:
    """Set an attribute of a manager's Namespace.

    Args:
        namespace: The Namespace.
        name: The attribute.
        value: What it is set to.

    Example:
        - target: set_attribute
          uses: {namespace: settings}
          kwargs: {name: colour, value: green}
    """
    setattr(namespace, name, value)
    print(f"{current_process().name} sets {name} to {value!r}")


@target
def print_attribute(namespace: AnyNamespace, name: str) -> None:
    """Print an attribute of a manager's Namespace.

    Args:
        namespace: The Namespace.
        name: The attribute.

    Example:
        - target: print_attribute
          uses: {namespace: settings}
          kwargs: {name: colour}
    """
    print(f"{name} is {getattr(namespace, name)!r}")


@target
def call_remote(server: AnyServer, authkey: str, method: str, arguments: Items | None = None) -> None:
    """Connect to a manager at its network address, as a program on another machine would, and call a method there.

    Args:
        server: Where the manager listens: host and port.
        authkey: The key that the manager asks for.
        method: A method of what the manager serves: `update`, `copy`, `put`, `get` and so on.
        arguments: What the method is called with.

    Example:
        - target: call_remote
          uses: {server: office}
          kwargs: {authkey: open sesame, method: copy}
    """
    manager = BaseManager(server, authkey.encode())
    manager.register("get")
    manager.connect()
    shared = manager.get()  # type: ignore[attr-defined]
    result = getattr(shared, method)(*(arguments or []))
    print(f"{current_process().name}: {method}() returned {result!r}")
