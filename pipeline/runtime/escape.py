"""Text from outside, escaped for where it goes: a terminal, git, JSON, Markdown, HTML and SVG, a spreadsheet."""

import html as standard
import json
import re

INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f"  # Cc: a line feed; U+009B begins a command to a terminal
    r"\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    r"\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0001\U000e0020-\U000e007f"  # Cf: of no width, or they turn the direction of what follows
    r"\u2028\u2029\ud800-\udfff"  # Zl, Zp, Cs: the ends of lines and paragraphs; halves of a character
)
"""The characters of Unicode's categories Cc, Cf, Zl, Zp and Cs, as they stand in the brackets of a pattern."""

MARKS = re.compile(r"([\\`*\[\]<>&|~@]|(?<!\w)_|_(?!\w)|(?<=http):|(?<=https):|(?<=www)\.)", re.IGNORECASE)
BLOCK_MARKS = re.compile(r"^([#+=-]|[0-9]+(?=[.)]))")  # "# title", "- item", "1. item"
BEGINS_FORMULA = r"^[=+@\t\r\n\x{ff1d}\x{ff0b}\x{ff20}\x{ff0d}-]"  # the last but one are = + @ - of full width
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"  # -5, +1.5e3
"""Patterns, for Arrow, of the cells that a spreadsheet takes for formulas, and of those among them that are none.

Source: OWASP, "CSV Injection".
"""


def visible(text: str, *, keep: str = "") -> str:
    r"""The text on one line, where each character that cannot be seen is written as Python writes it.

    >>> visible("Data\u202eScientist\n")
    'Data\\u202eScientist\\n'
    """
    return re.sub(f"[{INVISIBLE}]", lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


def terminal(text: str) -> str:
    r"""The text for a terminal: its lines and tabs stay, and no character of it commands anything.

    >>> terminal("a red\x1b[31m word\nand a line")
    'a red\\x1b[31m word\nand a line'
    """
    return visible(text, keep="\n\t")


def commit_message(text: str) -> str:
    """The text as a part of a commit's message, in which no server finds an issue to close or a person to call.

    >>> commit_message("fixes #1, thanks to @all")
    'fixes # 1, thanks to @ all'
    """
    return re.sub(r"([#@]|://|GH-)(?=\w)", r"\1 ", terminal(text))


def json_text(facts: object) -> str:
    """The facts as JSON for people, in which each character that cannot be seen is written by its number."""
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    return re.sub(f"(?!\n)[{INVISIBLE}]", lambda found: json.dumps(found[0])[1:-1], text) + "\n"


def markdown(text: str) -> str:
    r"""The text as a part of a line of Markdown, with a backslash before each of its marks; it links to nothing.

    >>> markdown("R|D <b> of https://a.example")
    'R\\|D \\<b\\> of https\\://a.example'
    """
    return MARKS.sub(r"\\\1", visible(text))


def markdown_lines(text: str) -> str:
    r"""The text as paragraphs of Markdown: what stands at the beginning of a line is no heading and no list, either.

    >>> markdown_lines("# 1 of 2\n  - <b>")
    '\\# 1 of 2\n\\- \\<b\\>'
    """
    return "\n".join(_without_block_mark(markdown(line.strip())) for line in text.split("\n"))


def _without_block_mark(line: str) -> str:
    return BLOCK_MARKS.sub(lambda found: found[0] + "\\" if found[0].isdigit() else "\\" + found[0], line)


def html(text: str) -> str:
    """The text of an element or an attribute of HTML or SVG.

    >>> html('R&D "<b>"')
    'R&amp;D &quot;&lt;b&gt;&quot;'
    """
    return standard.escape(visible(text))
