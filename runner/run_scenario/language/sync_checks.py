"""Synchronization objects: which key belongs to which type."""

from __future__ import annotations

from run_scenario.language.draft import Draft, ResourceDraft
from run_scenario.language.problems import Problems, either, quote

_LOCKS = ("Lock", "RLock")
_OWNERS = {
    "value": ("Semaphore", "BoundedSemaphore"),
    "parties": ("Barrier",),
    "timeout": ("Barrier",),
    "lock": ("Condition",),
}
"""Key -> types that have it."""


def check_sync(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with each object of the section `sync`."""
    above: dict[str, ResourceDraft] = {}
    for sync in draft.sections["sync"].values():
        fields = sync.fields
        if sync.type and not fields.is_refused("type"):
            for key, owners in _OWNERS.items():
                if fields.entry(key) is not None and sync.type not in owners:
                    what = f"`{key}`: {_a(sync.type)} has none"
                    problems.error(fields.key_span(key), what, f"leave it out; it belongs to {_a(owners[0])}")
            if sync.type == "Barrier" and fields.entry("parties") is None and not fields.is_refused("parties"):
                what = f"barrier {quote(sync.name)} needs `parties`: how many have to come before it opens"
                problems.error(sync.span, what, "write `parties: 2`, for example")
            if sync.type == "Condition" and fields.text("lock"):
                _check_lock(sync, above, problems)
        above[sync.name] = sync


def _check_lock(condition: ResourceDraft, above: dict[str, ResourceDraft], problems: Problems) -> None:
    name, span = condition.fields.text("lock"), condition.fields.value_span("lock")
    lock = above.get(name)
    locks = [other.name for other in above.values() if other.type in _LOCKS]
    there_are = (
        f"there is {either(locks, 'and')}" if locks else f"describe it above {quote(condition.name)}, or drop it"
    )
    if lock is None:
        what = f"there is no lock {quote(name)} above condition {quote(condition.name)}"
        problems.error(span, what, problems.did_you_mean(name, locks, there_are))
    elif lock.type and lock.type not in _LOCKS:  # where its type is wrong or missing, that has been told
        what = f"{quote(name)} is {_a(lock.type)}; a condition uses a Lock or an RLock"
        problems.error(span, what, there_are)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIOR' and kind[:2] != 'Re' else 'a'} {kind}"
