"""How many examples a property is tried on: a quarter of all in the suite; all of them with THOROUGH=1 pytest."""

from __future__ import annotations

import os

from hypothesis import settings

_THOROUGH = bool(os.environ.get("THOROUGH"))


def examples(thorough: int) -> settings:
    """Return settings for a property that is tried on so many examples where there is time."""
    return settings(max_examples=thorough if _THOROUGH else max(20, thorough // 4), deadline=None)
