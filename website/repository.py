"""MkDocs' hook: files of the repository that pages link to are in the site, so that a link works on GitHub and there.

The README is the first page. Markdown is a page of its own, pictures and pages of HTML are as they are, and any other
file is a page that shows it. They lie in the site's folder `repository/`.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the project's environment, where the tests run, has no MkDocs
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
START, DOCS = ROOT / "README.md", ROOT / "docs"
# the address in [text](address#anchor), unless it is of another host or of the page itself; nothing in a block of code
LINK = re.compile(r"^```.*?^```$|(?<=\]\()(?!https?://|#)(?P<path>[^)\s#]+)", re.MULTILINE | re.DOTALL)
AS_THEY_ARE = {".md", ".svg", ".html"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is in no folder of MkDocs."""
    from mkdocs.structure.files import File

    for name, path in sources().items():
        if files.get_file_from_path(name) is None:
            files.append(File.generated(config, name, content=content(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with links as they are from where it stands in the site; MkDocs checks what they lead to."""
    return with_links_of_site(markdown, page.file.src_uri)


@cache
def sources() -> dict[str, Path]:
    """The files of the site by their names in it: the first page, those of docs/, and all that one leads to another."""
    found: dict[str, Path] = {}
    waiting = [START, *DOCS.glob("*.md")]
    while waiting:
        path = waiting.pop()
        if (name := name_in_site(path)) not in found:
            found[name] = path
            if path.suffix == ".md":
                links = (link["path"] for link in LINK.finditer(path.read_text(encoding="utf-8")))
                targets = ((path.parent / link).resolve() for link in links if link)
                waiting += [target for target in targets if target.is_file()]
    return found


def with_links_of_site(markdown: str, name: str) -> str:
    """The page's text, where a link to a file of the site leads there. Others stay, and MkDocs refuses them."""
    source = sources()[name]

    def moved(link: re.Match[str]) -> str:
        target = (source.parent / link["path"]).resolve() if link["path"] else None
        if target is None or name_in_site(target) not in sources():
            return link[0]
        return posixpath.relpath(name_in_site(target), posixpath.dirname(name) or ".")

    return LINK.sub(moved, markdown) if source.suffix == ".md" else markdown


def name_in_site(path: Path) -> str:
    """Where a file of the repository is in the site, from the folder of its pages."""
    if DOCS in path.parents:
        return path.relative_to(DOCS).as_posix()
    if path == START or ROOT not in path.parents:
        return path.name
    name = f"repository/{path.relative_to(ROOT).as_posix()}".replace("/.", "/")  # MkDocs leaves out .github
    return name if path.suffix in AS_THEY_ARE else f"{name}.md"


def content(path: Path) -> bytes:
    """The file's own, or Markdown that shows it."""
    if path.suffix in AS_THEY_ARE:
        return path.read_bytes()
    text = path.read_text(encoding="utf-8")
    return f"# {path.relative_to(ROOT).as_posix()}\n\n````{path.suffix.lstrip('.')}\n{text}````\n".encode()
