"""A page read back: its tags, what it would ask the network for, and the colours of its style."""

import re
from html.parser import HTMLParser

from pipeline.reporting.elements import STYLE

VOID = {"meta"}
LOADING_TAGS = {"script", "link", "img", "iframe", "object", "embed", "base", "use", "image"}
LOADING_ATTRIBUTES = {"src", "href", "srcset", "data", "action", "style", "xlink:href"}


class Structure(HTMLParser):
    """The tags of a page with their attributes; every tag must be closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def asked_of_the_network(text: str) -> list[str]:
    """The page's tags, attributes and words that load something, or run something; none if it is whole by itself."""
    found = Structure(text)
    names = [name for name, _ in found.attributes]
    handlers = [name for name in names if name.startswith("on")]
    loading = [*LOADING_TAGS.intersection(found.tags), *LOADING_ATTRIBUTES.intersection(names)]
    return [*loading, *handlers, *re.findall(r"https?:|//[a-z]|url\(|@import", text)]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", block))


def schemes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    return {"light": colours(light), "dark": colours(dark)}
