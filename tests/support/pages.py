"""The README and the pages of docs/, taken apart: code blocks, headings, links, sentences."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.work_tree import ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", flags=re.MULTILINE)
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)|!?\[([^\]]*)\]\[\w+\]")  # [text](address) or [text][name]
NOT_PROSE = re.compile(r"^(\|.*|#+ .*|!\[.*|\[\w+\]: .*)$", flags=re.MULTILINE)  # tables, headings, pictures, addresses
ITEM = re.compile(r"^ *([-*]|\d+\.) ", flags=re.MULTILINE)  # where an item of a list starts
SENTENCE_END = re.compile(r"(?<=[.!?])[*)]*\s+")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    def blocks(self, language: str) -> list[str]:
        """The code blocks of the language."""
        return [code for name, code in FENCED.findall(self.text) if name == language]

    def anchors(self) -> set[str]:
        """What a link to a heading may have behind #, as GitHub makes it: "PyTorch's builds" is pytorchs-builds."""
        headings = HEADING.findall(FENCED.sub("", self.text))
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def links(self) -> list[str]:
        """The addresses of all links and pictures."""
        return [address for _, address, _ in LINK.findall(FENCED.sub("", self.text)) if address]

    def sentences(self) -> list[str]:
        """The prose, without code blocks, tables and headings; a code span is one word, a link its text."""
        text = NOT_PROSE.sub("\n", FENCED.sub("\n", self.text))
        text = LINK.sub(lambda link: link[1] or link[3], re.sub(r"`[^`]+`", "code", text))
        paragraphs = re.split(r"\n\s*\n", ITEM.sub("\n\n", text))
        return [sentence for words in paragraphs for sentence in SENTENCE_END.split(words.strip()) if sentence]


def words(sentence: str) -> int:
    """How many there are; a dash is none."""
    return len(re.findall(r"\S*\w\S*", sentence))


FILES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES = {str(page): page for page in (Page(file, file.read_text(encoding="utf-8")) for file in FILES)}
README = PAGES["README.md"]
