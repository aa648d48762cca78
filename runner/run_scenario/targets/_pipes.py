"""Targets at the ends of pipes: send, receive, wait for the end of file, and what goes wrong."""

from __future__ import annotations

import os
from multiprocessing import current_process

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import AnyEnd, Count, Items, ReceivingEnd, Seconds, SendingEnd


@target
def send_items(connection: SendingEnd, items: Items) -> None:
    """Send objects through a pipe, one after the other, and close it.

    Args:
        connection: The end that it sends at.
        items: What it sends.

    Example:
        - target: send_items
          to: {connection: rope.right}
          kwargs: {items: [1, 2, 3]}
    """
    name = current_process().name
    for item in items:
        print(f"{name} sends {item!r}")
        connection.send(item)
    connection.close()


@target
def receive_until_eof(connection: ReceivingEnd) -> None:
    """Receive from a pipe until the other end is closed, in every process that has it open.

    Args:
        connection: The end that it receives at.

    Example:
        - target: receive_until_eof
          from: {connection: rope.left}

    Steps:
        - try:
            - repeat: forever
              steps:
                - {recv: connection, as: item}
                - print: $name received $item
          except:
            EOFError:
              - print: $name has come to the end
    """
    name = current_process().name
    while True:
        try:
            item = connection.recv()
        except EOFError:
            break
        print(f"{name} received {item!r}")
    print(f"{name} has come to the end")


@target
def receive(connection: ReceivingEnd, count: Count = 1) -> None:
    """Receive so many objects from a pipe, and no more.

    Args:
        connection: The end that it receives at.
        count: How many.

    Example:
        - target: receive
          from: {connection: rope.left}
          kwargs: {count: 2}

    Steps:
        - {recv: connection, as: item}
        - print: $name received $item
    """
    name = current_process().name
    for _ in range(count):
        print(f"{name} received {connection.recv()!r}")


@target
def ping(connection: AnyEnd, count: Count = 3) -> None:
    """Send a number through a pipe, wait for the answer, and so on; then close the end.

    Args:
        connection: The end of a duplex pipe.
        count: How often.

    Example:
        - target: ping
          uses: {connection: table.left}

    Steps:
        - for: number
          in: [1, 2, 3]
          steps:
            - {send: $number, to: connection}
            - {recv: connection, as: answer}
            - print: "$name: ping $number, $answer"
        - close: connection
    """
    name = current_process().name
    for number in range(1, count + 1):
        connection.send(number)
        print(f"{name}: ping {number}, {connection.recv()}")
    connection.close()


@target
def pong(connection: AnyEnd) -> None:
    """Answer every number that comes through a pipe until the other end is closed.

    Args:
        connection: The end of a duplex pipe.

    Example:
        - target: pong
          uses: {connection: table.right}

    Steps:
        - try:
            - repeat: forever
              steps:
                - {recv: connection, as: number}
                - {send: pong $number, to: connection}
          except:
            EOFError:
              - print: $name has nobody left to play with
    """
    while True:
        try:
            number = connection.recv()
        except EOFError:
            break
        connection.send(f"pong {number}")
    print(f"{current_process().name} has nobody left to play with")


@target
def send_large(connection: AnyEnd, size: Count = 1_000_000) -> None:
    """Send a long text through a pipe, then receive one.

    A pipe holds some 64 kB (a duplex one, about 200 kB): send() waits until the rest has been read at the other end.

    Args:
        connection: The end of a duplex pipe.
        size: Characters of the text.

    Example:
        - target: send_large
          uses: {connection: rope.left}
    """
    name = current_process().name
    print(f"{name} sends {size} character{'s' * (size != 1)}")
    connection.send("x" * size)
    received = len(connection.recv())
    print(f"{name} received {received} character{'s' * (received != 1)}")


@target
def poll(connection: ReceivingEnd, timeout: Seconds = 0.1) -> None:
    """Wait until there is something to receive, but not longer than a timeout; then receive it.

    Args:
        connection: The end that it receives at.
        timeout: Seconds that it waits at most.

    Example:
        - target: poll
          from: {connection: rope.left}
          kwargs: {timeout: 0.5}

    Steps:
        - {poll: connection, timeout: 0.1, as: is_there}
        - if: $is_there
          then:
            - {recv: connection, as: item}
            - print: $name received $item
          else:
            - print: $name has waited long enough
    """
    name = current_process().name
    if connection.poll(timeout):
        print(f"{name} received {connection.recv()!r}")
    else:
        print(f"{name} has waited long enough")


@target
def receive_and_die(connection: ReceivingEnd) -> None:
    """Receive one object from a pipe and end at once by os._exit(1), without an answer.

    Args:
        connection: The end that it receives at.

    Example:
        - target: receive_and_die
          from: {connection: rope.right}
          exitcode: 1
    """
    connection.recv()
    os._exit(1)


@target
def send_until_broken(connection: SendingEnd) -> None:
    """Send numbers through a pipe until it breaks, for nobody has the other end any more.

    Args:
        connection: The end that it sends at.

    Example:
        - target: send_until_broken
          to: {connection: rope.right}
    """
    name = current_process().name
    number = 0
    try:
        while True:
            number += 1
            connection.send(number)
    except (BrokenPipeError, ConnectionResetError) as error:
        print(f"{name}: {type(error).__name__}, nobody is there to receive")
