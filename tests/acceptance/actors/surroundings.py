"""Told what a process has of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import Process


def tell() -> None:
    """Print the environment's variables of these tests, the current folder, the arguments and the input."""
    own = sorted((name, value) for name, value in os.environ.items() if name.startswith("OWN_"))
    print(own, os.path.basename(os.getcwd()), sys.argv, sys.stdin.read().splitlines())


def tell_below() -> None:
    """Print what a program that this process starts finds on its input."""
    code = "import sys, os; print(sys.stdin.readline().strip(), os.environ['OWN_ONE'])"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip())


class Own(Process):
    """A process that is its own target."""
