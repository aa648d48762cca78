"""How code outside the built-ins is named: `package.module:function`. Only the spelling is looked at here."""

from __future__ import annotations

from keyword import iskeyword

SPELLING = "package.module:function"


def is_name(text: str) -> bool:
    """Return whether `text` can be the name of a parameter, module or function."""
    return text.isidentifier() and not iskeyword(text)


def misspelling(text: str) -> str | None:
    """Return a hint that says why `text` is no `package.module:function`, or None if it is one."""
    module, _, attribute = text.partition(":")
    parts = module.split(".")
    if "/" in module or "\\" in module or parts[-1] == "py":
        stem = module.replace("\\", "/").removesuffix(".py").strip("./").replace("/", ".")
        return f"write the module, not the file: '{stem}:{attribute}'" if len(text) < 60 else f"write `{SPELLING}`"
    if parts[0] == "__main__":
        return "put the function into a module of its own: a process cannot import __main__"
    if all(is_name(part) for part in (*parts, *attribute.split("."))):
        return None
    return f"write `{SPELLING}`, as in `mypkg.workers:crawl`"
