"""Texts that mean something where they go, unless they are escaped for it."""

HOSTILE = {
    "a script": "</td></svg></style><script>alert('&\"')</script>",
    "an image": "![p](https://evil.example/p.png)<img src=x onerror=alert(1)>",
    "a link": "[click](https://evil.example) www.evil.example",
    "marks": "**loud** _soft_ ~~gone~~ `code` a|b \\| &lt; # no title",
    "a heading": "# A title",
    "a colour": "\x1b[31mred\x1b[0m",
    "a C1 control": "\x9b2J\x9b31mred",
    "another direction": "Data \u202etsitneicS",
    "no width": "Data\u200bScientist\ufeff",
    "a line separator": "Data\u2028# Scientist\u2029",
    "a carriage return": "fine\rall is well",
    "a formula": '=HYPERLINK("https://evil.example")',
    "a call": "fixes #1, says @everyone",
}
INVISIBLE = [name for name, text in HOSTILE.items() if not text.isprintable()]
