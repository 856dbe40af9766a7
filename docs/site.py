"""MkDocs hook: what pages link to outside ``docs`` becomes part of the site, so that nothing points out of it.

In the repository such links work as they stand; here they are copied and the links bent.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PLACE = "repository"
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(?=[)#])")


def _outside(page: str, link: str) -> str:
    """Path below the repository's root of what a page links to, or nothing when it lies in ``docs``."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return "" if target.startswith(("docs/", "../")) else target


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take in the files that pages link to; a folder is stood for by its README."""
    for page in [file for file in files if file.src_uri.endswith(".md")]:
        for link in LINK.findall(page.content_string):
            target = _outside(page.src_uri, link)
            if target and (ROOT / target).is_file() and f"{PLACE}/{target}" not in files.src_uris:
                files.append(File.generated(config, f"{PLACE}/{target}", abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Bend those links to the copies."""

    def bend(link: re.Match[str]) -> str:
        here = posixpath.dirname(page.file.src_uri)
        if page.file.src_uri.startswith(f"{PLACE}/"):
            # A copy: among copies links hold, and to the pages of the site the way is another one.
            target = posixpath.normpath(posixpath.join(here.removeprefix(PLACE).lstrip("/"), link[1]))
            return os.path.relpath(target.removeprefix("docs/"), here) if target.startswith("docs/") else link[1]
        target = _outside(page.file.src_uri, link[1])
        return os.path.relpath(f"{PLACE}/{target}", here or ".") if target else link[1]

    return LINK.sub(bend, markdown)
