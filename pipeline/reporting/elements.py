"""What pages are made of: the style that they share, and HTML elements. No script, no network."""

from collections.abc import Sequence

from pipeline.runtime.escape import html

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5c6675; --grid: #e3e7ec; --card: #f6f8fa;
  --c0: #2563b8; --c1: #d9730d; --c2: #1b8a5a; --mark: #b3261e }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --ink: #e6eaf0; --soft: #9aa5b4; --grid: #2c3440;
  --card: #1b212a; --c0: #6ea8fe; --c1: #ffa94d; --c2: #63d297; --mark: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem } h2 { margin: 2.5rem 0 .5rem } p { max-width: 46rem }
.lead { font-size: 1.15rem } .note, figcaption { color: var(--soft); font-size: .9rem }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)) }
figure { margin: 0; padding: .9rem; background: var(--card); border-radius: .6rem }
figcaption b { display: block; color: var(--ink); font-size: 1rem }
svg { display: block; width: 100%; margin-top: .5rem; font: 11px system-ui, sans-serif; fill: var(--ink) }
svg .grid { stroke: var(--grid) } svg .tick, svg .label { fill: var(--soft); text-anchor: middle }
svg .tick.left, svg .name { text-anchor: end } svg .name { font-size: 10px }
svg .mark { stroke: var(--mark); stroke-dasharray: 4 3; fill: none }
svg .line { fill: none; stroke-width: 2 } svg .dots { stroke: var(--c0); stroke-opacity: .45; stroke-width: 4;
  stroke-linecap: round } rect.c0, circle.c0, text.c0 { fill: var(--c0) }
rect.c1, circle.c1, text.c1 { fill: var(--c1) } circle.c2 { fill: var(--c2) } circle.warning { fill: var(--mark) }
.line.c0 { stroke: var(--c0) } .line.c1 { stroke: var(--c1) } .line.c2 { stroke: var(--c2) }
summary { cursor: pointer; margin: .5rem 0 } .scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0 }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--grid); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
th { white-space: normal; overflow-wrap: normal; vertical-align: bottom }
"""
META = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'


def document(title: str, parts: Sequence[str]) -> str:
    """The whole page: light and dark, on a phone and on a screen."""
    head = f"<head>{META}<title>{html(title)}</title><style>{STYLE}</style></head>"
    return "\n".join(["<!doctype html>", f'<html lang="en">{head}<body>', *parts, "</body></html>\n"])


def figure(title: str, note: str, chart: str) -> str:
    """A chart on a card, with what it shows above it."""
    return f"<figure><figcaption><b>{html(title)}</b>{html(note)}</figcaption>{chart}</figure>"


def grid(figures: Sequence[str]) -> str:
    """Figures side by side, as many as the page is wide."""
    return f'<div class="grid">{"".join(figures)}</div>'


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of this class."""
    return f'<p class="{kind}">{html(text)}</p>'


def bullets(texts: Sequence[str]) -> str:
    """A list."""
    return f"<ul>{''.join(f'<li>{html(text)}</li>' for text in texts)}</ul>"


def details(title: str, content: str) -> str:
    """Elements that are folded away behind a title."""
    return f"<details><summary>{html(title)}</summary>{content}</details>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows, the header first, in a box that scrolls sideways by itself."""
    header, *body = ["".join(f"<td>{html(cell)}</td>" for cell in row) for row in rows]
    lines = [f"<tr>{header.replace('td>', 'th>')}</tr>", *(f"<tr>{row}</tr>" for row in body)]
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'
