"""What mkdocs does besides: pages from the top of the repository, and scenarios, become part of the site.

A link is written as it is right in the repository, where files lie beside `docs/`; on the site, they lie inside.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the files from outside `docs/`."""
    scenarios = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("scenarios/*/*.yaml"))
    for path in (*PAGES, *scenarios):
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links lead to where the files are on the site."""
    here = page.file.src_uri
    if here not in PAGES:
        here = f"docs/{here}"
    return re.sub(r"(\]\()([^)#:\s]+)", lambda link: link[1] + _on_site(here, link[2]), markdown)


def _on_site(page: str, link: str) -> str:
    """Return a relative link from a page, both as they lie in the repository, as it is on the site."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return posixpath.relpath(target.removeprefix("docs/"), posixpath.dirname(page.removeprefix("docs/")) or ".")
