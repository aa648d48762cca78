"""Work functions: what a consumer does with an item, which is the first argument."""

from __future__ import annotations

import os
import signal
import time
from math import isqrt
from multiprocessing import current_process

from run_scenario.targets._decorators import work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from run_scenario.targets._kinds import Count, Seconds


@work
def is_prime(number: int) -> bool:
    """Tell whether a number is prime, by trial division: slow for large primes, which is the point.

    Args:
        number: A whole number.

    Example:
        {call: is_prime, args: [433785907]}
    """
    if not isinstance(number, int):
        raise TypeError(f"is_prime() cannot check {number!r}; give it an integer such as 7")
    if number < 2:
        return False
    if number % 2 == 0:
        return number == 2
    return all(number % divisor for divisor in range(3, isqrt(number) + 1, 2))


@work
def check_prime(number: int) -> str:
    """Say in a sentence whether a number is prime, so that the result tells which number it belongs to.

    Args:
        number: A whole number.

    Example:
        {call: check_prime, args: [323]}
    """
    verdict = "is a prime number" if is_prime(number) else "is not a prime number"
    return f"{number} {verdict}."


@work
def square(number: float) -> float:
    """Multiply a number by itself.

    Args:
        number: Any number.

    Example:
        {call: square, args: [12]}
    """
    return number * number


@work
def fibonacci(n: Count) -> int:
    """Compute the n-th Fibonacci number (0, 1, 1, 2, 3, 5, …) the slow way, by calling itself twice.

    Args:
        n: Which one, counted from 0; above 30 it takes seconds.

    Example:
        {call: fibonacci, args: [20]}
    """
    if not isinstance(n, int) or n < 0:
        message = f"fibonacci() counts from 0 and has no number {n!r}"
        raise ValueError(f"{message}; give it an integer such as 20")
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@work
def sleep_for(seconds: Seconds) -> float:
    """Sleep as many seconds as the item says, and return them.

    Args:
        seconds: How long.

    Example:
        {call: sleep_for, args: [0.5]}
    """
    time.sleep(seconds)
    return seconds


@work
def identity(item: Any) -> Any:
    """Return the item as it is.

    Args:
        item: Anything.

    Example:
        {call: identity, args: [hello]}
    """
    return item


@work
def fail_on(item: Any, value: Any = 13) -> Any:
    """Return the item as it is, but raise a ValueError if it is a certain one.

    Args:
        item: Anything.
        value: The item on which it fails.

    Example:
        {call: fail_on, args: [13], kwargs: {value: 13}}
    """
    if item == value:
        raise ValueError(f"failed on purpose on item {item!r}")
    return item


@work
def greet(name: str) -> str:
    """Print that something fancy is done in this process for somebody, and return what was printed.

    Args:
        name: For whom.

    Example:
        {call: greet, args: [Fancy Dan]}
    """
    text = f"Doing something fancy in {current_process().name} for {name}!"
    print(text)
    return text


@work
def power(base: float, exponent: float = 2) -> Any:
    """Return a number to the power of another.

    Args:
        base: The number.
        exponent: The power.

    Example:
        {call: power, args: [2, 10]}
    """
    return base**exponent


@work
def crash_on(item: Any, value: Any = 13) -> Any:
    """Return the item, but kill the process that does it, by SIGKILL, if the item is a certain value.

    Args:
        item: What is returned.
        value: The one that kills.

    Example:
        {call: crash_on, args: [13]}
    """
    if item == value:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@work
def name_of_worker(item: Any) -> str:
    """Return the name of the process that does it.

    Args:
        item: Not used.

    Example:
        {call: name_of_worker, args: [1]}
    """
    return current_process().name


@work
def announce(text: str) -> None:
    """Print a text and who does so; as an initializer, once in each worker.

    Args:
        text: What is printed.

    Example:
        {call: announce, args: [ready]}
    """
    print(f"{current_process().name}: {text}")
