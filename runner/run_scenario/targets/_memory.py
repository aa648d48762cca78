"""A target about what threads share and processes do not: a global variable."""

from __future__ import annotations

import time
from multiprocessing import current_process
from threading import current_thread

from run_scenario.targets._register import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import Seconds

known_words: list[str] = []


@target
def remember(word: str, after: Seconds = 0.0) -> None:
    """Append a word to a list that is a global variable, and print the list.

    Threads of one process all append to the same list, and print what the others have appended. A process has a list
    of its own: it prints its own word, and what its parent had appended before it was forked.

    Args:
        word: What is appended.
        after: Seconds of sleep before it.

    Example:
        - target: remember
          worker: thread
          kwargs: {word: tea}
    """
    time.sleep(after)
    known_words.append(word)
    print(f"{current_thread().name} of {current_process().name}: {', '.join(known_words)}")
