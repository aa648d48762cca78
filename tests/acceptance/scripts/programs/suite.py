"""A test suite around a Pool, for `-m pytest`: passes, a failure with what it printed, a skip."""

import multiprocessing
import os

import pytest


def square(number):
    if number == 13:
        raise ValueError("unlucky")
    return number * number


@pytest.fixture(scope="module")
def pool():
    with multiprocessing.get_context(os.environ["METHOD"]).Pool(2) as pool:
        yield pool


@pytest.mark.parametrize("number", range(5))
def test_square(pool, number):
    assert pool.apply(square, (number,)) == number**2


def test_map(pool):
    assert pool.map(square, range(4)) == [0, 1, 4, 9]


def test_error(pool):
    with pytest.raises(ValueError, match="unlucky"):
        pool.map(square, [12, 13])


def test_wrong(pool, capsys):
    print("about to fail")
    assert pool.apply(square, (3,)) == 10


@pytest.mark.skip(reason="not today")
def test_skipped():
    raise AssertionError


def test_process(tmp_path):
    process = multiprocessing.get_context(os.environ["METHOD"]).Process(target=(tmp_path / "made").mkdir)
    process.start()
    process.join()
    assert (0, True) == (process.exitcode, (tmp_path / "made").is_dir())
