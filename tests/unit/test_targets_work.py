"""The work functions, called as they are."""

from __future__ import annotations

import time

import pytest

from run_scenario.targets import _work


@pytest.mark.parametrize("number", [2, 3, 5, 7, 101, 193, 1327, 433785907])
def test_is_prime_knows_primes(number):
    """Primes are primes: the definition, not the implementation, is asked where that is quick."""
    assert number > 10_000 or all(number % d for d in range(2, number))
    assert _work.is_prime(number) is True


@pytest.mark.parametrize("number", [-7, 0, 1, 4, 9, 36, 323, 513, 100000, 9999999])
def test_is_prime_knows_the_others(number):
    """Squares of primes, small numbers and negative ones are not primes."""
    assert _work.is_prime(number) is False


def test_is_prime_refuses_text():
    """A number in quotes is not a number; the message says what to give."""
    with pytest.raises(TypeError, match=r"cannot check '7'; give it an integer such as 7"):
        _work.is_prime("7")


def test_check_prime_says_it_in_a_sentence():
    """The sentence names the number."""
    assert "2 is a prime number." == _work.check_prime(2)
    assert "323 is not a prime number." == _work.check_prime(323)


def test_square():
    """square multiplies a number by itself."""
    assert 144 == _work.square(12)
    assert 6.25 == _work.square(2.5)


def test_fibonacci():
    """fibonacci counts from 0."""
    assert [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55] == [_work.fibonacci(n) for n in range(11)]


@pytest.mark.parametrize("n", [-1, 2.5, "10"])
def test_fibonacci_refuses_what_it_cannot_count(n):
    """There is no such number, and the message says which there are."""
    with pytest.raises(ValueError, match=r"counts from 0 and has no number .*; give it an integer such as 20"):
        _work.fibonacci(n)


def test_sleep_for_returns_its_seconds():
    """sleep_for sleeps as long as its item says."""
    before = time.monotonic()

    assert 0.02 == _work.sleep_for(0.02)
    assert time.monotonic() - before >= 0.02


def test_identity():
    """identity returns the very item."""
    item = ["a"]

    assert item is _work.identity(item)


def test_fail_on():
    """fail_on returns every item but one."""
    assert 12 == _work.fail_on(12)
    assert 13 == _work.fail_on(13, value=14)
    with pytest.raises(ValueError, match="failed on purpose on item 14"):
        _work.fail_on(14, value=14)


def test_greet_returns_what_it_prints(capsys):
    """greet names the process it runs in."""
    text = "Doing something fancy in MainProcess for Fancy Dan!"

    assert text == _work.greet("Fancy Dan")
    assert text + "\n" == capsys.readouterr().out
