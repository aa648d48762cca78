"""The target that writes in every way there is. It has a module to itself, since logging is slow to import."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from run_scenario.targets._decorators import target


@target
def write_output(text: str = "Hello") -> None:
    """Write a line in each of the ways a program can: print, file descriptors, logging, warnings.

    Args:
        text: The beginning of each line.

    Example:
        - target: write_output
          kwargs: {text: Good morning}
    """
    print(f"{text} from print", flush=True)
    print(f"{text} from print to standard error", file=sys.stderr, flush=True)
    os.write(1, f"{text} from file descriptor 1\n".encode())
    os.write(2, f"{text} from file descriptor 2\n".encode())
    logging.getLogger("write_output").warning("%s from logging", text)
    warnings.warn(f"{text} from warnings", stacklevel=1)
